//! Reads TOML to a map of Go's types: `int64`, `float64`, `string`, `bool` and `time.Time`.

use std::collections::{BTreeMap, BTreeSet};

use kluctl_gotemplate::{List, Map, Text, Value};

use super::scalars::{Problem, is_control, is_name, quoted_rune};

/// How deep values may be nested; Go has no such limit but its stack.
const DEEPEST: usize = 500;

/// Reads a document; failures are in the words of the library that Helm uses.
///
/// Source: github.com/BurntSushi/toml `lex.go` and `parse.go`.
pub(crate) fn read(text: &[u8]) -> Result<Map, String> {
    let text = [b"\xFF\xFE".as_slice(), b"\xFE\xFF", b"\xEF\xBB\xBF"]
        .iter()
        .find_map(|mark| text.strip_prefix(*mark))
        .unwrap_or(text);
    if text.iter().take(6).any(|byte| *byte == 0) {
        return Err(
            "toml: line 1: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8"
                .to_owned(),
        );
    }
    let mut reader = Reader {
        text,
        at: 0,
        line: 1,
        context: Vec::new(),
        key: String::new(),
        key_line: 1,
        root: Table::new(),
        implicit: BTreeSet::new(),
        arrays: BTreeSet::new(),
        depth: 0,
    };
    match reader.document() {
        Ok(()) => Ok(finished(reader.root)),
        Err(problem) => {
            let line = problem.line;
            let message = problem.message;
            Err(match reader.current() {
                key if key.is_empty() => format!("toml: line {line}: {message}"),
                key => {
                    let key = kluctl_gotemplate::quote(key.as_bytes());
                    format!("toml: line {line} (last key {key}): {message}")
                }
            })
        }
    }
}

/// Tables by key while they may still grow.
type Table = BTreeMap<String, Item>;

enum Item {
    Value(Value),
    Table(Table),
    Tables(Vec<Table>),
}

fn finished(table: Table) -> Map {
    let entries = table.into_iter().map(|(key, item)| {
        let value = match item {
            Item::Value(value) => value,
            Item::Table(table) => Value::Map(finished(table)),
            Item::Tables(tables) => Value::List(List::typed(
                tables
                    .into_iter()
                    .map(|table| Value::Map(finished(table)))
                    .collect(),
                &kluctl_gotemplate::types::MAP_LIST,
            )),
        };
        (Text::from(key.as_str()), value)
    });
    entries.collect()
}

type Result1<T> = Result<T, Problem>;

pub(super) struct Reader<'t> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
    pub(super) line: usize,
    /// The table that is filled.
    context: Vec<String>,
    /// The key whose value is read.
    key: String,
    /// Where the newest key began.
    key_line: usize,
    root: Table,
    /// Tables that only longer keys have made.
    implicit: BTreeSet<String>,
    /// Keys that hold arrays.
    arrays: BTreeSet<String>,
    depth: usize,
}

