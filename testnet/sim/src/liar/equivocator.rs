//! Signs two things in one place: votes, proposals, and whole blocks to go with them.

use super::{Hand, Lie, Said, Whole};
use borsh::BorshDeserialize;
use linli_core::message::{Message, Proposal, ProposalPart, SignedProposal, SignedVote, Vote};
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::BlockId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// To whom it shows which face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Faces {
    /// One to some, the other to the others.
    Split,
    /// Both to everyone.
    Both,
}

/// See the module.
pub(super) struct Equivocator {
    faces: Faces,
    /// The second block for each round of the height under way.
    seconds: BTreeMap<(Height, u32), BlockId>,
}

impl Equivocator {
    pub(super) fn new(hand: &mut Hand) -> Self {
        let faces = if hand.chance.one_in(2) { Faces::Split } else { Faces::Both };
        Self { faces, seconds: BTreeMap::new() }
    }

    fn show(&self, to: usize, first: &Arc<[u8]>, second: Option<Arc<[u8]>>) -> Vec<Said> {
        let first = (0, Arc::clone(first));
        match (self.faces, second) {
            (_, None) => vec![first],
            (Faces::Split, Some(second)) => {
                vec![if to.is_multiple_of(2) { first } else { (0, second) }]
            }
            (Faces::Both, Some(second)) => vec![first, (0, second)],
        }
    }

    /// Another vote in the same place: for the second block if there is one, for nothing, or for a
    /// block that does not exist.
    fn second_vote(&self, hand: &mut Hand, signed: &SignedVote) -> Option<Arc<[u8]>> {
        let first = &signed.vote;
        if first.validator != hand.signer.public() {
            return None;
        }
        let other = self.seconds.get(&(first.height, first.round)).copied();
        let value = match hand.chance.below(4) {
            0 => None,
            1 => Some(BlockId(hand.chance.bytes())),
            _ => other,
        };
        let vote = Vote { value, ..*first };
        (value != first.value).then(|| {
            let signature = hand.signer.sign_as_self(&vote.bytes(&hand.chain));
            Message::Vote(SignedVote { vote, signature }).encode()
        })
    }

    fn second_proposal(&self, hand: &Hand, signed: &SignedProposal) -> Option<Arc<[u8]>> {
        let first = &signed.proposal;
        let block = *self.seconds.get(&(first.height, first.round))?;
        let proposal = Proposal { block, ..*first };
        let signature = hand.signer.sign_as_self(&proposal.bytes(&hand.chain));
        Some(Message::Proposal(SignedProposal { proposal, signature }).encode())
    }

    /// The same block a moment later: another id, and mostly the same results.
    fn second_part(&mut self, part: &ProposalPart) -> Option<Arc<[u8]>> {
        if part.total != 1 {
            return None;
        }
        let mut whole = Whole::try_from_slice(&part.bytes).ok()?;
        let mut header = Header::from_bytes(&whole.header).ok()?;
        header.time = TimeMs(header.time.0.saturating_add(1));
        whole.header = header.to_bytes();
        self.seconds.retain(|(height, _), _| *height >= part.height);
        self.seconds.insert((part.height, part.round), header.id());
        let bytes = linli_types::encode(&whole);
        Some(Message::Part(ProposalPart { bytes, ..part.clone() }).encode())
    }
}

impl Lie for Equivocator {
    fn instead(
        &mut self,
        hand: &mut Hand,
        to: usize,
        message: &Message,
        bytes: &Arc<[u8]>,
    ) -> Vec<Said> {
        let second = match message {
            Message::Vote(signed) => self.second_vote(hand, signed),
            Message::Proposal(signed) => self.second_proposal(hand, signed),
            Message::Part(part) => self.second_part(part),
            _ => None,
        };
        self.show(to, bytes, second)
    }
}
