//! What readers may ask. Nothing here writes.

use crate::anchor::{SOURCES, number_id};
use crate::malformed;
use crate::numbers;
use crate::schema::{GapsRequest, GapsResponse, RecordRequest, RecordResponse};
use linli_contract::id::PrincipalId;
use linli_contract::{Env, Refusal};

/// Whether a number is anchored, from its claim: statements themselves stand in receipts.
pub(crate) fn record(env: &mut Env<'_>, request: RecordRequest) -> Result<RecordResponse, Refusal> {
    let source = source(&request.source)?;
    Ok(match env.claimed(&number_id(&source, request.number)) {
        Some(statement) => RecordResponse { anchored: true, statement: statement.into() },
        None => RecordResponse::default(),
    })
}

/// The holes in a source's numbering, from its row.
pub(crate) fn gaps(env: &mut Env<'_>, request: GapsRequest) -> Result<GapsResponse, Refusal> {
    let source = source(&request.source)?;
    let row = SOURCES.get(env, &source).unwrap_or_else(numbers::first);
    let (highest, gaps) = (numbers::highest(&row), numbers::gaps(&row));
    Ok(GapsResponse { open: row.open, highest, records: row.records, head: row.head, gaps })
}

fn source(bytes: &[u8]) -> Result<PrincipalId, Refusal> {
    PrincipalId::from_slice(bytes).ok_or_else(|| malformed("source"))
}
