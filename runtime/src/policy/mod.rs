//! What is governed: parameters and tables, in versions that begin at a time by themselves.
//!
//! ```text
//! Set ──lock──▶ effective_at        version 1 ─────────▶ 2 ───────▶ 3 (scheduled)
//! ```
//!
//! Each version is one whole row, and the head says which begin when. Which one is in force is a
//! question of time alone, so nothing has to happen when one begins: looking late gives the same
//! answer as looking at once. Records and contracts name the version that their block was judged
//! under ([`number_at`]).
//!
//! # Invariants
//!
//! - **Y1 sound.** Every version keeps the bounds of its tables.
//! - **Y3 ascending.** Numbers follow each other, and a later version begins later.
//! - **Y4 no surprise.** A version begins no earlier than the lock in force when it was set, and
//!   never in the past: what held at a time never changes.

pub mod laws;
mod query;
mod set;

pub(crate) use query::answer;
pub(crate) use set::{call, carry_out};

use crate::overlay::Overlay;
use crate::stored::{decode, full_key};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::height::{Height, TimeMs};
use linli_types::policy::{Param, Policy};
use linli_types::store::{Broken, Column, Read};

/// The room's name.
pub const ROOM: &str = "policy";

/// A version as the state holds it; the key is its number.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VersionRow {
    /// Its number, from 1 on.
    pub number: u32,
    /// When it begins.
    pub effective: TimeMs,
    /// At which height it was set.
    pub set_at: Height,
    /// What it says.
    pub content: Policy,
}

/// Which versions there are.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HeadRow {
    /// The last number.
    pub last: u32,
    /// A version that had begun when the head was written.
    pub begun: u32,
    /// Later ones that had not, with their beginnings, ascending.
    pub scheduled: Vec<(u32, TimeMs)>,
}

impl HeadRow {
    /// The version in force at a time not before the head was written.
    pub fn number_at(&self, time: TimeMs) -> u32 {
        let begun = self.scheduled.iter().take_while(|(_, effective)| *effective <= time);
        begun.last().map_or(self.begun, |(number, _)| *number)
    }
}

/// The full key of the head.
pub fn head_key() -> Vec<u8> {
    full_key(ROOM, b"h")
}

/// The full key of a version.
pub fn version_key(number: u32) -> Vec<u8> {
    full_key(ROOM, &[b"v".as_slice(), number.to_be_bytes().as_slice()].concat())
}

/// Writes version 1. The genesis was judged before.
pub(crate) fn begin(
    overlay: &mut Overlay<'_>,
    time: TimeMs,
    content: &Policy,
) -> Result<(), Broken> {
    let head = HeadRow { last: 1, begun: 1, scheduled: Vec::new() };
    let (set_at, content) = (Height::GENESIS, content.clone());
    let row = VersionRow { number: 1, effective: time, set_at, content };
    overlay.write(head_key(), Some(linli_types::encode(&head)))?;
    overlay.write(version_key(1), Some(linli_types::encode(&row)))
}

fn read_head(row: Option<Vec<u8>>) -> Result<HeadRow, Broken> {
    let row = row.ok_or_else(|| Broken("the policy has no head".into()))?;
    decode(&row, "the policy's head")
}

fn read_version(row: Option<Vec<u8>>, number: u32) -> Result<VersionRow, Broken> {
    let row = row.ok_or_else(|| Broken(format!("version {number} of the policy is missing")))?;
    decode(&row, "a version of the policy")
}

fn head(overlay: &mut Overlay<'_>) -> Result<HeadRow, Broken> {
    read_head(overlay.read(&head_key())?)
}

fn version(overlay: &mut Overlay<'_>, number: u32) -> Result<VersionRow, Broken> {
    read_version(overlay.read(&version_key(number))?, number)
}

/// The number of the version in force at block time.
///
/// # Errors
///
/// [`Broken`] if a row cannot be read.
pub fn number_at(store: &dyn Read, time: TimeMs) -> Result<u32, Broken> {
    Ok(read_head(store.get(Column::State, &head_key())?)?.number_at(time))
}

/// The version in force at block time.
pub(crate) fn in_force(overlay: &mut Overlay<'_>, time: TimeMs) -> Result<VersionRow, Broken> {
    let number = head(overlay)?.number_at(time);
    version(overlay, number)
}

/// A native parameter at block time.
pub(crate) fn param(overlay: &mut Overlay<'_>, time: TimeMs, param: Param) -> Result<u64, Broken> {
    Ok(in_force(overlay, time)?.content.param(param))
}
