//! Working days in UTC+8, from a governed table: one bit per day, whole years.
//!
//! Nothing is guessed: a year that the table lacks is an error, also when the weekday would be
//! known, because holidays and the working weekends beside them are announced year by year.
//!
//! # Invariants
//!
//! - **W1 no guess.** An answer depends on bits of the table alone.
//! - **W2 ascending.** Years stand in order, each once; bits past a year's last day are zero.

use crate::height::TimeMs;
use crate::limits::{CALENDAR_YEAR_END, WORKING_DAYS_MAX};
use borsh::{BorshDeserialize, BorshSerialize};

/// Bytes of a year's bits: 366 days.
pub const YEAR_BYTES: usize = 46;
/// UTC+8, in milliseconds.
const OFFSET_MS: u64 = 8 * 3600 * 1000;
const DAY_MS: u64 = 24 * 3600 * 1000;
/// The first year that a day can lie in.
const EPOCH_YEAR: u64 = 1970;

/// A day in UTC+8, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u64);

impl Day {
    /// The day that a time lies in.
    pub const fn of(time: TimeMs) -> Self {
        Self(time.plus_ms(OFFSET_MS).0 / DAY_MS)
    }

    /// Its first millisecond, or the first of all for a day that began before 1970 in UTC.
    pub const fn begins(self) -> TimeMs {
        TimeMs(self.0.saturating_mul(DAY_MS).saturating_sub(OFFSET_MS))
    }

    /// The day after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its year, and its place in it from 0.
    pub fn in_year(self) -> (u64, u64) {
        // 400 years have 146,097 days: the guess is off by one year at most.
        let years = u128::from(self.0).saturating_mul(400) / 146_097;
        let mut year = EPOCH_YEAR.saturating_add(u64::try_from(years).unwrap_or(u64::MAX));
        while days_before(year) > self.0 {
            year = year.saturating_sub(1);
        }
        while days_before(year.saturating_add(1)) <= self.0 {
            year = year.saturating_add(1);
        }
        (year, self.0.saturating_sub(days_before(year)))
    }
}

/// Days from 1970-01-01 to the first day of `year`.
fn days_before(year: u64) -> u64 {
    let leap_days = |before: u64| before / 4 - before / 100 + before / 400;
    let years = year.saturating_sub(EPOCH_YEAR);
    let leaps = leap_days(year.saturating_sub(1)).saturating_sub(leap_days(EPOCH_YEAR - 1));
    years.saturating_mul(365).saturating_add(leaps)
}

/// Days of `year`.
pub fn days_of(year: u64) -> u64 {
    days_before(year.saturating_add(1)).saturating_sub(days_before(year))
}

/// One year of the table.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Year {
    /// Which.
    pub year: u16,
    /// Bit `i mod 8` of byte `i / 8`: whether day `i` of the year, from 0, is a working day.
    pub working: [u8; YEAR_BYTES],
}

impl Year {
    /// Whether the year may stand in a table (W2).
    pub fn is_sound(&self) -> bool {
        let days = days_of(u64::from(self.year));
        let known = u64::from(self.year) >= EPOCH_YEAR && self.year < CALENDAR_YEAR_END;
        known && (days..YEAR_BYTES as u64 * 8).all(|day| !self.works_on(day))
    }

    fn works_on(&self, day: u64) -> bool {
        let byte = usize::try_from(day / 8).ok().and_then(|at| self.working.get(at));
        byte.is_some_and(|byte| byte >> (day % 8) & 1 == 1)
    }
}

/// Why a day has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDay {
    /// The table lacks the year (W1).
    #[error("the calendar has no year {0}")]
    Missing(u64),
    /// More days than may be added at once.
    #[error("{found} working days; at most {max} are added at once")]
    TooMany {
        /// How many.
        found: u32,
        /// The bound.
        max: u32,
    },
}

/// Whether `day` is a working day.
///
/// # Errors
///
/// [`NoDay::Missing`]; the fault lies with whoever keeps the table.
pub fn is_working_day(calendar: &[Year], day: Day) -> Result<bool, NoDay> {
    let (year, at) = day.in_year();
    let found = calendar.iter().find(|known| u64::from(known.year) == year);
    found.map(|known| known.works_on(at)).ok_or(NoDay::Missing(year))
}

/// The `count`-th working day after `from`; `from` itself is not counted. For a count of 0: `from`,
/// or the first working day after it if `from` is none.
///
/// # Errors
///
/// [`NoDay`]; the fault lies with whoever keeps the table, or with the asker for too many.
pub fn add_working_days(calendar: &[Year], from: Day, count: u32) -> Result<Day, NoDay> {
    if count > WORKING_DAYS_MAX {
        return Err(NoDay::TooMany { found: count, max: WORKING_DAYS_MAX });
    }
    let (mut day, mut left) = (from, count);
    if left == 0 {
        while !is_working_day(calendar, day)? {
            day = day.next();
        }
    }
    while left > 0 {
        day = day.next();
        left = left.saturating_sub(u32::from(is_working_day(calendar, day)?));
    }
    Ok(day)
}

#[cfg(test)]
mod tests;
