//! What goes wrong with records of devices without a network, from the command line to the ledger.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_sdk::capture::{Entry, entries};
use linli_sdk::{About, KeyFile, KeyKind, SecretKey};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use support::{Live, Ran, text};

fn capture(live: &Live, queue: &Path, more: &[&str], files: &[&Path]) -> Ran {
    let key = live.key("operator");
    let mut args = vec!["evidence", "capture", "--kind", "FORM", "--queue", text(queue)];
    args.extend(["--device-key", text(&key)]);
    args.extend(more);
    args.extend(files.iter().map(|file| text(file)));
    support::linli(&args)
}

fn upload(live: &Live, queue: &Path) -> Ran {
    live.linli("operator", &["evidence", "upload", "--queue", text(queue)])
}

fn file(live: &Live, name: &str, bytes: &[u8]) -> PathBuf {
    let path = live.path(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn what_is_wrong_with_an_offline_record_is_said_before_or_at_the_upload() {
    let live = Live::start();
    leg_05_a_name_with_an_identity_number_is_refused(&live);
    two_phones_that_share_a_source_are_told_apart(&live);
    a_month_late_is_recorded_as_late(&live);
    live.receipt_keys(4);
    alike_records_go_together_and_an_interrupted_upload_goes_on(&live);
    one_bad_record_of_many_stops_only_what_comes_after_it(&live);
}

fn leg_05_a_name_with_an_identity_number_is_refused(live: &Live) {
    // A number of the standard's own example: its check digit holds.
    let path = file(live, "张 11010519491231002X.jpg", b"photo");
    let queue = live.path("a");
    let ran = capture(live, &queue, &[], &[&path]);
    ran.fails(1, "PII_SUSPECTED", "nothing").saying("identity");
    let empty = file(live, "empty.jpg", b"");
    capture(live, &queue, &[], &[&empty]).fails(2, "FILE", "nothing").saying("is empty");
}

fn two_phones_that_share_a_source_are_told_apart(live: &Live) {
    let (a, b) = (live.path("a"), live.path("b"));
    let [one, two] = ["one.txt", "two.txt"].map(|name| file(live, name, name.as_bytes()));
    capture(live, &a, &[], &[&one]).done();
    capture(live, &b, &[], &[&two]).done();
    upload(live, &a).done();
    let ran = upload(live, &b).fails(1, "NUMBER_TAKEN", "nothing");
    ran.saying("two devices share the source");
    // Once the second has seen the ledger, it captures nothing more under used numbers.
    let seen = live.linli("operator", &["evidence", "checkpoint", "--save", "--queue", text(&b)]);
    assert_eq!(seen.done().json()["highest"], 1);
    let three = file(live, "three.txt", b"three");
    // It would use 2, which is free; its own number 1 stays refused at every upload.
    capture(live, &b, &[], &[&three]).done();
    upload(live, &b).fails(1, "NUMBER_TAKEN", "nothing");
}

fn a_month_late_is_recorded_as_late(live: &Live) {
    let (queue, old) = (live.path("a"), file(live, "old.txt", b"old"));
    let then = SystemTime::now() - Duration::from_secs(30 * 24 * 3600);
    fs::File::options().write(true).open(&old).unwrap().set_modified(then).unwrap();
    let ran = capture(live, &queue, &[], &[&old]);
    ran.fails(1, "CAPTURE_OLD_FILE", "nothing").saying("--imported");
    let ran = capture(live, &queue, &["--imported"], &[&old]).done();
    let number = ran.json()["number"].as_u64().unwrap();
    upload(live, &queue).done();
    let gaps = live.linli("operator", &["evidence", "gaps"]).done().json();
    let args = format!(r#"{{"source":"{}","number":{number}}}"#, gaps["source"].as_str().unwrap());
    let state = live.linli("operator", &["query", "evidence", "State", "--args", &args]).done();
    // Flag 1: backdated, set by the contract.
    let state = state.json();
    let flags = &state["result"]["flags"];
    assert_eq!(flags.as_u64().map(|flags| flags & 1), Some(1), "{state}");
}

/// A queue above the source's highest number, with a record of one file for each content.
fn queue(live: &Live, name: &str, contents: &[&str]) -> PathBuf {
    let queue = live.path(name);
    let seen = ["evidence", "checkpoint", "--save", "--queue", text(&queue)];
    let highest = live.linli("operator", &seen).done().json()["highest"].as_u64().unwrap();
    let first = (highest + 1).to_string();
    for (at, content) in contents.iter().enumerate() {
        let path = file(live, &format!("{name}-{at}.txt"), content.as_bytes());
        capture(live, &queue, &["--first", &first, "--again"], &[&path]).done();
    }
    queue
}

fn gaps(live: &Live) -> serde_json::Value {
    live.linli("operator", &["evidence", "gaps"]).done().json()
}

/// Each entry's own pack, which verifies with its file.
fn packs_verify(live: &Live, queue: &Path, entries: &[Entry]) {
    for entry in entries {
        let pack = queue.join(format!("packs/{:012}.linli", entry.number));
        let report = live.verify(&[text(&pack), text(&entry.files[0])]).done().json();
        assert_eq!(report["statement"]["number"], entry.number, "{report}");
        assert_eq!(report["receipts"].as_array().map(Vec::len), Some(2), "{report}");
        assert_eq!(report["log"]["statement"], entry.id().to_string());
    }
}

fn alike_records_go_together_and_an_interrupted_upload_goes_on(live: &Live) {
    let queue = queue(live, "many", &["1", "2", "3", "4", "5"]);
    assert_eq!(upload(live, &queue).done().json()["uploaded"], 5);
    let all = entries(&queue).unwrap();
    packs_verify(live, &queue, &all);
    let transactions: BTreeSet<String> =
        all.iter().map(|entry| entry.upload.clone().unwrap().transaction).collect();
    assert_eq!(transactions.len(), 1, "one transaction registers all");
    let before = gaps(live);
    // As if it had been interrupted: before the third was noted, and before its pack was written.
    for mut entry in all.clone().into_iter().skip(2) {
        entry.upload = None;
        entry.write(&queue).unwrap();
    }
    fs::remove_file(queue.join(format!("packs/{:012}.linli", all[2].number))).unwrap();
    assert_eq!(upload(live, &queue).done().json()["uploaded"], 3);
    packs_verify(live, &queue, &all);
    assert_eq!(gaps(live)["records"], before["records"], "nothing is registered twice");
    assert_eq!(upload(live, &queue).done().json()["uploaded"], 0);
}

fn one_bad_record_of_many_stops_only_what_comes_after_it(live: &Live) {
    let (vault, key) = (live.path("vault"), live.path("vault.key"));
    let secret = SecretKey::generate().unwrap();
    let sealed = KeyFile::seal(&secret, KeyKind::Vault, About::default(), "").unwrap();
    sealed.write_new(&key).unwrap();
    let vault = ["--vault", text(&vault), "--vault-key", text(&key)];
    support::linli(&[&["vault", "init"][..], &vault].concat()).done();
    // The fourth is the second once more: its keyed tag tells.
    let queue = queue(live, "tagged", &["6", "7", "8", "7", "9"]);
    let args = [&["evidence", "upload", "--queue", text(&queue)][..], &vault].concat();
    let ran = live.linli("operator", &args).fails(1, "DUPLICATE_CONTENT", "refusal receipt");
    ran.saying("3 of 5");
    let all = entries(&queue).unwrap();
    let done: Vec<bool> = all.iter().map(|entry| entry.upload.is_some()).collect();
    assert_eq!(done, [true, true, true, false, false]);
    packs_verify(live, &queue, &all[..3]);
}
