//! Batches of opening balances: two people, one root, each chunk once, never more than approved.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod law;
#[path = "../support/mod.rs"]
mod support;
mod town;

use linli_runtime::{Settings, invariant, load_block, replay};
use linli_types::account::AccountRow;
use linli_types::books::{CNY, CSR, POINT, TIME};
use linli_types::code::Code;
use linli_types::genesis::Role;
use linli_types::height::Height;
use linli_types::id::{Digest, PrincipalId};
use linli_types::limits;
use linli_types::opening::Batch;
use linli_types::wire::Call;
use linli_types::wire::accounts as words;
use linli_types::wire::identity as people;
use prost::Message;
use support::*;
use town::*;

#[test]
fn two_people_open_accounts_that_no_one_opens_alone() {
    let batch = seven();
    let mut town = Town::approved(&batch);
    let supply = |town: &Town, asset| -> words::SupplyResponse {
        town.answer("Supply", &words::SupplyRequest { asset })
    };
    let before = supply(&town, CNY).supply;
    for chunk in [2, 0, 1] {
        town.done(KEEPER, loading(&batch, chunk));
    }
    town.done(KEEPER, closing());
    let opening = town.opening();
    assert!(opening.closed);
    assert_eq!((opening.loaded_accounts, opening.loaded_chunks), (7, 3));
    assert_eq!(opening.loaded_totals, batch.totals);
    assert_eq!(opening.approver, person(APPROVER).0.to_vec());
    assert_eq!(supply(&town, CNY).supply, before + 10 + 12 + 14 + 16);
    let row = town.row(&made(1)).unwrap();
    assert_eq!((row.balance(), row.entries, row.owner), (11, 1, newcomer(1)));
    let lots: words::LotsResponse =
        town.answer("Lots", &words::LotsRequest { account: made(1).0.to_vec() });
    assert_eq!(lots.lots.iter().map(|lot| lot.remaining).collect::<Vec<_>>(), [11]);
    // A restart and a replay know the same.
    town.node.reopen();
    let count = town.node.ledger.head().height.0;
    let stored = (1..=count).map(|h| load_block(&town.node.store, Height(h)).unwrap().unwrap());
    let head = replay(&district().to_bytes(), stored, Settings::default()).unwrap();
    assert_eq!(&head, town.node.ledger.head());
}

#[test]
fn an_opening_entry_is_the_one_that_a_statement_begins_with() {
    let batch = seven();
    let mut town = Town::approved(&batch);
    town.done(KEEPER, loading(&batch, 0));
    let row = town.row(&made(0)).unwrap();
    let account = linli_types::genesis::Account {
        id: made(0),
        owner: row.owner,
        asset: row.asset,
        opening: row.credits_posted,
    };
    let entry = linli_types::account::Entry::opening(&account, row.opened);
    let new = AccountRow::new(row.owner, row.asset, row.kind, row.flags);
    let side = linli_types::account::Side::Credit;
    let replayed = new.with(side, &entry, &entry.digest()).unwrap();
    assert_eq!((replayed.head, replayed.entries), (row.head, row.entries));
}

#[test]
fn a_proposal_needs_an_office_a_cut_off_sound_totals_and_evidence() {
    let batch = seven();
    let mut town = Town::new();
    let sound = town.proposal(&batch);
    for who in [APPROVER, REGISTRAR, OUTSIDER] {
        town.refused(who, proposed(&sound), Code::RoleDenied);
    }
    let now = town.now();
    for cut_off_ms in [0, now, now + limits::OPENING_MS_MAX + DAY_MS, u64::MAX] {
        let request = words::ProposeOpeningRequest { cut_off_ms, ..sound.clone() };
        town.refused(KEEPER, proposed(&request), Code::Expiry);
    }
    let with = |change: fn(&mut words::ProposeOpeningRequest)| {
        let mut request = sound.clone();
        change(&mut request);
        proposed(&request)
    };
    town.refused(KEEPER, with(|r| r.chunks = 0), Code::Malformed);
    town.refused(KEEPER, with(|r| r.chunks = limits::OPENING_CHUNKS_MAX + 1), Code::Malformed);
    town.refused(KEEPER, with(|r| r.accounts = 2), Code::Malformed);
    town.refused(KEEPER, with(|r| r.totals.clear()), Code::BadTable);
    town.refused(KEEPER, with(|r| r.totals.reverse()), Code::BadTable);
    town.refused(KEEPER, with(|r| r.totals[0].amount = 0), Code::BadTable);
    town.refused(KEEPER, with(|r| r.totals[1].asset = CNY), Code::BadTable);
    town.refused(KEEPER, with(|r| r.totals[1].asset = 99), Code::UnknownAsset);
    // A credit score is never issued to anybody (INV-P3).
    town.refused(KEEPER, with(|r| r.totals[1].asset = 4), Code::RuleDenied);
    town.refused(KEEPER, with(|r| r.leaf = 1), Code::OpeningUnanchored);
    town.refused(KEEPER, with(|r| r.statement = vec![0x52; 32]), Code::OpeningUnanchored);
    town.done(KEEPER, proposed(&sound));
    town.refused(KEEPER, proposed(&sound), Code::Duplicate);
    town.refused(KEEPER, with(|r| r.accounts += 1), Code::BusinessIdConflict);
}

