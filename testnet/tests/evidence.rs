//! Evidence as an operator and a judge meet it: files anchored and verified through the command
//! line, on a net of four processes.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_testnet::genesis::{LoadSize, Plan};
use linli_testnet::net::binary;
use linli_testnet::samples;
use linli_types::height::TimeMs;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use support::{Live, Ran, linli, run, text};

/// A receipt is there within a second, the program's own start included.
const RECEIPT_MAX: Duration = Duration::from_secs(1);
/// Where the flipped bits lie; printed with every failure.
const SEED: u64 = 0x11_1171_2026;
/// Flips of the file, and as many of the pack.
const FLIPS: usize = 100;

#[test]
fn evidence_from_the_file_to_the_judge() {
    let live = Live::start();
    let files = samples::write(&live.path("files")).unwrap();
    let packs = every_file_gets_a_pack_that_verifies(&live, &files);
    a_receipt_is_there_within_a_second(&live);
    what_is_no_file_is_refused_and_leaves_nothing(&live, &files[0]);
    a_pack_is_never_written_over(&live, &files[0]);
    the_same_manifest_twice_is_a_duplicate(&live);
    another_chains_genesis_is_refused_by_both_commands(&live, &files[0], &packs[0]);
    a_pack_that_could_not_be_written_is_finished_later(&live, &files[1]);
    every_flipped_bit_is_found(&live, &files[0], &packs[0]);
    verifying_opens_not_one_socket(&live, &files[0], &packs[0]);
    load_goes_on_with_the_numbers_that_are_open(&live);
    a_hole_is_proved_and_two_figures_are_told(&live);
    a_record_is_disputed_only_by_whoever_may(&live);
}

fn anchor(live: &Live, files: &[&Path], out: &Path) -> Ran {
    let genesis = live.net.genesis.clone();
    let mut args = vec!["evidence", "anchor"];
    args.extend(files.iter().map(|file| text(file)));
    args.extend(["--out", text(out), "--genesis", text(&genesis)]);
    live.linli("operator", &args)
}

fn pack_of(out: &Path, file: &Path) -> PathBuf {
    out.join(format!("{}.linli", file.file_name().unwrap().to_str().unwrap()))
}

fn every_file_gets_a_pack_that_verifies(live: &Live, files: &[PathBuf]) -> Vec<PathBuf> {
    let odd = live.path("files/服务 记录 (1).PDF");
    fs::write(&odd, "上门服务").unwrap();
    let mut files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    files.push(&odd);
    let out = live.path("packs");
    let ran = anchor(live, &files, &out).done();
    let lines = ran.lines();
    assert_eq!(lines.len(), files.len(), "{ran:?}");
    let mut packs = Vec::new();
    for (file, line) in files.iter().zip(&lines) {
        let pack = pack_of(&out, file);
        assert_eq!(line["pack"], text(&pack));
        assert!(line["evidence"].as_str().unwrap().starts_with("EV"), "{line}");
        let report = live.verify(&[text(&pack), text(file)]).done().json();
        assert_eq!(report["verified"], true, "{report}");
        packs.push(pack);
    }
    assert!(fs::read_dir(&out).unwrap().count() == files.len(), "a pack per file, nothing else");
    // Another file, and none, prove nothing.
    let other = live.verify(&[text(&packs[0]), text(files[1])]);
    assert_eq!((other.exit, &other.json()["layer"]), (Some(1), &"file".into()), "{other:?}");
    let none = live.verify(&[text(&packs[0])]);
    assert_eq!((none.exit, &none.json()["layer"]), (Some(1), &"file".into()), "{none:?}");
    packs
}

fn a_receipt_is_there_within_a_second(live: &Live) {
    let file = live.path("files/one.jpg");
    fs::write(&file, b"a photo").unwrap();
    let ran = anchor(live, &[&file], &live.path("quick")).done();
    assert!(ran.took < RECEIPT_MAX, "{:?}", ran.took);
    let transaction = ran.json()["transaction"].as_str().unwrap().to_owned();
    let receipt = live.linli("operator", &["evidence", "receipt", &transaction]).done();
    assert_eq!(receipt.json()["outcome"], "done");
}

fn what_is_no_file_is_refused_and_leaves_nothing(live: &Live, good: &Path) {
    let (empty, folder) = (live.path("empty.pdf"), live.path("folder.pdf"));
    fs::write(&empty, b"").unwrap();
    fs::create_dir(&folder).unwrap();
    let missing = live.path("missing.pdf");
    let out = live.path("none");
    let height = live.height(0);
    for (file, why) in [(&empty, "is empty"), (&missing, "no file"), (&folder, "is a folder")] {
        anchor(live, &[file], &out).fails(2, "FILE", "nothing").saying(why);
    }
    assert_eq!(live.height(0), height, "nothing reached the chain");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    // Beside a good one each is named, and the good one is anchored all the same.
    let mixed = anchor(live, &[&empty, &missing, good, &folder], &out);
    let mixed = mixed.fails(2, "PARTIAL", "only what succeeded").saying("3 of 4 files");
    let json = mixed.json();
    assert_eq!(json["anchored"], 1);
    let failed: Vec<&Value> = json["failed"].as_array().unwrap().iter().collect();
    assert_eq!(
        failed.iter().map(|f| &f["file"]).collect::<Vec<_>>(),
        [text(&empty), text(&missing), text(&folder)]
    );
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
}

