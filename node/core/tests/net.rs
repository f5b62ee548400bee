//! Four cores on a pretend network: they agree, whatever happens to the network and to one of them.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod pretend;

use linli_core::Input;
use linli_core::message::Message;
use linli_types::certificate::VoteKind;
use linli_types::height::Height;
use linli_types::limits;
use pretend::{EPOCH, Net, key, transaction};

/// Valid through every test here.
const FAR: u64 = EPOCH + 590_000;

fn load(net: &mut Net, count: u64, every_ms: u64) {
    for n in 0..count {
        let node = usize::try_from(n % 4).unwrap();
        net.submit_at(10 + n * every_ms, node, transaction((n % 7) as u8, n, FAR));
    }
}

#[test]
fn four_validators_decide_heights_and_include_every_transaction() {
    let mut net = Net::new(1);
    load(&mut net, 200, 10);
    net.run_until(4_000);
    net.assert_nobody_halted();
    for node in 0..4 {
        assert_eq!(net.included(node), 200, "heights {:?}", net.heights());
        assert_eq!(net.nodes[node].core.as_ref().unwrap().pool_len(), 0);
        assert!(net.nodes[node].bodies.is_empty(), "bodies are dropped");
        assert_eq!(net.nodes[node].faults, []);
    }
    assert!(net.heights().iter().all(|h| *h > 20), "{:?}", net.heights());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut net = Net::new(seed);
        net.loss_percent = 10;
        load(&mut net, 50, 20);
        net.crash_at(300, 2, 400);
        net.run_until(5_000);
        net.trace
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn an_idle_net_makes_a_heartbeat_block_and_says_next_to_nothing() {
    let mut net = Net::new(2);
    net.run_until(1_000);
    let (sent, heights) = (net.sent, net.heights());
    assert_eq!(heights, [0; 4]);
    net.run_until(29_000);
    assert_eq!(net.heights(), [0; 4], "no block while nothing happens");
    assert!(net.sent - sent <= 4 * 3 * 3, "a status each 10 s at most: {}", net.sent - sent);
    net.run_until(31_000);
    assert_eq!(net.heights(), [1; 4], "a heartbeat");
    net.run_until(59_000);
    assert_eq!(net.heights(), [1; 4], "and no more");
    net.run_until(62_000);
    assert_eq!(net.heights(), [2; 4]);
}

#[test]
fn blocks_stand_at_least_the_interval_apart() {
    let mut net = Net::new(3);
    net.delay_ms = 1;
    load(&mut net, 400, 5);
    net.run_until(2_100);
    let most = 2_100 / limits::BLOCK_INTERVAL_MS_MIN + 1;
    assert!(net.heights().iter().all(|h| *h <= most), "{:?}", net.heights());
    let times: Vec<u64> = net.nodes[0].chain.iter().map(|c| c.header.time.0).collect();
    assert!(times.is_sorted_by(|a, b| a < b), "block time is strictly increasing");
}

#[test]
fn losing_one_message_in_ten_costs_time_but_nothing_else() {
    for seed in 0..10 {
        let mut net = Net::new(seed);
        net.loss_percent = 10;
        net.delay_ms = 20;
        load(&mut net, 60, 50);
        net.run_until(30_000);
        assert!((0..4).any(|n| net.included(n) == 60), "seed {seed}: all within thirty seconds");
        net.loss_percent = 0;
        net.run_until(60_000);
        net.assert_nobody_halted();
        let heights = net.heights();
        assert!(heights.iter().max().unwrap() - heights.iter().min().unwrap() <= 1, "{heights:?}");
        assert_eq!(net.included(0), 60, "seed {seed}");
    }
}

#[test]
fn a_crashed_validator_comes_back_and_votes_again() {
    for seed in 0..10 {
        let mut net = Net::new(seed);
        load(&mut net, 450, 20);
        net.crash_at(500 + seed * 7, (seed % 4) as usize, 3_000);
        net.run_until(12_000);
        net.assert_nobody_halted();
        let heights = net.heights();
        assert!(heights.iter().all(|h| h == &heights[0]), "seed {seed}: {heights:?}");
        let back = net.nodes[(seed % 4) as usize].key;
        let last = &net.nodes[((seed + 1) % 4) as usize].chain;
        let signs =
            |c: &&pretend::Committed| c.certificate.precommits.iter().any(|p| p.validator == back);
        assert!(last.iter().rev().take(20).any(|c| signs(&c)), "seed {seed}: it votes again");
    }
}

#[test]
fn commits_never_pause_long_when_one_is_down() {
    let mut net = Net::new(5);
    load(&mut net, 400, 25);
    net.crash_at(1_000, 0, 100_000);
    net.run_until(11_000);
    let times: Vec<u64> = net.nodes[1].chain.iter().map(|c| c.header.time.0).collect();
    let gap = times.windows(2).map(|w| w[1] - w[0]).max().unwrap();
    assert!(gap < 3_000, "longest pause {gap} ms");
}

#[test]
fn all_four_crash_at_once_and_go_on_without_a_second_vote() {
    for seed in 0..20 {
        let mut net = Net::new(seed);
        net.delay_ms = 30;
        load(&mut net, 100, 10);
        for round in 0..3 {
            for node in 0..4 {
                net.crash_at(200 + round * 1_500 + seed * 3, node, 300);
            }
        }
        net.run_until(9_000);
        net.submit_at(9_000, 0, transaction(9, 9_999, FAR));
        net.run_until(20_000);
        net.assert_nobody_halted();
        let last =
            net.nodes[3].chain.iter().any(|c| c.bodies.contains(&transaction(9, 9_999, FAR)));
        assert!(last, "seed {seed}: the net goes on, heights {:?}", net.heights());
        assert!(net.nodes.iter().all(|n| n.evidence.is_empty()), "seed {seed}: nobody voted twice");
    }
}

#[test]
fn an_equivocator_is_seen_by_everyone_and_stops_nothing() {
    let mut net = Net::new(6);
    net.equivocator = Some(2);
    load(&mut net, 40, 50);
    net.run_until(15_000);
    // The equivocator's own core is honest: it stops when its second votes come back to it.
    for node in [0, 1, 3] {
        assert_eq!(net.nodes[node].halted, None);
        let evidence = &net.nodes[node].evidence;
        assert!(evidence.iter().any(|e| e.validator() == key(2)), "node {node}");
        assert!(evidence.iter().all(|e| e.validator() == key(2)), "node {node}");
        assert!(net.included(node) >= 30, "{:?}", net.heights());
    }
    let why = net.nodes[2].halted.clone().unwrap_or_default();
    assert!(why.contains("another node runs with the same key"), "{why}");
}

#[test]
fn a_partition_without_a_quorum_stands_still_and_then_catches_up() {
    let mut net = Net::new(8);
    for (a, b) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        net.cut.insert((a, b));
        net.cut.insert((b, a));
    }
    load(&mut net, 40, 50);
    net.run_until(20_000);
    assert_eq!(net.heights(), [0; 4], "no half has a quorum");
    net.cut.clear();
    net.run_until(60_000);
    net.assert_nobody_halted();
    assert!(net.heights().iter().all(|h| *h >= 1), "{:?}", net.heights());
    assert_eq!(net.included(0), 40);
}

