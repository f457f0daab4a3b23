//! Strategic merge patches.

use kluctl_schema::{Patch, PatchStrategy, Type, TypeRef};
use serde_json::{Map, Value};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";
const SET_ORDER: &str = "$setElementOrder/";

/// A patch that cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrategicError {
    /// `$deleteFromPrimitiveList` without a field.
    #[error("invalid patch format of primitive list")]
    PrimitiveList,
    /// `$retainKeys` that does not fit the patch.
    #[error("invalid patch format of retainKeys")]
    RetainKeys,
    /// `$setElementOrder` that is not a list.
    #[error("invalid patch format of setElementOrder list")]
    SetElementOrder,
    /// Lists in lists.
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// Anything else, as the API server words it.
    #[error("{0}")]
    Other(String),
}

impl StrategicError {
    /// The HTTP status an API server answers with.
    ///
    /// Source: apiserver `pkg/endpoints/handlers/patch.go`, `interpretStrategicMergePatchError`.
    pub fn status(&self) -> u16 {
        match self {
            Self::PrimitiveList | Self::RetainKeys | Self::SetElementOrder => 400,
            Self::ListOfLists => 422,
            Self::Other(_) => 500,
        }
    }
}

type Result<T> = std::result::Result<T, StrategicError>;

/// Applies a strategic merge patch to an object.
///
/// Source: apimachinery `pkg/util/strategicpatch/patch.go`, `StrategicMergeMapPatch`.
pub fn strategic_merge(original: Value, patch: Value, ty: &TypeRef) -> Result<Value> {
    let (Value::Object(original), Value::Object(patch)) = (original, patch) else {
        return Err(StrategicError::Other("invalid JSON document".to_owned()));
    };
    Ok(Value::Object(merge_map(original, patch, Some(ty))?))
}

/// What a type says about one of its fields; nothing where nothing is known.
fn field<'t>(ty: Option<&'t Type>, name: &str) -> Result<(Option<&'t Type>, Patch)> {
    let Some(ty) = ty else {
        return Ok((None, Patch::default()));
    };
    let Some(map) = &ty.map else {
        return Ok((None, Patch::default()));
    };
    if let Some(field) = map.field(name) {
        return Ok((Some(&field.ty), field.patch.clone()));
    }
    match &map.element {
        Some(ty) => Ok((Some(ty), Patch::default())),
        None => Err(StrategicError::Other(format!(
            "unable to find api field \"{name}\""
        ))),
    }
}

fn items_of(ty: Option<&Type>) -> Option<&Type> {
    ty.and_then(|ty| ty.list.as_ref()).map(|list| &*list.items)
}

fn merge_map(
    mut original: Map<String, Value>,
    mut patch: Map<String, Value>,
    ty: Option<&Type>,
) -> Result<Map<String, Value>> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Map::new()),
            _ => Err(bad_patch_type(directive, &patch)),
        };
    }
    retain_keys(&mut original, &mut patch)?;
    order_lists(&mut original, &mut patch, ty)?;
    for (key, value) in patch {
        let deletes = key.strip_prefix(DELETE_FROM_LIST);
        if deletes.is_none() && key.starts_with(DELETE_FROM_LIST.trim_end_matches('/')) {
            return Err(StrategicError::PrimitiveList);
        }
        let name = deletes.unwrap_or(&key).to_owned();
        if value.is_null() {
            original.remove(&name);
            continue;
        }
        let Some(before) = original.remove(&name) else {
            if deletes.is_none()
                && let Some(value) = without_directives(without_nulls(value))
            {
                original.insert(name, value);
            }
            continue;
        };
        let after = match (before, value) {
            (Value::Object(before), Value::Object(value)) => {
                let (ty, _) = field(ty, &name)?;
                Some(Value::Object(merge_map(before, value, ty)?))
            }
            (Value::Array(before), Value::Array(value)) => {
                let (ty, patch) = field(ty, &name)?;
                Some(Value::Array(merge_list(
                    before,
                    value,
                    items_of(ty),
                    &patch,
                    deletes.is_some(),
                )?))
            }
            (before, value) => {
                let same_type = std::mem::discriminant(&before) == std::mem::discriminant(&value);
                if deletes.is_some() && !same_type {
                    Some(before)
                } else {
                    without_directives(if same_type { value } else { without_nulls(value) })
                }
            }
        };
        if let Some(after) = after {
            original.insert(name, after);
        }
    }
    Ok(original)
}

