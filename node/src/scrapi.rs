//! SCRAPI: the evidence log as a transparency service, for clients that know only the standards.
//!
//! | request | answer |
//! |---|---|
//! | `POST /entries` | 303 to the entry; body: statement and the transaction that registers it |
//! | `GET /entries/{id}` | a COSE receipt; `id` is a leaf's index, or the transaction's id |
//! | `GET /.well-known/scitt-keys` | the receipt keys of the validators, as a COSE key set |
//! | `GET /.well-known/scitt-keys/{kid}` | one of them; `kid` as base64url or hexadecimal |
//!
//! Errors are concise problem details in CBOR (RFC 9290). It shares the listener of `/healthz`, which
//! is on loopback: whoever offers it to others puts a proxy with TLS and its own rules before it.
//!
//! Reading is open: a receipt holds digests of digests, a header and signatures, and concerns
//! nobody; whose record it is, what it says and what became of the transaction stay behind the
//! signed reads of gRPC. Writing needs no leave either: the transaction carries its sender's
//! signature, as everywhere.
//!
//! # Invariants
//!
//! - **S1 no registrar of its own.** The node signs for no source. A statement alone is refused with
//!   the reason: what registers it is a transaction of whoever may.

use crate::api::leaves_of;
use crate::handle::NodeHandle;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use linli_replica::Submitted;
use linli_runtime::log::receipt_key;
use linli_sdk::receipt::words;
use linli_types::code::{Code, Lang};
use linli_types::height::Height;
use linli_types::id::{PublicKey, TxId};
use linli_types::signature::Zip215;
use linli_types::wire::identity as wire;
use linli_verify::cose::receipt::{LogHead, Proof, Receipt};
use linli_verify::cose::service::{self, PROBLEM, REGISTRATION, REGISTRATION_BYTES_MAX};
use linli_verify::cose::statement::{self, Signed};
use prost::Message as _;
use std::net::{IpAddr, Ipv4Addr};

/// A client that was told to wait asks again after so many seconds.
const RETRY_S: &str = "1";

/// The routes.
pub(crate) fn routes(node: NodeHandle) -> Router {
    Router::new()
        .route("/entries", post(register))
        .route("/entries/{id}", get(entry))
        .route("/.well-known/scitt-keys", get(keys))
        .route("/.well-known/scitt-keys/{kid}", get(key))
        .layer(DefaultBodyLimit::max(REGISTRATION_BYTES_MAX + 1))
        .with_state(node)
}

/// Why a request was not done.
struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
}

fn problem(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Problem {
    Problem { status, title, detail: detail.into() }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = service::problem(self.title, &self.detail, self.status.as_u16());
        (self.status, [(header::CONTENT_TYPE, PROBLEM)], body).into_response()
    }
}

