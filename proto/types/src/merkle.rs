//! Merkle trees of RFC 9162's shape: audit paths for a leaf, consistency between two sizes.
//!
//! Two uses, one shape: the evidence log with SHA-256 ([`Sha256Log`]; the leaf prefix is 0, the
//! inner prefix 1, as the standard says), and the bodies and receipts of a block with BLAKE3
//! ([`BlockTree`]).
//!
//! # Invariants
//!
//! - **M1 standard.** A root or proof of [`Sha256Log`] is checked by any RFC 9162 tool.
//! - **M2 one spelling.** A proof with a missing or a spare node is refused.
//!
//! Source: RFC 9162, sections 2.1.1 to 2.1.4.

use crate::digest::{self, Domain};
use crate::id::Digest;
use alloc::vec::Vec;
use sha2::Digest as _;

pub mod range;

/// How a tree hashes.
pub trait Shape {
    /// Hash of a leaf's bytes.
    fn leaf(bytes: &[u8]) -> Digest;
    /// Hash of two nodes.
    fn inner(left: &Digest, right: &Digest) -> Digest;
    /// Root of no leaves.
    fn empty() -> Digest;
}

/// The evidence log: SHA-256 as in RFC 9162.
#[derive(Clone, Copy, Debug)]
pub struct Sha256Log;

impl Shape for Sha256Log {
    fn leaf(bytes: &[u8]) -> Digest {
        Digest(sha2::Sha256::new().chain_update([0]).chain_update(bytes).finalize().into())
    }

    fn inner(left: &Digest, right: &Digest) -> Digest {
        let hasher = sha2::Sha256::new().chain_update([1]);
        Digest(hasher.chain_update(left.0).chain_update(right.0).finalize().into())
    }

    fn empty() -> Digest {
        Digest(sha2::Sha256::new().finalize().into())
    }
}

/// Bodies and receipts of a block: BLAKE3. A leaf's bytes are already a digest in its own domain.
#[derive(Clone, Copy, Debug)]
pub struct BlockTree;

impl Shape for BlockTree {
    fn leaf(bytes: &[u8]) -> Digest {
        digest::hash(Domain::ReceiptLeaf, &[bytes])
    }

    fn inner(left: &Digest, right: &Digest) -> Digest {
        digest::hash(Domain::Inner, &[&left.0, &right.0])
    }

    fn empty() -> Digest {
        Digest([0; 32])
    }
}

/// First byte of every leaf of the evidence log.
pub const STATEMENT_VERSION: u8 = 1;

/// The leaf of a statement in the evidence log: version byte and digest, hashed as a leaf.
pub fn statement_leaf(statement: &Digest) -> Digest {
    let mut bytes = [STATEMENT_VERSION; 33];
    let (_, rest) = bytes.split_at_mut(1);
    rest.copy_from_slice(&statement.0);
    Sha256Log::leaf(&bytes)
}

/// The root over `leaves`, each already hashed.
pub fn root<S: Shape>(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => S::empty(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            S::inner(&root::<S>(left), &root::<S>(right))
        }
    }
}

/// The audit path of leaf `index` among `leaves`, from the leaf up. `None` if there is no such leaf.
pub fn path<S: Shape>(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
    if index >= leaves.len() {
        return None;
    }
    let mut nodes = Vec::new();
    walk::<S>(leaves, index, &mut nodes);
    Some(nodes)
}

