//! The arithmetic of the council: chambers with weights, seats, votes (`domain.md` §B1).
//!
//! ```text
//! share = Σ weight · yes / non-recused seats        of Σ weight = 100
//! ```
//!
//! # Invariants
//!
//! - **C1 exact.** Shares are fractions and are compared by cross-multiplication; nothing is
//!   rounded.
//! - **C2 absence counts against.** A seat that does not vote stays in the denominator; only a
//!   recused one leaves it.
//! - **C3 no empty chamber.** A chamber with nobody left to vote has no share: the motion goes to
//!   the district.

use crate::limits::{CHAMBER_SEATS_MAX, CHAMBERS_MAX};

/// One chamber's vote on one motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chamber {
    /// Its weight, in hundredths; all chambers together have 100.
    pub weight: u32,
    /// Its seats, at most [`CHAMBER_SEATS_MAX`].
    pub seats: u32,
    /// Seats that are recused.
    pub recused: u32,
    /// Votes in favour.
    pub yes: u32,
}

/// How much a motion needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// More than one half.
    Simple,
    /// Two thirds or more.
    Special,
}

/// Why votes have no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoShare {
    /// Nobody is left to vote in a chamber (C3).
    #[error("chamber {0} has nobody left to vote")]
    Empty(usize),
    /// More recused or in favour than there are seats, or more seats than a chamber has.
    #[error("the votes of chamber {0} do not fit its seats")]
    Votes(usize),
    /// No chamber, too many, or weights that do not add up to 100.
    #[error("the chambers' weights do not add up to 100")]
    Weights,
}

/// A share of 100, as a reduced fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Above the line.
    pub numerator: u128,
    /// Below the line, above zero.
    pub denominator: u128,
}

/// The share of a motion.
///
/// # Errors
///
/// [`NoShare`]; the fault lies with whoever counted, but for [`NoShare::Empty`], which is a result.
pub fn share(chambers: &[Chamber]) -> Result<Share, NoShare> {
    let weights: u64 = chambers.iter().map(|c| u64::from(c.weight)).sum();
    if chambers.is_empty() || chambers.len() > CHAMBERS_MAX || weights != 100 {
        return Err(NoShare::Weights);
    }
    let mut share = Share { numerator: 0, denominator: 1 };
    for (index, chamber) in chambers.iter().enumerate() {
        let voters = chamber.seats.checked_sub(chamber.recused).ok_or(NoShare::Votes(index))?;
        if chamber.yes > voters || chamber.seats > CHAMBER_SEATS_MAX {
            return Err(NoShare::Votes(index));
        }
        if voters == 0 {
            return Err(NoShare::Empty(index)); // C3
        }
        let part = u128::from(chamber.weight).saturating_mul(u128::from(chamber.yes));
        share = share.plus(part, u128::from(voters));
    }
    Ok(share)
}

impl Share {
    /// This share and `numerator / denominator` more. At most eight chambers of 200 seats: the
    /// products stay below 2^80 (C1).
    fn plus(self, numerator: u128, denominator: u128) -> Self {
        let left = self.numerator.saturating_mul(denominator);
        let right = numerator.saturating_mul(self.denominator);
        let (n, d) = (left.saturating_add(right), self.denominator.saturating_mul(denominator));
        let common = common_divisor(n, d).max(1);
        let part = |whole: u128| whole.checked_div(common).unwrap_or(whole);
        Self { numerator: part(n), denominator: part(d) }
    }

    /// Whether it is enough.
    pub const fn passes(&self, threshold: Threshold) -> bool {
        match threshold {
            Threshold::Simple => self.numerator > self.denominator.saturating_mul(50),
            Threshold::Special => {
                self.numerator.saturating_mul(3) >= self.denominator.saturating_mul(200)
            }
        }
    }
}

fn common_divisor(mut a: u128, mut b: u128) -> u128 {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chambers(votes: [(u32, u32, u32); 3]) -> [Chamber; 3] {
        let chamber = |(weight, (seats, recused, yes))| Chamber { weight, seats, recused, yes };
        [(40, votes[0]), (30, votes[1]), (30, votes[2])].map(chamber)
    }

    #[test]
    fn a_chamber_with_nobody_left_to_vote_has_no_share() {
        let empty = chambers([(20, 0, 20), (15, 15, 0), (15, 0, 15)]);
        assert_eq!(share(&empty), Err(NoShare::Empty(1)));
        assert_eq!(share(&chambers([(0, 0, 0), (1, 0, 1), (1, 0, 1)])), Err(NoShare::Empty(0)));
    }

    #[test]
    fn votes_that_do_not_fit_and_weights_that_do_not_add_up_are_refused() {
        for votes in [(3, 4, 0), (3, 1, 3), (201, 0, 1)] {
            assert_eq!(share(&chambers([votes, (1, 0, 1), (1, 0, 1)])), Err(NoShare::Votes(0)));
        }
        let mut chambers = chambers([(1, 0, 1); 3]);
        chambers[2].weight = 31;
        assert_eq!(share(&chambers), Err(NoShare::Weights));
        assert_eq!(share(&[]), Err(NoShare::Weights));
    }

    #[test]
    fn exactly_one_half_is_not_more_than_one_half_and_two_thirds_suffice() {
        let half = share(&chambers([(2, 0, 1), (2, 0, 1), (2, 0, 1)])).unwrap();
        assert_eq!((half.numerator, half.denominator), (50, 1));
        assert!(!half.passes(Threshold::Simple));
        let two_thirds = share(&chambers([(3, 0, 2), (3, 0, 2), (3, 0, 2)])).unwrap();
        assert!(two_thirds.passes(Threshold::Special));
        // One vote of six hundred less is not enough.
        let below = share(&chambers([(200, 50, 99), (150, 0, 100), (150, 0, 100)])).unwrap();
        assert!(!below.passes(Threshold::Special));
    }
}
