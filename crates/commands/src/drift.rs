//! `drift`: what has become of what was deployed.

use std::collections::{BTreeMap, BTreeSet};

use kluctl_api::{ChangeEntry, CommandResult, DriftChange, DriftObject, DriftResult, Stored, new_id};
use kluctl_apply::{
    Change, ChangeKind, Fetch, IgnoreRule, LiveObjects, MANAGER, Owner, Ownership, Problems, adopt_masks,
    changes, is_known_editor, is_secret, normalize, obfuscate_changes, obfuscate_object, stands_for,
};
use kluctl_object::{KeyPath, MASK, MaskKey, Object, ObjectRef, to_go_json};
use kluctl_project::Rendered;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::finish::{entries, now};
use crate::session::Session;
use crate::stored;

/// What is to be in the cluster, by the results that were stored about it.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    head: DriftResult,
    objects: BTreeMap<ObjectRef, Expected>,
}

/// One object as it was deployed.
#[derive(Clone, Debug)]
struct Expected {
    reference: ObjectRef,
    /// As the server answered it, where the result still holds that.
    applied: Option<Object>,
    /// As it was rendered, which carries annotations for the comparison.
    local: Object,
    rules: Vec<IgnoreRule>,
    /// When the command ended that applied it.
    since: String,
}

impl Baseline {
    /// Whether the results so far leave nothing to earlier ones.
    pub fn is_complete(results: &[Stored]) -> bool {
        results
            .last()
            .is_some_and(|last| stored::is_whole_deploy(&last.result))
    }

    /// Joins results, newest first: what a deploy of a few items left out is known from the one before.
    pub fn new(results: &[Stored]) -> Self {
        let mut baseline = Self::default();
        if let Some(newest) = results.first() {
            baseline.head.project_key = newest.result.project_key.clone();
            baseline.head.target_key = newest.result.target_key.clone();
        }
        let mut settled = BTreeSet::new();
        for Stored { result, trimmed } in results {
            baseline.head.results.push(result.id.clone());
            baseline.add(result, trimmed.is_some(), &mut settled);
        }
        baseline
    }

    /// Whether any mask stands for what is in the cluster now.
    fn is_masked_with(&self, key: &MaskKey, live: &LiveObjects) -> bool {
        self.objects.values().any(|expected| {
            let both = expected.applied.as_ref().zip(live.get(&expected.reference));
            both.is_some_and(|(applied, live)| any_mask_in_map(applied.as_map(), live.as_map(), key))
        })
    }

    fn add(&mut self, result: &CommandResult, trimmed: bool, settled: &mut BTreeSet<ObjectRef>) {
        let rules = rules_by_object(result);
        let failed: BTreeSet<ObjectRef> = result
            .errors
            .iter()
            .map(|error| error.reference.identity())
            .collect();
        for object in &result.objects {
            let Some(known) = object.applied.as_ref().or(object.rendered.as_ref()) else {
                if object.deleted {
                    settled.insert(object.reference.identity());
                }
                continue;
            };
            let identity = known.reference().identity();
            if object.deleted && object.applied.is_none() {
                settled.insert(identity);
                continue;
            }
            let came_out = object.applied.is_some() || trimmed && !failed.contains(&identity);
            let local = object.rendered.as_ref().unwrap_or(known);
            if !came_out || object.hook || is_no_object_of_its_own(local) || !settled.insert(identity.clone())
            {
                continue;
            }
            let expected = Expected {
                reference: known.reference(),
                applied: object.applied.clone(),
                local: local.clone(),
                rules: rules.get(&identity).cloned().unwrap_or_default(),
                since: result.command.end_time.clone().unwrap_or_default(),
            };
            self.objects.insert(identity, expected);
        }
    }
}

fn any_mask_fits(masked: &Value, live: &Value, key: &MaskKey) -> bool {
    match (masked, live) {
        (Value::String(masked), Value::String(text)) => {
            masked.contains(MASK) && stands_for(masked, text, key)
        }
        (Value::Array(masked), Value::Array(live)) => masked
            .iter()
            .zip(live)
            .any(|(masked, live)| any_mask_fits(masked, live, key)),
        (Value::Object(masked), Value::Object(live)) => any_mask_in_map(masked, live, key),
        _ => false,
    }
}

