//! The validators of a running net change by motion: one joins, one gets a new key, one leaves; then
//! the rules do. Under load, with real processes, and with what was anchored before.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_sdk::KeyKind;
use linli_testnet::genesis::{LoadSize, Plan, random};
use linli_testnet::net::{Member, Net, binary, free_ports, now_ms};
use linli_testnet::{keys, samples, votes};
use linli_types::certificate::Certificate;
use linli_types::genesis::{Genesis, Organisation};
use linli_types::header::Header;
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, PublicKey};
use linli_types::validator::OrgKind;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use support::{Live, Ran, linli, run, text, until};

/// The seats of the development net's council.
const COUNCIL: [&str; 3] = ["council-resident", "council-enterprise", "council-social"];
/// How long a motion is open.
const OPEN_MS: u64 = 2_500;
/// The street's organisation, and its node's name.
const STREET: (u32, &str) = (5, "street");
/// The latest round that a block may need: one proposer may be away, and its wait is lost.
const ROUND_MAX: u32 = 1;

/// An organisation without a node.
fn with_street(genesis: &mut Genesis) {
    let (id, label) = (STREET.0, String::new());
    genesis.orgs.push(Organisation { id, kind: OrgKind::Street, label });
}

fn start() -> Live {
    let dir = tempfile::tempdir().unwrap();
    let load = LoadSize { signers: 1, accounts: 2 };
    let plan = Plan::new(4, load, TimeMs(now_ms())).unwrap();
    let net = Net::make_of(&dir.path().join("net"), &plan, with_street).unwrap();
    Live::run(net, dir)
}

fn signing_key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&random().unwrap())
}

/// A new key in a file of its own.
fn new_key(live: &Live, path: &Path, kind: KeyKind) -> PublicKey {
    let (key, chain) = (signing_key(), live.net.chain.parse::<ChainId>().unwrap());
    keys::write(path, &key, None, chain, kind).unwrap();
    PublicKey(key.verifying_key().to_bytes())
}

/// Somebody who goes on transferring, from one validator to the next.
struct Load {
    stop: Arc<AtomicBool>,
    runs: JoinHandle<u64>,
}

impl Load {
    fn start(live: &Live) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut commands: Vec<(String, PathBuf)> = Vec::new();
        for at in [0, 3] {
            commands.push((live.net.validators[at].grpc.clone(), live.key("operator")));
        }
        let [debit, credit] = ["operator", "resident"].map(|who| live.account(who).to_owned());
        let (told, linli) = (stop.clone(), binary("linli").unwrap());
        let runs = std::thread::spawn(move || {
            let mut done = 0_u64;
            while !told.load(Ordering::Relaxed) {
                let args = format!(
                    r#"{{"id":"{done:032x}","debit":"{debit}","credit":"{credit}","amount":1,"code":1}}"#
                );
                let (node, key) = &commands[usize::try_from(done).unwrap() % commands.len()];
                let mut command = Command::new(&linli);
                command.args(["call", "accounts", "Transfer", "--args", &args, "--json"]);
                command.arg("--node").arg(node).arg("--key").arg(key);
                let ran = command.stdin(Stdio::null()).output().unwrap();
                assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
                done += 1;
            }
            done
        });
        Self { stop, runs }
    }

    fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.runs.join().unwrap()
    }
}

/// Moves, votes, and waits until the chain has carried it out; the height that did.
fn decree(live: &Live, deed: &Value) -> u64 {
    let motion = hex::encode(random::<16>().unwrap());
    let open = json!({
        "motion": motion, "deed": deed, "threshold": "SPECIAL",
        "closes_at_ms": (now_ms() + OPEN_MS).to_string(), "text": "关于验证节点的议案",
    });
    call(live, COUNCIL[0], "OpenMotion", &open).done();
    for seat in COUNCIL {
        call(live, seat, "Vote", &json!({ "motion": motion, "yes": true })).done();
    }
    let args = json!({ "motion": motion }).to_string();
    until("the motion is carried out", || {
        let query = ["query", "governance", "Motion", "--args", &args];
        let found = live.linli("auditor", &query).done().json()["result"].clone();
        let standing = found["standing"].as_str().unwrap_or_default().to_owned();
        assert!(!["FAILED", "REFUSED"].contains(&standing.as_str()), "{found}");
        (standing == "EXECUTED").then(|| number(&found["executed_at_height"]))
    })
}

fn call(live: &Live, who: &str, method: &str, args: &Value) -> Ran {
    live.linli(who, &["call", "governance", method, "--args", &args.to_string()])
}

/// A number as JSON shows those of 64 bits.
fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value}"))
}

fn status(live: &Live, member: &Member) -> Option<Value> {
    let key = live.key("auditor");
    let ran = linli(&["status", "--node", &member.grpc, "--key", text(&key)]);
    (ran.exit == Some(0)).then(|| ran.json())
}

fn member(live: &Live, name: &str) -> Member {
    live.net.validators.iter().find(|m| m.name == name).cloned().unwrap()
}

