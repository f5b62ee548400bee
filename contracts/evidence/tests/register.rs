//! Register and `RegisterBatch` through the pretend host: what they keep and tell, each refusal, and the
//! invariants against a plain model.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{
    NOW, at, batch, digest, field, gaps, host, is_done, record, refused, register, register_batch,
    registered, request, state, told,
};
use linli_contract::id::PrincipalId;
use linli_contract::testing::{Pretend, State};
use linli_evidence::schema::{
    Basis, Batch, Kind, Ref, Refusal, RegisterBatchRequest, RegisterBatchResponse, RegisterRequest,
    RegisterResponse, Retention, ReusedContent, Source, TraceRequest, TraceResponse,
    WithdrawConsentRequest,
};
use linli_evidence::{BATCH, MINORS, SENSITIVE, call, query};
use proptest::prelude::*;
use prost::Message;
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};

fn sha256(bytes: &[u8]) -> Vec<u8> {
    sha2::Sha256::digest(bytes).to_vec()
}

fn source_row(host: &Pretend, source: u8) -> Source {
    let key = [b"s/".as_slice(), &[source; 16]].concat();
    Source::decode(host.state.entries[&key].as_slice()).unwrap()
}

#[test]
fn the_leaf_is_the_statements_digest_and_the_event_says_which_number_it_is() {
    let mut host = host(1);
    let outcome = register(&mut host, &request(1, 1, 9));
    assert_eq!(outcome.result::<RegisterResponse>().unwrap().leaf, 0);
    assert_eq!(host.state.log, [<[u8; 32]>::try_from(digest(1, 1)).unwrap()]);
    let event = registered(&outcome);
    assert_eq!((event.first, event.count, event.first_leaf), (1, 1, 0));
    assert_eq!(event.statement, digest(1, 1));
    assert_eq!(event.sender, [1; 16]);
    assert_eq!((event.organisation, event.kind()), (3, Kind::Form));
    assert_eq!((event.captured_from_ms, event.captured_to_ms), (NOW - 1000, NOW - 1000));
    assert_eq!((event.backdated, event.flags, event.reused), (false, 0, 0));
    assert_eq!(outcome.events()[0].about, [PrincipalId([1; 16])]);
    assert_eq!(record(&mut host, 1, 1).statement, digest(1, 1));
}

/// Golden: whoever holds only the event reads it by these places for ever.
#[test]
fn the_event_stands_on_the_wire_as_fixed() {
    let asked = RegisterRequest { captured_at_ms: NOW - 1, ..request(1, 1, 9) };
    let outcome = register(&mut host(1), &asked);
    let data = &told(&outcome, "Registered")[0].data;
    let expected = [
        [0x0a, 16].as_slice(),
        &[1; 16],                                    // source
        &[0x10, 1, 0x18, 1, 0x20, 5],                // first, count, kind
        &[0x30, 0xff, 0x9f, 0xf1, 0xc2, 0xb1, 0x34], // captured from
        &[0x38, 0xff, 0x9f, 0xf1, 0xc2, 0xb1, 0x34], // captured to
        &[0x40, 3, 0x62, 16],
        &[1; 16], // organisation, sender
        &[0x6a, 32],
        &digest(1, 1),                      // statement
        &[0x70, 1, 0x90, 1, 2, 0x98, 1, 1], // clock, basis, retention
    ];
    assert_eq!(data, &expected.concat());
}

#[test]
fn a_batch_has_a_leaf_for_each_and_one_row() {
    let mut host = host(1);
    assert!(is_done(&register(&mut host, &request(1, 1, 1))));
    let outcome = register_batch(&mut host, &batch(1, 2, 1024, 100));
    assert_eq!(outcome.result::<RegisterBatchResponse>().unwrap().first_leaf, 1);
    assert_eq!(host.state.log.len(), 1025);
    assert_eq!(host.state.log[1024].to_vec(), digest(1, 1025));
    let event = registered(&outcome);
    assert_eq!((event.first, event.count, event.first_leaf), (2, 1024, 1));
    assert_eq!(u8::try_from(event.flags).unwrap(), BATCH);
    assert_eq!(outcome.events().len(), 1, "no event for each");
    // The source's row and the batch's row; a claim for each manifest, three of the single one, and
    // the runs 2..4, 4..8 … 512..1024 and 1024..1026.
    assert_eq!((host.state.entries.len(), host.state.claims.len()), (2, 1024 + 3 + 10));
    let known = record(&mut host, 1, 700);
    let row = known.batch.unwrap();
    assert_eq!((known.anchored, known.first, row.first_leaf, row.count), (true, 2, 1, 1024));
    assert!(!record(&mut host, 1, 1026).anchored);
    assert_eq!(gaps(&mut host, 1).open, 1026);
}

