//! Label and field selectors, as apimachinery reads them.
//!
//! Source: apimachinery `pkg/labels/selector.go`, `pkg/fields/selector.go`.

use crate::names;
use crate::status::go_quote;

/// A conjunction of requirements on labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(&'static str),
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Sign(sign) => sign,
            Self::End => "",
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    const SIGNS: [&str; 10] = ["==", "!=", "=", "!", ",", "(", ")", "<", ">", "\0"];
    let mut list = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            list.push(Token::Sign(sign));
            rest = rest[sign.len()..].trim_start();
        } else {
            let end = rest
                .find(|c: char| c.is_ascii_whitespace() || "=!,()<>".contains(c))
                .unwrap_or(rest.len());
            list.push(Token::Word(rest[..end].to_owned()));
            rest = rest[end..].trim_start();
        }
    }
    list.push(Token::End);
    list
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut negated = false;
        if self.peek() == &Token::Sign("!") {
            negated = true;
            self.next();
        }
        let key = match self.next() {
            Token::Word(word) => word,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        check_key(&key)?;
        if matches!(self.peek(), Token::End | Token::Sign(",")) {
            return Ok(Requirement {
                key,
                operator: if negated {
                    Operator::DoesNotExist
                } else {
                    Operator::Exists
                },
                values: Vec::new(),
            });
        }
        if negated {
            return Err(format!(
                "'{}' is not a valid operator after !",
                self.peek().text()
            ));
        }
        let operator = match self.next() {
            Token::Sign("=" | "==") => Operator::In,
            Token::Sign("!=") => Operator::NotIn,
            Token::Sign(">") => Operator::GreaterThan,
            Token::Sign("<") => Operator::LessThan,
            Token::Word(word) if word == "in" => return self.set(key, Operator::In),
            Token::Word(word) if word == "notin" => return self.set(key, Operator::NotIn),
            other => {
                return Err(format!(
                    "found '{}', expected: in, notin, =, ==, !=, gt, lt",
                    other.text()
                ));
            }
        };
        let value = match self.peek().clone() {
            Token::Word(word) => {
                self.next();
                word
            }
            _ => String::new(),
        };
        if matches!(operator, Operator::GreaterThan | Operator::LessThan) && value.parse::<i64>().is_err() {
            return Err(format!(
                "values[0][{key}]: Invalid value: {}: for 'Gt', 'Lt' operators, the value must be an integer",
                go_quote(&value)
            ));
        }
        check_value(&key, &value)?;
        Ok(Requirement {
            key,
            operator,
            values: vec![value],
        })
    }

    fn set(&mut self, key: String, operator: Operator) -> Result<Requirement, String> {
        let open = self.next();
        if open != Token::Sign("(") {
            return Err(format!("found '{}' expected: '('", open.text()));
        }
        let mut values = Vec::new();
        let mut expects_value = true;
        loop {
            match self.next() {
                Token::Word(word) => {
                    check_value(&key, &word)?;
                    values.push(word);
                    expects_value = false;
                }
                Token::Sign(",") => {
                    if expects_value {
                        values.push(String::new());
                    }
                    expects_value = true;
                }
                Token::Sign(")") => {
                    if expects_value {
                        values.push(String::new());
                    }
                    return Ok(Requirement {
                        key,
                        operator,
                        values,
                    });
                }
                other => {
                    return Err(format!(
                        "found '{}', expected: ',', ')' or identifier",
                        other.text()
                    ));
                }
            }
        }
    }
}

fn check_key(key: &str) -> Result<(), String> {
    match names::qualified_name(key).as_slice() {
        [] => Ok(()),
        errors => Err(format!(
            "key: Invalid value: {}: {}",
            go_quote(key),
            errors.join("; ")
        )),
    }
}

fn check_value(key: &str, value: &str) -> Result<(), String> {
    match names::label_value(value).as_slice() {
        [] => Ok(()),
        errors => Err(format!(
            "values[0][{key}]: Invalid value: {}: {}",
            go_quote(value),
            errors.join("; ")
        )),
    }
}

