//! States of the log and the way between two of them: what holds, and everything that does not.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ed25519_dalek::Signer;
use linli_types::header::Header;
use linli_types::id::{ChainId, Digest, Signature};
use linli_types::merkle::{self, Sha256Log, Shape};
use linli_types::signature::Zip215;
use linli_verify::log::{Block, Consistency, End, Known, LogState, Proved, Word, check_note};
use linli_verify::note::{Checkpoint, Key, Kind, Line, Note, origin};
use linli_verify::{Reason, Trust};
use proptest::prelude::*;
use support::*;

/// Single-bit changes.
const FLIPS: usize = 200;
/// Leaves of the two logs: before and after the change of the set.
const SIZES: (u64, u64) = (3, 11);

fn leaves(size: u64) -> Vec<Digest> {
    (0..size).map(|n| Sha256Log::leaf(&n.to_be_bytes())).collect()
}

fn root(size: u64) -> Digest {
    merkle::root::<Sha256Log>(&leaves(size))
}

/// RFC 9162 §2.1.4.1, written as it stands there.
fn subproof(m: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    let n = leaves.len();
    if m == n {
        return if whole { Vec::new() } else { vec![merkle::root::<Sha256Log>(leaves)] };
    }
    // The largest power of two below n.
    let k = n.next_power_of_two() / 2;
    let (mut path, beside) = match m <= k {
        true => (subproof(m, &leaves[..k], whole), &leaves[k..]),
        false => (subproof(m - k, &leaves[k..], false), &leaves[..k]),
    };
    path.push(merkle::root::<Sha256Log>(beside));
    path
}

fn header(height: u64, size: u64) -> Header {
    let (before, after) = (set(4), set(5));
    let set = if height <= 5 { &before } else { &after };
    Header { log_size: size, log_root: root(size), ..header_at(height, set, set) }
}

fn block(height: u64, size: u64) -> Block {
    let header = header(height, size);
    let signers = if height <= 5 { [1, 2, 4] } else { [1, 2, 5] };
    Block { certificate: certify(&header, &signers), header }
}

/// From height 3 to height 9, over a change of the set at 5.
fn proof() -> Consistency {
    let (from, to) = SIZES;
    let end = |height, size| End { size, root: root(size), block: Some(block(height, size)) };
    Consistency {
        chain: chain(),
        from: end(3, from),
        to: end(9, to),
        path: subproof(usize::try_from(from).unwrap(), &leaves(to), true),
        sets: vec![change()],
    }
}

/// The same without blocks: what ties it stands beside.
fn loose() -> Consistency {
    let mut proof = proof();
    (proof.from.block, proof.to.block) = (None, None);
    proof.sets.clear();
    proof
}

fn witness(n: u8) -> Key {
    Key::new("court.example/1", Kind::Witness, public(n)).unwrap()
}

/// A checkpoint of the log of `size`, cosigned by witness `n`.
fn note(size: u64, root: Digest, n: u8) -> Note {
    let mut note = Checkpoint::of(&chain(), size, root).note().unwrap();
    let signature = key(n).sign(&Kind::Witness.message(note.text(), 1_795_478_500));
    note.push(Line::new(&witness(n), 1_795_478_500, &Signature(signature.to_bytes()))).unwrap();
    note
}

fn state(height: u64, size: u64) -> LogState {
    let Block { header, certificate } = block(height, size);
    let sets = if height > 5 { vec![change()] } else { Vec::new() };
    let note = note(size, header.log_root, 77).to_string();
    LogState { note, header, certificate, sets, consistency: Vec::new() }
}

fn check(proof: &Consistency, beside: &[Known]) -> Result<Proved, Reason> {
    proof.check(&genesis().to_bytes(), beside, &Zip215).map_err(|why| why.reason)
}

fn known_state(state: &LogState, keys: &[Key]) -> Result<Known, Reason> {
    state.check(&genesis().to_bytes(), keys, &Zip215).map_err(|why| why.reason)
}

fn known_note(bytes: &[u8], keys: &[Key]) -> Result<Known, Reason> {
    let trust = Trust::read(&genesis().to_bytes()).unwrap();
    check_note(bytes, &trust, keys, &Zip215).map_err(|why| why.reason)
}

