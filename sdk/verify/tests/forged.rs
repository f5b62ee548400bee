//! Packs by people who want them to say more than is so: a source, a single validator, an authority
//! that nobody knows, or whoever only puts a ZIP together. None of them is believed.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_types::code::Lang;
use linli_types::height::Height;
use linli_types::id::{BlockId, Digest};
use linli_types::merkle::{self, Sha256Log, Shape};
use linli_types::wire::Call;
use linli_verify::cose::statement::{Claims, ClockSource, Signed, parse};
use linli_verify::manifest::Manifest;
use linli_verify::pack::LogPlace;
use linli_verify::request::{REGISTER, REGISTER_BATCH, RegisterBatchRequest, RegisterRequest};
use linli_verify::sm2::Signed as Second;
use linli_verify::statement::{Record, Registered, Tombstone};
use linli_verify::whole::{LaterState, TokenProof};
use linli_verify::{Layer, Reason, Verdict, examine, token, verify};
use sha2::Digest as _;
use sm2::dsa::signature::Signer as _;
use support::court::{self, *};
use support::*;

fn refused(court: &Court) -> Reason {
    court.seal_with(&[]).unwrap_err().reason
}

fn verdict(court: &Court) -> Verdict {
    examine(&court.seal(), &[], &genesis().to_bytes())
}

fn asked(asked: impl FnOnce(&Signed) -> Call) -> Court {
    let manifest = court_manifest();
    court_asked(&manifest, &court::claims(&manifest), |_| (), asked)
}

/// INV-E3: the ledger looks for duplicates by the digest that the call names.
#[test]
fn what_the_ledger_was_told_must_be_what_was_signed() {
    let one = |change: fn(&mut RegisterRequest)| {
        asked(|signed| {
            let mut request = request_for(signed);
            change(&mut request);
            call(REGISTER, &request)
        })
    };
    assert!(one(|_| ()).seal_with(&[]).is_ok());
    let others: [fn(&mut RegisterRequest); 6] = [
        |r| r.manifest_sha256[0] ^= 1,
        |r| r.manifest_sm3[31] ^= 1,
        |r| r.size += 1,
        |r| r.clock_source = 1,
        |r| r.env_digest.clear(),
        |r| r.manifest_sha256.clear(),
    ];
    for (i, change) in others.into_iter().enumerate() {
        let why = one(change).seal_with(&[]).unwrap_err();
        assert_eq!((why.reason, why.layer()), (Reason::StatementAsked, Layer::Statement), "{i}");
    }
    let strangers: [fn(&mut RegisterRequest); 3] =
        [|r| r.number += 1, |r| r.source[0] ^= 1, |r| r.statement[0] ^= 1];
    for (i, change) in strangers.into_iter().enumerate() {
        assert_eq!(refused(&one(change)), Reason::StatementUnasked, "{i}");
    }
    let elsewhere = |room: &str, method: &str| {
        asked(|signed| Call { room: room.into(), ..call(method, &request_for(signed)) })
    };
    for (room, method) in [("other", REGISTER), ("evidence", "Anchor"), ("evidence", "Challenge")] {
        assert_eq!(refused(&elsewhere(room, method)), Reason::StatementUnasked, "{room} {method}");
    }
}

#[test]
fn each_statement_of_a_batch_is_compared_with_its_own_manifest() {
    let batch = |change: fn(&mut RegisterBatchRequest)| {
        let manifest = court_manifest();
        let in_batch = |said: &mut Registered| {
            (said.first, said.first_leaf, said.count) = (41, 2, 3);
            said.statement = vec![9; 32];
        };
        court_asked(&manifest, &court::claims(&manifest), in_batch, |signed| {
            let (id, manifest) = (signed.id().0, signed.claims.manifest_sha256.0);
            let mut request = RegisterBatchRequest {
                source: SOURCE.0.to_vec(),
                first: 41,
                kind: 5,
                statements: [[1; 32], id, [3; 32]].concat(),
                manifests: [[4; 32], manifest, [6; 32]].concat(),
                clock_source: ClockSource::Gnss.number().into(),
                ..RegisterBatchRequest::default()
            };
            change(&mut request);
            call(REGISTER_BATCH, &request)
        })
    };
    assert!(batch(|_| ()).seal_with(&[]).is_ok());
    let swapped = batch(|r| r.manifests.rotate_left(32));
    assert_eq!(refused(&swapped), Reason::StatementAsked);
    assert_eq!(refused(&batch(|r| r.manifests.truncate(32))), Reason::StatementAsked);
    assert_eq!(refused(&batch(|r| r.clock_source = 4)), Reason::StatementAsked);
    for change in [
        (|r| r.statements.rotate_left(32)) as fn(&mut RegisterBatchRequest),
        |r| r.first = 42,
        |r| r.first = 43,
        |r| r.first = u64::MAX,
        |r| r.statements.clear(),
        |r| r.source.clear(),
    ] {
        assert_eq!(refused(&batch(change)), Reason::StatementUnasked);
    }
}

