//! Merges maps as `mergo` does.

use super::Result;
use super::defaults::empty;
use crate::error::Error;
use crate::stack;
use crate::types::Kind;
use crate::value::{Map, Value};

/// How deep maps are merged; only a map that contains itself is deeper.
const MAX_DEPTH: usize = 10_000;

/// Merges `source` into `target` for all who share it; `overwrite` lets the source win.
///
/// Maps are merged where both sides have one. Without `overwrite`, empty values of the target count as missing.
pub(super) fn merge(target: &Map, source: &Map, overwrite: bool, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::message("value contains itself"));
    }
    for (key, from) in source.to_vec() {
        let to = target.get(key.as_bytes());
        if from.is_nil() {
            if overwrite {
                target.insert(key, from);
            }
            continue;
        }
        let from_kind = from.kind();
        if from_kind == Kind::Map
            && let (Some(from), Some(to)) = (from.as_map(), to.as_ref().and_then(Value::as_map))
        {
            stack::grow(|| merge(&to, &from, overwrite, depth + 1))?;
        }
        if from_kind == Kind::Slice && (overwrite || target.is_empty()) {
            target.insert(key.clone(), from.clone());
        }
        // A map may have been filled just now.
        if let Some(to) = &to
            && !empty(to)
            && (from_kind == Kind::Slice || from_kind == Kind::Map && to.kind() == Kind::Map)
        {
            continue;
        }
        if overwrite || to.as_ref().is_none_or(empty) {
            target.insert(key, from);
        }
    }
    Ok(())
}
