//! Reads JSON paths.
//!
//! Source: jsonpath-ng `lexer.py`, `parser.py`, `ext/parser.py`: its tokens, the precedence of its operators, its words.

use std::sync::Arc;

use regex::Regex;

use super::jsonpath::{Condition, Literal, Operand, Operator, Path};
use crate::ast::{Binary, Compare};
use crate::error::{Error, ErrorKind, Result};

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Id(Arc<str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    Named(Arc<str>),
    Sort(bool),
    Op(&'static str),
    DoubleDot,
    Where,
    WhereNot,
    Sign(char),
}

impl Token {
    fn describe(&self) -> (String, String) {
        match self {
            Self::Id(text) => (text.to_string(), "ID".to_owned()),
            Self::Int(value) => (value.to_string(), "NUMBER".to_owned()),
            Self::Float(value) => (crate::value::number::float_repr(*value), "FLOAT".to_owned()),
            Self::Bool(value) => (
                if *value { "True" } else { "False" }.to_owned(),
                "BOOL".to_owned(),
            ),
            Self::Named(text) => (text.to_string(), "NAMED_OPERATOR".to_owned()),
            Self::Sort(reverse) => (
                if *reverse { "\\" } else { "/" }.to_owned(),
                "SORT_DIRECTION".to_owned(),
            ),
            Self::Op(text) => ((*text).to_owned(), "FILTER_OP".to_owned()),
            Self::DoubleDot => ("..".to_owned(), "DOUBLEDOT".to_owned()),
            Self::Where => ("where".to_owned(), "WHERE".to_owned()),
            Self::WhereNot => ("wherenot".to_owned(), "WHERENOT".to_owned()),
            Self::Sign(c) => (c.to_string(), c.to_string()),
        }
    }
}

fn lexer_error(message: String) -> Error {
    Error::new(ErrorKind::EXCEPTION, message)
}

fn tokenize(text: &str) -> Result<Vec<(Token, usize)>> {
    let mut tokens = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        if matches!(c, ' ' | '\t' | '\n') && sort_ahead(&chars, at).is_none() {
            at += 1;
            continue;
        }
        let start = at;
        let token = token_at(&chars, &mut at)?;
        tokens.push((token, start));
    }
    Ok(tokens)
}

/// `,?\s*(/|\\)`: end and direction.
fn sort_ahead(chars: &[char], start: usize) -> Option<(usize, bool)> {
    let mut at = start;
    if chars.get(at) == Some(&',') {
        at += 1;
    }
    while chars.get(at).is_some_and(|c| crate::lexer::is_space(*c)) {
        at += 1;
    }
    match chars.get(at) {
        Some('/') => Some((at + 1, false)),
        Some('\\') => Some((at + 1, true)),
        _ => None,
    }
}

fn token_at(chars: &[char], at: &mut usize) -> Result<Token> {
    let rest: String = chars[*at..].iter().take(5).collect();
    for (word, value) in [("true", true), ("false", false)] {
        if rest.starts_with(word) {
            *at += word.len();
            return Ok(Token::Bool(value));
        }
    }
    if let Some((end, reverse)) = sort_ahead(chars, *at) {
        *at = end;
        return Ok(Token::Sort(reverse));
    }
    let c = chars[*at];
    let starts_id = |c: Option<&char>| c.is_some_and(|c| c.is_ascii_alphabetic() || *c == '_');
    if starts_id(chars.get(*at)) || (c == '@' && starts_id(chars.get(*at + 1))) {
        let start = *at;
        *at += 1;
        while chars
            .get(*at)
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '-'))
        {
            *at += 1;
        }
        let word: String = chars[start..*at].iter().collect();
        return Ok(match word.as_str() {
            "where" => Token::Where,
            "wherenot" => Token::WhereNot,
            _ => Token::Id(word.into()),
        });
    }
    if c.is_ascii_digit() || (c == '-' && chars.get(*at + 1).is_some_and(char::is_ascii_digit)) {
        return Ok(number(chars, at));
    }
    if matches!(c, '\'' | '"' | '`') {
        return quoted(chars, at, c);
    }
    for op in ["=~", "==", "<=", ">=", "!=", "=", "<", ">"] {
        if rest.starts_with(op) {
            *at += op.len();
            return Ok(Token::Op(op));
        }
    }
    if rest.starts_with("..") {
        *at += 2;
        return Ok(Token::DoubleDot);
    }
    if "*.[]()$,:|&~?@+-".contains(c) {
        *at += 1;
        return Ok(Token::Sign(c));
    }
    Err(lexer_error(format!(
        "Error on line 1, col {at}: Unexpected character: {c} "
    )))
}

