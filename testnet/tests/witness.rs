//! What makes the ledger's word independent of its validators, on a net of real processes: a witness
//! that cosigns the log, a time-stamp authority, an organisation's second key.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "support/authority.rs"]
mod authority;
mod support;

use authority::{Authority, Mood, openssl};
use linli_sdk::{Client, KeyFile};
use linli_types::certificate::Certificate;
use linli_types::header::Header;
use linli_types::id::Digest;
use linli_types::merkle::{Sha256Log, root_from_path};
use linli_types::signature::Zip215;
use linli_verify::note::{Checkpoint, Key, Note};
use linli_verify::token::{self, Sealed};
use serde_json::Value;
use std::fs;
use support::{Live, Ran, linli, text, until};

struct Watched {
    live: Live,
    /// The witness's note key, as it prints it.
    key: String,
}

impl Watched {
    /// A net whose first node knows a witness and an authority.
    fn start() -> Self {
        let mut live = Live::start();
        live.net.stop().unwrap();
        let url = Authority::start(&live.path("tsa"), Mood::Good).url;
        let secret = live.path("witness.key");
        linli(&["key", "new", text(&secret), "--development"]).done();
        let public = KeyFile::read(&secret).unwrap().public();
        let kind = linli_verify::note::Kind::Witness;
        let key = Key::new("court.example/1", kind, public).unwrap().to_string();
        let path = live.net.validators[0].data_dir.join("config.toml");
        let config = fs::read_to_string(&path).unwrap();
        let config = config.replace("witnesses = []", &format!("witnesses = [\"{key}\"]"));
        let certificate = live.path("tsa/tsa.pem");
        let certificate = text(&certificate);
        let asked = format!("\n[timestamp]\nurl = \"{url}\"\ncertificate = \"{certificate}\"\n");
        assert!(config.contains(&key), "{config}");
        fs::write(&path, config + &asked).unwrap();
        live.net.start().unwrap();
        Self { live, key }
    }

    fn witness(&self) -> Ran {
        let http = &self.live.net.validators[0].http;
        let url = if http.contains("://") { http.clone() } else { format!("http://{http}") };
        let (genesis, key) = (&self.live.net.genesis, self.live.path("witness.key"));
        let data = self.live.path("witness");
        let whom = ["witness", "--node", &url, "--genesis", text(genesis), "--key", text(&key)];
        let rest = ["--name", "court.example/1", "--data", text(&data)];
        linli(&[&whom[..], &rest].concat())
    }

    fn anchor(&self, name: &str) {
        let file = self.live.path(name);
        fs::write(&file, name).unwrap();
        let out = self.live.path("packs");
        let args = ["evidence", "anchor", text(&file), "--out", text(&out)];
        self.live.linli("operator", &args).done();
    }

    /// What the first node has that shows when a leaf was there.
    fn later(&self, leaf: u64) -> linli_proto::LaterResponse {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let file = KeyFile::read(&self.live.key("auditor")).unwrap();
        let (chain, key) = (file.about().chain.unwrap(), file.open("").unwrap());
        let url = &self.live.net.validators[0].grpc;
        let url = if url.contains("://") { url.clone() } else { format!("http://{url}") };
        runtime.block_on(async {
            Client::connect(&url, chain, key).await.unwrap().later(leaf).await.unwrap()
        })
    }
}

fn digests(path: &[Vec<u8>]) -> Vec<Digest> {
    path.iter().map(|node| Digest::from_slice(node).unwrap()).collect()
}

