//! `kluctl completion`.

use std::io::Write;
use std::process::ExitCode;

use clap::ValueEnum;
use clap_complete::env::{Bash, EnvCompleter, Fish, Powershell, Zsh};

use crate::completing::VARIABLE;

/// Generate the autocompletion script for the specified shell
///
/// The script asks kluctl itself, so that targets, contexts, tags, deployment folders, arguments and images of the project are
/// completed, too. For bash: 'source <(kluctl completion bash)'. For zsh: 'source <(kluctl completion zsh)'. For fish:
/// 'kluctl completion fish | source'. For PowerShell: 'kluctl completion powershell | Out-String | Invoke-Expression'.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
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
pub(crate) fn run(args: &CompletionArgs) -> ExitCode {
    let shell: &dyn EnvCompleter = match args.shell {
        Supported::Bash => &Bash,
        Supported::Fish => &Fish,
        Supported::Powershell => &Powershell,
        Supported::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    let written = shell.write_registration(VARIABLE, "kluctl", "kluctl", "kluctl", &mut script);
    match written.and_then(|()| std::io::stdout().write_all(&script)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
