//! Keeps the values of Secrets out of everything that leaves the process.

use kluctl_object::{Object, ObjectRef};
use serde_json::Value;

use crate::diff::{Change, ChangeKind};
use crate::problem::Problem;

/// What stands for a secret value.
pub const MASK: &str = "*****";
/// The same in base64, as `data` has it.
const MASK_BASE64: &str = "KioqKio=";
/// Shorter values are too common in ordinary texts to be searched for.
const SHORTEST: usize = 6;

/// Whether an object holds secret values.
pub fn is_secret(object: &ObjectRef) -> bool {
    object.group.is_empty() && object.kind == "Secret"
}

/// Masks the values of a Secret; other objects stay as they are.
pub fn obfuscate_object(object: &mut Object) {
    if !is_secret(&object.reference()) {
        return;
    }
    for (key, mask) in [("data", MASK_BASE64), ("stringData", MASK)] {
        if let Some(map) = object.as_map_mut().get_mut(key) {
            mask_values(map, mask);
        }
    }
    // kubectl's copy of the object holds the values once more
    let copy = "kubectl.kubernetes.io/last-applied-configuration";
    if object.annotation(copy).is_some() {
        object.set_annotation(copy, MASK);
    }
}

fn mask_values(value: &mut Value, mask: &str) {
    match value {
        Value::Object(map) => map.values_mut().for_each(|value| *value = Value::from(mask)),
        Value::Array(list) => list.iter_mut().for_each(|value| *value = Value::from(mask)),
        Value::Null => {}
        other => *other = Value::from(mask),
    }
}

/// Masks the changes of a Secret's values.
pub fn obfuscate_changes(object: &ObjectRef, changes: &mut [Change]) {
    if !is_secret(object) {
        return;
    }
    for change in changes {
        let root = change.json_path.split(['.', '[']).next().unwrap_or_default();
        let is_copy = change.json_path.contains("last-applied-configuration");
        if root == "data" || root == "stringData" || is_copy {
            mask_change(change);
        }
    }
}

/// The text shows both sides, although they look alike: that something has changed is no secret.
fn mask_change(change: &mut Change) {
    for value in change.old.iter_mut().chain(change.new.iter_mut()) {
        mask_values(value, MASK);
    }
    let lines = |value: Option<&Value>, sign: char| {
        let text = match value {
            Some(Value::Object(map)) => {
                let mut keys: Vec<_> = map.keys().collect();
                keys.sort();
                keys.into_iter()
                    .map(|key| format!("{sign}{key}: '{MASK} (obfuscated)'"))
                    .collect()
            }
            Some(Value::Array(list)) => list
                .iter()
                .map(|_| format!("{sign}- '{MASK} (obfuscated)'"))
                .collect(),
            Some(_) => vec![format!("{sign}{MASK} (obfuscated)")],
            None => Vec::new(),
        };
        text.join("\n")
    };
    let old = lines(change.old.as_ref(), '-');
    let new = lines(change.new.as_ref(), '+');
    change.unified_diff = match change.kind {
        ChangeKind::Insert => new,
        ChangeKind::Delete => old,
        ChangeKind::Update => format!("{old}\n{new}"),
    };
}

/// What stands in a text where a masked one has masks; `None` where the texts differ elsewhere.
pub fn unmasked<'t>(masked: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = masked.split(MASK);
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut found = Vec::new();
    let pieces: Vec<&str> = pieces.collect();
    let (last, middle) = pieces.split_last()?;
    for piece in middle {
        let end = rest.find(piece)?;
        found.push(&rest[..end]);
        rest = &rest[end + piece.len()..];
    }
    found.push(rest.strip_suffix(last)?);
    Some(found)
}

/// Masks in one tree what is masked in another one, where both agree otherwise.
///
/// A text that was masked before is never shown, whatever it has become.
pub fn adopt_masks(masked: &Value, value: &mut Value) {
    match (masked, value) {
        (Value::String(masked), Value::String(text)) if masked.contains(MASK) => {
            *text = match unmasked(masked, text) {
                Some(_) => masked.clone(),
                None => format!("{MASK} (changed)"),
            };
        }
        (Value::Array(masked), Value::Array(list)) => {
            for (masked, value) in masked.iter().zip(list) {
                adopt_masks(masked, value);
            }
        }
        (Value::Object(masked), Value::Object(map)) => {
            for (key, value) in map {
                if let Some(masked) = masked.get(key) {
                    adopt_masks(masked, value);
                }
            }
        }
        _ => {}
    }
}

/// The secret values of a run, to find them again in messages of the server.
#[derive(Clone, Debug, Default)]
pub struct SecretTexts(Vec<String>);

