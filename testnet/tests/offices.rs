//! The offices' commands as they meet them, on a net of four processes: organisations and people,
//! keys, policy, opening balances.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_testnet::genesis::{LoadSize, Plan};
use linli_testnet::net::{Net, now_ms};
use linli_types::height::TimeMs;
use linli_types::policy::Policy;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Live, Ran, linli, text, until};

const DAY_MS: u64 = 24 * 3600 * 1000;
const RECORDED: &str = "refusal receipt";

#[test]
fn offices_from_the_command_line() {
    let live = without_a_council();
    organisations_and_people_are_admitted(&live);
    an_organisation_has_a_second_key(&live);
    a_key_is_rotated_and_the_old_one_ends(&live);
    policy_is_shown_and_set_as_the_ledger_allows(&live);
    opening_balances_need_two_people_and_one_file(&live);
}

/// A net whose council has no seats: the offices act for everyone until it stands (INV-G4).
fn without_a_council() -> Live {
    let dir = tempfile::tempdir().unwrap();
    let load = LoadSize { signers: 1, accounts: 2 };
    let plan = Plan::new(4, load, TimeMs(now_ms())).unwrap();
    let net = Net::make_of(&dir.path().join("net"), &plan, |genesis| {
        let roles = genesis.principals.iter_mut().map(|principal| &mut principal.roles);
        roles.for_each(|roles| roles.retain(|role| !role.is_seat()));
        // With the time locks of a real chain.
        genesis.policy = Policy::default();
    });
    Live::run(net.unwrap(), dir)
}

/// The public half of a key file, and the principal that it names.
fn public_of(path: &Path) -> (String, String) {
    let shown = linli(&["key", "show", text(path)]).done().json();
    let field = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
    (field("public_key"), field("principal"))
}

/// A development key of the net's chain for a principal.
fn new_key(live: &Live, name: &str, principal: &str) -> PathBuf {
    let path = live.path(name);
    let chain = live.net.chain.clone();
    let args = ["key", "new", text(&path), "--principal", principal, "--chain", &chain];
    linli(&[&args[..], &["--development"]].concat()).done();
    path
}

/// Runs a command with a key file.
fn with_key(live: &Live, key: &Path, args: &[&str]) -> Ran {
    let node = live.net.validators[0].grpc.clone();
    linli(&[args, &["--node", &node, "--key", text(key)]].concat())
}

fn organisations_and_people_are_admitted(live: &Live) {
    let admit = ["org", "admit", "55", "--kind", "street", "--label", "梅园街道"];
    live.linli("operator", &admit).fails(1, "ROLE_DENIED", RECORDED);
    let done = live.linli("district-admin", &admit).done().json();
    assert_eq!(done["outcome"], "done");
    live.linli("district-admin", &admit).fails(1, "DUPLICATE", RECORDED);
    let other = ["org", "admit", "55", "--kind", "bank"];
    live.linli("district-admin", &other).fails(1, "BUSINESS_ID_CONFLICT", RECORDED);
    let shown = live.linli("resident", &["org", "show", "55"]).done().json();
    assert_eq!((&shown["kind"], &shown["label"]), (&"STREET".into(), &"梅园街道".into()));
    live.linli("resident", &["org", "show", "56"]).fails(1, "NOT_FOUND", "nothing");
    let odd = ["org", "admit", "57", "--kind", "shop"];
    live.linli("district-admin", &odd).fails(2, "USAGE", "nothing").saying("STREET");
    let centre = ["org", "centre", "9", "--org", "55", "--district", "310115"];
    live.linli("district-admin", &centre).done();

    let id = "5a".repeat(16);
    let key = new_key(live, "clerk.key", &id);
    let public = public_of(&key).0;
    let person = ["org", "person", &id, "--public-key", &public, "--org", "55"];
    live.linli("district-admin", &person).done();
    live.linli("district-admin", &["org", "grant", &id, "fund_clerk"]).fails(
        1,
        "WRONG_ORGANISATION",
        RECORDED,
    );
    live.linli("district-admin", &["org", "grant", &id, "registrar"]).done();
    with_key(live, &key, &["key", "list"]).done();
    live.linli("district-admin", &["org", "withdraw", &id, "registrar"]).done();
    live.linli("district-admin", &["org", "withdraw", &id, "registrar"])
        .fails(1, "NO_ROLE", RECORDED);
}

