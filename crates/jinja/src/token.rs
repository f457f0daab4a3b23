//! Tokens, and the words Jinja2 uses for them in messages.

use std::sync::Arc;

use num_bigint::BigInt;

/// Kind of a token. Names are those of Jinja2's lexer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Add,
    Assign,
    Colon,
    Comma,
    Div,
    Dot,
    Eq,
    FloorDiv,
    Gt,
    GtEq,
    LBrace,
    LBracket,
    LParen,
    Lt,
    LtEq,
    Mod,
    Mul,
    Ne,
    Pipe,
    Pow,
    RBrace,
    RBracket,
    RParen,
    Semicolon,
    Sub,
    Tilde,
    Float,
    Integer,
    Name,
    String,
    BlockBegin,
    BlockEnd,
    VariableBegin,
    VariableEnd,
    Data,
    Eof,
}

/// Text or number of a token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Payload {
    None,
    Text(Arc<str>),
    Int(i64),
    Big(Arc<BigInt>),
    Float(f64),
}

/// A token and where it starts.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) payload: Payload,
    pub(crate) line: u32,
    pub(crate) offset: u32,
}

impl Token {
    pub(crate) fn text(&self) -> &str {
        match &self.payload {
            Payload::Text(text) => text,
            _ => "",
        }
    }

    pub(crate) fn is_name(&self, name: &str) -> bool {
        self.kind == Kind::Name && self.text() == name
    }

    /// How messages call the token: a name by itself, an operator by its sign.
    pub(crate) fn describe(&self) -> String {
        if self.kind == Kind::Name {
            self.text().to_owned()
        } else {
            describe(self.kind).to_owned()
        }
    }
}

pub(crate) fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::Add => "+",
        Kind::Assign => "=",
        Kind::Colon => ":",
        Kind::Comma => ",",
        Kind::Div => "/",
        Kind::Dot => ".",
        Kind::Eq => "==",
        Kind::FloorDiv => "//",
        Kind::Gt => ">",
        Kind::GtEq => ">=",
        Kind::LBrace => "{",
        Kind::LBracket => "[",
        Kind::LParen => "(",
        Kind::Lt => "<",
        Kind::LtEq => "<=",
        Kind::Mod => "%",
        Kind::Mul => "*",
        Kind::Ne => "!=",
        Kind::Pipe => "|",
        Kind::Pow => "**",
        Kind::RBrace => "}",
        Kind::RBracket => "]",
        Kind::RParen => ")",
        Kind::Semicolon => ";",
        Kind::Sub => "-",
        Kind::Tilde => "~",
        Kind::Float => "float",
        Kind::Integer => "integer",
        Kind::Name => "name",
        Kind::String => "string",
        Kind::BlockBegin => "begin of statement block",
        Kind::BlockEnd => "end of statement block",
        Kind::VariableBegin => "begin of print statement",
        Kind::VariableEnd => "end of print statement",
        Kind::Data => "template data / text",
        Kind::Eof => "end of template",
    }
}
