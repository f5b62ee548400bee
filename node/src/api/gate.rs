//! The gate before the Ledger service: limits, read headers, the access table.
//!
//! A read header signs the request's exact bytes, so the gate takes the first message off the
//! wire, checks header and table, and hands the same bytes on with the [`Reader`] beside them.
//! It decides nothing about single accounts: that is the method's business.

use super::{now, status};
use crate::access::{Guard, Reader, Readers, Scopes, guard};
use linli_sdk::read_header;
use linli_types::code::Code;
use linli_types::limits;
use linli_types::receipt::{Param, Refusal};
use linli_types::signature::Verify;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::codegen::{Body as _, BoxFuture, Context, Poll, Service, http};
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;

/// Bytes of one read request: a query's arguments and its keys.
pub const READ_REQUEST_BYTES_MAX: usize = 256 * 1024;
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
    places: Arc<Semaphore>,
}

impl<S> Gate<S> {
    /// Guards `inner`; at most `requests_max` are served at once.
    pub fn new(
        inner: S,
        readers: Arc<Readers>,
        verify: Arc<dyn Verify>,
        requests_max: usize,
    ) -> Self {
        let places = Arc::new(Semaphore::new(requests_max));
        Self { inner, rules: Arc::new(Rules { readers, verify, places }) }
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
            let Ok(_place) = rules.places.try_acquire() else {
                return Ok(status(&Code::Busy.refuse([])).into_http());
            };
            match rules.admit(request).await {
                Ok(request) => ready.call(request).await,
                Err(refusal) => Ok(status(&refusal).into_http()),
            }
        })
    }
}

impl Rules {
    /// The request as it may go on, with its reader.
    async fn admit(&self, request: http::Request<Body>) -> Result<http::Request<Body>, Refusal> {
        let path = request.uri().path().to_owned();
        match guard(&path) {
            None => Err(Code::ReadDenied.refuse([])),
            Some(Guard::Open) => Ok(request),
            Some(Guard::Read(scopes)) => self.admit_read(&path, &scopes, request).await,
        }
    }

    async fn admit_read(
        &self,
        path: &str,
        scopes: &Scopes,
        request: http::Request<Body>,
    ) -> Result<http::Request<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        let metadata = MetadataMap::from_headers(parts.headers.clone());
        let header = metadata.get_bin(read_header::METADATA_KEY);
        let header = header.and_then(|value| value.to_bytes().ok());
        if header.is_none() {
            // Nobody's bytes are collected for an unsigned read.
            return Err(Code::ReadUnsigned.refuse([Param::Word("missing".into())]));
        }
        let frame = collect(body).await?;
        let reader = self.reader(path, scopes, header.as_deref(), message(&frame)?)?;
        let mut request = http::Request::from_parts(parts, full(frame));
        request.extensions_mut().insert(reader);
        Ok(request)
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
        if !self.readers.knows(&key) {
            return Err(Code::UnknownSender.refuse([]));
        }
        self.readers.reader(&key, scopes).ok_or_else(|| Code::ReadDenied.refuse([]))
    }
}

/// The whole body: one framed message, as every guarded method takes.
async fn collect(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| malformed())?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len().saturating_add(data.len()) > READ_REQUEST_BYTES_MAX {
            let (found, most) = (bytes.len().saturating_add(data.len()), READ_REQUEST_BYTES_MAX);
            let number = |n: usize| Param::Number(n as u64);
            let what = Param::Word("request".into());
            return Err(Code::TooLarge.refuse([what, number(found), number(most)]));
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

fn full(bytes: Vec<u8>) -> Body {
    Body::new(http_body_util::Full::new(tonic::codegen::Bytes::from(bytes)))
}

const _: () = assert!(READ_REQUEST_BYTES_MAX > limits::ARGUMENT_BYTES_MAX + 1024);

#[cfg(test)]
mod tests {
    use super::*;

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
}