#[test]
fn the_chain_over_a_sources_records_is_recomputed_from_its_events() {
    let mut host = host(1);
    register(&mut host, &request(1, 1, 1));
    let asked = batch(1, 2, 3, 100);
    let event = registered(&register_batch(&mut host, &asked));
    let counted = [2_u64.to_be_bytes().as_slice(), &3_u32.to_be_bytes()].concat();
    let of_batch = sha256(&[counted, asked.statements].concat());
    assert_eq!(event.statement, of_batch);
    // A batch of one takes up the statement itself.
    let one = registered(&register_batch(&mut host, &batch(1, 5, 1, 200)));
    assert_eq!(one.statement, digest(1, 5));
    let mut head = vec![0; 32];
    for part in [digest(1, 1), of_batch, digest(1, 5)] {
        head = sha256(&[head, part].concat());
    }
    assert_eq!(gaps(&mut host, 1).head, head);
    assert_eq!(source_row(&host, 1).records, 5);
}

#[test]
fn malformed_fields_of_a_record_are_named() {
    let good = request(1, 1, 9);
    let parents = vec![Ref { source: vec![1; 16], number: 1 }; 9];
    let cases = [
        ("number", RegisterRequest { number: 0, ..good.clone() }),
        ("kind", RegisterRequest { kind: 0, ..good.clone() }),
        ("kind", RegisterRequest { kind: 99, ..good.clone() }),
        ("statement", RegisterRequest { statement: vec![1; 31], ..good.clone() }),
        ("manifest_sha256", RegisterRequest { manifest_sha256: vec![1; 33], ..good.clone() }),
        ("manifest_sm3", RegisterRequest { manifest_sm3: vec![], ..good.clone() }),
        ("captured", RegisterRequest { captured_at_ms: 0, ..good.clone() }),
        ("clock_source", RegisterRequest { clock_source: 0, ..good.clone() }),
        ("clock_source", RegisterRequest { clock_source: 5, ..good.clone() }),
        ("device", RegisterRequest { device: vec![1; 15], ..good.clone() }),
        ("parents", RegisterRequest { parents, ..good.clone() }),
        ("env_digest", RegisterRequest { env_digest: vec![1; 31], ..good.clone() }),
        ("order", RegisterRequest { order: vec![1; 16], ..good.clone() }),
        ("subject", RegisterRequest { subject: vec![1; 32], ..good.clone() }),
        ("cell", RegisterRequest { cell: "wtw3sj".into(), ..good.clone() }),
        ("cell", RegisterRequest { cell: "wtwa".into(), ..good.clone() }),
        ("retention", RegisterRequest { retention: 0, ..good.clone() }),
        ("consent", RegisterRequest { consent: vec![1; 8], ..good.clone() }),
        ("tags", RegisterRequest { tags: vec![1; 17], ..good.clone() }),
        ("tags", RegisterRequest { tags: vec![1; 9 * 16], ..good.clone() }),
        ("basis", RegisterRequest { basis: 0, ..good.clone() }),
        ("source", RegisterRequest { source: vec![1; 15], ..good.clone() }),
    ];
    for (name, bad) in cases {
        let mut host = host(1);
        let outcome = register(&mut host, &bad);
        assert_eq!(refused(&outcome), Some(Refusal::Malformed), "{name}");
        assert_eq!(field(&outcome), name);
        assert_eq!(host.state, State::default(), "S2");
    }
}

