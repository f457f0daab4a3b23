//! Brings files here: git, OCI, HTTP, Helm repositories, mirrors, cache; a `FileTree` that cannot be escaped.
