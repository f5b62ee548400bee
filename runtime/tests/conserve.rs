//! Whatever is asked, in whatever order: money is conserved, nothing happens twice, a restart and
//! a replay know the same.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::{Settings, invariant, load_block, replay};
use linli_types::height::Height;
use proptest::prelude::*;
use std::collections::BTreeSet;
use support::*;

#[derive(Clone, Debug)]
struct Asked {
    sender: u8,
    /// Few ids, so that they meet again.
    id: u64,
    from: (u8, u8),
    to: (u8, u8),
    amount: u64,
}

fn asked() -> impl Strategy<Value = Asked> {
    let account = || (0..PEOPLE, 0..3_u8);
    let amount = prop_oneof![5 => 0..400_u64, 1 => Just(u64::MAX), 1 => Just(OPENING)];
    (0..PEOPLE, 0..25_u64, account(), account(), amount)
        .prop_map(|(sender, id, from, to, amount)| Asked { sender, id, from, to, amount })
}

fn blocks() -> impl Strategy<Value = Vec<Vec<Vec<Asked>>>> {
    let transaction = proptest::collection::vec(asked(), 1..4);
    proptest::collection::vec(proptest::collection::vec(transaction, 0..8), 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(support::cases(40)))]

    #[test]
    fn money_is_conserved_and_every_node_agrees(blocks in blocks()) {
        let genesis = genesis();
        let (mut node, mut other) = (Node::new(&genesis), Node::new(&genesis));
        let (mut number, mut done) = (0, BTreeSet::new());
        let count = blocks.len() as u64;
        for block in blocks {
            let mut candidates = Vec::new();
            let mut ids = Vec::new();
            for transaction in block {
                number += 1;
                let one = |a: &Asked| transfer_call(a.id, a.from, a.to, a.amount);
                let calls = transaction.iter().map(one).collect();
                candidates.push(node.sign(transaction[0].sender, number, calls));
                ids.push(transaction.iter().map(|a| a.id).collect::<Vec<_>>());
            }
            let built = node.propose(&candidates);
            let executed = other.ledger.execute(&other.store, &built.header, &built.transactions);
            let executed = executed.unwrap().unwrap();
            for (receipt, ids) in built.receipts.iter().zip(ids) {
                if receipt.is_done() {
                    // INV-L5: no business id is done twice.
                    prop_assert!(ids.iter().all(|id| done.insert(*id)));
                }
            }
            node.commit(built);
            other.commit(executed);
            other.reopen();
            prop_assert!(node.store == other.store);
            prop_assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
        }
        let stored = (1..=count).map(|h| load_block(&node.store, Height(h)).unwrap().unwrap());
        let head = replay(&genesis.to_bytes(), stored, Settings::default()).unwrap();
        prop_assert_eq!(&head, node.ledger.head());
    }
}
