//! Whether a transfer may be: accounts, rule, actor, freezes. Bounds come after ([`super::bounds`]).

use super::desk::{Desk, Held, names, open, thawed};
use crate::vm::Stop;
use linli_types::account::flag;
use linli_types::books::{AccountKind, Authority};
use linli_types::code::Code;
use linli_types::planted::{self, Bug};
use linli_types::receipt::Param;

/// INV-L8: two accounts, something to move.
pub(super) fn sides(debit: &Held, credit: &Held, amount: u64) -> Result<(), Stop> {
    if debit.id == credit.id && !planted::is(Bug::SameAccount) {
        return Err(Code::SameAccount.refuse([]).into());
    }
    match amount {
        0 => Err(Code::ZeroAmount.refuse([]).into()),
        _ => Ok(()),
    }
}

/// Whether the rules allow it, whoever acts may do it, and nothing stands in the way.
pub(super) fn allowed(
    desk: &mut Desk<'_, '_>,
    debit: &Held,
    credit: &Held,
    code: u32,
) -> Result<(), Stop> {
    if debit.row.asset != credit.row.asset {
        let assets = [debit, credit].map(|held| Param::Number(u64::from(held.row.asset)));
        return Err(Code::AssetMismatch.refuse(assets).into());
    }
    open(debit)?;
    open(credit)?;
    authorise(desk, debit, credit, code)?;
    unfrozen(debit, credit)?;
    if debit.row.is(flag::NO_OUT) {
        return Err(names(Code::NoOut, &debit.id));
    }
    if credit.row.is(flag::NO_IN) {
        return Err(names(Code::NoIn, &credit.id));
    }
    soulbound(debit, credit)
}

/// INV-L9: the closed table names the move, and the actor is who it says.
fn authorise(desk: &mut Desk<'_, '_>, debit: &Held, credit: &Held, code: u32) -> Result<(), Stop> {
    let denied = || Code::RuleDenied.refuse([Param::Number(u64::from(code))]);
    let rules = desk.rules(debit.row.asset, code)?.ok_or_else(denied)?;
    let kinds = (debit.row.kind, credit.row.kind);
    let named = rules.moves.iter().find(|(from, to, _)| (*from, *to) == kinds);
    let (.., authority) = named.ok_or_else(denied)?;
    let may = match authority {
        Authority::Owner => desk.is(&debit.row.owner),
        Authority::Role(role) => desk.has_role(*role)?,
        Authority::Contract(room) => desk.room == Some(room.as_str()),
    };
    if !may {
        return Err(names(Code::Unauthorised, &debit.id));
    }
    // An office is never used for oneself: neither to issue nor to grant from a pool.
    if matches!(authority, Authority::Role(_)) && desk.is(&credit.row.owner) {
        return Err(Code::SelfDealing.refuse([]).into());
    }
    desk.join(rules.class)
}

/// Whether neither side is frozen in the way of it.
pub(super) fn unfrozen(debit: &Held, credit: &Held) -> Result<(), Stop> {
    thawed(debit, flag::FROZEN_OUT)?;
    thawed(credit, flag::FROZEN_IN)
}

/// What does not change hands is only issued, taken back, or ends.
fn soulbound(debit: &Held, credit: &Held) -> Result<(), Stop> {
    let issued = debit.row.kind == AccountKind::Issuance;
    let ends = matches!(credit.row.kind, AccountKind::Issuance | AccountKind::ExpiredSink);
    match [debit, credit].into_iter().find(|held| held.row.is(flag::SOULBOUND)) {
        Some(held) if !issued && !ends => Err(names(Code::Soulbound, &held.id)),
        _ => Ok(()),
    }
}
