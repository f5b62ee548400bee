//! Agents and guardians: leave to act for someone, within a scope, a cap per day and a time.
//!
//! An agent's mandate is the principal's to give and take back; a guardian's is given and taken
//! back by whoever may attest that the principal is a ward. One mandate stands per principal and
//! agent; a new one replaces it and keeps what was spent today.

use super::ROOM;
use super::calls::{Subject, judge};
use super::rows::{MandateKind, MandateRow, PrincipalRow, find, get_principal, mandate_key};
use crate::native::{Deed, Done, event, malformed, method_word, principal, read, word};
use crate::overlay::Overlay;
use crate::policy;
use crate::room::{Actor, Place, unknown_room};
use crate::vm::Stop;
use linli_types::calendar::Day;
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::PrincipalId;
use linli_types::limits::{MANDATE_SCOPE_MAX, NAME_BYTES_MAX};
use linli_types::policy::Param as PolicyParam;
use linli_types::receipt::{Event, Param, Refusal};
use linli_types::store::Broken;
use linli_types::wire::{self as body, identity as wire};
use prost::Message;

const ACTED: &str = "linli.identity.v1.ActedOnBehalf";
const CHANGED: &str = "linli.identity.v1.MandateChanged";
/// Rooms that no mandate may name: who one is and what holds for all is nobody's to delegate (P5).
const NEVER: [&str; 2] = [ROOM, policy::ROOM];

/// The mandate by which an agent acts for a principal.
pub(crate) fn load(
    overlay: &mut Overlay<'_>,
    principal: &PrincipalId,
    agent: &PrincipalId,
) -> Result<Option<MandateRow>, Broken> {
    find(overlay, &mandate_key(principal, agent), "a mandate")
}

/// Whether an agent may make all these calls for a principal now (P5).
pub(crate) fn check(
    overlay: &mut Overlay<'_>,
    now: TimeMs,
    (principal, agent): (&PrincipalId, &PrincipalId),
    calls: &[body::Call],
) -> Result<Result<(), Refusal>, Broken> {
    let row = load(overlay, principal, agent)?;
    Ok(calls.iter().try_for_each(|call| {
        let none = || Code::NoMandate.refuse([method_word(&call.room, &call.method)]);
        let row = row.as_ref().ok_or_else(none)?;
        check_time(row, now)?;
        if row.covers(&call.room, &call.method) { Ok(()) } else { Err(none()) }
    }))
}

/// The mark of what an agent does for a principal.
pub(crate) fn acted(principal: PrincipalId, agent: PrincipalId) -> Event {
    let message = wire::ActedOnBehalf { principal: principal.0.to_vec(), agent: agent.0.to_vec() };
    event(ROOM, ACTED, [principal, agent], &message)
}

fn check_time(row: &MandateRow, now: TimeMs) -> Result<(), Refusal> {
    if row.expires <= now {
        return Err(Code::MandateExpired.refuse([Param::Number(row.expires.0)]));
    }
    Ok(())
}

impl MandateRow {
    /// Whether the scope names the method or its whole room.
    pub fn covers(&self, room: &str, method: &str) -> bool {
        let names = |(r, m): &(String, String)| r == room && (m.is_empty() || m == method);
        !NEVER.contains(&room) && self.scope.iter().any(names)
    }

    /// What was spent on a day.
    pub fn spent_on(&self, day: Day) -> u64 {
        if self.day == day.0 { self.spent } else { 0 }
    }
}

/// Counts what an agent spends of a principal's: `amount` minor units to an account of
/// `payee_owner`. Nothing to count for a principal who acts for themselves.
///
/// # Errors
///
/// [`Code::SelfDealing`] if the agent would be paid, [`Code::MandateCap`] above the cap of the day
/// in UTC+8, [`Code::MandateExpired`], [`Code::NoMandate`].
pub(crate) fn spend(
    overlay: &mut Overlay<'_>,
    place: &Place,
    actor: &Actor,
    amount: u64,
    payee_owner: &PrincipalId,
) -> Result<(), Stop> {
    let Some(agent) = actor.agent else { return Ok(()) };
    if *payee_owner == agent {
        return Err(Code::SelfDealing.refuse([]).into());
    }
    let none = || Code::NoMandate.refuse([method_word(crate::accounts::ROOM, "spend")]);
    let mut row = load(overlay, &actor.principal, &agent)?.ok_or_else(none)?;
    check_time(&row, place.time)?;
    let today = Day::of(place.time);
    let before = row.spent_on(today);
    let spent = before.checked_add(amount).filter(|spent| *spent <= row.cap_per_day);
    let above = || Code::MandateCap.refuse([before, amount, row.cap_per_day].map(Param::Number));
    (row.spent, row.day) = (spent.ok_or_else(above)?, today.0);
    let key = mandate_key(&actor.principal, &agent);
    Ok(overlay.write(key, Some(linli_types::encode(&row)))?)
}