#[test]
fn the_blocks_inside_tie_both_roots_over_a_change_of_the_set() {
    let proved = check(&proof(), &[]).unwrap();
    assert_eq!((proved.from.size, proved.to.size), SIZES);
    for (known, height) in [(&proved.from, 3), (&proved.to, 9)] {
        let [Word::Certificate { height: found, by, .. }] = known.by.as_slice() else {
            panic!("{known:?}");
        };
        assert_eq!((found.0, by.len(), known.root), (height, 3, root(known.size)));
    }
    // Every way between logs of few leaves, tied by what stands beside.
    for to in 1..=20_u64 {
        for from in 1..=to {
            let mut proof = loose();
            (proof.from.size, proof.from.root) = (from, root(from));
            (proof.to.size, proof.to.root) = (to, root(to));
            let (m, all) = (usize::try_from(from).unwrap(), leaves(to));
            proof.path = if from == to { Vec::new() } else { subproof(m, &all, true) };
            let tied = [(3, from), (9, to)]
                .map(|(height, size)| known_state(&state(height, size), &[]).unwrap());
            assert!(check(&proof, &tied).is_ok(), "{from} {to}");
        }
    }
}

#[test]
fn states_and_notes_beside_tie_what_no_block_ends_at() {
    let (from, to) = SIZES;
    assert_eq!(check(&loose(), &[]).unwrap_err(), Reason::LogUntied);
    let old = known_note(note(from, root(from), 77).to_string().as_bytes(), &[witness(77)]);
    let old = old.unwrap();
    assert_eq!(check(&loose(), std::slice::from_ref(&old)).unwrap_err(), Reason::LogUntied);
    let new = known_state(&state(9, to), &[witness(77)]).unwrap();
    assert_eq!(new.by.len(), 2, "the certificate and the witness");
    let proved = check(&loose(), &[old.clone(), new]).unwrap();
    let key = witness(77).to_string();
    assert_eq!(proved.from.by, [Word::Note { key, time_s: 1_795_478_500 }]);
    // A state of a third size is a mistake, not one more proof.
    let third = known_state(&state(9, 7), &[]).unwrap();
    assert_eq!(check(&proof(), &[third]).unwrap_err(), Reason::LogNoEnd);
    // Another root of the same size: two histories.
    let forked = Known { root: Digest([1; 32]), ..old };
    assert_eq!(check(&proof(), &[forked]).unwrap_err(), Reason::LogRootOther);
}

#[test]
fn every_way_in_which_a_proof_can_be_wrong_is_named() {
    let wrong = |change: &dyn Fn(&mut Consistency)| {
        let mut proof = proof();
        change(&mut proof);
        check(&proof, &[]).unwrap_err()
    };
    assert_eq!(
        wrong(&|p| std::mem::swap(&mut p.from.root, &mut p.to.root)),
        Reason::LogConsistency
    );
    assert_eq!(wrong(&|p| std::mem::swap(&mut p.from, &mut p.to)), Reason::LogConsistency);
    assert_eq!(wrong(&|p| p.path.truncate(1)), Reason::LogConsistency);
    assert_eq!(wrong(&|p| p.path.push(Digest([0; 32]))), Reason::LogConsistency);
    assert_eq!(wrong(&|p| p.path.swap(0, 1)), Reason::LogConsistency);
    assert_eq!(wrong(&|p| p.from.size = 0), Reason::LogConsistency);
    assert_eq!(wrong(&|p| p.from.size = 4), Reason::LogConsistency);
    // RFC 9162's way alone does not tell 11 leaves from 12: the block does.
    assert_eq!(wrong(&|p| p.to.size = 12), Reason::LogRootOther);
    assert_eq!(wrong(&|p| p.to.block = Some(block(9, 10))), Reason::LogRootOther);
    assert_eq!(wrong(&|p| p.to.block = p.from.block.clone()), Reason::LogRootOther);
    assert_eq!(wrong(&|p| p.chain = ChainId([1; 32])), Reason::GenesisOther);
    assert_eq!(wrong(&|p| p.sets.clear()), Reason::SetsIncomplete);
    let few = |p: &mut Consistency| {
        p.from.block.as_mut().unwrap().certificate.precommits.truncate(2);
    };
    assert_eq!(wrong(&few), Reason::CertificatePower);
    let other =
        |p: &mut Consistency| p.from.block.as_mut().unwrap().header.chain = ChainId([1; 32]);
    assert_eq!(wrong(&other), Reason::GenesisOther);
    let mut genesis = genesis();
    genesis.name = "another".into();
    let why = proof().check(&genesis.to_bytes(), &[], &Zip215).unwrap_err();
    assert_eq!(why.reason, Reason::GenesisOther);
}

