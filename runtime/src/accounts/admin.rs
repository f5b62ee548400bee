//! Accounts begin, are frozen and thawed by order, and end.

use super::desk::{Desk, Held, names, open as not_closed, thawed};
use super::rows::{AssetRow, account_key, read_row};
use super::{ROOM, malformed};
use crate::identity;
use crate::vm::Stop;
use linli_types::account::{AccountRow, ISSUANCE_PREFIX, NOBODY, contract_principal, flag};
use linli_types::books::{AccountKind, AssetClass};
use linli_types::code::Code;
use linli_types::id::{AccountId, Digest, PrincipalId};
use linli_types::receipt::Param;
use linli_types::wire::accounts::{
    AccountClosed, AccountFrozen, AccountOpened, CloseRequest, CloseResponse, FreezeRequest,
    FreezeResponse, OpenRequest, OpenResponse, UnfreezeRequest, UnfreezeResponse,
};

/// Opens an account.
pub(super) fn open(desk: &mut Desk<'_, '_>, request: OpenRequest) -> Result<OpenResponse, Stop> {
    let id = AccountId::from_slice(&request.id).ok_or_else(|| malformed("id"))?;
    let owner = match request.owner.as_slice() {
        [] => desk.acting.principal,
        bytes => PrincipalId::from_slice(bytes).ok_or_else(|| malformed("owner"))?,
    };
    let stands = desk.overlay.read(&account_key(&id))?;
    if let Some(row) = stands {
        return Err(again(desk, &request, owner, &read_row(&row)?)?);
    }
    if id.0.starts_with(ISSUANCE_PREFIX) {
        return Err(Code::RuleDenied.refuse([Param::Word(ROOM.into())]).into());
    }
    let (kind, flags) = wanted(&request, &desk.asset(request.asset)?)?;
    authorise(desk, &owner, kind, &id)?;
    known(desk, &owner, kind)?;
    // INV-T10: no machine holds minutes or points.
    let earned = matches!(desk.asset(request.asset)?.class, AssetClass::Time | AssetClass::Point);
    if earned && identity::is_machine(desk.overlay, &owner)? {
        return Err(Code::RuleDenied.refuse([Param::Word(ROOM.into())]).into());
    }
    let row = AccountRow {
        max_balance: request.max_balance,
        opened: desk.place.time,
        ..AccountRow::new(owner, request.asset, kind, flags)
    };
    desk.put(&Held { id, row })?;
    let opened = AccountOpened {
        id: id.0.to_vec(),
        owner: owner.0.to_vec(),
        asset: request.asset,
        kind: kind.number(),
        flags: u32::from(flags),
        max_balance: request.max_balance,
    };
    desk.tell("linli.accounts.v1.AccountOpened", vec![owner], &opened);
    Ok(OpenResponse {})
}

/// What to say of an id that stands: the row itself is the claim (INV-L5).
fn again(
    desk: &mut Desk<'_, '_>,
    request: &OpenRequest,
    owner: PrincipalId,
    row: &AccountRow,
) -> Result<Stop, Stop> {
    let asset = match desk.asset(request.asset) {
        Ok(asset) => asset,
        Err(Stop::Broken(broken)) => return Err(Stop::Broken(broken)),
        Err(Stop::Refused(_)) => return Ok(Code::BusinessIdConflict.refuse([]).into()),
    };
    let asked = (owner, request.asset, request.max_balance);
    let same = asked == (row.owner, row.asset, row.max_balance)
        && wanted(request, &asset).is_ok_and(|w| w == (row.kind, row.flags & flag::ASKED));
    Ok(if same { Code::Duplicate } else { Code::BusinessIdConflict }.refuse([]).into())
}

/// Kind and flags, with those that the kind and the asset force.
fn wanted(request: &OpenRequest, asset: &AssetRow) -> Result<(AccountKind, u16), Stop> {
    let kind = AccountKind::from_number(request.kind).filter(|kind| *kind != AccountKind::Issuance);
    let number = |n: u32| [Param::Number(u64::from(n))];
    let kind = kind.ok_or_else(|| Code::BadAccountKind.refuse(number(request.kind)))?;
    let refused = || Stop::Refused(Code::BadAccountFlags.refuse(number(request.flags)));
    let asked = u16::try_from(request.flags).map_err(|_| refused())?;
    let flags = asked | forced(kind, asset.lots);
    let both = flag::DEBITS_BOUND | flag::CREDITS_BOUND;
    // Lots sum to a balance: without the bound there may be none to sum to.
    let loose_lots = flags & flag::LOTS != 0 && flags & flag::DEBITS_BOUND == 0;
    if asked & !flag::ASKED != 0 || flags & both == both || loose_lots {
        return Err(refused());
    }
    Ok((kind, flags))
}

/// Flags that every account of a kind has.
pub(super) fn forced(kind: AccountKind, lots: bool) -> u16 {
    match kind {
        AccountKind::Clearing => 0,
        // No more is taken back than was issued, nor recovered than was owed.
        AccountKind::Issuance | AccountKind::ClawbackReceivable => flag::CREDITS_BOUND,
        // An escrow too: what passes through one's own would come back without its dates.
        AccountKind::Holder | AccountKind::Escrow if lots => flag::DEBITS_BOUND | flag::LOTS,
        _ => flag::DEBITS_BOUND,
    }
}