fn walk<S: Shape>(leaves: &[Digest], index: usize, nodes: &mut Vec<Digest>) {
    if leaves.len() < 2 {
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if index < left.len() {
        walk::<S>(left, index, nodes);
        nodes.push(root::<S>(right));
    } else {
        walk::<S>(right, index.saturating_sub(left.len()), nodes);
        nodes.push(root::<S>(left));
    }
}

/// The largest power of two smaller than `len`, for `len` of two and more.
fn split(len: usize) -> usize {
    len.next_power_of_two() >> 1
}

/// The root that `path` leads to from `leaf` at `index` in a tree of `size`; `None` if the path
/// does not have the one right length (M2).
///
/// Source: RFC 9162, section 2.1.3.2.
pub fn root_from_path<S: Shape>(
    leaf: Digest,
    index: u64,
    size: u64,
    path: &[Digest],
) -> Option<Digest> {
    if index >= size {
        return None;
    }
    let (mut node, mut last) = (index, size.checked_sub(1)?);
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = S::inner(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = S::inner(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Whether `proof` shows that the tree `(size_a, root_a)` is a prefix of `(size_b, root_b)`.
///
/// Source: RFC 9162, section 2.1.4.2.
pub fn is_consistent<S: Shape>(
    (size_a, root_a): (u64, Digest),
    (size_b, root_b): (u64, Digest),
    proof: &[Digest],
) -> bool {
    consistent::<S>((size_a, root_a), (size_b, root_b), proof).is_some()
}

fn consistent<S: Shape>(
    (size_a, root_a): (u64, Digest),
    (size_b, root_b): (u64, Digest),
    proof: &[Digest],
) -> Option<()> {
    if size_a == 0 || size_a > size_b {
        return None;
    }
    if size_a == size_b {
        return (proof.is_empty() && root_a == root_b).then_some(());
    }
    let mut nodes = proof.iter().copied();
    let first = if size_a.is_power_of_two() { root_a } else { nodes.next()? };
    let (mut node, mut last) = (size_a.checked_sub(1)?, size_b.checked_sub(1)?);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (first, first);
    for sibling in nodes {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            old = S::inner(&sibling, &old);
            new = S::inner(&sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = S::inner(&new, &sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0 && old == root_a && new == root_b).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn leaves(n: u8) -> Vec<Digest> {
        (0..n).map(|i| Sha256Log::leaf(&[i])).collect()
    }

    #[test]
    fn every_leaf_of_every_size_is_provable_and_only_with_the_exact_path() {
        for n in 1..40_u8 {
            let leaves = leaves(n);
            let root = root::<Sha256Log>(&leaves);
            for (i, leaf) in leaves.iter().enumerate() {
                let (i64, n64) = (i as u64, u64::from(n));
                let mut path = path::<Sha256Log>(&leaves, i).unwrap();
                let found = root_from_path::<Sha256Log>(*leaf, i64, n64, &path);
                assert_eq!(found, Some(root), "{i} of {n}");
                path.push(Digest([9; 32]));
                assert_ne!(root_from_path::<Sha256Log>(*leaf, i64, n64, &path), Some(root));
                path.pop();
                if path.pop().is_some() {
                    assert_eq!(root_from_path::<Sha256Log>(*leaf, i64, n64, &path), None);
                }
            }
        }
    }

    #[test]
    fn the_published_roots_hold() {
        // RFC 6962 test data (Certificate Transparency): the empty root and the root of one
        // empty leaf.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let one = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(root::<Sha256Log>(&[]), Digest(empty.parse::<Digest>().unwrap().0));
        assert_eq!(Sha256Log::leaf(&[]), one.parse().unwrap());
    }

    #[test]
    fn nothing_is_consistent_with_a_changed_past() {
        let (old, new) = (leaves(3), leaves(7));
        let (a, b) = (root::<Sha256Log>(&old), root::<Sha256Log>(&new));
        // RFC 9162, section 2.1.5: PROOF(3, D[7]) = [c, d, g, l].
        let g = root::<Sha256Log>(&new[0..2]);
        let l = root::<Sha256Log>(&new[4..7]);
        let proof = [new[2], new[3], g, l];
        assert!(is_consistent::<Sha256Log>((3, a), (7, b), &proof));
        assert!(!is_consistent::<Sha256Log>((3, b), (7, b), &proof));
        assert!(!is_consistent::<Sha256Log>((3, a), (7, b), &proof[..3]));
    }
}
