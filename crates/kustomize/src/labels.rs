//! Label selectors: `app=web,tier in (a,b),!old`.
//!
//! Source: kubernetes `apimachinery/pkg/labels/selector.go` as copied into kustomize `kyaml/yaml/internal/k8sgen`.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Result, fail};

/// A parsed selector: all requirements must hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LabelSelector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Not,
    Equals,
    NotEquals,
    Greater,
    Less,
    In,
    NotIn,
    Word,
    End,
}

impl LabelSelector {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            next: 0,
        };
        let mut requirements = Vec::new();
        loop {
            let (token, text) = parser.peek();
            match token {
                Token::Word | Token::Not | Token::In | Token::NotIn => {
                    let requirement = parser
                        .requirement()
                        .map_err(|error| error.within("unable to parse requirement"))?;
                    requirements.push(requirement);
                    match parser.take() {
                        (Token::End, _) => break,
                        (Token::Comma, _) => {
                            let (token, text) = parser.peek();
                            if !matches!(token, Token::Word | Token::Not | Token::In | Token::NotIn) {
                                return Err(fail!("found '{text}', expected: identifier after ','"));
                            }
                        }
                        (_, text) => return Err(fail!("found '{text}', expected: ',' or 'end of string'")),
                    }
                }
                Token::End => break,
                _ => {
                    return Err(fail!(
                        "found '{text}', expected: !, identifier, or 'end of string'"
                    ));
                }
            }
        }
        Ok(Self(requirements))
    }

    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            match requirement.operator {
                Operator::In => value.is_some_and(|value| requirement.values.contains(value)),
                Operator::NotIn => value.is_none_or(|value| !requirement.values.contains(value)),
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
                Operator::GreaterThan | Operator::LessThan => {
                    let number = value.and_then(|value| value.parse::<i64>().ok());
                    let bound = requirement
                        .values
                        .first()
                        .and_then(|value| value.parse::<i64>().ok());
                    match (number, bound) {
                        (Some(number), Some(bound)) if requirement.operator == Operator::GreaterThan => {
                            number > bound
                        }
                        (Some(number), Some(bound)) => number < bound,
                        _ => false,
                    }
                }
            }
        })
    }
}

fn tokens(text: &str) -> Result<Vec<(Token, String)>> {
    let special = |byte: u8| matches!(byte, b'=' | b'!' | b'(' | b')' | b',' | b'>' | b'<');
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if special(byte) {
            let (token, length) = match (byte, bytes.get(at + 1)) {
                (b'=', Some(b'=')) => (Token::Equals, 2),
                (b'!', Some(b'=')) => (Token::NotEquals, 2),
                (b'=', _) => (Token::Equals, 1),
                (b'!', _) => (Token::Not, 1),
                (b'(', _) => (Token::Open, 1),
                (b')', _) => (Token::Close, 1),
                (b',', _) => (Token::Comma, 1),
                (b'>', _) => (Token::Greater, 1),
                _ => (Token::Less, 1),
            };
            tokens.push((token, text[at..at + length].to_owned()));
            at += length;
            continue;
        }
        let end = bytes[at..]
            .iter()
            .position(|&byte| special(byte) || byte.is_ascii_whitespace())
            .map_or(bytes.len(), |length| at + length);
        let word = &text[at..end];
        let token = match word {
            "in" => Token::In,
            "notin" => Token::NotIn,
            _ => Token::Word,
        };
        tokens.push((token, word.to_owned()));
        at = end;
    }
    tokens.push((Token::End, String::new()));
    Ok(tokens)
}

struct Parser {
    tokens: Vec<(Token, String)>,
    next: usize,
}

impl Parser {
    fn peek(&self) -> (Token, &str) {
        self.tokens
            .get(self.next)
            .map_or((Token::End, ""), |(token, text)| (*token, text.as_str()))
    }

    fn take(&mut self) -> (Token, String) {
        let (token, text) = self.peek();
        let taken = (token, text.to_owned());
        self.next += 1;
        taken
    }

    fn is_word(token: Token) -> bool {
        matches!(token, Token::Word | Token::In | Token::NotIn)
    }

