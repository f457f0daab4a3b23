//! `kluctl sandbox`: an API server in this process, served, filled and emptied.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use kluctl_sandbox::{Options, Sandbox, Server, store_folder};

use super::sandbox_import::{ImportArgs, import};

/// Work with the sandbox, a Kubernetes API in this binary
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    command: SandboxCommand,
}

#[derive(Debug, Subcommand)]
enum SandboxCommand {
    /// Serve a sandbox on this machine, for kubectl and other tools
    Serve(ServeArgs),
    Import(ImportArgs),
    /// Empty the sandbox of a project and a context
    Reset(ResetArgs),
}

/// Serve a sandbox on this machine, for kubectl and other tools
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on; only loopback addresses are allowed, and port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where to write the kubeconfig that reaches the sandbox; standard output when it is not given
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// Folder to keep the objects in; they are lost at the end when it is not given
    #[arg(long)]
    data: Option<PathBuf>,
    /// Kubernetes version the sandbox says it has
    #[arg(long)]
    kubernetes_version: Option<String>,
    /// Do not run controllers: workloads stay as they were written
    #[arg(long)]
    no_controllers: bool,
}

/// Empty the sandbox of a project and a context
#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    store: StoreArgs,
}

/// Which store is meant
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// Folder the sandbox keeps its objects in; the project's own when it is not given
    #[arg(long)]
    data: Option<PathBuf>,
    /// Project the sandbox belongs to; the current folder when it is not given
    #[arg(long, value_name = "DIR")]
    project_dir: Option<PathBuf>,
    /// Context the sandbox stands for: `default` when it is not given, and for `reset` all of the project
    #[arg(long)]
    context: Option<String>,
}

impl StoreArgs {
    pub(super) fn folder(&self) -> Result<PathBuf, String> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let project = self.project_dir.clone().unwrap_or_else(|| PathBuf::from("."));
        let project = project.canonicalize().map_err(|error| {
            format!(
                "failed to find the project folder `{}`: {error}",
                project.display()
            )
        })?;
        Ok(store_folder(
            crate::lazy_sources::cache_dir().as_std_path(),
            &project,
            self.context.as_deref().unwrap_or("default"),
        ))
    }
}

/// Runs the command.
pub(crate) fn run(args: SandboxArgs) -> ExitCode {
    let done = match args.command {
        SandboxCommand::Serve(args) => serve(args),
        SandboxCommand::Import(args) => import(&args),
        SandboxCommand::Reset(args) => reset(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            drop(writeln!(std::io::stderr(), "error: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

fn serve(args: ServeArgs) -> Result<(), String> {
    let ServeArgs {
        listen,
        kubeconfig,
        data,
        kubernetes_version,
        no_controllers,
    } = args;
    let sandbox = Sandbox::open(Options {
        directory: data,
        kubernetes_version,
        controllers: !no_controllers,
    })
    .map_err(|error| chain(&error))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("failed to start: {error}"))?;
    runtime.block_on(async {
        let server = Server::bind(sandbox.clone(), listen)
            .await
            .map_err(|error| chain(&error))?;
        match &kubeconfig {
            Some(path) => server.write_kubeconfig(path).map_err(|error| chain(&error))?,
            None => write_out(server.kubeconfig())?,
        }
        let address = server.address();
        drop(writeln!(
            std::io::stderr(),
            "The sandbox listens on https://{address}"
        ));
        tokio::select! {
            () = server.run() => {}
            done = tokio::signal::ctrl_c() => {
                done.map_err(|error| format!("failed to wait for an interrupt: {error}"))?;
            }
        }
        sandbox.flush().map_err(|error| chain(&error))
    })
}

pub(super) fn write_out(text: &str) -> Result<(), String> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| format!("failed to write: {error}"))
}

fn reset(args: &ResetArgs) -> Result<(), String> {
    let folder = args.store.folder()?;
    let mut folders = vec![folder.clone()];
    if let (None, None, Some(project)) = (&args.store.data, &args.store.context, folder.parent()) {
        folders = match std::fs::read_dir(project) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(_) => Vec::new(),
        };
        folders.sort();
    }
    for folder in folders
        .iter()
        .filter(|folder| folder.join("objects.redb").is_file())
    {
        Sandbox::erase(folder).map_err(|error| chain(&error))?;
    }
    Ok(())
}