fn number(chars: &[char], at: &mut usize) -> Token {
    let start = *at;
    *at += 1;
    let digits = |at: &mut usize| {
        while chars.get(*at).is_some_and(char::is_ascii_digit) {
            *at += 1;
        }
    };
    digits(at);
    let float = chars.get(*at) == Some(&'.') && chars.get(*at + 1).is_some_and(char::is_ascii_digit);
    if float {
        *at += 1;
        digits(at);
    }
    let text: String = chars[start..*at].iter().collect();
    if float {
        Token::Float(text.parse().unwrap_or(f64::NAN))
    } else {
        Token::Int(text.parse().unwrap_or(i64::MAX))
    }
}

fn quoted(chars: &[char], at: &mut usize, quote: char) -> Result<Token> {
    let mut text = String::new();
    *at += 1;
    loop {
        match chars.get(*at) {
            None => {
                return Err(lexer_error(
                    "Unexpected EOF in string literal or identifier".to_owned(),
                ));
            }
            Some('\\') => {
                text.extend(chars.get(*at + 1));
                *at += 2;
            }
            Some(c) if *c == quote => {
                *at += 1;
                break;
            }
            Some(c) => {
                text.push(*c);
                *at += 1;
            }
        }
    }
    Ok(if quote == '`' {
        Token::Named(text.into())
    } else {
        Token::Id(text.into())
    })
}

struct Reader {
    tokens: Vec<(Token, usize)>,
    at: usize,
    in_filter: bool,
    depth: usize,
}

/// Reads a path; the message names the path as upstream does.
pub(crate) fn parse(text: &str) -> Result<Path> {
    let mut reader = Reader {
        tokens: tokenize(text)?,
        at: 0,
        in_filter: false,
        depth: 0,
    };
    let result = reader.path(0).and_then(|path| match reader.peek() {
        None => Ok(path),
        Some(_) => Err(reader.unexpected()),
    });
    result.map_err(|message| {
        Error::new(
            ErrorKind::EXCEPTION,
            format!("Invalid json path '{text}'. Error={message}"),
        )
    })
}

