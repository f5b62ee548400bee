//! What seats, the author and the district say about a motion.

use super::open::{motion_id, set_timer};
use super::rows::{
    Count, MotionId, MotionRow, SeatRow, Standing, VoteRow, get_motion, put_motion, seat_key,
    vote_key,
};
use super::{ROOM, close, deeds};
use crate::code;
use crate::identity::rows::find;
use crate::identity::{Subject, judge};
use crate::native::{Deed, Done, event, read};
use crate::policy;
use crate::timers;
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::wire::governance as wire;
use prost::Message;

const VOTED: &str = "linli.governance.v1.MotionVoted";
const RECUSED: &str = "linli.governance.v1.MotionRecused";

pub(super) fn vote(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::VoteRequest = read(args)?;
    let org = judge(deed, (ROOM, "Vote"), Subject::NOBODY)?.org;
    let id = motion_id(&request.motion)?;
    let mut motion = open_motion(deed, &id)?;
    let kind = deeds::kind(wire::Deed::decode(motion.deed.as_slice()).ok())?;
    if org != 0 && deeds::concerns(deed, &kind, org)? {
        return Err(Code::Conflicted.refuse([]).into());
    }
    let said = if request.yes { VoteRow::Yes } else { VoteRow::No };
    note(deed, &id, &mut motion, said)?;
    let seat = deed.actor.principal;
    let (motion, yes) = (id.to_vec(), request.yes);
    let message = wire::MotionVoted { motion, seat: seat.0.to_vec(), yes };
    Ok((wire::Done {}.encode_to_vec(), event(ROOM, VOTED, [seat], &message)))
}

pub(super) fn recuse(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::RecuseRequest = read(args)?;
    judge(deed, (ROOM, "Recuse"), Subject::NOBODY)?;
    let id = motion_id(&request.motion)?;
    let mut motion = open_motion(deed, &id)?;
    note(deed, &id, &mut motion, VoteRow::Recused)?;
    let seat = deed.actor.principal;
    let message = wire::MotionRecused { motion: id.to_vec(), seat: seat.0.to_vec() };
    Ok((wire::Done {}.encode_to_vec(), event(ROOM, RECUSED, [seat], &message)))
}

/// A motion on which votes are taken now (G3).
fn open_motion(deed: &mut Deed<'_, '_>, id: &MotionId) -> Result<MotionRow, Stop> {
    let motion = get_motion(deed.overlay, id)?;
    match motion.standing == Standing::Open && deed.place.time < motion.closes {
        true => Ok(motion),
        false => Err(Code::MotionClosed.refuse([]).into()),
    }
}

/// Notes what the sender's seat says, once (G1).
fn note(
    deed: &mut Deed<'_, '_>,
    id: &MotionId,
    motion: &mut MotionRow,
    said: VoteRow,
) -> Result<(), Stop> {
    let me = deed.actor.principal;
    let later = || Code::SeatLater.refuse([]);
    let seat: SeatRow = find(deed.overlay, &seat_key(&me), "a seat")?.ok_or_else(later)?;
    if seat.since >= motion.opened {
        return Err(later().into());
    }
    let key = vote_key(id, &me);
    match find::<VoteRow>(deed.overlay, &key, "a vote")? {
        Some(VoteRow::Recused) => return Err(Code::Conflicted.refuse([]).into()),
        Some(_) => return Err(Code::AlreadyVoted.refuse([]).into()),
        None => {}
    }
    if let Some(count) = motion.counts.get_mut(usize::from(seat.chamber)) {
        let Count { recused, yes, no, .. } = count;
        let place = match said {
            VoteRow::Recused => recused,
            VoteRow::No => no,
            VoteRow::Yes => yes,
        };
        *place = place.saturating_add(1); // G2
    }
    deed.overlay.write(key, Some(linli_types::encode(&said)))?;
    Ok(put_motion(deed.overlay, id, motion)?)
}

pub(super) fn withdraw(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::WithdrawMotionRequest = read(args)?;
    let id = motion_id(&request.motion)?;
    let mut motion = get_motion(deed.overlay, &id)?;
    judge(deed, (ROOM, "WithdrawMotion"), Subject { principal: Some(motion.opener), org: 0 })?;
    open_motion(deed, &id)?;
    timers::cancel(deed.overlay, ROOM, &motion.timer)?;
    motion.standing = Standing::Withdrawn;
    put_motion(deed.overlay, &id, &motion)?;
    Ok((wire::Done {}.encode_to_vec(), close::moved(&id, &motion, None)))
}

/// The district's word where a chamber has nobody left to vote. Whoever opened it does not decide it.
pub(super) fn decide(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::DecideRequest = read(args)?;
    judge(deed, (ROOM, "Decide"), Subject::NOBODY)?;
    let id = motion_id(&request.motion)?;
    let mut motion = get_motion(deed.overlay, &id)?;
    if motion.standing != Standing::Escalated {
        return Err(Code::NotEscalated.refuse([]).into());
    }
    if motion.opener == deed.actor.principal {
        return Err(Code::SelfDealing.refuse([]).into());
    }
    timers::cancel(deed.overlay, ROOM, &motion.timer)?;
    motion.standing = match request.yes {
        true => pass(deed, &id, &motion)?,
        false => Standing::Failed,
    };
    put_motion(deed.overlay, &id, &motion)?;
    Ok((wire::Done {}.encode_to_vec(), close::moved(&id, &motion, None)))
}

/// A motion has the votes: it waits for its delay, unless its rehearsal speaks against it.
pub(super) fn pass(
    deed: &mut Deed<'_, '_>,
    id: &MotionId,
    motion: &MotionRow,
) -> Result<Standing, Stop> {
    let kind = deeds::kind(wire::Deed::decode(motion.deed.as_slice()).ok())?;
    if let wire::deed::Deed::Contract(deploy) = &kind
        && let Some(refusal) = code::objection(deed, id, deploy)?
    {
        return Ok(Standing::Refused { height: deed.place.height, refusal });
    }
    let now = deed.place.time;
    let executes = now.plus_ms(policy::param(deed.overlay, now, deeds::delay(&kind))?);
    set_timer(deed, close::Step::CarryOut, id, executes)?;
    Ok(Standing::Passed { executes })
}
