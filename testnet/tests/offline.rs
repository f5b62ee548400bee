//! What goes wrong with records of devices without a network, from the command line to the ledger.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

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