pub(super) fn grant(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::GrantMandateRequest = read(args)?;
    let (id, agent) = pair(&request.principal, &request.agent)?;
    let person = get_principal(deed.overlay, &id)?;
    let kind = read_kind(request.kind)?;
    check_giver(deed, "GrantMandate", kind, (id, &person))?;
    // Nobody makes themselves another's guardian. A machine holds nothing to be spent, and spends
    // nothing.
    let own = agent == id || agent == deed.actor.principal;
    if own || person.is_machine() || get_principal(deed.overlay, &agent)?.is_machine() {
        return Err(Code::SelfDealing.refuse([]).into());
    }
    let scope = read_scope(deed, request.scope)?;
    let expires = check_end(deed, PolicyParam::MandateMsMax, request.expires_ms)?;
    let before = load(deed.overlay, &id, &agent)?;
    let (day, spent) = before.as_ref().map_or((0, 0), |row| (row.day, row.spent));
    let row = MandateRow { kind, scope, cap_per_day: request.cap_per_day, expires, day, spent };
    if let Some(before) = before {
        if before.kind == MandateKind::Guardian {
            // Not the ward's to replace.
            check_giver(deed, "GrantMandate", before.kind, (id, &person))?;
        }
        if before == row {
            return Err(Code::Duplicate.refuse([]).into());
        }
    }
    deed.overlay.write(mandate_key(&id, &agent), Some(linli_types::encode(&row)))?;
    Ok(changed((id, agent), &row, true))
}

pub(super) fn withdraw(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::WithdrawMandateRequest = read(args)?;
    let (id, agent) = pair(&request.principal, &request.agent)?;
    let person = get_principal(deed.overlay, &id)?;
    let none = || Code::NoMandate.refuse([method_word(ROOM, "WithdrawMandate")]);
    let row = load(deed.overlay, &id, &agent)?;
    let kind = row.as_ref().map_or(MandateKind::Agent, |row| row.kind);
    check_giver(deed, "WithdrawMandate", kind, (id, &person))?;
    let row = row.ok_or_else(none)?;
    deed.overlay.write(mandate_key(&id, &agent), None)?;
    Ok(changed((id, agent), &row, false))
}

fn pair(principal_bytes: &[u8], agent: &[u8]) -> Result<(PrincipalId, PrincipalId), Refusal> {
    Ok((principal("principal", principal_bytes)?, principal("agent", agent)?))
}

/// An agent's mandate is the principal's, a guardian's is the attesters'.
fn check_giver(
    deed: &mut Deed<'_, '_>,
    method: &str,
    kind: MandateKind,
    (id, person): (PrincipalId, &PrincipalRow),
) -> Result<(), Stop> {
    judge(deed, (ROOM, method), Subject::of(id, person))?;
    let own = id == deed.actor.principal;
    match (kind, own) {
        (MandateKind::Agent, true) | (MandateKind::Guardian, false) => Ok(()),
        _ => Err(Code::RoleDenied.refuse([method_word(ROOM, method)]).into()),
    }
}

fn read_kind(number: i32) -> Result<MandateKind, Refusal> {
    match wire::MandateKind::try_from(number) {
        Ok(wire::MandateKind::Agent) => Ok(MandateKind::Agent),
        Ok(wire::MandateKind::Guardian) => Ok(MandateKind::Guardian),
        _ => Err(malformed("kind")),
    }
}

pub(super) const fn kind_number(kind: MandateKind) -> i32 {
    match kind {
        MandateKind::Agent => wire::MandateKind::Agent as i32,
        MandateKind::Guardian => wire::MandateKind::Guardian as i32,
    }
}

/// Rooms that stand and may be named, each entry once.
fn read_scope(
    deed: &Deed<'_, '_>,
    scope: Vec<wire::Scope>,
) -> Result<Vec<(String, String)>, Refusal> {
    if scope.is_empty() || scope.len() > MANDATE_SCOPE_MAX {
        let max = Param::Number(MANDATE_SCOPE_MAX as u64);
        return Err(Code::TooMany.refuse([word("scope"), max]));
    }
    let mut named: Vec<(String, String)> = Vec::with_capacity(scope.len());
    for wire::Scope { room, method } in scope {
        if NEVER.contains(&room.as_str()) {
            return Err(Code::MandateScope.refuse([word(&room)]));
        }
        if room != crate::accounts::ROOM && !deed.contracts.contains_key(&room) {
            return Err(unknown_room("…"));
        }
        let is_name =
            method.len() <= NAME_BYTES_MAX && method.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_name || named.contains(&(room.clone(), method.clone())) {
            return Err(malformed("scope"));
        }
        named.push((room, method));
    }
    named.sort_unstable();
    Ok(named)
}

/// An end that lies ahead, no farther than the policy allows.
pub(super) fn check_end(
    deed: &mut Deed<'_, '_>,
    bound: PolicyParam,
    expires_ms: u64,
) -> Result<TimeMs, Stop> {
    let now = deed.place.time;
    let latest = now.plus_ms(policy::param(deed.overlay, now, bound)?);
    let expires = TimeMs(expires_ms);
    if expires <= now || expires > latest {
        let bounds = [expires.0, now.plus_ms(1).0, latest.0].map(Param::Number);
        return Err(Code::Expiry.refuse(bounds).into());
    }
    Ok(expires)
}

fn changed(
    (id, agent): (PrincipalId, PrincipalId),
    row: &MandateRow,
    granted: bool,
) -> (Vec<u8>, Event) {
    let message = wire::MandateChanged {
        principal: id.0.to_vec(),
        agent: agent.0.to_vec(),
        kind: kind_number(row.kind),
        granted,
        cap_per_day: row.cap_per_day,
        expires_ms: row.expires.0,
    };
    (wire::Done {}.encode_to_vec(), event(ROOM, CHANGED, [id, agent], &message))
}