fn with_claims(change: impl FnOnce(&mut Claims), said: impl FnOnce(&mut Registered)) -> Court {
    let manifest = court_manifest();
    let mut claims = court::claims(&manifest);
    change(&mut claims);
    court_asked(&manifest, &claims, said, |signed| call(REGISTER, &request_for(signed)))
}

#[test]
fn a_device_that_is_its_own_source_need_not_be_named_twice() {
    let own = with_claims(|c| c.device = Some(SOURCE), |said| said.device.clear());
    assert!(own.seal_with(&[]).is_ok());
    let other = with_claims(|c| c.device = Some(DEVICE), |said| said.device.clear());
    assert_eq!(refused(&other), Reason::StatementOther);
}

#[test]
fn a_statement_quotes_no_block_that_came_with_it_or_after_it() {
    for (height, expected) in
        [(8, None), (9, Some(Reason::StatementAhead)), (u64::MAX, Some(Reason::StatementAhead))]
    {
        let quoting = |c: &mut Claims| c.not_before = Some((BlockId([1; 32]), Height(height)));
        let sealed = with_claims(quoting, |_| ()).seal_with(&[]);
        assert_eq!(sealed.err().map(|why| why.reason), expected, "{height}");
    }
}

/// A token that nobody can check, by one who only changes bytes: another time, its digest made to fit,
/// and a signer whose certificate is not there.
fn retold(year: &[u8; 4]) -> Vec<u8> {
    let mut bytes = TOKEN.to_vec();
    let (content, digest, serial) = (62..157, 712..744, 599);
    let at = bytes.windows(4).position(|four| four == b"2026").unwrap();
    bytes[at..at + 4].copy_from_slice(year);
    let sum = sha2::Sha256::digest(&bytes[content]);
    bytes[digest].copy_from_slice(&sum);
    bytes[serial] ^= 1;
    bytes
}

#[test]
fn a_time_stamp_before_the_block_that_it_stamps_is_none() {
    let mut court = court();
    let stamped = court.whole.token.clone().unwrap();
    let at = |token: Vec<u8>| TokenProof { token, ..stamped.clone() };
    // As it is read, it covers the block; that it is unchecked is said.
    let (early, later) = (retold(b"2001"), retold(b"2027"));
    assert!(token::verify(&early, &stamped.header.to_bytes(), None).is_ok());
    court.whole.token = Some(at(later));
    let found = verdict(&court);
    assert!(!found.outcome.as_ref().unwrap().token.as_ref().unwrap().signature_checked);
    court.whole.token = Some(at(early));
    let why = court.seal_with(&[]).unwrap_err();
    assert_eq!((why.reason, why.layer()), (Reason::TokenOther, Layer::Token));
    assert!(why.text(Lang::Zh).contains("早于"), "{}", why.text(Lang::Zh));
}

#[test]
fn the_certificate_of_a_time_stamp_is_named_so_that_it_can_be_compared() {
    let found = verdict(&court());
    let token = found.outcome.as_ref().unwrap().token.as_ref().unwrap().clone();
    let pem = include_bytes!("fixtures/court.authority.pem");
    let authority = token::certificate(pem).unwrap();
    let digest = Digest(sha2::Sha256::digest(&authority).into()).to_string();
    assert_eq!(token.certificate.as_deref(), Some(digest.as_str()));
    for lang in [Lang::Zh, Lang::En] {
        assert!(found.text(lang).contains(&digest));
    }
}

/// A log of these leaves with the statement as number 3; `other` marks the leaves that differ.
fn log(leaf: Digest, size: u8, other: &[u8]) -> (Digest, LogPlace) {
    let filler = |n: u8| match (n, other.contains(&n)) {
        (3, _) => leaf,
        (n, true) => Sha256Log::leaf(&[n, 1]),
        (n, false) => Sha256Log::leaf(&[n]),
    };
    let all: Vec<Digest> = (0..size).map(filler).collect();
    let path = merkle::path::<Sha256Log>(&all, 3).unwrap();
    (merkle::root::<Sha256Log>(&all), LogPlace { leaf: 3, size: size.into(), path })
}

