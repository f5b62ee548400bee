//! Packs of version 2 from a running net: what stands in them, how an interrupted one is finished, how
//! they are renewed, and that a key's rotation leaves them as they are.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_sdk::anchor::{lowest_open, request};
use linli_sdk::manifest::prepare;
use linli_sdk::{Client, Draft, KeyFile, Outcome};
use linli_testnet::net::now_ms;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use support::{BOUND, Live, Ran, linli, text, until};

#[test]
fn packs_that_a_court_can_check_from_a_running_net() {
    let live = Live::start();
    live.receipt_keys(4);
    let (file, pack) = every_entry_is_there(&live);
    writers_of_one_source_take_a_number_each(&live);
    the_file_may_stand_inside(&live);
    platform_and_second_signature_stand_beside(&live);
    the_node_s_genesis_is_the_chain_s_or_none(&live);
    what_comes_late_says_why(&live);
    what_was_begun_is_finished_in_its_own_version(&live);
    a_pack_is_renewed_with_what_came_since(&live, &file, &pack);
    a_rotated_key_leaves_old_packs_as_they_are(&live, &file, &pack);
}

fn file(live: &Live, name: &str) -> PathBuf {
    let path = live.path(name);
    fs::write(&path, format!("bytes of {name}")).unwrap();
    path
}

fn anchor(live: &Live, file: &Path, more: &[&str]) -> Ran {
    let (out, genesis) = (live.path("packs"), live.net.genesis.clone());
    let mut args = vec!["evidence", "anchor", text(file), "--out", text(&out)];
    args.extend(["--genesis", text(&genesis)]);
    args.extend(more);
    live.linli("operator", &args)
}

fn pack_of(live: &Live, file: &Path) -> PathBuf {
    live.path("packs").join(format!("{}.linli", file.file_name().unwrap().to_str().unwrap()))
}

/// The layers of a report that hold.
fn holding(report: &Value) -> Vec<String> {
    let layers = report["layers"].as_array().unwrap_or_else(|| panic!("{report}"));
    let held = layers.iter().filter(|found| found["holds"] == true);
    held.map(|found| found["layer"].as_str().unwrap().to_owned()).collect()
}

fn holds(report: &Value, layers: &[&str]) {
    let held = holding(report);
    for layer in layers {
        assert!(held.iter().any(|found| found == layer), "{layer} in {held:?}: {report}");
    }
}

fn every_entry_is_there(live: &Live) -> (PathBuf, PathBuf) {
    let file = file(live, "form.pdf");
    let order = "0a".repeat(32);
    let subject = "0b".repeat(16);
    let about = ["--order", &order, "--subject", &subject, "--cell", "wtw3s"];
    let said = anchor(live, &file, &about).done().json();
    let wanted = json!({ "version": 2, "organisations": 2, "policy": true, "token": false });
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&said[name], value, "{name}: {said}");
    }
    let pack = pack_of(live, &file);
    let report = live.verify(&[text(&pack), text(&file)]).done().json();
    let layers = ["pack", "file", "manifest", "statement", "log", "cose", "receipt-key"];
    holds(&report, &layers);
    holds(&report, &["transaction", "receipt", "block", "certificate", "validators", "genesis"]);
    holds(&report, &["policy", "explanation"]);
    assert_eq!(report["receipts"].as_array().map(Vec::len), Some(2), "{report}");
    assert_eq!(
        (&report["manifest"]["order"], &report["statement"]["number"]),
        (&json!(order), &said["number"])
    );
    assert!(report["record"].is_object(), "{report}");
    let bytes = fs::read(&pack).unwrap();
    for words in ["explanation (edition ", "证据包说明（第 ", "receipts.cose"] {
        assert!(bytes.windows(words.len()).any(|w| w == words.as_bytes()), "{words}");
    }
    // The order lists its record.
    let traced = live.linli("operator", &["evidence", "trace", "--order", &order]).done().json();
    assert_eq!(traced["total"], 1, "{traced}");
    // A parent that is not there, by number.
    let other = self::file(live, "child.pdf");
    anchor(live, &other, &["--parent", "4000"]).fails(1, "NOT_FOUND", "refusal receipt");
    let number = said["number"].to_string();
    anchor(live, &other, &["--parent", &number]).done();
    (file, pack)
}

/// Who comes second finds the number taken, and signs another statement.
fn writers_of_one_source_take_a_number_each(live: &Live) {
    let files = ["w1.txt", "w2.txt", "w3.txt"].map(|name| file(live, name));
    let numbers: BTreeSet<u64> = std::thread::scope(|scope| {
        let mut writers = Vec::new();
        for file in &files {
            writers.push(scope.spawn(move || anchor(live, file, &[]).done().json()));
        }
        let said = writers.into_iter().map(|writer| writer.join().unwrap());
        said.map(|line| line["number"].as_u64().unwrap()).collect()
    });
    assert_eq!(numbers.len(), files.len(), "{numbers:?}");
    for file in &files {
        live.verify(&[text(&pack_of(live, file)), text(file)]).done();
    }
}

