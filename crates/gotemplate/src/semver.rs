//! Semantic versions and constraints with the rules of Go's `Masterminds/semver` 3.5, which Helm lives by.

use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::error::Error;
use crate::strconv;

const MAX_VERSION_LENGTH: usize = 256;
const MAX_CONSTRAINT_LENGTH: usize = 512;
const MAX_GROUPS: usize = 32;

const WITH_WILDCARDS: &str = concat!(
    r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?",
    r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?",
    r"(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
);
const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
const SPACE: &str = r"[\t\n\f\r ]";

static CONSTRAINT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        "^{SPACE}*({OPERATORS}){SPACE}*({WITH_WILDCARDS}){SPACE}*$"
    ))
    .ok()
});
static RANGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        "{SPACE}*({WITH_WILDCARDS}){SPACE}+-{SPACE}+({WITH_WILDCARDS}){SPACE}*"
    ))
    .ok()
});
static FIND: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!("({OPERATORS}){SPACE}*({WITH_WILDCARDS})")).ok());
static VALID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let one = format!("({OPERATORS}){SPACE}*({WITH_WILDCARDS}){SPACE}*");
    Regex::new(&format!("^({SPACE}*{one})((?:{SPACE}+|,{SPACE}*){one})*$")).ok()
});

/// A semantic version. Comparing ignores the metadata after `+`.
#[derive(Clone, Debug)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// What stands after `-`.
    pub prerelease: String,
    /// What stands after `+`.
    pub metadata: String,
    /// The text that was read.
    pub original: String,
}

/// The parts of a version, each with the character before it.
#[derive(Clone, Copy)]
struct Parts<'t> {
    whole: &'t str,
    major: &'t str,
    minor: &'t str,
    patch: &'t str,
    prerelease: &'t str,
    metadata: &'t str,
}

impl<'t> Parts<'t> {
    /// Takes as much of a text as is a version, numbers being made of what `is_digit` says.
    fn take(text: &'t str, is_digit: fn(u8) -> bool) -> Option<(Self, &'t str)> {
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (major, rest) = take_while(rest, 0, is_digit);
        if major.is_empty() {
            return None;
        }
        let segment = |rest: &'t str| {
            let (segment, after) = take_while(rest, usize::from(rest.starts_with('.')), is_digit);
            if segment.len() > 1 && segment.starts_with('.') {
                (segment, after)
            } else {
                ("", rest)
            }
        };
        let (minor, rest) = segment(rest);
        let (patch, rest) = if minor.is_empty() {
            ("", rest)
        } else {
            segment(rest)
        };
        let (prerelease, rest) = take_identifiers(rest, '-');
        let (metadata, rest) = take_identifiers(rest, '+');
        let whole = &text[..text.len() - rest.len()];
        let parts = Self {
            whole,
            major,
            minor,
            patch,
            prerelease,
            metadata,
        };
        Some((parts, rest))
    }
}

/// Cuts a text after `from` and the bytes that are wanted there.
fn take_while(text: &str, from: usize, is_wanted: impl Fn(u8) -> bool) -> (&str, &str) {
    let length = text.as_bytes()[from..].iter().position(|byte| !is_wanted(*byte));
    text.split_at(length.map_or(text.len(), |length| from + length))
}

/// Cuts off identifiers with dots between them, after a mark.
fn take_identifiers(text: &str, mark: char) -> (&str, &str) {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let mut end = 0;
    let mut before = mark;
    while text[end..].starts_with(before) {
        let (_, rest) = take_while(&text[end..], 1, is_letter);
        let next = text.len() - rest.len();
        if next == end + 1 {
            break;
        }
        end = next;
        before = '.';
    }
    text.split_at(end)
}

fn group<'t>(captures: &Captures<'t>, index: usize) -> &'t str {
    captures.get(index).map_or("", |found| found.as_str())
}

