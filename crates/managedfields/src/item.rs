//! What tells the items of a list apart.

use std::sync::Arc;

use kluctl_schema::List;
use serde_json::Value;

use crate::path::PathElement;

/// The element of a path that leads to an item of an associative list.
///
/// Source: structured-merge-diff `typed/helpers.go`, `listItemToPathElement`.
pub fn item_element(list: &List, item: &Value) -> Result<PathElement, String> {
    if !list.associative {
        return Err("invalid indexing of non-associative list".to_owned());
    }
    if list.keys.is_empty() {
        return match item {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null".to_owned())
            }
            scalar => Ok(PathElement::Value(Arc::new(scalar.clone()))),
        };
    }
    let map = match item {
        Value::Object(map) => map,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let mut fields: Vec<(Arc<str>, Value)> = Vec::with_capacity(list.keys.len());
    for key in &list.keys {
        if let Some(value) = map.get(&**key) {
            fields.push(((&**key).into(), value.clone()));
            continue;
        }
        let Some(item_map) = &list.items.map else {
            return Err(format!(
                "couldn't find default value for {key}: associative list may not have non-map types"
            ));
        };
        if let Some(default) = item_map.field(key).and_then(|field| field.default.as_ref()) {
            fields.push(((&**key).into(), default.clone()));
        }
    }
    if fields.is_empty() {
        let keys: Vec<_> = list.keys.iter().map(|key| crate::value::go_quoted(key)).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            keys.join(" ")
        ));
    }
    fields.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(PathElement::Key(fields.into()))
}
