//! The gate before the Ledger service: limits, read headers, the access table.
//!
//! A read header signs the request's exact bytes, so the gate takes the first message off the
//! wire, checks header and table, and hands the same bytes on with the [`Reader`] beside them.
//! It decides nothing about single accounts: that is the method's business.
//!
//! # Invariants
//!
//! - **B1 until the end.** A request holds its place until its answer is out, a stream's last
//!   message included.
//! - **B2 apart.** Submissions take no place from reads, and no key holds more than its share, nor
//!   any address more than its share of the submissions, which name nobody yet.
//! - **B3 no bytes of strangers.** A read's body is taken only for a key that may read, never more
//!   of it than a request may have, and not for long.
//! - **B4 not too often.** Whoever asks more often than their rate is told when to ask again.

use super::logged::RequestDigest;
use super::shares::{Share, Shares};
use super::{came_from, now, status};
use crate::access::{Guard, Reader, Readers, Scopes, guard};
use crate::rates::{Rates, network};
use http_body_util::BodyExt as _;
use linli_sdk::read_header;
use linli_types::code::Code;
use linli_types::digest;
use linli_types::id::PublicKey;
use linli_types::limits;
use linli_types::receipt::{Param, Refusal};
use linli_types::signature::Verify;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;
use tonic::codegen::{Body as _, BoxFuture, Context, Poll, Service, http};
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;

/// Bytes of one request that is no stream: a transaction, or a query's arguments and its keys.
pub const REQUEST_BYTES_MAX: usize = 256 * 1024;
/// The one method whose request is a stream.
const SUBMIT_STREAM: &str = "/linli.v1.Ledger/SubmitStream";
/// gRPC puts one byte of flags and four of length before each message.
const FRAME_HEAD: usize = 5;

/// The gate before a service.
#[derive(Clone)]
pub struct Gate<S> {
    inner: S,
    rules: Arc<Rules>,
}

struct Rules {
    readers: Arc<Readers>,
    verify: Arc<dyn Verify>,
    reads: Arc<Semaphore>,
    submissions: Arc<Semaphore>,
    submit_streams: Arc<Semaphore>,
    shares: Shares<PublicKey>,
    submission_shares: Shares<IpAddr>,
    stream_shares: Shares<IpAddr>,
    rates: Arc<Rates>,
    /// How long a request's body may take.
    patience: Duration,
}

/// What a request holds until its answer is out (B1).
struct Place {
    _place: OwnedSemaphorePermit,
    _key: Option<Share<PublicKey>>,
    _address: Option<Share<IpAddr>>,
}

impl<S> Gate<S> {
    /// Guards `inner`; at most `requests_max` submissions and as many reads are served at once.
    pub fn new(
        inner: S,
        readers: Arc<Readers>,
        verify: Arc<dyn Verify>,
        rates: Arc<Rates>,
        requests_max: usize,
    ) -> Self {
        let places = |most| Arc::new(Semaphore::new(most));
        let share = requests_max.saturating_mul(limits::READER_REQUESTS_PERCENT_MAX) / 100;
        let of_address = |all: usize| {
            Shares::new(all.saturating_mul(limits::ADDRESS_REQUESTS_PERCENT_MAX) / 100)
        };
        let rules = Rules {
            readers,
            verify,
            reads: places(requests_max),
            submissions: places(requests_max),
            submit_streams: places(limits::SUBMIT_STREAMS_MAX),
            shares: Shares::new(share),
            submission_shares: of_address(requests_max),
            stream_shares: of_address(limits::SUBMIT_STREAMS_MAX),
            rates,
            patience: Duration::from_millis(limits::REQUEST_BODY_MS_MAX),
        };
        Self { inner, rules: Arc::new(rules) }
    }
}

impl<S: NamedService> NamedService for Gate<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Gate<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let rules = self.rules.clone();
        Box::pin(async move {
            match rules.admit(request).await {
                Ok((request, place)) => {
                    let answer = ready.call(request).await?;
                    Ok(answer.map(|body| held(body, place)))
                }
                Err(refusal) => Ok(status(&refusal).into_http()),
            }
        })
    }
}

impl Rules {
    /// The request as it may go on, with its reader, and the place it holds.
    async fn admit(
        &self,
        request: http::Request<Body>,
    ) -> Result<(http::Request<Body>, Place), Refusal> {
        let path = request.uri().path().to_owned();
        match guard(&path) {
            None => Err(Code::ReadDenied.refuse([])),
            Some(Guard::Open) if path == SUBMIT_STREAM => {
                let from = came_from(request.extensions());
                let place = self.place_of(from, &self.submit_streams, &self.stream_shares)?;
                Ok((request, place))
            }
            Some(Guard::Open) => {
                let from = came_from(request.extensions());
                let place = self.place_of(from, &self.submissions, &self.submission_shares)?;
                let (parts, body) = request.into_parts();
                let frame = collect(body, self.patience).await?;
                Ok((http::Request::from_parts(parts, full(frame)), place))
            }
            Some(Guard::Read(scopes)) => self.admit_read(&path, &scopes, request).await,
        }
    }

