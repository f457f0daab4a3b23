//! From bytes to text: byte order marks and the characters that YAML forbids.

use std::borrow::Cow;

use crate::error::Error;

/// Decodes a file as Go's YAML library does: UTF-16 when it starts with its byte order mark, else UTF-8.
pub fn text_of(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes).map(Cow::Owned),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes).map(Cow::Owned),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest).map(Cow::Borrowed),
        _ => utf8(bytes).map(Cow::Borrowed),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let message = match bytes.get(at) {
            Some(byte) if crate::scanner::width(*byte) == 0 => "yaml: invalid leading UTF-8 octet",
            _ if error.error_len().is_none() => "yaml: incomplete UTF-8 octet sequence",
            _ => "yaml: invalid trailing UTF-8 octet",
        };
        let before = String::from_utf8_lossy(&bytes[..at]);
        let (line, column) = place(&before, before.len());
        Error::at(message, &before, line, column)
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Error> {
    if bytes.len() % 2 == 1 {
        return Err(Error::new("yaml: incomplete UTF-16 character"));
    }
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units)
        .collect::<Result<String, _>>()
        .map_err(|_| Error::new("yaml: expected low surrogate area"))
}

/// Refuses characters that no YAML text may hold.
pub(crate) fn check_characters(text: &str) -> Result<(), Error> {
    const WIDTH: usize = 64;
    // Without a way out of a chunk, so that the compiler takes many bytes at once.
    let has_suspect = |chunk: &[u8; WIDTH]| {
        let found = chunk
            .iter()
            .fold(0, |found, byte| found | u8::from(is_suspect(*byte)));
        found != 0
    };
    let (chunks, _) = text.as_bytes().as_chunks::<WIDTH>();
    let start = WIDTH * chunks.iter().position(has_suspect).unwrap_or(chunks.len());
    match text.as_bytes()[start..].iter().position(|byte| is_suspect(*byte)) {
        None => Ok(()),
        Some(first) => check_slowly(text, start + first),
    }
}

/// Bytes that are, or start, a forbidden character.
fn is_suspect(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || matches!(byte, 0x7F | 0xC2 | 0xEF)
}

fn check_slowly(text: &str, first: usize) -> Result<(), Error> {
    for (at, character) in text[first..].char_indices() {
        let forbidden = match character {
            '\t' | '\n' | '\r' | '\u{85}' => false,
            '\0'..='\x1F' | '\x7F'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}' => true,
            _ => false,
        };
        if forbidden {
            let (line, column) = place(text, first + at);
            return Err(Error::at(
                "yaml: control characters are not allowed",
                text,
                line,
                column,
            ));
        }
    }
    Ok(())
}

/// Line and column, from 1, of a byte offset.
pub(crate) fn place(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..offset];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() as u32 + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before[start..].chars().count() as u32 + 1)
}