#[test]
fn a_state_or_a_note_that_does_not_hold_ties_nothing() {
    let (good, keys) = (state(9, 11), [witness(77)]);
    let wrong = |change: &dyn Fn(&mut LogState)| {
        let mut state = good.clone();
        change(&mut state);
        known_state(&state, &keys).unwrap_err()
    };
    assert_eq!(wrong(&|s| s.header.log_size = 12), Reason::HeaderOther);
    assert_eq!(wrong(&|s| s.note = note(12, root(12), 77).to_string()), Reason::CheckpointOther);
    assert_eq!(wrong(&|s| s.note.clear()), Reason::CheckpointOther);
    assert_eq!(wrong(&|s| s.sets.clear()), Reason::SetsIncomplete);
    let good = note(11, root(11), 77).to_string();
    assert!(known_note(good.as_bytes(), &keys).is_ok());
    assert_eq!(known_note(good.as_bytes(), &[]).unwrap_err(), Reason::CheckpointUnsigned);
    assert_eq!(
        known_note(good.as_bytes(), &[witness(78)]).unwrap_err(),
        Reason::CheckpointUnsigned
    );
    let other = good.replace(&origin(&chain()), &origin(&ChainId([1; 32])));
    assert_eq!(known_note(other.as_bytes(), &keys).unwrap_err(), Reason::GenesisOther);
    let larger = good.replacen("\n11\n", "\n12\n", 1);
    assert_eq!(known_note(larger.as_bytes(), &keys).unwrap_err(), Reason::CheckpointOther);
    for bytes in [&b""[..], b"linli/", &good.as_bytes()[..good.len() - 1]] {
        assert_eq!(known_note(bytes, &keys).unwrap_err(), Reason::CheckpointOther);
    }
}

#[test]
fn other_spellings_of_a_proof_are_refused() {
    let good = proof().to_json();
    assert_eq!(Consistency::from_json(good.as_bytes()).unwrap(), proof());
    let digest = root(3).to_string();
    for bad in [
        good.trim_end().to_owned(),
        format!("{good} "),
        good.replace("  \"from\"", " \"from\""),
        good.replace("\"from\": 3", "\"from\": 3.0"),
        good.replace("\"from\": 3", "\"from\": 3,\n  \"more\": 1"),
        good.replace(&digest, &digest.to_uppercase()),
        good.replace("\"path\": [", "\"path\": [\n    \"00\","),
        String::from("{}"),
        String::from("{"),
    ] {
        let why = Consistency::from_json(bad.as_bytes()).unwrap_err();
        assert_eq!(why.reason, Reason::ConsistencyMalformed, "{bad}");
    }
    let mut long = loose();
    long.path = vec![Digest([0; 32]); linli_types::limits::LOG_PATH_MAX + 1];
    assert!(Consistency::from_json(long.to_json().as_bytes()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(u32::try_from(FLIPS).unwrap()))]

    #[test]
    fn every_flipped_bit_is_found(bit in any::<proptest::sample::Index>()) {
        let flip = |good: &[u8]| {
            let (mut bytes, bit) = (good.to_vec(), bit.index(good.len() * 8));
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        let bad = flip(proof().to_json().as_bytes());
        let read = Consistency::from_json(&bad);
        prop_assert!(read.is_err() || check(&read.unwrap(), &[]).is_err());
        // The lines of a state's note count only by the keys that are given: its bits are the witness's.
        let bad = flip(&linli_types::encode(&state(9, 11)));
        if let Ok(read) = LogState::from_bytes(&bad) {
            let known = known_state(&read, &[witness(77)]);
            prop_assert!(known.is_err() || known.unwrap().by.len() < 2);
        }
        let bad = flip(note(11, root(11), 77).to_string().as_bytes());
        prop_assert!(known_note(&bad, &[witness(77)]).is_err());
    }
}

/// Written anew only by hand, when a format gets a new number.
const KEPT: [(&str, &[u8]); 4] = [
    ("consistency.json", include_bytes!("fixtures/log/consistency.json")),
    ("loose.json", include_bytes!("fixtures/log/loose.json")),
    ("last.state", include_bytes!("fixtures/log/last.state")),
    ("old.note", include_bytes!("fixtures/log/old.note")),
];

#[test]
#[allow(clippy::disallowed_methods, reason = "a test may write")]
fn the_kept_files_are_what_is_written_today() {
    let today = [
        proof().to_json().into_bytes(),
        loose().to_json().into_bytes(),
        linli_types::encode(&state(9, 11)),
        note(3, root(3), 77).to_string().into_bytes(),
    ];
    let mut differing = Vec::new();
    for ((name, kept), made) in KEPT.into_iter().zip(today) {
        if kept != made {
            let aside = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            std::fs::write(&aside, &made).unwrap();
            differing.push(aside);
        }
    }
    assert!(differing.is_empty(), "written differently: {differing:#?}");
}
