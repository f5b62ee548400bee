//! GetLater: what shows that a leaf was there by a time: a time-stamp token over a later block, and
//! a later checkpoint that witnesses cosigned. None of it is about a person.

use super::block::{damaged, not_found};
use super::{Api, aside, broken, sets};
use crate::checkpoints::Checkpoints;
use crate::stamping::Stamps;
use crate::storage::RocksStore;
use linli_proto as wire;
use linli_runtime::log::leaf_path;
use linli_runtime::{load_block, load_certificate};
use std::sync::Arc;
use tonic::Status;

/// What a node keeps beside the chain for those who prove a time.
#[derive(Clone)]
pub(crate) struct Later {
    pub(crate) stamps: Arc<Stamps>,
    pub(crate) checkpoints: Arc<Checkpoints>,
}

impl Api {
    /// The same, serving what was obtained from authorities and witnesses.
    #[must_use]
    pub(crate) fn with_later(mut self, later: Later) -> Self {
        self.later = Some(later);
        self
    }

    pub(super) async fn later(
        &self,
        request: wire::LaterRequest,
    ) -> Result<wire::LaterResponse, Status> {
        let Some(later) = self.later.clone() else { return Ok(wire::LaterResponse::default()) };
        let (store, leaf) = (self.node.store(), request.leaf);
        if leaf >= self.node.head().borrow().log_size {
            return Err(not_found("leaf"));
        }
        aside(move || {
            Ok(wire::LaterResponse {
                stamp: stamp(&store, &later.stamps, leaf)?,
                checkpoint: checkpoint(&store, &later.checkpoints, leaf)?,
            })
        })
        .await
    }
}

fn stamp(store: &RocksStore, stamps: &Stamps, leaf: u64) -> Result<Option<wire::Stamp>, Status> {
    let Some((height, token)) = stamps.find(leaf) else { return Ok(None) };
    let missing = || damaged("a stamped block that is missing");
    let header = load_block(store, height).map_err(broken)?.ok_or_else(missing)?.header;
    let certificate = load_certificate(store, height).map_err(broken)?.ok_or_else(missing)?;
    Ok(Some(wire::Stamp {
        header: header.to_bytes(),
        certificate: linli_types::encode(&certificate),
        set_changes: sets::changes(store, height)?,
        size: header.log_size,
        path: path(store, leaf, header.log_size)?,
        token,
    }))
}

fn checkpoint(
    store: &RocksStore,
    checkpoints: &Checkpoints,
    leaf: u64,
) -> Result<Option<wire::CosignedCheckpoint>, Status> {
    let Some((size, note)) = checkpoints.cosigned(leaf) else { return Ok(None) };
    Ok(Some(wire::CosignedCheckpoint {
        witnesses: checkpoints.signers(&note),
        note: note.to_string(),
        size,
        path: path(store, leaf, size)?,
    }))
}

fn path(store: &RocksStore, leaf: u64, size: u64) -> Result<Vec<Vec<u8>>, Status> {
    let nodes = leaf_path(store, leaf, size).map_err(broken)?;
    let nodes = nodes.ok_or_else(|| damaged("a path to nothing"))?;
    Ok(nodes.iter().map(|node| node.0.to_vec()).collect())
}
