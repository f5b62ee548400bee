//! Bare receipts (RFC 9942) from what a node serves: one file per leaf, each checked as it is made.

use crate::anchor::set_changes;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use borsh::BorshDeserialize;
use linli_proto::ledger_client::LedgerClient;
use linli_proto::{
    CertifiedHeader, ConsistencyRequest, CoseReceiptRequest, CoseReceiptResponse, EventsRequest,
    cose_receipt_request,
};
use linli_types::certificate::Certificate;
use linli_types::delegation::Delegation;
use linli_types::header::Header;
use linli_types::id::{Digest, PrincipalId, Signature, TxId};
use linli_types::merkle::{self, Sha256Log};
use linli_types::signature::Zip215;
use linli_types::validator::ValidatorSet;
use linli_verify::cose::bare::Bare;
use linli_verify::cose::delegation;
use linli_verify::cose::receipt::{LogHead, Proof, Receipt};
use linli_verify::log::{Block, Consistency, End};
use linli_verify::pack::{LogPlace, SetChange};
use linli_verify::statement::{self, Anchored, Registered, Statement};
use prost::Message;
use tonic::transport::Channel;

/// Which leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// This one and those after it, as far as one transaction made them.
    From(u64),
    /// Those that a transaction made.
    Of(TxId),
}

/// What a node's answer says of leaves of one block, checked as far as that goes without a genesis.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The block.
    pub header: Header,
    /// How its validators came to be.
    pub sets: Vec<SetChange>,
    /// Each leaf's hash and place, ascending.
    pub leaves: Vec<(Digest, LogPlace)>,
    /// Of how many organisations the signatures are.
    pub organisations: usize,
    certificate: Certificate,
    set: ValidatorSet,
    /// What the receipts of all leaves share: the signatures, checked, and whose they are.
    signed: Vec<(Receipt, Delegation)>,
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
        self.cose_leaves(leaves, count, organisations).await?.bare()
    }

    /// The same in its parts; none of the signatures may be there.
    ///
    /// # Errors
    ///
    /// As [`Self::cose_receipts`].
    pub async fn cose_leaves(
        &self,
        leaves: Leaves,
        count: u32,
        organisations: u32,
    ) -> Result<Answered, Error> {
        let of = Some(match leaves {
            Leaves::From(leaf) => cose_receipt_request::Of::Leaf(leaf),
            Leaves::Of(id) => cose_receipt_request::Of::Transaction(id.0.to_vec()),
        });
        let call = |mut l: LedgerClient<Channel>, r| async move { l.get_cose_receipt(r).await };
        let request = CoseReceiptRequest { of, count, organisations };
        Answered::read(&self.read("GetCoseReceipt", request, call).await?)
    }

    /// The leaf of a source's record: by the contract's events about the source, from the first on.
    /// `None` if none of them is about that number.
    ///
    /// # Errors
    ///
    /// Refused, or no answer.
    pub async fn leaf_of_number(
        &self,
        source: PrincipalId,
        number: u64,
    ) -> Result<Option<u64>, Error> {
        let (room, about) = (statement::ROOM.into(), source.0.to_vec());
        let request = EventsRequest { room, about, history_only: true, ..EventsRequest::default() };
        let mut events = self.events(request);
        while let Some(event) = events.next().await? {
            let found = leaf_in(&event.kind, &event.data, source, number);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// That the log of `from` leaves is the beginning of the log of `to`; 0 means the present one.
    ///
    /// # Errors
    ///
    /// Refused, no answer, or a path that does not hold.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Consistency, Error> {
        let call = |mut l: LedgerClient<Channel>, r| async move { l.get_consistency(r).await };
        let answer = self.read("GetConsistency", ConsistencyRequest { from, to }, call).await?;
        let root = |bytes: &[u8]| Digest::from_slice(bytes).ok_or_else(bad);
        let end = |size, bytes: &[u8], block: Option<&CertifiedHeader>| {
            Ok::<_, Error>(End {
                size,
                root: root(bytes)?,
                block: block.map(certified).transpose()?,
            })
        };
        let read = Consistency {
            chain: *self.chain(),
            from: end(answer.from, &answer.from_root, answer.from_block.as_ref())?,
            to: end(answer.to, &answer.to_root, answer.to_block.as_ref())?,
            path: nodes(&answer.path)?,
            sets: set_changes(&answer.set_changes)?,
        };
        let (old, new) = ((read.from.size, read.from.root), (read.to.size, read.to.root));
        match merkle::is_consistent::<Sha256Log>(old, new, &read.path) {
            true => Ok(read),
            false => Err(bad()),
        }
    }
}

fn certified(block: &CertifiedHeader) -> Result<Block, Error> {
    let header = Header::from_bytes(&block.header).map_err(|_| bad())?;
    Ok(Block { header, certificate: read(&block.certificate)? })
}

/// The leaf of a source's number, if this event placed it.
fn leaf_in(kind: &str, data: &[u8], source: PrincipalId, number: u64) -> Option<u64> {
    match kind {
        Registered::EVENT => {
            let said = Registered::decode(data).ok().filter(|said| said.source == source.0)?;
            let place = number.checked_sub(said.first)?;
            if place < u64::from(said.count) { said.first_leaf.checked_add(place) } else { None }
        }
        statement::EVENT => {
            let said = Anchored::decode(data).ok()?;
            let anchored = Statement::decode(said.statement.as_slice()).ok()?;
            (anchored.source == source.0 && anchored.number == number).then_some(said.leaf)
        }
        _ => None,
    }
}

