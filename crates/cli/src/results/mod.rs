//! How results are written: as text, YAML, JSON or Markdown, to standard output or files.

mod diff_style;
mod document;
mod drift;
mod lint;
mod listing;
mod markdown;
mod table;
mod text;
mod validation;

use std::io::Write;

use kluctl_api::CommandResult;
use kluctl_commands::{Finished, Versions};
use serde::Serialize;

pub(crate) use diff_style::DiffStyle;
pub(crate) use drift::write_drift;
pub(crate) use lint::write_lint;
pub(crate) use listing::{Listed, write_list};
pub(crate) use validation::write_validation;

use crate::terminal::Terminal;

/// How a command's result is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Show {
    /// `format[=path]` entries; none is text on standard output.
    pub(crate) formats: Vec<String>,
    /// Leaves the diffs out of the text.
    pub(crate) short: bool,
    /// How the text shows changes.
    pub(crate) style: DiffStyle,
    /// Whether colours may be used where a terminal reads them.
    pub(crate) color: bool,
}

/// A format and where it goes; `None` is standard output.
struct Sink<'a> {
    format: &'a str,
    path: Option<&'a str>,
}

fn sinks(formats: &[String]) -> Vec<Sink<'_>> {
    if formats.is_empty() {
        return vec![Sink {
            format: "text",
            path: None,
        }];
    }
    let sink = |entry: &'_ String| -> (usize, Option<usize>) {
        let at = entry.find('=');
        (at.unwrap_or(entry.len()), at.map(|at| at + 1))
    };
    formats
        .iter()
        .map(|entry| {
            let (end, start) = sink(entry);
            Sink {
                format: &entry[..end],
                path: start.map(|start| &entry[start..]).filter(|path| *path != "-"),
            }
        })
        .collect()
}

/// Writes a command's result in every format that is asked for.
pub(crate) fn write_command(
    terminal: &Terminal,
    show: &Show,
    result: &CommandResult,
    versions: &Versions,
) -> Result<(), String> {
    for sink in sinks(&show.formats) {
        let text = match sink.format {
            "text" => {
                let color = show.color && sink.path.is_none();
                text::command(result, versions, show.short, show.style, color)
            }
            "yaml" => document::yaml(result),
            "json" => document::json(result),
            "markdown" => markdown::command(result, markdown::Flavor::Plain),
            "github" => markdown::command(result, markdown::Flavor::GitHub),
            other => return Err(format!("invalid format: {other}")),
        };
        write(terminal, sink.path, &text)?;
    }
    Ok(())
}

/// The preview of one target.
pub(crate) struct Previewed {
    /// The target's name; empty in a project without targets.
    pub(crate) name: String,
    /// What would happen.
    pub(crate) finished: Finished,
}

/// Writes the previews of several targets in every format that is asked for: one after the other as text and Markdown,
/// as documents in YAML, as a list in JSON.
pub(crate) fn write_previews(terminal: &Terminal, show: &Show, previews: &[Previewed]) -> Result<(), String> {
    for sink in sinks(&show.formats) {
        let color = show.color && sink.path.is_none();
        let texts = previews.iter().map(|preview| {
            let result = preview
                .finished
                .clear
                .as_ref()
                .unwrap_or(&preview.finished.result);
            Ok(match sink.format {
                "text" => {
                    let versions = &preview.finished.versions;
                    let text = text::command(result, versions, show.short, show.style, color);
                    titled(&preview.name, &text)
                }
                "yaml" => document::yaml(result),
                "json" => document::json(result).trim_end().to_owned(),
                "markdown" => markdown::command(result, markdown::Flavor::Plain),
                "github" => markdown::command(result, markdown::Flavor::GitHub),
                other => return Err(format!("invalid format: {other}")),
            })
        });
        let texts: Vec<String> = texts.collect::<Result<_, String>>()?;
        let all = match sink.format {
            "yaml" => texts.join("---\n"),
            "json" => format!("[{}]\n", texts.join(",\n")),
            _ => texts.join("\n"),
        };
        write(terminal, sink.path, &all)?;
    }
    Ok(())
}

/// A text under the name of its target.
fn titled(name: &str, text: &str) -> String {
    let title = if name.is_empty() {
        String::new()
    } else {
        format!("Target {name}:\n")
    };
    let text = if text.is_empty() { "No changes.\n" } else { text };
    format!("{title}{text}")
}

/// Writes anything but a command's result in every format that is asked for; `unknown` begins the error about others.
fn write_document<T: Serialize>(
    terminal: &Terminal,
    formats: &[String],
    result: &T,
    as_text: impl Fn(&T) -> String,
    unknown: &str,
) -> Result<(), String> {
    for sink in sinks(formats) {
        let text = match sink.format {
            "text" => as_text(result),
            "yaml" => document::plain_yaml(result),
            "json" => document::plain_json(result),
            other => return Err(format!("{unknown}: {other}")),
        };
        write(terminal, sink.path, &text)?;
    }
    Ok(())
}

/// Writes text to a file, or to standard output with progress out of the way.
fn write(terminal: &Terminal, path: Option<&str>, text: &str) -> Result<(), String> {
    match path {
        Some(path) => std::fs::write(path, text).map_err(|error| format!("{path}: {error}")),
        None => terminal.aside(|| {
            let mut out = std::io::stdout().lock();
            let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            match written {
                // whoever closed the pipe has seen enough
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
                _ => Ok(()),
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_may_name_a_file() {
        let formats: Vec<String> = ["yaml=a=b", "text", "json=-"].map(str::to_owned).to_vec();
        let parsed: Vec<_> = sinks(&formats)
            .into_iter()
            .map(|sink| (sink.format, sink.path))
            .collect();
        assert_eq!(parsed, [("yaml", Some("a=b")), ("text", None), ("json", None)]);
        assert_eq!(sinks(&[])[0].format, "text");
    }
}
