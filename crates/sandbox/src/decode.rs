//! Bodies of requests as objects of built-in kinds: unknown fields are told, what has the wrong type is refused in
//! `encoding/json`'s words, and the rest takes the form in which the server writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluctl_schema::{JsonType, Map, Type, TypeRef, canonical_quantity, default_object};
use serde_json::Value;

use crate::time::{canonical_micro_time, canonical_time};

const NOT_A_QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";

/// What was found on the way.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// `unknown field "spec.x"`, in the order in which they stand.
    pub(crate) unknown: Vec<String>,
    /// The first value that does not fit.
    pub(crate) error: Option<String>,
}

/// Where a value stands.
struct Place<'a> {
    /// With indices, for unknown fields.
    path: String,
    /// Without, for types that do not fit.
    fields: String,
    owner: &'a str,
}

impl Place<'_> {
    fn field<'b>(&self, owner: &'b str, name: &str) -> Place<'b> {
        let join = |prefix: &str| {
            if prefix.is_empty() {
                name.to_owned()
            } else {
                format!("{prefix}.{name}")
            }
        };
        Place {
            path: join(&self.path),
            fields: join(&self.fields),
            owner,
        }
    }

    fn item(&self, index: usize) -> Place<'_> {
        Place {
            path: format!("{}[{index}]", self.path),
            fields: self.fields.clone(),
            owner: self.owner,
        }
    }
}

/// Makes an object of a built-in kind, or a part of one, what the server would make of it, with its defaults.
pub(crate) fn decode(value: &mut Value, ty: &TypeRef) -> Findings {
    let mut walk = Walk(Findings::default());
    let place = Place {
        path: String::new(),
        fields: String::new(),
        owner: "",
    };
    walk.value(ty, value, &place);
    if walk.0.error.is_none() {
        default_object(value, ty);
    }
    walk.0
}

struct Walk(Findings);

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The name a Go type has in messages.
fn go_type(ty: &TypeRef) -> String {
    if let TypeRef::Named(definition) = ty {
        let mut parts = definition.name().rsplit('.');
        let name = parts.next().unwrap_or_default();
        let package = parts.next().unwrap_or_default();
        if ty.map.is_some() || ty.scalar.is_none() {
            return format!("{package}.{name}");
        }
    }
    match ty.rules.json_type {
        Some(JsonType::String) => "string".to_owned(),
        Some(JsonType::Boolean) => "bool".to_owned(),
        Some(JsonType::Integer) => ty.rules.format.as_deref().unwrap_or("int64").to_owned(),
        Some(JsonType::Number) => "float64".to_owned(),
        Some(JsonType::Array) => match &ty.list {
            Some(list) => format!("[]{}", go_type(&list.items)),
            None => "[]interface {}".to_owned(),
        },
        Some(JsonType::Object) => match ty.map.as_ref().and_then(|map| map.element.as_ref()) {
            Some(element) => format!("map[string]{}", go_type(element)),
            None => "map[string]interface {}".to_owned(),
        },
        None => "interface {}".to_owned(),
    }
}

fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl Walk {
    fn fail(&mut self, message: String) {
        self.0.error.get_or_insert(message);
    }

    fn mismatch(&mut self, ty: &TypeRef, value: &Value, place: &Place<'_>) {
        let what = match value {
            Value::Number(number) if !number.is_i64() && ty.rules.json_type == Some(JsonType::Integer) => {
                format!("number {number}")
            }
            other => json_kind(other).to_owned(),
        };
        let message = if place.fields.is_empty() {
            format!(
                "json: cannot unmarshal {what} into Go value of type {}",
                go_type(ty)
            )
        } else {
            format!(
                "json: cannot unmarshal {what} into Go struct field {}.{} of type {}",
                place.owner,
                place.fields,
                go_type(ty)
            )
        };
        self.fail(message);
    }

    fn value(&mut self, ty: &TypeRef, value: &mut Value, place: &Place<'_>) {
        if let TypeRef::Named(definition) = ty {
            match definition.name() {
                QUANTITY => return self.quantity(value),
                INT_OR_STRING => {
                    if !matches!(value, Value::String(_) | Value::Number(_)) {
                        self.mismatch(ty, value, place);
                    }
                    return;
                }
                TIME => {
                    return self.time(ty, value, place, canonical_time, "2006-01-02T15:04:05Z07:00");
                }
                MICRO_TIME => {
                    let layout = "2006-01-02T15:04:05.000000Z07:00";
                    return self.time(ty, value, place, canonical_micro_time, layout);
                }
                _ => {}
            }
        }
        let Some(json_type) = ty.rules.json_type else {
            return;
        };
        match (json_type, &mut *value) {
            (JsonType::Object, Value::Object(_)) => match &ty.map {
                Some(map) if !map.fields.is_empty() => self.fields(ty, map, value, place),
                Some(map) => self.entries(map, value, place),
                None => {}
            },
            (JsonType::Array, Value::Array(items)) => {
                let Some(list) = &ty.list else { return };
                for (index, item) in items.iter_mut().enumerate() {
                    if !item.is_null() {
                        self.value(&list.items, item, &place.item(index));
                    }
                }
            }
            (JsonType::String, Value::String(text)) => {
                if ty.rules.format.as_deref() == Some("byte") {
                    self.base64(text);
                }
            }
            (JsonType::Boolean, Value::Bool(_)) => {}
            (JsonType::Number, Value::Number(_)) => {}
            (JsonType::Integer, Value::Number(number)) => match whole(number) {
                Some(integer) if fits(integer, ty) => *value = Value::from(integer),
                _ => self.mismatch(ty, value, place),
            },
            (JsonType::Array, Value::String(text)) if ty.rules.format.as_deref() == Some("byte") => {
                self.base64(text);
            }
            _ => self.mismatch(ty, value, place),
        }
    }

    fn base64(&mut self, text: &mut String) {
        text.retain(|c| c != '\n' && c != '\r');
        if STANDARD.decode(text.as_bytes()).is_err() {
            let alphabet = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
            let body = text.trim_end_matches('=');
            let at = body
                .bytes()
                .position(|c| !alphabet(c))
                .unwrap_or(text.len() / 4 * 4);
            self.fail(format!("illegal base64 data at input byte {at}"));
        }
    }

    fn quantity(&mut self, value: &mut Value) {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return self.fail(NOT_A_QUANTITY.to_owned()),
        };
        if canonical_quantity(&text).is_none() {
            self.fail(NOT_A_QUANTITY.to_owned());
        }
    }

    fn time(
        &mut self,
        ty: &TypeRef,
        value: &mut Value,
        place: &Place<'_>,
        canonical: fn(&str) -> Option<String>,
        layout: &str,
    ) {
        let Value::String(text) = value else {
            return self.mismatch(ty, value, place);
        };
        let is_micro = layout.contains(".000000");
        match canonical(text).filter(|_| !is_micro || has_micros(text)) {
            Some(time) => *text = time,
            None if is_micro && canonical(text).is_some() => {
                let rest = text.get(19..).unwrap_or_default();
                let message = format!(
                    "parsing time \"{text}\" as \"{layout}\": cannot parse \"{rest}\" as \".000000\""
                );
                self.fail(message);
            }
            None => {
                let message =
                    format!("parsing time \"{text}\" as \"{layout}\": cannot parse \"{text}\" as \"2006\"");
                self.fail(message);
            }
        }
    }

    fn entries(&mut self, map: &Map, value: &mut Value, place: &Place<'_>) {
        let (Some(element), Value::Object(object)) = (&map.element, value) else {
            return;
        };
        if matches!(element, TypeRef::Unknown(_)) {
            return;
        }
        for (key, entry) in object.iter_mut() {
            if entry.is_null() {
                continue;
            }
            let place = Place {
                path: format!("{}.{key}", place.path),
                fields: place.fields.clone(),
                owner: place.owner,
            };
            self.value(element, entry, &place);
        }
    }

    fn fields(&mut self, ty: &TypeRef, map: &Map, value: &mut Value, place: &Place<'_>) {
        let Value::Object(object) = value else { return };
        let name = match ty {
            TypeRef::Named(definition) => definition.name(),
            _ => "",
        };
        let keys: Vec<String> = object.keys().cloned().collect();
        for key in keys {
            let inner = place.field(short(name), &key);
            let Some(field) = map.field(&key) else {
                self.0.unknown.push(format!("unknown field \"{}\"", inner.path));
                object.remove(&key);
                continue;
            };
            if let Some(entry) = object.get_mut(&key) {
                if entry.is_null() {
                    object.remove(&key);
                } else {
                    self.value(&field.ty, entry, &inner);
                }
            }
        }
    }
}

