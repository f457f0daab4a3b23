//! An API server in the process: storage, schemas, server-side apply, watch, admission, HTTP, small controllers.
