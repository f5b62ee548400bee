//! A motion begins: by whom, for how long, with what need.

use super::rows::{
    CHAMBERS, Count, MotionId, MotionRow, Standing, get_head, get_opener, motion_key, number_key,
    put_head, put_opener,
};
use super::{ROOM, close, deeds};
use crate::code;
use crate::identity::{Subject, judge};
use crate::native::{Deed, Done, bounded, event, malformed, read, word};
use crate::policy::{self, VersionRow};
use crate::timers::{self, TimerRow};
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::council::Threshold;
use linli_types::digest;
use linli_types::height::TimeMs;
use linli_types::limits::{
    MOTION_DEED_BYTES_MAX, MOTION_TEXT_BYTES_MAX, MOTIONS_MAX, MOTIONS_PER_OPENER_MAX,
};
use linli_types::policy::{Param, WeightsOf};
use linli_types::receipt::{Param as Parameter, Refusal};
use linli_types::wire::governance as wire;
use prost::Message;

const OPENED: &str = "linli.governance.v1.MotionOpened";

pub(super) fn open(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::OpenMotionRequest = read(args)?;
    judge(deed, (ROOM, "OpenMotion"), Subject::NOBODY)?;
    let id = motion_id(&request.motion)?;
    claim(deed, &id, args)?;
    let bytes = request.deed.as_ref().map(Message::encode_to_vec).unwrap_or_default();
    bounded("text", request.text.len(), MOTION_TEXT_BYTES_MAX)?;
    bounded("deed", bytes.len(), MOTION_DEED_BYTES_MAX)?;
    if request.text.trim().is_empty() {
        return Err(malformed("text").into());
    }
    let version = policy::in_force(deed.overlay, deed.place.time)?;
    let kind = deeds::kind(request.deed)?;
    let closes = check_closes(deed, &version, &kind, request.closes_at_ms)?;
    let special = check_threshold(request.threshold, deeds::needs(&kind))?;
    let delay = version.content.param(deeds::delay(&kind));
    deeds::try_out(deed, kind.clone(), closes.plus_ms(delay))?;
    let row = MotionRow {
        number: 0,
        opener: deed.actor.principal,
        deed: bytes,
        special,
        text: request.text,
        opened: deed.place.height,
        policy: version.number,
        closes,
        timer: set_timer(deed, close::Step::Close, &id, closes)?,
        counts: counts(deed, &version)?,
        standing: Standing::Open,
    };
    let row = enter(deed, &id, row)?;
    if let wire::deed::Deed::Contract(deploy) = &kind {
        code::pin(deed, &id, deploy)?;
    }
    let message = wire::MotionOpened {
        motion: id.to_vec(),
        number: row.number,
        opener: row.opener.0.to_vec(),
        threshold: request.threshold,
        closes_at_ms: closes.0,
    };
    Ok((wire::Done {}.encode_to_vec(), event(ROOM, OPENED, [row.opener], &message)))
}

/// Whether a request moves that code come into force: its code is judged.
pub(super) fn judges_code(args: &[u8]) -> bool {
    let deed = wire::OpenMotionRequest::decode(args).ok().and_then(|request| request.deed?.deed);
    matches!(deed, Some(wire::deed::Deed::Contract(_)))
}

pub(super) fn motion_id(bytes: &[u8]) -> Result<MotionId, Refusal> {
    bytes.try_into().map_err(|_| malformed("motion"))
}

/// A motion's id is used once, for ever.
fn claim(deed: &mut Deed<'_, '_>, id: &MotionId, args: &[u8]) -> Result<(), Stop> {
    use crate::overlay::Claimed;
    match deed.overlay.claim(ROOM, id, &digest::plain(args))? {
        Claimed::Now => Ok(()),
        Claimed::Same => Err(Code::Duplicate.refuse([]).into()),
        Claimed::Other => Err(Code::BusinessIdConflict.refuse([]).into()),
    }
}

/// How long voting may last. Who is called absent has half of the longest time to speak up.
fn check_closes(
    deed: &Deed<'_, '_>,
    version: &VersionRow,
    kind: &wire::deed::Deed,
    closes_at_ms: u64,
) -> Result<TimeMs, Refusal> {
    let [shortest, longest] =
        [Param::MotionOpenMsMin, Param::MotionOpenMsMax].map(|param| version.content.param(param));
    let shortest = match kind {
        wire::deed::Deed::Seats(set) if set.absent => shortest.max(longest / 2),
        _ => shortest,
    };
    let [first, last] = [shortest, longest].map(|bound| deed.place.time.plus_ms(bound));
    match (first.0..=last.0).contains(&closes_at_ms) {
        true => Ok(TimeMs(closes_at_ms)),
        false => {
            Err(Code::MotionClose.refuse([closes_at_ms, first.0, last.0].map(Parameter::Number)))
        }
    }
}

/// Whether the motion is special.
fn check_threshold(asked: i32, needed: Threshold) -> Result<bool, Refusal> {
    match (wire::Threshold::try_from(asked), needed) {
        (Ok(wire::Threshold::Special), _) => Ok(true),
        (Ok(wire::Threshold::Simple), Threshold::Simple) => Ok(false),
        (Ok(wire::Threshold::Simple), Threshold::Special) => Err(Code::ThresholdLow.refuse([])),
        _ => Err(malformed("threshold")),
    }
}

/// The chambers as they stand now (G2).
fn counts(deed: &mut Deed<'_, '_>, version: &VersionRow) -> Result<[Count; CHAMBERS], Stop> {
    let seats = get_head(deed.overlay)?.seats;
    let weights = version.content.weights(WeightsOf::Council).unwrap_or_default();
    let mut counts = [Count::default(); CHAMBERS];
    for ((count, seats), weight) in counts.iter_mut().zip(seats).zip(weights) {
        (count.seats, count.weight) = (seats, *weight);
    }
    Ok(counts)
}

/// Has the chain come back to a motion at a time.
pub(super) fn set_timer(
    deed: &mut Deed<'_, '_>,
    step: close::Step,
    id: &MotionId,
    at: TimeMs,
) -> Result<linli_types::id::TimerId, Stop> {
    let payload = step.payload(id);
    let row = TimerRow { room: ROOM.into(), payload: payload.clone() };
    // A step of a motion is set once: its payload occurs once in the chain.
    Ok(timers::schedule(deed.overlay, at, &row, &payload)?)
}

/// Gives the motion its number and writes it.
fn enter(deed: &mut Deed<'_, '_>, id: &MotionId, mut row: MotionRow) -> Result<MotionRow, Stop> {
    let mut head = get_head(deed.overlay)?;
    if head.under_way >= MOTIONS_MAX {
        let max = Parameter::Number(u64::from(MOTIONS_MAX));
        return Err(Code::TooMany.refuse([word("motions"), max]).into());
    }
    let of_opener = get_opener(deed.overlay, &row.opener)?;
    if of_opener >= MOTIONS_PER_OPENER_MAX {
        let max = Parameter::Number(u64::from(MOTIONS_PER_OPENER_MAX));
        return Err(Code::OpenerFull.refuse([max]).into());
    }
    put_opener(deed.overlay, &row.opener, of_opener.saturating_add(1))?;
    head.last = head.last.checked_add(1).ok_or_else(|| Code::Overflow.refuse([]))?;
    head.under_way = head.under_way.saturating_add(1);
    row.number = head.last;
    put_head(deed.overlay, &head)?;
    deed.overlay.write(number_key(row.number), Some(id.to_vec()))?;
    deed.overlay.write(motion_key(id), Some(linli_types::encode(&row)))?;
    Ok(row)
}
