//! `Cluster` and its verbs over kube's client: contexts, discovery, apply, list, watch, limits and retries.