fn bad_patch_type(directive: &Value, map: &Map<String, Value>) -> StrategicError {
    let text = directive
        .as_str()
        .map_or_else(|| directive.to_string(), str::to_owned);
    StrategicError::Other(format!("unknown patch type: {text} in map: {}", go_map(map)))
}

fn no_merge_key(map: &Map<String, Value>, key: &str) -> StrategicError {
    StrategicError::Other(format!(
        "map: {} does not contain declared merge key: {key}",
        go_map(map)
    ))
}

/// A map as Go prints it.
fn go_map(map: &Map<String, Value>) -> String {
    fn text(value: &Value) -> String {
        match value {
            Value::Null => "<nil>".to_owned(),
            Value::String(text) => text.clone(),
            Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(" ")),
            Value::Object(map) => go_map(map),
            other => other.to_string(),
        }
    }
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    let entries: Vec<_> = entries
        .into_iter()
        .map(|(key, value)| format!("{key}:{}", text(value)))
        .collect();
    format!("map[{}]", entries.join(" "))
}

fn retain_keys(original: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<()> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let Value::Array(keys) = keys else {
        return Err(StrategicError::RetainKeys);
    };
    let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
    let listed = patch
        .iter()
        .filter(|(key, value)| {
            !value.is_null()
                && !key.starts_with(DELETE_FROM_LIST.trim_end_matches('/'))
                && !key.starts_with(SET_ORDER.trim_end_matches('/'))
        })
        .all(|(key, _)| keys.contains(&key.as_str()));
    if !listed {
        return Err(StrategicError::RetainKeys);
    }
    original.retain(|key, _| keys.contains(&key.as_str()));
    Ok(())
}

/// Merges the lists whose order the patch gives.
fn order_lists(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    ty: Option<&Type>,
) -> Result<()> {
    let prefix = SET_ORDER.trim_end_matches('/');
    let keys: Vec<String> = patch
        .keys()
        .filter(|key| key.starts_with(prefix))
        .cloned()
        .collect();
    for key in keys {
        let Some(order) = patch.remove(&key) else { continue };
        let name = key
            .strip_prefix(SET_ORDER)
            .ok_or(StrategicError::SetElementOrder)?;
        let Value::Array(order) = order else {
            return Err(StrategicError::Other(format!(
                "expected a []interface {{}}, but received a {}",
                go_type(&order)
            )));
        };
        let list_at = |map: &mut Map<String, Value>| match map.remove(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(StrategicError::Other(format!(
                "expected a []interface {{}}, but received a {}",
                go_type(&other)
            ))),
        };
        let before = list_at(original)?;
        let change = list_at(patch)?;
        let (list_type, meta) = field(ty, name)?;
        let merge_key = meta.merge_key.as_deref().unwrap_or_default();
        check_order(change.as_deref().unwrap_or_default(), &order, merge_key)?;
        let server_order = before.clone().unwrap_or_default();
        let merged = match (before, change) {
            (None, None) => continue,
            (Some(before), None) => before,
            (None, Some(change)) => match without_directives(Value::Array(change)) {
                Some(Value::Array(items)) => items,
                _ => continue,
            },
            (Some(before), Some(change)) => merge_list(before, change, items_of(list_type), &meta, false)?,
        };
        let sorted = sort_items(merged, &order, &server_order, merge_key)?;
        original.insert(name.to_owned(), Value::Array(sorted));
    }
    Ok(())
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// What items are told apart by: the value of the merge key, or the item itself.
fn identity<'v>(item: &'v Value, merge_key: &str) -> Option<&'v Value> {
    if merge_key.is_empty() {
        Some(item)
    } else {
        item.get(merge_key)
    }
}

