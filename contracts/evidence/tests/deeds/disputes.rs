//! Records that are replaced or disputed, and what rests on them.

use super::*;

#[test]
fn leg_09_a_wrong_record_is_superseded_and_stays() {
    let mut town = town();
    (1..=4).for_each(|n| given(&mut town, request(OPERATOR, n, n)));
    let by = |number, by| SupersedeRequest { record: at(OPERATOR, number), by, reason: 2 };
    for (asked, expected) in
        [(by(1, 1), No::Cycle), (by(1, 5), No::NotFound), (by(5, 1), No::NotFound)]
    {
        assert_eq!(no(&call(&mut town, OPERATOR, "Supersede", &asked)), Some(expected));
    }
    assert_eq!(no(&call(&mut town, OTHER, "Supersede", &by(1, 2))), Some(No::DeviceForeign));
    assert!(call(&mut town, OPERATOR, "Supersede", &by(1, 2)).is_done());
    assert!(call(&mut town, OPERATOR, "Supersede", &by(2, 3)).is_done());
    // No way back to what is superseded itself.
    assert_eq!(no(&call(&mut town, OPERATOR, "Supersede", &by(3, 1))), Some(No::BadState));
    assert_eq!(no(&call(&mut town, OPERATOR, "Supersede", &by(1, 4))), Some(No::BadState));
    assert_eq!(no(&corroborate(&mut town, RESIDENT, OPERATOR, 1)), Some(No::BadState));
    let known = state(&town, OPERATOR, 1);
    assert!(known.anchored);
    assert_eq!(known.record.unwrap().superseded_by, 2);
}

#[test]
fn a_replaced_record_backs_nothing_and_can_still_be_disputed() {
    let mut town = town();
    (1..=3).for_each(|n| given(&mut town, request(OPERATOR, n, n)));
    let on = RegisterRequest { parents: vec![at(OPERATOR, 1).unwrap()], ..request(OTHER, 1, 9) };
    given(&mut town, on);
    let by = |number, by| SupersedeRequest { record: at(OPERATOR, number), by, reason: 2 };
    assert!(call(&mut town, OPERATOR, "Supersede", &by(1, 2)).is_done());
    let one = |number| vec![at(OPERATOR, number).unwrap()];
    let why = require(&mut town, one(1), false);
    assert!(why.refused_by("evidence", No::BadState), "both would back it twice: {why:?}");
    assert!(require(&mut town, one(2), false).is_done());
    // Upheld it is genuine, and replaced as before: it stands for nothing, and in nobody's place.
    let child = || vec![at(OTHER, 1).unwrap()];
    assert!(challenge(&mut town, AUDITOR, OPERATOR, 1).is_done());
    assert!(resolve(&mut town, ARBITRATOR, 1, Decision::Uphold).is_done());
    assert!(require(&mut town, one(1), true).refused_by("evidence", No::BadState));
    assert_eq!(no(&call(&mut town, OPERATOR, "Supersede", &by(2, 1))), Some(No::BadState));
    assert!(require(&mut town, child(), false).is_done());
    // Invalidated, it taints what rests on it: to replace it first is no way out (INV-E4).
    assert!(call(&mut town, OPERATOR, "Supersede", &by(2, 3)).is_done());
    given(
        &mut town,
        RegisterRequest { parents: vec![at(OPERATOR, 2).unwrap()], ..request(OTHER, 2, 8) },
    );
    invalidate(&mut town, 2);
    assert!(state(&town, OTHER, 2).blocked);
}

