//! Tokens to statements.
//!
//! Source: Jinja2 `parser.py` (which statements there are, and the words of each complaint).

use std::sync::Arc;

use crate::ast::*;
use crate::error::{Error, ErrorKind, Result};
use crate::lexer::Lexer;
use crate::token::{Kind, Payload, Token, describe};

/// How deep statements and expressions may nest.
pub(crate) const MAX_NESTING: usize = 150;

/// A stream of tokens with one token in hand, and the statements read so far.
pub(crate) struct Parser<'a> {
    lexer: Lexer<'a>,
    pub(crate) current: Token,
    pushed: Option<Token>,
    tags: Vec<Arc<str>>,
    ends: Vec<&'static [&'static str]>,
    pub(crate) depth: usize,
}

/// Reads a whole template.
pub(crate) fn parse(text: &str) -> Result<Vec<Stmt>> {
    let mut lexer = Lexer::new(text);
    let current = lexer.next()?;
    let mut parser = Parser {
        lexer,
        current,
        pushed: None,
        tags: Vec::new(),
        ends: Vec::new(),
        depth: 0,
    };
    parser.statements_until(None)
}

impl Parser<'_> {
    pub(crate) fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        self.fail_at(message, &self.current)
    }

    pub(crate) fn fail_at<T>(&self, message: impl Into<String>, token: &Token) -> Result<T> {
        self.fail_line(message, token.line, token.offset)
    }

    pub(crate) fn fail_line<T>(&self, message: impl Into<String>, line: u32, offset: u32) -> Result<T> {
        let mut error = Error::new(ErrorKind::SYNTAX, message).at(offset);
        error.set_statement_line(line);
        Err(error)
    }

    /// Takes the current token and reads the next one.
    pub(crate) fn advance(&mut self) -> Result<Token> {
        let next = match self.pushed.take() {
            Some(token) => token,
            None => self.lexer.next()?,
        };
        Ok(std::mem::replace(&mut self.current, next))
    }

    /// The token after the current one.
    pub(crate) fn look(&mut self) -> Result<&Token> {
        if self.pushed.is_none() {
            self.pushed = Some(self.lexer.next()?);
        }
        Ok(self.pushed.get_or_insert_with(|| self.current.clone()))
    }

    pub(crate) fn at(&self, kind: Kind) -> bool {
        self.current.kind == kind
    }

    pub(crate) fn skip_if(&mut self, kind: Kind) -> Result<bool> {
        let found = self.at(kind);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(crate) fn skip_name(&mut self, name: &str) -> Result<bool> {
        let found = self.current.is_name(name);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(crate) fn expect(&mut self, kind: Kind) -> Result<Token> {
        if !self.at(kind) {
            return self.unexpected(describe(kind));
        }
        self.advance()
    }

    fn expect_name(&mut self, name: &str) -> Result<Token> {
        if !self.current.is_name(name) {
            return self.unexpected(name);
        }
        self.advance()
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T> {
        if self.at(Kind::Eof) {
            return self.fail(format!("unexpected end of template, expected '{expected}'."));
        }
        self.fail(format!(
            "expected token '{expected}', got {}",
            quoted(&self.current.describe())
        ))
    }

    pub(crate) fn expect_identifier(&mut self) -> Result<(Arc<str>, Token)> {
        let token = self.expect(Kind::Name)?;
        match &token.payload {
            Payload::Text(text) => Ok((text.clone(), token)),
            _ => self.fail("expected token 'name'"),
        }
    }

    fn statements_until(&mut self, ends: Option<&'static [&'static str]>) -> Result<Vec<Stmt>> {
        if let Some(ends) = ends {
            self.ends.push(ends);
        }
        let mut body = Vec::new();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut first: Option<(u32, u32)> = None;
        loop {
            let token = self.current.clone();
            match token.kind {
                Kind::Eof => break,
                Kind::Data => {
                    first.get_or_insert((token.line, token.offset));
                    if let Payload::Text(text) = token.payload {
                        pieces.push(Piece::Text(text));
                    }
                    self.advance()?;
                }
                Kind::VariableBegin => {
                    self.advance()?;
                    first.get_or_insert((token.line, token.offset));
                    let expr = self.tuple(true, &[], false)?;
                    let line = expr.line;
                    pieces.push(Piece::Expr(expr, line));
                    self.expect(Kind::VariableEnd)?;
                }
                Kind::BlockBegin => {
                    flush(&mut body, &mut pieces, &mut first);
                    self.advance()?;
                    if ends.is_some_and(|ends| ends.iter().any(|end| self.current.is_name(end))) {
                        self.ends.pop();
                        return Ok(body);
                    }
                    let statement = self.statement()?;
                    body.push(statement);
                    self.expect(Kind::BlockEnd)?;
                }
                _ => return self.fail("internal parsing error"),
            }
        }
        flush(&mut body, &mut pieces, &mut first);
        if ends.is_some() {
            self.ends.pop();
        }
        Ok(body)
    }

    /// A body up to one of `ends`, which stays the current token.
    fn body(&mut self, ends: &'static [&'static str]) -> Result<Vec<Stmt>> {
        self.skip_if(Kind::Colon)?;
        self.expect(Kind::BlockEnd)?;
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return self.fail("statements are nested too deeply");
        }
        let body = self.statements_until(Some(ends))?;
        self.depth -= 1;
        if self.at(Kind::Eof) {
            self.ends.push(ends);
            return self.fail_unknown(None, &self.current.clone());
        }
        Ok(body)
    }

    fn body_and_end(&mut self, ends: &'static [&'static str]) -> Result<Vec<Stmt>> {
        let body = self.body(ends)?;
        self.advance()?;
        Ok(body)
    }

    fn fail_unknown<T>(&self, name: Option<&str>, token: &Token) -> Result<T> {
        let mut message = match name {
            None => "Unexpected end of template.".to_owned(),
            Some(name) => format!("Encountered unknown tag {}.", quoted(name)),
        };
        if let Some(last) = self.ends.last() {
            let looking = last
                .iter()
                .map(|end| format!("'{end}'"))
                .collect::<Vec<_>>()
                .join(" or ");
            if name.is_some_and(|name| self.ends.iter().any(|ends| ends.contains(&name))) {
                message.push_str(" You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for ");
            } else {
                message.push_str(" Jinja was looking for the following tags: ");
            }
            message.push_str(&looking);
            message.push('.');
        }
        if let Some(tag) = self.tags.last() {
            message.push_str(&format!(
                " The innermost block that needs to be closed is {}.",
                quoted(tag)
            ));
        }
        self.fail_at(message, token)
    }

    fn statement(&mut self) -> Result<Stmt> {
        let token = self.current.clone();
        if token.kind != Kind::Name {
            return self.fail("tag name expected");
        }
        let name: Arc<str> = token.text().into();
        self.tags.push(name.clone());
        let kind = match &*name {
            "for" => self.parse_for()?,
            "if" => self.parse_if()?,
            "block" => self.parse_block()?,
            "extends" => {
                self.advance()?;
                StmtKind::Extends {
                    template: self.expression()?,
                    repeated: false,
                }
            }
            "print" => self.parse_print()?,
            "macro" => self.parse_macro()?,
            "include" => self.parse_include()?,
            "from" => self.parse_from()?,
            "import" => self.parse_import()?,
            "set" => self.parse_set()?,
            "with" => self.parse_with()?,
            "autoescape" => {
                self.advance()?;
                let value = self.expression()?;
                StmtKind::Autoescape {
                    value,
                    enter: Vec::new(),
                    body: self.body_and_end(&["endautoescape"])?,
                }
            }
            "call" => self.parse_call_block()?,
            "filter" => {
                self.advance()?;
                let filter = self.filter(None, true)?;
                let body = self.body_and_end(&["endfilter"])?;
                let Some(filter) = filter else {
                    return self.fail("expected a filter");
                };
                StmtKind::FilterBlock {
                    enter: Vec::new(),
                    body,
                    filter,
                }
            }
            "break" => {
                self.advance()?;
                StmtKind::Break
            }
            "continue" => {
                self.advance()?;
                StmtKind::Continue
            }
            _ => {
                self.tags.pop();
                return self.fail_unknown(Some(&name), &token);
            }
        };
        self.tags.pop();
        Ok(Stmt {
            kind,
            line: token.line,
            offset: token.offset,
            reported: token.line,
        })
    }

    fn parse_for(&mut self) -> Result<StmtKind> {
        let token = self.advance()?;
        // Jinja2 does not know `in` and `recursive` as ends behind a comma: there they are names.
        let target = self.assign_target(&[], false)?;
        self.expect_name("in")?;
        let iter = self.tuple(false, &[], false)?;
        let test = match self.skip_name("if")? {
            true => Some(self.expression()?),
            false => None,
        };
        let recursive = self.skip_name("recursive")?;
        let body = self.body(&["endfor", "else"])?;
        let otherwise = if self.advance()?.text() == "endfor" {
            Vec::new()
        } else {
            self.body_and_end(&["endfor"])?
        };
        let test = test.map(|test| LoopTest {
            target: target.clone(),
            reported: test.line,
            test,
            enter: Vec::new(),
            slots: 0,
        });
        Ok(StmtKind::For(Arc::new(For {
            target,
            iter,
            body,
            otherwise,
            test,
            recursive,
            line: token.line,
            offset: token.offset,
            enter: Vec::new(),
            else_enter: Vec::new(),
            loop_slot: None,
            slots: 0,
        })))
    }

    fn parse_if(&mut self) -> Result<StmtKind> {
        let mut lines = vec![self.advance()?.line];
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let test = self.tuple(false, &[], false)?;
            let body = self.body(&["elif", "else", "endif"])?;
            branches.push((test, 0, body));
            let token = self.advance()?;
            if token.is_name("elif") {
                lines.push(self.current.line);
                continue;
            }
            if token.is_name("else") {
                otherwise = self.body_and_end(&["endif"])?;
            }
            return Ok(StmtKind::If(Box::new(If {
                branches,
                otherwise,
                lines,
            })));
        }
    }

    fn parse_with(&mut self) -> Result<StmtKind> {
        self.advance()?;
        let mut targets = Vec::new();
        while !self.at(Kind::BlockEnd) {
            if !targets.is_empty() {
                self.expect(Kind::Comma)?;
            }
            let target = self.assign_target(&[], false)?;
            self.expect(Kind::Assign)?;
            targets.push((target, self.expression()?));
        }
        Ok(StmtKind::With {
            targets,
            enter: Vec::new(),
            body: self.body_and_end(&["endwith"])?,
        })
    }

    fn parse_block(&mut self) -> Result<StmtKind> {
        self.advance()?;
        let (name, _) = self.expect_identifier()?;
        let scoped = self.skip_name("scoped")?;
        let required = self.skip_name("required")?;
        if self.at(Kind::Sub) {
            return self.fail(
                "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.",
            );
        }
        let body = self.body_and_end(&["endblock"])?;
        let blank =
            |piece: &Piece| matches!(piece, Piece::Text(text) if text.chars().all(crate::lexer::is_space));
        if required
            && !body
                .iter()
                .all(|item| matches!(&item.kind, StmtKind::Output { pieces, .. } if pieces.iter().all(blank)))
        {
            return self.fail("Required blocks can only contain comments or whitespace");
        }
        self.skip_name(&name)?;
        Ok(StmtKind::Block {
            name,
            scoped,
            required,
            locals: Vec::new(),
            body,
            skip: false,
            check_parent: false,
        })
    }

    fn import_context(&mut self, default: bool) -> Result<bool> {
        if (self.current.is_name("with") || self.current.is_name("without"))
            && self.look()?.is_name("context")
        {
            let with = self.advance()?.is_name("with");
            self.advance()?;
            return Ok(with);
        }
        Ok(default)
    }

    fn parse_include(&mut self) -> Result<StmtKind> {
        self.advance()?;
        let template = self.expression()?;
        let mut ignore_missing = false;
        if self.current.is_name("ignore") && self.look()?.is_name("missing") {
            ignore_missing = true;
            self.advance()?;
            self.advance()?;
        }
        let with_context = self.import_context(true)?;
        Ok(StmtKind::Include {
            template,
            ignore_missing,
            with_context,
            locals: Vec::new(),
        })
    }

    fn parse_import(&mut self) -> Result<StmtKind> {
        self.advance()?;
        let template = self.expression()?;
        self.expect_name("as")?;
        let (target, _) = self.expect_identifier()?;
        let with_context = self.import_context(false)?;
        Ok(StmtKind::Import {
            template,
            target,
            with_context,
            slot: Slot::default(),
            toplevel: false,
            locals: Vec::new(),
        })
    }

    fn parse_from(&mut self) -> Result<StmtKind> {
        self.advance()?;
        let template = self.expression()?;
        self.expect_name("import")?;
        let mut names: Vec<(Arc<str>, Arc<str>, Slot)> = Vec::new();
        let mut with_context;
        loop {
            if !names.is_empty() {
                self.expect(Kind::Comma)?;
            }
            if !self.at(Kind::Name) {
                self.expect(Kind::Name)?;
            }
            with_context = self.from_context()?;
            if with_context.is_some() {
                break;
            }
            let (name, token) = self.expect_identifier()?;
            if name.starts_with('_') {
                let mut error = Error::new(
                    ErrorKind::ASSERTION,
                    "names starting with an underline can not be imported",
                );
                error.set_offset(token.offset);
                error.set_statement_line(token.line);
                return Err(error);
            }
            let alias = if self.skip_name("as")? {
                self.expect_identifier()?.0
            } else {
                name.clone()
            };
            names.push((name, alias, Slot::default()));
            with_context = self.from_context()?;
            if with_context.is_some() || !self.at(Kind::Comma) {
                break;
            }
        }
        let with_context = with_context.unwrap_or(false);
        Ok(StmtKind::FromImport {
            template,
            names,
            with_context,
            toplevel: false,
            locals: Vec::new(),
        })
    }

    fn from_context(&mut self) -> Result<Option<bool>> {
        if matches!(self.current.text(), "with" | "without") && self.look()?.is_name("context") {
            let with = self.advance()?.text() == "with";
            self.advance()?;
            return Ok(Some(with));
        }
        Ok(None)
    }

    fn signature(&mut self) -> Result<(Vec<Arc<str>>, Vec<Expr>)> {
        let (mut params, mut defaults) = (Vec::new(), Vec::new());
        self.expect(Kind::LParen)?;
        while !self.at(Kind::RParen) {
            if !params.is_empty() {
                self.expect(Kind::Comma)?;
            }
            let (name, _) = self.expect_identifier()?;
            if self.skip_if(Kind::Assign)? {
                defaults.push(self.expression()?);
            } else if !defaults.is_empty() {
                return self.fail("non-default argument follows default argument");
            }
            params.push(name);
        }
        self.expect(Kind::RParen)?;
        Ok((params, defaults))
    }

    fn parse_macro(&mut self) -> Result<StmtKind> {
        self.advance()?;
        let (name, _) = self.expect_identifier()?;
        let (params, defaults) = self.signature()?;
        let body = self.body_and_end(&["endmacro"])?;
        let def = Arc::new(new_macro(Some(name), params, defaults, body));
        Ok(StmtKind::Macro {
            def,
            slot: Slot::default(),
            toplevel: false,
        })
    }

    fn parse_call_block(&mut self) -> Result<StmtKind> {
        let token = self.advance()?;
        let (params, defaults) = if self.at(Kind::LParen) {
            self.signature()?
        } else {
            (Vec::new(), Vec::new())
        };
        let mut call = self.expression()?;
        let ExprKind::Call(inner) = &mut call.kind else {
            return self.fail_at("expected call", &token);
        };
        inner.caller = true;
        let body = self.body_and_end(&["endcall"])?;
        Ok(StmtKind::CallBlock {
            def: Arc::new(new_macro(None, params, defaults, body)),
            call,
        })
    }

    fn parse_print(&mut self) -> Result<StmtKind> {
        self.advance()?;
        let mut pieces = Vec::new();
        while !self.at(Kind::BlockEnd) {
            if !pieces.is_empty() {
                self.expect(Kind::Comma)?;
            }
            let expr = self.expression()?;
            let line = expr.line;
            pieces.push(Piece::Expr(expr, line));
        }
        Ok(StmtKind::Output {
            pieces,
            check_parent: false,
        })
    }

    fn parse_set(&mut self) -> Result<StmtKind> {
        self.advance()?;
        let target = self.assign_target(&[], true)?;
        if self.skip_if(Kind::Assign)? {
            let value = self.tuple(true, &[], false)?;
            return Ok(StmtKind::Assign {
                target,
                value,
                before: 0,
                exports: Exports::default(),
            });
        }
        let filter = self.filter(None, false)?;
        let body = self.body_and_end(&["endset"])?;
        Ok(StmtKind::AssignBlock {
            target,
            filter,
            enter: Vec::new(),
            body,
            exports: Exports::default(),
        })
    }

    /// A name, tuple of names or (with `namespace`) `ns.attr`.
    fn assign_target(&mut self, ends: &[&str], namespace: bool) -> Result<Expr> {
        let target = self.target_tuple(ends, namespace)?;
        if let Some(kind) = not_assignable(&target) {
            return self.fail_line(format!("can't assign to '{kind}'"), target.line, target.offset);
        }
        Ok(target)
    }
}