fn a_pack_is_never_written_over(live: &Live, file: &Path) {
    let pack = pack_of(&live.path("packs"), file);
    let before = fs::read(&pack).unwrap();
    let height = live.height(0);
    anchor(live, &[file], &live.path("packs")).fails(1, "TAKEN", "nothing").saying("--out");
    assert_eq!((fs::read(&pack).unwrap(), live.height(0)), (before, height));
    // Two files of one name: the second finds the pack of the first.
    let other = live.path("other");
    fs::create_dir(&other).unwrap();
    let twin = other.join(file.file_name().unwrap());
    fs::copy(file, &twin).unwrap();
    let ran = anchor(live, &[file, &twin], &live.path("twins"));
    ran.fails(1, "PARTIAL", "only what succeeded").saying("is there already");
}

fn the_same_manifest_twice_is_a_duplicate(live: &Live) {
    let gaps = live.linli("operator", &["evidence", "gaps"]).done().json();
    let (source, open) = (gaps["source"].as_str().unwrap(), gaps["open"].as_str().unwrap());
    let open: u64 = open.parse().unwrap();
    let call = |number: u64, digest: u8| {
        let digest = hex::encode([digest; 32]);
        let args = format!(
            r#"{{"source":"{source}","number":{number},"kind":"FORM","manifest_sha256":"{digest}",
                "manifest_sm3":"{digest}","size":5,"media":"text/plain","captured_at_ms":1}}"#
        );
        live.linli("operator", &["call", "evidence", "Anchor", "--args", &args])
    };
    let first = call(open, 1).done().json();
    let receipt = "refusal receipt";
    let again = call(open + 1, 1).fails(1, "DUPLICATE", receipt).json();
    assert!(again["height"].as_u64() > first["height"].as_u64(), "a refusal stands in a block");
    call(open, 2).fails(1, "DUPLICATE_NUMBER", receipt).saying(&format!("number {open} is used"));
    call(open + 5_000, 2).fails(1, "SEQ_GAP", receipt).saying("evidence gaps");
    // A refusal is provable too.
    let transaction = again["transaction"].as_str().unwrap();
    let proof = live.path("refusal.linli");
    let args = ["evidence", "receipt", transaction, "--out", text(&proof)];
    let shown = live.linli("operator", &args).done();
    assert!(shown.json()["outcome"] == "refused" && shown.err.contains("DUPLICATE"), "{shown:?}");
    live.verify(&[text(&proof)]).done();
}

fn another_chains_genesis_is_refused_by_both_commands(live: &Live, file: &Path, pack: &Path) {
    let plan = Plan::new(4, LoadSize { signers: 1, accounts: 1 }, TimeMs(1)).unwrap();
    let other = live.path("other-genesis");
    fs::write(&other, plan.genesis("other", vec![]).unwrap().to_bytes()).unwrap();
    let ran = linli(&["verify", text(pack), text(file), "--genesis", text(&other)]);
    assert_eq!((ran.exit, &ran.json()["layer"]), (Some(1), &"genesis".into()), "{ran:?}");
    let out = live.path("other-packs");
    let args = ["evidence", "anchor", text(file), "--out", text(&out), "--genesis", text(&other)];
    let ran = live.linli("operator", &args).fails(1, "WRONG_CHAIN", "nothing");
    ran.saying("another chain").saying("genesis");
    let absent = live.path("no-genesis");
    let ran = linli(&["verify", text(pack), text(file), "--genesis", text(&absent)]);
    ran.fails(2, "USAGE", "nothing").saying("no-genesis");
}

fn a_pack_that_could_not_be_written_is_finished_later(live: &Live, file: &Path) {
    let out = live.path("late");
    let pack = pack_of(&out, file);
    // Where the pack is written first stands something else: as on a full disk, the write fails.
    let mut part = pack.as_os_str().to_owned();
    part.push(".part");
    fs::create_dir_all(&part).unwrap();
    let ran = anchor(live, &[file], &out).fails(3, "NO_PACK", "all");
    let mut pending = pack.as_os_str().to_owned();
    pending.push(".pending");
    let pending = PathBuf::from(pending);
    ran.saying("it is recorded").saying(text(&pending));
    fs::remove_dir(&part).unwrap();
    live.linli("operator", &["evidence", "pack", text(&pending)]).done();
    assert!(!pending.exists());
    live.verify(&[text(&pack), text(file)]).done();
}

/// A place below `bound`; the seed decides all of them.
fn next(state: &mut u64, bound: usize) -> usize {
    // Knuth's multiplier; the high bits are the good ones.
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap() % bound
}

