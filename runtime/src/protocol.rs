//! Which rules hold from which height on (design D16).
//!
//! The row `protocol` of the room `governance` names the version that holds and the one to come;
//! where none stands, the genesis' holds. A header carries the version that its block followed.
//!
//! # Invariants
//!
//! - **G8 rises.** The version of a block is at least its parent's.
//! - **G9 known.** A block is proposed and executed only by rules that this binary holds. A ledger
//!   whose next block needs others stands still, whole, one height before ([`Outdated`]).

use crate::governance::ROOM;
use crate::native::read;
use crate::overlay::Overlay;
use crate::query::Answer;
use crate::room::Place;
use crate::stored::{decode, full_key};
use crate::validators::genesis;
use crate::vm::Stop;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::limits::PROTOCOL_AHEAD_HEIGHTS_MAX;
use linli_types::receipt::Param;
use linli_types::store::{Broken, Column, Read};
use linli_types::wire::governance as wire;
use prost::Message;
use std::ops::RangeInclusive;

/// Which rules hold, and which come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProtocolRow {
    /// Held when the row was written.
    pub version: u32,
    /// What comes, and the first height that follows it.
    pub next: Option<(u32, Height)>,
}

impl ProtocolRow {
    /// The rules of a chain that never changed them.
    pub const fn first(version: u32) -> Self {
        Self { version, next: None }
    }

    /// The version that the block of a height follows, if no height since has changed the row.
    pub fn at(&self, height: Height) -> u32 {
        match self.next {
            Some((version, from)) if from <= height => version,
            _ => self.version,
        }
    }
}

/// This binary lacks the rules of the next block. Nothing is damaged: a newer one goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "from height {height} on the chain follows protocol {version}; this binary knows {} to {}",
    known.start(), known.end()
)]
pub struct Outdated {
    /// The height of the next block.
    pub height: Height,
    /// What it follows.
    pub version: u32,
    /// What this binary knows.
    pub known: RangeInclusive<u32>,
}

/// The full key of the row.
pub fn protocol_key() -> Vec<u8> {
    full_key(ROOM, b"protocol")
}

/// The row; `None` while the genesis' version holds.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn load(store: &dyn Read) -> Result<Option<ProtocolRow>, Broken> {
    store.get(Column::State, &protocol_key())?.map(|row| decode_row(&row)).transpose()
}

fn decode_row(row: &[u8]) -> Result<ProtocolRow, Broken> {
    decode(row, "the protocol")
}

/// The row that the block under way leaves, if it was changed.
pub(crate) fn changed(overlay: &mut Overlay<'_>) -> Result<Option<ProtocolRow>, Broken> {
    let key = protocol_key();
    match overlay.touches(&key) {
        true => overlay.read(&key)?.map(|row| decode_row(&row)).transpose(),
        false => Ok(None),
    }
}

/// The row after a change, if it may be (G8). Nothing is written.
pub(crate) fn judge(
    overlay: &mut Overlay<'_>,
    place: &Place,
    change: &wire::ChangeProtocol,
) -> Result<ProtocolRow, Stop> {
    let before = match overlay.read(&protocol_key())? {
        Some(row) => decode_row(&row)?,
        None => ProtocolRow::first(genesis(overlay.store())?.protocol),
    };
    let version = before.at(place.height);
    if change.version <= version {
        let numbers = [change.version, version].map(|n| Param::Number(u64::from(n)));
        return Err(Code::ProtocolVersion.refuse(numbers).into());
    }
    let (first, ahead) = (place.height.next(), PROTOCOL_AHEAD_HEIGHTS_MAX);
    let last = first.0.saturating_add(ahead);
    if !(first.0..=last).contains(&change.height) {
        let numbers = [change.height, first.0, last].map(Param::Number);
        return Err(Code::ProtocolHeight.refuse(numbers).into());
    }
    Ok(ProtocolRow { version, next: Some((change.version, Height(change.height))) })
}

/// Judges a change and writes it.
pub(crate) fn carry_out(
    overlay: &mut Overlay<'_>,
    place: &Place,
    change: &wire::ChangeProtocol,
) -> Result<(), Stop> {
    let row = judge(overlay, place, change)?;
    Ok(overlay.write(protocol_key(), Some(linli_types::encode(&row)))?)
}

/// Answers `Protocol` when `next` is the height of the next block.
pub(crate) fn answer(store: &dyn Read, next: Height, args: &[u8]) -> Result<Answer, Stop> {
    read::<wire::ProtocolRequest>(args)?;
    let row = match load(store)? {
        Some(row) => row,
        None => ProtocolRow::first(genesis(store)?.protocol),
    };
    let coming = row.next.filter(|(_, from)| *from > next);
    let result = wire::ProtocolResponse {
        version: row.at(next),
        next: coming.map_or(0, |(version, _)| version),
        next_from: coming.map_or(0, |(_, from)| from.0),
    };
    Ok(Answer { result: result.encode_to_vec(), reads: vec![protocol_key()] })
}
