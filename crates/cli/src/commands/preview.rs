//! `kluctl preview`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::Args;
use kluctl_cluster::Cluster;
use kluctl_commands::{DiffCommandOptions, ExecuteOptions, Finished, States, Target, preview};

use crate::changes::{ShowFlags, has_changes};
use crate::opened::{OpenChoices, OpenFlags, State};
use crate::options::args::ArgsFlags;
use crate::options::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use crate::options::global::GlobalFlags;
use crate::options::images::ImageFlags;
use crate::options::inclusion::InclusionFlags;
use crate::options::output::MISC;
use crate::options::project::ProjectFlags;
use crate::options::run::IgnoreFlags;
use crate::options::sources::MirrorFlags;
use crate::options::target::TargetFlags;
use crate::results::{Previewed, write_previews};
use crate::running::{CHANGES, Running};

/// Show what a change of the project would do, without a cluster
///
/// Renders the project as it is in two revisions of its git repository, deploys the first onto an empty sandbox and
/// compares the second with it. No cluster is contacted. This is the check of a pull request:
/// `kluctl preview --from origin/main -o github=comment.md`.
#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    #[command(flatten)]
    project: ProjectFlags,
    #[command(flatten)]
    args: ArgsFlags,
    #[command(flatten)]
    images: ImageFlags,
    #[command(flatten)]
    inclusion: InclusionFlags,
    #[command(flatten)]
    ignore: IgnoreFlags,
    #[command(flatten)]
    show: ShowFlags,
    #[command(flatten)]
    git: GitCredentials,
    #[command(flatten)]
    helm: HelmCredentials,
    #[command(flatten)]
    registry: RegistryCredentials,
    #[command(flatten)]
    mirrors: MirrorFlags,

    /// Targets to look at; all of both states when none is named. Can be specified multiple times
    #[arg(long, short = 't', value_name = "stringArray", help_heading = MISC)]
    target: Vec<String>,

    /// The state before: a branch, tag, commit or any other revision of the project's repository
    #[arg(long, value_name = "revision", help_heading = MISC)]
    from: String,

    /// The state after: a revision, or '.' for the files as they are on disk
    #[arg(long, value_name = "revision", default_value = ".", help_heading = MISC)]
    to: String,

    /// File with what the project takes from outside: 'objects' of the cluster, and 'vars' of sources that cannot be asked
    #[arg(long, value_name = "existingfile", value_parser = crate::options::values::existing_file, help_heading = MISC)]
    assume: Option<Utf8PathBuf>,
}

/// Renders both states of every target and shows what differs.
pub(crate) fn run(args: &PreviewArgs, global: &GlobalFlags) -> ExitCode {
    Running::run(global, args.project.timeout, |running| {
        run_previews(args, running)
    })
}

impl PreviewArgs {
    fn open_flags(&self) -> OpenFlags {
        OpenFlags {
            project: self.project.clone(),
            args: self.args.clone(),
            inclusion: self.inclusion.clone(),
            git: self.git.clone(),
            helm: self.helm.clone(),
            registry: self.registry.clone(),
            mirrors: self.mirrors.clone(),
            ..OpenFlags::default()
        }
    }

    fn diff_options(&self) -> DiffCommandOptions {
        DiffCommandOptions {
            execute: ExecuteOptions::default(),
            ignore: self.ignore.options(),
            want_clear: self.show.output.no_obfuscate,
            ..DiffCommandOptions::default()
        }
    }
}

/// Both states of the project, and what is assumed of the world.
struct Change {
    flags: OpenFlags,
    choices: OpenChoices,
    before: State,
    after: State,
    assumed: crate::assumed::Assumed,
}

