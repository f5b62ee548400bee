//! Which of a source's numbers are used: the lowest open one and a window of bits above it.
//!
//! In order, the row holds a byte or none; out of order at most 512. Pure: no host.
//!
//! # Invariants
//!
//! - **INV-E1 gapless.** A number is taken once, and only below `open` + `EVIDENCE_WINDOW` + 1.
//! - **N1 one spelling.** Bit 0 of `used` is the number `base(open)`; the bit of `open` is clear;
//!   there is no zero byte at the end.

use crate::schema::{Gap, Source};
use alloc::vec::Vec;
use linli_contract::limits::{EVIDENCE_WINDOW, QUERY_ENTRIES_MAX};

/// Why a number cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// This one is used.
    Used(u64),
    /// It lies above the window.
    TooFar {
        /// The highest one wanted.
        wanted: u64,
        /// The highest that may be taken now.
        max: u64,
    },
}

/// A source without records.
pub(crate) fn first() -> Source {
    Source { open: 1, head: [0; 32].into(), ..Source::default() }
}

/// Takes `count` numbers from `first` on, from 1, and moves `open` over whatever is used.
///
/// # Errors
///
/// [`NotTaken`]; `row` is then unchanged.
pub(crate) fn take(row: &mut Source, first: u64, count: u64) -> Result<(), NotTaken> {
    let max = row.open.saturating_add(EVIDENCE_WINDOW);
    let last = first.checked_add(count.saturating_sub(1));
    let Some(last) = last.filter(|last| *last <= max) else {
        return Err(NotTaken::TooFar { wanted: last.unwrap_or(u64::MAX), max });
    };
    if let Some(used) = (first..=last).find(|n| is_taken(row, *n)) {
        return Err(NotTaken::Used(used));
    }
    let (end, _) = place(row, last);
    if row.used.len() <= end {
        row.used.resize(end.saturating_add(1), 0);
    }
    for n in first..=last {
        let (at, bit) = place(row, n);
        if let Some(byte) = row.used.get_mut(at) {
            *byte |= bit;
        }
    }
    advance(row);
    Ok(())
}

/// Whether a number is used.
fn is_taken(row: &Source, n: u64) -> bool {
    n > 0 && (n < row.open || is_used(row, n))
}

/// The highest used number; 0 for none.
pub(crate) fn highest(row: &Source) -> u64 {
    let in_window = row.used.iter().enumerate().rev().find(|(_, byte)| **byte != 0);
    match in_window {
        Some((at, byte)) => {
            let above = (at as u64).saturating_mul(8).saturating_add(7);
            base(row).saturating_add(above).saturating_sub(u64::from(byte.leading_zeros()))
        }
        None => row.open.saturating_sub(1),
    }
}

/// The holes below the highest used number, lowest first, at most [`QUERY_ENTRIES_MAX`].
pub(crate) fn gaps(row: &Source) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    // At most EVIDENCE_WINDOW + 1 numbers.
    for n in (row.open..highest(row)).filter(|n| !is_used(row, *n)) {
        let full = gaps.len() == QUERY_ENTRIES_MAX;
        match gaps.last_mut() {
            Some(gap) if gap.to.checked_add(1) == Some(n) => gap.to = n,
            _ if full => break,
            _ => gaps.push(Gap { from: n, to: n }),
        }
    }
    gaps
}

/// The number of bit 0.
const fn base(row: &Source) -> u64 {
    let before = row.open.saturating_sub(1);
    (before - before % 8).saturating_add(1)
}

/// Whether a number not below the base is used.
fn is_used(row: &Source, n: u64) -> bool {
    let (at, bit) = place(row, n);
    row.used.get(at).is_some_and(|byte| byte & bit != 0)
}

/// Byte and bit of a number not below the base and not above the window.
const fn place(row: &Source, n: u64) -> (usize, u8) {
    let offset = n.saturating_sub(base(row));
    ((offset / 8) as usize, 1 << (offset % 8))
}

