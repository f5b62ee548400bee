//! Days and months since 1970 in UTC+8, as lots count them.

use linli_types::height::TimeMs;

const DAY_MS: u64 = 86_400_000;
const EIGHT_HOURS_MS: u64 = 8 * 3_600_000;

/// The day that a time falls in.
pub(super) fn day_of(time: TimeMs) -> u32 {
    let day = time.0.saturating_add(EIGHT_HOURS_MS) / DAY_MS;
    u32::try_from(day).unwrap_or(u32::MAX)
}

/// The month that a time falls in. Counts days through whole cycles of 400 Gregorian years first.
pub(super) fn month_of(time: TimeMs) -> u32 {
    let mut day = day_of(time);
    let mut year = 1970_u32.saturating_add((day / 146_097).saturating_mul(400));
    day %= 146_097;
    while day >= days_in_year(year) {
        day = day.saturating_sub(days_in_year(year));
        year = year.saturating_add(1);
    }
    let mut month = year.saturating_sub(1970).saturating_mul(12);
    for length in month_lengths(year) {
        if day < length {
            break;
        }
        day = day.saturating_sub(length);
        month = month.saturating_add(1);
    }
    month
}

const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_year(year: u32) -> u32 {
    if is_leap(year) { 366 } else { 365 }
}

const fn month_lengths(year: u32) -> [u32; 12] {
    let february = if is_leap(year) { 29 } else { 28 };
    [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

#[cfg(test)]
mod tests {
    use super::*;

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
