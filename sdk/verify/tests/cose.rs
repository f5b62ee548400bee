//! Signed statements, COSE receipts and bare receipts: what was made once stays readable, every
//! changed bit is found, and each layer is the one named.
#![allow(clippy::unwrap_used, clippy::expect_fun_call, reason = "a test may")]

mod support;

use ed25519_dalek::Signer;
use linli_types::certificate::Certificate;
use linli_types::delegation::{Delegation, ReceiptKey};
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, ChainId, Digest, PrincipalId, PublicKey, Signature};
use linli_types::merkle::{self, Sha256Log, Shape};
use linli_types::signature::Zip215;
use linli_verify::cose::bare::{self, Asked, Bare, Proved};
use linli_verify::cose::receipt::{LogHead, Proof, Receipt};
use linli_verify::cose::statement::{self, Claims, ClockSource};
use linli_verify::cose::{Bad, delegation};
use linli_verify::file::both;
use linli_verify::pack::LogPlace;
use linli_verify::{Failure, Layer, Reason};
use support::*;

/// The receipt key of validator `n`.
fn receipt_key(n: u8) -> ed25519_dalek::SigningKey {
    key(n + 150)
}

fn receipt_public(n: u8) -> PublicKey {
    public(n + 150)
}

fn claims() -> Claims {
    let (sha256, sm3) = both(&manifest().to_bytes());
    Claims {
        source: PrincipalId([0x11; 16]),
        subject: statement::SUBJECT.into(),
        manifest_sha256: sha256,
        number: 42,
        kind: 5,
        sm3,
        size: file().len() as u64,
        captured_at_ms: START - 5000,
        clock_source: None,
        device: None,
        not_before: None,
        env_digest: None,
        sm2_key: None,
        chain: Some(chain()),
        counter: None,
    }
}

/// Every field there is.
fn full_claims() -> Claims {
    Claims {
        subject: "SO-7K4M-单号".into(),
        clock_source: Some(ClockSource::Gnss),
        device: Some(PrincipalId([0xd0; 16])),
        not_before: Some((BlockId([0xb1; 32]), Height(u64::MAX))),
        env_digest: Some(Digest([0xe1; 32])),
        sm2_key: Some(Digest([0x52; 32])),
        counter: Some(300),
        ..claims()
    }
}

fn signed(claims: &Claims) -> Vec<u8> {
    let to_sign = claims.to_be_signed(&public(50)).unwrap();
    to_sign.finish(&Signature(key(50).sign(to_sign.sig_structure()).to_bytes()))
}

fn cose_statement() -> Vec<u8> {
    signed(&claims())
}

/// The log's header with a leaf at `index` of 2^25, on a way of made-up nodes.
fn deep_log(leaf: Digest) -> (Header, LogPlace) {
    let (size, index) = (1_u64 << 25, 12_345_678_u64);
    let path: Vec<Digest> = (0..25_u8).map(|n| Sha256Log::leaf(&[n])).collect();
    let log_root = merkle::root_from_path::<Sha256Log>(leaf, index, size, &path).unwrap();
    let time = TimeMs(START + 9_123_456);
    let header =
        Header { log_size: size, log_root, time, ..header_at(9_123_456, &set(5), &set(5)) };
    (header, LogPlace { leaf: index, size, path })
}

/// The log of five leaves of which the statement is number 3.
fn small_log(leaf: Digest) -> (Header, LogPlace) {
    let filler = |n: u8| Sha256Log::leaf(&[n]);
    let leaves = [filler(0), filler(1), filler(2), leaf, filler(4)];
    let log_root = merkle::root::<Sha256Log>(&leaves);
    let header = Header { log_size: 5, log_root, ..header_at(9, &set(5), &set(5)) };
    (header, LogPlace { leaf: 3, size: 5, path: merkle::path::<Sha256Log>(&leaves, 3).unwrap() })
}

