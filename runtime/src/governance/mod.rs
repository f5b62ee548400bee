//! The council's motions: opened, voted on, closed, carried out, all by the chain's own clock.
//!
//! ```text
//!          votes                 close              delay
//! OpenMotion ──▶ OPEN ─────────▶ PASSED ────────▶ EXECUTED
//!                 │  │ └───────▶ FAILED     └───▶ REFUSED   the rules had changed meanwhile
//!                 │  └─────────▶ ESCALATED ─ Decide ─▶ PASSED | FAILED
//!                 │                  └───── 30 days ─▶ LAPSED
//!                 └─ WithdrawMotion ─▶ WITHDRAWN
//!
//! rows.rs   what stands in the state        seats.rs  who has a seat, and since when
//! open.rs   a motion begins                 vote.rs   votes, recusal, withdrawal, the district
//! close.rs  timers: counting, carrying out  deeds.rs  what motions do, and what they need
//! query.rs  what readers ask                laws.rs   the laws over a whole store
//! quota.rs  what organisations may use      seating.rs  seats given, taken and left
//! ```
//!
//! Shares are counted by [`linli_types::council`]: exactly, and absence counts against.
//!
//! # Invariants
//!
//! - **G1 one seat, one vote.** A seat votes or recuses itself once per motion, and only if it stood
//!   when the motion opened. A person has one seat.
//! - **G2 counted.** The counts of a motion are those of its votes; a chamber's seats are those that
//!   stood when the motion opened.
//! - **G3 not before.** No vote after the close, no deed before the delay is over, each deed once.
//! - **G4 the council decides.** Once every chamber had a seat, acts of the whole consortium come
//!   from motions alone, for ever.
//! - **G5 nobody packs it.** From then on a seat is given or taken by a motion alone. Everyone may
//!   leave their own; a chamber that was left by all gets its next seat from the district.

mod close;
mod deeds;
pub mod laws;
mod open;
mod query;
pub mod quota;
pub mod rows;
mod seating;
mod seats;
mod vote;

pub(crate) use close::{fire, fire_cost};
pub(crate) use query::answer;
pub(crate) use seats::{begin, given, office_may, stands, taken};

use crate::code;
use crate::native::{Deed, Done, method_word};
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::limits;

/// The room's name.
pub const ROOM: &str = "governance";

/// Makes a call of this room. A contract must not use its caller's seat.
pub(crate) fn call(deed: &mut Deed<'_, '_>, method: &str, args: &[u8]) -> Done {
    if !deed.caller.is_empty() {
        return Err(Stop::from(Code::DirectOnly.refuse([method_word(ROOM, method)])));
    }
    match method {
        "OpenMotion" => open::open(deed, args),
        "Vote" => vote::vote(deed, args),
        "Recuse" => vote::recuse(deed, args),
        "WithdrawMotion" => vote::withdraw(deed, args),
        "Decide" => vote::decide(deed, args),
        "Resign" => seating::resign(deed, args),
        _ => code::call(deed, method, args),
    }
}

/// Fuel of a call.
pub(crate) fn cost(method: &str, args: &[u8]) -> u64 {
    match method {
        "StageCode" | "ReportRehearsal" => limits::CODE_FUEL,
        "OpenMotion" if open::judges_code(args) => limits::CODE_JUDGE_FUEL,
        _ => limits::GOVERNANCE_FUEL,
    }
}
