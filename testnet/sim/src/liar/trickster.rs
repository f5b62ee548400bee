//! Plays with what nobody signs, and with what a signature does not prove: locks that never were,
//! blocks of next week, lists of transactions that are not the block's, parts of other rounds.

use super::{Hand, Lie, Said, Whole};
use borsh::BorshDeserialize;
use linli_core::message::{Message, Proposal, ProposalPart, SignedProposal, SignedVote, Vote};
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::{BlockId, BodyId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far ahead its blocks are, in milliseconds: an hour.
const AHEAD_MS: u64 = 3_600_000;
/// After this many rounds it proposes again, where four validators take turns.
const TURNS: u32 = 4;

/// What it says falsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trick {
    /// Its blocks lie in the future, and it says that a quorum locked them.
    Lock,
    /// Some get its block with a list of transactions that do not exist.
    List,
    /// Its parts say another round, and it signs garbage for rounds to come.
    Round,
}

/// See the module.
pub(super) struct Trickster {
    trick: Trick,
    /// Its own proposal, withheld until its block is known.
    withheld: Option<SignedProposal>,
    /// What it made of its replica's blocks.
    instead: BTreeMap<BlockId, BlockId>,
}

impl Trickster {
    pub(super) fn new(hand: &mut Hand) -> Self {
        let tricks = [Trick::Lock, Trick::List, Trick::Round];
        let trick = *hand.chance.pick(&tricks).unwrap_or(&Trick::List);
        Self { trick, withheld: None, instead: BTreeMap::new() }
    }

    /// The block an hour later, after a proposal that claims a lock, and the fresh one.
    fn far_block(&mut self, hand: &Hand, part: &ProposalPart) -> Option<Vec<Said>> {
        let signed = self.withheld.filter(|s| s.proposal.height == part.height)?;
        let mut whole = Whole::try_from_slice(&part.bytes).ok().filter(|_| part.total == 1)?;
        let mut header = Header::from_bytes(&whole.header).ok()?;
        let real = header.id();
        header.time = header.time.plus_ms(AHEAD_MS);
        whole.header = header.to_bytes();
        self.instead.insert(real, header.id());
        let fresh = Proposal { block: header.id(), ..signed.proposal };
        let round = fresh.round.saturating_add(TURNS);
        let locked = Proposal { round, lock_round: Some(fresh.round), ..fresh };
        let bytes = linli_types::encode(&whole);
        Some(vec![
            (0, sign(hand, locked)),
            (0, sign(hand, fresh)),
            (1, Message::Part(ProposalPart { bytes, ..part.clone() }).encode()),
        ])
    }

    fn vote(&self, hand: &Hand, signed: &SignedVote) -> Option<Arc<[u8]>> {
        let block = self.instead.get(&signed.vote.value?)?;
        let vote = Vote { value: Some(*block), ..signed.vote };
        let signature = hand.signer.sign_as_self(&vote.bytes(&hand.chain));
        Some(Message::Vote(SignedVote { vote, signature }).encode())
    }
}

fn sign(hand: &Hand, proposal: Proposal) -> Arc<[u8]> {
    let signature = hand.signer.sign_as_self(&proposal.bytes(&hand.chain));
    Message::Proposal(SignedProposal { proposal, signature }).encode()
}

/// The same header with transactions that nobody ever signed.
fn false_list(hand: &mut Hand, part: &ProposalPart) -> Option<Arc<[u8]>> {
    let mut whole = Whole::try_from_slice(&part.bytes).ok().filter(|_| part.total == 1)?;
    whole.transactions = (0..3).map(|_| BodyId(hand.chance.bytes())).collect();
    let bytes = linli_types::encode(&whole);
    Some(Message::Part(ProposalPart { bytes, ..part.clone() }).encode())
}

/// Garbage that it signed for rounds to come, in parts that say round 0.
fn garbage(hand: &mut Hand, part: &ProposalPart) -> Option<Vec<Said>> {
    let whole = Whole::try_from_slice(&part.bytes).ok().filter(|_| part.total == 1)?;
    let mut said = Vec::new();
    for (round, later_ms) in [(part.round + 1, 1), (part.round + 2, 2)] {
        let mut header = Header::from_bytes(&whole.header).ok()?;
        header.time = header.time.plus_ms(later_ms);
        let (block, height) = (header.id(), header.height);
        let proposer = hand.signer.public();
        said.push((0, sign(hand, Proposal { height, round, block, lock_round: None, proposer })));
        let transactions = whole.transactions.clone();
        let bytes = linli_types::encode(&Whole { header: header.to_bytes(), transactions });
        said.push((0, Message::Part(ProposalPart { round: 0, bytes, ..part.clone() }).encode()));
    }
    Some(said)
}

impl Lie for Trickster {
    fn instead(
        &mut self,
        hand: &mut Hand,
        to: usize,
        message: &Message,
        bytes: &Arc<[u8]>,
    ) -> Vec<Said> {
        let plain = || vec![(0, Arc::clone(bytes))];
        match (self.trick, message) {
            (Trick::Lock, Message::Proposal(signed))
                if signed.proposal.proposer == hand.signer.public() =>
            {
                self.withheld = Some(*signed);
                Vec::new()
            }
            (Trick::Lock, Message::Part(part)) => self.far_block(hand, part).unwrap_or_else(plain),
            (Trick::Lock, Message::Vote(signed)) => {
                self.vote(hand, signed).map_or_else(plain, |vote| vec![(0, vote)])
            }
            // Two of three get the truth, so that the block may well be locked or decided.
            (Trick::List, Message::Part(part)) if to.is_multiple_of(3) => {
                false_list(hand, part).map_or_else(plain, |part| vec![(0, part)])
            }
            (Trick::Round, Message::Part(part)) => {
                let mut said = garbage(hand, part).unwrap_or_default();
                said.extend(plain());
                said
            }
            _ => plain(),
        }
    }

    fn unasked(&mut self, _hand: &mut Hand, head: Height) -> Vec<(usize, Arc<[u8]>)> {
        if self.withheld.is_some_and(|s| s.proposal.height <= head) {
            self.withheld = None;
            self.instead.clear();
        }
        Vec::new()
    }
}