impl LabelSelector {
    /// Reads the text of a `labelSelector` parameter.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser {
            tokens: tokens(text),
            at: 0,
        };
        let mut requirements = Vec::new();
        if parser.peek() == &Token::End {
            return Ok(Self::default());
        }
        loop {
            requirements.push(
                parser
                    .requirement()
                    .map_err(|why| format!("unable to parse requirement: {why}"))?,
            );
            match parser.next() {
                Token::End => break,
                Token::Sign(",") => {
                    if !matches!(parser.peek(), Token::Word(_) | Token::Sign("!")) {
                        return Err(format!(
                            "found '{}', expected: identifier after ','",
                            parser.peek().text()
                        ));
                    }
                }
                other => {
                    return Err(format!(
                        "found '{}', expected: ',' or 'end of string'",
                        other.text()
                    ));
                }
            }
        }
        Ok(Self(requirements))
    }

    /// Reads a `LabelSelector` object (`matchLabels`, `matchExpressions`).
    pub(crate) fn of_object(value: &serde_json::Value) -> Self {
        let mut requirements = Vec::new();
        let labels = value.get("matchLabels").and_then(serde_json::Value::as_object);
        for (key, value) in labels.into_iter().flatten() {
            requirements.push(Requirement {
                key: key.clone(),
                operator: Operator::In,
                values: vec![value.as_str().unwrap_or_default().to_owned()],
            });
        }
        let expressions = value
            .get("matchExpressions")
            .and_then(serde_json::Value::as_array);
        for expression in expressions.into_iter().flatten() {
            let text = |key: &str| {
                expression
                    .get(key)
                    .and_then(serde_json::Value::as_str)
                    .unwrap_or_default()
            };
            let values = expression.get("values").and_then(serde_json::Value::as_array);
            requirements.push(Requirement {
                key: text("key").to_owned(),
                operator: match text("operator") {
                    "In" => Operator::In,
                    "NotIn" => Operator::NotIn,
                    "DoesNotExist" => Operator::DoesNotExist,
                    _ => Operator::Exists,
                },
                values: values
                    .into_iter()
                    .flatten()
                    .filter_map(|value| Some(value.as_str()?.to_owned()))
                    .collect(),
            });
        }
        Self(requirements)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether an object with these labels is selected.
    pub(crate) fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|requirement| {
            let value = label(&requirement.key);
            let within = |value: &str| requirement.values.iter().any(|known| known == value);
            let number = |value: &str| value.parse::<i64>().ok();
            let bound = || requirement.values.first().and_then(|value| number(value));
            match requirement.operator {
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
                Operator::In => value.is_some_and(within),
                Operator::NotIn => !value.is_some_and(within),
                Operator::GreaterThan => value.and_then(number) > bound() && value.and_then(number).is_some(),
                Operator::LessThan => value.and_then(number).is_some_and(|value| Some(value) < bound()),
            }
        })
    }

    /// Tells whether a stored object is selected.
    pub(crate) fn matches_list(&self, labels: &[(Box<str>, Box<str>)]) -> bool {
        self.matches(|key| {
            labels
                .iter()
                .find(|(known, _)| &**known == key)
                .map(|(_, value)| &**value)
        })
    }
}

/// A conjunction of comparisons of fields with values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSelector(pub(crate) Vec<FieldTerm>);

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldTerm {
    pub(crate) field: String,
    pub(crate) equal: bool,
    pub(crate) value: String,
}

impl FieldSelector {
    /// Reads the text of a `fieldSelector` parameter.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for part in split_terms(text) {
            if part.is_empty() {
                continue;
            }
            let found = part.char_indices().find_map(|(at, _)| {
                ["!=", "==", "="]
                    .into_iter()
                    .find(|sign| part[at..].starts_with(sign))
                    .map(|sign| (at, sign))
            });
            let Some((at, sign)) = found else {
                return Err(format!("invalid selector: '{text}'; can't understand '{part}'"));
            };
            terms.push(FieldTerm {
                field: part[..at].to_owned(),
                equal: sign != "!=",
                value: unescape(&part[at + sign.len()..]),
            });
        }
        Ok(Self(terms))
    }

    /// Tells whether an object is selected, given its fields.
    pub(crate) fn matches(&self, field: impl Fn(&str) -> String) -> bool {
        self.0
            .iter()
            .all(|term| (field(&term.field) == term.value) == term.equal)
    }
}

fn split_terms(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == ',' && !escaped {
            parts.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
        LabelSelector::parse(selector).unwrap().matches(|key| {
            labels
                .iter()
                .find(|(known, _)| *known == key)
                .map(|(_, value)| *value)
        })
    }

    #[test]
    fn requirements_are_joined() {
        let labels = [("app", "web"), ("tier", "front"), ("n", "5")];
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier!=back", true),
            ("app in (a, web),!other", true),
            ("app notin (a,web)", false),
            ("missing notin (a)", true),
            ("other", false),
            ("n>4,n<6", true),
            ("missing=", false),
        ] {
            assert_eq!(selects(selector, &labels), expected, "{selector}");
        }
    }

    #[test]
    fn errors_are_worded_as_upstream() {
        for (selector, message) in [
            ("a in b", "unable to parse requirement: found 'b' expected: '('"),
            ("a,", "found '', expected: identifier after ','"),
        ] {
            assert_eq!(LabelSelector::parse(selector).unwrap_err(), message);
        }
    }

    #[test]
    fn fields_compare_as_text() {
        let selector = FieldSelector::parse("metadata.name=a,status.phase!=Running").unwrap();
        assert!(selector.matches(|field| if field == "metadata.name" { "a" } else { "Pending" }.to_owned()));
        assert!(FieldSelector::parse("abc").is_err());
    }
}
