//! A signed request: exact bytes, read once.
//!
//! A transaction is signed over its exact body bytes, so any language signs with nothing but
//! protobuf, and the chain never re-encodes what it hashes (design D7).

use crate::certificate::preimage;
use crate::digest::{self, Domain};
use crate::height::TimeMs;
use crate::id::{BodyId, ChainId, Digest, PrincipalId, PublicKey, Signature, TxId, TxKey};
use crate::merkle::{self, BlockTree};
use crate::wire;
use alloc::sync::Arc;
use alloc::vec::Vec;
use prost::Message;

/// The bytes a sender signs: domain, chain, digest of the body.
pub fn signing_bytes(chain: &ChainId, body: &[u8]) -> Vec<u8> {
    let mut bytes = preimage(Domain::TransactionSignature, chain);
    bytes.extend_from_slice(&digest::transaction_id(body).0);
    bytes
}

/// Encodes body and signature as they travel: a client's step, not a node's. The body's bytes are
/// copied, never decoded.
pub fn envelope(body: &[u8], signature: &Signature) -> Vec<u8> {
    wire::SignedTransaction { body: body.to_vec(), signature: signature.0.to_vec() }.encode_to_vec()
}

/// A transaction whose envelope and body have been read and found well formed. Its signature and
/// its meaning are unchecked; `linli-runtime` goes on from here.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Digest of the body.
    pub id: TxId,
    /// Digest of id and signature.
    pub body: BodyId,
    /// Who signs and acts.
    pub sender: PrincipalId,
    /// For whom the sender acts, by a mandate; `None` for themselves.
    pub on_behalf: Option<PrincipalId>,
    /// The key that is said to have signed.
    pub signer: PublicKey,
    /// The sender's once-only key.
    pub key: TxKey,
    /// The last block time at which it may be executed.
    pub valid_until: TimeMs,
    /// The signature over [`signing_bytes`].
    pub signature: Signature,
    /// What is asked.
    pub calls: Vec<wire::Call>,
    /// The envelope's exact bytes: what is stored, sent and counted.
    pub raw: Arc<[u8]>,
}

impl PartialEq for Transaction {
    /// Two transactions are equal when their exact bytes are.
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Eq for Transaction {}

/// The leaf of the bodies tree: body and signature of one transaction.
pub fn body_leaf(id: &TxId, signature: &Signature) -> Digest {
    digest::hash(Domain::BodyLeaf, &[&id.0, &signature.0])
}

/// The same leaf as a name.
pub fn body_id(id: &TxId, signature: &Signature) -> BodyId {
    BodyId(body_leaf(id, signature).0)
}

/// The root of the bodies tree over a block's leaves, in order.
pub fn bodies_root(leaves: impl IntoIterator<Item = BodyId>) -> Digest {
    let leaves: Vec<Digest> = leaves.into_iter().map(|leaf| Digest(leaf.0)).collect();
    merkle::root::<BlockTree>(&leaves)
}