#[test]
fn malformed_fields_of_a_batch_are_named() {
    let good = batch(1, 1, 4, 9);
    let cases = [
        ("first", RegisterBatchRequest { first: 0, ..good.clone() }),
        ("kind", RegisterBatchRequest { kind: Kind::SensorRoot.into(), ..good.clone() }),
        ("kind", RegisterBatchRequest { kind: 0, ..good.clone() }),
        (
            "statements",
            RegisterBatchRequest { statements: vec![], manifests: vec![], ..good.clone() },
        ),
        ("statements", RegisterBatchRequest { statements: vec![1; 127], ..good.clone() }),
        ("statements", batch(1, 1, 1025, 9)),
        ("manifests", RegisterBatchRequest { manifests: vec![1; 96], ..good.clone() }),
        ("tags", RegisterBatchRequest { tags: vec![1; 48], ..good.clone() }),
        ("captured", RegisterBatchRequest { captured_from_ms: NOW, ..good.clone() }),
        ("captured", RegisterBatchRequest { captured_from_ms: 0, ..good }),
    ];
    for (name, bad) in cases {
        let mut host = host(1);
        let outcome = register_batch(&mut host, &bad);
        assert_eq!(refused(&outcome), Some(Refusal::Malformed), "{name}");
        assert_eq!(field(&outcome), name);
        assert_eq!(host.state, State::default(), "S2");
    }
}

#[test]
fn inv_e3_another_source_may_and_both_are_told() {
    let mut host = host(1);
    assert!(is_done(&register(&mut host, &request(1, 1, 9))));
    let second = register(&mut host, &request(2, 1, 9));
    assert_eq!(registered(&second).reused, 1);
    let event = ReusedContent::decode(told(&second, "ReusedContent")[0].data.as_slice()).unwrap();
    assert_eq!((event.record, event.earlier), (at(2, 1), at(1, 1)));
    let about = &told(&second, "ReusedContent")[0].about;
    assert_eq!(about.as_slice(), [PrincipalId([2; 16]), PrincipalId([1; 16])]);
    let many = register_batch(&mut host, &batch(3, 1, 20, 1));
    assert_eq!(registered(&many).reused, 1, "one of them is number 9");
    let all = register_batch(&mut host, &batch(4, 1, 20, 1));
    assert_eq!(registered(&all).reused, 20);
    assert_eq!(told(&all, "ReusedContent").len(), 8, "the first few are told");
    let again = register_batch(&mut host, &batch(4, 21, 20, 1));
    assert_eq!(refused(&again), Some(Refusal::Duplicate));
}

#[test]
fn inv_e3_holds_across_the_old_call_and_within_a_batch() {
    let mut host = host(1);
    let old = linli_evidence::schema::AnchorRequest {
        source: vec![1; 16],
        number: 1,
        kind: Kind::Form.into(),
        manifest_sha256: digest(0xaa, 9),
        manifest_sm3: digest(0xbb, 9),
        captured_at_ms: NOW,
        ..Default::default()
    };
    assert!(is_done(&host.call(call, "Anchor", &old)));
    assert_eq!(refused(&register(&mut host, &request(1, 2, 9))), Some(Refusal::Duplicate));
    assert!(is_done(&register(&mut host, &request(1, 2, 10))));
    let old = linli_evidence::schema::AnchorRequest {
        number: 3,
        manifest_sha256: digest(0xaa, 10),
        ..old
    };
    assert_eq!(refused(&host.call(call, "Anchor", &old)), Some(Refusal::Duplicate));
    let manifests = [digest(0xaa, 50), digest(0xaa, 50)].concat();
    let twice = RegisterBatchRequest { manifests, ..batch(1, 3, 2, 0) };
    assert_eq!(refused(&register_batch(&mut host, &twice)), Some(Refusal::Duplicate));
}

