//! The five functions that compilers call to copy, fill and compare memory, in place of musl's.
//!
//! musl compares byte by byte and copies with `rep movs`, which takes dozens of cycles to begin: 15% of the time of rendering a chart
//! was spent there. A program that is linked with this crate for musl on `x86_64` calls these instead; it has to name the crate
//! (`use kluctl_memory as _;`). Everywhere else the crate holds the same functions under their Rust names, for its tests.
//!
//! No crate does this: `memx` copies slowly what is short, and compiler-builtins has musl's way.
//!
//! Source: ISO C 7.26 (`memcpy`, `memmove`, `memset`, `memcmp`), POSIX.1-2001 (`bcmp`).

// Otherwise the compiler makes calls of `memcpy` out of what `memcpy` does.
#![no_builtins]
#![expect(
    unsafe_code,
    reason = "functions of C take addresses; each says what of them has to be valid"
)]

#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "x86_64")]
pub use x86_64::{bcmp, memcmp, memcpy, memmove, memset};

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