fn the_file_may_stand_inside(live: &Live) {
    let small = file(live, "inside.txt");
    anchor(live, &small, &["--inside"]).done();
    let pack = pack_of(live, &small);
    assert_eq!(live.verify(&[text(&pack)]).done().json()["verified"], true);
    let large = live.path("large.bin");
    fs::File::create(&large).unwrap().set_len((64 << 20) + 1).unwrap();
    anchor(live, &large, &["--inside"]).fails(2, "USAGE", "nothing").saying("64 MiB");
    assert!(!pack_of(live, &large).exists());
}

fn platform_and_second_signature_stand_beside(live: &Live) {
    let (platform, key) = (live.path("platform.json"), live.path("org.sm2"));
    linli(&["key", "new", text(&key), "--sm2", "--org", "2", "--development"]).done();
    let names = live.net.validators.iter().map(|member| member.name.clone());
    let nodes = names.map(|name| json!({ "interests": "", "name": name, "owner": "机构" }));
    let until = now_ms() + 86_400_000;
    let said = json!({
        "name": "示范平台", "filing": "备案000", "valid_from": 0, "valid_until": until,
        "certificates": [], "nodes": nodes.collect::<Vec<_>>(),
    });
    // As people write it; the pack holds the one spelling.
    fs::write(&platform, serde_json::to_string_pretty(&said).unwrap()).unwrap();
    let file = file(live, "court.pdf");
    let more = ["--platform", text(&platform), "--sm2-key", text(&key)];
    anchor(live, &file, &more).done();
    let report = live.verify(&[text(&pack_of(live, &file)), text(&file)]).done().json();
    holds(&report, &["sm2", "platform"]);
    assert_eq!(report["platform"]["unnamed"], json!([]), "{report}");
    fs::write(&platform, r#"{"name":"x"}"#).unwrap();
    let other = self::file(live, "court2.pdf");
    let more = ["--platform", text(&platform)];
    anchor(live, &other, &more).fails(2, "USAGE", "nothing").saying("no platform statement");
}

fn the_node_s_genesis_is_the_chain_s_or_none(live: &Live) {
    let (file, out) = (file(live, "bare.pdf"), live.path("packs"));
    let args = ["evidence", "anchor", text(&file), "--out", text(&out)];
    live.linli("operator", &args).done().saying("no --genesis is given");
    live.verify(&[text(&pack_of(live, &file)), text(&file)]).done();
}

fn what_comes_late_says_why(live: &Live) {
    let old = file(live, "old.txt");
    let then = SystemTime::now() - Duration::from_secs(3 * 24 * 3600);
    fs::File::options().write(true).open(&old).unwrap().set_modified(then).unwrap();
    let height = live.height(0);
    let ran = anchor(live, &old, &[]).fails(1, "BACKDATED_NEEDS_REVIEW", "nothing");
    ran.saying("--backdated-reason");
    assert_eq!(live.height(0), height);
    anchor(live, &old, &["--backdated-reason", "imported"]).done();
    let report = live.verify(&[text(&pack_of(live, &old)), text(&old)]).done().json();
    assert_eq!(report["statement"]["backdated"], true, "{report}");
    // Nobody below 14 without a consent.
    let minor = file(live, "minor.txt");
    anchor(live, &minor, &["--minors"]).fails(1, "CONSENT_MISSING", "refusal receipt");
}

fn what_was_begun_is_finished_in_its_own_version(live: &Live) {
    // Version 1: what a run of an older program left.
    let file = file(live, "first.pdf");
    let (id, manifest) = anchored_by_the_older_call(live, &file);
    let (pending, pack) = (live.path("first.pending"), live.path("first.linli"));
    let left = json!({ "transaction": id, "manifest": manifest, "file": file, "pack": pack });
    fs::write(&pending, left.to_string()).unwrap();
    let args = ["evidence", "pack", text(&pending), "--genesis", text(&live.net.genesis)];
    assert_eq!(live.linli("operator", &args).done().json()["version"], 1);
    let report = live.verify(&[text(&pack), text(&file)]).done().json();
    assert_eq!(report["receipts"], Value::Null, "{report}");
    let renewed = live.path("renewed-first.linli");
    let args = ["evidence", "renew", text(&pack), "--out", text(&renewed)];
    live.linli("operator", &args).fails(2, "USAGE", "nothing").saying("version 2");
    // Version 2, its file inside: where the pack is written first stands something else.
    let file = self::file(live, "second.pdf");
    let pack = pack_of(live, &file);
    let beside = |end: &str| PathBuf::from(format!("{}{end}", text(&pack)));
    fs::create_dir(beside(".part")).unwrap();
    anchor(live, &file, &["--inside"]).fails(3, "NO_PACK", "all");
    fs::remove_dir(beside(".part")).unwrap();
    let pending = beside(".pending");
    let args = ["evidence", "pack", text(&pending)];
    let good = fs::read(&file).unwrap();
    fs::write(&file, "changed").unwrap();
    live.linli("operator", &args).fails(2, "USAGE", "nothing").saying("changed");
    fs::write(&file, good).unwrap();
    assert_eq!(live.linli("operator", &args).done().json()["version"], 2);
    assert!(!pending.exists());
    live.verify(&[text(&pack)]).done();
}

/// The transaction and the manifest, in hexadecimal.
fn anchored_by_the_older_call(live: &Live, file: &Path) -> (String, String) {
    let key = KeyFile::read(&live.key("operator")).unwrap();
    let (chain, me) = (key.about().chain.unwrap(), key.about().principal.unwrap());
    let key = key.open("").unwrap();
    let prepared = prepare(&[file], now_ms()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = &live.net.validators[0].grpc;
        let client = Client::connect(url, chain, key.clone()).await.unwrap();
        let number = lowest_open(&client, me).await.unwrap();
        let draft = Draft::new().anchor(&request(&prepared, me, number, 5));
        let signed = draft.sign(&key, &chain, me).unwrap();
        client.submit(&signed).await.unwrap();
        let outcome = client.wait_receipt(&signed, BOUND).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        (signed.id.to_string(), hex::encode(&prepared.bytes))
    })
}

