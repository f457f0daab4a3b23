//! Turns what happened into a result, without the secret values in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kluctl_api::{CommandResult, DeploymentError, ResultObject, TargetKey, new_id};
use kluctl_apply::{
    ChangedObject, LiveObjects, Outcome, Problem, Problems, SecretTexts, is_secret, obfuscate_changes,
    obfuscate_object,
};
use kluctl_object::{Masks, Object, ObjectRef};
use kluctl_project::Sensitive;
use serde_json::Value;

use crate::collect::{Known, collect};
use crate::hash::objects_hash;
use crate::session::Session;
use crate::target::Target;

/// A result as it may be shown and stored, and, if asked for, as it is.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The result without secret values.
    pub result: CommandResult,
    /// The result with everything.
    pub clear: Option<CommandResult>,
    /// Changed objects before and after, without what is not compared; Secrets are left out.
    pub versions: Versions,
    /// What was shown, written down for a deploy that does exactly that; where it was asked for.
    pub plan: Option<kluctl_api::DeployPlan>,
}

/// Objects before and after, by their reference in the result.
pub type Versions = BTreeMap<ObjectRef, (Value, Value)>;

/// What a command has gathered.
#[derive(Default)]
pub(crate) struct Gathered<'a> {
    pub(crate) live: Option<&'a LiveObjects>,
    pub(crate) outcome: Option<&'a Outcome>,
    pub(crate) changed: Vec<ChangedObject>,
    pub(crate) orphans: Vec<ObjectRef>,
    pub(crate) deleted: Vec<ObjectRef>,
    pub(crate) problems: Problems,
}

/// The time as results write it.
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What results say about the cluster; missing rights are a warning.
pub(crate) async fn cluster_id(session: &Session, problems: &mut Problems) -> String {
    match session.cluster_id().await {
        Ok(id) => id.unwrap_or_default(),
        Err(error) => {
            problems.warning(None, error.to_string());
            String::new()
        }
    }
}

/// Builds the result of a command.
pub(crate) async fn finish(
    session: &Session,
    target: &Target,
    command: &str,
    mut gathered: Gathered<'_>,
    want_clear: bool,
) -> Finished {
    let cluster_id = cluster_id(session, &mut gathered.problems).await;
    let head = &target.head;
    let rendered: Vec<&Object> = target.objects().collect();
    let mut info = head.command.clone();
    command.clone_into(&mut info.command);
    info.end_time = Some(now());
    let base = CommandResult {
        id: new_id(),
        project_key: head.project_key.clone(),
        target_key: TargetKey {
            target_name: head.target_name.clone(),
            cluster_id: cluster_id.clone(),
            discriminator: target.discriminator().to_owned(),
        },
        target: head.target.clone(),
        command: info,
        git_info: head.git_info.clone(),
        cluster_info: kluctl_api::ClusterInfo { cluster_id },
        deployment: Some(target.rendered.deployment.clone()).filter(|deployment| !deployment.is_null()),
        rendered_objects_hash: objects_hash(rendered.iter().copied()),
        seen_images: target
            .rendered
            .seen_images
            .iter()
            .filter_map(|image| serde_json::to_value(image).ok())
            .collect(),
        ..CommandResult::default()
    };
    let masks = Hidden::of(&rendered, &gathered, &target.rendered.sensitive);
    let clear = want_clear.then(|| {
        let mut clear = base.clone();
        clear.objects = collect(&known(&rendered, &gathered, &gathered.changed));
        clear.errors = entries(&gathered.problems.errors);
        clear.warnings = entries(&gathered.problems.warnings);
        clear
    });
    let mut changed = std::mem::take(&mut gathered.changed);
    for object in &mut changed {
        obfuscate_changes(&object.object, &mut object.changes);
    }
    masks.messages.obfuscate_problems(&mut gathered.problems.errors);
    masks.messages.obfuscate_problems(&mut gathered.problems.warnings);
    let mut result = base;
    result.objects = collect(&known(&rendered, &gathered, &changed));
    result.errors = entries(&gathered.problems.errors);
    result.warnings = entries(&gathered.problems.warnings);
    masks.mask(&mut result);
    let versions = changed.into_iter().filter(|changed| !is_secret(&changed.object));
    let versions = versions.map(|mut changed| {
        masks.mask_named(&mut changed.old);
        masks.mask_named(&mut changed.new);
        (changed.object, (changed.old, changed.new))
    });
    Finished {
        versions: versions.collect(),
        plan: None,
        result,
        clear,
    }
}

fn known<'a>(
    rendered: &'a [&'a Object],
    gathered: &'a Gathered<'_>,
    changed: &'a [ChangedObject],
) -> Known<'a> {
    Known {
        rendered,
        live: gathered.live,
        outcome: gathered.outcome,
        changed,
        orphans: &gathered.orphans,
        deleted: &gathered.deleted,
    }
}

pub(crate) fn entries(problems: &[Problem]) -> Vec<DeploymentError> {
    let entry = |problem: &Problem| DeploymentError {
        reference: problem.object.clone().unwrap_or_default(),
        message: problem.message.clone(),
    };
    problems.iter().map(entry).collect()
}

/// What must not be seen.
struct Hidden {
    /// Values of sensitive variables, wherever they turn up.
    everywhere: Masks,
    /// These, and the values of all Secrets, in messages.
    messages: SecretTexts,
}

impl Hidden {
    fn of(rendered: &[&Object], gathered: &Gathered<'_>, sensitive: &Sensitive) -> Self {
        let live = gathered.live.into_iter().flat_map(LiveObjects::iter);
        Self {
            everywhere: sensitive.masks(),
            messages: SecretTexts::of(
                rendered.iter().copied().chain(live),
                &sensitive.texts,
                &sensitive.key,
            ),
        }
    }

    fn mask(&self, result: &mut CommandResult) {
        for object in &mut result.objects {
            self.mask_object(object);
        }
        for value in [&mut result.target]
            .into_iter()
            .chain(result.deployment.as_mut())
            .chain(result.command.args.as_mut())
        {
            self.everywhere.mask_value(value);
        }
    }

    fn mask_object(&self, object: &mut ResultObject) {
        for stage in [&mut object.rendered, &mut object.remote, &mut object.applied]
            .into_iter()
            .flatten()
        {
            obfuscate_object(stage);
            if self.everywhere.is_empty() {
                continue;
            }
            let mut value = Value::from(std::mem::take(stage));
            self.mask_named(&mut value);
            *stage = Object::try_from(value).unwrap_or_default();
        }
        for change in &mut object.changes {
            for value in change.old_value.iter_mut().chain(change.new_value.iter_mut()) {
                self.everywhere.mask_value(value);
            }
            self.everywhere.mask_text(&mut change.unified_diff);
        }
    }

    /// Masks an object but for what names it: results are joined by names, and everybody who may see the object sees them.
    fn mask_named(&self, object: &mut Value) {
        if self.everywhere.is_empty() {
            return;
        }
        let names = |object: &Value| NAMES.map(|place| object.pointer(place).cloned());
        let before = names(object);
        self.everywhere.mask_value(object);
        for (place, name) in NAMES.iter().zip(before) {
            if let (Some(masked), Some(name)) = (object.pointer_mut(place), name) {
                *masked = name;
            }
        }
    }
}

/// What names an object.
const NAMES: [&str; 5] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/uid",
];
