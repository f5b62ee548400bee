//! What members say to each other. One message is one borsh value.
//!
//! # Invariants
//!
//! - **G1 bounded.** The kind and the size of a message are judged before anything is decoded, and
//!   counts before anything is kept.
//! - **G2 whole.** Trailing bytes, unknown kinds and unsorted signers are malformed.

use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::certificate::{self, Certificate, VoteKind};
use linli_types::height::Height;
use linli_types::id::{BlockId, BodyId, ChainId, PublicKey, Signature};
use linli_types::limits;
use linli_types::signature::{Claim, Verify};
use linli_types::validator::ValidatorSet;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A vote, unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// Which of the two.
    pub kind: VoteKind,
    /// For which height.
    pub height: Height,
    /// In which round.
    pub round: u32,
    /// For which block; `None` for none.
    pub value: Option<BlockId>,
    /// Whose.
    pub validator: PublicKey,
}

/// A vote with its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedVote {
    /// The vote.
    pub vote: Vote,
    /// Over [`Vote::bytes`].
    pub signature: Signature,
}

impl Vote {
    /// What is signed.
    pub fn bytes(&self, chain: &ChainId) -> Vec<u8> {
        certificate::vote_bytes(chain, self.kind, self.height, self.round, self.value.as_ref())
    }
}

impl SignedVote {
    /// Whether the signature holds.
    pub fn holds(&self, chain: &ChainId, verify: &dyn Verify) -> bool {
        verify.verify(&self.vote.validator, &self.vote.bytes(chain), &self.signature)
    }
}

/// A proposal, unsigned: which block, not the block itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// For which height.
    pub height: Height,
    /// In which round.
    pub round: u32,
    /// The block.
    pub block: BlockId,
    /// The round whose quorum of prevotes proves that the block may be locked; `None` if fresh.
    pub lock_round: Option<u32>,
    /// Whose.
    pub proposer: PublicKey,
}

/// A proposal with its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedProposal {
    /// The proposal.
    pub proposal: Proposal,
    /// Over [`Proposal::bytes`].
    pub signature: Signature,
}

impl Proposal {
    /// What is signed.
    pub fn bytes(&self, chain: &ChainId) -> Vec<u8> {
        certificate::proposal_bytes(chain, self.height, self.round, self.lock_round, &self.block)
    }
}

impl SignedProposal {
    /// Whether the signature holds.
    pub fn holds(&self, chain: &ChainId, verify: &dyn Verify) -> bool {
        verify.verify(&self.proposal.proposer, &self.proposal.bytes(chain), &self.signature)
    }
}

/// A quorum of prevotes for one block in one round.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PolkaCertificate {
    /// The height.
    pub height: Height,
    /// The round.
    pub round: u32,
    /// The block.
    pub block: BlockId,
    /// Who prevoted.
    pub signatures: Vec<(PublicKey, Signature)>,
}

impl PolkaCertificate {
    /// The prevotes it is made of.
    pub fn votes(&self) -> impl Iterator<Item = SignedVote> {
        let (kind, height, round) = (VoteKind::Prevote, self.height, self.round);
        self.signatures.iter().map(move |(validator, signature)| SignedVote {
            vote: Vote { kind, height, round, value: Some(self.block), validator: *validator },
            signature: *signature,
        })
    }

    /// Whether a quorum signed, each once, and every signature holds.
    pub fn holds(&self, chain: &ChainId, validators: &ValidatorSet, verify: &dyn Verify) -> bool {
        let votes: Vec<SignedVote> = self.votes().collect();
        power_of(&votes, validators).is_some_and(|power| validators.is_quorum(power))
            && all_hold(&votes, chain, verify)
    }
}

/// The power of the voters; `None` if one stands twice or is no validator.
fn power_of(votes: &[SignedVote], validators: &ValidatorSet) -> Option<u64> {
    let mut seen = BTreeSet::new();
    votes.iter().try_fold(0_u64, |power, signed| {
        let member = validators.get(&signed.vote.validator)?;
        seen.insert(member.key).then(|| power.saturating_add(member.power))
    })
}

