//! What the registering call said of a statement, against the statement itself.
//!
//! The ledger refuses a manifest that its source registered before, by the digest that the call names;
//! it never sees the statement. A call that named another digest would go round that: so the two are
//! compared here (INV-E3), with whatever else both of them say.

use super::read;
use crate::cose::statement::{Claims, Signed};
use crate::failure::{Failure, Reason};
use crate::pack::TransactionPlace;
use crate::request::{REGISTER, REGISTER_BATCH, RegisterBatchRequest, RegisterRequest};
use crate::said::Detail;
use crate::seal::{Name, Sealed};
use crate::statement::ROOM;
use linli_types::wire::{Call, TransactionBody};
use prost::Message;

/// Bytes of a digest.
const DIGEST_BYTES: usize = 32;

/// Finds the call that registered the statement, and compares what both say.
pub(super) fn check(sealed: &Sealed<'_>, signed: &Signed) -> Result<(), Failure> {
    let malformed = || Failure::plain(Reason::TransactionMalformed);
    let place: TransactionPlace =
        read(sealed.get(Name::Transaction), Reason::TransactionMalformed)?;
    let body = TransactionBody::decode(place.body.as_slice()).map_err(|_| malformed())?;
    let mut calls = body.calls.iter().filter(|call| call.room == ROOM);
    match calls.find_map(|call| differing(call, signed)) {
        None => Err(Failure::plain(Reason::StatementUnasked)),
        Some(None) => Ok(()),
        Some(Some(what)) => Err(Failure::new(Reason::StatementAsked, [what])),
    }
}

/// `None` if the call is about other statements, else what differs.
#[allow(
    clippy::option_option,
    reason = "another call, the same and something else are three things"
)]
fn differing(call: &Call, signed: &Signed) -> Option<Option<Detail>> {
    match call.method.as_str() {
        REGISTER => {
            let request = RegisterRequest::decode(call.args.as_slice()).ok()?;
            is_one(&request, signed).then(|| of_one(&request, &signed.claims))
        }
        REGISTER_BATCH => {
            let request = RegisterBatchRequest::decode(call.args.as_slice()).ok()?;
            of_batch(&request, signed)
        }
        _ => None,
    }
}

fn is_one(request: &RegisterRequest, signed: &Signed) -> bool {
    let claims = &signed.claims;
    let named = (request.source.as_slice(), request.number, request.statement.as_slice());
    named == (claims.source.0.as_slice(), claims.number, signed.id().0.as_slice())
}

fn of_one(request: &RegisterRequest, claims: &Claims) -> Option<Detail> {
    let env = claims.env_digest.is_none_or(|digest| digest.0.as_slice() == request.env_digest);
    first(&[
        (
            request.manifest_sha256 == claims.manifest_sha256.0,
            "清单的 SHA-256",
            "SHA-256 of the manifest",
        ),
        (request.manifest_sm3 == claims.sm3.0, "清单的 SM3", "SM3 of the manifest"),
        (request.size == claims.size, "文件大小", "size of the files"),
        (is_clock(request.clock_source, claims), "时间来源", "source of time"),
        (env, "采集环境检查", "check of the environment"),
    ])
}

fn of_batch(request: &RegisterBatchRequest, signed: &Signed) -> Option<Option<Detail>> {
    let claims = &signed.claims;
    let at = usize::try_from(claims.number.checked_sub(request.first)?).ok()?;
    let of = |all: &[u8]| all.chunks_exact(DIGEST_BYTES).nth(at) == Some(signed.id().0.as_slice());
    if request.source != claims.source.0 || !of(&request.statements) {
        return None;
    }
    let manifest = request.manifests.chunks_exact(DIGEST_BYTES).nth(at);
    let same = manifest == Some(claims.manifest_sha256.0.as_slice());
    Some(first(&[
        (same, "清单的 SHA-256", "SHA-256 of the manifest"),
        (is_clock(request.clock_source, claims), "时间来源", "source of time"),
    ]))
}

/// Whether the ledger was told the same clock; a statement may be silent about it.
fn is_clock(told: i32, claims: &Claims) -> bool {
    claims.clock_source.is_none_or(|clock| i32::from(clock.number()) == told)
}

fn first(all: &[(bool, &'static str, &'static str)]) -> Option<Detail> {
    all.iter().find(|(same, ..)| !same).map(|(_, zh, en)| Detail::new(*zh, *en))
}
