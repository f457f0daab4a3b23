//! Text to tokens.

/// A token and where it starts.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Name(String),
    /// A name in backticks, which need not be an identifier.
    Quoted(String),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", ".?", "[?", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ",",
    ".", "(", ")", "[", "]", "{",
];

/// Reads all tokens, or tells what is wrong and where.
pub(super) fn read(source: &str) -> Result<Vec<Token>, (usize, String)> {
    let mut tokens = Vec::new();
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let c = bytes[at];
        if c.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if source[at..].starts_with("//") {
            at += source[at..].find('\n').unwrap_or(source.len() - at);
            continue;
        }
        let start = at;
        let kind = if c.is_ascii_digit() || (c == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)) {
            number(source, &mut at)?
        } else if let Some(kind) = text(source, &mut at)? {
            kind
        } else if c == b'`' {
            let end = source[at + 1..]
                .find('`')
                .ok_or((at, "Syntax error: token recognition error".to_owned()))?;
            let name = source[at + 1..at + 1 + end].to_owned();
            at += end + 2;
            Kind::Quoted(name)
        } else if c.is_ascii_alphabetic() || c == b'_' {
            while bytes
                .get(at)
                .is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_')
            {
                at += 1;
            }
            Kind::Name(source[start..at].to_owned())
        } else if c == b'}' {
            at += 1;
            Kind::Sign("}")
        } else if let Some(sign) = SIGNS.iter().find(|sign| source[at..].starts_with(**sign)) {
            at += sign.len();
            Kind::Sign(sign)
        } else {
            let found = source[at..].chars().next().unwrap_or(' ');
            return Err((at, format!("Syntax error: token recognition error at: '{found}'")));
        };
        tokens.push(Token { kind, at: start });
    }
    tokens.push(Token {
        kind: Kind::End,
        at: source.len(),
    });
    Ok(tokens)
}

fn number(source: &str, at: &mut usize) -> Result<Kind, (usize, String)> {
    let bytes = source.as_bytes();
    let start = *at;
    let digits = |at: &mut usize| {
        while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
            *at += 1;
        }
    };
    let wrong = || (start, "Syntax error: invalid number".to_owned());
    if source[start..].starts_with("0x") || source[start..].starts_with("0X") {
        *at += 2;
        let from = *at;
        while bytes.get(*at).is_some_and(u8::is_ascii_hexdigit) {
            *at += 1;
        }
        let number = u64::from_str_radix(&source[from..*at], 16).map_err(|_| wrong())?;
        if matches!(bytes.get(*at), Some(b'u' | b'U')) {
            *at += 1;
            return Ok(Kind::Uint(number));
        }
        return i64::try_from(number).map(Kind::Int).map_err(|_| wrong());
    }
    digits(at);
    let mut is_double = false;
    if bytes.get(*at) == Some(&b'.') && bytes.get(*at + 1).is_some_and(u8::is_ascii_digit) {
        is_double = true;
        *at += 1;
        digits(at);
    }
    if matches!(bytes.get(*at), Some(b'e' | b'E')) {
        is_double = true;
        *at += 1;
        if matches!(bytes.get(*at), Some(b'+' | b'-')) {
            *at += 1;
        }
        digits(at);
    }
    let text = &source[start..*at];
    if is_double {
        return text.parse().map(Kind::Double).map_err(|_| wrong());
    }
    if matches!(bytes.get(*at), Some(b'u' | b'U')) {
        *at += 1;
        return text.parse().map(Kind::Uint).map_err(|_| wrong());
    }
    // The smallest number is written as the negative of one that does not fit.
    match text.parse::<u64>() {
        Ok(number) => Ok(Kind::Int(number as i64)),
        Err(_) => Err(wrong()),
    }
}

/// A text or bytes, with their prefixes; nothing when something else stands there.
fn text(source: &str, at: &mut usize) -> Result<Option<Kind>, (usize, String)> {
    let start = *at;
    let bytes = source.as_bytes();
    let mut end = start;
    let (mut raw, mut binary) = (false, false);
    while let Some(c) = bytes.get(end) {
        match c {
            b'r' | b'R' if !raw => raw = true,
            b'b' | b'B' if !binary => binary = true,
            _ => break,
        }
        end += 1;
    }
    let Some(quote @ (b'"' | b'\'')) = bytes.get(end) else {
        return Ok(None);
    };
    let one = (*quote as char).to_string();
    let three = one.repeat(3);
    let delimiter = if source[end..].starts_with(&three) {
        three
    } else {
        one
    };
    let mut inside = end + delimiter.len();
    let mut out = Vec::new();
    loop {
        let rest = &source[inside..];
        if rest.starts_with(&delimiter) {
            *at = inside + delimiter.len();
            break;
        }
        let Some(c) = rest.chars().next() else {
            return Err((start, "Syntax error: token recognition error".to_owned()));
        };
        if c == '\\' && !raw {
            inside +=
                escape(rest, binary, &mut out).ok_or((inside, "Syntax error: invalid escape".to_owned()))?;
        } else {
            out.extend_from_slice(&rest.as_bytes()[..c.len_utf8()]);
            inside += c.len_utf8();
        }
    }
    if binary {
        return Ok(Some(Kind::Bytes(out)));
    }
    let text = String::from_utf8(out).map_err(|_| (start, "Syntax error: invalid text".to_owned()))?;
    Ok(Some(Kind::Text(text)))
}

/// Reads an escape; gives its length.
fn escape(rest: &str, binary: bool, out: &mut Vec<u8>) -> Option<usize> {
    let c = rest.chars().nth(1)?;
    let plain = match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '\'' | '"' | '`' | '?' => c,
        'x' | 'X' | 'u' | 'U' => {
            let length = match c {
                'u' => 4,
                'U' => 8,
                _ => 2,
            };
            let code = u32::from_str_radix(rest.get(2..2 + length)?, 16).ok()?;
            if binary {
                out.push(code as u8);
            } else {
                out.extend(char::from_u32(code)?.to_string().into_bytes());
            }
            return Some(2 + length);
        }
        '0'..='3' => {
            let code = u32::from_str_radix(rest.get(1..4)?, 8).ok()?;
            if binary {
                out.push(code as u8);
            } else {
                out.extend(char::from_u32(code)?.to_string().into_bytes());
            }
            return Some(4);
        }
        _ => return None,
    };
    out.extend(plain.to_string().into_bytes());
    Some(2)
}
