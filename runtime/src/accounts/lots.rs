//! Lots: units of one origin, earned in one month, that end on one day (INV-L11).

use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::limits;

/// Units that are alike.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Lot {
    /// Where they come from: a code of the community.
    pub origin: u32,
    /// Month in which they were earned, since 1970 in UTC+8.
    pub earned_month: u32,
    /// Last day on which they may be used, since 1970 in UTC+8; 0 never ends.
    pub expires_day: u32,
    /// Units left, above zero.
    pub remaining: u64,
    /// They were a gift.
    pub gifted: bool,
}

impl Lot {
    /// The order in which lots are used; lots with one key are one lot.
    const fn key(&self) -> (u32, u32, u32, bool) {
        let end = if self.expires_day == 0 { u32::MAX } else { self.expires_day };
        // What was given goes before what was not: it can be used for less.
        (end, self.earned_month, self.origin, !self.gifted)
    }

    /// Whether it may not be used any more on `today`.
    pub const fn has_ended(&self, today: u32) -> bool {
        self.expires_day != 0 && self.expires_day < today
    }
}

/// Which lots a debit may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usable {
    /// Leaves out what ended before this day.
    pub(super) today: Option<u32>,
    /// Leaves out what was a gift.
    pub(super) for_gift: bool,
}

impl Usable {
    /// Every lot.
    pub(super) const ALL: Self = Self { today: None, for_gift: false };

    const fn admits(self, lot: &Lot) -> bool {
        let ended = match self.today {
            Some(today) => lot.has_ended(today),
            None => false,
        };
        !(ended || self.for_gift && lot.gifted)
    }
}

/// What may be used.
pub(super) fn usable(lots: &[Lot], which: Usable) -> u64 {
    let units = lots.iter().filter(|lot| which.admits(lot)).map(|lot| lot.remaining);
    units.fold(0, u64::saturating_add)
}

/// Takes `amount` from the lots that end first; what was taken, or `None` if they do not cover it.
pub(super) fn take(lots: &mut Vec<Lot>, amount: u64, which: Usable) -> Option<Vec<Lot>> {
    let (mut left, mut slices) = (amount, Vec::new());
    for lot in lots.iter_mut().filter(|lot| which.admits(lot)) {
        let slice = lot.remaining.min(left);
        if slice == 0 {
            break;
        }
        lot.remaining = lot.remaining.saturating_sub(slice);
        left = left.saturating_sub(slice);
        slices.push(Lot { remaining: slice, ..lot.clone() });
    }
    lots.retain(|lot| lot.remaining > 0);
    (left == 0).then_some(slices)
}

/// Adds lots, merging equal ones; `None` if there would be too many or a count would not fit. Where
/// there would be too many, the oldest that differ in nothing but the month are folded: who saves for
/// ten years is paid in the eleventh.
pub(super) fn put(lots: &mut Vec<Lot>, more: Vec<Lot>) -> Option<()> {
    for lot in more.into_iter().filter(|lot| lot.remaining > 0) {
        match lots.binary_search_by_key(&lot.key(), Lot::key) {
            Ok(at) => {
                let found = lots.get_mut(at)?;
                found.remaining = found.remaining.checked_add(lot.remaining)?;
            }
            Err(at) => lots.insert(at, lot),
        }
    }
    while lots.len() > limits::LOTS_MAX {
        fold(lots)?;
    }
    Some(())
}

/// Makes one lot of the first and of the next that differs in nothing but the month: of the later
/// month, so that nothing grows older than it is.
fn fold(lots: &mut Vec<Lot>) -> Option<()> {
    let kin = |lot: &Lot| (lot.expires_day, lot.origin, lot.gifted);
    let (at, later) = lots.iter().enumerate().find_map(|(at, lot)| {
        let next = lots.iter().enumerate().skip(at.saturating_add(1));
        let mut next = next.filter(|(_, other)| kin(other) == kin(lot));
        next.next().map(|(later, _)| (at, later))
    })?;
    let units = lots.get(at)?.remaining;
    let lot = lots.get_mut(later)?;
    lot.remaining = lot.remaining.checked_add(units)?;
    lots.remove(at);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lot() -> impl Strategy<Value = Lot> {
        (0..3_u32, 0..3_u32, 0..5_u32, 1..50_u64, any::<bool>()).prop_map(
            |(origin, earned_month, expires_day, remaining, gifted)| Lot {
                origin,
                earned_month,
                expires_day,
                remaining,
                gifted,
            },
        )
    }

    fn sum(lots: &[Lot]) -> u64 {
        usable(lots, Usable::ALL)
    }

    proptest! {
        #[test]
        fn units_are_conserved_and_the_first_to_end_go_first(
            first in proptest::collection::vec(lot(), 0..20),
            amount in 0..400_u64,
            today in proptest::option::of(0..5_u32),
            for_gift in any::<bool>(),
        ) {
            let mut lots = Vec::new();
            put(&mut lots, first.clone()).unwrap();
            prop_assert_eq!(sum(&lots), sum(&first));
            let sorted = lots.windows(2).all(|two| two[0].key() < two[1].key());
            prop_assert!(sorted, "one lot per key, in order");
            let (before, which) = (lots.clone(), Usable { today, for_gift });
            match take(&mut lots, amount, which) {
                None => prop_assert!(amount > usable(&before, which)),
                Some(slices) => {
                    prop_assert_eq!(sum(&slices), amount);
                    prop_assert_eq!(sum(&lots) + amount, sum(&before));
                    // No lot that may be used and ends before a slice was left over.
                    let last = slices.last().map(Lot::key);
                    let skipped = |lot: &&Lot| which.admits(lot) && Some(lot.key()) < last;
                    prop_assert_eq!(lots.iter().find(skipped), None);
                    prop_assert!(slices.iter().all(|slice| which.admits(slice)));
                }
            }
        }
    }

    #[test]
    fn there_are_at_most_64() {
        let one =
            |origin| Lot { origin, earned_month: 1, expires_day: 0, remaining: 1, gifted: false };
        let mut lots = Vec::new();
        assert!(put(&mut lots, (0..64).map(one).collect()).is_some());
        assert!(put(&mut lots, vec![one(3)]).is_some(), "it merges");
        assert!(put(&mut lots, vec![one(64)]).is_none());
    }

    #[test]
    fn who_saves_every_month_for_fifty_years_keeps_every_unit() {
        let earned = |earned_month: u32, expires_day| Lot {
            origin: earned_month % 3,
            earned_month,
            expires_day,
            remaining: 10,
            gifted: earned_month.is_multiple_of(5),
        };
        let mut lots = Vec::new();
        for month in 1..=600_u32 {
            assert_eq!(put(&mut lots, vec![earned(month, 0)]), Some(()), "month {month}");
            assert!(lots.len() <= limits::LOTS_MAX && lots.is_sorted_by_key(Lot::key));
            assert_eq!(sum(&lots), u64::from(month) * 10);
            let given = lots.iter().filter(|lot| lot.gifted).map(|lot| lot.remaining);
            assert_eq!(given.sum::<u64>(), u64::from(month / 5) * 10, "given stays given");
        }
        assert!(lots.iter().any(|lot| lot.earned_month == 600 && lot.remaining == 10));
        // Lots that end on different days are never one.
        let mut lots = Vec::new();
        assert!(put(&mut lots, (1..=64).map(|n| earned(1, n)).collect()).is_some());
        assert!(put(&mut lots, vec![earned(1, 65)]).is_none());
    }
}
