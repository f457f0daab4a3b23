//! Regular expressions with the syntax of Go's RE2, run by the `regex` crate.
//!
//! The pattern is read with Go's rules and messages and written anew for `regex`, whose `\d`, `\w`, `\s` and `\b` know
//! Unicode and whose classes have operators that Go's have not.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;

use regex::bytes::{Captures, Regex, RegexBuilder};

use crate::runes;
use crate::strconv;
use crate::text::Text;

const MAX_REPEAT: u32 = 1000;
const MAX_DEPTH: usize = 1000;
/// How many compiled patterns a thread keeps.
const MAX_CACHED: usize = 500;

/// A compiled pattern.
pub(crate) struct Pattern {
    regex: Regex,
    /// The groups' names, empty for those without.
    names: Vec<String>,
    is_empty: bool,
}

type Compiled = Result<Rc<Pattern>, String>;

/// Compiles a pattern, or says in Go's words what is wrong with it. Patterns are kept per thread.
pub(crate) fn compile(pattern: &Text) -> Compiled {
    thread_local! {
        static CACHE: RefCell<HashMap<Text, Compiled>> = RefCell::new(HashMap::new());
    }
    CACHE.with(|cache| {
        if let Some(found) = cache.borrow().get(pattern) {
            return found.clone();
        }
        let compiled = Pattern::new(pattern.as_bytes()).map(Rc::new);
        let mut cache = cache.borrow_mut();
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(pattern.clone(), compiled.clone());
        compiled
    })
}

/// A regular expression with the syntax and the messages of Go.
pub struct Regexp(Rc<Pattern>);

impl Regexp {
    /// Compiles a pattern, or says in Go's words what is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, String> {
        compile(&pattern.into()).map(Self)
    }

    /// Tells whether the pattern is found somewhere in a text.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text.as_bytes())
    }
}

/// Escapes all that has a meaning in patterns (`regexp.QuoteMeta`).
pub(crate) fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 4);
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}

