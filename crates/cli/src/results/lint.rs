//! What was found wrong with a project's objects: a line for each finding, or data, or annotations for GitHub.

use kluctl_api::{LintFinding, LintLevel, LintResult};

use super::{document, sinks, write};
use crate::terminal::Terminal;

/// Writes the findings in every format that is asked for.
pub(crate) fn write_lint(
    terminal: &Terminal,
    formats: &[String],
    color: bool,
    result: &LintResult,
) -> Result<(), String> {
    for sink in sinks(formats) {
        let text = match sink.format {
            "text" => as_text(result, color && sink.path.is_none()),
            "yaml" => document::plain_yaml(result),
            "json" => document::plain_json(result),
            "github" => as_annotations(result),
            other => return Err(format!("invalid format: {other}")),
        };
        write(terminal, sink.path, &text)?;
    }
    Ok(())
}

fn level(level: LintLevel) -> &'static str {
    match level {
        LintLevel::Error => "error",
        LintLevel::Warning => "warning",
    }
}

/// One finding in one line, as compilers write them: `file:line: error: object: field: message [rule]`.
fn as_text(result: &LintResult, color: bool) -> String {
    let mut out = String::new();
    for finding in &result.findings {
        if !finding.file.is_empty() {
            out.push_str(&finding.file);
            if let Some(line) = finding.line {
                out.push_str(&format!(":{line}"));
            }
            out.push_str(": ");
        }
        let word = level(finding.level);
        let code = match finding.level {
            LintLevel::Error => "31",
            LintLevel::Warning => "33",
        };
        out.push_str(&if color {
            format!("\x1b[{code}m{word}\x1b[0m: ")
        } else {
            format!("{word}: ")
        });
        out.push_str(&about(finding));
        out.push_str(&format!("[{}]", finding.rule));
        let details = details(finding, result);
        if !details.is_empty() {
            out.push_str(&format!(" ({})", details.join("; ")));
        }
        out.push('\n');
    }
    for note in &result.notes {
        out.push_str(&format!("note: {note}\n"));
    }
    out.push_str(&summary(result));
    out
}

/// The object, the field and what is wrong.
fn about(finding: &LintFinding) -> String {
    let mut text = String::new();
    if let Some(first) = finding.objects.first() {
        text.push_str(&first.to_string());
        match finding.objects.len() {
            1 => {}
            2 => text.push_str(" and another object"),
            count => text.push_str(&format!(" and {} other objects", count - 1)),
        }
        text.push_str(": ");
    }
    if !finding.path.is_empty() {
        text.push_str(&format!("{}: ", finding.path));
    }
    text.push_str(&finding.message.replace('\n', " "));
    text.push(' ');
    text
}

fn details(finding: &LintFinding, result: &LintResult) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(chart) = &finding.chart {
        let line = chart.line.map_or_else(String::new, |line| format!(":{line}"));
        details.push(format!("chart {}{line}", chart.file));
    }
    if let Some(changed) = &finding.changed_by {
        details.push(changed.clone());
    }
    if result.targets.len() > 1 {
        let word = if finding.targets.len() == 1 {
            "target"
        } else {
            "targets"
        };
        details.push(format!("{word} {}", finding.targets.join(", ")));
    }
    details
}

fn counted(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

fn summary(result: &LintResult) -> String {
    let mut found = Vec::new();
    for (count, noun) in [(result.errors, "error"), (result.warnings, "warning")] {
        if count > 0 {
            found.push(counted(count, noun));
        }
    }
    let found = if found.is_empty() {
        "No problems".to_owned()
    } else {
        found.join(" and ")
    };
    let targets = match result.targets.as_slice() {
        [one] if one.is_empty() => String::new(),
        targets => format!(" of {}", counted(targets.len(), "target")),
    };
    let objects = counted(result.objects, "object");
    format!(
        "{found} in {objects}{targets} for Kubernetes {}\n",
        result.kubernetes_version
    )
}

/// Commands that GitHub shows at the lines of a pull request.
///
/// Source: docs.github.com, "Workflow commands for GitHub Actions".
fn as_annotations(result: &LintResult) -> String {
    let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
    let mut out = String::new();
    for finding in &result.findings {
        let mut properties = Vec::new();
        if !finding.file.is_empty() {
            properties.push(format!("file={}", property(&finding.file)));
        }
        if let Some(line) = finding.line {
            properties.push(format!("line={line}"));
        }
        properties.push(format!("title={}", property(&finding.rule)));
        let mut message = about(finding).trim_end().to_owned();
        let details = details(finding, result);
        if !details.is_empty() {
            message.push_str(&format!(" ({})", details.join("; ")));
        }
        out.push_str(&format!(
            "::{} {}::{}\n",
            level(finding.level),
            properties.join(","),
            escape(&message)
        ));
    }
    for note in &result.notes {
        out.push_str(&format!("::notice::{}\n", escape(note)));
    }
    out
}

#[cfg(test)]
mod tests {
    use kluctl_api::LintTemplate;
    use kluctl_object::{Gvk, ObjectRef};

    use super::*;

    fn result() -> LintResult {
        let object = |name: &str| ObjectRef::new(&Gvk::new("", "v1", "Service"), Some("n"), name);
        LintResult {
            targets: vec!["dev".to_owned(), "prod".to_owned()],
            kubernetes_version: "1.37.2".to_owned(),
            objects: 3,
            errors: 1,
            warnings: 1,
            findings: vec![
                LintFinding {
                    rule: "unknown-field".to_owned(),
                    message: "unknown field".to_owned(),
                    objects: vec![object("a"), object("b")],
                    path: "spec.x".to_owned(),
                    file: "app/helm-values.yaml".to_owned(),
                    line: Some(3),
                    chart: Some(LintTemplate {
                        file: "c/templates/s.yaml".to_owned(),
                        line: Some(7),
                    }),
                    targets: vec!["dev".to_owned(), "prod".to_owned()],
                    ..LintFinding::default()
                },
                LintFinding {
                    rule: "missing-namespace".to_owned(),
                    level: LintLevel::Warning,
                    message: "100% odd".to_owned(),
                    objects: vec![object("a")],
                    file: "a,b".to_owned(),
                    targets: vec!["dev".to_owned()],
                    ..LintFinding::default()
                },
            ],
            notes: vec!["a note".to_owned()],
        }
    }

    #[test]
    fn a_finding_is_a_line() {
        assert_eq!(
            as_text(&result(), false),
            "app/helm-values.yaml:3: error: n/Service/a and another object: spec.x: unknown field [unknown-field] \
             (chart c/templates/s.yaml:7; targets dev, prod)\n\
             a,b: warning: n/Service/a: 100% odd [missing-namespace] (target dev)\n\
             note: a note\n\
             1 error and 1 warning in 3 objects of 2 targets for Kubernetes 1.37.2\n"
        );
        let none = LintResult {
            targets: vec![String::new()],
            objects: 1,
            kubernetes_version: "1.30".to_owned(),
            ..LintResult::default()
        };
        assert_eq!(
            as_text(&none, false),
            "No problems in 1 object for Kubernetes 1.30\n"
        );
    }

    #[test]
    fn annotations_are_escaped() {
        assert_eq!(
            as_annotations(&result()),
            "::error file=app/helm-values.yaml,line=3,title=unknown-field::n/Service/a and another object: spec.x: unknown field \
             (chart c/templates/s.yaml:7; targets dev, prod)\n\
             ::warning file=a%2Cb,title=missing-namespace::n/Service/a: 100%25 odd (target dev)\n\
             ::notice::a note\n"
        );
    }
}
