//! Anchoring: the evidence contract's request, the number it goes under, and the pack made from a
//! node's proof.
//!
//! The messages are those of `contracts/evidence/evidence.proto`; tests compare them with it.
//! What comes from a node is copied into the pack unbelieved: `linli-verify` judges it.

pub mod gather;
mod later;
pub mod register;
pub mod sign;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::manifest::Prepared;
use borsh::BorshDeserialize;
use linli_proto::{Entry, ProofResponse, QueryRequest, QueryResponse};
use linli_types::certificate::Certificate;
use linli_types::header::Header;
use linli_types::id::{Digest, PrincipalId, Signature};
use linli_types::receipt::{Event, Receipt};
use linli_types::state_proof::StateProof;
use linli_types::validator::ValidatorSet;
use linli_types::wire::SignedTransaction;
use linli_verify::file;
use linli_verify::pack::{
    BlockProof, LogPlace, ProvedEntry, ReceiptPlace, SetChange, TransactionPlace,
};
use linli_verify::statement::{self, Anchored};
use linli_verify::{Contents, Detail, Pack, said};
use prost::Message;

/// The contract's room.
pub const ROOM: &str = statement::ROOM;
/// The call that anchors.
pub const METHOD: &str = "Anchor";
/// The query that tells a source's bookkeeping.
const GAPS: &str = "Gaps";
/// What a proof must hold, for people.
const CERTIFICATE: (&str, &str) = ("共识证书", "certificate");

/// Anchors one manifest of the sender.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct AnchorRequest {
    /// Whose evidence, 16 bytes; for now the sender itself.
    #[prost(bytes = "vec", tag = "1")]
    pub source: Vec<u8>,
    /// The source's own count, from 1 without holes.
    #[prost(uint64, tag = "2")]
    pub number: u64,
    /// What it is; see [`KINDS`].
    #[prost(int32, tag = "3")]
    pub kind: i32,
    /// SHA-256 of the manifest's exact bytes.
    #[prost(bytes = "vec", tag = "4")]
    pub manifest_sha256: Vec<u8>,
    /// SM3 of the manifest's exact bytes.
    #[prost(bytes = "vec", tag = "5")]
    pub manifest_sm3: Vec<u8>,
    /// Bytes of all files.
    #[prost(uint64, tag = "6")]
    pub size: u64,
    /// Media type, at most 64 bytes.
    #[prost(string, tag = "7")]
    pub media: String,
    /// When it was captured, milliseconds since 1970 UTC.
    #[prost(uint64, tag = "8")]
    pub captured_at_ms: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct GapsRequest {
    #[prost(bytes = "vec", tag = "1")]
    source: Vec<u8>,
}

/// The part of the answer that anchoring needs.
#[derive(Clone, PartialEq, Eq, Message)]
struct GapsResponse {
    #[prost(uint64, tag = "1")]
    open: u64,
    #[prost(uint64, tag = "2")]
    highest: u64,
}

/// Where a source's numbers stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The lowest that it has not used.
    pub open: u64,
    /// The highest that it has used; 0 for none.
    pub highest: u64,
}

/// The names of the contract's kinds of evidence; the place is the number.
pub const KINDS: [&str; 12] = [
    "KIND_UNSPECIFIED",
    "CHECK_IN",
    "CHECK_OUT",
    "PHOTO_SET",
    "AUDIO",
    "FORM",
    "SENSOR_ROOT",
    "SCORE",
    "RECEIPT",
    "CONTRACT_DOC",
    "SYSTEM_LOG",
    "EXTERNAL",
];

/// The request that anchors prepared files under `number`; `kind` is a place in [`KINDS`].
pub fn request(prepared: &Prepared, source: PrincipalId, number: u64, kind: i32) -> AnchorRequest {
    let (sha256, sm3) = file::both(&prepared.bytes);
    let media = prepared.manifest.files.first().map(|f| f.media.clone()).unwrap_or_default();
    AnchorRequest {
        source: source.0.to_vec(),
        number,
        kind,
        manifest_sha256: sha256.0.to_vec(),
        manifest_sm3: sm3.0.to_vec(),
        size: prepared.manifest.size().unwrap_or(u64::MAX),
        media,
        captured_at_ms: prepared.manifest.captured_at,
    }
}

/// The lowest number that a source has not used, as the node says.
///
/// # Errors
///
/// Refused, no answer, or one that cannot be read.
pub async fn lowest_open(client: &Client, source: PrincipalId) -> Result<u64, Error> {
    Ok(numbers(client, source).await?.open)
}

/// Where a source's numbers stand, as the node says.
///
/// # Errors
///
/// Refused, no answer, or one that cannot be read.
pub async fn numbers(client: &Client, source: PrincipalId) -> Result<Numbers, Error> {
    let args = GapsRequest { source: source.0.to_vec() }.encode_to_vec();
    let (room, query) = (ROOM.into(), GAPS.into());
    let answer =
        client.query(QueryRequest { room, query, args, ..QueryRequest::default() }).await?;
    let unread = |_| {
        let (zh, en) = ("节点给出的序号无法理解", "the node's answer about numbers is unreadable");
        Error::new(ErrorKind::BadAnswer, zh, en)
    };
    let GapsResponse { open, highest } =
        GapsResponse::decode(answer.result.as_slice()).map_err(unread)?;
    Ok(Numbers { open: open.max(1), highest })
}

