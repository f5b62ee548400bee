//! Contracts inside blocks: timers, cross-calls, the evidence log, what a refusal takes back.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::{Ledger, Settings, Slot, Verified, log};
use linli_types::account::contract_principal;
use linli_types::books::{AccountKind, CODE_ESCROW, CODE_MOVE};
use linli_types::code::Code;
use linli_types::genesis::{Genesis, Module, Role};
use linli_types::header::FLAG_DEFERS_TIMERS;
use linli_types::height::TimeMs;
use linli_types::id::Digest;
use linli_types::limits;
use linli_types::merkle::{self, Sha256Log};
use linli_types::receipt::{Cause, Outcome, Receipt};
use linli_types::store::{Column, Read};
use linli_types::wire::accounts::{OpenRequest, ReverseRequest, TransferRequest};
use linli_types::wire::timers::LagResponse;
use prost::Message;
use support::*;

/// The messages of `probe.proto` that these tests speak.
mod probe {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Schedule {
        #[prost(uint64, tag = "1")]
        pub(crate) after_ms: u64,
        #[prost(bytes = "vec", tag = "2")]
        pub(crate) payload: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Bytes {
        #[prost(bytes = "vec", tag = "1")]
        pub(crate) bytes: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Entry {
        #[prost(bytes = "vec", tag = "1")]
        pub(crate) key: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub(crate) value: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Cross {
        #[prost(string, tag = "1")]
        pub(crate) room: String,
        #[prost(string, tag = "2")]
        pub(crate) method: String,
        #[prost(bytes = "vec", tag = "3")]
        pub(crate) args: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Number {
        #[prost(uint64, tag = "1")]
        pub(crate) number: u64,
    }
}

fn probed() -> Genesis {
    let module = |name: &str| Module { name: name.into(), code: linli_modules::probe().to_vec() };
    genesis_with(vec![module("probe"), module("second")])
}

fn ask(method: &str, message: &impl Message) -> linli_types::wire::Call {
    call("probe", method, message.encode_to_vec())
}

fn schedule(after_ms: u64, payload: &[u8]) -> linli_types::wire::Call {
    ask("Schedule", &probe::Schedule { after_ms, payload: payload.to_vec() })
}

fn timers(receipts: &[Receipt]) -> Vec<&Receipt> {
    receipts.iter().filter(|r| matches!(r.cause, Cause::Timer(_))).collect()
}

fn lag(node: &Node) -> LagResponse {
    let answer = node.ledger.query(&node.store, "timers", "Lag", &[], person(0)).unwrap();
    LagResponse::decode(&*answer.unwrap().result).unwrap()
}

/// Proposes at `time`, executes it on a second ledger opened from rows, and commits.
fn step_at(node: &mut Node, time: TimeMs, flags: u16, txs: &[Verified]) -> Vec<Receipt> {
    let slot = Slot { time, flags, ..node.slot() };
    let built = node.ledger.propose(&node.store, slot, txs).unwrap();
    let other = Ledger::open(&node.store, Settings::default()).unwrap();
    let executed = other.execute(&node.store, &built.header, &built.transactions).unwrap();
    let executed = executed.unwrap();
    assert_eq!(executed.id, built.id);
    let receipts = built.receipts.clone();
    node.commit(built);
    assert_eq!(linli_runtime::invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
    receipts
}

#[test]
fn timers_fire_in_order_in_the_block_their_time_falls_in_also_after_a_restart() {
    let mut node = Node::new(&probed());
    let calls = vec![schedule(9_000, b"c"), schedule(5_000, b"a"), schedule(7_000, b"b")];
    let set = node.slot().time;
    let receipts = node.step(&[node.sign(0, 1, calls)]);
    assert_eq!(receipts.iter().map(code_of).collect::<Vec<_>>(), [0], "{receipts:?}");
    assert_eq!(node.ledger.next_timer(), Some(set.plus_ms(5_000)));
    node.reopen();
    assert_eq!(node.ledger.next_timer(), Some(set.plus_ms(5_000)));
    assert_eq!(lag(&node).waiting, 3);
    assert!(timers(&step_at(&mut node, set.plus_ms(4_999), 0, &[])).is_empty());
    let fired = step_at(&mut node, set.plus_ms(7_000), 0, &[]);
    let [first, second] = timers(&fired)[..] else { panic!("two fire: {fired:?}") };
    assert!(first.is_done() && second.is_done(), "{fired:?}");
    assert!(first.cause < second.cause);
    assert_eq!((first.events.len(), second.events.len()), (1, 1));
    assert_eq!(node.ledger.next_timer(), Some(set.plus_ms(9_000)));
    assert_eq!(timers(&step_at(&mut node, set.plus_ms(20_000), 0, &[])).len(), 1);
    assert_eq!((node.ledger.next_timer(), lag(&node).waiting), (None, 0));
}

#[test]
fn a_timer_that_traps_or_refuses_is_removed_and_its_receipt_says_so() {
    let mut node = Node::new(&probed());
    let calls = vec![schedule(1_000, b"trap"), schedule(2_000, b"refuse")];
    let set = node.slot().time;
    node.step(&[node.sign(0, 1, calls)]);
    let receipts = step_at(&mut node, set.plus_ms(3_000), 0, &[]);
    let [trapped, refused] = timers(&receipts)[..] else { panic!("two fire: {receipts:?}") };
    assert_eq!(code_of(trapped), Code::Trap.number());
    let Outcome::Refused { refusal, .. } = &refused.outcome else { panic!("{refused:?}") };
    assert_eq!((refusal.room.as_str(), refusal.code), ("probe", 1));
    assert!(timers(&step_at(&mut node, set.plus_ms(9_000), 0, &[])).is_empty());
    assert_eq!(lag(&node).waiting, 0);
}

#[test]
fn what_a_fired_timer_schedules_waits_for_the_next_block() {
    let mut node = Node::new(&probed());
    let set = node.slot().time;
    node.step(&[node.sign(0, 1, vec![schedule(1_000, b"again")])]);
    for round in 1..4 {
        // Far beyond: every timer that stands is due.
        let receipts = step_at(&mut node, set.plus_ms(100_000 * round), 0, &[]);
        assert_eq!(timers(&receipts).len(), 1);
        assert_eq!(lag(&node).waiting, 1);
    }
}

#[test]
fn a_block_that_defers_timers_leaves_them_for_the_next_and_the_lag_is_told() {
    let mut node = Node::new(&probed());
    let set = node.slot().time;
    node.step(&[node.sign(0, 1, vec![schedule(1_000, b"x")])]);
    let receipts = step_at(&mut node, set.plus_ms(5_000), FLAG_DEFERS_TIMERS, &[]);
    assert!(receipts.is_empty());
    assert_eq!((lag(&node).waiting, lag(&node).lag_ms), (1, 4_000));
    assert_eq!(timers(&step_at(&mut node, set.plus_ms(6_000), 0, &[])).len(), 1);
    assert_eq!(lag(&node).lag_ms, 0);
}

#[test]
fn timers_above_the_fuel_share_follow_in_order_in_the_next_blocks() {
    let mut node = Node::new(&probed());
    let set = node.slot().time;
    let share = limits::TIMER_FUEL_MAX / limits::TIMER_FIRE_FUEL_MAX;
    let count = share + 4;
    let mut left = count;
    let mut signed = Vec::new();
    while left > 0 {
        let now = left.min(limits::SCHEDULES_MAX as u64);
        let calls = (0..now).map(|n| schedule(1_000 + left * 20 + n, b"spin")).collect();
        signed.push(node.sign(0, left, calls));
        left -= now;
    }
    let receipts = node.step(&signed);
    assert!(receipts.iter().all(Receipt::is_done), "{receipts:?}");
    assert_eq!(lag(&node).waiting, count);
    let (mut causes, mut blocks) = (Vec::new(), 0);
    while lag(&node).waiting > 0 {
        blocks += 1;
        let receipts = step_at(&mut node, set.plus_ms(50_000 + blocks), 0, &[]);
        let fuel: u64 = receipts.iter().map(|r| r.fuel).sum();
        assert!(fuel <= limits::TIMER_FUEL_MAX, "{fuel}");
        assert!(receipts.iter().all(|r| code_of(r) == Code::OutOfFuel.number()), "{receipts:?}");
        causes.extend(receipts.iter().map(|r| r.cause));
    }
    assert_eq!((causes.len() as u64, blocks), (count, 2));
    assert!(causes.is_sorted());
}

#[test]
fn a_cancelled_timer_does_not_fire_and_no_other_contract_can_cancel_it() {
    let mut node = Node::new(&probed());
    let set = node.slot().time;
    let receipts = node.step(&[node.sign(0, 1, vec![schedule(9_000, b"x")])]);
    let id = &receipts[0].results[0];
    let cancel = |room: &str| vec![call(room, "Cancel", id.clone())];
    let said = |receipt: &Receipt| probe::Number::decode(&*receipt.results[0]).unwrap().number;
    let foreign = node.sign(0, 2, cancel("second"));
    assert_eq!(said(&node.step(&[foreign])[0]), 0);
    assert_eq!(lag(&node).waiting, 1);
    let own = node.sign(0, 3, cancel("probe"));
    // In a block past its time the timer fires first, and the cancel finds nothing.
    let ledger = Ledger::open(&node.store, Settings::default()).unwrap();
    let mut late = Node { ledger, store: node.store.clone() };
    let receipts = step_at(&mut late, set.plus_ms(9_000), 0, std::slice::from_ref(&own));
    assert_eq!((timers(&receipts).len(), said(&receipts[1])), (1, 0));
    // In an earlier one the cancel finds it, and it never fires.
    let receipts = step_at(&mut node, set.plus_ms(8_999), 0, &[own]);
    assert_eq!(said(&receipts[0]), 1);
    assert_eq!((node.ledger.next_timer(), lag(&node).waiting), (None, 0));
    assert!(timers(&step_at(&mut node, set.plus_ms(50_000), 0, &[])).is_empty());
}

#[test]
fn a_refusal_takes_back_what_the_contract_wrote_and_appended() {
    let mut node = Node::new(&probed());
    let before = (node.ledger.head().state_root, node.ledger.head().log_root);
    let entry = probe::Entry { key: b"k".to_vec(), value: b"v".to_vec() };
    let append = probe::Bytes { bytes: vec![7; 32] };
    let calls = vec![ask("Write", &entry), ask("Append", &append), ask("WriteThenRefuse", &entry)];
    let receipts = node.step(&[node.sign(0, 1, calls)]);
    assert!(matches!(receipts[0].outcome, Outcome::Refused { call: 2, .. }), "{receipts:?}");
    assert_eq!(receipts[0].log_leaves, (0, 0));
    assert_eq!((node.ledger.head().state_root, node.ledger.head().log_root), before);
}

#[test]
fn an_appended_statement_is_a_leaf_that_the_header_covers() {
    let mut node = Node::new(&probed());
    for n in 0..5_u8 {
        let append = |d: u8| ask("Append", &probe::Bytes { bytes: vec![d; 32] });
        let signed = node.sign(0, u64::from(n), vec![append(n), append(n + 100)]);
        let receipts = node.step(&[signed]);
        assert_eq!(receipts[0].log_leaves, (u64::from(n) * 2, 2), "{receipts:?}");
        let header = node.ledger.head().header.clone().unwrap();
        let index = u64::from(n) * 2 + 1;
        let path = node.ledger.leaf_path(&node.store, index).unwrap().unwrap();
        let leaf = merkle::statement_leaf(&Digest([n + 100; 32]));
        assert_eq!(log::leaf(&node.store, index).unwrap(), Some(leaf));
        let root = merkle::root_from_path::<Sha256Log>(leaf, index, header.log_size, &path);
        assert_eq!(root, Some(header.log_root));
        node.reopen();
    }
}

/// What a contract asks of the accounts, through the probe.
fn through_probe(inner: linli_types::wire::Call) -> linli_types::wire::Call {
    let (room, method, args) = (inner.room, inner.method, inner.args);
    ask("Cross", &probe::Cross { room, method, args })
}

#[test]
fn a_contract_spends_what_is_its_own_and_nothing_of_its_callers() {
    let mut genesis = probed();
    genesis.principals[1].roles.push(Role::Fund);
    let mut node = Node::new(&genesis);
    let escrow = account(0, 7);
    let open = OpenRequest {
        id: escrow.0.to_vec(),
        owner: contract_principal("probe").0.to_vec(),
        asset: 1,
        kind: AccountKind::Escrow.number(),
        ..Default::default()
    };
    let moved = |number, from: (u8, u8), to: (u8, u8), code| {
        let mut call = transfer_call(number, from, to, 5);
        let request = TransferRequest::decode(&*call.args).unwrap();
        call.args = TransferRequest { code, ..request }.encode_to_vec();
        call
    };
    let asked = [
        (1, call("accounts", "Open", open.encode_to_vec()), None),
        (0, moved(1, (0, 0), (0, 7), CODE_ESCROW), None),
        // The sender's own money, asked for by a contract that the sender called.
        (0, through_probe(moved(2, (0, 0), (3, 0), CODE_MOVE)), Some(Code::Unauthorised)),
        // The contract's money, by a contract of another name, and by whoever paid it in.
        (0, moved(3, (0, 7), (0, 0), CODE_ESCROW), Some(Code::Unauthorised)),
        (0, through_probe(moved(4, (0, 7), (3, 0), CODE_ESCROW)), None),
        // A role is the sender's: a contract that they call has none.
        (1, through_probe(call("accounts", "Open", open.encode_to_vec())), Some(Code::Duplicate)),
    ];
    for (number, (sender, call, refused)) in (0..).zip(asked) {
        let receipts = node.step(&[node.sign(sender, number, vec![call])]);
        let code = refused.map_or(0, Code::number);
        assert_eq!(code_of(&receipts[0]), code, "{number}: {receipts:?}");
        assert_eq!(linli_runtime::invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn what_a_contract_takes_back_and_is_not_there_it_owes_itself() {
    let mut genesis = probed();
    genesis.principals[1].roles.push(Role::Fund);
    let mut node = Node::new(&genesis);
    let probe = contract_principal("probe").0.to_vec();
    let open = |a: u8, owner: &[u8], kind: AccountKind| {
        let (id, owner, kind) = (account(0, a).0.to_vec(), owner.to_vec(), kind.number());
        let request = OpenRequest { id, owner, asset: 1, kind, ..Default::default() };
        (1, call("accounts", "Open", request.encode_to_vec()), None)
    };
    let moved = |number, from: u8, to: u8, code| {
        let mut call = transfer_call(number, (0, from), (0, to), 5);
        let request = TransferRequest::decode(&*call.args).unwrap();
        call.args = TransferRequest { code, ..request }.encode_to_vec();
        call
    };
    let paid = moved(2, 6, 7, CODE_ESCROW);
    let back = |number: u64, receivable: u8| {
        let request = ReverseRequest {
            id: transfer_id(number).0.to_vec(),
            transfer: transfer_id(2).0.to_vec(),
            amount: 5,
            reason: 1,
            receivable: account(0, receivable).0.to_vec(),
            original: TransferRequest::decode(&*paid.args).ok(),
            original_actor: probe.clone(),
        };
        through_probe(call("accounts", "Reverse", request.encode_to_vec()))
    };
    let asked = [
        open(6, &probe, AccountKind::Holder),
        open(7, &probe, AccountKind::Escrow),
        open(8, &[0; 16], AccountKind::ClawbackReceivable),
        open(9, &probe, AccountKind::ClawbackReceivable),
        (0, moved(1, 0, 6, CODE_MOVE), None),
        // It pays itself, and moves the money on.
        (0, through_probe(paid.clone()), None),
        (0, through_probe(moved(3, 7, 6, CODE_ESCROW)), None),
        // Taking the payment back would make money that the community owes.
        (0, back(4, 8), Some(Code::Unauthorised)),
        (0, back(5, 9), None),
    ];
    for (number, (sender, call, refused)) in (0..).zip(asked) {
        let receipts = node.step(&[node.sign(sender, number, vec![call])]);
        assert_eq!(
            code_of(&receipts[0]),
            refused.map_or(0, Code::number),
            "{number}: {receipts:?}"
        );
        assert_eq!(linli_runtime::invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_timer_does_no_duty() {
    use linli_types::wire::identity::ActRequest;
    let mut genesis = probed();
    let module = |name: &str| Module { name: name.into(), code: linli_modules::hostile().to_vec() };
    genesis.modules.push(module("hostile"));
    let mut node = Node::new(&genesis);
    // Set a timer, whose program records a duty: eight bytes each.
    let program = [[24, 200, 0, 9, 0, 0, 0, 1], [48, 0, 1, 1, 99, 99, 99, 99]].concat();
    let run = call("hostile", "Run", probe::Bytes { bytes: program }.encode_to_vec());
    let set = node.slot().time;
    let receipts = node.step(&[node.sign(0, 1, vec![run])]);
    assert!(receipts[0].is_done(), "{receipts:?}");
    let fired = step_at(&mut node, set.plus_ms(60_000), 0, &[]);
    assert_eq!(code_of(timers(&fired)[0]), Code::NoPrincipal.number(), "{fired:?}");
    let duty = ActRequest { record: vec![1; 32], duty: 2 };
    let act = through_probe(call("identity", "Act", duty.encode_to_vec()));
    let receipts = node.step(&[node.sign(0, 2, vec![act])]);
    assert!(receipts[0].is_done(), "{receipts:?}");
}

/// R4: native rooms read what a contract gives them as strictly as a transaction's own arguments.
#[test]
fn a_contracts_arguments_are_walked_like_a_transactions() {
    let mut node = Node::new(&probed());
    let mut number = 0;
    let mut cross = |room: &str, method: &str, args: Vec<u8>| {
        number += 1;
        let inner = probe::Cross { room: room.into(), method: method.into(), args };
        code_of(&node.step(&[node.sign(0, number, vec![ask("Cross", &inner)])])[0])
    };
    let open = OpenRequest {
        id: vec![77; 16],
        owner: contract_principal("probe").0.to_vec(),
        asset: 1,
        kind: AccountKind::Escrow as u32,
        ..OpenRequest::default()
    };
    let open = open.encode_to_vec();
    let with = |tail: &[u8]| [open.as_slice(), tail].concat();
    let malformed = Code::Malformed.number();
    // An unknown field, a singular one twice, a long zero, a missing end.
    for tail in [&[0xf8, 0x07, 1][..], &[0x18, 1], &[0x20, 0x80, 0], &[0x0a, 16, 1]] {
        assert_eq!(cross("accounts", "Open", with(tail)), malformed, "{tail:?}");
    }
    assert_eq!(cross("accounts", "Open", vec![0x0a, 1, 7]), malformed);
    assert_eq!(cross("accounts", "Open", open.clone()), 0);
    // Questions too.
    let account = [&[0x0a, 16][..], &[77; 16]].concat();
    assert_eq!(cross("accounts", "Account", [&account[..], &[0xf8, 0x07, 1]].concat()), malformed);
    assert_eq!(cross("accounts", "Account", account), 0);
    let act = [&[0x0a, 32][..], &[9; 32], &[0x10, 1]].concat();
    assert_eq!(cross("identity", "Act", [&act[..], &[0x10, 1]].concat()), malformed);
    assert_eq!(cross("identity", "Act", act), 0);
    let unknown = Code::UnknownMethod.number();
    assert_eq!(cross("accounts", "Steal", open), unknown);
    assert_eq!(cross("timers", "Schedule", Vec::new()), unknown);
}

#[test]
fn a_contract_at_work_is_not_entered_again() {
    let mut node = Node::new(&probed());
    let inner = probe::Cross {
        room: "probe".into(),
        method: "Write".into(),
        args: probe::Entry { key: vec![1], value: vec![1] }.encode_to_vec(),
    };
    let outer =
        probe::Cross { room: "second".into(), method: "Cross".into(), args: inner.encode_to_vec() };
    let receipts = node.step(&[node.sign(0, 1, vec![ask("Cross", &outer)])]);
    assert_eq!(code_of(&receipts[0]), Code::Reentrant.number(), "{receipts:?}");
}

#[test]
fn a_contracts_answer_names_the_entries_it_read_and_each_is_provable() {
    let mut node = Node::new(&probed());
    let entry = probe::Entry { key: b"k".to_vec(), value: b"v".to_vec() };
    node.step(&[node.sign(0, 1, vec![ask("Write", &entry)])]);
    let key = probe::Bytes { bytes: b"k".to_vec() }.encode_to_vec();
    let answer = node.ledger.query(&node.store, "probe", "Read", &key, person(0)).unwrap().unwrap();
    assert_eq!(probe::Entry::decode(&*answer.result).unwrap().value, b"v");
    let [full] = answer.reads.as_slice() else { panic!("one entry is read") };
    let value = node.store.get(Column::State, full).unwrap().unwrap();
    let root = node.ledger.head().state_root;
    assert_eq!(node.ledger.prove(full).root(full, Some(&value)), Some(root));
    let before = node.store.clone();
    let write = entry.encode_to_vec();
    let refused = node.ledger.query(&node.store, "probe", "Write", &write, person(0)).unwrap();
    assert_eq!(refused.unwrap_err().code, Code::Trap.number());
    assert!(node.store == before);
}

/// What a native room answers the probe, in the same block after what `first` did.
fn asked(
    node: &Node,
    first: Vec<linli_types::wire::Call>,
    question: (&str, &str, Vec<u8>),
) -> Result<Vec<u8>, u32> {
    let (room, method, args) = question;
    let mut calls = first;
    calls.push(through_probe(call(room, method, args)));
    let receipts = node.propose(&[node.sign(0, 900, calls)]).receipts;
    match code_of(&receipts[0]) {
        0 => {
            let answer = receipts[0].results.last().unwrap();
            Ok(probe::Bytes::decode(answer.as_slice()).unwrap().bytes)
        }
        code => Err(code),
    }
}

#[test]
fn a_contract_asks_native_rooms_and_sees_what_the_block_has_done_so_far() {
    use linli_types::policy::{CONTRACT_PARAMS_FROM, Param};
    use linli_types::wire::{accounts, identity, policy};
    let node = Node::new(&probed());
    let account = accounts::AccountRequest { id: account(0, 0).0.to_vec() }.encode_to_vec();
    let moved = vec![transfer_call(1, (0, 0), (1, 0), 30)];
    for (first, debits) in [(vec![], 0), (moved, 30)] {
        let answer = asked(&node, first, ("accounts", "Account", account.clone())).unwrap();
        let answer = accounts::AccountResponse::decode(answer.as_slice()).unwrap();
        assert_eq!((answer.debits_posted, answer.credits_posted), (debits, OPENING));
    }
    let who = identity::PrincipalRequest { principal: person(1).0.to_vec() }.encode_to_vec();
    let answer = asked(&node, vec![], ("identity", "Principal", who.clone())).unwrap();
    let answer = identity::PrincipalResponse::decode(answer.as_slice()).unwrap();
    assert_eq!(answer.roles, [i32::try_from(Role::Resident.number()).unwrap()]);
    let param = |param: u32| {
        let request = policy::ParamRequest { param }.encode_to_vec();
        let answer = asked(&node, vec![], ("policy", "Param", request))?;
        let answer = policy::ParamResponse::decode(answer.as_slice()).unwrap();
        Ok((answer.value, answer.set, answer.version))
    };
    let delay = linli_types::policy::Policy::default().param(Param::MotionDelayMs);
    assert_eq!(param(Param::MotionDelayMs.number()), Ok((delay, false, 1)));
    assert_eq!(param(CONTRACT_PARAMS_FROM), Ok((0, false, 1)));
    assert_eq!(param(CONTRACT_PARAMS_FROM - 1), Err(Code::ParamUnknown.number()));
    // A question about nobody refuses the transaction; what depends on old blocks is no question.
    let nobody = identity::PrincipalRequest { principal: vec![77; 16] }.encode_to_vec();
    let nobody = asked(&node, vec![], ("identity", "Principal", nobody));
    assert_eq!(nobody, Err(Code::NotFound.number()));
    let at = policy::AtRequest { when: None }.encode_to_vec();
    assert_eq!(asked(&node, vec![], ("policy", "At", at)), Err(Code::UnknownMethod.number()));
    // A transaction itself does not ask in a block.
    let call = call("identity", "Principal", who);
    let body = body(&node.chain(), 0, 1, START.plus_ms(60_000), vec![call]);
    let raw = linli_types::transaction::envelope(&body, &linli_types::id::Signature([7; 64]));
    let refusal = node.ledger.checker().check_shape(&raw).unwrap_err();
    assert_eq!(refusal.code, Code::UnknownMethod.number());
}