#[test]
fn a_dispute_is_decided_by_an_arbitrator_who_is_no_party() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    given(&mut town, request(ARBITRATOR, 1, 2));
    for by in [OTHER, COLLEAGUE, DEVICE] {
        assert_eq!(no(&challenge(&mut town, by, OPERATOR, 1)), Some(No::NoRole));
    }
    assert_eq!(no(&challenge(&mut town, ARBITRATOR, ARBITRATOR, 1)), Some(No::SameSource));
    assert_eq!(no(&resolve(&mut town, ARBITRATOR, 1, Decision::Uphold)), Some(No::BadState));
    let reasonless = ChallengeRequest { record: at(OPERATOR, 1), reason: 0 };
    assert_eq!(no(&call(&mut town, AUDITOR, "Challenge", &reasonless)), Some(No::Malformed));
    assert!(challenge(&mut town, AUDITOR, OPERATOR, 1).is_done());
    assert_eq!(no(&challenge(&mut town, RESIDENT, OPERATOR, 1)), Some(No::BadState));
    assert_eq!(no(&resolve(&mut town, AUDITOR, 1, Decision::Uphold)), Some(No::NoRole));
    let open = resolve(&mut town, ARBITRATOR, 1, Decision::Unspecified);
    assert_eq!(no(&open), Some(No::Malformed));
    assert!(resolve(&mut town, ARBITRATOR, 1, Decision::Uphold).is_done());
    assert_eq!(no(&challenge(&mut town, RESIDENT, OPERATOR, 1)), Some(No::BadState));
    let dispute = state(&town, OPERATOR, 1).record.unwrap().dispute.unwrap();
    assert_eq!((dispute.by, dispute.resolved_by), (vec![AUDITOR; 16], vec![ARBITRATOR; 16]));
    assert_eq!((dispute.reason, dispute.resolved_reason), (4, 9));
}

#[test]
fn whoever_challenged_does_not_decide() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    assert!(challenge(&mut town, ARBITRATOR, OPERATOR, 1).is_done());
    let own = resolve(&mut town, ARBITRATOR, 1, Decision::Invalidate);
    assert!(own.native().is_some(), "V5, by the identity room: {own:?}");
}

fn require(town: &mut Town, records: Vec<Ref>, corroborated: bool) -> Outcome {
    town.call(id(OTHER), "fund", "Require", &RequireRequest { records, corroborated })
}

#[test]
fn inv_e4_what_rests_on_an_invalidated_record_is_blocked_and_listed() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    let on = |source, number, parent: (u8, u64)| RegisterRequest {
        parents: vec![at(parent.0, parent.1).unwrap()],
        ..request(source, number, 10 + number + u64::from(source) * 100)
    };
    given(&mut town, on(OTHER, 1, (OPERATOR, 1)));
    given(&mut town, on(OTHER, 2, (OTHER, 1)));
    given(&mut town, request(OTHER, 3, 3));
    let far = || vec![at(OTHER, 2).unwrap()];
    assert!(require(&mut town, far(), false).is_done());
    let why = require(&mut town, far(), true);
    assert!(why.refused_by("evidence", No::NotCorroborated), "{why:?}");
    invalidate(&mut town, 1);
    let why = require(&mut town, far(), false);
    assert!(why.refused_by("evidence", No::Blocked), "{why:?}");
    assert!(require(&mut town, vec![at(OTHER, 3).unwrap()], false).is_done());
    assert!(state(&town, OTHER, 2).blocked && !state(&town, OTHER, 3).blocked);
    let late = on(OTHER, 4, (OTHER, 2));
    assert_eq!(no(&register(&mut town, OTHER, late)), Some(No::Blocked));
    let ask = TaintRequest { record: at(OPERATOR, 1) };
    let taint: TaintResponse = town.ask(id(AUDITOR), "evidence", "Taint", &ask).unwrap();
    let found: Vec<_> = taint.records.iter().map(|t| (t.record.clone(), t.depth)).collect();
    assert_eq!(found, [(at(OTHER, 1), 1), (at(OTHER, 2), 2)]);
    assert!(!taint.more);
}

#[test]
fn inv_e4_a_long_line_is_cut_where_it_says_and_blocked_where_it_cannot_be_seen() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    let on = |number: u64, parent: u64| RegisterRequest {
        parents: vec![at(OPERATOR, parent).unwrap()],
        ..request(OPERATOR, number, number)
    };
    // A line of 180: whoever comes next would rest on more than one look sees.
    let mut refused = None;
    for number in 2..200 {
        let outcome = register(&mut town, OPERATOR, on(number, number - 1));
        if !outcome.is_done() {
            refused = Some((number, no(&outcome)));
            break;
        }
    }
    assert_eq!(refused, Some((181, Some(No::TooMany))));
    let ask = |number| TaintRequest { record: at(OPERATOR, number) };
    let taint: TaintResponse = town.ask(id(AUDITOR), "evidence", "Taint", &ask(1)).unwrap();
    assert!(taint.more && taint.records.len() > 80, "{}", taint.records.len());
    let taint: TaintResponse = town.ask(id(AUDITOR), "evidence", "Taint", &ask(170)).unwrap();
    assert_eq!((taint.more, taint.records.len()), (false, 10));
    let known = state(&town, OPERATOR, 180);
    assert!(known.anchored && !known.blocked);
}