type Parsed<T> = Result<T, String>;

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn skip(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: char) -> Parsed<()> {
        if self.skip(sign) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn unexpected(&self) -> String {
        match self.tokens.get(self.at) {
            None => "Parse error near the end of string!".to_owned(),
            Some((token, column)) => {
                let (value, kind) = token.describe();
                format!("Parse error at 1:{column} near token {value} ({kind})")
            }
        }
    }

    /// Binary operators by how tightly they bind; arithmetic binds least.
    fn binding(&self) -> Option<u8> {
        Some(match self.peek()? {
            Token::Sign('+' | '-' | '*') => 1,
            Token::Sort(false)
                if !self.in_filter
                    && !matches!(self.tokens.get(self.at + 1), None | Some((Token::Sign(']'), _))) =>
            {
                return None;
            }
            Token::DoubleDot => 3,
            Token::Sign('.') => 4,
            Token::Sign('|') => 5,
            Token::Sign('&') if !self.in_filter => 6,
            Token::Where => 7,
            Token::WhereNot => 8,
            _ => return None,
        })
    }

    fn path(&mut self, least: u8) -> Parsed<Path> {
        self.depth += 1;
        if self.depth > 100 {
            return Err("the path is nested too deeply".to_owned());
        }
        let number_first = matches!(self.peek(), Some(Token::Int(_) | Token::Float(_)));
        let mut literal = match self.peek() {
            Some(Token::Int(value)) => Some(Literal::Int(*value)),
            Some(Token::Float(value)) => Some(Literal::Float(*value)),
            _ => None,
        };
        let mut left = if number_first && matches!(self.peek(), Some(Token::Float(_))) {
            self.at += 1;
            Path::This
        } else {
            let first = self.primary()?;
            self.brackets(first)?
        };
        while let Some(binding) = self.binding().filter(|binding| *binding > least) {
            let Some(token) = self.take() else { break };
            if binding == 1 {
                left = self.arithmetic(left, literal.take(), &token)?;
                continue;
            }
            literal = None;
            let right = self.path(binding)?;
            let both = Box::new((left, right));
            left = match token {
                Token::Sign('.') => Path::Child(both),
                Token::DoubleDot => Path::Descendants(both),
                Token::Sign('|') => Path::Union(both),
                Token::Where => Path::Where(both, true),
                Token::WhereNot => Path::Where(both, false),
                _ => Path::Intersect,
            };
        }
        if matches!(literal, Some(Literal::Float(_))) {
            return Err(self.unexpected());
        }
        self.depth -= 1;
        Ok(left)
    }

    fn arithmetic(&mut self, left: Path, literal: Option<Literal>, token: &Token) -> Parsed<Path> {
        let op = match token {
            Token::Sign('+') => Binary::Add,
            Token::Sign('-') => Binary::Sub,
            _ => Binary::Mul,
        };
        let right = match self.peek() {
            Some(Token::Int(value)) => {
                let value = Literal::Int(*value);
                self.at += 1;
                Operand::Value(value)
            }
            Some(Token::Float(value)) => {
                let value = Literal::Float(*value);
                self.at += 1;
                Operand::Value(value)
            }
            _ => operand(self.path(1)?),
        };
        let left = match literal {
            Some(literal) => Operand::Value(literal),
            None => operand(left),
        };
        Ok(Path::Operation(Box::new((left, op, right))))
    }

    fn primary(&mut self) -> Parsed<Path> {
        let Some(token) = self.peek().cloned() else {
            return Err(self.unexpected());
        };
        Ok(match token {
            Token::Id(_) => Path::Fields(self.fields()?),
            Token::Sign('*') => {
                self.at += 1;
                Path::Fields(vec!["*".into()])
            }
            Token::Int(value) => {
                self.at += 1;
                Path::Fields(vec![value.to_string().into()])
            }
            Token::Named(name) => {
                self.at += 1;
                named(&name)?
            }
            Token::Sign('$') => {
                self.at += 1;
                Path::Root
            }
            Token::Sign('@') => {
                self.at += 1;
                Path::This
            }
            Token::Sign('(') => {
                self.at += 1;
                let before = std::mem::replace(&mut self.in_filter, false);
                let inner = self.path(0)?;
                self.in_filter = before;
                self.expect(')')?;
                inner
            }
            Token::Sign('[') => {
                self.at += 1;
                let inner = self.inside(false)?;
                self.expect(']')?;
                inner
            }
            _ => return Err(self.unexpected()),
        })
    }

    fn fields(&mut self) -> Parsed<Vec<Arc<str>>> {
        let mut fields = Vec::new();
        loop {
            match self.peek().cloned() {
                Some(Token::Id(name)) => fields.push(name),
                _ => return Err(self.unexpected()),
            }
            self.at += 1;
            if self.peek() != Some(&Token::Sign(',')) {
                return Ok(fields);
            }
            self.at += 1;
        }
    }

    fn brackets(&mut self, mut path: Path) -> Parsed<Path> {
        while self.skip('[') {
            let inner = self.inside(true)?;
            self.expect(']')?;
            path = Path::Child(Box::new((path, inner)));
        }
        Ok(path)
    }

    /// What stands in brackets.
    fn inside(&mut self, after: bool) -> Parsed<Path> {
        match self.peek().cloned() {
            Some(Token::Id(_)) => Ok(Path::Fields(self.fields()?)),
            Some(Token::Sign('*')) => {
                self.at += 1;
                Ok(Path::Slice([None; 3]))
            }
            Some(Token::Sign('?')) if after => {
                self.at += 1;
                let before = std::mem::replace(&mut self.in_filter, true);
                let conditions = self.conditions()?;
                self.in_filter = before;
                Ok(Path::Filter(conditions))
            }
            Some(Token::Sort(_)) if after => self.sorts(),
            Some(Token::Int(_) | Token::Sign(':')) => self.numbers(),
            _ => Err(self.unexpected()),
        }
    }

    fn numbers(&mut self) -> Parsed<Path> {
        let mut bounds = [None; 3];
        let mut indexes = Vec::new();
        let mut position = 0;
        let mut slice = false;
        loop {
            if let Some(Token::Int(value)) = self.peek().cloned() {
                self.at += 1;
                bounds[position] = Some(value);
                indexes.push(value);
            } else if !slice && self.peek() != Some(&Token::Sign(':')) {
                return Err(self.unexpected());
            }
            if self.peek() == Some(&Token::Sign(':')) && position < 2 && (slice || indexes.len() <= 1) {
                self.at += 1;
                slice = true;
                position += 1;
            } else if !slice && self.skip(',') {
            } else {
                return Ok(if slice {
                    Path::Slice(bounds)
                } else {
                    Path::Index(indexes)
                });
            }
        }
    }

    fn sorts(&mut self) -> Parsed<Path> {
        let mut by = Vec::new();
        while let Some(Token::Sort(reverse)) = self.peek().cloned() {
            self.at += 1;
            by.push((self.path(0)?, reverse));
        }
        Ok(Path::Sorted(Some(by)))
    }

    fn conditions(&mut self) -> Parsed<Vec<Condition>> {
        let mut all = Vec::new();
        loop {
            let start = self.at;
            if self.skip('(') {
                match self.conditions() {
                    Ok(inner) if self.skip(')') => all.extend(inner),
                    _ => {
                        self.at = start;
                        all.push(self.condition()?);
                    }
                }
            } else {
                all.push(self.condition()?);
            }
            if !self.skip('&') {
                return Ok(all);
            }
        }
    }

    fn condition(&mut self) -> Parsed<Condition> {
        let target = self.path(0)?;
        let Some(Token::Op(op)) = self.peek().cloned() else {
            return Ok(Condition { target, test: None });
        };
        self.at += 1;
        let literal = match self.peek().cloned() {
            Some(Token::Id(text)) => Literal::Text(text),
            Some(Token::Int(value)) => Literal::Int(value),
            Some(Token::Float(value)) => Literal::Float(value),
            Some(Token::Bool(value)) => Literal::Bool(value),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        let operator = match op {
            "==" | "=" => Operator::Equal,
            "!=" => Operator::Unequal,
            "<=" => Operator::Order(Compare::Le),
            ">=" => Operator::Order(Compare::Ge),
            "<" => Operator::Order(Compare::Lt),
            ">" => Operator::Order(Compare::Gt),
            _ => Operator::Matches,
        };
        Ok(Condition {
            target,
            test: Some((operator, literal)),
        })
    }
}

/// A single name in arithmetic is text.
fn operand(path: Path) -> Operand {
    match path {
        Path::Fields(fields) if fields.len() == 1 => Operand::Value(Literal::Text(fields[0].clone())),
        other => Operand::Path(other),
    }
}

fn named(name: &str) -> Parsed<Path> {
    Ok(match name {
        "this" => Path::This,
        "parent" => Path::Parent,
        "len" => Path::Len,
        "keys" => Path::Keys,
        "path" => Path::Way,
        "sorted" => Path::Sorted(None),
        _ if name.starts_with("str(") => Path::Str,
        _ if name.starts_with("sub(") => substitution(name)?,
        _ if name.starts_with("split(") => splitting(name)?,
        _ => return Err(format!("Unknown named operator `{name}` at 1:0")),
    })
}

fn substitution(name: &str) -> Parsed<Path> {
    let invalid = || format!("{name} is not valid");
    let shape = Regex::new(r"^sub\(/(.*)/,\s+(.*)\)").map_err(|error| error.to_string())?;
    let found = shape.captures(name).ok_or_else(invalid)?;
    let pattern = Regex::new(found[1].trim()).map_err(|error| error.to_string())?;
    // Python refers to groups as `\1`.
    let replacement = found[2].trim().replace('$', "$$");
    let groups = Regex::new(r"\\(\d)").map_err(|error| error.to_string())?;
    Ok(Path::Sub(
        pattern,
        groups.replace_all(&replacement, "$${$1}").into_owned(),
    ))
}

fn splitting(name: &str) -> Parsed<Path> {
    let invalid = || format!("{name} is not valid");
    let inside = name
        .strip_prefix("split(")
        .and_then(|rest| rest.rsplit_once(')'))
        .map(|(inside, _)| inside)
        .ok_or_else(invalid)?;
    let (rest, limit) = inside.rsplit_once(',').ok_or_else(invalid)?;
    let (by, segment) = rest.rsplit_once(',').ok_or_else(invalid)?;
    // White space around the separator does not count, unless it is the separator.
    let bare = by.trim();
    let by = ['\'', '"']
        .iter()
        .find_map(|quote| bare.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(if bare.is_empty() { by } else { bare });
    let segment = match segment.trim() {
        "*" => None,
        number => Some(number.parse().map_err(|_| invalid())?),
    };
    Ok(Path::Split {
        by: by.to_owned(),
        segment,
        limit: limit.trim().parse().map_err(|_| invalid())?,
    })
}
