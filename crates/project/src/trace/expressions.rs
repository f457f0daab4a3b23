//! The names that a line of a template uses.

use regex::Regex;
use std::sync::OnceLock;

use super::marks::Language;

/// Dotted names in the brackets of a line, each once: `args.replicas`, or `Values.image.tag`.
pub(super) fn names(line: &str, language: Language) -> Vec<String> {
    static BRACKETS: OnceLock<Option<Regex>> = OnceLock::new();
    static STRINGS: OnceLock<Option<Regex>> = OnceLock::new();
    static JINJA: OnceLock<Option<Regex>> = OnceLock::new();
    static GO: OnceLock<Option<Regex>> = OnceLock::new();
    let regex = |cell: &'static OnceLock<Option<Regex>>, text: &str| {
        cell.get_or_init(|| Regex::new(text).ok()).as_ref()
    };
    let (Some(brackets), Some(strings)) = (
        regex(&BRACKETS, r"\{\{(.*?)\}\}|\{%(.*?)%\}"),
        regex(&STRINGS, r#""[^"]*"|'[^']*'"#),
    ) else {
        return Vec::new();
    };
    let name = match language {
        Language::Jinja => regex(&JINJA, r"(?:^|[^.\w|])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"),
        Language::Go => regex(&GO, r"(?:^|[^.\w)])\$?\.(Values(?:\.[A-Za-z_]\w*)*)"),
    };
    let Some(name) = name else { return Vec::new() };
    let mut found = Vec::new();
    for inside in brackets.captures_iter(line) {
        let inside = inside
            .get(1)
            .or_else(|| inside.get(2))
            .map_or("", |text| text.as_str());
        let plain = strings.replace_all(inside, " ");
        for name in name.captures_iter(&plain) {
            let Some(name) = name.get(1) else { continue };
            // What a pipe leads to is a filter or a function.
            if plain[..name.start()].trim_end().ends_with('|') {
                continue;
            }
            let name = name.as_str().to_owned();
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// The named templates that a line of a chart includes.
pub(super) fn includes(line: &str) -> Vec<String> {
    static INCLUDE: OnceLock<Option<Regex>> = OnceLock::new();
    let regex = INCLUDE.get_or_init(|| Regex::new(r#"(?:include|template)\s+"([^"]+)""#).ok());
    let captures = regex.iter().flat_map(|regex| regex.captures_iter(line));
    captures.map(|name| name[1].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names_in_brackets() {
        assert_eq!(
            names("x y: {{ args.a.b | default(\"z.z\") }}-{{ c }}", Language::Jinja),
            ["args.a.b", "c"]
        );
        assert_eq!(
            names(
                "a: {{ .Values.image.tag | default $.Values.x }} {{ .Chart.Name }}",
                Language::Go
            ),
            ["Values.image.tag", "Values.x"]
        );
        assert_eq!(
            includes("{{- include \"web.labels\" . | nindent 4 }}"),
            ["web.labels"]
        );
    }
}
