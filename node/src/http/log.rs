//! The evidence log over plain HTTP: checkpoints and what proves them, for witnesses and whoever
//! compares. Nothing here is about a person: headers, certificates, roots, digests of the tree.
//!
//! | page | answer |
//! |---|---|
//! | `GET /checkpoint` | the committed log as a signed note |
//! | `GET /checkpoint/cosigned` | the newest one that a witness cosigned |
//! | `GET /log/consistency/FROM/TO` | that one size is a prefix of another (RFC 9162) |
//! | `GET /log/state/FROM` | note, header, certificate, set changes, consistency: borsh |
//! | `POST /checkpoint/cosignature` | takes a cosigned note of a witness that this node knows |

use super::Shared;
use crate::api::sets_of;
use crate::checkpoints::{Checkpoints, NotTaken};
use crate::storage::RocksStore;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use linli_runtime::log::consistency;
use linli_runtime::{load_block, load_certificate};
use linli_sdk::witness::LogState;
use linli_types::height::Height;
use linli_types::id::Digest;
use linli_types::limits::NOTE_BYTES_MAX;
use linli_types::store::Broken;
use serde_json::json;
use std::sync::Arc;

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// The pages of the log.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/checkpoint/cosigned", get(cosigned))
        .route("/checkpoint/cosignature", post(cosignature))
        .route("/log/consistency/{from}/{to}", get(between))
        .route("/log/state/{from}", get(state))
        .layer(DefaultBodyLimit::max(NOTE_BYTES_MAX))
}

fn text(note: &impl ToString) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], note.to_string()).into_response()
}

fn none(what: &'static str) -> Response {
    (StatusCode::NOT_FOUND, what).into_response()
}

async fn checkpoint(State(shared): State<Shared>) -> Response {
    let head = shared.node.status().head;
    match shared.checkpoints.sign(head.log_size, head.log_root) {
        Some(note) => text(&note),
        None => none("this node has no key that signs checkpoints"),
    }
}

async fn cosigned(State(shared): State<Shared>) -> Response {
    match shared.checkpoints.cosigned(0) {
        Some((_, note)) => text(&note),
        None => none("no witness cosigned a checkpoint here"),
    }
}

async fn between(State(shared): State<Shared>, Path((from, to)): Path<(u64, u64)>) -> Response {
    let (store, size) = (shared.node.store(), shared.node.status().head.log_size);
    if to > size {
        return none("the log has no such size yet");
    }
    let proof = aside(move || consistency(&store, from, to)).await;
    match proof {
        Err(failed) => failed,
        Ok(None) => (StatusCode::BAD_REQUEST, "0 < from <= to").into_response(),
        Ok(Some(proof)) => {
            let proof: Vec<String> = proof.iter().map(Digest::to_string).collect();
            Json(json!({ "from": from, "to": to, "proof": proof })).into_response()
        }
    }
}

async fn state(State(shared): State<Shared>, Path(from): Path<u64>) -> Response {
    let (store, checkpoints) = (shared.node.store(), shared.checkpoints.clone());
    let height = shared.node.status().head.height;
    match aside(move || state_at(&store, &checkpoints, height, from)).await {
        Ok(Some(state)) => {
            ([(header::CONTENT_TYPE, BYTES)], linli_types::encode(&state)).into_response()
        }
        Ok(None) => none("no block was committed yet, or this node signs no checkpoints"),
        Err(failed) => failed,
    }
}

/// The state of a committed block: everything in it is of that one block.
fn state_at(
    store: &RocksStore,
    checkpoints: &Checkpoints,
    height: Height,
    from: u64,
) -> Result<Option<LogState>, Broken> {
    let Some(certificate) = load_certificate(store, height)? else { return Ok(None) };
    let Some(block) = load_block(store, height)? else { return Ok(None) };
    let header = block.header;
    let Some(note) = checkpoints.sign(header.log_size, header.log_root) else { return Ok(None) };
    // A witness that saw more than this node has gets no proof, and sees that we are behind.
    let consistency = consistency(store, from, header.log_size)?.unwrap_or_default();
    let (note, sets) = (note.to_string(), sets_of(store, height)?);
    Ok(Some(LogState { note, header, certificate, sets, consistency }))
}

async fn cosignature(State(shared): State<Shared>, body: Bytes) -> Response {
    let (store, checkpoints) = (shared.node.store(), shared.checkpoints.clone());
    let size = shared.node.status().head.log_size;
    let counters = shared.node.counters();
    let taken = aside(move || Ok(take(&checkpoints, &body, size, &store))).await;
    match taken {
        Err(failed) => failed,
        Ok(Ok(heard)) => {
            counters.checkpoints_cosigned.add(heard as u64);
            Json(json!({ "witnesses": heard })).into_response()
        }
        Ok(Err(why)) => {
            let status = match why {
                NotTaken::Note(_) => StatusCode::BAD_REQUEST,
                NotTaken::OtherLog => StatusCode::CONFLICT,
                NotTaken::Stranger => StatusCode::FORBIDDEN,
                NotTaken::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            tracing::warn!(%why, "http.cosignature.refuse");
            (status, why.to_string()).into_response()
        }
    }
}

fn take(
    checkpoints: &Arc<Checkpoints>,
    body: &[u8],
    size: u64,
    store: &RocksStore,
) -> Result<usize, NotTaken> {
    checkpoints.take(body, size, store)
}

/// Reads the store aside: it may wait for the disk.
async fn aside<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Broken> + Send + 'static,
) -> Result<T, Response> {
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(Broken(why))) => {
            tracing::error!(%why, "the store cannot be read");
            Err(StatusCode::SERVICE_UNAVAILABLE.into_response())
        }
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE.into_response()),
    }
}
