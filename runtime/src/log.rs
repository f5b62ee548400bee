//! The evidence log (design D5): RFC 9162 with SHA-256, append only.
//!
//! The frontier (the roots of the complete subtrees that make up the log) is in memory; every
//! complete subtree stands in [`Column::Log`] under (level, index), so any proof is a few reads.
//! A leaf is [`merkle::statement_leaf`]: version byte and statement digest. The log keeps digests
//! only and never removes one.
//!
//! # Invariants
//!
//! - **G1 append only.** A row of [`Column::Log`] is written once and never changes.
//! - **G2 standard.** Roots and proofs are those of RFC 9162, sections 2.1.1 to 2.1.4.

mod keys;

pub use keys::{ReceiptKeyRow, SET as SET_RECEIPT_KEY, receipt_key, receipt_key_key, set_request};
pub(crate) use keys::{answer, call};

use core::ops::Range;
use linli_types::id::Digest;
use linli_types::merkle::{self, Sha256Log, Shape};
use linli_types::store::{Broken, Column, Read};

/// The room's name.
pub const ROOM: &str = "log";

/// A complete subtree: its level (0 is a leaf), its index on that level, its hash.
pub type LogNode = (u8, u64, Digest);

/// The log's frontier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    size: u64,
    /// Roots of the complete subtrees, the largest first: one for each set bit of `size`.
    frontier: Vec<Digest>,
}

/// The key of a complete subtree in [`Column::Log`].
pub fn node_key(level: u8, index: u64) -> [u8; 9] {
    let mut key = [0; 9];
    let (first, rest) = key.split_at_mut(1);
    first.copy_from_slice(&[level]);
    rest.copy_from_slice(&index.to_be_bytes());
    key
}

