//! What readers may ask. Nothing here writes.

use crate::facts::{self, batch_of};
use crate::graph;
use crate::malformed;
use crate::numbers;
use crate::policy;
use crate::record::RECORDS;
use crate::schema::{
    GapsRequest, GapsResponse, PolicyRequest, PolicyResponse, RatioRequest, RatioResponse,
    RecordRequest, RecordResponse, StateResponse,
};
use crate::source::{SOURCES, figures, number_id};
use linli_contract::id::PrincipalId;
use linli_contract::limits::EVIDENCE_DAYS_MAX;
use linli_contract::{Env, Refusal};

/// Whether a number is anchored, from its claim or its batch: statements themselves stand in receipts.
pub(crate) fn record(env: &mut Env<'_>, request: RecordRequest) -> Result<RecordResponse, Refusal> {
    let source = source(&request.source)?;
    if let Some(statement) = env.claimed(&number_id(b'n', &source, request.number)) {
        let statement = statement.into();
        return Ok(RecordResponse { anchored: true, statement, ..RecordResponse::default() });
    }
    Ok(match batch_of(env, &source, request.number) {
        Some((first, batch)) => RecordResponse {
            anchored: true,
            batch: Some(batch),
            first,
            ..RecordResponse::default()
        },
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

/// What became of a record.
pub(crate) fn state(env: &mut Env<'_>, request: RecordRequest) -> Result<StateResponse, Refusal> {
    let source = source(&request.source)?;
    let Some(facts) = facts::find(env, &source, request.number) else {
        return Ok(StateResponse::default());
    };
    let row = RECORDS.get(env, &facts::record_key(&source, request.number)).unwrap_or_default();
    let blocked = graph::unblocked(env, (source, request.number)).is_err();
    let nobody = facts.device == PrincipalId::default();
    Ok(StateResponse {
        anchored: true,
        standing: row.standing,
        record: Some(row),
        blocked,
        kind: facts.kind().into(),
        captured_at_ms: facts.captured_ms,
        organisation: facts.organisation,
        flags: facts.flags.into(),
        retention: facts.retention().into(),
        clock_source: facts.clock().into(),
        basis: facts.basis().into(),
        device: if nobody { Default::default() } else { facts.device.0.into() },
        day: facts.day.into(),
    })
}

/// Anchored and corroborated, as two figures.
pub(crate) fn ratio(env: &mut Env<'_>, request: RatioRequest) -> Result<RatioResponse, Refusal> {
    let source = source(&request.source)?;
    let (from, to) = (request.from_day, request.to_day);
    if to < from || to - from >= EVIDENCE_DAYS_MAX {
        return Err(malformed("to_day"));
    }
    let row = SOURCES.get(env, &source).unwrap_or_else(numbers::first);
    let mut sum = RatioResponse {
        missing: numbers::highest(&row).saturating_sub(row.records),
        ..RatioResponse::default()
    };
    for day in from..=to.min(row.day) {
        let day = figures(env, &source, &row, day);
        sum.records = sum.records.saturating_add(day.records);
        sum.expected = sum.expected.saturating_add(day.expected);
        sum.corroborated = sum.corroborated.saturating_add(day.corroborated);
    }
    sum.anchored_bps = bps(sum.records, sum.expected);
    sum.corroborated_bps = bps(sum.corroborated, sum.records);
    Ok(sum)
}

/// A part of a whole in 1/10,000, rounded down; what came late is no more than all.
fn bps(part: u64, whole: u64) -> u32 {
    match u128::from(part).saturating_mul(10_000).checked_div(whole.into()) {
        Some(bps) => u32::try_from(bps.min(10_000)).unwrap_or(10_000),
        None => 10_000,
    }
}

pub(crate) fn policy(env: &mut Env<'_>, _: PolicyRequest) -> Result<PolicyResponse, Refusal> {
    Ok(policy::in_force(env))
}

fn source(bytes: &[u8]) -> Result<PrincipalId, Refusal> {
    PrincipalId::from_slice(bytes).ok_or_else(|| malformed("source"))
}
