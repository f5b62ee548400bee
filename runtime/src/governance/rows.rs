//! What stands in the state, and under which key.

use super::ROOM;
use crate::code;
use crate::identity::rows::find;
use crate::overlay::Overlay;
use crate::stored::full_key;
use crate::vm::Stop;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::code::Code;
use linli_types::council::{self, NoShare, Share, Threshold};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{PrincipalId, TimerId};
use linli_types::receipt::{Param, Refusal};
use linli_types::store::Broken;

/// Chambers of the council: residents, enterprises, social organisations.
pub const CHAMBERS: usize = 3;

/// A motion's id, chosen by its author.
pub type MotionId = [u8; 16];

/// Where a motion stands.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Standing {
    /// Votes are taken.
    Open,
    /// Not enough votes.
    Failed,
    /// A chamber has nobody left to vote.
    Escalated,
    /// It is carried out then.
    Passed {
        /// When.
        executes: TimeMs,
    },
    /// Carried out.
    Executed {
        /// In which block.
        height: Height,
    },
    /// It had the votes, and its rehearsal spoke against it, or the rules when it was carried out.
    Refused {
        /// In which block.
        height: Height,
        /// Why.
        refusal: Refusal,
    },
    /// Taken back by its author.
    Withdrawn,
    /// The district did not decide in time.
    Lapsed,
}

impl Standing {
    /// Whether something is still to come.
    pub const fn is_under_way(&self) -> bool {
        matches!(self, Self::Open | Self::Escalated | Self::Passed { .. })
    }
}

/// One chamber's count on one motion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Count {
    /// In hundredths.
    pub weight: u32,
    /// Seats that stood when the motion opened.
    pub seats: u32,
    /// Of them recused.
    pub recused: u32,
    /// In favour.
    pub yes: u32,
    /// Against.
    pub no: u32,
}

/// A motion as the state holds it; the key is its id.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MotionRow {
    /// Its number, from 1 on.
    pub number: u32,
    /// Who opened it.
    pub opener: PrincipalId,
    /// What it does: an encoded `linli.governance.v1.Deed`.
    pub deed: Vec<u8>,
    /// Whether it needs two thirds, or more than one half.
    pub special: bool,
    /// What is moved and why.
    pub text: String,
    /// The block in which it was opened.
    pub opened: Height,
    /// The version of the policy then.
    pub policy: u32,
    /// When voting ends.
    pub closes: TimeMs,
    /// The timer that counts the votes; once it is the district's to decide, the one that ends that.
    pub timer: TimerId,
    /// Residents, enterprises, social organisations.
    pub counts: [Count; CHAMBERS],
    /// Where it stands.
    pub standing: Standing,
}

impl MotionRow {
    /// How much it needs.
    pub const fn threshold(&self) -> Threshold {
        if self.special { Threshold::Special } else { Threshold::Simple }
    }

    /// Its share of the votes (G2).
    ///
    /// # Errors
    ///
    /// [`NoShare`].
    pub fn share(&self) -> Result<Share, NoShare> {
        let chamber = |count: Count| {
            let Count { weight, seats, recused, yes, .. } = count;
            council::Chamber { weight, seats, recused, yes }
        };
        council::share(&self.counts.map(chamber))
    }
}

/// What a seat did about a motion; the key is the motion and the seat's principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum VoteRow {
    /// It declared a conflict.
    Recused,
    /// It voted against.
    No,
    /// It voted in favour.
    Yes,
}

/// A seat; the key is its principal (G1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SeatRow {
    /// Which chamber, from 0 on.
    pub chamber: u8,
    /// The block that gave it.
    pub since: Height,
}

/// The council and its motions as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HeadRow {
    /// The number of the last motion; 0 if there is none.
    pub last: u32,
    /// Motions for which something is still to come.
    pub under_way: u32,
    /// Seats of each chamber.
    pub seats: [u32; CHAMBERS],
    /// Every chamber had a seat once: from then on motions decide (G4, G5).
    pub stood: bool,
}

/// How keys begin.
pub(super) mod prefix {
    pub(in super::super) const MOTION: &[u8] = b"motion/";
    pub(in super::super) const NUMBER: &[u8] = b"number/";
    pub(in super::super) const OPENER: &[u8] = b"opener/";
    pub(in super::super) const SEAT: &[u8] = b"seat/";
    pub(in super::super) const VOTE: &[u8] = b"vote/";
}

fn key(prefix: &[u8], rest: &[u8]) -> Vec<u8> {
    full_key(ROOM, &[prefix, rest].concat())
}

/// The full key of the head.
pub fn head_key() -> Vec<u8> {
    full_key(ROOM, b"head")
}

/// The full key of a motion.
pub fn motion_key(id: &MotionId) -> Vec<u8> {
    key(prefix::MOTION, id)
}

/// The full key of the id of a motion's number.
pub fn number_key(number: u32) -> Vec<u8> {
    key(prefix::NUMBER, &number.to_be_bytes())
}

/// The full key of how many motions of an opener's are under way; no row for none.
pub fn opener_key(opener: &PrincipalId) -> Vec<u8> {
    key(prefix::OPENER, &opener.0)
}

/// The full key of a seat.
pub fn seat_key(principal: &PrincipalId) -> Vec<u8> {
    key(prefix::SEAT, &principal.0)
}

/// The full key of a vote.
pub fn vote_key(id: &MotionId, seat: &PrincipalId) -> Vec<u8> {
    key(prefix::VOTE, &[id.as_slice(), &seat.0].concat())
}

pub(super) fn get_head(overlay: &mut Overlay<'_>) -> Result<HeadRow, Broken> {
    Ok(find(overlay, &head_key(), "the council's head")?.unwrap_or_default())
}

pub(super) fn put_head(overlay: &mut Overlay<'_>, row: &HeadRow) -> Result<(), Broken> {
    overlay.write(head_key(), Some(linli_types::encode(row)))
}

pub(super) fn get_motion(overlay: &mut Overlay<'_>, id: &MotionId) -> Result<MotionRow, Stop> {
    let none = || Code::NoMotion.refuse([Param::Bytes(id.to_vec())]);
    Ok(find(overlay, &motion_key(id), "a motion")?.ok_or_else(none)?)
}

/// Writes a motion; one whose end has come no longer counts as under way, and one that has been
/// decided keeps no undo records for its rehearsal.
pub(super) fn put_motion(
    overlay: &mut Overlay<'_>,
    id: &MotionId,
    row: &MotionRow,
) -> Result<(), Broken> {
    if !row.standing.is_under_way() {
        let mut head = get_head(overlay)?;
        head.under_way = head.under_way.saturating_sub(1);
        put_head(overlay, &head)?;
        let of_opener = get_opener(overlay, &row.opener)?.saturating_sub(1);
        put_opener(overlay, &row.opener, of_opener)?;
    }
    if !matches!(row.standing, Standing::Open | Standing::Escalated) {
        code::unpin(overlay, id)?;
    }
    overlay.write(motion_key(id), Some(linli_types::encode(row)))
}

/// How many motions of an opener's are under way.
pub(super) fn get_opener(overlay: &mut Overlay<'_>, who: &PrincipalId) -> Result<u32, Broken> {
    Ok(find(overlay, &opener_key(who), "an opener's motions")?.unwrap_or_default())
}

pub(super) fn put_opener(
    overlay: &mut Overlay<'_>,
    who: &PrincipalId,
    motions: u32,
) -> Result<(), Broken> {
    let row = (motions > 0).then(|| linli_types::encode(&motions));
    overlay.write(opener_key(who), row)
}
