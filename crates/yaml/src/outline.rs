//! Goes through plain block YAML line by line, without tokens or a tree.
//!
//! What tools and charts write is nearly always of one kind: maps and lists by indentation, short scalars, texts in block
//! scalars. That such a text is right, and what its keys are, can be told at a tenth of the cost of reading it. Anything
//! else (anchors, tags, maps in braces, several documents, whatever could be wrong) is left to the parser.

use crate::resolve::{Resolved, resolve_plain};

/// What stands behind a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlined<'a> {
    /// A scalar without quotes, all on the key's line.
    Plain(&'a str),
    /// The inside of a scalar with quotes, all on the key's line and without escapes.
    Quoted(&'a str),
    /// Any other scalar, as it is written, with the lines below that belong to it.
    Text(&'a str),
    /// A list in brackets or a map in braces, as it is written, all on the key's line.
    Flow(&'a str),
    /// Nothing: what is deeper on the lines below, or null.
    Open,
}

/// A map's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutlinedKey<'a> {
    /// The key without its quotes.
    pub text: &'a str,
    /// Whether it is written in quotes, and so is text whatever it looks like.
    pub quoted: bool,
}

/// Is told what a text holds, in its order.
pub trait Outline {
    /// An entry of a map with the number of collections it is in, its map being the last of them. False gives up.
    fn entry(&mut self, depth: usize, key: OutlinedKey<'_>, value: Outlined<'_>) -> bool;

    /// An item of a list, with the number of collections it is in. What starts on the line of its dash and is no scalar
    /// comes as [`Outlined::Open`]. False gives up.
    fn item(&mut self, depth: usize, value: Outlined<'_>) -> bool;

    /// What is no block collection and stands on the lines below its key or its dash, which are in so many collections.
    /// False gives up.
    fn late_text(&mut self, depth: usize, value: Outlined<'_>) -> bool;
}

/// Goes through a text and tells whether it is surely right and of the simple kind; what was told before a "no" is void.
///
/// A text without any content is right.
pub fn outline(text: &str, listener: &mut impl Outline) -> bool {
    if !has_simple_characters(text.as_bytes()) {
        return false;
    }
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        next: None,
        has_hash: false,
        levels: Vec::new(),
        open: true,
        listener,
    };
    reader.read().is_some()
}

/// How deep collections may be nested here; far less than what the parser takes.
const DEEPEST: usize = 100;
/// The longest key, which is also the parser's limit in characters.
const LONGEST_KEY: usize = 1024;

/// A collection that is open.
#[derive(Clone, Copy)]
struct Level {
    column: usize,
    is_map: bool,
}

/// A line without its line break, by offsets.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    indent: usize,
}

impl Line {
    fn content(self) -> usize {
        self.start + self.indent
    }

    fn is_blank(self) -> bool {
        self.content() == self.end
    }
}

struct Reader<'a, 'l, L> {
    text: &'a str,
    bytes: &'a [u8],
    /// Where the next line starts.
    at: usize,
    /// A line that was looked at before its turn.
    next: Option<Line>,
    /// Whether there is a `#` in the line that is being read.
    has_hash: bool,
    levels: Vec<Level>,
    /// Whether the value of the last key or dash may stand on the next line.
    open: bool,
    listener: &'l mut L,
}

/// `None` stands for what is left to the parser.
type Sure<T> = Option<T>;

fn sure(condition: bool) -> Sure<()> {
    condition.then_some(())
}

impl<'a, L: Outline> Reader<'a, '_, L> {
    fn read(&mut self) -> Sure<()> {
        let mut may_start = true;
        while let Some(line) = self.peek_line() {
            self.at = line.end + 1;
            if line.is_blank() || self.bytes[line.content()] == b'#' {
                continue;
            }
            let content = &self.bytes[line.content()..line.end];
            self.has_hash = match memchr::memchr2(b'#', b'\t', content) {
                None => false,
                Some(_) => {
                    sure(memchr::memchr(b'\t', content).is_none())?;
                    true
                }
            };
            if line.indent == 0 {
                if may_start && content.trim_ascii_end() == b"---" {
                    // The start of the first document.
                    may_start = false;
                    continue;
                }
                let is_marker = content.starts_with(b"---") || content.starts_with(b"...");
                sure(!is_marker && content[0] != b'%')?;
            }
            may_start = false;
            self.line(line)?;
        }
        Some(())
    }

    fn peek_line(&mut self) -> Option<Line> {
        if let Some(next) = self.next
            && next.start == self.at
        {
            return Some(next);
        }
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = self.at + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let indent = self.bytes[self.at..end]
            .iter()
            .position(|byte| *byte != b' ')
            .unwrap_or(end - self.at);
        self.next = Some(Line {
            start: self.at,
            end,
            indent,
        });
        self.next
    }

    fn line(&mut self, line: Line) -> Sure<()> {
        let (at, column) = (line.content(), line.indent);
        let is_dash = self.is_dash(at, line.end);
        let top = self.levels.last().copied();
        if self.open && top.is_none_or(|top| column > top.column) {
            return self.node(at, line.end, column);
        }
        let continues_key = top.is_some_and(|top| top.is_map && top.column == column);
        if self.open && is_dash && continues_key {
            // A list at the column of its key.
            return self.node(at, line.end, column);
        }
        self.open = false;
        while self.levels.last().is_some_and(|top| top.column > column) {
            self.levels.pop();
        }
        if !is_dash && self.levels.last().is_some_and(|top| !top.is_map) {
            self.levels.pop();
        }
        let top = *self.levels.last()?;
        sure(top.column == column && top.is_map != is_dash)?;
        if is_dash {
            self.dash(at, line.end, column)
        } else {
            self.entry(at, line.end)
        }
    }

    fn push(&mut self, column: usize, is_map: bool) -> Sure<()> {
        self.levels.push(Level { column, is_map });
        sure(self.levels.len() <= DEEPEST)
    }

    fn is_dash(&self, at: usize, end: usize) -> bool {
        self.bytes[at] == b'-' && (at + 1 == end || self.bytes[at + 1] == b' ')
    }

    /// A node that starts anew.
    fn node(&mut self, at: usize, end: usize, column: usize) -> Sure<()> {
        self.open = false;
        if self.is_dash(at, end) {
            self.push(column, false)?;
            return self.dash(at, end, column);
        }
        if let Some(key) = self.key(at, end)? {
            self.push(column, true)?;
            return self.entry_of(key, end);
        }
        sure(!self.levels.is_empty())?;
        let value = self.value(at, end)?;
        sure(self.listener.late_text(self.levels.len(), value))
    }

    /// An item of the list that is open.
    fn dash(&mut self, at: usize, end: usize, column: usize) -> Sure<()> {
        let depth = self.levels.len();
        let value = self.skip_spaces(at + 1, end);
        if value == end || self.bytes[value] == b'#' {
            self.open = true;
            return sure(self.listener.item(depth, Outlined::Open));
        }
        let column = column + (value - at);
        if self.is_dash(value, end) {
            sure(self.listener.item(depth, Outlined::Open))?;
            self.push(column, false)?;
            return self.dash(value, end, column);
        }
        if let Some(key) = self.key(value, end)? {
            sure(self.listener.item(depth, Outlined::Open))?;
            self.push(column, true)?;
            return self.entry_of(key, end);
        }
        let value = self.value(value, end)?;
        sure(self.listener.item(depth, value))
    }

    fn skip_spaces(&self, at: usize, end: usize) -> usize {
        let spaces = self.bytes[at..end].iter().position(|byte| *byte != b' ');
        spaces.map_or(end, |spaces| at + spaces)
    }

    /// An entry of the map that is open.
    fn entry(&mut self, at: usize, end: usize) -> Sure<()> {
        let key = self.key(at, end)??;
        self.entry_of(key, end)
    }

    fn entry_of(&mut self, (key, colon): (OutlinedKey<'a>, usize), end: usize) -> Sure<()> {
        sure(is_simple_key(key.text))?;
        let value = self.skip_spaces(colon + 1, end);
        let depth = self.levels.len();
        let found = if value == end || self.bytes[value] == b'#' {
            self.open = true;
            Outlined::Open
        } else {
            sure(!self.is_dash(value, end))?;
            self.value(value, end)?
        };
        sure(self.listener.entry(depth, key, found))
    }

    /// A key and where its colon is, or nothing where the line is no entry.
    fn key(&self, at: usize, end: usize) -> Sure<Option<(OutlinedKey<'a>, usize)>> {
        let (text, after) = match self.bytes[at] {
            mark @ (b'"' | b'\'') => {
                let Some(quoted) = self.quoted(at, end, mark)? else {
                    return Some(None);
                };
                let after = self.skip_spaces(quoted.end, end);
                // No colon can follow a key that has to be unquoted first.
                sure(!quoted.escaped || after == end || self.bytes[after] != b':')?;
                (at + 1..quoted.end - 1, after)
            }
            // Nothing may follow a value that is one, so it is no key.
            b'[' | b'{' => return Some(None),
            _ => {
                let Some(colon) = self.colon(at, end) else {
                    return Some(None);
                };
                let key = &self.bytes[at..colon];
                let has_comment = self.has_hash && memchr::memmem::find(key, b" #").is_some();
                sure(self.starts_plain(at, end) && !has_comment)?;
                let length = key.iter().rposition(|byte| *byte != b' ')? + 1;
                (at..at + length, colon)
            }
        };
        let is_colon =
            after < end && self.bytes[after] == b':' && (after + 1 == end || self.bytes[after + 1] == b' ');
        if !is_colon {
            return Some(None);
        }
        sure(after - at < LONGEST_KEY)?;
        let key = OutlinedKey {
            text: &self.text[text],
            quoted: matches!(self.bytes[at], b'"' | b'\''),
        };
        Some(Some((key, after)))
    }

    /// The first colon that ends a scalar.
    fn colon(&self, at: usize, end: usize) -> Option<usize> {
        memchr::memchr_iter(b':', &self.bytes[at..end])
            .map(|found| at + found)
            .find(|colon| colon + 1 == end || self.bytes[colon + 1] == b' ')
    }

    fn starts_plain(&self, at: usize, end: usize) -> bool {
        match self.bytes[at] {
            b'-' | b'?' | b':' => at + 1 < end && self.bytes[at + 1] != b' ',
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"'
            | b'%' | b'@' | b'`' => false,
            _ => true,
        }
    }

    /// A value that starts on a line and may go on below it.
    fn value(&mut self, at: usize, end: usize) -> Sure<Outlined<'a>> {
        match self.bytes[at] {
            b'|' | b'>' => self.block_scalar(at, end),
            mark @ (b'"' | b'\'') => self.quoted_value(at, end, mark),
            b'[' | b'{' => {
                let close = self.flow(at, end, 0)?;
                sure(self.is_end(close, end))?;
                Some(Outlined::Flow(&self.text[at..close]))
            }
            _ => self.plain(at, end),
        }
    }

    /// Whether nothing but a comment follows.
    fn is_end(&self, at: usize, end: usize) -> bool {
        let next = self.skip_spaces(at, end);
        next == end || next > at && self.bytes[next] == b'#'
    }

    fn plain(&mut self, at: usize, end: usize) -> Sure<Outlined<'a>> {
        let comment = self
            .has_hash
            .then(|| memchr::memmem::find(&self.bytes[at..end], b" #"));
        let comment = comment.flatten();
        let end = comment.map_or(end, |length| at + length);
        sure(self.starts_plain(at, end) && self.colon(at, end).is_none())?;
        if comment.is_none() {
            let mut last = None;
            while let Some(end) = self.continuation()? {
                last = Some(end);
            }
            if let Some(end) = last {
                return Some(Outlined::Text(&self.text[at..end]));
            }
        }
        let text = self.text[at..end].trim_end_matches(' ');
        let may_be_special = matches!(text.as_bytes(), [b'.', ..] | [b'+' | b'-', b'.', ..]);
        // Infinities and what is no number are no JSON.
        sure(
            !may_be_special || !matches!(resolve_plain(text), Resolved::Float(number) if !number.is_finite()),
        )?;
        Some(Outlined::Plain(text))
    }

    /// Takes a line that a plain scalar goes on with, with the empty ones before it; returns where it ends.
    fn continuation(&mut self) -> Sure<Option<usize>> {
        let column = self.levels.last()?.column;
        let start = self.at;
        while let Some(line) = self.peek_line() {
            self.at = line.end + 1;
            if line.is_blank() {
                continue;
            }
            let first = self.bytes[line.content()];
            sure(first != b'\t')?;
            if line.indent <= column || first == b'#' {
                break;
            }
            let content = &self.bytes[line.content()..line.end];
            sure(memchr::memchr2(b'\t', b'#', content).is_none())?;
            sure(self.colon(line.content(), line.end).is_none())?;
            return Some(Some(line.end));
        }
        self.at = start;
        Some(None)
    }

    fn block_scalar(&mut self, at: usize, end: usize) -> Sure<Outlined<'a>> {
        let header = self.text[at + 1..end].trim_end_matches(' ');
        sure(matches!(header, "" | "-" | "+"))?;
        let parent = self.levels.last()?.column;
        let mut indent = None;
        let mut widest_blank = 0;
        while let Some(line) = self.peek_line() {
            if !line.is_blank() {
                let is_tab = self.bytes[line.content()] == b'\t';
                match indent {
                    None => {
                        sure(!is_tab)?;
                        if line.indent <= parent {
                            break;
                        }
                        sure(widest_blank <= line.indent)?;
                        indent = Some(line.indent);
                    }
                    Some(indent) if line.indent < indent => {
                        sure(!is_tab)?;
                        break;
                    }
                    Some(_) => {}
                }
            } else if indent.is_none() {
                widest_blank = widest_blank.max(line.indent);
            }
            self.at = line.end + 1;
        }
        let end = self.at.min(self.bytes.len());
        Some(Outlined::Text(&self.text[at..end]))
    }

    fn quoted_value(&mut self, at: usize, end: usize, mark: u8) -> Sure<Outlined<'a>> {
        if let Some(quoted) = self.quoted(at, end, mark)? {
            sure(self.is_end(quoted.end, end))?;
            return Some(if quoted.escaped {
                Outlined::Text(&self.text[at..quoted.end])
            } else {
                Outlined::Quoted(&self.text[at + 1..quoted.end - 1])
            });
        }
        // It goes on below.
        let quoted = self.quoted(at, self.bytes.len(), mark)??;
        let mut start = end + 1;
        while start < quoted.end {
            sure(!matches!(self.bytes[start], b'-' | b'.'))?;
            start +=
                memchr::memchr(b'\n', &self.bytes[start..]).map_or(self.bytes.len(), |length| length + 1);
        }
        self.at = quoted.end;
        let rest = self.peek_line();
        let end = rest.map_or(quoted.end, |line| line.end);
        sure(self.is_end(quoted.end, end))?;
        self.at = end + 1;
        Some(Outlined::Text(&self.text[at..quoted.end]))
    }

    /// A scalar in quotes; nothing where it does not end before `end`.
    fn quoted(&self, at: usize, end: usize, mark: u8) -> Sure<Option<Quoted>> {
        let mut escaped = false;
        let mut from = at + 1;
        loop {
            let found = if mark == b'"' {
                memchr::memchr2(mark, b'\\', &self.bytes[from..end])
            } else {
                memchr::memchr(mark, &self.bytes[from..end])
            };
            let Some(found) = found.map(|found| from + found) else {
                return Some(None);
            };
            let next = self.bytes.get(found + 1).copied();
            if self.bytes[found] == b'\\' {
                sure(matches!(next?, b'"' | b'\\' | b'/' | b'n' | b't' | b'r' | b'0'))?;
            } else if mark == b'"' || next != Some(mark) {
                return Some(Some(Quoted {
                    end: found + 1,
                    escaped,
                }));
            }
            escaped = true;
            from = found + 2;
            if from > end {
                return Some(None);
            }
        }
    }

    /// Where a list in brackets or a map in braces ends, with nothing but words, scalars in quotes and their like in it.
    fn flow(&self, at: usize, end: usize, depth: usize) -> Sure<usize> {
        const DEEPEST_FLOW: usize = 10;
        sure(depth < DEEPEST_FLOW)?;
        let is_map = self.bytes[at] == b'{';
        let close = if is_map { b'}' } else { b']' };
        let byte = |at: usize| self.bytes[..end].get(at).copied();
        let mut at = self.skip_spaces(at + 1, end);
        loop {
            if byte(at)? == close {
                return Some(at + 1);
            }
            if is_map {
                let key = at;
                at = self.word(at, end)?;
                let is_name = self.bytes[key].is_ascii_alphabetic()
                    && resolve_plain(&self.text[key..at]) == Resolved::String;
                sure(is_name && byte(at)? == b':' && byte(at + 1)? == b' ')?;
                at = self.skip_spaces(at + 1, end);
            }
            at = match byte(at)? {
                mark @ (b'"' | b'\'') => self.quoted(at, end, mark)??.end,
                b'[' | b'{' => self.flow(at, end, depth + 1)?,
                _ => self.word(at, end)?,
            };
            at = self.skip_spaces(at, end);
            match byte(at)? {
                b',' => at = self.skip_spaces(at + 1, end),
                mark => return (mark == close).then_some(at + 1),
            }
        }
    }

    /// Where a scalar in a flow collection ends that is made of letters, digits and a few signs.
    fn word(&self, at: usize, end: usize) -> Sure<usize> {
        let first = *self.bytes[..end].get(at)?;
        sure(first.is_ascii_alphanumeric() || matches!(first, b'/' | b'_'))?;
        let is_word = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'=' | b'+')
        };
        let length = self.bytes[at..end].iter().position(|byte| !is_word(byte))?;
        Some(at + length)
    }
}

