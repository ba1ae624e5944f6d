//! Hash tables whose order is the same in every run, so that a seed gives one trace.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// A hash table without a random seed.
pub(crate) type Table<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;
