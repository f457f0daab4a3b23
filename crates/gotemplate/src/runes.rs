//! Runes as Go decodes and classifies them.

use std::sync::LazyLock;

use regex::Regex;

/// What Go reads in place of bytes that are no UTF-8.
pub(crate) const RUNE_ERROR: char = '\u{FFFD}';

/// Decodes the first rune and tells its width; bytes that are no UTF-8 give U+FFFD with width 1.
pub(crate) fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((char::from(first), 1));
    }
    let width = match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return Some((RUNE_ERROR, 1)),
    };
    let rune = bytes
        .get(..width)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.chars().next());
    Some(rune.map_or((RUNE_ERROR, 1), |rune| (rune, width)))
}

/// Decodes the last rune and tells its width.
pub(crate) fn decode_last(bytes: &[u8]) -> Option<(char, usize)> {
    let last = *bytes.last()?;
    if last < 0x80 {
        return Some((char::from(last), 1));
    }
    for width in 2..=4.min(bytes.len()) {
        let tail = &bytes[bytes.len() - width..];
        if let Some((rune, decoded)) = decode(tail)
            && decoded == width
        {
            return Some((rune, width));
        }
    }
    Some((RUNE_ERROR, 1))
}

/// Walks the runes with their byte offsets and widths.
pub(crate) fn iter(bytes: &[u8]) -> impl Iterator<Item = (usize, char, usize)> + '_ {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let (rune, width) = decode(&bytes[offset..])?;
        let at = offset;
        offset += width;
        Some((at, rune, width))
    })
}

/// Counts the runes.
pub(crate) fn count(bytes: &[u8]) -> usize {
    iter(bytes).count()
}

/// Appends a rune.
pub(crate) fn push(out: &mut Vec<u8>, rune: char) {
    out.extend_from_slice(rune.encode_utf8(&mut [0; 4]).as_bytes());
}

fn table(class: &str) -> Option<Regex> {
    Regex::new(&format!("^{class}$")).ok()
}

fn in_table(table: &LazyLock<Option<Regex>>, rune: char) -> bool {
    table
        .as_ref()
        .is_some_and(|table| table.is_match(rune.encode_utf8(&mut [0; 4])))
}

static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| table(r"\p{L}"));
static DIGIT: LazyLock<Option<Regex>> = LazyLock::new(|| table(r"\p{Nd}"));
static PRINT: LazyLock<Option<Regex>> = LazyLock::new(|| table(r"[\p{L}\p{M}\p{N}\p{P}\p{S}]"));

/// Go's `unicode.IsLetter`.
pub(crate) fn is_letter(rune: char) -> bool {
    if rune.is_ascii() {
        rune.is_ascii_alphabetic()
    } else {
        in_table(&LETTER, rune)
    }
}

/// Go's `unicode.IsDigit`.
pub(crate) fn is_digit(rune: char) -> bool {
    if rune.is_ascii() {
        rune.is_ascii_digit()
    } else {
        in_table(&DIGIT, rune)
    }
}

/// Go's `unicode.IsPrint`, which `strconv` shares.
pub(crate) fn is_print(rune: char) -> bool {
    if rune.is_ascii() {
        (' '..='~').contains(&rune)
    } else {
        in_table(&PRINT, rune)
    }
}

/// Go's `unicode.IsSpace`.
pub(crate) fn is_space(rune: char) -> bool {
    match rune {
        '\t' | '\n' | '\u{0B}' | '\u{0C}' | '\r' | ' ' | '\u{85}' | '\u{A0}' => true,
        rune if rune < '\u{100}' => false,
        rune => rune.is_whitespace(),
    }
}

/// Go's `unicode.ToUpper`: one rune for one rune.
pub(crate) fn to_upper(rune: char) -> char {
    let mut upper = rune.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => match rune {
            '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => {
                char::from_u32(rune as u32 + 8).unwrap_or(rune)
            }
            '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => char::from_u32(rune as u32 + 9).unwrap_or(rune),
            _ => rune,
        },
    }
}

/// Go's `unicode.ToLower`: one rune for one rune.
pub(crate) fn to_lower(rune: char) -> char {
    if rune == '\u{130}' {
        return 'i';
    }
    let mut lower = rune.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) => single,
        _ => rune,
    }
}

/// Go's `unicode.ToTitle`.
pub(crate) fn to_title(rune: char) -> char {
    match rune {
        '\u{1C4}'..='\u{1C6}' => '\u{1C5}',
        '\u{1C7}'..='\u{1C9}' => '\u{1C8}',
        '\u{1CA}'..='\u{1CC}' => '\u{1CB}',
        '\u{1F1}'..='\u{1F3}' => '\u{1F2}',
        '\u{10D0}'..='\u{10FA}' | '\u{10FD}'..='\u{10FF}' => rune,
        rune => to_upper(rune),
    }
}

/// Tells whether a rune has an upper-case form of its own and is not it.
pub(crate) fn is_lower(rune: char) -> bool {
    rune.is_lowercase() && is_letter(rune)
}

/// Go's `unicode.IsUpper`.
pub(crate) fn is_upper(rune: char) -> bool {
    rune.is_uppercase() && is_letter(rune)
}

static PUNCT: LazyLock<Option<Regex>> = LazyLock::new(|| table(r"\p{P}"));
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| table(r"\p{N}"));

/// Go's `unicode.IsPunct`.
pub(crate) fn is_punct(rune: char) -> bool {
    in_table(&PUNCT, rune)
}

/// Go's `unicode.IsNumber`.
pub(crate) fn is_number(rune: char) -> bool {
    if rune.is_ascii() {
        rune.is_ascii_digit()
    } else {
        in_table(&NUMBER, rune)
    }
}
