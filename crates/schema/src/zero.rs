//! What a built-in kind looks like before anything is set.

use serde_json::{Map, Value};

use crate::types::{Type, TypeRef};

/// The empty object of a type: structs are there and empty, lists that must be there are `null`.
///
/// An API server holds built-in kinds as structs, where some fields cannot be missing. Types of CRDs have none.
pub fn zero(ty: &TypeRef) -> Value {
    match ty {
        TypeRef::Named(_) => fill(ty),
        TypeRef::Unknown(_) | TypeRef::Inline(_) => Value::Object(Map::new()),
    }
}

fn fill(ty: &Type) -> Value {
    let mut out = Map::new();
    for field in ty.map.iter().flat_map(|map| &map.fields) {
        let required = ty.rules.required.contains(&field.name);
        match &field.default {
            Some(Value::Object(default)) if default.is_empty() => {
                let inner = if field.ty.map.is_some() {
                    fill(&field.ty)
                } else {
                    Value::Object(Map::new())
                };
                out.insert(field.name.to_string(), inner);
            }
            Some(default) if required => drop(out.insert(field.name.to_string(), default.clone())),
            None if required && field.ty.scalar.is_none() && field.ty.list.is_some() => {
                out.insert(field.name.to_string(), Value::Null);
            }
            _ => {}
        }
    }
    Value::Object(out)
}
