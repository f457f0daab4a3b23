//! The texts that show a change.

use kluctl_object::to_yaml;
use serde_json::Value;
use similar::{Algorithm, TextDiff};

/// Both sides of a change as lines with `-` and `+`; longer texts as unified hunks without file headers.
///
/// Source: kluctl `pkg/diff/diff.go`, `buildUnifiedDiff`.
pub fn unified_diff(old: Option<&Value>, new: Option<&Value>) -> String {
    let old = old.map(plain_text).unwrap_or_default();
    let new = new.map(plain_text).unwrap_or_default();
    if old.is_empty() {
        prefixed(&new, '+')
    } else if new.is_empty() {
        prefixed(&old, '-')
    } else if !old.contains('\n') && !new.contains('\n') {
        format!("-{old}\n+{new}")
    } else {
        hunks(&old, &new)
    }
}

/// A value as a person reads it: strings bare, maps and lists as YAML.
pub fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(_) | Value::Array(_) => to_yaml(value),
        scalar => to_yaml(scalar).trim_end_matches('\n').to_owned(),
    }
}

fn prefixed(text: &str, sign: char) -> String {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines: Vec<_> = text.split('\n').map(|line| format!("{sign}{line}")).collect();
    lines.join("\n")
}

/// Unified hunks with three lines around; a last line without a newline is marked as `diff` does.
fn hunks(old: &str, new: &str) -> String {
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .diff_lines(old, new);
    diff.unified_diff().context_radius(3).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(old: Option<Value>, new: Option<Value>, expected: &str) {
        assert_eq!(unified_diff(old.as_ref(), new.as_ref()), expected);
    }

    #[test]
    fn short_values_stand_below_each_other() {
        check(Some(json!("a")), Some(json!("b")), "-a\n+b");
        check(Some(json!(1)), Some(json!("1")), "-1\n+1");
        check(None, Some(json!({"b": 1, "a": "yes"})), "+a: \"yes\"\n+b: 1");
        check(Some(json!(true)), None, "-true");
        check(Some(json!(null)), Some(json!("x")), "+x");
    }

    #[test]
    fn long_values_are_hunks() {
        let old = json!("1\n2\n3\n4\n5\n6\n7\n8\n9\n");
        let new = json!("1\n2\n3\n4\nX\n6\n7\n8\n9\n");
        check(
            Some(old),
            Some(new),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+X\n 6\n 7\n 8\n",
        );
    }
}
