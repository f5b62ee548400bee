//! Code comes into force: what a passed motion does, and how a new room begins.

use super::MotionId;
use super::rows::{CodeRow, PinRow, code_key, pin_key, put_version, read_file, start_key};
use super::stage::{hash_of, keep};
use super::{GOVERNANCE, ROOM};
use crate::deploy::check_name;
use crate::identity::rows::find;
use crate::native::{Deed, Done, event};
use crate::overlay::Overlay;
use crate::room::Place;
use crate::stored::decode;
use crate::timers::{self, TimerRow};
use crate::vm::{self, Stop};
use linli_types::code::Code;
use linli_types::id::Digest;
use linli_types::receipt::{Event, Param};
use linli_types::store::Broken;
use linli_types::wire::governance as wire;
use prost::Message;

const DEPLOYED: &str = "linli.governance.v1.ContractDeployed";
const BEGUN: &str = "linli.governance.v1.ContractBegun";

/// Puts code in force for whoever had the right to it. Refuses before anything is written, so that
/// it also serves to try a deed.
pub(crate) fn carry_out(deed: &mut Deed<'_, '_>, request: &wire::Deploy) -> Done {
    let (hash, before) = judge(deed, request)?;
    let room = request.room.as_str();
    let number = before.map_or(0, |row| row.number).saturating_add(1);
    match before {
        Some(_) => {
            let since = deed.place.height.next(); // C2
            put_version(deed.overlay, room, CodeRow { hash, number, since })?;
        }
        None => start(deed, room, &hash)?,
    }
    keep(deed.overlay, &hash)?;
    let message = wire::ContractDeployed { room: room.into(), hash: hash.0.to_vec(), number };
    Ok((wire::Done {}.encode_to_vec(), event(GOVERNANCE, DEPLOYED, [], &message)))
}

/// Every check that there is (C4): the code's hash, and what runs in the room.
fn judge(
    deed: &mut Deed<'_, '_>,
    request: &wire::Deploy,
) -> Result<(Digest, Option<CodeRow>), Stop> {
    let room = request.room.as_str();
    check_name(room).map_err(|_| Code::CodeRoom.refuse([]))?;
    let (hash, word) = (hash_of("hash", &request.hash)?, Param::Word(room.into()));
    let before: Option<CodeRow> = find(deed.overlay, &code_key(room), "a room's code")?;
    let runs = match before {
        Some(row) => row.hash.0.to_vec(),
        // A room that is about to begin is as good as there.
        None => deed.overlay.read(&start_key(room))?.unwrap_or_default(),
    };
    if runs != request.base {
        return Err(Code::CodeBase.refuse([word]).into());
    }
    if runs == hash.0 {
        return Err(Code::CodeSame.refuse([word]).into());
    }
    if before.is_none() && !runs.is_empty() {
        return Err(Code::CodeBase.refuse([word]).into());
    }
    let code = read_file(deed.overlay, &hash)?.ok_or_else(|| Code::CodeMissing.refuse([]))?;
    vm::inspect(&code).map_err(|why| Code::CodeRefused.refuse([Param::Word(why.rule().into())]))?;
    Ok((hash, before))
}

/// Has a new room begin in the next block: its code is compiled between the two.
fn start(deed: &mut Deed<'_, '_>, room: &str, hash: &Digest) -> Result<(), Stop> {
    deed.overlay.write(start_key(room), Some(hash.0.to_vec()))?;
    let row = TimerRow { room: ROOM.into(), payload: room.as_bytes().to_vec() };
    let cause = [room.as_bytes(), &[0], &deed.place.height.0.to_le_bytes()].concat();
    timers::schedule(deed.overlay, deed.place.time, &row, &cause)?;
    Ok(())
}

/// Takes away what says that a room is to begin: its name and its code. If its `init` refuses, the
/// room stands nowhere.
pub(crate) fn take_start(
    overlay: &mut Overlay<'_>,
    payload: &[u8],
) -> Result<Option<(String, Digest)>, Broken> {
    let Ok(room) = std::str::from_utf8(payload) else { return Ok(None) };
    let Some(hash) = overlay.read(&start_key(room))? else { return Ok(None) };
    overlay.write(start_key(room), None)?;
    Ok(Some((room.into(), decode(&hash, "the hash of code")?)))
}

/// A new room's `init` ran.
pub(crate) fn begun(
    overlay: &mut Overlay<'_>,
    place: &Place,
    room: &str,
    hash: Digest,
) -> Result<Event, Broken> {
    put_version(overlay, room, CodeRow { hash, number: 1, since: place.height.next() })?;
    let message = wire::ContractBegun { room: room.into(), hash: hash.0.to_vec() };
    Ok(event(GOVERNANCE, BEGUN, [], &message))
}

/// A motion about code opens: it is rehearsed, and the undo records below stay.
pub(crate) fn pin(
    deed: &mut Deed<'_, '_>,
    motion: &MotionId,
    request: &wire::Deploy,
) -> Result<(), Stop> {
    let (hash, base) = (hash_of("hash", &request.hash)?, deed.place.height);
    let row = PinRow { room: request.room.clone(), hash, base };
    Ok(deed.overlay.write(pin_key(motion), Some(linli_types::encode(&row)))?)
}

/// The motion closed, or was withdrawn: no report counts any more, and no undo record stays for it.
pub(crate) fn unpin(overlay: &mut Overlay<'_>, motion: &MotionId) -> Result<(), Broken> {
    overlay.write(pin_key(motion), None)
}
