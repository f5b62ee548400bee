//! Quantities, counted exactly.
//!
//! [`Amount`] counts minor units of some asset: fen, minutes, points.
//!
//! # Invariants
//!
//! - **A1 whole.** An amount is a whole number of units; no float ever touches it.
//! - **A2 checked.** Sums and differences return an `Option`. There is no `Add`, no `Sub` and no
//!   `From<u64>`, so an amount cannot wrap, clamp, or appear from a bare integer by accident.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_never_wrap() {
        let [zero, one, max] = [0, 1, u64::MAX].map(Amount::from_units);
        assert_eq!(max.plus(one), None);
        assert_eq!(zero.minus(one), None);
        assert_eq!(one.minus(one), Some(zero));
    }
}
