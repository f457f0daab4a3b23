//! `preview`: what a change of the project would do, on a server that nobody else uses.

use kluctl_api::DeploymentError;
use kluctl_apply::{Events, ExecuteOptions};
use kluctl_project::Rendered;

use crate::deploy::{DeployOptions, deploy_as};
use crate::diff::{DiffCommandOptions, diff_as};
use crate::finish::Finished;
use crate::session::Session;
use crate::target::Target;

/// A target before and after a change of its project; at least one of them is there.
#[derive(Clone, Copy, Debug)]
pub enum States<'t> {
    /// The target is new.
    Added(&'t Target),
    /// The target is gone; its objects would become orphans.
    Removed(&'t Target),
    /// The target is in both.
    Both(&'t Target, &'t Target),
}

/// Applies the state before to an empty server and compares the state after with it.
///
/// `session` must be connected to a server of its own, which is changed. What could not be applied of the state
/// before is a warning of the result: the comparison then shows too much as new.
pub async fn preview(session: &Session, states: States<'_>, options: &DiffCommandOptions) -> Finished {
    let (before, after) = match states {
        States::Added(after) => (None, after.clone()),
        States::Removed(before) => (Some(before), emptied(before)),
        States::Both(before, after) => (Some(before), after.clone()),
    };
    let mut warnings = Vec::new();
    if let Some(before) = before {
        let quiet = Session {
            events: Events::none(),
            ..session.clone()
        };
        let deploy = DeployOptions {
            execute: ExecuteOptions {
                no_wait: true,
                ..options.execute.clone()
            },
            ..DeployOptions::default()
        };
        let applied = deploy_as("preview", &quiet, before, &deploy, &mut |_| true).await;
        warnings = applied.result.errors;
    }
    let session = Session {
        cluster: session.cluster.as_ref().map(|cluster| cluster.with_dry_run(true)),
        ..session.clone()
    };
    let mut finished = diff_as("preview", &session, &after, options).await;
    let warnings = warnings.into_iter().map(|error| DeploymentError {
        message: format!(
            "the state before could not be applied as a whole: {}",
            error.message
        ),
        ..error
    });
    finished.result.warnings.extend(warnings);
    finished
}

/// The same target without any objects.
fn emptied(target: &Target) -> Target {
    let rendered = Rendered {
        discriminator: target.rendered.discriminator.clone(),
        inclusion: target.rendered.inclusion.clone(),
        sensitive: target.rendered.sensitive.clone(),
        target: target.rendered.target.clone(),
        ..Rendered::default()
    };
    Target::new(target.head.clone(), rendered)
}
