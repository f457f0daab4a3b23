//! `kluctl oci`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use kluctl_commands::StepEnd;
use kluctl_commands::sources::RemoteSources;
use kluctl_source::Cache;
use serde::Serialize;

use crate::lazy_sources::cache_dir;
use crate::opening;
use crate::options::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use crate::options::global::GlobalFlags;
use crate::options::output::MISC;
use crate::options::project::ProjectDirFlags;
use crate::options::sources::{self, MirrorFlags};
use crate::options::values;
use crate::running::Running;

/// Oci sub-commands
#[derive(Debug, Args)]
pub(crate) struct OciArgs {
    #[command(subcommand)]
    command: OciCommand,
}

#[derive(Debug, Subcommand)]
enum OciCommand {
    Push(PushArgs),
}

/// Push to an oci repository
///
/// The push command creates a tarball from the current project and uploads the artifact to an OCI repository.
#[derive(Debug, Args)]
struct PushArgs {
    #[command(flatten)]
    project: ProjectDirFlags,

    /// Specifies the artifact URL. This argument is required.
    #[arg(long, value_name = "string", help_heading = MISC)]
    url: String,

    /// Set custom OCI annotations in the format '<key>=<value>'
    #[arg(long, value_name = "stringArray", help_heading = MISC)]
    annotation: Vec<String>,

    /// The format in which the artifact digest should be printed, can be 'json' or 'yaml'
    #[arg(long, value_name = "string", help_heading = MISC, value_parser = PossibleValuesParser::new(["json", "yaml"]))]
    output: Option<String>,

    /// Specify timeout for all operations, including loading of the project, all external api calls and waiting for readiness.
    #[arg(long, value_name = "duration", default_value = "10m", value_parser = values::duration, help_heading = MISC)]
    timeout: Duration,

    #[command(flatten)]
    registry: RegistryCredentials,

    #[command(flatten)]
    mirrors: MirrorFlags,
}

/// Runs the subcommand.
pub(crate) fn run(args: &OciArgs, global: &GlobalFlags) -> ExitCode {
    match &args.command {
        OciCommand::Push(push) => Running::run(global, push.timeout, |running| run_push(running, push)),
    }
}

fn run_push(running: &Running, args: &PushArgs) -> Result<ExitCode, String> {
    let mut annotations = BTreeMap::new();
    for annotation in &args.annotation {
        let (key, value) = annotation
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| format!("invalid annotation {annotation}, must be in the format key=value"))?;
        annotations.insert(key.to_owned(), value.to_owned());
    }
    let environment = std::env::vars().collect();
    let (git, helm) = (GitCredentials::default(), HelmCredentials::default());
    let mut options = sources::resolve(&git, &helm, &args.registry, &args.mirrors, &environment, None)?;
    options.person = Arc::new(running.terminal.clone());
    let sources = RemoteSources::new(running.runtime.handle().clone(), Cache::new(cache_dir()), options)
        .map_err(|error| error.to_string())?;
    let folder = opening::project_dir(&args.project).map_err(|problem| problem.to_string())?;
    let created = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let step = format!("Pushing artifact to {}", args.url.trim_start_matches("oci://"));
    if args.output.is_none() {
        running.terminal.start(&step);
    }
    let pushed = kluctl_commands::oci::push(&sources, &folder, &args.url, &annotations, created);
    if args.output.is_none() {
        let end = if pushed.is_ok() {
            StepEnd::Succeeded
        } else {
            StepEnd::Failed(None)
        };
        running.terminal.end(&step, end);
    }
    let pushed = pushed.map_err(|error| format!("pushing artifact failed: {error}"))?;
    let place = format!("{}@{}", pushed.repository, pushed.digest);
    let info = Info {
        url: format!("oci://{place}"),
        repository: pushed.repository,
        tag: pushed.tag,
        digest: pushed.digest,
    };
    let failed = |error: serde_json::Error| error.to_string();
    let text = match args.output.as_deref() {
        Some("json") => serde_json::to_string_pretty(&info).map_err(failed)? + "\n",
        Some(_) => kluctl_yaml::to_string(&serde_json::to_value(&info).map_err(failed)?),
        None => {
            running
                .terminal
                .info(&format!("Artifact successfully pushed to {place}"));
            return Ok(ExitCode::SUCCESS);
        }
    };
    opening::write_output(&[], &text).map_err(|problem| problem.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// What `--output` tells of a push, in upstream's order.
#[derive(Serialize)]
struct Info {
    url: String,
    repository: String,
    tag: String,
    digest: String,
}