fn delegated(n: u8, from_height: u64) -> Delegation {
    let (validator, key_of) = (public(n), receipt_public(n));
    let says =
        ReceiptKey { chain: chain(), validator, key: key_of, from_height: Height(from_height) };
    Delegation { says, signature: Signature(key(n).sign(&says.signing_bytes()).to_bytes()) }
}

fn receipt_of(n: u8, head: &LogHead, proof: Proof) -> Receipt {
    let to_sign = head.to_be_signed(&receipt_public(n));
    let signature = Signature(receipt_key(n).sign(to_sign.sig_structure()).to_bytes());
    Receipt::new(head, receipt_public(n), signature, proof)
}

fn certified(header: &Header) -> Certificate {
    certify(header, &[1, 2, 3, 5])
}

fn bare_of((header, place): &(Header, LogPlace), validators: &[u8]) -> Bare {
    let head = LogHead::of(header);
    let signer =
        |n: &u8| (receipt_of(*n, &head, Proof::Inclusion(place.clone())), delegated(*n, 7));
    let signers: Vec<_> = validators.iter().map(signer).collect();
    Bare::new(header, &certified(header), &signers, &set(5)).unwrap()
}

fn small_bare() -> Vec<u8> {
    bare_of(
        &small_log(linli_types::merkle::statement_leaf(&statement::id(&cose_statement()))),
        &[1, 3],
    )
    .to_bytes()
}

fn check(bytes: &[u8], statement: &[u8]) -> Result<Proved, Failure> {
    let asked = Asked::Statement(statement);
    Bare::from_bytes(bytes)?.check(&genesis().to_bytes(), &[change()], asked, &Zip215)
}

const KEPT: [(&str, &[u8]); 3] = [
    ("statement.cose", include_bytes!("fixtures/statement.cose")),
    ("full.cose", include_bytes!("fixtures/full.cose")),
    ("two.receipt", include_bytes!("fixtures/two.receipt")),
];

#[test]
fn the_kept_bytes_are_what_is_written_today() {
    let today = [cose_statement(), signed(&full_claims()), small_bare()];
    let differing = KEPT.iter().zip(today).filter(|((_, kept), made)| kept != made);
    let aside: Vec<_> = differing.map(|((name, _), made)| write_aside(name, &made)).collect();
    assert!(aside.is_empty(), "written differently: {aside:#?}");
}

#[allow(clippy::disallowed_methods, reason = "a test may write")]
fn write_aside(name: &str, bytes: &[u8]) -> std::io::Result<std::path::PathBuf> {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes)?;
    Ok(path)
}

#[test]
fn the_kept_receipt_proves_the_kept_statement() {
    let [(_, statement), _, (_, receipt)] = KEPT;
    let proved = check(receipt, statement).unwrap();
    assert_eq!((proved.place.leaf, proved.place.size, proved.organisations()), (3, 5, 2));
    assert_eq!(proved.statement.unwrap().claims, claims());
    assert_eq!(proved.certified_by.len(), 4);
}

#[test]
fn a_statement_reads_as_it_was_made_and_no_field_is_lost() {
    for claims in [claims(), full_claims()] {
        let bytes = signed(&claims);
        let read = statement::parse(&bytes).unwrap();
        assert_eq!(read.claims, claims);
        assert_eq!(read.key, public(50));
        assert_eq!(read.id(), statement::id(&bytes));
        read.check(&Zip215).unwrap();
    }
}

#[test]
fn subjects_without_text_too_long_or_with_control_characters_are_refused() {
    for subject in ["", "a\u{7}", "\n", &"x".repeat(129)] {
        let claims = Claims { subject: subject.into(), ..claims() };
        assert!(claims.to_be_signed(&public(50)).is_err(), "{subject:?}");
    }
    let longest = Claims { subject: "x".repeat(128), ..full_claims() };
    assert!(statement::parse(&signed(&longest)).is_ok());
}

#[test]
fn a_statement_of_half_a_last_seen_block_or_an_unknown_clock_is_refused() {
    let bytes = signed(&full_claims());
    // The clock's number: after the time of capture, whose head is 1b; then 06 02.
    let at = bytes.windows(3).position(|w| w == [6, 2, 7]).unwrap();
    for clock in [0, 5, 9] {
        let mut bad = bytes.clone();
        bad[at + 1] = clock;
        assert_eq!(statement::parse(&bad).unwrap_err(), Bad::Malformed);
    }
}

