//! The `kluctl` binary: arguments, printing, exit codes. It holds no engine logic.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Deploy and manage complex deployments on Kubernetes
#[derive(Debug, Parser)]
#[command(name = "kluctl", disable_version_flag = true, arg_required_else_help = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the version
    Version(commands::version::VersionArgs),
}

/// Stack of the thread that runs everything: the engines recurse as deep as their input asks, up to their own limits.
const STACK_BYTES: usize = 256 << 20;

fn main() -> ExitCode {
    let worker = std::thread::Builder::new()
        .name("kluctl".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(run);
    worker
        .ok()
        .and_then(|thread| thread.join().ok())
        .unwrap_or(ExitCode::FAILURE)
}

fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Version(args) => commands::version::run(&args),
    }
}