#[test]
fn a_node_left_behind_fetches_certified_blocks() {
    let mut net = Net::new(9);
    for other in 0..3 {
        net.cut.insert((3, other));
        net.cut.insert((other, 3));
    }
    load(&mut net, 300, 20);
    net.run_until(10_000);
    let ahead = net.heights()[0];
    assert!(ahead > 20 && net.heights()[3] == 0, "{:?}", net.heights());
    net.cut.clear();
    net.run_until(35_000);
    net.assert_nobody_halted();
    let heights = net.heights();
    assert!(heights[3] >= ahead && heights[3] + 1 >= heights[0], "{heights:?}");
    assert!(!net.nodes[3].core.as_ref().unwrap().is_catching_up());
}

#[test]
fn a_block_from_a_wrong_clock_is_turned_down_and_the_next_one_is_taken() {
    let mut net = Net::new(10);
    net.nodes[0].wall_offset = 10_000;
    load(&mut net, 40, 50);
    net.run_until(15_000);
    net.assert_nobody_halted();
    assert_eq!(net.included(1), 40);
    for block in &net.nodes[1].chain {
        assert!(block.header.time.0 < EPOCH + 1_000 + 15_000 + limits::CLOCK_SKEW_MS_MAX);
        if block.certificate.round == 0 {
            assert_ne!(block.header.proposer, key(0), "two seconds are the bound in round 0");
        }
    }
}

#[test]
fn one_that_executes_differently_neither_forks_nor_stops_the_rest() {
    let mut net = Net::new(11);
    net.nodes[1].differs = true;
    load(&mut net, 20, 100);
    net.run_until(20_000);
    for node in [0, 2, 3] {
        assert_eq!(net.nodes[node].halted, None);
        assert!(net.included(node) >= 15, "all but those handed to the damaged one");
    }
    assert!(
        net.nodes[1].halted.is_some(),
        "it says that it is damaged, instead of going its own way"
    );
}

#[test]
fn when_two_execute_differently_the_block_is_left_out_and_the_chain_goes_on() {
    let mut net = Net::new(12);
    net.nodes[1].differs = true;
    net.nodes[2].differs = true;
    load(&mut net, 4, 100);
    net.run_until(60_000);
    net.assert_nobody_halted();
    assert!(net.heights().iter().all(|h| *h >= 1), "{:?}", net.heights());
    assert_eq!(net.included(0), 0, "no quorum for the transactions");
}