#[test]
fn every_changed_bit_of_a_statement_is_refused() {
    let good = signed(&full_claims());
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let read = statement::parse(&bad);
        assert!(read.is_err() || read.unwrap().check(&Zip215).is_err(), "bit {bit}");
    }
    for len in 0..good.len() {
        assert!(statement::parse(&good[..len]).is_err(), "cut at {len}");
    }
    assert!(statement::parse(&[good.as_slice(), &[0]].concat()).is_err());
}

/// LEG-01 for the bare receipt and its statement.
#[test]
fn leg_01_every_changed_bit_of_a_receipt_and_its_statement_is_refused_with_a_layer() {
    let (receipt, statement) = (small_bare(), cose_statement());
    check(&receipt, &statement).unwrap();
    let mut layers = std::collections::BTreeSet::new();
    for bit in 0..receipt.len() * 8 {
        let mut bad = receipt.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let failure = check(&bad, &statement).expect_err(&format!("bit {bit} of the receipt"));
        layers.insert(failure.layer());
    }
    for bit in 0..statement.len() * 8 {
        let mut bad = statement.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let failure = check(&receipt, &bad).expect_err(&format!("bit {bit} of the statement"));
        layers.insert(failure.layer());
    }
    let all = [
        Layer::Statement,
        Layer::Log,
        Layer::Block,
        Layer::Certificate,
        Layer::Genesis,
        Layer::Cose,
        Layer::ReceiptKey,
    ];
    assert!(all.iter().all(|layer| layers.contains(layer)), "{layers:?}");
}

#[test]
fn a_cut_or_lengthened_receipt_is_refused() {
    let good = small_bare();
    for len in 0..good.len() {
        assert!(Bare::from_bytes(&good[..len]).is_err(), "cut at {len}");
    }
    assert!(Bare::from_bytes(&[good.as_slice(), &[0]].concat()).is_err());
    assert!(Bare::from_bytes(&vec![0x80; 1 << 20]).is_err());
}

/// Issue 4: at most 2 KiB with one COSE receipt and 3 KiB with two, in a log of 2^25 leaves, the
/// certificate with all four signatures included.
#[test]
fn a_bare_receipt_of_a_full_log_is_small() {
    let leaf = merkle::statement_leaf(&statement::id(&cose_statement()));
    let log = deep_log(leaf);
    for (validators, most) in [(vec![1_u8], 2048), (vec![1, 3], 3072)] {
        let bytes = bare_of(&log, &validators).to_bytes();
        assert!(bytes.len() <= most, "{} bytes of {most}", bytes.len());
        check(&bytes, &cose_statement()).unwrap();
    }
}

fn reason(bare: &Bare) -> Reason {
    check(&bare.to_bytes(), &cose_statement()).unwrap_err().reason
}

fn assembled(change: impl Fn(&mut Receipt, &mut Delegation, &mut LogHead)) -> Reason {
    let leaf = merkle::statement_leaf(&statement::id(&cose_statement()));
    let (header, place) = small_log(leaf);
    let mut head = LogHead::of(&header);
    let mut receipt = receipt_of(1, &head, Proof::Inclusion(place.clone()));
    let mut delegation = delegated(1, 7);
    change(&mut receipt, &mut delegation, &mut head);
    let signers = [(receipt, delegation)];
    reason(&Bare::new(&header, &certified(&header), &signers, &set(5)).unwrap())
}

