//! TOML as Go's most used library reads and writes it.

mod reader;
mod scalars;
mod writer;

pub(crate) use reader::read;
pub(crate) use writer::write;