#[test]
fn a_leaf_s_time_is_shown_by_an_authority_and_a_witness_that_are_no_validators() {
    let watched = Watched::start();
    watched.anchor("one.pdf");
    let (index, leaf) = leaf_of(&watched);
    let stamp = until("a token", || watched.later(index).stamp);
    let header = Header::from_bytes(&stamp.header).unwrap();
    let certificate = fs::read(watched.live.path("tsa/tsa.pem")).unwrap();
    let certificate = token::certificate(&certificate).unwrap();
    let (read, sealed) = token::verify(&stamp.token, &stamp.header, Some(&certificate)).unwrap();
    assert!(matches!(sealed, Sealed::ByGiven(_)));
    assert!(read.time.plus_ms(60_000) > header.time);
    let signed: Certificate = borsh::from_slice(&stamp.certificate).unwrap();
    assert_eq!(signed.block, header.id());
    assert_eq!(stamp.size, header.log_size);

    // OpenSSL says the same of the file in the node's folder.
    let folder = watched.live.path("tsa");
    fs::write(folder.join("header"), &stamp.header).unwrap();
    let kept = watched.live.net.validators[0].data_dir.join("timestamps");
    let kept = fs::read_dir(kept).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read(&kept).unwrap(), stamp.token);
    let verify = ["ts", "-verify", "-data", "header", "-in", text(&kept), "-token_in"];
    openssl(&folder, &[&verify[..], &["-CAfile", "root.pem"]].concat());

    // The witness signs step by step.
    let first = watched.witness().done().json();
    assert_eq!((&first["new"], &first["handed_in"]), (&true.into(), &true.into()), "{first}");
    assert_eq!(first["witness"], Value::from(watched.key.clone()));
    watched.anchor("two.pdf");
    let second = watched.witness().done().json();
    assert_eq!((&second["new"], &second["handed_in"]), (&true.into(), &true.into()), "{second}");
    assert!(second["size"].as_u64() > first["size"].as_u64());
    assert_eq!(watched.witness().done().json()["new"], false);

    // The node serves it, with the leaf's way to both roots.
    let later = watched.later(index).checkpoint.unwrap();
    let note = Note::parse(later.note.as_bytes()).unwrap();
    let said = Checkpoint::parse(note.text()).unwrap();
    assert_eq!((said.size, &later.witnesses), (later.size, &vec![watched.key.clone()]));
    let key = Key::parse(&watched.key).unwrap();
    assert!(note.signed_by(&key, &Zip215).unwrap().is_some());
    let root =
        |size, path: &[Vec<u8>]| root_from_path::<Sha256Log>(leaf, index, size, &digests(path));
    assert_eq!(root(later.size, &later.path), Some(said.root));
    assert_eq!(root(stamp.size, &stamp.path), Some(header.log_root));
    a_renewed_pack_holds_both(&watched);
}

fn a_renewed_pack_holds_both(watched: &Watched) {
    let live = &watched.live;
    live.receipt_keys(4);
    let (pack, file) = (live.path("packs/one.pdf.linli"), live.path("one.pdf"));
    let renewed = live.path("renewed.linli");
    let args = ["evidence", "renew", text(&pack), "--out", text(&renewed)];
    let said = live.linli("operator", &args).done().json();
    assert_eq!((&said["token"], &said["checkpoint"]), (&true.into(), &true.into()), "{said}");
    let report = live.verify(&[text(&renewed), text(&file)]).done().json();
    let witnesses = report["checkpoint"]["witnesses"].as_array().unwrap();
    assert_eq!(witnesses[0]["key"], Value::from(watched.key.clone()), "{report}");
    assert_eq!(report["token"]["signature_checked"], true, "{report}");
    let bytes = fs::read(&renewed).unwrap();
    for flip in (0..bytes.len()).step_by(bytes.len() / 20) {
        let mut bent = bytes.clone();
        bent[flip] ^= 4;
        let path = live.path("bent.linli");
        fs::write(&path, bent).unwrap();
        assert_eq!(live.verify(&[text(&path), text(&file)]).exit, Some(1), "byte {flip}");
    }
}

/// The first file's leaf: its index and its hash, from its own proof.
fn leaf_of(watched: &Watched) -> (u64, Digest) {
    let pack = watched.live.path("packs/one.pdf.linli");
    let file = watched.live.path("one.pdf");
    let report = watched.live.verify(&[text(&pack), text(&file)]).done().json();
    let log = &report["log"];
    let id: Digest =
        log["statement"].as_str().unwrap_or_else(|| panic!("{report}")).parse().unwrap();
    (log["leaf"].as_u64().unwrap(), linli_types::merkle::statement_leaf(&id))
}
