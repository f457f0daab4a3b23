//! The engine against what real Go printed.

mod golden;
