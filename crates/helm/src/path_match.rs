//! Go's `path.Match`: `*`, `?` and classes inside one part of a path.

/// A pattern that cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPattern;

/// Whether a name matches a pattern as a whole.
///
/// Source: Go `path/match.go`, `Match`.
pub(crate) fn path_match(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let mut pattern = pattern;
    let mut name = name;
    'pattern: while !pattern.is_empty() {
        let (star, chunk, rest) = scan_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(!name.contains('/'));
        }
        let (matched, after) = match_chunk(chunk, name)?;
        if matched && (after.is_empty() || !pattern.is_empty()) {
            name = after;
            continue;
        }
        if star {
            for (at, character) in name.char_indices() {
                if character == '/' {
                    break;
                }
                let tail = &name[at + character.len_utf8()..];
                let (matched, after) = match_chunk(chunk, tail)?;
                if matched {
                    if pattern.is_empty() && !after.is_empty() {
                        continue;
                    }
                    name = after;
                    continue 'pattern;
                }
            }
        }
        // What is left of the pattern is still checked, so that a bad one is always found.
        while !pattern.is_empty() {
            let (_, chunk, rest) = scan_chunk(pattern);
            pattern = rest;
            match_chunk(chunk, "")?;
        }
        return Ok(false);
    }
    Ok(name.is_empty())
}

/// The next part of a pattern: whether stars come first, and the text up to the next star.
fn scan_chunk(pattern: &str) -> (bool, &str, &str) {
    let text = pattern.trim_start_matches('*');
    let star = text.len() < pattern.len();
    let mut in_class = false;
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if i + 1 < bytes.len() => i += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        i += 1;
    }
    (star, &text[..i], &text[i..])
}

/// Whether a chunk matches the start of a text, and what comes after it.
fn match_chunk<'a>(chunk: &str, text: &'a str) -> Result<(bool, &'a str), BadPattern> {
    let mut chunk = chunk;
    let mut rest = text;
    let mut failed = false;
    while let Some(first) = chunk.chars().next() {
        failed |= rest.is_empty();
        match first {
            '[' => {
                let character = if failed { None } else { rest.chars().next() };
                if let Some(character) = character {
                    rest = &rest[character.len_utf8()..];
                }
                chunk = &chunk[1..];
                let negated = chunk.starts_with('^');
                if negated {
                    chunk = &chunk[1..];
                }
                let mut found = false;
                let mut ranges = 0;
                loop {
                    if chunk.starts_with(']') && ranges > 0 {
                        chunk = &chunk[1..];
                        break;
                    }
                    let (low, after) = class_character(chunk)?;
                    let mut high = low;
                    chunk = after;
                    if let Some(after) = chunk.strip_prefix('-') {
                        (high, chunk) = class_character(after)?;
                    }
                    found |= character.is_some_and(|character| (low..=high).contains(&character));
                    ranges += 1;
                }
                failed |= found == negated;
            }
            '?' => {
                if !failed {
                    failed |= rest.starts_with('/');
                    rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
                }
                chunk = &chunk[1..];
            }
            _ => {
                let literal = if first == '\\' {
                    chunk = &chunk[1..];
                    chunk.chars().next().ok_or(BadPattern)?
                } else {
                    first
                };
                if !failed {
                    match rest.strip_prefix(literal) {
                        Some(after) => rest = after,
                        None => failed = true,
                    }
                }
                chunk = &chunk[literal.len_utf8()..];
            }
        }
    }
    Ok(if failed { (false, "") } else { (true, rest) })
}

/// One character of a class; a class may not end here.
fn class_character(chunk: &str) -> Result<(char, &str), BadPattern> {
    let mut rest = chunk;
    match rest.chars().next() {
        None | Some('-' | ']') => return Err(BadPattern),
        Some('\\') => rest = &rest[1..],
        Some(_) => {}
    }
    let character = rest.chars().next().ok_or(BadPattern)?;
    rest = &rest[character.len_utf8()..];
    if rest.is_empty() {
        return Err(BadPattern);
    }
    Ok((character, rest))
}

#[cfg(test)]
mod tests {
    use super::{BadPattern, path_match};

    #[test]
    fn answers_are_those_of_go() {
        let cases = [
            ("abc", "abc", Ok(true)),
            ("*", "abc", Ok(true)),
            ("*c", "abc", Ok(true)),
            ("a*", "ab/c", Ok(false)),
            ("a*/b", "abc/b", Ok(true)),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", Ok(true)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Ok(true)),
            ("ab[c]", "abc", Ok(true)),
            ("ab[^b-d]", "abc", Ok(false)),
            ("a\\*b", "a*b", Ok(true)),
            ("[\\]a]", "]", Ok(true)),
            ("[a-b-d]", "a", Err(BadPattern)),
            ("[]a]", "]", Err(BadPattern)),
            ("[a", "a", Err(BadPattern)),
            ("a[", "ab", Err(BadPattern)),
            ("*x", "xxx", Ok(true)),
            ("templates/.?*", "templates/.x", Ok(true)),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(path_match(pattern, name), expected, "{pattern} {name}");
        }
    }
}
