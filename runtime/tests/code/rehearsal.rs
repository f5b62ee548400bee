//! What validators find when they rehearse code, and what comes of their reports.

use crate::chain::*;
use crate::support::*;
use linli_runtime::code::{MotionId, owed};
use linli_runtime::{NotRehearsed, Rehearsal, Settings, stored};
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::id::Digest;
use linli_types::limits::REHEARSAL_LISTED_MAX;
use linli_types::receipt::Outcome;
use linli_types::rehearsal::what;
use linli_types::wire::governance as wire;
use linli_types::wire::governance::deed::Deed as Kind;
use linli_types::wire::governance::{Standing, Threshold};

#[test]
fn what_an_upgrade_would_change_is_listed_and_not_forbidden() {
    let mut chain = Chain::new();
    let code = module(&[CLAIM, WRITE, TWO], "second");
    chain.stage(&code);
    let deploy = chain.deploy(ROOM, &code);
    assert_eq!(chain.open(deploy), 0);
    let report = chain.rehearse();
    assert_eq!((report.blocks, report.performed, report.differences), (3, 3, 3));
    // Newest first; the first three blocks called the room.
    let found: Vec<_> = report.first.iter().map(|d| (d.height.0, d.index, d.what)).collect();
    assert_eq!(found, [(3, 0, what::RESULTS), (2, 0, what::RESULTS), (1, 0, what::RESULTS)]);
    assert_eq!((report.from, report.broken.as_str()), (Height(1), ""));
    // Whenever it is rehearsed, and on whatever node, it is the same.
    (0..5).for_each(|_| assert_eq!(chain.count(), Some(1)));
    assert_eq!(chain.rehearse(), report);
    let other = Settings::default();
    let rows = Rehearsal::begin(&chain.node.store, &MOTION, other).unwrap();
    assert_eq!(rows.at(), chain.node.ledger.head().height);
}

#[test]
fn what_lies_before_the_undo_window_is_not_looked_at() {
    let mut chain = Chain::new();
    while chain.node.ledger.head().height.0 < UNDO_HEIGHTS + 5 {
        assert_eq!(chain.count(), Some(1));
    }
    let code = module(&[CLAIM, WRITE, TWO], "second");
    chain.stage(&code);
    let deploy = chain.deploy(ROOM, &code);
    assert_eq!(chain.open(deploy), 0);
    let base = chain.node.ledger.head().height.0;
    let report = chain.rehearse();
    assert_eq!(report.from, Height(base + 1 - UNDO_HEIGHTS));
    let counted = UNDO_HEIGHTS + 5 - report.from.0 + 1;
    assert_eq!((u64::from(report.blocks), report.differences), (counted, counted));
    assert_eq!(report.first.len(), REHEARSAL_LISTED_MAX);
}

#[test]
fn the_same_deeds_under_another_hash_differ_in_nothing() {
    let mut chain = Chain::new();
    chain.stage(&steady("second"));
    let deploy = chain.deploy(ROOM, &steady("second"));
    assert_eq!(chain.open(deploy), 0);
    let report = chain.rehearse();
    assert_eq!((report.blocks, report.performed, report.differences), (3, 3, 0));
    assert_eq!(report.first, []);
}

#[test]
fn code_that_breaks_an_invariant_is_refused_when_voting_ends() {
    for (deeds, law) in
        [(vec![CLAIM, GARBAGE, ONE], "D8 entries"), (vec![WRITE, ONE], "O3 business ids")]
    {
        let mut chain = Chain::new();
        let code = module(&deeds, "second");
        chain.stage(&code);
        let deploy = chain.deploy(ROOM, &code);
        assert_eq!(chain.open(deploy), 0);
        let report = chain.rehearse();
        assert_eq!(report.broken, law);
        chain.report_all(&report);
        assert_eq!(chain.close(), Standing::Refused);
        assert_eq!(chain.look().refusal, Code::RehearsalBroken.number());
        assert_eq!(chain.count(), Some(1));
        chain.look_through();
    }
}

#[test]
fn code_passes_only_if_more_than_two_thirds_of_the_power_found_the_same() {
    let (code, reporters) = (module(&[CLAIM, WRITE, TWO], "second"), [100, 103, 101]);
    for (count, other, standing) in [
        (0, false, Standing::Refused),
        // 3 and 3 of 10.
        (2, false, Standing::Refused),
        (3, false, Standing::Passed),
        // The last one found something else.
        (3, true, Standing::Refused),
    ] {
        let mut chain = Chain::new();
        chain.stage(&code);
        let deploy = chain.deploy(ROOM, &code);
        assert_eq!(chain.open(deploy), 0);
        let report = chain.rehearse();
        for (number, validator) in (1..).zip(&reporters[..count]) {
            let mut report = report.clone();
            if other && number == count {
                report.digest = Digest([1; 32]);
            }
            assert_eq!(chain.report(*validator, &report), 0);
        }
        assert_eq!(chain.close(), standing, "{count} {other}");
        let refusal = if standing == Standing::Passed { 0 } else { Code::RehearsalShort.number() };
        assert_eq!(chain.look().refusal, refusal);
    }
}

