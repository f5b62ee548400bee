//! Blocks are executed once more from a height on, and a bundle's block on any copy of the data.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::invariant::block_breaches;
use linli_runtime::{BadBundle, Bundle, Executed, NotReplayed, Settings, replay_from};
use linli_types::height::Height;
use support::*;

/// A node some blocks on, with timers and claims in what was changed.
fn town(blocks: u64) -> Node {
    let mut node = Node::new(&genesis());
    (1..=blocks).for_each(|n| drop(node.step(&[node.transfer(n, (0, 0), (1, 0), 3)])));
    node
}

fn next(node: &Node) -> Executed {
    node.propose(&[node.transfer(99, (1, 0), (0, 0), 2)])
}

fn again(
    node: &Node,
    from: u64,
    bundle: Option<&Bundle>,
) -> Result<linli_runtime::Replayed, NotReplayed> {
    replay_from(&node.store, Height(from), bundle, Settings::default())
}

#[test]
fn blocks_come_out_the_same_from_every_height_whose_undo_records_are_kept() {
    let node = town(8);
    let kept = node.ledger.genesis_info().undo_heights;
    for from in 0..=8 {
        let found = again(&node, from, None);
        if from == 0 || 8 - from <= kept {
            let found = found.unwrap();
            assert_eq!(
                (found.header.as_ref(), found.is_same),
                (node.ledger.head().header.as_ref(), true)
            );
            assert_eq!(found.breaches, Vec::<String>::new());
        } else {
            assert_eq!(found, Err(NotReplayed::NoUndo(Height(8 - kept))));
        }
    }
    let far = NotReplayed::Height { head: Height(8), asked: Height(9) };
    assert_eq!(again(&node, 9, None), Err(far));
}

#[test]
fn a_bundles_block_is_executed_where_it_was_and_later_on_another_copy() {
    let node = town(3);
    let executed = next(&node);
    assert_eq!(block_breaches(&executed).unwrap(), Vec::<String>::new());
    let bundle = Bundle::new(&executed, vec!["INV-L1 conservation: said so".into()]);
    let bundle = Bundle::from_bytes(&bundle.to_bytes()).unwrap();
    // Another copy went on with other blocks.
    let mut other = Node::new(&genesis());
    (1..=3).for_each(|n| drop(other.step(&[other.transfer(n, (0, 0), (1, 0), 3)])));
    (4..=6).for_each(|n| drop(other.step(&[other.transfer(n, (0, 0), (1, 0), 1)])));
    for (copy, from) in [(&node, 3), (&node, 0), (&other, 3), (&other, 2)] {
        let found = again(copy, from, Some(&bundle)).unwrap();
        assert_eq!(found.header.as_ref(), Some(&executed.header));
        // The law holds by today's rules: the bundle is not believed.
        assert!(found.is_same && found.breaches.is_empty());
    }
    let parent = next(&other);
    let foreign = Bundle::new(&parent, Vec::new());
    let missing = NotReplayed::Height { head: Height(3), asked: Height(7) };
    assert_eq!(again(&node, 3, Some(&foreign)), Err(missing));
    let mut late = town(7);
    late.step(&[]);
    let found = NotReplayed::OtherParent {
        found: parent.header.parent,
        expected: linli_runtime::load_block(&late.store, Height(6)).unwrap().unwrap().header.id(),
    };
    assert_eq!(again(&late, 6, Some(&foreign)), Err(found));
    assert!(matches!(again(&late, 7, Some(&foreign)), Err(NotReplayed::Height { .. })));
}

#[test]
fn what_is_no_bundle_of_this_chain_is_told_apart() {
    let node = town(2);
    let mut renamed = genesis();
    renamed.name = "other".into();
    let stranger = Node::new(&renamed);
    let bundle = Bundle::new(&stranger.propose(&[]), Vec::new());
    let expected = NotReplayed::OtherChain { found: stranger.chain(), expected: node.chain() };
    assert_eq!(again(&node, 0, Some(&bundle)), Err(expected));
    let bytes = bundle.to_bytes();
    for cut in 0..bytes.len() {
        assert_eq!(Bundle::from_bytes(&bytes[..cut]), Err(BadBundle::Unreadable), "{cut}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Bundle::from_bytes(&longer), Err(BadBundle::Unreadable));
    let mut later = bytes;
    later[8] = 2;
    assert_eq!(Bundle::from_bytes(&later), Err(BadBundle::Format(2)));
}