#[test]
fn what_is_in_dispute_is_not_rested_on_until_it_is_decided() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    let it = || vec![at(OPERATOR, 1).unwrap()];
    assert!(challenge(&mut town, RESIDENT, OPERATOR, 1).is_done());
    assert!(require(&mut town, it(), false).refused_by("evidence", No::InDispute));
    assert!(resolve(&mut town, ARBITRATOR, 1, Decision::Uphold).is_done());
    assert!(require(&mut town, it(), true).is_done());
    assert!(require(&mut town, vec![], true).refused_by("evidence", No::Malformed));
    let many = vec![at(OPERATOR, 1).unwrap(); 9];
    assert!(require(&mut town, many, true).refused_by("evidence", No::Malformed));
}

/// A record's life on paper: where it stands, by whom it is corroborated, who challenged.
#[derive(Clone, Default)]
struct Paper {
    standing: Standing,
    by: Vec<u8>,
    challenger: u8,
    replaced: bool,
}

impl Paper {
    /// V4 as the table of `domain.md` §B3 says it, and a replaced record may be disputed; whether the deed is taken.
    fn takes(&mut self, deed: u8, who: u8, (by, by_replaced): (Standing, bool)) -> bool {
        use Standing::{Anchored, Challenged, Corroborated, Invalidated, Superseded, Upheld};
        let fresh = matches!(self.standing, Anchored | Corroborated);
        let to = match deed {
            0 if fresh
                && [OTHER, RESIDENT, AUDITOR, ARBITRATOR].contains(&who)
                && !self.by.contains(&who) =>
            {
                self.by.push(who);
                Corroborated
            }
            1 if (fresh || self.standing == Superseded)
                && [RESIDENT, AUDITOR, ARBITRATOR].contains(&who) =>
            {
                self.challenger = who;
                Challenged
            }
            2 | 3 if self.standing == Challenged && who == ARBITRATOR && self.challenger != who => {
                if deed == 2 {
                    Upheld
                } else {
                    Invalidated
                }
            }
            4 if self.standing == Anchored
                && who == OPERATOR
                && !by_replaced
                && !matches!(by, Superseded | Invalidated) =>
            {
                self.replaced = true;
                Superseded
            }
            _ => return false,
        };
        self.standing = to;
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// V4 against the paper: three records, every deed by anyone in any order.
    #[test]
    fn a_record_goes_only_along_the_arrows(
        deeds in proptest::collection::vec((0_u8..5, 1_u8..8, 1_u64..4, 1_u64..4), 1..30),
    ) {
        let mut town = town();
        (1..=3).for_each(|n| given(&mut town, request(OPERATOR, n, n)));
        let mut papers = vec![Paper::default(); 4];
        for (deed, who, number, other) in deeds {
            let (at_record, at_other) = (usize::try_from(number).unwrap(), usize::try_from(other).unwrap());
            let by = if number == other {
                (Standing::Superseded, true)
            } else {
                (papers[at_other].standing, papers[at_other].replaced)
            };
            let expected = papers[at_record].takes(deed, who, by);
            let outcome = match deed {
                0 => corroborate(&mut town, who, OPERATOR, number),
                1 => challenge(&mut town, who, OPERATOR, number),
                2 => resolve(&mut town, who, number, Decision::Uphold),
                3 => resolve(&mut town, who, number, Decision::Invalidate),
                _ => {
                    let asked = SupersedeRequest { record: at(OPERATOR, number), by: other, reason: 1 };
                    call(&mut town, who, "Supersede", &asked)
                }
            };
            prop_assert_eq!(outcome.is_done(), expected, "deed {} by {}: {:?}", deed, who, outcome);
            for (number, paper) in (0..).zip(&papers).skip(1) {
                let known = state(&town, OPERATOR, number);
                prop_assert_eq!(known.standing(), paper.standing, "V4");
                prop_assert_eq!(known.record.unwrap().corroborations.len(), paper.by.len());
            }
        }
        let counts = |paper: &&Paper| !paper.by.is_empty() && paper.standing != Standing::Invalidated;
        let corroborated = papers.iter().filter(counts).count();
        prop_assert_eq!(ratio(&town, OPERATOR).1, corroborated as u64);
    }
}
