//! Reads format strings and hands out operands.

use super::format::Flags;
use crate::runes;
use crate::types::Kind;
use crate::value::Value;

/// Widths and precisions past this are refused.
const TOO_LARGE: i64 = 1_000_000;

/// Prints operands into a buffer.
pub(super) struct Printer<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) flags: Flags,
    /// Inside of a `%!d(…)`, where `String` methods are not called.
    pub(super) erroring: bool,
    /// Print what a pointer points to instead of `&` and that.
    pub(super) follow_pointer: bool,
    /// The buffer's length past which a value that contains itself is given up.
    pub(super) limit: usize,
    reordered: bool,
    good_argument: bool,
}

struct Cursor<'f> {
    format: &'f [u8],
    at: usize,
    argument: usize,
}

impl<'o> Printer<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        let limit = out.len() + (256 << 20);
        Self {
            out,
            flags: Flags::default(),
            erroring: false,
            follow_pointer: false,
            limit,
            reordered: false,
            good_argument: true,
        }
    }

    pub(super) fn write(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn printf(&mut self, format: &[u8], arguments: &[Value]) {
        let mut cursor = Cursor {
            format,
            at: 0,
            argument: 0,
        };
        loop {
            self.good_argument = true;
            let rest = &format[cursor.at..];
            let Some(percent) = rest.iter().position(|byte| *byte == b'%') else {
                self.out.extend_from_slice(rest);
                break;
            };
            self.out.extend_from_slice(&rest[..percent]);
            cursor.at += percent + 1;
            if !self.directive(&mut cursor, arguments) {
                break;
            }
        }
        self.extra(cursor.argument, arguments);
    }

    /// Prints one `%…`; false at the end of the format.
    fn directive(&mut self, cursor: &mut Cursor<'_>, arguments: &[Value]) -> bool {
        let format = cursor.format;
        self.flags = Flags::default();
        while let Some(byte) = format.get(cursor.at) {
            match byte {
                b'#' => self.flags.sharp = true,
                b'0' => self.flags.zero = true,
                b'+' => self.flags.plus = true,
                b'-' => self.flags.minus = true,
                b' ' => self.flags.space = true,
                _ => break,
            }
            cursor.at += 1;
        }
        let mut after_index = self.argument_index(cursor, arguments.len());
        if format.get(cursor.at) == Some(&b'*') {
            cursor.at += 1;
            let width = int_argument(arguments, &mut cursor.argument);
            if width.is_none() {
                self.write("%!(BADWIDTH)");
            }
            self.flags.width = width.map(i64::unsigned_abs).map(|width| width as usize);
            if width.is_some_and(|width| width < 0) {
                self.flags.minus = true;
                self.flags.zero = false;
            }
            after_index = false;
        } else {
            let (width, at) = parse_number(format, cursor.at, format.len());
            cursor.at = at;
            self.flags.width = width;
            if after_index && width.is_some() {
                self.good_argument = false;
            }
        }
        if cursor.at + 1 < format.len() && format[cursor.at] == b'.' {
            cursor.at += 1;
            if after_index {
                self.good_argument = false;
            }
            after_index = self.argument_index(cursor, arguments.len());
            if format.get(cursor.at) == Some(&b'*') {
                cursor.at += 1;
                let precision = int_argument(arguments, &mut cursor.argument);
                self.flags.precision = precision.and_then(|precision| usize::try_from(precision).ok());
                if self.flags.precision.is_none() {
                    self.write("%!(BADPREC)");
                }
                after_index = false;
            } else {
                let (precision, at) = parse_number(format, cursor.at, format.len());
                cursor.at = at;
                self.flags.precision = Some(precision.unwrap_or(0));
            }
        }
        if !after_index {
            self.argument_index(cursor, arguments.len());
        }
        let Some((verb, width)) = runes::decode(&format[cursor.at.min(format.len())..]) else {
            self.write("%!(NOVERB)");
            return false;
        };
        cursor.at += width;
        if verb == '%' {
            self.out.push(b'%');
        } else if !self.good_argument {
            self.write("%!");
            runes::push(self.out, verb);
            self.write("(BADINDEX)");
        } else if let Some(argument) = arguments.get(cursor.argument) {
            if matches!(verb, 'v' | 'w') {
                self.flags.sharp_v = std::mem::take(&mut self.flags.sharp);
                self.flags.plus_v = std::mem::take(&mut self.flags.plus);
            }
            self.print_argument(argument, verb);
            cursor.argument += 1;
        } else {
            self.write("%!");
            runes::push(self.out, verb);
            self.write("(MISSING)");
        }
        true
    }

    /// Reads `[n]`; tells whether there was one.
    fn argument_index(&mut self, cursor: &mut Cursor<'_>, count: usize) -> bool {
        let format = cursor.format;
        if format.get(cursor.at) != Some(&b'[') {
            return false;
        }
        self.reordered = true;
        let rest = &format[cursor.at..];
        let close = if rest.len() < 3 {
            None
        } else {
            rest.iter().position(|byte| *byte == b']')
        };
        let Some(close) = close else {
            cursor.at += 1;
            self.good_argument = false;
            return false;
        };
        let (number, end) = parse_number(rest, 1, close);
        cursor.at += close + 1;
        let number = number.filter(|_| end == close);
        match number {
            Some(number) if (1..=count).contains(&number) => {
                cursor.argument = number - 1;
                true
            }
            number => {
                self.good_argument = false;
                number.is_some()
            }
        }
    }

    fn extra(&mut self, used: usize, arguments: &[Value]) {
        if self.reordered || used >= arguments.len() {
            return;
        }
        self.flags = Flags::default();
        self.write("%!(EXTRA ");
        for (index, argument) in arguments[used..].iter().enumerate() {
            if index > 0 {
                self.write(", ");
            }
            self.print_typed(argument);
        }
        self.out.push(b')');
    }

    /// Prints `type=value`.
    pub(super) fn print_typed(&mut self, value: &Value) {
        if value.is_nil() {
            self.write("<nil>");
            return;
        }
        self.write(&value.type_name());
        self.out.push(b'=');
        self.print_argument(value, 'v');
    }
}

/// Reads digits in `format[start..end]`; a number too large ends the format.
fn parse_number(format: &[u8], start: usize, end: usize) -> (Option<usize>, usize) {
    if start >= end {
        return (None, end);
    }
    let mut number: Option<usize> = None;
    let mut at = start;
    while at < end && format[at].is_ascii_digit() {
        let sum = number.unwrap_or(0);
        if sum as i64 > TOO_LARGE {
            return (None, end);
        }
        number = Some(sum * 10 + usize::from(format[at] - b'0'));
        at += 1;
    }
    (number, at)
}

fn int_argument(arguments: &[Value], at: &mut usize) -> Option<i64> {
    let argument = arguments.get(*at)?;
    *at += 1;
    let number = match argument {
        Value::Int(number, _) => *number,
        Value::Uint(number, _) => i64::try_from(*number).ok()?,
        Value::Object(object) if matches!(argument.kind(), Kind::Int(_)) => match object.as_basic() {
            Some(Value::Int(number, _)) => number,
            _ => return None,
        },
        _ => return None,
    };
    (-TOO_LARGE..=TOO_LARGE).contains(&number).then_some(number)
}
