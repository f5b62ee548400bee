//! Packs from a node's proofs, and `linli evidence receipt | pack`.
//!
//! A pack is verified before it is written when the genesis is at hand: a node that hands out a
//! proof that does not hold is found here, not in court.

use super::cose::Cose;
use crate::cli::connect::{Connect, Node, refusal};
use crate::cli::query::{read, write_new};
use crate::cli::{Exit, Failure, Output, Trace, block_on, genesis, taken, unreadable, unwritable};
use crate::words::words;
use linli_proto::{ProofResponse, ReceiptResponse};
use linli_sdk::anchor::{evidence_pack, receipt_pack};
use linli_sdk::receipt::to_json;
use linli_types::code::Lang;
use linli_types::header::Header;
use linli_types::human;
use linli_types::id::{Digest, TxId};
use linli_types::receipt::{Outcome, Receipt as NativeReceipt};
use linli_verify::manifest::Listed;
use linli_verify::statement::{self, Anchored};
use linli_verify::{FileDigests, Manifest};
use prost::Message;
use serde::{Deserialize, Serialize};
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

/// What an anchoring leaves until its pack is written: without the manifest's salt nothing could
/// be proved later.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    /// The transaction, in hexadecimal.
    pub(super) transaction: String,
    /// The manifest's exact bytes, in hexadecimal.
    pub(super) manifest: String,
    /// The file anchored, as it was named.
    pub(super) file: PathBuf,
    /// Where the pack goes: absolute, for whoever finishes it may stand in another folder.
    pub(super) pack: PathBuf,
}

impl Pending {
    pub(super) fn new(
        id: &TxId,
        manifest: &[u8],
        file: &Path,
        pack: &Path,
    ) -> std::io::Result<Self> {
        Ok(Self {
            transaction: id.to_string(),
            manifest: hex::encode(manifest),
            file: file.to_owned(),
            pack: std::path::absolute(pack)?,
        })
    }
}

/// What was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) evidence: String,
    pub(super) statement: Digest,
    pub(super) leaf: u64,
    pub(super) height: u64,
    pub(super) time_ms: u64,
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
        let text =
            std::fs::read_to_string(&self.pending).map_err(|e| unreadable(&self.pending, &e))?;
        let pending: Pending =
            serde_json::from_str(&text).map_err(|e| no_pending(&self.pending, &e))?;
        let bad = |e: &dyn std::fmt::Display| no_pending(&self.pending, e);
        let id: TxId = pending.transaction.parse().map_err(|e| bad(&e))?;
        let manifest = hex::decode(&pending.manifest).map_err(|e| bad(&e))?;
        if pending.pack.exists() {
            let shown = self.pending.display();
            return Err(taken(&pending.pack).advising(words!(
                "证据包已写好：请用 linli verify 验证，然后删除 {shown}",
                "the pack is written: check it with `linli verify`, then remove {shown}"
            )));
        }
        let genesis = match self.connect.genesis() {
            Some(path) => Some(genesis::read(path)?.2),
            None => None,
        };
        let written = block_on(async {
            let node = self.connect.open().await?;
            write_pack(&node, &id, &manifest, &pending.pack, genesis.as_deref()).await
        })?;
        std::fs::remove_file(&self.pending).map_err(|e| unwritable(&self.pending, &e))?;
        say(&pending.file, &pending.pack, &id, &written, out);
        Ok(())
    }
}

fn no_pending(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    let path = path.display();
    Failure::usage(
        words!("{path} 不是 .pending 文件：{why}", "{path} is no .pending file: {why}"),
        words!(
            "请给出 linli evidence anchor 留下的文件",
            "name the file that `linli evidence anchor` left"
        ),
    )
}

/// One line or object about a file that is anchored.
pub(super) fn say(file: &Path, pack: &Path, id: &TxId, written: &Written, out: &mut Output) {
    let (file_shown, pack_shown) = (file.display(), pack.display());
    let (evidence, height, leaf) = (&written.evidence, written.height, written.leaf);
    let json = json!({
        "file": file, "pack": pack, "evidence": evidence, "transaction": id.to_string(),
        "statement": written.statement.to_string(), "leaf": leaf, "height": height,
        "block_time_ms": written.time_ms,
    });
    let text = words!(
        "已存证　{file_shown}　编号 {evidence}　区块 {height}　证据包 {pack_shown}",
        "anchored  {file_shown}  {evidence}  block {height}  pack {pack_shown}"
    );
    out.answer(&json, &text);
}

/// Fetches the proof of an anchoring and writes its pack; verified first if the genesis is given,
/// for files as the manifest lists them.
pub(super) async fn write_pack(
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
        linli_verify::verify(&bytes, &listed(manifest), genesis).map_err(|why| {
            let (zh, en) = (why.text(Lang::Zh), why.text(Lang::En));
            Failure::broken(
                words!("节点给出的证明不成立：{zh}", "the node's proof does not hold: {en}"),
                words!(
                    "请换一个节点，并通知其运维人员",
                    "use another node and tell this one's administrator"
                ),
            )
        })?;
    }
    write_new(path, &bytes)?;
    Ok(written)
}

/// The files of a manifest; none if it cannot be read, which the verifier then says.
fn listed(manifest: &[u8]) -> Vec<FileDigests> {
    let files = Manifest::from_bytes(manifest).map(|manifest| manifest.files).unwrap_or_default();
    let digests = |file: Listed| FileDigests {
        name: file.name,
        size: file.size,
        sha256: file.sha256,
        sm3: file.sm3,
    };
    files.into_iter().map(digests).collect()
}

/// What was anchored, as the receipt's event says it.
fn written(proof: &ProofResponse) -> Result<Written, Failure> {
    let header = read::<Header>(&proof.header, "header")?;
    let receipt = read::<NativeReceipt>(&proof.receipt, "receipt")?;
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_pack_is_found_from_any_folder() {
        let (file, pack) = (Path::new("a.pdf"), Path::new("packs/a.pdf.linli"));
        let pending = Pending::new(&TxId([1; 32]), b"{}", file, pack).unwrap();
        let wanted = std::env::current_dir().unwrap().join(pack);
        assert_eq!((pending.file.as_path(), pending.pack), (file, wanted));
    }
}
