//! New keys for whoever lost theirs: started by an identity service, in force after a wait that
//! the policy sets. Until then any present key of the person ends it (P3).
//!
//! ```text
//! (none) ──StartRecovery──▶ waits ──CompleteRecovery, after the wait──▶ new key, others end
//!                             └────CancelRecovery, at any time────────▶ (none)
//! ```

use super::ROOM;
use super::calls::{Subject, judge};
use super::keys::{check_free, claim, make_room};
use super::rows::{KeyRow, RecoveryRow, find, get_principal, put_principal, recovery_key};
use crate::native::{Deed, Done, event, principal, public_key, read};
use crate::overlay::Overlay;
use crate::policy;
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::id::PrincipalId;
use linli_types::policy::Param as PolicyParam;
use linli_types::receipt::Param;
use linli_types::store::Broken;
use linli_types::wire::identity as wire;
use prost::Message;

const STARTED: &str = "linli.identity.v1.RecoveryStarted";
const ENDED: &str = "linli.identity.v1.RecoveryEnded";

/// The recovery of a principal that waits, if any. Accounts do not ask: until it is completed the
/// present keys sign as before, so that a recovery nobody asked for stops nothing.
pub(crate) fn waiting(
    overlay: &mut Overlay<'_>,
    id: &PrincipalId,
) -> Result<Option<RecoveryRow>, Broken> {
    find(overlay, &recovery_key(id), "a recovery")
}

pub(super) fn start(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::StartRecoveryRequest = read(args)?;
    let id = principal("principal", &request.principal)?;
    let person = get_principal(deed.overlay, &id)?;
    judge(deed, (ROOM, "StartRecovery"), Subject::of(id, &person))?;
    if id == deed.actor.principal {
        return Err(Code::SelfDealing.refuse([]).into());
    }
    if let Some(row) = waiting(deed.overlay, &id)? {
        return Err(Code::RecoveryPending.refuse([Param::Number(row.completes.0)]).into());
    }
    let key = public_key("key", &request.key)?;
    check_free(deed.overlay, &key)?;
    let wait = policy::param(deed.overlay, deed.place.time, PolicyParam::RecoveryWaitMs)?;
    let (completes, by) = (deed.place.time.plus_ms(wait), deed.actor.principal);
    let row = linli_types::encode(&RecoveryRow { key, completes, by });
    deed.overlay.write(recovery_key(&id), Some(row))?;
    let message = wire::RecoveryStarted {
        principal: request.principal,
        key: request.key,
        completes_ms: completes.0,
        by: by.0.to_vec(),
    };
    Ok((wire::Done {}.encode_to_vec(), event(ROOM, STARTED, [id, by], &message)))
}

pub(super) fn cancel(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let (id, row) = named(deed, "CancelRecovery", args)?;
    end(deed, id, &row, false)
}

pub(super) fn complete(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let (id, row) = named(deed, "CompleteRecovery", args)?;
    let now = deed.place.time;
    if now < row.completes {
        let times = [row.completes.0, now.0].map(Param::Number);
        return Err(Code::RecoveryWaits.refuse(times).into());
    }
    check_free(deed.overlay, &row.key)?;
    let (mut person, next) = (get_principal(deed.overlay, &id)?, deed.place.height.next());
    for key in &mut person.keys {
        key.until = Some(key.until.map_or(next, |until| until.min(next)));
    }
    make_room(&mut person, deed.place.height, true)?;
    person.keys.push(KeyRow { key: row.key, from: next, until: None }); // P2
    claim(deed.overlay, &row.key, &id)?;
    put_principal(deed.overlay, &id, &person)?;
    end(deed, id, &row, true)
}

/// The recovery that a request names, if the sender may end it.
fn named(
    deed: &mut Deed<'_, '_>,
    method: &str,
    args: &[u8],
) -> Result<(PrincipalId, RecoveryRow), Stop> {
    let request: wire::RecoveryRequest = read(args)?;
    let id = principal("principal", &request.principal)?;
    let person = get_principal(deed.overlay, &id)?;
    judge(deed, (ROOM, method), Subject::of(id, &person))?;
    let row = waiting(deed.overlay, &id)?;
    Ok((id, row.ok_or_else(|| Code::NoRecovery.refuse([]))?))
}

fn end(deed: &mut Deed<'_, '_>, id: PrincipalId, row: &RecoveryRow, completed: bool) -> Done {
    deed.overlay.write(recovery_key(&id), None)?;
    let by = deed.actor.principal;
    let message = wire::RecoveryEnded {
        principal: id.0.to_vec(),
        key: row.key.0.to_vec(),
        completed,
        by: by.0.to_vec(),
    };
    Ok((wire::Done {}.encode_to_vec(), event(ROOM, ENDED, [id, by, row.by], &message)))
}