/// The items of the patch must come in the order the patch gives.
fn check_order(change: &[Value], order: &[Value], merge_key: &str) -> Result<()> {
    if order.is_empty() || change.is_empty() {
        return Ok(());
    }
    let has_directive = |item: &Value| item.get(DIRECTIVE).is_some();
    let mut wanted = order.iter();
    for item in change.iter().filter(|item| !has_directive(item)) {
        let key = identity(item, merge_key);
        if key.is_none()
            && let Value::Object(map) = item
        {
            return Err(no_merge_key(map, merge_key));
        }
        if !wanted.any(|wanted| identity(wanted, merge_key) == key) {
            return Err(StrategicError::Other(format!(
                "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                go_list(change),
                go_list(order)
            )));
        }
    }
    Ok(())
}

fn go_list(items: &[Value]) -> String {
    let texts: Vec<_> = items
        .iter()
        .map(|item| match item {
            Value::Object(map) => go_map(map),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect();
    format!("[{}]", texts.join(" "))
}

fn merge_list(
    original: Vec<Value>,
    patch: Vec<Value>,
    item_type: Option<&Type>,
    meta: &Patch,
    deletes: bool,
) -> Result<Vec<Value>> {
    let merges = matches!(
        meta.strategy,
        PatchStrategy::Merge | PatchStrategy::MergeRetainKeys
    );
    if !merges && !deletes {
        return Ok(patch);
    }
    let Some(first) = original.first().or(patch.first()) else {
        return Ok(original);
    };
    for item in original.iter().chain(&patch) {
        if item.is_array() {
            return Err(StrategicError::ListOfLists);
        }
        if item.is_object() != first.is_object() {
            return Err(StrategicError::Other(format!(
                "list element types are not identical: {} and {}",
                go_type(first),
                go_type(item)
            )));
        }
    }
    if !first.is_object() {
        if deletes {
            return Ok(original
                .into_iter()
                .filter(|item| !patch.contains(item))
                .collect());
        }
        let mut merged: Vec<Value> = Vec::new();
        for item in original.iter().chain(&patch) {
            if !merged.contains(item) {
                merged.push(item.clone());
            }
        }
        return sort_items(merged, &patch, &original, "");
    }
    let Some(merge_key) = meta.merge_key.as_deref() else {
        return Err(StrategicError::Other(
            "cannot merge lists without merge key for struct".to_owned(),
        ));
    };
    let (mut original, patch) = special_items(original, patch, merge_key)?;
    let server_order = original.clone();
    for item in &patch {
        let Value::Object(map) = item else { continue };
        let Some(key) = map.get(merge_key) else {
            return Err(no_merge_key(map, merge_key));
        };
        let found = original
            .iter_mut()
            .find(|other| other.get(merge_key) == Some(key));
        match found {
            Some(Value::Object(there)) => *there = merge_map(std::mem::take(there), map.clone(), item_type)?,
            _ => original.push(item.clone()),
        }
    }
    sort_items(original, &patch, &server_order, merge_key)
}

/// Obeys the directives among the items of a list.
fn special_items(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    merge_key: &str,
) -> Result<(Vec<Value>, Vec<Value>)> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut replace = false;
    for item in patch {
        let Value::Object(map) = &item else { continue };
        match map.get(DIRECTIVE) {
            None => plain.push(item),
            Some(Value::String(directive)) if directive == "delete" => {
                let Some(key) = map.get(merge_key) else {
                    return Err(no_merge_key(map, merge_key));
                };
                original.retain(|other| other.get(merge_key) != Some(key));
            }
            Some(Value::String(directive)) if directive == "replace" => replace = true,
            Some(Value::String(directive)) if directive == "merge" => {
                let text = "merging lists cannot yet be specified in the patch".to_owned();
                return Err(StrategicError::Other(text));
            }
            Some(other) => return Err(bad_patch_type(other, map)),
        }
    }
    Ok(if replace {
        (plain, Vec::new())
    } else {
        (original, plain)
    })
}

/// Puts the items a patch names in the order of the patch and the others between them, as they stood before.
///
/// Source: apimachinery `pkg/util/strategicpatch/patch.go`, `normalizeElementOrder`.
fn sort_items(
    merged: Vec<Value>,
    order: &[Value],
    server_order: &[Value],
    merge_key: &str,
) -> Result<Vec<Value>> {
    let place = |list: &[Value], item: &Value| {
        let key = identity(item, merge_key);
        list.iter().position(|other| identity(other, merge_key) == key)
    };
    if !merge_key.is_empty() {
        for item in merged.iter().chain(order) {
            if let Value::Object(map) = item
                && !map.contains_key(merge_key)
            {
                return Err(no_merge_key(map, merge_key));
            }
        }
    }
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    others.sort_by_key(|item| place(server_order, item));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for item in named {
        while let Some(other) = others.peek() {
            match (place(server_order, other), place(server_order, &item)) {
                (Some(other_place), Some(place)) if other_place < place => out.extend(others.next()),
                _ => break,
            }
        }
        out.push(item);
    }
    out.extend(others);
    Ok(out)
}

/// The value without `null`s in maps.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// The value without maps that carry a directive; `None` when it is one itself.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => Some(Value::Object(
            map.into_iter()
                .filter_map(|(key, value)| Some((key, without_directives(value)?)))
                .collect(),
        )),
        Value::Array(items) => Some(Value::Array(
            items.into_iter().filter_map(without_directives).collect(),
        )),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use kluctl_object::Gvk;
    use kluctl_schema::kubernetes;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(original: &Value, patch: &Value, expected: &Value) {
        let ty = kubernetes()
            .type_of(&Gvk::new("apps", "v1", "Deployment"))
            .unwrap();
        let pod = |spec: &Value| json!({"spec": {"template": {"spec": spec}}});
        let merged = strategic_merge(pod(original), pod(patch), &ty).unwrap();
        assert_eq!(merged, pod(expected));
    }

    #[test]
    fn lists_merge_by_key() {
        check(
            &json!({"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "b"}]}),
            &json!({"containers": [{"name": "c"}, {"name": "a", "image": "2", "args": ["y"]}]}),
            &json!({"containers": [{"name": "c"}, {"name": "a", "image": "2", "args": ["y"]}, {"name": "b"}]}),
        );
        check(
            &json!({"containers": [{"name": "a"}, {"name": "b"}]}),
            &json!({"containers": [{"name": "a", "$patch": "delete"}]}),
            &json!({"containers": [{"name": "b"}]}),
        );
        check(
            &json!({"containers": [{"name": "a"}, {"name": "b"}]}),
            &json!({"containers": [{"name": "c"}, {"$patch": "replace"}]}),
            &json!({"containers": [{"name": "c"}]}),
        );
        check(
            &json!({"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}),
            &json!({"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}], "containers": [{"name": "c", "image": "1"}]}),
            &json!({"containers": [{"name": "b"}, {"name": "c", "image": "1"}, {"name": "a"}]}),
        );
    }

    #[test]
    fn maps_and_directives() {
        check(
            &json!({"nodeSelector": {"a": "1", "b": "2"}, "hostNetwork": true}),
            &json!({"nodeSelector": {"a": null, "c": "3"}, "hostNetwork": null}),
            &json!({"nodeSelector": {"b": "2", "c": "3"}}),
        );
        check(
            &json!({"nodeSelector": {"a": "1"}}),
            &json!({"nodeSelector": {"$patch": "replace", "c": "3"}}),
            &json!({"nodeSelector": {"c": "3"}}),
        );
        check(
            &json!({"volumes": [{"name": "a", "emptyDir": {}}]}),
            &json!({"volumes": [{"name": "a", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}]}),
            &json!({"volumes": [{"name": "a", "secret": {"secretName": "s"}}]}),
        );
    }

    #[test]
    fn lists_of_texts() {
        let ty = kubernetes().type_of(&Gvk::new("", "v1", "ConfigMap")).unwrap();
        let object = |finalizers: &Value| json!({"metadata": {"finalizers": finalizers}});
        let merged = strategic_merge(
            object(&json!(["a", "b"])),
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "$setElementOrder/finalizers": ["c", "b"], "finalizers": ["c"]}}),
            &ty,
        );
        assert_eq!(merged, Ok(object(&json!(["c", "b"]))));
    }

    #[test]
    fn errors_are_the_servers() {
        let ty = kubernetes()
            .type_of(&Gvk::new("apps", "v1", "Deployment"))
            .unwrap();
        let pod = |spec: &Value| json!({"spec": {"template": {"spec": spec}}});
        let error = strategic_merge(
            pod(&json!({"containers": [{"name": "a"}]})),
            pod(&json!({"containers": [{"image": "x"}]})),
            &ty,
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "map: map[image:x] does not contain declared merge key: name"
        );
    }
}
