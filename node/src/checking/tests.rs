//! The queues, the workers and what they remember.

use super::*;
use crate::handle::HeadInfo;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, BodyId, Digest, PrincipalId, TxKey};
use linli_types::limits;
use linli_types::signature::Zip215;
use linli_types::transaction::envelope;
use linli_types::wire::{Call, TransactionBody};
use prost::Message as _;
use std::collections::BTreeMap;
use tokio::sync::mpsc;

const CHAIN: ChainId = ChainId([3; 32]);

/// A worker that knows no room.
fn worker() -> (Worker, mpsc::Receiver<Checked>) {
    let head = HeadInfo {
        chain: CHAIN,
        height: Height(1),
        block: BlockId([0; 32]),
        time: TimeMs(1),
        state_root: Digest([0; 32]),
        log_size: 0,
        log_root: Digest([0; 32]),
        protocol: 1,
    };
    let checker = Arc::new(Checker::new(CHAIN, BTreeMap::new()));
    let (results, checked) = mpsc::channel(8);
    let worker = Worker {
        chain: CHAIN,
        verify: Arc::new(Zip215),
        published: Arc::new(Published::new(checker, head)),
        remembered: Arc::default(),
        counters: Arc::default(),
        clock: MachineClock::start(),
        rates: Arc::default(),
        order: Arc::new(Order::new(results)),
    };
    (worker, checked)
}

/// What a worker makes of one job.
fn checked(job: Job) -> Checked {
    let (checking, mut queue) = Checking::new();
    assert!(checking.hand_in(job).is_ok());
    worker().0.check_all(queue.gather().1).remove(0)
}

fn from_client(raws: Vec<Vec<u8>>) -> Job {
    Job::Client { raws, named: None, reply: oneshot::channel().0 }
}

fn from_member(raws: Vec<Vec<u8>>) -> Job {
    Job::Peer { from: PublicKey([1; 32]), raws }
}

/// Hands jobs in until one is given back; how many were taken.
fn fill(checking: &Checking, job: impl Fn() -> Job) -> usize {
    (0..).take_while(|_| checking.hand_in(job()).is_ok()).count()
}

#[test]
fn a_crowd_of_clients_is_busy_and_members_come_in_and_are_taken_first() {
    let (checking, mut queue) = Checking::new();
    let batch = || from_client(vec![vec![0; 200]; 4096]);
    assert_eq!(fill(&checking, batch), limits::CHECKING_TRANSACTIONS_MAX / 4096);
    assert!(checking.hand_in(from_client(vec![Vec::new()])).is_err());
    assert!(checking.hand_in(from_member(vec![vec![7]])).is_ok());
    let (_, first) = queue.gather();
    assert!(matches!(first.first(), Some((Job::Peer { .. }, _))));
    // A whole batch was taken beside it, and its room is free once the driver is done with it.
    assert_eq!(fill(&checking, batch), 0);
    drop(first);
    assert_eq!(fill(&checking, batch), 1);
}

#[test]
fn bytes_are_bounded_as_well_as_transactions() {
    let (checking, _queue) = Checking::new();
    let large = || vec![vec![0; limits::TRANSACTION_BYTES_MAX]; 8];
    let bytes = 8 * limits::TRANSACTION_BYTES_MAX;
    assert_eq!(fill(&checking, || from_client(large())), limits::CHECKING_BYTES_MAX / bytes);
    assert_eq!(fill(&checking, || from_member(large())), limits::CHECKING_BYTES_MAX / bytes);
}

#[test]
fn empty_jobs_take_room_too() {
    let (checking, _queue) = Checking::new();
    let empty = || from_client(Vec::new());
    assert_eq!(fill(&checking, empty), limits::CHECKING_TRANSACTIONS_MAX);
}

#[test]
fn nobody_is_waited_for_once_all_ways_in_are_gone() {
    let (checking, mut queue) = Checking::new();
    drop(checking);
    assert!(queue.gather().1.is_empty());
}

