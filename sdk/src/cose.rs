//! Bare receipts (RFC 9942) from what a node serves: one file per leaf, each checked as it is made.

use crate::anchor::set_changes;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use borsh::BorshDeserialize;
use linli_proto::ledger_client::LedgerClient;
use linli_proto::{
    ConsistencyRequest, ConsistencyResponse, CoseReceiptRequest, CoseReceiptResponse,
    cose_receipt_request,
};
use linli_types::certificate::Certificate;
use linli_types::delegation::Delegation;
use linli_types::header::Header;
use linli_types::id::{Digest, Signature, TxId};
use linli_types::merkle::{self, Sha256Log};
use linli_types::signature::Zip215;
use linli_types::validator::ValidatorSet;
use linli_verify::cose::bare::Bare;
use linli_verify::cose::receipt::{LogHead, Proof, Receipt};
use linli_verify::pack::{LogPlace, SetChange};
use tonic::transport::Channel;

/// Which leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// This one and those after it, as far as one transaction made them.
    From(u64),
    /// Those that a transaction made.
    Of(TxId),
}

/// Receipts of leaves of one block.
#[derive(Clone, Debug)]
pub struct Receipts {
    /// The block.
    pub header: Header,
    /// How its validators came to be.
    pub sets: Vec<SetChange>,
    /// Each leaf's index and receipt, ascending.
    pub leaves: Vec<(u64, Bare)>,
    /// Of how many organisations the signatures are.
    pub organisations: usize,
}

impl Client {
    /// Receipts of up to `count` leaves, with the signatures of at least `organisations`
    /// organisations if the node can have them.
    ///
    /// # Errors
    ///
    /// Refused, no answer, or one whose signatures and paths do not hold.
    pub async fn cose_receipts(
        &self,
        leaves: Leaves,
        count: u32,
        organisations: u32,
    ) -> Result<Receipts, Error> {
        let of = Some(match leaves {
            Leaves::From(leaf) => cose_receipt_request::Of::Leaf(leaf),
            Leaves::Of(id) => cose_receipt_request::Of::Transaction(id.0.to_vec()),
        });
        let call = |mut l: LedgerClient<Channel>, r| async move { l.get_cose_receipt(r).await };
        let request = CoseReceiptRequest { of, count, organisations };
        assemble(&self.read("GetCoseReceipt", request, call).await?)
    }

    /// That the log of `from` leaves is the beginning of the log of `to`; 0 means the present one.
    ///
    /// # Errors
    ///
    /// Refused, no answer, or a path that does not hold.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<ConsistencyResponse, Error> {
        let call = |mut l: LedgerClient<Channel>, r| async move { l.get_consistency(r).await };
        let answer = self.read("GetConsistency", ConsistencyRequest { from, to }, call).await?;
        let root = |bytes: &[u8]| Digest::from_slice(bytes).ok_or_else(bad);
        let (old, new) = (root(&answer.from_root)?, root(&answer.to_root)?);
        let path = nodes(&answer.path)?;
        match merkle::is_consistent::<Sha256Log>((answer.from, old), (answer.to, new), &path) {
            true => Ok(answer),
            false => Err(bad()),
        }
    }
}

/// Puts receipts together and checks what the node added: signatures of receipt keys, and paths.
/// Certificate and set are the verifier's, who has the genesis.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`].
pub fn assemble(answer: &CoseReceiptResponse) -> Result<Receipts, Error> {
    let header = Header::from_bytes(&answer.header).map_err(|_| bad())?;
    let certificate: Certificate = read(&answer.certificate)?;
    let set: ValidatorSet = read(&answer.validators)?;
    let sets = set_changes(&answer.set_changes)?;
    if set.hash() != header.validators_hash {
        return Err(bad());
    }
    let head = LogHead::of(&header);
    let mut signers = Vec::new();
    for signer in &answer.signers {
        let delegation: Delegation = read(&signer.delegation)?;
        let signature = Signature::from_slice(&signer.signature).ok_or_else(bad)?;
        signers.push((delegation, signature));
    }
    let orgs = signers.iter().filter_map(|(d, _)| set.get(&d.says.validator)).map(|v| v.org);
    let organisations = orgs.collect::<std::collections::BTreeSet<_>>().len();
    let mut leaves = Vec::new();
    for (leaf, path) in (answer.first_leaf..).zip(&answer.paths) {
        let place = LogPlace { leaf, size: header.log_size, path: nodes(&path.nodes)? };
        let hash = Digest::from_slice(&path.leaf).ok_or_else(bad)?;
        let root = merkle::root_from_path::<Sha256Log>(hash, leaf, place.size, &place.path);
        if root != Some(header.log_root) {
            return Err(bad());
        }
        let one = |(delegation, signature): &(Delegation, Signature)| {
            let proof = Proof::Inclusion(place.clone());
            (Receipt::new(&head, delegation.says.key, *signature, proof), *delegation)
        };
        let receipts: Vec<_> = signers.iter().map(one).collect();
        // The same signatures serve every leaf: they are checked once.
        let holds = |(receipt, delegation): &(Receipt, Delegation)| {
            linli_verify::cose::delegation::check(delegation, receipt, &set, &Zip215).is_ok()
                && receipt.is_over(&head.root, &Zip215)
        };
        if leaf == answer.first_leaf && !receipts.iter().all(holds) {
            return Err(bad());
        }
        let bare = Bare::new(&header, &certificate, &receipts, &set).ok_or_else(none)?;
        leaves.push((leaf, bare));
    }
    Ok(Receipts { header, sets, leaves, organisations })
}

fn nodes(bytes: &[u8]) -> Result<Vec<Digest>, Error> {
    let (chunks, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() { Ok(chunks.iter().map(|node| Digest(*node)).collect()) } else { Err(bad()) }
}

fn read<T: BorshDeserialize>(bytes: &[u8]) -> Result<T, Error> {
    T::try_from_slice(bytes).map_err(|_| bad())
}

fn none() -> Error {
    Error::new(
        ErrorKind::BadAnswer,
        "节点没有回执密钥，也未能从其他节点取得 COSE 回执；证书与普通回执不受影响",
        "the node has no receipt key and reached no other that has one: there is no COSE receipt; \
         certificate and plain receipt are not concerned",
    )
}

fn bad() -> Error {
    Error::new(
        ErrorKind::BadAnswer,
        "节点给出的 COSE 回执不成立",
        "the COSE receipt that the node gave does not hold",
    )
}
