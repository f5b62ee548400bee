//! The laws of this room over a whole store.

use super::ROOM;
use super::rows::{
    CHAMBERS, HeadRow, MotionId, MotionRow, SeatRow, VoteRow, head_key, number_key, prefix,
};
use super::seats::SEATS;
use crate::identity;
use crate::invariant::Invariant;
use crate::stored::{decode, full_key, visit_room};
use linli_types::id::PrincipalId;
use linli_types::store::{Broken, Column, Read};
use std::collections::BTreeMap;

/// G1: seats are exactly the roles that are seats, and the head counts them. G4: it knows that every
/// chamber had one.
#[derive(Clone, Copy, Debug)]
pub struct SeatsAreRoles;

impl Invariant for SeatsAreRoles {
    fn name(&self) -> &'static str {
        "G1 seats"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let (mut found, mut seats) = (Vec::new(), [0_u32; CHAMBERS]);
        let rows = rows(store)?;
        for (id, seat) in &rows.seats {
            let chamber = usize::from(seat.chamber);
            let role = SEATS.get(chamber);
            let row = identity::load(store, id)?;
            if !role.is_some_and(|role| row.is_some_and(|row| row.has(*role))) {
                found.push(format!("the seat of {id} is no role of theirs"));
            }
            if let Some(count) = seats.get_mut(chamber) {
                *count = count.saturating_add(1);
            }
        }
        if seats.iter().all(|seats| *seats > 0) && !rows.head.stood {
            found.push("every chamber has a seat, and the council does not stand".to_string());
        }
        if rows.head.seats != seats {
            found.push(format!("the head counts {:?} seats, there are {seats:?}", rows.head.seats));
        }
        Ok(found)
    }
}

/// G2: a motion's counts are those of its votes, and fit its seats; numbers lead to every motion.
#[derive(Clone, Copy, Debug)]
pub struct VotesCounted;

impl Invariant for VotesCounted {
    fn name(&self) -> &'static str {
        "G2 votes"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let (rows, mut found) = (rows(store)?, Vec::new());
        let mut votes: BTreeMap<MotionId, [u32; CHAMBERS]> = BTreeMap::new();
        for ((motion, _), said) in &rows.votes {
            let counts = votes.entry(*motion).or_default();
            if let Some(count) = counts.get_mut(place(*said)) {
                *count = count.saturating_add(1);
            }
        }
        for (id, motion) in &rows.motions {
            let counted = motion.counts.iter().fold([0_u32; CHAMBERS], |[r, n, y], count| {
                [(r, count.recused), (n, count.no), (y, count.yes)]
                    .map(|(a, b)| a.saturating_add(b))
            });
            let said = votes.remove(id).unwrap_or_default();
            let fits = motion
                .counts
                .iter()
                .all(|c| c.recused.saturating_add(c.no).saturating_add(c.yes) <= c.seats);
            let number = store.get(Column::State, &number_key(motion.number))?;
            if counted != said || !fits || number.as_deref() != Some(id) {
                found.push(format!("motion {}: its counts are not its votes", motion.number));
            }
        }
        let mut openers: BTreeMap<PrincipalId, u32> = BTreeMap::new();
        for motion in rows.motions.values().filter(|motion| motion.standing.is_under_way()) {
            let count = openers.entry(motion.opener).or_default();
            *count = count.saturating_add(1);
        }
        if openers != rows.openers {
            found.push("the motions of an opener are not those under way".to_string());
        }
        let under_way = rows.motions.values().filter(|m| m.standing.is_under_way()).count();
        let said = [rows.head.under_way, rows.head.last].map(|n| usize::try_from(n).ok());
        if !votes.is_empty() || said != [under_way, rows.motions.len()].map(Some) {
            found.push("the head does not count the motions".to_string());
        }
        Ok(found)
    }
}

const fn place(said: VoteRow) -> usize {
    match said {
        VoteRow::Recused => 0,
        VoteRow::No => 1,
        VoteRow::Yes => 2,
    }
}

/// The room's rows.
#[derive(Default)]
struct Rows {
    head: HeadRow,
    seats: BTreeMap<PrincipalId, SeatRow>,
    motions: BTreeMap<MotionId, MotionRow>,
    openers: BTreeMap<PrincipalId, u32>,
    votes: BTreeMap<(MotionId, PrincipalId), VoteRow>,
}

fn rows(store: &dyn Read) -> Result<Rows, Broken> {
    let (mut rows, head) = (Rows::default(), head_key());
    visit_room(store, Column::State, ROOM, |key, value| {
        if full_key(ROOM, key) == head {
            rows.head = decode(value, "the council's head")?;
        } else if let Some(id) = key.strip_prefix(prefix::SEAT).and_then(PrincipalId::from_slice) {
            rows.seats.insert(id, decode(value, "a seat")?);
        } else if let Some(id) = key.strip_prefix(prefix::OPENER).and_then(PrincipalId::from_slice)
        {
            rows.openers.insert(id, decode(value, "an opener's motions")?);
        } else if let Some(id) = key.strip_prefix(prefix::MOTION) {
            let id = id.try_into().map_err(|_| Broken("a motion's key".into()))?;
            rows.motions.insert(id, decode(value, "a motion")?);
        } else if let Some((motion, seat)) =
            key.strip_prefix(prefix::VOTE).and_then(|rest| rest.split_first_chunk::<16>())
        {
            let seat =
                PrincipalId::from_slice(seat).ok_or_else(|| Broken("a vote's key".into()))?;
            rows.votes.insert((*motion, seat), decode(value, "a vote")?);
        }
        Ok(())
    })?;
    Ok(rows)
}