fn run_previews(args: &PreviewArgs, running: &Running) -> Result<ExitCode, String> {
    let assumed = crate::assumed::Assumed::read(args.assume.as_deref())?;
    let flags = args.open_flags();
    let before = State::at(running, &flags, &args.from)?;
    let after = match args.to.as_str() {
        "." => State::open(running, &flags, None)?,
        revision => State::at(running, &flags, revision)?,
    };
    let change = Change {
        choices: OpenChoices {
            images: args.images.clone(),
            ..OpenChoices::default()
        },
        flags,
        before,
        after,
        assumed,
    };
    let mut previews = Vec::new();
    for name in change.targets(&args.target)? {
        running.go_on()?;
        let finished = change.preview(running, name.as_deref(), &args.diff_options())?;
        let name = name.unwrap_or_default();
        previews.push(Previewed { name, finished });
    }
    write_previews(&running.terminal, &args.show.show(running.color), &previews)?;
    if previews
        .iter()
        .any(|preview| !preview.finished.result.errors.is_empty())
    {
        return Err("command failed".to_owned());
    }
    if args.show.detailed_exitcode
        && previews
            .iter()
            .any(|preview| has_changes(&preview.finished.result))
    {
        return Ok(ExitCode::from(CHANGES));
    }
    Ok(ExitCode::SUCCESS)
}

impl Change {
    /// Names of the targets to look at; `None` is the one of a project without targets.
    fn targets(&self, wanted: &[String]) -> Result<Vec<Option<String>>, String> {
        let names = |state: &State| -> BTreeSet<Option<String>> {
            let targets = state.project.targets().iter();
            let named: BTreeSet<_> = targets.map(|target| Some(target.name.clone())).collect();
            if named.is_empty() {
                BTreeSet::from([None])
            } else {
                named
            }
        };
        let known: BTreeSet<_> = names(&self.before).union(&names(&self.after)).cloned().collect();
        if wanted.is_empty() {
            return Ok(known.into_iter().collect());
        }
        let wanted: Vec<_> = wanted.iter().cloned().map(Some).collect();
        match wanted.iter().find(|name| !known.contains(name)) {
            Some(name) => Err(format!(
                "target {} is in neither state of the project",
                name.as_deref().unwrap_or_default()
            )),
            None => Ok(wanted),
        }
    }

    fn preview(
        &self,
        running: &Running,
        name: Option<&str>,
        options: &DiffCommandOptions,
    ) -> Result<Finished, String> {
        let shown = name.map_or_else(|| "the project".to_owned(), |name| format!("target {name}"));
        let cluster = self.assumed.cluster(running, None)?;
        running.terminal.step(&format!("Rendering {shown} as it was"));
        let mut notes = Vec::new();
        let before = self.render(running, &self.before, name, &cluster, &mut notes);
        running.terminal.step(&format!("Rendering {shown} as it will be"));
        let after = self.render(running, &self.after, name, &cluster, &mut notes);
        let after = after.map_err(|error| format!("{shown} cannot be rendered as it will be: {error}"))?;
        let before = before.unwrap_or_else(|error| {
            notes.push(format!(
                "the state before cannot be rendered, so everything counts as new: {error}"
            ));
            None
        });
        let states = match (&before, &after) {
            (Some(before), Some(after)) => States::Both(before, after),
            (None, Some(after)) => States::Added(after),
            (Some(before), None) => States::Removed(before),
            (None, None) => return Err(format!("{shown} is in neither state of the project")),
        };
        let session = running.session(Some(cluster));
        let mut finished = running.runtime.block_on(preview(&session, states, options));
        notes.sort();
        notes.dedup();
        for note in notes {
            finished.result.warnings.push(kluctl_api::DeploymentError {
                message: note,
                ..kluctl_api::DeploymentError::default()
            });
        }
        Ok(finished)
    }

    /// A target in one state; `None` where that state does not have it.
    fn render(
        &self,
        running: &Running,
        state: &State,
        name: Option<&str>,
        cluster: &Cluster,
        notes: &mut Vec<String>,
    ) -> Result<Option<Target>, String> {
        if !state.has(name) {
            return Ok(None);
        }
        let flags = OpenFlags {
            target: TargetFlags {
                target: name.map(str::to_owned),
                ..TargetFlags::default()
            },
            ..self.flags.clone()
        };
        let target = state.target(running, &flags, &self.choices, cluster, self.assumed.vars())?;
        notes.extend(crate::assumed::notes(&target.rendered));
        Ok(Some(target))
    }
}
