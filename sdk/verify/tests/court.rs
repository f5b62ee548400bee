//! The pack that a court can check: what holds is said, what does not is named by its layer, and what
//! is not proved is never claimed.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_types::code::Lang;
use linli_types::height::Height;
use linli_types::id::Digest;
use linli_verify::cose::statement::parse;
use linli_verify::file::both;
use linli_verify::pack::{BlockProof, Pack};
use linli_verify::platform::Platform;
use linli_verify::request::{REGISTER, REGISTER_BATCH, RegisterBatchRequest};
use linli_verify::{Failure, FileDigests, Layer, Reason, Verdict, examine, verify};
use std::collections::BTreeMap;
use std::path::PathBuf;
use support::court::{self, Court, court, court_asked, court_manifest, court_of};
use support::*;

/// Single-bit changes of a pack (issue 4).
const FLIPS: usize = 10_000;

fn verdict(pack: &[u8], files: &[FileDigests]) -> Verdict {
    examine(pack, files, &genesis().to_bytes())
}

fn failure(pack: &[u8], files: &[FileDigests]) -> Failure {
    verify(pack, files, &genesis().to_bytes()).unwrap_err()
}

fn refused(court: &Court) -> Reason {
    court.seal_with(&[]).unwrap_err().reason
}

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

/// Keeps bytes in the target folder, to look at or to adopt.
#[allow(clippy::disallowed_methods, reason = "a test may write")]
fn write_aside(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn leg_01_an_untouched_pack_is_consistent_in_every_layer() {
    let verdict = verdict(&court().seal(), &[]);
    let report = verdict.outcome.as_ref().unwrap();
    let layers: Vec<&str> = verdict.layers.iter().map(|f| f.layer.name()).collect();
    assert!(verdict.layers.iter().all(|f| f.holds == Some(true)), "{:?}", verdict.layers);
    for layer in [
        "pack",
        "file",
        "manifest",
        "statement",
        "sm2",
        "log",
        "cose",
        "receipt-key",
        "transaction",
        "receipt",
        "block",
        "certificate",
        "validators",
        "genesis",
        "token",
        "checkpoint",
        "policy",
        "platform",
        "explanation",
    ] {
        assert!(layers.contains(&layer), "{layer} in {layers:?}");
    }
    assert_eq!(report.statement.as_ref().unwrap().number, court::NUMBER);
    assert_eq!(report.receipts.len(), 2);
    assert!(report.token.as_ref().unwrap().signature_checked);
    let zh = verdict.text(Lang::Zh);
    assert!(zh.starts_with("核验一致\n") && !zh.contains("不一致"), "{zh}");
    assert!(zh.contains("上链后未改：是"), "{zh}");
    assert!(verdict.text(Lang::En).contains("unchanged since anchoring: yes"));
}

#[test]
fn the_kept_pack_is_what_is_sealed_today_and_still_verifies() {
    let kept = include_bytes!("fixtures/court.linli");
    // What the kept token was made over: see its fixture's page.
    let statement = parse(&court().whole.statement).unwrap();
    write_aside("court.header", &court::later(statement.leaf()).0.to_bytes());
    let today = court().seal();
    if kept.as_slice() != today {
        panic!("sealed differently: {}", write_aside("court.linli", &today).display());
    }
    assert!(verify(kept, &[], &genesis().to_bytes()).is_ok());
}

#[test]
fn leg_01_ten_thousand_flipped_bits_each_fail_with_a_layer() {
    let seed = 0x0401_u64;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let mut outside = court();
    outside.whole.files.clear();
    let beside = [FileDigests::of("a.pdf", &file())];
    let packs = [(court().seal(), false), (outside.seal_with(&beside).unwrap(), true)];
    for (pack, given) in packs {
        let file = if given { file() } else { Vec::new() };
        let mut layers: BTreeMap<Layer, usize> = BTreeMap::new();
        for _ in 0..FLIPS {
            let (at, bit) = (chance.below(pack.len() + file.len()), chance.below(8));
            let (mut pack, mut file) = (pack.clone(), file.clone());
            match at.checked_sub(pack.len()) {
                Some(at) => file[at] ^= 1 << bit,
                None => pack[at] ^= 1 << bit,
            }
            let files: Vec<_> =
                given.then(|| FileDigests::of("a.pdf", &file)).into_iter().collect();
            let verdict = verdict(&pack, &files);
            let why = verdict.outcome.as_ref().expect_err("a changed bit was not seen");
            let broken: Vec<Layer> =
                verdict.layers.iter().filter(|f| f.holds == Some(false)).map(|f| f.layer).collect();
            assert_eq!(broken, [why.layer()]);
            assert!(verdict.text(Lang::Zh).contains("核验不一致"));
            *layers.entry(why.layer()).or_default() += 1;
        }
        let wanted = if given { vec![Layer::Pack, Layer::File] } else { vec![Layer::Pack] };
        assert_eq!(layers.keys().copied().collect::<Vec<_>>(), wanted);
    }
}

/// Whoever makes a pack may change any entry and seal it anew, with an explanation of their own.
#[test]
fn leg_01_no_bit_of_what_is_proved_can_be_changed_by_one_who_seals_anew() {
    let bytes = court().seal();
    let genesis = genesis().to_bytes();
    let names = entries_of(&bytes);
    let mut layers: BTreeMap<Layer, usize> = BTreeMap::new();
    for (name, content) in &names {
        // The authority's token is bound by the authority alone: see its own tests.
        if ["index", "kind", "token"].contains(&name.as_str()) {
            continue;
        }
        let step = (content.len() / 400).max(1);
        for at in (0..content.len()).step_by(step) {
            let mut changed = names.clone();
            let entry = changed.iter_mut().find(|(n, _)| n == name).unwrap();
            entry.1[at] ^= 1 << (at % 8);
            let pack = zip(&changed);
            let why =
                verify(&pack, &[], &genesis).expect_err(&format!("{name}, byte {at} has slack"));
            assert_ne!(why.layer(), Layer::Pack, "{name}, byte {at}: {why}");
            *layers.entry(why.layer()).or_default() += 1;
        }
    }
    for layer in [
        Layer::File,
        Layer::Manifest,
        Layer::Statement,
        Layer::Log,
        Layer::Sm2,
        Layer::Cose,
        Layer::ReceiptKey,
        Layer::Transaction,
        Layer::Receipt,
        Layer::Block,
        Layer::Certificate,
        Layer::Validators,
        Layer::Genesis,
        Layer::Checkpoint,
        Layer::Policy,
        Layer::Platform,
        Layer::Explanation,
    ] {
        assert!(layers.contains_key(&layer), "{layer:?} was never named: {layers:?}");
    }
}

/// The entries of a stored ZIP, and back: written here apart from the library.
fn entries_of(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()));
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (mut entries, mut at) = (Vec::new(), 0);
    while u32_at(at) == 0x0403_4b50 {
        let (size, name_len) = (u32_at(at + 22) as usize, u16_at(at + 26));
        let name = String::from_utf8(bytes[at + 30..at + 30 + name_len].to_vec()).unwrap();
        let start = at + 30 + name_len;
        entries.push((name, bytes[start..start + size].to_vec()));
        at = start + size;
    }
    entries
}