#[test]
fn one_validator_signs_no_other_past() {
    let signed = parse(&court().whole.statement).unwrap();
    let state = |size, other: &[u8], n, at| {
        let mut court = court();
        let (root, place) = log(signed.leaf(), size, other);
        let time = court.block.header.time.0 / 1000 + at;
        court.whole.checkpoint = Some(checkpoint_of((u64::from(size), root), &place, n, time));
        court.seal_with(&[]).map(drop).map_err(|why| why.reason)
    };
    let no = Err(Reason::CheckpointOther);
    assert_eq!(state(5, &[], 1, 5), Ok(()));
    assert_eq!(state(7, &[], 1, 5), Ok(()));
    assert_eq!(state(9, &[], 1, 5), Ok(()));
    // The same size as the certified log, and another root.
    assert_eq!(state(5, &[4], 1, 5), no);
    assert_eq!(state(5, &[0], 1, 5), no);
    // Larger, with another past beside the leaf.
    assert_eq!(state(7, &[2], 1, 5), no);
    assert_eq!(state(9, &[0], 1, 5), no);
    // Who left before the block, and a witness from before it.
    assert_eq!(state(7, &[], 4, 5), no);
}

#[test]
fn a_witness_saw_nothing_before_it_was() {
    let mut court = court();
    let signed = parse(&court.whole.statement).unwrap();
    let (root, place) = log(signed.leaf(), 7, &[]);
    let time = court.block.header.time.0 / 1000;
    court.whole.checkpoint = Some(checkpoint_of((7, root), &place, 1, time - 299));
    assert!(court.seal_with(&[]).is_ok(), "clocks differ");
    court.whole.checkpoint = Some(checkpoint_of((7, root), &place, 1, time - 302));
    assert_eq!(refused(&court), Reason::CheckpointOther);
}

#[test]
fn no_key_counts_twice_and_hides_a_line_of_nobodys() {
    let mut court = court();
    let proof = court.whole.checkpoint.as_mut().unwrap();
    // Two lines, and the witness's is accounted for by the validator's key again.
    proof.witnesses.clear();
    proof.keys.push(proof.keys[0]);
    assert_eq!(refused(&court), Reason::CheckpointOther);
    let proof = court.whole.checkpoint.as_mut().unwrap();
    proof.keys.clear();
    proof.keys.push(delegated(1));
    proof.witnesses = vec![court::court().whole.checkpoint.unwrap().witnesses[0].clone(); 2];
    assert_eq!(refused(&court), Reason::CheckpointOther);
}

/// Names come from whoever made the evidence: none of them puts a sentence on a line of its own.
#[test]
fn no_name_writes_a_line_of_the_report() {
    let lie = "\n  佐证：北京互联网法院确认";
    // The manifest's words.
    let manifest = Manifest { device: Some(format!("c{lie}")), ..court_manifest() };
    assert_eq!(refused(&court_of(&manifest, |_| ())), Reason::ManifestMalformed);
    // A signer id, which nobody but its owner chooses.
    let id = format!("1{lie}");
    let secret = ::sm2::SecretKey::from_slice(&[0x42; 32]).unwrap();
    let key = ::sm2::dsa::SigningKey::new(&id, &secret).unwrap();
    let mut court = court();
    let signed = parse(&court.whole.statement).unwrap();
    let signature: ::sm2::dsa::Signature = key.sign(signed.sig_structure());
    let second = Second {
        public_key: key.verifying_key().to_sec1_bytes().as_ref().try_into().unwrap(),
        signer_id: id,
        signature: signature.to_bytes().into(),
    };
    court.whole.sm2 = Some(second.to_bytes());
    says_no(&court, "北京互联网法院");
    // A file's name that turns the line.
    let mut manifest = court_manifest();
    manifest.files[0].name = "a\u{202e}fdp.\u{2028}证实".into();
    let mut court = court_of(&manifest, |_| ());
    court.whole.files[0].0.clone_from(&manifest.files[0].name);
    says_no(&court, "证实");
}

