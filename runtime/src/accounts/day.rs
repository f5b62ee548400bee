//! Days and months since 1970 in UTC+8, as lots count them.

use linli_types::calendar::{Day, days_of};
use linli_types::height::TimeMs;

/// Days of the months; February's depend on the year.
const LENGTHS: [u64; 12] = [31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The day that a time falls in.
pub(super) fn day_of(time: TimeMs) -> u32 {
    u32::try_from(Day::of(time).0).unwrap_or(u32::MAX)
}

/// The month that a time falls in.
pub(super) fn month_of(time: TimeMs) -> u32 {
    let (year, mut day) = Day::of(time).in_year();
    // The other months have 337 days.
    let february = days_of(year).saturating_sub(337);
    let mut month = year.saturating_sub(1970).saturating_mul(12);
    for length in LENGTHS.map(|length| if length == 0 { february } else { length }) {
        if day < length {
            break;
        }
        day = day.saturating_sub(length);
        month = month.saturating_add(1);
    }
    u32::try_from(month).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn days_begin_at_midnight_in_utc_8() {
        assert_eq!(day_of(TimeMs(0)), 0);
        assert_eq!(day_of(TimeMs(16 * 3_600_000 - 1)), 0);
        assert_eq!(day_of(TimeMs(16 * 3_600_000)), 1);
    }

    #[test]
    fn months_follow_the_calendar() {
        // 2000-02-29, 2000-03-01, 2026-11-26, 2100-03-01 at noon UTC.
        let noon = |day: u64| TimeMs(day * DAY_MS + DAY_MS / 2);
        let found = [11_016, 11_017, 20_783, 47_541].map(|day| month_of(noon(day)));
        assert_eq!(found, [361, 362, 56 * 12 + 10, 130 * 12 + 2]);
        assert_eq!(month_of(TimeMs(0)), 0);
    }
}