/// Puts receipts together and checks what the node added: signatures of receipt keys, and paths.
/// Certificate and set are the verifier's, who has the genesis.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`].
pub fn assemble(answer: &CoseReceiptResponse) -> Result<Receipts, Error> {
    Answered::read(answer)?.bare()
}

impl Answered {
    /// Reads an answer: the signatures hold, by keys that validators of the block's set delegated, and
    /// the leaves stand in its log.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`].
    pub fn read(answer: &CoseReceiptResponse) -> Result<Self, Error> {
        let header = Header::from_bytes(&answer.header).map_err(|_| bad())?;
        let set: ValidatorSet = read(&answer.validators)?;
        if set.hash() != header.validators_hash {
            return Err(bad());
        }
        let signed = signed(answer, &LogHead::of(&header), &set)?;
        let orgs = signed.iter().filter_map(|(_, d)| set.get(&d.says.validator)).map(|v| v.org);
        Ok(Self {
            sets: set_changes(&answer.set_changes)?,
            leaves: places(answer, &header)?,
            organisations: orgs.collect::<std::collections::BTreeSet<_>>().len(),
            certificate: read(&answer.certificate)?,
            set,
            signed,
            header,
        })
    }

    /// The receipts of a leaf, each with the delegation of its key.
    pub fn receipts(&self, place: &LogPlace) -> Vec<(Receipt, Delegation)> {
        let proof = Proof::Inclusion(place.clone());
        let of_leaf = |(receipt, delegation): &(Receipt, Delegation)| {
            (receipt.with(proof.clone()), *delegation)
        };
        self.signed.iter().map(of_leaf).collect()
    }

    /// A bare receipt for each leaf.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`] without a signature.
    pub fn bare(self) -> Result<Receipts, Error> {
        let mut leaves = Vec::new();
        for (_, place) in &self.leaves {
            let receipts = self.receipts(place);
            let bare = Bare::new(&self.header, &self.certificate, &receipts, &self.set);
            leaves.push((place.leaf, bare.ok_or_else(none)?));
        }
        let Self { header, sets, organisations, .. } = self;
        Ok(Receipts { header, sets, leaves, organisations })
    }
}

/// Each leaf's hash and place, which lead to the log's root.
fn places(answer: &CoseReceiptResponse, header: &Header) -> Result<Vec<(Digest, LogPlace)>, Error> {
    let (hashes, given) = (nodes(&answer.leaves)?, nodes(&answer.range_path)?);
    let (first, size) = (answer.first_leaf, header.log_size);
    let (root, paths) =
        merkle::range::paths::<Sha256Log>(&hashes, first, size, &given).ok_or_else(bad)?;
    if root != header.log_root {
        return Err(bad());
    }
    let leaves = hashes.into_iter().zip((first..).zip(paths));
    Ok(leaves.map(|(hash, (leaf, path))| (hash, LogPlace { leaf, size, path })).collect())
}

/// The signatures, which serve every leaf: their bytes are made and checked once.
fn signed(
    answer: &CoseReceiptResponse,
    head: &LogHead,
    set: &ValidatorSet,
) -> Result<Vec<(Receipt, Delegation)>, Error> {
    let (leaf, size) = (answer.first_leaf, head.size);
    let none_yet = Proof::Inclusion(LogPlace { leaf, size, path: Vec::new() });
    let mut signed = Vec::new();
    for signer in &answer.signers {
        let delegation: Delegation = read(&signer.delegation)?;
        let signature = Signature::from_slice(&signer.signature).ok_or_else(bad)?;
        let receipt = Receipt::new(head, delegation.says.key, signature, none_yet.clone());
        let holds = delegation::check(&delegation, &receipt, set, &Zip215).is_ok()
            && receipt.is_over(&head.root, &Zip215);
        if !holds {
            return Err(bad());
        }
        signed.push((receipt, delegation));
    }
    Ok(signed)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leaf_of_a_number_stands_in_the_event_that_registered_it() {
        let source = PrincipalId([7; 16]);
        let said = Registered {
            source: source.0.to_vec(),
            first: 10,
            count: 4,
            first_leaf: 90,
            ..Registered::default()
        };
        let data = said.encode_to_vec();
        let find = |number| leaf_in(Registered::EVENT, &data, source, number);
        assert_eq!([9, 10, 13, 14].map(find), [None, Some(90), Some(93), None]);
        assert_eq!(leaf_in(Registered::EVENT, &data, PrincipalId([8; 16]), 10), None);
        assert_eq!(leaf_in("linli.evidence.v1.Other", &data, source, 10), None);
        let old = Statement { source: source.0.to_vec(), number: 3, ..Statement::default() };
        let old = Anchored { statement: old.encode_to_vec(), leaf: 5, reused: false };
        let data = old.encode_to_vec();
        assert_eq!(leaf_in(statement::EVENT, &data, source, 3), Some(5));
        assert_eq!(leaf_in(statement::EVENT, &data, source, 4), None);
    }
}
