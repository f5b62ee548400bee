//! Batches of opening balances (decision 0014): what stood in older books becomes accounts.
//!
//! ```text
//! (none) ──propose, with the evidence of the source file──▶ proposed ──approve, by another──▶ approved
//! approved ──load, each chunk once, before the cut-off──▶ approved ──close, all loaded──▶ closed
//! ```
//!
//! Importing is the widest door for fraud, so nobody opens it alone: one office proposes, another
//! approves the same root, and the chunks are bound to it. Whose balance stands before they are
//! admitted is expected by the identity room. Chunks are loaded by [`super::load`].
//!
//! # Invariants
//!
//! - **INV-L12** no more is opened by a batch than was approved, each chunk once, nothing after its
//!   cut-off, and never for who proposed, approved or loads it.

use super::desk::Desk;
use super::rows::{OpeningRow, opening_key};
use super::{ROOM, malformed};
use crate::identity::sod;
use crate::log;
use crate::native::method_word;
use crate::stored::decode;
use crate::vm::Stop;
use linli_types::books::{AccountKind, CODE_ISSUE};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{Digest, TransferId};
use linli_types::limits;
use linli_types::merkle::statement_leaf;
use linli_types::policy::Duty;
use linli_types::receipt::Param;
use linli_types::wire::accounts::{
    ApproveOpeningRequest, ApproveOpeningResponse, CloseOpeningRequest, CloseOpeningResponse,
    OpeningChanged, OpeningTotal, ProposeOpeningRequest, ProposeOpeningResponse,
};

/// What a batch did, as its event says.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Proposed = 1,
    Approved,
    Loaded,
    Closed,
}

/// Proposes a batch.
pub(super) fn propose(
    desk: &mut Desk<'_, '_>,
    request: ProposeOpeningRequest,
) -> Result<ProposeOpeningResponse, Stop> {
    let id = desk.claim(&request.id, "ProposeOpening", &request)?;
    office(desk, "ProposeOpening")?;
    let cut_off = cut_off(desk, request.cut_off_ms)?;
    let counted = (1..=limits::OPENING_CHUNKS_MAX).contains(&request.chunks)
        && request.accounts >= u64::from(request.chunks);
    if !counted {
        return Err(malformed("chunks"));
    }
    let totals = totals(desk, &request.totals)?;
    let field = |name, bytes: &[u8]| Digest::from_slice(bytes).ok_or_else(|| malformed(name));
    let (source, root) = (field("source", &request.source)?, field("root", &request.root)?);
    let statement = field("statement", &request.statement)?;
    anchored(desk, request.leaf, &statement)?;
    let row = OpeningRow {
        source,
        statement,
        leaf: request.leaf,
        cut_off,
        accounts: request.accounts,
        loaded_totals: totals.iter().map(|(asset, _)| (*asset, 0)).collect(),
        totals,
        root,
        chunks: request.chunks,
        proposer: desk.acting.principal,
        approver: None,
        closed: false,
        loaded: 0,
        loaded_chunks: 0,
    };
    duty(desk, &id, Duty::Requester)?;
    put(desk, &id, &row)?;
    tell(desk, &id, Step::Proposed, (0, row.accounts));
    Ok(ProposeOpeningResponse {})
}

/// Approves a batch: by somebody else, who names the root that the source file gave them.
pub(super) fn approve(
    desk: &mut Desk<'_, '_>,
    request: ApproveOpeningRequest,
) -> Result<ApproveOpeningResponse, Stop> {
    let (id, mut row) = find(desk, &request.id)?;
    office(desk, "ApproveOpening")?;
    let me = desk.acting.principal;
    if me == row.proposer {
        let duties = [Duty::Requester, Duty::Approver].map(|duty| Param::Word(duty.name().into()));
        return Err(Code::SeparationOfDuty.refuse(duties).into());
    }
    if row.approver == Some(me) {
        return Err(Code::Duplicate.refuse([]).into());
    }
    at(&row, "PROPOSED")?;
    in_time(desk, &row)?;
    if request.root != row.root.0 {
        return Err(Code::OpeningOther.refuse([Param::Word("root".into())]).into());
    }
    duty(desk, &id, Duty::Approver)?;
    row.approver = Some(me);
    put(desk, &id, &row)?;
    tell(desk, &id, Step::Approved, (0, row.accounts));
    Ok(ApproveOpeningResponse {})
}

/// Ends a batch of which exactly what was approved is loaded.
pub(super) fn close(
    desk: &mut Desk<'_, '_>,
    request: CloseOpeningRequest,
) -> Result<CloseOpeningResponse, Stop> {
    let (id, mut row) = find(desk, &request.id)?;
    office(desk, "CloseOpening")?;
    if row.closed {
        return Err(Code::Duplicate.refuse([]).into());
    }
    at(&row, "APPROVED")?;
    if row.loaded != row.accounts {
        return Err(count(row.loaded, row.accounts));
    }
    let mut sums = row.loaded_totals.iter().zip(&row.totals);
    if let Some((found, approved)) = sums.find(|(found, approved)| found != approved) {
        return Err(total(found.0, found.1, approved.1));
    }
    row.closed = true;
    put(desk, &id, &row)?;
    tell(desk, &id, Step::Closed, (0, row.loaded));
    Ok(CloseOpeningResponse {})
}

