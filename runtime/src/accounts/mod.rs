//! Double entry, below the contracts (decision 0010).
//!
//! ```text
//! request ─▶ deed claimed ─▶ accounts read ─▶ judged: rule, actor, freeze, bounds, lots ─▶ entry ─▶ both rows
//! ```
//!
//! A refusal refuses the whole transaction, so nothing here takes anything back. Rows of the room, by
//! the first byte of the key: an account stands under its id alone; `A` asset, `R` rules of an asset
//! and code, `P` pending transfer, `L` lots, `D` what was taken back of a transfer, `O` batch of opening
//! balances.
//!
//! # Invariants
//!
//! - **INV-L1** per asset, debits equal credits, posted and pending, after every entry.
//! - **INV-L2** what is out is what was issued and not taken back.
//! - **INV-L3** bounded accounts keep their bounds, pending amounts counted.
//! - **INV-L4** a pending transfer is resolved once, and void at its time by itself.
//! - **INV-L5** same id and content: `DUPLICATE`, no effect; other content:
//!   `BUSINESS_ID_CONFLICT`.
//! - **INV-L6** nothing is taken back but by an entry; together never more than the transfer.
//! - **INV-L7** a chain is all or none.
//! - **INV-L8** two accounts, one asset, an amount above zero, both open.
//! - **INV-L9** every move is in the closed table; TIME moves with nothing else (INV-T9).
//! - **INV-L11** an account's lots sum to its balance; those that end first go first.
//! - **INV-L12** no more is opened by a batch than two people of two offices approved, each chunk
//!   once, nothing after its cut-off.

mod admin;
mod ask;
mod batch;
mod bounds;
mod chain;
mod day;
mod desk;
mod expire;
mod judge;
mod load;
pub mod lots;
mod opening;
mod pending;
mod reverse;
pub mod rows;
mod transfer;

pub use ask::concerned;
pub use linli_types::account::{AccountRow, NOBODY, issuance};
pub use rows::{account_key, read_row};

pub(crate) use ask::ask;
pub(crate) use desk::{Classes, Desk};
pub(crate) use opening::open_books;
pub(crate) use pending::fire;

use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::limits;
use linli_types::receipt::Param;
use linli_types::wire::accounts as wire;
use prost::Message;

/// The room's name.
pub const ROOM: &str = "accounts";

/// The fuel of a call, most of them by the transfers that they are worth; `None` if there is no such method.
pub(crate) fn cost(method: &str, args: &[u8]) -> Option<u64> {
    let steps = match method {
        "Open" | "Close" | "Transfer" | "Reserve" | "Post" | "Void" | "Freeze" | "Unfreeze" => 1,
        "Reverse" | "Expire" => 2,
        "ProposeOpening" | "ApproveOpening" | "CloseOpening" => 2,
        "LoadOpening" => return Some(load::cost(args)),
        "Chain" => {
            let steps = wire::ChainRequest::decode(args).map_or(1, |chain| chain.steps.len());
            u64::try_from(steps).unwrap_or(u64::MAX)
        }
        _ => return None,
    };
    Some(limits::TRANSFER_FUEL.saturating_mul(steps))
}

/// Performs one call of the room.
pub(crate) fn call(desk: &mut Desk<'_, '_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Stop> {
    match method {
        "Open" => done(desk, args, admin::open),
        "Close" => done(desk, args, admin::close),
        "Transfer" => done(desk, args, transfer::transfer),
        "Reserve" => done(desk, args, transfer::reserve),
        "Post" => done(desk, args, pending::post),
        "Void" => done(desk, args, pending::void),
        "Reverse" => done(desk, args, reverse::reverse),
        "Chain" => done(desk, args, chain::chain),
        "Freeze" => done(desk, args, admin::freeze),
        "Unfreeze" => done(desk, args, admin::unfreeze),
        "Expire" => done(desk, args, expire::expire),
        "ProposeOpening" => done(desk, args, batch::propose),
        "ApproveOpening" => done(desk, args, batch::approve),
        "LoadOpening" => done(desk, args, load::load),
        "CloseOpening" => done(desk, args, batch::close),
        _ => Err(crate::room::unknown_method(ROOM, method).into()),
    }
}

fn done<Q: Message + Default, A: Message>(
    desk: &mut Desk<'_, '_>,
    args: &[u8],
    act: impl FnOnce(&mut Desk<'_, '_>, Q) -> Result<A, Stop>,
) -> Result<Vec<u8>, Stop> {
    let request = Q::decode(args).map_err(|_| malformed("request"))?;
    Ok(act(desk, request)?.encode_to_vec())
}

fn malformed(what: &str) -> Stop {
    Code::Malformed.refuse([Param::Word(what.into())]).into()
}
