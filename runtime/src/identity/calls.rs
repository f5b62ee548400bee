//! The room's calls by name, and the first question of each: may the sender do it?

use super::permits::{self, Reach};
use super::rows::{PrincipalRow, get_principal};
use super::{ROOM, attest, entry, keys, mandate, recovery, roles, sm2, sod};
use crate::governance;
use crate::native::{Deed, Done, method_word};
use crate::room::unknown_method;
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::id::PrincipalId;
use linli_types::receipt::Refusal;

/// The call that only contracts make.
const ACT: &str = "Act";

/// Makes a call of this room.
pub(crate) fn call(deed: &mut Deed<'_, '_>, method: &str, args: &[u8]) -> Done {
    check_caller(deed.caller, method)?;
    match method {
        ACT => sod::act_for_contract(deed, args),
        "AdmitOrganisation" => entry::organisation(deed, args),
        "AdmitCentre" => entry::centre(deed, args),
        "AdmitPerson" => entry::person(deed, args),
        "AdmitDevice" => entry::device(deed, args),
        "GrantRole" => roles::grant(deed, args),
        "WithdrawRole" => roles::withdraw(deed, args),
        "AddKey" => keys::add(deed, args),
        "RevokeKey" => keys::revoke(deed, args),
        "SetSm2Key" => sm2::set(deed, args),
        "RetireSm2Key" => sm2::retire(deed, args),
        "StartRecovery" => recovery::start(deed, args),
        "CancelRecovery" => recovery::cancel(deed, args),
        "CompleteRecovery" => recovery::complete(deed, args),
        "GrantMandate" => mandate::grant(deed, args),
        "WithdrawMandate" => mandate::withdraw(deed, args),
        "AttestRelation" => attest::attest_relation(deed, args),
        "WithdrawRelation" => attest::withdraw_relation(deed, args),
        "AttestPredicate" => attest::attest_predicate(deed, args),
        "WithdrawPredicate" => attest::withdraw_predicate(deed, args),
        _ => Err(unknown_method(ROOM, method).into()),
    }
}

/// A contract must not use its caller's offices: it may record duties and nothing else.
fn check_caller(caller: &str, method: &str) -> Result<(), Refusal> {
    match (caller.is_empty(), method == ACT) {
        (true, true) => Err(Code::ContractOnly.refuse([method_word(ROOM, method)])),
        (false, false) => Err(Code::DirectOnly.refuse([method_word(ROOM, method)])),
        _ => Ok(()),
    }
}

/// Whom a call is about, as far as the table asks.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    /// The principal, if it is about one that stands.
    pub(crate) principal: Option<PrincipalId>,
    /// Their organisation; 0 for none.
    pub(crate) org: u32,
}

impl Subject {
    /// Nobody in particular.
    pub(crate) const NOBODY: Self = Self { principal: None, org: 0 };

    /// Someone of an organisation who does not stand yet.
    pub(crate) const fn newcomer(org: u32) -> Self {
        Self { principal: None, org }
    }

    pub(crate) const fn of(id: PrincipalId, row: &PrincipalRow) -> Self {
        Self { principal: Some(id), org: row.org }
    }
}

/// The sender, if the table lets them make a call about the subject. Also for other rooms.
pub(crate) fn judge(
    deed: &mut Deed<'_, '_>,
    (room, method): (&str, &str),
    subject: Subject,
) -> Result<PrincipalRow, Stop> {
    let me = deed.actor.principal;
    let row = get_principal(deed.overlay, &me)?;
    let denied = || Code::RoleDenied.refuse([method_word(room, method)]);
    let permit = permits::find(room, method).ok_or_else(denied)?;
    let leave = permit.leave(&row.roles);
    let own = leave.own && subject.principal == Some(me);
    let may = own || leave.reach.is_some_and(|reach| reaches(reach, &row, subject));
    if !may {
        return Err(denied().into());
    }
    if permit.consortium && governance::stands(deed.overlay)? {
        return Err(Code::MotionNeeded.refuse([]).into()); // INV-G4
    }
    Ok(row)
}

pub(crate) fn reaches(reach: Reach, row: &PrincipalRow, subject: Subject) -> bool {
    match reach {
        Reach::Any => true,
        Reach::Organisation => row.org != 0 && row.org == subject.org,
    }
}
