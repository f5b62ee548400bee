//! The bad input that an operator's day brings: `domain.md` §E1, line by line, as far as the ledger
//! sees it.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{
    NOW, at, batch, digest, field, gaps, host, is_done, record, refused, register, register_batch,
    registered, request, state, told,
};
use linli_evidence::schema::{
    BackdatedReason, GapDetected, Kind, RatioRequest, RatioResponse, Refusal, RegisterBatchRequest,
    RegisterRequest,
};
use linli_evidence::{BACKDATED, BACKDATED_MS, BATCH, FUTURE_MS, query};
use prost::Message;

#[test]
fn the_same_photo_for_two_visits_is_found_by_its_tag() {
    let mut host = host(1);
    let visit = |number, tag: u8| RegisterRequest {
        kind: Kind::PhotoSet.into(),
        tags: [[9; 16], [tag; 16]].concat(),
        ..request(1, number, number)
    };
    assert!(is_done(&register(&mut host, &visit(1, 1))));
    // Another manifest with another salt, but one of the photos is the same.
    assert_eq!(refused(&register(&mut host, &visit(2, 2))), Some(Refusal::DuplicateContent));
    let batch = RegisterBatchRequest { tags: [[7; 16], [9; 16]].concat(), ..batch(1, 2, 2, 50) };
    assert_eq!(refused(&register_batch(&mut host, &batch)), Some(Refusal::DuplicateContent));
    let twice = RegisterRequest { tags: vec![3; 32], ..request(1, 2, 2) };
    assert_eq!(refused(&register(&mut host, &twice)), Some(Refusal::DuplicateContent));
}

#[test]
fn a_photo_from_the_gallery_with_last_weeks_time_needs_a_reason() {
    let old = NOW - 7 * 86_400_000;
    let asked = RegisterRequest { captured_at_ms: old, ..request(1, 1, 9) };
    let outcome = register(&mut host(1), &asked);
    assert_eq!(refused(&outcome), Some(Refusal::BackdatedNeedsReview));
    let backdated_reason = BackdatedReason::Offline.into();
    let event = registered(&register(&mut host(1), &RegisterRequest { backdated_reason, ..asked }));
    assert!(event.backdated && event.flags == BACKDATED.into(), "INV-E2");
    assert_eq!(event.backdated_reason(), BackdatedReason::Offline);
}

#[test]
fn a_phone_clock_set_forward_is_refused_and_one_eight_hours_back_is_not_seen() {
    let at = |captured_at_ms| RegisterRequest { captured_at_ms, ..request(1, 1, 9) };
    for (captured_at_ms, expected) in [
        (NOW + FUTURE_MS, None),
        (NOW + FUTURE_MS + 1, Some(Refusal::FutureTime)),
        (NOW + 8 * 3_600_000, Some(Refusal::FutureTime)),
        (u64::MAX, Some(Refusal::FutureTime)),
        (NOW - 8 * 3_600_000, None),
        (NOW - BACKDATED_MS, None),
        (NOW - BACKDATED_MS - 1, Some(Refusal::BackdatedNeedsReview)),
        (1, Some(Refusal::BackdatedNeedsReview)),
    ] {
        assert_eq!(refused(&register(&mut host(1), &at(captured_at_ms))), expected, "INV-E2");
    }
    let late = RegisterBatchRequest { captured_to_ms: NOW + FUTURE_MS + 1, ..batch(1, 1, 2, 9) };
    assert_eq!(refused(&register_batch(&mut host(1), &late)), Some(Refusal::FutureTime));
}

#[test]
fn a_reason_does_not_make_fresh_evidence_backdated() {
    let backdated_reason = BackdatedReason::Imported.into();
    let event = registered(&register(
        &mut host(1),
        &RegisterRequest { backdated_reason, ..request(1, 1, 9) },
    ));
    assert!(!event.backdated && event.flags == 0);
}

#[test]
fn a_check_out_before_its_check_in_is_refused() {
    let mut host = host(1);
    let check_in = RegisterRequest { kind: Kind::CheckIn.into(), ..request(1, 1, 1) };
    assert!(is_done(&register(&mut host, &check_in)));
    let out = |captured_at_ms| RegisterRequest {
        kind: Kind::CheckOut.into(),
        captured_at_ms,
        parents: vec![at(1, 1).unwrap()],
        ..request(1, 2, 2)
    };
    let early = register(&mut host, &out(NOW - 1001));
    assert_eq!(refused(&early), Some(Refusal::NotOlder), "INV-E7");
    assert!(is_done(&register(&mut host, &out(NOW - 1000))));
}

