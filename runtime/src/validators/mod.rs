//! Who signs the next block, as the state says, and how a motion changes it.
//!
//! | key in the room `governance` | row |
//! |---|---|
//! | `validators` | the set that signs the next block |
//! | `validators/` ‖ height, big-endian | the set that signs from the height after on |
//!
//! Where no row stands the genesis' set does: the first change writes the first rows, and a chain
//! that never changed its set has the roots it always had. A block is signed by the set that its
//! parent left; what it changes holds from the next one on, so a header names both.
//!
//! # Invariants
//!
//! - **G5 lawful.** A set that stands keeps the laws of [`ValidatorSet`] (V1…V3); its names and
//!   network keys stand once each.
//! - **G6 followed.** The row of the next block's set is that of the last change, and headers say
//!   the same.
//! - **G7 kept.** No set that ever signed is forgotten: certificates and packs of its time verify.

mod change;
mod laws;
mod query;
#[cfg(test)]
mod tests;

pub(crate) use change::{Change, carry_out};
pub use laws::SetsFollow;
pub(crate) use query::answer;

use crate::governance::ROOM;
use crate::overlay::Overlay;
use crate::stored::{META_GENESIS, decode, full_key, prefix_end, visit_rows};
use linli_types::genesis::Genesis;
use linli_types::height::Height;
use linli_types::store::{Broken, Column, Read};
use linli_types::validator::ValidatorSet;

/// The room's own key of the set that signs the next block.
pub const KEY: &[u8] = b"validators";
/// How the keys of changes begin.
const CHANGES: &[u8] = b"validators/";

/// The full key of the set that signs the next block.
pub fn set_key() -> Vec<u8> {
    full_key(ROOM, KEY)
}

/// The full key of the set that a height left.
pub fn change_key(height: Height) -> Vec<u8> {
    full_key(ROOM, &[CHANGES, height.0.to_be_bytes().as_slice()].concat())
}

/// The set that signs the next block; `None` while it is that of the genesis.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn load(store: &dyn Read) -> Result<Option<ValidatorSet>, Broken> {
    store.get(Column::State, &set_key())?.map(|row| read(&row)).transpose()
}

/// Every change of the set at a height below `below`, ascending: the height, and the set that signs
/// from the next one on (G7).
///
/// # Errors
///
/// [`Broken`] if a row cannot be read.
pub fn changes(store: &dyn Read, below: Height) -> Result<Vec<(Height, ValidatorSet)>, Broken> {
    let (from, mut found) = (full_key(ROOM, CHANGES), Vec::new());
    let to = change_key(below).min(prefix_end(&from));
    visit_rows(store, Column::State, (&from, &to), |key, row| {
        let height = key.last_chunk::<8>().map(|bytes| Height(u64::from_be_bytes(*bytes)));
        let height = height.ok_or_else(|| Broken("a change of the validators".into()))?;
        found.push((height, read(row)?));
        Ok(())
    })?;
    Ok(found)
}

/// The set that signs `height`, and the first height that it signs.
///
/// # Errors
///
/// [`Broken`] if a row cannot be read.
pub fn set_at(store: &dyn Read, height: Height) -> Result<(ValidatorSet, Height), Broken> {
    match changes(store, height)?.pop() {
        Some((change, set)) => Ok((set, change.next())),
        None => Ok((genesis(store)?.validators, Height(1))),
    }
}

/// The set that the block under way leaves, if it was changed.
pub(crate) fn changed(overlay: &mut Overlay<'_>) -> Result<Option<ValidatorSet>, Broken> {
    let key = set_key();
    match overlay.touches(&key) {
        true => overlay.read(&key)?.map(|row| read(&row)).transpose(),
        false => Ok(None),
    }
}

/// The set as the transactions so far left it.
pub(crate) fn current(overlay: &mut Overlay<'_>) -> Result<ValidatorSet, Broken> {
    match overlay.read(&set_key())? {
        Some(row) => read(&row),
        None => Ok(genesis(overlay.store())?.validators),
    }
}

fn read(row: &[u8]) -> Result<ValidatorSet, Broken> {
    decode(row, "the validators")
}

/// The genesis, for whatever no row says yet.
pub(crate) fn genesis(store: &dyn Read) -> Result<Genesis, Broken> {
    let missing = || Broken("the store holds no genesis".into());
    let bytes = store.get(Column::Meta, META_GENESIS)?.ok_or_else(missing)?;
    let read = Genesis::from_bytes(&bytes);
    Ok(read.map_err(|why| Broken(format!("the stored genesis cannot be read: {why}")))?.0)
}
