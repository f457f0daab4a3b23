//! `kluctl completion`.

use std::io::Write;
use std::process::ExitCode;

use clap::{Command, ValueEnum};
use clap_complete::Shell;

/// Generate the autocompletion script for the specified shell
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionArgs {
    /// The shell to complete in
    shell: Supported,
}

/// The shells that upstream has scripts for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Supported {
    Bash,
    Fish,
    Powershell,
    Zsh,
}

/// Writes the script of a shell to standard output.
pub(crate) fn run(args: &CompletionArgs, mut command: Command) -> ExitCode {
    let shell = match args.shell {
        Supported::Bash => Shell::Bash,
        Supported::Fish => Shell::Fish,
        Supported::Powershell => Shell::PowerShell,
        Supported::Zsh => Shell::Zsh,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "kluctl", &mut script);
    match std::io::stdout().write_all(&script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