/// Whether a time has its six digits after the second.
fn has_micros(text: &str) -> bool {
    text.get(19..).is_some_and(|rest| {
        rest.starts_with('.') && rest[1..].bytes().take_while(u8::is_ascii_digit).count() == 6
    })
}

fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
    })
}

fn fits(number: i64, ty: &Type) -> bool {
    ty.rules.format.as_deref() != Some("int32") || i32::try_from(number).is_ok()
}

#[cfg(test)]
mod tests {
    use kluctl_object::Gvk;
    use kluctl_schema::kubernetes;
    use serde_json::json;

    use super::*;

    fn decode(group: &str, kind: &str, mut value: Value) -> (Value, Findings) {
        let ty = kubernetes().type_of(&Gvk::new(group, "v1", kind)).unwrap();
        let findings = super::decode(&mut value, &ty);
        (value, findings)
    }

    #[test]
    fn zero_values_go_as_in_go() {
        let (value, findings) = decode(
            "apps",
            "Deployment",
            json!({"metadata": {"annotations": {}}, "spec": {"replicas": 0, "template": {
                "metadata": {"creationTimestamp": null},
                "spec": {"hostNetwork": false, "nodeSelector": {}, "tolerations": [], "volumes": [{"name": "v", "emptyDir": {}}],
                    "containers": [{"name": "c", "resources": {"limits": {"cpu": "1000m"}}}]},
            }}}),
        );
        assert!(
            findings.error.is_none() && findings.unknown.is_empty(),
            "{findings:?}"
        );
        assert_eq!(value["spec"]["replicas"], 0);
        let pod = &value["spec"]["template"]["spec"];
        assert!(pod.get("hostNetwork").is_none() && pod.get("nodeSelector").is_none());
        assert_eq!(pod["volumes"], json!([{"name": "v", "emptyDir": {}}]));
        assert_eq!(pod["containers"][0]["resources"]["limits"]["cpu"], "1");
        assert_eq!(value["status"], json!({}));
    }

    #[test]
    fn unknown_fields_and_wrong_types_are_told_as_in_go() {
        let (_, findings) = decode(
            "apps",
            "Deployment",
            json!({"spec": {"foo": 1, "template": {"spec": {"containers": [{"bar": 1, "name": 1}]}}}}),
        );
        assert_eq!(
            findings.unknown,
            [
                "unknown field \"spec.foo\"",
                "unknown field \"spec.template.spec.containers[0].bar\""
            ]
        );
        assert_eq!(
            findings.error.unwrap(),
            "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string"
        );
        let (_, findings) = decode("", "ConfigMap", json!({"data": {"x": 1}}));
        assert_eq!(
            findings.error.unwrap(),
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
        );
        let (_, findings) = decode("", "Secret", json!({"data": {"x": "%%"}}));
        assert_eq!(findings.error.unwrap(), "illegal base64 data at input byte 0");
    }
}
