//! What somebody who wrote an unknown field meant.

use kluctl_object::{Key, KeyPath};

use crate::types::{Type, TypeRef};

/// How far below a field's place its name is looked for, and below those above it.
const DEPTH: usize = 3;
const DEPTH_ABOVE: usize = 1;
/// Shorter names are part of many others.
const SHORTEST_PART: usize = 4;

/// The field that was meant by an unknown one: a similar name in the same place, else the same name in another place, as a
/// path that has `[]` for items of lists.
pub fn suggest_field(ty: &TypeRef, unknown: &KeyPath) -> Option<String> {
    let (Key::Name(name), above) = unknown.0.split_last()? else {
        return None;
    };
    // All types on the way down, the outermost first.
    let mut way: Vec<(String, TypeRef)> = vec![(String::new(), ty.clone())];
    for key in above {
        let (path, ty) = way.last()?;
        let next = match key {
            Key::Name(name) => {
                let separator = if path.is_empty() { "" } else { "." };
                (
                    format!("{path}{separator}{name}"),
                    ty.map.as_ref()?.entry(name)?.clone(),
                )
            }
            Key::Index(_) => (format!("{path}[]"), ty.list.as_ref()?.items.clone()),
        };
        way.push(next);
    }
    let (_, here) = way.last()?;
    let names: Vec<&str> = fields(here).map(|(name, _)| name).collect();
    if let Some(similar) = kluctl_yaml::closest(name, &names) {
        return Some(similar.to_owned());
    }
    if let Some(longer) = longer(here, name, &names) {
        return Some(longer.to_owned());
    }
    let depths = std::iter::once(DEPTH).chain(std::iter::repeat(DEPTH_ABOVE));
    way.iter()
        .rev()
        .zip(depths)
        .find_map(|((path, ty), depth)| below(ty, name, depth).map(|found| join(path, &found)))
}

/// A field whose name the unknown one is the end or the start of, rather one that must be there.
fn longer<'n>(ty: &Type, name: &str, names: &[&'n str]) -> Option<&'n str> {
    let part = name.to_lowercase();
    let holds = |known: &&&str| {
        let known = known.to_lowercase();
        known.ends_with(&part) || known.starts_with(&part)
    };
    let optional = |known: &&&str| !ty.rules.required.iter().any(|required| **required == ***known);
    let found = names
        .iter()
        .filter(holds)
        .min_by_key(|known| (optional(known), known.len()));
    found.copied().filter(|_| part.len() >= SHORTEST_PART)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn fields(ty: &Type) -> impl Iterator<Item = (&str, &TypeRef)> {
    let fields = ty.map.iter().flat_map(|map| &map.fields);
    fields.map(|field| (&*field.name, &field.ty))
}

/// The nearest place below a type that has a field of this name.
fn below(ty: &Type, name: &str, depth: usize) -> Option<String> {
    let mut level: Vec<(String, &Type)> = vec![(String::new(), ty)];
    for _ in 0..=depth {
        if let Some((path, _)) = level
            .iter()
            .find(|(_, ty)| ty.map.as_ref().is_some_and(|map| map.field(name).is_some()))
        {
            return Some(join(path, name));
        }
        let mut next = Vec::new();
        for (path, ty) in level {
            for (field, inner) in fields(ty).filter(|(field, _)| !["metadata", "status"].contains(field)) {
                let inner: &Type = inner;
                match &inner.list {
                    Some(list) if inner.map.is_none() => next.push((join(&path, field) + "[]", &*list.items)),
                    _ => next.push((join(&path, field), inner)),
                }
            }
        }
        level = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use kluctl_object::Gvk;
    use serde_json::json;

    use super::*;
    use crate::kubernetes;

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        let ty = kubernetes()
            .type_of(&Gvk::new("apps", "v1", "Deployment"))
            .unwrap();
        let object = json!({"spec": {"replica": 1, "containers": [], "zzz": 1, "strategy": {"maxSurge": 1},
            "template": {"spec": {"containers": [{"replicas": 1, "port": [], "ports": [{"port": 1}], "runAsUser": 1}]}}}});
        let path = KeyPath::of_field(&object, path);
        assert_eq!(suggest_field(&ty, &path).as_deref(), expected, "{path}");
    }

    #[test]
    fn names_are_corrected_and_misplaced_fields_found() {
        check("spec.replica", Some("replicas"));
        check("spec.template.spec.containers[0].port", Some("ports"));
        check(
            "spec.template.spec.containers[0].ports[0].port",
            Some("containerPort"),
        );
        check("spec.containers", Some("spec.template.spec.containers"));
        check(
            "spec.strategy.maxSurge",
            Some("spec.strategy.rollingUpdate.maxSurge"),
        );
        check("spec.template.spec.containers[0].replicas", Some("spec.replicas"));
        check(
            "spec.template.spec.containers[0].runAsUser",
            Some("spec.template.spec.containers[].securityContext.runAsUser"),
        );
        check("spec.zzz", None);
    }
}