fn not_assignable(target: &Expr) -> Option<&'static str> {
    match &target.kind {
        ExprKind::Name { name, .. }
            if matches!(&**name, "true" | "false" | "none" | "True" | "False" | "None") =>
        {
            Some("name")
        }
        ExprKind::Name { .. } | ExprKind::NamespaceAttr { .. } => None,
        ExprKind::Tuple(items) => items
            .iter()
            .any(|item| not_assignable(item).is_some())
            .then_some("tuple"),
        ExprKind::List(_) => Some("list"),
        ExprKind::Dict(_) => Some("dict"),
        _ => Some("const"),
    }
}

fn new_macro(name: Option<Arc<str>>, params: Vec<Arc<str>>, defaults: Vec<Expr>, body: Vec<Stmt>) -> Macro {
    Macro {
        name,
        params,
        defaults,
        body,
        param_slots: Vec::new(),
        caller: None,
        kwargs: None,
        varargs: None,
        enter: Vec::new(),
        slots: 0,
        reported: 0,
    }
}

fn flush(body: &mut Vec<Stmt>, pieces: &mut Vec<Piece>, first: &mut Option<(u32, u32)>) {
    let Some((line, offset)) = first.take() else {
        return;
    };
    if pieces.is_empty() {
        return;
    }
    let kind = StmtKind::Output {
        pieces: std::mem::take(pieces),
        check_parent: false,
    };
    body.push(Stmt {
        kind,
        line,
        offset,
        reported: line,
    });
}

/// A word in quotes as Python's `repr` would.
pub(crate) fn quoted(text: &str) -> String {
    crate::value::repr::str_repr(text)
}
