//! What a Kubernetes version knows of each kind: scope, types, list keys, defaults, deprecations; and checks an object against it.
