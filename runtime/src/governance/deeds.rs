//! What motions do: how much each needs, how long it waits, whom it concerns, and the doing itself.
//!
//! A deed is tried when the motion opens, as if it were carried out at the earliest time: what could
//! never stand is refused before anyone votes. Then everything is taken back.

use super::seating;
use crate::code;
use crate::identity;
use crate::native::{Deed, malformed};
use crate::policy;
use crate::protocol;
use crate::validators::{self, Change};
use crate::vm::Stop;
use linli_types::council::Threshold;
use linli_types::height::TimeMs;
use linli_types::policy::Param;
use linli_types::receipt::Event;
use linli_types::wire::governance::deed::Deed as Kind;
use linli_types::wire::policy as policy_wire;

/// The least threshold. The council's own weights and seats, the separation of duties, who orders
/// the blocks and by which rules are everyone's protection: they need two thirds.
pub(super) fn needs(kind: &Kind) -> Threshold {
    match kind {
        Kind::Resolution(_) | Kind::AdmitOrganisation(_) | Kind::AdmitCentre(_) => {
            Threshold::Simple
        }
        Kind::Policy(set) if set.duties.is_none() && set.weights.is_empty() => Threshold::Simple,
        Kind::Policy(_)
        | Kind::AddValidator(_)
        | Kind::RemoveValidator(_)
        | Kind::RekeyValidator(_)
        | Kind::SetPower(_)
        | Kind::Protocol(_)
        | Kind::Contract(_)
        | Kind::Seats(_) => Threshold::Special,
    }
}

/// The parameter that says how long it waits once it has passed.
pub(super) const fn delay(kind: &Kind) -> Param {
    match kind {
        Kind::Contract(_) => Param::CodeDelayMs,
        _ => Param::MotionDelayMs,
    }
}

/// Whether it concerns an organisation, whose seats must not vote on it: what is done about a
/// validator concerns whoever runs it.
pub(super) fn concerns(deed: &mut Deed<'_, '_>, kind: &Kind, org: u32) -> Result<bool, Stop> {
    let key = match kind {
        Kind::AddValidator(add) => return Ok(add.org == org),
        Kind::RemoveValidator(remove) => &remove.key,
        Kind::RekeyValidator(rekey) => &rekey.key,
        Kind::SetPower(power) => &power.key,
        _ => return Ok(false),
    };
    let set = validators::current(deed.overlay)?;
    Ok(set.members().iter().any(|member| member.key.0 == key.as_slice() && member.org == org))
}

/// Carries it out, and gives the events. Refuses with everything as it was before: whoever calls
/// takes back what a refused deed wrote.
pub(super) fn carry_out(deed: &mut Deed<'_, '_>, kind: Kind) -> Result<Vec<Event>, Stop> {
    let (_, event) = match kind {
        Kind::Resolution(_) => return Ok(Vec::new()),
        Kind::Policy(set) => {
            let set = with_time(deed, set)?;
            policy::carry_out(deed, set)?
        }
        Kind::AdmitOrganisation(request) => identity::admit_organisation(deed, request)?,
        Kind::AdmitCentre(request) => identity::admit_centre(deed, request)?,
        Kind::AddValidator(add) => return change(deed, &Change::Add(add)),
        Kind::RemoveValidator(remove) => return change(deed, &Change::Remove(remove)),
        Kind::RekeyValidator(rekey) => return change(deed, &Change::Rekey(rekey)),
        Kind::SetPower(power) => return change(deed, &Change::Power(power)),
        Kind::Protocol(change) => {
            protocol::carry_out(deed.overlay, &deed.place, &change)?;
            return Ok(Vec::new());
        }
        Kind::Contract(deploy) => code::carry_out(deed, &deploy)?,
        Kind::Seats(set) => return seating::carry_out(deed, &set),
    };
    Ok(vec![event])
}

/// Headers say that the set changed: no event does.
fn change(deed: &mut Deed<'_, '_>, change: &Change) -> Result<Vec<Event>, Stop> {
    validators::carry_out(deed.overlay, &deed.place, change)?;
    Ok(Vec::new())
}

/// A version of the policy without a time begins as soon as the lock allows.
fn with_time(
    deed: &mut Deed<'_, '_>,
    set: policy_wire::SetRequest,
) -> Result<policy_wire::SetRequest, Stop> {
    if set.effective_at_ms != 0 {
        return Ok(set);
    }
    let now = deed.place.time;
    let lock = policy::param(deed.overlay, now, Param::PolicyLockMs)?;
    Ok(policy_wire::SetRequest { effective_at_ms: now.plus_ms(lock).0, ..set })
}

/// Tries it as if it were carried out at a time, and takes everything back.
pub(super) fn try_out(deed: &mut Deed<'_, '_>, kind: Kind, at: TimeMs) -> Result<(), Stop> {
    let (mark, now) = (deed.overlay.mark(), deed.place.time);
    deed.place.time = at;
    let done = carry_out(deed, kind);
    deed.overlay.roll_back_to(mark);
    deed.place.time = now;
    done.map(|_| ())
}

/// The kind of a request's or a row's deed.
pub(super) fn kind(deed: Option<linli_types::wire::governance::Deed>) -> Result<Kind, Stop> {
    let kind = deed.and_then(|deed| deed.deed);
    Ok(kind.ok_or_else(|| malformed("deed"))?)
}
