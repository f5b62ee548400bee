//! A version of the policy: parameters and tables, as the genesis and the state hold them.
//!
//! Each version is whole: what held at a time is one row, never a sum of changes.
//!
//! # Invariants
//!
//! - **Y1 sound.** Every version keeps the bounds of its parameters and tables ([`Policy::check`]).
//! - **Y2 one spelling.** Parameters, years, codes, pairs and weights stand in order, each once.

use crate::calendar::Year;
use crate::limits::{
    CALENDAR_YEARS_MAX, DUTY_PAIRS_MAX, NEGATIVE_CODES_MAX, POLICY_PARAMS_MAX, WEIGHTS_MAX,
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

const SECOND_MS: u64 = 1_000;
const DAY_MS: u64 = 24 * 3600 * SECOND_MS;
const YEAR_MS: u64 = 366 * DAY_MS;

/// A parameter that native rooms read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Param {
    /// How long before it begins a version must be set, in milliseconds.
    PolicyLockMs = 1,
    /// How long a recovery waits, in milliseconds.
    RecoveryWaitMs = 2,
    /// How long a mandate may last, in milliseconds.
    MandateMsMax = 3,
    /// How long an attestation may last, in milliseconds.
    AttestationMsMax = 4,
    /// How long a motion that passed waits for its execution, in milliseconds.
    MotionDelayMs = 5,
    /// How long a motion is open at least, in milliseconds.
    MotionOpenMsMin = 6,
    /// How long a motion is open at most, in milliseconds.
    MotionOpenMsMax = 7,
    /// The same wait for a contract's code (`domain.md` §C), in milliseconds.
    CodeDelayMs = 8,
    /// Fuel that one organisation's transactions may use per day; 0 for any.
    OrgFuelPerDay = 11,
    /// Bytes that one organisation's transactions may have per day; 0 for any.
    OrgBytesPerDay = 12,
}

/// A native parameter's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamRule {
    /// Which.
    pub param: Param,
    /// Its stable name.
    pub name: &'static str,
    /// Smallest value.
    pub min: u64,
    /// Largest value.
    pub max: u64,
    /// The value while nobody has set one.
    pub default: u64,
}

/// The native parameters. A chain that wants fast days governs short windows in its genesis.
pub const PARAMS: &[ParamRule] = &[
    rule(Param::PolicyLockMs, "POLICY_LOCK_MS", (SECOND_MS, 30 * DAY_MS), DAY_MS),
    rule(Param::RecoveryWaitMs, "RECOVERY_WAIT_MS", (SECOND_MS, 90 * DAY_MS), 3 * DAY_MS),
    rule(Param::MandateMsMax, "MANDATE_MS_MAX", (DAY_MS, 10 * YEAR_MS), YEAR_MS),
    rule(Param::AttestationMsMax, "ATTESTATION_MS_MAX", (DAY_MS, 10 * YEAR_MS), 5 * YEAR_MS),
    rule(Param::MotionDelayMs, "MOTION_DELAY_MS", (0, 30 * DAY_MS), DAY_MS),
    rule(Param::MotionOpenMsMin, "MOTION_OPEN_MS_MIN", (SECOND_MS, 30 * DAY_MS), DAY_MS),
    rule(Param::MotionOpenMsMax, "MOTION_OPEN_MS_MAX", (SECOND_MS, 90 * DAY_MS), 30 * DAY_MS),
    rule(Param::CodeDelayMs, "CODE_DELAY_MS", (0, 30 * DAY_MS), 7 * DAY_MS),
    rule(Param::OrgFuelPerDay, "ORG_FUEL_PER_DAY", (0, u64::MAX), 0),
    rule(Param::OrgBytesPerDay, "ORG_BYTES_PER_DAY", (0, u64::MAX), 0),
];

/// Parameters from this number on are contracts': any value, read by whoever knows it.
pub const CONTRACT_PARAMS_FROM: u32 = 1_000;

