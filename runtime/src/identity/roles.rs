//! Roles given and taken, never by oneself, never two that exclude each other (P4). Seats of a council
//! that stands are motions' alone ([`crate::governance`]).

use super::ROOM;
use super::calls::{Subject, judge, reaches};
use super::permits::may_grant;
use super::rows::{get_org, get_principal, put_principal};
use crate::accounts::NOBODY;
use crate::governance;
use crate::native::{Deed, Done, event, malformed, method_word, principal, read, word};
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::genesis::Role;
use linli_types::id::PrincipalId;
use linli_types::limits::ROLES_MAX;
use linli_types::receipt::{Event, Param, Refusal};
use linli_types::role::{Clash, clash};
use linli_types::validator::OrgKind;
use linli_types::wire::identity as wire;
use prost::Message;

const CHANGED: &str = "linli.identity.v1.RoleChanged";

pub(super) fn grant(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let (id, role) = named(deed, "GrantRole", args)?;
    governance::office_may(deed.overlay, role, true)?; // INV-G5
    Ok((wire::Done {}.encode_to_vec(), give_role(deed, id, role)?))
}

pub(super) fn withdraw(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let (id, role) = named(deed, "WithdrawRole", args)?;
    governance::office_may(deed.overlay, role, false)?; // INV-G5
    Ok((wire::Done {}.encode_to_vec(), take_role(deed, id, role)?))
}

/// Gives a role for whoever had the right to it.
pub(crate) fn give_role(
    deed: &mut Deed<'_, '_>,
    id: PrincipalId,
    role: Role,
) -> Result<Event, Stop> {
    let mut row = get_principal(deed.overlay, &id)?;
    if row.has(role) {
        return Err(Code::Duplicate.refuse([]).into());
    }
    if row.roles.len() >= ROLES_MAX {
        return Err(Code::TooMany.refuse([word("roles"), Param::Number(ROLES_MAX as u64)]).into());
    }
    let kind = match row.org {
        0 => None,
        org => Some(get_org(deed.overlay, org)?.kind),
    };
    check_home(role, kind)?;
    row.roles.push(role);
    row.roles.sort_unstable();
    check_apart(&row.roles)?;
    put_principal(deed.overlay, &id, &row)?;
    governance::given(deed.overlay, deed.place.height, &id, role)?;
    Ok(changed(deed, id, role, true))
}

/// Takes a role for whoever had the right to it.
pub(crate) fn take_role(
    deed: &mut Deed<'_, '_>,
    id: PrincipalId,
    role: Role,
) -> Result<Event, Stop> {
    let mut row = get_principal(deed.overlay, &id)?;
    if !row.has(role) {
        return Err(Code::NoRole.refuse([word(role.name())]).into());
    }
    row.roles.retain(|held| *held != role);
    put_principal(deed.overlay, &id, &row)?;
    governance::taken(deed.overlay, &id, role)?;
    Ok(changed(deed, id, role, false))
}

/// Whether people of this kind of organisation may hold the role.
pub(crate) fn check_home(role: Role, kind: Option<OrgKind>) -> Result<(), Refusal> {
    let homes = role.homes();
    match homes.is_empty() || kind.is_some_and(|kind| homes.contains(&kind)) {
        true => Ok(()),
        false => Err(Code::WrongOrganisation.refuse([word(role.name())])),
    }
}

/// Whether these roles go together (P4).
pub(crate) fn check_apart(roles: &[Role]) -> Result<(), Refusal> {
    match clash(roles) {
        None => Ok(()),
        Some(Clash::TwoSeats) => Err(Code::TwoSeats.refuse([])),
        Some(Clash::Excluded(a, b)) => {
            Err(Code::RolesExcluded.refuse([word(a.name()), word(b.name())]))
        }
    }
}

/// Whom and what a request names, if the sender may give and take it.
fn named(deed: &mut Deed<'_, '_>, method: &str, args: &[u8]) -> Result<(PrincipalId, Role), Stop> {
    let request: wire::RoleRequest = read(args)?;
    let id = principal("principal", &request.principal)?;
    let number = u32::try_from(request.role).unwrap_or(0);
    let role = Role::from_number(number).ok_or_else(|| malformed("role"))?;
    let subject = Subject::of(id, &get_principal(deed.overlay, &id)?);
    let me = judge(deed, (ROOM, method), subject)?;
    if id == deed.actor.principal {
        return Err(Code::SelfDealing.refuse([]).into());
    }
    let may = |held: &Role| may_grant(*held, role).is_some_and(|r| reaches(r, &me, subject));
    match me.roles.iter().any(may) {
        true => Ok((id, role)),
        false => Err(Code::RoleDenied.refuse([method_word(ROOM, method)]).into()),
    }
}

/// Says that a role changed hands. When the chain itself does it because a motion passed, nobody acts.
fn changed(deed: &Deed<'_, '_>, id: PrincipalId, role: Role, granted: bool) -> Event {
    let by = deed.actor.principal;
    let message = wire::RoleChanged {
        principal: id.0.to_vec(),
        role: i32::try_from(role.number()).unwrap_or(0),
        granted,
        by: by.0.to_vec(),
    };
    let about = [id, by].into_iter().filter(|id| *id != NOBODY);
    event(ROOM, CHANGED, about, &message)
}