    fn requirement(&mut self) -> Result<Requirement> {
        let (mut token, mut key) = self.take();
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.take();
        }
        if !Self::is_word(token) {
            return Err(fail!("found '{key}', expected: identifier"));
        }
        check_key(&key)?;
        if negated || matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(Requirement {
                key,
                operator: if negated {
                    Operator::DoesNotExist
                } else {
                    Operator::Exists
                },
                values: BTreeSet::new(),
            });
        }
        let (token, text) = self.take();
        let (operator, values) = match token {
            Token::In => (Operator::In, self.values()?),
            Token::NotIn => (Operator::NotIn, self.values()?),
            Token::Equals => (Operator::In, self.exact_value()?),
            Token::NotEquals => (Operator::NotIn, self.exact_value()?),
            Token::Greater => (Operator::GreaterThan, self.exact_value()?),
            Token::Less => (Operator::LessThan, self.exact_value()?),
            _ => return Err(fail!("found '{text}', expected: '=', '!=', '==', 'in', notin'")),
        };
        if matches!(operator, Operator::GreaterThan | Operator::LessThan)
            && values.iter().any(|value| value.parse::<i64>().is_err())
        {
            return Err(fail!("for 'Gt', 'Lt' operators, the value must be an integer"));
        }
        values.iter().try_for_each(|value| check_value(&key, value))?;
        Ok(Requirement {
            key,
            operator,
            values,
        })
    }

    fn exact_value(&mut self) -> Result<BTreeSet<String>> {
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(BTreeSet::from([String::new()]));
        }
        match self.take() {
            (token, text) if Self::is_word(token) => Ok(BTreeSet::from([text])),
            (_, text) => Err(fail!("found '{text}', expected: identifier")),
        }
    }

    fn values(&mut self) -> Result<BTreeSet<String>> {
        let (token, text) = self.take();
        if token != Token::Open {
            return Err(fail!("found '{text}' expected: '('"));
        }
        let mut values = BTreeSet::new();
        let mut after_comma = true;
        loop {
            match self.take() {
                (Token::Close, _) => {
                    if after_comma {
                        values.insert(String::new());
                    }
                    return Ok(values);
                }
                (Token::Comma, _) => {
                    if after_comma {
                        values.insert(String::new());
                    }
                    after_comma = true;
                }
                (token, text) if Self::is_word(token) && after_comma => {
                    values.insert(text);
                    after_comma = false;
                }
                (_, text) => return Err(fail!("found '{text}', expected: ',', or identifier")),
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn check_key(key: &str) -> Result<()> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let prefix_fits = prefix.is_none_or(|prefix| {
        !prefix.is_empty()
            && prefix.len() <= 253
            && prefix.split('.').all(|part| {
                let edge = |byte: Option<&u8>| {
                    byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                };
                edge(part.as_bytes().first())
                    && edge(part.as_bytes().last())
                    && part
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            })
    });
    if prefix_fits && is_name(name) {
        Ok(())
    } else {
        Err(fail!(
            "invalid label key {key:?}: it must be a name, or a domain, a slash and a name"
        ))
    }
}

fn check_value(key: &str, value: &str) -> Result<()> {
    if value.is_empty() || is_name(value) {
        Ok(())
    } else {
        Err(fail!(
            "invalid label value: {value:?}: at key: {key:?}: it must consist of alphanumeric characters, '-', '_' or '.'"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_by_labels() {
        let labels = BTreeMap::from([
            ("app".to_owned(), "web".to_owned()),
            ("n".to_owned(), "5".to_owned()),
        ]);
        for (selector, expected) in [
            ("", true),
            ("app", true),
            ("!app", false),
            ("app=web", true),
            ("app == web, n!=4", true),
            ("app in (web, api)", true),
            ("app notin (web)", false),
            ("x notin (web)", true),
            ("n>4,n<6", true),
            ("n>5", false),
            ("app in ()", false),
        ] {
            assert_eq!(
                LabelSelector::parse(selector).unwrap().matches(&labels),
                expected,
                "{selector}"
            );
        }
        for selector in ["app=", "a=b,", "in in (x)"] {
            let parsed = LabelSelector::parse(selector);
            assert_eq!(parsed.is_err(), selector == "a=b,", "{selector}");
        }
        for selector in ["=a", "app in web", "a>b", "-a", "a b", "a=b c", "x=$y"] {
            assert!(LabelSelector::parse(selector).is_err(), "{selector}");
        }
    }
}