impl SecretTexts {
    /// Collects the values of all Secrets among the objects, as they are and in base64.
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut texts = std::collections::BTreeSet::new();
        for object in objects
            .into_iter()
            .filter(|object| is_secret(&object.reference()))
        {
            for key in ["data", "stringData"] {
                let values = object.at(&[key]).and_then(Value::as_object);
                for text in values
                    .into_iter()
                    .flatten()
                    .filter_map(|(_, value)| value.as_str())
                {
                    texts.insert(text.to_owned());
                    texts.extend(if key == "data" { decode_base64(text) } else { None });
                }
            }
        }
        // longer ones first: a value may be a part of another
        let mut texts: Vec<_> = texts.into_iter().filter(|text| text.len() >= SHORTEST).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self(texts)
    }

    /// Looks for these texts too.
    #[must_use]
    pub fn with(mut self, texts: &[String]) -> Self {
        self.0
            .extend(texts.iter().filter(|text| text.len() >= SHORTEST).cloned());
        self.0.sort_by_key(|text| std::cmp::Reverse(text.len()));
        self.0.dedup();
        self
    }

    /// Masks every secret value in the texts of a tree, keys left alone.
    pub fn obfuscate_value(&self, value: &mut Value) {
        match value {
            Value::String(text) if self.0.iter().any(|secret| text.contains(&**secret)) => {
                *text = self.obfuscate(text);
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.obfuscate_value(value)),
            Value::Object(map) => map.values_mut().for_each(|value| self.obfuscate_value(value)),
            _ => {}
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Masks every secret value in a message.
    pub fn obfuscate(&self, message: &str) -> String {
        self.0
            .iter()
            .fold(message.to_owned(), |message, text| message.replace(text, MASK))
    }

    /// Masks every secret value in the messages of problems.
    pub fn obfuscate_problems(&self, problems: &mut [Problem]) {
        for problem in problems {
            problem.message = self.obfuscate(&problem.message);
        }
    }
}

/// Decodes standard base64 that holds text.
fn decode_base64(text: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::changes;
    use serde_json::json;

    fn secret() -> Object {
        Object::try_from(json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{password}"}},
            "data": {"a": "cGFzc3dvcmQ="}, "stringData": {"b": "plain-text"}}))
        .unwrap()
    }

    #[test]
    fn values_of_secrets_are_masked() {
        let mut object = secret();
        obfuscate_object(&mut object);
        let text = object.to_value().to_string();
        assert!(
            !text.contains("assword") && !text.contains("plain") && !text.contains("cGFz"),
            "{text}"
        );
        assert_eq!(object.str_at(&["data", "a"]), Some("KioqKio="));
    }

    #[test]
    fn changes_of_secrets_are_masked() {
        let old = json!({"data": {"password": "b2xk"}});
        let new = json!({"data": {"password": "bmV3"}, "stringData": {"x": "y"}, "metadata": {"labels": {"a": "b"}}});
        let mut found = changes(&old, &new);
        obfuscate_changes(&secret().reference(), &mut found);
        let texts: Vec<_> = found.iter().map(|c| (&*c.json_path, &*c.unified_diff)).collect();
        assert_eq!(
            texts,
            [
                ("data.password", "-***** (obfuscated)\n+***** (obfuscated)"),
                ("metadata", "+labels:\n+  a: b"),
                ("stringData", "+x: '***** (obfuscated)'"),
            ]
        );
        assert_eq!(found[0].new, Some(json!("*****")));
    }

    #[test]
    fn masks_are_filled_in_from_a_text_that_is_alike_otherwise() {
        assert_eq!(unmasked("a=*****;b=*****", "a=1;b=2"), Some(vec!["1", "2"]));
        assert_eq!(unmasked("*****", "all of it"), Some(vec!["all of it"]));
        assert_eq!(unmasked("a=*****", "b=1"), None);
        assert_eq!(unmasked("no mask", "no mask"), None);
        let mut value = json!({"same": "x=secret", "other": "y=secret", "list": ["z"], "new": 1});
        adopt_masks(
            &json!({"same": "x=*****", "other": "x=*****", "list": ["*****"]}),
            &mut value,
        );
        assert_eq!(
            value,
            json!({"same": "x=*****", "other": "***** (changed)", "list": ["*****"], "new": 1})
        );
    }

    #[test]
    fn messages_lose_secret_values() {
        let texts = SecretTexts::of([&secret()]);
        let message = texts.obfuscate("invalid value \"password\" (cGFzc3dvcmQ=) and plain-text");
        assert_eq!(message, "invalid value \"*****\" (*****) and *****");
    }
}
