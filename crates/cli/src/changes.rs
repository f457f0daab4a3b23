//! What commands share that change objects: how changes are shown, asked about and counted.

use std::process::ExitCode;

use clap::Args;
use kluctl_api::{CommandResult, ResultObject};
use kluctl_commands::{Finished, Session};
use kluctl_object::ObjectRef;

use crate::options::output::{MISC, OutputFormatFlags};
use crate::options::run::CommandResultFlags;
use crate::results::{DiffStyle, Show, write_command};
use crate::running::{CHANGES, Running};
use crate::stored::write_result;

/// How a result with changes is shown.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MISC)]
pub(crate) struct ShowFlags {
    #[command(flatten)]
    pub(crate) output: OutputFormatFlags,

    /// How the 'text' output format shows changes
    #[arg(long, value_name = "style", value_enum, default_value_t = DiffStyle::Table)]
    pub(crate) diff_style: DiffStyle,

    /// Exit with 2 when there are changes and no errors
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

impl ShowFlags {
    /// What the flags mean; colours are for a diff that a person reads on a terminal.
    pub(crate) fn show(&self, color: bool) -> Show {
        use std::io::IsTerminal;
        Show {
            formats: self.output.output_format.clone(),
            short: self.output.short_output,
            style: self.diff_style,
            color: color && std::io::stdout().is_terminal(),
        }
    }
}

/// Ends a command: stores its result where it has a place for results, shows it, and gives the exit code.
pub(crate) fn conclude(
    running: &Running,
    session: &Session,
    show: &ShowFlags,
    results: Option<&CommandResultFlags>,
    mut finished: Finished,
) -> Result<ExitCode, String> {
    if let Some(flags) = results {
        write_result(running, flags, session.cluster.as_ref(), &mut finished.result);
    }
    let result = finished.clear.as_ref().unwrap_or(&finished.result);
    write_command(
        &running.terminal,
        &show.show(running.color),
        result,
        &finished.versions,
    )?;
    exit_code(&finished.result, show.detailed_exitcode)
}

/// Shows what would change and asks; a preview that could not be shown is no.
pub(crate) fn confirm_changes(
    running: &Running,
    show: &ShowFlags,
    preview: &Finished,
    shown: &mut Result<(), String>,
) -> bool {
    // the preview is always text, wherever the result goes
    let mut show = show.show(running.color);
    show.formats.clear();
    let result = preview.clear.as_ref().unwrap_or(&preview.result);
    *shown = write_command(&running.terminal, &show, result, &preview.versions);
    let question = if preview.result.errors.is_empty() {
        "The diff succeeded, do you want to proceed?"
    } else {
        "The diff resulted in errors, do you still want to proceed?"
    };
    shown.is_ok() && running.terminal.confirm(question)
}

/// Whether anything is new, changed, deleted or left over.
pub(crate) fn has_changes(result: &CommandResult) -> bool {
    let changed =
        |object: &ResultObject| object.new || object.deleted || object.orphan || !object.changes.is_empty();
    result.objects.iter().any(changed)
}

/// Success, failure, or "there are changes".
fn exit_code(result: &CommandResult, detailed: bool) -> Result<ExitCode, String> {
    if !result.errors.is_empty() {
        return Err("command failed".to_owned());
    }
    if detailed && has_changes(result) {
        return Ok(ExitCode::from(CHANGES));
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what will be deleted and, where wanted, asks.
pub(crate) fn confirm_deletion(running: &Running, doomed: &[ObjectRef], ask: bool) -> bool {
    if doomed.is_empty() {
        return true;
    }
    let lines: String = doomed
        .iter()
        .map(|reference| format!("  {reference}\n"))
        .collect();
    running
        .terminal
        .text(&format!("The following objects will be deleted:\n{lines}"));
    !ask || running
        .terminal
        .confirm(&format!("Do you really want to delete {} objects?", doomed.len()))
}
