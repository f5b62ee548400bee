//! Who proposes: a fixed rule of height, round and powers.
//!
//! Round 0 of consecutive heights walks the voting power in strides: the proposer of height `h` is
//! the validator that owns point `h · k mod T` of the powers laid end to end, where `T` is all
//! power and `k` is the number next above `0.618 · T` that shares no factor with `T`. Over any
//! `T` consecutive heights each validator proposes exactly as often as it has power, and the
//! golden stride spreads its turns evenly.
//!
//! Later rounds of a height pass on to the next validator in key order, so `n` rounds reach each
//! of `n` validators once: one that is down delays a height by at most its own rounds.
//!
//! Source: the stride is the additive recurrence with the golden ratio (Knuth, *The Art of
//! Computer Programming* 3, §6.4).

/// The index of the proposer among `powers`. `None` if nobody has power.
pub(crate) fn proposer_index(powers: &[u64], height: u64, round: u32) -> Option<usize> {
    let total: u64 = powers.iter().sum();
    if total == 0 {
        return None;
    }
    let point = u128::from(height) * u128::from(stride(total)) % u128::from(total);
    let first = owner(powers, u64::try_from(point).unwrap_or(0));
    let count = powers.len() as u64;
    usize::try_from((first as u64 + u64::from(round)) % count).ok()
}

/// The smallest number from `0.618 · total` on that shares no factor with `total`.
fn stride(total: u64) -> u64 {
    let golden = u64::try_from(u128::from(total) * 618 / 1000).unwrap_or(0).max(1);
    (golden..=golden.saturating_add(total)).find(|k| gcd(*k, total) == 1).unwrap_or(1)
}

/// The index of the validator that owns `point` of the powers laid end to end.
fn owner(powers: &[u64], point: u64) -> usize {
    let mut rest = point;
    for (index, power) in powers.iter().enumerate() {
        if rest < *power {
            return index;
        }
        rest -= power;
    }
    0
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_proposes_as_often_as_it_has_power(
            powers in prop::collection::vec(1_u64..40, 4..9),
            start in 0_u64..1_000_000_000,
        ) {
            let total: u64 = powers.iter().sum();
            let mut turns = vec![0_u64; powers.len()];
            for height in start..start + total {
                turns[proposer_index(&powers, height, 0).unwrap()] += 1;
            }
            prop_assert_eq!(turns, powers);
        }

        #[test]
        fn consecutive_rounds_reach_everyone(
            powers in prop::collection::vec(1_u64..1_000_000, 4..65),
            height: u64,
            round in 0_u32..1_000_000,
        ) {
            let count = u32::try_from(powers.len()).unwrap();
            let mut seen: Vec<usize> = (round..round + count)
                .map(|r| proposer_index(&powers, height, r).unwrap())
                .collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..powers.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_default_four_take_turns() {
        let turns: Vec<usize> =
            (0..10).map(|h| proposer_index(&[3, 2, 2, 3], h, 0).unwrap()).collect();
        assert_eq!(turns, [0, 3, 1, 0, 3, 2, 0, 3, 2, 1]);
    }

    #[test]
    fn nobody_proposes_where_nobody_has_power() {
        assert_eq!(proposer_index(&[], 1, 0), None);
    }
}
