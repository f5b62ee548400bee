//! Who comes to sit in the council, and who no longer does: by a motion, or by leaving (G5).

use super::ROOM;
use super::deeds;
use super::rows::{MotionId, MotionRow, SeatRow, VoteRow, get_head, seat_key, vote_key};
use super::seats::SEATS;
use crate::identity::rows::find;
use crate::identity::{self, Subject, judge};
use crate::native::{Deed, Done, malformed, principal, read, word};
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::genesis::Role;
use linli_types::id::PrincipalId;
use linli_types::limits::SEAT_CHANGES_MAX;
use linli_types::receipt::{Event, Param, Refusal};
use linli_types::wire::governance as wire;
use prost::Message;

/// Gives and takes seats because a motion passed: first those taken, then those given.
pub(super) fn carry_out(deed: &mut Deed<'_, '_>, set: &wire::SetSeats) -> Result<Vec<Event>, Stop> {
    let changes = set.take.len().saturating_add(set.give.len());
    if changes == 0 || set.absent && set.take.is_empty() {
        return Err(malformed("seats").into());
    }
    if changes > SEAT_CHANGES_MAX {
        let max = Param::Number(SEAT_CHANGES_MAX as u64);
        return Err(Code::TooMany.refuse([word("seats"), max]).into());
    }
    let mut events = Vec::with_capacity(changes);
    for seat in &set.take {
        let (id, role) = named(seat)?;
        events.push(identity::take_role(deed, id, role)?);
    }
    for seat in &set.give {
        let (id, role) = named(seat)?;
        events.push(identity::give_role(deed, id, role)?);
    }
    let seats = get_head(deed.overlay)?.seats;
    match SEATS.into_iter().zip(seats).find(|(_, seats)| *seats == 0) {
        // Whoever seats a council that does not stand yet may go chamber by chamber.
        Some((role, _)) if set.take.iter().any(|seat| is_of(seat, role)) => {
            Err(Code::ChamberEmpty.refuse([word(role.name())]).into())
        }
        _ => Ok(events),
    }
}

fn is_of(seat: &wire::Seat, role: Role) -> bool {
    role_of(seat).is_ok_and(|of| of == role)
}

/// The role that is a seat of this chamber.
fn role_of(seat: &wire::Seat) -> Result<Role, Refusal> {
    let chamber = usize::try_from(seat.chamber).ok().and_then(|number| number.checked_sub(1));
    let role = chamber.and_then(|chamber| SEATS.get(chamber)).copied();
    role.ok_or_else(|| malformed("chamber"))
}

fn named(seat: &wire::Seat) -> Result<(PrincipalId, Role), Refusal> {
    Ok((principal("principal", &seat.principal)?, role_of(seat)?))
}

/// Leaves the sender's own seat. Motions under way keep it in their denominators.
pub(super) fn resign(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let _: wire::ResignRequest = read(args)?;
    let me = judge(deed, (ROOM, "Resign"), Subject::NOBODY)?;
    let none = || Code::NoRole.refuse([word("COUNCIL")]);
    let role = SEATS.into_iter().find(|role| me.has(*role)).ok_or_else(none)?;
    let event = identity::take_role(deed, deed.actor.principal, role)?;
    Ok((wire::Done {}.encode_to_vec(), event))
}

/// Leaves out of the count whom a motion calls absent and who said nothing until the close: a chamber
/// whose people are gone for good would otherwise stand in the way of its own renewal. Whoever says
/// anything is present, and counts.
pub(super) fn leave_out_absent(
    deed: &mut Deed<'_, '_>,
    id: &MotionId,
    motion: &mut MotionRow,
) -> Result<(), Stop> {
    let kind = deeds::kind(wire::Deed::decode(motion.deed.as_slice()).ok())?;
    let wire::deed::Deed::Seats(set) = kind else { return Ok(()) };
    for seat in set.take.iter().filter(|_| set.absent) {
        let (who, _) = named(seat)?;
        let key = vote_key(id, &who);
        let row: Option<SeatRow> = find(deed.overlay, &seat_key(&who), "a seat")?;
        let Some(row) = row.filter(|row| row.since < motion.opened) else { continue };
        if find::<VoteRow>(deed.overlay, &key, "a vote")?.is_some() {
            continue;
        }
        if let Some(count) = motion.counts.get_mut(usize::from(row.chamber)) {
            count.recused = count.recused.saturating_add(1); // G2
        }
        deed.overlay.write(key, Some(linli_types::encode(&VoteRow::Recused)))?;
    }
    Ok(())
}
