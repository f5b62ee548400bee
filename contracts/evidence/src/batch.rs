//! `RegisterBatch`: up to 1,024 signed statements of one source, each its own leaf.
//!
//! What each costs is a claim of its manifest, one of its tag if it has one, and a leaf. Numbers are
//! taken as a range, and the batch has one row: number first + i is leaf `first_leaf` + i. A few claims
//! of aligned runs lead from a number to the row ([`note_batch`]).

use crate::facts::{BATCHES, note_batch, record_key};
use crate::once::Content;
use crate::register::{TAG_BYTES, Told};
use crate::rules::{Reuse, Said, whole};
use crate::schema::{Batch, Kind, RegisterBatchRequest, RegisterBatchResponse};
use crate::source::{self, Taking};
use crate::{authority, malformed};
use linli_contract::id::PrincipalId;
use linli_contract::limits::EVIDENCE_BATCH_MAX;
use linli_contract::{Env, Refusal};

/// Bytes of a digest.
const DIGEST_BYTES: usize = 32;

pub(crate) fn register(
    env: &mut Env<'_>,
    request: RegisterBatchRequest,
) -> Result<RegisterBatchResponse, Refusal> {
    let source = authority::source(env, &request.source)?;
    let count = count(&request)?;
    let said = said(&request);
    let facts = said.check(env, &source)?;

    let reuse = contents(env, &source, &request)?;
    let digest = match <[u8; 32]>::try_from(request.statements.as_slice()) {
        Ok(only) => only,
        Err(_) => source::batch_digest(env, request.first, count, &request.statements),
    };
    let taking = Taking { first: request.first, count: count.into(), digest };
    source::take(env, &source, &taking)?;
    let first_leaf = leaves(env, &request.statements);
    let row = Batch {
        first_leaf,
        count,
        facts: facts.to_bytes().into(),
        captured_to_ms: request.captured_to_ms,
        digest: digest.into(),
    };
    BATCHES.put(env, &record_key(&source, request.first), &row);
    note_batch(env, &source, request.first, count.into());

    let told =
        Told { first: request.first, count, leaf: first_leaf, statement: digest, said: &said };
    told.tell(env, &source, facts, reuse.count);
    reuse.tell(env);
    Ok(RegisterBatchResponse { first_leaf })
}

/// How many statements there are, if the packed fields agree.
fn count(request: &RegisterBatchRequest) -> Result<u32, Refusal> {
    let length = request.statements.len();
    let count = length / DIGEST_BYTES;
    let tags = request.tags.len();
    whole(&[
        ("first", request.first > 0),
        ("kind", request.kind() != Kind::SensorRoot),
        ("statements", length.is_multiple_of(DIGEST_BYTES)),
        ("statements", (1..=EVIDENCE_BATCH_MAX).contains(&count)),
        ("manifests", request.manifests.len() == length),
        ("tags", tags == 0 || tags == count.saturating_mul(TAG_BYTES)),
    ])?;
    u32::try_from(count).map_err(|_| malformed("statements"))
}

fn said(request: &RegisterBatchRequest) -> Said<'_> {
    Said {
        kind: request.kind(),
        captured: (request.captured_from_ms, request.captured_to_ms),
        clock: request.clock_source(),
        device: &request.device,
        retention: request.retention(),
        minors: request.minors,
        sensitive: request.sensitive,
        consent: &request.consent,
        basis: request.basis(),
        backdated: request.backdated_reason(),
        batch: true,
    }
}

/// INV-E3.
fn contents(
    env: &mut Env<'_>,
    source: &PrincipalId,
    request: &RegisterBatchRequest,
) -> Result<Reuse, Refusal> {
    let mut reuse = Reuse::new();
    for (number, manifest) in (request.first..).zip(request.manifests.chunks_exact(DIGEST_BYTES)) {
        reuse.claim(env, Content::Manifest, manifest, (source, number))?;
    }
    for (number, tag) in (request.first..).zip(request.tags.chunks_exact(TAG_BYTES)) {
        reuse.claim(env, Content::Tag, tag, (source, number))?;
    }
    Ok(reuse)
}

/// Appends the statements; the first one's leaf.
fn leaves(env: &mut Env<'_>, statements: &[u8]) -> u64 {
    let (statements, _) = statements.as_chunks::<DIGEST_BYTES>();
    let mut leaves = statements.iter().map(|statement| env.append(statement));
    let first = leaves.next().unwrap_or_default();
    // The log takes one call's leaves one after the other.
    leaves.for_each(drop);
    first
}
