//! One module per command: wires project, apply and result, for every front end.

pub mod sources;
