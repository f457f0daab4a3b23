//! Marks at the ends of a template's lines, which tell after rendering what line a text came from.

/// The template languages, which differ in their brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// `{{ }}`, `{% %}`, `{# #}`
    Jinja,
    /// `{{ }}`
    Go,
}

const MARK: &str = " #@kluctl-line-";

/// Puts a mark on each line that ends outside of brackets and says something itself. Lines that hold nothing but brackets
/// of statements, and those inside of definitions, stay as they are, since their text may end up inside of a value.
pub(super) fn mark(text: &str, language: Language) -> String {
    let mut marked = String::with_capacity(text.len() * 2);
    let mut open: Option<&'static str> = None;
    let mut definitions = 0_usize;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let body = line.trim_end_matches(['\n', '\r']);
        let end = &line[body.len()..];
        let before = definitions;
        open = closing(body, open, language);
        definitions = depth(body, definitions, language);
        marked.push_str(body);
        if open.is_none() && before == 0 && definitions == 0 && says_something(body, language) {
            marked.push_str(&format!("{MARK}{number}@"));
        }
        marked.push_str(end);
    }
    marked
}

/// The bracket that is still open after a line.
fn closing(line: &str, mut open: Option<&'static str>, language: Language) -> Option<&'static str> {
    let pairs: &[(&str, &'static str)] = match language {
        Language::Jinja => &[("{{", "}}"), ("{%", "%}"), ("{#", "#}")],
        Language::Go => &[("{{", "}}")],
    };
    let mut rest = line;
    loop {
        if let Some(close) = open {
            match rest.find(close) {
                Some(at) => rest = &rest[at + close.len()..],
                None => return open,
            }
            open = None;
        } else {
            let next = pairs
                .iter()
                .filter_map(|(start, close)| Some((rest.find(start)?, *start, *close)))
                .min_by_key(|(at, ..)| *at);
            match next {
                Some((at, start, close)) => {
                    rest = &rest[at + start.len()..];
                    open = Some(close);
                }
                None => return None,
            }
        }
    }
}

/// How many definitions are open after a line: macros, blocks that are set or called, and `define`.
fn depth(line: &str, mut depth: usize, language: Language) -> usize {
    for statement in statements(line, language) {
        let mut words = statement.split_whitespace();
        let opens = match (words.next(), language) {
            (Some("macro" | "call" | "filter"), Language::Jinja)
            | (Some("define" | "block"), Language::Go) => true,
            (Some("set"), Language::Jinja) => !statement.contains('='),
            _ => false,
        };
        let closes = match language {
            Language::Jinja => matches!(
                statement.split_whitespace().next(),
                Some("endmacro" | "endcall" | "endfilter" | "endset")
            ),
            // Inside of a definition `end` ends whatever was opened last.
            Language::Go => depth > 0 && statement.split_whitespace().next() == Some("end"),
        };
        let opens_inside = language == Language::Go
            && depth > 0
            && matches!(statement.split_whitespace().next(), Some("if" | "range" | "with"));
        depth += usize::from(opens || opens_inside);
        depth -= usize::from(closes && depth > 0);
    }
    depth
}

/// What stands in the brackets of statements on a line.
fn statements(line: &str, language: Language) -> Vec<&str> {
    let (start, close) = match language {
        Language::Jinja => ("{%", "%}"),
        Language::Go => ("{{", "}}"),
    };
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find(start) {
        rest = &rest[at + start.len()..];
        let end = rest.find(close).unwrap_or(rest.len());
        found.push(rest[..end].trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace()));
        rest = rest.get(end + close.len()..).unwrap_or_default();
    }
    found
}

/// Whether a line has text of its own that a comment may follow, or prints a value.
fn says_something(line: &str, language: Language) -> bool {
    let trimmed = line.trim();
    if trimmed.is_empty() || trimmed.starts_with('#') || trimmed.starts_with("---") {
        return false;
    }
    // A trim mark at the end would glue the next line to ours.
    if trimmed.ends_with("-}}") || trimmed.ends_with("-%}") {
        return false;
    }
    // The header of a block scalar takes a comment; a quoted text that goes on does not.
    let quotes = |quote: char| line.matches(quote).count() % 2 == 1;
    if quotes('"') || line.ends_with('\\') {
        return false;
    }
    match language {
        Language::Jinja => {
            let statement =
                trimmed.starts_with("{%") && trimmed.ends_with("%}") && trimmed.matches("{%").count() == 1;
            let comment = trimmed.starts_with("{#") && trimmed.ends_with("#}");
            !statement && !comment
        }
        Language::Go => {
            let only =
                trimmed.starts_with("{{") && trimmed.ends_with("}}") && trimmed.matches("{{").count() == 1;
            let word = statements(trimmed, language)
                .first()
                .and_then(|text| text.split_whitespace().next());
            let silent = word.is_some_and(|word| {
                matches!(
                    word,
                    "if" | "else"
                        | "end"
                        | "range"
                        | "with"
                        | "define"
                        | "template"
                        | "block"
                        | "break"
                        | "continue"
                ) || word.starts_with('$')
                    || word.starts_with("/*")
            });
            !(only && silent)
        }
    }
}

/// The template's line that a line of a rendered text came from: its own mark, or the next one, for texts of several lines
/// that one line of the template printed.
pub(super) fn line_behind(rendered: &str, line: u32) -> Option<u32> {
    let lines = rendered.lines().skip(line.checked_sub(1)? as usize);
    lines.take(200).find_map(|line| {
        let at = line.find(MARK)?;
        let rest = &line[at + MARK.len()..];
        rest[..rest.find('@')?].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_lines_that_can_bear_it() {
        let text = "a: {{ x }}\n{% if y %}\nb: |\n  text\n{% endif %}\n{% macro m() %}\nz\n{% endmacro %}\nc: {{ m(\n) }}\n# no\n---\nd: \"x\n  y\"\n";
        let marked = mark(text, Language::Jinja);
        let numbers: Vec<u32> = marked.lines().filter_map(|line| line_behind(line, 1)).collect();
        assert_eq!(numbers, [1, 3, 4, 10]);
        let go = "{{- if .x }}\na: {{ .x }}\n{{- end }}\n{{- include \"l\" . | nindent 4 }}\n{{ define \"q\" }}\n{{ if .z }}\nw: x\n{{ end }}\n{{ end }}\nb: {{ .y -}}\nc: d\n";
        let marked = mark(go, Language::Go);
        let numbers: Vec<u32> = marked.lines().filter_map(|line| line_behind(line, 1)).collect();
        assert_eq!(numbers, [2, 4, 11]);
    }

    #[test]
    fn finds_the_line_behind_a_text_of_many() {
        let rendered = "a: 1 #@kluctl-line-1@\nx: 1\ny: 2 #@kluctl-line-2@\n";
        assert_eq!(
            (line_behind(rendered, 2), line_behind(rendered, 3)),
            (Some(2), Some(2))
        );
        assert_eq!(line_behind(rendered, 4), None);
    }
}
