//! What `render` and `list-images` share: their flags, and how they render.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use kluctl_project::outside::NoSources;
use kluctl_project::{Problem, Problems, Rendered, Stage, World};

use crate::opening;
use crate::options::args::ArgsFlags;
use crate::options::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use crate::options::images::ImageFlags;
use crate::options::inclusion::InclusionFlags;
use crate::options::project::ProjectFlags;
use crate::options::target::{KubeconfigFlags, OfflineKubernetesFlags, TargetFlags};

/// Flags of commands that render and change nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct RenderingFlags {
    #[command(flatten)]
    project: ProjectFlags,

    #[command(flatten)]
    kubeconfig: KubeconfigFlags,

    #[command(flatten)]
    target: TargetFlags,

    #[command(flatten)]
    args: ArgsFlags,

    #[command(flatten)]
    images: ImageFlags,

    #[command(flatten)]
    inclusion: InclusionFlags,

    #[command(flatten)]
    git: GitCredentials,

    #[command(flatten)]
    helm: HelmCredentials,

    #[command(flatten)]
    registry: RegistryCredentials,

    #[command(flatten)]
    offline: OfflineKubernetesFlags,
}

/// Renders what the flags ask for. Anything that is wrong with any item is an error.
pub(super) fn render(flags: &RenderingFlags, keep_files: bool) -> Result<Rendered, Problems> {
    let sources = Arc::new(NoSources);
    let (project, warnings) = opening::open(&flags.project, &flags.args, sources.clone())?;
    show_warnings(&warnings);
    show_warnings(&opening::failed_targets(&project));
    let mut target = opening::select(&project, &flags.target, None)?;
    let version = flags.offline.kubernetes_version.as_deref();
    let options = opening::render_options(&flags.images, &flags.inclusion, version, keep_files)?;
    if !flags.offline.offline_kubernetes {
        let problem = Problem::new("rendering with the help of a cluster is not possible yet");
        return Err(problem.hint("pass --offline-kubernetes").into());
    }
    target.context = Some(String::new());
    let world = World {
        cluster: None,
        sources,
    };
    let rendered = kluctl_project::render(&project, &target, &options, &world, &show_stage)?;
    show_warnings(&rendered.warnings);
    if rendered.errors.is_empty() {
        Ok(rendered)
    } else {
        Err(rendered.errors.into())
    }
}

fn show_stage(stage: Stage) {
    if stage != Stage::Loading {
        drop(writeln!(std::io::stderr(), "{}", stage.text()));
    }
}

/// Shows warnings as lines of their own.
pub(super) fn show_warnings(warnings: &[String]) {
    for warning in warnings {
        drop(writeln!(std::io::stderr(), "{warning}"));
    }
}

/// Shows what went wrong, if anything did, and gives the exit code.
pub(super) fn report(result: Result<(), Problems>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            drop(writeln!(std::io::stderr(), "{problems}"));
            ExitCode::FAILURE
        }
    }
}
