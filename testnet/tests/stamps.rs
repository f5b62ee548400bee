//! Time-stamp authorities that fail, each in its way, on a net of real processes: the nodes go on, ask
//! again at a pace, say it once, and show a token as soon as there is one.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "support/authority.rs"]
mod authority;
mod support;

use authority::{Authority, Mood};
use linli_sdk::{Client, KeyFile};
use linli_testnet::net::bare;
use linli_types::header::Header;
use linli_verify::token::{self, Sealed};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use support::{Live, text, until};

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:9/";

/// Each validator with an authority of its own; the first one's is not there.
struct Stamped {
    live: Live,
    authorities: Vec<Authority>,
}

impl Stamped {
    fn start(moods: [Mood; 3]) -> Self {
        let mut live = Live::start();
        live.net.stop().unwrap();
        let authorities: Vec<Authority> = moods
            .into_iter()
            .enumerate()
            .map(|(n, mood)| Authority::start(&live.path(&format!("tsa{}", n + 1)), mood))
            .collect();
        for (n, validator) in live.net.validators.iter().enumerate() {
            let path = validator.data_dir.join("config.toml");
            let config = fs::read_to_string(&path).unwrap();
            let asked = match n.checked_sub(1).map(|n| &authorities[n]) {
                None => format!("\n[timestamp]\nurl = \"{NOBODY}\"\n"),
                Some(authority) => {
                    let certificate = authority.folder.join("tsa.pem");
                    let (url, certificate) = (&authority.url, text(&certificate));
                    format!("\n[timestamp]\nurl = \"{url}\"\ncertificate = \"{certificate}\"\n")
                }
            };
            fs::write(&path, config + &asked).unwrap();
        }
        live.net.start().unwrap();
        Self { live, authorities }
    }

    fn anchor(&self, name: &str) -> u64 {
        let file = self.live.path(name);
        fs::write(&file, name).unwrap();
        let out = self.live.path("packs");
        let args = ["evidence", "anchor", text(&file), "--out", text(&out)];
        self.live.linli("operator", &args).done();
        let pack = self.live.path(&format!("packs/{name}.linli"));
        let report = self.live.verify(&[text(&pack), text(&file)]).done().json();
        assert!(!report.to_string().contains("\"token\""), "no token is there yet: {report}");
        report["log"]["leaf"].as_u64().unwrap()
    }

    /// The token that a node has for a leaf.
    fn stamp(&self, at: usize, leaf: u64) -> Option<linli_proto::Stamp> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let file = KeyFile::read(&self.live.key("auditor")).unwrap();
        let (chain, key) = (file.about().chain.unwrap(), file.open("").unwrap());
        let url = &self.live.net.validators[at].grpc;
        let url = if url.contains("://") { url.clone() } else { format!("http://{url}") };
        runtime.block_on(async {
            let client = Client::connect(&url, chain, key).await.unwrap();
            client.later(leaf).await.unwrap().stamp
        })
    }

    /// A counter on a node's page of metrics.
    fn counter(&self, at: usize, name: &str) -> u64 {
        let address = bare(&self.live.net.validators[at].http);
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        let line = page.lines().find(|line| line.starts_with(&format!("linli_node_{name}_total ")));
        let line = line.unwrap_or_else(|| panic!("no {name}: {page}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Lines of a node's log that hold this word.
    fn said(&self, at: usize, word: &str) -> Vec<String> {
        let log = fs::read_to_string(&self.live.net.validators[at].log).unwrap();
        log.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
    }
}

#[test]
fn authorities_that_fail_disturb_no_node_and_a_token_comes_once_they_answer() {
    let stamped = Stamped::start([Mood::Garbage, Mood::OtherDigest, Mood::Silent]);
    let leaf = stamped.anchor("one.pdf");
    // Asked again and again, at a pace that grows.
    until("each was asked, those that answer more than once", || {
        let asked: Vec<usize> = stamped.authorities.iter().map(Authority::asked).collect();
        (asked[0] >= 2 && asked[1] >= 2 && asked[2] >= 1).then_some(())
    });
    until("nobody was found twice", || (stamped.counter(0, "stamp_failures") >= 2).then_some(()));
    // The ledger goes on all the while, and no token is made up.
    for at in 0..4 {
        stamped.live.transfer(at, 900 + at as u64).done();
        assert!(stamped.stamp(at, leaf).is_none(), "{at}");
    }
    for (at, why) in [(0, NOBODY), (1, "DER"), (2, "about other bytes")] {
        let said = stamped.said(at, "stamping.fail");
        assert_eq!(said.len(), 1, "once for all failures: {said:?}");
        assert!(said[0].contains(why), "{said:?}");
    }
    // Another trouble is said as well, once.
    stamped.authorities[0].is_now(Mood::Refuses);
    until("the other trouble is said", || {
        (stamped.said(1, "stamping.fail").len() == 2).then_some(())
    });
    assert!(stamped.said(1, "stamping.fail")[1].contains("status 2"));

    stamped.authorities.iter().for_each(|authority| authority.is_now(Mood::Good));
    for (at, authority) in (1..4).zip(&stamped.authorities) {
        let stamp = until("a token", || stamped.stamp(at, leaf));
        let certificate = fs::read(authority.folder.join("tsa.pem")).unwrap();
        let certificate = token::certificate(&certificate).unwrap();
        let (_, sealed) = token::verify(&stamp.token, &stamp.header, Some(&certificate)).unwrap();
        assert!(matches!(sealed, Sealed::ByGiven(_)), "{at}");
        assert!(Header::from_bytes(&stamp.header).unwrap().log_size > leaf);
        assert_eq!(stamped.said(at, "stamping.again").len(), 1, "{at}");
    }
    assert!(stamped.said(3, "stamping.fail")[0].contains("in time"), "the one that was silent");
    // Where nobody ever answers, the node serves and has none.
    assert!(stamped.stamp(0, leaf).is_none());
    assert_eq!(stamped.said(0, "stamping.fail").len(), 1);
    stamped.anchor("two.pdf");
}