impl Pattern {
    fn new(pattern: &[u8]) -> Result<Self, String> {
        let text = match std::str::from_utf8(pattern) {
            Ok(text) => text,
            Err(error) => {
                let rest = String::from_utf8_lossy(&pattern[error.valid_up_to()..]).into_owned();
                return Err(message("invalid UTF-8", &rest));
            }
        };
        let mut translator = Translator {
            whole: text,
            rest: text,
            out: String::with_capacity(text.len() + 16),
            names: vec![String::new()],
            groups: Vec::new(),
            has_operand: false,
            last_repeats: 1,
            most_repeats: 1,
        };
        translator.run()?;
        let regex = RegexBuilder::new(&translator.out)
            .nest_limit(4 * MAX_DEPTH as u32)
            .size_limit(64 << 20)
            .build()
            .map_err(|_| message("expression too large", text))?;
        Ok(Self {
            regex,
            names: translator.names,
            is_empty: text.is_empty(),
        })
    }

    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    pub(crate) fn find<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        self.regex.find(text).map(|found| found.as_bytes())
    }

    /// Finds up to `limit` matches, all where it is negative.
    pub(crate) fn find_all(&self, text: &[u8], limit: i64) -> Vec<(usize, usize)> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        self.each(text, |captures| {
            if let Some(whole) = captures.get(0).filter(|_| found.len() < limit) {
                found.push((whole.start(), whole.end()));
            }
            found.len() < limit
        });
        found
    }

    /// Walks the matches until `visit` says to stop. No empty match stands inside of a rune or right after a match.
    fn each(&self, text: &[u8], mut visit: impl FnMut(&Captures<'_>) -> bool) {
        let mut at = 0;
        let mut previous_end = None;
        while at <= text.len() {
            let Some(captures) = self.captures_at(text, at) else {
                return;
            };
            let Some(whole) = captures.get(0) else { return };
            let is_repeated = whole.end() == at && previous_end == Some(whole.start());
            previous_end = Some(whole.end());
            at = if whole.end() == at {
                at + runes::decode(&text[at..]).map_or(1, |(_, width)| width)
            } else {
                whole.end()
            };
            if !is_repeated && !visit(&captures) {
                return;
            }
        }
    }

    /// Searches from a position. The `regex` crate also finds nothing inside of a rune, where Go does not look.
    fn captures_at<'t>(&self, text: &'t [u8], mut at: usize) -> Option<Captures<'t>> {
        loop {
            let captures = self.regex.captures_at(text, at)?;
            let whole = captures.get(0)?;
            let inside = whole.is_empty()
                && whole.start() > at
                && runes::iter(&text[at..]).any(|(offset, _, width)| {
                    let start = at + offset;
                    start < whole.start() && whole.start() < start + width
                });
            if !inside {
                return Some(captures);
            }
            at = whole.start() + 1;
        }
    }

    /// Replaces all matches; `$1` and `${name}` stand for groups unless `literal` says otherwise.
    pub(crate) fn replace_all(&self, text: &[u8], replacement: &[u8], literal: bool) -> Vec<u8> {
        let literal = literal || !replacement.contains(&b'$');
        let mut out = Vec::with_capacity(text.len());
        let mut end = 0;
        self.each(text, |captures| {
            if let Some(found) = captures.get(0) {
                out.extend_from_slice(&text[end..found.start()]);
                if literal {
                    out.extend_from_slice(replacement);
                } else {
                    self.expand(replacement, captures, &mut out);
                }
                end = found.end();
            }
            true
        });
        out.extend_from_slice(&text[end..]);
        out
    }

    fn expand(&self, template: &[u8], captures: &Captures<'_>, out: &mut Vec<u8>) {
        let mut rest = template;
        while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
            out.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            if rest.first() == Some(&b'$') {
                out.push(b'$');
                rest = &rest[1..];
                continue;
            }
            let Some((name, after)) = group_name(rest) else {
                out.push(b'$');
                continue;
            };
            rest = after;
            let text = String::from_utf8_lossy(name);
            let is_number =
                text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
            let group = match text.parse::<usize>() {
                Ok(number) if is_number && number < 1_000_000_000 => Some(number),
                _ => self
                    .names
                    .iter()
                    .enumerate()
                    .find(|(index, name)| **name == *text && captures.get(*index).is_some())
                    .map(|(index, _)| index),
            };
            if let Some(found) = group.and_then(|group| captures.get(group)) {
                out.extend_from_slice(found.as_bytes());
            }
        }
        out.extend_from_slice(rest);
    }

    /// Splits at matches; `None` where no part is wanted.
    pub(crate) fn split<'t>(&self, text: &'t [u8], limit: i64) -> Option<Vec<&'t [u8]>> {
        if limit == 0 {
            return None;
        }
        if !self.is_empty && text.is_empty() {
            return Some(vec![text]);
        }
        let mut parts = Vec::new();
        let (mut start, mut end) = (0, 0);
        for (match_start, match_end) in self.find_all(text, limit) {
            if limit > 0 && parts.len() as i64 >= limit - 1 {
                break;
            }
            end = match_start;
            if match_end != 0 {
                parts.push(&text[start..end]);
            }
            start = match_end;
        }
        if end != text.len() {
            parts.push(&text[start..]);
        }
        Some(parts)
    }
}

/// Takes `name` or `{name}` off.
fn group_name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let braced = text.first() == Some(&b'{');
    let text = if braced { &text[1..] } else { text };
    let is_in_name = |rune: char| rune == '_' || runes::is_letter(rune) || runes::is_digit(rune);
    let length = runes::iter(text)
        .find(|(_, rune, _)| !is_in_name(*rune))
        .map_or(text.len(), |(at, _, _)| at);
    if length == 0 {
        return None;
    }
    let (name, rest) = text.split_at(length);
    if braced {
        return rest.strip_prefix(b"}").map(|rest| (name, rest));
    }
    Some((name, rest))
}

fn message(what: &str, part: &str) -> String {
    format!("error parsing regexp: {what}: `{part}`")
}

