//! Hides secret texts wherever they turn up in other texts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// What stands for a secret where nothing else is said about it.
pub const MASK: &str = "*****";

/// Makes fingerprints: the same secret has the same one under the same key, and without the key nobody can find a secret
/// by trying.
///
/// The default key is a random one of this process.
#[derive(Clone, PartialEq, Eq)]
pub struct MaskKey([u8; 32]);

impl Default for MaskKey {
    fn default() -> Self {
        static OF_PROCESS: OnceLock<[u8; 32]> = OnceLock::new();
        let random = || {
            let mut bytes = [0; 32];
            for part in bytes.chunks_exact_mut(8) {
                // Every state has keys of its own from the system.
                part.copy_from_slice(&RandomState::new().build_hasher().finish().to_ne_bytes());
            }
            bytes
        };
        Self(*OF_PROCESS.get_or_init(random))
    }
}

impl std::fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
    }
}

impl MaskKey {
    /// A key out of random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What stands for a secret: stars and its fingerprint, `*****(1a2b3c4d)`.
    pub fn mask(&self, secret: &str) -> String {
        let mut text = MASK.to_owned();
        // HMAC takes keys of any length, so there is no error to hand on.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) {
            mac.update(secret.as_bytes());
            let digest = mac.finalize().into_bytes();
            text.push('(');
            for byte in &digest[..4] {
                let _ = write!(text, "{byte:02x}");
            }
            text.push(')');
        }
        text
    }

    /// Whether a mask (`*****(1a2b3c4d)`) stands for a text, or for the secret that the text is one of the forms of.
    ///
    /// `false` where the mask was made with another key. Of base64 in the midst of a longer text nothing can be told.
    pub fn stands_for(&self, mask: &str, text: &str) -> bool {
        let is = |secret: &str| self.mask(secret) == mask;
        let in_base64 = |text: &str| {
            [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
                .iter()
                .filter_map(|base64| String::from_utf8(base64.decode(text).ok()?).ok())
                .any(|secret| is(&secret))
        };
        let unescaped = || serde_json::from_str::<String>(&format!("\"{text}\"")).ok();
        let address = || {
            let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
            decoded.is_ok_and(|secret| is(&secret))
        };
        is(text)
            || is(&format!("{text}\n"))
            || in_base64(text)
            || unescaped().is_some_and(|secret| is(&secret))
            || address()
    }
}

/// Finds secrets in texts: as they are, line by line, in base64 (also as a part of something longer), and escaped as in
/// JSON and in addresses.
#[derive(Clone, Debug, Default)]
pub struct Masks(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    finder: AhoCorasick,
    replacements: Vec<String>,
}

/// Shortest part of a secret that is looked for by itself: a line of it, or its base64 inside something longer.
const SHORTEST_PART: usize = 8;

impl Masks {
    /// Looks for these secrets.
    pub fn new<'t>(secrets: impl IntoIterator<Item = &'t str>, key: &MaskKey) -> Self {
        let mut patterns = BTreeMap::new();
        for secret in secrets {
            add(secret, key, &mut patterns);
        }
        patterns.remove("");
        if patterns.is_empty() {
            return Self::default();
        }
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns.keys());
        // It fails for more patterns than fit in memory only.
        Self(finder.ok().map(|finder| {
            Arc::new(Inner {
                finder,
                replacements: patterns.into_values().collect(),
            })
        }))
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// A text with a mask for every secret in it.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.0 {
            Some(inner) if inner.finder.is_match(text) => {
                inner.finder.replace_all(text, &inner.replacements).into()
            }
            _ => text.into(),
        }
    }

    /// Masks a text in its place.
    pub fn mask_text(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.mask(text) {
            *text = masked;
        }
    }

    /// Masks all texts of a tree, keys left alone.
    pub fn mask_value(&self, value: &mut Value) {
        match value {
            _ if self.is_empty() => {}
            Value::String(text) => self.mask_text(text),
            Value::Array(list) => list.iter_mut().for_each(|value| self.mask_value(value)),
            Value::Object(map) => map.values_mut().for_each(|value| self.mask_value(value)),
            _ => {}
        }
    }
}

