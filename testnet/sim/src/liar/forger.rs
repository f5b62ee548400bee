//! Makes things up: certificates, blocks, heights, votes of others, votes that others cast on
//! another chain, requests without end, and bytes that are no message.

use super::{Hand, Lie, Said};
use linli_core::message::{
    Message, PolkaCertificate, RoundCertificate, RoundVote, SignedVote, SyncBlock, Vote,
};
use linli_types::certificate::VoteKind;
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::{BlockId, BodyId, Signature};
use std::sync::Arc;

/// See the module.
pub(super) struct Forger;

impl Lie for Forger {
    fn instead(
        &mut self,
        hand: &mut Hand,
        _to: usize,
        message: &Message,
        bytes: &Arc<[u8]>,
    ) -> Vec<Said> {
        match message {
            Message::Blocks(blocks) if hand.chance.one_in(2) => {
                let mut blocks = blocks.clone();
                blocks.iter_mut().for_each(|block| spoil(hand, block));
                vec![(0, Message::Blocks(blocks).encode())]
            }
            _ => vec![(0, Arc::clone(bytes))],
        }
    }

    fn unasked(&mut self, hand: &mut Hand, head: Height) -> Vec<(usize, Arc<[u8]>)> {
        let lie: Arc<[u8]> = match hand.chance.below(8) {
            0 => {
                Message::Status { height: Height(head.0 + hand.chance.between(1, 5_000)) }.encode()
            }
            1 => Message::Polka(polka(hand, head.next())).encode(),
            2 => Message::Round(round(hand, head.next())).encode(),
            3 => Message::Vote(in_anothers_name(hand, head.next())).encode(),
            4 | 5 => Message::Vote(from_another_chain(hand, head.next())).encode(),
            6 => request(hand),
            _ => noise(hand),
        };
        let others = (0..hand.keys.len()).filter(|to| *to != hand.me);
        others.map(|to| (to, Arc::clone(&lie))).collect()
    }
}

/// A block whose certificate proves nothing, or that is not the certified one.
fn spoil(hand: &mut Hand, block: &mut SyncBlock) {
    let precommits = &mut block.certificate.precommits;
    match hand.chance.below(5) {
        0 => precommits.truncate(1),
        1 => {
            for precommit in precommits.iter_mut() {
                precommit.signature = hand.signer.sign_as_self(b"certainly");
            }
        }
        2 => block.certificate.block = BlockId(hand.chance.bytes()),
        3 => another_block(hand, block),
        _ => {
            // Another header under a certificate of signatures that are all the forger's.
            let at = hand.chance.index(block.header.len());
            if let Some(byte) = block.header.get_mut(at) {
                *byte ^= 1;
            }
        }
    }
}

/// The same block a moment later: it executes alike, and nobody voted for it.
fn another_block(hand: &mut Hand, block: &mut SyncBlock) {
    let Ok(mut header) = Header::from_bytes(&block.header) else { return };
    header.time = header.time.plus_ms(1);
    block.header = header.to_bytes();
    block.certificate.block = header.id();
    let signature = hand.signer.sign_as_self(b"they all agreed");
    block.certificate.precommits.iter_mut().for_each(|p| p.signature = signature);
}

fn polka(hand: &mut Hand, height: Height) -> PolkaCertificate {
    let block = BlockId(hand.chance.bytes());
    let signature = hand.signer.sign_as_self(b"they all prevoted");
    let signatures = hand.keys.iter().map(|key| (*key, signature)).collect();
    PolkaCertificate { height, round: small_round(hand), block, signatures }
}

fn round(hand: &mut Hand, height: Height) -> RoundCertificate {
    let signature = hand.signer.sign_as_self(b"they all left");
    let (kind, value) = (VoteKind::Precommit, None);
    let vote = |key: &_| RoundVote { kind, value, validator: *key, signature };
    let votes = hand.keys.iter().map(vote).collect();
    RoundCertificate { height, round: small_round(hand), skip: hand.chance.one_in(2), votes }
}

fn small_round(hand: &mut Hand) -> u32 {
    u32::try_from(hand.chance.below(6)).unwrap_or(0)
}

fn in_anothers_name(hand: &mut Hand, height: Height) -> SignedVote {
    let vote = vote(hand, height);
    let signature = hand.signer.sign_as_self(&vote.bytes(&hand.chain));
    SignedVote { vote, signature }
}

/// A vote that an honest validator really cast, on another chain where the same keys vote.
fn from_another_chain(hand: &mut Hand, height: Height) -> SignedVote {
    let vote = Vote { round: 0, value: None, ..vote(hand, height) };
    let signature = hand.elsewhere.vote(&vote).unwrap_or(Signature([0; 64]));
    SignedVote { vote, signature }
}

fn vote(hand: &mut Hand, height: Height) -> Vote {
    let kind = if hand.chance.one_in(2) { VoteKind::Prevote } else { VoteKind::Precommit };
    let value = hand.chance.one_in(2).then(|| BlockId(hand.chance.bytes()));
    let others: Vec<_> = hand.keys.iter().filter(|k| **k != hand.signer.public()).collect();
    let validator = hand.chance.pick(&others).map_or(hand.signer.public(), |key| **key);
    Vote { kind, height, round: small_round(hand), value, validator }
}

fn request(hand: &mut Hand) -> Arc<[u8]> {
    match hand.chance.below(3) {
        0 => Message::BlocksRequest { from: Height(1) },
        1 => Message::BodiesRequest { ids: vec![BodyId(hand.chance.bytes()); 50] },
        _ => Message::Transactions(vec![hand.chance.bytes::<64>().to_vec(); 20]),
    }
    .encode()
}

fn noise(hand: &mut Hand) -> Arc<[u8]> {
    let length = hand.chance.index(300);
    let mut bytes = vec![0; length];
    bytes.iter_mut().for_each(|byte| *byte = u8::try_from(hand.chance.below(256)).unwrap_or(0));
    bytes.into()
}
