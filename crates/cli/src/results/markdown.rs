//! Results for pull requests: counts first, everything else folded.

use std::fmt::Write;

use kluctl_api::{CommandResult, DeploymentError, ResultObject};

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavor {
    /// Any reader of Markdown that lets `<details>` through.
    Plain,
    /// GitHub: alerts, and a limit on the size of a comment.
    GitHub,
}

/// Characters that a comment on GitHub may have, with room for what others put around it.
const GITHUB_LIMIT: usize = 60_000;

/// The result as Markdown.
pub(super) fn command(result: &CommandResult, flavor: Flavor) -> String {
    let mut out = String::new();
    let name = &result.command.command;
    let always_dry = ["diff", "preview"].contains(&&**name);
    let dry = if result.command.dry_run && !always_dry {
        " (dry run)"
    } else {
        ""
    };
    let target = match &*result.target_key.target_name {
        "" => String::new(),
        target => format!(" of target `{target}`"),
    };
    let _ = writeln!(out, "### Kluctl {name}{target}{dry}\n");
    counts(&mut out, result);
    problems(&mut out, "Errors", "CAUTION", &result.errors, flavor);
    problems(&mut out, "Warnings", "WARNING", &result.warnings, flavor);
    type Is = fn(&ResultObject) -> bool;
    let lists: [(&str, Is); 4] = [
        ("New objects", |object| object.new),
        ("Deleted objects", |object| object.deleted),
        ("Orphan objects", |object| object.orphan),
        ("Applied hooks", |object| object.hook),
    ];
    for (title, is) in lists {
        let objects: Vec<_> = result.objects.iter().filter(|object| is(object)).collect();
        if objects.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n<details><summary>{title} ({})</summary>\n", objects.len());
        for object in objects {
            let _ = writeln!(out, "- `{}`", object.reference);
        }
        out.push_str("\n</details>\n");
    }
    let mut left_out = 0;
    for object in result.objects.iter().filter(|object| !object.changes.is_empty()) {
        let diff = changed(object);
        if flavor == Flavor::GitHub && out.len() + diff.len() > GITHUB_LIMIT {
            left_out += 1;
        } else {
            out.push_str(&diff);
        }
    }
    if left_out > 0 {
        let _ = writeln!(
            out,
            "\n_The diffs of {left_out} more objects are left out, since a comment has a limit._"
        );
    }
    out
}

fn counts(out: &mut String, result: &CommandResult) {
    let summary = result.summary();
    let cells = [
        ("New", summary.new_objects),
        ("Changed", summary.changed_objects),
        ("Deleted", summary.deleted_objects),
        ("Orphans", summary.orphan_objects),
        ("Hooks", summary.applied_hook_objects),
        ("Errors", summary.errors.len()),
        ("Warnings", summary.warnings.len()),
    ];
    if cells.iter().all(|(_, count)| *count == 0) {
        out.push_str("No changes.\n");
        return;
    }
    let row = |texts: Vec<String>| format!("| {} |\n", texts.join(" | "));
    out.push_str(&row(cells.iter().map(|(name, _)| (*name).to_owned()).collect()));
    out.push_str(&row(cells.iter().map(|_| "---:".to_owned()).collect()));
    out.push_str(&row(cells.iter().map(|(_, count)| count.to_string()).collect()));
}

fn problems(out: &mut String, title: &str, alert: &str, problems: &[DeploymentError], flavor: Flavor) {
    if problems.is_empty() {
        return;
    }
    if flavor == Flavor::GitHub {
        let _ = writeln!(out, "\n> [!{alert}]\n> **{title}**\n>");
    } else {
        let _ = writeln!(out, "\n**{title}**\n");
    }
    let quote = if flavor == Flavor::GitHub { "> " } else { "" };
    for problem in problems {
        let message = problem.message.trim_end().replace('\n', &format!("\n{quote}  "));
        match problem.reference.to_string() {
            reference if reference.is_empty() => drop(writeln!(out, "{quote}- {message}")),
            reference => drop(writeln!(out, "{quote}- `{reference}`: {message}")),
        }
    }
}

fn changed(object: &ResultObject) -> String {
    let count = object.changes.len();
    let noun = if count == 1 { "change" } else { "changes" };
    let mut body = String::new();
    for change in &object.changes {
        let _ = writeln!(body, "@@ {} @@", change.json_path);
        let _ = writeln!(body, "{}", change.unified_diff.trim_end_matches('\n'));
    }
    // a fence must be longer than any run of backticks inside
    let longest = body.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!(
        "\n<details><summary><code>{}</code> ({count} {noun})</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n",
        object.reference
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_api::ChangeEntry;

    #[test]
    fn counts_come_first_and_diffs_are_folded() {
        let result = CommandResult {
            command: kluctl_api::CommandInfo {
                command: "diff".to_owned(),
                ..kluctl_api::CommandInfo::default()
            },
            objects: vec![ResultObject {
                changes: vec![ChangeEntry {
                    json_path: "data.a".to_owned(),
                    unified_diff: "-```\n+y".to_owned(),
                    ..ChangeEntry::default()
                }],
                ..ResultObject::default()
            }],
            warnings: vec![DeploymentError {
                message: "one\ntwo".to_owned(),
                ..DeploymentError::default()
            }],
            ..CommandResult::default()
        };
        let text = command(&result, Flavor::GitHub);
        assert!(text.starts_with("### Kluctl diff\n\n| New | Changed |"), "{text}");
        assert!(text.contains("| 0 | 1 | 0 | 0 | 0 | 0 | 1 |"), "{text}");
        assert!(
            text.contains("> [!WARNING]\n> **Warnings**\n>\n> - one\n>   two\n"),
            "{text}"
        );
        assert!(
            text.contains("````diff\n@@ data.a @@\n-```\n+y\n````\n"),
            "{text}"
        );
        assert!(command(&CommandResult::default(), Flavor::Plain).contains("No changes."));
    }
}
