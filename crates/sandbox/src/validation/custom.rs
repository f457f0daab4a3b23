//! Custom objects against their schemas and the rules in them.
//!
//! Source: apiextensions-apiserver `pkg/registry/customresource/strategy.go`.

use kluctl_object::Object;
use kluctl_schema::{Finding, FindingKind, Type, check_rules};
use serde_json::Value;

use crate::resources::Resource;
use crate::status::{Cause, CauseKind};

/// Checks an object against its schema; what was wrong before and has not changed is let through.
///
/// `before` is what was found wrong elsewhere, since that, too, may keep rules from being checked.
pub(super) fn check(
    resource: &Resource,
    old: Option<&Object>,
    object: &Object,
    before: &[Cause],
) -> Vec<Cause> {
    let value = object.to_value();
    let old = old.map(Object::to_value);
    let mut findings = kluctl_schema::validate(&value, &resource.ty);
    if let Some(old) = &old {
        findings.retain(|finding| !is_unchanged(finding, &value, old, &resource.ty));
    }
    embedded(&value, &resource.ty, "", &mut findings);
    let blocks = |finding: &Finding| {
        matches!(
            finding.kind,
            FindingKind::NotSupported
                | FindingKind::Required
                | FindingKind::TooLong
                | FindingKind::TooMany
                | FindingKind::TypeInvalid
        )
    };
    if resource.custom.as_ref().is_some_and(|custom| custom.has_rules) {
        let stops = |cause: &Cause| {
            matches!(
                cause.kind,
                CauseKind::NotSupported
                    | CauseKind::Required
                    | CauseKind::TooLong
                    | CauseKind::TooMany
                    | CauseKind::TypeInvalid
            )
        };
        if findings.iter().any(blocks) || before.iter().any(stops) {
            findings.push(Finding::new(
                FindingKind::Invalid,
                "",
                Some(Value::Null),
                "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
            ));
        } else {
            findings.extend(check_rules(&value, old.as_ref(), &resource.ty).errors);
        }
    }
    findings.into_iter().map(cause_of).collect()
}

/// Whole objects inside of others say what they are.
fn embedded(value: &Value, ty: &Type, path: &str, findings: &mut Vec<Finding>) {
    if ty.rules.embedded_resource && value.is_object() {
        for key in ["apiVersion", "kind"] {
            if value[key].as_str().is_none_or(str::is_empty) {
                findings.push(Finding::new(
                    FindingKind::Required,
                    format!("{path}.{key}").trim_start_matches('.'),
                    None,
                    "",
                ));
            }
        }
    }
    match value {
        Value::Object(entries) => {
            let Some(map) = &ty.map else { return };
            for (key, entry) in entries {
                if let Some(field) = map.field(key) {
                    embedded(entry, &field.ty, &format!("{path}.{key}"), findings);
                } else if let Some(element) = map.element.as_ref().filter(|_| !map.open) {
                    embedded(entry, element, &format!("{path}[{key}]"), findings);
                }
            }
        }
        Value::Array(items) => {
            let Some(list) = &ty.list else { return };
            for (index, item) in items.iter().enumerate() {
                embedded(item, &list.items, &format!("{path}[{index}]"), findings);
            }
        }
        _ => {}
    }
}

/// What rules say of what was wrong before and has not changed.
pub(super) fn warnings(
    resource: &Resource,
    old: Option<&Object>,
    object: &Object,
    warnings: &mut Vec<String>,
) {
    let Some(custom) = &resource.custom else { return };
    let finalizers = object.at(&["metadata", "finalizers"]).and_then(Value::as_array);
    let before = old.and_then(|old| old.at(&["metadata", "finalizers"]).and_then(Value::as_array));
    let is_new = |name: &&Value| !before.is_some_and(|before| before.contains(name));
    for name in finalizers
        .into_iter()
        .flatten()
        .filter(is_new)
        .filter_map(Value::as_str)
    {
        let known = ["orphan", "foregroundDeletion", "kubernetes"].contains(&name);
        if !known && !name.contains('/') {
            let name = crate::status::go_quote(name);
            warnings.push(format!("metadata.finalizers: {name}: prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers"));
        }
    }
    if !custom.has_rules {
        return;
    }
    let old = old.map(Object::to_value);
    let found = check_rules(&object.to_value(), old.as_ref(), &resource.ty);
    warnings.extend(found.warnings.iter().map(ToString::to_string));
}

/// Whether the value that is wrong, or one it stands in, is as it was.
fn is_unchanged(finding: &Finding, value: &Value, old: &Value, ty: &Type) -> bool {
    let (mut value, mut old, mut ty) = (value, old, ty);
    for part in finding
        .path
        .split(['.', '['])
        .map(|part| part.trim_end_matches(']'))
    {
        let next = match value {
            Value::Object(entries) => {
                let Some(map) = &ty.map else { return false };
                let Some(inner) = map.entry(part) else {
                    return false;
                };
                (entries.get(part), old.get(part), &**inner)
            }
            Value::Array(items) => {
                let Some(list) = &ty.list else { return false };
                let item = part.parse::<usize>().ok().and_then(|index| items.get(index));
                let before = old.as_array().into_iter().flatten().find(|other| {
                    !list.keys.is_empty()
                        && item.is_some_and(|item| {
                            list.keys.iter().all(|key| other.get(&**key) == item.get(&**key))
                        })
                });
                (item, before, &*list.items)
            }
            _ => return false,
        };
        let (Some(new), Some(before), inner) = next else {
            return false;
        };
        if new == before {
            return true;
        }
        (value, old, ty) = (new, before, inner);
    }
    false
}

fn cause_of(finding: Finding) -> Cause {
    let kind = match finding.kind {
        FindingKind::Invalid => CauseKind::Invalid,
        FindingKind::TypeInvalid => CauseKind::TypeInvalid,
        FindingKind::Required => CauseKind::Required,
        FindingKind::NotSupported => CauseKind::NotSupported,
        FindingKind::TooLong => CauseKind::TooLong,
        FindingKind::TooMany => CauseKind::TooMany,
        FindingKind::Forbidden => CauseKind::Forbidden,
        FindingKind::Duplicate => CauseKind::Duplicate,
    };
    let path = if finding.path.is_empty() {
        "<nil>".to_owned()
    } else {
        finding.path
    };
    match finding.value {
        Some(value) => Cause::new(kind, path, value, finding.detail),
        None => Cause::plain(kind, path, finding.detail),
    }
}
