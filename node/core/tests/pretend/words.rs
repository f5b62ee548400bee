//! Keys, a scheme, transactions and headers that mean nothing: what pretend nodes talk about.

use linli_core::{Crypto, PoolEntry, Start};
use linli_types::digest;
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, BodyId, ChainId, Digest, PrincipalId, PublicKey, Signature, TxKey};
use linli_types::signature::Verify;
use linli_types::validator::{OrgKind, Validator, ValidatorSet};

pub const CHAIN: ChainId = ChainId([7; 32]);
pub const EPOCH: u64 = 1_700_000_000_000;

/// A scheme anyone can forge: the signature is a digest of key and message.
#[derive(Clone, Copy)]
pub struct Pretend(pub PublicKey);

pub fn pretend_signature(key: &PublicKey, message: &[u8]) -> Signature {
    let half = digest::plain(&[&key.0[..], message].concat()).0;
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&half);
    bytes[32..].copy_from_slice(&half);
    Signature(bytes)
}

impl Verify for Pretend {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        pretend_signature(key, message) == *signature
    }
}

impl Crypto for Pretend {
    fn sign(&mut self, key: &PublicKey, bytes: &[u8]) -> Signature {
        pretend_signature(key, bytes)
    }

    fn verifier(&self) -> &dyn Verify {
        self
    }
}

pub fn key(n: usize) -> PublicKey {
    PublicKey([u8::try_from(n + 1).unwrap(); 32])
}

/// The default net: district 3, operators 2 + 2, fund 3.
pub fn validators() -> ValidatorSet {
    let kinds = [OrgKind::District, OrgKind::Operator, OrgKind::Operator, OrgKind::Fund];
    let member = |(n, (kind, power)): (usize, (&OrgKind, u64))| Validator {
        key: key(n),
        network_key: key(n),
        power,
        org: u32::try_from(n + 1).unwrap(),
        kind: *kind,
        name: format!("v{n}"),
    };
    ValidatorSet::new(kinds.iter().zip([3, 2, 2, 3]).enumerate().map(member).collect()).unwrap()
}

/// Changes of the set, as transactions of these senders: their number names the node.
pub const ADD: u8 = 240;
pub const REMOVE: u8 = 241;
pub const REKEY: u8 = 242;

/// The key that a node votes with once a change has named it.
pub fn successor(n: usize) -> PublicKey {
    key(n + 100)
}

/// What a block leaves of the set that signs it.
pub fn set_after(set: &ValidatorSet, bodies: &[Vec<u8>]) -> ValidatorSet {
    let mut members = set.members().to_vec();
    for raw in bodies {
        let n = usize::from(raw[1]);
        match raw[0] {
            ADD => members.push(Validator {
                key: key(n),
                network_key: key(n),
                power: 2,
                org: u32::try_from(n + 1).unwrap(),
                kind: OrgKind::Street,
                name: format!("v{n}"),
            }),
            REMOVE => members.retain(|v| ![key(n), successor(n)].contains(&v.key)),
            REKEY => {
                let member = members.iter_mut().find(|v| v.key == key(n)).unwrap();
                member.key = successor(n);
            }
            _ => {}
        }
    }
    ValidatorSet::new(members).unwrap()
}

pub fn genesis() -> Start {
    let block = BlockId(CHAIN.0);
    Start { height: Height(0), block, time: TimeMs(EPOCH), validators: validators() }
}

/// `sender ‖ number ‖ valid_until`: all that a pretend transaction says.
pub fn transaction(sender: u8, number: u64, valid_until: u64) -> Vec<u8> {
    let mut raw = vec![sender];
    raw.extend_from_slice(&number.to_le_bytes());
    raw.extend_from_slice(&valid_until.to_le_bytes());
    raw
}

pub fn body_of(raw: &[u8]) -> BodyId {
    BodyId(digest::transaction_id(raw).0)
}

pub fn entry_of(raw: &[u8]) -> PoolEntry {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&raw[1..9]);
    PoolEntry {
        id: body_of(raw),
        sender: PrincipalId([raw[0]; 16]),
        key: TxKey(key),
        org: 0,
        valid_until: TimeMs(u64::from_le_bytes(raw[9..17].try_into().unwrap())),
        bytes: raw.len(),
    }
}

/// What pretend execution makes of a block.
pub fn header_of(
    head: &Start,
    proposer: PublicKey,
    time: TimeMs,
    flags: u16,
    bodies: &[Vec<u8>],
) -> Header {
    let ids: Vec<BodyId> = bodies.iter().map(|raw| body_of(raw)).collect();
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.0).collect();
    let bodies_root = linli_types::transaction::bodies_root(ids.iter().copied());
    Header {
        format: linli_types::header::FORMAT,
        flags,
        protocol: linli_types::header::PROTOCOL,
        chain: CHAIN,
        height: head.height.next(),
        time,
        parent: head.block,
        proposer,
        bodies_root,
        receipts_root: Digest([0; 32]),
        state_root: digest::plain(&[&head.block.0[..], &bytes].concat()),
        log_size: 0,
        log_root: Digest([0; 32]),
        validators_hash: head.validators.hash(),
        next_validators_hash: set_after(&head.validators, bodies).hash(),
    }
}
