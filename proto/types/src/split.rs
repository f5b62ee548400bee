//! Shares of a whole, exact to the last unit.
//!
//! # Invariants
//!
//! - **S1 whole.** The parts add up to the total, whatever the weights.
//! - **S2 fair.** A part differs from its exact share by less than one unit. Units left over go to
//!   the largest remainders; among equals to the lowest index (`domain.md` §B0).

use alloc::vec::Vec;

/// Splits `total` minor units by `weights`; `None` if no weight is above zero.
pub fn split(total: u64, weights: &[u32]) -> Option<Vec<u64>> {
    let sum: u128 = weights.iter().copied().map(u128::from).sum();
    if sum == 0 {
        return None;
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut left = total;
    for (index, weight) in weights.iter().enumerate() {
        // Below 2^64 · 2^32: no product overflows.
        let exact = u128::from(total).saturating_mul(u128::from(*weight));
        let part = u64::try_from(exact.checked_div(sum)?).ok()?;
        left = left.checked_sub(part)?;
        parts.push(part);
        remainders.push((exact.checked_rem(sum)?, index));
    }
    // Stable: among equal remainders the lowest index stays first (S2).
    remainders.sort_by_key(|remainder| core::cmp::Reverse(remainder.0));
    for (_, index) in remainders.into_iter().take(usize::try_from(left).ok()?) {
        let part = parts.get_mut(index)?;
        *part = part.checked_add(1)?;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    #[test]
    fn equal_remainders_go_to_the_lowest_index_and_no_weight_gives_nothing() {
        assert_eq!(split(5, &[30, 50, 20]), Some(vec![2, 2, 1]));
        assert_eq!(split(2, &[1, 1, 1, 1]), Some(vec![1, 1, 0, 0]));
        assert_eq!(split(7, &[0, 0]), None);
        assert_eq!(split(7, &[]), None);
        assert_eq!(split(u64::MAX, &[u32::MAX, 0]), Some(vec![u64::MAX, 0]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn the_parts_add_up_and_each_is_within_a_unit_of_its_share(
            total in any::<u64>(), weights in proptest::collection::vec(any::<u32>(), 1..17),
        ) {
            let sum: u128 = weights.iter().map(|w| u128::from(*w)).sum();
            prop_assume!(sum > 0);
            let parts = split(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().map(|p| u128::from(*p)).sum::<u128>(), u128::from(total));
            for (part, weight) in parts.iter().zip(&weights) {
                let exact = u128::from(total) * u128::from(*weight);
                let off = (u128::from(*part) * sum).abs_diff(exact);
                prop_assert!(off < sum);
            }
        }
    }
}
