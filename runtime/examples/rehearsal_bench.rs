//! What a rehearsal costs over 1,000 blocks that touched a contract, and what it can cost at most:
//! `cargo run --example rehearsal_bench --release`. Processor time of this thread, not the clock's, so
//! that a busy machine tells the same.
#![allow(dead_code, clippy::unwrap_used, reason = "what fails here is no measurement")]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it reads a clock")]

#[path = "../tests/code/chain.rs"]
mod chain;
#[path = "../tests/support/mod.rs"]
mod support;

use chain::{CLAIM, Chain, MOTION, ONE, ROOM, WRITE, council, module};
use linli_runtime::{Rehearsal, Settings, Slot};
use linli_types::limits::{REHEARSAL_BLOCKS_MAX, REHEARSAL_FUEL_MAX};
use linli_types::rehearsal::Report;
use support::{Node, person};

/// Counts down from 2,000,000 in memory: some ten units of fuel each time.
const BUSY: &str = "(i32.store (i32.const 2048) (i32.const 2000000))
    (loop $again
        (i32.store (i32.const 2048) (i32.sub (i32.load (i32.const 2048)) (i32.const 1)))
        (br_if $again (i32.load (i32.const 2048))))";

fn main() {
    let blocks = REHEARSAL_BLOCKS_MAX;
    for calls in [1, 10, 50] {
        let (fuel, report, spent) = measured(&[CLAIM, WRITE, ONE], blocks, calls);
        assert_eq!((report.blocks, report.performed), (blocks, blocks * calls));
        let each = spent * 1e6 / f64::from(2 * blocks * calls);
        println!(
            "{blocks} blocks of {calls} calls: {spent:.2} s of one core, {each:.1} µs a call with either code{}",
            at_most(fuel, spent)
        );
    }
    let (fuel, report, spent) = measured(&[CLAIM, BUSY, WRITE, ONE], 40, 10);
    assert_eq!(report.broken, "");
    println!("nothing but loops: {spent:.2} s of one core{}", at_most(fuel, spent));
}

/// What it is of all that a rehearsal may use, and what that would take.
fn at_most(fuel: f64, spent: f64) -> String {
    let whole = REHEARSAL_FUEL_MAX as f64 / fuel;
    format!("; {:.2} % of the fuel, all of it {:.0} s", 100.0 / whole, whole * spent)
}

/// A chain of blocks of calls, and the rehearsal of the same deeds under another hash: fuel of both,
/// what was found, seconds of this thread.
fn measured(deeds: &[&str], blocks: u32, calls: u32) -> (f64, Report, f64) {
    let mut genesis = council(module(deeds, "first"));
    genesis.undo_heights = 2 * u64::from(REHEARSAL_BLOCKS_MAX);
    let mut chain = Chain { node: Node::new(&genesis), genesis, number: 0 };
    let mut fuel = 0;
    for _ in 0..blocks {
        let asked: Vec<_> = (0..calls)
            .map(|_| {
                let call = chain.count_call();
                chain.transaction((person(0), 1), call)
            })
            .collect();
        let slot: Slot = chain.node.slot();
        let executed = chain.node.ledger.propose(&chain.node.store, slot, &asked).unwrap();
        assert!(executed.receipts.iter().all(|receipt| receipt.is_done()));
        fuel += executed.receipts.iter().map(|receipt| receipt.fuel).sum::<u64>();
        chain.node.commit(executed);
    }
    let code = module(deeds, "second");
    chain.stage(&code);
    let deploy = chain.deploy(ROOM, &code);
    assert_eq!(chain.open(deploy), 0);
    let begun = spent();
    let mut rehearsal = Rehearsal::begin(&chain.node.store, &MOTION, Settings::default()).unwrap();
    while rehearsal.step().unwrap() {}
    (2.0 * fuel as f64, rehearsal.report(), spent() - begun)
}

/// Seconds that this thread was on a core.
fn spent() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}
