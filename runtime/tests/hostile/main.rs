//! Contracts that are against us: random programs that call whatever the host has, well formed and
//! not, in every room they can name, over a ledger where people have money. Whatever they try, the
//! laws hold after every block, every node comes to the same state, and nobody loses anything to a
//! contract.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod coverage;
mod programs;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod town;
mod watch;

use coverage::Coverage;
use linli_runtime::{Slot, invariant, vm};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::PrincipalId;
use programs::{Case, Program, Signed};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use support::{Node, key};
use watch::Watch;

/// How many transactions that run programs one test has.
const TRANSACTIONS: u32 = 2_000;

/// Two nodes of one chain, and who looks on.
struct Trial {
    proposer: Node,
    follower: Node,
    watch: Watch,
    numbers: u64,
}

impl Trial {
    fn new() -> Self {
        let proposer = town::opened();
        let follower = town::reopened(&proposer.store);
        let watch = Watch::new(&proposer.store);
        Self { proposer, follower, watch, numbers: 1_000_000 }
    }

    /// One block: proposed by the one, executed by the other, looked at by the laws.
    fn block(
        &mut self,
        later_ms: u64,
        asked: &[Signed],
        coverage: &mut Coverage,
    ) -> Result<(), TestCaseError> {
        let time = self.proposer.ledger.head().time.plus_ms(later_ms);
        let candidates: Vec<_> = asked.iter().map(|signed| self.sign(time, signed)).collect();
        let slot = Slot { time, proposer: key(100), flags: 0 };
        let built = self.proposer.ledger.propose(&self.proposer.store, slot, &candidates).unwrap();
        let (header, transactions) = (&built.header, &built.transactions);
        let executed = self.follower.ledger.execute(&self.follower.store, header, transactions);
        let executed = executed.unwrap();
        prop_assert!(executed.is_ok(), "the two differ: {:?}", executed.err());
        prop_assert_eq!(invariant::block_breaches(&built).unwrap(), Vec::<String>::new());
        let before = self.proposer.store.clone();
        let receipts = built.receipts.clone();
        self.proposer.commit(built);
        self.follower.commit(executed.unwrap());
        prop_assert!(self.proposer.store == self.follower.store, "the two keep different rows");
        coverage.add(asked, &receipts);
        self.watch.block((&before, &self.proposer.store), time, &receipts)?;
        let breaches = invariant::breaches(&self.proposer.store).unwrap();
        prop_assert_eq!(breaches, Vec::<String>::new());
        Ok(())
    }

    fn sign(&mut self, time: TimeMs, signed: &Signed) -> linli_runtime::Verified {
        self.numbers += 1;
        let calls = signed.programs.iter().map(Program::call).collect();
        self.proposer.sign_until(signed.sender, self.numbers, time.plus_ms(60_000), calls)
    }

    /// A reader runs the program as a query: it may say anything, and change nothing.
    fn ask(&self, program: &Program, coverage: &mut Coverage) -> Result<(), TestCaseError> {
        let before = self.proposer.store.clone();
        let (room, args) = (program.room(), program.args());
        let reader = PrincipalId([1; 16]);
        let answer =
            self.proposer.ledger.query(&self.proposer.store, room, "Run", &args, reader).unwrap();
        coverage.asked(&answer);
        prop_assert!(self.proposer.store == before, "a query wrote");
        Ok(())
    }
}

fn run(case: &Case, coverage: &RefCell<Coverage>) -> Result<(), TestCaseError> {
    let mut trial = Trial::new();
    let mut coverage = coverage.borrow_mut();
    for (number, (later_ms, asked)) in case.iter().enumerate() {
        trial.block(*later_ms, asked, &mut coverage)?;
        if let Some(program) = asked.first().and_then(|signed| signed.programs.first()) {
            trial.ask(program, &mut coverage)?;
        }
        if number % 4 == 3 {
            trial.follower = town::reopened(&trial.follower.store);
        }
    }
    Ok(())
}

/// Runs as many transactions as asked for; what they reached.
fn run_many(transactions: u32, rng: Option<TestRng>) -> Coverage {
    let cases = transactions.div_ceil(programs::PER_CASE);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = match rng {
        Some(rng) => TestRunner::new_with_rng(config, rng),
        None => TestRunner::new(config),
    };
    // A chain of calls takes more native stack than a test's thread has.
    let thread = std::thread::Builder::new().stack_size(vm::STACK_BYTES + 4 * 1024 * 1024);
    let work = move || {
        let coverage = RefCell::new(Coverage::default());
        let done = runner.run(&programs::cases(), |case| run(&case, &coverage));
        done.map(|()| coverage.into_inner()).map_err(|failed| failed.to_string())
    };
    thread.spawn(work).unwrap().join().unwrap().unwrap_or_else(|failed| panic!("{failed}"))
}

#[test]
fn whatever_a_contract_tries_nobody_loses_and_every_node_agrees() {
    let coverage = run_many(support::cases(TRANSACTIONS), None);
    println!("{coverage}");
}

/// The same programs every time: what was never reached was never tried, and the laws would hold
/// for nothing.
#[test]
fn every_function_of_the_host_returns_and_is_refused() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let coverage = run_many(TRANSACTIONS, Some(rng));
    println!("{coverage}");
    assert_eq!(coverage.functions_missing(), Vec::<String>::new());
    assert_eq!(coverage.acts_missing(), Vec::<&str>::new());
    let native = [
        Code::Malformed,
        Code::UnknownRoom,
        Code::UnknownMethod,
        Code::Duplicate,
        Code::BusinessIdConflict,
        Code::Unauthorised,
        Code::NoAccount,
        Code::Insufficient,
        Code::SameAccount,
        Code::ZeroAmount,
        Code::AssetMismatch,
        Code::RuleDenied,
        Code::AccountNotEmpty,
        Code::NoPending,
        Code::NoTransfer,
        Code::TimeJoined,
        Code::BadExpiry,
        Code::ChainLength,
        Code::NoPrincipal,
        Code::DirectOnly,
        Code::Trap,
        Code::OutOfFuel,
        Code::CallDepth,
        Code::HostLimit,
        Code::Reentrant,
        Code::BadAnswer,
    ];
    let missing = native.iter().filter(|code| !coverage.refused_with(**code));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&Code>::new());
}
