//! State during one block: reads through to the store, collects writes, and drops a transaction's
//! writes whole when it is refused. Nothing here reaches the store.
//!
//! # Invariants
//!
//! - **O1 whole.** After `Overlay::roll_back` every read answers as at `Overlay::begin`.
//! - **O2 once.** An entry written often in a block is one change, with the value it had before
//!   the block.
//! - **O3 claimed for ever.** A business id that was claimed is never free again.

use crate::stored::{decode, full_key};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::digest::{self, Domain};
use linli_types::id::Digest;
use linli_types::planted::{self, Bug};
use linli_types::store::{Broken, Column, Read};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The room under whose name the running digests of the business ids stand in the tree.
pub const CLAIMS_ROOM: &str = "claims";
/// Values longer than this are read from the store each time, so that reads cannot fill memory.
const CACHED_BYTES_MAX: usize = 1024;

/// The running digest over every business id of a room, in the order they were claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClaimHead {
    /// How many ids were claimed.
    pub count: u64,
    /// BLAKE3(digest before ‖ id's length ‖ id ‖ digest of the deed), from zero on.
    pub digest: Digest,
}

impl ClaimHead {
    /// The digest with one claim more.
    #[must_use]
    pub fn with(&self, id: &[u8], deed: &Digest) -> Self {
        let length = (id.len() as u64).to_le_bytes();
        let parts = [&self.digest.0[..], &length, id, &deed.0];
        Self {
            count: self.count.saturating_add(1),
            digest: digest::hash(Domain::SideDigest, &parts),
        }
    }
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The id was free and is now taken.
    Now,
    /// It was taken by the same deed.
    Same,
    /// It was taken by another.
    Other,
}

/// A changed row: full key, value before the block, value after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) key: Vec<u8>,
    pub(crate) old: Option<Vec<u8>>,
    pub(crate) new: Option<Vec<u8>>,
}

/// What a block changes, by key.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) state: Vec<Changed>,
    pub(crate) side: Vec<Changed>,
}

#[derive(Debug)]
struct Slot {
    old: Option<Vec<u8>>,
    /// `None` while the row is only read.
    new: Option<Option<Vec<u8>>>,
}

type Rows = BTreeMap<Vec<u8>, Slot>;

/// How to take back one write of the transaction under way.
enum Back {
    State(Vec<u8>, Option<Option<Vec<u8>>>),
    Side(Vec<u8>, Option<Option<Vec<u8>>>),
    Claims(String, ClaimHead),
}

/// A place in a transaction under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(usize);

