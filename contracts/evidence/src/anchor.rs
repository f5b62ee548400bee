//! Anchor: the call that came first. It makes the statement itself, and knows no provenance.
//!
//! Host calls on the way: caller, context, claims (retired, manifest), hash, read and write (the source's row),
//! hash, claims (number, facts), append, emit. One entry of the state tree changes, and once a day a
//! second one.

use crate::facts::{self, Facts};
use crate::once::{self, Content};
use crate::rules::{is_backdated, not_ahead, whole};
use crate::schema::{AnchorRequest, AnchorResponse, Anchored, Kind, Refusal as No, Statement};
use crate::source::{self, Taking, day_of, number_id};
use crate::{authority, malformed};
use linli_contract::id::PrincipalId;
use linli_contract::{Code, Context, Env, Refusal, bytes};
use prost::Message;

/// Bytes of a media type.
pub const MEDIA_BYTES_MAX: usize = 64;

pub(crate) fn anchor(env: &mut Env<'_>, request: AnchorRequest) -> Result<AnchorResponse, Refusal> {
    // V1: the sender signed a call of the contract that calls, not this one.
    authority::direct(env)?;
    let context = env.context();
    let source = check(&context, &request)?;
    // V2, LEG-12: a device that was retired anchors nothing, whichever call it takes.
    authority::in_service(env, &source)?;
    let number = request.number;
    let reused =
        once::claim(env, Content::Manifest, &request.manifest_sha256, &source, number)?.is_some();

    let facts = facts(&context, &request);
    let statement = statement(&context, request);
    let digest = env.sha256(&statement.encode_to_vec());
    source::take(env, &source, &Taking { first: number, count: 1, digest })?;
    env.claim(&number_id(b'n', &source, number), &digest);
    facts::keep(env, &source, number, facts);
    let leaf = env.append(&digest);
    env.emit(&[source], &Anchored { statement: Some(statement), leaf, reused });
    Ok(AnchorResponse { leaf, statement: digest.to_vec() })
}

/// What can be said without the ledger's rows.
fn check(context: &Context, request: &AnchorRequest) -> Result<PrincipalId, Refusal> {
    let source = PrincipalId::from_slice(&request.source).ok_or_else(|| malformed("source"))?;
    // V1: no sender is nobody, and nobody is no source.
    if source != context.sender || source == PrincipalId::default() {
        return Err(No::Unauthorised.refuse([bytes(&source.0)]));
    }
    whole(&[
        ("number", request.number > 0),
        ("kind", !matches!(request.kind(), Kind::Unspecified)),
        ("manifest_sha256", request.manifest_sha256.len() == 32),
        ("manifest_sm3", request.manifest_sm3.len() == 32),
        ("media", request.media.len() <= MEDIA_BYTES_MAX),
        ("captured_at_ms", request.captured_at_ms > 0),
    ])?;
    not_ahead(context, request.captured_at_ms)?; // INV-E2
    Ok(source)
}

fn facts(context: &Context, request: &AnchorRequest) -> Facts {
    let backdated = is_backdated(context, request.captured_at_ms);
    Facts {
        captured_ms: request.captured_at_ms,
        organisation: context.organisation,
        day: u16::try_from(day_of(context.now_ms)).unwrap_or(u16::MAX),
        kind: u8::try_from(request.kind).unwrap_or(0),
        flags: if backdated { facts::BACKDATED } else { 0 },
        ..Facts::default()
    }
}

fn statement(context: &Context, request: AnchorRequest) -> Statement {
    let captured_at_ms = request.captured_at_ms;
    Statement {
        source: request.source,
        number: request.number,
        kind: request.kind,
        manifest_sha256: request.manifest_sha256,
        manifest_sm3: request.manifest_sm3,
        size: request.size,
        media: request.media,
        captured_at_ms,
        anchored_at_ms: context.now_ms,
        organisation: context.organisation,
        // INV-E2
        backdated: is_backdated(context, captured_at_ms),
    }
}
