//! What was moved by mistake, fraud or decision is taken back by another entry (INV-L6).

use super::bounds::{self, insufficient};
use super::desk::{Desk, Held, names, open};
use super::rows::{DeedRow, deed_key};
use super::transfer::{deed_of, entry};
use super::{ROOM, judge, malformed};
use crate::stored::decode;
use crate::vm::Stop;
use linli_types::account::{Act, Entry, flag};
use linli_types::books::AccountKind;
use linli_types::code::Code;
use linli_types::id::{AccountId, PrincipalId, TransferId};
use linli_types::receipt::Param;
use linli_types::wire::accounts::{ReverseRequest, ReverseResponse, TransferRequest};

/// How much of it the payee's account gives, and how much stands as a receivable.
struct Shares {
    returned: u64,
    receivable: u64,
}

/// Takes a transfer back, whole or in part.
pub(super) fn reverse(
    desk: &mut Desk<'_, '_>,
    request: ReverseRequest,
) -> Result<ReverseResponse, Stop> {
    let id = desk.claim(&request.id, "Reverse", &request)?;
    if request.reason == 0 {
        return Err(malformed("reason"));
    }
    let (of, deed) = find(desk, &request)?;
    let left = deed.amount.saturating_sub(deed.reversed);
    match request.amount {
        0 => return Err(Code::ZeroAmount.refuse([]).into()),
        amount if amount > left => {
            let figures = [left, amount].map(Param::Number);
            return Err(Code::ReversalTooLarge.refuse(figures).into());
        }
        _ => {}
    }
    let payer = desk.account(&deed.debit.0)?;
    let payee = desk.account(&deed.credit.0)?;
    authorise(desk, &request, &deed, (&payee, &payer))?;
    let class = desk.asset(payer.row.asset)?.class;
    desk.join(class)?;
    // Who spent everything and closed the account owes it all the same.
    if request.receivable.is_empty() {
        open(&payee)?;
    }
    open(&payer)?;
    judge::unfrozen(&payee, &payer)?;
    desk.spend(request.amount, &payer.row.owner)?;
    let shares = share(desk, &request, &payee, &payer.id)?;
    write_deed(desk, &of, deed, request.amount)?;
    give_back(desk, (id, of), &request, &shares, (payee, payer))?;
    Ok(ReverseResponse { returned: shares.returned, receivable: shares.receivable })
}

/// The transfer that is taken back: its row, or the original that its business id stands for.
fn find(desk: &mut Desk<'_, '_>, request: &ReverseRequest) -> Result<(TransferId, DeedRow), Stop> {
    let id = TransferId::from_slice(&request.transfer).ok_or_else(|| malformed("transfer"))?;
    if let Some(row) = desk.overlay.read(&deed_key(&id))? {
        return Ok((id, decode(&row, "a deed")?));
    }
    let missing = || Stop::Refused(Code::NoTransfer.refuse([Param::Bytes(id.0.to_vec())]));
    let original = request.original.as_ref().filter(|original| original.id == id.0);
    let original = original.ok_or_else(missing)?;
    let actor = PrincipalId::from_slice(&request.original_actor).ok_or_else(missing)?;
    let claimed = desk.overlay.claimed(ROOM, &id.0)?;
    if claimed != Some(deed_of(&actor, original)) {
        return Err(missing());
    }
    Ok((id, read_original(original, actor).ok_or_else(missing)?))
}

fn read_original(original: &TransferRequest, actor: PrincipalId) -> Option<DeedRow> {
    let debit = AccountId::from_slice(&original.debit)?;
    let credit = AccountId::from_slice(&original.credit)?;
    Some(DeedRow { debit, credit, amount: original.amount, reversed: 0, actor })
}

/// Who may: the payee, of their own will; the contract that made it; an arbitrator who is no party.
fn authorise(
    desk: &mut Desk<'_, '_>,
    request: &ReverseRequest,
    deed: &DeedRow,
    (payee, payer): (&Held, &Held),
) -> Result<(), Stop> {
    let gives = request.receivable.is_empty() && desk.is(&payee.row.owner);
    let made = desk.room.is_some() && desk.acting.principal == deed.actor;
    if gives || made {
        return Ok(());
    }
    if !desk.has_office("Reverse")? {
        return Err(names(Code::Unauthorised, &payee.id));
    }
    match desk.is(&payee.row.owner) || desk.is(&payer.row.owner) {
        true => Err(Code::SelfDealing.refuse([]).into()),
        false => Ok(()),
    }
}

fn share(
    desk: &mut Desk<'_, '_>,
    request: &ReverseRequest,
    payee: &Held,
    payer: &AccountId,
) -> Result<Shares, Stop> {
    let returned = payee.row.can_give().min(request.amount);
    let receivable = request.amount.saturating_sub(returned);
    if request.receivable.is_empty() && receivable > 0 {
        return Err(insufficient(returned, request.amount).into());
    }
    if !request.receivable.is_empty() {
        let account = desk.account(&request.receivable)?;
        let fit = account.row.kind == AccountKind::ClawbackReceivable
            && account.id != *payer
            && account.row.asset == payee.row.asset
            && !account.row.is(flag::CLOSED);
        if !fit {
            return Err(names(Code::NotReceivable, &account.id));
        }
        // Or a contract would pay itself, and have somebody else owe it.
        if !desk.is(&account.row.owner) && !desk.has_office("Reverse")? {
            return Err(names(Code::Unauthorised, &account.id));
        }
    }
    Ok(Shares { returned, receivable })
}

fn write_deed(
    desk: &mut Desk<'_, '_>,
    of: &TransferId,
    deed: DeedRow,
    amount: u64,
) -> Result<(), Stop> {
    let reversed = deed.reversed.saturating_add(amount);
    let row = DeedRow { reversed, ..deed };
    Ok(desk.overlay.write(deed_key(of), Some(linli_types::encode(&row)))?)
}

/// Enters both parts; the payer is made whole by the payee first, then by the receivable.
fn give_back(
    desk: &mut Desk<'_, '_>,
    (id, of): (TransferId, TransferId),
    request: &ReverseRequest,
    shares: &Shares,
    (payee, payer): (Held, Held),
) -> Result<(), Stop> {
    bounds::takes(&payer.row, request.amount)?;
    let payer_id = payer.id;
    if shares.returned > 0 {
        bounds::return_lots(desk, &payee, &payer, shares.returned)?;
        let parties = (&payee, &payer);
        let entry = entry(desk, id, Act::Reversal, parties, shares.returned, request.reason);
        desk.enter(&Entry { of, ..entry }, payee, payer)?;
    }
    if shares.receivable > 0 {
        let owed = desk.account(&request.receivable)?;
        let payer = desk.account(&payer_id.0)?;
        bounds::return_lots(desk, &owed, &payer, shares.receivable)?;
        let parties = (&owed, &payer);
        let entry = entry(desk, id, Act::Receivable, parties, shares.receivable, request.reason);
        desk.enter(&Entry { of, ..entry }, owed, payer)?;
    }
    Ok(())
}
