//! `linli verify` as a judge or a grandson runs it: one pack, a year of receipts, the page.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::command::{Ran, linli};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// Single-bit changes through the binary (issue 4).
const FLIPS: usize = 200;
/// Receipts in the folder, of one block.
const RECEIPTS: usize = 500;

fn kept(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/verify/tests/fixtures");
    fs::read(path.join(name)).unwrap()
}

/// A folder with the kept genesis beside it.
struct Desk {
    dir: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        desk.put("genesis", &kept("genesis"));
        fs::create_dir(desk.path("year")).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn verify(&self, args: &[&str]) -> Ran {
        let genesis = self.path("genesis");
        let mut all = vec!["verify", "--genesis", genesis.to_str().unwrap()];
        all.extend(args);
        linli(&all)
    }
}

/// The program itself, as a process of its own.
fn binary(desk: &Desk, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linli"));
    command.arg("verify").arg("--genesis").arg(desk.path("genesis")).args(args);
    let ran = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let exit = u8::try_from(ran.status.code().unwrap()).unwrap();
    Ran { exit, stdout: text(ran.stdout), stderr: text(ran.stderr) }
}

/// A small generator (SplitMix64).
fn below(state: &mut u64, n: usize) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ z >> 31) % n as u64) as usize
}

/// The bytes of a stored entry of a pack.
fn entry(pack: &[u8], wanted: &str) -> Vec<u8> {
    let number = |at: usize, n: usize| {
        pack[at..at + n].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let mut at = 0;
    while number(at, 4) == 0x0403_4b50 {
        let (size, name_len) = (number(at + 22, 4), number(at + 26, 2));
        let start = at + 30 + name_len;
        if &pack[at + 30..start] == wanted.as_bytes() {
            return pack[start..start + size].to_vec();
        }
        at = start + size;
    }
    panic!("no {wanted}");
}

#[test]
fn leg_01_each_layer_is_said_and_what_is_not_proved_stands_apart() {
    let desk = Desk::new();
    let pack = desk.put("court.linli", &kept("court.linli"));
    let started = Instant::now();
    let ran = binary(&desk, &[&pack, "--lang", "zh"]);
    println!("one verification from the command line: {:?}", started.elapsed());
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    for words in [
        "核验一致\n  证据包",
        "平台声明",
        "上链后未改：是。",
        "上链前真实性：\n  账本不证明；有他方佐证",
        "节点与利害关系：",
    ] {
        assert!(ran.stdout.contains(words), "{words} in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("不一致"), "{}", ran.stdout);
    let json = desk.verify(&[&pack, "--json"]).json();
    assert_eq!(json["verified"], true);
    assert_eq!(json["unchanged_since_anchoring"], true);
    assert_eq!(json["corroborated_before_anchoring"], true);
    assert_eq!(json["statement"]["number"], 42);
    let layers = json["layers"].as_array().unwrap();
    assert!(layers.len() >= 19 && layers.iter().all(|layer| layer["holds"] == true), "{json}");
}

#[test]
fn leg_01_two_hundred_changed_bits_are_refused_with_the_layer_named() {
    let desk = Desk::new();
    let (good, mut chance) = (kept("court.linli"), 7);
    for _ in 0..FLIPS {
        let (at, bit) = (below(&mut chance, good.len()), below(&mut chance, 8));
        let mut bad = good.clone();
        bad[at] ^= 1 << bit;
        let pack = desk.put("bad.linli", &bad);
        let ran = binary(&desk, &[&pack, "--json"]);
        assert_eq!(ran.exit, 1, "byte {at}, bit {bit}");
        let json = ran.json();
        assert_eq!((&json["verified"], &json["layer"]), (&false.into(), &"pack".into()), "{json}");
    }
}

#[test]
fn leg_02_a_pack_without_a_platform_statement_carries_a_warning() {
    let desk = Desk::new();
    let file: Vec<u8> =
        (0..2_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let file = desk.put("a.pdf", &file);
    let pack = desk.put("a.pdf.linli", &kept("a.pdf.linli"));
    let ran = desk.verify(&[&pack, &file, "--lang", "zh"]);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("提醒：\n  未附平台声明"), "{}", ran.stdout);
    let changed = desk.put("a.pdf", b"smaller");
    let ran = desk.verify(&[&pack, &changed, "--lang", "zh"]);
    assert_eq!(ran.exit, 1);
    assert!(ran.stderr.contains("文件") && ran.stderr.contains("核验不一致"), "{}", ran.stderr);
    assert!(ran.stderr.contains("微信"), "{}", ran.stderr);
}

#[test]
fn a_year_of_receipts_is_verified_in_one_run_and_each_bad_one_is_named() {
    let desk = Desk::new();
    let (statement, receipt) = (kept("statement.cose"), kept("two.receipt"));
    desk.put("year/sets", &entry(&kept("court.linli"), "sets"));
    for i in 0..RECEIPTS {
        desk.put(&format!("year/{i}.cose"), &statement);
        desk.put(&format!("year/{i}.receipt"), &receipt);
    }
    desk.put("year/court.linli", &kept("court.linli"));
    desk.put("year/a.pdf.linli", &kept("a.pdf.linli"));
    desk.put("year/notes.txt", b"not ours");
    let dir = desk.path("year");
    let dir = dir.to_str().unwrap();
    let ran = desk.verify(&["--dir", dir, "--json"]);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    let json = ran.json();
    let held = u64::try_from(RECEIPTS).unwrap() + 2;
    assert_eq!((&json["held"], &json["without_files"]), (&held.into(), &1.into()), "{json}");
    println!("{held} files in {} s", json["seconds"]);
    assert_eq!(ran.stderr, "", "no bar where there is no terminal");
    let mut bad = receipt.clone();
    bad[200] ^= 1;
    desk.put("year/7.receipt", &bad);
    fs::remove_file(desk.path("year/8.cose")).unwrap();
    let ran = desk.verify(&["--dir", dir, "--json"]);
    assert_eq!(ran.exit, 1);
    let lines: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = |name: &str| {
        lines.iter().any(|line| line["file"].as_str().is_some_and(|file| file.ends_with(name)))
    };
    assert!(named("7.receipt") && named("8.receipt"), "{}", ran.stdout);
    let last = lines.last().unwrap();
    assert_eq!((&last["failed"], &last["held"]), (&2.into(), &(held - 2).into()), "{last}");
}

#[test]
fn a_folder_without_packs_or_a_missing_genesis_is_no_success() {
    let desk = Desk::new();
    let dir = desk.path("year");
    let ran = desk.verify(&["--dir", dir.to_str().unwrap()]);
    assert_eq!(ran.exit, 1, "{}", ran.stdout);
    assert_eq!(linli(&["verify", "--dir", dir.to_str().unwrap()]).exit, 2);
    assert_eq!(linli(&["verify"]).exit, 2);
}

#[test]
fn the_page_is_written_once_and_needs_no_genesis() {
    let desk = Desk::new();
    let path = desk.path("linli-verify.html");
    let path = path.to_str().unwrap();
    let ran = linli(&["verify", "--page", path]);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    assert_eq!(fs::read(path).unwrap(), linli_browser::PAGE);
    assert_ne!(linli(&["verify", "--page", path]).exit, 0, "never over an old one");
}

/// The log's files as they were kept: a proof with its blocks, one without, a witness's state of the
/// newer log, a checkpoint of the older one; and the witness's note key.
fn log_files(desk: &Desk) -> [String; 5] {
    let [whole, loose, state, note] = ["consistency.json", "loose.json", "last.state", "old.note"]
        .map(|name| desk.put(name, &kept(&format!("log/{name}"))));
    let text = kept("log/old.note");
    let name = "court.example/1";
    let public = ed25519_dalek::SigningKey::from_bytes(&[77; 32]).verifying_key().to_bytes();
    let kind = linli_verify::note::Kind::Witness;
    let key = linli_verify::note::Key::new(name, kind, linli_types::id::PublicKey(public));
    assert!(String::from_utf8(text).unwrap().contains(name));
    [whole, loose, state, note, key.unwrap().to_string()]
}

#[test]
fn the_log_only_grew_and_whose_word_that_is() {
    let desk = Desk::new();
    let [whole, loose, state, note, key] = log_files(&desk);
    // A proof with its blocks stands alone.
    let ran = desk.verify(&["--json", &whole]);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    let json = ran.json();
    assert_eq!((&json["from"]["size"], &json["to"]["size"]), (&3.into(), &11.into()), "{json}");
    assert_eq!(json["to"]["by"][0]["certified_by"].as_array().unwrap().len(), 3, "{json}");
    assert!(desk.verify(&[&whole]).stdout.contains("is the beginning of the log of 11"));
    // Without them, by what others signed: the witness's state and the old checkpoint.
    let ran = desk.verify(&["--json", &loose, &state, &note, "--note-key", &key]);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["from"]["by"][0]["note_key"], key.as_str());
    for (args, reason) in [
        (vec![loose.as_str()], "LOG_UNTIED"),
        (vec![&loose, &state], "LOG_UNTIED"),
        (vec![&loose, &state, &note], "CHECKPOINT_UNSIGNED"),
    ] {
        let ran = desk.verify(&[&["--json"][..], &args].concat());
        assert_eq!((ran.exit, &ran.json()["reason"]), (1, &reason.into()), "{args:?}");
        assert!(ran.stderr.contains("--note-key"), "{}", ran.stderr);
    }
    // A state and a checkpoint by themselves say how long the log is.
    let ran = desk.verify(&["--json", &state]);
    assert_eq!((ran.exit, &ran.json()["log"]["size"]), (0, &11.into()), "{}", ran.stderr);
    let ran = desk.verify(&["--json", &note, "--note-key", &key]);
    assert_eq!((ran.exit, &ran.json()["log"]["size"]), (0, &3.into()), "{}", ran.stderr);
    assert_eq!(desk.verify(&[&state, &note]).exit, 2);
    assert_eq!(desk.verify(&[&whole, &whole]).exit, 2);
    assert_eq!(desk.verify(&[&whole, "--note-key", "no key"]).exit, 2);
}

#[test]
fn every_changed_bit_of_a_proof_and_another_chain_are_refused() {
    let desk = Desk::new();
    let [whole, _, state, note, key] = log_files(&desk);
    let mut chance = 0x0915_u64;
    for i in 0..FLIPS {
        let (name, good) = match i % 3 {
            0 => ("consistency.json", &whole),
            1 => ("old.note", &note),
            _ => ("last.state", &state),
        };
        let mut bytes = fs::read(good).unwrap();
        let end = bytes.len();
        let (at, bit) = (below(&mut chance, end), below(&mut chance, 8));
        bytes[at] ^= 1 << bit;
        let bad = desk.put(&format!("bad.{name}"), &bytes);
        let ran = desk.verify(&["--json", &bad, "--note-key", &key]);
        // The witness's own line in a state is only as good as the key: without it the state holds by
        // its certificate alone, and says so.
        let by_witness = ran.stdout.contains(&key);
        assert!(
            ran.exit == 1 || name == "last.state" && !by_witness,
            "{name}, {at}, {bit}: {}",
            ran.stdout
        );
    }
    let other = fs::read(desk.path("genesis")).unwrap();
    let at = other.windows(7).position(|w| w == b"fixture").unwrap();
    let mut bytes = other.clone();
    bytes[at] ^= 1;
    desk.put("genesis", &bytes);
    for (file, exit) in [(&whole, 1), (&state, 1), (&note, 1)] {
        let ran = desk.verify(&["--json", file, "--note-key", &key]);
        assert_eq!((ran.exit, &ran.json()["reason"]), (exit, &"GENESIS_OTHER".into()), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_that_a_node_serves_is_the_one_that_the_command_writes() {
    let net = common::Net::start().await;
    let handle = net.handle(0);
    let checkpoints =
        linli_node::checkpoints::Checkpoints::open(net.dir.path(), net.chain, None, Vec::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pages = linli_node::http::serve(
        handle,
        std::sync::Arc::new(checkpoints.unwrap()),
        listener,
        std::future::pending(),
    );
    tokio::spawn(pages);
    let ask = move |method: &'static str| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = format!("{method} /verify HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        (
            String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase(),
            answer[end + 4..].to_vec(),
        )
    };
    let answers = tokio::task::spawn_blocking(move || ["GET", "HEAD", "POST"].map(ask));
    let [(head, page), (same, none), (refused, _)] = answers.await.unwrap();
    assert!(
        head.starts_with("http/1.1 200") && head.contains("text/html; charset=utf-8"),
        "{head}"
    );
    let desk = Desk::new();
    let written = desk.path("page.html");
    assert_eq!(linli(&["verify", "--page", written.to_str().unwrap()]).exit, 0);
    assert_eq!(page, fs::read(written).unwrap());
    // The page is whole in itself: nothing in it is fetched from anywhere.
    let text = String::from_utf8(page).unwrap();
    assert!(!text.contains("src=\"http") && !text.contains("href=\"http"));
    assert!(same.starts_with("http/1.1 200") && none.is_empty(), "{same}");
    assert!(refused.starts_with("http/1.1 405"), "{refused}");
}
