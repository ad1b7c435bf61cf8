//! The maps that are asked several times a record. The standard library's hash is four times slower on short names; this one
//! too is seeded anew by every process, so that nobody can choose names that collide.

use std::collections;

use foldhash::quality::RandomState;

/// A map by a fast hash.
pub(crate) type HashMap<K, V> = collections::HashMap<K, V, RandomState>;
/// A set by a fast hash.
pub(crate) type HashSet<K> = collections::HashSet<K, RandomState>;
