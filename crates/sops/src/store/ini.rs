//! INI files as `gopkg.in/ini.v1` reads and writes them.
//!
//! Source: sops `stores/ini/store.go`; ini.v1 `parser.go` and `file.go`.

use super::as_text;
use crate::error::Error;
use crate::tree::{Branch, Comment, Entry, Value};

/// The section of what stands before the first section.
const DEFAULT: &str = "DEFAULT";

/// One map per section; `None` when a line is neither section, key nor comment.
pub(super) fn read(content: &[u8]) -> Option<Branch> {
    let text = std::str::from_utf8(content).ok()?;
    let mut reader = Reader {
        lines: text.trim_start_matches('\u{FEFF}').split_inclusive('\n'),
        comment: String::new(),
    };
    let mut sections: Vec<(String, Branch)> = vec![(DEFAULT.to_owned(), Branch::new())];
    while let Some(line) = reader.lines.next() {
        let line = line.trim_start();
        if line.is_empty() {
        } else if line.starts_with(['#', ';']) {
            reader.comment.push_str(line);
        } else if let Some(rest) = line.strip_prefix('[') {
            let (name, after) = rest.rsplit_once(']')?;
            if let Some(at) = after.find(['#', ';']) {
                reader.comment.push_str(&after[at..]);
            }
            let entries = reader.take_comment().into_iter().collect();
            sections.push((name.to_owned(), entries));
        } else {
            let (key, rest) = key(line)?;
            let value = reader.value(rest)?;
            let comment = reader.take_comment();
            let section = &mut sections.last_mut()?.1;
            section.retain(|entry| !matches!(entry, Entry::Item(name, _) if *name == key));
            section.push(Entry::Item(key, Value::Text(value)));
            section.extend(comment);
        }
    }
    let sections = sections.into_iter();
    Some(
        sections
            .map(|(name, branch)| Entry::Item(name, Value::Map(branch)))
            .collect(),
    )
}

/// A key, perhaps quoted, and what follows its `=` or `:`.
fn key(line: &str) -> Option<(String, &str)> {
    let quote = if line.len() > 6 && line.starts_with("\"\"\"") {
        "\"\"\""
    } else if line.starts_with('"') {
        "\""
    } else if line.starts_with('`') {
        "`"
    } else {
        let at = line.find(['=', ':']).filter(|at| *at > 0)?;
        return Some((line[..at].trim().to_owned(), &line[at + 1..]));
    };
    let (name, rest) = line[quote.len()..].split_once(quote)?;
    let at = rest.find(['=', ':'])?;
    Some((name.trim().to_owned(), &rest[at + 1..]))
}

struct Reader<'t> {
    lines: std::str::SplitInclusive<'t, char>,
    /// Comments since the last section or key.
    comment: String,
}

impl Reader<'_> {
    fn take_comment(&mut self) -> Option<Entry> {
        let comment = std::mem::take(&mut self.comment);
        let text = comment.trim();
        let text = if text.starts_with(';') {
            text.trim_start_matches([';', ' '])
        } else {
            text.trim_start_matches(['#', ' '])
        };
        let comment = Comment {
            text: text.to_owned(),
            inline: false,
        };
        (!comment.text.is_empty()).then_some(Entry::Comment(comment))
    }

    fn value(&mut self, rest: &str) -> Option<String> {
        let line = rest.trim_start();
        if line.is_empty() {
            return Some(String::new());
        }
        let quote = if line.len() > 3 && line.starts_with("\"\"\"") {
            "\"\"\""
        } else if line.starts_with('`') {
            "`"
        } else {
            return Some(self.unquoted(line));
        };
        let inner = &line[quote.len()..];
        match inner.rfind(quote) {
            Some(end) => Some(inner[..end].to_owned()),
            None => self.quoted_lines(inner, quote),
        }
    }

    /// A quoted value that goes on over several lines.
    fn quoted_lines(&mut self, start: &str, quote: &str) -> Option<String> {
        let mut value = start.to_owned();
        loop {
            let next = self.lines.next()?;
            let Some(end) = next.rfind(quote) else {
                value.push_str(next);
                continue;
            };
            let after = &next[end + quote.len()..];
            if after.trim().ends_with('\\') {
                value.push_str(next);
                continue;
            }
            value.push_str(&next[..end]);
            if let Some(at) = after.find(['#', ';']) {
                self.comment.push_str(after[at..].trim());
            }
            return Some(value);
        }
    }

    fn unquoted(&mut self, line: &str) -> String {
        let mut line = line.trim();
        if let Some(start) = line.strip_suffix('\\') {
            return self.continued(start);
        }
        if let Some(at) = line.find(['#', ';']) {
            self.comment.push_str(&line[at..]);
            line = line[..at].trim();
        }
        for quote in ['\'', '"'] {
            let inner = line.strip_prefix(quote).and_then(|line| line.strip_suffix(quote));
            if let Some(inner) = inner.filter(|inner| !inner.contains(quote)) {
                return inner.to_owned();
            }
        }
        line.to_owned()
    }

    /// A value whose lines end in a backslash.
    fn continued(&mut self, start: &str) -> String {
        let mut value = start.to_owned();
        while let Some(next) = self.lines.next().map(str::trim).filter(|next| !next.is_empty()) {
            match next.strip_suffix('\\') {
                Some(part) => value.push_str(part),
                None => {
                    value.push_str(next);
                    break;
                }
            }
        }
        value
    }
}

