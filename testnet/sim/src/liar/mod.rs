//! Validators that lie. Each wraps a real replica and spoils what it says; it holds its own key and
//! no other, so it can say anything, but only in its own name.

mod equivocator;
mod forger;
mod laggard;
mod silent;
mod trickster;

use crate::chance::Chance;
use crate::crypto::{Pair, Scheme, Signer};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_core::message::{Message, Vote};
use linli_types::height::Height;
use linli_types::id::{BodyId, ChainId, PublicKey, Signature};
use std::sync::Arc;

/// A way to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sin {
    /// Votes and proposes one thing to some and another to others, or both to all.
    Equivocator,
    /// Withholds: everything, votes, proposals, or whatever goes to some.
    Silent,
    /// Makes up certificates, blocks, heights and votes of others, and messages that are none.
    Forger,
    /// Speaks late, and repeats what it said long ago.
    Laggard,
    /// Plays with what nobody signs: claimed locks, lists of transactions, rounds of parts.
    Trickster,
}

impl Sin {
    /// Every sin.
    pub const ALL: &'static [Self] =
        &[Self::Equivocator, Self::Silent, Self::Forger, Self::Laggard, Self::Trickster];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equivocator => "equivocator",
            Self::Silent => "silent",
            Self::Forger => "forger",
            Self::Laggard => "laggard",
            Self::Trickster => "trickster",
        }
    }
}

/// What travels in parts: a block's header and its transactions.
#[derive(BorshSerialize, BorshDeserialize)]
struct Whole {
    header: Vec<u8>,
    transactions: Vec<BodyId>,
}

/// What every liar has at hand.
pub struct Hand {
    /// Signs in the liar's own name.
    pub signer: Signer,
    /// The chain.
    pub chain: ChainId,
    /// All validators' keys, by number.
    pub keys: Vec<PublicKey>,
    /// What the same validators sign on another chain.
    pub elsewhere: Elsewhere,
    /// The liar's number.
    pub me: usize,
    /// Its chance.
    pub chance: Chance,
}

/// Another chain on which the same validators vote with the same keys: what they sign there, and
/// only that, is anyone's to collect.
pub struct Elsewhere {
    pairs: Vec<Pair>,
    scheme: Scheme,
    chain: ChainId,
}

impl Elsewhere {
    /// The other chain of these validators; it is never `chain`.
    pub fn new(pairs: Vec<Pair>, scheme: Scheme, chain: &ChainId) -> Self {
        Self { pairs, scheme, chain: ChainId(linli_types::digest::plain(&chain.0).0) }
    }

    /// The signature of a vote cast there.
    pub fn vote(&self, vote: &Vote) -> Option<Signature> {
        let pair = self.pairs.iter().find(|pair| pair.public == vote.validator)?;
        Some(pair.sign(self.scheme, &vote.bytes(&self.chain)))
    }
}

/// A message to another validator, after a delay.
pub type Said = (u64, Arc<[u8]>);

/// A way to lie, at work.
pub trait Lie {
    /// What really goes to `to` instead of `bytes`; `message` is what the replica said.
    fn instead(
        &mut self,
        hand: &mut Hand,
        to: usize,
        message: &Message,
        bytes: &Arc<[u8]>,
    ) -> Vec<Said>;

    /// What the liar says out of turn, a few times a second, while its replica decides the height
    /// after `head`.
    fn unasked(&mut self, hand: &mut Hand, head: Height) -> Vec<(usize, Arc<[u8]>)> {
        let _ = (hand, head);
        Vec::new()
    }
}

/// A liar: its hand and its lie.
pub struct Liar {
    hand: Hand,
    lie: Box<dyn Lie>,
}

impl Liar {
    /// A liar with this sin.
    pub fn new(sin: Sin, mut hand: Hand) -> Self {
        let lie: Box<dyn Lie> = match sin {
            Sin::Equivocator => Box::new(equivocator::Equivocator::new(&mut hand)),
            Sin::Silent => Box::new(silent::Silent::new(&mut hand)),
            Sin::Forger => Box::new(forger::Forger),
            Sin::Laggard => Box::new(laggard::Laggard::default()),
            Sin::Trickster => Box::new(trickster::Trickster::new(&mut hand)),
        };
        Self { hand, lie }
    }

    /// What goes to `to` instead of `bytes`.
    pub fn instead(&mut self, to: usize, bytes: &Arc<[u8]>) -> Vec<Said> {
        match Message::decode(bytes) {
            // Who does not greet is no member of the net at all.
            Ok(Message::Hello { .. }) | Err(_) => vec![(0, Arc::clone(bytes))],
            Ok(message) => self.lie.instead(&mut self.hand, to, &message, bytes),
        }
    }

    /// What it says out of turn.
    pub fn unasked(&mut self, head: Height) -> Vec<(usize, Arc<[u8]>)> {
        self.lie.unasked(&mut self.hand, head)
    }

    /// Whether its replica may hear this: its own lies, echoed, would make the replica below stop,
    /// as it takes them for those of a twin.
    pub fn hears(&self, message: &Message) -> bool {
        let me = self.hand.signer.public();
        match message {
            Message::Vote(signed) => signed.vote.validator != me,
            Message::Proposal(signed) => signed.proposal.proposer != me,
            Message::Polka(polka) => polka.votes().all(|v| v.vote.validator != me),
            Message::Round(round) => round.votes().all(|v| v.vote.validator != me),
            _ => true,
        }
    }
}
