//! Anchor: the one call that makes a record.
//!
//! Host calls on the way, in this order: caller, context, claim (manifest), read and write (the source's
//! row), claim (number), hash twice, append, emit. One entry of the state tree changes.

use crate::malformed;
use crate::numbers::{self, NotTaken};
use crate::schema::{
    AnchorRequest, AnchorResponse, Anchored, Kind, Refusal as No, Source, Statement,
};
use linli_contract::id::PrincipalId;
use linli_contract::{Claim, Code, Context, Env, Map, Refusal, bytes, number};
use prost::Message;

/// How far after block time a capture may lie, in milliseconds: clocks differ.
pub const FUTURE_MS: u64 = 120_000;
/// From this age on, in milliseconds, evidence is backdated: one day.
pub const BACKDATED_MS: u64 = 24 * 3600 * 1000;
/// Bytes of a media type.
pub const MEDIA_BYTES_MAX: usize = 64;

/// Every source's bookkeeping.
pub(crate) const SOURCES: Map<PrincipalId, Source> = Map::new();

pub(crate) fn anchor(env: &mut Env<'_>, request: AnchorRequest) -> Result<AnchorResponse, Refusal> {
    // INV-E4: the sender signed a call of the contract that calls, not this one.
    if !env.caller().is_empty() {
        return Err(No::DirectOnly.refuse([]));
    }
    let context = env.context();
    let source = check(&context, &request)?;
    let reused = claim_manifest(env, &source, &request.manifest_sha256)?;
    let mut row = SOURCES.get(env, &source).unwrap_or_else(numbers::first);
    take_number(&mut row, request.number)?;

    let statement = statement(&context, request);
    let digest = env.sha256(&statement.encode_to_vec());
    if env.claim(&number_id(&source, statement.number), &digest) != Claim::New {
        // INV-E1: the row and the claims say the same, so this is never reached.
        return Err(No::DuplicateNumber.refuse([number(statement.number), number(row.open)]));
    }
    row.records = row.records.saturating_add(1);
    row.head = env.sha256(&[row.head.as_slice(), &digest].concat()).to_vec();
    SOURCES.put(env, &source, &row);
    let leaf = env.append(&digest);
    env.emit(&[source], &Anchored { statement: Some(statement), leaf, reused });
    Ok(AnchorResponse { leaf, statement: digest.to_vec() })
}

/// What can be said without the ledger's rows.
fn check(context: &Context, request: &AnchorRequest) -> Result<PrincipalId, Refusal> {
    let source = PrincipalId::from_slice(&request.source).ok_or_else(|| malformed("source"))?;
    // INV-E4: no sender is nobody, and nobody is no source.
    if source != context.sender || source == PrincipalId::default() {
        return Err(No::Unauthorised.refuse([bytes(&source.0)]));
    }
    let fields = [
        ("number", request.number > 0),
        ("kind", !matches!(request.kind(), Kind::Unspecified)),
        ("manifest_sha256", request.manifest_sha256.len() == 32),
        ("manifest_sm3", request.manifest_sm3.len() == 32),
        ("media", request.media.len() <= MEDIA_BYTES_MAX),
        ("captured_at_ms", request.captured_at_ms > 0),
    ];
    if let Some((field, _)) = fields.iter().find(|(_, holds)| !holds) {
        return Err(malformed(field));
    }
    // INV-E2
    if request.captured_at_ms > context.now_ms.saturating_add(FUTURE_MS) {
        return Err(No::FutureTime.refuse([number(request.captured_at_ms), number(context.now_ms)]));
    }
    Ok(source)
}

/// INV-E3. Claims the manifest for the source; whether another source had it before.
///
/// The first source's claim names the manifest alone and carries the source, so that the common
/// case costs one claim.
fn claim_manifest(
    env: &mut Env<'_>,
    source: &PrincipalId,
    manifest: &[u8],
) -> Result<bool, Refusal> {
    let mut holder = [0; 32];
    if let Some(half) = holder.first_chunk_mut::<16>() {
        *half = source.0;
    }
    let duplicate = || No::Duplicate.refuse([bytes(manifest)]);
    match env.claim(&[b"m".as_slice(), manifest].concat(), &holder) {
        Claim::New => Ok(false),
        Claim::Same => Err(duplicate()),
        Claim::Other => {
            let again = [b"r".as_slice(), &source.0, manifest].concat();
            match env.claim(&again, &holder) {
                Claim::New => Ok(true),
                Claim::Same | Claim::Other => Err(duplicate()),
            }
        }
    }
}

/// INV-E1.
fn take_number(row: &mut Source, wanted: u64) -> Result<(), Refusal> {
    numbers::take(row, wanted).map_err(|why| match why {
        NotTaken::Used => No::DuplicateNumber.refuse([number(wanted), number(row.open)]),
        NotTaken::TooFar { max } => No::SeqGap.refuse([number(wanted), number(max)]),
    })
}

/// The business id of a source's number.
pub(crate) fn number_id(source: &PrincipalId, number: u64) -> [u8; 25] {
    let mut id = [0; 25];
    let parts = [b"n".as_slice(), &source.0, &number.to_be_bytes()].concat();
    // 1 + 16 + 8 bytes.
    id.copy_from_slice(&parts);
    id
}

fn statement(context: &Context, request: AnchorRequest) -> Statement {
    let age_ms = context.now_ms.saturating_sub(request.captured_at_ms);
    Statement {
        source: request.source,
        number: request.number,
        kind: request.kind,
        manifest_sha256: request.manifest_sha256,
        manifest_sm3: request.manifest_sm3,
        size: request.size,
        media: request.media,
        captured_at_ms: request.captured_at_ms,
        anchored_at_ms: context.now_ms,
        organisation: context.organisation,
        // INV-E2
        backdated: age_ms > BACKDATED_MS,
    }
}
