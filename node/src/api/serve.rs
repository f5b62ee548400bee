//! The listening side of gRPC: which services, which limits, how it stops.

use super::{Api, BATCH_BYTES_MAX, Gate};
use crate::config::Config;
use crate::counters::Counters;
use crate::listen::{Patience, Places};
use crate::tls::{Tls, Wire};
use futures::{Stream, StreamExt, stream};
use linli_proto::ledger_server::LedgerServer;
use linli_types::limits;
use linli_types::signature::Verify;
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic_health::ServingStatus;

/// A silent client is asked this often whether it lives.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long it may take to say so.
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// Streams that a client may open and reset before its connection is closed (rapid reset).
const PENDING_RESETS_MAX: usize = 20;
/// Bytes of the headers of one request.
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Bytes on the way to us, per stream and per connection.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The API stopped by itself: the transport broke.
#[derive(Debug, thiserror::Error)]
#[error("the API stopped: {0}")]
pub struct ApiStopped(String);

/// Serves the API, health and, on loopback, reflection, until `stop` is ready; over TLS if a pair is
/// given, and then nothing else is understood. Open requests then
/// get the configured grace. Health turns red as soon as the node is about to stop.
///
/// # Errors
///
/// [`ApiStopped`] if the transport cannot go on.
pub async fn serve(
    api: Api,
    verify: Arc<dyn Verify>,
    config: &Config,
    tls: Option<Tls>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ApiStopped> {
    let loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let (readers, node) = (api.readers(), api.node.clone());
    let (rates, counters) = (node.rates(), node.counters());
    let ledger = LedgerServer::new(api)
        .max_decoding_message_size(BATCH_BYTES_MAX)
        .max_encoding_message_size(usize::MAX);
    let ledger = Gate::new(ledger, readers, verify, rates, config.api.requests_max);
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<LedgerServer<Api>>().await;
    let tell_health = async move {
        node.closing().await;
        reporter.set_not_serving::<LedgerServer<Api>>().await;
        reporter.set_service_status("", ServingStatus::NotServing).await;
        std::future::pending().await
    };
    let reflection = if loopback { Some(reflection()?) } else { None };
    let silence = Patience::UntilHeard(Duration::from_millis(limits::SILENCE_MS_MAX));
    let places = Places::new(listener, config.api.connections_max, silence);
    let most = config.api.connections_max;
    let incoming = incoming(places, tls.clone(), counters.clone(), most);
    let watch = async move {
        match tls {
            Some(tls) => tls.watch(counters).await,
            None => std::future::pending().await,
        }
    };
    let serving = Server::builder()
        .timeout(Duration::from_millis(config.timeouts.request_ms))
        .max_concurrent_streams(config.api.streams_per_connection_max)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .add_service(ledger)
        .add_service(health)
        .add_optional_service(reflection)
        .serve_with_incoming_shutdown(incoming, stop);
    let served = tokio::select! {
        served = serving => served,
        never = tell_health => never,
        () = watch => Ok(()),
    };
    served.map_err(|e| ApiStopped(e.to_string()))
}

/// Connections as they are ready to be served. A handshake that is slow holds up no other: as many
/// are under way as there may be connections.
fn incoming(
    places: Places,
    tls: Option<Tls>,
    counters: Arc<Counters>,
    most: usize,
) -> impl Stream<Item = io::Result<Wire>> {
    let held = stream::unfold(places, |mut places| async {
        let (held, _) = places.next().await;
        Some((held, places))
    });
    let shaken = held.map(move |held| {
        let tls = tls.clone();
        async move {
            match tls {
                Some(tls) => tls.accept(held).await,
                None => Ok(Wire::Plain(held)),
            }
        }
    });
    shaken.buffer_unordered(most).filter_map(move |wire| {
        if let Err(why) = &wire {
            counters.tls_failures.add(1);
            tracing::debug!(%why, "tls.handshake");
        }
        ready(wire.ok().map(Ok))
    })
}

/// Names services and messages to tools; holds no data of the chain.
fn reflection() -> Result<
    tonic_reflection::server::v1::ServerReflectionServer<
        impl tonic_reflection::server::v1::ServerReflection,
    >,
    ApiStopped,
> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(linli_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|e| ApiStopped(e.to_string()))
}