/// Go's message when a pattern that must compile does not.
pub(crate) fn must_compile_message(pattern: &[u8], error: &str) -> String {
    let quoted = if strconv::can_backquote(pattern) {
        format!("`{}`", String::from_utf8_lossy(pattern))
    } else {
        strconv::quote(pattern)
    };
    format!("regexp: Compile({quoted}): {error}")
}

/// Reads a pattern with Go's rules and writes it for the `regex` crate.
struct Translator<'p> {
    whole: &'p str,
    rest: &'p str,
    out: String,
    names: Vec<String>,
    /// For every open group, how often what stands before it in the group around is repeated at most.
    groups: Vec<u32>,
    /// Whether there is something that could be repeated.
    has_operand: bool,
    /// How often the parts of what could be repeated are repeated already.
    last_repeats: u32,
    /// The same for all that stands in the group so far.
    most_repeats: u32,
}

fn push_literal(out: &mut String, rune: char) {
    if rune.is_ascii_alphanumeric() || !rune.is_ascii() {
        out.push(rune);
    } else {
        let _ = write!(out, "\\x{{{:X}}}", rune as u32);
    }
}

impl<'p> Translator<'p> {
    fn run(&mut self) -> Result<(), String> {
        let mut last_repeat = None;
        while let Some(first) = self.rest.chars().next() {
            let before = self.rest;
            let mut repeat = None;
            match first {
                '(' => self.open_group()?,
                '|' => {
                    self.out.push('|');
                    self.has_operand = false;
                    self.rest = &self.rest[1..];
                }
                ')' => {
                    let Some(around) = self.groups.pop() else {
                        return Err(message("unexpected )", self.whole));
                    };
                    self.last_repeats = self.most_repeats;
                    self.most_repeats = self.most_repeats.max(around);
                    self.out.push(')');
                    self.has_operand = true;
                    self.rest = &self.rest[1..];
                }
                '^' | '$' | '.' => {
                    self.last_repeats = 1;
                    self.out.push(first);
                    self.has_operand = true;
                    self.rest = &self.rest[1..];
                }
                '[' => self.class()?,
                '*' | '+' | '?' => {
                    self.rest = &self.rest[1..];
                    self.repeat(before, &first.to_string(), last_repeat)?;
                    repeat = Some(before);
                }
                '{' => match parse_repeat(self.rest) {
                    Some((operator, minimum, maximum, after)) => {
                        self.rest = after;
                        let part = &before[..before.len() - after.len()];
                        let too_many = |count: Option<u32>| count.is_none_or(|count| count > MAX_REPEAT);
                        let bad_maximum = match maximum {
                            Maximum::None => false,
                            Maximum::Count(count) => too_many(count) || count < minimum,
                        };
                        if too_many(minimum) || bad_maximum {
                            return Err(message("invalid repeat count", part));
                        }
                        self.repeat(before, &operator, last_repeat)?;
                        let times = match maximum {
                            Maximum::Count(Some(maximum)) => maximum,
                            _ => minimum.unwrap_or(0),
                        };
                        self.last_repeats = self.last_repeats.saturating_mul(times.max(1));
                        self.most_repeats = self.most_repeats.max(self.last_repeats);
                        if times >= 2 && self.last_repeats > MAX_REPEAT {
                            let part = &before[..before.len() - self.rest.len()];
                            return Err(message("invalid repeat count", part));
                        }
                        repeat = Some(before);
                    }
                    None => self.literal('{', &self.rest[1..]),
                },
                '\\' => self.escape()?,
                rune => self.literal(rune, &self.rest[rune.len_utf8()..]),
            }
            last_repeat = repeat;
        }
        if !self.groups.is_empty() {
            return Err(message("missing closing )", self.whole));
        }
        Ok(())
    }

    fn literal(&mut self, rune: char, rest: &'p str) {
        self.last_repeats = 1;
        push_literal(&mut self.out, rune);
        self.has_operand = true;
        self.rest = rest;
    }

