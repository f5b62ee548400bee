//! How much of the API one key or address holds at once: nobody takes all places from the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by name, each up to the same bound.
#[derive(Clone, Debug)]
pub(super) struct Shares<K: Ord> {
    most: usize,
    held: Arc<Mutex<BTreeMap<K, usize>>>,
}

/// One of a name's places; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share<K: Ord> {
    name: K,
    of: Shares<K>,
}

impl<K: Ord + Clone> Shares<K> {
    /// At most `most` for each name, and never none.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), held: Arc::default() }
    }

    /// One more for this name, if it has room.
    pub(super) fn take(&self, name: K) -> Option<Share<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(name.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count = count.saturating_add(1);
        drop(held);
        Some(Share { name, of: self.clone() })
    }
}

impl<K: Ord> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.of.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.name) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::id::PublicKey;

    #[test]
    fn each_key_has_its_own_share_and_gives_it_back() {
        let (one, other) = (PublicKey([1; 32]), PublicKey([2; 32]));
        let shares = Shares::new(2);
        let mut taken: Vec<Share<PublicKey>> = (0..2).filter_map(|_| shares.take(one)).collect();
        assert_eq!(taken.len(), 2);
        assert!(shares.take(one).is_none() && shares.take(other).is_some());
        taken.pop();
        assert!(shares.take(one).is_some());
        taken.clear();
        assert!(shares.held.lock().unwrap().is_empty());
    }
}
