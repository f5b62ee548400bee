//! One proof for many neighbouring leaves: what a batch needs, instead of a path for each.
//!
//! ```text
//!            root
//!          /      \
//!        o          *        * computed from the leaves at hand, x
//!       / \       /   \      o given: the root of a subtree without such a leaf
//!     .  .  .  *        o
//!             x x      . .
//! ```
//!
//! The given roots, from left to right, are at most two for each level of the tree. Whoever has them
//! and the leaves computes the root, and on the way the ordinary path of every leaf (RFC 9162).
//!
//! # Invariants
//!
//! - **M3 the same paths.** A path computed from a range is the one that the tree itself gives.
//! - **M2 one spelling.** A proof with a missing or a spare node is refused.

use super::Shape;
use crate::id::Digest;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// The subtrees without a leaf of `wanted` in a tree of `size` leaves, from left to right, as the
/// leaves that each covers. `None` if `wanted` is empty or leaves the tree.
pub fn outside(wanted: &Range<u64>, size: u64) -> Option<Vec<Range<u64>>> {
    let mut found = Vec::new();
    fits(wanted, size).then(|| {
        collect(wanted, 0..size, &mut found);
        found
    })
}

/// The root of a tree of `size` leaves, and the path of each of `leaves`, the first of which is leaf
/// `first`. `given` are the roots of [`outside`]. `None` if they are too many or too few (M2).
pub fn paths<S: Shape>(
    leaves: &[Digest],
    first: u64,
    size: u64,
    given: &[Digest],
) -> Option<(Digest, Vec<Vec<Digest>>)> {
    let wanted = first..first.checked_add(u64::try_from(leaves.len()).ok()?)?;
    if !fits(&wanted, size) {
        return None;
    }
    let mut walk = Walk { wanted, leaves, given: given.iter(), paths: vec![vec![]; leaves.len()] };
    let root = walk.root::<S>(0..size)?;
    walk.given.next().is_none().then_some((root, walk.paths))
}

fn fits(wanted: &Range<u64>, size: u64) -> bool {
    wanted.start < wanted.end && wanted.end <= size
}

fn is_apart(wanted: &Range<u64>, tree: &Range<u64>) -> bool {
    tree.end <= wanted.start || wanted.end <= tree.start
}

/// Where a tree of two leaves and more divides.
fn middle(tree: &Range<u64>) -> u64 {
    let width = tree.end.saturating_sub(tree.start);
    let half = 1_u64 << 63_u32.saturating_sub(width.saturating_sub(1).leading_zeros());
    tree.start.saturating_add(half)
}

fn is_leaf(tree: &Range<u64>) -> bool {
    tree.end.saturating_sub(tree.start) == 1
}

fn collect(wanted: &Range<u64>, tree: Range<u64>, found: &mut Vec<Range<u64>>) {
    if is_apart(wanted, &tree) {
        found.push(tree);
    } else if !is_leaf(&tree) {
        let middle = middle(&tree);
        collect(wanted, tree.start..middle, found);
        collect(wanted, middle..tree.end, found);
    }
}

struct Walk<'a> {
    wanted: Range<u64>,
    leaves: &'a [Digest],
    given: core::slice::Iter<'a, Digest>,
    /// From the leaf up, as far as the walk has come.
    paths: Vec<Vec<Digest>>,
}

impl Walk<'_> {
    fn root<S: Shape>(&mut self, tree: Range<u64>) -> Option<Digest> {
        if is_apart(&self.wanted, &tree) {
            return self.given.next().copied();
        }
        if is_leaf(&tree) {
            return self.leaves.get(self.place(tree.start)).copied();
        }
        let middle = middle(&tree);
        let left = self.root::<S>(tree.start..middle)?;
        let right = self.root::<S>(middle..tree.end)?;
        self.add(&(tree.start..middle), right);
        self.add(&(middle..tree.end), left);
        Some(S::inner(&left, &right))
    }

    /// Gives the wanted leaves of `tree` the sibling that stands beside it.
    fn add(&mut self, tree: &Range<u64>, sibling: Digest) {
        let (from, to) = (self.place(tree.start), self.place(tree.end));
        let own = self.paths.get_mut(from..to).unwrap_or_default();
        own.iter_mut().for_each(|path| path.push(sibling));
    }

    /// The place of a leaf among the wanted ones, held within them.
    fn place(&self, leaf: u64) -> usize {
        let within = leaf.clamp(self.wanted.start, self.wanted.end);
        usize::try_from(within.saturating_sub(self.wanted.start)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sha256Log, path, root};
    use super::*;

    const SIZES: usize = 34;

    fn leaves(n: usize) -> Vec<Digest> {
        (0..n).map(|i| Sha256Log::leaf(&i.to_le_bytes())).collect()
    }

    fn given(all: &[Digest], from: usize, to: usize) -> Vec<Digest> {
        let wanted = from as u64..to as u64;
        let trees = outside(&wanted, all.len() as u64).unwrap();
        assert!(trees.len() <= 2 * 64);
        trees
            .into_iter()
            .map(|t| root::<Sha256Log>(&all[t.start as usize..t.end as usize]))
            .collect()
    }

    #[test]
    fn every_range_of_every_small_tree_gives_the_trees_own_paths() {
        for size in 1..SIZES {
            let all = leaves(size);
            for from in 0..size {
                for to in from + 1..=size {
                    let given = given(&all, from, to);
                    let found =
                        paths::<Sha256Log>(&all[from..to], from as u64, size as u64, &given);
                    let (top, paths) = found.unwrap();
                    assert_eq!(top, root::<Sha256Log>(&all), "{from}..{to} of {size}");
                    for (i, own) in paths.iter().enumerate() {
                        assert_eq!(Some(own), path::<Sha256Log>(&all, from + i).as_ref(), "M3");
                    }
                }
            }
        }
    }

    #[test]
    fn a_missing_or_a_spare_node_is_refused() {
        let all = leaves(29);
        let mut given = given(&all, 5, 11);
        given.push(Digest([7; 32]));
        assert_eq!(paths::<Sha256Log>(&all[5..11], 5, 29, &given), None, "M2");
        given.truncate(given.len() - 2);
        assert_eq!(paths::<Sha256Log>(&all[5..11], 5, 29, &given), None, "M2");
    }

    #[test]
    fn a_range_outside_the_tree_is_none() {
        for (wanted, size) in [(3..3, 5), (4..6, 5), (0..1, 0), (5..6, 5)] {
            assert_eq!(outside(&wanted, size), None, "{wanted:?} of {size}");
        }
        assert_eq!(paths::<Sha256Log>(&leaves(2), u64::MAX, 5, &[]), None);
        assert_eq!(paths::<Sha256Log>(&[], 0, 5, &[]), None);
    }

    #[test]
    fn a_huge_tree_is_walked_by_its_levels_alone() {
        let trees = outside(&(1 << 40..(1 << 40) + 1024), (1 << 41) + 12_345).unwrap();
        assert!(trees.len() <= 64, "{}", trees.len());
    }
}
