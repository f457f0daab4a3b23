//! Points in time and durations as Go's `time` formats and reads them.

mod duration;
mod layout;
mod moment;
mod parse;

/// Quotes as errors of Go's `time` do: bytes that are no plain ASCII are written in hexadecimal.
///
/// Source: Go `time/format.go`, `quote`.
fn quote(text: impl AsRef<[u8]>) -> String {
    let mut quoted = String::from("\"");
    for byte in text.as_ref() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            b' '..=0x7F => quoted.push(char::from(*byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

pub(crate) use duration::{format_duration, parse_duration};
pub(crate) use moment::{Moment, Zone};
