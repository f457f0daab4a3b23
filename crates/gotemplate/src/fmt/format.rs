//! Formats numbers and strings with flags, width and precision.

use super::printf::Printer;
use crate::runes;
use crate::strconv;

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    pub(super) plus_v: bool,
    pub(super) sharp_v: bool,
}

const LOWER: &[u8; 17] = b"0123456789abcdefx";
const UPPER: &[u8; 17] = b"0123456789ABCDEFX";

impl Printer<'_> {
    fn write_padding(&mut self, count: usize) {
        let byte = if self.flags.zero && !self.flags.minus {
            b'0'
        } else {
            b' '
        };
        self.out.extend(std::iter::repeat_n(byte, count));
    }

    /// Writes text padded to the width.
    pub(super) fn pad(&mut self, text: &[u8]) {
        let Some(width) = self.flags.width.filter(|width| *width > 0) else {
            self.out.extend_from_slice(text);
            return;
        };
        let padding = width.saturating_sub(runes::count(text));
        if self.flags.minus {
            self.out.extend_from_slice(text);
            self.write_padding(padding);
        } else {
            self.write_padding(padding);
            self.out.extend_from_slice(text);
        }
    }

    /// Writes text padded with spaces only.
    fn pad_with_spaces(&mut self, text: &[u8]) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(text);
        self.flags.zero = zero;
    }

    pub(super) fn format_integer(&mut self, number: u64, signed: bool, base: u32, verb: char) {
        let negative = signed && (number as i64) < 0;
        let number = if negative { number.wrapping_neg() } else { number };
        let flags = self.flags;
        let mut precision = 0;
        if let Some(wanted) = flags.precision {
            precision = wanted;
            if wanted == 0 && number == 0 {
                let zero = std::mem::take(&mut self.flags.zero);
                self.write_padding(flags.width.unwrap_or(0));
                self.flags.zero = zero;
                return;
            }
        } else if flags.zero
            && !flags.minus
            && let Some(width) = flags.width
        {
            precision = width;
            if negative || flags.plus || flags.space {
                precision = precision.saturating_sub(1);
            }
        }
        let table = if verb == 'X' { UPPER } else { LOWER };
        // Written backwards.
        let mut text = Vec::with_capacity(24);
        let mut rest = number;
        loop {
            text.push(table[(rest % u64::from(base)) as usize]);
            rest /= u64::from(base);
            if rest == 0 {
                break;
            }
        }
        while text.len() < precision {
            text.push(b'0');
        }
        if flags.sharp {
            match base {
                2 => text.extend_from_slice(b"b0"),
                8 if text.last() != Some(&b'0') => text.push(b'0'),
                16 => text.extend_from_slice(&[table[16], b'0']),
                _ => {}
            }
        }
        if verb == 'O' {
            text.extend_from_slice(b"o0");
        }
        if negative {
            text.push(b'-');
        } else if flags.plus {
            text.push(b'+');
        } else if flags.space {
            text.push(b' ');
        }
        text.reverse();
        self.pad_with_spaces(&text);
    }

    pub(super) fn format_unicode(&mut self, number: u64) {
        let digits = self.flags.precision.unwrap_or(4).max(4);
        let hex = format!("{number:X}");
        let zeros = "0".repeat(digits.saturating_sub(hex.len()));
        let mut text = format!("U+{zeros}{hex}").into_bytes();
        if self.flags.sharp
            && let Some(rune) = u32::try_from(number).ok().and_then(char::from_u32)
            && runes::is_print(rune)
        {
            text.extend_from_slice(b" '");
            runes::push(&mut text, rune);
            text.push(b'\'');
        }
        self.pad_with_spaces(&text);
    }

    pub(super) fn format_rune(&mut self, number: u64) {
        let rune = u32::try_from(number)
            .ok()
            .and_then(char::from_u32)
            .unwrap_or(runes::RUNE_ERROR);
        self.pad(rune.encode_utf8(&mut [0; 4]).as_bytes());
    }

    pub(super) fn format_quoted_rune(&mut self, number: u64) {
        let rune = u32::try_from(number)
            .ok()
            .and_then(char::from_u32)
            .unwrap_or(runes::RUNE_ERROR);
        let quoted = strconv::quote_rune(rune, self.flags.plus);
        self.pad(quoted.as_bytes());
    }

    fn truncate<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        match self.flags.precision {
            Some(precision) => {
                let end = runes::iter(text)
                    .nth(precision)
                    .map_or(text.len(), |(at, _, _)| at);
                &text[..end]
            }
            None => text,
        }
    }

    pub(super) fn format_text(&mut self, text: &[u8]) {
        let text = self.truncate(text);
        self.pad(text);
    }

    pub(super) fn format_quoted(&mut self, text: &[u8]) {
        let text = self.truncate(text);
        if self.flags.sharp && strconv::can_backquote(text) {
            let quoted = [b"`", text, b"`"].concat();
            self.pad(&quoted);
            return;
        }
        let quoted = quote_bytes(text, self.flags.plus);
        self.pad(&quoted);
    }

    pub(super) fn format_hex(&mut self, text: &[u8], upper: bool) {
        let table = if upper { UPPER } else { LOWER };
        let flags = self.flags;
        let text = &text[..flags.precision.unwrap_or(text.len()).min(text.len())];
        if text.is_empty() {
            self.write_padding(flags.width.unwrap_or(0));
            return;
        }
        let mut hex = Vec::with_capacity(text.len() * 2 + 2);
        for (index, byte) in text.iter().enumerate() {
            if flags.space && index > 0 {
                hex.push(b' ');
            }
            if flags.sharp && (flags.space || index == 0) {
                hex.extend_from_slice(&[b'0', table[16]]);
            }
            hex.extend_from_slice(&[table[usize::from(byte >> 4)], table[usize::from(byte & 15)]]);
        }
        let padding = flags.width.unwrap_or(0).saturating_sub(hex.len());
        if flags.minus {
            self.out.extend_from_slice(&hex);
            self.write_padding(padding);
        } else {
            self.write_padding(padding);
            self.out.extend_from_slice(&hex);
        }
    }

    pub(super) fn format_float(&mut self, number: f64, verb: u8, precision: i32) {
        let flags = self.flags;
        let precision = flags.precision.map_or(precision, |precision| precision as i32);
        let mut text = strconv::format_float(number, verb, precision).into_bytes();
        if !matches!(text[0], b'-' | b'+') {
            text.insert(0, b'+');
        }
        if flags.space && text[0] == b'+' && !flags.plus {
            text[0] = b' ';
        }
        if matches!(text[1], b'I' | b'N') {
            if text[1] == b'N' && !flags.space && !flags.plus {
                text.remove(0);
            }
            // The plus before Inf goes with the rules below only for numbers.
            if text[0] == b'+' && !flags.plus {
                self.pad_with_spaces(&text);
                return;
            }
            self.pad_with_spaces(&text);
            return;
        }
        if flags.sharp && verb != b'b' {
            keep_zeros(&mut text, verb, precision);
        }
        if flags.plus || text[0] != b'+' {
            let width = flags.width.unwrap_or(0);
            if flags.zero && !flags.minus && width > text.len() {
                self.out.push(text[0]);
                self.write_padding(width - text.len());
                self.out.extend_from_slice(&text[1..]);
                return;
            }
            self.pad(&text);
            return;
        }
        self.pad(&text[1..]);
    }
}

/// `%#g` and its like keep the point and trailing zeros.
fn keep_zeros(text: &mut Vec<u8>, verb: u8, precision: i32) {
    let mut digits = match verb {
        b'g' | b'G' | b'x' => {
            if precision < 0 {
                6
            } else {
                precision
            }
        }
        _ => 0,
    };
    let hex = matches!(verb, b'x' | b'X');
    let split = (1..text.len())
        .find(|at| matches!(text[*at], b'p' | b'P') || !hex && matches!(text[*at], b'e' | b'E'))
        .unwrap_or(text.len());
    let tail = text.split_off(split);
    let (mut point, mut nonzero) = (false, false);
    for byte in &text[1..] {
        if *byte == b'.' {
            point = true;
            continue;
        }
        nonzero |= *byte != b'0';
        if nonzero {
            digits -= 1;
        }
    }
    if !point {
        if text.len() == 2 && text[1] == b'0' {
            digits -= 1;
        }
        text.push(b'.');
    }
    text.extend(std::iter::repeat_n(b'0', digits.max(0) as usize));
    text.extend(tail);
}

fn quote_bytes(text: &[u8], ascii: bool) -> Vec<u8> {
    strconv::quote_with(text, b'"', ascii).into_bytes()
}