fn any_mask_in_map(masked: &Map<String, Value>, live: &Map<String, Value>, key: &MaskKey) -> bool {
    let fits = |(name, masked): (&String, &Value)| {
        live.get(name)
            .is_some_and(|live| any_mask_fits(masked, live, key))
    };
    masked.iter().any(fits)
}

/// Hooks and objects that are to be deleted are no part of what stays.
fn is_no_object_of_its_own(local: &Object) -> bool {
    ["kluctl.io/hook", "helm.sh/hook", "kluctl.io/delete"]
        .iter()
        .any(|key| local.annotation(key).is_some())
}

fn rules_by_object(result: &CommandResult) -> BTreeMap<ObjectRef, Vec<IgnoreRule>> {
    let rendered = Rendered {
        items: stored::items(result),
        ..Rendered::default()
    };
    let mut rules = BTreeMap::new();
    for item in crate::items(&rendered) {
        for object in &item.objects {
            rules.insert(object.reference().identity(), item.ignore_for_diff.clone());
        }
    }
    rules
}

/// How it is looked.
struct View<'k> {
    /// What controllers have set on their own counts too.
    all: bool,
    key: &'k MaskKey,
    /// The results were masked with this key. On other machines another one is at work; then a value may only be another
    /// one where its field was written since.
    is_our_key: bool,
}

/// Compares the cluster with what was deployed. With `all`, what controllers have set on their own counts too. `key` is
/// the one that results are masked with here.
pub async fn drift(session: &Session, baseline: &Baseline, all: bool, key: &MaskKey) -> DriftResult {
    let mut result = baseline.head.clone();
    result.id = new_id();
    result.start_time = Some(now());
    let mut problems = Problems::default();
    match look(session, baseline, &mut problems).await {
        Some(live) => {
            let view = View {
                all,
                key,
                is_our_key: baseline.is_masked_with(key, &live),
            };
            for expected in baseline.objects.values() {
                compare(
                    expected,
                    live.get(&expected.reference),
                    &view,
                    &mut result,
                    &mut problems,
                );
            }
            result
                .objects
                .sort_by_cached_key(|object| (object.reference.gvk().to_string(), object.reference.clone()));
        }
        None if problems.errors.is_empty() => problems.error(None, "the cluster cannot be read"),
        None => {}
    }
    result.errors = entries(&problems.errors);
    result.warnings = entries(&problems.warnings);
    result.end_time = Some(now());
    result
}

async fn look(session: &Session, baseline: &Baseline, problems: &mut Problems) -> Option<LiveObjects> {
    let cluster = session.cluster.as_ref()?;
    let local: Vec<&Object> = baseline
        .objects
        .values()
        .map(|expected| &expected.local)
        .collect();
    let discriminator = &*baseline.head.target_key.discriminator;
    let what = Fetch {
        discriminator: Some(discriminator).filter(|text| !text.is_empty()),
        local: &local,
        only_local_kinds: true,
    };
    match LiveObjects::fetch(cluster, &what, &session.events).await {
        Ok((live, found)) => {
            problems.extend(found);
            Some(live)
        }
        Err(error) => {
            problems.error(None, error.to_string());
            None
        }
    }
}