pub(super) fn find(desk: &mut Desk<'_, '_>, id: &[u8]) -> Result<(TransferId, OpeningRow), Stop> {
    let id = TransferId::from_slice(id).ok_or_else(|| malformed("id"))?;
    let missing = || Code::NoOpening.refuse([Param::Bytes(id.0.to_vec())]);
    let row = desk.overlay.read(&opening_key(&id))?.ok_or_else(missing)?;
    Ok((id, decode(&row, "a batch of opening balances")?))
}

pub(super) fn put(desk: &mut Desk<'_, '_>, id: &TransferId, row: &OpeningRow) -> Result<(), Stop> {
    Ok(desk.overlay.write(opening_key(id), Some(linli_types::encode(row)))?)
}

pub(super) fn tell(
    desk: &mut Desk<'_, '_>,
    id: &TransferId,
    step: Step,
    (chunk, accounts): (u32, u64),
) {
    let (batch, actor) = (id.0.to_vec(), desk.acting.principal);
    let step = step as u32;
    let event = OpeningChanged { batch, step, actor: actor.0.to_vec(), chunk, accounts };
    desk.tell("linli.accounts.v1.OpeningChanged", vec![actor], &event);
}

/// Whether the actor holds an office for a step of a batch. A contract and an agent hold none.
pub(super) fn office(desk: &mut Desk<'_, '_>, method: &str) -> Result<(), Stop> {
    match desk.has_office(method)? {
        true => Ok(()),
        false => Err(Code::RoleDenied.refuse([method_word(ROOM, method)]).into()),
    }
}

/// Records the duty on the batch: what the policy keeps apart is apart here too.
fn duty(desk: &mut Desk<'_, '_>, id: &TransferId, duty: Duty) -> Result<(), Stop> {
    let mut record = [0; 32];
    record.iter_mut().zip(id.0).for_each(|(place, byte)| *place = byte);
    sod::act(desk.overlay, &desk.place, (ROOM, &record), duty, &desk.acting)
}

fn cut_off(desk: &Desk<'_, '_>, ms: u64) -> Result<TimeMs, Stop> {
    let now = desk.place.time;
    let latest = now.plus_ms(limits::OPENING_MS_MAX);
    match TimeMs(ms) {
        at if at > now && at <= latest => Ok(at),
        at => Err(Code::Expiry.refuse([at, now, latest].map(|time| Param::Number(time.0))).into()),
    }
}

/// What is proposed per asset: ascending, each once, above zero, and of assets that are issued to
/// holders at all (INV-L9).
fn totals(desk: &mut Desk<'_, '_>, totals: &[OpeningTotal]) -> Result<Vec<(u32, u64)>, Stop> {
    let ascending = totals.windows(2).all(|two| matches!(two, [a, b] if a.asset < b.asset));
    let counted = (1..=limits::OPENING_ASSETS_MAX).contains(&totals.len());
    if !ascending || !counted || totals.iter().any(|total| total.amount == 0) {
        return Err(Code::BadTable.refuse([Param::Word("totals".into())]).into());
    }
    for OpeningTotal { asset, .. } in totals {
        desk.asset(*asset)?;
        let moves = desk.rules(*asset, CODE_ISSUE)?.map(|row| row.moves).unwrap_or_default();
        let way = (AccountKind::Issuance, AccountKind::Holder);
        if !moves.iter().any(|(from, to, _)| (*from, *to) == way) {
            return Err(Code::RuleDenied.refuse([Param::Number(u64::from(CODE_ISSUE))]).into());
        }
    }
    Ok(totals.iter().map(|total| (total.asset, total.amount)).collect())
}

/// Whether the statement stood in the evidence log before this block.
fn anchored(desk: &Desk<'_, '_>, leaf: u64, statement: &Digest) -> Result<(), Stop> {
    let stands = leaf < desk.place.log_size
        && log::leaf(desk.overlay.store(), leaf)? == Some(statement_leaf(statement));
    match stands {
        true => Ok(()),
        false => Err(Code::OpeningUnanchored.refuse([Param::Number(leaf)]).into()),
    }
}

pub(super) fn at(row: &OpeningRow, wanted: &str) -> Result<(), Stop> {
    let found = match (row.closed, row.approver) {
        (true, _) => "CLOSED",
        (false, Some(_)) => "APPROVED",
        (false, None) => "PROPOSED",
    };
    match found == wanted {
        true => Ok(()),
        false => {
            let words = [found, wanted].map(|word| Param::Word(word.into()));
            Err(Code::OpeningStep.refuse(words).into())
        }
    }
}

pub(super) fn in_time(desk: &Desk<'_, '_>, row: &OpeningRow) -> Result<(), Stop> {
    let now = desk.place.time;
    match now < row.cut_off {
        true => Ok(()),
        false => {
            let times = [row.cut_off, now].map(|time| Param::Number(time.0));
            Err(Code::OpeningCutOff.refuse(times).into())
        }
    }
}

pub(super) fn total(asset: u32, found: u64, approved: u64) -> Stop {
    let numbers = [u64::from(asset), found, approved].map(Param::Number);
    Code::OpeningTotal.refuse(numbers).into()
}

pub(super) fn count(found: u64, approved: u64) -> Stop {
    Code::OpeningCount.refuse([found, approved].map(Param::Number)).into()
}
