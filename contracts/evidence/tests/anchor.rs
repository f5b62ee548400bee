//! Anchoring through the pretend host: each refusal at its edge, and the invariants against a
//! plain model.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_contract::id::PrincipalId;
use linli_contract::testing::{Outcome, Pretend};
use linli_contract::wire::param::Value;
use linli_evidence::schema::{
    AnchorRequest, AnchorResponse, Anchored, GapsRequest, GapsResponse, Kind, RecordRequest,
    RecordResponse, Refusal,
};
use linli_evidence::{BACKDATED_MS, FUTURE_MS, MEDIA_BYTES_MAX, call, query};
use proptest::prelude::*;
use prost::Message;
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};

const NOW: u64 = 1_800_000_000_000;

fn host(source: u8) -> Pretend {
    Pretend {
        now_ms: NOW,
        sender: PrincipalId([source; 16]),
        organisation: 3,
        ..Pretend::default()
    }
}

fn request(source: u8, number: u64, manifest: u8) -> AnchorRequest {
    AnchorRequest {
        source: vec![source; 16],
        number,
        kind: Kind::Form.into(),
        manifest_sha256: vec![manifest; 32],
        manifest_sm3: vec![manifest; 32],
        size: 10,
        media: "application/pdf".into(),
        captured_at_ms: NOW - 1000,
    }
}

fn anchor(host: &mut Pretend, request: &AnchorRequest) -> Outcome {
    if let Ok(source) = request.source.as_slice().try_into() {
        host.sender = PrincipalId(source);
    }
    host.call(call, "Anchor", request)
}

fn event(outcome: &Outcome) -> Anchored {
    let is_gap = |kind: &str| kind == "linli.evidence.v1.GapDetected";
    let found: Vec<_> = outcome.events().iter().filter(|event| !is_gap(&event.kind)).collect();
    let [event] = found.as_slice() else { panic!("one event: {outcome:?}") };
    assert_eq!(event.kind, "linli.evidence.v1.Anchored");
    Anchored::decode(event.data.as_slice()).unwrap()
}

fn refused(outcome: &Outcome) -> Option<Refusal> {
    outcome.code().map(|code| Refusal::try_from(i32::try_from(code).unwrap()).unwrap())
}

#[test]
fn the_leaf_is_recomputed_from_the_events_bytes_alone() {
    let mut host = host(1);
    let outcome = anchor(&mut host, &request(1, 1, 9));
    let response: AnchorResponse = outcome.result().unwrap();
    // As a verifier does it: field 1 of the event, its bytes as they are.
    let data = &outcome.events()[0].data;
    assert_eq!(data[0], 0x0a, "field 1, bytes");
    let mut rest = &data[1..];
    let len = usize::try_from(prost::encoding::decode_varint(&mut rest).unwrap()).unwrap();
    let digest: [u8; 32] = sha2::Sha256::digest(&rest[..len]).into();
    assert_eq!(response.statement, digest);
    assert_eq!(host.state.log, [digest]);
    assert_eq!(response.leaf, 0);
    assert_eq!(event(&outcome).leaf, 0);
}

#[test]
fn the_statement_says_what_was_asked_and_when() {
    let outcome = anchor(&mut host(1), &request(1, 1, 9));
    let statement = event(&outcome).statement.unwrap();
    let asked = request(1, 1, 9);
    assert_eq!(statement.source, asked.source);
    assert_eq!(statement.manifest_sm3, asked.manifest_sm3);
    assert_eq!((statement.number, statement.size, statement.kind()), (1, 10, Kind::Form));
    assert_eq!((statement.anchored_at_ms, statement.organisation), (NOW, 3));
    assert_eq!(outcome.events()[0].about, [PrincipalId([1; 16])]);
}

#[test]
fn one_entry_changes_and_the_event_fits() {
    let mut host = host(1);
    let longest = AnchorRequest {
        number: u64::MAX,
        size: u64::MAX,
        media: "m".repeat(MEDIA_BYTES_MAX),
        ..request(1, 1, 9)
    };
    let longest = AnchorRequest { number: 1, ..longest };
    let outcome = anchor(&mut host, &longest);
    assert!(outcome.events()[0].data.len() < 512, "{}", outcome.events()[0].data.len());
    assert_eq!((host.state.entries.len(), host.state.claims.len()), (1, 3));
}

