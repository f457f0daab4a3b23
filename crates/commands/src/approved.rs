//! Plans: what a diff has shown is written down as hashes, and a deploy does that or nothing.

use std::collections::{BTreeMap, BTreeSet};

use kluctl_api::{CommandInfo, DeployPlan, PLAN_KIND, PlannedObject, TargetKey, new_id};
use kluctl_apply::{ChangedObject, LiveObjects, Outcome, Problems, SecretTexts, diff_reference, is_secret};
use kluctl_object::{Object, ObjectRef, to_go_json};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::finish::now;
use crate::target::Target;

/// How often the hash of what holds secrets is hashed again, so that weak ones cannot be guessed from a plan.
const ROUNDS: usize = 20_000;

/// Hashes with the salt of one plan.
struct Hasher<'a> {
    salt: &'a str,
    secrets: SecretTexts,
}

impl<'a> Hasher<'a> {
    fn new(salt: &'a str, target: &Target) -> Self {
        Self {
            salt,
            secrets: {
                let sensitive = &target.rendered.sensitive;
                SecretTexts::of([], &sensitive.texts, &sensitive.key)
            },
        }
    }

    fn plain(&self, text: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.salt);
        hash.update(text);
        hash.finalize().into()
    }

    fn slow(&self, text: &str) -> [u8; 32] {
        let mut hash = self.plain(text);
        for _ in 0..ROUNDS {
            hash = Sha256::digest(hash).into();
        }
        hash
    }

    /// The hash of an object as it was rendered.
    fn rendered(&self, object: &Object) -> String {
        let text = object.to_go_json();
        let guessable = is_secret(&object.reference()) || self.secrets.obfuscate(&text) != text;
        hex::encode(if guessable {
            self.slow(&text)
        } else {
            self.plain(&text)
        })
    }

    /// The hash of a live object: what it is and who owns what, but not what controllers report about it.
    fn live(&self, object: &Object) -> String {
        let mut object = object.clone();
        for path in [
            &["status"][..],
            &["metadata", "resourceVersion"],
            &["metadata", "generation"],
        ] {
            object.remove(path);
        }
        if let Some(Value::Array(entries)) = object.remove(&["metadata", "managedFields"]) {
            let owners = entries.into_iter().filter_map(|mut entry| {
                entry.as_object_mut()?.remove("time");
                entry.get("subresource").is_none().then_some(entry)
            });
            object.set(&["metadata", "managedFields"], owners.collect());
        }
        self.rendered(&object)
    }
}

/// Writes down what a diff of a target has come to.
pub(crate) fn make_plan(
    target: &Target,
    target_key: TargetKey,
    live: &LiveObjects,
    outcome: &Outcome,
    changed: &[ChangedObject],
    orphans: &[ObjectRef],
) -> DeployPlan {
    let salt = format!("{}{}", new_id(), new_id());
    let hasher = Hasher::new(&salt, target);
    let changed: BTreeSet<ObjectRef> = changed.iter().map(|changed| changed.object.identity()).collect();
    let hooks: BTreeSet<ObjectRef> = outcome
        .applied()
        .filter(|applied| applied.hook)
        .map(|applied| applied.reference.identity())
        .collect();
    let action = |object: &Object| {
        let identity = object.reference().identity();
        if object.annotation("kluctl.io/delete").is_some() {
            "delete"
        } else if hooks.contains(&identity) {
            "hook"
        } else if live.get(&identity).is_none() {
            "create"
        } else if changed.contains(&diff_reference(object).identity()) {
            "change"
        } else {
            "keep"
        }
    };
    let objects = target.objects().map(|object| {
        let reference = object.reference();
        PlannedObject {
            action: action(object).to_owned(),
            rendered_hash: hasher.rendered(object),
            ..found(&hasher, live.get(&reference), reference)
        }
    });
    let objects = objects.collect();
    let orphans = orphans.iter().map(|reference| PlannedObject {
        action: "prune".to_owned(),
        ..found(&hasher, live.get(reference), reference.clone())
    });
    let orphans = orphans.collect();
    let args_hash = args_hash(&hasher, &target.head.command);
    let structure_hash = structure_hash(&hasher, target);
    let command = CommandInfo {
        args: None,
        ..target.head.command.clone()
    };
    DeployPlan {
        kind: PLAN_KIND.to_owned(),
        id: new_id(),
        created: now(),
        project_key: target.head.project_key.clone(),
        target_key,
        command,
        args_hash,
        structure_hash,
        objects,
        orphans,
        salt,
    }
}

/// What is known of an object at the moment.
fn found(hasher: &Hasher<'_>, live: Option<&Object>, reference: ObjectRef) -> PlannedObject {
    let version = live.and_then(|live| live.str_at(&["metadata", "resourceVersion"]));
    PlannedObject {
        reference,
        resource_version: version.unwrap_or_default().to_owned(),
        live_hash: live.map(|live| hasher.live(live)).unwrap_or_default(),
        ..PlannedObject::default()
    }
}

fn args_hash(hasher: &Hasher<'_>, command: &CommandInfo) -> String {
    hex::encode(hasher.slow(&to_go_json(command.args.as_ref().unwrap_or(&Value::Null))))
}

