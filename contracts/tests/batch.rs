//! The compiled evidence module in a real ledger: what a transaction may carry, a whole batch does.

use linli_evidence::schema::{
    Basis, ClockSource, Kind, RecordRequest, RecordResponse, Refusal, RegisterBatchRequest,
    RegisterBatchResponse, Retention,
};
use linli_pretend::linli_types::genesis::Role;
use linli_pretend::linli_types::id::PrincipalId;
use linli_pretend::{Outcome, Plan, Town};
use linli_types::limits::{BLOCK_FUEL_MAX, EVIDENCE_BATCH_MAX, TRANSACTION_FUEL_MAX};

const SOURCE: PrincipalId = PrincipalId([1; 16]);
const ALL: u64 = EVIDENCE_BATCH_MAX as u64;

fn town() -> Town {
    let plan = Plan::new().person(SOURCE, &[Role::Operator]);
    plan.module("evidence", linli_modules::evidence()).open()
}

fn digest(of: u8, n: u64) -> [u8; 32] {
    let mut bytes = [of; 32];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    bytes
}

fn batch(town: &Town, first: u64, count: u64) -> RegisterBatchRequest {
    let numbers = first..first + count;
    RegisterBatchRequest {
        source: SOURCE.0.to_vec(),
        first,
        kind: Kind::PhotoSet.into(),
        statements: numbers.clone().flat_map(|n| digest(1, n)).collect(),
        manifests: numbers.clone().flat_map(|n| digest(2, n)).collect(),
        tags: numbers.flat_map(|n| digest(3, n)[..16].to_vec()).collect(),
        captured_from_ms: town.now().0 - 5,
        captured_to_ms: town.now().0,
        clock_source: ClockSource::Ntp.into(),
        retention: Retention::Ordinary.into(),
        basis: Basis::Contract.into(),
        ..RegisterBatchRequest::default()
    }
}

fn register(town: &mut Town, asked: &RegisterBatchRequest) -> Outcome {
    town.call(SOURCE, "evidence", "RegisterBatch", asked)
}

#[test]
fn a_whole_batch_fits_one_transaction_and_many_fit_one_block() {
    let mut town = town();
    for round in 0..2 {
        let asked = batch(&town, 1 + round * ALL, ALL);
        let outcome = register(&mut town, &asked);
        let Outcome::Done(receipt) = &outcome else { panic!("{outcome:?}") };
        assert_eq!(receipt.log_leaves, (round * ALL, 1024));
        // A block's bytes end before its fuel does.
        assert!(receipt.fuel < BLOCK_FUEL_MAX / 32, "{}", receipt.fuel);
        let first_leaf = outcome.result::<RegisterBatchResponse>().expect("an answer").first_leaf;
        assert_eq!(first_leaf, round * ALL);
    }
    let ask = RecordRequest { source: SOURCE.0.to_vec(), number: 1500 };
    let known: RecordResponse = town.ask(SOURCE, "evidence", "Record", &ask).expect("an answer");
    assert_eq!((known.anchored, known.first), (true, 1 + ALL));
    assert_eq!(town.ledger().head().log_size, 2 * ALL);
}

/// Whoever sees a batch come and registers its contents first makes it dearer, and no more than that.
#[test]
fn a_batch_whose_contents_another_registered_first_still_fits() {
    let other = PrincipalId([2; 16]);
    let plan = Plan::new().person(SOURCE, &[Role::Operator]).person(other, &[Role::Operator]);
    let mut town = plan.module("evidence", linli_modules::evidence()).open();
    let asked = batch(&town, 1, ALL);
    let first = RegisterBatchRequest { source: other.0.to_vec(), ..asked.clone() };
    assert!(town.call(other, "evidence", "RegisterBatch", &first).is_done());
    let outcome = register(&mut town, &asked);
    let Outcome::Done(receipt) = &outcome else { panic!("{outcome:?}") };
    assert!(receipt.fuel < TRANSACTION_FUEL_MAX / 2, "{}", receipt.fuel);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let mut town = town();
    let mut asked = batch(&town, 1, 10);
    let (first, last) = asked.manifests.split_at_mut(9 * 32);
    last.copy_from_slice(&first[..32]);
    let outcome = register(&mut town, &asked);
    assert!(outcome.refused_by("evidence", Refusal::Duplicate), "{outcome:?}");
    assert_eq!(town.ledger().head().log_size, 0);
    let asked = batch(&town, 1, 10);
    assert!(register(&mut town, &asked).is_done(), "its manifests and numbers are free");
}

#[test]
fn more_than_a_batch_is_no_batch() {
    let mut town = town();
    let asked = batch(&town, 1, ALL + 1);
    let outcome = register(&mut town, &asked);
    assert!(outcome.refused_by("evidence", Refusal::Malformed), "{outcome:?}");
}