/// The evidence pack of a manifest, from a node's proof of the transaction that anchored it.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`] if the proof is not one, or does not anchor this manifest.
pub fn evidence_pack(manifest: &[u8], proof: &ProofResponse) -> Result<Pack<'static>, Error> {
    let receipt = receipt_place(proof)?;
    let (sha256, sm3) = file::both(manifest);
    let anchors = |said: &Anchored| {
        statement::Statement::decode(said.statement.as_slice())
            .is_ok_and(|s| s.manifest_sha256 == sha256.0 && s.manifest_sm3 == sm3.0)
    };
    let is_word = |e: &&Event| e.room == statement::ROOM && e.kind == statement::EVENT;
    let events = receipt.receipt.events.iter().filter(is_word);
    let said = events.filter_map(|e| Anchored::decode(e.data.as_slice()).ok()).find(anchors);
    let said =
        said.ok_or_else(|| bad("回执存证的是另一份清单", "the receipt anchors another manifest"))?;
    if !proof.has_leaf || proof.leaf_index != said.leaf {
        return Err(bad("证明的是另一号叶", "the proof is of another leaf"));
    }
    let transaction = transaction_place(proof)?.ok_or_else(|| bad("没有交易", "no transaction"))?;
    let block = block_proof(proof)?;
    let log =
        LogPlace { leaf: said.leaf, size: block.header.log_size, path: path(&proof.leaf_path)? };
    let contents = Contents::Evidence {
        manifest: manifest.to_vec(),
        statement: said.statement,
        log,
        transaction,
        receipt,
    };
    Ok(Pack::new(&contents, &block))
}

/// The pack of a receipt, from a node's proof.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`] if the proof is not one.
pub fn receipt_pack(proof: &ProofResponse) -> Result<Pack<'static>, Error> {
    let (transaction, receipt) = (transaction_place(proof)?, receipt_place(proof)?);
    Ok(Pack::new(&Contents::Receipt { transaction, receipt }, &block_proof(proof)?))
}

/// How the validators of the genesis became those of a proof's block, as a node says.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`] if it cannot be read.
pub fn set_changes(changes: &[linli_proto::SetChange]) -> Result<Vec<SetChange>, Error> {
    let change = |c: &linli_proto::SetChange| {
        Ok(SetChange {
            header: header(&c.header)?,
            certificate: read::<Certificate>(&c.certificate, CERTIFICATE)?,
            next: read::<ValidatorSet>(&c.next_validators, ("验证者", "validators"))?,
        })
    };
    changes.iter().map(change).collect()
}

fn block_proof(proof: &ProofResponse) -> Result<BlockProof, Error> {
    block_proof_of(&proof.header, &proof.certificate, &proof.set_changes)
}

fn block_proof_of(
    block: &[u8],
    certificate: &[u8],
    sets: &[linli_proto::SetChange],
) -> Result<BlockProof, Error> {
    Ok(BlockProof {
        header: header(block)?,
        certificate: read(certificate, CERTIFICATE)?,
        sets: set_changes(sets)?,
    })
}

/// The block and the proved entries of an answer with proofs, as a node says.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`] if it cannot be read.
pub fn proved(answer: &QueryResponse) -> Result<(BlockProof, Vec<ProvedEntry>), Error> {
    let block = block_proof_of(&answer.header, &answer.certificate, &answer.set_changes)?;
    let entry = |entry: &Entry| {
        let value = entry.present.then(|| entry.value.clone());
        let proof = read::<StateProof>(&entry.proof, ("条目证明", "proof"))?;
        Ok(ProvedEntry { key: entry.key.clone(), value, proof })
    };
    let entries = answer.entries.iter().map(entry).collect::<Result<_, Error>>()?;
    Ok((block, entries))
}

fn transaction_place(proof: &ProofResponse) -> Result<Option<TransactionPlace>, Error> {
    if proof.transaction.is_empty() {
        return Ok(None);
    }
    let no = || bad("没有交易", "no transaction");
    let signed = SignedTransaction::decode(proof.transaction.as_slice()).map_err(|_| no())?;
    Ok(Some(TransactionPlace {
        body: signed.body,
        signature: Signature::from_slice(&signed.signature).ok_or_else(no)?,
        index: proof.body_index,
        count: proof.body_count,
        path: path(&proof.body_path)?,
    }))
}

fn receipt_place(proof: &ProofResponse) -> Result<ReceiptPlace, Error> {
    Ok(ReceiptPlace {
        receipt: read::<Receipt>(&proof.receipt, ("回执", "receipt"))?,
        index: proof.index,
        count: proof.count,
        path: path(&proof.receipt_path)?,
    })
}

fn header(bytes: &[u8]) -> Result<Header, Error> {
    let unread = |why| {
        let Detail { zh, en } = said::header(&why);
        bad(&zh, &en)
    };
    Header::from_bytes(bytes).map_err(unread)
}

fn path(nodes: &[Vec<u8>]) -> Result<Vec<Digest>, Error> {
    let node = |n: &Vec<u8>| Digest::from_slice(n).ok_or_else(|| bad("没有摘要", "no digest"));
    nodes.iter().map(node).collect()
}

fn read<T: BorshDeserialize>(bytes: &[u8], (zh, en): (&str, &str)) -> Result<T, Error> {
    T::try_from_slice(bytes).map_err(|_| bad(&format!("没有{zh}"), &format!("no {en}")))
}

fn bad(zh: &str, en: &str) -> Error {
    Error::new(
        ErrorKind::BadAnswer,
        format!("节点给出的证明不可用：{zh}"),
        format!("the node's proof is unusable: {en}"),
    )
}

#[cfg(test)]
pub(crate) mod tests;