/// A scalar in quotes.
struct Quoted {
    /// After the closing mark.
    end: usize,
    escaped: bool,
}

/// Whether a key is surely a name in JSON.
fn is_simple_key(key: &str) -> bool {
    // No number of this length, in any base, needs more than 63 bits.
    const LONGEST_NUMBER: usize = 17;
    match key.as_bytes() {
        [] | [b'<', ..] => false,
        [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => key.len() <= LONGEST_NUMBER,
        [b'~' | b'n' | b'N', ..] => resolve_plain(key) != Resolved::Null,
        _ => true,
    }
}

/// Whether there is no character that YAML forbids or takes for a line break, but for `\n`.
fn has_simple_characters(bytes: &[u8]) -> bool {
    const WIDTH: usize = 64;
    // Without a way out inside, so that the compiler takes many bytes at once.
    let has_suspect = |chunk: &[u8; WIDTH]| {
        let found = chunk
            .iter()
            .fold(0, |found, byte| found | u8::from(is_suspect(*byte)));
        found != 0
    };
    let is_simple = |start: usize, chunk: &[u8]| {
        let mut suspects = chunk.iter().enumerate().filter(|(_, byte)| is_suspect(**byte));
        suspects.all(|(at, _)| is_harmless(&bytes[start + at..]))
    };
    let (chunks, rest) = bytes.as_chunks::<WIDTH>();
    let mut chunks = chunks.iter().enumerate();
    chunks.all(|(at, chunk)| !has_suspect(chunk) || is_simple(at * WIDTH, chunk))
        && is_simple(bytes.len() - rest.len(), rest)
}

/// Bytes that are, or start, a character that is not simple.
fn is_suspect(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\n' | b'\t')) || matches!(byte, 0x7F | 0xC2 | 0xE2 | 0xEF)
}

/// Whether a suspect is the start of a simple character all the same.
fn is_harmless(bytes: &[u8]) -> bool {
    let next = |ahead: usize| bytes.get(ahead).copied().unwrap_or(0);
    match next(0) {
        0xC2 => next(1) >= 0xA0,
        0xE2 => next(1) != 0x80 || !matches!(next(2), 0xA8 | 0xA9),
        0xEF => !matches!((next(1), next(2)), (0xBB, 0xBF) | (0xBF, 0xBE | 0xBF)),
        _ => false,
    }
}

#[cfg(test)]
pub(crate) mod tests;
