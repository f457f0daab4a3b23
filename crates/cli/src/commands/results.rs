//! `kluctl results`: what commands have stored in the cluster.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use kluctl_api::{CommandResultSummary, StoreError, ValidateResultSummary};

use crate::opened::{Reached, reach};
use crate::options::global::GlobalFlags;
use crate::options::output::{MISC, OutputFormatFlags};
use crate::options::reach::{FormatFlags, ReachFlags, ResultNamespaceFlags};
use crate::results::{DiffStyle, Listed, Show, write_command, write_list, write_validation};
use crate::running::Running;
use crate::stored::{find_id, open_store};

/// Look at the results that commands have stored in the cluster
#[derive(Debug, Args)]
pub(crate) struct ResultsArgs {
    #[command(subcommand)]
    command: ResultsCommand,
}

#[derive(Debug, Subcommand)]
enum ResultsCommand {
    List(Box<ListArgs>),
    Show(Box<ShowArgs>),
}

/// List stored results, newest first
///
/// With a target, only its results are listed. The ids may be shortened wherever one is asked for.
#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    reach: ReachFlags,
    #[command(flatten)]
    namespace: ResultNamespaceFlags,
    #[command(flatten)]
    format: FormatFlags,
}

/// Show a stored result as its command has shown it
#[derive(Debug, Args)]
struct ShowArgs {
    /// Id of the result, or its beginning; 'last' is the newest one
    #[arg(value_name = "RESULT", default_value = "last")]
    result: String,

    #[command(flatten)]
    reach: ReachFlags,
    #[command(flatten)]
    namespace: ResultNamespaceFlags,
    #[command(flatten)]
    output: OutputFormatFlags,

    /// How the 'text' output format shows changes
    #[arg(long, value_name = "style", value_enum, default_value_t = DiffStyle::Table, help_heading = MISC)]
    diff_style: DiffStyle,
}

/// Lists or shows.
pub(crate) fn run(args: &ResultsArgs, global: &GlobalFlags) -> ExitCode {
    let timeout = match &args.command {
        ResultsCommand::List(args) => args.reach.project.timeout,
        ResultsCommand::Show(args) => args.reach.project.timeout,
    };
    Running::run(global, timeout, |running| match &args.command {
        ResultsCommand::List(args) => list(args, running),
        ResultsCommand::Show(args) => show(args, running),
    })
}

/// Both kinds of results, newest first.
fn summaries(running: &Running, reached: &Reached, namespace: &str) -> Result<Vec<Listed>, String> {
    let store = open_store(reached, namespace)?;
    let read = running.runtime.block_on(async {
        let commands = store.list_command_results().await?;
        let validations = store.list_validate_results().await?;
        Ok::<_, StoreError>((commands, validations))
    });
    let (commands, validations) = read.map_err(|error| error.to_string())?;
    let of_target = |name: &str, discriminator: &str| match &reached.target {
        None => true,
        Some((_, config)) if !config.discriminator.is_empty() => config.discriminator == discriminator,
        Some((_, config)) => config.name == name,
    };
    let command = |summary: &CommandResultSummary| {
        let key = &summary.target_key;
        of_target(&key.target_name, &key.discriminator)
    };
    let validation = |summary: &ValidateResultSummary| {
        let key = &summary.target_key;
        of_target(&key.target_name, &key.discriminator)
    };
    let commands = commands
        .into_iter()
        .filter(command)
        .map(|summary| Listed::Command(Box::new(summary)));
    let validations = validations
        .into_iter()
        .filter(validation)
        .map(|summary| Listed::Validation(Box::new(summary)));
    let mut all: Vec<Listed> = commands.chain(validations).collect();
    all.sort_by(|a, b| b.start().cmp(&a.start()));
    Ok(all)
}

fn list(args: &ListArgs, running: &Running) -> Result<ExitCode, String> {
    let reached = reach(running, &args.reach.to_open_flags(), false)?;
    let all = summaries(running, &reached, &args.namespace.command_result_namespace)?;
    write_list(&running.terminal, &args.format.output_format, &all)?;
    if all.is_empty() {
        running.terminal.info(&format!(
            "No results are stored in namespace {}",
            args.namespace.command_result_namespace
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(args: &ShowArgs, running: &Running) -> Result<ExitCode, String> {
    let namespace = &*args.namespace.command_result_namespace;
    let reached = reach(running, &args.reach.to_open_flags(), false)?;
    let all = summaries(running, &reached, namespace)?;
    let ids: Vec<&str> = all.iter().map(Listed::id).collect();
    let id = find_id(&ids, &args.result, namespace)?;
    let store = open_store(&reached, namespace)?;
    if all
        .iter()
        .any(|listed| listed.id() == id && matches!(listed, Listed::Validation(_)))
    {
        let result = running.runtime.block_on(store.validate_result(id));
        let result = result.map_err(|error| error.to_string())?;
        write_validation(&running.terminal, &args.output.output_format, &result)?;
        return Ok(ExitCode::SUCCESS);
    }
    let stored = running.runtime.block_on(store.command_result(id));
    let stored = stored.map_err(|error| error.to_string())?;
    if let Some(what) = &stored.trimmed {
        running.terminal.warning(&format!(
            "The result was too large for the cluster and was stored without {what}"
        ));
    }
    let show = Show {
        formats: args.output.output_format.clone(),
        short: args.output.short_output,
        style: args.diff_style,
        color: running.color && std::io::IsTerminal::is_terminal(&std::io::stdout()),
    };
    let versions = kluctl_commands::versions(&stored.result);
    running
        .terminal
        .info(&Listed::Command(Box::new(stored.result.summary())).headline());
    write_command(&running.terminal, &show, &stored.result, &versions)?;
    Ok(ExitCode::SUCCESS)
}
