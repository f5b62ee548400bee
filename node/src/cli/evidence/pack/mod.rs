//! Packs from a node's proofs, and `linli evidence receipt | pack`.
//!
//! A pack is verified before it is written: a node that hands out a proof that does not hold is found
//! here, not in court.

mod first;
pub(super) mod inside;
mod pending;
mod renew;
mod whole;

pub(super) use pending::Pending;
pub(super) use renew::Renew;
pub(super) use whole::{chain_genesis, seal, write};

use super::cose::Cose;
use crate::cli::connect::{Connect, refusal};
use crate::cli::query::{read, write_new};
use crate::cli::{Exit, Failure, Output, Trace, block_on, genesis, taken, unwritable};
use crate::words::words;
use linli_proto::ReceiptResponse;
use linli_sdk::anchor::receipt_pack;
use linli_sdk::cose::Leaves;
use linli_sdk::receipt::to_json;
use linli_types::id::{Digest, TxId};
use linli_types::receipt::{Outcome, Receipt as NativeReceipt};
use pending::Left;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Shows a transaction's receipt.
#[derive(clap::Args)]
pub(super) struct Receipt {
    #[command(flatten)]
    connect: Connect,
    /// The transaction, in hexadecimal.
    #[arg(value_name = "TRANSACTION", required_unless_present = "cose")]
    transaction: Option<TxId>,
    #[command(flatten)]
    cose: Cose,
    /// Writes the receipt with its proof to a new file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the pack of an anchoring that was interrupted.
#[derive(clap::Args)]
pub(super) struct Finish {
    #[command(flatten)]
    connect: Connect,
    /// The .pending file that the interrupted anchoring left.
    #[arg(value_name = "PENDING")]
    pending: PathBuf,
}

/// What was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) evidence: String,
    pub(super) statement: Digest,
    pub(super) leaf: u64,
    pub(super) height: u64,
    pub(super) time_ms: u64,
    /// What version 2 has beside it.
    pub(super) beside: Option<Beside>,
}

/// What stands beside the proof in a pack of version 2.
#[derive(Clone, Debug)]
pub(super) struct Beside {
    pub(super) number: u64,
    pub(super) organisations: usize,
    pub(super) token: bool,
    pub(super) checkpoint: bool,
    pub(super) policy: bool,
}

impl Receipt {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let id = match self.transaction {
            Some(id) if !self.cose.is_asked() => id,
            transaction => return self.cose.run(&self.connect, transaction, self.out, out),
        };
        let (answer, receipt, refusal) = block_on(self.fetch(id))?;
        let (height, index) = (answer.height, answer.index);
        let done = receipt.is_done();
        let json = json!({
            "transaction": id.to_string(), "height": height, "index": index,
            "outcome": if done { "done" } else { "refused" },
            "block_time_ms": answer.block_time_ms, "receipt": to_json(&receipt, |_| None),
            "pack": self.out,
        });
        let text = match done {
            true => {
                words!("已办理　区块 {height} 第 {index} 位", "done  block {height}, place {index}")
            }
            false => words!(
                "被拒绝　区块 {height} 第 {index} 位",
                "refused  block {height}, place {index}"
            ),
        };
        out.answer(&json, &text);
        if let Some(refusal) = refusal {
            out.explain(&refusal);
        }
        Ok(())
    }

    /// The receipt, why it was refused if it was, and its pack on disk if asked for.
    async fn fetch(
        &self,
        id: TxId,
    ) -> Result<(ReceiptResponse, NativeReceipt, Option<Failure>), Failure> {
        let node = self.connect.open().await?;
        let answer = node.client.receipt(id, 0).await?;
        if !answer.found {
            return Err(not_yet(id));
        }
        if let Some(path) = &self.out {
            let proof = node.client.proof(id).await?;
            write_new(path, &receipt_pack(&proof)?.to_bytes())?;
        }
        let receipt = read::<NativeReceipt>(&answer.receipt, "receipt")?;
        let room = match &receipt.outcome {
            Outcome::Refused { refusal, .. } if !refusal.room.is_empty() => Some(&refusal.room),
            _ => None,
        };
        let schema = match room {
            Some(room) => Some(node.client.schema(room).await?),
            None => None,
        };
        let refusal = refusal(&receipt, schema.as_ref());
        Ok((answer, receipt, refusal))
    }
}

fn not_yet(id: TxId) -> Failure {
    Failure::new(
        Exit::Broken,
        "NOT_FOUND",
        words!("还没有交易 {id} 的回执", "there is no receipt of {id} yet"),
        words!(
            "如已过有效期，则未办理；否则稍后再查",
            "past its validity it never happened; until then ask again"
        ),
    )
    .leaving(Trace::Unknown)
}

impl Finish {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (pending, id) = Pending::read(&self.pending)?;
        if pending.pack.exists() {
            let shown = self.pending.display();
            return Err(taken(&pending.pack).advising(words!(
                "证据包已写好：请用 linli verify 验证，然后删除 {shown}",
                "the pack is written: check it with `linli verify`, then remove {shown}"
            )));
        }
        let written = match pending.left(&self.pending)? {
            Left::First(manifest) => self.first(&id, &manifest, &pending)?,
            Left::Whole(kept) => block_on(async {
                let node = self.connect.open().await?;
                let genesis = chain_genesis(&self.connect, &node, out).await?;
                write(&node, Leaves::Of(id), &kept, &pending.pack, &genesis, out).await
            })?,
        };
        std::fs::remove_file(&self.pending).map_err(|e| unwritable(&self.pending, &e))?;
        written.say(&pending.file, &pending.pack, Some(&id), out);
        Ok(())
    }

    /// Of version 1: verified if the genesis is given.
    fn first(&self, id: &TxId, manifest: &[u8], pending: &Pending) -> Result<Written, Failure> {
        let genesis = match self.connect.genesis() {
            Some(path) => Some(genesis::read(path)?.2),
            None => None,
        };
        block_on(async {
            let node = self.connect.open().await?;
            first::write(&node, id, manifest, &pending.pack, genesis.as_deref()).await
        })
    }
}

impl Written {
    /// One line or object about a file that is anchored.
    pub(super) fn say(&self, file: &Path, pack: &Path, id: Option<&TxId>, out: &mut Output) {
        let (file_shown, pack_shown) = (file.display(), pack.display());
        let (evidence, height) = (&self.evidence, self.height);
        let mut json = json!({
            "file": file, "pack": pack, "evidence": evidence,
            "transaction": id.map(ToString::to_string), "statement": self.statement.to_string(),
            "leaf": self.leaf, "height": height, "block_time_ms": self.time_ms,
            "version": if self.beside.is_some() { 2 } else { 1 },
        });
        if let (Some(beside), Some(json)) = (&self.beside, json.as_object_mut()) {
            let Beside { number, organisations, token, checkpoint, policy } = beside;
            json.insert("number".into(), (*number).into());
            json.insert("organisations".into(), (*organisations).into());
            for (name, there) in [("token", token), ("checkpoint", checkpoint), ("policy", policy)]
            {
                json.insert(name.into(), (*there).into());
            }
        }
        let text = words!(
            "已存证　{file_shown}　编号 {evidence}　区块 {height}　证据包 {pack_shown}",
            "anchored  {file_shown}  {evidence}  block {height}  pack {pack_shown}"
        );
        out.answer(&json, &text);
    }
}