fn signs(block: &(Header, Certificate), key: &PublicKey) -> bool {
    block.1.precommits.iter().any(|p| p.validator == *key)
}

fn anchor(live: &Live, file: &Path, out: &Path) -> (PathBuf, String) {
    let genesis = live.net.genesis.clone();
    let args = ["evidence", "anchor", text(file), "--out", text(out), "--genesis", text(&genesis)];
    let line = live.linli("operator", &args).done().json();
    let pack = PathBuf::from(line["pack"].as_str().unwrap());
    (pack, line["transaction"].as_str().unwrap().to_owned())
}

#[test]
fn one_joins_one_is_rekeyed_one_leaves_and_then_the_rules_change() {
    let mut live = start();
    let files = samples::write(&live.path("files")).unwrap();
    live.receipt_keys(4);
    let (before, transaction) = anchor(&live, &files[0], &live.path("before"));
    let load = Load::start(&live);
    let (street, joined) = one_joins(&mut live);
    let (old, new, rekeyed) = one_gets_a_new_key(&live);
    let (gone, left) = one_leaves(&live);
    let transfers = load.end();
    assert!(transfers > 20, "{transfers} transfers only");
    // What the certificates say: each voted while the set named it, and no longer.
    let blocks = votes::blocks(&live.net, &live.net.validators[0], 0).unwrap();
    let voted = |key: &PublicKey| -> Vec<u64> {
        blocks.iter().filter(|block| signs(block, key)).map(|(header, _)| header.height.0).collect()
    };
    assert!(voted(&street).first().is_some_and(|first| *first > joined), "{joined}");
    assert!(voted(&new).first().is_some_and(|first| *first > rekeyed), "{rekeyed}");
    assert!(voted(&old).last().is_some_and(|last| *last <= rekeyed), "{rekeyed}");
    assert!(voted(&gone).last().is_some_and(|last| *last <= left), "{left}");
    no_block_was_missed(&blocks, joined);
    // What was proved before still is, what is proved now walks through the three changes.
    let verified = |pack: &Path, file: &Path| {
        let report = live.verify(&[text(pack), text(file)]).done().json();
        assert_eq!(report["verified"], true, "{report}");
        report
    };
    let report = verified(&before, &files[0]);
    assert_eq!(report["receipts"].as_array().map(Vec::len), Some(2), "{report}");
    // Renewed, it holds the state of a block of the last set, and walks through the changes to it.
    let renewed = live.path("renewed.linli");
    let args = ["evidence", "renew", text(&before), "--out", text(&renewed)];
    live.linli("operator", &args).done();
    let again = verified(&renewed, &files[0]);
    let height = |report: &Value| number(&report["policy"]["height"]);
    assert!(height(&again) > left && height(&report) < joined, "{again}");
    let (after, _) = anchor(&live, &files[1], &live.path("after"));
    let report = verified(&after, &files[1]);
    assert!(report.to_string().contains("\"set_changes\":3"), "{report}");
    let again = live.path("again.linli");
    let args = ["evidence", "receipt", &transaction, "--out", text(&again)];
    live.linli("operator", &args).done();
    assert_eq!(live.verify(&[text(&again)]).done().json()["verified"], true);
    the_rules_change(&mut live);
}

/// A node that follows nobody yet is let in by the motion, catches up and votes.
fn one_joins(live: &mut Live) -> (PublicKey, u64) {
    let [consensus, network] = ["validator", "network"].map(|kind| live.path(kind));
    let key = new_key(live, &consensus, KeyKind::Validator);
    let network_key = new_key(live, &network, KeyKind::Network);
    let ports = free_ports(3).unwrap();
    let address = |at: usize| format!("127.0.0.1:{}", ports[at]);
    let data = live.path("street");
    let mut command = Command::new(binary("linli").unwrap());
    command.args(["init", "--name", STREET.1, "--json"]).arg("--genesis").arg(&live.net.genesis);
    command.arg("--data").arg(&data).arg("--validator-key").arg(&consensus);
    command.arg("--network-key").arg(&network).args(["--listen", &address(0)]);
    command.args(["--grpc", &address(1), "--http", &address(2)]);
    for peer in &live.net.validators {
        let config = std::fs::read_to_string(peer.data_dir.join("config.toml")).unwrap();
        let listen = listen_of(&config);
        command.arg("--peer").arg(format!("{}={listen}", peer.name));
    }
    run(&mut command).done();
    let mut node = Member {
        name: STREET.1.into(),
        kind: "street".into(),
        log: data.join("node.log"),
        data_dir: data,
        pid: 0,
        grpc: format!("http://{}", address(1)),
        http: format!("http://{}", address(2)),
    };
    node.restart().unwrap();
    live.net.validators.push(node.clone());
    let waiting = status(live, &node).unwrap();
    assert_eq!((&waiting["validates"], &waiting["height"]), (&json!(false), &json!(0)));
    let deed = json!({ "add_validator": {
        "key": key.to_string(), "network_key": network_key.to_string(), "power": "2",
        "org": STREET.0, "name": STREET.1,
    }});
    let height = decree(live, &deed);
    until("the newcomer votes", || {
        let caught_up = status(live, &node)?;
        let votes = caught_up["validates"] == true && caught_up["height"].as_u64()? > height;
        (votes && signed_lately(live, &key, height)).then_some(())
    });
    (key, height)
}

