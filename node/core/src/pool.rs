//! Transactions that wait for a block: bounded, fair, first come first served within a sender.
//!
//! The pool keeps ids and sizes; the bodies stay with the replica. Every operation costs the
//! logarithm of what waits, a choice of candidates as much for each that is taken.
//!
//! # Invariants
//!
//! - **P1 bounded.** Count and bytes never exceed the bounds, nor does a sender's or an
//!   organisation's share.
//! - **P2 in order.** A sender's transactions are offered to blocks in the order they came.
//! - **P3 fair.** Candidates are taken one per sender and turn; the turn goes on where the last
//!   block's ended, so no sender waits for another's backlog.
//! - **P4 once.** No id and no (sender, key) waits twice.

use crate::config::PoolBounds;
use crate::input::PoolEntry;
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{BodyId, PrincipalId, TxKey};
use linli_types::planted::{self, Bug};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

/// Transactions and bytes of one sender, one organisation, or all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Load {
    count: usize,
    bytes: usize,
}

impl Load {
    const fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }

    const fn remove(&mut self, bytes: usize) {
        self.count -= 1;
        self.bytes -= bytes;
    }

    /// Whether one more of `bytes` stays within `percent` of `bounds`.
    const fn takes(&self, bytes: usize, bounds: &PoolBounds, percent: usize) -> bool {
        (self.count + 1) * 100 <= bounds.transactions * percent
            && (self.bytes + bytes) * 100 <= bounds.bytes * percent
    }
}

/// What waits of one sender, by arrival.
#[derive(Clone, Debug, Default)]
struct Queue {
    load: Load,
    waiting: BTreeMap<u64, BodyId>,
}

/// A choice under way.
struct Pick {
    taken: Vec<BodyId>,
    count: usize,
    room: usize,
    last: Option<PrincipalId>,
}

impl Pick {
    const fn is_full(&self) -> bool {
        self.taken.len() >= self.count
    }
}

/// The pool.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    bounds: PoolBounds,
    load: Load,
    next_arrival: u64,
    entries: BTreeMap<BodyId, (u64, PoolEntry)>,
    keys: BTreeMap<(PrincipalId, TxKey), BodyId>,
    senders: BTreeMap<PrincipalId, Queue>,
    organisations: BTreeMap<u32, Load>,
    expiry: BTreeSet<(TimeMs, BodyId)>,
    /// Whose turn was last (P3).
    last: Option<PrincipalId>,
}

