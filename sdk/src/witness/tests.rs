//! A witness sees a log grow, a node that is behind, and validators who rewrite history.

use super::*;
use ed25519_dalek::{Signer, SigningKey};
use linli_types::certificate::{Certificate, Precommit};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, PublicKey, Signature};
use linli_types::merkle::{self, Shape};
use linli_types::signature::Zip215;
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use linli_types::{certificate, header};
use linli_verify::note::Kind;

fn secret(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn public(n: u8) -> PublicKey {
    PublicKey(secret(n).verifying_key().to_bytes())
}

fn genesis() -> Genesis {
    let kinds = [OrgKind::District, OrgKind::Operator, OrgKind::Street, OrgKind::Fund];
    let seat = |(n, kind): (u8, OrgKind)| Validator {
        key: public(n),
        network_key: public(n + 10),
        power: 1,
        org: u32::from(n),
        kind,
        name: format!("v{n}"),
    };
    Genesis {
        format: linli_types::genesis::FORMAT,
        protocol: header::PROTOCOL,
        name: "witnessed".into(),
        time: TimeMs(1_800_000_000_000),
        undo_heights: linli_types::limits::UNDO_HEIGHTS,
        validators: ValidatorSet::new((1..).zip(kinds).map(seat).collect()).unwrap(),
        principals: Vec::new(),
        accounts: Vec::new(),
        modules: Vec::new(),
        orgs: Vec::new(),
        policy: linli_types::policy::Policy::default(),
        books: linli_types::books::Books::standard(),
    }
}

/// Leaves of one history: those from `fork` on are another's.
fn leaves(size: u64, fork: u64) -> Vec<Digest> {
    let leaf =
        |n: u64| Sha256Log::leaf(&[n.to_be_bytes(), u64::from(n >= fork).to_be_bytes()].concat());
    (0..size).map(leaf).collect()
}

/// The proof that a log of `old` leaves is a prefix, by the definition of RFC 9162, section 2.1.4.1.
fn prefix(leaves: &[Digest], old: usize, whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![merkle::root::<Sha256Log>(leaves)] };
    }
    let half = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(half);
    if old <= half {
        let mut proof = prefix(left, old, whole);
        proof.push(merkle::root::<Sha256Log>(right));
        proof
    } else {
        let mut proof = prefix(right, old - half, false);
        proof.push(merkle::root::<Sha256Log>(left));
        proof
    }
}

/// A state that the validators certified, shown to one who signed a log of `from` leaves.
fn state(height: u64, size: u64, fork: u64, from: u64) -> LogState {
    let (genesis, leaves) = (genesis(), leaves(size, fork));
    let (chain, set) = (genesis.chain(), genesis.validators);
    let header = Header {
        format: header::FORMAT,
        flags: 0,
        protocol: header::PROTOCOL,
        chain,
        height: Height(height),
        time: TimeMs(1_800_000_000_000 + height),
        parent: BlockId([7; 32]),
        proposer: public(1),
        bodies_root: Digest([0; 32]),
        receipts_root: Digest([0; 32]),
        state_root: Digest([0; 32]),
        log_size: size,
        log_root: merkle::root::<Sha256Log>(&leaves),
        validators_hash: set.hash(),
        next_validators_hash: set.hash(),
    };
    let (height, block) = (header.height, header.id());
    let kind = certificate::VoteKind::Precommit;
    let bytes = certificate::vote_bytes(&chain, kind, height, 0, Some(&block));
    let vote = |v: &Validator| {
        let n = (1..=4).find(|n| public(*n) == v.key).unwrap();
        let signature = Signature(secret(n).sign(&bytes).to_bytes());
        Precommit { validator: v.key, signature }
    };
    let precommits = set.members().iter().map(vote).collect();
    let certificate = Certificate { height, round: 0, block, precommits };
    let mut note = Checkpoint::of(&chain, size, header.log_root).note().unwrap();
    let key = Key::new(origin(&chain), Kind::Log, public(1)).unwrap();
    let signature = Signature(secret(1).sign(note.text().as_bytes()).to_bytes());
    note.push(Line::new(&key, 0, &signature)).unwrap();
    let from = usize::try_from(from).unwrap();
    let known = from > 0 && from <= leaves.len();
    let consistency = if known { prefix(&leaves, from, true) } else { Vec::new() };
    LogState { note: note.to_string(), header, certificate, sets: Vec::new(), consistency }
}

