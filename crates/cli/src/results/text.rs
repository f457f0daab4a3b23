//! The text that a person reads, as upstream lays it out.
//!
//! Source: kluctl `cmd/kluctl/commands/command_result.go`.

use kluctl_api::{ChangeEntry, CommandResult, DeploymentError, ResultObject};
use kluctl_commands::Versions;
use kluctl_object::ObjectRef;

use super::diff_style::{self, DiffStyle};
use super::table;
use crate::terminal::width;

/// The whole result as text; nothing at all when nothing happened.
pub(super) fn command(
    result: &CommandResult,
    versions: &Versions,
    short: bool,
    style: DiffStyle,
    color: bool,
) -> String {
    let mut text = String::new();
    let select = |is: fn(&ResultObject) -> bool| -> Vec<&ObjectRef> {
        let selected = result.objects.iter().filter(|object| is(object));
        selected.map(|object| &object.reference).collect()
    };
    section(&mut text, "New objects", &select(|object| object.new));
    let changed = select(|object| !object.changes.is_empty());
    section(&mut text, "Changed objects", &changed);
    if !changed.is_empty() && !short {
        text.push('\n');
        for (index, object) in result.objects.iter().enumerate() {
            if object.changes.is_empty() {
                continue;
            }
            // upstream's quirk: the blank line depends on the place among all objects
            if index != 0 {
                text.push('\n');
            }
            text.push_str(&format!("Diff for object {}\n", object.reference));
            text.push_str(&changes(object, versions, style, color));
        }
    }
    section(&mut text, "Deleted objects", &select(|object| object.deleted));
    section(&mut text, "Applied hooks", &select(|object| object.hook));
    section(&mut text, "Orphan objects", &select(|object| object.orphan));
    problems(&mut text, "Warnings", &result.warnings);
    problems(&mut text, "Errors", &result.errors);
    text
}

fn changes(object: &ResultObject, versions: &Versions, style: DiffStyle, color: bool) -> String {
    match style {
        DiffStyle::Table => changes_table(&object.changes),
        DiffStyle::Unified => diff_style::unified(object, versions, color),
        DiffStyle::SideBySide => diff_style::side_by_side(object, versions, width(), color),
    }
}

fn changes_table(changes: &[ChangeEntry]) -> String {
    let mut rows = vec![["Path", "Diff"]];
    rows.extend(
        changes
            .iter()
            .map(|change| [&*change.json_path, &*change.unified_diff]),
    );
    table::draw(&rows, &[60], width())
}

fn section(text: &mut String, title: &str, references: &[&ObjectRef]) {
    if references.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}:\n"));
    for reference in references {
        text.push_str(&format!("  {reference}\n"));
    }
}

fn problems(text: &mut String, title: &str, problems: &[DeploymentError]) {
    if !problems.is_empty() {
        text.push_str(&format!("\n{title}:\n"));
        text.push_str(&problem_lines(problems));
    }
}

/// One line per problem, with the object in front.
pub(super) fn problem_lines(problems: &[DeploymentError]) -> String {
    let line = |problem: &DeploymentError| match problem.reference.to_string() {
        reference if reference.is_empty() => format!("  {}\n", problem.message),
        reference => format!("  {reference}: {}\n", problem.message),
    };
    problems.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_object::Gvk;

    fn object(kind: &str, name: &str) -> ResultObject {
        ResultObject {
            reference: ObjectRef::new(&Gvk::new("", "v1", kind), Some("demo"), name),
            ..ResultObject::default()
        }
    }

    fn print(result: &CommandResult) -> String {
        command(result, &Versions::default(), false, DiffStyle::Table, false)
    }

    #[test]
    fn nothing_is_printed_when_nothing_happened() {
        let result = CommandResult {
            objects: vec![object("ConfigMap", "same")],
            ..CommandResult::default()
        };
        assert_eq!(print(&result), "");
    }

    #[test]
    fn sections_stand_in_upstream_s_order_with_its_blank_lines() {
        let new = ResultObject {
            new: true,
            ..object("ConfigMap", "cm")
        };
        let changed = ResultObject {
            changes: vec![ChangeEntry {
                json_path: "data.password".to_owned(),
                unified_diff: "-***** (obfuscated)\n+***** (obfuscated)".to_owned(),
                ..ChangeEntry::default()
            }],
            ..object("Secret", "s")
        };
        let deleted = ResultObject {
            deleted: true,
            ..object("Service", "gone")
        };
        let problem = |kind: &str, message: &str| DeploymentError {
            reference: if kind.is_empty() {
                ObjectRef::default()
            } else {
                object(kind, "x").reference
            },
            message: message.to_owned(),
        };
        let result = CommandResult {
            objects: vec![new, changed, deleted],
            warnings: vec![problem("ConfigMap", "careful")],
            errors: vec![problem("", "aborted")],
            ..CommandResult::default()
        };
        let text = print(&result);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with(['+', '|']))
            .collect();
        assert_eq!(
            lines,
            [
                "",
                "New objects:",
                "  demo/ConfigMap/cm",
                "",
                "Changed objects:",
                "  demo/Secret/s",
                "",
                "",
                "Diff for object demo/Secret/s",
                "",
                "Deleted objects:",
                "  demo/Service/gone",
                "",
                "Warnings:",
                "  demo/ConfigMap/x: careful",
                "",
                "Errors:",
                "  aborted",
            ]
        );
    }
}