fn an_organisation_has_a_second_key(live: &Live) {
    let path = |name: &str| live.path(name).to_str().unwrap().to_owned();
    let (first, second) = (path("first.sm2"), path("second.sm2"));
    for file in [&first, &second] {
        linli(&["key", "new", file, "--sm2", "--org", "2", "--development"]).done();
    }
    let shown = linli(&["key", "show", &first]).done().json();
    assert_eq!((&shown["kind"], &shown["org"]), (&"sm2".into(), &2.into()), "{shown}");
    let set = |file: &str| live.linli("operator", &["org", "sm2", "set", "2", "--sm2-key", file]);
    set(&first).fails(1, "ROLE_DENIED", RECORDED);
    let operator = public_of(&live.key("operator")).1;
    live.linli("district-admin", &["org", "grant", &operator, "administrator"]).done();
    set(&first).done();
    set(&second).done();
    set(&first).fails(1, "KEY_TAKEN", RECORDED);
    live.linli("operator", &["org", "sm2", "retire", "2"]).done();
    let listed = live.linli("resident", &["org", "sm2", "list", "2"]).done().json();
    let keys = listed["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "{listed}");
    assert_eq!(keys[0]["public_key"], shown["public_key"]);
    assert_eq!(keys[0]["until_height"], keys[1]["from_height"], "one ends where the other begins");
    assert!(keys.iter().all(|key| key["possession_proved"] == true), "{listed}");
    assert_ne!(keys[1]["until_height"], "0");
    live.linli("district-admin", &["org", "withdraw", &operator, "administrator"]).done();
}

fn a_key_is_rotated_and_the_old_one_ends(live: &Live) {
    let old = live.key("resident");
    let new = live.path("resident-2.key");
    let rotate = ["key", "rotate", text(&new), "--overlap", "2"];
    let end = live.height(0) + 3;
    with_key(live, &old, &rotate).done();
    assert_eq!(public_of(&new).1, public_of(&old).1, "the same principal");
    let again = with_key(live, &old, &["key", "rotate", text(&new)]);
    again.fails(2, "FILE", "nothing").saying("resident-2.key");
    let listed = with_key(live, &old, &["key", "list"]).done().json();
    let keys = listed["keys"].as_array().unwrap();
    let until_height = |at: usize| keys[at]["until_height"].as_str().unwrap().parse().unwrap();
    assert_eq!(keys.len(), 2);
    assert!((end..end + 2).contains(&until_height(0)), "{listed}");
    assert_eq!(until_height(1), 0);
    // Blocks go by; then the old key signs and reads nothing.
    let mut number = 0x0ff1ce;
    until("the old key ends", || {
        number += 1;
        live.transfer(0, number).done();
        let ran = with_key(live, &old, &["key", "list"]);
        (ran.exit == Some(1)).then_some(())
    });
    with_key(live, &new, &["key", "list"]).done();
    let public = public_of(&new).0;
    with_key(live, &new, &["key", "revoke", &public]).fails(1, "LAST_KEY", RECORDED);
    // Nobody but an identity service starts a recovery.
    let principal = public_of(&old).1;
    let recover = ["key", "recover", "start", &principal, "--public-key", &public];
    live.linli("operator", &recover).fails(1, "ROLE_DENIED", RECORDED);
    let cancel = ["key", "recover", "cancel", &principal];
    with_key(live, &new, &cancel).fails(1, "NO_RECOVERY", RECORDED);
}

/// Sets a policy from a file's text.
fn set(live: &Live, who: &str, json: &str, more: &[&str]) -> Ran {
    let path = live.path("policy.json");
    fs::write(&path, json).unwrap();
    live.linli(who, &[&["policy", "set", text(&path)], more].concat())
}

fn policy_is_shown_and_set_as_the_ledger_allows(live: &Live) {
    let shown = live.linli("arbitrator", &["policy", "show"]).done().json();
    assert_eq!(shown["version"], 1);
    let later = (now_ms() + 3 * DAY_MS).to_string();
    let weights = |parts: &str| {
        format!(r#"{{"base":1,"weights":[{{"of":"FUND_ALLOCATION","parts":{parts}}}]}}"#)
    };
    let at = ["--effective-at", later.as_str()];
    set(live, "district-admin", &weights("[30,50,21]"), &at)
        .fails(1, "WEIGHTS", RECORDED)
        .saying("101");
    let past = ["--effective-at", "2020-01-01"];
    set(live, "district-admin", &weights("[25,50,25]"), &past).fails(1, "POLICY_PAST", RECORDED);
    let hour = (now_ms() + 3_600_000).to_string();
    let soon = ["--effective-at", hour.as_str()];
    set(live, "district-admin", &weights("[25,50,25]"), &soon).fails(1, "TIME_LOCK", RECORDED);
    let yearless = format!(r#"{{"base":1,"calendar":[{{"working":"{}"}}]}}"#, "00".repeat(46));
    set(live, "district-admin", &yearless, &at).fails(1, "BAD_CALENDAR", RECORDED);
    set(live, "operator", &weights("[25,50,25]"), &at).fails(1, "ROLE_DENIED", RECORDED);
    set(live, "district-admin", &weights("[25,50,25]").replace(":1,", ":7,"), &at).fails(
        1,
        "POLICY_BASE",
        RECORDED,
    );
    set(live, "district-admin", "[]", &at).fails(2, "USAGE", "nothing").saying("policy.json");
    set(live, "district-admin", r#"{"wieghts":[]}"#, &at)
        .fails(2, "SCHEMA", "nothing")
        .saying("wieghts");
    let odd = r#"{"base":1,"calendar":[{"year":2027,"holidays":["02-30"]}]}"#;
    set(live, "district-admin", odd, &at).fails(2, "USAGE", "nothing").saying("02-30");

    let next = r#"{"base":1,"weights":[{"of":"FUND_ALLOCATION","parts":[25,50,25]}],
        "calendar":[{"year":2027,"holidays":["01-01"],"workdays":["01-02"]}]}"#;
    let done = set(live, "district-admin", next, &at).done().json();
    assert_eq!(done["result"]["version"], 2);
    let show = |when: &[&str]| {
        live.linli("arbitrator", &[&["policy", "show"], when].concat()).done().json()
    };
    assert_eq!(show(&[])["version"], 1, "it has not begun");
    assert_eq!(show(&["--at-height", "1"])["version"], 1);
    let then = show(&["--at-time", &later]);
    assert_eq!((&then["version"], &then["calendar"][0]["year"]), (&2.into(), &2027.into()));
    let before = ["policy", "show", "--at-time", "2001-01-01"];
    live.linli("arbitrator", &before).fails(1, "NO_POLICY", "nothing");
    // The calendar that holds now has no year yet.
    let day = ["policy", "working-day", "--from", "2027-01-01", "--count", "3"];
    live.linli("arbitrator", &day).fails(1, "CALENDAR_MISSING", "nothing").saying("2027");
}

fn opening_balances_need_two_people_and_one_file(live: &Live) {
    let (source, genesis) = (live.path("opening.csv"), live.net.genesis.clone());
    let (account, owner) = ("ac".repeat(16), "0e".repeat(16));
    let rows = format!(
        "account,owner,asset,amount,origin,earned_month,expires_day\n\
         {account},{owner},1,150000,,,\n{},{owner},2,600,3,2026-05,2099-12-31\n",
        "ad".repeat(16)
    );
    let packs = live.path("packs");
    let anchor = |source: &Path| {
        let args = ["evidence", "anchor", text(source), "--out", text(&packs)];
        live.linli("operator", &args).done();
    };
    let cut_off = (now_ms() + DAY_MS).to_string();
    let step = |who: &str, step: &str, more: &[&str]| {
        live.linli(who, &[&["account", "opening", step], more].concat())
    };
    let (named, about) = (text(&source), ["--genesis", text(&genesis)]);
    let pack = live.path("packs/opening.csv.linli");
    let proved = [&about[..], &["--pack", text(&pack)]].concat();
    // A file with an amount that is none is refused with its line, before anything is asked.
    fs::write(&source, format!("{rows}{},{owner},1,\"1,500\",,,\n", "ae".repeat(16))).unwrap();
    anchor(&source);
    let propose = [&[named, "--cut-off", &cut_off][..], &proved].concat();
    step("fund", "propose", &propose).fails(2, "INPUT", "nothing").saying("line 4");
    fs::remove_file(&pack).unwrap();
    fs::write(&source, &rows).unwrap();
    anchor(&source);
    step("operator", "propose", &propose).fails(1, "ROLE_DENIED", RECORDED);
    let late = [&[named, "--cut-off", "2020-01-01"][..], &proved].concat();
    step("fund", "propose", &late).fails(1, "EXPIRY", RECORDED);
    let proposed = step("fund", "propose", &propose).done().json();
    let id = proposed["batch"].as_str().unwrap().to_owned();
    let batch = ["--batch", id.as_str()];
    let approve = [&[named][..], &batch, &proved].concat();
    let load = [&[named][..], &batch].concat();
    step("fund", "load", &load).fails(1, "OPENING_STEP", RECORDED);
    step("fund", "approve", &approve).fails(1, "ROLE_DENIED", RECORDED);
    // Another file than the one that was anchored is no evidence of it.
    fs::write(&source, rows.replace("150000", "950000")).unwrap();
    let ran = step("auditor", "approve", &approve);
    assert_eq!(ran.exit, Some(1), "{ran:?}");
    step("fund", "load", &load).fails(1, "OPENING_OTHER", "nothing");
    fs::write(&source, &rows).unwrap();
    step("auditor", "approve", &approve).done();
    let loaded = step("fund", "load", &load).done().json();
    assert_eq!((&loaded["loaded"], &loaded["loaded_before"]), (&1.into(), &0.into()));
    let again = step("fund", "load", &load).done().json();
    assert_eq!((&again["loaded"], &again["loaded_before"]), (&0.into(), &1.into()));
    step("fund", "close", &batch).done();
    let shown = step("arbitrator", "show", &batch).done().json();
    assert_eq!((&shown["closed"], &shown["loaded_accounts"]), (&true.into(), &"2".into()));
    let statement = live.linli("auditor", &["account", "statement", &account]).done().json();
    assert_eq!((&statement["whole"], &statement["balance"]), (&true.into(), &150_000.into()));
    let proof = live.path("opening.proof");
    let args = ["account", "statement", &account, "--proof", text(&proof)];
    live.linli("auditor", &args).done();
    live.verify(&[text(&proof)]).done();
}
