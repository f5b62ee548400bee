//! The tree against a slow recursive reference that knows no pages and no buckets.

use super::*;
use linli_types::state_proof::{bit, inner, leaf, path, value_digest};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The root by the definition of design D4, from nothing but the entries.
fn reference(entries: &[(Digest, Digest)], depth: usize) -> Digest {
    match entries {
        [] => EMPTY,
        [(path, value)] => leaf(path, value),
        _ => {
            let (right, left): (Vec<_>, Vec<_>) =
                entries.iter().copied().partition(|(path, _)| bit(path, depth));
            inner(&reference(&left, depth + 1), &reference(&right, depth + 1))
        }
    }
}

fn reference_of(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> Digest {
    let hashed: Vec<_> = entries.iter().map(|(k, v)| (path(k), value_digest(v))).collect();
    reference(&hashed, 0)
}

fn change(key: &[u8], value: Option<&[u8]>) -> Change {
    (path(key), value.map(value_digest))
}

/// Rounds of changes: small keys, so that removals and repeats hit.
fn rounds() -> impl Strategy<Value = Vec<Vec<(u16, Option<u8>)>>> {
    let one = (0..600_u16, proptest::option::weighted(0.7, any::<u8>()));
    proptest::collection::vec(proptest::collection::vec(one, 0..300), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_root_is_the_references_and_a_candidate_changes_nothing(rounds in rounds()) {
        let (mut tree, mut entries) = (Tree::default(), BTreeMap::new());
        for round in rounds {
            let mut changes = Vec::new();
            for (key, value) in round {
                let key = key.to_be_bytes().to_vec();
                changes.push(change(&key, value.as_ref().map(std::slice::from_ref)));
                match value {
                    Some(value) => entries.insert(key, vec![value]),
                    None => entries.remove(&key),
                };
            }
            let before = tree.root();
            let candidate = tree.candidate(changes);
            prop_assert_eq!(tree.root(), before);
            let root = candidate.root();
            tree.adopt(candidate);
            prop_assert_eq!(tree.root(), root);
            prop_assert_eq!(root, reference_of(&entries));
            prop_assert_eq!(tree.len(), entries.len() as u64);
        }
    }

    #[test]
    fn presence_and_absence_are_proved_and_nothing_else(keys in proptest::collection::btree_set(0..2000_u16, 0..400), asked in 0..2000_u16) {
        let row = |k: u16| (k.to_be_bytes().to_vec(), k.to_le_bytes().to_vec());
        let entries: BTreeMap<_, _> = keys.iter().map(|k| row(*k)).collect();
        let tree = Tree::build(entries.iter().map(|(k, v)| (path(k), value_digest(v))).collect());
        for (key, value) in entries.iter().take(20).map(|(k, v)| (k.clone(), v.clone())).chain([row(asked)]) {
            let proof = tree.prove(&key);
            let held = entries.get(&key).map(Vec::as_slice);
            prop_assert_eq!(proof.root(&key, held), Some(tree.root()));
            let lie = if held.is_some() { None } else { Some(value.as_slice()) };
            prop_assert_ne!(proof.root(&key, lie), Some(tree.root()));
            prop_assert_ne!(proof.root(&key, Some(b"another")), Some(tree.root()));
        }
    }
}

#[test]
fn leaves_that_share_a_page_and_a_bucket_are_told_apart() {
    // Paths made by hand: they agree in their first 40 bits and differ late.
    let near = |last: u8| {
        let mut bytes = [0x5a; 32];
        bytes[31] = last;
        Digest(bytes)
    };
    let mut entries: Vec<_> = (0..40).map(|n| (near(n), Digest([n; 32]))).collect();
    let mut tree = Tree::default();
    for entry in &entries {
        let candidate = tree.candidate(vec![(entry.0, Some(entry.1))]);
        tree.adopt(candidate);
    }
    assert_eq!(tree.root(), reference(&entries, 0));
    let candidate = tree.candidate(vec![(near(7), None)]);
    entries.remove(7);
    assert_eq!(candidate.root(), reference(&entries, 0));
}

#[test]
fn removing_everything_leaves_the_empty_tree() {
    let keys: Vec<_> = (0..500_u16).map(|k| path(&k.to_be_bytes())).collect();
    let mut tree = Tree::build(keys.iter().map(|k| (*k, EMPTY)).collect());
    let candidate = tree.candidate(keys.iter().map(|k| (*k, None)).collect());
    tree.adopt(candidate);
    assert_eq!((tree.root(), tree.len()), (EMPTY, 0));
}

#[test]
fn a_large_tree_equals_the_reference_however_it_grew() {
    let row = |n: u32| (path(&n.to_be_bytes()), value_digest(&n.to_le_bytes()));
    let entries: Vec<_> = (0..40_000).map(row).collect();
    let at_once = Tree::build(entries.clone());
    let mut grown = Tree::default();
    for part in entries.chunks(700) {
        let candidate = grown.candidate(part.iter().map(|(p, v)| (*p, Some(*v))).collect());
        grown.adopt(candidate);
    }
    assert_eq!(at_once.root(), reference(&entries, 0));
    assert_eq!(grown.root(), at_once.root());
}
