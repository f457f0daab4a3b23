//! Texts, numbers and times of TOML.

use kluctl_gotemplate::{Text, Value, parse_time};

use super::reader::Reader;

/// Why a document cannot be read.
pub(super) struct Problem {
    pub(super) line: usize,
    pub(super) message: String,
}

type Result<T> = std::result::Result<T, Problem>;

/// Control characters without tab and line breaks.
pub(super) fn is_control(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7F
}

/// What keys may be made of without quotes.
pub(super) fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// A character as Go's `%q` shows it; the end is the zero character.
pub(super) fn quoted_rune(character: Option<char>) -> String {
    let code = character.map_or(0, |character| i64::from(u32::from(character)));
    kluctl_gotemplate::sprintf(b"%q", &[Value::int(code)])
        .to_str()
        .into_owned()
}

impl Reader<'_> {
    pub(super) fn scalar(&mut self) -> Result<Value> {
        let start = self.at;
        match self.peek()? {
            Some('0'..='9') => self.number_or_time(),
            Some('"') => {
                self.next()?;
                if self.text[self.at..].starts_with(b"\"\"") {
                    self.at += 2;
                    return self.long_string(b'"');
                }
                self.basic_string().map(Value::from)
            }
            Some('\'') => {
                self.next()?;
                if self.text[self.at..].starts_with(b"''") {
                    self.at += 2;
                    return self.long_string(b'\'');
                }
                self.raw_string().map(Value::from)
            }
            Some('.') => {
                self.next()?;
                Err(self.problem("floats must start with a digit, not '.'"))
            }
            Some('+' | '-') => {
                self.next()?;
                self.signed(start)
            }
            Some(letter) if letter.is_alphabetic() => self.word(start),
            None => Err(self.problem("unexpected EOF; expected value")),
            Some('\n') => {
                self.next()?;
                Err(self.on_line_before("expected value but found '\\n' instead"))
            }
            found => {
                self.next()?;
                Err(self.problem(format!("expected value but found {} instead", quoted_rune(found))))
            }
        }
    }

    fn word(&mut self, start: usize) -> Result<Value> {
        for float in ["inf", "nan"] {
            if self.text[self.at..].starts_with(float.as_bytes()) {
                self.at += float.len();
                return self.float(start);
            }
        }
        while self.peek()?.is_some_and(char::is_alphabetic) {
            self.next()?;
        }
        match &self.text[start..self.at] {
            b"true" => Ok(Value::Bool(true)),
            b"false" => Ok(Value::Bool(false)),
            word => {
                let word = kluctl_gotemplate::quote(word);
                Err(self.problem(format!("expected value but found {word} instead")))
            }
        }
    }

    fn signed(&mut self, start: usize) -> Result<Value> {
        let rest = &self.text[self.at..];
        for float in ["inf", "nan"] {
            if rest.first() != float.as_bytes().first() {
                continue;
            }
            if rest.starts_with(float.as_bytes()) {
                self.at += float.len();
                return self.float(start);
            }
            self.next()?;
            if self.text.get(self.at) == float.as_bytes().get(1) {
                self.next()?;
            }
            let shown = self.taken(start);
            return Err(self.problem(format!("invalid float: '{shown}'")));
        }
        match self.next()? {
            Some('0') if matches!(self.peek()?, Some('b' | 'o' | 'x')) => {
                let base = self.peek()?.unwrap_or_default();
                let shown = self.taken(start);
                Err(self.problem(format!(
                    "cannot use sign with non-decimal numbers: '{shown}{base}'"
                )))
            }
            Some('.') => Err(self.problem("floats must start with a digit, not '.'")),
            Some('0'..='9') => self.decimal(start),
            found => Err(self.problem(format!("expected a digit but got {}", quoted_rune(found)))),
        }
    }

    fn taken(&self, start: usize) -> String {
        String::from_utf8_lossy(&self.text[start..self.at]).into_owned()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> Result<()> {
        while self.peek()?.is_some_and(&wanted) {
            self.next()?;
        }
        Ok(())
    }

    fn number_or_time(&mut self) -> Result<Value> {
        let start = self.at;
        let first = self.next()?;
        if first == Some('0') {
            let (kind, digits): (&str, fn(char) -> bool) = match self.peek()? {
                Some('b') => ("a binary", |c| matches!(c, '0' | '1')),
                Some('o') => ("an octal", |c| matches!(c, '0'..='7')),
                Some('x') => ("a hexadecimal", |c| c.is_ascii_hexdigit()),
                Some('0'..='9') => return self.rest_of_number_or_time(start),
                _ => return self.decimal(start),
            };
            self.next()?;
            let next = self.peek()?;
            if !next.is_some_and(digits) {
                let shown = self.taken(start);
                let next = next.unwrap_or('\0');
                return Err(self.problem(format!("not {kind} number: '{shown}{next}'")));
            }
            self.take_while(|c| digits(c) || c == '_')?;
            return self.integer(start);
        }
        self.rest_of_number_or_time(start)
    }

    fn rest_of_number_or_time(&mut self, start: usize) -> Result<Value> {
        self.take_while(|c| c.is_ascii_digit())?;
        if !matches!(self.peek()?, Some('-' | ':')) {
            return self.decimal(start);
        }
        self.take_while(|c| matches!(c, '0'..='9' | '-' | ':' | 'T' | 't' | ' ' | '.' | 'Z' | 'z' | '+'))?;
        let text = self.taken(start);
        self.time(text.trim())
    }

    fn decimal(&mut self, start: usize) -> Result<Value> {
        self.take_while(|c| c.is_ascii_digit() || c == '_')?;
        if matches!(self.peek()?, Some('.' | 'e' | 'E')) {
            self.take_while(|c| matches!(c, '0'..='9' | '_' | '.' | '-' | '+' | 'e' | 'E'))?;
            return self.float(start);
        }
        self.integer(start)
    }

    fn integer(&self, start: usize) -> Result<Value> {
        let text = self.taken(start);
        let shown = kluctl_gotemplate::quote(text.as_bytes());
        let bad = |reason: &str| Err(self.problem(format!("Invalid integer {shown}: {reason}")));
        if !underscores_fit(&text) {
            return bad("underscores must be surrounded by digits");
        }
        if has_leading_zero(&text) {
            return bad("cannot have leading zeroes");
        }
        let plain = text.replace('_', "");
        let number = match plain.get(..2) {
            Some("0b") => i64::from_str_radix(&plain[2..], 2),
            Some("0o") => i64::from_str_radix(&plain[2..], 8),
            Some("0x") => i64::from_str_radix(&plain[2..], 16),
            _ => plain.parse(),
        };
        number
            .map(Value::int64)
            .map_err(|_| self.problem(format!("{text} is out of range for int64")))
    }

    fn float(&self, start: usize) -> Result<Value> {
        let text = self.taken(start);
        let shown = kluctl_gotemplate::quote(text.as_bytes());
        let bad = |reason: &str| Err(self.problem(format!("Invalid float {shown}: {reason}")));
        let mut parts = text.split(['.', 'e', 'E']).filter(|part| !part.is_empty());
        if !parts.clone().all(underscores_fit) {
            return bad("underscores must be surrounded by digits");
        }
        if parts.next().is_some_and(has_leading_zero) {
            return bad("cannot have leading zeroes");
        }
        let mut after_dot = text.split('.').skip(1);
        if !after_dot.all(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            return bad("'.' must be followed by one or more digits");
        }
        let plain = text.replace('_', "");
        let number = match plain.as_str() {
            "nan" | "+nan" => f64::NAN,
            "-nan" => -f64::NAN,
            plain => match plain.parse::<f64>() {
                Ok(number) if number.is_finite() || plain.ends_with("inf") => number,
                Ok(_) => return Err(self.problem(format!("{text} is out of range for float64"))),
                Err(_) => return Err(self.problem(format!("Invalid float value: {shown}"))),
            },
        };
        Ok(Value::Float(number))
    }

    fn time(&self, text: &str) -> Result<Value> {
        const LAYOUTS: [(&str, Option<&str>); 7] = [
            ("2006-01-02T15:04:05.999999999Z07:00", None),
            ("2006-01-02T15:04:05.999999999", Some("datetime-local")),
            ("2006-01-02", Some("date-local")),
            ("15:04:05.999999999", Some("time-local")),
            ("2006-01-02T15:04Z07:00", None),
            ("2006-01-02T15:04", Some("datetime-local")),
            ("15:04", Some("time-local")),
        ];
        let text = text.replace('z', "Z").replace(['t', ' '], "T");
        let found = LAYOUTS.iter().find_map(|(layout, zone)| {
            let time = parse_time(layout.as_bytes(), text.as_bytes(), *zone)?;
            Some((time, layout))
        });
        match found {
            Some((time, layout)) if !lacks_zero(&text, layout) => Ok(time),
            _ => {
                let shown = kluctl_gotemplate::quote(text.as_bytes());
                Err(self.problem(format!("invalid datetime: {shown}")))
            }
        }
    }

    /// A text in single quotes, behind the first one.
    pub(super) fn raw_string(&mut self) -> Result<String> {
        let start = self.at;
        loop {
            match self.next()? {
                None => return Err(self.problem("unexpected EOF; expected \"'\"")),
                Some('\n' | '\r') => return Err(self.broken_string()),
                Some('\'') => return Ok(String::from_utf8_lossy(&self.text[start..self.at - 1]).into_owned()),
                Some(_) => {}
            }
        }
    }

    fn broken_string(&self) -> Problem {
        self.on_line_before("strings cannot contain newlines")
    }

    /// A text in double quotes, behind the first one.
    pub(super) fn basic_string(&mut self) -> Result<String> {
        let mut text = String::new();
        loop {
            match self.next()? {
                None => return Err(self.problem("unexpected EOF; expected '\"'")),
                Some('\n' | '\r') => return Err(self.broken_string()),
                Some('"') => return Ok(text),
                Some('\\') => self.escape(&mut text)?,
                Some(character) => text.push(character),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, text: &mut String) -> Result<()> {
        let start = self.at - 1;
        let (count, name) = match self.next()? {
            Some('b') => return push(text, '\x08'),
            Some('t') => return push(text, '\t'),
            Some('n') => return push(text, '\n'),
            Some('f') => return push(text, '\x0C'),
            Some('r') => return push(text, '\r'),
            Some('e') => return push(text, '\x1B'),
            Some('"') => return push(text, '"'),
            Some('\\') => return push(text, '\\'),
            Some(blank @ (' ' | '\t')) => {
                return Err(self.problem(format!("invalid escape: '\\{blank}'")));
            }
            Some('x') => (2, "two hexadecimal digits after '\\x'"),
            Some('u') => (4, "four hexadecimal digits after '\\u'"),
            Some('U') => (8, "eight hexadecimal digits after '\\U'"),
            found => {
                let shown = found.unwrap_or('\0');
                return Err(self.problem(format!("invalid escape in string '\\{shown}'")));
            }
        };
        let digits = self.at;
        for _ in 0..count {
            if !self.next()?.is_some_and(|c| c.is_ascii_hexdigit()) {
                // The library shows all of the text up to here.
                let open = self.text[..start]
                    .iter()
                    .rposition(|byte| *byte == b'"')
                    .map_or(0, |at| at + 1);
                let shown = kluctl_gotemplate::quote(&self.text[open..self.at]);
                return Err(self.problem(format!("expected {name}, but got {shown} instead")));
            }
        }
        let code = self.taken(digits);
        let character = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
        match character {
            Some(character) => push(text, character),
            None => Err(self.problem(format!("Escaped character '\\u{code}' is not valid UTF-8."))),
        }
    }

    /// A text in three quotes, behind them.
    fn long_string(&mut self, quote: u8) -> Result<Value> {
        let mut text = String::new();
        let end = [quote; 3];
        if self.text[self.at..].starts_with(b"\r\n") {
            self.next()?;
        }
        if self.text.get(self.at) == Some(&b'\n') {
            self.next()?;
        }
        loop {
            let rest = &self.text[self.at..];
            if rest.starts_with(&end) {
                let quotes = rest.iter().take_while(|byte| **byte == quote).count();
                if quotes > 5 {
                    let quotes = String::from_utf8_lossy(&[quote; 6]).into_owned();
                    let around = if quote == b'"' { '\'' } else { '"' };
                    return Err(self.problem(format!("unexpected {around}{quotes}{around}")));
                }
                text.extend(std::iter::repeat_n(char::from(quote), quotes - 3));
                self.at += quotes;
                return Ok(Value::String(Text::from(text.as_str())));
            }
            match self.next()? {
                None => {
                    let around = if quote == b'"' { '\'' } else { '"' };
                    let end = String::from_utf8_lossy(&end).into_owned();
                    return Err(self.problem(format!("unexpected EOF; expected {around}{end}{around}")));
                }
                Some('\\') if quote == b'"' => {
                    if !self.skip_broken_line()? {
                        self.escape(&mut text)?;
                    }
                }
                Some(character) => text.push(character),
            }
        }
    }

    /// Takes a line break that a backslash escapes, with the white space around it.
    fn skip_broken_line(&mut self) -> Result<bool> {
        let rest = &self.text[self.at..];
        let blank = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'\r' | b'\n');
        let count = rest.iter().take_while(blank).count();
        let found = rest[..count].contains(&b'\n');
        if found {
            let end = self.at + count;
            while self.at < end {
                self.next()?;
            }
        }
        Ok(found)
    }
}

fn push(text: &mut String, character: char) -> Result<()> {
    text.push(character);
    Ok(())
}

fn has_leading_zero(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes {
        [b'0', second, ..] => !matches!(second, b'b' | b'o' | b'x'),
        [b'-' | b'+', b'0', _, ..] => true,
        _ => false,
    }
}

/// Whether each underscore stands between digits.
fn underscores_fit(text: &str) -> bool {
    if text.ends_with("nan") || text.ends_with("inf") {
        return true;
    }
    let mut accepts = false;
    for character in text.chars() {
        if character == '_' && !accepts {
            return false;
        }
        accepts = character.is_ascii_hexdigit();
    }
    accepts
}

/// Go's reader of times takes one digit where two are asked for; then the separators are not in their places.
fn lacks_zero(text: &str, layout: &str) -> bool {
    for (i, byte) in layout.bytes().enumerate() {
        if matches!(byte, b'.' | b'Z') {
            return false;
        }
        if !byte.is_ascii_digit() && text.as_bytes().get(i) != Some(&byte) {
            return true;
        }
    }
    false
}