fn compare(
    expected: &Expected,
    live: Option<&Object>,
    view: &View<'_>,
    result: &mut DriftResult,
    problems: &mut Problems,
) {
    // what could not be read is not gone
    let unread = problems
        .errors
        .iter()
        .any(|problem| problem.object.as_ref() == Some(&expected.reference));
    if unread {
        return;
    }
    let mut object = DriftObject {
        reference: expected.reference.clone(),
        ..DriftObject::default()
    };
    let Some(live) = live else {
        result.compared += 1;
        object.deleted = true;
        result.objects.push(object);
        return;
    };
    let Some(applied) = &expected.applied else {
        result.not_compared += 1;
        return;
    };
    result.compared += 1;
    let at = |object: &Object, key: &str| object.str_at(&["metadata", key]).unwrap_or_default().to_owned();
    if at(applied, "resourceVersion") == at(live, "resourceVersion")
        && !at(live, "resourceVersion").is_empty()
    {
        return;
    }
    object.resource_version = at(live, "resourceVersion");
    object.recreated = at(applied, "uid") != at(live, "uid") && !at(applied, "uid").is_empty();
    let before = Ownership::of(applied);
    let after = Ownership::of(live);
    let is_another = |path: &KeyPath, masked: &str, text: &str| {
        let path = path.to_string();
        let may_be = view.is_our_key || before.last(&path) != after.last(&path);
        may_be && !stands_for(masked, text, view.key)
    };
    let (old, new) = match sides(expected, applied, live, &is_another) {
        Ok(sides) => sides,
        Err(error) => {
            problems.error(Some(&expected.reference), error);
            return;
        }
    };
    object.expected_fingerprint = fingerprint(&old);
    object.fingerprint = fingerprint(&new);
    let mut found = hidden_changes(expected, (&old, &new), &before, &after);
    if object.expected_fingerprint != object.fingerprint {
        let mut visible = changes(&old, &new);
        obfuscate_changes(&expected.reference, &mut visible);
        found.extend(visible.into_iter().map(|change| {
            let owner = after.last(&change.json_path);
            (change, owner)
        }));
    }
    found.sort_by(|(a, _), (b, _)| a.json_path.cmp(&b.json_path));
    for (change, owner) in found {
        let secret_value = is_secret(&expected.reference)
            && change.json_path.starts_with("data")
            && change.kind != ChangeKind::Insert;
        let ours = secret_value || before.has(MANAGER, &change.json_path);
        let by_hand = owner.is_some_and(|owner| is_known_editor(&owner.manager));
        if view.all || ours || by_hand {
            // who owned the field all the time has not changed it
            let author = owner.filter(|owner| before.last(&change.json_path) != Some(owner));
            object.changes.push(told(change, author, &after, &expected.since));
        } else {
            result.changes_by_others += 1;
        }
    }
    if !object.changes.is_empty() {
        result.objects.push(object);
    }
}

/// Both versions as they are compared and may be shown.
fn sides(
    expected: &Expected,
    applied: &Object,
    live: &Object,
    is_another: &dyn Fn(&KeyPath, &str, &str) -> bool,
) -> Result<(Value, Value), String> {
    let mut live = live.clone();
    obfuscate_object(&mut live);
    let old = normalize(applied, &expected.rules, &expected.local)?;
    let mut new = normalize(&live, &expected.rules, &expected.local)?;
    adopt_masks(&old, &mut new, is_another);
    Ok((old, new))
}

/// Values of Secrets are masked on both sides: a value counts as changed where somebody has written it since.
fn hidden_changes<'o>(
    expected: &Expected,
    (old, new): (&Value, &Value),
    before: &Ownership,
    after: &'o Ownership,
) -> Vec<(Change, Option<&'o Owner>)> {
    if !is_secret(&expected.reference) {
        return Vec::new();
    }
    let has = |side: &Value, key: &str| side.get("data").is_some_and(|data| data.get(key).is_some());
    let mut found: BTreeMap<String, (Change, Option<&Owner>)> = BTreeMap::new();
    for (key, author) in after.secret_keys_since(before) {
        if !has(old, &key) || !has(new, &key) {
            continue;
        }
        let side = |value: &str| serde_json::json!({"data": {&*key: value}});
        let mut change = changes(&side("old"), &side("new"));
        obfuscate_changes(&expected.reference, &mut change);
        for change in change {
            let known = found.entry(key.clone()).or_insert((change, Some(author)));
            if known.1.is_none_or(|known| known.time < author.time) {
                known.1 = Some(author);
            }
        }
    }
    found.into_values().collect()
}

/// The first characters of the SHA-256 of what is compared.
fn fingerprint(value: &Value) -> String {
    let mut text = hex::encode(Sha256::digest(to_go_json(value)));
    text.truncate(16);
    text
}

/// A change with whoever made it. Whoever removes a field owns nothing: then it is the last one that wrote the object.
fn told(change: Change, author: Option<&Owner>, after: &Ownership, since: &str) -> DriftChange {
    let by = author.or_else(|| after.last_other(MANAGER, since)).cloned();
    let by = by.unwrap_or_default();
    DriftChange {
        change: ChangeEntry {
            kind: change.kind.name().to_owned(),
            json_path: change.json_path,
            old_value: change.old,
            new_value: change.new,
            unified_diff: change.unified_diff,
        },
        likely: author.is_none() && !by.manager.is_empty(),
        manager: by.manager,
        operation: by.operation,
        time: Some(by.time).filter(|time| !time.is_empty()),
    }
}
