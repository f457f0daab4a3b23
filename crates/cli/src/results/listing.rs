//! Lists of stored results.

use kluctl_api::{CommandResultSummary, Initiator, ValidateResultSummary};
use serde_json::Value;

use super::{document, sinks, write};
use crate::terminal::Terminal;

/// A stored result in numbers.
#[derive(Clone, Debug)]
pub(crate) enum Listed {
    Command(Box<CommandResultSummary>),
    Validation(Box<ValidateResultSummary>),
}

impl Listed {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Command(summary) => &summary.id,
            Self::Validation(summary) => &summary.id,
        }
    }

    pub(crate) fn start(&self) -> Option<&str> {
        match self {
            Self::Command(summary) => summary.command_info.start_time.as_deref(),
            Self::Validation(summary) => summary.start_time.as_deref(),
        }
    }

    fn end(&self) -> Option<&str> {
        match self {
            Self::Command(summary) => summary.command_info.end_time.as_deref(),
            Self::Validation(summary) => summary.end_time.as_deref(),
        }
    }

    fn command(&self) -> String {
        match self {
            Self::Command(summary) if summary.command_info.dry_run => {
                format!("{} (dry run)", summary.command_info.command)
            }
            Self::Command(summary) => summary.command_info.command.clone(),
            Self::Validation(_) => "validate".to_owned(),
        }
    }

    fn target(&self) -> &str {
        match self {
            Self::Command(summary) => &summary.target_key.target_name,
            Self::Validation(summary) => &summary.target_key.target_name,
        }
    }

    fn took(&self) -> String {
        let time = |text: Option<&str>| text?.parse::<jiff::Timestamp>().ok();
        match (time(self.start()), time(self.end())) {
            (Some(start), Some(end)) => {
                let seconds = end.as_second() - start.as_second();
                match (seconds / 60, seconds % 60) {
                    (0, seconds) => format!("{seconds}s"),
                    (minutes, seconds) => format!("{minutes}m{seconds}s"),
                }
            }
            _ => String::new(),
        }
    }

    fn by(&self) -> String {
        match self {
            Self::Command(summary) => match (&summary.command_info.initiator, &summary.kluctl_deployment) {
                (Initiator::KluctlDeployment, Some(deployment)) => {
                    format!("{}/{}", deployment.namespace, deployment.name)
                }
                (Initiator::KluctlDeployment, None) => "controller".to_owned(),
                (Initiator::CommandLine, _) => "command line".to_owned(),
            },
            Self::Validation(_) => String::new(),
        }
    }

    fn counts(&self) -> [usize; 6] {
        match self {
            Self::Command(summary) => [
                summary.new_objects,
                summary.changed_objects,
                summary.deleted_objects,
                summary.orphan_objects,
                summary.errors.len(),
                summary.warnings.len(),
            ],
            Self::Validation(summary) => [0, 0, 0, 0, summary.errors, summary.warnings],
        }
    }

    /// One line about the result.
    pub(crate) fn headline(&self) -> String {
        let target = match self.target() {
            "" => String::new(),
            name => format!(" of target {name}"),
        };
        let at = self.start().map_or(String::new(), |start| format!(" at {start}"));
        format!("{}{target}{at} ({})", self.command(), self.id())
    }

    fn value(&self) -> Value {
        match self {
            Self::Command(summary) => serde_json::to_value(summary),
            Self::Validation(summary) => serde_json::to_value(summary),
        }
        .unwrap_or_default()
    }
}

/// Writes a list in every format that is asked for.
pub(crate) fn write_list(terminal: &Terminal, formats: &[String], all: &[Listed]) -> Result<(), String> {
    for sink in sinks(formats) {
        let values = || Value::Array(all.iter().map(Listed::value).collect());
        let text = match sink.format {
            "text" => as_text(all),
            "yaml" => document::plain_yaml(&values()),
            "json" => document::plain_json(&values()),
            other => return Err(format!("invalid format: {other}")),
        };
        write(terminal, sink.path, &text)?;
    }
    Ok(())
}

/// How many characters of an id tell it from all others, eight at least.
fn id_length(all: &[Listed]) -> usize {
    let mut ids: Vec<&str> = all.iter().map(Listed::id).collect();
    ids.sort_unstable();
    let common = |pair: &[&str]| {
        let same = pair[0].chars().zip(pair[1].chars()).take_while(|(a, b)| a == b);
        same.count() + 1
    };
    ids.windows(2).map(common).max().unwrap_or(0).max(8)
}

fn as_text(all: &[Listed]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let length = id_length(all);
    let titles = [
        "ID", "COMMAND", "TARGET", "STARTED", "TOOK", "BY", "NEW", "CHANGED", "DELETED", "ORPHANS", "ERRORS",
        "WARNINGS",
    ];
    let mut rows = vec![titles.map(str::to_owned)];
    for listed in all {
        let [new, changed, deleted, orphans, errors, warnings] =
            listed.counts().map(|count| count.to_string());
        rows.push([
            listed.id().chars().take(length).collect(),
            listed.command(),
            listed.target().to_owned(),
            listed.start().unwrap_or_default().to_owned(),
            listed.took(),
            listed.by(),
            new,
            changed,
            deleted,
            orphans,
            errors,
            warnings,
        ]);
    }
    let widths: Vec<usize> = (0..titles.len())
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |row: &[String; 12]| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let line: Vec<String> = cells.collect();
        format!("{}\n", line.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_api::{CommandInfo, TargetKey};

    fn listed(id: &str) -> Listed {
        Listed::Command(Box::new(CommandResultSummary {
            id: id.to_owned(),
            command_info: CommandInfo {
                command: "deploy".to_owned(),
                start_time: Some("2026-01-01T00:00:00Z".to_owned()),
                end_time: Some("2026-01-01T00:01:05Z".to_owned()),
                ..CommandInfo::default()
            },
            target_key: TargetKey {
                target_name: "prod".to_owned(),
                ..TargetKey::default()
            },
            changed_objects: 3,
            ..CommandResultSummary::default()
        }))
    }

    #[test]
    fn columns_are_as_wide_as_their_cells_and_ids_as_short_as_they_may_be() {
        let text = as_text(&[listed("123456789-a"), listed("123456789-b")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "123456789-a  deploy   prod    2026-01-01T00:00:00Z  1m5s  command line  0    3        0        0        0       0"
        );
        assert!(as_text(&[listed("123456789-a")]).contains("\n12345678  deploy"));
        assert_eq!(as_text(&[]), "");
        assert_eq!(
            listed("x").headline(),
            "deploy of target prod at 2026-01-01T00:00:00Z (x)"
        );
    }
}
