//! TLS and the access log on a net of real processes: an auditor reads, the resident lists who did,
//! over nodes that are killed, that anchor, and that do not answer.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../../node/tests/common/certificates.rs"]
mod certificates;
mod support;

use certificates::{Authority, put};
use linli_testnet::net::binary;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use support::{Live, Ran, linli, run, text, until};

/// The net after its first start, then over TLS: the first node anchors its log's head twice a
/// second, in the operator's name.
struct Secured {
    live: Live,
    ca: PathBuf,
}

impl Secured {
    fn start() -> Self {
        let mut live = Live::start();
        live.net.stop().unwrap();
        let authority = Authority::new("members");
        let ca = live.path("ca.pem");
        std::fs::write(&ca, authority.pem()).unwrap();
        let anchor = live.key("operator");
        for (at, member) in live.net.validators.iter().enumerate() {
            put(&member.data_dir.join("tls"), &authority.issue("127.0.0.1", 2100));
            let path = member.data_dir.join("config.toml");
            let mut config = std::fs::read_to_string(&path).unwrap();
            config
                .push_str("\n[api.tls]\ncertificate = \"tls/node.pem\"\nkey = \"tls/node.key\"\n");
            if at == 0 {
                let key = format!("anchor_key = \"{}\"", text(&anchor));
                config = config.replace("anchor_key = \"\"", &key);
                config = config.replace("anchor_every_ms = 3600000", "anchor_every_ms = 500");
                assert!(config.contains(&key) && config.contains("every_ms = 500"), "{config}");
            }
            std::fs::write(&path, config).unwrap();
        }
        live.net.start().unwrap();
        Self { live, ca }
    }

    fn url(&self, at: usize) -> String {
        self.live.net.validators[at].grpc.replace("http://", "https://")
    }

    /// Somebody asks a node over TLS, believing an authority's file.
    fn ask(&self, url: &str, who: &str, ca: &str, args: &[&str]) -> Ran {
        let key = self.live.key(who);
        let mut all = args.to_vec();
        all.extend(["--node", url, "--ca", ca, "--key", text(&key)]);
        linli(&all)
    }

    /// The arguments with which somebody lists the accesses of some nodes.
    fn list_args(&self, who: &str, nodes: &[usize]) -> Vec<String> {
        let mut args = vec!["access".to_owned(), "list".to_owned()];
        for node in nodes {
            args.extend(["--node".to_owned(), self.url(*node)]);
        }
        let (key, genesis) = (self.live.key(who), &self.live.net.genesis);
        for (name, path) in [("--ca", &self.ca), ("--key", &key), ("--genesis", genesis)] {
            args.extend([name.to_owned(), text(path).to_owned()]);
        }
        args
    }

