//! What is erased, restricted, or no longer consented to.

use super::*;

fn erase(town: &mut Town, by: u8, number: u64, holders: u32, confirmed: usize) -> Outcome {
    let asked = ErasePayloadRequest {
        record: at(OPERATOR, number),
        basis: EraseBasis::ConsentWithdrawn.into(),
        holders,
        confirmations: vec![7; confirmed * 32],
    };
    call(town, by, "ErasePayload", &asked)
}

#[test]
fn inv_e5_erasing_changes_no_digest() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    let row = |town: &Town| {
        let ask = linli_evidence::schema::GapsRequest { source: vec![OPERATOR; 16] };
        let gaps: linli_evidence::schema::GapsResponse =
            town.ask(id(OPERATOR), "evidence", "Gaps", &ask).unwrap();
        (gaps.head, gaps.records, town.ledger().head().log_size)
    };
    let before = row(&town);
    for (holders, confirmed) in [(0, 0), (2, 1), (1, 2), (17, 17)] {
        let outcome = erase(&mut town, OPERATOR, 1, holders, confirmed);
        assert_eq!(no(&outcome), Some(No::Malformed), "every holder confirms");
    }
    assert_eq!(no(&erase(&mut town, RESIDENT, 1, 1, 1)), Some(No::Unauthorised));
    let done = erase(&mut town, OPERATOR, 1, 2, 2);
    assert!(!done.result::<ErasePayloadResponse>().unwrap().restricted);
    assert_eq!(row(&town), before);
    let known = state(&town, OPERATOR, 1);
    let tombstone = known.record.unwrap().tombstone.unwrap();
    assert_eq!((known.anchored, known.standing), (true, Standing::Anchored.into()));
    assert_eq!(
        (tombstone.basis(), tombstone.confirmations.len()),
        (EraseBasis::ConsentWithdrawn, 64)
    );
    assert_eq!(no(&erase(&mut town, OPERATOR, 1, 2, 2)), Some(No::ErasedBefore));
    assert!(corroborate(&mut town, RESIDENT, OPERATOR, 1).is_done(), "it is a record still");
}

#[test]
fn leg_20_accounting_records_are_restricted_until_their_years_are_over() {
    let mut town = town();
    let kept = RegisterRequest {
        kind: Kind::Receipt.into(),
        retention: Retention::Years10.into(),
        ..request(OPERATOR, 1, 1)
    };
    given(&mut town, kept);
    let done = erase(&mut town, OPERATOR, 1, 1, 1);
    assert!(done.result::<ErasePayloadResponse>().unwrap().restricted, "LEG-06");
    let tombstone = state(&town, OPERATOR, 1).record.unwrap().tombstone.unwrap();
    assert!(tombstone.restricted && tombstone.confirmations.is_empty());
    assert_eq!(no(&erase(&mut town, OPERATOR, 1, 1, 1)), Some(No::ErasedBefore));
    town.at(town.now().plus_ms(10 * 366 * 86_400_000));
    let done = erase(&mut town, OPERATOR, 1, 1, 1);
    assert!(!done.result::<ErasePayloadResponse>().unwrap().restricted, "the years are over");
}

#[test]
fn leg_27_what_is_in_dispute_is_not_destroyed() {
    let mut town = town();
    (1..=2).for_each(|n| given(&mut town, request(OPERATOR, n, n)));
    assert!(challenge(&mut town, RESIDENT, OPERATOR, 1).is_done());
    assert_eq!(no(&erase(&mut town, OPERATOR, 1, 1, 1)), Some(No::InDispute));
    assert!(state(&town, OPERATOR, 1).record.unwrap().tombstone.is_none());
    assert!(erase(&mut town, OPERATOR, 2, 1, 1).is_done(), "another record's");
    assert!(resolve(&mut town, ARBITRATOR, 1, Decision::Invalidate).is_done());
    assert!(erase(&mut town, OPERATOR, 1, 1, 1).is_done(), "decided");
}

#[test]
fn leg_07_a_withdrawn_consent_binds_the_whole_organisation() {
    let mut town = town();
    let of = |source| WithdrawConsentRequest { source: vec![source; 16], consent: vec![6; 16] };
    let minor = |source| RegisterRequest {
        minors: true,
        consent: vec![6; 16],
        ..request(source, 1, u64::from(source))
    };
    let refused = Some(No::ConsentWithdrawnBefore);
    assert!(call(&mut town, OPERATOR, "WithdrawConsent", &of(OPERATOR)).is_done(), "by itself");
    for source in [OPERATOR, COLLEAGUE, DEVICE] {
        assert_eq!(no(&register(&mut town, source, minor(source))), refused, "{source}");
    }
    assert_eq!(no(&register(&mut town, OPERATOR, minor(DEVICE))), refused, "by its gateway");
    assert!(register(&mut town, OTHER, minor(OTHER)).is_done(), "given to another organisation");
    // A guardian's word binds the source's organisation just so.
    assert!(call(&mut town, GUARDIAN, "WithdrawConsent", &of(FOREIGN_DEVICE)).is_done());
    let again = RegisterRequest { number: 2, manifest_sha256: vec![3; 32], ..minor(OTHER) };
    assert_eq!(no(&register(&mut town, OTHER, again)), refused);
    assert!(call(&mut town, GUARDIAN, "WithdrawConsent", &of(OTHER)).is_done(), "said again");
    // Who belongs to no organisation answers for itself alone.
    assert!(call(&mut town, RESIDENT, "WithdrawConsent", &of(RESIDENT)).is_done());
    assert!(register(&mut town, GUARDIAN, minor(GUARDIAN)).is_done());
}

#[test]
fn leg_07_a_guardian_withdraws_a_consent_for_one_source() {
    let mut town = town();
    let withdrawn = WithdrawConsentRequest { source: vec![OPERATOR; 16], consent: vec![5; 16] };
    let foreign = call(&mut town, OTHER, "WithdrawConsent", &withdrawn);
    assert_eq!(no(&foreign), Some(No::NoRole));
    assert!(call(&mut town, GUARDIAN, "WithdrawConsent", &withdrawn).is_done());
    let minor = |source| RegisterRequest {
        minors: true,
        consent: vec![5; 16],
        ..request(source, 1, u64::from(source))
    };
    let outcome = register(&mut town, OPERATOR, minor(OPERATOR));
    assert_eq!(no(&outcome), Some(No::ConsentWithdrawnBefore));
    assert!(register(&mut town, OTHER, minor(OTHER)).is_done());
}
