//! Parses JSON path texts.

use std::fmt;

use regex::Regex;
use serde_json::Value;

/// A JSON path: `spec.containers[*].image`, `$.data["a.b"]`, `items[?(@.name == 'x')].value`, `..image`.
#[derive(Clone, Debug)]
pub struct JsonPath {
    pub(super) steps: Vec<Step>,
    text: String,
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no JSON path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON path `{text}` at character {position}: {problem}")]
pub struct JsonPathError {
    /// The whole text.
    pub text: String,
    /// Where in it, counted in characters from 1.
    pub position: usize,
    /// What is wrong there.
    pub problem: String,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Child(String),
    Index(i64),
    Wildcard,
    /// This value and everything below it.
    Descent,
    Union(Vec<Step>),
    Slice(Option<i64>, Option<i64>, i64),
    Filter(Box<Test>),
}

/// What a filter asks about each entry.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Or(Vec<Test>),
    And(Vec<Test>),
    Not(Box<Test>),
    Exists(Operand),
    Compare(Operand, Comparison, Operand),
    Matches(Operand, Regex),
    Has(Operand, bool),
    Empty(Operand, bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// From the entry (`@`) or, when `true`, from the root (`$`).
    Path(bool, Vec<Step>),
    Literal(Value),
}

impl JsonPath {
    /// Parses a JSON path.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        let mut parser = Parser {
            characters: text.chars().collect(),
            at: 0,
            depth: 0,
        };
        let parsed = parser.whole_path();
        parsed
            .map(|steps| Self {
                steps,
                text: text.to_owned(),
            })
            .map_err(|problem| JsonPathError {
                text: text.to_owned(),
                position: parser.at + 1,
                problem,
            })
    }
}

/// How deep filters may nest.
const MAX_DEPTH: usize = 64;

struct Parser {
    characters: Vec<char>,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, String>;

impl Parser {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn eat_text(&mut self, wanted: &str) -> bool {
        let length = wanted.chars().count();
        let rest = self.characters.iter().skip(self.at).take(length);
        let found = rest.copied().eq(wanted.chars());
        self.at += if found { length } else { 0 };
        found
    }

    fn expect(&mut self, wanted: char) -> Parsed<()> {
        if self.eat(wanted) {
            return Ok(());
        }
        Err(match self.peek() {
            Some(found) => format!("expected `{wanted}`, found `{found}`"),
            None => format!("expected `{wanted}`, found the end"),
        })
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn whole_path(&mut self) -> Parsed<Vec<Step>> {
        let rooted = self.eat('$') || self.eat('@');
        let mut steps = Vec::new();
        if !rooted && self.peek().is_some_and(|c| c != '[' && c != '.') {
            steps.push(self.dotted()?);
        }
        self.steps(&mut steps)?;
        match self.peek() {
            None if steps.is_empty() && !rooted => Err("the path is empty".to_owned()),
            None => Ok(steps),
            Some(found) => Err(format!("unexpected `{found}`")),
        }
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        loop {
            if self.eat('.') {
                if self.eat('.') {
                    steps.push(Step::Descent);
                    if self.peek() == Some('[') || self.peek().is_none() {
                        continue;
                    }
                }
                if self.peek() == Some('[') {
                    continue;
                }
                steps.push(self.dotted()?);
            } else if self.eat('[') {
                steps.push(self.bracket()?);
            } else {
                return Ok(());
            }
        }
    }

    fn dotted(&mut self) -> Parsed<Step> {
        if self.eat('*') {
            return Ok(Step::Wildcard);
        }
        let start = self.at;
        while self.peek().is_some_and(|c| !is_delimiter(c)) {
            self.at += 1;
        }
        let name: String = self.characters.iter().take(self.at).skip(start).collect();
        if name.is_empty() {
            return Err("expected a name".to_owned());
        }
        Ok(Step::Child(name))
    }

    fn bracket(&mut self) -> Parsed<Step> {
        self.spaces();
        if self.eat('*') {
            self.spaces();
            self.expect(']')?;
            return Ok(Step::Wildcard);
        }
        if self.eat('?') {
            self.spaces();
            let test = self.test()?;
            self.spaces();
            self.expect(']')?;
            return Ok(Step::Filter(Box::new(test)));
        }
        let mut entries = vec![self.entry()?];
        self.spaces();
        while self.eat(',') {
            self.spaces();
            entries.push(self.entry()?);
            self.spaces();
        }
        self.expect(']')?;
        Ok(if entries.len() == 1 {
            entries.remove(0)
        } else {
            Step::Union(entries)
        })
    }

    fn entry(&mut self) -> Parsed<Step> {
        match self.peek() {
            Some(quote @ ('\'' | '"')) => {
                self.at += 1;
                Ok(Step::Child(self.quoted(quote)?))
            }
            Some(c) if c.is_ascii_digit() || c == '-' || c == ':' => {
                let first = self.integer()?;
                if !self.eat(':') {
                    return first
                        .map(Step::Index)
                        .ok_or_else(|| "expected an index".to_owned());
                }
                let end = self.integer()?;
                let step = if self.eat(':') { self.integer()? } else { None };
                match step.unwrap_or(1) {
                    0 => Err("a slice's step cannot be 0".to_owned()),
                    step => Ok(Step::Slice(first, end, step)),
                }
            }
            Some(found) => Err(format!(
                "expected a quoted name, an index, `*` or `?`, found `{found}`"
            )),
            None => Err("expected a quoted name, an index, `*` or `?`, found the end".to_owned()),
        }
    }

    fn quoted(&mut self, quote: char) -> Parsed<String> {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '\\' => match self.peek() {
                    Some(escaped) => {
                        self.at += 1;
                        text.push(match escaped {
                            'n' => '\n',
                            't' => '\t',
                            'r' => '\r',
                            other => other,
                        });
                    }
                    None => break,
                },
                c if c == quote => return Ok(text),
                c => text.push(c),
            }
        }
        Err(format!("expected `{quote}`, found the end"))
    }

