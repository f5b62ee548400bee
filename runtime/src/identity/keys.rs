//! Keys: several per principal, overlapping, each with the height it begins at and one it ends at.
//!
//! ```text
//! AddKey from 120 ──────────┐          old key ████████████████▒▒▒▒
//! RevokeKey from 150 ───────┴─▶        new key             ████████████████
//!                                                         120   150
//! ```
//!
//! A transaction is judged by the height of the block it stands in: what a key signed before its
//! end and arrives after it is refused.

use super::ROOM;
use super::calls::{Subject, judge};
use super::rows::{KeyRow, PrincipalRow, put_principal};
use crate::native::{Deed, Done, event, public_key, read};
use crate::overlay::Overlay;
use crate::stored::full_key;
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::id::{PrincipalId, PublicKey};
use linli_types::limits::{KEY_AHEAD_HEIGHTS_MAX, KEYS_MAX};
use linli_types::receipt::{Param, Refusal};
use linli_types::signature::check_public_key;
use linli_types::store::Broken;
use linli_types::wire::identity as wire;
use prost::Message;

/// Full name of the room's event of a key.
const KEY_CHANGED: &str = "linli.identity.v1.KeyChanged";

/// Whom a key belongs to, for ever.
pub(crate) fn owner(
    overlay: &mut Overlay<'_>,
    key: &PublicKey,
) -> Result<Option<PrincipalId>, Broken> {
    let row = overlay.read_side(&full_key(ROOM, &key.0))?;
    let read = |row: Vec<u8>| {
        PrincipalId::from_slice(&row).ok_or_else(|| Broken("a key's row cannot be read".into()))
    };
    row.map(read).transpose()
}

/// Gives a key that nobody has to a principal (P1).
pub(crate) fn claim(
    overlay: &mut Overlay<'_>,
    key: &PublicKey,
    id: &PrincipalId,
) -> Result<(), Broken> {
    overlay.write_side(full_key(ROOM, &key.0), id.0.to_vec())
}

/// A key that a careful signer made and nobody has.
pub(crate) fn check_free(overlay: &mut Overlay<'_>, key: &PublicKey) -> Result<(), Stop> {
    check_public_key(key).map_err(|_| Code::BadKey.refuse([]))?;
    match owner(overlay, key)? {
        Some(_) => Err(Code::KeyTaken.refuse([]).into()), // P1
        None => Ok(()),
    }
}

/// Makes room for one key more: the oldest that has ended leaves the row. It stays its owner's
/// beside the tree. With `force` the oldest leaves in any case.
pub(crate) fn make_room(
    row: &mut PrincipalRow,
    height: Height,
    force: bool,
) -> Result<(), Refusal> {
    if row.keys.len() < KEYS_MAX {
        return Ok(());
    }
    let ended = |key: &KeyRow| key.until.is_some_and(|until| until <= height);
    let full = || Code::KeysFull.refuse([Param::Number(KEYS_MAX as u64)]);
    let at = row.keys.iter().position(ended).or(force.then_some(0)).ok_or_else(full)?;
    row.keys.remove(at);
    row.retired = row.retired.saturating_add(1);
    Ok(())
}

pub(super) fn add(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::AddKeyRequest = read(args)?;
    let me = deed.actor.principal;
    let subject = myself(deed);
    let mut row = judge(deed, (ROOM, "AddKey"), subject)?;
    let key = public_key("key", &request.key)?;
    let from = begins(deed.place.height, request.from_height)?;
    let known = row.keys.iter().find(|known| known.key == key);
    if known.is_some_and(|known| known.from == from && known.until.is_none()) {
        return Err(Code::Duplicate.refuse([]).into());
    }
    check_free(deed.overlay, &key)?;
    make_room(&mut row, deed.place.height, false)?;
    row.keys.push(KeyRow { key, from, until: None });
    claim(deed.overlay, &key, &me)?;
    put_principal(deed.overlay, &me, &row)?;
    Ok(changed(me, &key, true, from))
}

pub(super) fn revoke(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::RevokeKeyRequest = read(args)?;
    let me = deed.actor.principal;
    let subject = myself(deed);
    let mut row = judge(deed, (ROOM, "RevokeKey"), subject)?;
    let key = public_key("key", &request.key)?;
    let from = begins(deed.place.height, request.from_height)?;
    let covered = row.is_covered(from, Some(&key));
    let found = row.keys.iter_mut().find(|known| known.key == key);
    let found = found.ok_or_else(|| Code::KeyNotOfSender.refuse([]))?;
    match found.until {
        Some(until) if until == from => return Err(Code::Duplicate.refuse([]).into()),
        // An end is brought forward, never put off.
        Some(until) if until < from => {
            return Err(Code::KeyRevoked.refuse([Param::Number(until.0)]).into());
        }
        _ if !covered => return Err(Code::LastKey.refuse([]).into()), // P2
        _ => found.until = Some(from),
    }
    put_principal(deed.overlay, &me, &row)?;
    Ok(changed(me, &key, false, from))
}

const fn myself(deed: &Deed<'_, '_>) -> Subject {
    Subject { principal: Some(deed.actor.principal), org: 0 }
}

/// The height that a request names: the next block's for 0, otherwise that one or a later.
pub(super) fn begins(now: Height, asked: u64) -> Result<Height, Refusal> {
    let (first, last) = (now.next().0, now.next().0.saturating_add(KEY_AHEAD_HEIGHTS_MAX));
    match asked {
        0 => Ok(Height(first)),
        _ if (first..=last).contains(&asked) => Ok(Height(asked)),
        _ => Err(Code::KeyHeight.refuse([asked, first, last].map(Param::Number))),
    }
}

fn changed(
    principal: PrincipalId,
    key: &PublicKey,
    added: bool,
    from: Height,
) -> (Vec<u8>, linli_types::receipt::Event) {
    let message = wire::KeyChanged {
        principal: principal.0.to_vec(),
        key: key.0.to_vec(),
        added,
        from_height: from.0,
    };
    (wire::Done {}.encode_to_vec(), event(ROOM, KEY_CHANGED, [principal], &message))
}
