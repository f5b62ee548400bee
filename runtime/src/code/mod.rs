//! Contract code as state: which code each room runs, code on its way, and what validators found
//! when they rehearsed it.
//!
//! ```text
//! StageCode ─▶ file ─ motion opens ─▶ pin ─▶ rehearsal, reports ─ motion closes ─▶ unpin
//!                │                                                        │ passed, delay over
//!                └──────────────────────────▶ carry_out ◀─────────────────┘
//!                              upgrade: runs from the next block on
//!                              new room: `init` by a timer, then runs from the block after
//!
//! rows.rs    what stands in the state      stage.rs     code comes in, in parts
//! force.rs   code comes into force         report.rs    reports, and whether they agree
//! query.rs   what readers ask              history.rs   what the ledger takes from rows
//! compare.rs what differs, what broke      rehearse.rs  past transactions once more
//! laws.rs    the law over a whole store
//! ```
//!
//! Motions are the governance room's: it calls `carry_out` (also to try a deed), `pin`,
//! `unpin` and `objection`.
//!
//! # Invariants
//!
//! - **C1 rows decide.** What a room runs follows from the state alone, so that every node, whenever
//!   it was started or killed, runs the same.
//! - **C2 next block.** A block is executed with the code in force before it.
//! - **C3 kept.** Code that ever ran, and code of an open motion, stays readable for ever.
//! - **C4 judged twice.** Nothing comes into force that does not pass every static check then.

mod compare;
mod force;
mod history;
pub mod laws;
mod query;
mod rehearse;
mod report;
mod rows;
mod stage;

pub use crate::governance::rows::MotionId;
pub(crate) use force::{begun, carry_out, pin, take_start, unpin};
pub(crate) use history::{Arrivals, Standing, arrivals, bytes_of, schema, standing, versions};
pub(crate) use query::answer;
pub use rehearse::{NotRehearsed, Rehearsal};
pub(crate) use report::objection;
pub use report::{owed, report_request};
pub(crate) use rows::put_version;
pub use rows::{CodeRow, PinRow, code_key};

use crate::governance::ROOM as GOVERNANCE;
use crate::native::{Deed, Done};
use crate::room::unknown_method;

/// The name under which a new room's beginning stands among the timers. No room answers to it.
pub(crate) const ROOM: &str = "code";

/// Makes a call about code, of the room `governance`.
pub(crate) fn call(deed: &mut Deed<'_, '_>, method: &str, args: &[u8]) -> Done {
    match method {
        "StageCode" => stage::stage(deed, args),
        "ReportRehearsal" => report::report(deed, args),
        _ => Err(unknown_method(GOVERNANCE, method).into()),
    }
}