#[test]
fn inv_e7_parents_stand_and_are_older() {
    let mut host = host(1);
    register(&mut host, &request(1, 1, 1));
    register_batch(&mut host, &batch(2, 1, 5, 100));
    let with = |parents: Vec<Ref>| RegisterRequest { parents, ..request(1, 2, 2) };
    let of = |source, number| at(source, number).unwrap();
    for (parents, expected) in [
        (vec![of(1, 2)], Refusal::Cycle),
        (vec![of(1, 3)], Refusal::NotFound),
        (vec![of(2, 6)], Refusal::NotFound),
        (vec![of(9, 1)], Refusal::NotFound),
        (vec![of(1, 0)], Refusal::Malformed),
        (vec![of(1, 1), of(1, 1)], Refusal::Malformed),
    ] {
        assert_eq!(refused(&register(&mut host, &with(parents))), Some(expected));
    }
    assert!(is_done(&register(&mut host, &with(vec![of(1, 1), of(2, 5)]))));
    let known = state(&mut host, 1, 2).record.unwrap();
    assert_eq!(known.parents, [of(1, 1), of(2, 5)]);
    assert_eq!(state(&mut host, 2, 5).record.unwrap().children, 1);
}

#[test]
fn inv_e8_minors_need_a_consent() {
    let consent = vec![5; 16];
    for (marked, why, flag) in [
        (RegisterRequest { minors: true, ..request(1, 1, 9) }, "minors", MINORS),
        (RegisterRequest { sensitive: true, ..request(1, 1, 9) }, "sensitive", SENSITIVE),
        (RegisterRequest { basis: Basis::Consent.into(), ..request(1, 1, 9) }, "consent", 0),
    ] {
        let outcome = register(&mut host(1), &marked);
        assert_eq!(refused(&outcome), Some(Refusal::ConsentMissing), "{why}");
        assert_eq!(field(&outcome), why);
        let marked = RegisterRequest { consent: consent.clone(), ..marked };
        let event = registered(&register(&mut host(1), &marked));
        assert_eq!((event.flags, event.consent), (flag.into(), consent.clone()));
    }
    let minors = RegisterBatchRequest { minors: true, ..batch(1, 1, 3, 9) };
    assert_eq!(refused(&register_batch(&mut host(1), &minors)), Some(Refusal::ConsentMissing));
}

#[test]
fn leg_07_each_kind_has_its_bases_and_a_withdrawn_consent_blocks_new_evidence() {
    let basis = |kind: Kind, basis: Basis| RegisterRequest {
        kind: kind.into(),
        basis: basis.into(),
        retention: Retention::Years30.into(),
        ..request(1, 1, 9)
    };
    for (kind, of, expected) in [
        (Kind::PhotoSet, Basis::LegalDuty, Some(Refusal::BasisNotAllowed)),
        (Kind::Score, Basis::Emergency, Some(Refusal::BasisNotAllowed)),
        (Kind::Receipt, Basis::PublicInterest, Some(Refusal::BasisNotAllowed)),
        (Kind::CheckIn, Basis::Published, Some(Refusal::BasisNotAllowed)),
        (Kind::Receipt, Basis::LegalDuty, None),
        (Kind::SystemLog, Basis::PublicInterest, None),
    ] {
        assert_eq!(refused(&register(&mut host(1), &basis(kind, of))), expected, "{kind:?}");
    }
    let mut host = host(1);
    let by = |number| RegisterRequest {
        basis: Basis::Consent.into(),
        consent: vec![5; 16],
        ..request(1, number, number)
    };
    assert!(is_done(&register(&mut host, &by(1))));
    let withdrawn = WithdrawConsentRequest { source: vec![1; 16], consent: vec![5; 16] };
    assert!(is_done(&host.call(call, "WithdrawConsent", &withdrawn)));
    let before = host.state.clone();
    assert_eq!(refused(&register(&mut host, &by(2))), Some(Refusal::ConsentWithdrawnBefore));
    let again = host.call(call, "WithdrawConsent", &withdrawn);
    assert_eq!(refused(&again), Some(Refusal::ConsentWithdrawnBefore));
    assert_eq!(host.state, before);
    // A consent is given to an organisation: another's of the same name is another consent.
    let other = RegisterRequest { source: vec![2; 16], ..by(1) };
    let other = RegisterRequest { manifest_sha256: digest(0xaa, 77), ..other };
    assert_eq!(refused(&register(&mut host, &other)), Some(Refusal::ConsentWithdrawnBefore));
    host.organisation = 4;
    assert!(is_done(&register(&mut host, &other)));
}

