//! Harness of the end-to-end tests: a hermetic environment around the binary.
