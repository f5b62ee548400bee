//! `POST /entries`: a statement, and the transaction that registers it.

use super::problem::{Problem, unavailable};
use super::{Found, ORGANISATIONS, Service, accepts, enough, no_leaf, receipt_at, see};
use crate::handle::NodeHandle;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use linli_replica::Submitted;
use linli_sdk::receipt::words;
use linli_types::code::{Code, Lang};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{PublicKey, TxId};
use linli_types::limits::SCRAPI_WAIT_MS;
use linli_types::receipt::Refusal;
use linli_types::signature::Zip215;
use linli_types::store::Broken;
use linli_types::wire::{SignedTransaction, TransactionBody, identity as wire};
use linli_verify::cose::service::{self, COSE, Fault, REGISTRATION, STATEMENT};
use linli_verify::cose::statement::{self, Signed};
use prost::Message as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What a client is told that sends a statement alone (S1).
const ALONE: &str = "the node registers for no source (S1): put the signed transaction that \
    registers the statement into its unprotected header under \"linli\", as a byte string";

/// A statement with what registers it.
struct Registration {
    statement: Vec<u8>,
    transaction: Vec<u8>,
}

/// Takes a statement with the transaction that registers it, and answers with its receipt if it
/// stands soon, or says where it will be.
pub(super) async fn register(
    State(service): State<Service>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|why| match why.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        _ => Problem::Malformed(why.to_string()),
    })?;
    let asked = read(&headers, &body)?;
    let signed = check(&asked.statement)?;
    if !asked.transaction.windows(32).any(|bytes| bytes == signed.id().0) {
        let why = "the transaction does not name this statement";
        return Err(Problem::Unconfirmed(why.into()));
    }
    check_key(&service.node, &signed).await?;
    let until = valid_until(&asked.transaction);
    let id = submit(&service.node, asked.transaction).await?;
    service.running.add(id, until);
    let wanted = if accepts(&headers, STATEMENT) { ORGANISATIONS } else { 1 };
    match service.soon(id, wanted).await? {
        Found::Nothing => Ok(see(StatusCode::SEE_OTHER, &id)),
        Found::NoLeaf => Err(no_leaf()),
        Found::Receipts(receipts) => {
            let at = format!("/entries/{id}");
            match (receipts.first(), wanted) {
                (Some(receipt), 1) => Ok(receipt_at(StatusCode::CREATED, &at, receipt, &headers)),
                _ => {
                    let receipts = enough(receipts, wanted)?;
                    let body = service::transparent(&asked.statement, &receipts);
                    let body = body.map_err(|why| Problem::Malformed(why.to_string()))?;
                    let headers = [(header::CONTENT_TYPE, STATEMENT), (header::LOCATION, &at)];
                    Ok((StatusCode::CREATED, headers, body).into_response())
                }
            }
        }
    }
}

/// Both forms of a registration.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Registration, Problem> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok());
    let malformed = |why: linli_verify::cose::Bad| Problem::Malformed(why.to_string());
    match media.and_then(|media| media.split(';').next()).map(str::trim) {
        Some(COSE | STATEMENT) => {
            let read = service::read_registration(body);
            let (statement, transaction) = read.map_err(|why| match service::fault(body) {
                Fault::Malformed => malformed(why),
                fault => of_fault(fault),
            })?;
            let alone = || Problem::Unconfirmed(ALONE.into());
            let transaction = transaction.ok_or_else(alone)?.to_vec();
            Ok(Registration { statement, transaction })
        }
        Some(REGISTRATION) => {
            let read = service::read_registration_array(body).map_err(malformed)?;
            let (statement, transaction) = (read.0.to_vec(), read.1.to_vec());
            Ok(Registration { statement, transaction })
        }
        _ => Err(Problem::Media(format!("send {COSE}; {ALONE}"))),
    }
}

fn of_fault(fault: Fault) -> Problem {
    match fault {
        Fault::Algorithm => Problem::Algorithm,
        Fault::Payload => Problem::Payload,
        Fault::Malformed => Problem::Malformed("not a statement in its one spelling".into()),
    }
}

/// A statement of ours whose signature holds.
fn check(bytes: &[u8]) -> Result<Signed, Problem> {
    let signed = statement::parse(bytes).map_err(|_| of_fault(service::fault(bytes)))?;
    signed.check(&Zip215).map_err(|why| Problem::Unconfirmed(why.to_string()))?;
    Ok(signed)
}

/// Until when the transaction may come to stand; what cannot be read is refused when it is checked.
fn valid_until(transaction: &[u8]) -> TimeMs {
    let signed = SignedTransaction::decode(transaction).unwrap_or_default();
    let body = TransactionBody::decode(signed.body.as_slice()).unwrap_or_default();
    TimeMs(body.valid_until_ms)
}

