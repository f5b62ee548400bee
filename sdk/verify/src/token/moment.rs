//! Times of ASN.1, in milliseconds since 1970.
//!
//! Source: Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms* (days from civil).

use super::der::{Element, GENERALIZED_TIME, UTC_TIME};
use linli_types::height::TimeMs;

/// Reads a time in UTC; times before 1970 are 1970.
pub(super) fn read(element: Element<'_>) -> Option<TimeMs> {
    let text = core::str::from_utf8(element.body).ok()?.strip_suffix('Z')?;
    let year_digits = match element.tag {
        GENERALIZED_TIME => 4,
        UTC_TIME => 2,
        _ => return None,
    };
    let (year, rest) = text.split_at_checked(year_digits)?;
    let year = match (number(year)?, element.tag) {
        // RFC 5280, section 4.1.2.5.1.
        (short @ 0..50, UTC_TIME) => short.checked_add(2000)?,
        (short, UTC_TIME) => short.checked_add(1900)?,
        (year, _) => year,
    };
    let (whole, fraction) = rest.split_at_checked(10)?;
    let mut pairs = [0_u64; 5];
    for (place, pair) in pairs.iter_mut().enumerate() {
        let from = place.checked_mul(2)?;
        *pair = number(whole.get(from..from.checked_add(2)?)?)?;
    }
    let [month, day, hour, minute, second] = pairs;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let ms = match (fraction, element.tag) {
        ("", _) => 0,
        (fraction, GENERALIZED_TIME) => milliseconds(fraction)?,
        _ => return None,
    };
    let hours = days(year, month, day)?.checked_mul(24)?.checked_add(hour)?;
    let minutes = hours.checked_mul(60)?.checked_add(minute)?;
    let seconds = minutes.checked_mul(60)?.checked_add(second)?;
    Some(TimeMs(seconds.checked_mul(1000)?.checked_add(ms)?))
}

/// A point and digits, the last not zero; what is finer than a millisecond is cut off.
fn milliseconds(fraction: &str) -> Option<u64> {
    let digits = fraction.strip_prefix('.')?;
    if digits.is_empty() || digits.len() > 9 || digits.ends_with('0') {
        return None;
    }
    number(digits)?;
    let first = digits.bytes().chain([b'0'; 2]).take(3);
    Some(first.fold(0, |sum, digit| sum * 10 + u64::from(digit & 15)))
}

fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Days from 1970-01-01 to a date that the calendar has.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day == 0 || day > last {
        return None;
    }
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month.checked_sub(3)? } else { month.checked_add(9)? };
    let of_year = (153_u64.checked_mul(shifted)?.checked_add(2)? / 5).checked_add(day)?;
    let leaps = (of_era / 4).checked_sub(of_era / 100)?;
    let of_era = of_era.checked_mul(365)?.checked_add(leaps)?.checked_add(of_year)?;
    let all = era.checked_mul(146_097)?.checked_add(of_era)?;
    Some(all.saturating_sub(719_469))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tag: u8, text: &str) -> Option<u64> {
        let (body, whole) = (text.as_bytes(), text.as_bytes());
        read(Element { tag, body, whole }).map(|time| time.0)
    }

    #[test]
    fn known_moments_read_as_they_are_known() {
        assert_eq!(at(GENERALIZED_TIME, "19700101000000Z"), Some(0));
        assert_eq!(at(GENERALIZED_TIME, "20000229000000Z"), Some(951_782_400_000));
        assert_eq!(at(GENERALIZED_TIME, "20261124000225.678Z"), Some(1_795_478_545_678));
        assert_eq!(at(GENERALIZED_TIME, "20230607112626Z"), Some(1_686_137_186_000));
        assert_eq!(at(GENERALIZED_TIME, "20230607112626.5Z"), Some(1_686_137_186_500));
        assert_eq!(at(GENERALIZED_TIME, "20230607112626.1234Z"), Some(1_686_137_186_123));
        assert_eq!(at(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(at(UTC_TIME, "230607112626Z"), Some(1_686_137_186_000));
        assert_eq!(at(GENERALIZED_TIME, "19500101000000Z"), Some(0));
    }

    #[test]
    fn days_that_the_calendar_lacks_and_other_spellings_are_refused() {
        for text in [
            "20230229000000Z",
            "20231301000000Z",
            "20230100000000Z",
            "20230431000000Z",
            "20230607240000Z",
            "20230607116026Z",
            "20230607112660Z",
            "20230607112626",
            "20230607112626.Z",
            "20230607112626.50Z",
            "20230607112626+0800",
            "2023060711Z",
            "+0230607112626Z",
            "２0230607112626Z",
        ] {
            assert_eq!(at(GENERALIZED_TIME, text), None, "{text}");
        }
        assert_eq!(at(UTC_TIME, "230607112626.5Z"), None);
    }
}
