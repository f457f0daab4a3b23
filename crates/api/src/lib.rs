//! What outlives the process: result types, their schemas, the result store.