#[test]
fn a_report_is_its_validators_own_and_stands_once() {
    let mut chain = Chain::new();
    let code = module(&[CLAIM, WRITE, TWO], "second");
    chain.stage(&code);
    let validator = key(100);
    assert_eq!(owed(&chain.node.store, &validator).unwrap(), []);
    let deploy = chain.deploy(ROOM, &code);
    assert_eq!(chain.open(deploy), 0);
    assert_eq!(owed(&chain.node.store, &validator).unwrap().len(), 1);
    let report = chain.rehearse();
    let good = signed(&chain.node, 100, &report);
    let mut stranger = signed(&chain.node, 99, &report);
    assert_eq!(chain.govern(DISTRICT, "ReportRehearsal", &stranger), Code::NotValidator.number());
    stranger.validator = key(101).0.to_vec();
    let refused = chain.govern(DISTRICT, "ReportRehearsal", &stranger);
    assert_eq!(refused, Code::ReportSignature.number());
    let mut touched = good.clone();
    touched.report.as_mut().unwrap().differences += 1;
    let refused = chain.govern(DISTRICT, "ReportRehearsal", &touched);
    assert_eq!(refused, Code::ReportSignature.number());
    let mut elsewhere = good.clone();
    elsewhere.motion = vec![8; 16];
    let refused = chain.govern(DISTRICT, "ReportRehearsal", &elsewhere);
    assert_eq!(refused, Code::NoRehearsal.number());
    assert_eq!(chain.govern(DISTRICT, "ReportRehearsal", &good), 0);
    assert_eq!(chain.govern(DISTRICT, "ReportRehearsal", &good), Code::Duplicate.number());
    let mut changed = report;
    changed.blocks += 1;
    assert_eq!(chain.report(100, &changed), Code::BusinessIdConflict.number());
    assert_eq!(owed(&chain.node.store, &validator).unwrap(), []);
    let request = wire::RehearsalRequest { motion: MOTION.to_vec() };
    let answer: wire::RehearsalResponse = chain.query("Rehearsal", &request);
    assert!(answer.open);
    assert_eq!((answer.reports.len(), answer.reports[0].power, answer.total_power), (1, 3, 10));
}

#[test]
fn undo_records_stay_while_a_motion_needs_them_and_go_after_it() {
    let mut chain = Chain::new();
    let code = module(&[CLAIM, WRITE, TWO], "second");
    chain.stage(&code);
    let deploy = chain.deploy(ROOM, &code);
    assert_eq!(chain.open(deploy), 0);
    let report = chain.rehearse();
    chain.report_all(&report);
    let has = |chain: &Chain, height| {
        stored::load_undo(&chain.node.store, Height(height)).unwrap().is_some()
    };
    while chain.node.ledger.head().height.0 < UNDO_HEIGHTS + 12 {
        // Two in a block: its own undo record is no empty one.
        chain.count();
    }
    assert!(has(&chain, 1));
    chain.node.reopen();
    assert_eq!(chain.rehearse(), report);
    assert_eq!(chain.close(), Standing::Passed);
    chain.count();
    let head = chain.node.ledger.head().height.0;
    let kept: Vec<u64> = (1..=head).filter(|height| has(&chain, *height)).collect();
    assert_eq!(kept, (head - UNDO_HEIGHTS + 1..=head).collect::<Vec<_>>());
    assert_eq!(rehearse(&chain.node.store).unwrap_err(), NotRehearsed::Closed);
    chain.look_through();
}

#[test]
fn timers_and_calls_through_other_contracts_are_rehearsed_too() {
    let mut chain = Chain::with(linli_modules::probe().to_vec());
    chain.pass("second", linli_modules::probe());
    chain.carry_out();
    chain.at(chain.node.slot().time);
    // A timer of the room, and a call that comes through the other contract.
    let mut schedule = vec![0x08];
    prost::encoding::encode_varint(1_500, &mut schedule);
    schedule.extend([0x12, 1, b'x']);
    assert!(chain.step((person(0), 1), call(ROOM, "Schedule", schedule)).is_done());
    let at = chain.node.ledger.head().time.plus_ms(5_000);
    assert_eq!(chain.at(at).len(), 1);
    let inner = vec![0x0a, 1, b'k'];
    let cross =
        [&[0x0a, 5], b"works".as_slice(), &[0x12, 5], b"Count", &[0x1a, 3], &inner].concat();
    let receipt = chain.step((person(0), 1), call("second", "Cross", cross));
    assert_eq!(receipt.outcome, Outcome::Done);
    let height = chain.node.ledger.head().height.0;
    let mut again = Chain { node: chain.node, genesis: chain.genesis, number: chain.number };
    // A motion's id is used once: the next one is another.
    let code = module(&[CLAIM, WRITE, TWO], "second");
    again.stage(&code);
    let deploy = again.deploy(ROOM, &code);
    let other: MotionId = [9; 16];
    let request = wire::OpenMotionRequest {
        motion: other.to_vec(),
        deed: Some(wire::Deed { deed: Some(Kind::Contract(deploy)) }),
        threshold: Threshold::Special.into(),
        closes_at_ms: again.node.ledger.head().time.0 + 3 * OPEN_MS,
        text: "升级合约".into(),
    };
    assert_eq!(again.govern(SEATS[0].2, "OpenMotion", &request), 0);
    let mut rehearsal = Rehearsal::begin(&again.node.store, &other, Settings::default()).unwrap();
    while rehearsal.step().unwrap() {}
    let report = rehearsal.report();
    let differ: Vec<u64> = report.first.iter().map(|found| found.height.0).collect();
    assert_eq!(differ, [height, height - 1, height - 2], "{report:?}");
    // The module proposed has no `fire`, and counts nothing.
    assert_ne!(report.first[1].what & what::OUTCOME, 0);
    assert_ne!(report.first[0].what & what::ROWS, 0);
}
