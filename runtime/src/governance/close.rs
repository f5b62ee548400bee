//! What the chain does by itself: it counts the votes, and carries out what passed.

use super::open::{motion_id, set_timer};
use super::rows::{MotionId, MotionRow, Standing, get_motion, put_motion};
use super::{ROOM, deeds, seating, vote};
use crate::native::{Deed, event, malformed};
use crate::overlay::Overlay;
use crate::vm::Stop;
use linli_types::council::{NoShare, Share};
use linli_types::limits;
use linli_types::receipt::Event;
use linli_types::wire::governance as wire;
use prost::Message;

const MOVED: &str = "linli.governance.v1.MotionMoved";

/// What a timer of this room is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Voting ends.
    Close,
    /// The delay is over.
    CarryOut,
    /// The district's time to decide is over.
    Lapse,
}

impl Step {
    pub(super) fn payload(self, id: &MotionId) -> Vec<u8> {
        let step = match self {
            Self::Close => 0,
            Self::CarryOut => 1,
            Self::Lapse => 2,
        };
        [&[step], id.as_slice()].concat()
    }
}

/// A timer of this room fell due.
pub(crate) fn fire(deed: &mut Deed<'_, '_>, payload: &[u8]) -> Result<Vec<Event>, Stop> {
    let (step, id) = payload.split_first().ok_or_else(|| malformed("payload"))?;
    let id = motion_id(id)?;
    let motion = get_motion(deed.overlay, &id)?;
    match (step, &motion.standing) {
        (0, Standing::Open) => count(deed, &id, motion),
        (1, Standing::Passed { .. }) => carry_out(deed, &id, motion),
        (2, Standing::Escalated) => lapse(deed, &id, motion),
        _ => Err(malformed("payload").into()),
    }
}

/// Fuel of what a timer does: code that comes into force is judged once more.
pub(crate) fn fire_cost(overlay: &mut Overlay<'_>, payload: &[u8]) -> Result<u64, Stop> {
    let (step, id) = payload.split_first().ok_or_else(|| malformed("payload"))?;
    let motion = get_motion(overlay, &motion_id(id)?)?;
    let kind = deeds::kind(wire::Deed::decode(motion.deed.as_slice()).ok())?;
    let judges = *step == 1 && matches!(kind, wire::deed::Deed::Contract(_));
    Ok(if judges { limits::CODE_JUDGE_FUEL } else { limits::GOVERNANCE_FUEL })
}

/// Voting has ended.
fn count(
    deed: &mut Deed<'_, '_>,
    id: &MotionId,
    mut motion: MotionRow,
) -> Result<Vec<Event>, Stop> {
    seating::leave_out_absent(deed, id, &mut motion)?;
    let share = motion.share();
    motion.standing = match &share {
        Ok(share) if share.passes(motion.threshold()) => vote::pass(deed, id, &motion)?,
        Err(NoShare::Empty(_)) => {
            let until = deed.place.time.plus_ms(limits::DECISION_MS_MAX);
            motion.timer = set_timer(deed, Step::Lapse, id, until)?;
            Standing::Escalated
        }
        Ok(_) | Err(_) => Standing::Failed,
    };
    put_motion(deed.overlay, id, &motion)?;
    Ok(vec![moved(id, &motion, share.ok())])
}

/// The district has not decided: nothing waits for ever, nor the undo records of a rehearsal.
fn lapse(
    deed: &mut Deed<'_, '_>,
    id: &MotionId,
    mut motion: MotionRow,
) -> Result<Vec<Event>, Stop> {
    motion.standing = Standing::Lapsed;
    put_motion(deed.overlay, id, &motion)?;
    Ok(vec![moved(id, &motion, None)])
}

/// The delay is over (G3). What the rules refuse leaves no trace but the motion's own standing.
fn carry_out(
    deed: &mut Deed<'_, '_>,
    id: &MotionId,
    mut motion: MotionRow,
) -> Result<Vec<Event>, Stop> {
    let kind = deeds::kind(wire::Deed::decode(motion.deed.as_slice()).ok())?;
    let (mark, height) = (deed.overlay.mark(), deed.place.height);
    let (standing, mut events) = match deeds::carry_out(deed, kind) {
        Ok(events) => (Standing::Executed { height }, events),
        Err(Stop::Refused(refusal)) => {
            deed.overlay.roll_back_to(mark);
            (Standing::Refused { height, refusal }, Vec::new())
        }
        Err(broken) => return Err(broken),
    };
    motion.standing = standing;
    put_motion(deed.overlay, id, &motion)?;
    events.push(moved(id, &motion, None));
    Ok(events)
}

/// The number of a standing in messages, and when the motion is carried out.
pub(super) fn standing_number(standing: &Standing) -> (wire::Standing, u64) {
    match standing {
        Standing::Open => (wire::Standing::Open, 0),
        Standing::Failed => (wire::Standing::Failed, 0),
        Standing::Escalated => (wire::Standing::Escalated, 0),
        Standing::Passed { executes } => (wire::Standing::Passed, executes.0),
        Standing::Executed { .. } => (wire::Standing::Executed, 0),
        Standing::Refused { .. } => (wire::Standing::Refused, 0),
        Standing::Withdrawn => (wire::Standing::Withdrawn, 0),
        Standing::Lapsed => (wire::Standing::Lapsed, 0),
    }
}

/// Says that a motion's standing changed.
pub(super) fn moved(id: &MotionId, motion: &MotionRow, share: Option<Share>) -> Event {
    let (standing, executes_at_ms) = standing_number(&motion.standing);
    // Three chambers of 200 seats: both parts are far below 2^64.
    let part = |part: u128| u64::try_from(part).unwrap_or(u64::MAX);
    let message = wire::MotionMoved {
        motion: id.to_vec(),
        standing: standing.into(),
        share_numerator: share.map_or(0, |share| part(share.numerator)),
        share_denominator: share.map_or(0, |share| part(share.denominator)),
        executes_at_ms,
    };
    event(ROOM, MOVED, [motion.opener], &message)
}
