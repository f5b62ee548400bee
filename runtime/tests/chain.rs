//! From genesis over proposal, execution elsewhere, commit and restart: the same roots everywhere.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::{Admission, InvalidBlock, Ledger, Settings, Slot, StoredBlock};
use linli_runtime::{invariant, load_block, load_head, load_receipts, locate, replay, stored};
use linli_types::code::Code;
use linli_types::header::{FLAG_DEFERS_TIMERS, Header};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, ChainId, Digest};
use linli_types::limits;
use linli_types::receipt::Outcome;
use linli_types::store::{Column, Read};
use linli_types::wire::accounts::{AccountRequest, AccountResponse};
use prost::Message;
use support::*;

/// What every node holds must be the same, whoever proposed.
fn equal(a: &Node, b: &Node) {
    assert_eq!(a.ledger.head(), b.ledger.head());
    assert!(a.store == b.store, "the stores differ");
}

#[test]
fn a_transfer_goes_from_proposal_to_every_ledger_and_survives_a_restart() {
    let (mut a, mut b) = (Node::new(&genesis()), Node::new(&genesis()));
    for round in 0..12 {
        let from = (round % 4) as u8;
        let (proposer, other) = if round % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
        let candidates = [
            proposer.transfer(round * 2, (from, 0), ((from + 1) % 4, 1), 10),
            proposer.transfer(round * 2 + 1, (from, 0), ((from + 2) % 4, 0), 5_000),
        ];
        let built = proposer.propose(&candidates);
        let executed = other.ledger.execute(&other.store, &built.header, &built.transactions);
        let executed = executed.unwrap().unwrap();
        assert_eq!((executed.id, &executed.receipts), (built.id, &built.receipts));
        assert_eq!(built.receipts.iter().map(code_of).collect::<Vec<_>>(), [0, 2005]);
        proposer.commit(built);
        other.commit(executed);
        equal(&a, &b);
        a.reopen();
        equal(&a, &b);
        assert_eq!(invariant::breaches(&a.store).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_header_that_differs_in_any_field_is_invalid() {
    let node = Node::new(&genesis());
    let built = node.propose(&[node.transfer(1, (0, 0), (1, 0), 10)]);
    let changes: [fn(&mut Header); 15] = [
        |h| h.format = 2,
        |h| h.flags = 2,
        |h| h.protocol = 2,
        |h| h.chain = ChainId([9; 32]),
        |h| h.height = Height(2),
        |h| h.time = START,
        |h| h.parent = BlockId([9; 32]),
        |h| h.proposer = key(1),
        |h| h.bodies_root = Digest([9; 32]),
        |h| h.receipts_root = Digest([9; 32]),
        |h| h.state_root = Digest([9; 32]),
        |h| h.log_size = 1,
        |h| h.log_root = Digest([9; 32]),
        |h| h.validators_hash = Digest([9; 32]),
        |h| h.next_validators_hash = Digest([9; 32]),
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut header = built.header.clone();
        change(&mut header);
        let judged = node.ledger.execute(&node.store, &header, &built.transactions).unwrap();
        assert!(judged.is_err(), "field {n}");
    }
    let judged = node.ledger.execute(&node.store, &built.header, &[]).unwrap();
    assert!(judged.is_err(), "without its bodies");
    let judged = node.ledger.execute(&node.store, &built.header, &built.transactions).unwrap();
    assert_eq!(judged.unwrap().id, built.id);
}

#[test]
fn a_transfer_done_twice_is_a_duplicate_and_another_under_its_id_a_conflict() {
    let mut node = Node::new(&genesis());
    let calls = |amount| vec![transfer_call(7, (0, 0), (1, 0), amount)];
    let first = node.sign(0, 1, calls(10));
    let retry = node.sign(0, 2, calls(10));
    let other = node.sign(0, 3, calls(11));
    let receipts = node.step(&[first, retry.clone(), other]);
    let codes: Vec<u32> = receipts.iter().map(code_of).collect();
    assert_eq!(codes, [0, Code::Duplicate.number(), Code::BusinessIdConflict.number()]);
    // And after a restart, in a later block.
    node.reopen();
    let late = node.sign(0, 4, calls(10));
    assert_eq!(code_of(&node.step(&[late])[0]), Code::Duplicate.number());
    assert_eq!(balance(&node, (1, 0)), OPENING + 10);
}

#[test]
fn a_refused_transfer_leaves_its_business_id_free() {
    let mut node = Node::new(&genesis());
    let calls = |amount| vec![transfer_call(7, (0, 0), (1, 0), amount)];
    let receipts = node.step(&[node.sign(0, 1, calls(OPENING + 1)), node.sign(0, 2, calls(5))]);
    assert_eq!(receipts.iter().map(code_of).collect::<Vec<_>>(), [2005, 0]);
}

#[test]
fn one_refused_call_takes_back_the_calls_before_it() {
    let mut node = Node::new(&genesis());
    let before = node.ledger.head().state_root;
    let calls = vec![
        transfer_call(1, (0, 0), (1, 0), 10),
        transfer_call(2, (0, 0), (2, 0), 10),
        transfer_call(3, (0, 0), (3, 0), OPENING),
    ];
    let receipts = node.step(&[node.sign(0, 1, calls)]);
    assert!(matches!(receipts[0].outcome, Outcome::Refused { call: 2, .. }));
    assert!(receipts[0].events.is_empty() && receipts[0].results.is_empty());
    assert_eq!(node.ledger.head().state_root, before);
    // The ids are free again.
    let again = node.sign(0, 2, vec![transfer_call(1, (0, 0), (1, 0), 10)]);
    assert_eq!(code_of(&node.step(&[again])[0]), 0);
}

#[test]
fn each_rule_of_a_transfer_refuses_with_its_own_code() {
    let mut node = Node::new(&genesis());
    let mut missing = transfer_call(6, (0, 0), (1, 0), 1);
    let mut request = wire_request(6);
    request.credit = vec![0xee; 16];
    missing.args = request.encode_to_vec();
    let mut issued = transfer_call(7, (0, 0), (1, 0), 1);
    let mut request = wire_request(7);
    request.debit = linli_runtime::accounts::issuance(1).0.to_vec();
    issued.args = request.encode_to_vec();
    let cases = [
        (transfer_call(1, (1, 0), (0, 0), 1), Code::Unauthorised),
        (transfer_call(2, (0, 0), (0, 0), 1), Code::SameAccount),
        (transfer_call(3, (0, 0), (1, 0), 0), Code::ZeroAmount),
        (transfer_call(4, (0, 0), (1, 2), 1), Code::AssetMismatch),
        (transfer_call(5, (0, 0), (1, 0), u64::MAX), Code::Insufficient),
        (missing, Code::NoAccount),
        (issued, Code::RuleDenied),
    ];
    for (number, (call, code)) in (0..).zip(cases) {
        let transaction = node.sign(0, number, vec![call]);
        let receipts = node.step(&[transaction]);
        assert_eq!(code_of(&receipts[0]), code.number(), "{code:?}");
        assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
    }
}

fn wire_request(number: u64) -> linli_types::wire::accounts::TransferRequest {
    let call = transfer_call(number, (0, 0), (1, 0), 1);
    linli_types::wire::accounts::TransferRequest::decode(&*call.args).unwrap()
}

#[test]
fn a_used_key_is_left_out_and_makes_a_block_invalid_also_after_a_restart() {
    let mut node = Node::new(&genesis());
    let first = node.transfer(1, (0, 0), (1, 0), 10);
    let twin = node.sign(0, 1, vec![transfer_call(2, (0, 0), (1, 0), 20)]);
    // Twice in one block.
    let built = node.propose(&[first.clone(), twin.clone(), first.clone()]);
    assert_eq!(built.transactions, std::slice::from_ref(&first));
    let mut lie = built.header.clone();
    let both = [first.clone(), twin.clone()];
    lie.bodies_root = linli_runtime::bodies_root(&both);
    let judged = node.ledger.execute(&node.store, &lie, &both).unwrap();
    assert_eq!(judged.unwrap_err(), InvalidBlock::KeyUsed(twin.id));
    // In a later block.
    node.commit(built);
    for _ in 0..2 {
        let admitted = node.ledger.admit(&node.store, &first).unwrap();
        assert_eq!(admitted, Admission::Exists { height: Height(1), index: 0 });
        let admitted = node.ledger.admit(&node.store, &twin).unwrap();
        assert_eq!(admitted, Admission::Refused(Code::IdConflict.refuse([])));
        let built = node.propose(&[first.clone(), twin.clone()]);
        assert!(built.transactions.is_empty());
        let mut lie = built.header.clone();
        let one = [twin.clone()];
        lie.bodies_root = linli_runtime::bodies_root(&one);
        let judged = node.ledger.execute(&node.store, &lie, &one).unwrap();
        assert_eq!(judged.unwrap_err(), InvalidBlock::KeyUsed(twin.id));
        node.reopen();
    }
}

#[test]
fn a_transaction_outside_its_validity_is_left_out_and_makes_a_block_invalid() {
    let node = Node::new(&genesis());
    let time = node.slot().time;
    let calls = || vec![transfer_call(1, (0, 0), (1, 0), 10)];
    let last = node.sign_until(0, 1, time.plus_ms(limits::VALIDITY_MS_MAX), calls());
    let late = node.sign_until(0, 2, TimeMs(time.0 - 1), calls());
    let far = node.sign_until(0, 3, time.plus_ms(limits::VALIDITY_MS_MAX + 1), calls());
    let built = node.propose(&[late.clone(), far.clone(), last.clone()]);
    assert_eq!(built.transactions, [last]);
    for bad in [late, far] {
        let mut lie = built.header.clone();
        lie.bodies_root = linli_runtime::bodies_root(std::slice::from_ref(&bad));
        let judged = node.ledger.execute(&node.store, &lie, std::slice::from_ref(&bad)).unwrap();
        assert_eq!(judged.unwrap_err(), InvalidBlock::OutOfTime(bad.id));
    }
}

#[test]
fn only_the_registered_key_of_a_known_sender_is_admitted() {
    let mut node = Node::new(&genesis());
    let good = node.transfer(1, (1, 0), (2, 0), 10);
    let admitted = node.ledger.admit(&node.store, &good).unwrap();
    assert_eq!(admitted, Admission::Admitted { org: 1 });
    let mut stranger = (*good).clone();
    stranger.sender.0 = [0x77; 16];
    let mut forged = (*good).clone();
    forged.signer = key(99);
    let cases = [(stranger, Code::UnknownSender), (forged, Code::KeyNotOfSender)];
    for (transaction, code) in cases {
        let admitted = node.ledger.admit(&node.store, &transaction).unwrap();
        assert_eq!(admitted, Admission::Refused(code.refuse([])));
        // Inside a block it is a refusal without effect.
        let before = node.ledger.head().state_root;
        let receipts = node.step(&[linli_runtime::Verified::vouched(transaction)]);
        assert_eq!(code_of(&receipts[0]), code.number());
        assert!(matches!(receipts[0].outcome, Outcome::Refused { call: u16::MAX, .. }));
        assert_eq!(node.ledger.head().state_root, before);
    }
}

#[test]
fn a_block_keeps_its_bound_of_transactions() {
    let node = Node::new(&genesis());
    let count = limits::BLOCK_TRANSACTIONS_MAX as u64 + 10;
    let many: Vec<_> = (0..count).map(|n| node.transfer(n, (0, 0), (1, 0), 1)).collect();
    let built = node.propose(&many);
    assert_eq!(built.transactions.len(), limits::BLOCK_TRANSACTIONS_MAX);
    let mut lie = built.header.clone();
    lie.bodies_root = linli_runtime::bodies_root(&many);
    let judged = node.ledger.execute(&node.store, &lie, &many).unwrap();
    assert_eq!(judged.unwrap_err(), InvalidBlock::Bound("BLOCK_TRANSACTIONS_MAX"));
}

#[test]
fn a_block_that_defers_timers_holds_no_transaction() {
    let node = Node::new(&genesis());
    let transfer = node.transfer(1, (0, 0), (1, 0), 1);
    let slot = Slot { flags: FLAG_DEFERS_TIMERS, ..node.slot() };
    let built = node.ledger.propose(&node.store, slot, std::slice::from_ref(&transfer)).unwrap();
    assert!(built.transactions.is_empty() && built.header.defers_timers());
    assert!(node.ledger.execute(&node.store, &built.header, &[]).unwrap().is_ok());
    let judged = node.ledger.execute(&node.store, &built.header, &[transfer]).unwrap();
    assert_eq!(judged.unwrap_err(), InvalidBlock::NotEmpty);
}

#[test]
fn time_moves_on_even_when_a_proposers_clock_does_not() {
    let mut node = Node::new(&genesis());
    node.step(&[]);
    let slot = Slot { time: TimeMs(0), ..node.slot() };
    let built = node.ledger.propose(&node.store, slot, &[]).unwrap();
    assert_eq!(built.header.time, node.ledger.head().time.plus_ms(1));
}

#[test]
fn what_was_committed_is_found_by_id_by_room_and_by_principal() {
    let mut node = Node::new(&genesis());
    let transfers = [node.transfer(1, (0, 0), (1, 0), 1), node.transfer(2, (2, 0), (0, 0), 2)];
    node.step(&transfers);
    node.step(&[]);
    let place = locate(&node.store, &transfers[1].id).unwrap();
    assert_eq!(place, Some((Height(1), 1)));
    let block = load_block(&node.store, Height(1)).unwrap().unwrap();
    assert_eq!(block.bodies, transfers.iter().map(|t| t.raw.to_vec()).collect::<Vec<_>>());
    let receipts = load_receipts(&node.store, Height(1)).unwrap().unwrap();
    assert_eq!(receipts.len(), 2);
    let places = |concern| stored::event_places(&node.store, concern, Height(0), 10).unwrap();
    let about = |n| {
        let concern = stored::Concern::Principal(&person(n));
        stored::event_places(&node.store, concern, Height(0), 10).unwrap()
    };
    assert_eq!(places(stored::Concern::Room("accounts")), [(Height(1), vec![0, 1])]);
    assert_eq!(about(0), [(Height(1), vec![0, 1])]);
    assert_eq!(about(1), [(Height(1), vec![0])]);
    assert_eq!(about(3), []);
    let after = stored::event_places(&node.store, stored::Concern::Room("accounts"), Height(2), 10);
    assert_eq!(after.unwrap(), []);
}

fn balance(node: &Node, of: (u8, u8)) -> u64 {
    let request = AccountRequest { id: account(of.0, of.1).0.to_vec() }.encode_to_vec();
    let answer = node.ledger.query(&node.store, "accounts", "Account", &request, person(0));
    let row = AccountResponse::decode(&*answer.unwrap().unwrap().result).unwrap();
    row.credits_posted - row.debits_posted
}

#[test]
fn a_queried_account_is_proved_present_and_an_unknown_one_absent() {
    let mut node = Node::new(&genesis());
    node.step(&[node.transfer(1, (0, 0), (1, 0), 10)]);
    let request = AccountRequest { id: account(1, 0).0.to_vec() }.encode_to_vec();
    let answer = node.ledger.query(&node.store, "accounts", "Account", &request, person(0));
    let answer = answer.unwrap().unwrap();
    let [key] = answer.reads.as_slice() else { panic!("one entry was read") };
    let value = node.store.get(Column::State, key).unwrap().unwrap();
    let root = Some(node.ledger.head().state_root);
    assert_eq!(node.ledger.prove(key).root(key, Some(&value)), root);
    let absent = Ledger::full_key("accounts", &[0xee; 16]);
    assert_eq!(node.ledger.prove(&absent).root(&absent, None), root);
    let request = AccountRequest { id: vec![0xee; 16] }.encode_to_vec();
    let answer = node.ledger.query(&node.store, "accounts", "Account", &request, person(0));
    assert_eq!(answer.unwrap().unwrap_err().code, Code::NoAccount.number());
}

#[test]
fn unknown_rooms_and_methods_are_named() {
    let node = Node::new(&genesis());
    let ask = |room: &str, method: &str| {
        node.ledger.query(&node.store, room, method, &[], person(0)).unwrap().unwrap_err().code
    };
    assert_eq!(ask("nowhere", "Account"), Code::UnknownRoom.number());
    assert_eq!(ask("accounts", "Rob"), Code::UnknownMethod.number());
    assert_eq!(
        node.ledger.rooms(),
        ["accounts", "governance", "identity", "log", "policy", "timers"]
    );
}

#[test]
fn a_replay_gives_the_same_head_and_names_the_block_that_differs() {
    let mut node = Node::new(&genesis());
    for n in 0..8_u64 {
        let transfer = node.transfer(n, ((n % 4) as u8, 0), (((n + 1) % 4) as u8, 1), 3);
        node.step(&[transfer]);
    }
    let block = |h| load_block(&node.store, Height(h)).unwrap().unwrap();
    let blocks: Vec<StoredBlock> = (1..=8).map(block).collect();
    let bytes = genesis().to_bytes();
    let head = replay(&bytes, blocks.clone().into_iter(), Settings::default()).unwrap();
    assert_eq!(&head, node.ledger.head());
    let mut lie = blocks;
    lie[5].header.state_root = Digest([1; 32]);
    let failed = replay(&bytes, lie.into_iter(), Settings::default()).unwrap_err();
    assert!(failed.to_string().contains("block 6: the header's state_root"), "{failed}");
}

#[test]
fn undo_records_lead_back_and_older_ones_are_gone() {
    let mut node = Node::new(&genesis());
    let keep = genesis().undo_heights;
    let mut before = Vec::new();
    for n in 0..9_u64 {
        before.push(node.store.clone());
        node.step(&[node.transfer(n, (0, 0), (1, 0), 3)]);
    }
    let kept: Vec<u64> =
        (1..=9).filter(|h| stored::load_undo(&node.store, Height(*h)).unwrap().is_some()).collect();
    assert_eq!(kept, (9 - keep + 1..=9).collect::<Vec<_>>());
    let undo = stored::load_undo(&node.store, Height(9)).unwrap().unwrap();
    assert!(!undo.state.is_empty() && !undo.side.is_empty());
    for (column, rows) in [(Column::State, undo.state), (Column::Side, undo.side)] {
        for (key, old) in rows {
            assert_eq!(before[8].get(column, &key).unwrap(), old);
            assert_ne!(node.store.get(column, &key).unwrap(), old);
        }
    }
}

#[test]
fn a_store_whose_state_differs_from_its_header_does_not_open() {
    let mut node = Node::new(&genesis());
    node.step(&[node.transfer(1, (0, 0), (1, 0), 3)]);
    let head = load_head(&node.store).unwrap().unwrap();
    assert_eq!(head.height, Height(1));
    let key = Ledger::full_key("accounts", &account(0, 0).0);
    let mut batch = linli_types::store::Batch::default();
    batch.put(Column::State, key, vec![1]);
    node.store.apply(&batch);
    let broken = Ledger::open(&node.store, Settings::default()).err().unwrap();
    assert!(broken.to_string().contains("state root"), "{broken}");
}