#[test]
fn each_lie_is_named_by_its_layer() {
    let leaf = merkle::statement_leaf(&statement::id(&cose_statement()));
    let (header, place) = small_log(leaf);
    let head = LogHead::of(&header);
    let proof = || Proof::Inclusion(place.clone());
    // A receipt key signs another root than the one certified: a word of its own (X4).
    let other_root = LogHead { root: Digest([9; 32]), ..head };
    assert_eq!(
        assembled(|r, _, _| *r = receipt_of(1, &other_root, proof())),
        Reason::CoseSignature
    );
    // Another time, height, size, chain.
    for other in [
        LogHead { time_s: head.time_s + 1, ..head },
        LogHead { height: Height(8), ..head },
        LogHead { size: 4, ..head },
        LogHead { chain: ChainId([9; 32]), ..head },
    ] {
        assert_eq!(assembled(|r, _, _| *r = receipt_of(1, &other, proof())), Reason::CoseOther);
    }
    // A key from a later height on; a key that another validator delegated; one that nobody did.
    assert_eq!(assembled(|_, d, _| *d = delegated(1, 10)), Reason::ReceiptKeyEarly);
    assert_eq!(assembled(|_, d, _| *d = delegated(2, 7)), Reason::ReceiptKeySignature);
    assert_eq!(
        assembled(|r, _, _| *r = receipt_of(3, &head, proof())),
        Reason::ReceiptKeySignature
    );
    // The way of another leaf.
    let away = LogPlace { leaf: 2, ..place.clone() };
    let bent = |r: &mut Receipt, _: &mut Delegation, _: &mut LogHead| {
        r.proof = Proof::Inclusion(away.clone());
    };
    assert_eq!(assembled(bent), Reason::LogPath);
}

#[test]
fn one_validator_counts_once() {
    let leaf = merkle::statement_leaf(&statement::id(&cose_statement()));
    assert_eq!(reason(&bare_of(&small_log(leaf), &[1, 1])), Reason::CoseTwice);
}

#[test]
fn a_receipt_of_no_quorum_another_genesis_or_an_unproved_set_is_refused() {
    let leaf = merkle::statement_leaf(&statement::id(&cose_statement()));
    let (header, place) = small_log(leaf);
    let head = LogHead::of(&header);
    let signer = [(receipt_of(1, &head, Proof::Inclusion(place)), delegated(1, 7))];
    let few = Bare::new(&header, &certify(&header, &[1, 2]), &signer, &set(5)).unwrap();
    assert_eq!(reason(&few), Reason::CertificatePower);
    let whole = Bare::from_bytes(&small_bare()).unwrap();
    let id = Asked::Id(statement::id(&cose_statement()));
    let verdict = |genesis: &[u8], sets: &[_]| whole.check(genesis, sets, id, &Zip215);
    let other = linli_types::genesis::Genesis { name: "other".into(), ..genesis() }.to_bytes();
    assert_eq!(verdict(&other, &[change()]).unwrap_err().reason, Reason::GenesisOther);
    let alone = verdict(&genesis().to_bytes(), &[]).unwrap_err();
    assert_eq!(alone.reason, Reason::SetsIncomplete);
    assert!(verdict(&genesis().to_bytes(), &[change()]).unwrap().statement.is_none());
}

#[test]
fn a_statement_for_another_chain_is_refused() {
    let statement = signed(&Claims { chain: Some(ChainId([1; 32])), ..claims() });
    let leaf = merkle::statement_leaf(&statement::id(&statement));
    let bare = bare_of(&small_log(leaf), &[1]);
    let failure = check(&bare.to_bytes(), &statement).unwrap_err();
    assert_eq!((failure.reason, failure.layer()), (Reason::StatementChain, Layer::Statement));
    let anywhere = signed(&Claims { chain: None, ..claims() });
    let leaf = merkle::statement_leaf(&statement::id(&anywhere));
    assert!(check(&bare_of(&small_log(leaf), &[1]).to_bytes(), &anywhere).is_ok());
}