impl Pool {
    pub(crate) const fn new(bounds: PoolBounds) -> Self {
        Self {
            bounds,
            load: Load { count: 0, bytes: 0 },
            next_arrival: 0,
            entries: BTreeMap::new(),
            keys: BTreeMap::new(),
            senders: BTreeMap::new(),
            organisations: BTreeMap::new(),
            expiry: BTreeSet::new(),
            last: None,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.load.count
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.load.bytes
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.load.count == 0
    }

    /// Whether not even a small transaction would fit.
    pub(crate) const fn is_full(&self) -> bool {
        self.load.count >= self.bounds.transactions || self.load.bytes >= self.bounds.bytes
    }

    pub(crate) fn contains(&self, id: &BodyId) -> bool {
        self.entries.contains_key(id)
    }

    /// Takes an entry in; whether it is new. The same id again is fine and changes nothing (P4).
    pub(crate) fn add(&mut self, entry: PoolEntry) -> Result<bool, Code> {
        if self.contains(&entry.id) {
            return Ok(false);
        }
        if self.keys.contains_key(&(entry.sender, entry.key)) {
            return Err(Code::IdConflict); // P4
        }
        if !self.has_room(&entry) {
            return Err(Code::Busy); // P1
        }
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        self.load.add(entry.bytes);
        let queue = self.senders.entry(entry.sender).or_default();
        queue.load.add(entry.bytes);
        queue.waiting.insert(arrival, entry.id);
        self.organisations.entry(entry.org).or_default().add(entry.bytes);
        self.keys.insert((entry.sender, entry.key), entry.id);
        self.expiry.insert((entry.valid_until, entry.id));
        self.entries.insert(entry.id, (arrival, entry));
        Ok(true)
    }

    /// Takes out whatever waits under a sender's key.
    pub(crate) fn remove_key(&mut self, sender: PrincipalId, key: TxKey) -> Option<BodyId> {
        let id = *self.keys.get(&(sender, key))?;
        self.remove(&id).then_some(id)
    }

    /// When the validity of an entry ends.
    pub(crate) fn ends(&self, id: &BodyId) -> Option<TimeMs> {
        self.entries.get(id).map(|(_, entry)| entry.valid_until)
    }

    /// P1. Organisation 0 stands for none and has no share.
    fn has_room(&self, entry: &PoolEntry) -> bool {
        if planted::is(Bug::UnboundedPool) {
            return true;
        }
        let (bounds, bytes) = (&self.bounds, entry.bytes);
        let sender = self.senders.get(&entry.sender).map_or(Load::default(), |q| q.load);
        let org = self.organisations.get(&entry.org).copied().unwrap_or_default();
        self.load.takes(bytes, bounds, 100)
            && sender.takes(bytes, bounds, bounds.sender_percent)
            && (entry.org == 0 || org.takes(bytes, bounds, bounds.organisation_percent))
    }

    /// Takes an entry out; whether it was there.
    pub(crate) fn remove(&mut self, id: &BodyId) -> bool {
        let Some((arrival, entry)) = self.entries.remove(id) else {
            return false;
        };
        self.load.remove(entry.bytes);
        if let Some(queue) = self.senders.get_mut(&entry.sender) {
            queue.load.remove(entry.bytes);
            queue.waiting.remove(&arrival);
            if queue.waiting.is_empty() {
                self.senders.remove(&entry.sender);
            }
        }
        if let Some(load) = self.organisations.get_mut(&entry.org) {
            load.remove(entry.bytes);
            if load.count == 0 {
                self.organisations.remove(&entry.org);
            }
        }
        self.keys.remove(&(entry.sender, entry.key));
        self.expiry.remove(&(entry.valid_until, entry.id));
        true
    }

    /// Takes out whatever no block after `time` may hold.
    pub(crate) fn expire(&mut self, time: TimeMs) -> Vec<BodyId> {
        let mut expired = Vec::new();
        while let Some(&(until, id)) = self.expiry.first() {
            if until > time {
                break;
            }
            self.remove(&id);
            expired.push(id);
        }
        expired
    }

    /// Candidates for a block at `time`, at most `count` of at most `bytes` together, without
    /// those of `left_out` (P2, P3).
    pub(crate) fn candidates(
        &mut self,
        time: TimeMs,
        count: usize,
        bytes: usize,
        left_out: &BTreeSet<BodyId>,
    ) -> Vec<BodyId> {
        let mut pick = Pick { taken: Vec::new(), count, room: bytes, last: self.last };
        let mut turns = self.turn(self.turns(), time, left_out, &mut pick);
        while !turns.is_empty() && !pick.is_full() {
            turns = self.turn(turns.into_iter(), time, left_out, &mut pick);
        }
        drop(turns);
        self.last = pick.last;
        pick.taken
    }

    /// One candidate of each sender; who may have more.
    fn turn<'a, Q: Iterator<Item = &'a BodyId>>(
        &'a self,
        turns: impl Iterator<Item = (PrincipalId, Q)>,
        time: TimeMs,
        left_out: &BTreeSet<BodyId>,
        pick: &mut Pick,
    ) -> Vec<(PrincipalId, Q)> {
        let mut again = Vec::new();
        for (sender, mut waiting) in turns {
            if pick.is_full() {
                break;
            }
            let fits = |id: &&BodyId| self.may_enter(id, time, left_out);
            let Some(id) = waiting.by_ref().find(fits) else { continue };
            let size = self.entries.get(id).map_or(usize::MAX, |(_, e)| e.bytes);
            if size > pick.room {
                continue; // P2: what follows of this sender waits too
            }
            pick.room -= size;
            pick.taken.push(*id);
            pick.last = Some(sender);
            again.push((sender, waiting));
        }
        again
    }

    /// Every sender's queue, beginning after the one whose turn was last.
    fn turns(&self) -> impl Iterator<Item = (PrincipalId, impl Iterator<Item = &BodyId>)> {
        let after = self.last.map_or(Unbounded, Excluded);
        let rest = self.senders.range((after, Unbounded));
        let begin = self.senders.iter().take_while(|(s, _)| Some(**s) <= self.last);
        rest.chain(begin).map(|(sender, queue)| (*sender, queue.waiting.values()))
    }

    fn may_enter(&self, id: &BodyId, time: TimeMs, left_out: &BTreeSet<BodyId>) -> bool {
        let alive = self.entries.get(id).is_some_and(|(_, e)| e.valid_until >= time);
        alive && !left_out.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: PoolBounds =
        PoolBounds { transactions: 40, bytes: 4_000, sender_percent: 25, organisation_percent: 50 };

    fn entry(number: u16, sender: u8, bytes: usize, until: u64) -> PoolEntry {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&number.to_le_bytes());
        let mut key = [0; 16];
        key[..2].copy_from_slice(&number.to_le_bytes());
        PoolEntry {
            id: BodyId(id),
            sender: PrincipalId([sender; 16]),
            key: TxKey(key),
            org: u32::from(sender % 3),
            valid_until: TimeMs(until),
            bytes,
        }
    }

    /// Sums everything afresh: what the running counts must equal.
    fn check(pool: &Pool) {
        let all = pool.entries.values().map(|(_, e)| e);
        let sum = |pick: &dyn Fn(&PoolEntry) -> bool| {
            let picked: Vec<usize> = all.clone().filter(|e| pick(e)).map(|e| e.bytes).collect();
            Load { count: picked.len(), bytes: picked.iter().sum() }
        };
        assert_eq!(pool.load, sum(&|_| true));
        assert!(pool.load.count <= BOUNDS.transactions && pool.load.bytes <= BOUNDS.bytes);
        for (sender, queue) in &pool.senders {
            assert_eq!(queue.load, sum(&|e| e.sender == *sender));
            assert_eq!(queue.load.count, queue.waiting.len());
            assert!(queue.load.count * 100 <= BOUNDS.transactions * BOUNDS.sender_percent);
            assert!(queue.load.bytes * 100 <= BOUNDS.bytes * BOUNDS.sender_percent);
        }
        for (org, load) in &pool.organisations {
            assert_eq!(*load, sum(&|e| e.org == *org));
            let share = BOUNDS.transactions * BOUNDS.organisation_percent;
            assert!(*org == 0 || load.count * 100 <= share);
        }
        assert_eq!(pool.keys.len(), pool.entries.len());
        assert_eq!(pool.expiry.len(), pool.entries.len());
    }

    #[derive(Clone, Debug)]
    enum Deed {
        Add { number: u16, sender: u8, bytes: usize, until: u64 },
        Remove(u16),
        Expire(u64),
        Take { count: usize, bytes: usize },
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            6 => (0..200_u16, 0..8_u8, 1..300_usize, 0..100_u64)
                .prop_map(|(number, sender, bytes, until)| Deed::Add { number, sender, bytes, until }),
            2 => (0..200_u16).prop_map(Deed::Remove),
            1 => (0..50_u64).prop_map(Deed::Expire),
            1 => (0..20_usize, 0..2_000_usize)
                .prop_map(|(count, bytes)| Deed::Take { count, bytes }),
        ]
    }