#[test]
fn what_is_appended_in_the_very_block_is_no_evidence_yet() {
    let batch = seven();
    let mut town = Town::new();
    let append = Bytes { bytes: vec![0x53; 32] }.encode_to_vec();
    let request = words::ProposeOpeningRequest {
        leaf: 1,
        statement: vec![0x53; 32],
        ..town.proposal(&batch)
    };
    let both = vec![call("probe", "Append", append), proposed(&request)];
    let signed = town.node.sign(KEEPER, 900, both);
    let receipts = town.node.step(&[signed]);
    assert_eq!(code_of(&receipts[0]), Code::OpeningUnanchored.number());
}

#[test]
fn nobody_approves_their_own_and_only_the_root_that_was_proposed() {
    let mut genesis = district();
    // One who holds both offices, which no exclusion forbids.
    genesis.principals[usize::from(KEEPER)].roles = vec![Role::Fund, Role::Auditor];
    genesis.principals[usize::from(KEEPER)].org = 4;
    let batch = seven();
    let mut town = Town::of(&genesis);
    town.refused(APPROVER, approval(&batch.root), Code::NoOpening);
    town.done(KEEPER, proposed(&town.proposal(&batch)));
    town.refused(KEEPER, approval(&batch.root), Code::SeparationOfDuty);
    for who in [REGISTRAR, OUTSIDER] {
        town.refused(who, approval(&batch.root), Code::RoleDenied);
    }
    town.refused(APPROVER, approval(&Digest([7; 32])), Code::OpeningOther);
    town.refused(KEEPER, loading(&batch, 0), Code::OpeningStep);
    town.refused(KEEPER, closing(), Code::OpeningStep);
    town.done(APPROVER, approval(&batch.root));
    town.refused(APPROVER, approval(&batch.root), Code::Duplicate);
}

#[test]
fn a_chunk_is_loaded_once_whole_and_as_it_was_approved() {
    let batch = seven();
    let mut town = Town::approved(&batch);
    for who in [APPROVER, REGISTRAR, OUTSIDER] {
        town.refused(who, loading(&batch, 0), Code::RoleDenied);
    }
    let sound = batch.load(&BATCH, 0).unwrap();
    let with = |change: fn(&mut words::LoadOpeningRequest)| {
        let mut request = sound.clone();
        change(&mut request);
        at_accounts("LoadOpening", &request)
    };
    town.refused(KEEPER, with(|r| r.chunk = 1), Code::OpeningOther);
    town.refused(KEEPER, with(|r| r.chunk = 9), Code::OpeningOther);
    town.refused(KEEPER, with(|r| r.path.clear()), Code::OpeningOther);
    town.refused(KEEPER, with(|r| r.path.push(vec![0; 32])), Code::OpeningOther);
    town.refused(KEEPER, with(|r| r.path[0] = vec![0; 31]), Code::Malformed);
    town.refused(KEEPER, with(|r| r.batch = vec![1; 16]), Code::NoOpening);
    town.refused(KEEPER, with(|r| r.content = None), Code::Malformed);
    let more = |r: &mut words::LoadOpeningRequest| r.content.as_mut().unwrap().lines[0].amount += 1;
    town.refused(KEEPER, with(more), Code::OpeningOther);
    let gone = |r: &mut words::LoadOpeningRequest| r.content.as_mut().unwrap().lines.clear();
    town.refused(KEEPER, with(gone), Code::TooLarge);
    town.done(KEEPER, loading(&batch, 0));
    town.refused(KEEPER, loading(&batch, 0), Code::Duplicate);
    town.refused(KEEPER, closing(), Code::OpeningCount);
    assert_eq!(town.opening().loaded_accounts, 3);
}

