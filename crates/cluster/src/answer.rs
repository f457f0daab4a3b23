//! What a request brings back beside its value.

/// A value together with the warnings that the server sent with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// Texts of the `Warning` headers, in their order.
    pub warnings: Vec<String>,
    /// Whether the request made a new object (`201 Created`).
    pub created: bool,
}

impl<T> Answer<T> {
    /// Turns the value into another one and keeps the rest.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Answer<U> {
        Answer {
            value: convert(self.value),
            warnings: self.warnings,
            created: self.created,
        }
    }
}

/// Reads the texts of `Warning` headers: `299 - "text"`, possibly several in one header.
pub(crate) fn warnings(headers: &http::HeaderMap) -> Vec<String> {
    let mut texts = Vec::new();
    for header in headers.get_all(http::header::WARNING) {
        let Ok(mut rest) = std::str::from_utf8(header.as_bytes()) else {
            continue;
        };
        while let Some((text, after)) = quoted(rest) {
            if rest.trim_start().starts_with("299") && !text.is_empty() {
                texts.push(text);
            }
            let after = match after.trim_start() {
                dated if dated.starts_with('"') => quoted(dated).map_or("", |(_, after)| after),
                other => other,
            };
            rest = after.trim_start().trim_start_matches(',');
        }
    }
    texts
}

/// The first quoted string of a header and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let start = text.find('"')? + 1;
    let mut value = String::new();
    let mut chars = text[start..].char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '"' => return Some((value, &text[start + at + 1..])),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: &[&str]) {
        let mut headers = http::HeaderMap::new();
        headers.insert(http::header::WARNING, header.parse().unwrap());
        assert_eq!(warnings(&headers), expected);
    }

    #[test]
    fn warnings_are_read_from_headers() {
        check(r#"299 - "old API""#, &["old API"]);
        check(r#"299 - "a \"b\" \\c""#, &[r#"a "b" \c"#]);
        check(r#"299 - "one", 299 - "two""#, &["one", "two"]);
        check(
            r#"299 - "one" "Mon, 02 Jan 2006 15:04:05 GMT", 299 - "two""#,
            &["one", "two"],
        );
        check(r#"199 - "other kind""#, &[]);
        check("299 - broken", &[]);
    }
}
