//! Ways of one leaf in two logs: whether both logs can be one that grew.
//!
//! A way passes subtrees of the log. Whatever was complete in the smaller log stays as it is, so where
//! both ways pass the same complete subtree they name the same digest. That is no proof that one log is
//! the beginning of the other, but whoever writes another history to a leaf is found wherever it touches
//! the leaf's way.
//!
//! Source: RFC 9162, sections 2.1.3.2 and 2.1.4.

use crate::pack::LogPlace;
use alloc::collections::BTreeMap;
use linli_types::id::Digest;

/// A subtree: its height, and its place among those of that height.
type At = (u32, u64);

/// Whether nothing that both ways pass is told twice and differently. The roots are checked elsewhere.
pub(super) fn agree(one: &LogPlace, other: &LogPlace) -> bool {
    if one.size == other.size {
        return one.path == other.path;
    }
    let size = one.size.min(other.size);
    let known: BTreeMap<At, Digest> = passed(one).collect();
    let fits = |(at, digest): (At, Digest)| {
        !is_complete(at, size) || known.get(&at).is_none_or(|before| *before == digest)
    };
    passed(other).all(fits)
}

/// Whether all leaves of a subtree stand in a log of this size.
fn is_complete((height, place): At, size: u64) -> bool {
    let end = place.checked_add(1).and_then(|next| next.checked_mul(1_u64.checked_shl(height)?));
    end.is_some_and(|end| end <= size)
}

/// The subtrees beside a leaf's way, from the leaf up.
fn passed(place: &LogPlace) -> impl Iterator<Item = (At, Digest)> {
    let (mut height, mut node) = (0_u32, place.leaf);
    let mut last = place.size.saturating_sub(1);
    place.path.iter().map_while(move |digest| {
        if last == 0 {
            return None;
        }
        let at = match node & 1 == 1 || node == last {
            // The rightmost subtree has no neighbour until it is a right one.
            true => {
                let up = node.trailing_zeros().min(63);
                (height, node, last) = (height.saturating_add(up), node >> up, last >> up);
                (height, node.saturating_sub(1))
            }
            false => (height, node.saturating_add(1)),
        };
        (height, node, last) = (height.saturating_add(1), node >> 1, last >> 1);
        Some((at, *digest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use linli_types::merkle::{self, Sha256Log, Shape};

    fn leaves(n: u8, from: u8) -> Vec<Digest> {
        (0..n).map(|i| Sha256Log::leaf(&[i, u8::from(i >= from)])).collect()
    }

    fn place(all: &[Digest], leaf: usize) -> LogPlace {
        let path = merkle::path::<Sha256Log>(all, leaf).unwrap();
        LogPlace { leaf: leaf as u64, size: all.len() as u64, path }
    }

    #[test]
    fn a_log_agrees_with_whatever_it_grows_to() {
        for size in 1..=24_u8 {
            for leaf in 0..usize::from(size) {
                for grown in size..=25 {
                    let (old, new) = (leaves(size, 99), leaves(grown, 99));
                    let (old, new) = (place(&old, leaf), place(&new, leaf));
                    assert!(agree(&old, &new) && agree(&new, &old), "{leaf} of {size}, {grown}");
                }
            }
        }
    }

    #[test]
    fn another_past_is_seen_where_it_touches_the_way() {
        // Of eight leaves the last three differ; of the grown log, all after the fourth.
        let old = leaves(8, 5);
        for (grown, leaf, seen) in [(8, 4, true), (13, 4, true), (13, 0, true), (8, 7, true)] {
            let new = leaves(grown, 99);
            assert_eq!(!agree(&place(&old, leaf), &place(&new, leaf)), seen, "{leaf} of {grown}");
        }
        // The same size, and the leaf's own neighbour.
        let (one, other) = (leaves(5, 1), leaves(5, 99));
        assert!(!agree(&place(&one, 0), &place(&other, 0)));
    }

    #[test]
    fn every_node_of_a_way_is_where_it_stands() {
        for size in 1..=20_u8 {
            let all = leaves(size, 99);
            for leaf in 0..all.len() {
                for ((height, at), digest) in passed(&place(&all, leaf)) {
                    let from = (at << height) as usize;
                    let to = (from + (1 << height)).min(all.len());
                    assert_eq!(
                        merkle::root::<Sha256Log>(&all[from..to]),
                        digest,
                        "{leaf} of {size}"
                    );
                }
            }
        }
    }
}