#[test]
fn from_round_four_on_a_block_is_empty_and_defers_timers() {
    let mut net = Net::new(13);
    net.passes = |_, _, message, now| now > 8_000 || !matches!(message, Message::Part(_));
    load(&mut net, 4, 10);
    net.run_until(30_000);
    net.assert_nobody_halted();
    let mut late = 0;
    for block in &net.nodes[0].chain {
        if block.header.defers_timers() {
            assert!(block.ids.is_empty());
            assert!(block.certificate.round >= limits::EMPTY_FROM_ROUND);
            late += 1;
        }
    }
    assert_eq!(net.included(0), 4, "the next height takes what waited");
    assert!(
        late > 0,
        "rounds {:?}",
        net.nodes[0].chain.iter().map(|c| c.certificate.round).collect::<Vec<_>>()
    );
}

#[test]
fn a_liar_who_claims_a_height_costs_a_request_and_no_more() {
    let mut net = Net::new(14);
    load(&mut net, 20, 50);
    for _ in 0..50 {
        let bytes = Message::Status { height: Height(1_000_000) }.encode().to_vec();
        net.feed(0, Input::Received { from: key(2), bytes });
    }
    net.run_until(10_000);
    net.assert_nobody_halted();
    assert_eq!(net.included(0), 20);
    assert!(!net.nodes[0].core.as_ref().unwrap().is_catching_up());
}

#[test]
fn garbage_is_a_fault_of_whoever_sent_it() {
    let mut net = Net::new(15);
    for bytes in [vec![], vec![255], vec![1, 2, 3], vec![0; 300], vec![2; 70_000]] {
        net.feed(0, Input::Received { from: key(1), bytes });
    }
    assert_eq!(net.nodes[0].faults.len(), 5);
    assert!(net.nodes[0].faults.iter().all(|(peer, _)| *peer == key(1)));
    load(&mut net, 5, 10);
    net.run_until(2_000);
    assert_eq!(net.included(0), 5);
}

#[test]
fn chaos_of_loss_crashes_and_an_uneven_net_forks_nothing() {
    for seed in 100..130 {
        let mut net = Net::new(seed);
        net.loss_percent = 8;
        net.delay_ms = 40;
        load(&mut net, 100, 40);
        for n in 0..6 {
            let node = net.below(4) as usize;
            let at = 300 + n * 2_000 + net.below(1_500);
            net.crash_at(at, node, 700);
        }
        net.run_until(20_000);
        net.loss_percent = 0;
        net.run_until(55_000);
        net.submit_at(55_000, 1, transaction(9, 9_999, FAR));
        net.run_until(70_000);
        net.assert_nobody_halted();
        let heights = net.heights();
        assert!(heights.iter().max().unwrap() - heights.iter().min().unwrap() <= 1, "{heights:?}");
        let late = |c: &pretend::Committed| c.bodies.contains(&transaction(9, 9_999, FAR));
        assert!(net.nodes[0].chain.iter().any(late), "seed {seed}: alive afterwards {heights:?}");
        assert!(net.nodes.iter().all(|n| n.evidence.is_empty()), "seed {seed}: nobody voted twice");
    }
}

/// The round of a message of consensus.
fn round_of(message: &Message) -> u32 {
    match message {
        Message::Vote(signed) => signed.vote.round,
        Message::Proposal(signed) => signed.proposal.round,
        Message::Part(part) => part.round,
        Message::Polka(polka) => polka.round,
        Message::Round(round) => round.round,
        _ => 0,
    }
}

/// Round 0: only node 0 sees the quorum for the block of node 3, and locks it. Then node 3 is
/// gone, so nothing is decided without node 0, whose proposals are lost until round 10.
fn lock_then_silence(from: usize, to: usize, message: &Message, _: u64) -> bool {
    let round = round_of(message);
    if round == 0 {
        let prevote = matches!(message, Message::Vote(v) if v.vote.kind == VoteKind::Prevote);
        let lost = [(1, 2), (1, 3), (3, 1)].contains(&(from, to)) && prevote;
        let part = to == 2 && matches!(message, Message::Part(_));
        let polka = matches!(message, Message::Polka(_));
        return !lost && !part && !polka;
    }
    let silenced = from == 0 && round < 10 && matches!(message, Message::Proposal(_));
    from != 3 && to != 3 && !silenced
}

#[test]
fn a_lock_held_over_ten_rounds_still_decides() {
    let mut net = Net::new(16);
    net.passes = |from, to, message, now| {
        // The proof of lock travels again once the proposals do.
        let polka = matches!(message, Message::Polka(_));
        if polka { now > 60_000 } else { lock_then_silence(from, to, message, now) }
    };
    load(&mut net, 1, 1);
    net.run_until(200_000);
    net.assert_nobody_halted();
    let first = &net.nodes[0].chain[0];
    assert_eq!(first.header.proposer, key(3), "the locked block, not a later one");
    assert!(first.certificate.round >= 10, "round {}", first.certificate.round);
    assert!(net.nodes[1].chain.len() > 1, "and the chain goes on: {:?}", net.heights());
}
