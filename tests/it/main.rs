//! The binary against the sandbox and, where it is there, a real kube-apiserver.
//!
//! These tests belong to the package of the binary, so that Cargo always builds it first.

mod corpus;
mod quickstart;
mod servers;
mod start;
mod tutorial;