#[test]
fn leg_04_a_record_keeps_its_source_device_clock_and_what_it_rests_on() {
    let known = {
        let mut host = host(1);
        register(&mut host, &request(1, 1, 1));
        state(&mut host, 1, 1)
    };
    assert!(known.anchored && !known.blocked);
    assert_eq!((known.kind(), known.captured_at_ms), (Kind::Form, NOW - 1000));
    assert_eq!((known.organisation, known.clock_source), (3, 1));
    assert_eq!((known.retention(), known.basis()), (Retention::Ordinary, Basis::Contract));
}

#[test]
fn leg_20_what_a_law_keeps_is_not_registered_as_ordinary() {
    let kept = |kind: Kind, retention: Retention| RegisterRequest {
        kind: kind.into(),
        retention: retention.into(),
        ..request(1, 1, 9)
    };
    for (kind, retention, expected) in [
        (Kind::Receipt, Retention::Ordinary, Some(Refusal::RetentionTooShort)),
        (Kind::Receipt, Retention::Years10, None),
        (Kind::ContractDoc, Retention::Years10, Some(Refusal::RetentionTooShort)),
        (Kind::ContractDoc, Retention::Years15, None),
    ] {
        assert_eq!(refused(&register(&mut host(1), &kept(kind, retention))), expected, "V3");
    }
}

#[test]
fn a_source_has_one_sensor_root_an_hour() {
    let mut host = host(1);
    let hour = NOW / 3_600_000 * 3_600_000;
    let root = |number, captured_at_ms| RegisterRequest {
        kind: Kind::SensorRoot.into(),
        basis: Basis::PublicInterest.into(),
        captured_at_ms,
        ..request(1, number, number)
    };
    host.now_ms = hour + 3_600_000;
    assert!(is_done(&register(&mut host, &root(1, hour))));
    let again = register(&mut host, &root(2, hour + 3_599_999));
    assert_eq!(refused(&again), Some(Refusal::OnceAnHour));
    assert!(is_done(&register(&mut host, &root(2, hour + 3_600_000))));
    assert!(is_done(&register(
        &mut host,
        &RegisterRequest { source: vec![2; 16], ..root(9, hour) }
    )));
}

#[test]
fn an_order_tells_its_records_in_turn_and_never_fills_up() {
    let mut host = host(1);
    let order = vec![6; 32];
    for number in 1..=100 {
        let asked = RegisterRequest { order: order.clone(), ..request(1, number, number) };
        assert!(is_done(&register(&mut host, &asked)));
    }
    let mut seen = Vec::new();
    while seen.len() < 100 {
        let ask = TraceRequest { order: order.clone(), from: seen.len() as u64 };
        let page: TraceResponse = host.query(query, "Trace", &ask).result().unwrap();
        assert_eq!(page.total, 100);
        assert!((1..=64).contains(&page.records.len()));
        seen.extend(page.records.iter().map(|one| one.record.clone().unwrap().number));
    }
    assert_eq!(seen, (1..=100).collect::<Vec<_>>());
    let ask = TraceRequest { order, from: u64::MAX };
    let page: TraceResponse = host.query(query, "Trace", &ask).result().unwrap();
    assert_eq!((page.total, page.records.len()), (100, 0));
}

#[test]
fn no_contract_registers() {
    let mut host = host(1);
    host.caller = "helper".into();
    assert_eq!(refused(&register(&mut host, &request(1, 1, 9))), Some(Refusal::DirectOnly));
    let many = register_batch(&mut host, &batch(1, 1, 2, 9));
    assert_eq!(refused(&many), Some(Refusal::DirectOnly));
    host.caller.clear();
    assert_eq!(refused(&register(&mut host, &request(0, 1, 9))), Some(Refusal::Unauthorised));
    assert_eq!(host.state, State::default(), "V1");
}

