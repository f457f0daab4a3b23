//! Hash tables with a hash function that is made for short keys.

/// A map whose order nobody may see.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
