//! What came after a statement was registered: a token, a checkpoint, the policy that held, and what
//! became of the record.

use super::gather::{Proved, optional};
use super::{block_proof_of, proved};
use crate::client::Client;
use crate::error::Error;
use linli_proto::{CosignedCheckpoint, QueryRequest, Stamp};
use linli_types::delegation::{Delegation, ReceiptKey};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{ChainId, PublicKey, Signature};
use linli_types::limits::QUERY_ENTRIES_MAX;
use linli_verify::cose::statement;
use linli_verify::note::{self, Note};
use linli_verify::pack::{BlockProof, LogPlace, ProvedEntry};
use linli_verify::statement::{ROOM, record_key};
use linli_verify::whole::{CheckpointProof, LaterState, TokenProof};
use prost::Message;

/// The native rooms that are asked.
const POLICY: &str = "policy";
const LOG: &str = "log";
/// Two rooms are read one after the other: so often until both answers are of one block.
const TRIES: u32 = 8;

/// Which version of the policy was in force at a time.
#[derive(Clone, PartialEq, Eq, Message)]
struct AtRequest {
    #[prost(uint64, tag = "2")]
    time_ms: u64,
}

/// The part of the answer that is needed.
#[derive(Clone, PartialEq, Eq, Message)]
struct AtResponse {
    #[prost(uint32, tag = "1")]
    version: u32,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct KeysResponse {
    #[prost(message, repeated, tag = "1")]
    keys: Vec<KeyRow>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct KeyRow {
    #[prost(bytes = "vec", tag = "1")]
    validator: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    key: Vec<u8>,
    #[prost(uint64, tag = "3")]
    from_height: u64,
    #[prost(bytes = "vec", tag = "4")]
    signature: Vec<u8>,
}

impl KeyRow {
    fn delegation(&self, chain: ChainId) -> Option<Delegation> {
        let validator = PublicKey::from_slice(&self.validator)?;
        let key = PublicKey::from_slice(&self.key)?;
        let says = ReceiptKey { chain, validator, key, from_height: Height(self.from_height) };
        Some(Delegation { says, signature: Signature::from_slice(&self.signature)? })
    }
}

impl Client {
    /// Adds the token and the checkpoint that the node has, if they cover the leaves.
    pub(super) async fn add_later(&self, all: &mut [Proved]) -> Result<(), Error> {
        let mut keys = None;
        for one in all {
            let leaf = one.whole.log.leaf;
            let Some(later) = optional(self.later(leaf).await)? else { break };
            // They stand in the log's order: what does not cover one leaf covers none after it.
            if later.stamp.is_none() && later.checkpoint.is_none() {
                break;
            }
            if let Some((proof, block)) = later.stamp.and_then(|stamp| token(&stamp, leaf)) {
                one.reach(&block);
                one.whole.token.get_or_insert(proof); // an older one says more
            }
            let Some(cosigned) = later.checkpoint else { continue };
            if keys.is_none() {
                keys = Some(self.receipt_keys().await?);
            }
            let known = keys.iter().flatten().chain(one.whole.receipts.iter().map(|(_, d)| d));
            let known: Vec<Delegation> = known.copied().collect();
            if let Some(found) = checkpoint(&cosigned, leaf, self.chain(), &known) {
                one.take_checkpoint(found);
            }
        }
        Ok(())
    }

    /// The receipt keys that stand on the ledger.
    async fn receipt_keys(&self) -> Result<Vec<Delegation>, Error> {
        let (room, query) = (LOG.into(), "ReceiptKeys".into());
        let asked = self.query(QueryRequest { room, query, ..QueryRequest::default() }).await;
        let Some(answer) = optional(asked)? else { return Ok(Vec::new()) };
        let rows = KeysResponse::decode(answer.result.as_slice()).unwrap_or_default().keys;
        Ok(rows.iter().filter_map(|row| row.delegation(*self.chain())).collect())
    }

    /// Adds the policy that held when the block was made, and the records as they stand now.
    pub(super) async fn add_state(&self, all: &mut [Proved]) -> Result<(), Error> {
        for part in all.chunks_mut(QUERY_ENTRIES_MAX) {
            let Some(time) = part.first().map(|one| one.block.header.time) else { continue };
            let Some(version) = self.version_at(time).await? else { return Ok(()) };
            let records: Vec<Vec<u8>> = part.iter().filter_map(key_of).collect();
            let Some((block, policy, records)) = self.rows(version, &records).await? else {
                return Ok(());
            };
            for one in part {
                let key = key_of(one).map(|own| full(ROOM, &own));
                let record = records.iter().find(|entry| Some(&entry.key) == key.as_ref());
                let (policy, record) = (policy.clone(), record.cloned());
                let BlockProof { header, certificate, .. } = block.clone();
                one.reach(&block);
                one.take_state(LaterState { header, certificate, policy, record });
            }
        }
        Ok(())
    }

    async fn version_at(&self, time: TimeMs) -> Result<Option<u32>, Error> {
        let args = AtRequest { time_ms: time.0 }.encode_to_vec();
        let (room, query) = (POLICY.into(), "At".into());
        let asked = self.query(QueryRequest { room, query, args, ..QueryRequest::default() }).await;
        let answer = optional(asked)?.map(|answer| AtResponse::decode(answer.result.as_slice()));
        Ok(answer.and_then(Result::ok).map(|answer| answer.version))
    }

    /// The version's row, the next one's, and the records' rows, all in the state of one block. Who
    /// may not read the contract's rows, or finds no two answers of one block, has no records.
    async fn rows(
        &self,
        version: u32,
        records: &[Vec<u8>],
    ) -> Result<Option<(BlockProof, [ProvedEntry; 2], Vec<ProvedEntry>)>, Error> {
        let keys = vec![version_key(version), version_key(version.saturating_add(1))];
        let mut tries = 0;
        loop {
            tries += 1;
            let policy = self.stored(POLICY, keys.clone()).await?;
            let record = self.stored(ROOM, records.to_vec()).await?;
            let Some((block, rows)) = policy else { return Ok(None) };
            let Ok(rows) = <[ProvedEntry; 2]>::try_from(rows) else { return Ok(None) };
            match record {
                Some((other, entries)) if other.header == block.header => {
                    return Ok(Some((block, rows, entries)));
                }
                Some(_) if tries < TRIES => {}
                _ => return Ok(Some((block, rows, Vec::new()))),
            }
        }
    }

    async fn stored(
        &self,
        room: &str,
        keys: Vec<Vec<u8>>,
    ) -> Result<Option<(BlockProof, Vec<ProvedEntry>)>, Error> {
        let request =
            QueryRequest { room: room.into(), keys, proof: true, ..QueryRequest::default() };
        let answer = optional(self.query(request).await)?;
        Ok(answer.and_then(|answer| proved(&answer).ok()))
    }
}

impl Proved {
    /// A checkpoint with fewer witnesses says less, however new.
    fn take_checkpoint(&mut self, found: CheckpointProof) {
        let held = self.whole.checkpoint.as_ref().map_or(0, |held| held.witnesses.len());
        if found.witnesses.len() >= held {
            self.whole.checkpoint = Some(found);
        }
    }

    /// A state without the record says less than one with it.
    fn take_state(&mut self, found: LaterState) {
        let held = self.whole.policy.as_ref().is_some_and(|held| held.record.is_some());
        if found.record.is_some() || !held {
            self.whole.policy = Some(found);
        }
    }
}

/// The room's own key of the record that a pack is about.
fn key_of(one: &Proved) -> Option<Vec<u8>> {
    let claims = statement::parse(&one.whole.statement).ok()?.claims;
    let whole = record_key(&claims.source, claims.number);
    whole.get(ROOM.len().saturating_add(1)..).map(<[u8]>::to_vec)
}

fn full(room: &str, own: &[u8]) -> Vec<u8> {
    [room.as_bytes(), &[0], own].concat()
}

fn version_key(number: u32) -> Vec<u8> {
    [b"v".as_slice(), &number.to_be_bytes()].concat()
}

/// The token with the block that it stamps; what cannot be read is none.
fn token(stamp: &Stamp, leaf: u64) -> Option<(TokenProof, BlockProof)> {
    let block = block_proof_of(&stamp.header, &stamp.certificate, &stamp.set_changes).ok()?;
    let place = LogPlace { leaf, size: stamp.size, path: super::path(&stamp.path).ok()? };
    let (header, certificate) = (block.header.clone(), block.certificate.clone());
    Some((TokenProof { header, certificate, place, token: stamp.token.clone() }, block))
}

/// The checkpoint with a delegation for each line of the log's own; `None` if one of them is nobody's
/// that is known.
fn checkpoint(
    cosigned: &CosignedCheckpoint,
    leaf: u64,
    chain: &ChainId,
    known: &[Delegation],
) -> Option<CheckpointProof> {
    let note = Note::parse(cosigned.note.as_bytes()).ok()?;
    let origin = note::origin(chain);
    let mut keys = Vec::new();
    for line in note.lines().iter().filter(|line| line.name == origin) {
        let signs = |delegation: &&Delegation| {
            let key = note::Key::new(&origin, note::Kind::Log, delegation.says.key);
            key.is_ok_and(|key| key.id() == line.key_id)
        };
        keys.push(*known.iter().find(signs)?);
    }
    let place = LogPlace { leaf, size: cosigned.size, path: super::path(&cosigned.path).ok()? };
    let witnesses = cosigned.witnesses.clone();
    Some(CheckpointProof { note: cosigned.note.clone(), place, keys, witnesses })
}