    fn list(&self, who: &str, nodes: &[usize]) -> Ran {
        let args = self.list_args(who, nodes);
        linli(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

fn methods(list: &Value) -> Vec<&str> {
    let entries = list["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["method"].as_str().unwrap()).collect()
}

#[test]
fn leg_09_a_resident_lists_who_read_their_account_on_which_node() {
    let mut net = Secured::start();
    let account = net.live.account("resident").to_owned();
    let (ca, balance) = (net.ca.clone(), ["account", "balance", account.as_str()]);
    net.ask(&net.url(0), "resident", text(&ca), &balance).done();
    net.ask(&net.url(0), "auditor", text(&ca), &balance).done();
    net.ask(&net.url(2), "auditor", text(&ca), &balance).done();
    net.ask(&net.url(0), "operator", text(&ca), &balance).fails(1, "READ_DENIED", "nothing");

    let list = net.list("resident", &[0, 1, 2, 3]).done().json();
    assert_eq!(
        (&list["complete"], methods(&list)),
        (&true.into(), vec!["Query", "Query"]),
        "{list}"
    );
    let nodes: Vec<&Value> = (0..2).map(|at| &list["entries"][at]["node_name"]).collect();
    let name = |at: usize| net.live.net.validators[at].name.clone();
    assert_eq!(nodes, [&Value::from(name(0)), &Value::from(name(2))], "{list}");
    assert_eq!(list["entries"][0]["org"], 90);
    // Others see nothing of it; the auditor sees all, also that the auditor looked.
    let operator = net.list("operator", &[0, 1, 2, 3]).done().json();
    assert_eq!(methods(&operator), Vec::<&str>::new());
    let whole = net.list("auditor", &[0, 2]).done();
    assert_eq!(methods(&whole.json()), ["Query", "Query", "AccessLog", "AccessLog"]);
    assert!(whole.err.contains("not asked"), "{whole:?}");

    anchored_and_killed(&mut net);
    one_that_does_not_answer(&mut net);
}

/// The head that was read stands on the ledger, and no entry is lost with the process.
fn anchored_and_killed(net: &mut Secured) {
    let anchored = until("the first node anchors its head", || {
        let list = net.list("resident", &[0, 1, 2, 3]).done().json();
        let found = list["nodes"][0]["anchored"].clone();
        found["verified"].as_bool().unwrap_or(false).then_some(found)
    });
    assert!(anchored["count"].as_u64() >= Some(1), "{anchored}");
    assert!(anchored["height"].as_u64() >= Some(1), "{anchored}");
    net.live.net.validators[0].kill();
    net.live.net.validators[0].restart().unwrap();
    let list = net.list("resident", &[0, 1, 2, 3]).done().json();
    let own: Vec<&str> = methods(&list).into_iter().filter(|method| *method == "Query").collect();
    assert_eq!(own, ["Query", "Query"], "{list}");
    assert_eq!(list["nodes"][0]["anchored"]["verified"], true);

    let mut command = Command::new(binary("linli").unwrap());
    command.args(net.list_args("resident", &[0, 1, 2, 3])).args(["--lang", "zh"]);
    let shown = run(&mut command).done();
    for word in ["他人读取共", "链与签名成立", "存证", "全部数据"] {
        assert!(shown.out.contains(word), "no {word}: {shown:?}");
    }
}

/// What the others logged is listed all the same, and the missing one is named.
fn one_that_does_not_answer(net: &mut Secured) {
    net.live.net.validators[3].kill();
    let partial = net.list("resident", &[0, 1, 2, 3]).fails(3, "PARTIAL", "nothing");
    let [list, error] = partial.lines().try_into().unwrap();
    assert_eq!(list["complete"], false);
    assert!(methods(&list).contains(&"Query"), "{list}");
    assert_eq!(error["missing"][0], net.url(3).as_str(), "{error}");
    // A node whose certificate is none does not start, and says so.
    let data = net.live.net.validators[3].data_dir.clone();
    std::fs::write(data.join("tls/node.pem"), "junk").unwrap();
    let refused = linli(&["run", "--data", text(&data)]);
    refused.fails(3, "TLS", "nothing").saying("node.pem");
}

#[test]
fn without_the_members_authority_nothing_is_sent() {
    let net = Secured::start();
    let (url, ca) = (net.url(1), net.ca.clone());
    let status = ["status"];
    net.ask(&url, "resident", text(&ca), &status).done();
    // An address without a scheme asks for TLS where an authority is named.
    net.ask(url.trim_start_matches("https://"), "resident", text(&ca), &status).done();
    let other = net.live.path("other.pem");
    std::fs::write(&other, Authority::new("members").pem()).unwrap();
    let refused = net.ask(&url, "resident", text(&other), &status);
    refused.fails(3, "UNTRUSTED", "nothing").saying("not issued by");
    let elsewhere = url.replace("127.0.0.1", "localhost");
    let refused = net.ask(&elsewhere, "resident", text(&ca), &status);
    refused.fails(3, "UNTRUSTED", "nothing").saying("another name");
    let plain = url.replace("https://", "http://");
    net.ask(&plain, "resident", text(&ca), &status).fails(2, "INPUT", "nothing");
    let key = net.live.key("resident");
    let bare = linli(&["status", "--node", &url, "--key", text(&key)]);
    bare.fails(2, "INPUT", "nothing").saying("no authority");
    let absent = net.live.path("absent.pem");
    net.ask(&url, "resident", text(&absent), &status).fails(2, "FILE", "nothing");
}
