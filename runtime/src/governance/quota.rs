//! What an organisation may use of the chain per day, instead of fees: fuel and bytes, governed.
//!
//! A day is the day in UTC+8 of the block's time. One row per organisation says what it has used;
//! a block writes it once, however many transactions stand in it. Without a governed bound nothing
//! is counted.
//!
//! # Invariants
//!
//! - **G10 bounded.** An organisation that has used up a bound gets refusals without effect until the
//!   next day; what one transaction costs may reach past the bound, never two.

use super::ROOM;
use crate::native::word;
use crate::overlay::Overlay;
use crate::policy;
use crate::stored::{decode, full_key};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::calendar::Day;
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::policy::{Param, Policy};
use linli_types::receipt::{Param as Parameter, Refusal};
use linli_types::store::{Broken, Column, Read};
use std::collections::BTreeMap;

/// What an organisation has used; the key is its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct UsageRow {
    /// On which day, counted from 1970-01-01 in UTC+8.
    pub day: u64,
    /// Fuel of its transactions.
    pub fuel: u64,
    /// Bytes of its transactions.
    pub bytes: u64,
}

/// The bounds in force; 0 means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Fuel per day.
    pub fuel: u64,
    /// Bytes per day.
    pub bytes: u64,
}

impl Bounds {
    /// The bounds of a version.
    pub(crate) fn of(policy: &Policy) -> Self {
        let [fuel, bytes] = [Param::OrgFuelPerDay, Param::OrgBytesPerDay].map(|p| policy.param(p));
        Self { fuel, bytes }
    }

    /// The bounds that hold at a time.
    ///
    /// # Errors
    ///
    /// [`Broken`] if a row cannot be read.
    pub(crate) fn at(store: &dyn Read, time: TimeMs) -> Result<Self, Broken> {
        let mut overlay = Overlay::new(store);
        Ok(Self::of(&policy::in_force(&mut overlay, time)?.content))
    }

    const fn are_none(self) -> bool {
        self.fuel == 0 && self.bytes == 0
    }

    /// Whether an organisation has used up what it may (G10).
    fn judge(self, used: &UsageRow) -> Result<(), Refusal> {
        let over = |used: u64, max: u64| max != 0 && used >= max;
        let refuse = |what: &str, used: u64, max: u64| {
            Err(Code::Quota.refuse([word(what), Parameter::Number(used), Parameter::Number(max)]))
        };
        if over(used.fuel, self.fuel) {
            return refuse("fuel", used.fuel, self.fuel);
        }
        if over(used.bytes, self.bytes) {
            return refuse("bytes", used.bytes, self.bytes);
        }
        Ok(())
    }
}

/// The full key of what an organisation has used.
pub fn usage_key(org: u32) -> Vec<u8> {
    full_key(ROOM, &[b"used/".as_slice(), &org.to_be_bytes()].concat())
}

/// What was used on a day, from a row that may be of another day.
fn on_day(row: Option<Vec<u8>>, day: u64) -> Result<UsageRow, Broken> {
    let row: Option<UsageRow> = row.map(|row| decode(&row, "a usage")).transpose()?;
    Ok(row.filter(|row| row.day == day).unwrap_or(UsageRow { day, fuel: 0, bytes: 0 }))
}

/// Whether a transaction of an organisation may enter the pool. `bounds` are those in force.
///
/// # Errors
///
/// Outside: [`Broken`] if the row cannot be read. Inside: the refusal.
pub(crate) fn admit(
    store: &dyn Read,
    bounds: Bounds,
    org: u32,
    now: TimeMs,
) -> Result<Result<(), Refusal>, Broken> {
    if bounds.are_none() || org == 0 {
        return Ok(Ok(()));
    }
    let row = store.get(Column::State, &usage_key(org))?;
    Ok(bounds.judge(&on_day(row, Day::of(now).0)?))
}

/// What organisations use in one block.
#[derive(Debug)]
pub(crate) struct Usage {
    bounds: Bounds,
    day: u64,
    used: BTreeMap<u32, UsageRow>,
}

impl Usage {
    pub(crate) fn new(bounds: Bounds, time: TimeMs) -> Self {
        Self { bounds, day: Day::of(time).0, used: BTreeMap::new() }
    }

    /// The bounds in force.
    pub(crate) const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Whether an organisation has something left. Nobody's people (0) are bounded by the pool.
    pub(crate) fn judge(
        &mut self,
        overlay: &mut Overlay<'_>,
        org: u32,
    ) -> Result<Result<(), Refusal>, Broken> {
        if self.bounds.are_none() || org == 0 {
            return Ok(Ok(()));
        }
        if let Some(used) = self.used.get(&org) {
            return Ok(self.bounds.judge(used));
        }
        let used = on_day(overlay.read(&usage_key(org))?, self.day)?;
        self.used.insert(org, used);
        Ok(self.bounds.judge(&used))
    }

    /// Counts what a transaction used.
    pub(crate) fn count(&mut self, org: u32, fuel: u64, bytes: usize) {
        if let Some(used) = self.used.get_mut(&org) {
            used.fuel = used.fuel.saturating_add(fuel);
            used.bytes = used.bytes.saturating_add(bytes as u64);
        }
    }

    /// Writes the rows, once per block.
    pub(crate) fn write(self, overlay: &mut Overlay<'_>) -> Result<(), Broken> {
        self.used.iter().try_for_each(|(org, used)| {
            overlay.write(usage_key(*org), Some(linli_types::encode(used)))
        })
    }
}
