//! Ordered maps whose copies cost nothing: a copy shares everything that has not changed since.
//!
//! A world of ten thousand VIPs is copied for every decision and every list that somebody reads.

use crate::{Body, Id};
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
use std::{fmt, ops::Bound};

/// An ordered map that only this crate changes, so that the indexes of a [`World`](crate::World) stay true.
#[derive(Clone, PartialEq, Eq)]
pub struct Map<K: Ord, V>(RedBlackTreeMapSync<K, V>);

impl<K: Ord + Clone, V> Map<K, V> {
    /// The value under a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    /// Whether there is a value under the key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.size()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values()
    }

    /// Those behind a key, in order: how a list goes on from a cursor.
    pub fn after<'a>(&'a self, key: &'a K) -> impl Iterator<Item = (&'a K, &'a V)> {
        self.0.range((Bound::Excluded(key), Bound::Unbounded))
    }

    /// The first value whose id's body begins so: how a short id is found.
    pub fn by_head(&self, head: &str) -> Option<&V>
    where
        K: Id,
    {
        let least = K::of(Body::least(head)?);
        let (id, value) = self.0.range(least..).next()?;
        id.body_of().as_str().starts_with(head).then_some(value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0.insert_mut(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.0.remove_mut(key);
    }
}

impl<K: Ord, V> Default for Map<K, V> {
    fn default() -> Self {
        Self(RedBlackTreeMapSync::new_sync())
    }
}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter()).finish()
    }
}

/// Many values under one key, each once.
#[derive(Clone, PartialEq, Eq)]
pub struct Multimap<K: Ord, V: Ord>(RedBlackTreeMapSync<K, RedBlackTreeSetSync<V>>);

impl<K: Ord + Clone, V: Ord + Clone> Multimap<K, V> {
    /// The values under a key, in order.
    pub fn get<'a>(&'a self, key: &K) -> impl Iterator<Item = &'a V> + use<'a, K, V> {
        self.0.get(key).into_iter().flat_map(|values| values.iter())
    }

    /// The keys that have values, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// How many values there are under a key.
    pub fn count(&self, key: &K) -> usize {
        self.0.get(key).map_or(0, |values| values.size())
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.0.get_mut(&key) {
            Some(values) => values.insert_mut(value),
            None => {
                let mut values = RedBlackTreeSetSync::new_sync();
                values.insert_mut(value);
                self.0.insert_mut(key, values);
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K, value: &V) {
        let Some(values) = self.0.get_mut(key) else { return };
        values.remove_mut(value);
        if values.is_empty() {
            self.0.remove_mut(key);
        }
    }
}

impl<K: Ord, V: Ord> Default for Multimap<K, V> {
    fn default() -> Self {
        Self(RedBlackTreeMapSync::new_sync())
    }
}

impl<K: Ord + fmt::Debug, V: Ord + fmt::Debug> fmt::Debug for Multimap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(key, values)| (key, values.iter().collect::<Vec<_>>())))
            .finish()
    }
}
