//! What a server says that nobody else uses: whatever it would refuse, and fields that may not change.

use std::collections::BTreeSet;

use kluctl_apply::{Events, ExecuteOptions, MANAGER, is_secret};
use kluctl_cluster::{ApiError, Apply, Cause, Cluster};
use kluctl_object::{Gvk, KeyPath, Object};
use serde_json::json;

use super::{Flaw, Rule, Subject, allowed, subjects};
use crate::deploy::{DeployOptions, deploy_as};
use crate::session::Session;
use crate::target::Target;

/// What asking the server came to.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What it would refuse.
    pub flaws: Vec<Flaw>,
    /// What could not be applied of the state before, so that changes of it were not seen.
    pub notes: Vec<String>,
}

/// Longest part of a server's message that is reported.
const LONGEST: usize = 400;

/// Asks a server of the run's own, which is changed, what it would refuse of a target.
///
/// `before` is applied first, so that fields which may not change are found. Objects in which `found` has an error already are
/// not sent again, since a server would say the same; `definitions` are those of the whole project.
pub async fn refused(
    session: &Session,
    before: Option<&Target>,
    after: &Target,
    definitions: &[Object],
    found: &[Flaw],
) -> Checked {
    let Some(cluster) = &session.cluster else {
        return Checked::default();
    };
    let mut checked = Checked::default();
    let subjects = subjects(&after.rendered);
    let own = |definition: &&Object| subjects.iter().any(|subject| subject.object == **definition);
    let (own, others): (Vec<&Object>, Vec<&Object>) = definitions.iter().partition(own);
    apply_all(cluster, &others).await;
    if let Some(before) = before {
        checked.notes = apply_before(session, before).await;
    }
    let broken = broken(found);
    let is_broken = |subject: &Subject<'_>| broken.contains(&(subject.item, subject.index));
    let is_definition = |object: &Object| object.kind() == "CustomResourceDefinition";
    let (first, rest): (Vec<&Subject<'_>>, Vec<&Subject<'_>>) = subjects
        .iter()
        .filter(|subject| !is_broken(subject))
        .partition(|subject| is_definition(&subject.object));
    for subject in first {
        checked.flaws.extend(ask(cluster, subject).await);
    }
    apply_all(cluster, &own).await;
    make_namespaces(cluster, &subjects).await;
    for subject in rest {
        checked.flaws.extend(ask(cluster, subject).await);
    }
    checked.flaws = allowed(&subjects, checked.flaws);
    checked
}

/// The objects that have an error.
fn broken(found: &[Flaw]) -> BTreeSet<(usize, usize)> {
    let errors = found.iter().filter(|flaw| {
        matches!(
            flaw.rule,
            Rule::UnknownKind
                | Rule::RemovedApi
                | Rule::UnknownField
                | Rule::WrongType
                | Rule::MissingField
                | Rule::InvalidValue
        )
    });
    errors.map(|flaw| (flaw.at.item, flaw.at.object)).collect()
}

async fn apply_before(session: &Session, before: &Target) -> Vec<String> {
    let quiet = Session {
        events: Events::none(),
        ..session.clone()
    };
    let options = DeployOptions {
        execute: ExecuteOptions {
            no_wait: true,
            ..ExecuteOptions::default()
        },
        ..DeployOptions::default()
    };
    let applied = deploy_as("lint", &quiet, before, &options, &mut |_| true).await;
    let errors = applied.result.errors.into_iter();
    let note = |error: kluctl_api::DeploymentError| {
        format!(
            "the state before could not be applied as a whole: {}: {}",
            error.reference, error.message
        )
    };
    errors.map(note).collect()
}

async fn make_namespaces(cluster: &Cluster, subjects: &[Subject<'_>]) {
    let names: BTreeSet<&str> = subjects
        .iter()
        .filter_map(|subject| subject.object.namespace())
        .collect();
    for name in names {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        if let Ok(namespace) = Object::try_from(namespace) {
            // What is wrong with its name is said of the objects in it.
            drop(apply(cluster, &namespace, false).await);
        }
    }
}

/// Makes definitions known; one that is refused has been found wrong elsewhere.
async fn apply_all(cluster: &Cluster, definitions: &[&Object]) {
    for definition in definitions {
        drop(apply(cluster, definition, false).await);
    }
    drop(cluster.refresh_discovery().await);
}

async fn apply(cluster: &Cluster, object: &Object, dry_run: bool) -> Result<(), ApiError> {
    let how = Apply {
        manager: MANAGER,
        force: true,
        dry_run,
    };
    cluster.apply(object, &how).await.map(drop)
}

async fn ask(cluster: &Cluster, subject: &Subject<'_>) -> Vec<Flaw> {
    let object = &subject.object;
    let Err(error) = apply(cluster, object, true).await else {
        return Vec::new();
    };
    // Kinds that nobody defines were reported; nothing can be said of their objects.
    if error.is_unknown_kind() || subject.is_assumed(&error.message) {
        return Vec::new();
    }
    let exists = cluster.get(&object.reference()).await;
    let exists = exists.is_ok_and(|answer| answer.value.is_some());
    // Hooks are deleted and made anew.
    let is_hook = ["kluctl.io/hook", "helm.sh/hook"]
        .iter()
        .any(|name| object.annotation(name).is_some());
    let causes: Vec<&Cause> = error.causes.iter().collect();
    if causes.is_empty() {
        let message = shorten(&error.message);
        return vec![Flaw::new(Rule::Refused, subject, KeyPath::default(), message)];
    }
    let mut flaws = Vec::new();
    for cause in causes {
        let immutable = exists && is_immutable(&cause.message);
        if immutable && is_hook {
            continue;
        }
        // A server keeps both of a Service's fields in step and names the one that nobody writes.
        let field = match cause.field.as_str() {
            "spec.clusterIPs[0]" if object.at(&["spec", "clusterIP"]).is_some() => "spec.clusterIP",
            field => field,
        };
        let path = KeyPath::of_field(&object.to_value(), field);
        let (rule, message) = if immutable {
            let detail = cause.message.rsplit(": ").next().unwrap_or_default();
            (Rule::ImmutableField, detail.to_owned())
        } else if is_secret(&object.reference()) {
            let kind = cause.message.split(':').next().unwrap_or_default();
            (Rule::Refused, kind.to_owned())
        } else {
            (Rule::Refused, shorten(&cause.message))
        };
        // A field that is not in the object is named in the message.
        let whole = path.to_string() == field || path == KeyPath::default() && field == "<nil>";
        let message = if whole {
            message
        } else {
            format!("{field}: {message}")
        };
        flaws.push(Flaw::new(rule, subject, path, message));
    }
    flaws
}

/// Whether a message says that a field may not change.
fn is_immutable(message: &str) -> bool {
    [
        "is immutable",
        "may not change once set",
        "cannot change roleRef",
        "may not be changed in an update",
        "updates to statefulset spec",
        "pod updates may not change",
    ]
    .iter()
    .any(|text| message.contains(text))
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST).collect();
    short.push('…');
    short
}

/// The definitions among the objects of a project.
pub fn definitions<'o>(objects: impl IntoIterator<Item = &'o Object>) -> Vec<Object> {
    let wanted = Gvk::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let found = objects.into_iter().filter(|object| object.gvk() == wanted);
    found.cloned().collect()
}
