//! An organisation's second key: SM2, for those who must see national ciphers (LEG-23).
//!
//! Ed25519 decides who may act; this key only stands beside it in statements. So the chain keeps who
//! had which key from which height on, and judges its form. Neither the curve nor the signature of
//! possession is checked here: a key that nobody holds verifies nothing, and whoever verifies a
//! statement checks both (decision 0020).

use super::ROOM;
use super::calls::{Subject, judge};
use super::keys::begins;
use super::rows::{Sm2KeyRow, Sm2Row, find, get_org, sm2_key};
use crate::native::{Deed, Done, bounded, event, malformed, read, word};
use crate::overlay::Overlay;
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::limits::{SM2_KEYS_MAX, SM2_SIGNER_ID_BYTES_MAX};
use linli_types::receipt::{Param, Refusal};
use linli_types::store::Broken;
use linli_types::wire::identity as wire;
use prost::Message;

const CHANGED: &str = "linli.identity.v1.Sm2KeyChanged";
/// First byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;

pub(super) fn set(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::SetSm2KeyRequest = read(args)?;
    let org = request.org;
    get_org(deed.overlay, org)?;
    judge(deed, (ROOM, "SetSm2Key"), Subject::newcomer(org))?;
    let key: [u8; 65] =
        request.public_key.as_slice().try_into().map_err(|_| malformed("public_key"))?;
    if key.first() != Some(&UNCOMPRESSED) {
        return Err(Code::BadKey.refuse([]).into());
    }
    let possession =
        request.possession.as_slice().try_into().map_err(|_| malformed("possession"))?;
    bounded("signer_id", request.signer_id.len(), SM2_SIGNER_ID_BYTES_MAX)?;
    if request.signer_id.is_empty() {
        return Err(malformed("signer_id").into());
    }
    let from = begins(deed.place.height, request.from_height)?;
    let mut row = load(deed.overlay, org)?;
    let signer_id = request.signer_id;
    let new = Sm2KeyRow { key, signer_id, possession, from, until: None };
    if row.keys.last() == Some(&new) {
        return Err(Code::Duplicate.refuse([]).into());
    }
    make_room(&mut row, &new)?;
    row.keys.push(new.clone());
    put(deed.overlay, org, &row)?;
    Ok(changed(deed, org, new, true, from))
}

pub(super) fn retire(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::RetireSm2KeyRequest = read(args)?;
    let org = request.org;
    get_org(deed.overlay, org)?;
    judge(deed, (ROOM, "RetireSm2Key"), Subject::newcomer(org))?;
    let from = begins(deed.place.height, request.from_height)?;
    let mut row = load(deed.overlay, org)?;
    let none = || Code::NotFound.refuse([word("sm2_key")]);
    let last = row.keys.last_mut().ok_or_else(none)?;
    match last.until {
        Some(until) if until == from => return Err(Code::Duplicate.refuse([]).into()),
        // An end is brought forward, never put off.
        Some(until) if until < from => {
            return Err(Code::KeyRevoked.refuse([Param::Number(until.0)]).into());
        }
        _ => last.until = Some(from),
    }
    let ended = last.clone();
    put(deed.overlay, org, &row)?;
    Ok(changed(deed, org, ended, false, from))
}

/// The key before ends where the new one begins, and no key comes a second time (P6).
fn make_room(row: &mut Sm2Row, new: &Sm2KeyRow) -> Result<(), Refusal> {
    if row.keys.iter().any(|old| old.key == new.key) {
        return Err(Code::KeyTaken.refuse([]));
    }
    if row.keys.len() >= SM2_KEYS_MAX {
        return Err(Code::TooMany.refuse([word("sm2_keys"), Param::Number(SM2_KEYS_MAX as u64)]));
    }
    let Some(last) = row.keys.last_mut() else { return Ok(()) };
    if new.from <= last.from {
        let heights = [new.from, last.from.next(), Height(u64::MAX)];
        return Err(Code::KeyHeight.refuse(heights.map(|height| Param::Number(height.0))));
    }
    last.until = Some(last.until.map_or(new.from, |until| until.min(new.from)));
    Ok(())
}

fn load(overlay: &mut Overlay<'_>, org: u32) -> Result<Sm2Row, Broken> {
    Ok(find(overlay, &sm2_key(org), "second keys")?.unwrap_or_default())
}

fn put(overlay: &mut Overlay<'_>, org: u32, row: &Sm2Row) -> Result<(), Broken> {
    overlay.write(sm2_key(org), Some(linli_types::encode(row)))
}

fn changed(
    deed: &Deed<'_, '_>,
    org: u32,
    key: Sm2KeyRow,
    set: bool,
    from: Height,
) -> (Vec<u8>, linli_types::receipt::Event) {
    let by = deed.actor.principal;
    let message = wire::Sm2KeyChanged {
        org,
        public_key: key.key.to_vec(),
        signer_id: key.signer_id,
        set,
        from_height: from.0,
        by: by.0.to_vec(),
    };
    (wire::Done {}.encode_to_vec(), event(ROOM, CHANGED, [by], &message))
}
