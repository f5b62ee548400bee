//! The keys that sign receipts, and who the service is.

use super::Service;
use super::problem::{Problem, unavailable};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use linli_types::id::{PrincipalId, PublicKey};
use linli_types::store::Broken;
use linli_types::wire::log as wire;
use linli_verify::cose::service::{self, CBOR};
use prost::Message as _;
use std::collections::BTreeSet;

/// The keys that the validators of the next block sign with.
pub(super) async fn all(State(service): State<Service>) -> Result<Response, Problem> {
    let keys = known(&service).await?;
    let holding: Vec<PublicKey> =
        keys.iter().filter(|(_, now)| *now).map(|(key, _)| *key).collect();
    Ok(([(header::CONTENT_TYPE, CBOR)], service::key_set(&holding)).into_response())
}

/// One key. Receipts outlive their keys, so those of before are found as well.
pub(super) async fn one(
    State(service): State<Service>,
    Path(kid): Path<String>,
) -> Result<Response, Problem> {
    let keys = known(&service).await?;
    let named = |(key, _): &&(PublicKey, bool)| base64url(&key.0) == kid || key.to_string() == kid;
    let (key, _) = keys.iter().find(named).ok_or(Problem::NoKey)?;
    Ok(([(header::CONTENT_TYPE, CBOR)], service::key(key)).into_response())
}

/// Issuer and endpoints. The draft dropped this page: the keys are at a place of their own.
pub(super) async fn configuration(State(service): State<Service>) -> Response {
    let chain = service.node.head().borrow().chain;
    let headers = [
        (header::CONTENT_TYPE, CBOR),
        (header::LINK, "</.well-known/scitt-keys>; rel=\"successor-version\""),
    ];
    (headers, service::configuration(&chain)).into_response()
}

/// Every receipt key that was ever set, and whether it is that of a validator of the next block.
async fn known(service: &Service) -> Result<BTreeSet<(PublicKey, bool)>, Problem> {
    let asked = service.node.inspect(|ledger, store| {
        let ask = |validator: Vec<u8>| {
            let args = wire::ReceiptKeysRequest { validator }.encode_to_vec();
            let answer = ledger.query(store, "log", "ReceiptKeys", &args, PrincipalId([0; 16]))?;
            let answer = answer.map_err(|why| Broken(format!("the receipt keys: {}", why.code)))?;
            let rows = wire::ReceiptKeysResponse::decode(answer.result.as_slice());
            rows.map(|rows| rows.keys).map_err(|e| Broken(format!("the receipt keys: {e}")))
        };
        let mut keys = BTreeSet::new();
        for holding in ask(Vec::new())? {
            keys.extend(key_of(&holding).map(|key| (key, holding.validates)));
            // Without what was replaced no row has a number above 1.
            let past = if holding.number > 1 { ask(holding.validator)? } else { Vec::new() };
            let past = past.iter().filter(|row| row.number < holding.number);
            keys.extend(past.filter_map(key_of).map(|key| (key, false)));
        }
        Ok::<_, Broken>(keys)
    });
    asked.await.map_err(unavailable)?.map_err(|Broken(why)| unavailable(why))
}

fn key_of(row: &wire::ReceiptKey) -> Option<PublicKey> {
    PublicKey::from_slice(&row.key)
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
}
