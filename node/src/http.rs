//! `/healthz` and `/metrics` over plain HTTP, for supervisors and Prometheus; beside them SCRAPI
//! (`scrapi`), the evidence log's own pages (`log`) for witnesses, and `/verify` for people.
//!
//! It holds no data of the chain beyond heights, counts, headers and digests. Its connections are
//! few and short: whoever asks again opens another.

mod log;

use crate::checkpoints::Checkpoints;
use crate::counters::Counters;
use crate::handle::NodeHandle;
use crate::listen::{Patience, Places};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use linli_types::code::Code;
use linli_types::limits;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use serde_json::json;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const HTML: &str = "text/html; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves until `stop` is ready.
///
/// # Errors
///
/// The transport cannot go on.
pub async fn serve(
    node: NodeHandle,
    checkpoints: Arc<Checkpoints>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Numbers { node: node.clone() }));
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .route("/verify", get(page))
        .merge(log::routes())
        .with_state(Shared { node: node.clone(), checkpoints, registry: Arc::new(registry) })
        .merge(crate::scrapi::routes(node));
    let whole = Patience::Whole(Duration::from_millis(limits::HTTP_CONNECTION_MS_MAX));
    let places = Places::new(listener, limits::HTTP_CONNECTIONS_MAX, whole);
    axum::serve(places, routes).with_graceful_shutdown(stop).await
}

#[derive(Clone)]
struct Shared {
    node: NodeHandle,
    checkpoints: Arc<Checkpoints>,
    registry: Arc<Registry>,
}

/// 200 while the node takes part; 503 when it stops or has stopped.
async fn healthz(State(shared): State<Shared>) -> Response {
    let status = shared.node.status();
    let code = match status.not_accepting {
        Some(Code::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    };
    let body = json!({
        "name": status.name,
        "chain": status.head.chain.to_string(),
        "height": status.head.height.0,
        "state_root": status.head.state_root.to_string(),
        "peers": status.peers,
        "accepting": status.accepting(),
        "not_accepting": status.not_accepting.map(Code::name),
    });
    (code, Json(body)).into_response()
}

/// The page that verifies packs in a browser: it holds nothing of this node.
async fn page() -> Response {
    ([(header::CONTENT_TYPE, HTML)], linli_browser::PAGE).into_response()
}

async fn metrics(State(shared): State<Shared>) -> Response {
    let mut text = String::new();
    match text::encode(&mut text, &shared.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What the node counts, in Prometheus' words.
struct Numbers {
    node: NodeHandle,
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Numbers")
    }
}

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let status = self.node.status();
        let gauges = [
            ("block_time_ms", "Time of the last committed block", status.head.time.0),
            ("log_leaves", "Leaves of the evidence log", status.head.log_size),
            ("timer_lag_ms", "How long the next timer has been due", status.timer_lag_ms),
        ];
        for (name, help, value) in gauges {
            gauge(&mut encoder, name, help, value)?;
        }
        counters(&mut encoder, &self.node.counters())
    }
}

fn counters(encoder: &mut DescriptorEncoder<'_>, counters: &Counters) -> fmt::Result {
    for (name, help, counts_up, value) in counters.all() {
        let help = help.trim_end_matches('.');
        if counts_up {
            let name = format!("linli_node_{name}");
            let metric = encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        } else {
            gauge(encoder, name, help, value)?;
        }
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let name = format!("linli_node_{name}");
    let metric = encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?;
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)
}
