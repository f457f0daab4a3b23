//! Who owns what after a change.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kluctl_schema::TypeRef;
use serde_json::Value;

use crate::apply::Versions;
use crate::compare::{Comparison, compare};
use crate::managers::{Entry, ManagerId, Managers};
use crate::merge::merge;
use crate::ownership::field_set;
use crate::path::PathElement;
use crate::reconcile::reconcile;
use crate::remove::remove_items;
use crate::set::FieldSet;
use crate::typed::TypedErrors;
use crate::value::equal_values;

/// A field that someone else owns and that an apply would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) manager: ManagerId,
    pub(crate) path: Vec<PathElement>,
}

/// Why ownership could not be worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UpdateError {
    Conflicts(Vec<Conflict>),
    Typed(&'static str, TypedErrors),
}

/// The version and types in which a change is made.
pub(crate) struct Updater<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) ty: &'a TypeRef,
    pub(crate) versions: &'a dyn Versions,
}

/// An object in one version.
struct Versioned<'v> {
    value: Cow<'v, Value>,
    ty: TypeRef,
}

impl Updater<'_> {
    /// The object in another version; `None` when that version is gone.
    fn convert<'v>(&self, value: &'v Value, api_version: &str) -> Option<Versioned<'v>> {
        if api_version == self.api_version {
            return Some(Versioned {
                value: Cow::Borrowed(value),
                ty: self.ty.clone(),
            });
        }
        let ty = self.versions.type_of(api_version)?;
        let value = self.versions.convert(value, api_version)?;
        Some(Versioned {
            value: Cow::Owned(value),
            ty,
        })
    }

    /// The object back in the version of the change.
    fn back<'v>(&self, value: Cow<'v, Value>, api_version: &str) -> Option<Cow<'v, Value>> {
        if api_version == self.api_version {
            return Some(value);
        }
        self.versions.convert(&value, self.api_version).map(Cow::Owned)
    }

    fn filtered(&self, comparison: Comparison, api_version: &str) -> Comparison {
        match self.versions.ignored(api_version) {
            Some(ignored) => comparison.without(ignored),
            None => comparison,
        }
    }

    /// Takes fields that have changed from those who owned them.
    ///
    /// Source: structured-merge-diff `merge/update.go`, `Updater.update`.
    fn take(
        &self,
        old: &Value,
        new: &Value,
        managers: &mut Managers,
        who: &ManagerId,
        force: bool,
    ) -> Result<(), UpdateError> {
        if managers.keys().all(|id| id == who) {
            return Ok(());
        }
        let mut comparisons: BTreeMap<String, Option<Comparison>> = BTreeMap::new();
        for entry in managers.values() {
            if comparisons.contains_key(&entry.api_version) {
                continue;
            }
            let comparison = match (
                self.convert(old, &entry.api_version),
                self.convert(new, &entry.api_version),
            ) {
                (Some(old), Some(new)) => {
                    let comparison = compare(&old.value, &new.value, &new.ty)
                        .map_err(|errors| UpdateError::Typed("failed to compare objects", errors))?;
                    Some(self.filtered(comparison, &entry.api_version))
                }
                _ => None,
            };
            comparisons.insert(entry.api_version.clone(), comparison);
        }
        let comparison_of = |entry: &Entry| comparisons.get(&entry.api_version).and_then(Option::as_ref);
        managers.retain(|id, entry| id == who || comparison_of(entry).is_some());
        let mut taken = Vec::new();
        for (id, entry) in managers.iter().filter(|(id, _)| *id != who) {
            let Some(comparison) = comparison_of(entry) else {
                continue;
            };
            let changed = comparison.modified.union(&comparison.added);
            let conflicts = entry.set.intersection(&changed);
            taken.push((id.clone(), conflicts, &comparison.removed));
        }
        if !force {
            let mut conflicts = Vec::new();
            for (id, set, _) in &taken {
                set.for_each(&mut |path: &[PathElement]| {
                    conflicts.push(Conflict {
                        manager: id.clone(),
                        path: path.to_vec(),
                    });
                });
            }
            if !conflicts.is_empty() {
                return Err(UpdateError::Conflicts(conflicts));
            }
        }
        for (id, conflicts, removed) in taken {
            if let Some(entry) = managers.get_mut(&id) {
                if !conflicts.is_empty() {
                    entry.set = entry.set.difference(&conflicts);
                }
                if !removed.is_empty() {
                    entry.set = entry.set.difference(removed);
                }
            }
        }
        managers.retain(|_, entry| !entry.set.is_empty());
        Ok(())
    }

    /// Brings ownership up to date with types that have changed.
    fn reconcile(&self, managers: &mut Managers) {
        managers.retain(|_, entry| {
            let ty = if entry.api_version == self.api_version {
                Some(self.ty.clone())
            } else {
                self.versions.type_of(&entry.api_version)
            };
            let Some(ty) = ty else { return false };
            if let Some(set) = reconcile(&entry.set, &ty) {
                entry.set = set;
            }
            true
        });
    }

    /// Gives what has changed between two objects to a manager.
    ///
    /// Source: structured-merge-diff `merge/update.go`, `Updater.Update`.
    pub(crate) fn update(
        &self,
        old: &Value,
        new: &Value,
        managers: &mut Managers,
        who: &ManagerId,
    ) -> Result<(), UpdateError> {
        self.reconcile(managers);
        let comparison = compare(old, new, self.ty)
            .map_err(|errors| UpdateError::Typed("failed to compare objects", errors))?;
        let comparison = self.filtered(comparison, self.api_version);
        self.take(old, new, managers, who, true)?;
        let before = managers.remove(who);
        let time = before.as_ref().and_then(|entry| entry.time.clone());
        let mut set = before
            .map(|entry| entry.set)
            .unwrap_or_default()
            .difference(&comparison.removed)
            .union(&comparison.modified)
            .union(&comparison.added);
        if let Some(ignored) = self.versions.ignored(self.api_version) {
            set = set.recursive_difference(ignored);
        }
        if !set.is_empty() {
            let api_version = self.api_version.to_owned();
            managers.insert(
                who.clone(),
                Entry {
                    set,
                    api_version,
                    time,
                },
            );
        }
        Ok(())
    }

    /// Merges what is applied into what is there and removes what the same manager applied before and does not now.
    /// `None` when the object stays the same.
    ///
    /// Source: structured-merge-diff `merge/update.go`, `Updater.Apply`.
    pub(crate) fn apply(
        &self,
        live: &Value,
        applied: &Value,
        managers: &mut Managers,
        who: &ManagerId,
        force: bool,
    ) -> Result<Option<Value>, UpdateError> {
        self.reconcile(managers);
        let typed = |what| move |errors| UpdateError::Typed(what, errors);
        let merged = merge(live, applied, self.ty).map_err(typed("failed to merge config"))?;
        let mut set = field_set(applied, self.ty).map_err(typed("failed to get field set"))?;
        if let Some(ignored) = self.versions.ignored(self.api_version) {
            set = set.recursive_difference(ignored);
        }
        let last = managers.remove(who);
        managers.insert(
            who.clone(),
            Entry {
                set,
                api_version: self.api_version.to_owned(),
                time: last.as_ref().and_then(|entry| entry.time.clone()),
            },
        );
        let new = match last.filter(|entry| !entry.set.is_empty()) {
            Some(last) => self
                .prune(merged, managers, &last)
                .map_err(typed("failed to prune fields"))?,
            None => merged,
        };
        self.take(live, &new, managers, who, force)?;
        Ok((!equal_values(live, &new)).then_some(new))
    }

    /// Removes what was applied before, is not applied now, and is owned by nobody.
    ///
    /// Source: structured-merge-diff `merge/update.go`, `Updater.prune` and what it calls.
    fn prune(&self, merged: Value, managers: &Managers, last: &Entry) -> Result<Value, TypedErrors> {
        // The common case: all that was applied before is still owned.
        let mut left = last.set.clone();
        for entry in managers
            .values()
            .filter(|entry| entry.api_version == last.api_version)
        {
            left = left.difference(&entry.set);
        }
        if left.is_empty() {
            return Ok(merged);
        }
        let Some(old) = self.convert(&merged, &last.api_version) else {
            return Ok(merged);
        };
        let ty = &old.ty;
        let last_set = last.set.with_named_fields(Some(ty));
        let pruned = remove_items(&old.value, &last_set, ty);
        let pruned = self.add_back_owned(&old, pruned, &last.api_version, managers)?;
        // What nobody owned, or only others, is not this manager's to remove.
        let merged_set = field_set(&old.value, ty)?.with_named_fields(Some(ty));
        let pruned_set = field_set(&pruned, ty)?.with_named_fields(Some(ty));
        let removed = merged_set.difference(&pruned_set).intersection(&last_set);
        let pruned = remove_items(&old.value, &removed, ty);
        let pruned = self.back(Cow::Owned(pruned), &last.api_version);
        Ok(pruned.map_or_else(|| merged.clone(), Cow::into_owned))
    }

    fn add_back_owned(
        &self,
        merged: &Versioned<'_>,
        pruned: Value,
        pruned_version: &str,
        managers: &Managers,
    ) -> Result<Value, TypedErrors> {
        let mut owned: BTreeMap<&str, FieldSet> = BTreeMap::new();
        for entry in managers.values() {
            let set = owned.entry(&entry.api_version).or_default();
            *set = set.union(&entry.set);
        }
        let mut pruned = pruned;
        if let Some(owned) = owned.remove(pruned_version) {
            pruned = add_back(&merged.value, &pruned, &merged.ty, &owned)?;
        }
        for (version, owned) in owned {
            let Some(ty) = self.type_at(version) else { continue };
            let convert = |value: &Value| {
                if version == pruned_version {
                    Some(value.clone())
                } else {
                    self.versions.convert(value, version)
                }
            };
            let (Some(there), Some(rest)) = (convert(&merged.value), convert(&pruned)) else {
                continue;
            };
            let with = add_back(&there, &rest, &ty, &owned)?;
            if let Some(with) = self.versions.convert(&with, pruned_version) {
                pruned = with;
            }
        }
        Ok(pruned)
    }

    fn type_at(&self, api_version: &str) -> Option<TypeRef> {
        if api_version == self.api_version {
            Some(self.ty.clone())
        } else {
            self.versions.type_of(api_version)
        }
    }
}

/// Puts back what was removed but is owned by someone.
fn add_back(merged: &Value, pruned: &Value, ty: &TypeRef, owned: &FieldSet) -> Result<Value, TypedErrors> {
    let merged_set = field_set(merged, ty)?.with_named_fields(Some(ty));
    let pruned_set = field_set(pruned, ty)?.with_named_fields(Some(ty));
    let kept = pruned_set.union(&owned.with_named_fields(Some(ty)));
    Ok(remove_items(merged, &merged_set.difference(&kept), ty))
}
