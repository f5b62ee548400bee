//! Days, years and working days, against a count by hand.

use super::*;
use proptest::prelude::*;
use std::vec::Vec;

const HOUR_MS: u64 = 3600 * 1000;
/// 2026-01-01 00:00 in UTC+8.
const NEW_YEAR_2026: TimeMs = TimeMs(1_767_196_800_000);

/// Monday to Friday of a year whose first day is the `first`-th of the week, Monday being 0.
fn weekdays(year: u16, first: u64) -> Year {
    let mut working = [0; YEAR_BYTES];
    for day in (0..days_of(u64::from(year))).filter(|day| (day + first) % 7 < 5) {
        working[(day / 8) as usize] |= 1 << (day % 8);
    }
    Year { year, working }
}

/// 2026 begins on a Thursday, 2027 on a Friday.
fn two_years() -> Vec<Year> {
    Vec::from([weekdays(2026, 3), weekdays(2027, 4)])
}

#[test]
fn a_day_begins_at_midnight_in_utc_plus_8() {
    assert_eq!(Day::of(NEW_YEAR_2026).in_year(), (2026, 0));
    assert_eq!(Day::of(TimeMs(NEW_YEAR_2026.0 - 1)).in_year(), (2025, 364));
    assert_eq!(Day::of(NEW_YEAR_2026.plus_ms(24 * HOUR_MS)).in_year(), (2026, 1));
    assert_eq!(Day::of(TimeMs(0)), Day(0));
}

#[test]
fn years_have_their_days() {
    for (year, days) in [(1970, 365), (2000, 366), (2024, 366), (2026, 365), (2100, 365)] {
        assert_eq!(days_of(year), days, "{year}");
    }
    let mut day = Day(0);
    for year in 1970..2300 {
        for at in 0..days_of(year) {
            assert_eq!(day.in_year(), (year, at));
            day = day.next();
        }
    }
    let _ = Day(u64::MAX / 2).in_year();
}

#[test]
fn weekends_are_skipped_also_over_the_turn_of_a_year() {
    let calendar = two_years();
    let first = Day::of(NEW_YEAR_2026);
    assert_eq!(is_working_day(&calendar, first), Ok(true));
    assert_eq!(is_working_day(&calendar, Day(first.0 + 2)), Ok(false)); // Saturday
    assert_eq!(add_working_days(&calendar, first, 1), Ok(Day(first.0 + 1)));
    assert_eq!(add_working_days(&calendar, first, 2), Ok(Day(first.0 + 4)));
    assert_eq!(add_working_days(&calendar, Day(first.0 + 2), 0), Ok(Day(first.0 + 4)));
    assert_eq!(add_working_days(&calendar, first, 0), Ok(first));
    let last = Day(first.0 + 364); // a Thursday
    assert_eq!(add_working_days(&calendar, last, 2), Ok(Day(last.0 + 4)));
}

#[test]
fn a_missing_year_is_an_error_and_no_guess() {
    let calendar = two_years();
    let last = Day(Day::of(NEW_YEAR_2026).0 + 365 + 364); // Friday, 2027-12-31
    assert_eq!(add_working_days(&calendar, last, 1), Err(NoDay::Missing(2028)));
    assert_eq!(is_working_day(&calendar, Day(0)), Err(NoDay::Missing(1970)));
    assert_eq!(is_working_day(&[], last), Err(NoDay::Missing(2027)));
    let many = NoDay::TooMany { found: 3661, max: 3660 };
    assert_eq!(add_working_days(&calendar, last, 3661), Err(many));
}

#[test]
fn a_year_with_a_bit_too_many_is_not_sound() {
    let mut year = weekdays(2026, 3);
    assert!(year.is_sound());
    year.working[45] |= 1 << 5; // day 365
    assert!(!year.is_sound());
    year.year = 2028;
    assert!(year.is_sound());
    assert!(!Year { year: 1969, working: [0; YEAR_BYTES] }.is_sound());
    assert!(!Year { year: 2200, working: [0; YEAR_BYTES] }.is_sound());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// The model is a plain list of days.
    #[test]
    fn adding_days_agrees_with_a_list(
        bits in proptest::collection::vec(any::<bool>(), 730), from in 0_usize..730, count in 0..90_u32,
    ) {
        let calendar: Vec<Year> = [(2026, &bits[..365]), (2027, &bits[365..])]
            .map(|(year, bits)| {
                let mut working = [0; YEAR_BYTES];
                for (day, _) in bits.iter().enumerate().filter(|(_, works)| **works) {
                    working[day / 8] |= 1 << (day % 8);
                }
                Year { year, working }
            })
            .into();
        let first = Day::of(NEW_YEAR_2026).0;
        let mut after = (from..730).filter(|day| bits[*day] && (count == 0 || *day > from));
        let expected = after.nth(count.saturating_sub(1) as usize);
        let expected = expected.map(|at| Day(first + at as u64)).ok_or(NoDay::Missing(2028));
        prop_assert_eq!(add_working_days(&calendar, Day(first + from as u64), count), expected);
    }
}
