//! Puts together what a result says about each object.
//!
//! Source: kluctl `pkg/deployment/commands/utils.go`, `collectObjects`.

use std::collections::{BTreeMap, BTreeSet};

use kluctl_api::{ChangeEntry, ResultObject};
use kluctl_apply::{Change, ChangedObject, LiveObjects, Outcome, diff_reference};
use kluctl_object::{Object, ObjectRef};

/// Everything that is known about the objects of a run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    pub(crate) rendered: &'a [&'a Object],
    pub(crate) live: Option<&'a LiveObjects>,
    pub(crate) outcome: Option<&'a Outcome>,
    pub(crate) changed: &'a [ChangedObject],
    pub(crate) orphans: &'a [ObjectRef],
    pub(crate) deleted: &'a [ObjectRef],
}

/// One entry per object that had a part in the run: by kind, inside a kind in the order of the items.
pub(crate) fn collect(known: &Known<'_>) -> Vec<ResultObject> {
    let mut entries = Entries::default();
    for object in known.rendered {
        entries.of(&diff_reference(object)).rendered = Some((*object).clone());
    }
    let mut diff_names: BTreeMap<ObjectRef, ObjectRef> = BTreeMap::new();
    for object in known.live.into_iter().flat_map(LiveObjects::iter) {
        let name = diff_reference(object);
        diff_names.insert(object.reference().identity(), name.clone());
        entries.of(&name).remote = Some(object.clone());
    }
    let name_of = |names: &BTreeMap<ObjectRef, ObjectRef>, reference: &ObjectRef| {
        names.get(&reference.identity()).unwrap_or(reference).clone()
    };
    if let Some(outcome) = known.outcome {
        for reference in outcome.deleted() {
            entries.of(&name_of(&diff_names, reference)).deleted = true;
        }
        for applied in outcome.applied() {
            let name = diff_reference(&applied.object);
            diff_names.insert(applied.reference.identity(), name.clone());
            let entry = entries.of(&name);
            entry.applied = Some(applied.object.clone());
            entry.hook |= applied.hook;
        }
    }
    for changed in known.changed {
        entries.of(&name_of(&diff_names, &changed.object)).changes =
            changed.changes.iter().map(change_entry).collect();
    }
    for applied in known
        .outcome
        .into_iter()
        .flat_map(Outcome::applied)
        .filter(|applied| applied.new)
    {
        let entry = entries.of(&name_of(&diff_names, &applied.reference));
        entry.new = entry.changes.is_empty();
    }
    let deleted: BTreeSet<ObjectRef> = known.deleted.iter().map(ObjectRef::identity).collect();
    for reference in known.deleted {
        entries.of(reference).deleted = true;
    }
    for reference in known
        .orphans
        .iter()
        .filter(|orphan| !deleted.contains(&orphan.identity()))
    {
        entries.of(reference).orphan = true;
    }
    entries.sorted()
}

fn change_entry(change: &Change) -> ChangeEntry {
    ChangeEntry {
        kind: change.kind.name().to_owned(),
        json_path: change.json_path.clone(),
        old_value: change.old.clone(),
        new_value: change.new.clone(),
        unified_diff: change.unified_diff.clone(),
    }
}

/// Entries by reference, with the order in which they were first met.
#[derive(Default)]
struct Entries {
    list: Vec<ResultObject>,
    index: BTreeMap<ObjectRef, usize>,
}

impl Entries {
    fn of(&mut self, reference: &ObjectRef) -> &mut ResultObject {
        let at = *self.index.entry(reference.identity()).or_insert_with(|| {
            self.list.push(ResultObject {
                reference: reference.clone(),
                ..ResultObject::default()
            });
            self.list.len() - 1
        });
        &mut self.list[at]
    }

    fn sorted(self) -> Vec<ResultObject> {
        let mut list = self.list;
        // what others have copied our labels onto was read, but is none of our business
        list.retain(|o| o.rendered.is_some() || o.applied.is_some() || o.deleted || o.orphan);
        list.sort_by_cached_key(|object| object.reference.gvk().to_string());
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_apply::{Applied, ItemOutcome};
    use serde_json::json;

    fn object(api_version: &str, kind: &str, name: &str) -> Object {
        let value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
        Object::try_from(value).unwrap()
    }

    #[test]
    fn entries_are_by_kind_and_then_in_order() {
        let rendered = [
            object("apps/v1", "Deployment", "d"),
            object("v1", "Secret", "z"),
            object("v1", "Secret", "a"),
        ];
        let live = LiveObjects::from_objects(
            [object("v1", "Endpoints", "copied"), object("v1", "Secret", "a")],
            &[],
        );
        let outcome = Outcome {
            items: vec![ItemOutcome {
                applied: rendered
                    .iter()
                    .map(|object| Applied {
                        reference: object.reference(),
                        object: object.clone(),
                        hook: false,
                        new: object.name() != "a",
                    })
                    .collect(),
                ..ItemOutcome::default()
            }],
        };
        let orphan = object("v1", "ConfigMap", "left").reference();
        let references: Vec<&Object> = rendered.iter().collect();
        let entries = collect(&Known {
            rendered: &references,
            live: Some(&live),
            outcome: Some(&outcome),
            orphans: &[orphan],
            ..Known::default()
        });
        let texts: Vec<_> = entries
            .iter()
            .map(|e| (e.reference.to_string(), e.new, e.orphan))
            .collect();
        assert_eq!(
            texts,
            [
                ("ConfigMap/left".to_owned(), false, true),
                ("Secret/z".to_owned(), true, false),
                ("Secret/a".to_owned(), false, false),
                ("Deployment/d".to_owned(), true, false),
            ]
        );
    }
}
