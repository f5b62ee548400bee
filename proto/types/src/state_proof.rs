//! Proof that an entry stands in the state tree, or that none does.
//!
//! The tree is a compact sparse Merkle tree (design D4): the path is the BLAKE3 digest of the
//! key; an empty subtree is zero, a subtree of one leaf is that leaf, any other is the hash of
//! its halves. One 64-byte compression per node: leaf and inner hashes differ by their key.
//!
//! # Invariants
//!
//! - **T1 layout.** The root depends on the entries only.
//! - **T2 both.** Presence and absence are provable, each by one spelling.

use crate::digest::{self, Domain};
use crate::id::Digest;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Zero: an empty subtree.
pub const EMPTY: Digest = Digest([0; 32]);

const LEAF_KEY: [u8; 32] = *b"linli.state-leaf.v1\0\0\0\0\0\0\0\0\0\0\0\0\0";
const INNER_KEY: [u8; 32] = *b"linli.state-inner.v1\0\0\0\0\0\0\0\0\0\0\0\0";

/// The path of an entry's key.
pub fn path(key: &[u8]) -> Digest {
    digest::hash(Domain::StatePath, &[key])
}

/// The digest of an entry's value.
pub fn value_digest(value: &[u8]) -> Digest {
    digest::hash(Domain::StateLeaf, &[value])
}

/// The hash of a leaf.
pub fn leaf(path: &Digest, value: &Digest) -> Digest {
    keyed(&LEAF_KEY, path, value)
}

/// The hash of two halves that are not both empty and not one leaf.
pub fn inner(left: &Digest, right: &Digest) -> Digest {
    keyed(&INNER_KEY, left, right)
}

fn keyed(key: &[u8; 32], left: &Digest, right: &Digest) -> Digest {
    let mut block = [0; 64];
    let (a, b) = block.split_at_mut(32);
    a.copy_from_slice(&left.0);
    b.copy_from_slice(&right.0);
    Digest(*blake3::keyed_hash(key, &block).as_bytes())
}

/// Bit `depth` of a path, from the top. `depth` is below 256.
pub fn bit(path: &Digest, depth: usize) -> bool {
    path.0.get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}

/// What stands at the end of the way to a path.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum End {
    /// The entry itself.
    Present,
    /// Nothing.
    Empty,
    /// Another leaf, alone in the subtree where the entry would be.
    Other {
        /// Its path.
        path: Digest,
        /// Digest of its value.
        value: Digest,
    },
}

/// The way from an entry's place up to the root.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateProof {
    /// What stands at the entry's place.
    pub end: End,
    /// Sibling hashes, from the bottom up; as many as the place is deep. An empty one is zero.
    pub siblings: Vec<Digest>,
}

impl StateProof {
    /// The root that this proof leads to, or `None` if it is no proof about `key`.
    ///
    /// `value` is what is claimed: `Some` for presence, `None` for absence.
    pub fn root(&self, key: &[u8], value: Option<&[u8]>) -> Option<Digest> {
        let place = path(key);
        let depth = self.siblings.len();
        if depth > 256 {
            return None;
        }
        let bottom = match (&self.end, value) {
            (End::Present, Some(value)) => leaf(&place, &value_digest(value)),
            (End::Empty, None) => EMPTY,
            (End::Other { path, value }, None) => {
                let shares = (0..depth).all(|d| bit(path, d) == bit(&place, d));
                if !shares || *path == place {
                    return None;
                }
                leaf(path, value)
            }
            _ => return None,
        };
        // T2: the lowest sibling is never empty beside a leaf or an empty place, else the
        // place would not be this deep.
        if self.siblings.first() == Some(&EMPTY) {
            return None;
        }
        let up = |hash: Digest, (height, sibling): (usize, &Digest)| {
            let depth = depth - 1 - height;
            if bit(&place, depth) { inner(sibling, &hash) } else { inner(&hash, sibling) }
        };
        Some(self.siblings.iter().enumerate().fold(bottom, up))
    }
}