fn every_flipped_bit_is_found(live: &Live, file: &Path, pack: &Path) {
    let mut state = SEED;
    let bent = live.path("bent");
    fs::create_dir(&bent).unwrap();
    let mut layers = std::collections::BTreeSet::new();
    for n in 0..2 * FLIPS {
        let of_file = n < FLIPS;
        let whole = if of_file { file } else { pack };
        let mut bytes = fs::read(whole).unwrap();
        let (at, bit) = (next(&mut state, bytes.len()), next(&mut state, 8));
        bytes[at] ^= 1 << bit;
        // Under its own name, so that nothing but the bit differs.
        let copy = bent.join(whole.file_name().unwrap());
        fs::write(&copy, bytes).unwrap();
        let (pack, file) = if of_file { (pack, copy.as_path()) } else { (copy.as_path(), file) };
        let ran = live.verify(&[text(pack), text(file)]);
        let place = format!("seed {SEED:#x}, {}: byte {at}, bit {bit}: {ran:?}", whole.display());
        assert_eq!(ran.exit, Some(1), "{place}");
        let json = ran.json();
        let layer = json["layer"].as_str().unwrap_or_default();
        assert!(!layer.is_empty() && json["verified"] == false, "{place}");
        assert!(ran.err.contains("hint:"), "{place}");
        assert!(!of_file || layer == "file", "{place}");
        layers.insert(layer.to_owned());
    }
    assert!(layers.contains("pack"), "{layers:?}");
}

fn verifying_opens_not_one_socket(live: &Live, file: &Path, pack: &Path) {
    let traced = |args: &[&str]| {
        let log = live.path("strace.log");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=network", "-o", text(&log)]);
        let ran = command.arg(binary("linli").unwrap()).args(args).output();
        let ran = ran.expect("strace is missing: `./dev setup` installs it");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "strace or linli failed: {said}");
        fs::read_to_string(&log).unwrap()
    };
    let genesis = text(&live.net.genesis);
    let silent = traced(&["verify", text(pack), text(file), "--genesis", genesis]);
    assert_eq!(silent, "", "verify spoke to the network");
    // What is looked for can be seen: a command that asks a node shows its socket.
    let key = live.key("operator");
    let loud = traced(&["status", "--node", &live.net.validators[0].grpc, "--key", text(&key)]);
    assert!(loud.contains("socket("), "{loud}");
}

fn load_goes_on_with_the_numbers_that_are_open(live: &Live) {
    for time in ["first", "second"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_linli-testnet"));
        command.args(["load", "--workload", "anchor", "--seconds", "1", "--rate", "20"]);
        let ran = run(command.arg("--dir").arg(live.path("net"))).done();
        let (tally, none) = (ran.json(), Value::from(0));
        assert!(tally["committed"].as_u64().unwrap() > 0, "{time}: {tally}");
        assert_eq!((&tally["refused"], &tally["lost"]), (&none, &none), "{time}: {tally}");
    }
}

fn a_hole_is_proved_and_two_figures_are_told(live: &Live) {
    let proof = live.path("gaps.linli");
    let args = ["evidence", "gaps", "--proof", text(&proof)];
    let gaps = live.linli("operator", &args).done().json();
    let number = |name: &str| gaps[name].as_str().unwrap().parse::<u64>().unwrap();
    assert!(number("records") > 0 && number("highest") >= number("records"), "{gaps}");
    live.verify(&[text(&proof)]).done();
    live.linli("operator", &args).fails(2, "USAGE", "nothing");
    let mut bytes = fs::read(&proof).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let changed = live.path("gaps-changed.linli");
    fs::write(&changed, bytes).unwrap();
    assert_eq!(live.verify(&[text(&changed)]).exit, Some(1), "LEG-01");

    // From half a year back until tomorrow, whatever the day is where the test runs.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let date = |days: u64| {
        let ms = u64::try_from(now.as_millis()).unwrap() + days * 86_400_000 - 90 * 86_400_000;
        linli_verify::time::text(TimeMs(ms))[..10].to_owned()
    };
    let (from, to) = (date(0), date(91));
    let args = ["evidence", "ratio", "--from", &from, "--to", &to];
    let ratio = live.linli("operator", &args).done().json();
    assert_eq!((&ratio["corroborated"], &ratio["records"]), (&"0".into(), &gaps["records"]));
}

fn a_record_is_disputed_only_by_whoever_may(live: &Live) {
    let gaps = live.linli("operator", &["evidence", "gaps"]).done().json();
    let source = gaps["source"].as_str().unwrap();
    let traced = live.linli("operator", &["evidence", "trace", "1"]).done().json();
    assert_eq!(
        (&traced["anchored"], &traced["state"]["standing"]),
        (&true.into(), &"ANCHORED".into())
    );
    let own = ["evidence", "corroborate", "1", "--source", source];
    live.linli("operator", &own).fails(1, "SAME_SOURCE", "refusal receipt");
    let dispute = ["evidence", "challenge", "1", "--source", source, "--reason", "1"];
    live.linli("operator", &dispute).fails(1, "NO_ROLE", "refusal receipt");
    let taint = live.linli("operator", &["evidence", "taint", "1"]).done().json();
    assert_eq!(taint["records"].as_array().map(Vec::len), Some(0), "{taint}");
}
