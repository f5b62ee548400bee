//! The gate before a service whose answers have no end.

use super::*;
use crate::access::tests::genesis;
use crate::listen::From;
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
    gate_with(requests_max, Arc::default())
}

fn gate_with(requests_max: usize, rates: Arc<Rates>) -> Gate<Endless> {
    let mut genesis = genesis();
    for (principal, n) in genesis.principals.iter_mut().zip([1, 2]) {
        principal.key = key(n).public();
    }
    let readers = Arc::new(Readers::new(CHAIN, &genesis));
    Gate::new(Endless, readers, Arc::new(Zip215), rates, requests_max)
}

fn request(path: &str, body: Body) -> http::Request<Body> {
    http::Request::builder().uri(path).body(body).unwrap()
}

/// A request from the address that ends with `last`.
fn request_from(last: u8, path: &str, body: Body) -> http::Request<Body> {
    let mut request = request(path, body);
    request.extensions_mut().insert(From(IpAddr::from([192, 0, 2, last])));
    request
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
    assert_eq!(code_of(&mut gate, request_from(1, SUBMIT, empty())), Some(Code::Busy));
    // Reads have places of their own.
    assert_eq!(code_of(&mut gate, read(1, empty())), None);
    drop(first);
    assert_eq!(code_of(&mut gate, request(SUBMIT, empty())), None);
}

#[tokio::test]
async fn submission_streams_are_bounded() {
    let mut gate = gate(100_000);
    let open = |gate: &mut Gate<Endless>, last: u8| {
        ask(gate, request_from(last, SUBMIT_STREAM, never())).unwrap()
    };
    let all = limits::SUBMIT_STREAMS_MAX;
    let mut streams: Vec<_> = (0..all).map(|n| open(&mut gate, (n % 4) as u8)).collect();
    assert!(streams.iter().all(|(_, code)| code.is_none()));
    assert_eq!(open(&mut gate, 9).1, Some(Code::Busy));
    streams.pop();
    assert_eq!(open(&mut gate, 9).1, None);
}

#[tokio::test]
async fn an_address_holds_no_more_than_its_share_of_the_submissions() {
    let mut gate = gate(8);
    let share = 8 * limits::ADDRESS_REQUESTS_PERCENT_MAX / 100;
    let submit = |gate: &mut Gate<Endless>, last| ask(gate, request_from(last, SUBMIT, empty()));
    let mut held: Vec<_> = (0..share).map(|_| submit(&mut gate, 1).unwrap()).collect();
    assert!(held.iter().all(|(_, code)| code.is_none()));
    assert_eq!(submit(&mut gate, 1).unwrap().1, Some(Code::Busy));
    assert_eq!(submit(&mut gate, 2).unwrap().1, None);
    held.pop();
    assert_eq!(submit(&mut gate, 1).unwrap().1, None);
    let share = limits::SUBMIT_STREAMS_MAX * limits::ADDRESS_REQUESTS_PERCENT_MAX / 100;
    let open = |gate: &mut Gate<Endless>| ask(gate, request_from(3, SUBMIT_STREAM, never()));
    let streams: Vec<_> = (0..=share).map(|_| open(&mut gate).unwrap()).collect();
    assert_eq!(streams[share - 1].1, None);
    assert_eq!(streams[share].1, Some(Code::Busy));
}

#[tokio::test]
async fn whoever_reads_too_often_is_told_when_to_ask_again() {
    let slow = crate::bucket::Rate { per_s: 1, burst: 2 };
    let settings = crate::rates::Settings { reads_per_key: slow, ..Default::default() };
    let rates = Rates::new(&settings, |_| None, Arc::default());
    let mut gate = gate_with(100, Arc::new(rates));
    // A header that does not hold costs the key that it names nothing.
    for _ in 0..10 {
        let mut forged = read(1, empty());
        *forged.uri_mut() = "/linli.v1.Ledger/Query".parse().unwrap();
        assert_eq!(code_of(&mut gate, forged), Some(Code::ReadUnsigned));
    }
    assert_eq!(code_of(&mut gate, read(1, empty())), None);
    assert_eq!(code_of(&mut gate, read(1, empty())), None);
    // However slow this machine is: it asks more than once a second.
    let limited = |body: fn() -> Body, gate: &mut Gate<Endless>| {
        let asked = (0..20).map(|_| ask(gate, read(1, body())).and_then(|(_, code)| code));
        asked.filter(|code| *code == Some(Code::RateLimited)).count()
    };
    assert!(limited(empty, &mut gate) > 0);
    // Not even its body is waited for.
    assert!(limited(never, &mut gate) > 0);
    assert_eq!(code_of(&mut gate, read(2, empty())), None);
}

#[tokio::test]
async fn an_address_that_proves_nobody_is_not_heard_for_a_while() {
    let slow = crate::bucket::Rate { per_s: 1, burst: 2 };
    let settings = crate::rates::Settings { unproved_per_address: slow, ..Default::default() };
    let rates = Arc::new(Rates::new(&settings, |_| None, Arc::default()));
    let mut gate = gate_with(100, rates.clone());
    assert_eq!(code_of(&mut gate, request_from(1, SUBMIT, empty())), None);
    rates.unproved(IpAddr::from([192, 0, 2, 1]), 2);
    for path in [SUBMIT, SUBMIT_STREAM] {
        let refused = code_of(&mut gate, request_from(1, path, never()));
        assert_eq!(refused, Some(Code::RateLimited), "{path}");
        assert!(ask(&mut gate, request_from(2, path, empty())).is_some());
    }
    assert_eq!(code_of(&mut gate, read(1, empty())), None, "reads prove their key");
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
