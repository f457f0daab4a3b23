//! Loads charts, merges values, renders releases and hooks, reads repository indexes.