    proptest! {
        #[test]
        fn bounds_and_shares_hold_whatever_happens(deeds in prop::collection::vec(deed(), 0..300)) {
            let mut pool = Pool::new(BOUNDS);
            for deed in deeds {
                match deed {
                    Deed::Add { number, sender, bytes, until } => {
                        let entry = entry(number, sender, bytes, until);
                        let was = pool.contains(&entry.id);
                        let now = pool.add(entry.clone()).is_ok();
                        prop_assert_eq!(pool.contains(&entry.id), was || now);
                    }
                    Deed::Remove(number) => {
                        let id = entry(number, 0, 1, 0).id;
                        pool.remove(&id);
                        prop_assert!(!pool.contains(&id));
                    }
                    Deed::Expire(time) => {
                        for id in pool.expire(TimeMs(time)) {
                            prop_assert!(!pool.contains(&id));
                        }
                        let alive = pool.entries.values().all(|(_, e)| e.valid_until.0 > time);
                        prop_assert!(alive);
                    }
                    Deed::Take { count, bytes } => {
                        let taken = pool.candidates(TimeMs(0), count, bytes, &BTreeSet::new());
                        let size: usize = taken.iter().map(|id| pool.entries[id].1.bytes).sum();
                        let distinct: BTreeSet<&BodyId> = taken.iter().collect();
                        prop_assert!(taken.len() <= count && size <= bytes);
                        prop_assert_eq!(distinct.len(), taken.len());
                    }
                }
                check(&pool);
            }
        }

        #[test]
        fn a_sender_is_served_in_the_order_of_arrival(
            senders in prop::collection::vec(0..6_u8, 1..40),
            count in 1..40_usize,
        ) {
            let mut pool = Pool::new(PoolBounds { transactions: 1_000, ..PoolBounds::default() });
            for (number, sender) in senders.iter().enumerate() {
                pool.add(entry(u16::try_from(number).unwrap(), *sender, 1, 9)).unwrap();
            }
            let taken = pool.candidates(TimeMs(0), count, usize::MAX, &BTreeSet::new());
            prop_assert_eq!(taken.len(), count.min(senders.len()));
            for sender in 0..6_u8 {
                let arrivals: Vec<u64> = taken
                    .iter()
                    .filter(|id| pool.entries[*id].1.sender == PrincipalId([sender; 16]))
                    .map(|id| pool.entries[id].0)
                    .collect();
                let queue = pool.senders.get(&PrincipalId([sender; 16]));
                let first: Vec<u64> = queue
                    .map(|q| q.waiting.keys().copied().take(arrivals.len()).collect())
                    .unwrap_or_default();
                prop_assert_eq!(arrivals, first);
            }
        }
    }

