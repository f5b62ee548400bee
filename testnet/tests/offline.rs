//! What goes wrong with records of devices without a network, from the command line to the ledger.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_sdk::capture::{About, Entry, Queue, Who, entries};
use linli_sdk::{KeyFile, KeyKind, SecretKey};
use linli_types::genesis::Genesis;
use linli_types::id::ChainId;
use serde_json::json;
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

fn checkpoint(live: &Live, queue: &Path) -> Ran {
    let genesis = live.net.genesis.clone();
    let args = ["evidence", "checkpoint", "--save", "--queue", text(queue), "--genesis"];
    live.linli("operator", &[&args[..], &[text(&genesis)]].concat())
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
    leg_05_free_text_with_a_phone_number_is_refused_wherever_it_is_typed(&live);
    a_checkpoint_is_saved_only_as_the_validators_certified_it(&live);
    leg_21_a_raw_file_sent_in_place_of_its_digest_is_refused(&live);
    a_capture_from_a_clock_that_is_ahead_waits_for_its_time(&live);
    leg_20_what_a_law_keeps_and_a_queue_alone_has_is_not_erased(&live);
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
    assert_eq!(checkpoint(live, &b).done().json()["highest"], 1);
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

fn leg_05_free_text_with_a_phone_number_is_refused_wherever_it_is_typed(live: &Live) {
    const PHONE: &str = "call 13812345678";
    let (queue, path) = (live.path("p"), file(live, "p.txt", b"p"));
    let ran = capture(live, &queue, &["--order", PHONE], &[&path]);
    ran.fails(1, "PII_SUSPECTED", "nothing").saying("mobile");
    let (vault, key) = (live.path("vault"), live.key("operator"));
    let record = "00".repeat(32);
    for (who, why) in [(PHONE, "visit"), ("PR-TEST", PHONE)] {
        let mut args = vec!["vault", "put", "--record", &record, "--class", "personal"];
        args.extend(["--vault", text(&vault), "--vault-key", text(&key)]);
        args.extend(["--who", who, "--why", why, text(&path)]);
        support::linli(&args).fails(1, "PII_SUSPECTED", "nothing");
    }
    assert!(!queue.join("state").exists());
}

fn a_checkpoint_is_saved_only_as_the_validators_certified_it(live: &Live) {
    let queue = live.path("seen");
    let without = ["evidence", "checkpoint", "--save", "--queue", text(&queue)];
    live.linli("operator", &without).fails(2, "USAGE", "nothing").saying("--genesis");
    // A genesis that was changed is another chain's: its validators certified nothing here.
    let (_, _, mut genesis) = genesis_of(live);
    genesis.name = "another".into();
    let other = file(live, "other.genesis", &genesis.to_bytes());
    let args = [&without[..], &["--genesis", text(&other)]].concat();
    let ran = live.linli("operator", &args);
    assert_ne!(ran.exit, Some(0), "{ran:?}");
    assert!(!queue.join("checkpoint").exists());
    let seen = checkpoint(live, &queue).done().json();
    assert_eq!((&seen["saved"], &seen["certified"]), (&true.into(), &true.into()), "{seen}");
    assert!(queue.join("checkpoint").exists());
}

fn leg_21_a_raw_file_sent_in_place_of_its_digest_is_refused(live: &Live) {
    let before = live.linli("operator", &["evidence", "gaps"]).done().json();
    let raw = "ff".repeat(5_000);
    let digest = "11".repeat(32);
    for field in ["statement", "manifest_sha256", "manifest_sm3"] {
        let mut args = json!({
            "source": before["source"], "number": 900, "kind": "PHOTO_SET", "statement": digest,
            "manifest_sha256": digest, "manifest_sm3": digest, "size": 5000,
            "captured_at_ms": 1, "clock_source": "DEVICE_CLOCK", "retention": "ORDINARY",
            "basis": "CONTRACT",
        });
        args[field] = raw.clone().into();
        let args = args.to_string();
        let ran = live.linli("operator", &["call", "evidence", "Register", "--args", &args]);
        let error = &ran.json()["error"];
        assert_eq!(error["recorded"], "nothing", "{field}: {ran:?}");
    }
    let image = format!("data:image/jpeg;base64,{}", "A".repeat(40));
    let args = json!({
        "source": before["source"], "number": 900, "kind": "PHOTO_SET", "manifest_sha256": digest,
        "manifest_sm3": digest, "size": 5000, "media": image, "captured_at_ms": 1,
    });
    let args = args.to_string();
    let ran = live.linli("operator", &["call", "evidence", "Anchor", "--args", &args]);
    ran.fails(1, "PII_SUSPECTED", "nothing");
    let after = live.linli("operator", &["evidence", "gaps"]).done().json();
    assert_eq!(after["records"], before["records"]);
}

fn a_capture_from_a_clock_that_is_ahead_waits_for_its_time(live: &Live) {
    let queue = live.path("ahead");
    let (key_file, chain, _) = genesis_of(live);
    let device = key_file.about().principal.unwrap();
    let who = Who { source: device, device, chain };
    let key = key_file.open("").unwrap();
    let ahead = linli_sdk::clock::now().unwrap().0 + 8 * 3_600_000;
    let about = About { kind: 5, retention: 1, basis: 2, ..About::default() };
    let path = file(live, "ahead.txt", b"ahead");
    let mut open = Queue::open(&queue, who, &key, Some(50)).unwrap();
    open.capture_at(ahead, &[&path], &about).unwrap();
    let ran = upload(live, &queue).fails(1, "FUTURE_TIME", "nothing");
    ran.saying("clock is ahead").saying("0 of 1");
}

fn leg_20_what_a_law_keeps_and_a_queue_alone_has_is_not_erased(live: &Live) {
    let (queue, vault, key) = (live.path("kept"), live.path("vault"), live.path("vault.key"));
    let new = ["key", "new", text(&key), "--kind", "vault", "--development"];
    support::linli(&new).done();
    let which = ["--vault", text(&vault), "--vault-key", text(&key)];
    support::linli(&[&["vault", "init"], &which[..]].concat()).done();
    let path = file(live, "voucher.txt", b"voucher");
    let first = ["--first", "70"];
    let kept = capture(live, &queue, &[&first[..], &["--class", "30y"]].concat(), &[&path]).done();
    let mut args = vec!["vault", "erase", "--basis", "unlawful", "--off-ledger", "--with-files"];
    args.extend(["--who", "PR-TEST", "--why", "test", "--queue", text(&queue)]);
    args.extend(which);
    let erase = |record: &str| {
        let mut args = args.clone();
        args.extend(["--record", record]);
        live.linli("operator", &args)
    };
    let record = kept.json()["record"].as_str().unwrap().to_owned();
    erase(&record).fails(1, "VAULT_NO_RECORD", "nothing").saying("a law keeps the record");
    assert!(path.exists());
    // A file that is not the record's is not destroyed for it.
    let stray = file(live, "stray.pending", br#"{"manifest":"00"}"#);
    let named = [&args[..], &["--record", &record, "--pending", text(&stray)]].concat();
    live.linli("operator", &named).fails(2, "USAGE", "nothing").saying("of this record");
    assert!(stray.exists());
    // What no law keeps goes; a file that was changed since stays, and is named.
    let other = file(live, "other.txt", b"other");
    let free = capture(live, &queue, &[], &[&other]).done();
    fs::write(&other, b"changed").unwrap();
    let done = erase(free.json()["record"].as_str().unwrap()).done();
    assert_eq!(done.json()["left"][0], text(&other));
    assert_eq!((&done.json()["state"], &done.json()["holes"]), (&"destroyed".into(), &json!([71])));
    // No queue and no vault has it.
    erase(&"00".repeat(32)).fails(1, "VAULT_NO_RECORD", "nothing");
}

/// The operator's key file, the chain and its genesis.
fn genesis_of(live: &Live) -> (KeyFile, ChainId, Genesis) {
    let bytes = fs::read(&live.net.genesis).unwrap();
    let (genesis, chain) = Genesis::from_bytes(&bytes).unwrap();
    (KeyFile::read(&live.key("operator")).unwrap(), chain, genesis)
}

/// A device of the operator's, its key file, and its queue.
struct Phone {
    id: &'static str,
    queue: PathBuf,
    key: PathBuf,
}

impl Phone {
    fn new(live: &Live, id: &'static str) -> Self {
        let (queue, key) = (live.path(&format!("queue-{id}")), live.path(&format!("{id}.key")));
        let chain = live.net.chain.clone();
        let new = ["key", "new", text(&key), "--kind", "principal", "--principal", id];
        support::linli(&[&new[..], &["--chain", &chain, "--development"]].concat()).done();
        Self { id, queue, key }
    }

    fn public(&self) -> String {
        KeyFile::read(&self.key).unwrap().public().to_string()
    }

    fn admitted(live: &Live, id: &'static str) -> Self {
        let phone = Self::new(live, id);
        let (public, own) = (phone.public(), ["org", "device", id, "--org", "2", "--public-key"]);
        live.linli("district-admin", &[&own[..], &[&public]].concat()).done();
        phone
    }

    fn capture(&self, path: &Path) -> Ran {
        let args = ["evidence", "capture", "--kind", "FORM", "--queue", text(&self.queue)];
        support::linli(&[&args[..], &["--device-key", text(&self.key), text(path)]].concat())
    }
}

#[test]
fn leg_12_what_a_retired_device_or_a_revoked_key_signed_is_not_handed_in() {
    let live = Live::start();
    let files = ["1.txt", "2.txt", "3.txt", "4.txt"].map(|n| file(&live, n, n.as_bytes()));
    let stranger = Phone::new(&live, "0000000000000000000000000000dead");
    stranger.capture(&files[0]).done();
    let ran = upload(&live, &stranger.queue);
    ran.fails(1, "DEVICE_FOREIGN", "nothing").saying("not of the sender's organisation");
    let mut phone = Phone::admitted(&live, "00000000000000000000000000000001");
    phone.capture(&files[0]).done();
    assert_eq!(upload(&live, &phone.queue).done().json()["uploaded"], 1);
    // Captured, and the key ends before the gateway hands it in: nobody can tell when it was signed.
    phone.capture(&files[1]).done();
    let new = live.path("new.key");
    let node = live.net.validators[0].grpc.clone();
    let rotate = ["key", "rotate", text(&new), "--overlap", "0", "--node", &node, "--key"];
    support::linli(&[&rotate[..], &[text(&phone.key)]].concat()).done();
    let ran = upload(&live, &phone.queue).fails(1, "DEVICE_KEY_REVOKED", "nothing");
    ran.saying("0 of 1");
    // Another's key in the device's name.
    let old = std::mem::replace(&mut phone.queue, live.path("queue-forged"));
    let forged = Phone::new(&live, "00000000000000000000000000000002");
    forge(&live, &phone, &forged, &files[2]);
    upload(&live, &phone.queue).fails(1, "DEVICE_KEY_UNKNOWN", "nothing");
    // The key in force is taken, until the device is retired.
    phone = Phone { queue: live.path("queue-new"), key: new, ..phone };
    let first = ["--first", "3"];
    let args = ["evidence", "capture", "--kind", "FORM", "--queue", text(&phone.queue)];
    let more = ["--device-key", text(&phone.key), text(&files[2])];
    support::linli(&[&args[..], &more, &first].concat()).done();
    upload(&live, &phone.queue).done();
    phone.capture(&files[3]).done();
    let args = format!(r#"{{"device":"{}"}}"#, phone.id);
    live.linli("operator", &["call", "evidence", "RetireDevice", "--args", &args]).done();
    upload(&live, &phone.queue).fails(1, "DEVICE_RETIRED", "nothing");
    // What was registered before stands: its entry, put back, finds it there.
    let entry = old.join("entries/000000000001");
    let mut put_back: Entry = serde_json::from_slice(&fs::read(&entry).unwrap()).unwrap();
    put_back.upload = None;
    put_back.write(&old).unwrap();
    upload(&live, &old).fails(1, "DEVICE_KEY_REVOKED", "only what succeeded").saying("1 of 2");
}

/// A queue of `phone` whose entries `other` signed.
fn forge(live: &Live, phone: &Phone, other: &Phone, path: &Path) {
    let device = phone.id.parse().unwrap();
    let key = KeyFile::read(&other.key).unwrap().open("").unwrap();
    let who = Who { source: device, device, chain: live.net.chain.parse().unwrap() };
    let about = About { kind: 5, retention: 1, basis: 2, ..About::default() };
    let mut queue = Queue::open(&phone.queue, who, &key, Some(9)).unwrap();
    queue.capture(&[path], &about).unwrap();
}

/// A queue above the source's highest number, with a record of one file for each content.
fn queue(live: &Live, name: &str, contents: &[&str]) -> PathBuf {
    let queue = live.path(name);
    let highest = checkpoint(live, &queue).done().json()["highest"].as_u64().unwrap();
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
    let (vault, key) = (live.path("tags"), live.path("tags.key"));
    let secret = SecretKey::generate().unwrap();
    let sealed = KeyFile::seal(&secret, KeyKind::Vault, linli_sdk::About::default(), "").unwrap();
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
