//! Walks over the syntax tree in the order in which Jinja2 visits child nodes.

use crate::ast::*;

/// Calls `visit` for each name in an expression: the name, and whether it is stored to.
pub(crate) fn names<'a>(expr: &'a Expr, store: bool, visit: &mut dyn FnMut(&'a str, bool)) {
    match &expr.kind {
        ExprKind::Name { name, .. } => visit(name, store),
        ExprKind::NamespaceAttr { name, .. } => visit(name, false),
        ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Concat(items) => {
            items.iter().for_each(|item| names(item, store, visit));
        }
        ExprKind::Const(_) => {}
        ExprKind::Dict(items) => {
            for (key, value) in items {
                names(key, false, visit);
                names(value, false, visit);
            }
        }
        ExprKind::Cond(parts) => {
            names(&parts.0, false, visit);
            names(&parts.1, false, visit);
            parts.2.iter().for_each(|part| names(part, false, visit));
        }
        ExprKind::And(parts)
        | ExprKind::Or(parts)
        | ExprKind::Binary(_, parts)
        | ExprKind::Getitem(parts) => {
            names(&parts.0, false, visit);
            names(&parts.1, false, visit);
        }
        ExprKind::Not(inner) | ExprKind::Neg(inner) | ExprKind::Pos(inner) | ExprKind::Getattr(inner, _) => {
            names(inner, false, visit);
        }
        ExprKind::Compare(first, rest) => {
            names(first, false, visit);
            rest.iter().for_each(|(_, operand)| names(operand, false, visit));
        }
        ExprKind::Slice(parts) => parts.iter().flatten().for_each(|part| names(part, false, visit)),
        ExprKind::Call(call) => {
            names(&call.callee, false, visit);
            args_names(&call.args, visit);
        }
        ExprKind::Filter(call) => {
            call.input.iter().for_each(|input| names(input, false, visit));
            args_names(&call.args, visit);
        }
        ExprKind::Test(call) => {
            names(&call.input, false, visit);
            args_names(&call.args, visit);
        }
    }
}

fn args_names<'a>(args: &'a Args, visit: &mut dyn FnMut(&'a str, bool)) {
    args.positional.iter().for_each(|arg| names(arg, false, visit));
    args.keywords.iter().for_each(|(_, arg)| names(arg, false, visit));
    args.dyn_positional
        .iter()
        .chain(&args.dyn_keywords)
        .for_each(|arg| names(arg, false, visit));
}

/// Calls `visit` for each name in statements, in order. Blocks are entered only with `blocks`.
pub(crate) fn statement_names<'a>(body: &'a [Stmt], blocks: bool, visit: &mut dyn FnMut(&'a str, bool)) {
    for statement in body {
        match &statement.kind {
            StmtKind::Output { pieces, .. } => {
                for piece in pieces {
                    if let Piece::Expr(expr, _) = piece {
                        names(expr, false, visit);
                    }
                }
            }
            StmtKind::For(node) => {
                names(&node.target, true, visit);
                names(&node.iter, false, visit);
                statement_names(&node.body, blocks, visit);
                statement_names(&node.otherwise, blocks, visit);
                node.test.iter().for_each(|test| names(&test.test, false, visit));
            }
            StmtKind::If(node) => {
                for (test, _, body) in &node.branches {
                    names(test, false, visit);
                    statement_names(body, blocks, visit);
                }
                statement_names(&node.otherwise, blocks, visit);
            }
            StmtKind::Macro { def, .. } => macro_names(def, blocks, visit),
            StmtKind::CallBlock { def, call } => {
                names(call, false, visit);
                macro_names(def, blocks, visit);
            }
            StmtKind::FilterBlock { body, filter, .. } => {
                statement_names(body, blocks, visit);
                names(filter, false, visit);
            }
            StmtKind::With { targets, body, .. } => {
                targets.iter().for_each(|(target, _)| names(target, true, visit));
                targets.iter().for_each(|(_, value)| names(value, false, visit));
                statement_names(body, blocks, visit);
            }
            StmtKind::Block { body, .. } if blocks => statement_names(body, blocks, visit),
            StmtKind::Extends { template, .. }
            | StmtKind::Include { template, .. }
            | StmtKind::Import { template, .. }
            | StmtKind::FromImport { template, .. } => names(template, false, visit),
            StmtKind::Assign { target, value, .. } => {
                names(target, true, visit);
                names(value, false, visit);
            }
            StmtKind::AssignBlock {
                target, filter, body, ..
            } => {
                names(target, true, visit);
                filter.iter().for_each(|filter| names(filter, false, visit));
                statement_names(body, blocks, visit);
            }
            StmtKind::Autoescape { value, body, .. } => {
                names(value, false, visit);
                statement_names(body, blocks, visit);
            }
            StmtKind::Block { .. } | StmtKind::Break | StmtKind::Continue => {}
        }
    }
}

fn macro_names<'a>(def: &'a Macro, blocks: bool, visit: &mut dyn FnMut(&'a str, bool)) {
    def.params.iter().for_each(|param| visit(param, true));
    def.defaults
        .iter()
        .for_each(|default| names(default, false, visit));
    statement_names(&def.body, blocks, visit);
}

/// Which of `wanted` are read in the statements before they are stored to.
pub(crate) fn undeclared<'w>(body: &[Stmt], wanted: &[&'w str]) -> Vec<&'w str> {
    let mut left: Vec<&str> = wanted.to_vec();
    let mut found = Vec::new();
    statement_names(body, false, &mut |name, store| {
        if let Some(index) = left.iter().position(|candidate| *candidate == name) {
            if store {
                left.remove(index);
            } else if !found.contains(&left[index]) {
                found.push(left[index]);
            }
        }
    });
    found
}

/// Calls `visit` for each statement list, the outer ones first.
pub(crate) fn bodies<'a>(statement: &'a Stmt, visit: &mut dyn FnMut(&'a [Stmt])) {
    match &statement.kind {
        StmtKind::For(node) => {
            visit(&node.body);
            visit(&node.otherwise);
        }
        StmtKind::If(node) => {
            node.branches.iter().for_each(|(_, _, body)| visit(body));
            visit(&node.otherwise);
        }
        StmtKind::Macro { def, .. } | StmtKind::CallBlock { def, .. } => visit(&def.body),
        StmtKind::FilterBlock { body, .. }
        | StmtKind::With { body, .. }
        | StmtKind::Block { body, .. }
        | StmtKind::AssignBlock { body, .. }
        | StmtKind::Autoescape { body, .. } => visit(body),
        _ => {}
    }
}

/// Whether any statement, however deep, fits.
pub(crate) fn any(body: &[Stmt], fits: &dyn Fn(&Stmt) -> bool) -> bool {
    body.iter().any(|statement| {
        let mut inner = fits(statement);
        bodies(statement, &mut |body| inner = inner || any(body, fits));
        inner
    })
}
