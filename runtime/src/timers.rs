//! Agreements keep their own clock: rows that fall due and enter a contract by themselves.
//!
//! A timer's id begins with its time (big-endian), so the rows stand in firing order and a timer
//! is found by its id alone. Due timers run first in a block, in (time, id) order, while the fuel
//! share lasts; the rest follow in the next blocks. A timer that fires is removed, whatever comes
//! of it; its receipt says so.
//!
//! # Invariants
//!
//! - **W1 order.** Timers fire in (time, id) order, each once.
//! - **W2 bounded.** What a fired timer schedules fires in the next block at the earliest.

use crate::overlay::{Changed, Overlay};
use crate::stored::{decode, full_key, prefix_end};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::digest::{self, Domain};
use linli_types::height::TimeMs;
use linli_types::id::TimerId;
use linli_types::store::{Broken, Column, Read};

/// The room's name.
pub const ROOM: &str = "timers";

/// A timer as the state holds it; the key is its id.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TimerRow {
    /// The contract that fires.
    pub room: String,
    /// What it is given.
    pub payload: Vec<u8>,
}

/// When a timer falls due: its id says so.
pub fn due(id: &TimerId) -> TimeMs {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    TimeMs(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// Time ‖ eight bytes of a digest.
fn id_at(at: TimeMs, seed: &[&[u8]]) -> TimerId {
    let mut id = [0; 16];
    let (time, rest) = id.split_at_mut(8);
    time.copy_from_slice(&at.0.to_be_bytes());
    for (place, byte) in rest.iter_mut().zip(digest::hash(Domain::Timer, seed).0) {
        *place = byte;
    }
    TimerId(id)
}

/// Sets a timer. `cause` tells apart who sets it: bytes that occur once in the chain.
pub(crate) fn schedule(
    overlay: &mut Overlay<'_>,
    at: TimeMs,
    row: &TimerRow,
    cause: &[u8],
) -> Result<TimerId, Broken> {
    // Eight bytes of a digest can meet another's: then the next attempt's are taken.
    let mut attempt = 0_u64;
    loop {
        let id = id_at(at, &[row.room.as_bytes(), &[0], cause, &attempt.to_le_bytes()]);
        let key = full_key(ROOM, &id.0);
        if overlay.read(&key)?.is_none() {
            overlay.write(key, Some(linli_types::encode(row)))?;
            return Ok(id);
        }
        attempt = attempt.wrapping_add(1);
    }
}

/// Removes a timer of `room`; whether it stood.
pub(crate) fn cancel(overlay: &mut Overlay<'_>, room: &str, id: &TimerId) -> Result<bool, Broken> {
    match read(overlay, id)? {
        Some(row) if row.room == room => {
            overlay.write(full_key(ROOM, &id.0), None)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The timer's row, if it stands.
pub(crate) fn read(overlay: &mut Overlay<'_>, id: &TimerId) -> Result<Option<TimerRow>, Broken> {
    let row = overlay.read(&full_key(ROOM, &id.0))?;
    row.map(|row| decode(&row, "a timer")).transpose()
}

/// Removes a timer that fires.
pub(crate) fn remove(overlay: &mut Overlay<'_>, id: &TimerId) -> Result<(), Broken> {
    overlay.write(full_key(ROOM, &id.0), None)
}

/// The first key that a timer may have.
pub(crate) fn first_key() -> Vec<u8> {
    full_key(ROOM, &[])
}

/// The first key after a timer's.
pub(crate) fn key_after(id: &TimerId) -> Vec<u8> {
    let mut key = full_key(ROOM, &id.0);
    key.push(0);
    key
}

/// Up to `limit` timers of the store from a key on that are due at `now`, in order (W1).
pub(crate) fn due_from(
    store: &dyn Read,
    from: &[u8],
    now: TimeMs,
    limit: usize,
) -> Result<Vec<TimerId>, Broken> {
    let to = full_key(ROOM, &now.plus_ms(1).0.to_be_bytes());
    if from >= to.as_slice() {
        return Ok(Vec::new());
    }
    let rows = store.scan(Column::State, from, &to, limit)?;
    rows.iter().map(|(key, _)| id_of(key)).collect()
}

/// How many timers wait after the changes of a block.
pub(crate) fn waiting_after(before: u64, changes: &[Changed]) -> u64 {
    let timers = changes.iter().filter(|change| is_timer(&change.key));
    timers.fold(before, |waiting, change| match (&change.old, &change.new) {
        (None, Some(_)) => waiting.saturating_add(1),
        (Some(_), None) => waiting.saturating_sub(1),
        _ => waiting,
    })
}

/// The earliest timer as the overlay has it.
pub(crate) fn earliest(overlay: &Overlay<'_>) -> Result<Option<TimeMs>, Broken> {
    let from = first_key();
    let keys = overlay.scan(&from, &prefix_end(&from), 1)?;
    keys.first().map(|key| id_of(key).map(|id| due(&id))).transpose()
}

/// The earliest timer in the store.
pub(crate) fn earliest_stored(store: &dyn Read) -> Result<Option<TimeMs>, Broken> {
    let from = first_key();
    let rows = store.scan(Column::State, &from, &prefix_end(&from), 1)?;
    rows.first().map(|(key, _)| id_of(key).map(|id| due(&id))).transpose()
}

/// Whether a full key names a timer.
pub(crate) fn is_timer(key: &[u8]) -> bool {
    key.strip_prefix(ROOM.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
}

fn id_of(key: &[u8]) -> Result<TimerId, Broken> {
    let id = key.get(ROOM.len().saturating_add(1)..).and_then(TimerId::from_slice);
    id.ok_or_else(|| Broken("a timer's key cannot be read".into()))
}
