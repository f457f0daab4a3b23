//! Tokens to a tree; macros become what they stand for.

use std::sync::Arc;

use super::functions;
use super::lexer::{self, Kind, Token};
use super::value::Cel;

/// An expression.
#[derive(Debug)]
pub(super) enum Expr {
    Literal(Cel),
    Name(String),
    Select(Box<Expr>, String, Access),
    Index(Box<Expr>, Box<Expr>, bool),
    /// A function; the first argument is the receiver when it was called on one.
    Call(String, Vec<Expr>),
    List(Vec<(Expr, bool)>),
    Map(Vec<(Expr, Expr, bool)>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Condition(Box<[Expr; 3]>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Loop(Box<Loop>),
    /// `cel.bind(name, value, body)`.
    Bind(String, Box<Expr>, Box<Expr>),
    /// `optMap` and `optFlatMap`.
    OptMap(Box<Expr>, String, Box<Expr>, bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Value,
    Optional,
    /// `has(…)`
    Test,
}

/// What goes over a list or a map.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) range: Expr,
    pub(super) names: (String, Option<String>),
    pub(super) filter: Option<Expr>,
    pub(super) body: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    List,
    Map,
}

/// A parsed expression.
#[derive(Debug)]
pub(crate) struct Program {
    pub(super) root: Expr,
    names: Vec<String>,
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    /// Names of loops around.
    scope: Vec<String>,
    /// Free names met, with their places.
    names: Vec<(String, usize)>,
    calls: Vec<(String, usize)>,
    depth: usize,
}

type Parsed = Result<Expr, (usize, String)>;

const DEEPEST: usize = 120;

/// An error as cel-go shows it, with the line and a mark below.
pub(super) fn shown(source: &str, at: usize, what: &str) -> String {
    let before = &source[..source.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |index| index + 1);
    let column = before[start..].chars().count();
    let text = source[start..].lines().next().unwrap_or_default();
    format!(
        "ERROR: <input>:{line}:{}: {what}\n | {text}\n | {}^",
        column + 1,
        ".".repeat(column)
    )
}

impl Program {
    /// Parses an expression in which `variables` are known.
    ///
    /// # Errors
    /// With cel-go's text, when it is none or names something nobody knows.
    pub(crate) fn parse(source: &str, variables: &[&str]) -> Result<Self, String> {
        let failed =
            |(at, what): (usize, String)| format!("compilation failed: {}", shown(source, at, &what));
        let tokens = lexer::read(source).map_err(failed)?;
        let mut parser = Parser {
            source,
            tokens,
            at: 0,
            scope: Vec::new(),
            names: Vec::new(),
            calls: Vec::new(),
            depth: 0,
        };
        let root = parser.expression().map_err(failed)?;
        if parser.kind() != &Kind::End {
            return Err(failed(parser.unexpected("<EOF>")));
        }
        for (name, at) in parser.names.iter().chain(&parser.calls) {
            let known = variables.contains(&name.as_str())
                || functions::is_known(name)
                || functions::TYPES.contains(&name.as_str());
            if !known {
                return Err(failed((
                    *at,
                    format!("undeclared reference to '{name}' (in container '')"),
                )));
            }
        }
        Ok(Self {
            root,
            names: parser.names.into_iter().map(|(name, _)| name).collect(),
        })
    }

    /// Whether a variable is mentioned.
    pub(crate) fn uses(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}

impl Parser<'_> {
    fn kind(&self) -> &Kind {
        &self.tokens[self.at.min(self.tokens.len() - 1)].kind
    }

    fn place(&self) -> usize {
        self.tokens[self.at.min(self.tokens.len() - 1)].at
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.kind(), Kind::Sign(known) if *known == sign);
        if found {
            self.at += 1;
        }
        found
    }

    fn unexpected(&self, wanted: &str) -> (usize, String) {
        let at = self.place();
        let end = self
            .tokens
            .get(self.at + 1)
            .map_or(self.source.len(), |next| next.at);
        let found = match self.kind() {
            Kind::End => "<EOF>",
            _ => self.source[at..end].trim_end(),
        };
        (
            at,
            format!("Syntax error: mismatched input '{found}' expecting {wanted}"),
        )
    }

    fn expect(&mut self, sign: &str) -> Result<(), (usize, String)> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("'{sign}'")))
        }
    }

    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err((
                self.place(),
                "expression recursion limit exceeded: 250".to_owned(),
            ));
        }
        let condition = self.or()?;
        let done = if self.take("?") {
            let yes = self.or()?;
            self.expect(":")?;
            let no = self.expression()?;
            Expr::Condition(Box::new([condition, yes, no]))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(done)
    }

    fn or(&mut self) -> Parsed {
        let mut left = self.and()?;
        while self.take("||") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.relation()?;
        while self.take("&&") {
            left = Expr::And(Box::new(left), Box::new(self.relation()?));
        }
        Ok(left)
    }

    fn relation(&mut self) -> Parsed {
        let mut left = self.sum()?;
        loop {
            let sign = match self.kind() {
                Kind::Sign(sign @ ("==" | "!=" | "<" | "<=" | ">" | ">=")) => *sign,
                Kind::Name(name) if name == "in" => "in",
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(sign, Box::new(left), Box::new(self.sum()?));
        }
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        loop {
            let sign = match self.kind() {
                Kind::Sign(sign @ ("+" | "-")) => *sign,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(sign, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.unary()?;
        loop {
            let sign = match self.kind() {
                Kind::Sign(sign @ ("*" | "/" | "%")) => *sign,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(sign, Box::new(left), Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err((
                self.place(),
                "expression recursion limit exceeded: 250".to_owned(),
            ));
        }
        let done = if self.take("!") {
            Expr::Not(Box::new(self.unary()?))
        } else if self.take("-") {
            match self.unary()? {
                Expr::Literal(Cel::Int(number)) => Expr::Literal(Cel::Int(number.wrapping_neg())),
                Expr::Literal(Cel::Double(number)) => Expr::Literal(Cel::Double(-number)),
                other => Expr::Negative(Box::new(other)),
            }
        } else {
            self.member()?
        };
        self.depth -= 1;
        Ok(done)
    }

    fn member(&mut self) -> Parsed {
        let mut expr = self.primary()?;
        loop {
            let place = self.place();
            let optional = match self.kind() {
                Kind::Sign(".") => false,
                Kind::Sign(".?") => true,
                Kind::Sign(sign @ ("[" | "[?")) => {
                    let optional = *sign == "[?";
                    self.at += 1;
                    let index = self.expression()?;
                    self.expect("]")?;
                    expr = Expr::Index(Box::new(expr), Box::new(index), optional);
                    continue;
                }
                _ => return Ok(expr),
            };
            self.at += 1;
            let name = match self.kind() {
                Kind::Name(name) | Kind::Quoted(name) => name.clone(),
                _ => return Err(self.unexpected("IDENTIFIER")),
            };
            self.at += 1;
            if !optional && self.take("(") {
                expr = self.method(expr, name, place)?;
            } else {
                let access = if optional { Access::Optional } else { Access::Value };
                expr = Expr::Select(Box::new(expr), name, access);
            }
        }
    }

    /// Arguments up to the closing parenthesis.
    fn arguments(&mut self) -> Result<Vec<Expr>, (usize, String)> {
        let mut list = Vec::new();
        while !self.take(")") {
            if !list.is_empty() {
                self.expect(",")?;
            }
            list.push(self.expression()?);
        }
        Ok(list)
    }

    fn variable(&mut self) -> Result<String, (usize, String)> {
        match self.kind().clone() {
            Kind::Name(name) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err((self.place(), "argument must be a simple name".to_owned())),
        }
    }

    fn method(&mut self, target: Expr, name: String, place: usize) -> Parsed {
        let is_macro = matches!(
            name.as_str(),
            "all"
                | "exists"
                | "exists_one"
                | "existsOne"
                | "filter"
                | "map"
                | "transformList"
                | "transformMap"
        );
        if is_macro {
            return self.comprehension(target, &name);
        }
        if matches!(name.as_str(), "optMap" | "optFlatMap") {
            let variable = self.variable()?;
            self.expect(",")?;
            let body = self.scoped(&[&variable])?;
            self.expect(")")?;
            return Ok(Expr::OptMap(
                Box::new(target),
                variable,
                Box::new(body),
                name == "optFlatMap",
            ));
        }
        if let Expr::Name(namespace) = &target {
            let full = format!("{namespace}.{name}");
            if full == "cel.bind" {
                self.names.retain(|(known, _)| known != "cel");
                let variable = self.variable()?;
                self.expect(",")?;
                let value = self.expression()?;
                self.expect(",")?;
                let body = self.scoped(&[&variable])?;
                self.expect(")")?;
                return Ok(Expr::Bind(variable, Box::new(value), Box::new(body)));
            }
            if functions::is_known(&full) && !self.scope.contains(namespace) {
                let namespace = namespace.clone();
                self.names.retain(|(known, _)| *known != namespace);
                return Ok(Expr::Call(full, self.arguments()?));
            }
        }
        self.calls.push((name.clone(), place));
        let mut arguments = vec![target];
        arguments.extend(self.arguments()?);
        Ok(Expr::Call(name, arguments))
    }

    /// An expression in which more names are known.
    fn scoped(&mut self, names: &[&str]) -> Parsed {
        let before = self.scope.len();
        self.scope.extend(names.iter().map(|name| (*name).to_owned()));
        let done = self.expression();
        self.scope.truncate(before);
        done
    }

    fn comprehension(&mut self, range: Expr, name: &str) -> Parsed {
        let first = self.variable()?;
        self.expect(",")?;
        // A second variable is a plain name before another comma, where one more argument than needed follows.
        let second = match (
            self.kind().clone(),
            self.tokens.get(self.at + 1).map(|token| token.kind.clone()),
        ) {
            (Kind::Name(second), Some(Kind::Sign(","))) if name != "map" && name != "filter" => {
                self.at += 2;
                Some(second)
            }
            _ => None,
        };
        let names: Vec<&str> = [Some(first.as_str()), second.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        let mut body = self.scoped(&names)?;
        let mut filter = None;
        if matches!(name, "map" | "transformList" | "transformMap") && self.take(",") {
            filter = Some(body);
            body = self.scoped(&names)?;
        }
        self.expect(")")?;
        let kind = match name {
            "all" => LoopKind::All,
            "exists" => LoopKind::Exists,
            "exists_one" | "existsOne" => LoopKind::ExistsOne,
            "filter" => LoopKind::Filter,
            "transformMap" => LoopKind::Map,
            _ => LoopKind::List,
        };
        Ok(Expr::Loop(Box::new(Loop {
            kind,
            range,
            names: (first, second),
            filter,
            body,
        })))
    }

    fn primary(&mut self) -> Parsed {
        let place = self.place();
        let kind = self.kind().clone();
        self.at += 1;
        Ok(match kind {
            Kind::Int(number) => Expr::Literal(Cel::Int(number)),
            Kind::Uint(number) => Expr::Literal(Cel::Uint(number)),
            Kind::Double(number) => Expr::Literal(Cel::Double(number)),
            Kind::Text(text) => Expr::Literal(Cel::text(text)),
            Kind::Bytes(bytes) => Expr::Literal(Cel::Bytes(Arc::from(bytes))),
            Kind::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                inner
            }
            Kind::Sign("[") => self.list()?,
            Kind::Sign("[?") => {
                self.at -= 1;
                self.tokens[self.at].kind = Kind::Sign("?");
                self.list()?
            }
            Kind::Sign("{") => self.map()?,
            Kind::Sign(".") => self.primary()?,
            Kind::Name(name) => self.name(name, place)?,
            _ => {
                self.at -= 1;
                return Err(self.unexpected("{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"));
            }
        })
    }

    fn name(&mut self, name: String, place: usize) -> Parsed {
        match name.as_str() {
            "true" => return Ok(Expr::Literal(Cel::Bool(true))),
            "false" => return Ok(Expr::Literal(Cel::Bool(false))),
            "null" => return Ok(Expr::Literal(Cel::Null)),
            _ => {}
        }
        if self.take("(") {
            let arguments = self.arguments()?;
            if name == "has" {
                return match arguments.into_iter().next() {
                    Some(Expr::Select(operand, field, _)) => Ok(Expr::Select(operand, field, Access::Test)),
                    _ => Err((place, "invalid argument to has() macro".to_owned())),
                };
            }
            self.calls.push((name.clone(), place));
            return Ok(Expr::Call(name, arguments));
        }
        if !self.scope.contains(&name) {
            self.names.push((name.clone(), place));
        }
        Ok(Expr::Name(name))
    }

    fn list(&mut self) -> Parsed {
        let mut items = Vec::new();
        while !self.take("]") {
            if !items.is_empty() {
                self.expect(",")?;
                if self.take("]") {
                    break;
                }
            }
            let optional = self.take("?");
            items.push((self.expression()?, optional));
        }
        Ok(Expr::List(items))
    }

    fn map(&mut self) -> Parsed {
        let mut entries = Vec::new();
        while !self.take("}") {
            if !entries.is_empty() {
                self.expect(",")?;
                if self.take("}") {
                    break;
                }
            }
            let optional = self.take("?");
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?, optional));
        }
        Ok(Expr::Map(entries))
    }
}
