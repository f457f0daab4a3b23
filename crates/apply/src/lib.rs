//! From items and the live state to changes: plan, execute, wait, prune, diff, validate.