/// See the module.
pub(crate) struct Overlay<'a> {
    store: &'a dyn Read,
    state: Rows,
    side: Rows,
    claims: BTreeMap<String, ClaimHead>,
    back: Vec<Back>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(store: &'a dyn Read) -> Self {
        let (state, side, claims) = Default::default();
        Self { store, state, side, claims, back: Vec::new() }
    }

    pub(crate) fn store(&self) -> &'a dyn Read {
        self.store
    }

    /// Begins a transaction: what was written so far stays.
    pub(crate) fn begin(&mut self) {
        self.back.clear();
    }

    /// Takes back everything since [`Self::begin`] (O1).
    pub(crate) fn roll_back(&mut self) {
        self.roll_back_to(Mark(0));
    }

    /// A place in the transaction under way, to come back to.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.back.len())
    }

    /// Takes back everything since a mark of this transaction (O1).
    pub(crate) fn roll_back_to(&mut self, mark: Mark) {
        while self.back.len() > mark.0 {
            let Some(back) = self.back.pop() else { return };
            match back {
                Back::State(key, new) => {
                    if let Some(slot) = self.state.get_mut(&key) {
                        slot.new = new;
                    }
                }
                Back::Side(key, new) => {
                    if let Some(slot) = self.side.get_mut(&key) {
                        slot.new = new;
                    }
                }
                Back::Claims(room, head) => {
                    self.claims.insert(room, head);
                }
            }
        }
    }

    /// The entry under a full key.
    pub(crate) fn read(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        if let Some(slot) = self.state.get(key) {
            return Ok(slot.new.as_ref().unwrap_or(&slot.old).clone());
        }
        let old = self.store.get(Column::State, key)?;
        if old.as_ref().is_none_or(|value| value.len() <= CACHED_BYTES_MAX) {
            self.state.insert(key.to_vec(), Slot { old: old.clone(), new: None });
        }
        Ok(old)
    }

    /// Writes or removes the entry under a full key.
    pub(crate) fn write(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), Broken> {
        if let Some(slot) = self.state.get_mut(&key) {
            let before = slot.new.replace(value);
            self.back.push(Back::State(key, before));
            return Ok(());
        }
        let old = self.store.get(Column::State, &key)?;
        self.state.insert(key.clone(), Slot { old, new: Some(value) });
        self.back.push(Back::State(key, None));
        Ok(())
    }

    /// The row beside the tree under a full key.
    pub(crate) fn read_side(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        if let Some(slot) = self.side.get(key) {
            return Ok(slot.new.as_ref().unwrap_or(&slot.old).clone());
        }
        let old = self.store.get(Column::Side, key)?;
        self.side.insert(key.to_vec(), Slot { old: old.clone(), new: None });
        Ok(old)
    }

    /// Writes a row beside the tree that is no business id.
    pub(crate) fn write_side(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), Broken> {
        self.read_side(&key)?;
        if let Some(slot) = self.side.get_mut(&key) {
            let before = slot.new.replace(Some(value));
            self.back.push(Back::Side(key, before));
        }
        Ok(())
    }

    /// The deed that claimed a business id of `room`.
    pub(crate) fn claimed(&mut self, room: &str, id: &[u8]) -> Result<Option<Digest>, Broken> {
        let row = self.read_side(&full_key(room, id))?;
        row.map(|row| read_claim(&row).map(|(deed, _)| deed)).transpose()
    }

    /// Claims a business id of `room` for a deed, for ever (O3).
    pub(crate) fn claim(
        &mut self,
        room: &str,
        id: &[u8],
        deed: &Digest,
    ) -> Result<Claimed, Broken> {
        let key = full_key(room, id);
        match self.read_side_free(&key)? {
            _ if planted::is(Bug::BusinessIdTwice) => {}
            Some(row) => {
                let (found, _) = read_claim(&row)?;
                return Ok(if found == *deed { Claimed::Same } else { Claimed::Other });
            }
            None => {}
        }
        let head = self.claim_head(room)?;
        let row = Some(claim_row(deed, head.count));
        // A thousand ids may be claimed at once: one look into the map, not four.
        let before = match self.side.entry(key.clone()) {
            Entry::Occupied(mut slot) => slot.get_mut().new.replace(row),
            Entry::Vacant(place) => {
                place.insert(Slot { old: None, new: Some(row) });
                None
            }
        };
        self.back.push(Back::Side(key, before));
        self.back.push(Back::Claims(room.into(), head));
        if let Some(place) = self.claims.get_mut(room) {
            *place = head.with(id, deed);
        }
        Ok(Claimed::Now)
    }

    /// The row beside the tree, without noting that none stands there.
    fn read_side_free(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        if let Some(slot) = self.side.get(key) {
            return Ok(slot.new.as_ref().unwrap_or(&slot.old).clone());
        }
        let old = self.store.get(Column::Side, key)?;
        if old.is_some() {
            self.side.insert(key.to_vec(), Slot { old: old.clone(), new: None });
        }
        Ok(old)
    }

    fn claim_head(&mut self, room: &str) -> Result<ClaimHead, Broken> {
        if let Some(head) = self.claims.get(room) {
            return Ok(*head);
        }
        let row = self.read(&full_key(CLAIMS_ROOM, room.as_bytes()))?;
        let head = row.map(|row| decode(&row, "a claim head")).transpose()?.unwrap_or_default();
        self.claims.insert(room.into(), head);
        Ok(head)
    }

    /// Rows of the state with `from <= key < to` as the transactions so far left them.
    pub(crate) fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, Broken> {
        // Removed rows must not use up the limit: ask the store for as many more as were removed.
        let inside = self.state.range(from.to_vec()..to.to_vec());
        let changed: Vec<_> = inside.filter(|(_, slot)| slot.new.is_some()).collect();
        let rows = self.store.scan(Column::State, from, to, limit.saturating_add(changed.len()))?;
        let mut keys: Vec<_> = rows.into_iter().map(|(key, _)| key).collect();
        for (key, slot) in changed {
            match (keys.binary_search(key), &slot.new) {
                (Ok(at), Some(None)) => {
                    keys.remove(at);
                }
                (Err(at), Some(Some(_))) => keys.insert(at, key.clone()),
                _ => {}
            }
        }
        keys.truncate(limit);
        Ok(keys)
    }

    /// Whether a row whose key begins with `prefix` was written.
    pub(crate) fn touches(&self, prefix: &[u8]) -> bool {
        let rows = self.state.range(prefix.to_vec()..).take_while(|(k, _)| k.starts_with(prefix));
        rows.into_iter().any(|(_, slot)| slot.new.is_some())
    }

    /// Whatever the block changed, in key order (O2).
    pub(crate) fn finish(mut self) -> Result<Changes, Broken> {
        for (room, head) in std::mem::take(&mut self.claims) {
            let key = full_key(CLAIMS_ROOM, room.as_bytes());
            if head.count > 0 {
                self.write(key, Some(linli_types::encode(&head)))?;
            }
        }
        Ok(Changes { state: changed(self.state), side: changed(self.side) })
    }
}