    fn repeat(&mut self, before: &'p str, operator: &str, last: Option<&'p str>) -> Result<(), String> {
        let lazy = self.rest.starts_with('?');
        if lazy {
            self.rest = &self.rest[1..];
        }
        if let Some(last) = last {
            let part = &last[..last.len() - self.rest.len()];
            return Err(message("invalid nested repetition operator", part));
        }
        if !self.has_operand {
            let part = &before[..before.len() - self.rest.len()];
            return Err(message("missing argument to repetition operator", part));
        }
        self.out.push_str(operator);
        if lazy {
            self.out.push('?');
        }
        Ok(())
    }

    fn push_group(&mut self, opening: &str) -> Result<(), String> {
        if self.groups.len() >= MAX_DEPTH {
            return Err(message("expression nests too deeply", self.whole));
        }
        self.groups.push(self.most_repeats);
        self.most_repeats = 1;
        self.has_operand = false;
        self.out.push_str(opening);
        Ok(())
    }

    fn open_group(&mut self) -> Result<(), String> {
        let rest = self.rest;
        if !rest.starts_with("(?") {
            self.names.push(String::new());
            self.rest = &rest[1..];
            return self.push_group("(");
        }
        let name_start = if rest.starts_with("(?P<") && rest.len() > 4 {
            Some(4)
        } else if rest.starts_with("(?<") && rest.len() > 3 {
            Some(3)
        } else {
            None
        };
        if let Some(start) = name_start {
            let Some(end) = rest.find('>') else {
                return Err(message("invalid named capture", rest));
            };
            let name = &rest[start..end];
            if name.is_empty()
                || !name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                return Err(message("invalid named capture", &rest[..=end]));
            }
            self.names.push(name.to_owned());
            self.rest = &rest[end + 1..];
            return self.push_group("(");
        }
        self.flags(rest)
    }

    fn flags(&mut self, start: &'p str) -> Result<(), String> {
        let mut rest = &start[2..];
        let (mut negative, mut saw_flag, mut flags) = (false, false, String::new());
        while let Some(rune) = rest.chars().next() {
            rest = &rest[rune.len_utf8()..];
            match rune {
                'i' | 'm' | 's' | 'U' => {
                    saw_flag = true;
                    if !flags.contains(rune) {
                        flags.push(rune);
                    }
                }
                '-' if !negative => {
                    negative = true;
                    saw_flag = false;
                    flags.push('-');
                }
                ':' | ')' if !negative || saw_flag => {
                    self.rest = rest;
                    if rune == ':' {
                        return self.push_group(&format!("(?{flags}:"));
                    }
                    if !flags.is_empty() {
                        let _ = write!(self.out, "(?{flags})");
                    }
                    return Ok(());
                }
                _ => break,
            }
        }
        Err(message(
            "invalid or unsupported Perl syntax",
            &start[..start.len() - rest.len()],
        ))
    }

    fn escape(&mut self) -> Result<(), String> {
        self.last_repeats = 1;
        let rest = self.rest;
        let done = |translator: &mut Self, text: &str| {
            translator.out.push_str(text);
            translator.has_operand = true;
            translator.rest = &rest[2..];
        };
        match rest.as_bytes().get(1) {
            Some(b'A') => done(self, r"\A"),
            Some(b'z') => done(self, r"\z"),
            Some(b'b') => done(self, r"(?-u:\b)"),
            Some(b'B') => done(self, r"(?-u:\B)"),
            Some(b'C') => return Err(message("invalid escape sequence", r"\C")),
            Some(b'Q') => {
                let (literal, after) = rest[2..].split_once(r"\E").unwrap_or((&rest[2..], ""));
                for rune in literal.chars() {
                    push_literal(&mut self.out, rune);
                    self.has_operand = true;
                }
                self.rest = after;
            }
            _ => {
                if let Some((class, after)) = class_escape(rest)? {
                    let _ = write!(self.out, "[{class}]");
                    self.has_operand = true;
                    self.rest = after;
                } else {
                    let (rune, after) = parse_escape(rest)?;
                    self.literal(rune, after);
                }
            }
        }
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        self.last_repeats = 1;
        let whole = self.rest;
        let mut rest = &whole[1..];
        let mut class = String::from("[");
        if let Some(after) = rest.strip_prefix('^') {
            class.push('^');
            rest = after;
        }
        let mut first = true;
        while first || !rest.starts_with(']') {
            first = false;
            if rest.starts_with("[:")
                && let Some(end) = rest[2..].find(":]")
            {
                let name = &rest[..end + 4];
                const NAMES: [&str; 14] = [
                    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
                    "space", "upper", "word", "xdigit",
                ];
                let word = &name[2..name.len() - 2];
                if !NAMES.contains(&word.strip_prefix('^').unwrap_or(word)) {
                    return Err(message("invalid character class range", name));
                }
                class.push_str(name);
                rest = &rest[end + 4..];
                continue;
            }
            if let Some((inner, after)) = class_escape(rest)? {
                class.push_str(&inner);
                rest = after;
                continue;
            }
            let start = rest;
            let (low, after) = class_rune(rest, whole)?;
            rest = after;
            let mut high = low;
            if rest.len() >= 2 && rest.starts_with('-') && !rest[1..].starts_with(']') {
                (high, rest) = class_rune(&rest[1..], whole)?;
                if high < low {
                    let part = &start[..start.len() - rest.len()];
                    return Err(message("invalid character class range", part));
                }
            }
            let _ = write!(class, "\\x{{{:X}}}", low as u32);
            if high > low {
                let _ = write!(class, "-\\x{{{:X}}}", high as u32);
            }
        }
        class.push(']');
        self.out.push_str(&class);
        self.has_operand = true;
        self.rest = &rest[1..];
        Ok(())
    }
}

