//! The gate before a service whose answers have no end.

use super::*;
use crate::access::tests::genesis;
use futures::FutureExt;
use futures::stream::pending;
use http_body_util::StreamBody;
use linli_sdk::SecretKey;
use linli_types::id::ChainId;
use linli_types::signature::Zip215;
use std::future::{Ready, ready};

const CHAIN: ChainId = ChainId([7; 32]);
const SUBMIT: &str = "/linli.v1.Ledger/Submit";
const STATUS: &str = "/linli.v1.Ledger/GetStatus";
/// An empty message in its frame.
const EMPTY: [u8; FRAME_HEAD] = [0; FRAME_HEAD];

#[derive(Clone)]
struct Endless;

impl Service<http::Request<Body>> for Endless {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        ready(Ok(http::Response::new(never())))
    }
}

/// A body that does not come.
fn never() -> Body {
    let body = StreamBody::new(pending());
    Body::new(body.map_err(|why: Infallible| -> tonic::Status { match why {} }))
}

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32])
}

/// A gate that serves `requests_max` at once and knows the keys 1 and 2.
fn gate(requests_max: usize) -> Gate<Endless> {
    let mut genesis = genesis();
    for (principal, n) in genesis.principals.iter_mut().zip([1, 2]) {
        principal.key = key(n).public();
    }
    let readers = Arc::new(Readers::new(CHAIN, &genesis));
    Gate::new(Endless, readers, Arc::new(Zip215), requests_max)
}

fn request(path: &str, body: Body) -> http::Request<Body> {
    http::Request::builder().uri(path).body(body).unwrap()
}

/// A read by key `n`, signed for an empty message.
fn read(n: u8, body: Body) -> http::Request<Body> {
    let header = read_header::sign(&key(n), &CHAIN, STATUS, &[], now());
    let mut metadata = MetadataMap::new();
    let value = tonic::metadata::MetadataValue::from_bytes(&header);
    metadata.insert_bin(read_header::METADATA_KEY, value);
    let mut request = request(STATUS, body);
    *request.headers_mut() = metadata.into_headers();
    request
}

fn empty() -> Body {
    full(EMPTY.to_vec())
}

/// The answer, if it comes at once, and its code.
fn ask(
    gate: &mut Gate<Endless>,
    request: http::Request<Body>,
) -> Option<(http::Response<Body>, Option<Code>)> {
    let answer = gate.call(request).now_or_never()?.unwrap();
    let code = answer.headers().get("linli-code").map(|value| value.to_str().unwrap());
    let code = code.and_then(|number| Code::from_number(number.parse().unwrap()));
    Some((answer, code))
}

fn code_of(gate: &mut Gate<Endless>, request: http::Request<Body>) -> Option<Code> {
    ask(gate, request).expect("it is answered at once").1
}

#[tokio::test]
async fn a_request_holds_its_place_until_its_answer_is_out() {
    let mut gate = gate(1);
    let (first, code) = ask(&mut gate, request(SUBMIT, empty())).unwrap();
    assert_eq!(code, None);
    assert_eq!(code_of(&mut gate, request(SUBMIT, empty())), Some(Code::Busy));
    // Reads have places of their own.
    assert_eq!(code_of(&mut gate, read(1, empty())), None);
    drop(first);
    assert_eq!(code_of(&mut gate, request(SUBMIT, empty())), None);
}

#[tokio::test]
async fn submission_streams_are_bounded() {
    let mut gate = gate(100_000);
    let open = |gate: &mut Gate<Endless>| ask(gate, request(SUBMIT_STREAM, never())).unwrap();
    let mut streams: Vec<_> = (0..limits::SUBMIT_STREAMS_MAX).map(|_| open(&mut gate)).collect();
    assert!(streams.iter().all(|(_, code)| code.is_none()));
    assert_eq!(open(&mut gate).1, Some(Code::Busy));
    streams.pop();
    assert_eq!(open(&mut gate).1, None);
}

#[tokio::test]
async fn a_body_is_taken_only_for_a_key_that_may_read() {
    let mut gate = gate(8);
    assert_eq!(code_of(&mut gate, read(99, never())), Some(Code::UnknownSender));
    let mut junk = request(STATUS, never());
    junk.headers_mut().insert(read_header::METADATA_KEY, "anything".parse().unwrap());
    assert_eq!(code_of(&mut gate, junk), Some(Code::ReadUnsigned));
    assert_eq!(code_of(&mut gate, request(STATUS, never())), Some(Code::ReadUnsigned));
    // A reader's own body is waited for.
    assert!(ask(&mut gate, read(1, never())).is_none());
}

#[tokio::test]
async fn a_key_holds_no_more_than_its_share() {
    let mut gate = gate(8);
    let share = 8 * limits::READER_REQUESTS_PERCENT_MAX / 100;
    let mut held: Vec<_> = (0..share).map(|_| ask(&mut gate, read(1, empty())).unwrap()).collect();
    assert!(held.iter().all(|(_, code)| code.is_none()));
    assert_eq!(code_of(&mut gate, read(1, empty())), Some(Code::Busy));
    assert_eq!(code_of(&mut gate, read(2, empty())), None);
    held.pop();
    assert_eq!(code_of(&mut gate, read(1, empty())), None);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_does_not_come_is_refused() {
    let mut gate = gate(8);
    let large = full(vec![0; REQUEST_BYTES_MAX + 1]);
    assert_eq!(code_of(&mut gate, request(SUBMIT, large)), Some(Code::TooLarge));
    let slow = collect(never(), Duration::ZERO).await;
    assert_eq!(slow.unwrap_err().code, Code::Malformed.number());
}

#[test]
fn one_plain_frame_is_a_message() {
    assert_eq!(message(&[0, 0, 0, 0, 2, 7, 8]), Ok(&[7, 8][..]));
    assert_eq!(message(&[0, 0, 0, 0, 0]), Ok(&[][..]));
}

#[test]
fn compressed_cut_or_double_frames_are_refused() {
    for frame in [
        &[1, 0, 0, 0, 1, 7][..],
        &[0, 0, 0, 0, 2, 7],
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0],
        &[],
    ] {
        assert!(message(frame).is_err(), "{frame:?}");
    }
}