const NEVER: u64 = u64::MAX;

fn witness() -> Witness {
    Witness::new(genesis().to_bytes()).unwrap()
}

fn look(last: Option<&LogState>, shown: &LogState) -> Result<Looked, Refused> {
    witness().look(last, shown, &Zip215)
}

#[test]
fn a_log_that_grows_is_signed_step_by_step() {
    let mut last = None;
    for (height, size) in [(3, 0), (5, 1), (6, 2), (9, 3), (20, 7), (21, 8), (30, 70)] {
        let from = last.as_ref().map_or(0, |last: &LogState| last.header.log_size);
        let shown = state(height, size, NEVER, from);
        assert!(matches!(look(last.as_ref(), &shown), Ok(Looked::New(_))), "{size}");
        last = Some(shown);
    }
    let again = state(31, 70, NEVER, 70);
    assert_eq!(look(last.as_ref(), &again), Ok(Looked::Same));
}

#[test]
fn the_signed_note_carries_the_log_s_line_and_the_witness_s() {
    let shown = state(5, 3, NEVER, 0);
    let Ok(Looked::New(note)) = look(None, &shown) else { panic!("a first state is signed") };
    let key = SecretKey::from_bytes(&[9; 32]);
    let name = Key::new("court.example/w1", Kind::Witness, key.public()).unwrap();
    let signed = witness().cosign(&note, &name, &key, 1_800_000_001).unwrap();
    assert_eq!(signed.lines().len(), 2);
    assert_eq!(signed.signed_by(&name, &Zip215), Ok(Some(1_800_000_001)));
    // Who cosigned before is no part of what this witness hands on.
    let again = witness().cosign(&signed, &name, &key, 1_800_000_002).unwrap();
    assert_eq!(again.lines().len(), 2);
}

#[test]
fn validators_who_rewrite_history_are_caught() {
    let last = state(10, 8, NEVER, 0);
    let fork = |height, size, fork| look(Some(&last), &state(height, size, fork, 8));
    // The same height twice; the same size twice; a longer log that differs within the shorter.
    assert_eq!(fork(10, 9, NEVER), Err(Refused::Fork(Contradiction::TwoBlocks)));
    assert_eq!(fork(11, 8, 7), Err(Refused::Fork(Contradiction::TwoRoots)));
    assert_eq!(fork(12, 20, 7), Err(Refused::Fork(Contradiction::NoPrefix)));
    assert_eq!(fork(12, 20, 0), Err(Refused::Fork(Contradiction::NoPrefix)));
    // A later block with fewer leaves; an earlier block with more.
    assert_eq!(fork(12, 7, NEVER), Err(Refused::Fork(Contradiction::Shrunk)));
    assert_eq!(fork(9, 9, NEVER), Err(Refused::Fork(Contradiction::Shrunk)));
    // What differs only after the last signed leaf is no fork.
    assert!(matches!(fork(12, 20, 8), Ok(Looked::New(_))));
}

#[test]
fn a_node_that_is_behind_is_no_fork_and_nothing_is_signed() {
    let last = state(10, 8, NEVER, 0);
    assert_eq!(look(Some(&last), &state(9, 5, NEVER, 0)), Ok(Looked::Behind));
    assert_eq!(look(Some(&last), &state(9, 8, NEVER, 0)), Ok(Looked::Same));
    assert_eq!(look(Some(&last), &state(9, 8, 3, 0)), Err(Refused::Fork(Contradiction::TwoRoots)));
}

#[test]
fn what_the_validators_did_not_certify_is_not_considered() {
    let mut shown = state(5, 3, NEVER, 0);
    shown.certificate.precommits.truncate(2);
    assert!(matches!(look(None, &shown), Err(Refused::NotProved(_))));
    let mut shown = state(5, 3, NEVER, 0);
    shown.header.log_size = 4;
    assert!(matches!(look(None, &shown), Err(Refused::NotProved(_))));
    // Certified, and the note says something else.
    let mut shown = state(5, 3, NEVER, 0);
    shown.note = state(5, 4, NEVER, 0).note;
    assert_eq!(look(None, &shown), Err(Refused::Note(BadNote::NoCheckpoint)));
    shown.note = "nothing".into();
    assert_eq!(look(None, &shown), Err(Refused::Note(BadNote::Malformed)));
}