fn class_rune<'p>(text: &'p str, whole: &str) -> Result<(char, &'p str), String> {
    match text.chars().next() {
        None => Err(message("missing closing ]", whole)),
        Some('\\') => parse_escape(text),
        Some(rune) => Ok((rune, &text[rune.len_utf8()..])),
    }
}

/// Reads `\d`, `\p{L}` and the like as what can stand inside of a class.
fn class_escape(text: &str) -> Result<Option<(String, &str)>, String> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'\\') || bytes.len() < 2 {
        return Ok(None);
    }
    let class = match bytes[1] {
        b'd' => "0-9",
        b'D' => "[^0-9]",
        b's' => r"\t\n\f\r\x20",
        b'S' => r"[^\t\n\f\r\x20]",
        b'w' => "0-9A-Za-z_",
        b'W' => "[^0-9A-Za-z_]",
        b'p' | b'P' => return unicode_class(text).map(Some),
        _ => return Ok(None),
    };
    Ok(Some((class.to_owned(), &text[2..])))
}

fn unicode_class(text: &str) -> Result<(String, &str), String> {
    let bad = |part: &str| message("invalid character class range", part);
    let mut negative = text.as_bytes()[1] == b'P';
    let (part, name, rest) = match text[2..].chars().next() {
        None => return Err(message("invalid character class range", text)),
        Some('{') => {
            let Some(end) = text.find('}') else {
                return Err(bad(text));
            };
            (&text[..=end], &text[3..end], &text[end + 1..])
        }
        Some(rune) => {
            let end = 2 + rune.len_utf8();
            (&text[..end], &text[2..end], &text[end..])
        }
    };
    let mut name = name;
    if let Some(after) = name.strip_prefix('^') {
        negative = !negative;
        name = after;
    }
    let letter = if negative { 'P' } else { 'p' };
    let class = format!("\\{letter}{{{name}}}");
    // Names with `=` or `:` mean something to the crate and nothing to Go.
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if name.is_empty() || !is_plain || Regex::new(&class).is_err() {
        return Err(bad(part));
    }
    Ok((class, rest))
}