fn number(text: &str) -> Result<u64, Error> {
    let digits = text.strip_prefix('.').unwrap_or(text);
    if digits.is_empty() {
        return Ok(0);
    }
    strconv::parse_uint(digits.as_bytes(), 10).map_err(|(_, error)| {
        let quoted = strconv::quote(digits.as_bytes());
        let why = error.text();
        Error::message(format!(
            "error parsing version segment: strconv.ParseUint: parsing {quoted}: {why}"
        ))
    })
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

impl Version {
    /// Reads a version. A leading `v`, missing numbers and leading zeros of numbers are taken.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_VERSION_LENGTH {
            return Err(Error::message(format!(
                "version string is too long (max {MAX_VERSION_LENGTH} bytes)"
            )));
        }
        let invalid = || Error::message("invalid semantic version");
        let (parts, rest) = Parts::take(text, |byte| byte.is_ascii_digit()).ok_or_else(invalid)?;
        if !rest.is_empty() {
            return Err(invalid());
        }
        let version = Self {
            major: number(parts.major)?,
            minor: number(parts.minor)?,
            patch: number(parts.patch)?,
            prerelease: parts.prerelease.get(1..).unwrap_or_default().to_owned(),
            metadata: parts.metadata.get(1..).unwrap_or_default().to_owned(),
            original: text.to_owned(),
        };
        if version
            .prerelease
            .split('.')
            .any(|part| is_number(part) && part.len() > 1 && part.starts_with('0'))
        {
            return Err(Error::message("version segment starts with 0"));
        }
        Ok(version)
    }

    fn has_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if self.has_prerelease() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| match (self.has_prerelease(), other.has_prerelease()) {
                (false, false) => Ordering::Equal,
                (false, true) => Ordering::Greater,
                (true, false) => Ordering::Less,
                (true, true) => compare_prereleases(&self.prerelease, &other.prerelease),
            })
    }
}

fn compare_prereleases(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => (a.unwrap_or(""), b.unwrap_or("")),
        };
        let parse = |part: &str| strconv::parse_uint(part.as_bytes(), 10).ok();
        let order = if a == b {
            Ordering::Equal
        } else if a.is_empty() {
            Ordering::Less
        } else if b.is_empty() {
            Ordering::Greater
        } else {
            match (parse(a), parse(b)) {
                (None, None) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(x), Some(y)) if x > y => Ordering::Greater,
                (Some(_), Some(_)) => Ordering::Less,
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    EqualOrTilde,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// One comparison, such as `>=1.2.x`.
#[derive(Clone, Debug)]
struct Constraint {
    operator: Operator,
    version: Version,
    /// Some number is missing or a wildcard.
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

/// Constraints on a version: groups of comparisons, one of which must hold as a whole.
///
/// Prereleases are only let in by a group that names one itself.
#[derive(Clone, Debug)]
pub struct Constraints {
    groups: Vec<Vec<Constraint>>,
}

fn improper(text: &str) -> Error {
    Error::message(format!(
        "improper constraint: {}",
        strconv::quote(text.as_bytes())
    ))
}

impl Constraints {
    /// Reads constraints such as `>=1.2, <2 || ^3.1-0`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_CONSTRAINT_LENGTH {
            let message = format!("constraint string is too long (max {MAX_CONSTRAINT_LENGTH} bytes)");
            return Err(Error::message(message));
        }
        let text = if has_range(text) {
            rewrite_ranges(text)
        } else {
            text.to_owned()
        };
        let alternatives: Vec<_> = text.split("||").collect();
        if alternatives.len() > MAX_GROUPS {
            return Err(Error::message(format!(
                "too many constraint groups (max {MAX_GROUPS})"
            )));
        }
        let mut groups = Vec::new();
        for alternative in alternatives {
            if let Some(found) = comparisons(alternative) {
                let found = found.into_iter();
                groups.push(
                    found
                        .map(|(operator, parts)| Constraint::new(operator, &parts))
                        .collect::<Result<_, _>>()?,
                );
                continue;
            }
            if !VALID.as_ref().is_some_and(|regex| regex.is_match(alternative)) {
                return Err(improper(alternative));
            }
            let found: Vec<_> = FIND
                .iter()
                .flat_map(|regex| regex.find_iter(alternative))
                .collect();
            groups.push(
                found
                    .iter()
                    .map(|found| Constraint::parse(found.as_str()))
                    .collect::<Result<_, _>>()?,
            );
        }
        Ok(Self { groups })
    }

    /// Tells whether a version satisfies the constraints.
    pub fn check(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let prereleases = group.iter().any(|constraint| constraint.version.has_prerelease());
            (prereleases || !version.has_prerelease())
                && group.iter().all(|constraint| constraint.check(version))
        })
    }
}

/// Whether there may be a range such as `1.2 - 1.4`.
fn has_range(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| is_space(pair[0]) && pair[1] == b'-')
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}

