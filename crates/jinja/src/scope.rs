//! Gives every name its slot, and every statement the line that Jinja2 would report for it.
//!
//! Source: Jinja2 `compiler.py`: frames, exports of assignments, debug lines in the order of the generated code, and what
//! is an error before anything is rendered (unknown filters, blocks defined twice).

use std::sync::Arc;

use crate::ast::*;
use crate::error::{Error, ErrorKind, Result};
use crate::symbols::{Branch, Ident, Source, Tables};
use crate::walk;

/// A block of a template: a function of its own.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) name: Arc<str>,
    pub(crate) line: u32,
    pub(crate) body: Vec<Stmt>,
    pub(crate) enter: Enter,
    pub(crate) slots: u16,
    pub(crate) self_slot: Option<u16>,
    pub(crate) super_slot: Option<u16>,
}

/// A template's top level and its blocks.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) body: Vec<Stmt>,
    pub(crate) enter: Enter,
    pub(crate) slots: u16,
    pub(crate) self_slot: Option<u16>,
    pub(crate) blocks: Vec<Arc<Block>>,
}

#[derive(Clone, Copy)]
struct Frame {
    symbols: usize,
    toplevel: bool,
    rootlevel: bool,
    in_loop: bool,
    in_block: bool,
    soft: bool,
    check_parent: bool,
}

impl Frame {
    fn new(symbols: usize, check_parent: bool) -> Self {
        Self {
            symbols,
            toplevel: false,
            rootlevel: false,
            in_loop: false,
            in_block: false,
            soft: false,
            check_parent,
        }
    }

    fn softened(self) -> Self {
        Self {
            rootlevel: false,
            soft: true,
            ..self
        }
    }
}

struct Compiler {
    tables: Tables,
    last_line: u32,
    extends: usize,
    known_extends: bool,
    loops: usize,
}

/// Resolves a parsed template.
pub(crate) fn compile(mut body: Vec<Stmt>) -> Result<Program> {
    let has_extends = walk::any(&body, &|statement| {
        matches!(statement.kind, StmtKind::Extends { .. })
    });
    let duplicate = duplicate_parameter(&body);
    let mut raw_blocks = Vec::new();
    take_blocks(&mut body, &mut raw_blocks)?;
    let mut compiler = Compiler {
        tables: Tables::default(),
        last_line: 0,
        extends: 0,
        known_extends: false,
        loops: 0,
    };
    compiler.tables.units.push(std::collections::BTreeMap::default());
    let symbols = compiler.tables.frame(None);
    let mut frame = Frame::new(symbols, has_extends);
    let mut self_slot = None;
    if !walk::undeclared(&body, &["self"]).is_empty() {
        self_slot = Some(compiler.tables.param(symbols, &"self".into()).index);
    }
    compiler.tables.body(symbols, &body);
    frame.toplevel = true;
    frame.rootlevel = true;
    let enter = compiler.enter(symbols);
    compiler.body(&mut body, frame)?;
    let slots = compiler.pop_unit();
    let mut blocks = Vec::new();
    for (name, line, body) in raw_blocks {
        blocks.push(Arc::new(compiler.block(name, line, body)?));
    }
    if let Some(error) = duplicate {
        return Err(error);
    }
    Ok(Program {
        body,
        enter,
        slots,
        self_slot,
        blocks,
    })
}

/// Python refuses a function with two parameters of one name, after all that Jinja2 refuses.
fn duplicate_parameter(body: &[Stmt]) -> Option<Error> {
    let found = std::cell::RefCell::new(None);
    walk::any(body, &|statement| {
        let (StmtKind::Macro { def, .. } | StmtKind::CallBlock { def, .. }) = &statement.kind else {
            return false;
        };
        let mut params = def.params.iter().enumerate();
        let Some((_, name)) = params.find(|(index, name)| def.params[..*index].contains(name)) else {
            return false;
        };
        let message = format!("duplicate argument '{name}' in function definition");
        found.replace(Some(
            Error::new(ErrorKind::PYTHON_SYNTAX, message).at(statement.offset),
        ));
        true
    });
    found.into_inner()
}

