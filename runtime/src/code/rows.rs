//! What stands in the state, and under which key of the room `governance`.
//!
//! | key | row |
//! |---|---|
//! | `code/` ‖ room | [`CodeRow`]: what the room runs |
//! | `code-past/` ‖ room ‖ 0 ‖ number | [`CodeRow`]: every version, also the last |
//! | `code-start/` ‖ room | hash of the code that will begin |
//! | `code-file/` ‖ hash | [`FileRow`] |
//! | `code-chunk/` ‖ hash ‖ number | bytes |
//! | `code-staged` | [`StagedRow`]s that no motion has put in force |
//! | `code-pin/` ‖ motion | [`PinRow`] |
//! | `code-report/` ‖ motion ‖ validator | a validator's report |
//!
//! Numbers are big-endian.

use super::{GOVERNANCE, MotionId};
use crate::identity::rows::find;
use crate::overlay::Overlay;
use crate::stored::full_key;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{Digest, PrincipalId, PublicKey};
use linli_types::store::Broken;

/// One version of a room's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CodeRow {
    /// The code's hash.
    pub hash: Digest,
    /// From 1 on.
    pub number: u32,
    /// The first height that it runs at; 0 for the genesis.
    pub since: Height,
}

/// Code that comes in, in parts.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct FileRow {
    /// Bytes of the whole.
    pub(crate) size: u32,
    /// Bytes that stand.
    pub(crate) staged: u32,
    /// Parts that stand.
    pub(crate) chunks: u32,
    /// Who stages it.
    pub(crate) by: PrincipalId,
}

impl FileRow {
    pub(super) const fn is_whole(&self) -> bool {
        self.staged == self.size
    }
}

/// A file that no motion has put in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct StagedRow {
    /// Its hash.
    pub(crate) hash: Digest,
    /// Who stages it.
    pub(crate) by: PrincipalId,
    /// When that began.
    pub(crate) at: TimeMs,
}

/// A motion whose code is rehearsed: its undo records stay.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PinRow {
    /// The contract.
    pub room: String,
    /// The code proposed.
    pub hash: Digest,
    /// The height at which the motion opened.
    pub base: Height,
}

fn key(name: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut own = name.as_bytes().to_vec();
    parts.iter().for_each(|part| own.extend_from_slice(part));
    full_key(GOVERNANCE, &own)
}

/// The full key of what a room runs.
pub fn code_key(room: &str) -> Vec<u8> {
    key("code/", &[room.as_bytes()])
}

/// What every key of a room that runs code begins with.
pub(super) fn code_prefix() -> Vec<u8> {
    key("code/", &[])
}

pub(super) fn past_key(room: &str, number: u32) -> Vec<u8> {
    key("code-past/", &[room.as_bytes(), &[0], &number.to_be_bytes()])
}

pub(super) fn past_prefix() -> Vec<u8> {
    key("code-past/", &[])
}

pub(super) fn start_key(room: &str) -> Vec<u8> {
    key("code-start/", &[room.as_bytes()])
}

pub(super) fn start_prefix() -> Vec<u8> {
    key("code-start/", &[])
}

pub(super) fn file_key(hash: &Digest) -> Vec<u8> {
    key("code-file/", &[&hash.0])
}

pub(super) fn chunk_key(hash: &Digest, number: u32) -> Vec<u8> {
    key("code-chunk/", &[&hash.0, &number.to_be_bytes()])
}

pub(super) fn staged_key() -> Vec<u8> {
    key("code-staged", &[])
}

pub(super) fn pin_key(motion: &MotionId) -> Vec<u8> {
    key("code-pin/", &[motion])
}

pub(super) fn pin_prefix() -> Vec<u8> {
    key("code-pin/", &[])
}

pub(super) fn report_key(motion: &MotionId, validator: &PublicKey) -> Vec<u8> {
    key("code-report/", &[motion, &validator.0])
}

pub(super) fn report_prefix(motion: &MotionId) -> Vec<u8> {
    key("code-report/", &[motion])
}

/// Puts a version of a room's code in force.
pub(crate) fn put_version(
    overlay: &mut Overlay<'_>,
    room: &str,
    row: CodeRow,
) -> Result<(), Broken> {
    let bytes = linli_types::encode(&row);
    overlay.write(past_key(room, row.number), Some(bytes.clone()))?;
    overlay.write(code_key(room), Some(bytes))
}

pub(super) fn find_file(
    overlay: &mut Overlay<'_>,
    hash: &Digest,
) -> Result<Option<FileRow>, Broken> {
    find(overlay, &file_key(hash), "a file of code")
}

pub(super) fn find_pin(
    overlay: &mut Overlay<'_>,
    motion: &MotionId,
) -> Result<Option<PinRow>, Broken> {
    find(overlay, &pin_key(motion), "a pin of code")
}

/// The bytes of a file that stands whole.
pub(super) fn read_file(
    overlay: &mut Overlay<'_>,
    hash: &Digest,
) -> Result<Option<Vec<u8>>, Broken> {
    let Some(file) = find_file(overlay, hash)?.filter(FileRow::is_whole) else { return Ok(None) };
    join(hash, &file, |key| overlay.read(key)).map(Some)
}

/// Puts a file's parts together.
pub(super) fn join(
    hash: &Digest,
    file: &FileRow,
    mut read: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, Broken>,
) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    for number in 0..file.chunks {
        let part = read(&chunk_key(hash, number))?;
        bytes.extend(part.ok_or_else(|| Broken(format!("a part of code {hash} is missing")))?);
    }
    Ok(bytes)
}
