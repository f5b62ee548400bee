//! SCRAPI (draft-ietf-scitt-scrapi): the evidence log as a transparency service, for clients that
//! know only the standards.
//!
//! | request | answer |
//! |---|---|
//! | `POST /entries` | 201 with receipt or transparent statement, or 303 to the entry |
//! | `GET /entries/{id}` | a COSE receipt; 302 while the registration runs |
//! | `GET /entries/{id}/receipts` | receipts of two organisations or more: the value of header 394 |
//! | `GET /.well-known/scitt-keys` | the receipt keys of the validators, as a COSE key set |
//! | `GET /.well-known/scitt-keys/{kid}` | one of them, also one that holds no more |
//! | `GET /.well-known/transparency-configuration` | issuer and endpoints, for clients of older drafts |
//!
//! `{id}` is a leaf's index, or the transaction's id; `{kid}` is base64url or hexadecimal. Errors are
//! concise problem details in CBOR ([`Problem`]). It shares the listener of `/healthz`, which is on
//! loopback: whoever offers it to others puts a proxy with TLS and its own rules before it.
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
//! - **S2 two or none.** Who asks for receipts of several organisations gets as many, or is told to ask
//!   again; never fewer in silence.

mod keys;
mod problem;
mod register;
mod running;

use crate::api::leaves_of;
use crate::handle::NodeHandle;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use linli_types::id::TxId;
use linli_types::limits::VALIDATORS_MAX;
use linli_verify::cose::receipt::{LogHead, Proof, Receipt};
use linli_verify::cose::service::{self, CBOR, COSE, RECEIPT, REGISTRATION_BYTES_MAX};
use problem::{Problem, unavailable};
use running::Running;
use std::sync::Arc;

/// A client that was told to wait asks again after so many seconds.
const RETRY_S: &str = "1";
/// Organisations of several receipts unless the client asks for more.
const ORGANISATIONS: usize = 2;

/// What the pages share.
#[derive(Clone)]
struct Service {
    node: NodeHandle,
    running: Arc<Running>,
}

/// The routes.
pub(crate) fn routes(node: NodeHandle) -> Router {
    Router::new()
        .route("/entries", post(register::register))
        .route("/entries/{id}", get(entry))
        .route("/entries/{id}/receipts", get(several))
        .route("/.well-known/scitt-keys", get(keys::all))
        .route("/.well-known/scitt-keys/{kid}", get(keys::one))
        .route("/.well-known/transparency-configuration", get(keys::configuration))
        .layer(DefaultBodyLimit::max(REGISTRATION_BYTES_MAX))
        .with_state(Service { node, running: Arc::default() })
}

/// How an entry is named: by its leaf's index, or by its transaction.
type Locator = Result<u64, TxId>;

fn locator(id: &str) -> Result<Locator, Problem> {
    match (id.parse::<u64>(), id.parse::<TxId>()) {
        (_, Ok(id)) => Ok(Err(id)),
        (Ok(leaf), Err(_)) => Ok(Ok(leaf)),
        (Err(_), Err(_)) => Err(Problem::Locator),
    }
}

/// What became of an entry.
enum Found {
    /// It stands; receipts of as many organisations as could be reached, at least one.
    Receipts(Vec<Receipt>),
    /// The transaction stands, and made no entry.
    NoLeaf,
    /// Nothing stands under this name.
    Nothing,
}

/// The COSE receipt of an entry.
async fn entry(
    State(service): State<Service>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let of = locator(&id)?;
    match (service.find(of, 1).await?, of) {
        (Found::Receipts(receipts), _) => {
            let receipt = receipts.first().ok_or_else(nobody_signs)?;
            Ok(receipt_at(StatusCode::OK, &format!("/entries/{id}"), receipt, &headers))
        }
        (Found::NoLeaf, _) => Err(no_leaf()),
        (Found::Nothing, Err(transaction)) => {
            let now = service.node.head().borrow().time;
            match service.running.is_running(&transaction, now) {
                true => Ok(see(StatusCode::FOUND, &transaction)),
                false => Err(Problem::NotRunning),
            }
        }
        (Found::Nothing, Ok(_)) => Err(Problem::NoEntry),
    }
}

/// Receipts of several organisations, or none (S2): of `?organisations=N`, or else of two.
async fn several(
    State(service): State<Service>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let wanted = organisations(query.as_deref())?;
    match service.find(locator(&id)?, wanted).await? {
        Found::Receipts(receipts) => {
            let receipts = service::receipts(&enough(receipts, wanted)?);
            Ok(([(header::CONTENT_TYPE, CBOR)], receipts).into_response())
        }
        Found::NoLeaf => Err(no_leaf()),
        Found::Nothing => Err(Problem::NoEntry),
    }
}

fn organisations(query: Option<&str>) -> Result<usize, Problem> {
    let Some(query) = query else { return Ok(ORGANISATIONS) };
    let number = query.strip_prefix("organisations=").and_then(|number| number.parse().ok());
    number.filter(|number| (1..=VALIDATORS_MAX).contains(number)).ok_or_else(|| {
        Problem::Malformed(format!("?organisations= takes a number from 1 to {VALIDATORS_MAX}"))
    })
}