type RawBlock = (Arc<str>, u32, Vec<Stmt>);

/// Moves the bodies of blocks out of the tree, outer blocks first.
fn take_blocks(body: &mut [Stmt], blocks: &mut Vec<RawBlock>) -> Result<()> {
    for statement in body {
        match &mut statement.kind {
            StmtKind::Block { name, body, .. } => {
                if blocks.iter().any(|(known, _, _)| known == name) {
                    let message = format!("block {} defined twice", crate::parser::quoted(name));
                    return Err(assertion(message, statement.line, statement.offset));
                }
                let mut inner = std::mem::take(body);
                blocks.push((name.clone(), statement.line, Vec::new()));
                let index = blocks.len() - 1;
                take_blocks(&mut inner, blocks)?;
                blocks[index].2 = inner;
            }
            StmtKind::For(node) => {
                if let Some(node) = Arc::get_mut(node) {
                    take_blocks(&mut node.body, blocks)?;
                    take_blocks(&mut node.otherwise, blocks)?;
                }
            }
            StmtKind::If(node) => {
                for (_, _, body) in &mut node.branches {
                    take_blocks(body, blocks)?;
                }
                take_blocks(&mut node.otherwise, blocks)?;
            }
            StmtKind::Macro { def, .. } | StmtKind::CallBlock { def, .. } => {
                if let Some(def) = Arc::get_mut(def) {
                    take_blocks(&mut def.body, blocks)?;
                }
            }
            StmtKind::FilterBlock { body, .. }
            | StmtKind::With { body, .. }
            | StmtKind::AssignBlock { body, .. }
            | StmtKind::Autoescape { body, .. } => take_blocks(body, blocks)?,
            _ => {}
        }
    }
    Ok(())
}

fn assertion(message: impl Into<String>, line: u32, offset: u32) -> Error {
    let mut error = Error::new(ErrorKind::ASSERTION, message).at(offset);
    error.set_statement_line(line);
    error
}

impl Compiler {
    fn unit(&self) -> usize {
        self.tables.units.len() - 1
    }

    fn pop_unit(&mut self) -> u16 {
        self.tables.units.pop().map_or(0, |slots| slots.len() as u16)
    }