fn authorise(
    desk: &mut Desk<'_, '_>,
    owner: &PrincipalId,
    kind: AccountKind,
    id: &AccountId,
) -> Result<(), Stop> {
    let plain = matches!(kind, AccountKind::Holder | AccountKind::Escrow);
    let own = plain && desk.is(owner);
    if own || desk.has_office("Open")? {
        return Ok(());
    }
    Err(names(Code::Unauthorised, id))
}

/// A principal, a contract's, or nobody for what belongs to the community.
fn known(desk: &mut Desk<'_, '_>, owner: &PrincipalId, kind: AccountKind) -> Result<(), Stop> {
    let nobodys = *owner == NOBODY && kind != AccountKind::Holder;
    let contracts = || desk.contracts.keys().any(|room| contract_principal(room) == *owner);
    if nobodys || contracts() || identity::is_known(desk.overlay, owner)? {
        return Ok(());
    }
    Err(Code::UnknownOwner.refuse([Param::Bytes(owner.0.to_vec())]).into())
}

/// Closes an account that holds and awaits nothing.
pub(super) fn close(desk: &mut Desk<'_, '_>, request: CloseRequest) -> Result<CloseResponse, Stop> {
    let mut held = desk.account(&request.account)?;
    not_closed(&held)?;
    if !desk.is(&held.row.owner) {
        return Err(names(Code::Unauthorised, &held.id));
    }
    thawed(&held, flag::FROZEN_OUT | flag::FROZEN_IN)?;
    let row = &held.row;
    let awaits = row.debits_pending != 0 || row.credits_pending != 0;
    if awaits || row.debits_posted != row.credits_posted {
        return Err(names(Code::AccountNotEmpty, &held.id));
    }
    held.row.flags |= flag::CLOSED;
    desk.put(&held)?;
    let closed = AccountClosed { id: held.id.0.to_vec() };
    desk.tell("linli.accounts.v1.AccountClosed", vec![held.row.owner], &closed);
    Ok(CloseResponse {})
}

/// Stops what leaves, what comes in, or both, by a legal order.
pub(super) fn freeze(
    desk: &mut Desk<'_, '_>,
    request: FreezeRequest,
) -> Result<FreezeResponse, Stop> {
    desk.claim(&request.id, "Freeze", &request)?;
    let mut held = ordered(desk, "Freeze", &request.account, &request.legal_ref)?;
    if !request.out && !request.r#in {
        return Err(Code::FreezeNothing.refuse([]).into());
    }
    let ways = [(request.out, flag::FROZEN_OUT), (request.r#in, flag::FROZEN_IN)];
    let asked = ways.into_iter().filter(|(asked, _)| *asked);
    held.row.flags |= asked.fold(0, |flags, (_, way)| flags | way);
    tell_freeze(desk, &held, &request.legal_ref)?;
    Ok(FreezeResponse {})
}

/// Ends a freeze by a legal order.
pub(super) fn unfreeze(
    desk: &mut Desk<'_, '_>,
    request: UnfreezeRequest,
) -> Result<UnfreezeResponse, Stop> {
    desk.claim(&request.id, "Unfreeze", &request)?;
    let mut held = ordered(desk, "Unfreeze", &request.account, &request.legal_ref)?;
    let frozen = flag::FROZEN_OUT | flag::FROZEN_IN;
    if !held.row.is(frozen) {
        return Err(names(Code::NotFrozen, &held.id));
    }
    held.row.flags &= !frozen;
    tell_freeze(desk, &held, &request.legal_ref)?;
    Ok(UnfreezeResponse {})
}

/// The account that an order is about, if whoever acts may execute orders.
fn ordered(
    desk: &mut Desk<'_, '_>,
    method: &str,
    account: &[u8],
    order: &[u8],
) -> Result<Held, Stop> {
    Digest::from_slice(order).ok_or_else(|| malformed("legal_ref"))?;
    let held = desk.account(account)?;
    if !desk.has_office(method)? {
        return Err(names(Code::Unauthorised, &held.id));
    }
    // Nobody executes an order about themselves, or shields by a freeze what is to be taken back.
    match desk.is(&held.row.owner) {
        true => Err(Code::SelfDealing.refuse([]).into()),
        false => Ok(held),
    }
}

fn tell_freeze(desk: &mut Desk<'_, '_>, held: &Held, order: &[u8]) -> Result<(), Stop> {
    desk.put(held)?;
    let frozen = AccountFrozen {
        account: held.id.0.to_vec(),
        out: held.row.is(flag::FROZEN_OUT),
        r#in: held.row.is(flag::FROZEN_IN),
        legal_ref: order.to_vec(),
        actor: desk.acting.principal.0.to_vec(),
    };
    desk.tell("linli.accounts.v1.AccountFrozen", vec![held.row.owner], &frozen);
    Ok(())
}