#[test]
fn whatever_a_member_passes_on_that_is_refused_is_its_fault() {
    let Checked::Peer { held, junk, .. } = checked(from_member(vec![vec![1, 2, 3]])) else {
        panic!("a member's job stays one")
    };
    assert_eq!((held.len(), junk.map(|why| why.code)), (0, Some(Code::Malformed.number())));
    let Checked::Client { answers, .. } = checked(from_client(vec![vec![1, 2, 3]])) else {
        panic!("a client's job stays one")
    };
    assert!(
        matches!(&answers[..], [Some(Submitted::Refused(why))] if why.code == Code::Malformed.number())
    );
}

#[test]
fn a_call_that_another_version_of_a_contract_knows_is_no_fault() {
    let call = |room: &str| {
        let body = TransactionBody {
            chain_tag: CHAIN.tag(),
            sender: vec![1; 16],
            signer: vec![1; 32],
            key: vec![1; 16],
            valid_until_ms: 1,
            on_behalf: None,
            calls: vec![Call { room: room.into(), method: "Later".into(), args: vec![] }],
        };
        envelope(&body.encode_to_vec(), &Signature([7; 64]))
    };
    for (room, is_fault) in [("timebank", false), ("accounts", true)] {
        let Checked::Peer { held, junk, .. } = checked(from_member(vec![call(room)])) else {
            panic!("a member's job stays one")
        };
        assert_eq!((held.len(), junk.is_some()), (0, is_fault), "{room}");
    }
}

/// Which member a result is from.
fn named(checked: Checked) -> u8 {
    let Checked::Peer { from, .. } = checked else { panic!("only members handed in") };
    from.0[0]
}

#[test]
fn results_leave_in_the_order_of_their_jobs_whoever_is_faster() {
    let (checking, mut queue) = Checking::new();
    let (worker, mut results) = worker();
    let mut turns = Vec::new();
    for n in 0..4 {
        assert!(checking.hand_in(Job::Peer { from: PublicKey([n; 32]), raws: vec![] }).is_ok());
        turns.push(queue.gather());
    }
    let (first, rest) = turns.split_at_mut(1);
    for (number, jobs) in rest.iter_mut().rev() {
        let mut turn = worker.order.turn(*number);
        if *number != 2 {
            turn.checked = worker.check_all(std::mem::take(jobs));
        } // else the worker panicked
        drop(turn);
        assert!(results.try_recv().is_err(), "the first job is still under check");
    }
    let mut turn = worker.order.turn(first[0].0);
    turn.checked = worker.check_all(std::mem::take(&mut first[0].1));
    drop(turn);
    let left: Vec<u8> = std::iter::from_fn(|| results.try_recv().ok()).map(named).collect();
    assert_eq!(left, [0, 1, 3]);
}

/// A transaction whose signature nobody has checked.
fn transaction(n: usize) -> Transaction {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&n.to_le_bytes());
    Transaction {
        id: TxId(id),
        body: BodyId(id),
        on_behalf: None,
        sender: PrincipalId([1; 16]),
        signer: PublicKey([1; 32]),
        key: TxKey([1; 16]),
        valid_until: TimeMs(1),
        signature: Signature([1; 64]),
        calls: Vec::new(),
        raw: [].into(),
    }
}

#[test]
fn what_held_is_remembered_for_a_while_and_never_without_bound() {
    let mut remembered = Remembered::default();
    for n in 0..3 * REMEMBERED {
        remembered.add(&transaction(n));
    }
    let asked =
        [Ok(transaction(3 * REMEMBERED - 1)), Ok(transaction(0)), Err(Code::Malformed.refuse([]))];
    assert_eq!(remembered.knows(&asked), [true, false, false]);
    assert!(remembered.young.len() + remembered.old.len() <= 2 * REMEMBERED);
}

#[test]
fn another_signature_over_a_remembered_body_is_checked_again() {
    let mut remembered = Remembered::default();
    let held = transaction(7);
    remembered.add(&held);
    let mut other = held.clone();
    for byte in 0..64 {
        other.signature = held.signature;
        other.signature.0[byte] ^= 1;
        assert_eq!(remembered.knows(&[Ok(held.clone()), Ok(other.clone())]), [true, false]);
    }
}