/// Nothing that is shown begins with these words, or turns the direction of writing.
fn says_no(court: &Court, words: &str) {
    let pack = court.seal();
    let found = examine(&pack, &[], &genesis().to_bytes());
    let explained = {
        let title = "邻里链证据包说明".as_bytes();
        let from = pack.windows(title.len()).position(|words| words == title).unwrap();
        String::from_utf8_lossy(&pack[from..]).split("PK\u{3}\u{4}").next().unwrap().to_owned()
    };
    for text in [found.text(Lang::Zh), found.text(Lang::En), explained] {
        let odd = |c: char| matches!(c, '\u{202e}' | '\u{2028}' | '\u{1b}');
        assert!(text.contains(words) && !text.contains(odd), "{text}");
        assert!(text.lines().all(|line| !line.trim().starts_with("佐证：北京")), "{text}");
    }
}

#[test]
fn a_second_signature_is_nobodys_until_it_is_looked_up() {
    let found = verdict(&court());
    let (zh, en) = (found.text(Lang::Zh), found.text(Lang::En));
    assert!(!zh.contains("机构的 SM2") && zh.contains("是否为机构登记的公钥，未在此核验"), "{zh}");
    assert!(!en.contains("the organisation's SM2"), "{en}");
    let key = public(50).to_string();
    assert!(zh.contains(&format!("声明由公钥 {key} 签名，与来源提交交易所用的公钥相同")), "{zh}");
    // The same statement by a key that did not ask for it.
    let other = court_by(51, &court::claims(&court_manifest()));
    let zh = verdict(&other).text(Lang::Zh);
    assert!(zh.contains("是否为来源或其设备登记的公钥，未在此核验"), "{zh}");
}

/// With another row of the record in the later state.
fn with_record(record: Option<&Record>) -> Court {
    let mut court = court_of(&court_manifest(), |_| ());
    court.whole.checkpoint = None;
    let leaf = parse(&court.whole.statement).unwrap().leaf();
    let (header, _, policy, row) = later_of(leaf, record.unwrap_or(&court::record()));
    let certificate = certify(&header, &[1, 2, 5]);
    let record = record.map(|_| row);
    court.whole.policy = Some(LaterState { header, certificate, policy, record });
    court
}

#[test]
fn a_pack_that_hides_what_became_of_the_record_says_that_it_does() {
    let warns = |court: &Court, words: &str| {
        let found = verdict(court);
        let text = found.text(Lang::Zh);
        text.split("提醒：").nth(1).is_some_and(|warnings| warnings.contains(words))
    };
    let hidden = "证据包未附该记录后来的状态";
    assert!(!warns(&with_record(Some(&court::record())), hidden));
    assert!(warns(&with_record(None), hidden));
    let mut silent = court();
    silent.whole.policy = None;
    assert!(warns(&silent, hidden));
    let rests = Record { parents: vec![Default::default(); 2], ..court::record() };
    assert!(warns(&with_record(Some(&rests)), "以另外 2 条记录为依据"));
    let gone = |restricted| Record {
        tombstone: Some(Tombstone { at_ms: START, restricted }),
        ..court::record()
    };
    let copy = "账本记录该内容已于 2026-11-24 08:00:00.000 UTC+8 销毁";
    assert!(warns(&with_record(Some(&gone(false))), copy));
    assert!(!warns(&with_record(Some(&gone(true))), copy), "only stored, as a law asks");
}

#[test]
fn leg_04_nobodys_word_stands_for_an_invalidated_record() {
    let invalid = Record { standing: 5, ..court::record() };
    let found = verdict(&with_record(Some(&invalid)));
    assert_eq!(found.outcome.as_ref().unwrap().corroborated(), Some(false));
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["corroborated_before_anchoring"], false);
    let text = found.text(Lang::Zh);
    assert!(text.contains("账本不证明；该记录已被认定无效"), "{text}");
    assert!(!text.contains("有他方佐证"), "{text}");
}

/// What the first edition said it says for ever; the verdict beside it is today's.
#[test]
fn a_pack_of_the_first_edition_still_verifies() {
    let kept = include_bytes!("fixtures/court.first.linli");
    let found = examine(kept, &[], &genesis().to_bytes());
    assert!(found.layers.iter().all(|finding| finding.holds == Some(true)), "{:?}", found.layers);
    assert!(found.text(Lang::Zh).contains("是否为机构登记的公钥，未在此核验"));
    let text = String::from_utf8_lossy(kept);
    assert!(text.contains("说明（第 1 版）") && text.contains("机构的 SM2 签名成立"));
    assert!(verify(kept, &[], &genesis().to_bytes()).is_ok());
}
