//! Results of a validation.

use kluctl_api::ValidateResult;

use super::{table, text, write_document};
use crate::terminal::{Terminal, width};

/// Writes a validation's result in every format that is asked for.
pub(crate) fn write_validation(
    terminal: &Terminal,
    formats: &[String],
    result: &ValidateResult,
) -> Result<(), String> {
    write_document(
        terminal,
        formats,
        result,
        as_text,
        "invalid validation result format",
    )
}

fn as_text(result: &ValidateResult) -> String {
    let mut out = String::new();
    if !result.warnings.is_empty() {
        out.push_str("\nValidation Warnings:\n");
        out.push_str(&text::problem_lines(&result.warnings));
    }
    let title = |out: &mut String, title: &str| {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(title);
    };
    if !result.errors.is_empty() {
        title(&mut out, "Validation Errors:\n");
        out.push_str(&text::problem_lines(&result.errors));
    }
    if !result.results.is_empty() {
        title(&mut out, "Results:\n");
        let texts: Vec<[String; 2]> = result
            .results
            .iter()
            .map(|entry| [entry.reference.to_string(), entry.message.clone()])
            .collect();
        let mut rows = vec![["Object", "Message"]];
        rows.extend(texts.iter().map(|[object, message]| [&**object, &**message]));
        out.push_str(&table::draw(&rows, &[60], width()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_api::DeploymentError;

    #[test]
    fn sections_are_apart_only_after_something() {
        let problem = |message: &str| DeploymentError {
            message: message.to_owned(),
            ..DeploymentError::default()
        };
        let mut result = ValidateResult {
            errors: vec![problem("bad")],
            ..ValidateResult::default()
        };
        assert_eq!(as_text(&result), "Validation Errors:\n  bad\n");
        result.warnings = vec![problem("odd")];
        assert_eq!(
            as_text(&result),
            "\nValidation Warnings:\n  odd\n\nValidation Errors:\n  bad\n"
        );
    }
}
