//! Who could finalise a block alone: nobody, and no kind of organisation.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_types::id::PublicKey;
use linli_types::validator::{OrgKind, Validator, ValidatorSet};

const KINDS: [OrgKind; 3] = [OrgKind::District, OrgKind::Operator, OrgKind::Fund];
const ORGS: u32 = 4;
const POWERS: [u64; 3] = [1, 2, 3];

/// The set of so many validators that a number stands for: power, organisation and kind of each.
fn set(count: u8, mut number: u64) -> Option<ValidatorSet> {
    let mut next = |of: u64| {
        let digit = number % of;
        number /= of;
        usize::try_from(digit).unwrap()
    };
    let members = (1..=count).map(|n| {
        let (power, org, kind) = (POWERS[next(3)], next(4), KINDS[next(3)]);
        let (key, org) = (PublicKey([n; 32]), u32::try_from(org).unwrap() + 1);
        Validator { key, network_key: key, power, org, kind, name: format!("v{n}") }
    });
    ValidatorSet::new(members.collect()).ok()
}

#[test]
fn leg_03_no_organisation_and_no_kind_of_them_certifies_a_block_alone() {
    let mut lawful = 0_u32;
    for count in 4..=6_u8 {
        // A stride without a factor of 36 meets every digit.
        for number in (0..36_u64.pow(count.into())).step_by(if count == 4 { 1 } else { 9_973 }) {
            let Some(set) = set(count, number) else { continue };
            lawful += 1;
            let power = |of: &dyn Fn(&Validator) -> bool| -> u64 {
                set.members().iter().filter(|v| of(v)).map(|v| v.power).sum()
            };
            for kind in KINDS {
                assert!(!set.is_quorum(power(&|v| v.kind == kind)), "{set:?}");
            }
            for org in 1..=ORGS {
                assert!(!set.is_quorum(power(&|v| v.org == org)), "{set:?}");
                assert!(set.is_quorum(power(&|v| v.org != org)), "{set:?}");
            }
        }
    }
    assert!(lawful > 1_000, "{lawful} lawful sets");
}