/// The comparisons of a group, where it is written as all are: what is odd is left to the expressions above, since those decide
/// what Go takes.
fn comparisons(text: &str) -> Option<Vec<(&str, Parts<'_>)>> {
    const OPERATORS: [&str; 11] = [">=", "=>", "<=", "=<", "!=", "~>", "=", ">", "<", "~", "^"];
    let skip_space = |text| take_while(text, 0, is_space).1;
    let mut found = Vec::new();
    let mut rest = skip_space(text);
    loop {
        let operator = OPERATORS
            .iter()
            .find(|operator| rest.starts_with(**operator))
            .map_or("", |operator| &rest[..operator.len()]);
        let version = skip_space(&rest[operator.len()..]);
        let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'x' | b'X' | b'*');
        let (parts, after) = Parts::take(version, is_digit)?;
        found.push((operator, parts));
        let next = skip_space(after);
        if next.is_empty() {
            return Some(found);
        }
        rest = match next.strip_prefix(',') {
            Some(next) => skip_space(next),
            None if next.len() < after.len() => next,
            None => return None,
        };
    }
}

/// `1.2 - 1.4` becomes `>= 1.2, <= 1.4`.
fn rewrite_ranges(text: &str) -> String {
    let Some(regex) = RANGE.as_ref() else {
        return text.to_owned();
    };
    let mut out = text.to_owned();
    for captures in regex.captures_iter(text) {
        let comparison = format!(">= {}, <= {} ", group(&captures, 1), group(&captures, 11));
        out = out.replacen(group(&captures, 0), &comparison, 1);
    }
    out
}

fn is_wildcard(text: &str) -> bool {
    matches!(text.strip_prefix('.').unwrap_or(text), "x" | "X" | "*" | "")
}

impl Constraint {
    fn parse(text: &str) -> Result<Self, Error> {
        let captures = CONSTRAINT
            .as_ref()
            .and_then(|regex| regex.captures(text))
            .ok_or_else(|| improper(text))?;
        let parts = Parts {
            whole: group(&captures, 2),
            major: group(&captures, 3),
            minor: group(&captures, 4),
            patch: group(&captures, 5),
            prerelease: group(&captures, 6),
            metadata: "",
        };
        Self::new(group(&captures, 1), &parts)
    }

    fn new(operator: &str, parts: &Parts<'_>) -> Result<Self, Error> {
        let operator = match operator {
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" | "=>" => Operator::GreaterOrEqual,
            "<=" | "=<" => Operator::LessOrEqual,
            "~" | "~>" => Operator::Tilde,
            "^" => Operator::Caret,
            _ => Operator::EqualOrTilde,
        };
        let Parts {
            whole,
            major,
            minor,
            patch,
            prerelease,
            ..
        } = *parts;
        let (mut minor_dirty, mut patch_dirty) = (false, false);
        let mut dirty = true;
        let version = if is_wildcard(major) {
            format!("0.0.0{prerelease}")
        } else if is_wildcard(minor) {
            minor_dirty = true;
            format!("{major}.0.0{prerelease}")
        } else if is_wildcard(patch) {
            patch_dirty = true;
            format!("{major}{minor}.0{prerelease}")
        } else {
            dirty = false;
            whole.to_owned()
        };
        let version = Version::parse(&version).map_err(|_| Error::message("constraint parser error"))?;
        Ok(Self {
            operator,
            version,
            dirty,
            minor_dirty,
            patch_dirty,
        })
    }

    fn check(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.operator {
            Operator::EqualOrTilde if self.dirty => self.check_tilde(version),
            Operator::EqualOrTilde => version == wanted,
            Operator::NotEqual => self.check_not_equal(version),
            Operator::Greater if !self.dirty => version > wanted,
            Operator::Greater => match version.major.cmp(&wanted.major) {
                Ordering::Greater => true,
                Ordering::Less => false,
                Ordering::Equal if self.minor_dirty => false,
                Ordering::Equal if self.patch_dirty => version.minor > wanted.minor,
                Ordering::Equal => version > wanted,
            },
            Operator::Less => version < wanted,
            Operator::GreaterOrEqual => version >= wanted,
            Operator::LessOrEqual if !self.dirty => version <= wanted,
            Operator::LessOrEqual => {
                version.major < wanted.major
                    || version.major == wanted.major && (version.minor <= wanted.minor || self.minor_dirty)
            }
            Operator::Tilde => self.check_tilde(version),
            Operator::Caret => self.check_caret(version),
        }
    }