impl Reader<'_> {
    /// The next character without taking it; `None` at the end.
    pub(super) fn peek(&self) -> Result1<Option<char>> {
        let rest = &self.text[self.at..];
        let Some(first) = rest.first() else {
            return Ok(None);
        };
        if first.is_ascii() {
            let lone_return = *first == b'\r' && rest.get(1) != Some(&b'\n');
            if is_control(*first) || lone_return {
                let message = format!("TOML files cannot contain control characters: '0x{first:02x}'");
                return Err(self.problem(message));
            }
            return Ok(Some(char::from(*first)));
        }
        let longest = &rest[..rest.len().min(4)];
        let valid = match std::str::from_utf8(longest) {
            Ok(text) => text.chars().next(),
            Err(error) => std::str::from_utf8(&longest[..error.valid_up_to()])
                .ok()
                .and_then(|text| text.chars().next()),
        };
        match valid {
            Some(character) => Ok(Some(character)),
            None => Err(self.problem(format!("invalid UTF-8 byte: 0x{first:02x}"))),
        }
    }

    pub(super) fn next(&mut self) -> Result1<Option<char>> {
        let found = self.peek()?;
        if let Some(character) = found {
            self.at += character.len_utf8();
            if character == '\n' {
                self.line += 1;
            }
        }
        Ok(found)
    }

    pub(super) fn accept(&mut self, wanted: char) -> Result1<bool> {
        let found = self.peek()? == Some(wanted);
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn skip_blanks(&mut self) -> Result1<()> {
        while matches!(self.peek()?, Some(' ' | '\t')) {
            self.next()?;
        }
        Ok(())
    }

    /// White space, line breaks and comments, as they may stand inside of brackets.
    fn skip_all(&mut self) -> Result1<()> {
        loop {
            match self.peek()? {
                Some(' ' | '\t' | '\n' | '\r') => {
                    self.next()?;
                }
                Some('#') => self.comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result1<()> {
        while !matches!(self.peek()?, None | Some('\n' | '\r')) {
            self.next()?;
        }
        Ok(())
    }

    /// A problem here; at the end of a text that ends a line, the last line is told.
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        let at_end = self.at >= self.text.len();
        let after_break = at_end && self.text.last() == Some(&b'\n');
        Problem {
            line: self.line - usize::from(after_break),
            message: message.into(),
        }
    }

    /// A problem with a character that was just taken.
    fn unexpected(&self, what: &str, found: Option<char>) -> Problem {
        self.problem(format!("{what}, but got {} instead", quoted_rune(found)))
    }

    /// A problem with the line break that was just taken.
    pub(super) fn on_line_before(&self, message: impl Into<String>) -> Problem {
        Problem {
            line: self.line - 1,
            message: message.into(),
        }
    }

    fn current(&self) -> String {
        let mut key = self.context.clone();
        if self.key.is_empty() {
            return dotted(&key);
        }
        if key.is_empty() {
            return self.key.clone();
        }
        let context = dotted(&key);
        key.clear();
        format!("{context}.{}", self.key)
    }

    fn document(&mut self) -> Result1<()> {
        loop {
            match self.peek()? {
                None => return Ok(()),
                Some(' ' | '\t' | '\n' | '\r') => {
                    self.next()?;
                    continue;
                }
                Some('#') => {
                    self.comment()?;
                    continue;
                }
                Some('[') => {
                    self.next()?;
                    self.header()?;
                }
                Some(_) => self.assignment(None)?,
            }
            self.skip_blanks()?;
            match self.peek()? {
                None => return Ok(()),
                Some('#') => self.comment()?,
                found => {
                    self.next()?;
                    if !matches!(found, Some('\n' | '\r')) {
                        return Err(self.unexpected(
                            "expected a top-level item to end with a newline, comment, or EOF",
                            found,
                        ));
                    }
                }
            }
        }
    }

    /// `[table]` or `[[table]]`, behind the first bracket.
    fn header(&mut self) -> Result1<()> {
        let many = self.accept('[')?;
        let mut key = Vec::new();
        loop {
            self.skip_blanks()?;
            let line = self.line;
            let part = match self.peek()? {
                Some(']') | None => {
                    return Err(Problem {
                        line: self.line,
                        message: "unexpected end of table name (table names cannot be empty)".to_owned(),
                    });
                }
                Some('.') => {
                    return Err(self.problem("unexpected table separator (table names cannot be empty)"));
                }
                Some(_) => self.key_part()?,
            };
            if key.is_empty() {
                self.key_line = line;
            }
            key.push(part);
            self.skip_blanks()?;
            match self.next()? {
                Some('.') => {}
                Some(']') => break,
                found => return Err(self.unexpected("expected '.' or ']' to end table name", found)),
            }
        }
        if many {
            match self.next()? {
                Some(']') => {}
                found => {
                    return Err(self.unexpected("expected end of table array name delimiter ']'", found));
                }
            }
        }
        self.enter(&key, many)
    }

    fn key_part(&mut self) -> Result1<String> {
        match self.peek()? {
            Some('"') => {
                self.next()?;
                self.basic_string()
            }
            Some('\'') => {
                self.next()?;
                self.raw_string()
            }
            _ => {
                let start = self.at;
                while self.peek()?.is_some_and(is_name) {
                    self.next()?;
                }
                Ok(String::from_utf8_lossy(&self.text[start..self.at]).into_owned())
            }
        }
    }

    /// `key = value`; the value goes to an inline table as well, where there is one.
    fn assignment(&mut self, inline: Option<&mut Table>) -> Result1<()> {
        let outer = self.context.clone();
        self.skip_blanks()?;
        match self.peek()? {
            Some('=') | None => {
                return Err(Problem {
                    line: self.line,
                    message: "unexpected '=': key name appears blank".to_owned(),
                });
            }
            Some('.') => {
                return Err(self.problem("unexpected '.': keys cannot start with a '.'"));
            }
            Some(_) => {}
        }
        let mut parents = Vec::new();
        let name = loop {
            self.skip_blanks()?;
            match self.peek()? {
                Some('=') | None if !parents.is_empty() => return Err(self.problem("unexpected '='")),
                Some('.') if !parents.is_empty() => return Err(self.problem("unexpected '.'")),
                _ => {}
            }
            let line = self.line;
            let part = self.key_part()?;
            if parents.is_empty() {
                self.key_line = line;
            }
            self.skip_blanks()?;
            match self.next()? {
                Some('.') => parents.push(part),
                Some('=') => break part,
                None => {
                    return Err(self.problem("unexpected EOF; expected key separator '='"));
                }
                Some('\n') => {
                    return Err(self.on_line_before("expected '.' or '=', but got '\\n' instead"));
                }
                found => return Err(self.unexpected("expected '.' or '='", found)),
            }
        };
        self.key.clone_from(&name);
        for parent in &parents {
            let mut path = self.context.clone();
            path.push(parent.clone());
            self.implicit.insert(dotted(&path));
            self.enter(&path, false)?;
        }
        let (value, is_array) = self.value()?;
        self.set(&name, Item::Value(value.clone()), is_array)?;
        let is_inline = inline.is_some();
        if let Some(mut table) = inline {
            for parent in parents {
                let next = table.entry(parent).or_insert_with(|| Item::Table(Table::new()));
                match next {
                    Item::Table(next) => table = next,
                    _ => {
                        let shown = format!("[{}]", self.context.join(" "));
                        return Err(self.key_problem(format!("{shown} is not a table")));
                    }
                }
            }
            table.insert(name, Item::Value(value));
        }
        self.context = outer;
        if !is_inline {
            self.key.clear();
        }
        Ok(())
    }

    fn key_problem(&self, message: String) -> Problem {
        Problem {
            line: self.key_line,
            message,
        }
    }

    /// Reads a value; tells whether it is an array.
    fn value(&mut self) -> Result1<(Value, bool)> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.problem(format!("values are nested more than {DEEPEST} deep")));
        }
        self.skip_blanks()?;
        let read = match self.peek()? {
            Some('[') => {
                self.next()?;
                self.array().map(|value| (value, true))
            }
            Some('{') => {
                self.next()?;
                self.inline_table().map(|value| (value, false))
            }
            _ => self.scalar().map(|value| (value, false)),
        };
        self.depth -= 1;
        read
    }

    fn array(&mut self) -> Result1<Value> {
        let mut path = self.context.clone();
        path.push(self.key.clone());
        self.arrays.insert(dotted(&path));
        let mut items = Vec::new();
        loop {
            self.skip_all()?;
            match self.peek()? {
                Some(',') => {
                    self.next()?;
                    return Err(self.problem("unexpected comma"));
                }
                Some(']') => break,
                _ => items.push(self.value()?.0),
            }
            self.skip_all()?;
            match self.peek()? {
                Some(',') => {
                    self.next()?;
                }
                Some(']') => break,
                found => {
                    self.next()?;
                    let found = found.map_or_else(|| "end of file".to_owned(), |c| format!("'{c}'"));
                    return Err(self.problem(format!(
                        "expected a comma (',') or array terminator (']'), but got {found}"
                    )));
                }
            }
        }
        self.next()?;
        Ok(Value::List(List::new(items)))
    }

    fn inline_table(&mut self) -> Result1<Value> {
        let outer = self.context.clone();
        let outer_key = std::mem::take(&mut self.key);
        let mut path = outer.clone();
        path.push(outer_key.clone());
        self.context.clone_from(&path);
        self.implicit.insert(dotted(&path));
        // In arrays there is one table after the other under the same key.
        if self.depth > 1 && self.arrays.contains(&dotted(&path)) {
            self.remove(&path);
        }
        self.enter(&path, false)?;
        let mut table = Table::new();
        loop {
            self.skip_all()?;
            match self.peek()? {
                Some(',') => {
                    self.next()?;
                    return Err(self.problem("unexpected comma"));
                }
                Some('}') => break,
                _ => self.assignment(Some(&mut table))?,
            }
            self.skip_all()?;
            match self.peek()? {
                Some(',') => {
                    self.next()?;
                }
                Some('}') => break,
                found => {
                    self.next()?;
                    let found = found.map_or_else(|| "end of file".to_owned(), |c| format!("'{c}'"));
                    return Err(self.problem(format!(
                        "expected a comma or an inline table terminator '}}', but got {found} instead"
                    )));
                }
            }
        }
        self.next()?;
        self.context = outer;
        self.key = outer_key;
        self.implicit.insert(dotted(&path));
        Ok(Value::Map(finished(table)))
    }

    fn remove(&mut self, path: &[String]) {
        if let Some((last, parents)) = path.split_last()
            && let Some(table) = descend(&mut self.root, parents)
        {
            table.remove(last);
        }
    }

    /// Goes to a table and makes it, with all on the way to it.
    fn enter(&mut self, key: &[String], many: bool) -> Result1<()> {
        let Some((last, parents)) = key.split_last() else {
            return Ok(());
        };
        let mut table = &mut self.root;
        for (i, part) in parents.iter().enumerate() {
            if !table.contains_key(part) {
                self.implicit.insert(dotted(&parents[..=i]));
            }
            let next = table
                .entry(part.clone())
                .or_insert_with(|| Item::Table(Table::new()));
            table = match next {
                Item::Table(table) => table,
                Item::Tables(tables) if !tables.is_empty() => {
                    let newest = tables.len() - 1;
                    &mut tables[newest]
                }
                _ => {
                    let line = self.key_line;
                    let message = format!("Key '{}' was already created as a hash.", dotted(&parents[..=i]));
                    return Err(Problem { line, message });
                }
            };
        }
        self.context = parents.to_vec();
        if many {
            let next = table
                .entry(last.clone())
                .or_insert_with(|| Item::Tables(Vec::new()));
            let Item::Tables(tables) = next else {
                let shown = dotted(key);
                return Err(self.key_problem(format!(
                    "Key '{shown}' was already created and cannot be used as an array."
                )));
            };
            tables.push(Table::new());
        } else {
            self.set(last, Item::Table(Table::new()), false)?;
        }
        self.context.push(last.clone());
        Ok(())
    }

    fn set(&mut self, key: &str, item: Item, is_array: bool) -> Result1<()> {
        let mut path = self.context.clone();
        let defined = |path: &[String]| format!("Key '{}' has already been defined.", dotted(path));
        let Some(table) = descend(&mut self.root, &path) else {
            return Err(self.key_problem(defined(&path)));
        };
        if !table.contains_key(key) {
            table.insert(key.to_owned(), item);
            return Ok(());
        }
        path.push(key.to_owned());
        let shown = dotted(&path);
        if !self.implicit.remove(&shown) {
            return Err(self.key_problem(defined(&path)));
        }
        if is_array || self.arrays.contains(&shown) {
            table.insert(key.to_owned(), item);
        }
        Ok(())
    }
}

/// The table at a path, or the newest one where there are several.
fn descend<'r>(root: &'r mut Table, path: &[String]) -> Option<&'r mut Table> {
    path.iter()
        .try_fold(root, |table, part| match table.get_mut(part)? {
            Item::Table(table) => Some(table),
            Item::Tables(tables) => tables.last_mut(),
            Item::Value(_) => None,
        })
}

/// A key as the library shows it.
fn dotted(path: &[String]) -> String {
    let parts: Vec<String> = path.iter().map(|part| shown(part)).collect();
    parts.join(".")
}

fn shown(part: &str) -> String {
    if part.is_empty() {
        return "\"\"".to_owned();
    }
    if part.chars().all(is_name) {
        return part.to_owned();
    }
    super::writer::quoted(part)
}
