//! Calls, queries and balances as residents, operators and strangers meet them, through the
//! command line, on a net of four processes.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_sdk::{About, KeyFile, KeyKind};
use linli_testnet::keys;
use linli_types::id::{AccountId, ChainId, PrincipalId};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use support::{Live, linli, text};

/// An identity number that nobody has; its check digit is right.
const IDENTITY_NUMBER: &str = "11010519491231002X";

#[test]
fn calls_and_queries_from_the_command_line() {
    let live = Live::start();
    a_balance_is_its_owners_and_moves_once(&live);
    an_answer_is_proved_and_the_proof_verifies(&live);
    a_statement_is_proved_whole(&live);
    arguments_that_do_not_fit_name_their_field(&live);
    rooms_and_methods_that_are_not_there_are_named(&live);
    personal_data_is_refused_and_never_repeated(&live);
    strangers_are_told_what_is_missing(&live);
    wrong_addresses_have_no_definite_answer(&live);
    a_contract_that_misbehaves_is_refused_and_the_chain_goes_on(&live);
}

fn balance(live: &Live, who: &str) -> i64 {
    let account = live.account(who).to_owned();
    let shown = live.linli(who, &["account", "balance", &account]).done().json();
    shown["balance"].as_i64().unwrap()
}

fn a_balance_is_its_owners_and_moves_once(live: &Live) {
    let before = balance(live, "operator");
    live.transfer(0, 1).done();
    assert_eq!(balance(live, "operator"), before - 1);
    // Another transaction for the same deed: a new key, the same business id.
    live.transfer(0, 1).fails(1, "DUPLICATE", "refusal receipt").saying("first receipt");
    let (debit, credit) = (live.account("operator"), live.account("resident"));
    let other = format!(
        r#"{{"id":"{:032x}","debit":"{debit}","credit":"{credit}","amount":2,"code":1}}"#,
        1
    );
    let call =
        |who: &str, args: &str| live.linli(who, &["call", "accounts", "Transfer", "--args", args]);
    call("operator", &other).fails(1, "BUSINESS_ID_CONFLICT", "refusal receipt");
    call("auditor", &other.replace("\"id\":\"0", "\"id\":\"a")).fails(
        1,
        "UNAUTHORISED",
        "refusal receipt",
    );
    assert_eq!(balance(live, "operator"), before - 1, "one fen, once");
    // The code for people is the same account; a code with a slip is none.
    let shown = live.linli("operator", &["account", "balance", debit]).done().json();
    let code = shown["code"].as_str().unwrap();
    let by_code = live.linli("operator", &["account", "balance", code]).done().json();
    assert_eq!(by_code["balance"], shown["balance"]);
    let slip = if code.ends_with('2') { '3' } else { '2' };
    let slipped = format!("{}{slip}", &code[..code.len() - 1]);
    live.linli("operator", &["account", "balance", &slipped]).fails(2, "USAGE", "nothing");
    // A resident's statement begins with the genesis, is whole and ends at the balance; an operator
    // may not read it.
    let resident = live.account("resident");
    let statement = live.linli("resident", &["account", "statement", resident]).done().json();
    assert_eq!(
        (&statement["whole"], statement["lines"].as_array().unwrap().len()),
        (&true.into(), 2)
    );
    for command in ["balance", "statement"] {
        let read = live.linli("operator", &["account", command, resident]);
        read.fails(1, "READ_DENIED", "nothing").saying("auditor");
    }
    live.linli("auditor", &["account", "balance", resident]).done();
    let nobody = AccountId([7; 16]).to_string();
    live.linli("auditor", &["account", "balance", &nobody]).fails(1, "NO_ACCOUNT", "nothing");
}