fn unavailable(why: impl std::fmt::Display) -> Problem {
    tracing::warn!(%why, "scrapi.unavailable");
    let detail = "the node cannot answer now; ask again later";
    problem(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", detail)
}

fn malformed(detail: impl Into<String>) -> Problem {
    problem(StatusCode::BAD_REQUEST, "Malformed", detail)
}

fn not_found(detail: &'static str) -> Problem {
    problem(StatusCode::NOT_FOUND, "Not found", detail)
}

/// Takes a statement with the transaction that registers it.
async fn register(
    State(node): State<NodeHandle>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok());
    if media != Some(REGISTRATION) {
        let detail = format!(
            "the node registers for no source (S1): send {REGISTRATION}, an array of the statement \
             and the signed transaction that registers it"
        );
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(problem(status, "Unsupported media type", detail));
    }
    let (statement, transaction) =
        service::read_registration(&body).map_err(|why| malformed(why.to_string()))?;
    let signed = statement::parse(statement).map_err(|why| malformed(why.to_string()))?;
    signed.check(&Zip215).map_err(|why| malformed(why.to_string()))?;
    if !transaction.windows(32).any(|bytes| bytes == signed.id().0) {
        return Err(malformed("the transaction does not name this statement"));
    }
    check_key(&node, &signed).await?;
    let (rates, from) = (node.rates(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let said = |code: u32, text: String| {
        let title = Code::from_number(code).map_or("Refused", Code::name);
        problem(StatusCode::BAD_REQUEST, title, text)
    };
    rates.may_submit(from).map_err(|why| said(why.code, words(&why, None, Lang::En).text))?;
    match node.submit_one(transaction.to_vec()).await {
        (Some(id), Submitted::Pooled | Submitted::Exists { .. }) => Ok(running(&id)),
        (_, Submitted::Refused(why)) => {
            if crate::rates::is_unproved(why.code) {
                rates.unproved(from, 1);
            }
            Err(said(why.code, words(&why, None, Lang::En).text))
        }
        (None, _) => Err(unavailable("a transaction without an id")),
    }
}

/// 303: the entry is, or will be, under the transaction's id.
fn running(id: &TxId) -> Response {
    let location = format!("/entries/{id}");
    let headers = [(header::LOCATION, location.as_str()), (header::RETRY_AFTER, RETRY_S)];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// The statement's key is one in force of its source, or of the device that it names.
async fn check_key(node: &NodeHandle, signed: &Signed) -> Result<(), Problem> {
    let claims = &signed.claims;
    let (people, key) = ([Some(claims.source), claims.device], signed.key);
    let asked = node.inspect(move |ledger, store| {
        let next = ledger.head().height.next();
        for principal in people.into_iter().flatten() {
            let args = wire::PrincipalRequest { principal: principal.0.to_vec() }.encode_to_vec();
            let answer = ledger.query(store, "identity", "Principal", &args, principal)?;
            let Ok(answer) = answer else { continue };
            let row = wire::PrincipalResponse::decode(answer.result.as_slice());
            if row.is_ok_and(|row| row.keys.iter().any(|k| is_in_force(k, &key, next))) {
                return Ok(true);
            }
        }
        Ok::<bool, linli_types::store::Broken>(false)
    });
    match asked.await.map_err(unavailable)?.map_err(unavailable)? {
        true => Ok(()),
        false => Err(malformed("the statement's key is none in force of its source or device")),
    }
}

fn is_in_force(row: &wire::Key, key: &PublicKey, next: Height) -> bool {
    row.key == key.0
        && row.from_height <= next.0
        && (row.until_height == 0 || next.0 < row.until_height)
}

/// The COSE receipt of an entry.
async fn entry(
    State(node): State<NodeHandle>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let of = match (id.parse::<u64>(), id.parse::<TxId>()) {
        (_, Ok(id)) => Err(id),
        (Ok(leaf), Err(_)) => Ok(leaf),
        (Err(_), Err(_)) => {
            return Err(not_found("an entry is named by its leaf's index or its transaction's id"));
        }
    };
    let (store, head) = (node.store(), node.head().borrow().height);
    let found = tokio::task::spawn_blocking(move || leaves_of(&store, head, of)).await;
    let sight = match found.map_err(unavailable)? {
        Ok(sight) => sight,
        Err(status) if status.code() == tonic::Code::NotFound => {
            return Err(not_found("no such entry, or none yet"));
        }
        Err(status) => return Err(unavailable(status)),
    };
    let places = sight.places();
    let Some((_, place)) = places.first() else { return Err(not_found("no such entry")) };
    let signers = node.receipts().of(sight.header.height, 1).await.map_err(unavailable)?;
    let Some(signer) = signers.first() else {
        return Err(unavailable("no receipt key signs this height"));
    };
    let (key, proof) = (signer.delegation.says.key, Proof::Inclusion(place.clone()));
    let receipt = Receipt::new(&LogHead::of(&sight.header), key, signer.signature, proof);
    Ok(([(header::CONTENT_TYPE, service::RECEIPT)], receipt.to_bytes()).into_response())
}

/// The receipt keys of the validators of the next block.
async fn known(node: &NodeHandle) -> Result<Vec<PublicKey>, Problem> {
    let asked = node.inspect(|ledger, store| {
        let mut keys = Vec::new();
        for member in ledger.head().validators.members() {
            keys.extend(receipt_key(store, &member.key)?.map(|row| row.delegation.says.key));
        }
        Ok::<_, linli_types::store::Broken>(keys)
    });
    asked.await.map_err(unavailable)?.map_err(unavailable)
}

async fn keys(State(node): State<NodeHandle>) -> Result<Response, Problem> {
    let set = service::key_set(&known(&node).await?);
    Ok(([(header::CONTENT_TYPE, service::KEY_SET)], set).into_response())
}

async fn key(State(node): State<NodeHandle>, Path(kid): Path<String>) -> Result<Response, Problem> {
    let known = known(&node).await?;
    let named = |key: &&PublicKey| base64url(&key.0) == kid || key.to_string() == kid;
    let key = known.iter().find(named).ok_or_else(|| not_found("no receipt key has this id"))?;
    let set = service::key_set(std::slice::from_ref(key));
    Ok(([(header::CONTENT_TYPE, service::KEY_SET)], set).into_response())
}

/// RFC 4648 §5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0_u8; 4];
        if let Some(place) = group.get_mut(1..=chunk.len()) {
            place.copy_from_slice(chunk);
        }
        let bits = u32::from_be_bytes(group);
        for at in 0..=chunk.len() {
            let digit = (bits >> (18 - 6 * at)) & 63;
            out.push(DIGITS.get(digit as usize).map_or('_', |digit| char::from(*digit)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_the_standards() {
        // RFC 4648, section 10, without padding; and the two digits that differ.
        for (bytes, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg")]
        {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn a_key_is_in_force_from_its_height_until_its_end() {
        let key = PublicKey([7; 32]);
        let row = wire::Key { key: key.0.to_vec(), from_height: 5, until_height: 8 };
        let at = |height| is_in_force(&row, &key, Height(height));
        assert_eq!([at(4), at(5), at(7), at(8)], [false, true, true, false]);
        assert!(!is_in_force(&row, &PublicKey([8; 32]), Height(6)));
    }
}
