//! Quantities, counted exactly.
//!
//! [`Amount`] counts minor units of some asset: fen, minutes, points.
//!
//! # Invariants
//!
//! - **A1 whole.** An amount is a whole number of units; no float ever touches it.
//! - **A2 checked.** Sums and differences return an `Option`. There is no `Add`, no `Sub` and no
//!   `From<u64>`, so an amount cannot wrap, clamp, or appear from a bare integer by accident.

use alloc::format;
use alloc::string::{String, ToString};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// A count of minor units.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads `units` as a count of minor units (fen, not yuan).
    pub const fn from_units(units: u64) -> Self {
        Self(units)
    }

    /// Returns the count of minor units.
    pub const fn units(self) -> u64 {
        self.0
    }

    /// Adds, or `None` if the sum does not fit.
    #[must_use]
    pub const fn plus(self, right: Self) -> Option<Self> {
        match self.0.checked_add(right.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// Takes away, or `None` if `right` is larger.
    #[must_use]
    pub const fn minus(self, right: Self) -> Option<Self> {
        match self.0.checked_sub(right.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Minor units as people write them: `decimals` digits after the point, and none of grouping, so
/// that what is shown can be given back.
pub fn decimal(units: i128, decimals: u8) -> String {
    let (sign, digits) = (if units < 0 { "-" } else { "" }, units.unsigned_abs().to_string());
    let places = usize::from(decimals);
    if places == 0 {
        return format!("{sign}{digits}");
    }
    // At least one digit before the point.
    let digits = format!("{digits:0>width$}", width = places.saturating_add(1));
    let (whole, rest) = digits.split_at(digits.len().saturating_sub(places));
    format!("{sign}{whole}.{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_written_with_their_point() {
        for (units, decimals, text) in [
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (1_000_000, 2, "10000.00"),
            (-12_345, 4, "-1.2345"),
            (90, 0, "90"),
            (i128::from(u64::MAX), 2, "184467440737095516.15"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
        ] {
            assert_eq!(decimal(units, decimals), text);
        }
    }

    #[test]
    fn amounts_never_wrap() {
        let [zero, one, max] = [0, 1, u64::MAX].map(Amount::from_units);
        assert_eq!(max.plus(one), None);
        assert_eq!(zero.minus(one), None);
        assert_eq!(one.minus(one), Some(zero));
    }
}