fn changed(rows: Rows) -> Vec<Changed> {
    let one = |(key, slot): (Vec<u8>, Slot)| match slot.new {
        Some(new) if new != slot.old => Some(Changed { key, old: slot.old, new }),
        _ => None,
    };
    rows.into_iter().filter_map(one).collect()
}

/// The row of a claimed business id: the deed's digest, and which claim of the room it was.
fn claim_row(deed: &Digest, number: u64) -> Vec<u8> {
    [deed.0.as_slice(), &number.to_be_bytes()].concat()
}

/// Reads the row of a claimed business id: the deed's digest, and which claim of the room it was.
///
/// # Errors
///
/// [`Broken`] if the row is none.
pub fn read_claim(row: &[u8]) -> Result<(Digest, u64), Broken> {
    let read = || {
        let (deed, number) = row.split_first_chunk::<32>()?;
        Some((Digest(*deed), u64::from_be_bytes(number.try_into().ok()?)))
    };
    read().ok_or_else(|| Broken("the row of a business id cannot be read".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::store::{Batch, Memory};
    use proptest::prelude::*;

    fn store(rows: &BTreeMap<u8, u8>) -> Memory {
        let (mut store, mut batch) = (Memory::default(), Batch::default());
        rows.iter().for_each(|(k, v)| batch.put(Column::State, vec![*k], vec![*v]));
        store.apply(&batch);
        store
    }

    proptest! {
        #[test]
        fn a_refused_transaction_leaves_no_trace(
            rows in proptest::collection::btree_map(0..12_u8, any::<u8>(), 0..12),
            kept in proptest::collection::vec((0..12_u8, any::<Option<u8>>()), 0..20),
            dropped in proptest::collection::vec((0..12_u8, any::<Option<u8>>()), 0..20),
            part in any::<bool>(),
        ) {
            let store = store(&rows);
            let mut overlay = Overlay::new(&store);
            let mut model = rows.clone();
            overlay.begin();
            for (key, value) in kept {
                overlay.write(vec![key], value.map(|v| vec![v])).unwrap();
                match value { Some(v) => model.insert(key, v), None => model.remove(&key) };
            }
            if part {
                overlay.begin();
            }
            let mark = overlay.mark();
            for (key, value) in dropped {
                overlay.write(vec![key], value.map(|v| vec![v])).unwrap();
                overlay.claim("room", &[key], &Digest([key; 32])).unwrap();
            }
            if part { overlay.roll_back() } else { overlay.roll_back_to(mark) }
            for key in 0..12_u8 {
                let found = overlay.read(&[key]).unwrap();
                prop_assert_eq!(found, model.get(&key).map(|v| vec![*v]));
                prop_assert_eq!(overlay.claimed("room", &[key]).unwrap(), None);
            }
            let keys: Vec<_> = model.keys().map(|k| vec![*k]).collect();
            prop_assert_eq!(overlay.scan(&[0], &[12], 99).unwrap(), keys.clone());
            let first: Vec<_> = keys.into_iter().take(3).collect();
            prop_assert_eq!(overlay.scan(&[0], &[12], 3).unwrap(), first);
            let changes = overlay.finish().unwrap();
            prop_assert!(changes.side.is_empty());
            for change in changes.state {
                let key = change.key[0];
                prop_assert_eq!(change.old, rows.get(&key).map(|v| vec![*v]));
                prop_assert_eq!(change.new, model.get(&key).map(|v| vec![*v]));
            }
        }
    }

    #[test]
    fn a_business_id_is_claimed_once_and_its_digest_runs_on() {
        let store = Memory::default();
        let mut overlay = Overlay::new(&store);
        let (a, b) = (Digest([1; 32]), Digest([2; 32]));
        overlay.begin();
        assert_eq!(overlay.claim("room", b"id", &a).unwrap(), Claimed::Now);
        assert_eq!(overlay.claim("room", b"id", &a).unwrap(), Claimed::Same);
        assert_eq!(overlay.claim("room", b"id", &b).unwrap(), Claimed::Other);
        assert_eq!(overlay.claim("other", b"id", &b).unwrap(), Claimed::Now);
        let head = overlay.claim_head("room").unwrap();
        assert_eq!(head, ClaimHead::default().with(b"id", &a));
        let changes = overlay.finish().unwrap();
        assert_eq!((changes.state.len(), changes.side.len()), (2, 2));
    }
}
