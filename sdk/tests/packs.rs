//! Sealing what a node gave: what holds is sealed, what only stands beside it may be missing, and what
//! does not hold is no pack.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_sdk::anchor::gather::Proved;
use linli_types::signature::Zip215;
use linli_verify::{Layer, Pack, Whole, verify};

/// A kept pack with everything in it, and its genesis.
const COURT: &[u8] = include_bytes!("../verify/tests/fixtures/court.linli");
const GENESIS: &[u8] = include_bytes!("../verify/tests/fixtures/genesis");

fn court() -> Proved {
    let pack = Pack::from_bytes(COURT).unwrap();
    let (whole, block) = Whole::open(&pack).unwrap().unwrap();
    Proved { whole, block }
}

#[test]
fn a_pack_that_was_taken_apart_is_sealed_to_the_same() {
    let sealed = court().seal(GENESIS, &Zip215).unwrap();
    assert!(sealed.bytes == COURT && sealed.left_out.is_empty());
}

#[test]
fn what_only_stands_beside_the_proof_is_left_out_if_it_does_not_hold() {
    type Change = fn(&mut Proved);
    let changes: [(Layer, Change); 4] = [
        (Layer::Token, |p| p.whole.token.as_mut().unwrap().place.leaf += 1),
        (Layer::Checkpoint, |p| p.whole.checkpoint.as_mut().unwrap().keys.clear()),
        (Layer::Policy, |p| p.whole.policy.as_mut().unwrap().policy.reverse()),
        (Layer::Cose, |p| {
            let two = &mut p.whole.receipts;
            two[0].0.signature = two[1].0.signature;
        }),
    ];
    for (layer, change) in changes {
        let mut proved = court();
        change(&mut proved);
        let sealed = proved.seal(GENESIS, &Zip215).unwrap();
        let left_out: Vec<Layer> = sealed.left_out.iter().map(|why| why.layer()).collect();
        assert_eq!(left_out, [layer]);
        let report = verify(&sealed.bytes, &[], GENESIS).unwrap();
        assert_eq!(report.token.is_none(), layer == Layer::Token);
        assert_eq!(report.checkpoint.is_none(), layer == Layer::Checkpoint);
        assert_eq!(report.policy.is_none(), layer == Layer::Policy);
        assert_eq!(report.receipts.is_empty(), layer == Layer::Cose);
    }
}

#[test]
fn what_does_not_hold_is_not_sealed() {
    type Change = fn(&mut Proved);
    let changes: [(Layer, Change); 5] = [
        (Layer::Log, |p| p.whole.log.path.reverse()),
        (Layer::Manifest, |p| p.whole.manifest.push(b' ')),
        (Layer::Receipt, |p| p.whole.receipt.receipt.fuel += 1),
        (Layer::Transaction, |p| p.whole.transaction.body[0] ^= 1),
        (Layer::File, |p| p.whole.files[0].1[0] ^= 1),
    ];
    for (layer, change) in changes {
        let mut proved = court();
        change(&mut proved);
        assert_eq!(proved.seal(GENESIS, &Zip215).unwrap_err().layer(), layer);
    }
}

#[test]
fn a_file_that_is_not_inside_is_taken_as_the_manifest_lists_it() {
    let mut proved = court();
    proved.whole.files.clear();
    let beside = proved.beside();
    assert_eq!(beside.len(), 1);
    let sealed = proved.seal(GENESIS, &Zip215).unwrap();
    assert!(verify(&sealed.bytes, &[], GENESIS).is_err());
    assert!(verify(&sealed.bytes, &beside, GENESIS).is_ok());
}