/// Where a node listens for peers, as its configuration says.
fn listen_of(config: &str) -> String {
    let network = config.split("[network]").nth(1).unwrap();
    let line = network.lines().find(|line| line.starts_with("listen")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

fn signed_lately(live: &Live, key: &PublicKey, above: u64) -> bool {
    let blocks = votes::blocks(&live.net, &live.net.validators[0], above).unwrap();
    blocks.iter().any(|block| signs(block, key))
}

/// The new key lies beside the old one; the node takes it up by itself.
fn one_gets_a_new_key(live: &Live) -> (PublicKey, PublicKey, u64) {
    let mut node = member(live, "operator-b");
    let old = votes::key_of(&live.net, &node.name).unwrap();
    let next = node.data_dir.join("keys/validator.next.key");
    let new = new_key(live, &next, KeyKind::Validator);
    // Once, to load it; not when the key changes.
    node.kill();
    node.restart().unwrap();
    let query = ["query", "governance", "Validators", "--args", "{}"];
    let set = live.linli("auditor", &query).done().json()["result"].clone();
    let all = set["validators"].as_array().unwrap();
    let seat = all.iter().find(|v| v["name"] == node.name.as_str()).unwrap();
    let deed = json!({ "rekey_validator": {
        "key": seat["key"], "new_key": new.to_string(), "new_network_key": seat["network_key"],
    }});
    let height = decree(live, &deed);
    until("the new key votes", || signed_lately(live, &new, height).then_some(()));
    let standing = status(live, &node).unwrap();
    assert_eq!(standing["validates"], true, "{standing}");
    assert_eq!(standing["validator"], new.to_string());
    (old, new, height)
}

/// One that is removed says so, and is let in no more.
fn one_leaves(live: &Live) -> (PublicKey, u64) {
    let node = member(live, "operator-a");
    let key = votes::key_of(&live.net, &node.name).unwrap();
    let height = decree(live, &json!({ "remove_validator": { "key": key.to_string() } }));
    until("it says that it is no validator", || {
        let standing = status(live, &node)?;
        (standing["validates"] == false && standing["peers"] == 0).then_some(())
    });
    let log = std::fs::read_to_string(&node.log).unwrap();
    assert!(log.contains("no longer a validator"), "{log}");
    let refused = live.transfer_at(&node.grpc, 1 << 40);
    refused.fails(1, "NO_SEAT", "nothing");
    (key, height)
}

/// From the first change on no height loses more than one round, whoever joins, leaves or restarts.
fn no_block_was_missed(blocks: &[(Header, Certificate)], from: u64) {
    let changing = || blocks.iter().filter(|(header, _)| header.height.0 >= from);
    let times: Vec<u64> = changing().map(|(header, _)| header.time.0).collect();
    let pause = times.array_windows().map(|[a, b]| b - a).max().unwrap();
    eprintln!("{} blocks, the longest pause between two {pause} ms", times.len());
    let late = changing().filter(|(_, certificate)| certificate.round > ROUND_MAX);
    let late: Vec<_> = late.map(|(header, c)| (header.height.0, c.round)).collect();
    assert_eq!(late, [], "heights and rounds");
}

/// At the height that the motion names every node stops, whole, and says why.
fn the_rules_change(live: &mut Live) {
    let height = live.height(0) + 40;
    let deed = json!({ "protocol": { "version": 2, "height": height.to_string() } });
    decree(live, &deed);
    let load = std::thread::scope(|scope| {
        let live = &*live;
        // Blocks come with transactions, until nobody takes any.
        let load = scope.spawn(move || {
            (0..400).take_while(|n| live.transfer(0, (1 << 41) + n).exit == Some(0)).count()
        });
        load.join().unwrap()
    });
    assert!(load > 0);
    let node = member(live, "district");
    until("it stops by itself", || {
        let log = std::fs::read_to_string(&node.log).unwrap();
        log.contains("protocol version 2").then_some(())
    });
    for lang in [("en", "protocol version 2"), ("zh", "协议版本 2")] {
        let mut command = Command::new(binary("linli").unwrap());
        command.args(["run", "--json", "--lang", lang.0, "--data"]).arg(&node.data_dir);
        let ran = run(&mut command);
        assert_eq!(ran.exit, Some(3), "{ran:?}");
        assert!(ran.err.contains(lang.1), "{ran:?}");
    }
    for check in ["check-db", "replay"] {
        let ran = linli(&[check, "--data", text(&node.data_dir)]).done();
        if check == "replay" {
            assert_eq!(ran.json()["height"], height - 1, "{ran:?}");
        }
    }
}
