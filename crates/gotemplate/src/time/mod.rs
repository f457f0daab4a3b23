//! Points in time and durations as Go's `time` formats and reads them.

mod duration;
mod layout;
mod moment;
mod parse;

pub(crate) use duration::{format_duration, parse_duration};
pub(crate) use moment::{Moment, Zone};