fn a_pack_is_renewed_with_what_came_since(live: &Live, file: &Path, pack: &Path) {
    let before = live.verify(&[text(pack), text(file)]).done().json();
    let number = before["statement"]["number"].to_string();
    let gaps = live.linli("operator", &["evidence", "gaps"]).done().json();
    let source = gaps["source"].as_str().unwrap();
    live.linli("fund", &["evidence", "corroborate", &number, "--source", source]).done();
    let renewed = live.path("renewed.linli");
    let args = ["evidence", "renew", text(pack), "--out", text(&renewed)];
    assert_eq!(live.linli("operator", &args).done().json()["organisations"], 2);
    let after = live.verify(&[text(&renewed), text(file)]).done().json();
    let confirmed = |report: &Value| report["record"]["corroborations"].as_array().map(Vec::len);
    assert_eq!((confirmed(&before), confirmed(&after)), (Some(0), Some(1)), "{after}");
    assert_eq!(before["log"], after["log"]);
    live.linli("operator", &args).fails(2, "USAGE", "nothing").saying("is there already");
    // What does not hold is not renewed.
    let mut bytes = fs::read(pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let bent = live.path("bent.linli");
    fs::write(&bent, bytes).unwrap();
    let out = live.path("bent-renewed.linli");
    let args = ["evidence", "renew", text(&bent), "--out", text(&out)];
    assert_eq!(live.linli("operator", &args).exit, Some(1));
    assert!(!out.exists());
}

fn a_rotated_key_leaves_old_packs_as_they_are(live: &Live, file: &Path, pack: &Path) {
    let (old, new) = (live.key("operator"), live.path("rotated.key"));
    let node = live.net.validators[0].grpc.as_str();
    let with =
        |key: &Path, args: &[&str]| linli(&[args, &["--node", node, "--key", text(key)]].concat());
    with(&old, &["key", "rotate", text(&new), "--overlap", "1"]).done();
    let other = self::file(live, "after.pdf");
    let out = live.path("packs");
    let genesis = text(&live.net.genesis);
    let args = ["evidence", "anchor", text(&other), "--out", text(&out), "--genesis", genesis];
    with(&new, &args).done();
    live.verify(&[text(&pack_of(live, &other)), text(&other)]).done();
    let stale = self::file(live, "stale.pdf");
    let args = ["evidence", "anchor", text(&stale), "--out", text(&out), "--genesis", genesis];
    let mut id = 0x77_u64;
    until("the old key ends", || {
        id += 1; // blocks come with transactions
        let (debit, credit) = (live.account("operator"), live.account("resident"));
        let args = format!(
            r#"{{"id":"{id:032x}","debit":"{debit}","credit":"{credit}","amount":1,"code":1}}"#
        );
        with(&new, &["call", "accounts", "Transfer", "--args", &args]).done();
        (with(&old, &["key", "list"]).exit == Some(1)).then_some(())
    });
    assert_ne!(with(&old, &args).exit, Some(0));
    live.verify(&[text(pack), text(file)]).done();
    let renewed = live.path("rotated.linli");
    with(&new, &["evidence", "renew", text(pack), "--out", text(&renewed)]).done();
    live.verify(&[text(&renewed), text(file)]).done();
}
