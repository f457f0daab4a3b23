//! The sandbox as its clients see it.

mod client;
mod deploy;
mod differential;
mod kill;
mod life;
