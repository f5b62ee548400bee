//! Messages of peers: decoded, checked against the own past, brought to whom they concern.

use crate::action::Action;
use crate::config::Crypto;
use crate::core::Core;
use crate::message::{Message, SignedVote};
use linli_types::height::Height;
use linli_types::id::{ChainId, PublicKey};

/// A peer that votes at an old height is told so at most this often, in milliseconds; a peer that
/// is merely a little late is not told at all.
const LAGGARD_MS: u64 = 200;

impl Core {
    pub(crate) fn received(&mut self, from: PublicKey, bytes: &[u8], crypto: &mut dyn Crypto) {
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(why) => return self.out.act(Action::Fault { peer: from, why }),
        };
        self.speaking = Some(from);
        match message {
            Message::Hello { chain, protocol_min, protocol_max, height } => {
                self.greeted(from, chain, (protocol_min, protocol_max), height);
            }
            Message::Status { height } => self.peers.note(&from, height),
            Message::BlocksRequest { from: first } => {
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.asked.blocks = Some(first);
                }
            }
            Message::Blocks(blocks) => self.blocks_arrived(from, blocks),
            Message::BodiesRequest { ids } => {
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.asked.bodies = Some(ids);
                }
            }
            Message::Bodies(bodies) => {
                if self.at.blocks.is_waiting() {
                    self.out.act(Action::CheckBodies { from: Some(from), bodies });
                }
            }
            Message::Transactions(bodies) => {
                if !self.pool.is_full() {
                    self.out.act(Action::CheckBodies { from: Some(from), bodies });
                }
            }
            Message::Vote(_)
            | Message::Proposal(_)
            | Message::Part(_)
            | Message::Polka(_)
            | Message::Round(_) => self.of_consensus(from, message, crypto),
        }
    }

    fn greeted(&mut self, from: PublicKey, chain: ChainId, protocols: (u32, u32), height: Height) {
        let (low, high) = self.config.protocols;
        let why = if chain != self.config.chain {
            Some("a member of another chain")
        } else if protocols.0 > high || protocols.1 < low {
            Some("a member that speaks other protocols only")
        } else {
            None
        };
        if let Some(why) = why {
            return self.out.act(Action::Fault { peer: from, why });
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let again = std::mem::replace(&mut peer.greeted, true);
        self.peers.note(&from, height);
        if !again && self.at.started {
            self.send_state(from);
        }
    }

    /// Everything a newcomer may have missed of this height. One that is further behind drops it,
    /// but for votes of its own that it does not remember: those it must learn of before it votes.
    fn send_state(&mut self, to: PublicKey) {
        let round = self.at.engine.round().unwrap_or(0);
        let proposals: Vec<_> = self.at.witness.proposals_in(round).copied().collect();
        for signed in proposals {
            self.out.send(to, &Message::Proposal(signed));
            self.send_parts(round, &signed.proposal.block, Some(to));
        }
        let votes: Vec<SignedVote> =
            self.at.witness.votes_from(round.saturating_sub(1)).copied().collect();
        for vote in votes {
            self.out.send(to, &Message::Vote(vote));
        }
    }

    /// Answers what peers asked for, each at its own pace (C5).
    pub(crate) fn answer_peers(&mut self) {
        for (to, asked) in self.peers.questions(self.clock.mono_ms) {
            if let Some(ids) = asked.bodies {
                self.out.act(Action::SendBodies { to, ids });
            }
            match asked.blocks {
                Some(from) if from > self.head.height => {
                    self.out.send(to, &Message::Blocks(Vec::new()));
                }
                Some(from) => self.out.act(Action::SendBlocks { to, from }),
                None => {}
            }
        }
    }

    /// A message of consensus: for the height under way, an early one, or a late one.
    fn of_consensus(&mut self, from: PublicKey, message: Message, crypto: &mut dyn Crypto) {
        let Some(height) = height_of(&message) else { return };
        let is_early = height == self.height().next();
        if self.head.validators.get(&from).is_none() && !is_early {
            return; // an observer has no say, and starts no height
        }
        if height < self.height() {
            return self.tell_laggard(from, height);
        }
        if self.is_from_a_twin(&message, crypto) {
            return self.halt(format!(
                "a vote or proposal for height {height} carries this validator's signature, and this node's log does not hold it: another node runs with the same key, or the log was lost"
            ));
        }
        self.note_working(&from, height);
        if height == self.height() && self.at.started {
            self.consensus_message(from, message, crypto);
        } else if height <= self.height().next() {
            self.buffer.keep(from, height, message);
        }
    }

    pub(crate) fn consensus_message(
        &mut self,
        from: PublicKey,
        message: Message,
        crypto: &mut dyn Crypto,
    ) {
        if self.at.decided.is_some() || self.at.committing.is_some() {
            return;
        }
        match message {
            Message::Vote(vote) => self.with_engine(crypto, |e, desk| e.vote(&vote, desk)),
            Message::Proposal(p) => self.with_engine(crypto, |e, desk| e.proposal(&p, desk)),
            Message::Polka(polka) => self.with_engine(crypto, |e, desk| e.polka(&polka, desk)),
            Message::Round(round) => {
                self.with_engine(crypto, |e, desk| e.round_certificate(&round, desk));
            }
            Message::Part(part) => {
                let round = part.round;
                match self.at.blocks.part(from, part) {
                    Ok(None) => {}
                    Ok(Some((header, ids))) => self.block_arrived(from, round, header, ids),
                    Err(why) => self.out.act(Action::Fault { peer: from, why }),
                }
            }
            _ => {}
        }
    }

    /// Whether the message holds a valid signature of this validator that this node did not make.
    /// Of a certificate one unknown vote in its name is looked at: an honest one holds no other.
    fn is_from_a_twin(&self, message: &Message, crypto: &dyn Crypto) -> bool {
        let (me, chain) = (self.at.me, &self.config.chain);
        let strange = |v: &SignedVote| v.vote.validator == me && !self.at.guard.knows_vote(&v.vote);
        let holds = |v: SignedVote| v.holds(chain, crypto.verifier());
        match message {
            Message::Vote(vote) => strange(vote) && holds(*vote),
            Message::Polka(polka) => polka.votes().find(strange).is_some_and(holds),
            Message::Round(round) => round.votes().find(strange).is_some_and(holds),
            Message::Proposal(signed) => {
                signed.proposal.proposer == me
                    && !self.at.guard.knows_proposal(&signed.proposal)
                    && signed.holds(chain, crypto.verifier())
            }
            _ => false,
        }
    }

    fn tell_laggard(&mut self, from: PublicKey, height: Height) {
        let now = self.clock.mono_ms;
        let settled = now.saturating_sub(self.committed_at) >= LAGGARD_MS;
        let far = height < self.head.height;
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let told = peer.told_at.is_some_and(|at| now.saturating_sub(at) < LAGGARD_MS);
        if (settled || far) && !told {
            peer.told_at = Some(now);
            self.out.send(from, &Message::Status { height: self.head.height });
        }
    }
}

fn height_of(message: &Message) -> Option<Height> {
    match message {
        Message::Vote(signed) => Some(signed.vote.height),
        Message::Proposal(signed) => Some(signed.proposal.height),
        Message::Part(part) => Some(part.height),
        Message::Polka(polka) => Some(polka.height),
        Message::Round(round) => Some(round.height),
        _ => None,
    }
}
