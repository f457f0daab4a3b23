//! Workshop commands: everything longer than one cargo command.

fn main() {}
