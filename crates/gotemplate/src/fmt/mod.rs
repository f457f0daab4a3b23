//! Go's `fmt`: `Sprint`, `Sprintf` and what a template's action prints.

mod format;
mod printf;
mod value;

use crate::text::Text;
use crate::types::Kind;
use crate::value::Value;
use printf::Printer;

/// Prints a value as an action does: pointers are followed, all else is `%v`.
pub(crate) fn print_value(value: &Value, out: &mut Vec<u8>) {
    let mut printer = Printer::new(out);
    printer.follow_pointer = true;
    printer.print_argument(value, 'v');
}

/// Prints a value as `%v` into a string.
pub(crate) fn to_lossy_string(value: &Value) -> String {
    let mut out = Vec::new();
    Printer::new(&mut out).print_argument(value, 'v');
    String::from_utf8_lossy(&out).into_owned()
}

/// Prints a value as `%#v`.
pub(crate) fn go_syntax(value: &Value) -> Vec<u8> {
    sprintf(b"%#v", std::slice::from_ref(value)).as_bytes().to_vec()
}

/// Go's `Sprint`: spaces stand between operands when neither is a string.
pub fn print(arguments: &[Value]) -> Text {
    print_following(arguments, false)
}

/// `Sprint`, with pointers followed first as `html`, `js` and `urlquery` do.
pub(crate) fn print_following(arguments: &[Value], follow_pointer: bool) -> Text {
    if let [Value::String(text)] = arguments {
        return text.clone();
    }
    let mut out = Vec::new();
    let mut after_string = false;
    for (index, argument) in arguments.iter().enumerate() {
        let is_missing = follow_pointer && argument.is_nil();
        let is_string = is_missing || argument.kind() == Kind::String;
        if index > 0 && !is_string && !after_string {
            out.push(b' ');
        }
        let mut printer = Printer::new(&mut out);
        printer.follow_pointer = follow_pointer;
        if is_missing {
            out.extend_from_slice(b"<no value>");
        } else {
            printer.print_argument(argument, 'v');
        }
        after_string = is_string;
    }
    Text::from(out)
}

/// Go's `Sprintln`.
pub(crate) fn println(arguments: &[Value]) -> Text {
    let mut out = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        Printer::new(&mut out).print_argument(argument, 'v');
    }
    out.push(b'\n');
    Text::from(out)
}

/// Go's `Sprintf`, with its marks for operands that do not fit (`%!d(string=x)`).
pub fn sprintf(format: &[u8], arguments: &[Value]) -> Text {
    let mut out = Vec::with_capacity(format.len() + 16 * arguments.len());
    Printer::new(&mut out).printf(format, arguments);
    Text::from(out)
}
