//! What is wrong with a JSON text, in the words of Go's `encoding/json`.
//!
//! Source: Go `encoding/json/scanner.go`.

use std::iter::Peekable;
use std::str::CharIndices;

/// The message for the first mistake of a text; `None` when there is none.
pub(crate) fn go_syntax_error(text: &str) -> Option<String> {
    let mut reader = Reader {
        text,
        rest: text.char_indices().peekable(),
        depth: 0,
    };
    let result = reader.value("looking for beginning of value").and_then(|()| {
        reader.blanks();
        match reader.rest.peek() {
            None => Ok(()),
            Some(_) => Err(reader.invalid("after top-level value")),
        }
    });
    result.err()
}

const MAX_DEPTH: usize = 1000;

struct Reader<'t> {
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
    depth: usize,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        while self
            .rest
            .next_if(|(_, symbol)| matches!(symbol, ' ' | '\t' | '\r' | '\n'))
            .is_some()
        {}
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, symbol)| *symbol)
    }

    /// The next symbol is not what the grammar wants. Go looks at bytes, and shows one of them.
    fn invalid(&mut self, context: &str) -> String {
        let Some((at, _)) = self.rest.peek() else {
            return "unexpected end of JSON input".to_owned();
        };
        let shown = match self.text.as_bytes()[*at] {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            byte => format!("'{}'", go_quoted(char::from(byte))),
        };
        format!("invalid character {shown} {context}")
    }

    fn value(&mut self, context: &str) -> Result<(), String> {
        self.blanks();
        match self.peek() {
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::array),
            Some('"') => self.string(),
            Some('-' | '0'..='9') => self.number(),
            Some('t') => self.literal("true"),
            Some('f') => self.literal("false"),
            Some('n') => self.literal("null"),
            _ => Err(self.invalid(context)),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<(), String>) -> Result<(), String> {
        if self.depth == MAX_DEPTH {
            return Err("exceeded max depth".to_owned());
        }
        self.depth += 1;
        self.rest.next();
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn object(&mut self) -> Result<(), String> {
        self.blanks();
        if self.rest.next_if(|(_, symbol)| *symbol == '}').is_some() {
            return Ok(());
        }
        loop {
            self.blanks();
            if self.peek() != Some('"') {
                return Err(self.invalid("looking for beginning of object key string"));
            }
            self.string()?;
            self.blanks();
            if self.rest.next_if(|(_, symbol)| *symbol == ':').is_none() {
                return Err(self.invalid("after object key"));
            }
            self.value("looking for beginning of value")?;
            self.blanks();
            match self.peek() {
                Some(',') => self.rest.next(),
                Some('}') => {
                    self.rest.next();
                    return Ok(());
                }
                _ => return Err(self.invalid("after object key:value pair")),
            };
        }
    }

    fn array(&mut self) -> Result<(), String> {
        self.blanks();
        if self.rest.next_if(|(_, symbol)| *symbol == ']').is_some() {
            return Ok(());
        }
        loop {
            self.value("looking for beginning of value")?;
            self.blanks();
            match self.peek() {
                Some(',') => self.rest.next(),
                Some(']') => {
                    self.rest.next();
                    return Ok(());
                }
                _ => return Err(self.invalid("after array element")),
            };
        }
    }

    fn string(&mut self) -> Result<(), String> {
        self.rest.next();
        loop {
            match self.peek() {
                Some('"') => {
                    self.rest.next();
                    return Ok(());
                }
                Some('\\') => {
                    self.rest.next();
                    match self.peek() {
                        Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
                            self.rest.next();
                        }
                        Some('u') => {
                            self.rest.next();
                            for _ in 0..4 {
                                if self
                                    .rest
                                    .next_if(|(_, symbol)| symbol.is_ascii_hexdigit())
                                    .is_none()
                                {
                                    return Err(self.invalid("in \\u hexadecimal character escape"));
                                }
                            }
                        }
                        _ => return Err(self.invalid("in string escape code")),
                    }
                }
                Some(symbol) if u32::from(symbol) >= 0x20 => {
                    self.rest.next();
                }
                _ => return Err(self.invalid("in string literal")),
            }
        }
    }

    fn digits(&mut self) -> usize {
        let mut count = 0;
        while self.rest.next_if(|(_, symbol)| symbol.is_ascii_digit()).is_some() {
            count += 1;
        }
        count
    }

    fn number(&mut self) -> Result<(), String> {
        self.rest.next_if(|(_, symbol)| *symbol == '-');
        if self.rest.next_if(|(_, symbol)| *symbol == '0').is_none() && self.digits() == 0 {
            return Err(self.invalid("in numeric literal"));
        }
        if self.rest.next_if(|(_, symbol)| *symbol == '.').is_some() && self.digits() == 0 {
            return Err(self.invalid("after decimal point in numeric literal"));
        }
        if self
            .rest
            .next_if(|(_, symbol)| matches!(symbol, 'e' | 'E'))
            .is_some()
        {
            self.rest.next_if(|(_, symbol)| matches!(symbol, '+' | '-'));
            if self.digits() == 0 {
                return Err(self.invalid("in exponent of numeric literal"));
            }
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        for wanted in word.chars() {
            if self.rest.next_if(|(_, symbol)| *symbol == wanted).is_none() {
                return Err(self.invalid(&format!("in literal {word} (expecting '{wanted}')")));
            }
        }
        Ok(())
    }
}

fn go_quoted(symbol: char) -> String {
    match symbol {
        '\n' => r"\n".to_owned(),
        '\r' => r"\r".to_owned(),
        '\t' => r"\t".to_owned(),
        '\\' => r"\\".to_owned(),
        symbol if u32::from(symbol) < 0x20 => format!("\\x{:02x}", u32::from(symbol)),
        symbol => symbol.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_mistake() {
        for (text, expected) in [
            ("[{}, [1.5e3, \"a\\u00e9\"], true]", None),
            (
                "[{op: add}]",
                Some("invalid character 'o' looking for beginning of object key string"),
            ),
            ("[1 2]", Some("invalid character '2' after array element")),
            ("[", Some("unexpected end of JSON input")),
            ("[1] x", Some("invalid character 'x' after top-level value")),
            (
                "[tru]",
                Some("invalid character ']' in literal true (expecting 'e')"),
            ),
            ("[\"a\": 1]", Some("invalid character ':' after array element")),
            ("[{\"a\" 1}]", Some("invalid character '1' after object key")),
            ("[\"a\tb\"]", Some("invalid character '\\t' in string literal")),
        ] {
            assert_eq!(go_syntax_error(text).as_deref(), expected, "{text}");
        }
    }
}