/// The hash of all that happens around the objects.
fn structure_hash(hasher: &Hasher<'_>, target: &Target) -> String {
    let items = target.rendered.items.iter().map(|item| {
        json!({
            "name": item.dir_in_project.as_ref().map(|dir| dir.as_str()),
            "delete": item.delete_objects,
            "wait": item.wait_readiness_objects,
            "waitReadiness": item.wait_readiness,
            "barrier": item.barrier,
            "conflicts": item.rules.conflict_resolution,
            "objects": item.objects.len(),
        })
    });
    hex::encode(hasher.plain(&to_go_json(&items.collect())))
}

/// Says everything that is not as it was approved.
pub(crate) fn check_plan(
    plan: &DeployPlan,
    target: &Target,
    cluster_id: &str,
    live: &LiveObjects,
    orphans: Option<&[ObjectRef]>,
    problems: &mut Problems,
) {
    let hasher = Hasher::new(&plan.salt, target);
    check_head(plan, target, cluster_id, &hasher, problems);
    if !problems.errors.is_empty() {
        // another target has other objects: listing them all says nothing more
        return;
    }
    let planned: BTreeMap<ObjectRef, &PlannedObject> = plan
        .objects
        .iter()
        .map(|object| (object.reference.identity(), object))
        .collect();
    let mut rendered = BTreeSet::new();
    for object in target.objects() {
        let reference = object.reference();
        rendered.insert(reference.identity());
        match planned.get(&reference.identity()) {
            None => problems.error(
                Some(&reference),
                "is rendered now, but was not when the plan was made",
            ),
            Some(planned) if planned.rendered_hash != hasher.rendered(object) => {
                problems.error(
                    Some(&reference),
                    "is rendered differently than when the plan was made",
                );
            }
            Some(planned) => check_live(planned, live, &hasher, problems),
        }
    }
    for planned in &plan.objects {
        if !rendered.contains(&planned.reference.identity()) {
            let text = "was rendered when the plan was made, but is not now";
            problems.error(Some(&planned.reference), text);
        }
    }
    if let Some(orphans) = orphans {
        check_orphans(plan, orphans, live, &hasher, problems);
    }
    if problems.errors.is_empty() && plan.structure_hash != structure_hash(&hasher, target) {
        let text = "the order, waits, deletions, barriers or conflict rules of the items have changed since the plan was made";
        problems.error(None, text);
    }
}

fn check_head(
    plan: &DeployPlan,
    target: &Target,
    cluster_id: &str,
    hasher: &Hasher<'_>,
    problems: &mut Problems,
) {
    let mut same = |what: &str, planned: &str, now: &str| {
        if planned != now {
            problems.error(
                None,
                format!("the plan was made for {what} \"{planned}\", but this is {what} \"{now}\""),
            );
        }
    };
    same("the cluster", &plan.target_key.cluster_id, cluster_id);
    same(
        "the discriminator",
        &plan.target_key.discriminator,
        target.discriminator(),
    );
    same(
        "the target",
        &plan.target_key.target_name,
        &target.head.target_name,
    );
    same(
        "the project",
        &plan.project_key.repo_key,
        &target.head.project_key.repo_key,
    );
    same(
        "the project folder",
        &plan.project_key.sub_dir,
        &target.head.project_key.sub_dir,
    );
    let given = &target.head.command;
    for (flag, planned, now) in [
        ("--include-tag", &plan.command.include_tags, &given.include_tags),
        ("--exclude-tag", &plan.command.exclude_tags, &given.exclude_tags),
        (
            "--include-deployment-dir",
            &plan.command.include_deployment_dirs,
            &given.include_deployment_dirs,
        ),
        (
            "--exclude-deployment-dir",
            &plan.command.exclude_deployment_dirs,
            &given.exclude_deployment_dirs,
        ),
    ] {
        same(flag, &planned.join(","), &now.join(","));
    }
    if plan.args_hash != args_hash(hasher, given) {
        problems.error(None, "the plan was made with other arguments");
    }
}

fn check_live(planned: &PlannedObject, live: &LiveObjects, hasher: &Hasher<'_>, problems: &mut Problems) {
    let now = live.get(&planned.reference);
    let version = now.and_then(|now| now.str_at(&["metadata", "resourceVersion"]));
    let version = version.unwrap_or_default();
    if planned.resource_version == version {
        return;
    }
    let message = match now {
        None => "was in the cluster when the plan was made, and is gone".to_owned(),
        Some(_) if planned.resource_version.is_empty() => {
            "was not in the cluster when the plan was made, and is there now".to_owned()
        }
        // a new version, but only controllers have reported something
        Some(now) if planned.live_hash == hasher.live(now) => return,
        Some(_) => format!(
            "has changed in the cluster since the plan was made (version {} then, {version} now)",
            planned.resource_version
        ),
    };
    problems.error(Some(&planned.reference), message);
}

fn check_orphans(
    plan: &DeployPlan,
    orphans: &[ObjectRef],
    live: &LiveObjects,
    hasher: &Hasher<'_>,
    problems: &mut Problems,
) {
    for orphan in orphans {
        let planned = plan
            .orphans
            .iter()
            .find(|planned| planned.reference.identity() == orphan.identity());
        match planned {
            None => problems.error(
                Some(orphan),
                "would be pruned, but was no orphan when the plan was made",
            ),
            Some(planned) => check_live(planned, live, hasher, problems),
        }
    }
}
