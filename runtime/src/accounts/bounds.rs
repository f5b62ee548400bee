//! Bounds of accounts and their lots: how much may move (INV-L3, INV-L11).

use super::day::{day_of, month_of};
use super::desk::{Desk, Held};
use super::lots::{self, Lot, Usable};
use crate::vm::Stop;
use linli_types::account::{AccountRow, flag};
use linli_types::books::AccountKind;
use linli_types::code::Code;
use linli_types::limits;
use linli_types::receipt::{Param, Refusal};

/// How an issue into an account with lots is dated.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dating {
    pub(super) origin: u32,
    pub(super) expires_day: u32,
}

/// The amount of a balancing transfer: what the debit account can give, at most `amount`.
pub(super) fn balancing(
    desk: &mut Desk<'_, '_>,
    debit: &Held,
    credit: &Held,
    amount: u64,
) -> Result<u64, Stop> {
    let mut most = debit.row.can_give().min(amount);
    if debit.row.is(flag::LOTS) {
        most = most.min(free_lots(desk, debit, credit)?);
    }
    match most {
        0 => Err(insufficient(0, amount).into()),
        _ => Ok(most),
    }
}

/// Whether both accounts stay within their bounds, the pending amounts counted (INV-L3).
pub(super) fn within(debit: &AccountRow, credit: &AccountRow, amount: u64) -> Result<(), Refusal> {
    if debit.can_give() < amount {
        return Err(insufficient(debit.can_give(), amount));
    }
    takes(credit, amount)?;
    fits(debit.debits_posted, debit.debits_pending, amount)?;
    fits(credit.credits_posted, credit.credits_pending, amount)
}

/// Whether an account may be credited that much more.
pub(super) fn takes(credit: &AccountRow, amount: u64) -> Result<(), Refusal> {
    let taken = wide(credit.credits_posted, credit.credits_pending);
    let after = taken.saturating_add(u128::from(amount));
    if credit.is(flag::CREDITS_BOUND) && after > u128::from(credit.debits_posted) {
        let room = u128::from(credit.debits_posted).saturating_sub(taken);
        let room = u64::try_from(room).unwrap_or(u64::MAX);
        return Err(Code::CreditsExceed.refuse([Param::Number(room), Param::Number(amount)]));
    }
    let allowed = wide(credit.max_balance, credit.debits_posted);
    if credit.max_balance != 0 && after > allowed {
        return Err(Code::MaxBalance.refuse([Param::Number(credit.max_balance)]));
    }
    Ok(())
}

/// Whether what is posted and pending on a side, and this, can be counted: so a later posting can.
fn fits(posted: u64, pending: u64, amount: u64) -> Result<(), Refusal> {
    let sum = wide(posted, pending).saturating_add(u128::from(amount));
    match u64::try_from(sum) {
        Ok(_) => Ok(()),
        Err(_) => Err(Code::Overflow.refuse([])),
    }
}

fn wide(a: u64, b: u64) -> u128 {
    u128::from(a).saturating_add(u128::from(b))
}

pub(super) fn insufficient(can_give: u64, amount: u64) -> Refusal {
    Code::Insufficient.refuse([can_give, amount].map(Param::Number))
}

/// A move between two holders is a gift: what was given is not given again (INV-T8).
fn is_gift(debit: &Held, credit: &Held) -> bool {
    [debit, credit].into_iter().all(|held| held.row.kind == AccountKind::Holder)
}

fn spendable(desk: &Desk<'_, '_>, debit: &Held, credit: &Held) -> Usable {
    Usable { today: Some(day_of(desk.place.time)), for_gift: is_gift(debit, credit) }
}

/// Lots that may be used, less what is held already: a hold is never left without lots.
fn free_lots(desk: &mut Desk<'_, '_>, debit: &Held, credit: &Held) -> Result<u64, Stop> {
    let usable = lots::usable(&desk.lots(&debit.id)?, spendable(desk, debit, credit));
    Ok(usable.saturating_sub(debit.row.debits_pending))
}

/// Whether lots that may be used cover what is to move or to be held.
pub(super) fn lots_cover(
    desk: &mut Desk<'_, '_>,
    debit: &Held,
    credit: &Held,
    amount: u64,
) -> Result<(), Stop> {
    if !debit.row.is(flag::LOTS) {
        return Ok(());
    }
    let found = free_lots(desk, debit, credit)?;
    if found < amount { Err(unusable(found, amount)) } else { Ok(()) }
}

/// Moves lots for a transfer.
pub(super) fn spend_lots(
    desk: &mut Desk<'_, '_>,
    debit: &Held,
    credit: &Held,
    amount: u64,
    dating: Dating,
) -> Result<(), Stop> {
    let which = spendable(desk, debit, credit);
    move_lots(desk, debit, credit, amount, (which, dating))
}

/// Moves lots for a posting of what was reserved on `day`: those that ended since count.
pub(super) fn post_lots(
    desk: &mut Desk<'_, '_>,
    debit: &Held,
    credit: &Held,
    (amount, day): (u64, u32),
) -> Result<(), Stop> {
    let which = Usable { today: Some(day), for_gift: is_gift(debit, credit) };
    move_lots(desk, debit, credit, amount, (which, Dating::default()))
}

/// Moves lots as they are: for what is taken back, and for what ended.
pub(super) fn return_lots(
    desk: &mut Desk<'_, '_>,
    debit: &Held,
    credit: &Held,
    amount: u64,
) -> Result<(), Stop> {
    move_lots(desk, debit, credit, amount, (Usable::ALL, Dating::default()))
}

fn move_lots(
    desk: &mut Desk<'_, '_>,
    debit: &Held,
    credit: &Held,
    amount: u64,
    (which, dating): (Usable, Dating),
) -> Result<(), Stop> {
    let slices = if debit.row.is(flag::LOTS) {
        let mut lots = desk.lots(&debit.id)?;
        let found = lots::usable(&lots, which);
        let slices = lots::take(&mut lots, amount, which);
        let slices = slices.ok_or_else(|| unusable(found, amount))?;
        desk.put_lots(&debit.id, &lots)?;
        let given = which.for_gift;
        slices.into_iter().map(|lot| Lot { gifted: lot.gifted || given, ..lot }).collect()
    } else if credit.row.is(flag::LOTS) {
        // Only an issuer says where units come from and when they end.
        let issued = debit.row.kind == AccountKind::Issuance;
        vec![fresh(desk, amount, if issued { dating } else { Dating::default() })?]
    } else {
        return Ok(());
    };
    if !credit.row.is(flag::LOTS) {
        return Ok(());
    }
    let mut lots = desk.lots(&credit.id)?;
    let full = || Code::LotsFull.refuse([Param::Number(limits::LOTS_MAX as u64)]);
    lots::put(&mut lots, slices).ok_or_else(full)?;
    desk.put_lots(&credit.id, &lots)
}

/// A lot that begins now.
fn fresh(desk: &Desk<'_, '_>, amount: u64, dating: Dating) -> Result<Lot, Stop> {
    let Dating { origin, expires_day } = dating;
    let earned_month = month_of(desk.place.time);
    let lot = Lot { origin, earned_month, expires_day, remaining: amount, gifted: false };
    match lot.has_ended(day_of(desk.place.time)) {
        true => Err(Code::LotInPast.refuse([Param::Number(u64::from(expires_day))]).into()),
        false => Ok(lot),
    }
}

fn unusable(found: u64, amount: u64) -> Stop {
    Code::LotsUnusable.refuse([found, amount].map(Param::Number)).into()
}