    /// A place for a submission, which names nobody before its signature is checked.
    fn place_of(
        &self,
        from: IpAddr,
        places: &Arc<Semaphore>,
        shares: &Shares<IpAddr>,
    ) -> Result<Place, Refusal> {
        self.rates.may_submit(from)?; // B4
        let address = shares.take(network(from)).ok_or_else(busy)?; // B2
        Ok(Place { _place: place(places)?, _key: None, _address: Some(address) })
    }

    async fn admit_read(
        &self,
        path: &str,
        scopes: &Scopes,
        request: http::Request<Body>,
    ) -> Result<(http::Request<Body>, Place), Refusal> {
        let (parts, body) = request.into_parts();
        let metadata = MetadataMap::from_headers(parts.headers.clone());
        let header = metadata.get_bin(read_header::METADATA_KEY);
        let header = header.and_then(|value| value.to_bytes().ok());
        let key = read_header::claimed(header.as_deref())?;
        self.known(&key, scopes)?; // B3
        self.rates.may_read(&key)?; // B4
        let place = place(&self.reads)?;
        let frame = collect(body, self.patience).await?;
        let asked = message(&frame)?;
        let reader = self.reader(path, scopes, header.as_deref(), asked)?;
        let digest = RequestDigest(digest::plain(asked));
        // Only now is the key proved: nobody uses up another's share or rate.
        let share = self.shares.take(key).ok_or_else(busy)?; // B2
        self.rates.read(&key)?; // B4
        let mut request = http::Request::from_parts(parts, full(frame));
        request.extensions_mut().insert(reader);
        request.extensions_mut().insert(digest);
        Ok((request, Place { _place: place, _key: Some(share), _address: None }))
    }

    fn reader(
        &self,
        path: &str,
        scopes: &Scopes,
        header: Option<&[u8]>,
        message: &[u8],
    ) -> Result<Reader, Refusal> {
        let chain = &self.readers.chain;
        let key = read_header::check(chain, header, path, message, now(), &*self.verify)?;
        self.known(&key, scopes)
    }

    /// The reader with this key, if they are registered and may see anything here.
    fn known(&self, key: &PublicKey, scopes: &Scopes) -> Result<Reader, Refusal> {
        if !self.readers.knows(key) {
            return Err(Code::UnknownSender.refuse([]));
        }
        self.readers.reader(key, scopes).ok_or_else(|| Code::ReadDenied.refuse([]))
    }
}

fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    places.clone().try_acquire_owned().map_err(|_| busy())
}

/// The body, with what its request holds until its end (B1).
fn held(body: Body, place: Place) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _until_the_end = &place;
        frame
    }))
}

/// The whole body: one framed message, as every method but one takes (B3).
async fn collect(body: Body, patience: Duration) -> Result<Vec<u8>, Refusal> {
    let collected = tokio::time::timeout(patience, collect_all(body)).await;
    collected.unwrap_or_else(|_| Err(malformed()))
}

async fn collect_all(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| malformed())?;
        let Ok(data) = frame.into_data() else { continue };
        let found = bytes.len().saturating_add(data.len());
        if found > REQUEST_BYTES_MAX {
            let number = |n: usize| Param::Number(n as u64);
            let what = Param::Word("request".into());
            return Err(Code::TooLarge.refuse([what, number(found), number(REQUEST_BYTES_MAX)]));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// The message in its frame: uncompressed, exactly one.
fn message(frame: &[u8]) -> Result<&[u8], Refusal> {
    let (head, message) = frame.split_at_checked(FRAME_HEAD).ok_or_else(malformed)?;
    let [0, a, b, c, d] = *head else { return Err(malformed()) };
    let length = u32::from_be_bytes([a, b, c, d]);
    if usize::try_from(length) == Ok(message.len()) { Ok(message) } else { Err(malformed()) }
}

fn malformed() -> Refusal {
    Code::Malformed.refuse([Param::Word("request".into())])
}

fn busy() -> Refusal {
    Code::Busy.refuse([])
}

fn full(bytes: Vec<u8>) -> Body {
    Body::new(http_body_util::Full::new(tonic::codegen::Bytes::from(bytes)))
}

const _: () = assert!(REQUEST_BYTES_MAX > limits::ARGUMENT_BYTES_MAX + 1024);
const _: () = assert!(REQUEST_BYTES_MAX > limits::TRANSACTION_BYTES_MAX + 1024);

#[cfg(test)]
mod tests;