const fn rule(param: Param, name: &'static str, range: (u64, u64), default: u64) -> ParamRule {
    ParamRule { param, name, min: range.0, max: range.1, default }
}

impl Param {
    /// The stable number.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// What a principal did on a record (`domain.md` §B1, `SOD_TABLE`).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
#[allow(missing_docs, reason = "the names are those of domain.md §B1")]
pub enum Duty {
    Recorder,
    Verifier,
    Requester,
    Approver,
    Payer,
    Reconciler,
    Issuer,
    Redeemer,
    Evaluator,
    Payee,
    Arbitrator,
    Party,
}

impl Duty {
    /// Every duty, in the order of its number.
    pub const ALL: [Self; 12] = [
        Self::Recorder,
        Self::Verifier,
        Self::Requester,
        Self::Approver,
        Self::Payer,
        Self::Reconciler,
        Self::Issuer,
        Self::Redeemer,
        Self::Evaluator,
        Self::Payee,
        Self::Arbitrator,
        Self::Party,
    ];

    /// The number that messages use, from 1 on.
    pub fn number(self) -> u32 {
        (1_u32..).zip(Self::ALL).find(|(_, duty)| *duty == self).map_or(0, |(number, _)| number)
    }

    /// The duty with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        Self::ALL.get(at).copied()
    }

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recorder => "RECORDER",
            Self::Verifier => "VERIFIER",
            Self::Requester => "REQUESTER",
            Self::Approver => "APPROVER",
            Self::Payer => "PAYER",
            Self::Reconciler => "RECONCILER",
            Self::Issuer => "ISSUER",
            Self::Redeemer => "REDEEMER",
            Self::Evaluator => "EVALUATOR",
            Self::Payee => "PAYEE",
            Self::Arbitrator => "ARBITRATOR",
            Self::Party => "PARTY",
        }
    }
}

/// Two duties that one principal may not both do on one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct DutyPair {
    /// One; the smaller.
    pub a: Duty,
    /// The other.
    pub b: Duty,
    /// Whether relatives count as one: who verifies is no relative of who recorded.
    pub relatives: bool,
}

impl DutyPair {
    /// Whether the pair is these two duties, in either order.
    pub fn joins(&self, one: Duty, other: Duty) -> bool {
        (self.a, self.b) == (one, other) || (self.a, self.b) == (other, one)
    }
}

/// What weights are for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum WeightsOf {
    /// How revenue of the fund is split (30/50/20).
    FundAllocation,
    /// The chambers of the council: residents, enterprises, social organisations (40/30/30).
    Council,
    /// The three parts of the efficiency index (35/40/25).
    Efficiency,
}

impl WeightsOf {
    /// Every table, in the order of its number.
    pub const ALL: [Self; 3] = [Self::FundAllocation, Self::Council, Self::Efficiency];

    /// The table with this number, from 1 on.
    pub fn from_number(number: u32) -> Option<Self> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        Self::ALL.get(at).copied()
    }

    /// The number that messages use, from 1 on.
    pub fn number(self) -> u32 {
        (1_u32..).zip(Self::ALL).find(|(_, of)| *of == self).map_or(0, |(number, _)| number)
    }

    /// How many parts it must have; all weights of the plan have three.
    pub const fn parts(self) -> usize {
        match self {
            Self::FundAllocation | Self::Council | Self::Efficiency => 3,
        }
    }
}

/// Weights in hundredths, one per part.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Weights {
    /// What for.
    pub of: WeightsOf,
    /// The parts; they add up to 100.
    pub parts: Vec<u32>,
}

/// A version's content.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Policy {
    /// Parameters that were set, by number. Others have their defaults.
    pub params: Vec<(u32, u64)>,
    /// The calendar of working days, by year.
    pub calendar: Vec<Year>,
    /// Codes of purchases that must not be made.
    pub negative: Vec<u32>,
    /// Duties that need two principals.
    pub duties: Vec<DutyPair>,
    /// Weights.
    pub weights: Vec<Weights>,
}

