//! The validators change while the chain runs: one joins, one leaves, one gets a new key.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod pretend;

use linli_core::Input;
use linli_core::message::{Message, SignedVote, Vote};
use linli_types::certificate::VoteKind;
use linli_types::height::Height;
use linli_types::id::PublicKey;
use pretend::{
    ADD, CHAIN, Committed, EPOCH, Net, REKEY, REMOVE, key, pretend_signature, successor,
    transaction,
};

/// Valid through every test here.
const FAR: u64 = EPOCH + 590_000;
/// A round lost to a proposer that is away: its wait, and the votes after it.
const TIMEOUT_MS: u64 = 500 + 2 * 200;

fn load(net: &mut Net, count: u64, every_ms: u64) {
    for n in 0..count {
        let node = usize::try_from(n % 4).unwrap();
        net.submit_at(10 + n * every_ms, node, transaction((n % 7) as u8, n, FAR));
    }
}

/// A change of the set, handed in at `at`.
fn change(net: &mut Net, at: u64, kind: u8, node: u64) {
    net.submit_at(at, 0, transaction(kind, node, FAR));
}

/// The height that carries a change.
fn height_of(net: &Net, kind: u8) -> usize {
    let changes = |block: &Committed| block.bodies.iter().any(|raw| raw[0] == kind);
    net.nodes[0].chain.iter().position(changes).unwrap()
}

fn signs(block: &Committed, key: &PublicKey) -> bool {
    block.certificate.precommits.iter().any(|p| p.validator == *key)
}

/// The longest pause between two blocks.
fn longest_pause_ms(net: &Net) -> u64 {
    let times: Vec<u64> = net.nodes[0].chain.iter().map(|c| c.header.time.0).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
}

fn separate(net: &mut Net, node: usize) {
    for other in (0..net.nodes.len()).filter(|other| *other != node) {
        net.cut.insert((node, other));
        net.cut.insert((other, node));
    }
}

#[test]
fn one_that_joins_catches_up_and_votes_and_no_block_is_missed() {
    let mut net = Net::of(5, 1);
    separate(&mut net, 4);
    load(&mut net, 500, 20);
    change(&mut net, 1_000, ADD, 4);
    net.run_until(4_000);
    assert_eq!(net.nodes[4].head().height, Height(0), "nobody lets it in before");
    net.cut.clear();
    net.restart(4);
    net.run_until(12_000);
    net.assert_nobody_halted();
    let joined = height_of(&net, ADD);
    let chain = &net.nodes[0].chain;
    assert!(!chain[..=joined].iter().any(|block| signs(block, &key(4))), "not before its time");
    assert!(chain.iter().rev().take(10).any(|block| signs(block, &key(4))), "it votes");
    assert!(chain.iter().any(|block| block.header.proposer == key(4)), "and proposes");
    assert!(longest_pause_ms(&net) <= TIMEOUT_MS, "{} ms", longest_pause_ms(&net));
    assert_eq!(net.included(4), 501);
}

#[test]
fn one_that_is_removed_follows_and_no_vote_of_it_counts() {
    let mut net = Net::of(5, 2);
    load(&mut net, 500, 20);
    change(&mut net, 1_000, ADD, 4);
    change(&mut net, 4_000, REMOVE, 1);
    net.run_until(12_000);
    net.assert_nobody_halted();
    let removed = height_of(&net, REMOVE);
    let chain = &net.nodes[0].chain;
    assert!(chain[..=removed].iter().any(|block| signs(block, &key(1))));
    assert!(!chain[removed + 1..].iter().any(|block| signs(block, &key(1))));
    assert!(!chain[removed + 1..].iter().any(|block| block.header.proposer == key(1)));
    let core = net.nodes[1].core.as_ref().unwrap();
    assert!(!core.is_validator());
    assert_eq!(net.included(1), net.included(0), "it still follows");
    assert!(longest_pause_ms(&net) <= TIMEOUT_MS, "{} ms", longest_pause_ms(&net));
    // Votes that it signs all the same count for nothing and start nothing.
    net.run_until(13_000);
    let before = net.heights();
    let next = Height(before[0] + 1);
    for (kind, height) in
        [(VoteKind::Prevote, next), (VoteKind::Precommit, next), (VoteKind::Precommit, next.next())]
    {
        let vote = Vote { kind, height, round: 0, value: None, validator: key(1) };
        let signature = pretend_signature(&key(1), &vote.bytes(&CHAIN));
        let bytes = Message::Vote(SignedVote { vote, signature }).encode().to_vec();
        for to in [0, 2, 3, 4] {
            net.feed(to, Input::Received { from: key(1), bytes: bytes.clone() });
        }
    }
    net.run_until(20_000);
    net.assert_nobody_halted();
    assert!(net.nodes.iter().all(|node| node.evidence.is_empty()));
    assert_eq!(net.heights(), before, "no height starts for one that is no validator");
}