/// S2.
fn enough(receipts: Vec<Receipt>, wanted: usize) -> Result<Vec<Receipt>, Problem> {
    match receipts.len() {
        found if found >= wanted => Ok(receipts),
        found => {
            let detail = format!("receipts of {found} organisations could be had, not of {wanted}");
            Err(Problem::Unavailable(detail))
        }
    }
}

impl Service {
    /// Receipts of the entry's first leaf.
    async fn find(&self, of: Locator, organisations: usize) -> Result<Found, Problem> {
        let (store, head) = (self.node.store(), self.node.head().borrow().height);
        let look = move || {
            let stands = match of {
                Ok(_) => false,
                Err(id) => linli_runtime::locate(&store, &id)?.is_some(),
            };
            Ok::<_, linli_types::store::Broken>((stands, leaves_of(&store, head, of)))
        };
        let looked = tokio::task::spawn_blocking(look).await.map_err(unavailable)?;
        let sight = match looked.map_err(unavailable)? {
            (_, Ok(sight)) => sight,
            (true, Err(status)) if status.code() == tonic::Code::NotFound => {
                return Ok(Found::NoLeaf);
            }
            (false, Err(status)) if status.code() == tonic::Code::NotFound => {
                return Ok(Found::Nothing);
            }
            (_, Err(status)) => return Err(unavailable(status)),
        };
        let places = sight.places();
        let Some((_, place)) = places.into_iter().next() else { return Ok(Found::NoLeaf) };
        let signers = self.node.receipts().of(sight.header.height, organisations).await;
        let (head, proof) = (LogHead::of(&sight.header), Proof::Inclusion(place));
        let receipts = signers.map_err(unavailable)?.into_iter().map(|signer| {
            Receipt::new(&head, signer.delegation.says.key, signer.signature, proof.clone())
        });
        let receipts: Vec<Receipt> = receipts.collect();
        if receipts.is_empty() { Err(nobody_signs()) } else { Ok(Found::Receipts(receipts)) }
    }
}

fn nobody_signs() -> Problem {
    Problem::Unavailable("no receipt key signs this height".into())
}

fn no_leaf() -> Problem {
    Problem::Rejected(
        "the transaction made no entry; why is told to those whom it concerns, by signed reads"
            .into(),
    )
}

/// An answer with one receipt, of the media type that the client knows.
fn receipt_at(status: StatusCode, at: &str, receipt: &Receipt, asked: &HeaderMap) -> Response {
    let media = if accepts(asked, RECEIPT) { RECEIPT } else { COSE };
    let headers = [(header::CONTENT_TYPE, media), (header::LOCATION, at)];
    (status, headers, receipt.to_bytes()).into_response()
}

/// Whether a client names this media type as one that it takes.
fn accepts(asked: &HeaderMap, media: &str) -> bool {
    let lines = asked.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let mut names = lines.flat_map(|line| line.split(',')).filter_map(|one| one.split(';').next());
    names.any(|name| name.trim().eq_ignore_ascii_case(media))
}

/// The registration runs: the entry is, or will be, under the transaction's id.
fn see(status: StatusCode, id: &TxId) -> Response {
    let location = format!("/entries/{id}");
    let headers = [
        (header::LOCATION, location.as_str()),
        (header::RETRY_AFTER, RETRY_S),
        (header::CONTENT_TYPE, COSE),
    ];
    (status, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_named_by_number_or_transaction_and_by_nothing_else() {
        assert!(matches!(locator("0"), Ok(Ok(0))));
        assert!(matches!(locator(&"ab".repeat(32)), Ok(Err(TxId(id))) if id == [0xab; 32]));
        for bad in ["", "-1", "no", "18446744073709551616", &"ab".repeat(31)] {
            assert!(matches!(locator(bad), Err(Problem::Locator)), "{bad}");
        }
    }

    #[test]
    fn media_types_are_told_apart_by_name_alone() {
        let mut asked = HeaderMap::new();
        assert!(!accepts(&asked, RECEIPT));
        asked.append(
            header::ACCEPT,
            "text/html, Application/SCITT-receipt+cose;q=1".parse().unwrap(),
        );
        assert!(accepts(&asked, RECEIPT) && !accepts(&asked, COSE));
        asked.append(header::ACCEPT, COSE.parse().unwrap());
        assert!(accepts(&asked, COSE));
    }

    #[test]
    fn fewer_receipts_than_asked_for_are_none() {
        assert!(matches!(enough(Vec::new(), 2), Err(Problem::Unavailable(_))));
        assert_eq!(organisations(None), Ok(2));
        assert_eq!(organisations(Some("organisations=3")), Ok(3));
        for bad in ["", "organisations=", "organisations=0", "organisations=65", "a=2"] {
            assert!(matches!(organisations(Some(bad)), Err(Problem::Malformed(_))), "{bad}");
        }
    }
}