#[test]
fn nothing_is_approved_or_loaded_after_the_cut_off() {
    let batch = seven();
    let mut town = Town::new();
    town.done(KEEPER, proposed(&town.proposal(&batch)));
    town.wait(DAY_MS);
    town.refused(APPROVER, approval(&batch.root), Code::OpeningCutOff);
    let mut town = Town::approved(&batch);
    town.done(KEEPER, loading(&batch, 0));
    town.done(KEEPER, loading(&batch, 1));
    town.wait(DAY_MS);
    town.refused(KEEPER, loading(&batch, 2), Code::OpeningCutOff);
    town.refused(KEEPER, closing(), Code::OpeningCount);
}

#[test]
fn nothing_is_loaded_after_the_close_and_what_is_whole_may_be_closed_late() {
    let batch = seven();
    let mut town = Town::approved(&batch);
    (0..3).for_each(|chunk| town.done(KEEPER, loading(&batch, chunk)));
    town.wait(2 * DAY_MS);
    town.refused(APPROVER, closing(), Code::RoleDenied);
    town.done(KEEPER, closing());
    town.refused(KEEPER, closing(), Code::Duplicate);
    town.refused(KEEPER, loading(&batch, 0), Code::OpeningStep);
    town.refused(APPROVER, approval(&batch.root), Code::Duplicate);
}

/// One batch of these lines, approved with these numbers; the code of loading all of it, and of
/// closing it.
fn outcome(
    lines: Vec<words::OpeningLine>,
    change: impl FnOnce(&mut words::ProposeOpeningRequest),
) -> (u32, u32) {
    let batch = Batch::new(lines, 2_048).unwrap();
    let mut town = Town::new();
    let mut request = town.proposal(&batch);
    change(&mut request);
    town.done(KEEPER, proposed(&request));
    town.done(APPROVER, approval(&batch.root));
    (town.ask(KEEPER, loading(&batch, 0)), town.ask(KEEPER, closing()))
}

#[test]
fn lines_that_do_not_come_to_what_was_approved_are_refused() {
    let (count, total) = (Code::OpeningCount.number(), Code::OpeningTotal.number());
    let lines = || vec![line(0, CNY, 5), line(1, CNY, 6), line(2, CSR, 7)];
    assert_eq!(outcome(lines(), |_| {}), (DONE, DONE));
    assert_eq!(outcome(lines(), |r| r.accounts = 2), (count, count));
    assert_eq!(outcome(lines(), |r| r.accounts = 4), (DONE, count));
    assert_eq!(outcome(lines(), |r| r.totals[0].amount = 10), (total, count));
    assert_eq!(outcome(lines(), |r| r.totals[1].amount = 6), (total, count));
    assert_eq!(outcome(lines(), |r| r.totals[0].amount = 12), (DONE, total));
    assert_eq!(outcome(lines(), |r| r.totals.truncate(1)), (total, count));
}

#[test]
fn a_bad_line_refuses_its_chunk() {
    let code = |line: words::OpeningLine, change: fn(&mut words::ProposeOpeningRequest)| {
        outcome(vec![super_line(), line], change).0
    };
    let none: fn(&mut words::ProposeOpeningRequest) = |_| {};
    let with = |change: fn(&mut words::OpeningLine)| {
        let mut line = line(1, TIME, 9);
        change(&mut line);
        line
    };
    let number = Code::number;
    assert_eq!(code(with(|_| {}), none), DONE);
    assert_eq!(code(with(|l| l.account = made(0).0.to_vec()), none), number(Code::AccountExists));
    let stands = |l: &mut words::OpeningLine| l.account = account(0, 0).0.to_vec();
    assert_eq!(code(with(stands), none), number(Code::AccountExists));
    let reserved = |l: &mut words::OpeningLine| l.account = b"issuance\0\0\0\0\0\0\0\x63".to_vec();
    assert_eq!(code(with(reserved), none), number(Code::RuleDenied));
    assert_eq!(code(with(|l| l.owner = vec![0; 16]), none), number(Code::UnknownOwner));
    for hand in [KEEPER, APPROVER] {
        let mut own = line(1, TIME, 9);
        own.owner = person(hand).0.to_vec();
        assert_eq!(code(own, none), number(Code::SelfDealing));
    }
    let nothing = |r: &mut words::ProposeOpeningRequest| r.totals[1].amount = 1;
    assert_eq!(code(with(|l| l.amount = 0), nothing), number(Code::ZeroAmount));
    assert_eq!(code(with(|l| l.expires_day = 1), none), number(Code::LotInPast));
    assert_eq!(code(with(|l| l.earned_month = 9_999), none), number(Code::Malformed));
    // The issuance account cannot count it beside what is out already.
    let mut most = line(1, CNY, u64::MAX - 100);
    most.owner = newcomer(2).0.to_vec();
    assert_eq!(code(most, none), number(Code::Overflow));
}

