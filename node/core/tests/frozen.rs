//! Frozen bytes of what members say to each other and of what the log holds. A change here is a
//! change of the protocol between nodes: it needs a new protocol number, not a new digest.

use linli_core::message::{
    Message, PolkaCertificate, Proposal, ProposalPart, RoundCertificate, RoundVote, SignedProposal,
    SignedVote, SyncBlock, Vote,
};
use linli_core::{Evidence, wal};
use linli_types::certificate::{Certificate, Precommit, VoteKind};
use linli_types::digest;
use linli_types::height::Height;
use linli_types::id::{BlockId, BodyId, ChainId, PublicKey, Signature};

const KEY: PublicKey = PublicKey([2; 32]);
const SIGNATURE: Signature = Signature([3; 64]);
const BLOCK: BlockId = BlockId([4; 32]);
const HEIGHT: Height = Height(5);

fn vote(value: Option<BlockId>) -> SignedVote {
    let vote = Vote { kind: VoteKind::Precommit, height: HEIGHT, round: 6, value, validator: KEY };
    SignedVote { vote, signature: SIGNATURE }
}

fn proposal(lock_round: Option<u32>) -> SignedProposal {
    let proposal = Proposal { height: HEIGHT, round: 6, block: BLOCK, lock_round, proposer: KEY };
    SignedProposal { proposal, signature: SIGNATURE }
}

fn messages() -> Vec<Message> {
    let round_vote =
        RoundVote { kind: VoteKind::Prevote, value: None, validator: KEY, signature: SIGNATURE };
    let certificate = Certificate {
        height: HEIGHT,
        round: 6,
        block: BLOCK,
        precommits: vec![Precommit { validator: KEY, signature: SIGNATURE }],
    };
    let body = b"body".to_vec();
    vec![
        Message::Hello {
            chain: ChainId([1; 32]),
            protocol_min: 1,
            protocol_max: 2,
            height: HEIGHT,
        },
        Message::Vote(vote(Some(BLOCK))),
        Message::Proposal(proposal(Some(1))),
        Message::Part(ProposalPart {
            height: HEIGHT,
            round: 6,
            index: 0,
            total: 1,
            bytes: body.clone(),
        }),
        Message::Polka(PolkaCertificate {
            height: HEIGHT,
            round: 6,
            block: BLOCK,
            signatures: vec![(KEY, SIGNATURE)],
        }),
        Message::Round(RoundCertificate {
            height: HEIGHT,
            round: 6,
            skip: true,
            votes: vec![round_vote],
        }),
        Message::Status { height: HEIGHT },
        Message::BlocksRequest { from: HEIGHT },
        Message::Blocks(vec![SyncBlock {
            header: b"header".to_vec(),
            bodies: vec![body.clone()],
            certificate,
        }]),
        Message::BodiesRequest { ids: vec![BodyId([7; 32])] },
        Message::Bodies(vec![body.clone()]),
        Message::Transactions(vec![body]),
    ]
}

fn short(bytes: &[u8]) -> String {
    digest::plain(bytes).to_string()[..16].to_string()
}

#[test]
fn messages_keep_their_bytes() {
    let found: Vec<String> = messages().iter().map(|m| short(&m.encode())).collect();
    assert_eq!(found, FROZEN_MESSAGES);
}

#[test]
fn every_kind_comes_back_as_it_was() {
    for message in messages() {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}

#[test]
fn a_cut_or_longer_message_is_refused() {
    for message in messages() {
        let bytes = message.encode();
        assert!(Message::decode(&bytes[..bytes.len() - 1]).is_err(), "{message:?}");
        assert!(Message::decode(&[&bytes[..], &[0]].concat()).is_err(), "{message:?}");
    }
}

#[test]
fn a_claimed_length_is_never_believed() {
    // Each list says that it holds four thousand million items.
    for kind in [8_u8, 9, 10, 11] {
        let bytes = [kind, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];
        assert!(Message::decode(&bytes).is_err());
    }
}

#[test]
fn evidence_and_log_keep_their_bytes() {
    let votes = Evidence::Votes { first: vote(None), second: vote(Some(BLOCK)) };
    let proposals = Evidence::Proposals { first: proposal(None), second: proposal(Some(1)) };
    let bodies = wal::bodies_record(HEIGHT, vec![b"body".to_vec()]);
    let found = [short(&votes.to_bytes()), short(&proposals.to_bytes()), short(&bodies)];
    assert_eq!(found, FROZEN_OTHERS);
}

const FROZEN_MESSAGES: [&str; 12] = [
    "12dfa43a60fc2b41",
    "d3bfcce513c0d0ba",
    "4336b981a6d370fd",
    "7dddb64376c057c2",
    "92ae485631fe58f3",
    "2936c6e56e7cee2c",
    "33a30e3f930e050d",
    "e5789e292d1f23d0",
    "6c5235a3ce7dcc94",
    "6124c218871fcfeb",
    "d3872362475b433c",
    "34f79b83be104b69",
];
const FROZEN_OTHERS: [&str; 3] = ["0070a668cc68de53", "21e7f3b7dbac8c7f", "acf40da45b491bc3"];
