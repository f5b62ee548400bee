//! What becomes of a pending transfer: posted, given up, or void at its time (INV-L4).

use super::desk::{Desk, Held};
use super::rows::{PendingRow, pending_key};
use super::transfer::{entry, keep_deed};
use super::{NOBODY, ROOM, bounds, judge, malformed};
use crate::stored::decode;
use crate::timers;
use crate::vm::Stop;
use linli_types::account::{Act, Entry};
use linli_types::code::Code;
use linli_types::id::TransferId;
use linli_types::receipt::Param;
use linli_types::wire::accounts::{PostRequest, PostResponse, VoidRequest, VoidResponse};

/// A pending transfer as it was read.
struct Pending {
    id: TransferId,
    row: PendingRow,
    debit: Held,
    credit: Held,
}

/// Posts it once, whole or in part.
pub(super) fn post(desk: &mut Desk<'_, '_>, request: PostRequest) -> Result<PostResponse, Stop> {
    let id = desk.claim(&request.id, "Post", &request)?;
    let pending = unresolved(desk, &id, &request.pending)?;
    if !desk.is(&pending.row.resolver) {
        return Err(names_pending(Code::Unauthorised, &pending.id));
    }
    desk.not_to_agent(&pending.credit.row.owner)?;
    let held = pending.row.amount;
    let amount = if request.amount == 0 { held } else { request.amount };
    if amount > held {
        return Err(Code::PostTooLarge.refuse([held, amount].map(Param::Number)).into());
    }
    let class = desk.asset(pending.row.asset)?.class;
    desk.join(class)?;
    judge::unfrozen(&pending.debit, &pending.credit)?;
    bounds::post_lots(desk, &pending.debit, &pending.credit, (amount, pending.row.day))?;
    if pending.row.agent.is_none() || pending.row.agent != desk.acting.agent {
        // P5: what the agent did not reserve, and counted then, is given away now.
        desk.spend(amount, &pending.credit.row.owner)?;
    }
    keep_deed(desk, &id, &pending.debit, &pending.credit, amount)?;
    resolve(desk, id, Act::Post, amount, pending)?;
    Ok(PostResponse { amount })
}

/// Gives it up. A freeze does not stop that: what is held returns to its owner.
pub(super) fn void(desk: &mut Desk<'_, '_>, request: VoidRequest) -> Result<VoidResponse, Stop> {
    let id = desk.claim(&request.id, "Void", &request)?;
    let pending = unresolved(desk, &id, &request.pending)?;
    if !desk.is(&pending.row.resolver) && !desk.is(&pending.credit.row.owner) {
        return Err(names_pending(Code::Unauthorised, &pending.id));
    }
    desk.not_to_agent(&pending.debit.row.owner)?;
    resolve(desk, id, Act::Void, pending.row.amount, pending)?;
    Ok(VoidResponse {})
}

/// The room's timer fell due: the pending transfer that it names is void. Nobody acts.
pub(crate) fn fire(desk: &mut Desk<'_, '_>, payload: &[u8]) -> Result<Vec<u8>, Stop> {
    desk.acting.principal = NOBODY;
    let id = TransferId::from_slice(payload).ok_or_else(|| malformed("payload"))?;
    if let Some(pending) = load(desk, &id)? {
        let amount = pending.row.amount;
        resolve(desk, id, Act::Expiry, amount, pending)?;
    }
    Ok(Vec::new())
}

/// The pending transfer, if it can still be resolved by someone.
fn unresolved(desk: &mut Desk<'_, '_>, own: &TransferId, id: &[u8]) -> Result<Pending, Stop> {
    let id = TransferId::from_slice(id).ok_or_else(|| malformed("pending"))?;
    let Some(pending) = load(desk, &id)? else {
        // The call's own id was claimed a moment ago.
        let known = id != *own && desk.overlay.claimed(ROOM, &id.0)?.is_some();
        let code = if known { Code::PendingResolved } else { Code::NoPending };
        return Err(names_pending(code, &id));
    };
    // Timers may lag behind their time; the time counts all the same.
    if pending.row.expires <= desk.place.time {
        return Err(Code::PendingExpired.refuse([Param::Number(pending.row.expires.0)]).into());
    }
    Ok(pending)
}

fn load(desk: &mut Desk<'_, '_>, id: &TransferId) -> Result<Option<Pending>, Stop> {
    let Some(row) = desk.overlay.read(&pending_key(id))? else { return Ok(None) };
    let row: PendingRow = decode(&row, "a pending transfer")?;
    let debit = desk.account(&row.debit.0)?;
    let credit = desk.account(&row.credit.0)?;
    Ok(Some(Pending { id: *id, row, debit, credit }))
}

/// Removes the row and its timer and enters what became of it.
fn resolve(
    desk: &mut Desk<'_, '_>,
    id: TransferId,
    act: Act,
    amount: u64,
    pending: Pending,
) -> Result<(), Stop> {
    let Pending { id: of, row, debit, credit } = pending;
    desk.overlay.write(pending_key(&of), None)?;
    timers::cancel(desk.overlay, ROOM, &row.timer)?;
    let held = if act == Act::Post { row.amount } else { 0 };
    let entry = entry(desk, id, act, (&debit, &credit), amount, row.code);
    desk.enter(&Entry { of, pending: held, ..entry }, debit, credit)
}

fn names_pending(code: Code, id: &TransferId) -> Stop {
    code.refuse([Param::Bytes(id.0.to_vec())]).into()
}