fn parse_escape(text: &str) -> Result<(char, &str), String> {
    let mut runes = text[1..].chars();
    let Some(first) = runes.next() else {
        return Err(message("trailing backslash at end of expression", ""));
    };
    let mut rest = runes.as_str();
    let bad = |rest: &str| {
        Err(message(
            "invalid escape sequence",
            &text[..text.len() - rest.len()],
        ))
    };
    let is_octal = |text: &str| text.starts_with(|rune: char| ('0'..='7').contains(&rune));
    let rune = match first {
        '0' | '1'..='7' => {
            if first != '0' && !is_octal(rest) {
                return bad(rest);
            }
            let mut code = first.to_digit(8).unwrap_or(0);
            for _ in 0..2 {
                if !is_octal(rest) {
                    break;
                }
                code = code * 8 + u32::from(rest.as_bytes()[0] - b'0');
                rest = &rest[1..];
            }
            char::from_u32(code).unwrap_or(runes::RUNE_ERROR)
        }
        'x' => return hex_escape(text, rest),
        'a' => '\u{07}',
        'f' => '\u{0C}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{0B}',
        rune if rune.is_ascii() && !rune.is_ascii_alphanumeric() => rune,
        _ => return bad(rest),
    };
    Ok((rune, rest))
}

fn hex_escape<'p>(whole: &'p str, text: &'p str) -> Result<(char, &'p str), String> {
    let bad = |rest: &str| {
        Err(message(
            "invalid escape sequence",
            &whole[..whole.len() - rest.len()],
        ))
    };
    let Some(first) = text.chars().next() else {
        return bad(text);
    };
    let mut rest = &text[first.len_utf8()..];
    if first != '{' {
        let Some(second) = rest.chars().next() else {
            return bad(rest);
        };
        rest = &rest[second.len_utf8()..];
        return match (first.to_digit(16), second.to_digit(16)) {
            (Some(high), Some(low)) => {
                Ok((char::from_u32(high * 16 + low).unwrap_or(runes::RUNE_ERROR), rest))
            }
            _ => bad(rest),
        };
    }
    let (mut code, mut digits) = (0_u32, 0);
    loop {
        let Some(rune) = rest.chars().next() else {
            return bad(rest);
        };
        rest = &rest[rune.len_utf8()..];
        if rune == '}' {
            break;
        }
        let Some(digit) = rune.to_digit(16) else {
            return bad(rest);
        };
        code = code * 16 + digit;
        digits += 1;
        if code > 0x10_FFFF {
            return bad(rest);
        }
    }
    if digits == 0 {
        return bad(rest);
    }
    Ok((char::from_u32(code).unwrap_or(runes::RUNE_ERROR), rest))
}

enum Maximum {
    None,
    /// `None` is a number too large.
    Count(Option<u32>),
}

type Repeat<'p> = (String, Option<u32>, Maximum, &'p str);

/// Reads `{2}`, `{2,}` or `{2,3}`; anything else is literal text.
fn parse_repeat(text: &str) -> Option<Repeat<'_>> {
    let (minimum, rest) = repeat_count(&text[1..])?;
    let (maximum, rest) = match rest.strip_prefix(',') {
        None => (Maximum::Count(minimum), rest),
        Some(rest) if rest.starts_with('}') => (Maximum::None, rest),
        Some(rest) => {
            let (maximum, rest) = repeat_count(rest)?;
            (Maximum::Count(maximum), rest)
        }
    };
    let rest = rest.strip_prefix('}')?;
    let minimum_text = minimum.unwrap_or(0);
    let operator = match &maximum {
        Maximum::None => format!("{{{minimum_text},}}"),
        Maximum::Count(maximum) => format!("{{{minimum_text},{}}}", maximum.unwrap_or(0)),
    };
    Some((operator, minimum, maximum, rest))
}

fn repeat_count(text: &str) -> Option<(Option<u32>, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    // Leading zeros make it literal text.
    if digits == 0 || digits > 1 && text.starts_with('0') {
        return None;
    }
    let count = text[..digits].parse().ok().filter(|count| *count < 100_000_000);
    Some((count, &text[digits..]))
}