/// Moves `open` to the lowest unused number and drops the bytes below it (N1).
fn advance(row: &mut Source) {
    let base = base(row);
    let full = row.used.iter().take_while(|byte| **byte == u8::MAX).count();
    let ones = row.used.get(full).map_or(0, |byte| byte.trailing_ones());
    // The bits below `open` are set, so counting from the base reaches at least `open`.
    row.open = base.saturating_add((full as u64).saturating_mul(8)).saturating_add(ones.into());
    row.used.drain(..full);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Model(BTreeSet<u64>);

    impl Model {
        fn open(&self) -> u64 {
            (1..).find(|n| !self.0.contains(n)).unwrap_or(u64::MAX)
        }

        fn take(&mut self, first: u64, count: u64) -> Result<(), NotTaken> {
            let max = self.open() + EVIDENCE_WINDOW;
            let last = u128::from(first) + u128::from(count) - 1;
            if last > u128::from(max) {
                let wanted = u64::try_from(last).unwrap_or(u64::MAX);
                return Err(NotTaken::TooFar { wanted, max });
            }
            let all = first..first + count;
            if let Some(used) = all.clone().find(|n| self.0.contains(n)) {
                return Err(NotTaken::Used(used));
            }
            self.0.extend(all);
            Ok(())
        }

        fn missing(&self) -> Vec<u64> {
            let highest = self.0.last().copied().unwrap_or(0);
            (1..highest).filter(|n| !self.0.contains(n)).collect()
        }
    }

    proptest! {
        /// INV-E1 against a set of numbers.
        #[test]
        fn the_window_says_what_a_plain_set_says(
            wanted in proptest::collection::vec(
                (prop_oneof![8 => 1_u64..40, 2 => 1_u64..5000, 1 => any::<u64>()],
                 prop_oneof![4 => Just(1_u64), 2 => 1_u64..30, 1 => 1_u64..1025]), 1..120),
        ) {
            let (mut row, mut model) = (first(), Model::default());
            for (n, count) in wanted.into_iter().filter(|(n, _)| *n > 0) {
                let before = row.clone();
                let taken = take(&mut row, n, count);
                prop_assert_eq!(taken, model.take(n, count), "{}", n);
                prop_assert!(taken.is_ok() || row == before);
                prop_assert_eq!(row.open, model.open());
                prop_assert_eq!(highest(&row), model.0.last().copied().unwrap_or(0));
                prop_assert_eq!(is_taken(&row, n), model.0.contains(&n));
                prop_assert_ne!(row.used.last(), Some(&0), "N1");
                prop_assert!(row.used.len() <= 513);
            }
            let missing = gaps(&row).iter().flat_map(|gap| gap.from..=gap.to).collect::<Vec<_>>();
            let expected = model.missing();
            prop_assert!(expected.starts_with(&missing));
            prop_assert!(missing == expected || gaps(&row).len() == QUERY_ENTRIES_MAX);
        }
    }

    #[test]
    fn in_order_the_row_stays_small() {
        let mut row = first();
        for n in 1..=10_000 {
            assert_eq!(take(&mut row, n, 1), Ok(()));
            assert!(row.used.len() <= 1);
        }
        assert_eq!(take(&mut row, 10_001, 1024), Ok(()));
        assert!(row.used.len() <= 1);
        assert_eq!((row.open, highest(&row)), (11_025, 11_024));
    }

    #[test]
    fn the_window_ends_where_the_limit_says() {
        let mut row = first();
        let max = 1 + EVIDENCE_WINDOW;
        let wanted = max + 1;
        assert_eq!(take(&mut row, wanted, 1), Err(NotTaken::TooFar { wanted, max }));
        assert_eq!(take(&mut row, max, 2), Err(NotTaken::TooFar { wanted, max }));
        assert_eq!(take(&mut row, max, 1), Ok(()));
        assert_eq!(take(&mut row, max, 1), Err(NotTaken::Used(max)));
        assert_eq!(take(&mut row, max - 1, 2), Err(NotTaken::Used(max)));
    }

    #[test]
    fn the_end_of_the_count_is_no_panic() {
        // The numbers from the base to `open` are used.
        let mut row = Source { open: u64::MAX - 1, used: [0b1_1111].into(), ..first() };
        assert_eq!(
            take(&mut row, u64::MAX, 2),
            Err(NotTaken::TooFar { wanted: u64::MAX, max: u64::MAX })
        );
        assert_eq!(take(&mut row, u64::MAX, 1), Ok(()));
        assert_eq!(take(&mut row, u64::MAX, 1), Err(NotTaken::Used(u64::MAX)));
    }
}