/// All forms of a secret with what stands for them.
fn add(secret: &str, key: &MaskKey, patterns: &mut BTreeMap<String, String>) {
    let mask = key.mask(secret);
    let mut forms = vec![secret.to_owned()];
    let mut json = String::new();
    kluctl_yaml::go_json::write_string(secret, false, &mut json);
    forms.push(json[1..json.len() - 1].to_owned());
    forms.push(percent(secret));
    forms.extend([STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|base64| base64.encode(secret)));
    if secret.len() >= SHORTEST_PART {
        forms.extend(inside_base64(secret.as_bytes()));
    }
    for form in forms {
        patterns.entry(form).or_insert_with(|| mask.clone());
    }
    if secret.trim_end().contains('\n') {
        let lines = secret.lines().map(str::trim);
        for line in lines.filter(|line| line.len() >= SHORTEST_PART) {
            let mask = key.mask(line);
            patterns.entry(line.to_owned()).or_insert(mask);
        }
        let trimmed = secret.trim_end();
        patterns.entry(trimmed.to_owned()).or_insert(mask);
    }
}

/// The characters that are the same wherever in a longer text in base64 the bytes stand.
fn inside_base64(bytes: &[u8]) -> Vec<String> {
    let at = |offset: usize| {
        let mut padded = vec![0; offset];
        padded.extend_from_slice(bytes);
        let text = STANDARD_NO_PAD.encode(&padded);
        // Leave out characters that also hold bits of what is before or behind.
        let start = (offset * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        text[start..end].to_owned()
    };
    let mut all: Vec<String> = (0..3).map(at).collect();
    let url_safe: Vec<String> = all
        .iter()
        .map(|text| text.replace('+', "-").replace('/', "_"))
        .collect();
    all.extend(url_safe);
    all
}

/// As it stands in an address.
fn percent(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "pässword?with/odd+chars&\"quotes\"";

    fn masks() -> Masks {
        Masks::new([SECRET, "first line of it\nsecond line\n"], &MaskKey::default())
    }

    #[test]
    fn a_mask_is_known_from_every_form() {
        let key = MaskKey::default();
        for form in [
            SECRET.to_owned(),
            "pässword?with/odd+chars&\\\"quotes\\\"".to_owned(),
            percent(SECRET),
            STANDARD.encode(SECRET),
            URL_SAFE_NO_PAD.encode(SECRET),
        ] {
            assert!(key.stands_for(&key.mask(SECRET), &form), "{form}");
            assert!(
                !MaskKey::new([7; 32]).stands_for(&key.mask(SECRET), &form),
                "{form}"
            );
        }
        assert!(!key.stands_for(&key.mask(SECRET), "another"));
    }

    #[test]
    fn every_form_is_found() {
        let mask = MaskKey::default().mask(SECRET);
        let forms = [
            SECRET.to_owned(),
            "pässword?with/odd+chars&\\\"quotes\\\"".to_owned(),
            "p%C3%A4ssword%3Fwith%2Fodd%2Bchars%26%22quotes%22".to_owned(),
            STANDARD.encode(SECRET),
            URL_SAFE_NO_PAD.encode(SECRET),
        ];
        for form in forms {
            assert_eq!(
                masks().mask(&format!("a {form} b")),
                format!("a {mask} b"),
                "{form}"
            );
        }
        for before in ["", "u:", "us:", "user:"] {
            for after in ["", "x", "xy", "xyz"] {
                let text = STANDARD.encode(format!("{before}{SECRET}{after}"));
                assert!(masks().mask(&text).contains(&mask), "{before}{after}: {text}");
            }
        }
    }

    #[test]
    fn lines_of_a_secret_are_found_alone() {
        let masks = masks();
        let masked = masks.mask("-  first line of it\n+  other\n   second line");
        assert!(
            !masked.contains("first line") && !masked.contains("second line"),
            "{masked}"
        );
        assert!(masked.contains("+  other"));
    }

    #[test]
    fn fingerprints_tell_same_from_changed() {
        let key = MaskKey::new([7; 32]);
        assert_eq!(key.mask("a"), key.mask("a"));
        assert_ne!(key.mask("a"), key.mask("b"));
        assert_ne!(key.mask("a"), MaskKey::default().mask("a"));
        assert_eq!(key.mask("a").len(), "*****(1a2b3c4d)".len());
    }

    #[test]
    fn trees_are_masked_but_for_keys() {
        let mut value = json!({SECRET: [SECRET, 1, {"a": format!("x{SECRET}y")}], "b": "other"});
        masks().mask_value(&mut value);
        let mask = MaskKey::default().mask(SECRET);
        assert_eq!(
            value,
            json!({SECRET: [mask, 1, {"a": format!("x{mask}y")}], "b": "other"})
        );
    }

    #[test]
    fn nothing_to_look_for_changes_nothing() {
        assert!(Masks::new([], &MaskKey::default()).is_empty());
        assert!(Masks::new([""], &MaskKey::default()).is_empty());
        assert_eq!(Masks::default().mask("text"), "text");
    }
}
