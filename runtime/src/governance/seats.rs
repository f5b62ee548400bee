//! Who has a seat, and since when. A seat is a role; this room keeps count of them.

use super::rows::{CHAMBERS, SeatRow, get_head, put_head, seat_key};
use crate::native::word;
use crate::overlay::Overlay;
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::genesis::{Genesis, Role};
use linli_types::height::Height;
use linli_types::id::PrincipalId;
use linli_types::limits::CHAMBER_SEATS_MAX;
use linli_types::receipt::Param;
use linli_types::store::Broken;

/// The roles that are seats, in the order of the chambers.
pub(super) const SEATS: [Role; CHAMBERS] =
    [Role::CouncilResident, Role::CouncilEnterprise, Role::CouncilSocial];

fn chamber_of(role: Role) -> Option<usize> {
    SEATS.iter().position(|seat| *seat == role)
}

/// Writes the seats of the genesis; it was judged before.
pub(crate) fn begin(overlay: &mut Overlay<'_>, genesis: &Genesis) -> Result<(), Stop> {
    for principal in &genesis.principals {
        for role in &principal.roles {
            given(overlay, Height::GENESIS, &principal.id, *role)?;
        }
    }
    Ok(())
}

/// A role was given: if it is a seat, it stands from the next block on.
pub(crate) fn given(
    overlay: &mut Overlay<'_>,
    height: Height,
    principal: &PrincipalId,
    role: Role,
) -> Result<(), Stop> {
    let Some(chamber) = chamber_of(role) else { return Ok(()) };
    let mut head = get_head(overlay)?;
    let Some(seats) = head.seats.get_mut(chamber) else { return Ok(()) };
    if *seats >= CHAMBER_SEATS_MAX {
        let max = Param::Number(u64::from(CHAMBER_SEATS_MAX));
        return Err(Code::TooMany.refuse([word("seats"), max]).into());
    }
    *seats = seats.saturating_add(1);
    head.stood |= head.seats.iter().all(|seats| *seats > 0); // G4
    put_head(overlay, &head)?;
    let row = SeatRow { chamber: u8::try_from(chamber).unwrap_or(u8::MAX), since: height };
    Ok(overlay.write(seat_key(principal), Some(linli_types::encode(&row)))?)
}

/// A role was taken: if it was a seat, it is gone. Motions under way keep it in their denominators.
pub(crate) fn taken(
    overlay: &mut Overlay<'_>,
    principal: &PrincipalId,
    role: Role,
) -> Result<(), Broken> {
    let Some(chamber) = chamber_of(role) else { return Ok(()) };
    let mut head = get_head(overlay)?;
    if let Some(seats) = head.seats.get_mut(chamber) {
        *seats = seats.saturating_sub(1);
    }
    put_head(overlay, &head)?;
    overlay.write(seat_key(principal), None)
}

/// Whether every chamber had a seat once: from then on the council speaks for the consortium (G4).
pub(crate) fn stands(overlay: &mut Overlay<'_>) -> Result<bool, Broken> {
    Ok(get_head(overlay)?.stood)
}

/// Whether an office may give or take this role (G5): a seat only until the council stands, and
/// afterwards the first of a chamber that everyone has left, so that no chamber stays silent.
pub(crate) fn office_may(overlay: &mut Overlay<'_>, role: Role, gives: bool) -> Result<(), Stop> {
    let Some(chamber) = chamber_of(role) else { return Ok(()) };
    let head = get_head(overlay)?;
    let vacant = head.seats.get(chamber).is_some_and(|seats| *seats == 0);
    match !head.stood || gives && vacant {
        true => Ok(()),
        false => Err(Code::MotionNeeded.refuse([]).into()),
    }
}