#[test]
fn the_longest_events_fit() {
    let mut host = host(1);
    register_batch(&mut host, &batch(9, 1, 1024, 5000));
    let longest = RegisterBatchRequest {
        minors: true,
        sensitive: true,
        consent: vec![255; 16],
        tags: (0..1024_u64).flat_map(|n| u128::from(n).to_be_bytes()).collect(),
        ..batch(1, 1, 1024, 5000)
    };
    let outcome = register_batch(&mut host, &longest);
    assert!(is_done(&outcome));
    assert!(outcome.events().iter().all(|event| event.data.len() <= 256));
    assert!(longest.encode_to_vec().len() <= linli_contract::limits::ARGUMENT_BYTES_MAX);
}

#[test]
fn a_batchs_row_says_what_its_event_says() {
    let mut host = host(1);
    let event = registered(&register_batch(&mut host, &batch(1, 1, 7, 9)));
    let key = [b"b/".as_slice(), &[1; 16], &1_u64.to_be_bytes()].concat();
    let row = Batch::decode(host.state.entries[&key].as_slice()).unwrap();
    assert_eq!((row.first_leaf, row.count, row.digest), (0, 7, event.statement));
    assert_eq!(row.captured_to_ms, event.captured_to_ms);
}

/// The world on paper: each source's numbers, and who had which manifest.
#[derive(Default)]
struct Paper {
    numbers: BTreeMap<u8, BTreeSet<u64>>,
    manifests: BTreeSet<(u8, u64)>,
}

impl Paper {
    fn expects(&self, source: u8, first: u64, manifests: &[u64]) -> Option<Refusal> {
        let used = self.numbers.get(&source).cloned().unwrap_or_default();
        let open = (1..).find(|n| !used.contains(n)).unwrap();
        let mut numbers = first..first + manifests.len() as u64;
        let own: BTreeSet<_> = manifests.iter().collect();
        match () {
            () if own.len() < manifests.len()
                || manifests.iter().any(|m| self.manifests.contains(&(source, *m))) =>
            {
                Some(Refusal::Duplicate)
            }
            () if numbers.end - 1 > open + 4096 => Some(Refusal::SeqGap),
            () if numbers.any(|n| used.contains(&n)) => Some(Refusal::DuplicateNumber),
            () => None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// INV-E1, INV-E3 against the paper, for three sources that interleave, one by one and in batches.
    #[test]
    fn the_contract_does_what_paper_would(
        deeds in proptest::collection::vec(
            (1_u8..4, prop_oneof![6 => 1_u64..30, 1 => 4080_u64..4130], 0_u64..60, 0_u64..12), 1..50),
    ) {
        let (mut host, mut paper) = (host(1), Paper::default());
        for (source, first, manifest, count) in deeds {
            let before = host.state.clone();
            let manifests: Vec<_> = (0..count.max(1)).map(|i| manifest + i).collect();
            let expected = paper.expects(source, first, &manifests);
            let outcome = match count {
                0 => register(&mut host, &request(source, first, manifest)),
                _ => register_batch(&mut host, &batch(source, first, count, manifest)),
            };
            prop_assert_eq!(refused(&outcome), expected);
            if expected.is_some() {
                prop_assert_eq!(&host.state, &before, "S2");
                continue;
            }
            let others = |m: &&u64| paper.manifests.iter().any(|(s, n)| n == *m && *s != source);
            let reused = manifests.iter().filter(others).count();
            let event = registered(&outcome);
            prop_assert_eq!(event.reused as usize, reused, "INV-E3");
            prop_assert_eq!(event.first_leaf as usize, before.log.len());
            let numbers = first..first + manifests.len() as u64;
            paper.numbers.entry(source).or_default().extend(numbers);
            paper.manifests.extend(manifests.into_iter().map(|m| (source, m)));
        }
        let records: usize = paper.numbers.values().map(BTreeSet::len).sum();
        prop_assert_eq!(host.state.log.len(), records, "one leaf per record");
        for (source, numbers) in &paper.numbers {
            for number in (1..70).chain(4075..4150) {
                let known = record(&mut host, *source, number);
                prop_assert_eq!(known.anchored, numbers.contains(&number), "INV-E1");
                if let (true, Some(batch)) = (known.anchored, known.batch) {
                    let leaf = usize::try_from(batch.first_leaf + number - known.first).unwrap();
                    prop_assert_eq!(host.state.log[leaf].to_vec(), digest(*source, number));
                }
            }
        }
    }
}
