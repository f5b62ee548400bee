//! When a picture says that it was taken: the times in its EXIF block.

use crate::error::Error;
use crate::steady::unreadable;
use std::io::Read as _;
use std::path::Path;

/// EXIF stands at the beginning of a file.
const HEAD_BYTES: u64 = 128 * 1024;
const MARK: &[u8] = b"Exif\0\0";
/// `2026:11:23 14:20:31`.
const TIME_BYTES: usize = 19;
/// EXIF names no zone: cameras here stand at UTC+8.
const ZONE_MS: i64 = 8 * 3_600_000;

/// The earliest time that a file's EXIF block names, milliseconds since 1970 UTC; `None` without one.
pub(super) fn read(path: &Path) -> Result<Option<u64>, Error> {
    let file = std::fs::File::open(path).map_err(|e| unreadable(path, &e))?;
    let mut head = Vec::new();
    file.take(HEAD_BYTES).read_to_end(&mut head).map_err(|e| unreadable(path, &e))?;
    Ok(earliest(&head))
}

fn earliest(head: &[u8]) -> Option<u64> {
    let at = head.windows(MARK.len()).position(|w| w == MARK)?;
    head.get(at..)?.windows(TIME_BYTES).filter_map(time).min()
}

fn time(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let (day, clock) = text.split_once(' ')?;
    let three = |text: &str| -> Option<[i64; 3]> {
        let mut parts = text.split(':');
        let mut next = || parts.next().filter(|p| p.len() >= 2)?.parse::<i64>().ok();
        let all = [next()?, next()?, next()?];
        parts.next().is_none().then_some(all)
    };
    let ([year, month, day], [hour, minute, second]) = (three(day)?, three(clock)?);
    let plausible = (1970..=2200).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !plausible {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    u64::try_from(seconds * 1_000 - ZONE_MS).ok()
}

/// Days since 1970 of a day of the Gregorian calendar, its years beginning in March.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, month) = (year.div_euclid(400), (month + 9) % 12);
    let of_era = year - era * 400;
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_time_of_a_picture_is_read() {
        let picture = b"\xff\xd8\xff\xe1..Exif\0\0MM..2026:11:23 14:20:31\0..2026:11:16 08:00:00\0";
        // 2026-11-16 08:00:00 in UTC+8.
        assert_eq!(earliest(picture), Some(1_794_787_200_000));
        assert_eq!(earliest(b"no picture 2026:11:16 08:00:00"), None);
        assert_eq!(earliest(b"Exif\0\0 2026:13:16 08:00:00 0000:00:00 00:00:00"), None);
    }
}
