//! Carries compiled templates out.

pub(crate) mod attributes;
pub(crate) mod blocks;
pub(crate) mod context;
pub(crate) mod eval;
pub(crate) mod exec;
pub(crate) mod imports;
pub(crate) mod loops;
pub(crate) mod macros;
pub(crate) mod vm;

pub(crate) use context::{Context, Env, Layer, VarMap};
pub(crate) use vm::Vm;