impl Log {
    /// Reads the frontier of a log of `size` leaves.
    ///
    /// # Errors
    ///
    /// [`Broken`] if a subtree that must stand does not.
    pub fn open(store: &dyn Read, size: u64) -> Result<Self, Broken> {
        let mut frontier = Vec::new();
        for level in (0..64_u8).rev().filter(|level| size >> level & 1 == 1) {
            // The subtrees before this one cover the higher bits of `size`.
            frontier.push(node(store, level, (size >> level).saturating_sub(1))?);
        }
        Ok(Self { size, frontier })
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves.
    pub fn root(&self) -> Digest {
        let mut peaks = self.frontier.iter().rev();
        match peaks.next() {
            None => Sha256Log::empty(),
            Some(last) => peaks.fold(*last, |right, left| Sha256Log::inner(left, &right)),
        }
    }

    /// Appends a statement and hands every subtree that it completes to `nodes`.
    pub fn append(&mut self, statement: &Digest, nodes: &mut Vec<LogNode>) {
        let (mut level, mut index) = (0_u8, self.size);
        let mut hash = merkle::statement_leaf(statement);
        nodes.push((level, index, hash));
        while index & 1 == 1 {
            let Some(left) = self.frontier.pop() else { break };
            hash = Sha256Log::inner(&left, &hash);
            (level, index) = (level.saturating_add(1), index >> 1);
            nodes.push((level, index, hash));
        }
        self.frontier.push(hash);
        self.size = self.size.saturating_add(1);
    }
}

fn node(store: &dyn Read, level: u8, index: u64) -> Result<Digest, Broken> {
    let row = store.get(Column::Log, &node_key(level, index))?;
    row.and_then(|row| Digest::from_slice(&row))
        .ok_or_else(|| Broken(format!("the evidence log lacks the node {level}/{index}")))
}

/// The hash of leaf `index`, or `None` if there is no such leaf.
///
/// # Errors
///
/// [`Broken`] if the row is not a digest.
pub fn leaf(store: &dyn Read, index: u64) -> Result<Option<Digest>, Broken> {
    match store.get(Column::Log, &node_key(0, index))? {
        None => Ok(None),
        Some(_) => node(store, 0, index).map(Some),
    }
}

/// The root over the leaves `from..from + size`; `from` is a multiple of the largest power of two
/// that fits into `size`.
fn range_root(store: &dyn Read, from: u64, size: u64) -> Result<Digest, Broken> {
    if size == 0 {
        return Ok(Sha256Log::empty());
    }
    if size.is_power_of_two() {
        let level = size.trailing_zeros();
        return node(store, level as u8, from >> level);
    }
    let half = split(size);
    let left = range_root(store, from, half)?;
    let right = range_root(store, from.saturating_add(half), size.saturating_sub(half))?;
    Ok(Sha256Log::inner(&left, &right))
}

/// The largest power of two smaller than `size`, for `size` of two and more.
fn split(size: u64) -> u64 {
    1 << 63_u32.saturating_sub(size.saturating_sub(1).leading_zeros())
}

/// The root that the log had when it held `size` leaves.
///
/// # Errors
///
/// [`Broken`] if a subtree that must stand does not; also if `size` is more than there are.
pub fn root_at(store: &dyn Read, size: u64) -> Result<Digest, Broken> {
    range_root(store, 0, size)
}

/// The audit path of leaf `index` in the log of `size` leaves, from the leaf up; `None` if there
/// is no such leaf.
///
/// # Errors
///
/// [`Broken`] if a subtree that must stand does not.
pub fn leaf_path(store: &dyn Read, index: u64, size: u64) -> Result<Option<Vec<Digest>>, Broken> {
    if index >= size {
        return Ok(None);
    }
    let (mut from, mut width, mut path) = (0_u64, size, Vec::new());
    while width > 1 {
        let half = split(width);
        let (middle, rest) = (from.saturating_add(half), width.saturating_sub(half));
        if index < middle {
            path.push(range_root(store, middle, rest)?);
            width = half;
        } else {
            path.push(range_root(store, from, half)?);
            (from, width) = (middle, rest);
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// What proves the leaves `wanted` together in the log of `size` leaves, for
/// [`merkle::range::paths`]; `None` if they are none or not all there.
///
/// # Errors
///
/// [`Broken`] if a subtree that must stand does not.
pub fn range_path(
    store: &dyn Read,
    wanted: Range<u64>,
    size: u64,
) -> Result<Option<Vec<Digest>>, Broken> {
    let Some(trees) = merkle::range::outside(&wanted, size) else { return Ok(None) };
    let root =
        |tree: Range<u64>| range_root(store, tree.start, tree.end.saturating_sub(tree.start));
    trees.into_iter().map(root).collect::<Result<_, _>>().map(Some)
}

/// The proof that the log of `old` leaves is a prefix of the log of `new`; `None` unless
/// `0 < old <= new`.
///
/// Source: RFC 9162, section 2.1.4.1.
///
/// # Errors
///
/// [`Broken`] if a subtree that must stand does not.
pub fn consistency(store: &dyn Read, old: u64, new: u64) -> Result<Option<Vec<Digest>>, Broken> {
    if old == 0 || old > new {
        return Ok(None);
    }
    // `old` and `width` count from `from`; `whole` says that the old tree starts at zero here.
    let (mut from, mut old, mut width) = (0_u64, old, new);
    let (mut whole, mut proof) = (true, Vec::new());
    while old != width {
        let half = split(width);
        let (middle, rest) = (from.saturating_add(half), width.saturating_sub(half));
        if old <= half {
            proof.push(range_root(store, middle, rest)?);
            width = half;
        } else {
            proof.push(range_root(store, from, half)?);
            (from, old, width, whole) = (middle, old.saturating_sub(half), rest, false);
        }
    }
    if !whole {
        proof.push(range_root(store, from, width)?);
    }
    proof.reverse();
    Ok(Some(proof))
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::store::{Batch, Memory};

    const SIZES: u64 = 70;

    fn statement(n: u64) -> Digest {
        linli_types::digest::plain(&n.to_le_bytes())
    }

    fn leaves(n: u64) -> Vec<Digest> {
        (0..n).map(|n| merkle::statement_leaf(&statement(n))).collect()
    }

    fn filled(n: u64) -> (Log, Memory) {
        let (mut log, mut nodes, mut batch) = (Log::default(), Vec::new(), Batch::default());
        (0..n).for_each(|n| log.append(&statement(n), &mut nodes));
        for (level, index, hash) in nodes {
            batch.put(Column::Log, node_key(level, index), hash.0);
        }
        let mut store = Memory::default();
        store.apply(&batch);
        (log, store)
    }

    #[test]
    fn every_small_log_has_the_standard_root_and_opens_again() {
        for n in 0..SIZES {
            let (log, store) = filled(n);
            assert_eq!(log.root(), merkle::root::<Sha256Log>(&leaves(n)), "{n}");
            assert_eq!(Log::open(&store, n).unwrap(), log);
        }
    }

    #[test]
    fn every_leaf_of_every_small_log_is_provable_by_its_standard_path() {
        let (_, store) = filled(SIZES);
        for n in 1..=SIZES {
            let leaves = leaves(n);
            for i in 0..n {
                let path = leaf_path(&store, i, n).unwrap().unwrap();
                assert_eq!(Some(path), merkle::path::<Sha256Log>(&leaves, i as usize), "{i}/{n}");
            }
            assert_eq!(leaf_path(&store, n, n).unwrap(), None);
        }
    }

    #[test]
    fn a_range_of_leaves_is_provable_at_once_by_the_same_paths() {
        let (_, store) = filled(SIZES);
        for (from, to, n) in [(0, 1, 1), (3, 9, 9), (5, 40, 69), (63, 66, 70), (0, 70, 70)] {
            let given = range_path(&store, from..to, n).unwrap().unwrap();
            let own = &leaves(n)[from as usize..to as usize];
            let (root, paths) = merkle::range::paths::<Sha256Log>(own, from, n, &given).unwrap();
            assert_eq!(root, root_at(&store, n).unwrap());
            for (i, path) in (from..).zip(&paths) {
                assert_eq!(leaf_path(&store, i, n).unwrap().as_ref(), Some(path), "{i}/{n}");
            }
        }
        assert_eq!(range_path(&store, 4..4, 9).unwrap(), None);
        assert_eq!(range_path(&store, 4..10, 9).unwrap(), None);
    }

    #[test]
    fn every_prefix_of_every_small_log_is_consistent_and_no_other_past_is() {
        let (_, store) = filled(SIZES);
        for new in 1..=SIZES {
            let new_root = root_at(&store, new).unwrap();
            for old in 1..=new {
                let old_root = root_at(&store, old).unwrap();
                let proof = consistency(&store, old, new).unwrap().unwrap();
                let (a, b) = ((old, old_root), (new, new_root));
                assert!(merkle::is_consistent::<Sha256Log>(a, b, &proof), "{old} {new}");
                let other = (old, statement(999));
                assert!(!merkle::is_consistent::<Sha256Log>(other, b, &proof), "{old} {new}");
            }
        }
        assert_eq!(consistency(&store, 0, 3).unwrap(), None);
        assert_eq!(consistency(&store, 4, 3).unwrap(), None);
    }

    #[test]
    fn a_log_with_a_missing_node_does_not_open() {
        let (_, mut store) = filled(5);
        let mut batch = Batch::default();
        batch.remove(Column::Log, node_key(2, 0));
        store.apply(&batch);
        assert!(Log::open(&store, 5).is_err());
    }
}
