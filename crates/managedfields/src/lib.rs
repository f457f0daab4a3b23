//! Field ownership: field sets, schema-typed compare, merge and conflicts.
