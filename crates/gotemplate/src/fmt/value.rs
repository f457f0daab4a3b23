//! Prints values by their kind.

use super::printf::Printer;
use crate::object::Object;
use crate::runes;
use crate::stack;
use crate::text::Text;
use crate::types::Kind;
use crate::value::{List, Map, Value};

/// How deep values are printed; only a value that contains itself is deeper.
const MAX_DEPTH: usize = 10_000;

impl Printer<'_> {
    /// Prints one operand.
    pub(super) fn print_argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil, _) => self.bad_verb(value, verb),
            (_, 'T') => {
                let name = value.type_name();
                self.format_text(name.as_bytes());
            }
            (_, 'p') => self.print_address(value, verb),
            (_, 'w') => self.bad_verb(value, verb),
            _ => self.print_at(value, verb, 0),
        }
    }

    fn print_at(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > MAX_DEPTH || self.out.len() > self.limit {
            return;
        }
        match value {
            // Nil inside of a list or map stands in an interface, which every verb prints so.
            Value::Nil if self.flags.sharp_v => self.write("interface {}(nil)"),
            Value::Nil => self.write("<nil>"),
            Value::Bool(truth) if matches!(verb, 't' | 'v') => {
                self.pad(if *truth { b"true" } else { b"false" });
            }
            Value::Bool(_) => self.bad_verb(value, verb),
            Value::Int(number, _) => self.print_integer(value, *number as u64, true, verb),
            Value::Uint(number, _) => self.print_integer(value, *number, false, verb),
            Value::Float(number) => {
                if !self.print_float(*number, verb) {
                    self.bad_verb(value, verb);
                }
            }
            Value::Complex(parts) => self.print_complex(value, parts, verb),
            Value::String(text) => {
                if !self.print_text(text, verb) {
                    self.bad_verb(value, verb);
                }
            }
            Value::Bytes(bytes) => self.print_bytes(bytes, verb, depth),
            Value::List(list) => stack::grow(|| self.print_list(list, &value.type_name(), verb, depth)),
            Value::Map(map) => stack::grow(|| self.print_map(map, &value.type_name(), verb, depth)),
            Value::Object(object) => stack::grow(|| self.print_object(value, object.as_ref(), verb, depth)),
        }
    }

    fn bad_verb(&mut self, value: &Value, verb: char) {
        self.erroring = true;
        self.write("%!");
        runes::push(self.out, verb);
        self.out.push(b'(');
        self.print_typed(value);
        self.out.push(b')');
        self.erroring = false;
    }

    fn print_integer(&mut self, value: &Value, number: u64, signed: bool, verb: char) {
        match verb {
            'v' if self.flags.sharp_v && !signed => self.print_0x(number, true),
            'v' | 'd' => self.format_integer(number, signed, 10, verb),
            'b' => self.format_integer(number, signed, 2, verb),
            'o' | 'O' => self.format_integer(number, signed, 8, verb),
            'x' | 'X' => self.format_integer(number, signed, 16, verb),
            'c' => self.format_rune(number),
            'q' => self.format_quoted_rune(number),
            'U' => self.format_unicode(number),
            _ => self.bad_verb(value, verb),
        }
    }

    fn print_0x(&mut self, number: u64, prefix: bool) {
        let sharp = std::mem::replace(&mut self.flags.sharp, prefix);
        self.format_integer(number, false, 16, 'v');
        self.flags.sharp = sharp;
    }

    fn print_float(&mut self, number: f64, verb: char) -> bool {
        match verb {
            'v' => self.format_float(number, b'g', -1),
            'b' | 'g' | 'G' | 'x' | 'X' => self.format_float(number, verb as u8, -1),
            'f' | 'e' | 'E' => self.format_float(number, verb as u8, 6),
            'F' => self.format_float(number, b'f', 6),
            _ => return false,
        }
        true
    }

    fn print_complex(&mut self, value: &Value, parts: &(f64, f64), verb: char) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            self.bad_verb(value, verb);
            return;
        }
        let plus = self.flags.plus;
        self.out.push(b'(');
        self.print_float(parts.0, verb);
        self.flags.plus = true;
        self.print_float(parts.1, verb);
        self.write("i)");
        self.flags.plus = plus;
    }

    fn print_text(&mut self, text: &Text, verb: char) -> bool {
        let text = text.as_bytes();
        match verb {
            'v' if self.flags.sharp_v => self.format_quoted(text),
            'v' | 's' => self.format_text(text),
            'x' => self.format_hex(text, false),
            'X' => self.format_hex(text, true),
            'q' => self.format_quoted(text),
            _ => return false,
        }
        true
    }

    fn print_bytes(&mut self, text: &[u8], verb: char, depth: usize) {
        match verb {
            'v' | 'd' if self.flags.sharp_v => {
                self.write(if depth == 0 { "[]byte{" } else { "[]uint8{" });
                for (index, byte) in text.iter().enumerate() {
                    if index > 0 {
                        self.write(", ");
                    }
                    self.print_0x(u64::from(*byte), true);
                }
                self.out.push(b'}');
            }
            's' => self.format_text(text),
            'x' => self.format_hex(text, false),
            'X' => self.format_hex(text, true),
            'q' => self.format_quoted(text),
            _ => {
                self.out.push(b'[');
                for (index, byte) in text.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b' ');
                    }
                    let byte = Value::Uint(u64::from(*byte), crate::types::UintType::Uint8);
                    self.print_at(&byte, verb, depth + 1);
                }
                self.out.push(b']');
            }
        }
    }

    fn print_list(&mut self, list: &List, type_name: &str, verb: char, depth: usize) {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.write(type_name);
            if list.is_nil() {
                self.write("(nil)");
                return;
            }
        }
        self.out.push(if sharp { b'{' } else { b'[' });
        for index in 0..list.len() {
            if index > 0 {
                self.write(if sharp { ", " } else { " " });
            }
            self.print_at(&list.get(index).unwrap_or_default(), verb, depth + 1);
        }
        self.out.push(if sharp { b'}' } else { b']' });
    }

    fn print_map(&mut self, map: &Map, type_name: &str, verb: char, depth: usize) {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.write(type_name);
            if map.is_nil() {
                self.write("(nil)");
                return;
            }
            self.out.push(b'{');
        } else {
            self.write("map[");
        }
        if let Some(entries) = map.borrow() {
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    self.write(if sharp { ", " } else { " " });
                }
                self.print_at(&Value::String(key.clone()), verb, depth + 1);
                self.out.push(b':');
                self.print_at(value, verb, depth + 1);
            }
        }
        self.out.push(if sharp { b'}' } else { b']' });
    }

    fn print_object(&mut self, value: &Value, object: &dyn Object, verb: char, depth: usize) {
        if !self.erroring
            && !self.flags.sharp_v
            && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
            && let Some(text) = object.display()
        {
            self.print_text(&text, verb);
            return;
        }
        if !self.erroring
            && self.flags.sharp_v
            && let Some(text) = object.go_syntax()
        {
            self.out.extend_from_slice(text.as_bytes());
            return;
        }
        if let Some(basic) = object.as_basic() {
            self.print_at(&basic, verb, depth);
        } else if let Some(map) = object.as_map() {
            self.print_map(&map, object.go_type().name, verb, depth);
        } else if let Some(list) = object.as_list() {
            self.print_list(&list, object.go_type().name, verb, depth);
        } else if object.go_type().kind != Kind::Pointer {
            self.print_fields(object, object.go_type().name, verb, depth);
        } else if depth == 0 {
            if !self.follow_pointer {
                self.out.push(b'&');
            }
            self.print_fields(object, object.go_type().name.trim_start_matches('*'), verb, depth);
        } else {
            self.print_address(value, verb);
        }
    }

    fn print_fields(&mut self, object: &dyn Object, name: &str, verb: char, depth: usize) {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.write(name);
        }
        self.out.push(b'{');
        for (index, (name, value)) in object.fields().into_iter().enumerate() {
            if index > 0 {
                self.write(if sharp { ", " } else { " " });
            }
            if sharp || self.flags.plus_v {
                self.write(name);
                self.out.push(b':');
            }
            self.print_at(&value, verb, depth + 1);
        }
        self.out.push(b'}');
    }

    /// Prints where something is in memory, which is never the same twice in Go either.
    fn print_address(&mut self, value: &Value, verb: char) {
        let address = match value {
            Value::List(list) => list.borrow().map_or(0, |items| items.as_ptr().addr()),
            Value::Map(map) => map.address(),
            Value::Bytes(bytes) => bytes.as_ptr().addr(),
            Value::Object(object) if value.kind() == Kind::Pointer => {
                std::ptr::from_ref(object.as_any()).cast::<u8>().addr()
            }
            _ => return self.bad_verb(value, verb),
        };
        self.print_0x(address as u64, !self.flags.sharp);
    }
}