#[test]
fn malformed_fields_are_named() {
    let good = request(1, 1, 9);
    for (field, bad) in [
        ("number", AnchorRequest { number: 0, ..good.clone() }),
        ("kind", AnchorRequest { kind: 0, ..good.clone() }),
        ("kind", AnchorRequest { kind: 99, ..good.clone() }),
        ("manifest_sha256", AnchorRequest { manifest_sha256: vec![1; 31], ..good.clone() }),
        ("manifest_sm3", AnchorRequest { manifest_sm3: vec![], ..good.clone() }),
        ("media", AnchorRequest { media: "m".repeat(65), ..good.clone() }),
        ("captured_at_ms", AnchorRequest { captured_at_ms: 0, ..good.clone() }),
        ("source", AnchorRequest { source: vec![1; 15], ..good.clone() }),
    ] {
        let outcome = anchor(&mut host(1), &bad);
        assert_eq!(refused(&outcome), Some(Refusal::Malformed), "{field}");
        let Outcome::Refused { params, .. } = outcome else { unreachable!("it was refused") };
        assert_eq!(params[0].value, Some(Value::Word(field.into())));
    }
}

#[test]
fn bytes_that_are_no_message_are_refused() {
    let mut host = host(1);
    let refusal =
        host.run(false, |env| linli_contract::entry::method(env, b"\x06Anchor\xff\xff\xff", call));
    assert_eq!(refused(&refusal), Some(Refusal::Malformed));
    assert_eq!(refused(&host.call(call, "Nothing", &request(1, 1, 1))), Some(Refusal::Malformed));
}

#[test]
fn only_the_source_itself_anchors() {
    let mut host = host(2);
    let outcome = host.call(call, "Anchor", &request(1, 1, 9));
    assert_eq!(refused(&outcome), Some(Refusal::Unauthorised));
}

#[test]
fn no_contract_and_no_timer_anchors() {
    let mut host = host(1);
    host.caller = "helper".into();
    assert_eq!(refused(&anchor(&mut host, &request(1, 1, 9))), Some(Refusal::DirectOnly));
    host.caller.clear();
    assert_eq!(refused(&anchor(&mut host, &request(0, 1, 9))), Some(Refusal::Unauthorised));
    assert_eq!(host.state, linli_contract::testing::State::default(), "V1");
}

#[test]
fn the_same_deed_with_a_new_transaction_key_happens_once() {
    let mut host = host(1);
    assert!(anchor(&mut host, &request(1, 1, 9)).events().len() == 1);
    let before = host.state.clone();
    host.now_ms += 11 * 60 * 1000;
    host.key = linli_contract::id::TxKey([7; 16]);
    assert_eq!(refused(&anchor(&mut host, &request(1, 1, 9))), Some(Refusal::Duplicate));
    assert_eq!(refused(&anchor(&mut host, &request(1, 1, 8))), Some(Refusal::DuplicateNumber));
    assert_eq!(refused(&anchor(&mut host, &request(1, 2, 9))), Some(Refusal::Duplicate));
    assert_eq!(host.state, before);
}

#[test]
fn another_source_may_anchor_the_same_manifest_once_and_it_is_said() {
    let mut host = host(1);
    assert!(!event(&anchor(&mut host, &request(1, 1, 9))).reused);
    assert!(event(&anchor(&mut host, &request(2, 1, 9))).reused);
    assert!(event(&anchor(&mut host, &request(3, 1, 9))).reused);
    for source in [1, 2, 3] {
        let again = anchor(&mut host, &request(source, 2, 9));
        assert_eq!(refused(&again), Some(Refusal::Duplicate), "source {source}");
    }
}

#[test]
fn numbers_end_at_the_window() {
    let mut host = host(1);
    assert_eq!(refused(&anchor(&mut host, &request(1, 4098, 9))), Some(Refusal::SeqGap));
    assert!(matches!(anchor(&mut host, &request(1, 4097, 9)), Outcome::Done { .. }));
    assert!(matches!(anchor(&mut host, &request(1, 1, 8)), Outcome::Done { .. }));
    assert!(matches!(anchor(&mut host, &request(1, 4098, 7)), Outcome::Done { .. }));
    assert_eq!(refused(&anchor(&mut host, &request(1, u64::MAX, 6))), Some(Refusal::SeqGap));
}

#[test]
fn capture_lies_at_most_two_minutes_ahead() {
    let at = |captured_at_ms| AnchorRequest { captured_at_ms, ..request(1, 1, 9) };
    assert!(matches!(anchor(&mut host(1), &at(NOW + FUTURE_MS)), Outcome::Done { .. }));
    for late in [NOW + FUTURE_MS + 1, u64::MAX] {
        assert_eq!(refused(&anchor(&mut host(1), &at(late))), Some(Refusal::FutureTime));
    }
}

