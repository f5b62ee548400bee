//! What the ledger takes from rows: at the start everything, after a block what the block changed.

use super::MotionId;
use super::report::pins;
use super::rows::{
    CodeRow, FileRow, PinRow, code_prefix, file_key, join, past_prefix, pin_prefix, start_prefix,
};
use crate::overlay::Changed;
use crate::schema::Schema;
use crate::stored::{decode, prefix_end, visit_rows};
use crate::vm;
use linli_types::digest;
use linli_types::genesis::Genesis;
use linli_types::height::Height;
use linli_types::id::Digest;
use linli_types::store::{Broken, Column, Read};
use std::collections::BTreeMap;

/// Code as the rows have it (C1).
pub(crate) struct Standing {
    /// What each room runs.
    pub(crate) runs: BTreeMap<String, CodeRow>,
    /// Code of rooms that are about to begin.
    pub(crate) starts: Vec<Digest>,
    /// Motions whose rehearsal needs undo records.
    pub(crate) pins: BTreeMap<MotionId, PinRow>,
}

/// What a block changed about code.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// Code that must be ready from the next block on, with its bytes where they stand in rows.
    pub(crate) codes: Vec<(Digest, Vec<u8>)>,
    /// What rooms run from the next block on.
    pub(crate) runs: Vec<(String, CodeRow)>,
    /// Motions that opened, and that closed.
    pub(crate) pins: Vec<(MotionId, Option<PinRow>)>,
}

fn name(prefix: &[u8], key: &[u8]) -> Result<String, Broken> {
    let name = key.strip_prefix(prefix).and_then(|name| String::from_utf8(name.to_vec()).ok());
    name.ok_or_else(|| Broken("the key of a room's code cannot be read".into()))
}

fn motion(prefix: &[u8], key: &[u8]) -> Result<MotionId, Broken> {
    let id = key.strip_prefix(prefix).and_then(|id| id.try_into().ok());
    id.ok_or_else(|| Broken("the key of a pin cannot be read".into()))
}

/// Reads code as the rows have it.
pub(crate) fn standing(store: &dyn Read) -> Result<Standing, Broken> {
    let (mut runs, mut starts) = (BTreeMap::new(), Vec::new());
    let from = code_prefix();
    visit_rows(store, Column::State, (&from, &prefix_end(&from)), |key, row| {
        runs.insert(name(&from, key)?, decode(row, "a room's code")?);
        Ok(())
    })?;
    let from = start_prefix();
    visit_rows(store, Column::State, (&from, &prefix_end(&from)), |_, row| {
        starts.push(decode(row, "the hash of code")?);
        Ok(())
    })?;
    Ok(Standing { runs, starts, pins: pins(store)? })
}

/// Every version of every room, by the first height that it runs at.
pub(crate) fn versions(
    store: &dyn Read,
) -> Result<BTreeMap<Height, Vec<(String, Digest)>>, Broken> {
    let (from, mut found) = (past_prefix(), BTreeMap::<Height, Vec<_>>::new());
    visit_rows(store, Column::State, (&from, &prefix_end(&from)), |key, row| {
        let row: CodeRow = decode(row, "past code")?;
        let name = name(&from, key.get(..key.len().saturating_sub(5)).unwrap_or_default())?;
        found.entry(row.since).or_default().push((name, row.hash));
        Ok(())
    })?;
    Ok(found)
}

/// The bytes of code that ran, runs, or will begin: of the genesis, or from rows (C3).
pub(crate) fn bytes_of(
    store: &dyn Read,
    genesis: &Genesis,
    hash: &Digest,
) -> Result<Vec<u8>, Broken> {
    let module = genesis.modules.iter().find(|module| digest::plain(&module.code) == *hash);
    match module {
        Some(module) => Ok(module.code.clone()),
        None => file(hash, |key| store.get(Column::State, key)),
    }
}

/// The schema that code carries.
pub(crate) fn schema(code: &[u8]) -> Result<Schema, Broken> {
    let unread = |why: &dyn std::fmt::Display| Broken(format!("code in force: {why}"));
    let inspected = vm::inspect(code).map_err(|why| unread(&why))?;
    Schema::parse(&inspected.schema).map_err(|why| unread(&why))
}

fn file(
    hash: &Digest,
    mut get: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, Broken>,
) -> Result<Vec<u8>, Broken> {
    let row = get(&file_key(hash))?;
    let row = row.ok_or_else(|| Broken(format!("the code {hash} is missing")))?;
    let file: FileRow = decode(&row, "a file of code")?;
    join(hash, &file, get)
}

/// What a block's changes say about code. `known` is code whose bytes are not needed.
pub(crate) fn arrivals(
    store: &dyn Read,
    changes: &[Changed],
    known: impl Fn(&Digest) -> bool,
) -> Result<Arrivals, Broken> {
    let mut arrivals = Arrivals::default();
    let (code, start, pin) = (code_prefix(), start_prefix(), pin_prefix());
    let mut hashes = Vec::new();
    for change in changes {
        let (key, new) = (change.key.as_slice(), change.new.as_deref());
        match new {
            Some(row) if key.starts_with(&code) => {
                let row: CodeRow = decode(row, "a room's code")?;
                hashes.push(row.hash);
                arrivals.runs.push((name(&code, key)?, row));
            }
            Some(row) if key.starts_with(&start) => hashes.push(decode(row, "the hash of code")?),
            _ if key.starts_with(&pin) => {
                let row = new.map(|row| decode(row, "a pin of code")).transpose()?;
                arrivals.pins.push((motion(&pin, key)?, row));
            }
            _ => {}
        }
    }
    hashes.retain(|hash| !known(hash));
    for hash in hashes {
        // Of this block where it changed them, else of the store.
        let get = |key: &[u8]| match changes.binary_search_by(|c| c.key.as_slice().cmp(key)) {
            Ok(at) => Ok(changes.get(at).and_then(|change| change.new.clone())),
            Err(_) => store.get(Column::State, key),
        };
        arrivals.codes.push((hash, file(&hash, get)?));
    }
    Ok(arrivals)
}
