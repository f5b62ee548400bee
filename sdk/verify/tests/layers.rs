//! What holds is proved; what does not is named by its layer.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ed25519_dalek::Signer;
use linli_types::certificate::Certificate;
use linli_types::code::Lang;
use linli_types::digest::transaction_id;
use linli_types::id::{Digest, PublicKey, Signature};
use linli_types::merkle::{self, Sha256Log};
use linli_types::receipt::{Event, Outcome, Receipt, Refusal};
use linli_types::transaction::{body_leaf, signing_bytes};
use linli_types::wire::TransactionBody;
use linli_verify::manifest::Difference;
use linli_verify::pack::{BlockProof, Contents, Pack};
use linli_verify::statement::{Anchored, EVENT, Statement, leaf};
use linli_verify::{
    Detail, Failure, FileDigests, Layer, Reason, verify, verify_receipt, verify_state_proof,
};
use prost::Message;
use support::*;

fn given() -> Vec<FileDigests> {
    vec![FileDigests::of("renamed by the bearer.pdf", &file())]
}

fn check(contents: &Contents, block: &BlockProof) -> Result<linli_verify::Report, Failure> {
    let files = if matches!(contents, Contents::Evidence { .. }) { given() } else { Vec::new() };
    verify(&Pack::new(contents, block).to_bytes(), &files, &genesis().to_bytes())
}

fn reason(contents: &Contents, block: &BlockProof) -> Reason {
    check(contents, block).unwrap_err().reason
}

