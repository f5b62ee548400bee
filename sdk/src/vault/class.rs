//! How long a record is kept, and what its parts are.

use borsh::{BorshDeserialize, BorshSerialize};

/// A leap year: rather a day too long, as the evidence contract counts.
const YEAR_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// How long a law keeps a record. The numbers are those of the evidence contract's `Retention`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Class {
    /// No law keeps it: erased when the person asks.
    Personal,
    /// Bank statements: 10 years.
    Years10,
    /// Procurement: 15 years.
    Years15,
    /// Accounting vouchers: 30 years.
    Years30,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Personal, Self::Years10, Self::Years15, Self::Years30];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Years10 => "10y",
            Self::Years15 => "15y",
            Self::Years30 => "30y",
        }
    }

    /// The class of a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The number in the evidence contract's `Retention`.
    pub const fn number(self) -> i32 {
        match self {
            Self::Personal => 1,
            Self::Years10 => 2,
            Self::Years15 => 3,
            Self::Years30 => 4,
        }
    }

    const fn years(self) -> u64 {
        match self {
            Self::Personal => 0,
            Self::Years10 => 10,
            Self::Years15 => 15,
            Self::Years30 => 30,
        }
    }

    /// V3. Whether a law still keeps a record of `stored_at_ms`.
    pub(super) const fn keeps(self, stored_at_ms: u64, now_ms: u64) -> bool {
        now_ms < stored_at_ms.saturating_add(self.years().saturating_mul(YEAR_MS))
    }
}

/// What a part of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Role {
    /// The manifest with its salt.
    Manifest,
    /// The signed statement.
    Statement,
    /// A file that the manifest names.
    File,
    /// The evidence pack.
    Pack,
    /// What is known of the capturing.
    Environment,
}

impl Role {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Statement => "statement",
            Self::File => "file",
            Self::Pack => "pack",
            Self::Environment => "environment",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leg_20_a_law_keeps_a_voucher_for_thirty_years() {
        let (year, stored) = (365 * 24 * 60 * 60 * 1000_u64, 1_795_478_400_000);
        for (class, years) in [(Class::Years10, 10), (Class::Years15, 15), (Class::Years30, 30)] {
            assert!(class.keeps(stored, stored + years * year), "{class:?}");
            assert!(!class.keeps(stored, stored + (years + 1) * year), "{class:?}");
        }
        assert!(!Class::Personal.keeps(stored, stored));
    }

    #[test]
    fn every_class_has_its_word() {
        for class in Class::ALL {
            assert_eq!(Class::from_name(class.name()), Some(class));
        }
        assert_eq!(Class::from_name("forever"), None);
    }
}
