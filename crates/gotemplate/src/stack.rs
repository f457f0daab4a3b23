//! Room on the stack for text that is nested deeply.

/// Runs a step of a recursion, on a new piece of stack where the present one is nearly used up.
pub(crate) fn grow<T>(step: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(128 * 1024, 4 * 1024 * 1024, step)
}