#[test]
fn an_anchored_file_is_proved_down_to_the_genesis() {
    let report = check(&evidence(), &block_proof()).unwrap();
    assert_eq!((report.chain_name.as_str(), report.block.height), ("fixture", 9));
    assert_eq!((report.block.power, report.block.total_power), (7, 10));
    assert_eq!((report.block.round, report.block.set_changes), (1, 1));
    let names: Vec<&str> = report.block.signers.iter().map(|s| s.name.as_str()).collect();
    for name in ["validator-2", "validator-3", "validator-5"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!(report.log.as_ref().map(|l| (l.leaf, l.size)), Some((3, 5)));
    assert_eq!(report.statement.as_ref().map(|s| (s.number, s.kind.as_str())), Some((42, "FORM")));
    assert!(report.receipt.as_ref().is_some_and(|r| r.done));
    assert_eq!(report.transaction.as_ref().unwrap().calls, ["evidence.Anchor"]);
    assert!(report.text(Lang::Zh).starts_with("核验一致\n文件　a.pdf，2000 字节"));
    assert!(report.text(Lang::En).contains("leaf 3 of 5"));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((json["verified"].as_bool(), json["log"]["leaf"].as_u64()), (Some(true), Some(3)));
}

/// A statement that its maker invented, standing in the log as `change` has it come about, in a
/// block that a quorum certified; with the pack that its maker seals.
fn forged(change: impl FnOnce(&mut Receipt)) -> (Contents, BlockProof) {
    let Contents::Evidence { manifest, log, transaction, mut receipt, .. } = evidence() else {
        unreachable!()
    };
    let said = Statement::decode(statement().as_slice()).unwrap();
    let statement = Statement { source: vec![0x99; 16], ..said }.encode_to_vec();
    change(&mut receipt.receipt);
    (receipt.index, receipt.count, receipt.path) = (0, 1, Vec::new());
    let mut block = block_proof();
    block.header.receipts_root = receipt.receipt.leaf();
    let place = (log.leaf, log.size);
    let root = merkle::root_from_path::<Sha256Log>(leaf(&statement), place.0, place.1, &log.path);
    block.header.log_root = root.unwrap();
    block.certificate = certify(&block.header, &[1, 2, 5]);
    (Contents::Evidence { manifest, statement, log, transaction, receipt }, block)
}

/// The event that would carry the invented statement.
fn forged_event(room: &str) -> Event {
    let said = Statement::decode(statement().as_slice()).unwrap();
    let statement = Statement { source: vec![0x99; 16], ..said }.encode_to_vec();
    let data = Anchored { statement, leaf: 3, reused: false }.encode_to_vec();
    Event { room: room.into(), kind: EVENT.into(), about: Vec::new(), data }
}

#[test]
fn a_leaf_that_another_room_appended_is_no_statement() {
    // What `linli call probe Append` does: a leaf, and no word about it.
    let (contents, block) = forged(|receipt| receipt.events.clear());
    assert_eq!(reason(&contents, &block), Reason::StatementOther);
    // Nor does an event help that only bears the name.
    let (contents, block) = forged(|receipt| receipt.events = vec![forged_event("probe")]);
    assert_eq!(reason(&contents, &block), Reason::StatementOther);
    // The evidence room's own word about another statement of the same leaf neither.
    let (contents, block) = forged(|_| ());
    assert_eq!(reason(&contents, &block), Reason::StatementOther);
    // The same built by the room that may: so it is the room that was missing above.
    let (contents, block) = forged(|receipt| receipt.events = vec![forged_event("evidence")]);
    assert!(check(&contents, &block).is_ok());
}

#[test]
fn a_refused_request_anchored_nothing_whatever_its_events_say() {
    let (contents, block) = forged(|receipt| {
        let refusal = Refusal { room: String::new(), code: 2008, params: Vec::new() };
        receipt.outcome = Outcome::Refused { call: 0, refusal };
        receipt.events = vec![forged_event("evidence")];
    });
    assert_eq!(reason(&contents, &block), Reason::ReceiptRefused);
}

#[test]
fn a_time_that_is_not_the_block_s_is_named() {
    let mut block = block_proof();
    block.header.time.0 += 1;
    block.certificate = certify(&block.header, &[1, 2, 5]);
    let failure = check(&evidence(), &block).unwrap_err();
    assert_eq!((failure.layer(), failure.reason), (Layer::Statement, Reason::StatementTime));
    assert_eq!(failure.details, [START + 9000, START + 9001].map(Detail::from));
}

#[test]
fn another_request_of_the_same_block_is_not_shown_beside_a_statement() {
    let Contents::Evidence { manifest, statement, log, mut transaction, receipt } = evidence()
    else {
        unreachable!()
    };
    let mut body = TransactionBody::decode(transaction.body.as_slice()).unwrap();
    body.key = vec![0x77; 16];
    transaction.body = body.encode_to_vec();
    let message = signing_bytes(&chain(), &transaction.body);
    transaction.signature = Signature(key(50).sign(&message).to_bytes());
    let id = transaction_id(&transaction.body);
    let mut block = block_proof();
    block.header.bodies_root = body_leaf(&id, &transaction.signature);
    block.certificate = certify(&block.header, &[1, 2, 5]);
    (transaction.index, transaction.count, transaction.path) = (0, 1, Vec::new());
    let contents = Contents::Evidence { manifest, statement, log, transaction, receipt };
    assert_eq!(reason(&contents, &block), Reason::ReceiptOther);
}

#[test]
fn a_receipt_is_proved_also_when_it_is_a_refusal() {
    let bytes = sealed(&receipt_contents());
    let report = verify_receipt(&bytes, &genesis().to_bytes()).unwrap();
    assert!(report.receipt.unwrap().done);

    let Contents::Receipt { mut receipt, .. } = receipt_contents() else { unreachable!() };
    let refusal = Refusal { room: String::new(), code: 2008, params: Vec::new() };
    receipt.receipt.outcome = Outcome::Refused { call: 0, refusal };
    (receipt.index, receipt.count, receipt.path) = (0, 1, Vec::new());
    let mut block = block_proof();
    block.header.receipts_root = receipt.receipt.leaf();
    block.certificate = certify(&block.header, &[1, 2, 5]);
    let contents = Contents::Receipt { transaction: None, receipt };
    let shown = check(&contents, &block).unwrap().receipt.unwrap();
    assert_eq!(
        (shown.done, shown.code, shown.en.as_deref()),
        (false, Some(2008), Some("the amount is zero"))
    );
}

#[test]
fn stored_entries_are_proved_present_and_absent() {
    let report = verify_state_proof(&sealed(&state_contents()), &genesis().to_bytes()).unwrap();
    let values: Vec<_> = report.entries.iter().map(|e| e.value.as_deref()).collect();
    assert_eq!(values, [Some("6f6e65"), Some("74776f"), None]);
    assert_eq!(report.entries[0].room, "probe");
    assert!(report.text(Lang::En).contains("itself not proved"));
}

#[test]
fn a_false_entry_is_named() {
    type Change = fn(&mut Vec<linli_verify::pack::ProvedEntry>);
    let changes: [Change; 4] = [
        |e| e[0].value = Some(b"two".to_vec()),
        |e| e[0].value = None,
        |e| e[2].value = Some(Vec::new()),
        |e| e[2].key = e[1].key.clone(),
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let Contents::State { mut entries, answer } = state_contents() else { unreachable!() };
        change(&mut entries);
        let bad = Contents::State { entries, answer };
        assert_eq!(reason(&bad, &block_proof()), Reason::EntriesPath, "change {i}");
    }
}

#[test]
fn another_file_no_file_or_a_spare_one_is_the_file_s_fault() {
    let (pack, genesis) = (sealed(&evidence()), genesis().to_bytes());
    let mut other = file();
    other[1000] ^= 1;
    let with = |files: &[FileDigests]| verify(&pack, files, &genesis).unwrap_err();
    let changed = with(&[FileDigests::of("a.pdf", &other)]);
    assert_eq!((changed.layer(), changed.reason), (Layer::File, Reason::FileChanged));
    assert_eq!(changed.details, [Detail::from("a.pdf"), Difference::Sha256.detail()]);
    assert_eq!(with(&[]).reason, Reason::FileNotGiven);
    let spare = [given(), vec![FileDigests::of("b", b"other")]].concat();
    assert_eq!(with(&spare).reason, Reason::FileChanged);
    let asked = verify(&sealed(&receipt_contents()), &given(), &genesis).unwrap_err();
    assert_eq!(asked.reason, Reason::FileNotAsked);
}

#[test]
fn each_layer_that_lies_is_named() {
    let Contents::Evidence { manifest, statement, log, transaction, receipt } = evidence() else {
        unreachable!()
    };
    let build = |manifest: &[u8], statement: &[u8], log: &linli_verify::pack::LogPlace| {
        let (transaction, receipt) = (transaction.clone(), receipt.clone());
        let (manifest, statement, log) = (manifest.to_vec(), statement.to_vec(), log.clone());
        Contents::Evidence { manifest, statement, log, transaction, receipt }
    };
    let block = block_proof();
    let mut bad = manifest.clone();
    bad[20] ^= 1;
    assert_eq!(reason(&build(&bad, &statement, &log), &block), Reason::ManifestOther);
    let mut bad = statement.clone();
    bad[20] ^= 1;
    assert_eq!(reason(&build(&manifest, &bad, &log), &block), Reason::StatementOther);
    let mut bad = log.clone();
    bad.size = 6;
    assert_eq!(reason(&build(&manifest, &statement, &bad), &block), Reason::LogSize);
    bad.size = 5;
    bad.path[0] = Digest([0; 32]);
    assert_eq!(reason(&build(&manifest, &statement, &bad), &block), Reason::LogPath);
    // A receipt of the block that is for something else.
    let mut other = receipt.clone();
    other.receipt.log_leaves = (4, 1);
    let mut block = block_proof();
    (other.index, other.count, other.path) = (0, 1, Vec::new());
    block.header.receipts_root = other.receipt.leaf();
    block.certificate = certify(&block.header, &[1, 2, 5]);
    let contents = Contents::Evidence { manifest, statement, log, transaction, receipt: other };
    assert_eq!(reason(&contents, &block), Reason::StatementOther);
}

#[test]
fn a_request_that_its_sender_did_not_sign_is_named() {
    let Contents::Receipt { transaction, receipt } = receipt_contents() else { unreachable!() };
    let mut place = transaction.unwrap();
    place.signature.0[3] ^= 1;
    let contents = Contents::Receipt { transaction: Some(place.clone()), receipt: receipt.clone() };
    assert_eq!(reason(&contents, &block_proof()), Reason::TransactionPath);
    // Even if a quorum had certified it.
    let mut block = block_proof();
    let id = linli_types::digest::transaction_id(&place.body);
    block.header.bodies_root = linli_types::transaction::body_leaf(&id, &place.signature);
    block.certificate = certify(&block.header, &[1, 2, 5]);
    (place.index, place.count, place.path) = (0, 1, Vec::new());
    let contents = Contents::Receipt { transaction: Some(place), receipt };
    assert_eq!(reason(&contents, &block), Reason::TransactionSignature);
}

#[test]
fn a_certificate_that_proves_nothing_is_named() {
    let with = |certificate: Certificate| {
        reason(&evidence(), &BlockProof { certificate, ..block_proof() })
    };
    let header = block_proof().header;
    assert_eq!(with(certify(&header, &[2, 5])), Reason::CertificatePower);
    assert_eq!(with(certify(&header, &[1, 2, 3, 5, 9])), Reason::CertificateStranger);
    // The key that the set change put out of office.
    assert_eq!(with(certify(&header, &[1, 2, 4])), Reason::CertificateStranger);
    let mut twice = certify(&header, &[1, 2, 5]);
    twice.precommits.push(twice.precommits[2]);
    assert_eq!(with(twice), Reason::CertificateOrder);
    // A quorum without it, yet one bad signature spoils the whole (O3).
    let mut spoiled = certify(&header, &[1, 2, 3, 5]);
    spoiled.precommits[0].signature.0[40] ^= 1;
    assert_eq!(with(spoiled), Reason::CertificateSignature);
    let mut other = header.clone();
    other.state_root = Digest([9; 32]);
    assert_eq!(with(certify(&other, &[1, 2, 5])), Reason::HeaderOther);
}

#[test]
fn a_history_with_a_gap_or_a_lie_is_named() {
    let with = |change: fn(&mut BlockProof)| {
        let mut block = block_proof();
        change(&mut block);
        reason(&evidence(), &block)
    };
    assert_eq!(with(|b| b.sets.clear()), Reason::SetsIncomplete);
    assert_eq!(with(|b| b.sets.push(b.sets[0].clone())), Reason::SetsChange);
    assert_eq!(with(|b| b.sets[0].next = set(6)), Reason::SetsChange);
    assert_eq!(with(|b| b.sets[0].header.height.0 = 4), Reason::SetsChange);
    assert_eq!(
        with(|b| b.sets[0].certificate.precommits[0].signature.0[0] ^= 1),
        Reason::SetsChange
    );
    assert_eq!(
        with(|b| b.sets[0].certificate = certify(&b.sets[0].header, &[1, 2])),
        Reason::SetsChange
    );
}

#[test]
fn a_header_of_the_future_or_of_a_stranger_is_refused() {
    let with = |change: fn(&mut BlockProof)| {
        let mut block = block_proof();
        change(&mut block);
        block.certificate = certify(&block.header, &[1, 2, 5]);
        reason(&evidence(), &block)
    };
    assert_eq!(with(|b| b.header.protocol = 2), Reason::HeaderProtocol);
    assert_eq!(with(|b| b.header.flags = 0x8000), Reason::HeaderMalformed);
    assert_eq!(with(|b| b.header.format = 2), Reason::HeaderMalformed);
    assert_eq!(with(|b| b.header.proposer = PublicKey([9; 32])), Reason::HeaderProposer);
}

#[test]
fn another_chain_s_genesis_is_named() {
    let pack = sealed(&evidence());
    let mut other = genesis();
    other.name = "another".into();
    let with = |genesis: &[u8]| verify(&pack, &given(), genesis).unwrap_err();
    assert_eq!(with(&other.to_bytes()).reason, Reason::GenesisOther);
    assert_eq!(with(b"").reason, Reason::GenesisMalformed);
    assert_eq!(with(&pack).reason, Reason::GenesisMalformed);
    let shown = serde_json::to_value(with(b"")).unwrap();
    assert_eq!(
        (shown["layer"].as_str(), shown["verified"].as_bool()),
        (Some("genesis"), Some(false))
    );
}

#[test]
fn a_pack_of_another_kind_is_refused() {
    let failure = verify_receipt(&sealed(&evidence()), &genesis().to_bytes()).unwrap_err();
    assert_eq!(failure.reason, Reason::PackKind);
}
