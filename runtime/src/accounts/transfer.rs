//! Moves and holds.

use super::bounds::{self, Dating};
use super::day::day_of;
use super::desk::{Desk, Held, deed};
use super::rows::{DeedRow, PendingRow, deed_key, pending_key};
use super::{ROOM, judge, malformed};
use crate::timers::{self, TimerRow};
use crate::vm::Stop;
use linli_types::account::{Act, Entry};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{Digest, PrincipalId, TransferId};
use linli_types::limits;
use linli_types::receipt::Param;
use linli_types::wire::accounts::{
    ReserveRequest, ReserveResponse, TransferRequest, TransferResponse,
};

/// Moves an amount.
pub(super) fn transfer(
    desk: &mut Desk<'_, '_>,
    request: TransferRequest,
) -> Result<TransferResponse, Stop> {
    let id = desk.claim(&request.id, "Transfer", &request)?;
    let reference = reference(&request.r#ref)?;
    let debit = desk.account(&request.debit)?;
    let credit = desk.account(&request.credit)?;
    judge::sides(&debit, &credit, request.amount)?;
    judge::allowed(desk, &debit, &credit, request.code)?;
    let amount = match request.balancing {
        true => bounds::balancing(desk, &debit, &credit, request.amount)?,
        false => request.amount,
    };
    bounds::within(&debit.row, &credit.row, amount)?;
    bounds::lots_cover(desk, &debit, &credit, amount)?;
    desk.spend(amount, &credit.row.owner)?;
    let TransferRequest { origin, expires_day, code, .. } = request;
    bounds::spend_lots(desk, &debit, &credit, amount, Dating { origin, expires_day })?;
    if request.balancing {
        // The request does not say what was moved: a reversal asks the row.
        keep_deed(desk, &id, &debit, &credit, amount)?;
    }
    let entry =
        Entry { reference, ..entry(desk, id, Act::Transfer, (&debit, &credit), amount, code) };
    desk.enter(&entry, debit, credit)?;
    Ok(TransferResponse { amount })
}

/// Holds an amount until it is posted, given up, or its time has passed.
pub(super) fn reserve(
    desk: &mut Desk<'_, '_>,
    request: ReserveRequest,
) -> Result<ReserveResponse, Stop> {
    let id = desk.claim(&request.id, "Reserve", &request)?;
    let reference = reference(&request.r#ref)?;
    let resolver = match request.resolver.as_slice() {
        [] => desk.acting.principal,
        bytes => PrincipalId::from_slice(bytes).ok_or_else(|| malformed("resolver"))?,
    };
    let debit = desk.account(&request.debit)?;
    let credit = desk.account(&request.credit)?;
    judge::sides(&debit, &credit, request.amount)?;
    let expires = expiry(desk, request.expires_ms)?;
    judge::allowed(desk, &debit, &credit, request.code)?;
    let amount = match request.balancing {
        true => bounds::balancing(desk, &debit, &credit, request.amount)?,
        false => request.amount,
    };
    bounds::within(&debit.row, &credit.row, amount)?;
    bounds::lots_cover(desk, &debit, &credit, amount)?;
    desk.spend(amount, &credit.row.owner)?;
    let held = (&debit, &credit);
    hold(desk, id, held, amount, (request.code, expires, resolver))?;
    let entry = entry(desk, id, Act::Reserve, held, amount, request.code);
    desk.enter(&Entry { reference, expires, ..entry }, debit, credit)?;
    Ok(ReserveResponse { amount })
}

/// Writes the pending row and sets the timer that gives it up (INV-L4).
fn hold(
    desk: &mut Desk<'_, '_>,
    id: TransferId,
    (debit, credit): (&Held, &Held),
    amount: u64,
    (code, expires, resolver): (u32, TimeMs, PrincipalId),
) -> Result<(), Stop> {
    let row = TimerRow { room: ROOM.into(), payload: id.0.to_vec() };
    let timer = timers::schedule(desk.overlay, expires, &row, &id.0)?;
    let (debit, credit, asset) = (debit.id, credit.id, debit.row.asset);
    let day = day_of(desk.place.time);
    let agent = desk.acting.agent;
    let row =
        PendingRow { debit, credit, amount, asset, code, expires, day, resolver, timer, agent };
    Ok(desk.overlay.write(pending_key(&id), Some(linli_types::encode(&row)))?)
}

fn expiry(desk: &Desk<'_, '_>, expires_ms: u64) -> Result<TimeMs, Stop> {
    let now = desk.place.time;
    let latest = now.plus_ms(limits::TIMER_AHEAD_MS_MAX);
    match TimeMs(expires_ms) {
        at if at > now && at <= latest => Ok(at),
        at => Err(Code::BadExpiry.refuse([at, now].map(|time| Param::Number(time.0))).into()),
    }
}

/// An entry of two accounts, with nothing but what every entry has.
pub(super) fn entry(
    desk: &Desk<'_, '_>,
    id: TransferId,
    act: Act,
    (debit, credit): (&Held, &Held),
    amount: u64,
    code: u32,
) -> Entry {
    Entry {
        id,
        at: desk.place.time,
        act,
        debit: debit.id,
        credit: credit.id,
        amount,
        asset: debit.row.asset,
        code,
        of: TransferId::default(),
        pending: 0,
        expires: TimeMs(0),
        reference: None,
        actor: desk.acting.principal,
    }
}

/// Keeps what a reversal will ask for.
pub(super) fn keep_deed(
    desk: &mut Desk<'_, '_>,
    id: &TransferId,
    debit: &Held,
    credit: &Held,
    amount: u64,
) -> Result<(), Stop> {
    let (debit, credit, actor) = (debit.id, credit.id, desk.acting.principal);
    let row = DeedRow { debit, credit, amount, reversed: 0, actor };
    Ok(desk.overlay.write(deed_key(id), Some(linli_types::encode(&row)))?)
}

/// The deed that a plain transfer's business id stands for.
pub(super) fn deed_of(actor: &PrincipalId, request: &TransferRequest) -> Digest {
    deed("Transfer", actor, request)
}

fn reference(bytes: &[u8]) -> Result<Option<Digest>, Stop> {
    match bytes {
        [] => Ok(None),
        bytes => Ok(Some(Digest::from_slice(bytes).ok_or_else(|| malformed("ref"))?)),
    }
}
