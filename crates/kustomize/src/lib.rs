//! Builds kustomizations to objects.
