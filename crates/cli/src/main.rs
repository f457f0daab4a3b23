//! The `kluctl` binary: arguments, printing, exit codes. It holds no engine logic.

mod assumed;
mod changes;
mod commands;
mod completing;
mod lazy_sources;
mod lean;
mod mask_key;
mod opened;
mod opening;
mod options;
#[cfg(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod profile;
mod results;
mod running;
mod stored;
mod terminal;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use options::global::GlobalFlags;
use options::{preset, usage};

#[cfg(all(target_env = "musl", target_arch = "x86_64"))]
use kluctl_memory as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Deploy and manage complex deployments on Kubernetes
#[derive(Debug, Parser)]
#[command(name = "kluctl", disable_version_flag = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: GlobalFlags,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Work with kustomizations
    Kustomize(Box<commands::kustomize::KustomizeArgs>),
    /// Work with Helm charts
    Helm(commands::helm::HelmArgs),
    /// Render one template and print its text
    Template(commands::template::TemplateArgs),
    ListImages(commands::list_images::ListImagesArgs),
    ListTargets(commands::list_targets::ListTargetsArgs),
    Render(commands::render::RenderArgs),
    Schema(commands::schema::SchemaArgs),
    /// Work with the sandbox, a Kubernetes API in this binary
    Sandbox(commands::sandbox::SandboxArgs),
    Cache(commands::cache::CacheArgs),
    Completion(commands::completion::CompletionArgs),
    Delete(commands::delete::DeleteArgs),
    Deploy(commands::deploy::DeployArgs),
    Diff(commands::diff::DiffArgs),
    Drift(commands::drift::DriftArgs),
    HelmPull(commands::helm_pull::HelmPullArgs),
    HelmUpdate(commands::helm_update::HelmUpdateArgs),
    Lint(Box<commands::lint::LintArgs>),
    Man(commands::man::ManArgs),
    Oci(commands::oci::OciArgs),
    PokeImages(commands::poke_images::PokeImagesArgs),
    Preview(Box<commands::preview::PreviewArgs>),
    Prune(commands::prune::PruneArgs),
    Results(commands::results::ResultsArgs),
    Rollback(Box<commands::rollback::RollbackArgs>),
    Validate(commands::validate::ValidateArgs),
    /// Print the version
    Version(commands::version::VersionArgs),
}

/// Stack of the thread that runs everything: the engines recurse as deep as their input asks, up to their own limits.
const STACK_BYTES: usize = 256 << 20;

fn main() -> ExitCode {
    let (finished, code) = std::sync::mpsc::channel();
    let worker = std::thread::Builder::new()
        .name("kluctl".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let _ = finished.send(run());
            // A thread that ends gives its memory back page by page; the end of the process does it at once.
            loop {
                std::thread::park();
            }
        });
    worker
        .ok()
        .and_then(|_| code.recv().ok())
        .unwrap_or(ExitCode::FAILURE)
}

fn run() -> ExitCode {
    completing::answer(|| preset::prepare(Cli::command()));
    let typed: Vec<_> = std::env::args_os().collect();
    let presets = match preset::Presets::gather() {
        Ok(presets) => presets,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "{error}"));
            return ExitCode::FAILURE;
        }
    };
    let parse = |command: &clap::Command| {
        preset::parse(command, typed.clone(), &presets).and_then(|matches| Cli::from_arg_matches(&matches))
    };
    let lean = lean::command(&typed).and_then(|command| parse(&preset::prepare(command)).ok());
    let cli = match lean {
        Some(cli) => cli,
        None => {
            let command = preset::prepare(Cli::command());
            match parse(&command) {
                Ok(cli) => cli,
                Err(error) => return usage::report(&error, &command),
            }
        }
    };
    profiled(cli)
}

/// Runs the command, with a profile around it where one is asked for.
fn profiled(cli: Cli) -> ExitCode {
    let Some(path) = cli.global.cpu_profile.clone() else {
        return execute(cli);
    };
    #[cfg(all(
        any(target_os = "linux", target_os = "macos"),
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    {
        let profile = match profile::Profile::start(&path) {
            Ok(profile) => profile,
            Err(error) => return fail(&error),
        };
        let code = execute(cli);
        match profile.finish() {
            Ok(()) => code,
            Err(error) => fail(&error),
        }
    }
    #[cfg(not(all(
        any(target_os = "linux", target_os = "macos"),
        any(target_arch = "x86_64", target_arch = "aarch64")
    )))]
    fail(&format!(
        "{path}: CPU profiles can be taken on Linux and macOS only"
    ))
}

fn execute(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Kustomize(args) => commands::kustomize::run(&args),
        Command::Helm(args) => commands::helm::run(&args, cli.global.debug, &commands::helm_charts::Network),
        Command::Template(args) => commands::template::run(&args, &cli.global),
        Command::ListImages(args) => commands::list_images::run(&args, &cli.global),
        Command::ListTargets(args) => commands::list_targets::run(&args, &cli.global),
        Command::Render(args) => commands::render::run(&args, &cli.global),
        Command::Schema(args) => commands::schema::run(&args, &cli.global),
        Command::Sandbox(args) => commands::sandbox::run(args),
        Command::Cache(args) => commands::cache::run(&args),
        Command::Completion(args) => commands::completion::run(&args),
        Command::Delete(args) => commands::delete::run(&args, &cli.global),
        Command::Deploy(args) => commands::deploy::run(&args, &cli.global),
        Command::Diff(args) => commands::diff::run(&args, &cli.global),
        Command::Drift(args) => commands::drift::run(&args, &cli.global),
        Command::HelmPull(args) => commands::helm_pull::run(&args),
        Command::HelmUpdate(args) => commands::helm_update::run(&args),
        Command::Lint(args) => commands::lint::run(&args, &cli.global),
        Command::Man(args) => commands::man::run(&args, Cli::command()),
        Command::Oci(args) => commands::oci::run(&args, &cli.global),
        Command::PokeImages(args) => commands::poke_images::run(&args, &cli.global),
        Command::Preview(args) => commands::preview::run(&args, &cli.global),
        Command::Prune(args) => commands::prune::run(&args, &cli.global),
        Command::Results(args) => commands::results::run(&args, &cli.global),
        Command::Rollback(args) => commands::rollback::run(&args, &cli.global),
        Command::Validate(args) => commands::validate::run(&args, &cli.global),
        Command::Version(args) => commands::version::run(&args),
    }
}

/// Says why a command could not even start.
fn fail(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}