fn all_hold(votes: &[SignedVote], chain: &ChainId, verify: &dyn Verify) -> bool {
    let claim = |v: &SignedVote| Claim {
        key: v.vote.validator,
        message: v.vote.bytes(chain),
        signature: v.signature,
    };
    let claims: Vec<Claim> = votes.iter().map(claim).collect();
    verify.verify_each(&claims).into_iter().all(|holds| holds)
}

/// One vote of a [`RoundCertificate`], whose height and round it shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RoundVote {
    /// Which of the two.
    pub kind: VoteKind,
    /// For which block.
    pub value: Option<BlockId>,
    /// Whose.
    pub validator: PublicKey,
    /// Over the whole vote.
    pub signature: Signature,
}

/// Votes that prove that others left a round, or are in it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RoundCertificate {
    /// The height.
    pub height: Height,
    /// The round of the votes.
    pub round: u32,
    /// `true`: a third is in this round. `false`: a quorum precommitted in it.
    pub skip: bool,
    /// The votes.
    pub votes: Vec<RoundVote>,
}

impl RoundCertificate {
    /// The votes it is made of.
    pub fn votes(&self) -> impl Iterator<Item = SignedVote> {
        let (height, round) = (self.height, self.round);
        self.votes.iter().map(move |v| SignedVote {
            vote: Vote { kind: v.kind, height, round, value: v.value, validator: v.validator },
            signature: v.signature,
        })
    }

    /// Whether more than a third (to skip ahead) or a quorum of precommits (a round is over)
    /// signed, each once, and every signature holds.
    pub fn holds(&self, chain: &ChainId, validators: &ValidatorSet, verify: &dyn Verify) -> bool {
        let votes: Vec<SignedVote> = self.votes().collect();
        let enough = |power: u64| match self.skip {
            true => u128::from(power) * 3 > u128::from(validators.total_power()),
            false => validators.is_quorum(power),
        };
        let kinds = self.skip || self.votes.iter().all(|v| v.kind == VoteKind::Precommit);
        kinds && power_of(&votes, validators).is_some_and(enough) && all_hold(&votes, chain, verify)
    }
}

/// A committed block for a peer that lacks it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SyncBlock {
    /// The header's bytes.
    pub header: Vec<u8>,
    /// Encoded signed transactions, in order.
    pub bodies: Vec<Vec<u8>>,
    /// Why it is final.
    pub certificate: Certificate,
}

/// One part of a proposed block: header and ids, cut into pieces.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProposalPart {
    /// For which height.
    pub height: Height,
    /// In which round.
    pub round: u32,
    /// Which part, from 0.
    pub index: u16,
    /// How many there are.
    pub total: u16,
    /// The piece. The whole is bound to the proposal by the hash of its header.
    pub bytes: Vec<u8>,
}

/// Whatever members say to each other.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// The first one on every connection.
    Hello {
        /// The sender's chain.
        chain: ChainId,
        /// Lowest protocol it speaks.
        protocol_min: u32,
        /// Highest protocol it speaks.
        protocol_max: u32,
        /// Its last committed height.
        height: Height,
    },
    /// A vote.
    Vote(SignedVote),
    /// A proposal.
    Proposal(SignedProposal),
    /// A part of a proposed block.
    Part(ProposalPart),
    /// A proof of lock.
    Polka(PolkaCertificate),
    /// Proof that a round is over or under way.
    Round(RoundCertificate),
    /// The sender's last committed height.
    Status {
        /// The height.
        height: Height,
    },
    /// Asks for committed blocks.
    BlocksRequest {
        /// From this height on.
        from: Height,
    },
    /// Committed blocks, one height after the other.
    Blocks(Vec<SyncBlock>),
    /// Asks for bodies of a proposed block.
    BodiesRequest {
        /// Which, in ascending order, each once.
        ids: Vec<BodyId>,
    },
    /// Bodies that were asked for.
    Bodies(Vec<Vec<u8>>),
    /// New transactions of the sender's clients.
    Transactions(Vec<Vec<u8>>),
}

