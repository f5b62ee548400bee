//! Block time for people: UTC+8, which all of China keeps.
//!
//! Source: Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms* (days to civil).

use alloc::format;
use alloc::string::String;
use linli_types::height::TimeMs;

const DAY_S: u64 = 24 * 3600;

/// `2026-11-24 08:00:00.000 UTC+8`. Times beyond the year 9999 show as milliseconds.
pub fn text(time: TimeMs) -> String {
    let local_ms = time.plus_ms(8 * 3600 * 1000).0;
    let (seconds, ms) = (local_ms / 1000, local_ms % 1000);
    let (days, rest) = (seconds / DAY_S, seconds % DAY_S);
    if days > 2_932_896 {
        return format!("{} ms", time.0);
    }
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{ms:03} UTC+8")
}

/// Year, month and day of the day `days` after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_read_as_they_are_known() {
        assert_eq!(text(TimeMs(0)), "1970-01-01 08:00:00.000 UTC+8");
        assert_eq!(text(TimeMs(951_782_400_000)), "2000-02-29 08:00:00.000 UTC+8");
        assert_eq!(text(TimeMs(1_795_478_545_678)), "2026-11-24 08:02:25.678 UTC+8");
        assert_eq!(text(TimeMs(u64::MAX)), format!("{} ms", u64::MAX));
    }
}