/// Why a policy cannot stand. The fault lies with whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPolicy {
    /// No such native parameter.
    #[error("there is no parameter {0}")]
    UnknownParam(u32),
    /// Outside its range.
    #[error("{name} is {value}; it must be {min} to {max}")]
    Range {
        /// Which.
        name: &'static str,
        /// What it would be.
        value: u64,
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A year that cannot be one.
    #[error("the year {0} of the calendar has days that it cannot have")]
    Year(u16),
    /// Weights that do not add up to 100, or of another number of parts.
    #[error("the weights add up to {sum} over {parts} parts; they must give 100 over {expected}")]
    Weights {
        /// What they add up to.
        sum: u64,
        /// How many there are.
        parts: usize,
        /// How many there must be.
        expected: usize,
    },
    /// Out of order, twice, zero, or too many.
    #[error("the table {0} is out of order, names something twice, or is too long")]
    Table(&'static str),
}

impl Default for Policy {
    /// Defaults of the plan. The calendar is empty: holidays cannot be guessed.
    fn default() -> Self {
        let pair = |(a, b, relatives)| DutyPair { a, b, relatives };
        let weights = |(of, parts): (WeightsOf, [u32; 3])| Weights { of, parts: parts.into() };
        Self {
            params: Vec::new(),
            calendar: Vec::new(),
            negative: (1..=17).collect(),
            duties: PLAN_DUTIES.iter().copied().map(pair).collect(),
            weights: [
                (WeightsOf::FundAllocation, [30, 50, 20]),
                (WeightsOf::Council, [40, 30, 30]),
                (WeightsOf::Efficiency, [35, 40, 25]),
            ]
            .map(weights)
            .into(),
        }
    }
}

/// The pairs of `domain.md` §B1: recorder≠verifier, requester≠approver≠payer≠reconciler,
/// issuer≠redeemer, evaluator≠payee, arbitrator≠party or relative.
const PLAN_DUTIES: [(Duty, Duty, bool); 10] = [
    (Duty::Recorder, Duty::Verifier, true),
    (Duty::Requester, Duty::Approver, false),
    (Duty::Requester, Duty::Payer, false),
    (Duty::Requester, Duty::Reconciler, false),
    (Duty::Approver, Duty::Payer, false),
    (Duty::Approver, Duty::Reconciler, false),
    (Duty::Payer, Duty::Reconciler, false),
    (Duty::Issuer, Duty::Redeemer, false),
    (Duty::Evaluator, Duty::Payee, false),
    (Duty::Arbitrator, Duty::Party, true),
];

impl Policy {
    /// A native parameter's value.
    pub fn param(&self, param: Param) -> u64 {
        let number = param.number();
        let set = self.params.iter().find(|(known, _)| *known == number);
        let default = || PARAMS.iter().find(|rule| rule.param == param).map_or(0, |r| r.default);
        set.map_or_else(default, |(_, value)| *value)
    }

    /// Weights of a table, if it stands.
    pub fn weights(&self, of: WeightsOf) -> Option<&[u32]> {
        self.weights.iter().find(|w| w.of == of).map(|w| w.parts.as_slice())
    }

    /// Whether purchases of this code must not be made.
    pub fn is_negative(&self, code: u32) -> bool {
        self.negative.binary_search(&code).is_ok()
    }

    /// Judges a version (Y1, Y2).
    ///
    /// # Errors
    ///
    /// [`BadPolicy`]; the fault lies with whoever wrote it.
    pub fn check(&self) -> Result<(), BadPolicy> {
        in_order("params", &self.params, |(number, _)| *number, POLICY_PARAMS_MAX)?;
        self.params.iter().try_for_each(|(number, value)| check_param(*number, *value))?;
        in_order("calendar", &self.calendar, |year| year.year, CALENDAR_YEARS_MAX)?;
        if let Some(bad) = self.calendar.iter().find(|year| !year.is_sound()) {
            return Err(BadPolicy::Year(bad.year));
        }
        in_order("negative", &self.negative, |code| *code, NEGATIVE_CODES_MAX)?;
        in_order("duties", &self.duties, |pair| (pair.a, pair.b), DUTY_PAIRS_MAX)?;
        if self.negative.contains(&0) {
            return Err(BadPolicy::Table("negative"));
        }
        if self.duties.iter().any(|pair| pair.a >= pair.b) {
            return Err(BadPolicy::Table("duties"));
        }
        in_order("weights", &self.weights, |weights| weights.of, WEIGHTS_MAX)?;
        self.weights.iter().try_for_each(check_weights)
    }
}

/// Ascending, each once, at most so many (Y2).
fn in_order<T, K: Ord>(
    name: &'static str,
    rows: &[T],
    key: impl Fn(&T) -> K,
    max: usize,
) -> Result<(), BadPolicy> {
    let ascending = rows.iter().zip(rows.iter().skip(1)).all(|(a, b)| key(a) < key(b));
    if ascending && rows.len() <= max { Ok(()) } else { Err(BadPolicy::Table(name)) }
}

fn check_param(number: u32, value: u64) -> Result<(), BadPolicy> {
    if number >= CONTRACT_PARAMS_FROM {
        return Ok(());
    }
    let rule = PARAMS.iter().find(|rule| rule.param.number() == number);
    let ParamRule { name, min, max, .. } = *rule.ok_or(BadPolicy::UnknownParam(number))?;
    match (min..=max).contains(&value) {
        true => Ok(()),
        false => Err(BadPolicy::Range { name, value, min, max }),
    }
}

fn check_weights(weights: &Weights) -> Result<(), BadPolicy> {
    let sum = weights.parts.iter().copied().map(u64::from).sum();
    let (parts, expected) = (weights.parts.len(), weights.of.parts());
    match (sum, parts) == (100, expected) {
        true => Ok(()),
        false => Err(BadPolicy::Weights { sum, parts, expected }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn the_defaults_are_sound_and_every_parameter_has_a_rule() {
        assert_eq!(Policy::default().check(), Ok(()));
        for rule in PARAMS {
            assert!((rule.min..=rule.max).contains(&rule.default), "{}", rule.name);
            assert_eq!(Policy::default().param(rule.param), rule.default);
        }
        assert_eq!(Policy::default().negative.len(), 17);
        assert!(Policy::default().is_negative(17) && !Policy::default().is_negative(18));
    }

    #[test]
    fn weights_that_do_not_add_up_to_100_are_refused() {
        for parts in [vec![30, 50, 21], vec![30, 50], vec![], vec![100], vec![u32::MAX; 3]] {
            let mut policy = Policy::default();
            policy.weights[0].parts = parts;
            assert!(matches!(policy.check(), Err(BadPolicy::Weights { expected: 3, .. })));
        }
    }

    #[test]
    fn disorder_and_values_out_of_range_are_refused() {
        let with = |change: fn(&mut Policy)| {
            let mut policy = Policy::default();
            change(&mut policy);
            policy.check().unwrap_err()
        };
        assert_eq!(with(|p| p.negative.push(17)), BadPolicy::Table("negative"));
        assert_eq!(with(|p| p.negative.insert(0, 0)), BadPolicy::Table("negative"));
        assert_eq!(with(|p| p.duties.swap(0, 1)), BadPolicy::Table("duties"));
        assert_eq!(with(|p| p.duties[0].b = Duty::Recorder), BadPolicy::Table("duties"));
        assert_eq!(with(|p| p.params.push((77, 1))), BadPolicy::UnknownParam(77));
        assert!(matches!(with(|p| p.params.push((1, 0))), BadPolicy::Range { value: 0, .. }));
        let odd = Year { year: 2026, working: [0xff; crate::calendar::YEAR_BYTES] };
        let mut policy = Policy::default();
        policy.calendar.push(odd);
        assert_eq!(policy.check(), Err(BadPolicy::Year(2026)));
        policy.calendar.clear();
        policy.params = vec![(1_000, 0), (1_001, u64::MAX)];
        assert_eq!(policy.check(), Ok(()));
    }
}