/// Bytes of a certificate message of the largest set, with room to spare.
const CERTIFICATE_BYTES_MAX: usize = 256 + limits::VALIDATORS_MAX * 160;

impl Message {
    /// The encoded message, shared by all it is sent to.
    pub fn encode(&self) -> Arc<[u8]> {
        linli_types::encode(self).into()
    }

    /// Reads one message of a peer.
    ///
    /// # Errors
    ///
    /// Why the bytes are no message; the fault lies with the sender.
    pub fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let kind = bytes.first().ok_or("an empty message")?;
        if bytes.len() > size_max(*kind) {
            return Err("a message larger than its kind allows");
        }
        let message = Self::try_from_slice(bytes).map_err(|_| "a message that does not decode")?;
        if message.is_within_counts() {
            Ok(message)
        } else {
            Err("a message with too many items, or one of them twice")
        }
    }

    /// G1, the counts.
    fn is_within_counts(&self) -> bool {
        match self {
            Self::Polka(polka) => polka.signatures.len() <= limits::VALIDATORS_MAX,
            Self::Round(round) => round.votes.len() <= 2 * limits::VALIDATORS_MAX,
            Self::Part(part) => {
                part.bytes.len() <= limits::PART_BYTES_MAX && part.index < part.total
            }
            Self::Blocks(blocks) => {
                let fits = |b: &SyncBlock| {
                    b.bodies.len() <= limits::BLOCK_TRANSACTIONS_MAX
                        && b.certificate.precommits.len() <= limits::VALIDATORS_MAX
                };
                blocks.len() <= limits::SYNC_BLOCKS_MAX && blocks.iter().all(fits)
            }
            Self::BodiesRequest { ids } => {
                let ascending = ids.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
                ascending && ids.len() <= limits::BLOCK_TRANSACTIONS_MAX
            }
            Self::Bodies(bodies) | Self::Transactions(bodies) => {
                let fits = |b: &Vec<u8>| b.len() <= limits::TRANSACTION_BYTES_MAX;
                bodies.len() <= limits::BLOCK_TRANSACTIONS_MAX && bodies.iter().all(fits)
            }
            _ => true,
        }
    }
}

/// The largest message of the kind that this first byte names (G1).
const fn size_max(kind: u8) -> usize {
    match kind {
        3 => limits::PART_BYTES_MAX + 64,
        4 | 5 => CERTIFICATE_BYTES_MAX * 2,
        8 | 10 | 11 => limits::MESSAGE_BYTES_MAX,
        9 => 16 + limits::BLOCK_TRANSACTIONS_MAX * BodyId::BYTES,
        _ => 256,
    }
}

/// Bytes of bodies that go into one message.
const BATCH_BYTES: usize = 1024 * 1024;

/// New transactions of local clients, for every validator: as many messages as needed.
pub fn push<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) -> Vec<Arc<[u8]>> {
    batches(bodies).into_iter().map(|batch| Message::Transactions(batch).encode()).collect()
}

/// The answer to [`crate::Action::SendBodies`]: as many messages as needed.
pub fn bodies<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) -> Vec<Arc<[u8]>> {
    batches(bodies).into_iter().map(|batch| Message::Bodies(batch).encode()).collect()
}

/// The answer to [`crate::Action::SendBlocks`]. The caller stops at
/// [`limits::SYNC_BLOCKS_MAX`] blocks and [`limits::SYNC_BYTES_MAX`] bytes.
pub fn blocks(blocks: Vec<SyncBlock>) -> Arc<[u8]> {
    Message::Blocks(blocks).encode()
}

fn batches<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<Vec<u8>>> {
    let mut batches: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut bytes = 0;
    for body in bodies {
        let full = bytes + body.len() > BATCH_BYTES;
        match batches.last_mut() {
            Some(last) if !full && last.len() < limits::BLOCK_TRANSACTIONS_MAX => {
                last.push(body.to_vec());
                bytes += body.len();
            }
            _ => {
                batches.push(vec![body.to_vec()]);
                bytes = body.len();
            }
        }
    }
    batches
}