/// Hands the transaction in like any other.
async fn submit(node: &NodeHandle, transaction: Vec<u8>) -> Result<TxId, Problem> {
    let (rates, from) = (node.rates(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    rates.may_submit(from).map_err(|why| refused(&why))?;
    match node.submit_one(transaction).await {
        (Some(id), Submitted::Pooled | Submitted::Exists { .. }) => Ok(id),
        (_, Submitted::Refused(why)) => {
            if crate::rates::is_unproved(why.code) {
                rates.unproved(from, 1);
            }
            Err(refused(&why))
        }
        (None, _) => Err(unavailable("a transaction without an id")),
    }
}

fn refused(why: &Refusal) -> Problem {
    let code = Code::from_number(why.code);
    let (name, text) = (code.map_or("REFUSED", Code::name), words(why, None, Lang::En).text);
    let said = format!("{name}: {text}");
    match code {
        Some(Code::RateLimited) => Problem::TooMany(said),
        Some(Code::Busy | Code::Unavailable) => Problem::Unavailable(said),
        _ => Problem::Rejected(said),
    }
}

impl Service {
    /// What became of a transaction, once it stands, or at the end of a short wait.
    async fn soon(&self, id: TxId, organisations: usize) -> Result<Found, Problem> {
        let until = Instant::now() + Duration::from_millis(SCRAPI_WAIT_MS);
        let mut head = self.node.head();
        loop {
            head.borrow_and_update();
            let found = self.find(Err(id), organisations).await?;
            let waits = matches!(found, Found::Nothing);
            if !waits || !matches!(timeout_at(until, head.changed()).await, Ok(Ok(()))) {
                return Ok(found);
            }
        }
    }
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
        Ok::<bool, Broken>(false)
    });
    match asked.await.map_err(unavailable)?.map_err(|Broken(why)| unavailable(why))? {
        true => Ok(()),
        false => {
            let why = "the statement's key is none in force of its source or device";
            Err(Problem::Unconfirmed(why.into()))
        }
    }
}

fn is_in_force(row: &wire::Key, key: &PublicKey, next: Height) -> bool {
    row.key == key.0
        && row.from_height <= next.0
        && (row.until_height == 0 || next.0 < row.until_height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_in_force_from_its_height_until_its_end() {
        let key = PublicKey([7; 32]);
        let row = wire::Key { key: key.0.to_vec(), from_height: 5, until_height: 8 };
        let at = |height| is_in_force(&row, &key, Height(height));
        assert_eq!([at(4), at(5), at(7), at(8)], [false, true, true, false]);
        assert!(!is_in_force(&row, &PublicKey([8; 32]), Height(6)));
    }

    #[test]
    fn each_fault_of_a_registration_has_its_own_name() {
        let read = |media: Option<&'static str>, body: &[u8]| {
            let mut headers = HeaderMap::new();
            if let Some(media) = media {
                headers.insert(header::CONTENT_TYPE, media.parse().unwrap());
            }
            super::read(&headers, body).err()
        };
        assert!(matches!(read(None, b""), Some(Problem::Media(_))));
        assert!(matches!(read(Some("text/plain"), b""), Some(Problem::Media(_))));
        assert!(matches!(read(Some(COSE), b""), Some(Problem::Malformed(_))));
        assert!(matches!(read(Some(REGISTRATION), b"\x81"), Some(Problem::Malformed(_))));
        // [{1: -7}, {}, nil, …]: another algorithm; {1: -8} without a payload; a statement alone.
        let other = b"\xd2\x84\x43\xa1\x01\x26\xa0\xf6\x41\x00";
        assert_eq!(read(Some("application/cose; q=1"), other), Some(Problem::Algorithm));
        let detached = b"\xd2\x84\x43\xa1\x01\x27\xa0\xf6\x41\x00";
        assert_eq!(read(Some(STATEMENT), detached), Some(Problem::Payload));
        let alone = [&b"\xd2\x84\x43\xa1\x01\x27\xa0\x41\x00\x58\x40"[..], &[0; 64]].concat();
        assert_eq!(read(Some(COSE), &alone), Some(Problem::Unconfirmed(ALONE.into())));
    }

    #[test]
    fn a_refusal_keeps_its_code_and_a_passing_one_says_so() {
        let said = |code: Code| refused(&code.refuse([]));
        assert!(
            matches!(said(Code::BadSignature), Problem::Rejected(why) if why.starts_with("BAD_SIGNATURE"))
        );
        assert!(matches!(said(Code::Busy), Problem::Unavailable(_)));
    }
}
