//! Which names a frame reads and stores, and where their values come from when it is entered.
//!
//! Source: Jinja2 `idtracking.py`. Names of one function share slots by level, as Jinja2's generated variables do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ast::*;
use crate::walk::names;

/// A variable of a function: the function, by how many enclose it, and the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ident {
    pub(crate) unit: usize,
    pub(crate) index: u16,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Param,
    Resolve(Arc<str>),
    Alias(Ident),
    Missing,
}

/// Names of one frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Symbols {
    pub(crate) parent: Option<usize>,
    level: usize,
    unit: usize,
    refs: BTreeMap<Arc<str>, Ident>,
    /// In order of definition.
    pub(crate) loads: Vec<(Ident, Source)>,
    pub(crate) stores: BTreeSet<Arc<str>>,
}

/// All frames of a template, and the slots of its functions.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) frames: Vec<Symbols>,
    /// Slots of each function by level and name; a stack, since functions nest.
    pub(crate) units: Vec<BTreeMap<(usize, Arc<str>), u16>>,
}

/// Part of a loop whose names are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Branch {
    Body,
    Else,
}

impl Tables {
    pub(crate) fn frame(&mut self, parent: Option<usize>) -> usize {
        let level = parent.map_or(0, |parent| self.frames[parent].level + 1);
        self.frames.push(Symbols {
            parent,
            level,
            unit: self.units.len() - 1,
            ..Symbols::default()
        });
        self.frames.len() - 1
    }

    fn define(&mut self, frame: usize, name: &Arc<str>, source: Source) -> Ident {
        let Symbols { level, unit, .. } = self.frames[frame];
        let slots = &mut self.units[unit];
        let next = slots.len() as u16;
        let index = *slots.entry((level, name.clone())).or_insert(next);
        let ident = Ident { unit, index };
        let symbols = &mut self.frames[frame];
        symbols.refs.insert(name.clone(), ident);
        symbols.set_load(ident, source);
        ident
    }

    pub(crate) fn find(&self, frame: usize, name: &str) -> Option<Ident> {
        let mut at = Some(frame);
        while let Some(index) = at {
            let symbols = &self.frames[index];
            if let Some(ident) = symbols.refs.get(name) {
                return Some(*ident);
            }
            at = symbols.parent;
        }
        None
    }

    pub(crate) fn param(&mut self, frame: usize, name: &Arc<str>) -> Ident {
        self.frames[frame].stores.insert(name.clone());
        self.define(frame, name, Source::Param)
    }

    fn store(&mut self, frame: usize, name: &Arc<str>) {
        self.frames[frame].stores.insert(name.clone());
        if self.frames[frame].refs.contains_key(name) {
            return;
        }
        let outer = self.frames[frame]
            .parent
            .and_then(|parent| self.find(parent, name));
        self.define(frame, name, outer.map_or(Source::Missing, Source::Alias));
    }

    pub(crate) fn load(&mut self, frame: usize, name: &str) {
        if self.find(frame, name).is_none() {
            let name: Arc<str> = name.into();
            self.define(frame, &name, Source::Resolve(name.clone()));
        }
    }

    pub(crate) fn expr(&mut self, frame: usize, expr: &Expr) {
        names(expr, false, &mut |name, _| self.load(frame, name));
    }

    fn target(&mut self, frame: usize, target: &Expr) {
        names(target, true, &mut |name, store| {
            if store {
                self.store(frame, &name.into());
            } else {
                self.load(frame, name);
            }
        });
    }

    pub(crate) fn params(&mut self, frame: usize, target: &Expr) {
        names(target, true, &mut |name, _| {
            self.param(frame, &name.into());
        });
    }

    /// Names of statements, as far as they belong to this frame.
    pub(crate) fn body(&mut self, frame: usize, body: &[Stmt]) {
        for statement in body {
            match &statement.kind {
                StmtKind::Output { pieces, .. } => {
                    for piece in pieces {
                        if let Piece::Expr(expr, _) = piece {
                            self.expr(frame, expr);
                        }
                    }
                }
                StmtKind::For(node) => self.expr(frame, &node.iter),
                StmtKind::If(node) => self.branches(frame, node),
                StmtKind::Macro { def, .. } => def.name.iter().for_each(|name| self.store(frame, name)),
                StmtKind::CallBlock { call, .. } => self.expr(frame, call),
                StmtKind::FilterBlock { filter, .. } => self.expr(frame, filter),
                StmtKind::With { targets, .. } => {
                    targets.iter().for_each(|(_, value)| self.expr(frame, value));
                }
                StmtKind::Extends { template, .. } | StmtKind::Include { template, .. } => {
                    self.expr(frame, template);
                }
                StmtKind::Import { template, target, .. } => {
                    self.expr(frame, template);
                    self.store(frame, target);
                }
                StmtKind::FromImport { template, names, .. } => {
                    self.expr(frame, template);
                    names.iter().for_each(|(_, alias, _)| self.store(frame, alias));
                }
                StmtKind::Assign { target, value, .. } => {
                    self.expr(frame, value);
                    self.target(frame, target);
                }
                StmtKind::AssignBlock { target, .. } => self.target(frame, target),
                StmtKind::Block { .. }
                | StmtKind::Autoescape { .. }
                | StmtKind::Break
                | StmtKind::Continue => {}
            }
        }
    }

