//! The page, in a real browser: an untouched pack is consistent, every changed bit is not, and the layer
//! at fault is the one that the page names.
//!
//! With `LINLI_SHOTS=DIR` it leaves pictures of what it saw.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may")]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Single-bit changes (issue 4).
const FLIPS: usize = 200;

/// How often the page is loaded anew to take its time.
const LOADS: usize = 7;

/// A browser with the page in it.
struct Browser {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    dir: PathBuf,
}

impl Browser {
    fn open(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let page = dir.join("linli-verify.html");
        std::fs::write(&page, linli_browser::PAGE).unwrap();
        let drive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drive.mjs");
        let mut command = Command::new("node");
        command.arg(drive).arg("chromium").arg(dir.join("profile"));
        command.arg(format!("file://{}", page.display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let started = command.spawn();
        let mut process = started.expect("node or chromium is missing: `./dev test` installs them");
        let (to, from) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, to, from: BufReader::new(from), dir }
    }

    fn ask(&mut self, command: &Value) -> Value {
        writeln!(self.to, "{command}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?} to {command}"))
    }

    /// Bytes under a name in the browser's folder.
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn shot(&mut self, name: &str) {
        let Some(dir) = std::env::var_os("LINLI_SHOTS") else { return };
        for (kind, width) in [("wide", 1200), ("narrow", 390)] {
            let path = Path::new(&dir).join(format!("{name}-{kind}.png"));
            self.ask(&json!({ "shot": path, "width": width, "height": 900 }));
        }
    }

    fn close(self) {
        let Self { mut process, to, .. } = self;
        drop(to);
        assert!(process.wait().unwrap().success());
    }
}

fn kept(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name);
    std::fs::read(path).unwrap()
}

/// The file of the kept pack `a.pdf.linli`.
fn file() -> Vec<u8> {
    (0..2_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// A small generator (SplitMix64).
fn below(state: &mut u64, n: usize) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ z >> 31) % n as u64) as usize
}

