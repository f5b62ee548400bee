//! Editions of the wording. What a kept pack's explanation says is said so for ever; another wording is
//! another edition, beside it.

/// Which wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edition {
    /// It took a second signature for the organisation's, and was silent about what a pack leaves out of
    /// a record's later life.
    First,
    /// It says whose keys were not checked, and what the pack does not tell.
    Second,
}

impl Edition {
    /// The one that is written.
    pub(crate) const NOW: Self = Self::Second;
    /// All that are read, the newest first.
    pub(crate) const ALL: [Self; 2] = [Self::Second, Self::First];

    /// Its number, for people.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }
}
