//! Many whole lives of a chain. `LINLI_SIM_SEEDS=5000 cargo nextest run -p linli-sim seeds` runs
//! more; `linli-sim run` does so from the command line, resumable.
#![allow(clippy::disallowed_methods, reason = "a test may read its size from the environment")]

use linli_sim::campaign::{Campaign, Sum, seeds_of};
use std::path::Path;

/// Seeds of an ordinary run of the tests.
const SEEDS: u64 = 500;

fn seeds() -> u64 {
    std::env::var("LINLI_SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(SEEDS)
}

fn run(seeds: Vec<u64>) -> Sum {
    let jobs = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let campaign = Campaign { seeds, jobs, ..Campaign::default() };
    let sum = campaign.run(&|_| {}).expect("no file is involved");
    for (seed, law) in &sum.broken {
        eprintln!("seed {seed}: {law}   (linli-sim replay {seed})");
    }
    sum
}

#[test]
fn no_seed_breaks_a_law_and_each_runs_the_same_twice() {
    let wanted = seeds();
    let sum = run((1..=wanted).collect());
    assert!(sum.broken.is_empty(), "{} of {wanted} seeds broke a law", sum.broken.len());
    let (blocks, transactions, simulated_ms) = sum.least;
    assert!(blocks >= 100, "a run of {blocks} blocks");
    assert!(transactions >= 500, "a run of {transactions} transactions");
    assert!(simulated_ms >= 60_000, "a run of {simulated_ms} simulated ms");
}

#[test]
fn seeds_that_once_failed_hold_now() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds.txt");
    let kept = seeds_of(&file).expect("the list of kept seeds is readable");
    assert!(!kept.is_empty(), "{} names no seed", file.display());
    let sum = run(kept);
    assert!(sum.broken.is_empty(), "{} kept seeds broke a law again", sum.broken.len());
}
