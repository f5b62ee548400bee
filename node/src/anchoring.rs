//! Anchors the head of this node's access log on the ledger, so that not even the node can write its
//! log anew: an ordinary evidence transaction of a principal's, through the node's own submit path.
//!
//! What it leaves in the log's folder is the head and an evidence pack; whoever lists the log gets
//! both and verifies them offline.
//!
//! # Invariants
//!
//! - **H1 durable.** Only heads over synced entries are anchored.
//! - **H2 patient.** A failure is logged and tried again; it stops nothing.

use crate::api::proof_of;
use crate::handle::NodeHandle;
use linli_proto::ProofResponse;
use linli_replica::Submitted;
use linli_sdk::access_log::SignedHead;
use linli_sdk::anchor::{KINDS, ROOM, evidence_pack, request};
use linli_sdk::manifest::Prepared;
use linli_sdk::{Draft, Schema, SecretKey, Service, Signed, clock, key};
use linli_types::code::Code;
use linli_types::id::{Digest, PrincipalId};
use linli_types::receipt::{Outcome, Receipt};
use linli_verify::manifest::Listed;
use linli_verify::{FileDigests, Manifest};
use serde_json::{Value, json};
use std::fmt::Display;
use std::time::Duration;

/// What the log is, for the evidence contract.
const KIND: &str = "SYSTEM_LOG";
/// Longest pause before a failed anchoring is tried again.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// In whose name, and how often.
pub(crate) struct Anchor {
    /// The principal's key.
    pub(crate) key: SecretKey,
    /// The principal.
    pub(crate) principal: PrincipalId,
    /// Time between two anchorings.
    pub(crate) every: Duration,
}

/// Why an own transaction did not take effect.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotSettled(String);

pub(crate) fn not(why: impl Display) -> NotSettled {
    NotSettled(why.to_string())
}

/// Anchors until the node stops.
pub(crate) async fn run(node: NodeHandle, anchor: Anchor) {
    loop {
        let pause = match anchor.once(&node).await {
            Ok(()) => anchor.every,
            Err(why) => {
                tracing::warn!(%why, "access_log.anchor: tried again later"); // H2
                anchor.every.min(RETRY_MAX)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = node.closing() => return,
        }
    }
}

impl Anchor {
    /// Anchors the head if it has changed since the last time.
    async fn once(&self, node: &NodeHandle) -> Result<(), NotSettled> {
        let log = node.access_log();
        let now = clock::now().map_err(not)?;
        let head = log.head(now); // H1
        let anchored = log.anchored().and_then(|(head, _)| borsh::from_slice(&head).ok());
        let before = anchored.map_or(0, |SignedHead { head, .. }| head.count);
        if head.head.count <= before {
            return Ok(());
        }
        let bytes = linli_types::encode(&head);
        let prepared = prepare(&head, &bytes, now.0)?;
        let number = self.number(node).await?;
        let kind =
            KINDS.iter().position(|kind| *kind == KIND).and_then(|at| i32::try_from(at).ok());
        let kind = kind.ok_or_else(|| not("no such kind"))?;
        let draft = Draft::new().anchor(&request(&prepared, self.principal, number, kind));
        let chain = node.status().head.chain;
        let signed = draft.sign(&self.key, &chain, self.principal).map_err(not)?;
        let proof = settle(node, signed).await?;
        let pack = evidence_pack(&prepared.bytes, &proof).map_err(not)?.to_bytes();
        log.keep_anchored(&bytes, &pack).map_err(not)?;
        node.counters().access_anchors.add(1);
        let count = head.head.count;
        tracing::info!(count, number, "access_log.anchor");
        Ok(())
    }

    /// The principal's lowest number that is not used.
    async fn number(&self, node: &NodeHandle) -> Result<u64, NotSettled> {
        let me = self.principal;
        let asked = node.inspect(move |ledger, store| {
            let schema =
                ledger.schema(ROOM).ok_or_else(|| not("this chain anchors no evidence"))?;
            let schema = Schema::new(ROOM, schema).map_err(not)?;
            let args = json!({ "source": me.to_string() });
            let args = schema.request(Service::Queries, "Gaps", &args).map_err(not)?;
            let answer = ledger.query(store, ROOM, "Gaps", &args, me).map_err(not)?;
            let answer = answer.map_err(|why| not(format!("refused with code {}", why.code)))?;
            schema.response(Service::Queries, "Gaps", &answer.result).map_err(not)
        });
        let answer: Value = asked.await.map_err(not)??;
        let open = answer.get("open").and_then(Value::as_str).and_then(|open| open.parse().ok());
        open.ok_or_else(|| not("the contract names no open number"))
    }
}

/// The head as a file with a manifest of its own.
fn prepare(head: &SignedHead, bytes: &[u8], captured_at: u64) -> Result<Prepared, NotSettled> {
    let FileDigests { name, size, sha256, sm3 } = FileDigests::of(head.file_name(), bytes);
    let media = "application/octet-stream".to_owned();
    let files = vec![Listed { media, name, sha256, size, sm3 }];
    let salt = Digest(key::random().map_err(not)?);
    let manifest = Manifest { captured_at, device: None, files, order: None, platform: None, salt };
    manifest.check().map_err(|why| not(why.en))?;
    Ok(Prepared { bytes: manifest.to_bytes(), manifest })
}

/// Hands the transaction in as any client would, and waits for its block.
pub(crate) async fn settle(node: &NodeHandle, signed: Signed) -> Result<ProofResponse, NotSettled> {
    let Signed { id, valid_until, raw, .. } = signed;
    match node.submit_one(raw).await.1 {
        Submitted::Pooled | Submitted::Exists { .. } => {}
        Submitted::Refused(why) => {
            let name = Code::from_number(why.code).map_or("a contract's code", Code::name);
            return Err(not(format!("the transaction is refused: {name}")));
        }
    }
    let mut head = node.head();
    loop {
        let store = node.store();
        let found = tokio::task::spawn_blocking(move || proof_of(&store, &id)).await;
        if let Some(proof) = found.map_err(not)?.map_err(|status| not(status.message()))? {
            return done(proof);
        }
        if head.borrow_and_update().time > valid_until {
            return Err(not("no block took it while it was valid"));
        }
        tokio::select! {
            changed = head.changed() => changed.map_err(not)?,
            () = node.closing() => return Err(not("the node stops")),
        }
    }
}

fn done(proof: ProofResponse) -> Result<ProofResponse, NotSettled> {
    let receipt: Receipt = borsh::from_slice(&proof.receipt).map_err(not)?;
    match &receipt.outcome {
        Outcome::Refused { refusal, .. } => {
            Err(not(format!("refused by {} with code {}", refusal.room, refusal.code)))
        }
        Outcome::Done => Ok(proof),
    }
}