    fn check_not_equal(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if self.dirty {
            if version.major != wanted.major {
                return true;
            }
            if version.minor != wanted.minor && !self.minor_dirty {
                return true;
            }
            if self.minor_dirty {
                return false;
            }
            if version.patch != wanted.patch && !self.patch_dirty {
                return true;
            }
            if self.patch_dirty {
                return (version.has_prerelease() || wanted.has_prerelease())
                    && compare_prereleases(&version.prerelease, &wanted.prerelease) != Ordering::Equal;
            }
        }
        version != wanted
    }

    fn check_tilde(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if version < wanted {
            return false;
        }
        let is_zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        if is_zero && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        version.major == wanted.major && (version.minor == wanted.minor || self.minor_dirty)
    }

    fn check_caret(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if version < wanted {
            return false;
        }
        if wanted.major > 0 || self.minor_dirty {
            return version.major == wanted.major;
        }
        if version.major > 0 {
            return false;
        }
        if wanted.minor > 0 || self.patch_dirty {
            return version.minor == wanted.minor;
        }
        version.minor == 0 && version.patch == wanted.patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of constraints, right and wrong, put together in many ways.
    const PIECES: [&str; 30] = [
        ">=",
        "=",
        "!=",
        "~",
        "~>",
        "^",
        "<",
        "=>",
        " ",
        "  ",
        ",",
        ", ",
        "1",
        "1.2",
        "v1.2.3",
        "1.x",
        "*",
        "1.2.3-a.b",
        "1.2.3-0",
        "+m.1",
        "-",
        ".",
        "0",
        "x.1",
        "1.2.3.4",
        "1..2",
        "|",
        "a",
        "\t",
        "01",
    ];

    #[test]
    fn comparisons_are_those_that_the_expressions_find() {
        let mut seed = 11_u64;
        let mut below = |limit: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % limit
        };
        let mut simple = 0;
        for _ in 0..20_000 {
            let text: String = (0..=below(6)).map(|_| PIECES[below(PIECES.len())]).collect();
            let Some(found) = comparisons(&text) else {
                continue;
            };
            assert!(VALID.as_ref().unwrap().is_match(&text), "{text:?}");
            let expected: Vec<_> = FIND.as_ref().unwrap().find_iter(&text).collect();
            assert_eq!(found.len(), expected.len(), "{text:?}");
            for ((operator, parts), expected) in found.iter().zip(expected) {
                let expected = Constraint::parse(expected.as_str());
                let found = Constraint::new(operator, parts);
                assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text:?}");
            }
            simple += 1;
        }
        assert!(simple > 1000, "{simple}");
    }

    #[test]
    fn versions_are_taken_as_the_expression_takes_them() {
        let expression = Regex::new(concat!(
            r"^v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?",
            r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?",
            r"(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?$"
        ));
        let expression = expression.unwrap();
        let pieces = [
            "v", "1", "12", ".", ".3", "-", "-a", "+", "+b.c", "..", "x", "-0.1", "\u{e4}", " ",
        ];
        let mut count = 0;
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    for d in pieces {
                        let text = [a, b, c, d].concat();
                        let taken = Parts::take(&text, |byte| byte.is_ascii_digit());
                        let taken = taken.filter(|(_, rest)| rest.is_empty()).map(|(parts, _)| parts);
                        let captures = expression.captures(&text);
                        assert_eq!(taken.is_some(), captures.is_some(), "{text:?}");
                        if let (Some(parts), Some(captures)) = (taken, captures) {
                            let found = [
                                parts.major,
                                parts.minor,
                                parts.patch,
                                parts.prerelease,
                                parts.metadata,
                            ];
                            let expected = [1, 2, 3, 4, 7].map(|index| group(&captures, index));
                            assert_eq!(found, expected, "{text:?}");
                            count += 1;
                        }
                    }
                }
            }
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn segments_out_of_range_are_named() {
        let error = Version::parse("99999999999999999999.0.0").unwrap_err();
        assert_eq!(
            error.to_string(),
            "error parsing version segment: strconv.ParseUint: parsing \"99999999999999999999\": value out of range"
        );
    }
}