fn an_answer_is_proved_and_the_proof_verifies(live: &Live) {
    let args = format!(r#"{{"id":"{}"}}"#, live.account("operator"));
    let proof = live.path("balance.proof");
    let ask = ["query", "accounts", "Account", "--args", &args, "--proof", text(&proof)];
    live.linli("operator", &ask).done();
    let report = live.verify(&[text(&proof)]).done().json();
    assert_eq!(report["verified"], true, "{report}");
    live.linli("operator", &ask).fails(2, "USAGE", "nothing").saying("is there already");
    // Also that nothing stands there can be proved.
    let absent = live.path("absent.proof");
    let ask = ["query", "probe", "--entry", "762f6162", "--proof", text(&absent)];
    let answer = live.linli("operator", &ask).done().json();
    assert_eq!(answer["entries"][0]["present"], false);
    live.verify(&[text(&absent)]).done();
    let mut bent = fs::read(&proof).unwrap();
    let middle = bent.len() / 2;
    bent[middle] ^= 1;
    fs::write(&proof, bent).unwrap();
    let ran = live.verify(&[text(&proof)]);
    assert_eq!((ran.exit, &ran.json()["verified"]), (Some(1), &false.into()), "{ran:?}");
}

/// What is held, posted in part and moved stands in one proved statement, and it is whole.
fn a_statement_is_proved_whole(live: &Live) {
    let (debit, credit) = (live.account("operator"), live.account("resident"));
    let call = |method: &str, args: &str| {
        live.linli("operator", &["call", "accounts", method, "--args", args]).done();
    };
    let id = |n: u8| format!("{:032x}", 0xacc0 + u32::from(n));
    let expires = linli_testnet::net::now_ms() + 600_000;
    let hold = format!(
        r#"{{"id":"{}","debit":"{debit}","credit":"{credit}","amount":30,"code":1,"expires_ms":{expires}}}"#,
        id(1)
    );
    call("Reserve", &hold);
    let post = format!(r#"{{"id":"{}","pending":"{}","amount":20}}"#, id(2), id(1));
    call("Post", &post);
    let again = live.linli("operator", &["call", "accounts", "Post", "--args", &post]);
    again.fails(1, "DUPLICATE", "refusal receipt");
    let proof = live.path("statement.proof");
    let ask = ["account", "statement", debit, "--proof", text(&proof)];
    let shown = live.linli("operator", &ask).done().json();
    assert_eq!(shown["whole"], true, "{shown}");
    let report = live.verify(&[text(&proof)]).done().json();
    let proved = &report["account"];
    let acts: Vec<_> = proved["lines"].as_array().unwrap().iter().map(|l| &l["act"]).collect();
    assert!(acts.ends_with(&[&"Reserve".into(), &"Post".into()]), "{acts:?}");
    assert_eq!(proved["balance"], shown["balance"].to_string(), "{proved}");
    let balance = live.path("own.proof");
    live.linli("operator", &["account", "balance", debit, "--proof", text(&balance)]).done();
    live.verify(&[text(&balance)]).done();
}

fn arguments_that_do_not_fit_name_their_field(live: &Live) {
    let (debit, credit) = (live.account("operator"), live.account("resident"));
    let height = live.height(0);
    let with = |amount: &str, more: &str| {
        format!(
            r#"{{"id":"{:032x}","debit":"{debit}","credit":"{credit}","amount":{amount}{more}}}"#,
            77
        )
    };
    let cases = [
        (with("-1", ""), "$.amount"),
        (with("1.5", ""), "$.amount"),
        (with("1e3", ""), "$.amount"),
        (with("18446744073709551616", ""), "$.amount"),
        (with("\"99999999999999999999999999999999999999999\"", ""), "$.amount"),
        (with("[1]", ""), "$.amount"),
        (with("true", ""), "$.amount"),
        (with("1", ",\"code\":4294967296"), "$.code"),
        (with("1", ",\"fee\":1"), "$.fee"),
        (with("1", "").replace(debit, "abcd"), "$.debit"),
        (with("1", "").replace(debit, "不是账户"), "$.debit"),
        ("[]".into(), "$ must be an object"),
    ];
    for (args, field) in cases {
        let ran = live.linli("operator", &["call", "accounts", "Transfer", "--args", &args]);
        ran.fails(2, "SCHEMA", "nothing").saying(field);
    }
    for args in ["", "{", "{\"id\":}", "{} {}", "null x"] {
        let ran = live.linli("operator", &["call", "accounts", "Transfer", "--args", args]);
        ran.fails(2, "USAGE", "nothing").saying("--args");
    }
    // Deep JSON ends at the bound, not on the stack.
    let deep = format!("{}1{}", "[".repeat(60_000), "]".repeat(60_000));
    let ran = live.linli("operator", &["call", "accounts", "Transfer", "--args", &deep]);
    assert_eq!(ran.exit, Some(2), "{}", &ran.err[..ran.err.len().min(400)]);
    // What is left out is not there: an id of no bytes is refused by the node before any block.
    let ran = live.linli("operator", &["call", "accounts", "Transfer"]);
    ran.fails(1, "MALFORMED", "nothing").saying("id");
    let zero = with("0", "");
    let ran = live.linli("operator", &["call", "accounts", "Transfer", "--args", &zero]);
    ran.fails(1, "ZERO_AMOUNT", "refusal receipt");
    let most = with("18446744073709551615", ",\"code\":1");
    let ran = live.linli("operator", &["call", "accounts", "Transfer", "--args", &most]);
    ran.fails(1, "INSUFFICIENT", "refusal receipt");
    assert_eq!(live.height(0), height + 2, "two refusals by the rules, and nothing else");
}

fn rooms_and_methods_that_are_not_there_are_named(live: &Live) {
    live.linli("operator", &["call", "bank", "X"])
        .fails(1, "UNKNOWN_ROOM", "nothing")
        .saying("bank");
    let ran = live.linli("operator", &["call", "accounts", "Steal"]);
    ran.fails(2, "SCHEMA", "nothing").saying("Steal").saying("Transfer");
    let ran = live.linli("operator", &["query", "accounts", "Nothing"]);
    ran.fails(2, "SCHEMA", "nothing").saying("Account");
    live.linli("operator", &["query", "accounts"]).fails(2, "USAGE", "nothing").saying("--entry");
    let ran = live.linli("operator", &["query", "accounts", "--entry", "xyz"]);
    ran.fails(2, "USAGE", "nothing").saying("xyz");
}

fn personal_data_is_refused_and_never_repeated(live: &Live) {
    let args = format!(r#"{{"key":"aa","value":"bb","note":"证件 {IDENTITY_NUMBER}"}}"#);
    let ran = live.linli("operator", &["call", "probe", "Write", "--args", &args]);
    let ran = ran.fails(1, "PII_SUSPECTED", "nothing").saying("note");
    assert!(!ran.err.contains(IDENTITY_NUMBER) && !ran.out.contains(IDENTITY_NUMBER), "{ran:?}");
    for member in &live.net.validators {
        let log = fs::read_to_string(&member.log).unwrap();
        assert!(!log.contains(IDENTITY_NUMBER), "{}", member.name);
    }
}

/// A key file made here: whose key it is, and whose it says it is.
fn key_file(live: &Live, name: &str, of: Option<&str>, says: Option<&str>) -> PathBuf {
    let secret = match of {
        Some(who) => keys::read(&live.key(who)).unwrap().0,
        None => linli_sdk::SecretKey::generate().unwrap(),
    };
    let principal = says.map(|who| keys::read(&live.key(who)).unwrap().1);
    let principal = principal.unwrap_or(PrincipalId([9; 16]));
    let chain: ChainId = live.net.chain.parse().unwrap();
    let about = About { principal: Some(principal), chain: Some(chain) };
    let path = live.path(name);
    KeyFile::seal(&secret, KeyKind::Principal, about, "").unwrap().write_new(&path).unwrap();
    path
}

fn strangers_are_told_what_is_missing(live: &Live) {
    let node = live.net.validators[0].grpc.clone();
    let account = live.account("operator");
    let with = |key: &str, args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(["--node", &node, "--key", key]);
        linli(&all)
    };
    // A key that nobody registered: no read, no call.
    let stranger = key_file(live, "stranger.key", None, None);
    let posing = key_file(live, "posing.key", None, Some("operator"));
    for key in [text(&stranger), text(&posing)] {
        for args in [&["status"][..], &["account", "balance", account], &["call", "probe", "Trap"]]
        {
            with(key, args).fails(1, "UNKNOWN_SENDER", "nothing").saying("register");
        }
    }
    // A registered key in another's name reads as itself and signs for nobody else.
    let borrowed = key_file(live, "borrowed.key", Some("auditor"), Some("operator"));
    let ran = with(text(&borrowed), &["call", "probe", "Trap"]);
    ran.fails(1, "KEY_NOT_OF_SENDER", "nothing");
    let unknown = key_file(live, "unknown.key", Some("auditor"), None);
    with(text(&unknown), &["call", "probe", "Trap"]).fails(1, "UNKNOWN_SENDER", "nothing");
    // No key, no key file.
    with(text(&live.path("no.key")), &["status"]).fails(2, "FILE", "nothing").saying("no.key");
    // Whoever else may read a key could use it; and what is no key file is none.
    let genesis = live.net.genesis.clone();
    with(text(&genesis), &["status"]).fails(2, "FILE", "nothing").saying("chmod 600");
    let junk = live.path("junk.key");
    fs::write(&junk, "no key").unwrap();
    fs::set_permissions(&junk, fs::Permissions::from_mode(0o600)).unwrap();
    with(text(&junk), &["status"]).fails(2, "KEY", "nothing");
}

fn wrong_addresses_have_no_definite_answer(live: &Live) {
    let key = live.key("operator");
    let at = |node: &str| linli(&["status", "--key", text(&key), "--node", node]);
    // A port that was free a moment ago.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    at(&closed.to_string()).fails(3, "UNREACHABLE", "nothing").saying("address");
    at("http://no such host").fails(2, "INPUT", "nothing").saying("no such host");
    at("127.0.0.1:99999").fails(2, "INPUT", "nothing").saying("99999");
    at("").fails(2, "INPUT", "nothing");
    // Something else listens there: no node of ours.
    let web = live.net.validators[0].http.clone();
    let ran = at(&web);
    assert_eq!(ran.exit, Some(3), "{ran:?}");
}

fn a_contract_that_misbehaves_is_refused_and_the_chain_goes_on(live: &Live) {
    let call = |method: &str, args: &str| {
        live.linli("operator", &["call", "probe", method, "--args", args])
    };
    let receipt = "refusal receipt";
    let endless = r#"{"amount":"18446744073709551615"}"#;
    call("Spin", endless).fails(1, "OUT_OF_FUEL", receipt);
    call("Recurse", endless).fails(1, "TRAP", receipt);
    call("Grow", r#"{"amount":100000}"#).fails(1, "TRAP", receipt);
    let storm = call("Storm", endless);
    let name = storm.json()["error"]["name"].as_str().unwrap().to_owned();
    assert!(["OUT_OF_FUEL", "HOST_LIMIT"].contains(&name.as_str()), "{storm:?}");
    assert_eq!(storm.exit, Some(1));
    call("Trap", "{}").fails(1, "TRAP", receipt).saying("keeper");
    call("Panic", "{}").fails(1, "TRAP", receipt);
    call("Emit", r#"{"amount":65,"bytes":1}"#).fails(1, "HOST_LIMIT", receipt);
    call("BigResult", r#"{"amount":20000}"#).fails(1, "HOST_LIMIT", receipt);
    call("Garbage", "{}").fails(1, "BAD_ANSWER", receipt);
    let asked = call("Refuse", r#"{"number":5,"bytes":"ab","word":"why"}"#);
    asked.fails(1, "ASKED_FOR", receipt).saying("why");
    // A query has fuel too, and leaves nothing.
    let ran = live.linli("operator", &["query", "probe", "Spin", "--args", endless]);
    ran.fails(1, "OUT_OF_FUEL", "nothing");
    let asked = r#"{"number":5,"bytes":"ab","word":"why"}"#;
    let ran = live.linli("operator", &["query", "probe", "Refuse", "--args", asked]);
    ran.fails(1, "ASKED_FOR", "nothing").saying("why");
    live.transfer(0, 2).done();
    let heads: Vec<u64> = (0..4).map(|at| live.height(at)).collect();
    assert!(heads.iter().all(|height| *height + 1 >= heads[0]), "{heads:?}");
}