#[test]
fn a_single_receipt_checks_by_itself_and_so_does_the_way_between_two_logs() {
    let leaves: Vec<Digest> = (0..7).map(|n| Sha256Log::leaf(&[n])).collect();
    let (old, now) = (merkle::root::<Sha256Log>(&leaves[..3]), merkle::root::<Sha256Log>(&leaves));
    let (height, time_s) = (Height(9), 1);
    let head = LogHead { chain: chain(), size: 7, root: now, height, time_s };
    let path = merkle::path::<Sha256Log>(&leaves, 4).unwrap();
    let inclusion = Proof::Inclusion(LogPlace { leaf: 4, size: 7, path });
    let receipt = Receipt::from_bytes(&receipt_of(1, &head, inclusion).to_bytes()).unwrap();
    assert_eq!(receipt.check(leaves[4], &Zip215), Ok(now));
    assert_eq!(receipt.check(leaves[3], &Zip215), Err(Bad::Signature));
    let pair = |range: core::ops::Range<usize>| merkle::root::<Sha256Log>(&leaves[range]);
    let path = vec![leaves[2], leaves[3], pair(0..2), pair(4..7)];
    let proof = Proof::Consistency { from: 3, to: 7, path };
    let receipt = Receipt::from_bytes(&receipt_of(1, &head, proof).to_bytes()).unwrap();
    assert_eq!(receipt.check_consistency((3, old), now, &Zip215), Ok(()));
    assert_eq!(receipt.check_consistency((3, now), now, &Zip215), Err(Bad::Malformed));
    assert_eq!(receipt.check_consistency((4, old), now, &Zip215), Err(Bad::Malformed));
    assert_eq!(receipt.check(leaves[4], &Zip215), Err(Bad::Malformed));
}

#[test]
fn an_array_of_receipts_reads_as_it_was_written() {
    let leaf = merkle::statement_leaf(&statement::id(&cose_statement()));
    let bare = bare_of(&small_log(leaf), &[1, 3]);
    let receipts: Vec<Receipt> = bare.receipts().cloned().collect();
    let bytes = bare::array(&receipts);
    assert_eq!(bare::read_array(&bytes), Ok(receipts.clone()));
    assert!(bare::read_array(&bytes[..bytes.len() - 1]).is_err());
    assert!(bare::read_array(&[0x80]).is_err());
    let set = set(5);
    let named = delegation::check(&delegated(1, 7), &receipts[0], &set, &Zip215).unwrap();
    assert_eq!(named.name, "validator-1");
}

mod law {
    use super::*;
    use proptest::prelude::*;

    fn any_claims() -> impl Strategy<Value = Claims> {
        let numbers = (any::<u64>(), any::<u16>(), any::<u64>(), any::<u64>());
        let options = (
            proptest::option::of(1..=4_u64),
            proptest::option::of(any::<[u8; 16]>()),
            proptest::option::of((any::<[u8; 32]>(), any::<u64>())),
            proptest::option::of(any::<[u8; 32]>()),
            proptest::option::of(any::<u64>()),
        );
        ("[a-zA-Z0-9-]{1,128}", any::<[u8; 16]>(), numbers, options).prop_map(
            |(subject, source, (number, kind, size, captured_at_ms), o)| Claims {
                source: PrincipalId(source),
                subject,
                number,
                kind,
                size,
                captured_at_ms,
                clock_source: o.0.and_then(ClockSource::from_number),
                device: o.1.map(PrincipalId),
                not_before: o.2.map(|(block, height)| (BlockId(block), Height(height))),
                env_digest: o.3.map(Digest),
                sm2_key: o.3.map(Digest),
                counter: o.4,
                ..claims()
            },
        )
    }

    proptest! {
        /// X1: what is written reads back, and reads back only from those bytes.
        #[test]
        fn statements_have_one_spelling(claims in any_claims(), at in any::<prop::sample::Index>(), put in any::<u8>()) {
            let bytes = signed(&claims);
            prop_assert_eq!(&statement::parse(&bytes).unwrap().claims, &claims);
            let mut other = bytes.clone();
            other.insert(at.index(bytes.len()), put);
            if let Ok(read) = statement::parse(&other) {
                prop_assert!(read.check(&Zip215).is_err());
            }
        }

        /// O4: no input panics.
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = statement::parse(&bytes);
            let _ = Receipt::from_bytes(&bytes);
            let _ = Bare::from_bytes(&bytes);
            let _ = bare::read_array(&bytes);
        }
    }
}
