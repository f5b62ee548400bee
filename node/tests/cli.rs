//! The command line as its users meet it: help in both languages, exit codes, words, JSON.
//!
//! Help texts are frozen in `tests/snapshots`; `UPDATE_SNAPSHOTS=1` writes them anew.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::command::{Ran, development_key, linli, linli_in};
use common::{bare, public};
use linli_runtime::{Bundle, Ledger, Settings, Slot};
use linli_sdk::KeyKind;
use linli_types::genesis::{Genesis, Module, Principal, Role};
use linli_types::height::TimeMs;
use linli_types::id::PrincipalId;
use linli_types::store::Memory;
use linli_types::validator::{OrgKind, Validator};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::TempDir;

const COMMANDS: &[&str] = &[
    "",
    "init",
    "run",
    "status",
    "check-db",
    "replay",
    "genesis",
    "genesis show",
    "key",
    "key new",
    "key show",
    "key rotate",
    "key revoke",
    "key list",
    "key recover",
    "key recover start",
    "key recover cancel",
    "key recover complete",
    "call",
    "query",
    "account",
    "account balance",
    "account statement",
    "account opening",
    "account opening propose",
    "account opening approve",
    "account opening load",
    "account opening close",
    "account opening show",
    "org",
    "org admit",
    "org show",
    "org centre",
    "org person",
    "org device",
    "org grant",
    "org withdraw",
    "org sm2",
    "org sm2 set",
    "org sm2 retire",
    "org sm2 list",
    "policy",
    "policy show",
    "policy set",
    "policy working-day",
    "motion",
    "motion open",
    "motion vote",
    "motion recuse",
    "motion withdraw",
    "motion decide",
    "motion resign",
    "motion show",
    "motion list",
    "motion council",
    "contract",
    "contract stage",
    "contract show",
    "contract rehearsal",
    "contract rehearse",
    "access",
    "access list",
    "evidence",
    "evidence anchor",
    "evidence capture",
    "evidence checkpoint",
    "evidence upload",
    "evidence receipt",
    "evidence pack",
    "evidence trace",
    "evidence gaps",
    "evidence ratio",
    "evidence taint",
    "evidence corroborate",
    "evidence supersede",
    "evidence challenge",
    "evidence resolve",
    "vault",
    "vault init",
    "vault put",
    "vault get",
    "vault list",
    "vault erase",
    "vault verify",
    "vault log",
    "verify",
    "witness",
];

fn compare(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, found).unwrap();
    }
    let frozen = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        frozen == found,
        "{name} changed; if that is meant, run again with UPDATE_SNAPSHOTS=1\n--- frozen\n{frozen}\n--- found\n{found}"
    );
}

#[test]
fn help_is_the_frozen_text_in_both_languages() {
    for lang in ["en", "zh"] {
        let mut all = String::new();
        for command in COMMANDS {
            let mut args: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
            args.extend(["--help", "--lang", lang]);
            let ran = linli(&args);
            assert_eq!((ran.exit, ran.stderr.as_str()), (0, ""), "{command}");
            all.push_str(&format!("$ linli {command}\n{}\n", ran.stdout));
        }
        compare(&format!("help.{lang}.txt"), &all);
    }
}

#[test]
fn every_command_is_in_the_snapshots() {
    let help = linli(&["--help"]).stdout;
    let listed = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let names = listed.take_while(|line| !line.trim().is_empty());
    for name in names.filter_map(|line| line.split_whitespace().next()) {
        assert!(COMMANDS.contains(&name), "{name}");
    }
}

#[test]
fn wrong_usage_is_exit_2_and_says_what_to_do() {
    for args in [&["nothing"][..], &["verify"], &["key", "new", "x", "--kind", "odd"], &[]] {
        let ran = linli(args);
        assert_eq!(ran.exit, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("hint:") && ran.stderr.contains("nothing was recorded"));
        assert_eq!(ran.stdout, "", "{args:?}");
    }
}

