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

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Version(args) => commands::version::run(&args),
    }
}