#[test]
fn one_that_gets_a_new_key_goes_on_with_it_without_a_restart() {
    let mut net = Net::new(3);
    net.nodes[2].config.successor = Some(successor(2));
    net.restart(2);
    load(&mut net, 400, 20);
    change(&mut net, 2_000, REKEY, 2);
    net.run_until(10_000);
    net.assert_nobody_halted();
    let rekeyed = height_of(&net, REKEY);
    let chain = &net.nodes[0].chain;
    let (old, new) = (key(2), successor(2));
    assert!(chain[..=rekeyed].iter().any(|block| signs(block, &old)));
    assert!(!chain[..=rekeyed].iter().any(|block| signs(block, &new)));
    assert!(!chain[rekeyed + 1..].iter().any(|block| signs(block, &old)));
    let soon = &chain[rekeyed + 1..rekeyed + 20];
    assert!(soon.iter().any(|block| signs(block, &new)), "its new key votes at once");
    assert!(chain.iter().any(|block| block.header.proposer == new));
    assert!(longest_pause_ms(&net) <= TIMEOUT_MS, "{} ms", longest_pause_ms(&net));
    assert_eq!(net.nodes[2].core.as_ref().unwrap().me(), new);
}

#[test]
fn one_that_was_away_over_every_change_catches_up_through_them() {
    let mut net = Net::of(5, 4);
    net.nodes[2].config.successor = Some(successor(2));
    net.restart(2);
    separate(&mut net, 3);
    load(&mut net, 600, 20);
    change(&mut net, 1_000, ADD, 4);
    change(&mut net, 3_000, REKEY, 2);
    net.run_until(6_000);
    assert_eq!(net.nodes[3].head().height, Height(0));
    net.cut.clear();
    net.run_until(9_000);
    change(&mut net, 9_000, REMOVE, 1);
    net.run_until(16_000);
    net.assert_nobody_halted();
    assert_eq!(net.included(3), net.included(0));
    assert_eq!(net.nodes[3].head(), net.nodes[0].head());
    let chain = &net.nodes[0].chain;
    assert!(chain.iter().rev().take(10).any(|block| signs(block, &key(3))), "and votes again");
}

#[test]
fn crashes_and_losses_around_the_changes_fork_nothing_and_stop_nothing() {
    for seed in 0..20 {
        let mut net = Net::of(5, seed);
        net.nodes[2].config.successor = Some(successor(2));
        net.restart(2);
        net.loss_percent = 5;
        net.delay_ms = 30;
        load(&mut net, 150, 50);
        for (at, kind, node) in [(1_000, ADD, 4), (2_500, REKEY, 2), (4_500, REMOVE, 1)] {
            change(&mut net, at, kind, node);
            let victim = net.below(5) as usize;
            let early = net.below(300);
            net.crash_at(at + early, victim, 500);
        }
        net.run_until(20_000);
        net.loss_percent = 0;
        net.run_until(60_000);
        net.submit_at(60_000, 3, transaction(9, 9_999, FAR));
        net.run_until(70_000);
        net.assert_nobody_halted();
        let late = |block: &Committed| block.bodies.contains(&transaction(9, 9_999, FAR));
        assert!(net.nodes[0].chain.iter().any(late), "seed {seed}: {:?}", net.heights());
        assert!(net.nodes.iter().all(|node| node.evidence.is_empty()), "seed {seed}");
        let members = net.nodes[0].head().validators;
        assert!(members.get(&key(1)).is_none() && members.get(&successor(2)).is_some());
    }
}
