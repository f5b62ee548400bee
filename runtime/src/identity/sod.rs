//! Separation of duty, per record: who did what on it, and which second duty that excludes.
//!
//! A record is a contract's; the contract names it and asks before it lets anyone act. The pairs are
//! the policy's table in force at the block's time. Who acts for someone did the duty too: nobody
//! verifies what they recorded by letting or being an agent.
//!
//! # Invariants
//!
//! - **D1 apart.** When a duty is recorded, nobody on the record, nor a relative where the pair says
//!   so, did one that excludes it.

use super::ROOM;
use super::attest::related;
use super::rows::{DutiesRow, duties_key, find, get_principal};
use crate::native::{Deed, Done, event, malformed, read, word};
use crate::overlay::Overlay;
use crate::policy;
use crate::room::{Actor, Place};
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::id::PrincipalId;
use linli_types::limits::RECORD_DUTIES_MAX;
use linli_types::policy::{Duty, DutyPair};
use linli_types::receipt::{Param, Refusal};
use linli_types::wire::identity as wire;
use prost::Message;

const DONE: &str = "linli.identity.v1.DutyDone";

/// The call `Act`: what the sender, and the agent if one acts, does on a record of the contract.
pub(super) fn act_for_contract(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::ActRequest = read(args)?;
    let record: [u8; 32] = request.record.as_slice().try_into().map_err(|_| malformed("record"))?;
    let number = u32::try_from(request.duty).unwrap_or(0);
    let duty = Duty::from_number(number).ok_or_else(|| malformed("duty"))?;
    // When a timer fires nobody acts, and nobody does a duty.
    get_principal(deed.overlay, &deed.actor.principal)?;
    let room = deed.caller;
    act(deed.overlay, &deed.place, (room, &record), duty, &deed.actor)?;
    let Actor { principal, agent, .. } = deed.actor;
    let message = wire::DutyDone {
        room: room.into(),
        record: request.record,
        duty: request.duty,
        principal: principal.0.to_vec(),
        agent: agent.map(|id| id.0.to_vec()).unwrap_or_default(),
    };
    let about = [Some(principal), agent].into_iter().flatten();
    Ok((wire::Done {}.encode_to_vec(), event(ROOM, DONE, about, &message)))
}

/// Records that the actor does `duty` on a contract's record, or refuses it (D1). The same duty of
/// the same principal again changes nothing.
///
/// # Errors
///
/// [`Code::SeparationOfDuty`] with both duties; [`Code::TooMany`] on a record that is full.
pub(crate) fn act(
    overlay: &mut Overlay<'_>,
    place: &Place,
    (room, record): (&str, &[u8; 32]),
    duty: Duty,
    actor: &Actor,
) -> Result<(), Stop> {
    let pairs = policy::in_force(overlay, place.time)?.content.duties;
    let key = duties_key(room, record);
    let mut row: DutiesRow = find(overlay, &key, "duties on a record")?.unwrap_or_default();
    let before = row.done.len();
    for who in [Some(actor.principal), actor.agent].into_iter().flatten() {
        check(overlay, place, &pairs, (&row, duty, &who))?;
        if !row.done.contains(&(duty, who)) {
            row.done.push((duty, who));
        }
    }
    if row.done.len() > RECORD_DUTIES_MAX {
        let max = Param::Number(RECORD_DUTIES_MAX as u64);
        return Err(Code::TooMany.refuse([word("duties"), max]).into());
    }
    if row.done.len() > before {
        overlay.write(key, Some(linli_types::encode(&row)))?;
    }
    Ok(())
}

fn check(
    overlay: &mut Overlay<'_>,
    place: &Place,
    pairs: &[DutyPair],
    (row, duty, who): (&DutiesRow, Duty, &PrincipalId),
) -> Result<(), Stop> {
    for (done, by) in &row.done {
        let Some(pair) = pairs.iter().find(|pair| pair.joins(*done, duty)) else { continue };
        if by == who || pair.relatives && related(overlay, (by, who), place.time)? {
            return Err(refused(*done, duty).into());
        }
    }
    Ok(())
}

fn refused(done: Duty, duty: Duty) -> Refusal {
    Code::SeparationOfDuty.refuse([word(done.name()), word(duty.name())])
}