/// A section's comment, and its keys with theirs.
struct Section<'b> {
    comment: Option<&'b str>,
    keys: Vec<(&'b str, String, Option<&'b str>)>,
}

impl<'b> Section<'b> {
    fn of(branch: &'b [Entry]) -> Result<Self, Error> {
        let mut section = Self {
            comment: None,
            keys: Vec::new(),
        };
        for (index, entry) in branch.iter().enumerate() {
            match entry {
                Entry::Comment(comment) if index == 0 => section.comment = Some(&comment.text),
                Entry::Comment(comment) => {
                    if let Some(key) = section.keys.last_mut() {
                        key.2 = Some(&comment.text);
                    }
                }
                Entry::Item(key, value) => section.keys.push((key, as_text(value)?, None)),
            }
        }
        Ok(section)
    }
}

pub(super) fn write(branch: &[Entry]) -> Result<String, Error> {
    let mut sections = Vec::new();
    for entry in branch {
        let Entry::Item(name, value) = entry else { continue };
        let Value::Map(inner) = value else {
            return Err(Error::new("a section of an INI file must be a map"));
        };
        sections.push((name, Section::of(inner)?));
    }
    let mut text = String::new();
    let last = sections.len().saturating_sub(1);
    for (index, (name, section)) in sections.iter().enumerate() {
        comment_lines(section.comment, &mut text);
        if index > 0 || name.to_uppercase() != DEFAULT {
            text.push_str(&format!("[{name}]\n"));
        } else if section.keys.is_empty() {
            continue;
        }
        let width = section.keys.iter().map(|(key, ..)| quoted_key(key).len()).max();
        for (key, value, comment) in &section.keys {
            comment_lines(*comment, &mut text);
            let width = width.unwrap_or_default();
            text.push_str(&format!("{:width$} = {}\n", quoted_key(key), quoted(value)));
        }
        if index != last {
            text.push('\n');
        }
    }
    Ok(text)
}

fn comment_lines(comment: Option<&str>, text: &mut String) {
    for line in comment.unwrap_or_default().lines() {
        let line = match line.strip_prefix(['#', ';']) {
            Some(rest) => format!("{} {}", &line[..1], rest.trim()),
            None => format!("; {line}"),
        };
        text.push_str(&line);
        text.push('\n');
    }
}

fn quoted_key(key: &str) -> String {
    if key.contains(['"', '=', ':']) {
        format!("`{key}`")
    } else if key.contains('`') {
        format!("\"\"\"{key}\"\"\"")
    } else {
        key.to_owned()
    }
}

fn quoted(value: &str) -> String {
    if value.contains(['\n', '`']) {
        format!("\"\"\"{value}\"\"\"")
    } else if value.contains(['#', ';']) {
        format!("`{value}`")
    } else if value.trim().len() != value.len() {
        format!("\"{value}\"")
    } else {
        value.to_owned()
    }
}
