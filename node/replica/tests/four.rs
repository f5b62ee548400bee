//! Four replicas in one process, on disks in memory and a wire that delivers at once.

mod common;

use common::{Net, anchor, transfer};
use linli_replica::Submitted;
use linli_runtime::Bundle;
use linli_types::receipt::Outcome;

#[test]
fn a_transfer_commits_everywhere_with_one_root() {
    let mut net = Net::new();
    let answer = net.submit(0, transfer(&net, 1, 5));
    assert_eq!(answer, Submitted::Pooled);
    net.run_until(|net| net.heights().iter().all(|h| *h >= 1));
    let roots: Vec<_> = net.roots();
    assert!(roots.windows(2).all(|w| w[0] == w[1]), "{roots:?}");
    let blocks = net.committed(0);
    assert_eq!(blocks.len(), 1);
    assert!(blocks.iter().all(|b| b.receipts.iter().all(|r| r.outcome == Outcome::Done)));
}

#[test]
fn the_same_bytes_exist_and_take_effect_once() {
    let mut net = Net::new();
    let same = transfer(&net, 2, 5);
    net.submit(0, same.clone());
    net.run_until(|net| net.heights().iter().all(|h| *h >= 1));
    let again = net.submit(1, same);
    assert!(matches!(again, Submitted::Exists { .. }), "{again:?}");
}

#[test]
fn the_same_bytes_twice_in_one_step_are_answered_twice_and_happen_once() {
    let mut net = Net::new();
    let (one, other) = (transfer(&net, 1, 5), transfer(&net, 2, 5));
    let answers = net.submit_together(0, &[one.clone(), other, one.clone(), one]);
    assert_eq!(answers, vec![Some(Submitted::Pooled); 4]);
    let committed = |net: &Net| -> usize {
        net.committed(0).iter().map(|block| block.transactions.len()).sum()
    };
    net.run_until(|net| committed(net) >= 2);
    net.run_for_ms(5_000);
    assert_eq!(committed(&net), 2);
}

#[test]
fn three_go_on_without_the_fourth_and_it_catches_up() {
    let mut net = Net::new();
    net.cut_off(3);
    for id in 1..=5 {
        let height = net.heights()[0];
        net.submit(0, transfer(&net, id, 1));
        net.run_until(|net| net.heights()[..3].iter().all(|h| *h > height));
    }
    assert_eq!(net.heights()[3], 0);
    net.join(3);
    net.run_until(|net| net.heights().windows(2).all(|w| w[0] == w[1]));
    assert!(net.roots().windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn all_four_die_and_no_receipt_is_lost() {
    let mut net = Net::new();
    net.submit(0, transfer(&net, 7, 1));
    net.run_until(|net| net.heights().iter().all(|h| *h >= 1));
    let before = net.roots();
    net.restart_all();
    assert_eq!(net.roots(), before);
    let again = net.submit(2, transfer(&net, 8, 1));
    assert_eq!(again, Submitted::Pooled);
    net.run_until(|net| net.heights().iter().all(|h| *h >= 2));
}

/// R6: the transfer itself is fine, but what comes of it breaks a bound.
#[test]
fn a_block_that_breaks_a_law_stops_its_proposer_before_anyone_hears_of_it() {
    let mut net = Net::overdrawn();
    let (why, bundle) = net.submit_until_broken(transfer(&net, 1, 5));
    assert!(why.contains("block 1 breaks INV-L3 bounds") && why.contains("in memory"), "{why}");
    let bundle = Bundle::from_bytes(&bundle.unwrap().to_bytes()).unwrap();
    assert_eq!((bundle.block.header.height.0, bundle.block.bodies.len()), (1, 1));
    assert!(bundle.breaches[0].starts_with("INV-L3"), "{:?}", bundle.breaches);
    assert_eq!(net.heights(), [0; 4]);
}

#[test]
fn idle_replicas_make_no_blocks_but_the_heartbeat() {
    let mut net = Net::new();
    net.run_for_ms(29_000);
    assert!(net.heights().iter().all(|h| *h == 0), "{:?}", net.heights());
    net.run_for_ms(5_000);
    assert!(net.heights().iter().all(|h| *h == 1), "{:?}", net.heights());
}

#[test]
fn an_anchor_through_the_contract_becomes_a_leaf_of_the_log() {
    let mut net = Net::new();
    net.submit(0, anchor(&net, 1, 1));
    net.run_until(|net| net.heights().iter().all(|h| *h >= 1));
    let block = net.committed(3)[0].clone();
    assert_eq!(block.receipts[0].outcome, Outcome::Done, "{:?}", block.receipts);
    assert_eq!((block.header.log_size, block.receipts[0].log_leaves), (1, (0, 1)));
}

#[test]
fn a_number_used_twice_is_refused_on_the_record() {
    let mut net = Net::new();
    net.submit(0, anchor(&net, 1, 1));
    net.run_until(|net| net.heights().iter().all(|h| *h >= 1));
    net.submit(1, anchor(&net, 2, 1));
    net.run_until(|net| net.heights().iter().all(|h| *h >= 2));
    let block = net.committed(0)[1].clone();
    let Outcome::Refused { refusal, .. } = &block.receipts[0].outcome else {
        panic!("{:?}", block.receipts)
    };
    assert_eq!(refusal.room, "evidence");
    assert_eq!(block.header.log_size, 1);
}
