//! Makes batches: files in memory, their digests, manifests, signed statements, one transaction.

use crate::Failure;
use crate::load::{Chance, Signer};
use crate::net::now_ms;
use linli_sdk::anchor;
use linli_sdk::anchor::register::{REGISTER_BATCH, RegisterBatchRequest};
use linli_types::digest;
use linli_types::id::{ChainId, Digest, PublicKey, TxId};
use linli_types::limits;
use linli_types::transaction::{envelope, signing_bytes};
use linli_types::wire;
use linli_verify::cose::statement::{self, Claims};
use linli_verify::manifest::Listed;
use linli_verify::{FileDigests, Manifest, file};
use prost::Message;

/// Bytes of each file that is digested.
const FILE_BYTES: usize = 1024;
/// What is registered, as a place in [`anchor::KINDS`].
const SYSTEM_LOG: u16 = 10;
/// How the time of capture is known, in the contract's words: by the device.
const DEVICE_CLOCK: i32 = 1;
/// Why the data may be processed, in the contract's words: a contract of service.
const CONTRACT: i32 = 2;
/// No law keeps the payload.
const ORDINARY: i32 = 1;

/// A statement on its way to its receipt.
pub(super) struct Item {
    /// Its number in the source's count.
    pub(super) number: u64,
    /// The signed statement.
    pub(super) statement: Vec<u8>,
    /// SHA-256 of it.
    pub(super) id: Digest,
}

/// A transaction that registers many statements.
pub(super) struct Batch {
    pub(super) id: TxId,
    pub(super) raw: Vec<u8>,
    pub(super) valid_until_ms: u64,
    pub(super) source: String,
    pub(super) items: Vec<Item>,
}

/// Makes the next `count` statements of a signer, from number `first` on, and their transaction.
pub(super) fn batch(
    chance: &mut Chance,
    chain: ChainId,
    signer: &Signer,
    first: u64,
    count: u64,
) -> Result<Batch, Failure> {
    let key = signer.key.public();
    let mut request = RegisterBatchRequest {
        source: signer.id.0.to_vec(),
        first,
        kind: SYSTEM_LOG.into(),
        captured_from_ms: now_ms(),
        clock_source: DEVICE_CLOCK,
        basis: CONTRACT,
        retention: ORDINARY,
        ..Default::default()
    };
    let mut items = Vec::new();
    let captured_at_ms = request.captured_from_ms;
    for number in first..first.saturating_add(count) {
        let (item, manifest) = item(chance, chain, signer, &key, number, captured_at_ms)?;
        request.statements.extend_from_slice(&item.id.0);
        request.manifests.extend_from_slice(&manifest.0);
        items.push(item);
    }
    request.captured_to_ms = captured_at_ms;
    let valid_until_ms = now_ms() + limits::VALIDITY_MS_MAX - 30_000;
    let (id, raw) = sign(chance, chain, signer, &key, (&request, valid_until_ms));
    Ok(Batch { id, raw, valid_until_ms, source: signer.id.to_string(), items })
}

/// One file, digested twice, its manifest, digested twice, and the statement about it.
fn item(
    chance: &mut Chance,
    chain: ChainId,
    signer: &Signer,
    key: &PublicKey,
    number: u64,
    captured_at_ms: u64,
) -> Result<(Item, Digest), Failure> {
    let content = chance.bytes::<FILE_BYTES>();
    let FileDigests { name, size, sha256, sm3 } =
        FileDigests::of(format!("{number:09}.log"), &content);
    let listed = Listed { media: "text/plain".into(), name, sha256, size, sm3 };
    let salt = Digest(chance.bytes());
    let manifest = Manifest {
        platform: None,
        captured_at: captured_at_ms,
        device: None,
        files: vec![listed],
        order: None,
        salt,
    };
    let (manifest_sha256, sm3) = file::both(&manifest.to_bytes());
    let claims = Claims {
        source: signer.id,
        subject: statement::SUBJECT.into(),
        manifest_sha256,
        number,
        kind: SYSTEM_LOG,
        sm3,
        size,
        captured_at_ms,
        clock_source: Some(statement::ClockSource::Device),
        device: None,
        not_before: None,
        env_digest: None,
        sm2_key: None,
        chain: Some(chain),
        counter: None,
    };
    let to_sign = claims.to_be_signed(key).map_err(|e| Failure::new(e.to_string()))?;
    let statement = to_sign.finish(&signer.key.sign(to_sign.sig_structure()));
    let id = statement::id(&statement);
    Ok((Item { number, statement, id }, manifest_sha256))
}

fn sign(
    chance: &mut Chance,
    chain: ChainId,
    signer: &Signer,
    key: &PublicKey,
    (request, valid_until_ms): (&RegisterBatchRequest, u64),
) -> (TxId, Vec<u8>) {
    let (room, method) = (anchor::ROOM.into(), REGISTER_BATCH.into());
    let body = wire::TransactionBody {
        chain_tag: chain.tag(),
        sender: signer.id.0.to_vec(),
        signer: key.0.to_vec(),
        key: chance.bytes::<16>().to_vec(),
        valid_until_ms,
        on_behalf: None,
        calls: vec![wire::Call { room, method, args: request.encode_to_vec() }],
    }
    .encode_to_vec();
    let signature = signer.key.sign(&signing_bytes(&chain, &body));
    (digest::transaction_id(&body), envelope(&body, &signature))
}
