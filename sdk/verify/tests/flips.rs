//! Whatever is changed is noticed, and nothing panics.

mod support;

use linli_types::genesis::Genesis;
use linli_verify::pack::{BlockProof, Contents, LogPlace, Pack, SetChange};
use linli_verify::{FileDigests, Layer, Reason, verify};
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::*;

/// Single-bit flips over the file and the pack (design: issue 2, "10,000 random places").
const FLIPS: usize = 10_000;

/// A small generator with a printed seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % n as u64) as usize
    }
}

#[test]
fn ten_thousand_flipped_bits_of_file_or_pack_each_fail_with_a_layer() {
    let seed = 0x11_1117;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let (file, genesis) = (file(), genesis().to_bytes());
    for contents in [evidence(), receipt_contents(), state_contents()] {
        let pack = sealed(&contents);
        let has_file = matches!(contents, Contents::Evidence { .. });
        let places = if has_file { file.len() + pack.len() } else { pack.len() };
        let mut layers: BTreeMap<Layer, usize> = BTreeMap::new();
        for _ in 0..FLIPS {
            let (at, bit) = (chance.below(places), chance.below(8));
            let (mut pack, mut file) = (pack.clone(), file.clone());
            match at.checked_sub(pack.len()) {
                Some(at) => file[at] ^= 1 << bit,
                None => pack[at] ^= 1 << bit,
            }
            let files: Vec<_> =
                has_file.then(|| FileDigests::of("a.pdf", &file)).into_iter().collect();
            let failure = verify(&pack, &files, &genesis).expect_err("a changed bit was not seen");
            *layers.entry(failure.layer()).or_default() += 1;
        }
        let wanted = if has_file { vec![Layer::Pack, Layer::File] } else { vec![Layer::Pack] };
        assert_eq!(layers.keys().copied().collect::<Vec<_>>(), wanted);
    }
}

/// The entries of a pack, each as bytes.
fn parts() -> [Vec<u8>; 8] {
    let Contents::Evidence { manifest, statement, log, transaction, receipt } = evidence() else {
        unreachable!()
    };
    let block = block_proof();
    [
        manifest,
        statement,
        linli_types::encode(&log),
        linli_types::encode(&transaction),
        linli_types::encode(&receipt),
        block.header.to_bytes(),
        linli_types::encode(&block.certificate),
        linli_types::encode(&block.sets),
    ]
}

/// A pack with one bit of one entry changed, sealed anew: what a forger does.
fn forged(
    mut parts: [Vec<u8>; 8],
    entry: usize,
    at: usize,
    bit: usize,
) -> Option<Result<Vec<u8>, &'static str>> {
    let part = parts.get_mut(entry)?;
    *part.get_mut(at)? ^= 1 << bit;
    Some(reseal(&parts).ok_or("no value of its type"))
}

fn read<T: borsh::BorshDeserialize>(bytes: &[u8]) -> Option<T> {
    T::try_from_slice(bytes).ok()
}

fn reseal(parts: &[Vec<u8>; 8]) -> Option<Vec<u8>> {
    let [manifest, statement, log, transaction, receipt, header, certificate, sets] = parts;
    let contents = Contents::Evidence {
        manifest: manifest.clone(),
        statement: statement.clone(),
        log: read::<LogPlace>(log)?,
        transaction: read(transaction)?,
        receipt: read(receipt)?,
    };
    let sets = read::<Vec<SetChange>>(sets)?;
    let block = BlockProof { header: read(header)?, certificate: read(certificate)?, sets };
    Some(Pack::new(&contents, &block).to_bytes())
}

#[test]
fn no_bit_of_any_entry_can_be_changed_even_by_one_who_seals_anew() {
    let genesis = genesis().to_bytes();
    let files = [FileDigests::of("a.pdf", &file())];
    let mut layers: BTreeMap<Layer, usize> = BTreeMap::new();
    let parts = parts();
    for entry in 0..8 {
        for at in 0.. {
            let Some(pack) = forged(parts.clone(), entry, at, (at * 5 + entry) % 8) else { break };
            let Ok(pack) = pack else { continue };
            let failure = verify(&pack, &files, &genesis)
                .expect_err(&format!("entry {entry}, byte {at} has slack"));
            *layers.entry(failure.layer()).or_default() += 1;
        }
    }
    let all = [
        Layer::Manifest,
        Layer::Statement,
        Layer::Log,
        Layer::Transaction,
        Layer::Receipt,
        Layer::Block,
        Layer::Certificate,
        Layer::Validators,
        Layer::Genesis,
    ];
    assert_eq!(layers.keys().copied().collect::<Vec<_>>(), all, "{layers:?}");
}

#[test]
fn every_truncation_fails() {
    let (pack, genesis) = (sealed(&evidence()), genesis().to_bytes());
    let files = [FileDigests::of("a.pdf", &file())];
    for len in 0..pack.len() {
        let failure = verify(&pack[..len], &files, &genesis).unwrap_err();
        assert_eq!(failure.layer(), Layer::Pack, "cut at {len}");
    }
}

#[test]
fn a_genesis_with_a_changed_bit_is_another_chain() {
    let (pack, good) = (sealed(&evidence()), genesis().to_bytes());
    let files = [FileDigests::of("a.pdf", &file())];
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let failure = verify(&pack, &files, &bad).unwrap_err();
        assert_eq!(failure.layer(), Layer::Genesis, "bit {bit}");
    }
}

proptest! {
    #[test]
    fn random_bytes_are_no_pack(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let failure = verify(&bytes, &[], &genesis().to_bytes()).unwrap_err();
        prop_assert_eq!(failure.reason, Reason::PackUnreadable);
    }

    #[test]
    fn random_tails_and_holes_never_pass(
        cut in 0..4000_usize,
        tail in proptest::collection::vec(any::<u8>(), 1..300),
    ) {
        let mut pack = include_bytes!("fixtures/receipt.linli").to_vec();
        let at = cut % pack.len();
        let end = (at + tail.len()).min(pack.len());
        if pack[at..end] == tail[..end - at] {
            return Ok(());
        }
        pack.splice(at..end, tail);
        prop_assert_eq!(verify(&pack, &[], &genesis().to_bytes()).unwrap_err().layer(), Layer::Pack);
    }

    #[test]
    fn random_entries_in_a_well_made_seal_never_panic(
        manifest in proptest::collection::vec(any::<u8>(), 0..200),
        statement in proptest::collection::vec(any::<u8>(), 0..200),
        leaf in any::<u64>(),
        size in any::<u64>(),
        depth in 0..70_usize,
    ) {
        let path = vec![linli_types::id::Digest([1; 32]); depth];
        let log = LogPlace { leaf, size, path };
        let World { transaction, receipt, .. } = world();
        let contents = Contents::Evidence { manifest, statement, log, transaction, receipt };
        let genesis: Genesis = genesis();
        prop_assert!(verify(&sealed(&contents), &[], &genesis.to_bytes()).is_err());
    }
}
