//! A contract's code is replaced by the council on a net of four processes: staged, rehearsed by
//! every validator on its own, voted, in force at one height on all of them, whoever is killed.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_testnet::genesis::{LoadSize, Plan};
use linli_testnet::net::{Net, binary, now_ms};
use linli_types::digest;
use linli_types::height::TimeMs;
use linli_types::policy::Param;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use support::{Live, Ran, run, text, until};

/// The chambers.
const SEATS: [&str; 3] = ["council-resident", "council-enterprise", "council-social"];
const DISTRICT: &str = "district-admin";
const MOTION: &str = "0a0b0c0d0e0f00010203040506070809";
const SECOND_MOTION: &str = "0b0b0c0d0e0f00010203040506070809";
const OPEN_MS: u64 = 6_000;
const DELAY_MS: u64 = 4_000;
/// What the command line stages in one call, in bytes.
const PART_BYTES: usize = 96 * 1024;
/// Who carries the reports of each validator.
const CARRIERS: [&str; 4] = ["operator", "fund", "auditor", "arbitrator"];

fn start() -> Live {
    let dir = tempfile::tempdir().unwrap();
    let load = LoadSize { signers: 1, accounts: 2 };
    let plan = Plan::new(4, load, TimeMs(now_ms())).unwrap();
    let net = Net::make_of(&dir.path().join("net"), &plan, |genesis| {
        let params = &mut genesis.policy.params;
        let delay = (Param::CodeDelayMs.number(), DELAY_MS);
        params.retain(|(number, _)| *number != delay.0);
        params.push(delay);
        params.sort_unstable();
    });
    let mut live = Live::of(dir, net.unwrap());
    for (member, carrier) in live.net.validators.iter().zip(CARRIERS) {
        let path = member.data_dir.join("config.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        let key = format!("anchor_key = \"{}\"", text(&live.key(carrier)));
        let changed = config.replace("anchor_key = \"\"", &key);
        assert_ne!(config, changed);
        std::fs::write(&path, changed).unwrap();
    }
    live.net.start().unwrap();
    live
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn govern(live: &Live, who: &str, method: &str, args: &Value) -> Ran {
    live.linli(who, &["call", "governance", method, "--args", &args.to_string()])
}

fn ask(live: &Live, at: usize, query: &str, args: &Value) -> Value {
    let args = args.to_string();
    let ran = live.linli_at(at, "auditor", &["query", "governance", query, "--args", &args]);
    ran.done().json()
}

/// A field of an answer, wherever it stands.
fn find<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    match answer {
        Value::Object(fields) => {
            fields.get(name).or_else(|| fields.values().find_map(|value| find(value, name)))
        }
        Value::Array(values) => values.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}

fn number(answer: &Value, name: &str) -> u64 {
    let found = find(answer, name).unwrap_or_else(|| panic!("no {name}: {answer}"));
    found.as_u64().or_else(|| found.as_str().and_then(|text| text.parse().ok())).unwrap()
}

fn standing(live: &Live) -> (String, u64) {
    let answer = ask(live, 0, "Motion", &json!({ "motion": MOTION }));
    let standing = find(&answer, "standing").unwrap().as_str().unwrap().to_owned();
    (standing, number(&answer, "executes_at_ms"))
}

/// Stages code; the first part comes from elsewhere, and `linli` goes on from there.
fn stage(live: &Live, code: &[u8], hash: &str) {
    let part = hex(&code[..20_000]);
    let args = json!({ "hash": hash, "size": code.len(), "offset": 0, "bytes": part });
    govern(live, DISTRICT, "StageCode", &args).done();
    let file = live.path("module.wasm");
    std::fs::write(&file, code).unwrap();
    let staged = live.linli(DISTRICT, &["contract", "stage", text(&file)]).done().json();
    let parts = (code.len() - 20_000).div_ceil(PART_BYTES);
    assert_eq!((&staged["hash"], &staged["parts"]), (&hash.into(), &parts.into()), "{staged}");
    std::fs::write(&file, &code[..9_000]).unwrap();
    let refused = live.linli(DISTRICT, &["contract", "stage", text(&file)]);
    refused.fails(1, "CODE_REFUSED", "nothing");
}

/// What a person reads.
fn shown(live: &Live, args: &[&str]) -> String {
    let mut command = Command::new(binary("linli").unwrap());
    command.args(args).args(["--lang", "en", "--node", &live.net.validators[0].grpc]);
    let ran = run(command.arg("--key").arg(live.key("auditor"))).done();
    ran.out + &ran.err
}

fn count(live: &Live) -> Ran {
    live.linli("operator", &["call", "probe", "Count", "--args", r#"{"key":"6b"}"#])
}

/// A file and its pack, made before the code changes.
fn anchored(live: &Live) -> (PathBuf, PathBuf) {
    let (file, out) = (live.path("a.pdf"), live.path("packs"));
    std::fs::write(&file, "before").unwrap();
    let args = ["evidence", "anchor", text(&file), "--out", text(&out)];
    live.linli("operator", &args).done();
    (file, out.join("a.pdf.linli"))
}

/// The contract of the evidence itself is replaced by other bytes that do the same.
fn the_evidence_contract_is_replaced(live: &Live) {
    let code = linli_modules::evidence();
    // A custom section: its own name of one letter.
    let other = [code, &[0, 2, 1, b'v']].concat();
    let file = live.path("evidence.wasm");
    std::fs::write(&file, &other).unwrap();
    live.linli(DISTRICT, &["contract", "stage", text(&file)]).done();
    let [hash, base] = [&other[..], code].map(|code| hex(&digest::plain(code).0));
    let deed = json!({ "contract": { "room": "evidence", "hash": hash, "base": base } });
    let args = json!({
        "motion": SECOND_MOTION, "deed": deed, "threshold": "SPECIAL", "text": "更换存证合约",
        "closes_at_ms": (now_ms() + OPEN_MS).to_string(),
    });
    govern(live, SEATS[0], "OpenMotion", &args).done();
    for seat in SEATS {
        govern(live, seat, "Vote", &json!({ "motion": SECOND_MOTION, "yes": true })).done();
    }
    until("the evidence contract is replaced", || {
        let answer = ask(live, 0, "Motion", &json!({ "motion": SECOND_MOTION }));
        let standing = find(&answer, "standing").unwrap().as_str().unwrap();
        assert!(["OPEN", "PASSED", "EXECUTED"].contains(&standing), "{answer}");
        (standing == "EXECUTED").then_some(())
    });
    let said = shown(live, &["contract", "show", "evidence"]);
    assert!(said.contains("version 2") && said.contains(&hash), "{said}");
}

/// As it was made, and with what came since; and what is made now.
fn old_packs_hold(live: &Live, file: &Path, pack: &Path) {
    live.verify(&[text(pack), text(file)]).done();
    let renewed = live.path("renewed.linli");
    live.linli("operator", &["evidence", "renew", text(pack), "--out", text(&renewed)]).done();
    live.verify(&[text(&renewed), text(file)]).done();
    let (new, out) = (live.path("b.pdf"), live.path("packs"));
    std::fs::write(&new, "after").unwrap();
    live.linli("operator", &["evidence", "anchor", text(&new), "--out", text(&out)]).done();
    live.verify(&[text(&out.join("b.pdf.linli")), text(&new)]).done();
}

/// What the rehearsal of the motion found, on every node.
fn every_validator_reports_the_same(live: &Live) {
    let reports = until("every validator reports", || {
        let answer = ask(live, 0, "Rehearsal", &json!({ "motion": MOTION }));
        let reports = find(&answer, "reports").and_then(Value::as_array).cloned();
        reports.filter(|reports| reports.len() == 4)
    });
    let first = &reports[0]["report"];
    let said = shown(live, &["contract", "rehearsal", MOTION]);
    assert_eq!(said.matches("3 deeds of 3 blocks, 3 differ").count(), 4, "{said}");
    assert!(reports.iter().all(|report| &report["report"] == first), "{reports:?}");
    // The other contract knows none of the calls that were made: all three would be refused.
    assert_eq!((number(first, "blocks"), number(first, "differences")), (3, 3), "{first}");
}

#[test]
fn the_council_replaces_a_contracts_code_on_every_node_whoever_is_killed() {
    let mut live = start();
    live.receipt_keys(4);
    let (file, pack) = anchored(&live);
    (0..3).for_each(|_| drop(count(&live).done()));
    let code = linli_modules::evidence();
    let (hash, base) = (hex(&digest::plain(code).0), hex(&digest::plain(linli_modules::probe()).0));
    stage(&live, code, &hash);
    let deed = json!({ "contract": { "room": "probe", "hash": hash, "base": base } });
    let args = json!({
        "motion": MOTION, "deed": deed, "threshold": "SPECIAL", "text": "更换合约",
        "closes_at_ms": (now_ms() + OPEN_MS).to_string(),
    });
    govern(&live, SEATS[0], "OpenMotion", &args).done();
    for seat in SEATS {
        govern(&live, seat, "Vote", &json!({ "motion": MOTION, "yes": true })).done();
    }
    every_validator_reports_the_same(&live);

    let executes = until("the motion passes", || {
        let (standing, executes) = standing(&live);
        assert!(["OPEN", "PASSED"].contains(&standing.as_str()), "{standing}");
        (standing == "PASSED").then_some(executes)
    });
    // One node is gone when the code comes into force, one dies in that very moment.
    let wait =
        |until: u64| std::thread::sleep(Duration::from_millis(until.saturating_sub(now_ms())));
    wait(executes - 400);
    live.net.validators[3].kill();
    wait(executes + 20);
    live.net.validators[2].kill();
    live.net.validators[2].restart().unwrap();
    live.net.validators[3].restart().unwrap();
    until("it is carried out", || (standing(&live).0 == "EXECUTED").then_some(()));

    let since: Vec<u64> = (0..4)
        .map(|at| {
            until("the node has caught up", || {
                let answer = ask(&live, at, "Contract", &json!({ "room": "probe" }));
                let runs = find(&answer, "runs").unwrap();
                (find(runs, "hash").unwrap() == &Value::from(hash.clone()))
                    .then(|| number(runs, "since_height"))
            })
        })
        .collect();
    assert!(since.iter().all(|height| *height == since[0] && *height > 0), "{since:?}");
    let said = shown(&live, &["contract", "show", "probe"]);
    assert!(said.contains(&format!("version 2  since block {}  {hash}", since[0])), "{said}");
    // Every node's own schema is the new one.
    for at in 0..4 {
        let args = ["call", "probe", "Count", "--args", r#"{"key":"6b"}"#];
        live.linli_at(at, "operator", &args).fails(2, "SCHEMA", "nothing").saying("Anchor");
    }
    live.transfer(0, 9).done();
    the_evidence_contract_is_replaced(&live);
    old_packs_hold(&live, &file, &pack);
    live.net.stop().unwrap();
    for member in &live.net.validators {
        for check in ["check-db", "replay"] {
            support::linli(&[check, "--data", text(&member.data_dir)]).done();
        }
    }
}