#[test]
fn leg_01_the_page_accepts_untouched_packs_and_names_the_layer_of_every_changed_bit() {
    let mut browser = Browser::open("page");
    let genesis = browser.file("genesis", &kept("genesis"));
    let court = browser.file("court.linli", &kept("court.linli"));
    let old = browser.file("a.pdf.linli", &kept("a.pdf.linli"));
    let pdf = browser.file("a.pdf", &file());
    browser.ask(&json!({ "lang": "zh" }));
    browser.shot("idle-zh");
    let wait = browser.ask(&json!({ "give": { "pack": [court] } }));
    assert_eq!(wait["state"], "wait");
    let good = browser.ask(&json!({ "give": { "genesis": [genesis] } }));
    assert_eq!((&good["state"], &good["title"]), (&"done".into(), &"核验一致".into()), "{good}");
    assert_eq!((&good["broken"], &good["unseen"]), (&json!([]), &json!([])), "{good}");
    let text = good["text"].as_str().unwrap();
    for words in ["上链后未改", "上链前真实性", "账本不证明什么"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(good["filing"].as_str().unwrap().contains("备案号"), "{good}");
    println!("one verification in the browser: {} ms", good["took"]);
    browser.shot("good-zh");
    let english = browser.ask(&json!({ "lang": "en" }));
    assert_eq!(english["title"], "Consistent");
    browser.shot("good-en");
    let outside = [&good, &english].map(|shown| shown["outside"].as_array().unwrap().len());
    assert_eq!(outside, [0, 0], "the page asked for something");
    let beside = browser.ask(&json!({ "give": { "pack": [old], "files": [pdf] } }));
    assert_eq!(beside["title"], "Consistent", "{beside}");
    changed_bits_are_named(&mut browser, &pdf);
    browser.close();
}

/// From the begin of loading the page, through handing it pack and genesis, to the verdict that is shown.
/// The figure is printed and decides nothing: machines differ.
#[test]
fn a_page_loaded_anew_comes_to_its_verdict_and_the_time_is_told() {
    let mut browser = Browser::open("anew");
    let genesis = browser.file("genesis", &kept("genesis"));
    let pdf = browser.file("a.pdf", &file());
    for (name, kind, files) in [
        ("receipt.linli", "a receipt", vec![]),
        ("a.pdf.linli", "a pack with its file", vec![pdf]),
        ("court.linli", "a whole pack", vec![]),
    ] {
        let pack = browser.file(name, &kept(name));
        let mut times = Vec::new();
        for _ in 0..LOADS {
            let give = json!({ "pack": [pack], "genesis": [genesis], "files": files });
            let shown = browser.ask(&json!({ "fresh": true, "give": give }));
            assert_eq!(shown["state"], "done", "{shown}");
            assert_eq!((&shown["broken"], &shown["unseen"]), (&json!([]), &json!([])), "{shown}");
            times.push(shown["since"].as_f64().unwrap());
        }
        times.sort_by(f64::total_cmp);
        let (median, last) = (times[LOADS / 2], times[LOADS - 1]);
        println!(
            "{kind}: {median:.0} ms from loading the page to the verdict (median of {LOADS}; at most {last:.0} ms)"
        );
    }
    browser.close();
}

fn changed_bits_are_named(browser: &mut Browser, pdf: &str) {
    let (mut chance, pack, whole) = (0x0201_u64, kept("a.pdf.linli"), kept("court.linli"));
    for i in 0..FLIPS {
        // A third of them in the file beside a pack, the others in packs of both kinds.
        let (name, mut bytes) = match i % 3 {
            0 => ("court.linli", whole.clone()),
            1 => ("a.pdf.linli", pack.clone()),
            _ => ("a.pdf", file()),
        };
        let (at, bit) = (below(&mut chance, bytes.len()), below(&mut chance, 8));
        bytes[at] ^= 1 << bit;
        let path = browser.file(&format!("flips/{i}/{name}"), &bytes);
        let pack = browser.dir.join(if i % 3 == 0 { "court.linli" } else { "a.pdf.linli" });
        let give = match i % 3 {
            0 => json!({ "pack": [path], "files": [] }),
            1 => json!({ "pack": [path], "files": [pdf] }),
            _ => json!({ "pack": [pack], "files": [path] }),
        };
        browser.ask(&json!({ "clear": true }));
        let mut give = give;
        give["genesis"] = json!([browser.dir.join("genesis")]);
        let bad = browser.ask(&json!({ "give": give }));
        let layer = if i % 3 == 2 { "file" } else { "pack" };
        assert_eq!(bad["title"], "Not consistent", "{name}, byte {at}, bit {bit}: {bad}");
        assert_eq!(bad["broken"], json!([layer]), "{name}, byte {at}, bit {bit}: {bad}");
        if i == 2 {
            browser.shot("bad-en");
            let bad = browser.ask(&json!({ "lang": "zh" }));
            assert!(bad["why"].as_str().unwrap().contains("微信"), "{bad}");
            browser.shot("bad-zh");
            browser.ask(&json!({ "lang": "en" }));
        }
    }
}

#[test]
fn the_page_says_so_when_the_chain_is_another_or_the_file_is_empty() {
    let mut browser = Browser::open("other");
    let mut other = kept("genesis");
    let last = other.len() - 1;
    other[last] ^= 1;
    let other = browser.file("other-genesis", &other);
    let genesis = browser.file("genesis", &kept("genesis"));
    let pack = browser.file("a.pdf.linli", &kept("a.pdf.linli"));
    browser.ask(&json!({ "lang": "en" }));
    let bad = browser.ask(&json!({ "give": { "pack": [pack], "genesis": [other] } }));
    assert_eq!((&bad["title"], &bad["broken"]), (&"Not consistent".into(), &json!(["genesis"])));
    let missing = browser.ask(&json!({ "give": { "genesis": [genesis] } }));
    assert_eq!(missing["broken"], json!(["file"]), "{missing}");
    let empty = browser.file("a.pdf", b"");
    let bad = browser.ask(&json!({ "give": { "files": [empty] } }));
    assert_eq!(bad["broken"], json!(["file"]), "{bad}");
    assert!(bad["why"].as_str().unwrap().contains("size differs"), "{bad}");
    browser.close();
}
