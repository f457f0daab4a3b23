//! YAML and JSON as Go's libraries read and write them, with spans and comments.