#[test]
fn old_evidence_says_that_it_is_backdated() {
    for (age_ms, backdated) in [(0, false), (BACKDATED_MS, false), (BACKDATED_MS + 1, true)] {
        let request = AnchorRequest { captured_at_ms: NOW - age_ms, ..request(1, 1, 9) };
        let statement = event(&anchor(&mut host(1), &request)).statement.unwrap();
        assert_eq!(statement.backdated, backdated, "{age_ms}");
    }
}

#[test]
fn readers_learn_records_and_gaps() {
    let mut host = host(1);
    for (number, manifest) in [(1, 1), (2, 2), (5, 3), (6, 4), (9, 5)] {
        assert!(matches!(anchor(&mut host, &request(1, number, manifest)), Outcome::Done { .. }));
    }
    let ask = |number| RecordRequest { source: vec![1; 16], number };
    let record: RecordResponse = host.query(query, "Record", &ask(5)).result().unwrap();
    assert_eq!((record.anchored, record.statement), (true, host.state.log[2].to_vec()));
    let none: RecordResponse = host.query(query, "Record", &ask(4)).result().unwrap();
    assert_eq!(none, RecordResponse::default());
    let gaps: GapsResponse =
        host.query(query, "Gaps", &GapsRequest { source: vec![1; 16] }).result().unwrap();
    assert_eq!((gaps.open, gaps.highest, gaps.records), (3, 9, 5));
    let holes: Vec<_> = gaps.gaps.iter().map(|gap| (gap.from, gap.to)).collect();
    assert_eq!(holes, [(3, 4), (7, 8)]);
    let head = host.state.log.iter().fold([0_u8; 32], |head, digest| {
        sha2::Sha256::digest([head.as_slice(), digest].concat()).into()
    });
    assert_eq!(gaps.head, head, "the running digest proves that the list is whole");
    let stranger = GapsRequest { source: vec![77; 16] };
    let empty: GapsResponse = host.query(query, "Gaps", &stranger).result().unwrap();
    assert_eq!((empty.open, empty.highest, empty.records, empty.gaps.len()), (1, 0, 0, 0));
}

/// What a person would keep on paper.
#[derive(Default)]
struct Paper {
    numbers: BTreeMap<u8, BTreeSet<u64>>,
    manifests: BTreeSet<(u8, u8)>,
}

impl Paper {
    fn expects(&self, source: u8, number: u64, manifest: u8, captured: u64) -> Option<Refusal> {
        let none = BTreeSet::new();
        let used = self.numbers.get(&source).unwrap_or(&none);
        let open = (1..).find(|n| !used.contains(n)).unwrap();
        match () {
            () if captured > NOW + 120_000 => Some(Refusal::FutureTime),
            () if self.manifests.contains(&(source, manifest)) => Some(Refusal::Duplicate),
            () if used.contains(&number) => Some(Refusal::DuplicateNumber),
            () if number > open + 4096 => Some(Refusal::SeqGap),
            () => None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// INV-E1, INV-E2, INV-E3 against the paper, for three sources that interleave.
    #[test]
    fn the_contract_does_what_paper_would(
        deeds in proptest::collection::vec(
            (1_u8..4, prop_oneof![6 => 1_u64..12, 1 => 4090_u64..4110], 0_u8..40,
             prop_oneof![4 => Just(NOW), 1 => NOW..NOW + 240_000, 1 => 1..NOW]), 1..60),
    ) {
        let (mut host, mut paper) = (host(1), Paper::default());
        for (source, number, manifest, captured_at_ms) in deeds {
            let asked = AnchorRequest { captured_at_ms, ..request(source, number, manifest) };
            let before = host.state.clone();
            let expected = paper.expects(source, number, manifest, captured_at_ms);
            let outcome = anchor(&mut host, &asked);
            prop_assert_eq!(refused(&outcome), expected, "INV-E1..E3");
            if expected.is_some() {
                prop_assert_eq!(&host.state, &before, "S2");
                continue;
            }
            let anchored = event(&outcome);
            let others = paper.manifests.iter().any(|(s, m)| *m == manifest && *s != source);
            prop_assert_eq!(anchored.reused, others, "INV-E3");
            let statement = anchored.statement.unwrap();
            prop_assert_eq!(statement.backdated, NOW.saturating_sub(captured_at_ms) > 86_400_000);
            paper.numbers.entry(source).or_default().insert(number);
            paper.manifests.insert((source, manifest));
        }
        let records: usize = paper.numbers.values().map(BTreeSet::len).sum();
        prop_assert_eq!(host.state.log.len(), records, "one leaf per record");
        prop_assert_eq!(host.state.log.iter().collect::<BTreeSet<_>>().len(), records);
    }
}
