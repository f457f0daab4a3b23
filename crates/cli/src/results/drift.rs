//! What has become of what was deployed.

use kluctl_api::{DriftChange, DriftObject, DriftResult};

use super::{table, text, write_document};
use crate::terminal::{Terminal, width};

/// Writes a comparison in every format that is asked for.
pub(crate) fn write_drift(
    terminal: &Terminal,
    formats: &[String],
    result: &DriftResult,
) -> Result<(), String> {
    write_document(terminal, formats, result, as_text, "invalid format")
}

fn as_text(result: &DriftResult) -> String {
    let mut out = String::new();
    let mut section = |title: &str, is: fn(&DriftObject) -> bool| {
        let names: Vec<String> = result
            .objects
            .iter()
            .filter(|object| is(object))
            .map(|object| format!("  {}\n", object.reference))
            .collect();
        if !names.is_empty() {
            out.push_str(&format!("\n{title}:\n{}", names.concat()));
        }
    };
    section("Missing objects", |object| object.deleted);
    section("Recreated objects", |object| object.recreated);
    section("Changed objects", |object| !object.changes.is_empty());
    for object in result.objects.iter().filter(|object| !object.changes.is_empty()) {
        out.push_str(&format!("\nDrift of object {}\n", object.reference));
        out.push_str(&changes(object));
    }
    for (title, problems) in [("Warnings", &result.warnings), ("Errors", &result.errors)] {
        if !problems.is_empty() {
            out.push_str(&format!("\n{title}:\n{}", text::problem_lines(problems)));
        }
    }
    if result.not_compared > 0 {
        out.push_str(&format!(
            "\n{} objects could only be looked for: the result that is compared with was too large to hold them.\n",
            result.not_compared
        ));
    }
    out
}

fn changes(object: &DriftObject) -> String {
    let by: Vec<String> = object.changes.iter().map(by).collect();
    let mut rows = vec![["Path", "Changed by", "Diff"]];
    rows.extend(
        object
            .changes
            .iter()
            .zip(&by)
            .map(|(change, by)| [&*change.change.json_path, &**by, &*change.change.unified_diff]),
    );
    table::draw(&rows, &[50, 30], width())
}

/// Who and when, in two lines.
fn by(change: &DriftChange) -> String {
    let manager = match &*change.manager {
        "" => "unknown".to_owned(),
        manager if change.likely => format!("probably {manager}"),
        manager => manager.to_owned(),
    };
    match &change.time {
        Some(time) => format!("{manager}\n{time}"),
        None => manager,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_api::ChangeEntry;
    use kluctl_object::{Gvk, ObjectRef};

    #[test]
    fn every_change_names_its_author() {
        let object = |name: &str| DriftObject {
            reference: ObjectRef::new(&Gvk::new("", "v1", "Service"), Some("n"), name),
            ..DriftObject::default()
        };
        let result = DriftResult {
            objects: vec![
                DriftObject {
                    changes: vec![DriftChange {
                        change: ChangeEntry {
                            json_path: "spec.type".to_owned(),
                            unified_diff: "-A\n+B".to_owned(),
                            ..ChangeEntry::default()
                        },
                        manager: "kubectl-edit".to_owned(),
                        time: Some("2026-01-01T00:00:00Z".to_owned()),
                        ..DriftChange::default()
                    }],
                    ..object("changed")
                },
                DriftObject {
                    deleted: true,
                    ..object("gone")
                },
            ],
            ..DriftResult::default()
        };
        let text = as_text(&result);
        assert!(
            text.starts_with("\nMissing objects:\n  n/Service/gone\n\nChanged objects:\n  n/Service/changed\n\nDrift of object n/Service/changed\n"),
            "{text}"
        );
        assert!(
            text.contains("| spec.type | kubectl-edit         | -A "),
            "{text}"
        );
        assert!(
            text.contains("|           | 2026-01-01T00:00:00Z | +B "),
            "{text}"
        );
        assert_eq!(as_text(&DriftResult::default()), "");
    }
}
