//! Times and days as people write them, in UTC+8.

use linli_types::calendar::days_of;
use linli_types::height::TimeMs;

const DAY_MS: u64 = 24 * 3600 * 1000;
const OFFSET_MS: u64 = 8 * 3600 * 1000;
/// Days of the months; February's depend on the year.
const MONTHS: [u64; 12] = [31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/// The years that a date may lie in.
const YEARS: std::ops::Range<u64> = 1971..10_000;

/// A time: `2027-01-01`, `2027-01-01T08:30:00` in UTC+8, or milliseconds since 1970 in UTC.
pub(super) fn time(text: &str) -> Result<TimeMs, String> {
    let said = || "2027-01-01, 2027-01-01T08:30:00 (UTC+8), or milliseconds since 1970".to_owned();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(TimeMs).map_err(|_| said());
    }
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let time = day(date).zip(clock_ms(clock));
    let time = time.map(|(day, ms)| day.saturating_mul(DAY_MS).saturating_add(ms));
    time.map(|ms| TimeMs(ms.saturating_sub(OFFSET_MS))).ok_or_else(said)
}

/// The day of a date, from 1970-01-01.
pub(super) fn day(date: &str) -> Option<u64> {
    let (year, rest) = date.split_once('-')?;
    let year = digits(year, 4).filter(|year| YEARS.contains(year))?;
    let before: u64 = (1970..year).map(days_of).sum();
    Some(before.saturating_add(day_of_year(year, rest)?))
}

/// The place in its year, from 0, of a date without its year: `02-14`.
pub(super) fn day_of_year(year: u64, date: &str) -> Option<u64> {
    let (month, day) = date.split_once('-')?;
    let (month, day) = (digits(month, 2)?, digits(day, 2)?);
    let at = usize::try_from(month.checked_sub(1)?).ok()?;
    // The other months have 337 days.
    let february = days_of(year).saturating_sub(337);
    let length = |length: &u64| if *length == 0 { february } else { *length };
    let day =
        day.checked_sub(1).filter(|day| MONTHS.get(at).map(length).is_some_and(|n| *day < n))?;
    Some(MONTHS.iter().take(at).map(length).sum::<u64>().saturating_add(day))
}

fn clock_ms(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let mut next = |bound: u64| digits(parts.next()?, 2).filter(|n| *n < bound);
    let (hour, minute, second) = (next(24)?, next(60)?, next(60)?);
    let seconds = hour.saturating_mul(3600).saturating_add(minute.saturating_mul(60));
    parts.next().is_none().then(|| seconds.saturating_add(second).saturating_mul(1000))
}

fn digits(text: &str, length: usize) -> Option<u64> {
    let plain = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_verify::time::text;

    #[test]
    fn what_is_shown_of_a_time_is_what_was_written() {
        for (written, shown) in [
            ("2000-02-29", "2000-02-29 00:00:00.000 UTC+8"),
            ("2026-11-24T08:02:25", "2026-11-24 08:02:25.000 UTC+8"),
            ("2027-12-31T23:59:59", "2027-12-31 23:59:59.000 UTC+8"),
            ("951782400000", "2000-02-29 08:00:00.000 UTC+8"),
        ] {
            assert_eq!(text(time(written).unwrap()), shown);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for odd in [
            "",
            "-1",
            "2027-13-01",
            "2027-02-29",
            "2027-1-1",
            "2027-01-00",
            "27-01-01",
            "2027-01-01T24:00:00",
            "2027-01-01T08:30",
            "2027-01-01T08:30:00:00",
            "２０２７-01-01",
            "1.5",
            "99999999999999999999",
            "2027-01-01 08:30:00",
        ] {
            assert!(time(odd).is_err(), "{odd}");
        }
    }
}
