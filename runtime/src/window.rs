//! The window of transaction keys: which (sender, key) pairs are used and still valid.
//!
//! It stands in memory beside the tree and is rebuilt at open from the blocks of the last ten
//! minutes: nothing older can still be valid. It judges keys and validity, never meaning.
//!
//! # Invariants
//!
//! - **K1 once.** While a pair is in the window, a block that holds it again is invalid.
//! - **K2 same everywhere.** A pair counts exactly while `valid_until` is not before the block's
//!   time, so what a node has pruned cannot make a difference.

use linli_types::height::TimeMs;
use linli_types::id::{PrincipalId, TxId, TxKey};
use linli_types::limits;
use linli_types::planted::{self, Bug};
use linli_types::transaction::Transaction;
use std::collections::BTreeMap;

/// A sender's once-only key.
pub(crate) type Key = (PrincipalId, TxKey);

/// Milliseconds of validity that are forgotten together.
const SLICE_MS: u64 = 1000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Window {
    seen: BTreeMap<Key, (TimeMs, TxId)>,
    /// Keys by the second in which their validity ends.
    ends: BTreeMap<u64, Vec<Key>>,
}

/// Why a transaction cannot stand in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Not valid at block time.
    OutOfTime,
    /// Its key is used.
    KeyUsed(TxId),
}

impl Window {
    /// Whether a transaction may stand in a block at `time`, as far as earlier blocks decide.
    pub(crate) fn judge(&self, transaction: &Transaction, time: TimeMs) -> Result<(), Unfit> {
        let latest = time.plus_ms(limits::VALIDITY_MS_MAX);
        if transaction.valid_until < time || transaction.valid_until > latest {
            return Err(Unfit::OutOfTime);
        }
        match self.find(&key_of(transaction), time) {
            Some(id) => Err(Unfit::KeyUsed(id)), // K1
            None => Ok(()),
        }
    }

    /// The transaction that used the key, while it is valid at `time` (K2).
    pub(crate) fn find(&self, key: &Key, time: TimeMs) -> Option<TxId> {
        if planted::is(Bug::KeyTwice) {
            return None;
        }
        let (valid_until, id) = self.seen.get(key)?;
        (*valid_until >= time).then_some(*id)
    }

    /// Adds the transactions of a committed block at `time`, and forgets what has run out.
    pub(crate) fn add<'t>(
        &mut self,
        time: TimeMs,
        transactions: impl Iterator<Item = &'t Transaction>,
    ) {
        for transaction in transactions.filter(|t| t.valid_until >= time) {
            let key = key_of(transaction);
            let end = transaction.valid_until;
            self.seen.insert(key, (end, transaction.id));
            self.ends.entry(end.0 / SLICE_MS).or_default().push(key);
        }
        self.forget(time);
    }

    /// Adds a transaction of an older block than all before: a later use of its key counts more.
    pub(crate) fn recall(&mut self, time: TimeMs, transaction: &Transaction) {
        let (key, end) = (key_of(transaction), transaction.valid_until);
        if end >= time && !self.seen.contains_key(&key) {
            self.seen.insert(key, (end, transaction.id));
            self.ends.entry(end.0 / SLICE_MS).or_default().push(key);
        }
    }

    fn forget(&mut self, time: TimeMs) {
        let ended = time.0 / SLICE_MS;
        while let Some(entry) = self.ends.first_entry().filter(|e| *e.key() < ended) {
            for key in entry.remove() {
                // A key used again after it ran out has a later end of its own.
                if self.seen.get(&key).is_some_and(|(end, _)| end.0 / SLICE_MS < ended) {
                    self.seen.remove(&key);
                }
            }
        }
    }

    /// How many pairs are remembered.
    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }
}

/// The pair that a transaction uses.
pub(crate) fn key_of(transaction: &Transaction) -> Key {
    (transaction.sender, transaction.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::id::{BodyId, PublicKey, Signature};

    fn transaction(key: u8, valid_until: u64, body: u8) -> Transaction {
        Transaction {
            id: TxId([body; 32]),
            body: BodyId([body; 32]),
            on_behalf: None,
            sender: PrincipalId([1; 16]),
            signer: PublicKey([1; 32]),
            key: TxKey([key; 16]),
            valid_until: TimeMs(valid_until),
            signature: Signature([0; 64]),
            calls: Vec::new(),
            raw: vec![body].into(),
        }
    }

    #[test]
    fn a_key_counts_until_its_validity_ends_and_not_a_moment_longer() {
        let mut window = Window::default();
        let used = transaction(1, 5_500, 1);
        window.add(TimeMs(1_000), [&used].into_iter());
        let again = transaction(1, 9_000, 2);
        assert_eq!(window.judge(&again, TimeMs(5_500)), Err(Unfit::KeyUsed(used.id)));
        assert_eq!(window.judge(&again, TimeMs(5_501)), Ok(()));
    }

    #[test]
    fn a_transaction_outside_its_validity_is_unfit() {
        let window = Window::default();
        let time = TimeMs(1_000_000);
        let fit = |valid_until| window.judge(&transaction(1, valid_until, 1), time);
        assert_eq!(fit(999_999), Err(Unfit::OutOfTime));
        assert_eq!(fit(1_000_000), Ok(()));
        assert_eq!(fit(1_000_000 + limits::VALIDITY_MS_MAX), Ok(()));
        assert_eq!(fit(1_000_001 + limits::VALIDITY_MS_MAX), Err(Unfit::OutOfTime));
    }

    #[test]
    fn what_has_run_out_is_forgotten_and_a_key_used_again_is_not() {
        let mut window = Window::default();
        let (first, other) = (transaction(1, 2_000, 1), transaction(2, 2_500, 2));
        window.add(TimeMs(1_000), [&first, &other].into_iter());
        let again = transaction(1, 60_000, 3);
        window.add(TimeMs(2_400), [&again].into_iter());
        assert_eq!(window.len(), 2);
        window.add(TimeMs(5_000), std::iter::empty());
        assert_eq!(window.len(), 1);
        assert_eq!(window.find(&key_of(&again), TimeMs(5_000)), Some(again.id));
    }
}