#[test]
fn wrong_usage_is_said_in_chinese_too() {
    let cases: [(&[&str], &str); 8] = [
        (&[], "缺少子命令"),
        (&["nothing"], "没有子命令 nothing"),
        (&["statu"], "是否想用 status"),
        (&["verify"], "缺少参数"),
        (&["verify", "--genesis"], "缺少值"),
        (&["status", "--no-such"], "没有参数 --no-such"),
        (&["key", "new", "x", "--kind", "odd"], "odd 不可用"),
        (&["query", "a", "B", "--entry", "00", "--key", "k"], "不能与"),
    ];
    for (args, word) in cases {
        let args: Vec<&str> = args.iter().copied().chain(["--lang", "zh"]).collect();
        let ran = linli(&args);
        assert_eq!(ran.exit, 2, "{args:?}: {}", ran.stderr);
        let (first, _) = ran.stderr.split_once('\n').unwrap();
        assert!(first.contains(word) && first.ends_with("[USAGE]"), "{args:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("argument") && ran.stderr.contains("提示"), "{}", ran.stderr);
    }
}

#[test]
fn the_flag_beats_the_environment() {
    assert!(linli_in(Some("zh_CN.UTF-8"), &["nothing"]).stderr.contains("用法有误"));
    assert!(
        linli_in(Some("zh_CN.UTF-8"), &["nothing", "--lang", "en"]).stderr.contains("wrong usage")
    );
    assert!(linli_in(None, &["nothing"]).stderr.contains("wrong usage"));
}

#[test]
fn a_failure_is_an_object_too() {
    let ran = linli(&["genesis", "show", "/nowhere/genesis", "--json"]);
    assert_eq!(ran.exit, 2);
    let error = &ran.json()["error"];
    assert_eq!((&error["exit"], &error["recorded"]), (&2.into(), &"nothing".into()));
    assert!(error["what"].as_str().unwrap().contains("/nowhere/genesis"));
}

fn genesis(modules: Vec<Module>) -> Genesis {
    let (id, roles) = (PrincipalId([7; 16]), vec![Role::Operator]);
    let principals = vec![Principal { id, key: public(50), org: 2, roles }];
    Genesis { principals, modules, ..bare("cli", TimeMs(1_800_000_000_000)) }
}

/// A genesis file with its bytes changed by `change`, and the keys of its first validator.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new(genesis: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("genesis"), genesis).unwrap();
        development_key(dir.path(), "validator.key", 1, KeyKind::Validator);
        development_key(dir.path(), "network.key", 101, KeyKind::Network);
        Self { dir }
    }

    fn lawful() -> Self {
        Self::new(&genesis(vec![]).to_bytes())
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn init(&self, more: &[&str]) -> Ran {
        let names = ["genesis", "data", "validator.key", "network.key"].map(|n| self.path(n));
        let [genesis, data, validator, network] = &names;
        let mut args = vec![
            "init",
            "--genesis",
            genesis,
            "--data",
            data,
            "--validator-key",
            validator,
            "--network-key",
            network,
            "--json",
        ];
        args.extend(more);
        linli(&args)
    }
}

#[test]
fn init_makes_a_folder_that_checks_and_replays_clean() {
    let place = Place::lawful();
    let ran = place.init(&["--peer", "v2=127.0.0.1:9"]);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["name"], "v1");
    let data = place.path("data");
    let config = fs::read_to_string(format!("{data}/config.toml")).unwrap();
    assert!(config.contains("[[network.peers]]") && config.contains("v2"), "{config}");
    let checked = linli(&["check-db", "--data", &data, "--json"]);
    assert_eq!((checked.exit, &checked.json()["clean"]), (0, &true.into()), "{}", checked.stderr);
    let replayed = linli(&["replay", "--data", &data, "--json"]);
    assert_eq!((replayed.exit, &replayed.json()["same"]), (0, &true.into()), "{}", replayed.stderr);
    assert_eq!(replayed.json()["state_root"], checked.json()["state_root"]);
}

/// The bundle of the first block of a chain.
fn first_bundle(genesis: &Genesis) -> Vec<u8> {
    let mut store = Memory::default();
    store.apply(&Ledger::genesis(&genesis.to_bytes(), Settings::default()).unwrap());
    let ledger = Ledger::open(&store, Settings::default()).unwrap();
    let slot = Slot { time: ledger.head().time.plus_ms(1000), proposer: public(1), flags: 0 };
    let executed = ledger.propose(&store, slot, &[]).unwrap();
    Bundle::new(&executed, vec!["INV-L1 conservation: a test says so".into()]).to_bytes()
}