    /// Runs `inside` in a new function and returns how many slots it has.
    fn function<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T>) -> Result<(T, u16)> {
        self.tables.units.push(std::collections::BTreeMap::default());
        let loops = std::mem::take(&mut self.loops);
        let result = inside(self);
        self.loops = loops;
        let slots = self.pop_unit();
        Ok((result?, slots))
    }

    fn slot_of(&self, ident: Ident) -> Slot {
        Slot {
            hops: (self.unit() - ident.unit) as u16,
            index: ident.index,
        }
    }

    fn slot(&mut self, frame: Frame, name: &str) -> Slot {
        if self.tables.find(frame.symbols, name).is_none() {
            self.tables.load(frame.symbols, name);
        }
        self.tables
            .find(frame.symbols, name)
            .map_or_else(Slot::default, |ident| self.slot_of(ident))
    }

    fn enter(&self, symbols: usize) -> Enter {
        let load = |(ident, source): &(Ident, Source)| match source {
            Source::Param => None,
            Source::Resolve(name) => Some((ident.index, Load::Resolve(name.clone()))),
            Source::Alias(from) => Some((ident.index, Load::Alias(self.slot_of(*from)))),
            Source::Missing => Some((ident.index, Load::Missing)),
        };
        self.tables.frames[symbols]
            .loads
            .iter()
            .filter_map(load)
            .collect()
    }

    fn line(&mut self, line: u32) -> u32 {
        self.last_line = line;
        line
    }

    fn locals(&self, frame: Frame) -> Vec<(Arc<str>, Slot)> {
        self.tables
            .stored(frame.symbols)
            .into_iter()
            .map(|(name, ident)| (name, self.slot_of(ident)))
            .collect()
    }

    fn block(&mut self, name: Arc<str>, line: u32, mut body: Vec<Stmt>) -> Result<Block> {
        self.tables.units.push(std::collections::BTreeMap::default());
        self.line(line);
        let symbols = self.tables.frame(None);
        let mut frame = Frame::new(symbols, false);
        frame.in_block = true;
        let undeclared = walk::undeclared(&body, &["self", "super"]);
        let mut special = |wanted: &str| {
            undeclared
                .contains(&wanted)
                .then(|| self.tables.param(symbols, &wanted.into()).index)
        };
        let (self_slot, super_slot) = (special("self"), special("super"));
        self.tables.body(symbols, &body);
        let enter = self.enter(symbols);
        self.body(&mut body, frame)?;
        let slots = self.pop_unit();
        Ok(Block {
            name,
            line,
            body,
            enter,
            slots,
            self_slot,
            super_slot,
        })
    }

    fn body(&mut self, body: &mut Vec<Stmt>, frame: Frame) -> Result<()> {
        for index in 0..body.len() {
            if self.statement(&mut body[index], frame)? {
                body.truncate(index + 1);
                break;
            }
        }
        Ok(())
    }

    /// Whether nothing after this statement can run.
    fn statement(&mut self, statement: &mut Stmt, frame: Frame) -> Result<bool> {
        let line = statement.line;
        statement.reported = self.last_line.max(1);
        match &mut statement.kind {
            StmtKind::Output { pieces, check_parent } => {
                if frame.check_parent && self.known_extends {
                    pieces.clear();
                }
                *check_parent = frame.check_parent;
                for piece in pieces {
                    if let Piece::Expr(expr, reported) = piece {
                        *reported = self.line(expr.line);
                        self.expr(expr, frame)?;
                    }
                }
            }
            StmtKind::For(node) => {
                if let Some(node) = Arc::get_mut(node) {
                    self.for_loop(node, line, statement.offset, frame)?;
                }
                statement.reported = line;
            }
            StmtKind::If(node) => {
                let inner = frame.softened();
                for ((test, reported, body), line) in node.branches.iter_mut().zip(&node.lines) {
                    *reported = self.line(*line);
                    self.expr(test, inner)?;
                    self.body(body, inner)?;
                }
                self.body(&mut node.otherwise, inner)?;
                statement.reported = line;
            }
            StmtKind::Macro { def, slot, toplevel } => {
                let Some(def) = Arc::get_mut(def) else {
                    return Ok(false);
                };
                self.macro_body(def, line, statement.offset, frame)?;
                *toplevel = frame.toplevel;
                if let Some(name) = &def.name {
                    *slot = self.slot(frame, name);
                }
            }
            StmtKind::CallBlock { def, call } => {
                if let Some(def) = Arc::get_mut(def) {
                    self.macro_body(def, line, statement.offset, frame)?;
                }
                statement.reported = self.line(line);
                self.expr(call, frame)?;
            }
            StmtKind::FilterBlock { enter, body, filter } => {
                let inner = Frame::new(
                    self.tables.frame(Some(frame.symbols)),
                    frame.check_parent && frame.toplevel,
                );
                self.tables.body(inner.symbols, body);
                self.tables.expr(inner.symbols, filter);
                *enter = self.enter(inner.symbols);
                let inner = Frame {
                    check_parent: frame.check_parent,
                    ..inner
                };
                self.body(body, inner)?;
                statement.reported = self.line(line);
                self.expr(filter, inner)?;
            }
            StmtKind::With { targets, enter, body } => {
                let inner = Frame::new(self.tables.frame(Some(frame.symbols)), frame.check_parent);
                for (target, _) in targets.iter() {
                    self.tables.params(inner.symbols, target);
                }
                self.tables.body(inner.symbols, body);
                *enter = self.enter(inner.symbols);
                for (target, value) in targets {
                    self.expr(target, inner)?;
                    self.expr(value, frame)?;
                }
                self.body(body, inner)?;
            }
            StmtKind::Block { .. } => self.block_call(statement, frame),
            StmtKind::Extends { .. } => return self.extends(statement, frame),
            StmtKind::Include { .. } | StmtKind::Import { .. } | StmtKind::FromImport { .. } => {
                self.imports(statement, frame)?;
            }
            StmtKind::Assign {
                target,
                value,
                before,
                exports,
            } => {
                *before = statement.reported;
                statement.reported = self.line(line);
                self.expr(target, frame)?;
                self.expr(value, frame)?;
                *exports = self.exports(target, frame);
            }
            StmtKind::AssignBlock {
                target,
                filter,
                enter,
                body,
                exports,
            } => {
                let inner = Frame::new(self.tables.frame(Some(frame.symbols)), false);
                self.tables.body(inner.symbols, body);
                *enter = self.enter(inner.symbols);
                self.body(body, inner)?;
                statement.reported = self.line(line);
                self.expr(target, frame)?;
                if let Some(filter) = filter {
                    self.expr(filter, inner)?;
                    *enter = self.enter(inner.symbols);
                }
                *exports = self.exports(target, frame);
            }
            StmtKind::Autoescape { value, enter, body } => {
                let inner = Frame::new(self.tables.frame(Some(frame.symbols)), frame.check_parent);
                self.tables.expr(inner.symbols, value);
                self.tables.body(inner.symbols, body);
                *enter = self.enter(inner.symbols);
                self.expr(value, inner)?;
                self.body(body, inner)?;
            }
            StmtKind::Break | StmtKind::Continue => {
                if self.loops == 0 {
                    let text = match statement.kind {
                        StmtKind::Break => "'break' outside loop",
                        _ => "'continue' not properly in loop",
                    };
                    let mut error = Error::new(ErrorKind::PYTHON_SYNTAX, text).at(statement.offset);
                    error.set_statement_line(line);
                    return Err(error);
                }
                statement.reported = self.line(line);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn for_loop(&mut self, node: &mut For, line: u32, offset: u32, frame: Frame) -> Result<()> {
        let scoped = |statement: &Stmt| matches!(statement.kind, StmtKind::Block { scoped: true, .. });
        let extended = node.recursive
            || !walk::undeclared(&node.body, &["loop"]).is_empty()
            || walk::any(&node.body, &scoped);
        if let Some(test) = &mut node.test {
            let reported = self.line(test.test.line);
            test.reported = reported;
            let ((), slots) = self.function(|this| {
                let symbols = this.tables.frame(Some(frame.symbols));
                this.tables.params(symbols, &test.target);
                this.tables.expr(symbols, &test.test);
                test.enter = this.enter(symbols);
                let inner = Frame::new(symbols, frame.check_parent);
                this.expr(&mut test.target, inner)?;
                this.expr(&mut test.test, inner)
            })?;
            test.slots = slots;
        }
        assigns_loop(node, line, offset)?;
        if node.recursive {
            self.line(line);
            let ((), slots) = self.function(|this| this.loop_parts(node, line, extended, frame))?;
            node.slots = slots;
        } else {
            self.loop_parts(node, line, extended, frame)?;
        }
        self.line_after_loop(node, line, frame)
    }

    fn line_after_loop(&mut self, node: &mut For, line: u32, frame: Frame) -> Result<()> {
        if node.recursive {
            self.line(line);
        }
        self.expr(&mut node.iter, frame)
    }

    fn loop_parts(&mut self, node: &mut For, line: u32, extended: bool, frame: Frame) -> Result<()> {
        let mut inner = Frame::new(self.tables.frame(Some(frame.symbols)), frame.check_parent);
        inner.in_loop = true;
        let other = Frame::new(self.tables.frame(Some(frame.symbols)), frame.check_parent);
        if extended {
            node.loop_slot = Some(self.tables.param(inner.symbols, &"loop".into()).index);
        }
        self.tables.for_branch(inner.symbols, node, Branch::Body);
        self.tables.for_branch(other.symbols, node, Branch::Else);
        self.line(line);
        self.expr(&mut node.target, inner)?;
        node.enter = self.enter(inner.symbols);
        self.loops += 1;
        self.body(&mut node.body, inner)?;
        self.loops -= 1;
        node.else_enter = self.enter(other.symbols);
        self.body(&mut node.otherwise, other)
    }

    fn macro_body(&mut self, def: &mut Macro, line: u32, offset: u32, frame: Frame) -> Result<()> {
        let ((), slots) = self.function(|this| {
            let symbols = this.tables.frame(Some(frame.symbols));
            this.tables.macro_def(symbols, def);
            def.param_slots = def.params.iter().map(|param| this.tables.param(symbols, param).index).collect();
            let undeclared = walk::undeclared(&def.body, &["caller", "kwargs", "varargs"]);
            let has = |name: &str| def.params.iter().position(|param| &**param == name);
            if undeclared.contains(&"caller") {
                match has("caller") {
                    Some(index) if index + def.defaults.len() < def.params.len() => {
                        let text = "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.";
                        return Err(assertion(text, line, offset));
                    }
                    Some(_) => {}
                    None => def.caller = Some(this.tables.param(symbols, &"caller".into()).index),
                }
            }
            if undeclared.contains(&"kwargs") && has("kwargs").is_none() {
                def.kwargs = Some(this.tables.param(symbols, &"kwargs".into()).index);
            }
            if undeclared.contains(&"varargs") && has("varargs").is_none() {
                def.varargs = Some(this.tables.param(symbols, &"varargs".into()).index);
            }
            this.tables.macro_def(symbols, def);
            def.reported = this.line(line);
            let inner = Frame::new(symbols, false);
            def.enter = this.enter(symbols);
            for default in &mut def.defaults {
                this.expr(default, inner)?;
            }
            this.body(&mut def.body, inner)
        })?;
        def.slots = slots;
        Ok(())
    }

    fn block_call(&mut self, statement: &mut Stmt, frame: Frame) {
        let line = statement.line;
        let locals_of = self.locals(frame);
        if let StmtKind::Block {
            scoped,
            locals,
            skip,
            check_parent,
            ..
        } = &mut statement.kind
        {
            if frame.toplevel {
                if self.known_extends {
                    *skip = true;
                    return;
                }
                *check_parent = self.extends > 0;
            }
            if *scoped {
                *locals = locals_of;
            }
            statement.reported = self.line(line);
        }
    }

    fn extends(&mut self, statement: &mut Stmt, frame: Frame) -> Result<bool> {
        let (line, offset) = (statement.line, statement.offset);
        let StmtKind::Extends { template, repeated } = &mut statement.kind else {
            return Ok(false);
        };
        if !frame.toplevel {
            return Err(assertion(
                "cannot use extend from a non top-level scope",
                line,
                offset,
            ));
        }
        if self.extends > 0 {
            *repeated = true;
            if self.known_extends {
                self.expr(template, frame)?;
                return Ok(true);
            }
        }
        statement.reported = self.line(line);
        self.expr(template, frame)?;
        if frame.rootlevel {
            self.known_extends = true;
        }
        self.extends += 1;
        Ok(false)
    }

    fn imports(&mut self, statement: &mut Stmt, frame: Frame) -> Result<()> {
        statement.reported = self.line(statement.line);
        let all = self.locals(frame);
        match &mut statement.kind {
            StmtKind::Include {
                template,
                with_context,
                locals,
                ..
            } => {
                self.expr(template, frame)?;
                if *with_context {
                    *locals = all;
                }
            }
            StmtKind::Import {
                template,
                target,
                with_context,
                slot,
                toplevel,
                locals,
            } => {
                self.expr(template, frame)?;
                *slot = self.slot(frame, target);
                *toplevel = frame.toplevel;
                if *with_context {
                    *locals = all;
                }
            }
            StmtKind::FromImport {
                template,
                names,
                with_context,
                toplevel,
                locals,
            } => {
                self.expr(template, frame)?;
                for (_, alias, slot) in names {
                    *slot = self.slot(frame, alias);
                }
                *toplevel = frame.toplevel;
                if *with_context {
                    *locals = all;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn exports(&mut self, target: &Expr, frame: Frame) -> Exports {
        let to = match frame {
            Frame { in_loop: true, .. } => Export::Loop,
            Frame { in_block: true, .. } => Export::Block,
            Frame { toplevel: true, .. } => Export::Context,
            _ => return Exports::default(),
        };
        let mut stored = Vec::new();
        walk::names(target, true, &mut |name, store| {
            if store && !stored.iter().any(|known: &Arc<str>| **known == *name) {
                stored.push(Arc::<str>::from(name));
            }
        });
        stored.sort();
        let names = stored
            .into_iter()
            .map(|name| (name.clone(), self.slot(frame, &name)))
            .collect();
        Exports { to, names }
    }

    fn expr(&mut self, expr: &mut Expr, frame: Frame) -> Result<()> {
        let (line, offset) = (expr.line, expr.offset);
        match &mut expr.kind {
            ExprKind::Const(_) => {}
            ExprKind::Name { name, slot } | ExprKind::NamespaceAttr { name, slot, .. } => {
                *slot = self.slot(frame, name);
            }
            ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Concat(items) => {
                for item in items {
                    self.expr(item, frame)?;
                }
            }
            ExprKind::Dict(items) => {
                for (key, value) in items {
                    self.expr(key, frame)?;
                    self.expr(value, frame)?;
                }
            }
            ExprKind::Cond(parts) => {
                let inner = frame.softened();
                self.expr(&mut parts.1, inner)?;
                self.expr(&mut parts.0, inner)?;
                if let Some(part) = &mut parts.2 {
                    self.expr(part, inner)?;
                }
            }
            ExprKind::And(parts)
            | ExprKind::Or(parts)
            | ExprKind::Binary(_, parts)
            | ExprKind::Getitem(parts) => {
                self.expr(&mut parts.0, frame)?;
                self.expr(&mut parts.1, frame)?;
            }
            ExprKind::Not(inner)
            | ExprKind::Neg(inner)
            | ExprKind::Pos(inner)
            | ExprKind::Getattr(inner, _) => self.expr(inner, frame)?,
            ExprKind::Compare(first, rest) => {
                self.expr(first, frame)?;
                for (_, operand) in rest {
                    self.expr(operand, frame)?;
                }
            }
            ExprKind::Slice(parts) => {
                for part in parts.iter_mut().flatten() {
                    self.expr(part, frame)?;
                }
            }
            ExprKind::Call(call) => {
                call.in_loop = frame.in_loop;
                call.in_block = frame.in_block;
                self.expr(&mut call.callee, frame)?;
                self.args(&mut call.args, frame)?;
            }
            ExprKind::Filter(call) => {
                if call.filter.is_none() && !frame.soft {
                    return Err(assertion(
                        format!("No filter named {}.", crate::parser::quoted(&call.name)),
                        line,
                        offset,
                    ));
                }
                if let Some(input) = &mut call.input {
                    self.expr(input, frame)?;
                }
                self.args(&mut call.args, frame)?;
            }
            ExprKind::Test(call) => {
                if call.test.is_none() && !frame.soft {
                    return Err(assertion(
                        format!("No test named {}.", crate::parser::quoted(&call.name)),
                        line,
                        offset,
                    ));
                }
                self.expr(&mut call.input, frame)?;
                self.args(&mut call.args, frame)?;
            }
        }
        Ok(())
    }

    fn args(&mut self, args: &mut Args, frame: Frame) -> Result<()> {
        for arg in &mut args.positional {
            self.expr(arg, frame)?;
        }
        for (_, arg) in &mut args.keywords {
            self.expr(arg, frame)?;
        }
        for arg in args.dyn_positional.iter_mut().chain(&mut args.dyn_keywords) {
            self.expr(arg, frame)?;
        }
        Ok(())
    }
}

/// `loop` may not be a target anywhere in a loop.
fn assigns_loop(node: &For, line: u32, offset: u32) -> Result<()> {
    let stores = |target: &Expr| {
        let mut found = false;
        walk::names(target, true, &mut |name, store| found |= store && name == "loop");
        found
    };
    let assigns = |statement: &Stmt| match &statement.kind {
        StmtKind::For(node) => stores(&node.target),
        StmtKind::Assign { target, .. } | StmtKind::AssignBlock { target, .. } => stores(target),
        _ => false,
    };
    if stores(&node.target) || walk::any(&node.body, &assigns) || walk::any(&node.otherwise, &assigns) {
        return Err(assertion(
            "Can't assign to special loop variable in for-loop target",
            line,
            offset,
        ));
    }
    Ok(())
}