#[test]
fn a_session_across_midnight_counts_on_the_day_on_which_it_came() {
    // 2027-01-15 23:59:59.999 and the next millisecond, in UTC+8.
    let midnight = 1_800_028_800_000;
    let mut host = host(1);
    for (number, now_ms) in [(1, midnight - 1), (2, midnight)] {
        host.now_ms = now_ms;
        let asked = RegisterRequest { captured_at_ms: midnight - 5, ..request(1, number, number) };
        assert!(is_done(&register(&mut host, &asked)));
    }
    let day = u32::try_from((midnight + 8 * 3_600_000) / 86_400_000).unwrap();
    for (day, records) in [(day - 2, 0), (day - 1, 1), (day, 1), (day + 1, 0)] {
        let ask = RatioRequest { source: vec![1; 16], from_day: day, to_day: day };
        let ratio: RatioResponse = host.query(query, "Ratio", &ask).result().unwrap();
        assert_eq!((ratio.records, ratio.expected), (records, records), "{day}");
    }
    assert_eq!((state(&mut host, 1, 1).day, state(&mut host, 1, 2).day), (day - 1, day));
}

#[test]
fn a_double_tap_and_a_resend_happen_once() {
    let mut host = host(1);
    assert!(is_done(&register(&mut host, &request(1, 1, 9))));
    assert!(is_done(&register_batch(&mut host, &batch(1, 2, 3, 20))));
    let before = host.state.clone();
    host.now_ms += 11 * 60 * 1000;
    assert_eq!(refused(&register(&mut host, &request(1, 1, 9))), Some(Refusal::Duplicate));
    assert_eq!(refused(&register(&mut host, &request(1, 5, 9))), Some(Refusal::Duplicate));
    assert_eq!(refused(&register(&mut host, &request(1, 5, 21))), Some(Refusal::Duplicate));
    let again = register_batch(&mut host, &batch(1, 2, 3, 20));
    assert_eq!(refused(&again), Some(Refusal::Duplicate), "INV-E3");
    assert_eq!(host.state, before);
}

#[test]
fn a_resend_with_a_changed_amount_under_the_same_number_is_refused() {
    let mut host = host(1);
    assert!(is_done(&register(&mut host, &request(1, 1, 9))));
    let changed = RegisterRequest { statement: digest(8, 8), ..request(1, 1, 10) };
    assert_eq!(refused(&register(&mut host, &changed)), Some(Refusal::DuplicateNumber));
    let over = register_batch(&mut host, &batch(1, 1, 2, 30));
    assert_eq!(refused(&over), Some(Refusal::DuplicateNumber), "INV-E1");
    assert_eq!(record(&mut host, 1, 1).statement, digest(1, 1));
}

#[test]
fn a_file_of_no_bytes_is_refused_but_a_sensor_root_has_none() {
    let empty = RegisterRequest { size: 0, ..request(1, 1, 9) };
    let outcome = register(&mut host(1), &empty);
    assert_eq!(field(&outcome), "size");
    let root = RegisterRequest { kind: Kind::SensorRoot.into(), ..empty };
    assert!(is_done(&register(&mut host(1), &root)));
}

#[test]
fn a_video_of_two_gigabytes_is_a_number() {
    let asked = RegisterRequest { size: 2 << 30, ..request(1, 1, 9) };
    assert!(is_done(&register(&mut host(1), &asked)));
}

#[test]
fn two_phones_under_one_source_collide_visibly() {
    let mut host = host(1);
    assert!(is_done(&register(&mut host, &request(1, 1, 1))));
    assert_eq!(refused(&register(&mut host, &request(1, 1, 2))), Some(Refusal::DuplicateNumber));
    let far = register(&mut host, &request(1, 2 + 4097, 3));
    assert_eq!(refused(&far), Some(Refusal::SeqGap));
    let outcome = register(&mut host, &request(1, 5, 4));
    let gap = GapDetected::decode(told(&outcome, "GapDetected")[0].data.as_slice()).unwrap();
    assert_eq!((gap.from, gap.to), (2, 4));
    let late = register(&mut host, &request(1, 3, 5));
    assert!(told(&late, "GapDetected").is_empty(), "it closes one");
    let holes: Vec<_> = gaps(&mut host, 1).gaps.iter().map(|gap| (gap.from, gap.to)).collect();
    assert_eq!(holes, [(2, 2), (4, 4)]);
}

#[test]
fn a_raw_file_has_no_field_to_stand_in() {
    // The largest field of each request is bounded; nothing takes a file.
    let asked = RegisterRequest { cell: "x".repeat(100_000), ..request(1, 1, 9) };
    assert_eq!(field(&register(&mut host(1), &asked)), "cell");
    let asked = RegisterRequest { tags: vec![0; 100_000], ..request(1, 1, 9) };
    assert_eq!(field(&register(&mut host(1), &asked)), "tags");
}

#[test]
fn a_month_put_in_on_its_last_day_needs_a_reason_and_is_marked() {
    let month =
        RegisterBatchRequest { captured_from_ms: NOW - 30 * 86_400_000, ..batch(1, 1, 600, 9) };
    let outcome = register_batch(&mut host(1), &month);
    assert_eq!(refused(&outcome), Some(Refusal::BackdatedNeedsReview), "INV-E2");
    let backdated_reason = BackdatedReason::Failure.into();
    let month = RegisterBatchRequest { backdated_reason, ..month };
    let event = registered(&register_batch(&mut host(1), &month));
    assert!(event.backdated);
    assert_eq!(event.flags, u32::from(BACKDATED | BATCH));
}
