//! S-expressions, which GnuPG's key files are made of.
//!
//! Source: libgcrypt's manual, "S-expressions"; GnuPG `agent/keyformat.txt`.

/// A list or a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    Text(Vec<u8>),
    List(Vec<Expression>),
}

/// Lists of key files are a few levels deep.
const DEPTH: usize = 32;

impl Expression {
    /// Reads the expression at the start of bytes; what stands behind it is not looked at.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut parser = Parser { bytes, at: 0 };
        parser.expression(DEPTH)
    }

    /// The key in a file, which holds an expression, or lines `Name: value` since GnuPG 2.3, one of which has it.
    pub(super) fn of_file(bytes: &[u8]) -> Option<Self> {
        if bytes.first() == Some(&b'(') {
            return Self::parse(bytes);
        }
        let mut key = Vec::new();
        let mut inside = false;
        for line in bytes.split(|byte| *byte == b'\n') {
            // A line that begins with a space continues the one before at its second character.
            if let Some(rest) = line.strip_prefix(b" ").or_else(|| line.strip_prefix(b"\t")) {
                key.extend_from_slice(if inside { rest } else { b"" });
            } else {
                inside = line
                    .get(..4)
                    .is_some_and(|name| name.eq_ignore_ascii_case(b"key:"));
                key.extend_from_slice(if inside { &line[4..] } else { b"" });
            }
        }
        Self::parse(&key)
    }

    pub(super) fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            Self::Text(_) => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) => None,
        }
    }

    /// The first text of a list, which says what it is.
    pub(super) fn name(&self) -> &[u8] {
        self.list().first().and_then(Self::text).unwrap_or_default()
    }

    /// The list of that name in this one.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        self.list().iter().find(|item| item.name() == name.as_bytes())
    }

    /// The text behind a name in this list.
    pub(super) fn value(&self, name: &str) -> Option<&[u8]> {
        self.find(name)?.list().get(1)?.text()
    }

    /// The form that checksums are made of.
    pub(super) fn canonical(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => [text.len().to_string().as_bytes(), b":", text].concat(),
            Self::List(list) => {
                let inner = list.iter().flat_map(Self::canonical);
                std::iter::once(b'(').chain(inner).chain([b')']).collect()
            }
        }
    }
}

struct Parser<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Up to a byte, which is taken, too.
    fn until(&mut self, end: u8) -> Option<&[u8]> {
        let from = self.at;
        let length = self.bytes.get(from..)?.iter().position(|byte| *byte == end)?;
        self.at = from + length + 1;
        Some(&self.bytes[from..from + length])
    }

    fn expression(&mut self, depth: usize) -> Option<Expression> {
        self.skip_space();
        match self.peek()? {
            b'(' if depth > 0 => {
                self.at += 1;
                let mut list = Vec::new();
                loop {
                    self.skip_space();
                    if self.peek()? == b')' {
                        self.at += 1;
                        return Some(Expression::List(list));
                    }
                    list.push(self.expression(depth - 1)?);
                }
            }
            b'#' => {
                self.at += 1;
                let digits = self.until(b'#')?;
                let digits: Vec<u8> = digits
                    .iter()
                    .copied()
                    .filter(|byte| !byte.is_ascii_whitespace())
                    .collect();
                hex(&digits).map(Expression::Text)
            }
            b'"' => {
                self.at += 1;
                self.quoted()
            }
            byte if byte.is_ascii_digit() => self.counted(),
            _ => self.token(),
        }
    }

    /// A string of any bytes, some of which are escaped as in C.
    fn quoted(&mut self) -> Option<Expression> {
        let mut text = Vec::new();
        loop {
            let byte = self.next()?;
            text.push(match byte {
                b'"' => return Some(Expression::Text(text)),
                b'\\' => match self.next()? {
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    b'x' => hex(&[self.next()?, self.next()?])?[0],
                    high @ b'0'..=b'3' => {
                        let octal = |byte: u8| char::from(byte).to_digit(8).map(|digit| digit as u8);
                        octal(high)? << 6 | octal(self.next()?)? << 3 | octal(self.next()?)?
                    }
                    other => other,
                },
                other => other,
            });
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn counted(&mut self) -> Option<Expression> {
        let from = self.at;
        while self.peek()?.is_ascii_digit() {
            self.at += 1;
        }
        if self.peek() != Some(b':') {
            self.at = from;
            return self.token();
        }
        let count: usize = std::str::from_utf8(&self.bytes[from..self.at])
            .ok()?
            .parse()
            .ok()?;
        let start = self.at + 1;
        let text = self.bytes.get(start..start.checked_add(count)?)?;
        self.at = start + count;
        Some(Expression::Text(text.to_vec()))
    }

    fn token(&mut self) -> Option<Expression> {
        let from = self.at;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-./_:*+=".contains(&byte))
        {
            self.at += 1;
        }
        (self.at > from).then(|| Expression::Text(self.bytes[from..self.at].to_vec()))
    }
}

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(value(*high)? << 4 | value(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Expression;

    #[test]
    fn both_forms_are_read() {
        let canonical = b"(11:private-key(3:rsa(1:n3:\x00a))(1:e1:\x03))) and more";
        let advanced =
            b"Created: 20240101T000000\nKey: (private-key (rsa\n  (n #0061\n 29#)(e #03#)))\nLabel: x\n y\n";
        let key = Expression::parse(canonical).unwrap();
        assert_eq!(Expression::of_file(advanced).as_ref(), Some(&key));
        assert_eq!(Expression::of_file(canonical).as_ref(), Some(&key));
        let rsa = key.find("rsa").unwrap();
        assert_eq!(rsa.value("n"), Some(&b"\x00a)"[..]));
        assert_eq!(rsa.value("d"), None);
        assert_eq!(key.canonical(), canonical[..canonical.len() - 9]);
        let quoted = Expression::parse(b"(protected-at \"20240101T000000\" 96)").unwrap();
        assert_eq!(quoted.canonical(), b"(12:protected-at15:20240101T0000002:96)");
        let escaped = Expression::parse(b"(sha1 \"\\v\xad\\t\\x41\\102\\\"\")").unwrap();
        assert_eq!(escaped.canonical(), b"(4:sha16:\x0b\xad\tAB\")");
    }

    #[test]
    fn broken_ones_are_refused() {
        let deep = "(".repeat(1000);
        for wrong in [
            "",
            "(",
            "(1:",
            "(9:a)",
            "(#0#)",
            "(\"a)",
            "(99999999999999999999:a)",
            "(18446744073709551615:a)",
            &deep,
        ] {
            assert_eq!(Expression::parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(Expression::of_file(b"Created: 1\n"), None);
        assert_eq!(Expression::of_file(b"\xff\xfe"), None);
    }
}
