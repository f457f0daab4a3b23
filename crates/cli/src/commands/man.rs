//! `kluctl man`.

use std::io::Write;
use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::{Args, Command};

/// Write manual pages
///
/// Without a folder, the page of the given command is written to standard output: 'kluctl man deploy | man -l -' shows it.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command whose page is written; kluctl itself when none is given
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,

    /// Write the pages of all commands into a folder, one file each
    #[arg(long, value_name = "dir", conflicts_with = "command")]
    output_dir: Option<Utf8PathBuf>,
}

/// Writes one page, or all.
pub(crate) fn run(args: &ManArgs, root: Command) -> ExitCode {
    let done = match &args.output_dir {
        Some(folder) => std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(root, folder))
            .map_err(|error| format!("{folder}: {error}")),
        None => page(args, root),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => crate::fail(&error),
    }
}

fn page(args: &ManArgs, mut root: Command) -> Result<(), String> {
    root.build();
    let mut command = &root;
    for word in &args.command {
        command = command
            .find_subcommand(word)
            .ok_or_else(|| format!("unknown command \"{}\" for \"kluctl\"", args.command.join(" ")))?;
    }
    let name = command.get_display_name().unwrap_or("kluctl").to_owned();
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone().name(name))
        .render(&mut text)
        .map_err(|error| error.to_string())?;
    std::io::stdout()
        .write_all(&text)
        .map_err(|error| error.to_string())
}
