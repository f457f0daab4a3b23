//! `%` formatting, `str.format`, and the format specifications both share.

pub(crate) mod brace;
pub(crate) mod percent;
pub(crate) mod spec;
