//! Other ways than the table to show what changed in an object: a YAML diff, in one column or two.

use std::fmt::Write;

use kluctl_api::ResultObject;
use kluctl_commands::Versions;
use kluctl_object::to_yaml;
use similar::{ChangeTag, TextDiff};

/// How the text shows changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DiffStyle {
    /// One row per changed field, as upstream does.
    #[default]
    Table,
    /// The object's YAML with `-` and `+`.
    Unified,
    /// The object's YAML before and after, next to each other.
    SideBySide,
}

const CONTEXT: usize = 3;
const RED: u8 = 31;
const GREEN: u8 = 32;
const DIM: u8 = 2;

fn paint(text: &str, code: u8, color: bool) -> String {
    if color {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Both versions as YAML; `None` where they look alike, as those of Secrets do.
fn texts(object: &ResultObject, versions: &Versions) -> Option<(String, String)> {
    let (old, new) = versions.get(&object.reference)?;
    let (old, new) = (to_yaml(old), to_yaml(new));
    (old != new).then_some((old, new))
}

/// A YAML diff with three lines around each change.
pub(super) fn unified(object: &ResultObject, versions: &Versions, color: bool) -> String {
    let Some((old, new)) = texts(object, versions) else {
        return by_field(object, color);
    };
    let diff = TextDiff::from_lines(&*old, &*new);
    let mut out = String::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            out.push_str(&paint("  ...", DIM, color));
            out.push('\n');
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value().trim_end_matches('\n');
            let line = match change.tag() {
                ChangeTag::Delete => paint(&format!("- {line}"), RED, color),
                ChangeTag::Insert => paint(&format!("+ {line}"), GREEN, color),
                ChangeTag::Equal => format!("  {line}"),
            };
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// The changed fields with their paths, where the YAML shows nothing.
fn by_field(object: &ResultObject, color: bool) -> String {
    let mut out = String::new();
    for change in &object.changes {
        let _ = writeln!(out, "  {}", change.json_path);
        for line in change.unified_diff.lines() {
            let code = if line.starts_with('-') { RED } else { GREEN };
            let _ = writeln!(out, "  {}", paint(line, code, color));
        }
    }
    out
}

/// Both versions next to each other, each in half of the width.
pub(super) fn side_by_side(object: &ResultObject, versions: &Versions, width: usize, color: bool) -> String {
    let Some((old, new)) = texts(object, versions) else {
        return by_field(object, color);
    };
    let half = (width.saturating_sub(3) / 2).max(10);
    let diff = TextDiff::from_lines(&*old, &*new);
    let mut out = String::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            let _ = writeln!(out, "{} | ...", pad("...", half));
        }
        for op in group {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            for change in diff.iter_changes(op) {
                let line = change.value().trim_end_matches('\n');
                match change.tag() {
                    ChangeTag::Equal => {
                        left.push((line, None));
                        right.push((line, None));
                    }
                    ChangeTag::Delete => left.push((line, Some(RED))),
                    ChangeTag::Insert => right.push((line, Some(GREEN))),
                }
            }
            for row in 0..left.len().max(right.len()) {
                let cell = |side: &[(&str, Option<u8>)]| {
                    let (text, code) = side.get(row).copied().unwrap_or_default();
                    (pad(text, half), code)
                };
                let (left, right) = (cell(&left), cell(&right));
                let mark = match (left.1, right.1) {
                    (None, None) => '|',
                    (Some(_), Some(_)) => '~',
                    (Some(_), None) => '<',
                    (None, Some(_)) => '>',
                };
                let painted = |(text, code): (String, Option<u8>)| match code {
                    Some(code) => paint(&text, code, color),
                    None => text,
                };
                let line = format!("{} {mark} {}", painted(left), painted(right));
                out.push_str(line.trim_end());
                out.push('\n');
            }
        }
    }
    out
}

/// Cuts or fills a text to a number of characters.
fn pad(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count > width {
        let cut: String = text.chars().take(width.saturating_sub(1)).collect();
        format!("{cut}…")
    } else {
        format!("{text}{}", " ".repeat(width - count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_api::ChangeEntry;
    use serde_json::json;

    fn changed() -> (ResultObject, Versions) {
        let object = ResultObject {
            changes: vec![ChangeEntry {
                json_path: "spec.replicas".to_owned(),
                unified_diff: "-1\n+2".to_owned(),
                ..ChangeEntry::default()
            }],
            ..ResultObject::default()
        };
        let version = |replicas: i64| json!({"kind": "X", "spec": {"a": 1, "replicas": replicas, "z": 1}});
        let versions = Versions::from([(object.reference.clone(), (version(1), version(2)))]);
        (object, versions)
    }

    #[test]
    fn unified_diffs_show_yaml() {
        let (object, versions) = changed();
        assert_eq!(
            unified(&object, &versions, false),
            "  kind: X\n  spec:\n    a: 1\n-   replicas: 1\n+   replicas: 2\n    z: 1\n"
        );
        assert_eq!(
            unified(&object, &Versions::default(), false),
            "  spec.replicas\n  -1\n  +2\n"
        );
    }

    #[test]
    fn sides_are_as_wide_as_they_may_be() {
        let (object, versions) = changed();
        let text = side_by_side(&object, &versions, 31, false);
        assert!(text.contains("  replicas: 1  ~   replicas: 2"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 31));
    }
}
