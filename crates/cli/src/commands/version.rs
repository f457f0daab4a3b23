//! `kluctl version`.

use std::io::Write;
use std::process::ExitCode;

/// Print the version
#[derive(Debug, clap::Args)]
pub(crate) struct VersionArgs {}

/// Writes the version and a newline to standard output.
pub(crate) fn run(_args: &VersionArgs) -> ExitCode {
    match writeln!(std::io::stdout(), "{}", env!("CARGO_PKG_VERSION")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
