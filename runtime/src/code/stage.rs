//! Code comes in, in parts of up to 128 KiB, in order. What no motion takes up makes room for other
//! code after its time.

use super::GOVERNANCE;
use super::rows::{
    FileRow, PinRow, StagedRow, chunk_key, file_key, find_file, pin_prefix, read_file, staged_key,
};
use crate::identity::rows::find;
use crate::identity::{Subject, judge};
use crate::native::{Deed, Done, event, malformed, read};
use crate::overlay::Overlay;
use crate::stored::{decode, prefix_end};
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::digest;
use linli_types::id::Digest;
use linli_types::limits::{
    CODE_BYTES_MAX, CODE_CHUNK_BYTES_MIN, STAGED_CODE_MAX, STAGED_CODE_MS, STAGED_CODE_SENDER_MAX,
};
use linli_types::receipt::{Param, Refusal};
use linli_types::store::Broken;
use linli_types::wire::governance as wire;
use prost::Message;
use std::collections::BTreeSet;

const STAGED: &str = "linli.governance.v1.CodeStaged";

pub(super) fn stage(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::StageCodeRequest = read(args)?;
    judge(deed, (GOVERNANCE, "StageCode"), Subject::NOBODY)?;
    let hash = hash_of("hash", &request.hash)?;
    let end = check_part(&request)?;
    let mut file = match find_file(deed.overlay, &hash)? {
        Some(file) if file.is_whole() => return Err(Code::Duplicate.refuse([]).into()),
        found if request.offset == 0 => begin(deed, &hash, request.size, found)?,
        Some(file) if file.size == request.size && file.staged == request.offset => file,
        Some(file) => return Err(offset(request.offset, file.staged).into()),
        None => return Err(offset(request.offset, 0).into()),
    };
    deed.overlay.write(chunk_key(&hash, file.chunks), Some(request.bytes))?;
    (file.staged, file.chunks) = (end, file.chunks.saturating_add(1));
    deed.overlay.write(file_key(&hash), Some(linli_types::encode(&file)))?;
    let whole = read_file(deed.overlay, &hash)?;
    if whole.as_ref().is_some_and(|bytes| digest::plain(bytes) != hash) {
        return Err(Code::CodeHash.refuse([]).into());
    }
    let (by, FileRow { size, staged, .. }) = (deed.actor.principal, file);
    let message = wire::CodeStaged { hash: hash.0.to_vec(), staged, size, by: by.0.to_vec() };
    let result = wire::StageCodeResponse { staged, whole: whole.is_some() };
    Ok((result.encode_to_vec(), event(GOVERNANCE, STAGED, [by], &message)))
}

pub(super) fn hash_of(field: &str, bytes: &[u8]) -> Result<Digest, Refusal> {
    bytes.try_into().map(Digest).map_err(|_| malformed(field))
}

fn offset(found: u32, expected: u32) -> Refusal {
    Code::CodeOffset.refuse([found, expected].map(|n| Param::Number(u64::from(n))))
}

/// Where a part ends, if it lies inside a file of a size that code may have.
fn check_part(request: &wire::StageCodeRequest) -> Result<u32, Refusal> {
    let (size, length) = (request.size as usize, request.bytes.len());
    if size > CODE_BYTES_MAX {
        let numbers = [size, CODE_BYTES_MAX].map(|n| Param::Number(n as u64));
        let [found, max] = numbers;
        return Err(Code::TooLarge.refuse([Param::Word("size".into()), found, max]));
    }
    let end = u32::try_from(length).ok().and_then(|length| request.offset.checked_add(length));
    let end = end.filter(|end| length > 0 && *end <= request.size);
    let end = end.ok_or_else(|| malformed("bytes"))?;
    if end < request.size && length < CODE_CHUNK_BYTES_MIN {
        return Err(malformed("bytes: too few"));
    }
    Ok(end)
}

/// An empty file, anew or for the first time.
fn begin(
    deed: &mut Deed<'_, '_>,
    hash: &Digest,
    size: u32,
    before: Option<FileRow>,
) -> Result<FileRow, Stop> {
    let (by, at) = (deed.actor.principal, deed.place.time);
    let mut staged = staged(deed.overlay)?;
    match before {
        Some(file) => drop_parts(deed.overlay, hash, &file)?,
        None => {
            make_room(deed, &mut staged)?;
            staged.push(StagedRow { hash: *hash, by, at });
        }
    }
    put_staged(deed.overlay, &staged)?;
    Ok(FileRow { size, staged: 0, chunks: 0, by })
}

fn drop_parts(overlay: &mut Overlay<'_>, hash: &Digest, file: &FileRow) -> Result<(), Broken> {
    (0..file.chunks).try_for_each(|number| overlay.write(chunk_key(hash, number), None))?;
    overlay.write(file_key(hash), None)
}

/// Drops what is out of its time and no open motion's; refuses if there is still no room.
fn make_room(deed: &mut Deed<'_, '_>, staged: &mut Vec<StagedRow>) -> Result<(), Stop> {
    let (now, by) = (deed.place.time, deed.actor.principal);
    let moved = pinned(deed.overlay)?;
    let (old, young): (Vec<_>, Vec<_>) = staged.drain(..).partition(|row| {
        row.at.plus_ms(STAGED_CODE_MS) < now && !moved.contains(&row.hash) // C3
    });
    *staged = young;
    for row in old {
        if let Some(file) = find_file(deed.overlay, &row.hash)? {
            drop_parts(deed.overlay, &row.hash, &file)?;
        }
    }
    let own = staged.iter().filter(|row| row.by == by).count();
    if staged.len() < STAGED_CODE_MAX && own < STAGED_CODE_SENDER_MAX {
        return Ok(());
    }
    let count = if own < STAGED_CODE_SENDER_MAX { staged.len() } else { own };
    Err(Code::StagedFull.refuse([Param::Number(count as u64)]).into())
}

/// Hashes that open motions name.
fn pinned(overlay: &mut Overlay<'_>) -> Result<BTreeSet<Digest>, Broken> {
    let from = pin_prefix();
    let keys = overlay.scan(&from, &prefix_end(&from), usize::MAX)?;
    let mut hashes = BTreeSet::new();
    for key in keys {
        if let Some(row) = overlay.read(&key)? {
            hashes.insert(decode::<PinRow>(&row, "a pin of code")?.hash);
        }
    }
    Ok(hashes)
}

fn staged(overlay: &mut Overlay<'_>) -> Result<Vec<StagedRow>, Broken> {
    Ok(find(overlay, &staged_key(), "the staged code")?.unwrap_or_default())
}

fn put_staged(overlay: &mut Overlay<'_>, staged: &Vec<StagedRow>) -> Result<(), Broken> {
    overlay.write(staged_key(), Some(linli_types::encode(staged)))
}

/// Code that ran stays for ever (C3): it waits for no motion any more.
pub(super) fn keep(overlay: &mut Overlay<'_>, hash: &Digest) -> Result<(), Broken> {
    let mut staged = staged(overlay)?;
    let before = staged.len();
    staged.retain(|row| row.hash != *hash);
    if staged.len() < before { put_staged(overlay, &staged) } else { Ok(()) }
}
