//! Keeps the values of Secrets out of everything that leaves the process.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluctl_object::{KeyPath, MASK, MaskKey, Masks, Object, ObjectRef};
use serde_json::Value;

use crate::diff::{Change, ChangeKind};
use crate::problem::Problem;

/// Shorter values are too common in ordinary texts to be searched for.
const SHORTEST: usize = 6;

/// Whether an object holds secret values.
pub fn is_secret(object: &ObjectRef) -> bool {
    object.group.is_empty() && object.kind == "Secret"
}

/// The mask in base64, as `data` has it.
const MASK_BASE64: &str = "KioqKio=";

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

/// What follows a mask, without the fingerprint that may belong to it.
fn without_fingerprint(piece: &str) -> &str {
    let rest = piece.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    match rest {
        Some((digits, rest)) if digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            rest
        }
        _ => piece,
    }
}

/// What stands in a text where a masked one has masks; `None` where the texts differ elsewhere.
pub fn unmasked<'t>(masked: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = masked.split(MASK);
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut found = Vec::new();
    let pieces: Vec<&str> = pieces.map(without_fingerprint).collect();
    let (last, middle) = pieces.split_last()?;
    for piece in middle {
        let end = rest.find(piece)?;
        found.push(&rest[..end]);
        rest = &rest[end + piece.len()..];
    }
    found.push(rest.strip_suffix(last)?);
    Some(found)
}

/// Whether what stands in a text where a masked one has masks is what these stand for.
///
/// `false`, too, where the masks have no fingerprints or were made with another key.
pub fn stands_for(masked: &str, text: &str, key: &MaskKey) -> bool {
    let fingerprints = masked.split(MASK).skip(1).map(|piece| {
        let end = piece.len() - without_fingerprint(piece).len();
        &piece[..end]
    });
    unmasked(masked, text).is_some_and(|hidden| {
        hidden
            .iter()
            .zip(fingerprints)
            .all(|(text, fingerprint)| key.stands_for(&format!("{MASK}{fingerprint}"), text))
    })
}

/// Masks in one tree what is masked in another one, where both agree otherwise.
///
/// A text that was masked before is never shown, whatever it has become. `is_another` tells of a text that fits in between
/// the masks whether it holds another secret; it is given the place, the masked text and what has become of it.
pub fn adopt_masks(masked: &Value, value: &mut Value, is_another: &dyn Fn(&KeyPath, &str, &str) -> bool) {
    adopt(masked, value, &KeyPath::default(), is_another);
}

fn adopt(
    masked: &Value,
    value: &mut Value,
    path: &KeyPath,
    is_another: &dyn Fn(&KeyPath, &str, &str) -> bool,
) {
    match (masked, value) {
        (Value::String(masked), Value::String(text)) if masked.contains(MASK) => {
            *text = match unmasked(masked, text) {
                Some(_) if !is_another(path, masked, text) => masked.clone(),
                _ => format!("{MASK} (changed)"),
            };
        }
        (Value::Array(masked), Value::Array(list)) => {
            for (index, (masked, value)) in masked.iter().zip(list).enumerate() {
                adopt(masked, value, &path.child(index), is_another);
            }
        }
        (Value::Object(masked), Value::Object(map)) => {
            for (key, value) in map {
                if let Some(masked) = masked.get(key) {
                    adopt(masked, value, &path.child(key.as_str()), is_another);
                }
            }
        }
        _ => {}
    }
}

/// The secret values of a run, to find them again in messages of the server.
#[derive(Clone, Debug, Default)]
pub struct SecretTexts(Masks);

impl SecretTexts {
    /// Looks for the values of all Secrets among the objects, and for other texts.
    pub fn of<'a>(
        objects: impl IntoIterator<Item = &'a Object>,
        others: &'a [String],
        key: &MaskKey,
    ) -> Self {
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
                    let decoded = if key == "data" { decode_base64(text) } else { None };
                    texts.insert(decoded.unwrap_or_else(|| text.to_owned()));
                }
            }
        }
        texts.retain(|text| text.len() >= SHORTEST);
        let all = texts.iter().chain(others).map(String::as_str);
        Self(Masks::new(all, key))
    }

    /// Masks every secret value in a message.
    pub fn obfuscate(&self, message: &str) -> String {
        self.0.mask(message).into_owned()
    }

    /// Masks every secret value in the messages of problems.
    pub fn obfuscate_problems(&self, problems: &mut [Problem]) {
        for problem in problems {
            self.0.mask_text(&mut problem.message);
        }
    }
}

/// Decodes standard base64 that holds text.
fn decode_base64(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).ok()?;
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
        assert_eq!(object.str_at(&["data", "a"]), Some(MASK_BASE64));
        assert_eq!(object.str_at(&["stringData", "b"]), Some(MASK));
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
        assert_eq!(unmasked("a=*****(0a1b2c3d)!", "a=1!"), Some(vec!["1"]));
        assert_eq!(unmasked("a=*****(no)", "a=1(no)"), Some(vec!["1"]));
        assert_eq!(unmasked("a=*****", "b=1"), None);
        assert_eq!(unmasked("no mask", "no mask"), None);
        let mut value =
            json!({"another": "x=1", "same": "x=secret", "other": "y=secret", "list": ["z"], "new": 1});
        adopt_masks(
            &json!({"another": "x=*****", "same": "x=*****", "other": "x=*****", "list": ["*****"]}),
            &mut value,
            &|path, _, _| path.to_string() == "another",
        );
        assert_eq!(
            value,
            json!({"another": "***** (changed)", "same": "x=*****", "other": "***** (changed)", "list": ["*****"], "new": 1})
        );
    }

    #[test]
    fn fingerprints_tell_whether_it_is_the_same_secret() {
        let key = MaskKey::default();
        let masked = format!("{}@{}", key.mask("user"), key.mask("password"));
        assert!(stands_for(&masked, "user@password", &key));
        assert!(!stands_for(&masked, "user@another", &key));
        assert!(!stands_for(&masked, "user:password", &key));
        assert!(!stands_for(&masked, "user@password", &MaskKey::new([1; 32])));
        assert!(!stands_for("*****", "user", &key));
    }

    #[test]
    fn messages_lose_secret_values() {
        let key = MaskKey::default();
        let texts = SecretTexts::of([&secret()], &["from elsewhere".to_owned()], &key);
        let message =
            texts.obfuscate("invalid value \"password\" (cGFzc3dvcmQ=) and plain-text from elsewhere");
        let [password, plain, other] =
            ["password", "plain-text", "from elsewhere"].map(|text| key.mask(text));
        assert_eq!(
            message,
            format!("invalid value \"{password}\" ({password}) and {plain} {other}")
        );
    }
}