    /// `if` and its branches: a name stored in some branch starts as what it is outside.
    fn branches(&mut self, frame: usize, node: &If) {
        let mut parts = Vec::new();
        let mut bodies: Vec<&[Stmt]> = Vec::new();
        if let Some((test, _, body)) = node.branches.first() {
            self.expr(frame, test);
            bodies.push(body);
        }
        let original = self.frames[frame].clone();
        for body in bodies {
            parts.push(self.branch(frame, &original, |tables| tables.body(frame, body)));
        }
        // Jinja2 visits all `elif`s as one branch, each a nested `if` of its own.
        parts.push(self.branch(frame, &original, |tables| {
            for (test, line, body) in node.branches.iter().skip(1) {
                let _ = line;
                tables.single_branch(frame, test, body);
            }
        }));
        parts.push(self.branch(frame, &original, |tables| tables.body(frame, &node.otherwise)));
        self.merge(frame, parts);
    }

    fn single_branch(&mut self, frame: usize, test: &Expr, body: &[Stmt]) {
        self.expr(frame, test);
        let original = self.frames[frame].clone();
        let part = self.branch(frame, &original, |tables| tables.body(frame, body));
        self.merge(frame, vec![part, original]);
    }

    fn branch(&mut self, frame: usize, original: &Symbols, visit: impl FnOnce(&mut Self)) -> Symbols {
        visit(self);
        std::mem::replace(&mut self.frames[frame], original.clone())
    }

    fn merge(&mut self, frame: usize, parts: Vec<Symbols>) {
        let mut stored: BTreeSet<Arc<str>> = parts
            .iter()
            .flat_map(|part| part.stores.iter().cloned())
            .collect();
        let symbols = &mut self.frames[frame];
        stored.retain(|name| !symbols.stores.contains(name));
        for part in parts {
            symbols.refs.extend(part.refs);
            for (ident, source) in part.loads {
                symbols.set_load(ident, source);
            }
            symbols.stores.extend(part.stores);
        }
        for name in stored {
            let Some(ident) = self.find(frame, &name) else {
                continue;
            };
            let outer = self.frames[frame]
                .parent
                .and_then(|parent| self.find(parent, &name));
            let source = outer.map_or(Source::Resolve(name), Source::Alias);
            self.frames[frame].set_load(ident, source);
        }
    }

    pub(crate) fn for_branch(&mut self, frame: usize, node: &For, branch: Branch) {
        match branch {
            Branch::Body => {
                self.params(frame, &node.target);
                self.body(frame, &node.body);
            }
            Branch::Else => self.body(frame, &node.otherwise),
        }
    }

    pub(crate) fn macro_def(&mut self, frame: usize, def: &Macro) {
        for param in &def.params {
            self.param(frame, param);
        }
        def.defaults.iter().for_each(|default| self.expr(frame, default));
        self.body(frame, &def.body);
    }

    /// All names stored in this frame and those around it, and where they are.
    pub(crate) fn stored(&self, frame: usize) -> Vec<(Arc<str>, Ident)> {
        let mut found: Vec<(Arc<str>, Ident)> = Vec::new();
        let mut at = Some(frame);
        while let Some(index) = at {
            for name in &self.frames[index].stores {
                if found.iter().any(|(known, _)| known == name) {
                    continue;
                }
                if let Some(ident) = self.find(frame, name) {
                    found.push((name.clone(), ident));
                }
            }
            at = self.frames[index].parent;
        }
        found
    }
}

impl Symbols {
    fn set_load(&mut self, ident: Ident, source: Source) {
        match self.loads.iter_mut().find(|(known, _)| *known == ident) {
            Some(load) => load.1 = source,
            None => self.loads.push((ident, source)),
        }
    }
}