fn zip(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    zip_with(entries, 0, |_| ())
}

/// A ZIP in our spelling, with an index that fits; `attributes` as external ones, and `change` at
/// the end.
fn zip_with(
    entries: &[(String, Vec<u8>)],
    attributes: u32,
    change: impl FnOnce(&mut Vec<u8>),
) -> Vec<u8> {
    let mut entries = entries.to_vec();
    let line = |(name, bytes): &(String, Vec<u8>)| {
        format!("{}  {name}\n", linli_types::digest::plain(bytes))
    };
    entries[0].1 = entries[1..].iter().map(line).collect::<String>().into_bytes();
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in &entries {
        let mut common = Vec::from(45_u16.to_le_bytes());
        common.extend([0; 8]);
        common.extend(crc32fast::hash(bytes).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        directory.extend(0x0201_4b50_u32.to_le_bytes());
        directory.extend(45_u16.to_le_bytes());
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend(attributes.to_le_bytes());
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(0x0403_4b50_u32.to_le_bytes());
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(bytes);
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(0x0605_4b50_u32.to_le_bytes());
    out.extend([0; 4]);
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    change(&mut out);
    out
}

#[test]
fn a_pack_is_a_plain_zip_that_others_write_alike() {
    let bytes = court().seal();
    assert_eq!(zip(&entries_of(&bytes)), bytes);
}

#[test]
fn leg_01_archives_that_attack_whoever_opens_them_are_refused() {
    let entries = entries_of(&court().seal());
    let named = |name: &str| {
        let mut bad = entries.clone();
        bad.last_mut().unwrap().0 = name.into();
        failure(&zip(&bad), &[]).reason
    };
    for name in [
        "files/../../a.pdf",
        "files//etc/passwd",
        "/etc/passwd",
        "../a.pdf",
        "files/a\\b",
        "files/C:a",
        "files/",
    ] {
        assert_eq!(named(name), Reason::PackName, "{name}");
    }
    let mut doubled = entries.clone();
    doubled.push(entries.last().unwrap().clone());
    assert_eq!(failure(&zip(&doubled), &[]).reason, Reason::PackContents);
    // A symbolic link is a mode in the external attributes: there is no place for one.
    let link = zip_with(&entries, 0o120_777 << 16, |_| ());
    assert_eq!(failure(&link, &[]).reason, Reason::PackSpelling);
    // A bomb is an entry that claims more than is there, or one that is packed.
    let bomb = zip_with(&entries, 0, |out| out[22..26].copy_from_slice(&u32::MAX.to_le_bytes()));
    assert_eq!(failure(&bomb, &[]).reason, Reason::PackUnreadable);
    let packed = zip_with(&entries, 0, |out| out[8] = 8);
    assert_eq!(failure(&packed, &[]).reason, Reason::PackUnreadable);
    let behind = zip_with(&entries, 0, |out| out.extend(b"more"));
    assert_eq!(failure(&behind, &[]).reason, Reason::PackSpelling);
}

#[test]
fn leg_01_a_pack_of_another_chain_or_by_validators_that_never_were_is_refused() {
    let pack = court().seal();
    let mut other = genesis();
    other.name = "another".into();
    let why = verify(&pack, &[], &other.to_bytes()).unwrap_err();
    assert_eq!((why.reason, why.layer()), (Reason::GenesisOther, Layer::Genesis));
    // Signed by a quorum of a set that nobody ever elected.
    let mut strangers = court();
    let set = set(6);
    strangers.block.header.validators_hash = set.hash();
    strangers.block.certificate = certify(&strangers.block.header, &[2, 3, 6]);
    assert_eq!(refused(&strangers), Reason::SetsIncomplete);
    // A receipt of a validator that was no longer, or not yet, one.
    let mut late = court();
    late.whole.receipts[0].1.says.from_height = Height(10);
    assert_eq!(refused(&late), Reason::ReceiptKeyEarly);
}

#[test]
fn leg_01_swapped_files_do_not_pass_and_a_rewritten_one_is_said_plainly() {
    let mut other_manifest = court_manifest();
    let other_file = b"another file".to_vec();
    let (sha256, sm3) = both(&other_file);
    let listed = &mut other_manifest.files[0];
    (listed.sha256, listed.sm3, listed.size) = (sha256, sm3, other_file.len() as u64);
    let mut other = court_of(&other_manifest, |_| ());
    let mut one = court();
    one.whole.files.clear();
    other.whole.files.clear();
    let right = FileDigests::of("a.pdf", &file());
    let wrong = FileDigests::of("a.pdf", &other_file);
    let one = one.seal_with(std::slice::from_ref(&right)).unwrap();
    let other = other.seal_with(std::slice::from_ref(&wrong)).unwrap();
    for (pack, file) in [(&one, &wrong), (&other, &right)] {
        let why = failure(pack, std::slice::from_ref(file));
        assert_eq!((why.reason, why.layer()), (Reason::FileChanged, Layer::File));
        let hint = why.hint().unwrap();
        assert!(hint.zh.contains("微信") && hint.en.contains("WeChat"), "{hint:?}");
    }
    assert_eq!(failure(&one, &[]).reason, Reason::FileNotGiven);
    let empty = FileDigests::of("a.pdf", b"");
    let why = failure(&one, &[empty]);
    assert_eq!(why.text(Lang::Zh), "核验不一致（文件）：文件 a.pdf 与存证时不同：大小不符");
    // Inside the pack, in another's place.
    let mut inside = court();
    inside.whole.files[0].1 = other_file;
    assert_eq!(refused(&inside), Reason::FileChanged);
    inside.whole.files[0].0 = "b.pdf".into();
    assert_eq!(refused(&inside), Reason::FileNotListed);
}

#[test]
fn the_evidence_rooms_own_word_is_needed_for_every_claim() {
    type Change = fn(&mut linli_verify::statement::Registered);
    let changes: [Change; 8] = [
        |said| said.first += 1,
        |said| said.first_leaf -= 1,
        |said| said.count = 0,
        |said| said.kind = 4,
        |said| said.source[0] ^= 1,
        |said| said.captured_to_ms -= 1,
        |said| said.statement[0] ^= 1,
        |said| said.device.clear(),
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut court = court_of(&court_manifest(), change);
        court.whole.token = None;
        assert_eq!(refused(&court), Reason::StatementOther, "change {i}");
    }
    // One of a batch: the number follows from the leaf's place in it.
    let manifest = court_manifest();
    let in_batch = |said: &mut linli_verify::statement::Registered| {
        (said.first, said.first_leaf, said.count) = (41, 2, 3);
        said.statement = vec![9; 32];
        said.captured_from_ms -= 1000;
    };
    let batch = court_asked(&manifest, &court::claims(&manifest), in_batch, |signed| {
        let request = RegisterBatchRequest {
            source: court::SOURCE.0.to_vec(),
            first: 41,
            statements: [[1; 32], signed.id().0, [3; 32]].concat(),
            manifests: [[4; 32], signed.claims.manifest_sha256.0, [6; 32]].concat(),
            clock_source: 2,
            ..RegisterBatchRequest::default()
        };
        court::call(REGISTER_BATCH, &request)
    });
    assert!(batch.seal_with(&[]).is_ok());
}

#[test]
fn leg_02_a_platform_statement_that_is_missing_expired_or_swapped_is_said() {
    let warnings = |court: &Court| {
        let verdict = verdict(&court.seal_with(&[]).unwrap(), &[]);
        let text = verdict.text(Lang::Zh);
        let report = verdict.outcome.unwrap();
        (text, report.warnings().iter().map(|w| w.en.clone()).collect::<Vec<_>>())
    };
    let (text, none) = warnings(&court());
    assert_eq!(none, Vec::<String>::new());
    assert!(text.contains("备案号 京网信备00000000号"), "{text}");
    let mut missing = court();
    missing.whole.platform = None;
    let (text, said) = warnings(&missing);
    assert!(said[0].starts_with("no platform statement is enclosed"), "{said:?}");
    assert!(text.contains("提醒：\n  未附平台声明"), "{text}");
    let expired = Platform { valid_until: START, ..court::platform() };
    let (_, said) = warnings(&with_platform(&expired));
    assert_eq!(said, ["the platform statement was not valid when the evidence was anchored"]);
    let mut partly = court::platform();
    partly.certificates[1].valid_until = START;
    partly.nodes.pop();
    let (_, said) = warnings(&with_platform(&partly));
    assert_eq!(
        said,
        [
            "密评 (MP-002) was not valid when the evidence was anchored",
            "the platform statement does not name the owners of validator-5",
        ]
    );
    // Written after the fact: the manifest names another one, or none.
    let mut swapped = court();
    swapped.whole.platform =
        Some(Platform { name: "另一平台".into(), ..court::platform() }.to_bytes());
    assert_eq!(refused(&swapped), Reason::PlatformOther);
    let mut unnamed = court_of(&manifest(), |_| ());
    assert_eq!(refused(&unnamed), Reason::PlatformOther);
    unnamed.whole.platform = None;
    assert!(unnamed.seal_with(&[]).is_ok());
}

fn with_platform(platform: &Platform) -> Court {
    let bytes = platform.to_bytes();
    let mut manifest = court_manifest();
    manifest.platform = Some(both(&bytes).0);
    let mut court = court_of(&manifest, |_| ());
    court.whole.platform = Some(bytes);
    court
}

#[test]
fn leg_03_owners_and_interests_are_told_and_the_submitters_own_nodes_named() {
    let verdict = verdict(&court().seal(), &[]);
    let text = verdict.text(Lang::Zh);
    assert!(text.contains("validator-2：服务商甲，与居民有服务合同"), "{text}");
    assert!(text.contains("与提交方同一机构的签名节点：validator-2"), "{text}");
    assert!(text.contains("有 2 家机构不是提交方所属机构"), "{text}");
}

#[test]
fn leg_04_before_anchoring_is_never_proved_and_its_origin_is_told() {
    let with = verdict(&court().seal(), &[]);
    let report = with.outcome.as_ref().unwrap();
    assert_eq!(report.corroborated(), Some(true));
    let text = with.text(Lang::Zh);
    for words in [
        "上链前真实性：\n  账本不证明；有他方佐证",
        "设备：",
        "时间来源：卫星授时",
        "采集不早于该块",
        "佐证：",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let mut silent = court();
    silent.whole.policy = None;
    let without = verdict(&silent.seal(), &[]);
    assert_eq!(without.outcome.as_ref().unwrap().corroborated(), None);
    assert!(without.text(Lang::En).contains("the pack does not tell of corroboration"));
    let json = serde_json::to_value(&without).unwrap();
    assert_eq!(json["unchanged_since_anchoring"], true);
    assert!(json["corroborated_before_anchoring"].is_null());
    assert_eq!(json["not_proved"].as_array().unwrap().len(), 6);
}

#[test]
fn leg_04_the_explanation_says_what_was_found_and_cannot_say_more() {
    let entries = entries_of(&court().seal());
    let of = |name: &str| entries.iter().find(|(n, _)| n == name).unwrap().1.clone();
    let text = String::from_utf8(of("explanation.txt")).unwrap();
    for words in [
        "第十六条",
        "第十七条",
        "第十八条",
        "article 18",
        "账本不证明什么",
        "What the ledger does not prove",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let page = of("explanation.pdf");
    assert!(page.starts_with(b"%PDF-1.4") && page.ends_with(b"%%EOF\n"));
    write_aside("explanation.pdf", &page);
    write_aside("explanation.txt", text.as_bytes());
    let mut lying = entries.clone();
    let entry = lying.iter_mut().find(|(n, _)| n == "explanation.txt").unwrap();
    entry.1 = text.replace("账本不证明；", "账本证明；").into_bytes();
    let why = failure(&zip(&lying), &[]);
    assert_eq!((why.reason, why.layer()), (Reason::ExplanationOther, Layer::Explanation));
}

#[test]
fn what_stands_beside_a_statement_must_belong_to_it() {
    type Change = fn(&mut Court);
    let changes: [(Change, Reason); 9] = [
        (|c| c.whole.sm2.as_mut().unwrap()[100] ^= 1, Reason::Sm2Signature),
        (|c| c.whole.receipts[1] = c.whole.receipts[0].clone(), Reason::CoseTwice),
        (|c| c.whole.receipts[1].1 = c.whole.receipts[0].1, Reason::ReceiptKeyOther),
        (|c| c.whole.token.as_mut().unwrap().header.log_size = 6, Reason::TokenOther),
        (|c| c.whole.token.as_mut().unwrap().place.leaf = 2, Reason::TokenOther),
        (|c| c.whole.checkpoint.as_mut().unwrap().witnesses.clear(), Reason::CheckpointOther),
        (|c| c.whole.checkpoint.as_mut().unwrap().keys.clear(), Reason::CheckpointOther),
        (|c| c.whole.policy.as_mut().unwrap().policy.reverse(), Reason::PolicyOther),
        (
            |c| c.whole.policy.as_mut().unwrap().record = Some(world().entries[0].clone()),
            Reason::PolicyOther,
        ),
    ];
    for (i, (change, reason)) in changes.into_iter().enumerate() {
        let mut court = court();
        change(&mut court);
        assert_eq!(refused(&court), reason, "change {i}");
    }
    // A second signature by a key that the statement does not name.
    let mut claims = court::claims(&court_manifest());
    claims.sm2_key = Some(Digest([1; 32]));
    let statement = court::signed(&claims);
    assert!(parse(&statement).is_ok());
}

#[test]
fn a_pack_from_before_a_change_of_validators_verifies_with_what_came_after() {
    // The block is of the first set; token, checkpoint and policy are of the second.
    let manifest = court_manifest();
    let mut claims = court::claims(&manifest);
    claims.not_before = Some((linli_types::id::BlockId([0xb1; 32]), Height(3)));
    let mut early = court_asked(
        &manifest,
        &claims,
        |_| (),
        |signed| court::call(REGISTER, &court::request_for(signed)),
    );
    let header = linli_types::header::Header {
        height: Height(4),
        time: linli_types::height::TimeMs(START + 4000),
        validators_hash: set(4).hash(),
        next_validators_hash: set(4).hash(),
        ..early.block.header.clone()
    };
    early.whole.receipts.clear();
    early.block =
        BlockProof { certificate: certify(&header, &[1, 2, 4]), header, sets: vec![change()] };
    let pack = early.seal();
    let report = verify(&pack, &[], &genesis().to_bytes()).unwrap();
    assert_eq!((report.block.height, report.block.set_changes), (4, 0));
    assert_eq!(report.policy.unwrap().height, court::LATER);
    // Without the change nothing leads to the later set.
    early.block.sets.clear();
    assert_eq!(refused(&early), Reason::PolicyOther);
    assert!(Pack::from_bytes(&pack).is_ok());
}