#[test]
fn a_bundles_block_is_executed_again_and_what_is_none_is_said_in_both_languages() {
    let place = Place::lawful();
    assert_eq!(place.init(&[]).exit, 0);
    let data = place.path("data");
    fs::write(place.path("own.bundle"), first_bundle(&genesis(vec![]))).unwrap();
    let own = place.path("own.bundle");
    for from in [&["--from", "0"][..], &[]] {
        let args = ["replay", "--data", &data, "--bundle", &own, "--json"];
        let ran = linli(&[&args[..], from].concat());
        let json = ran.json();
        // It is executed, not believed: no law is broken by these rules.
        assert_eq!((ran.exit, &json["same"]), (0, &true.into()), "{}", ran.stderr);
        assert_eq!((&json["height"], &json["breaches"]), (&1.into(), &serde_json::json!([])));
    }
    let other = Genesis { name: "other".into(), ..genesis(vec![]) };
    fs::write(place.path("other.bundle"), first_bundle(&other)).unwrap();
    fs::write(place.path("cut.bundle"), &fs::read(&own).unwrap()[..90]).unwrap();
    let (cut, foreign) = (place.path("cut.bundle"), place.path("other.bundle"));
    let (missing, genesis) = (place.path("no.bundle"), place.path("genesis"));
    let cases: [(&[&str], &str, &str); 6] = [
        (&["--bundle", &missing], "cannot read", "无法读取"),
        (&["--bundle", &genesis], "is no bundle", "不是现场包"),
        (&["--bundle", &cut], "is no bundle", "不是现场包"),
        (&["--bundle", &foreign], "belongs to chain", "现场包属于链"),
        (&["--from", "5"], "height 5 is asked for", "要求高度 5"),
        (&["--from", "1", "--bundle", &own], "height 1 is asked for", "要求高度 1"),
    ];
    for (more, en, zh) in cases {
        for (lang, words) in [("en", en), ("zh", zh)] {
            let args = ["replay", "--data", &data, "--lang", lang];
            let ran = linli(&[&args[..], more].concat());
            assert_eq!(ran.exit, 2, "{more:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(words), "{more:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn only_the_node_s_user_may_enter_its_data_folder() {
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let place = Place::lawful();
    assert_eq!(place.init(&[]).exit, 0);
    for folder in ["data", "data/keys"] {
        assert_eq!(mode(&place.path(folder)), 0o700, "{folder}");
    }
    // A folder that stood open before is closed.
    let place = Place::lawful();
    fs::create_dir(place.path("data")).unwrap();
    fs::set_permissions(place.path("data"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(place.init(&[]).exit, 0);
    assert_eq!(mode(&place.path("data")), 0o700);
}

#[test]
fn looking_at_a_data_folder_changes_no_file_in_it() {
    let place = Place::lawful();
    assert_eq!(place.init(&[]).exit, 0);
    let before = files(Path::new(&place.path("data")));
    for command in ["check-db", "replay"] {
        let ran = linli(&[command, "--data", &place.path("data")]);
        assert_eq!(ran.exit, 0, "{}", ran.stderr);
        assert!(files(Path::new(&place.path("data"))) == before, "{command} wrote something");
    }
}

/// Path, bytes and time of every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            found.insert(path.clone(), (fs::read(&path).unwrap(), time));
        }
    }
    found
}

#[test]
fn a_second_init_leaves_the_first_alone() {
    let place = Place::lawful();
    assert_eq!(place.init(&[]).exit, 0);
    let again = place.init(&[]);
    assert_eq!(again.exit, 2);
    assert!(again.stderr.contains("already"), "{}", again.stderr);
}

/// The bytes of a genesis whose validators were changed after the law was checked.
fn unlawful(change: impl Fn(&mut Vec<Validator>)) -> Vec<u8> {
    let lawful = genesis(vec![]);
    let (whole, set) = (lawful.to_bytes(), linli_types::encode(&lawful.validators));
    let mut members = lawful.validators.members().to_vec();
    change(&mut members);
    let at = whole.windows(set.len()).position(|window| window == set).unwrap();
    let mut bytes = whole[..at].to_vec();
    bytes.extend(linli_types::encode(&members));
    bytes.extend(&whole[at + set.len()..]);
    bytes
}

#[test]
fn unlawful_genesis_files_are_refused_before_anything_is_written() {
    let merged = |members: &mut Vec<Validator>| members[1].org = members[0].org;
    let one_kind = |members: &mut Vec<Validator>| {
        members.iter_mut().filter(|v| v.power == 3).for_each(|v| v.kind = OrgKind::Bank);
    };
    let strong = |members: &mut Vec<Validator>| members[3].power = 4;
    let mut small_order = genesis(vec![]);
    // The identity: a key with which anybody could sign.
    small_order.principals[0].key.0 = [0; 32];
    small_order.principals[0].key.0[0] = 1;
    let cases: [(Vec<u8>, &str); 6] = [
        (unlawful(|members| drop(members.pop())), "3 validators; a chain has 4"),
        (unlawful(merged), "no organisation may hold one third"),
        (unlawful(strong), "no organisation may hold one third"),
        (unlawful(one_kind), "no kind may hold one half"),
        (b"no genesis at all".to_vec(), "no genesis file"),
        (small_order.to_bytes(), "cannot be used"),
    ];
    for (bytes, reason) in cases {
        assert_refused(&bytes, reason);
    }
}

/// `init` refuses a genesis for this reason, in both languages, and writes nothing.
fn assert_refused(genesis: &[u8], reason: &str) {
    let place = Place::new(genesis);
    let ran = place.init(&[]);
    assert_eq!((ran.exit, &ran.json()["error"]["name"]), (1, &"BAD_GENESIS".into()));
    assert!(ran.stderr.contains(reason), "{reason}: {}", ran.stderr);
    assert!(ran.stderr.contains("nothing was recorded") && ran.stderr.contains("hint:"));
    let ran = place.init(&["--lang", "zh"]);
    assert!(ran.stderr.contains("创世文件不成立") && ran.stderr.contains("提示"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("validators"), "{}", ran.stderr);
    assert!(!place.dir.path().join("data").exists());
}

/// A module of a contract's shape around `inside`, or with nothing of it.
fn module(inside: &str) -> Vec<u8> {
    let shape = "(memory (export \"memory\") 1)
        (func (export \"alloc\") (param i32) (result i32) i32.const 0)
        (func (export \"call\") (param i32 i32) (result i32) i32.const 0)";
    wat::parse_str(format!("(module {inside} {shape})")).unwrap()
}

#[test]
fn contracts_that_could_part_the_nodes_are_refused_at_init() {
    let foreign =
        "(import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i32) (result i32)))";
    let clock = "(import \"linli\" \"clock\" (func (result i64)))";
    let float = "(func (param f64) (result f64) local.get 0 local.get 0 f64.mul)";
    let shared = "(import \"env\" \"memory\" (memory 1))";
    let large = vec![0; linli_types::limits::CODE_BYTES_MAX + 1];
    let cases = [
        (b"\0asm junk".to_vec(), "contract bad"),
        (vec![], "contract bad"),
        (module(float), "float"),
        (module(foreign), "wasi_snapshot_preview1"),
        (module(clock), "clock"),
        (module(shared), "contract bad"),
        ([module(""), large].concat(), "bytes"),
        (module("(memory 257)"), "contract bad"),
        (module("(func (result i32) (local v128) i32.const 0)"), "contract bad"),
    ];
    for (code, reason) in cases {
        let modules = vec![Module { name: "bad".into(), code }];
        assert_refused(&genesis(modules).to_bytes(), reason);
    }
    let modules = vec![Module { name: "Bad Name".into(), code: module("") }];
    assert_refused(&genesis(modules).to_bytes(), "cannot name a contract");
}

#[test]
fn keys_that_the_genesis_does_not_have_are_refused() {
    let place = Place::lawful();
    fs::remove_file(place.path("network.key")).unwrap();
    development_key(place.dir.path(), "network.key", 102, KeyKind::Network);
    let other = place.init(&[]);
    assert_eq!((other.exit, &other.json()["error"]["name"]), (1, &"OTHER_NETWORK_KEY".into()));
    fs::remove_file(place.path("validator.key")).unwrap();
    development_key(place.dir.path(), "validator.key", 99, KeyKind::Validator);
    let stranger = place.init(&[]);
    assert_eq!((stranger.exit, &stranger.json()["error"]["name"]), (1, &"NO_VALIDATOR".into()));
}

#[test]
fn a_folder_of_another_chain_is_exit_3() {
    let place = Place::lawful();
    assert_eq!(place.init(&[]).exit, 0);
    let mut other = genesis(vec![]);
    other.name = "another".into();
    fs::write(place.path("data/genesis"), other.to_bytes()).unwrap();
    for command in ["run", "check-db"] {
        let ran = linli(&[command, "--data", &place.path("data")]);
        assert_eq!(ran.exit, 3, "{command}: {}", ran.stderr);
        assert!(ran.stderr.contains("belongs to chain"), "{command}: {}", ran.stderr);
    }
}

#[test]
fn a_port_in_use_is_exit_3_and_named() {
    let place = Place::lawful();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_eq!(place.init(&["--grpc", &address]).exit, 0);
    let ran = linli(&["run", "--data", &place.path("data")]);
    assert_eq!(ran.exit, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains(&address) && ran.stderr.contains("port"), "{}", ran.stderr);
}

#[test]
fn an_unknown_config_key_stops_the_start() {
    let place = Place::lawful();
    assert_eq!(place.init(&[]).exit, 0);
    fs::write(place.path("data/config.toml"), "name = \"v1\"\nloglevel = \"info\"\n").unwrap();
    let ran = linli(&["run", "--data", &place.path("data")]);
    assert_eq!(ran.exit, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("loglevel") && ran.stderr.contains("log.level"), "{}", ran.stderr);
    for (text, word) in [
        ("name = ", "config.toml"),
        ("name = 5\n", "name"),
        ("name = \"v1\"\n[timeouts]\nvote_ms = -1\n", "vote_ms"),
        ("name = \"v1\"\n[api]\ngrpc_listen = \"0.0.0.0:1\"\n", "insecure_dev"),
        ("name = \"v1\"\n[[network.peers]]\nname = \"v2\"\nport = 5\n", "network.peers.port"),
    ] {
        fs::write(place.path("data/config.toml"), text).unwrap();
        for (lang, hint) in [("en", "correct config.toml"), ("zh", "请修改 config.toml")] {
            let ran = linli(&["run", "--data", &place.path("data"), "--lang", lang]);
            assert_eq!(ran.exit, 2, "{text}: {}", ran.stderr);
            assert!(ran.stderr.contains(word) && ran.stderr.contains(hint), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_key_is_made_once_and_shown_without_its_secret() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.key");
    let path = path.to_str().unwrap();
    let bare = linli(&["key", "new", path]);
    assert_eq!(bare.exit, 2, "a key is encrypted at rest");
    let made = linli(&["key", "new", path, "--development", "--json"]);
    assert_eq!(made.exit, 0, "{}", made.stderr);
    let shown = linli(&["key", "show", path, "--json"]);
    assert_eq!(made.stdout, shown.stdout);
    assert_eq!(shown.json()["kind"], "principal");
    assert_eq!(linli(&["key", "new", path, "--development"]).exit, 2, "never over an old one");
}

#[test]
fn what_is_no_pack_is_not_verified() {
    let place = Place::lawful();
    let genesis = place.path("genesis");
    for (name, bytes) in
        [("empty", vec![]), ("junk", vec![7; 1000]), ("zip", b"PK\x03\x04".to_vec())]
    {
        let pack = place.path(name);
        fs::write(&pack, bytes).unwrap();
        let ran = linli(&["verify", &pack, "--genesis", &genesis, "--json"]);
        assert_eq!(ran.exit, 1, "{name}: {}", ran.stderr);
        assert_eq!(
            (&ran.json()["layer"], &ran.json()["verified"]),
            (&"pack".into(), &false.into())
        );
    }
    for unreadable in [place.path("missing"), place.path("")] {
        let ran = linli(&["verify", &unreadable, "--genesis", &genesis]);
        assert_eq!(ran.exit, 1, "{unreadable}: {}", ran.stderr);
    }
    let ran = linli(&["verify", &genesis, "--genesis", &place.path("missing")]);
    assert_eq!(ran.exit, 2, "without a genesis nothing can be verified");
}