    fn integer(&mut self) -> Parsed<Option<i64>> {
        let start = self.at;
        self.eat('-');
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let text: String = self.characters.iter().take(self.at).skip(start).collect();
        if text.is_empty() {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .map_err(|_| format!("`{text}` is no index"))
    }

    fn test(&mut self) -> Parsed<Test> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("filters nest too deep".to_owned());
        }
        let mut any = vec![self.conjunction()?];
        self.spaces();
        while self.eat_text("||") {
            any.push(self.conjunction()?);
            self.spaces();
        }
        self.depth -= 1;
        Ok(if any.len() == 1 {
            any.remove(0)
        } else {
            Test::Or(any)
        })
    }

    fn conjunction(&mut self) -> Parsed<Test> {
        let mut all = vec![self.term()?];
        self.spaces();
        while self.eat_text("&&") {
            all.push(self.term()?);
            self.spaces();
        }
        Ok(if all.len() == 1 {
            all.remove(0)
        } else {
            Test::And(all)
        })
    }

    fn term(&mut self) -> Parsed<Test> {
        self.spaces();
        if self.peek() == Some('!') && self.characters.get(self.at + 1) != Some(&'=') {
            self.at += 1;
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err("filters nest too deep".to_owned());
            }
            let inner = self.term()?;
            self.depth -= 1;
            return Ok(Test::Not(Box::new(inner)));
        }
        if self.eat('(') {
            let inner = self.test()?;
            self.spaces();
            self.expect(')')?;
            return Ok(inner);
        }
        let left = self.operand()?;
        self.spaces();
        self.relation(left)
    }

    fn relation(&mut self, left: Operand) -> Parsed<Test> {
        const COMPARISONS: [(&str, Comparison); 7] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("in ", Comparison::In),
        ];
        if self.eat_text("=~") || self.eat_text("~=") {
            self.spaces();
            return Ok(Test::Matches(left, self.pattern()?));
        }
        for (sign, comparison) in COMPARISONS {
            if self.eat_text(sign) {
                self.spaces();
                let right = self.operand()?;
                return Ok(Test::Compare(left, comparison, right));
            }
        }
        for (word, make) in [
            ("has", Test::Has as fn(Operand, bool) -> Test),
            ("exists", Test::Has),
            ("empty", Test::Empty),
        ] {
            if self.eat_text(word) {
                self.spaces();
                return if self.eat_text("true") {
                    Ok(make(left, true))
                } else if self.eat_text("false") {
                    Ok(make(left, false))
                } else {
                    Err(format!("expected `true` or `false` after `{word}`"))
                };
            }
        }
        match self.peek() {
            None | Some(')' | ']' | '&' | '|') => Ok(Test::Exists(left)),
            Some(found) => Err(format!(
                "unknown operator at `{found}`; known are == != < <= > >= =~ in has exists empty && || !"
            )),
        }
    }

    fn pattern(&mut self) -> Parsed<Regex> {
        let Some(quote @ ('/' | '\'' | '"')) = self.peek() else {
            return Err("expected a regular expression between `/` or quotes".to_owned());
        };
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(format!("expected `{quote}`, found the end")),
                Some('\\') if self.characters.get(self.at + 1) == Some(&quote) => {
                    text.push(quote);
                    self.at += 2;
                }
                Some(c) => {
                    self.at += 1;
                    if c == quote {
                        break;
                    }
                    text.push(c);
                }
            }
        }
        Regex::new(&text).map_err(|error| error.to_string())
    }

    fn operand(&mut self) -> Parsed<Operand> {
        match self.peek() {
            Some(root @ ('@' | '$')) => {
                self.at += 1;
                let mut steps = Vec::new();
                self.steps(&mut steps)?;
                Ok(Operand::Path(root == '$', steps))
            }
            Some(quote @ ('\'' | '"')) => {
                self.at += 1;
                Ok(Operand::Literal(Value::String(self.quoted(quote)?)))
            }
            Some('[') => {
                self.at += 1;
                let mut list = Vec::new();
                self.spaces();
                while !self.eat(']') {
                    match self.operand()? {
                        Operand::Literal(value) => list.push(value),
                        Operand::Path(..) => return Err("a list in a filter holds literals only".to_owned()),
                    }
                    self.spaces();
                    if !self.eat(',') && self.peek() != Some(']') {
                        return Err("expected `,` or `]`".to_owned());
                    }
                    self.spaces();
                }
                Ok(Operand::Literal(Value::Array(list)))
            }
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Parsed<Operand> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))
        {
            self.at += 1;
        }
        let text: String = self.characters.iter().take(self.at).skip(start).collect();
        let literal = match text.as_str() {
            "true" | "false" | "null" => true,
            number => number.starts_with(|c: char| c == '-' || c.is_ascii_digit()),
        };
        match serde_json::from_str(&text) {
            Ok(value) if literal => Ok(Operand::Literal(value)),
            _ => {
                self.at = start;
                Err("expected `@`, `$`, a quoted text, a number, true, false or null".to_owned())
            }
        }
    }
}

/// What ends a name that stands without quotes.
fn is_delimiter(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '.' | '[' | ']' | '(' | ')' | '*' | '=' | '!' | '<' | '>' | '&' | '|' | ',' | '\'' | '"'
        )
}