    #[test]
    fn a_backlog_of_one_delays_nobody_else() {
        let mut pool = Pool::new(PoolBounds::default());
        for number in 0..500 {
            pool.add(entry(number, 1, 1, 9)).unwrap();
        }
        for sender in 2..6 {
            pool.add(entry(600 + u16::from(sender), sender, 1, 9)).unwrap();
        }
        let taken = pool.candidates(TimeMs(0), 5, usize::MAX, &BTreeSet::new());
        let senders: BTreeSet<u8> = taken.iter().map(|id| pool.entries[id].1.sender.0[0]).collect();
        assert_eq!(senders, (1..6).collect());
    }

    #[test]
    fn the_turn_goes_on_where_the_last_block_ended() {
        let mut pool = Pool::new(PoolBounds::default());
        for number in 0..30 {
            pool.add(entry(number, (number % 10) as u8, 1, 9)).unwrap();
        }
        let mut served = Vec::new();
        for _ in 0..5 {
            for id in pool.candidates(TimeMs(0), 2, usize::MAX, &BTreeSet::new()) {
                served.push(pool.entries[&id].1.sender.0[0]);
                pool.remove(&id);
            }
        }
        served.sort_unstable();
        assert_eq!(served, (0..10).collect::<Vec<u8>>(), "everyone once before anyone twice");
    }

    #[test]
    fn the_same_key_with_other_bytes_is_a_conflict() {
        let mut pool = Pool::new(PoolBounds::default());
        let first = entry(1, 1, 1, 9);
        let second = PoolEntry { id: BodyId([8; 32]), ..first.clone() };
        assert_eq!(pool.add(first.clone()), Ok(true));
        assert_eq!(pool.add(second), Err(Code::IdConflict));
        assert_eq!(pool.add(first), Ok(false), "the same bytes again are fine");
        assert_eq!(pool.len(), 1);
    }
}
