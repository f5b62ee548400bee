//! Packs of version 1: what the call `Anchor` made.

use super::Written;
use super::whole::not_sound;
use crate::cli::Failure;
use crate::cli::connect::Node;
use crate::cli::query::{read, write_new};
use crate::words::words;
use linli_proto::ProofResponse;
use linli_sdk::anchor::evidence_pack;
use linli_sdk::anchor::gather::files_of;
use linli_types::header::Header;
use linli_types::human;
use linli_types::id::TxId;
use linli_types::receipt::Receipt;
use linli_verify::statement::{self, Anchored};
use prost::Message;
use std::path::Path;

/// Fetches the proof of an anchoring and writes its pack; verified first if the genesis is given,
/// for files as the manifest lists them.
pub(super) async fn write(
    node: &Node,
    id: &TxId,
    manifest: &[u8],
    path: &Path,
    genesis: Option<&[u8]>,
) -> Result<Written, Failure> {
    let proof = node.client.proof(*id).await?;
    let bytes = evidence_pack(manifest, &proof)?.to_bytes();
    let written = written(&proof)?;
    if let Some(genesis) = genesis {
        let found = linli_verify::verify(&bytes, &files_of(manifest), genesis);
        found.map_err(|why| not_sound(&why))?;
    }
    write_new(path, &bytes)?;
    Ok(written)
}

/// What was anchored, as the receipt's event says it.
fn written(proof: &ProofResponse) -> Result<Written, Failure> {
    let header = read::<Header>(&proof.header, "header")?;
    let receipt = read::<Receipt>(&proof.receipt, "receipt")?;
    let event = receipt.events.iter().find(|e| e.kind == statement::EVENT);
    let said = event.and_then(|e| Anchored::decode(e.data.as_slice()).ok());
    let said = said.ok_or_else(|| {
        Failure::refused(
            "NOT_ANCHORED",
            words!("该交易没有存证任何内容", "the transaction anchored nothing"),
            words!(
                "用 linli evidence receipt 查看回执",
                "see its receipt with `linli evidence receipt`"
            ),
        )
    })?;
    let statement = statement::id(&said.statement);
    Ok(Written {
        evidence: human::write(human::Kind::Evidence, &statement.0),
        statement,
        leaf: said.leaf,
        height: header.height.0,
        time_ms: header.time.0,
        beside: None,
    })
}
