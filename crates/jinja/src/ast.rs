//! The syntax tree. Names carry the slot that `scope` gives them.

use std::sync::Arc;

use num_bigint::BigInt;

use crate::filters::Filter;
use crate::tests::Test;

/// A variable's place: so many functions out, and there the slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) hops: u16,
    pub(crate) index: u16,
}

#[derive(Clone, Debug)]
pub(crate) enum Const {
    None,
    Bool(bool),
    Int(i64),
    Big(Arc<BigInt>),
    Float(f64),
    Str(Arc<str>),
}

#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    /// Line that Jinja2 gives the node.
    pub(crate) line: u32,
    /// Byte offset of what a caret should point at.
    pub(crate) offset: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) positional: Vec<Expr>,
    pub(crate) keywords: Vec<(Arc<str>, Expr)>,
    pub(crate) dyn_positional: Option<Expr>,
    pub(crate) dyn_keywords: Option<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) callee: Expr,
    pub(crate) args: Args,
    /// The slot of `caller`, of a `{% call %}`.
    pub(crate) caller: bool,
    pub(crate) in_loop: bool,
    pub(crate) in_block: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct FilterCall {
    /// `None` in `{% filter %}` and `{% set x | f %}`.
    pub(crate) input: Option<Expr>,
    pub(crate) name: Arc<str>,
    pub(crate) filter: Option<Filter>,
    pub(crate) args: Args,
}

#[derive(Clone, Debug)]
pub(crate) struct TestCall {
    pub(crate) input: Expr,
    pub(crate) name: Arc<str>,
    pub(crate) test: Option<Test>,
    pub(crate) args: Args,
}

#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    Const(Const),
    Name {
        name: Arc<str>,
        slot: Slot,
    },
    NamespaceAttr {
        name: Arc<str>,
        attr: Arc<str>,
        slot: Slot,
    },
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Cond(Box<(Expr, Expr, Option<Expr>)>),
    And(Box<(Expr, Expr)>),
    Or(Box<(Expr, Expr)>),
    Not(Box<Expr>),
    Neg(Box<Expr>),
    Pos(Box<Expr>),
    Binary(Binary, Box<(Expr, Expr)>),
    Compare(Box<Expr>, Vec<(Compare, Expr)>),
    Concat(Vec<Expr>),
    Getattr(Box<Expr>, Arc<str>),
    Getitem(Box<(Expr, Expr)>),
    Slice(Box<[Option<Expr>; 3]>),
    Call(Box<Call>),
    Filter(Box<FilterCall>),
    Test(Box<TestCall>),
}

/// What a frame's variables start with.
#[derive(Clone, Debug)]
pub(crate) enum Load {
    Resolve(Arc<str>),
    Alias(Slot),
    Missing,
}

/// Variables of a frame, set when it is entered.
pub(crate) type Enter = Vec<(u16, Load)>;

/// Where an assignment goes besides its slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Export {
    #[default]
    No,
    Loop,
    Block,
    Context,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Exports {
    pub(crate) to: Export,
    pub(crate) names: Vec<(Arc<str>, Slot)>,
}

#[derive(Debug)]
pub(crate) struct Stmt {
    pub(crate) kind: StmtKind,
    pub(crate) line: u32,
    pub(crate) offset: u32,
    /// The line Jinja2 would report for an error in this statement.
    pub(crate) reported: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(Arc<str>),
    /// An expression and the line Jinja2 would report for an error in it.
    Expr(Expr, u32),
}

#[derive(Debug)]
pub(crate) struct For {
    pub(crate) target: Expr,
    pub(crate) iter: Expr,
    pub(crate) body: Vec<Stmt>,
    pub(crate) otherwise: Vec<Stmt>,
    pub(crate) test: Option<LoopTest>,
    pub(crate) recursive: bool,
    pub(crate) line: u32,
    pub(crate) offset: u32,
    pub(crate) enter: Enter,
    pub(crate) else_enter: Enter,
    /// Slot of `loop`, when the body needs it.
    pub(crate) loop_slot: Option<u16>,
    /// Slots of the function that a recursive loop's body is.
    pub(crate) slots: u16,
}

/// `if` of a loop: a function of its own with its own copy of the target.
#[derive(Debug)]
pub(crate) struct LoopTest {
    pub(crate) target: Expr,
    pub(crate) test: Expr,
    pub(crate) enter: Enter,
    pub(crate) slots: u16,
    pub(crate) reported: u32,
}

#[derive(Debug)]
pub(crate) struct If {
    /// Test, line to report and body of `if` and each `elif`.
    pub(crate) branches: Vec<(Expr, u32, Vec<Stmt>)>,
    pub(crate) otherwise: Vec<Stmt>,
    pub(crate) lines: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct Macro {
    /// `None` for the body of a `{% call %}`.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) params: Vec<Arc<str>>,
    pub(crate) defaults: Vec<Expr>,
    pub(crate) body: Vec<Stmt>,
    pub(crate) param_slots: Vec<u16>,
    pub(crate) caller: Option<u16>,
    pub(crate) kwargs: Option<u16>,
    pub(crate) varargs: Option<u16>,
    pub(crate) enter: Enter,
    pub(crate) slots: u16,
    pub(crate) reported: u32,
}

#[derive(Debug)]
pub(crate) enum StmtKind {
    Output {
        pieces: Vec<Piece>,
        check_parent: bool,
    },
    For(Arc<For>),
    If(Box<If>),
    Macro {
        def: Arc<Macro>,
        slot: Slot,
        toplevel: bool,
    },
    CallBlock {
        def: Arc<Macro>,
        call: Expr,
    },
    FilterBlock {
        enter: Enter,
        body: Vec<Stmt>,
        filter: Expr,
    },
    With {
        targets: Vec<(Expr, Expr)>,
        enter: Enter,
        body: Vec<Stmt>,
    },
    Block {
        name: Arc<str>,
        scoped: bool,
        required: bool,
        locals: Vec<(Arc<str>, Slot)>,
        body: Vec<Stmt>,
        skip: bool,
        check_parent: bool,
    },
    Extends {
        template: Expr,
        repeated: bool,
    },
    Include {
        template: Expr,
        ignore_missing: bool,
        with_context: bool,
        locals: Vec<(Arc<str>, Slot)>,
    },
    Import {
        template: Expr,
        target: Arc<str>,
        with_context: bool,
        slot: Slot,
        toplevel: bool,
        locals: Vec<(Arc<str>, Slot)>,
    },
    FromImport {
        template: Expr,
        names: Vec<(Arc<str>, Arc<str>, Slot)>,
        with_context: bool,
        toplevel: bool,
        locals: Vec<(Arc<str>, Slot)>,
    },
    Assign {
        target: Expr,
        value: Expr,
        /// The line Jinja2 reports when a target is no namespace: that of the statement before.
        before: u32,
        exports: Exports,
    },
    AssignBlock {
        target: Expr,
        filter: Option<Expr>,
        enter: Enter,
        body: Vec<Stmt>,
        exports: Exports,
    },
    Autoescape {
        value: Expr,
        enter: Enter,
        body: Vec<Stmt>,
    },
    Break,
    Continue,
}
