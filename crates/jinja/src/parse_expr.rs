//! Tokens to expressions.

use std::sync::Arc;

use crate::ast::*;
use crate::error::Result;
use crate::parser::{MAX_NESTING, Parser, quoted};
use crate::token::{Kind, Payload, Token};

fn expr(kind: ExprKind, line: u32, offset: u32) -> Expr {
    Expr { kind, line, offset }
}

impl Parser<'_> {
    pub(crate) fn expression(&mut self) -> Result<Expr> {
        self.expression_with(true)
    }

    fn expression_with(&mut self, conditional: bool) -> Result<Expr> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return self.fail("the expression is nested too deeply");
        }
        let result = if conditional {
            self.conditional()
        } else {
            self.or()
        };
        self.depth -= 1;
        result
    }

    fn here(&self) -> (u32, u32) {
        (self.current.line, self.current.offset)
    }

    fn conditional(&mut self) -> Result<Expr> {
        let (mut line, offset) = self.here();
        let mut first = self.or()?;
        while self.skip_name("if")? {
            let test = self.or()?;
            let otherwise = if self.skip_name("else")? {
                Some(self.conditional_deeper()?)
            } else {
                None
            };
            first = expr(ExprKind::Cond(Box::new((test, first, otherwise))), line, offset);
            line = self.current.line;
        }
        Ok(first)
    }

    fn conditional_deeper(&mut self) -> Result<Expr> {
        self.expression_with(true)
    }

    fn or(&mut self) -> Result<Expr> {
        let (mut line, offset) = self.here();
        let mut left = self.and()?;
        while self.skip_name("or")? {
            let right = self.and()?;
            left = expr(ExprKind::Or(Box::new((left, right))), line, offset);
            line = self.current.line;
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr> {
        let (mut line, offset) = self.here();
        let mut left = self.not()?;
        while self.skip_name("and")? {
            let right = self.not()?;
            left = expr(ExprKind::And(Box::new((left, right))), line, offset);
            line = self.current.line;
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr> {
        let mut nots = Vec::new();
        while self.current.is_name("not") {
            let token = self.advance()?;
            nots.push((token.line, token.offset));
            if nots.len() > MAX_NESTING {
                return self.fail("the expression is nested too deeply");
            }
        }
        let mut value = self.compare()?;
        while let Some((line, offset)) = nots.pop() {
            value = expr(ExprKind::Not(Box::new(value)), line, offset);
        }
        Ok(value)
    }

    fn compare(&mut self) -> Result<Expr> {
        let (mut line, mut offset) = self.here();
        let first = self.sum()?;
        let mut ops = Vec::new();
        loop {
            let not_in = self.current.is_name("not") && self.look()?.is_name("in");
            let op = match self.current.kind {
                Kind::Eq => Compare::Eq,
                Kind::Ne => Compare::Ne,
                Kind::Lt => Compare::Lt,
                Kind::LtEq => Compare::Le,
                Kind::Gt => Compare::Gt,
                Kind::GtEq => Compare::Ge,
                Kind::Name if self.current.is_name("in") => Compare::In,
                Kind::Name if not_in => Compare::NotIn,
                _ => break,
            };
            offset = self.current.offset;
            self.advance()?;
            if op == Compare::NotIn {
                self.advance()?;
            }
            ops.push((op, self.sum()?));
            line = self.current.line;
        }
        if ops.is_empty() {
            return Ok(first);
        }
        Ok(expr(ExprKind::Compare(Box::new(first), ops), line, offset))
    }

    fn sum(&mut self) -> Result<Expr> {
        let (mut line, _) = self.here();
        let mut left = self.concat()?;
        loop {
            let op = match self.current.kind {
                Kind::Add => Binary::Add,
                Kind::Sub => Binary::Sub,
                _ => return Ok(left),
            };
            let offset = self.advance()?.offset;
            let right = self.concat()?;
            left = expr(ExprKind::Binary(op, Box::new((left, right))), line, offset);
            line = self.current.line;
        }
    }

    fn concat(&mut self) -> Result<Expr> {
        let (line, offset) = self.here();
        let first = self.product()?;
        if !self.at(Kind::Tilde) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.skip_if(Kind::Tilde)? {
            parts.push(self.product()?);
        }
        Ok(expr(ExprKind::Concat(parts), line, offset))
    }

    fn product(&mut self) -> Result<Expr> {
        let (mut line, _) = self.here();
        let mut left = self.power()?;
        loop {
            let op = match self.current.kind {
                Kind::Mul => Binary::Mul,
                Kind::Div => Binary::Div,
                Kind::FloorDiv => Binary::FloorDiv,
                Kind::Mod => Binary::Mod,
                _ => return Ok(left),
            };
            let offset = self.advance()?.offset;
            let right = self.power()?;
            left = expr(ExprKind::Binary(op, Box::new((left, right))), line, offset);
            line = self.current.line;
        }
    }

    fn power(&mut self) -> Result<Expr> {
        let (mut line, _) = self.here();
        let mut left = self.unary(true)?;
        while self.at(Kind::Pow) {
            let offset = self.advance()?.offset;
            let right = self.unary(true)?;
            left = power_of(left, right, line, offset);
            line = self.current.line;
        }
        Ok(left)
    }

    fn unary(&mut self, with_filter: bool) -> Result<Expr> {
        let (line, offset) = self.here();
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return self.fail("the expression is nested too deeply");
        }
        let node = match self.current.kind {
            Kind::Sub => {
                self.advance()?;
                expr(ExprKind::Neg(Box::new(self.unary(false)?)), line, offset)
            }
            Kind::Add => {
                self.advance()?;
                expr(ExprKind::Pos(Box::new(self.unary(false)?)), line, offset)
            }
            _ => self.primary(false)?,
        };
        self.depth -= 1;
        let node = self.postfix(node)?;
        if with_filter {
            self.filters_and_tests(node)
        } else {
            Ok(node)
        }
    }

    fn primary(&mut self, namespace: bool) -> Result<Expr> {
        let token = self.current.clone();
        let kind = match token.kind {
            Kind::Name => {
                self.advance()?;
                self.name(&token, namespace)?
            }
            Kind::String => {
                let mut text = token.text().to_owned();
                self.advance()?;
                while self.at(Kind::String) {
                    text.push_str(self.current.text());
                    self.advance()?;
                }
                ExprKind::Const(Const::Str(text.into()))
            }
            Kind::Integer | Kind::Float => {
                self.advance()?;
                ExprKind::Const(number(&token.payload))
            }
            Kind::LParen => {
                self.advance()?;
                let inner = self.tuple(true, &[], true)?;
                self.expect(Kind::RParen)?;
                return Ok(inner);
            }
            Kind::LBracket => self.list()?,
            Kind::LBrace => self.dict()?,
            _ => return self.fail(format!("unexpected {}", quoted(&token.describe()))),
        };
        Ok(expr(kind, token.line, token.offset))
    }

    fn name(&mut self, token: &Token, namespace: bool) -> Result<ExprKind> {
        let Payload::Text(name) = &token.payload else {
            return self.fail("expected a name");
        };
        Ok(match &**name {
            "true" | "True" => ExprKind::Const(Const::Bool(true)),
            "false" | "False" => ExprKind::Const(Const::Bool(false)),
            "none" | "None" => ExprKind::Const(Const::None),
            _ if namespace && self.at(Kind::Dot) => {
                self.advance()?;
                let (attr, _) = self.expect_identifier()?;
                ExprKind::NamespaceAttr {
                    name: name.clone(),
                    attr,
                    slot: Slot::default(),
                }
            }
            _ => ExprKind::Name {
                name: name.clone(),
                slot: Slot::default(),
            },
        })
    }

    fn list(&mut self) -> Result<ExprKind> {
        self.advance()?;
        let mut items = Vec::new();
        while !self.at(Kind::RBracket) {
            if !items.is_empty() {
                self.expect(Kind::Comma)?;
            }
            if self.at(Kind::RBracket) {
                break;
            }
            items.push(self.expression()?);
        }
        self.expect(Kind::RBracket)?;
        Ok(ExprKind::List(items))
    }

    fn dict(&mut self) -> Result<ExprKind> {
        self.advance()?;
        let mut items = Vec::new();
        while !self.at(Kind::RBrace) {
            if !items.is_empty() {
                self.expect(Kind::Comma)?;
            }
            if self.at(Kind::RBrace) {
                break;
            }
            let key = self.expression()?;
            self.expect(Kind::Colon)?;
            items.push((key, self.expression()?));
        }
        self.expect(Kind::RBrace)?;
        Ok(ExprKind::Dict(items))
    }

    fn tuple_ends(&self, ends: &[&str]) -> bool {
        matches!(
            self.current.kind,
            Kind::VariableEnd | Kind::BlockEnd | Kind::RParen
        ) || ends.iter().any(|end| self.current.is_name(end))
    }

    pub(crate) fn tuple(&mut self, conditional: bool, ends: &[&str], parentheses: bool) -> Result<Expr> {
        self.tuple_of(ends, parentheses, |parser| parser.expression_with(conditional))
    }

    pub(crate) fn target_tuple(&mut self, ends: &[&str], namespace: bool) -> Result<Expr> {
        self.tuple_of(ends, false, |parser| parser.primary(namespace))
    }

    fn tuple_of(
        &mut self,
        ends: &[&str],
        parentheses: bool,
        item: impl Fn(&mut Self) -> Result<Expr>,
    ) -> Result<Expr> {
        let (mut line, offset) = self.here();
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() {
                self.expect(Kind::Comma)?;
            }
            if self.tuple_ends(ends) {
                break;
            }
            items.push(item(self)?);
            if !self.at(Kind::Comma) {
                break;
            }
            is_tuple = true;
            line = self.current.line;
        }
        if !is_tuple {
            if let Some(only) = items.pop() {
                return Ok(only);
            }
            if !parentheses {
                return self.fail(format!(
                    "Expected an expression, got {}",
                    quoted(&self.current.describe())
                ));
            }
        }
        Ok(expr(ExprKind::Tuple(items), line, offset))
    }

    fn postfix(&mut self, mut node: Expr) -> Result<Expr> {
        loop {
            node = match self.current.kind {
                Kind::Dot | Kind::LBracket => self.subscript(node)?,
                Kind::LParen => self.call(node)?,
                _ => return Ok(node),
            };
        }
    }

    fn filters_and_tests(&mut self, mut node: Expr) -> Result<Expr> {
        loop {
            node = match self.current.kind {
                Kind::Pipe => match self.filter(Some(node), false)? {
                    Some(node) => node,
                    None => return self.fail("expected a filter"),
                },
                Kind::Name if self.current.is_name("is") => self.test(node)?,
                Kind::LParen => self.call(node)?,
                _ => return Ok(node),
            };
        }
    }

    fn subscript(&mut self, node: Expr) -> Result<Expr> {
        let token = self.advance()?;
        if token.kind == Kind::Dot {
            let attr = self.advance()?;
            return match (&attr.kind, &attr.payload) {
                (Kind::Name, Payload::Text(name)) => Ok(expr(
                    ExprKind::Getattr(Box::new(node), name.clone()),
                    token.line,
                    attr.offset,
                )),
                (Kind::Integer, payload) => {
                    let arg = expr(ExprKind::Const(number(payload)), attr.line, attr.offset);
                    Ok(expr(
                        ExprKind::Getitem(Box::new((node, arg))),
                        token.line,
                        attr.offset,
                    ))
                }
                _ => self.fail_at("expected name or number", &attr),
            };
        }
        let mut args = Vec::new();
        while !self.at(Kind::RBracket) {
            if !args.is_empty() {
                self.expect(Kind::Comma)?;
            }
            args.push(self.subscribed()?);
        }
        self.expect(Kind::RBracket)?;
        let arg = match args.len() {
            1 => args.remove(0),
            _ => expr(ExprKind::Tuple(args), token.line, token.offset),
        };
        Ok(expr(
            ExprKind::Getitem(Box::new((node, arg))),
            token.line,
            token.offset,
        ))
    }

    fn subscribed(&mut self) -> Result<Expr> {
        let (line, offset) = self.here();
        let mut start = None;
        if !self.at(Kind::Colon) {
            let node = self.expression()?;
            if !self.at(Kind::Colon) {
                return Ok(node);
            }
            start = Some(node);
        }
        self.advance()?;
        let part_ends = |parser: &Self| matches!(parser.current.kind, Kind::RBracket | Kind::Comma);
        let stop = if self.at(Kind::Colon) || part_ends(self) {
            None
        } else {
            Some(self.expression()?)
        };
        let mut step = None;
        if self.skip_if(Kind::Colon)? && !part_ends(self) {
            step = Some(self.expression()?);
        }
        Ok(expr(ExprKind::Slice(Box::new([start, stop, step])), line, offset))
    }

    fn call_args(&mut self) -> Result<Args> {
        let open = self.expect(Kind::LParen)?;
        let mut args = no_args();
        let mut require_comma = false;
        while !self.at(Kind::RParen) {
            if require_comma {
                self.expect(Kind::Comma)?;
                if self.at(Kind::RParen) {
                    break;
                }
            }
            let keyword = self.at(Kind::Name) && self.look()?.kind == Kind::Assign;
            let fine = match self.current.kind {
                Kind::Mul => args.dyn_positional.is_none() && args.dyn_keywords.is_none(),
                Kind::Pow => args.dyn_keywords.is_none(),
                _ if keyword => args.dyn_keywords.is_none(),
                _ => args.dyn_positional.is_none() && args.dyn_keywords.is_none() && args.keywords.is_empty(),
            };
            if !fine {
                return self.fail_at("invalid syntax for function call expression", &open);
            }
            match self.current.kind {
                Kind::Mul => {
                    self.advance()?;
                    args.dyn_positional = Some(self.expression()?);
                }
                Kind::Pow => {
                    self.advance()?;
                    args.dyn_keywords = Some(self.expression()?);
                }
                _ if keyword => {
                    let (name, _) = self.expect_identifier()?;
                    self.advance()?;
                    args.keywords.push((name, self.expression()?));
                }
                _ => args.positional.push(self.expression()?),
            }
            require_comma = true;
        }
        self.expect(Kind::RParen)?;
        Ok(args)
    }

    fn call(&mut self, callee: Expr) -> Result<Expr> {
        let line = self.current.line;
        let offset = callee.offset;
        let args = self.call_args()?;
        let call = Call {
            callee,
            args,
            caller: false,
            in_loop: false,
            in_block: false,
        };
        Ok(expr(ExprKind::Call(Box::new(call)), line, offset))
    }

    fn dotted(&mut self) -> Result<(Arc<str>, Token)> {
        let (name, token) = self.expect_identifier()?;
        if !self.at(Kind::Dot) {
            return Ok((name, token));
        }
        let mut name = name.to_string();
        while self.skip_if(Kind::Dot)? {
            name.push('.');
            name.push_str(&self.expect_identifier()?.0);
        }
        Ok((name.into(), token))
    }

    /// `| name(args)` as often as it comes; `inline` starts with the name.
    pub(crate) fn filter(&mut self, mut node: Option<Expr>, mut inline: bool) -> Result<Option<Expr>> {
        while self.at(Kind::Pipe) || inline {
            if !inline {
                self.advance()?;
            }
            let (name, token) = self.dotted()?;
            let args = if self.at(Kind::LParen) {
                self.call_args()?
            } else {
                no_args()
            };
            let call = FilterCall {
                input: node,
                filter: crate::filters::find(&name),
                name,
                args,
            };
            node = Some(expr(ExprKind::Filter(Box::new(call)), token.line, token.offset));
            inline = false;
        }
        Ok(node)
    }

    fn test(&mut self, node: Expr) -> Result<Expr> {
        let token = self.advance()?;
        let negated = self.skip_name("not")?;
        let (name, name_token) = self.dotted()?;
        let mut args = no_args();
        let starts_value = matches!(
            self.current.kind,
            Kind::Name | Kind::String | Kind::Integer | Kind::Float | Kind::LBracket | Kind::LBrace
        ) && !["else", "or", "and"]
            .iter()
            .any(|word| self.current.is_name(word));
        if self.at(Kind::LParen) {
            args = self.call_args()?;
        } else if starts_value {
            if self.current.is_name("is") {
                return self.fail("You cannot chain multiple tests with is");
            }
            let arg = self.primary(false)?;
            args.positional.push(self.postfix(arg)?);
        }
        let call = TestCall {
            input: node,
            test: crate::tests::find(&name),
            name,
            args,
        };
        let test = expr(ExprKind::Test(Box::new(call)), token.line, name_token.offset);
        if negated {
            return Ok(expr(ExprKind::Not(Box::new(test)), token.line, name_token.offset));
        }
        Ok(test)
    }
}

/// Jinja2 writes a negative number without parentheses into Python, so that `-2 ** x` is `-(2 ** x)` there, unless
/// both sides are numbers and it does the sum itself.
fn power_of(left: Expr, right: Expr, line: u32, offset: u32) -> Expr {
    match left.kind {
        ExprKind::Neg(inner) if matches!(inner.kind, ExprKind::Const(_)) && !is_number(&right) => {
            let power = expr(
                ExprKind::Binary(Binary::Pow, Box::new((*inner, right))),
                line,
                offset,
            );
            expr(ExprKind::Neg(Box::new(power)), line, left.offset)
        }
        kind => {
            let left = Expr { kind, ..left };
            expr(
                ExprKind::Binary(Binary::Pow, Box::new((left, right))),
                line,
                offset,
            )
        }
    }
}

fn is_number(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Const(_) => true,
        ExprKind::Neg(inner) | ExprKind::Pos(inner) => is_number(inner),
        ExprKind::Binary(_, parts) => is_number(&parts.0) && is_number(&parts.1),
        _ => false,
    }
}

fn no_args() -> Args {
    Args {
        positional: Vec::new(),
        keywords: Vec::new(),
        dyn_positional: None,
        dyn_keywords: None,
    }
}

fn number(payload: &Payload) -> Const {
    match payload {
        Payload::Int(value) => Const::Int(*value),
        Payload::Big(value) => Const::Big(value.clone()),
        Payload::Float(value) => Const::Float(*value),
        Payload::None | Payload::Text(_) => Const::None,
    }
}