fn super_line() -> words::OpeningLine {
    line(0, CNY, 1)
}

#[test]
fn lots_keep_the_month_and_the_day_that_the_file_gives_them() {
    let dated = words::OpeningLine {
        origin: 7,
        earned_month: 600,
        expires_day: 30_000,
        ..line(1, POINT, 40)
    };
    let batch = Batch::new(vec![dated], 9).unwrap();
    let mut town = Town::approved(&batch);
    town.done(KEEPER, loading(&batch, 0));
    let lots: words::LotsResponse =
        town.answer("Lots", &words::LotsRequest { account: made(1).0.to_vec() });
    let lot = words::Lot {
        origin: 7,
        earned_month: 600,
        expires_day: 30_000,
        remaining: 40,
        gifted: false,
    };
    assert_eq!(lots.lots, [lot]);
}

fn admission(method: &str, id: PrincipalId, seed: u8, org: u32) -> Call {
    let (id, key) = (id.0.to_vec(), key(seed).0.to_vec());
    let args = match method {
        "AdmitPerson" => people::AdmitPersonRequest { principal: id, key, org }.encode_to_vec(),
        _ => people::AdmitDeviceRequest { device: id, key, org, robot: false }.encode_to_vec(),
    };
    call("identity", method, args)
}

#[test]
fn whose_balance_came_first_is_admitted_by_who_may_admit_anyone_and_owns_it_then() {
    let mut genesis = district();
    let outsider = &mut genesis.principals[usize::from(OUTSIDER)];
    (outsider.org, outsider.roles) = (1, vec![Role::Administrator]);
    let batch = seven();
    let mut town = Town::of(&genesis);
    town.done(KEEPER, proposed(&town.proposal(&batch)));
    town.done(APPROVER, approval(&batch.root));
    town.done(KEEPER, loading(&batch, 0));
    // An organisation's administrator admits its own people and devices, but not these.
    let faster = admission("AdmitPerson", newcomer(1), 60, 1);
    town.refused(OUTSIDER, faster, Code::RoleDenied);
    let device = admission("AdmitDevice", newcomer(1), 60, 1);
    town.refused(OUTSIDER, device, Code::BusinessIdConflict);
    town.done(OUTSIDER, admission("AdmitPerson", newcomer(2), 61, 1));
    town.done(REGISTRAR, admission("AdmitPerson", newcomer(1), 60, 0));
    let paid = words::TransferRequest {
        id: transfer_id(77).0.to_vec(),
        debit: made(0).0.to_vec(),
        credit: account(OUTSIDER, 0).0.to_vec(),
        amount: 4,
        code: 1,
        ..Default::default()
    };
    town.wait(1_000);
    let pays = vec![at_accounts("Transfer", &paid)];
    let signed = town.node.sign_as((newcomer(1), 60), None, 901, pays);
    let receipts = town.node.step(&[signed]);
    assert_eq!(code_of(&receipts[0]), DONE);
    assert_eq!(town.row(&made(0)).unwrap().balance(), 6);
    // A second batch may name them as the principal that they are now.
    assert_eq!(invariant::breaches(&town.node.store).unwrap(), Vec::<String>::new());
}

#[test]
fn a_chunk_pays_for_each_of_its_lines() {
    let lines = (0..40).map(|n| line(n, CNY, 1)).collect();
    let batch = Batch::new(lines, 30).unwrap();
    let mut town = Town::approved(&batch);
    let fuel = |town: &mut Town, chunk| town.receipt(KEEPER, loading(&batch, chunk)).fuel;
    let (thirty, ten) = (fuel(&mut town, 0), fuel(&mut town, 1));
    assert_eq!(thirty - ten, 20 * limits::OPENING_LINE_FUEL);
}
