//! Erasure end to end, on a net of four processes: captured offline, registered, kept in the vault,
//! erased, noted on the ledger; then every byte that is left is searched, before the databases are
//! rewritten and after.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "erasure/scan.rs"]
mod scan;
#[path = "erasure/secrets.rs"]
mod secrets;
mod support;

use linli_sdk::capture::{Entry, entries};
use linli_sdk::vault::Opening;
use linli_sdk::{About, KeyFile, KeyKind, SecretKey, Vault};
use linli_testnet::net::bare;
use linli_types::id::{Digest, PrincipalId};
use linli_types::merkle::statement_leaf;
use linli_verify::file;
use scan::Needles;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use support::{Live, Ran, text, until};

/// Records that are registered, and kept in the vault.
const VAULTED: usize = 10;
/// One more is registered and lies in the device's queue alone.
const QUEUED: usize = 11;
/// And one more was never registered.
const RECORDS: usize = 12;
const FILES: usize = 50;
/// What the device's first record is called in the source's numbering.
const FIRST: usize = 2;

/// A canary stands in each file and another one in its name: 1,000 in those of the vault.
fn canary(of: &str, record: usize, file: usize) -> String {
    format!("canary-{of}-{record:02}x{file:02}-quail")
}

struct Case {
    live: Live,
    master: SecretKey,
    captured: Vec<Entry>,
}

#[test]
fn leg_06_of_a_thousand_erased_canaries_nothing_is_left_and_nothing_links() {
    let mut case = Case::start();
    let (other, pack) = case.another_pack();
    case.capture();
    case.upload();
    case.store();
    let tag = case.tagged();
    let (plain, sealed, keys) = case.needles();
    case.is_everywhere(&plain, &sealed, &keys);
    case.erase_all();
    case.tombstones_verify();
    let told = case.told_by_nodes();
    for needles in [&plain, &sealed, &keys] {
        assert!(needles.within(&told).is_empty());
    }
    case.live.net.stop().unwrap();
    let candidates = case.candidates();
    case.nothing_is_left(&[&plain, &sealed, &keys, &candidates], &tag);
    for member in &case.live.net.validators {
        let data = text(&member.data_dir);
        let ran = support::linli(&["compact", "--data", data]).done().json();
        assert!(ran["bytes_after"].as_u64().unwrap() > 0, "{ran}");
        support::linli(&["check-db", "--data", data]).done();
    }
    case.nothing_is_left(&[&plain, &sealed, &keys, &candidates], &tag);
    case.live.verify(&[text(&pack), text(&other)]).done();
    // Rewritten databases carry a net.
    case.live.net.start().unwrap();
    case.live.transfer(0, 77).done();
}

impl Case {
    fn start() -> Self {
        let live = Live::start();
        let master = SecretKey::generate().unwrap();
        let file = KeyFile::seal(&master, KeyKind::Vault, About::default(), "").unwrap();
        file.write_new(&live.path("vault.key")).unwrap();
        let case = Self { live, master, captured: Vec::new() };
        case.vault("init", &[], false).done();
        case
    }

    /// `linli vault`, by somebody and for a reason if it is logged.
    fn vault(&self, verb: &str, args: &[&str], logged: bool) -> Ran {
        let (vault, key) = (self.live.path("vault"), self.live.path("vault.key"));
        let mut all = vec!["vault", verb, "--vault", text(&vault), "--vault-key", text(&key)];
        if logged {
            all.extend(["--who", "PR-TEST", "--why", "test"]);
        }
        all.extend(args);
        // `erase` alone talks to a node.
        if verb == "erase" { self.live.linli("operator", &all) } else { support::linli(&all) }
    }

    /// Somebody else's evidence, which must verify whatever is erased.
    fn another_pack(&self) -> (PathBuf, PathBuf) {
        let (file, out) = (self.live.path("other.pdf"), self.live.path("packs"));
        fs::write(&file, b"another's evidence").unwrap();
        let genesis = self.live.net.genesis.clone();
        let args =
            ["evidence", "anchor", text(&file), "--out", text(&out), "--genesis", text(&genesis)];
        self.live.linli("operator", &args).done();
        (file, out.join("other.pdf.linli"))
    }

    fn capture(&mut self) {
        let live = &self.live;
        let (queue, folder) = (live.path("queue"), live.path("files"));
        let (key, genesis) = (live.key("operator"), live.net.genesis.clone());
        fs::create_dir(&folder).unwrap();
        let seen = ["evidence", "checkpoint", "--save", "--queue", text(&queue)];
        let seen = live.linli("operator", &[&seen[..], &["--genesis", text(&genesis)]].concat());
        assert_eq!(seen.done().json()["certified"], true);
        let first = FIRST.to_string();
        for record in 0..RECORDS {
            let files = (0..FILES).map(|n| {
                let path = folder.join(format!("{}.txt", canary("name", record, n)));
                fs::write(&path, canary("file", record, n)).unwrap();
                path
            });
            let files: Vec<PathBuf> = files.collect();
            let mut args = vec!["evidence", "capture", "--kind", "FORM", "--queue", text(&queue)];
            args.extend(["--device-key", text(&key), "--first", &first]);
            args.extend(files.iter().map(|file| text(file)));
            let ran = support::linli(&args).done();
            assert_eq!(ran.json()["waiting"], record + 1, "{ran:?}");
        }
        self.captured = entries(&queue).unwrap();
    }

    /// Registers all but the last, which the gateway never saw.
    fn upload(&self) {
        let queue = self.live.path("queue");
        let (last, aside) = (self.entry_path(RECORDS - 1), self.live.path("aside"));
        fs::rename(&last, &aside).unwrap();
        let args = ["evidence", "upload", "--queue", text(&queue)];
        assert_eq!(self.live.linli("operator", &args).done().json()["uploaded"], QUEUED);
        // A double tap: nothing waits, nothing happens. A queue put back finds its records there.
        assert_eq!(self.live.linli("operator", &args).done().json()["uploaded"], 0);
        let first = self.entry_path(0);
        let mut put_back: Entry = serde_json::from_slice(&fs::read(&first).unwrap()).unwrap();
        put_back.upload = None;
        put_back.write(&queue).unwrap();
        assert_eq!(self.live.linli("operator", &args).done().json()["uploaded"], 1);
        fs::rename(&aside, &last).unwrap();
    }

    fn entry_path(&self, record: usize) -> PathBuf {
        self.live.path("queue").join(format!("entries/{:012}", FIRST + record))
    }

    fn store(&self) {
        let beside = self.live.path("beside");
        for entry in &self.captured[..VAULTED] {
            let folder = beside.join(entry.number.to_string());
            fs::create_dir_all(&folder).unwrap();
            let (manifest, statement) =
                (folder.join("manifest.json"), folder.join("statement.cose"));
            fs::write(&manifest, entry.manifest_bytes().unwrap()).unwrap();
            fs::write(&statement, entry.statement_bytes().unwrap()).unwrap();
            let (id, number) = (entry.id().to_string(), entry.number.to_string());
            let source = self.source().to_string();
            let mut args = vec!["--record", &id, "--class", "personal", "--source", &source];
            args.extend(["--number", &number, "--manifest", text(&manifest)]);
            args.extend(["--statement", text(&statement)]);
            args.extend(entry.files.iter().map(|file| text(file)));
            self.vault("put", &args, true).done();
        }
        // An anchoring of the same manifest that was interrupted.
        let manifest = hex::encode(self.captured[0].manifest_bytes().unwrap());
        let left = json!({"transaction": "00", "manifest": manifest, "file": "a", "pack": "a"});
        fs::write(self.live.path("packs/a.linli.pending"), left.to_string()).unwrap();
    }

    fn source(&self) -> PrincipalId {
        self.captured[0].signed().unwrap().claims.source
    }

    fn open(&self) -> Vault {
        Vault::open(&self.live.path("vault"), &self.master, Opening::default()).unwrap()
    }

    /// A record on the ledger that carries the keyed tag of one of the files.
    fn tagged(&self) -> [u8; 16] {
        let file = file::both(canary("file", 0, 0).as_bytes()).0;
        let tag = self.open().tag(&self.source(), &file).unwrap();
        let now = linli_sdk::clock::now().unwrap().0;
        let digest = |n: u8| hex::encode([n; 32]);
        let args = json!({
            "source": self.source().to_string(), "number": FIRST + RECORDS, "kind": "PHOTO_SET",
            "statement": digest(1), "manifest_sha256": digest(2), "manifest_sm3": digest(3),
            "size": 1, "captured_at_ms": now, "clock_source": "DEVICE_CLOCK",
            "retention": "ORDINARY", "basis": "CONTRACT", "tags": hex::encode(tag),
        });
        let args = args.to_string();
        let call = ["call", "evidence", "Register", "--args", &args];
        self.live.linli("operator", &call).done();
        tag
    }

    /// What must be gone: canaries and salts, what stands sealed, and the keys.
    fn needles(&self) -> (Needles, Needles, Needles) {
        let mut plain = Needles::default();
        for (record, entry) in self.captured.iter().enumerate() {
            let environment = entry.environment().unwrap().salt;
            let salt = entry.manifest().unwrap().salt;
            plain.add_spelled(&format!("salt {record}"), &salt.0);
            plain.add_spelled(&format!("environment {record}"), &hex::decode(environment).unwrap());
            for of in ["file", "name"] {
                for n in 0..FILES {
                    let canary = canary(of, record, n);
                    plain.add_spelled(&canary, canary.as_bytes());
                }
            }
        }
        let vault = self.live.path("vault");
        (plain, secrets::sealed(&vault), secrets::keys(&vault, &self.master))
    }

    /// Control: the search finds what it is for, where it should be, and the keys in no file.
    fn is_everywhere(&self, plain: &Needles, sealed: &Needles, keys: &Needles) {
        let of = |folder: &str, needles: &Needles| needles.below(&self.live.path(folder));
        assert_eq!(&of("files", plain).len(), &(2 * FILES * RECORDS));
        let queued = of("queue", plain);
        for record in 0..RECORDS {
            for name in [format!("salt {record}"), format!("environment {record}")] {
                assert!(queued.contains(&name), "{name}");
            }
            assert!((0..FILES).all(|n| queued.contains(&canary("name", record, n))));
        }
        assert!(of("packs", plain).contains("salt 0"));
        assert!(of("queue/packs", plain).contains("salt 0"));
        assert_eq!(&of("vault", sealed), sealed.names());
        assert!(of("vault", plain).is_empty());
        assert_eq!(keys.names().len(), VAULTED + 1);
        assert!(keys.below(self.live.dir.path()).is_empty());
    }

    fn erase_all(&self) {
        fs::remove_dir_all(self.live.path("beside")).unwrap();
        for record in 0..RECORDS {
            self.erase(record);
        }
        assert_eq!(fs::read_dir(self.live.path("files")).unwrap().count(), 0);
    }

    fn erase(&self, record: usize) {
        let id = self.captured[record].id().to_string();
        let (queue, packs) = (self.live.path("queue"), self.live.path("packs"));
        let mut args = vec!["--record", &id, "--basis", "consent-withdrawn"];
        args.extend(["--queue", text(&queue), "--pending", text(&packs), "--with-files"]);
        let (state, hole) = match record {
            QUEUED.. => ("destroyed", 1),
            _ => ("receipted", 0),
        };
        if hole == 1 {
            // It is not on the ledger, and that is said before anything is destroyed.
            let ran = self.vault("erase", &args, true);
            ran.fails(1, "WRONG_RECORD", "nothing");
            assert!(self.entry_path(record).metadata().unwrap().len() > 10_000);
            args.push("--off-ledger");
        }
        let first = self.vault("erase", &args, true).done().json();
        assert_eq!((&first["state"], &first["left"]), (&state.into(), &json!([])), "{first}");
        assert_eq!(first["holes"].as_array().unwrap().len(), hole, "{first}");
        let holders = first["confirmations"].as_array().unwrap().len();
        let expected = match record {
            0 => 3, // the vault's folder, the interrupted anchoring, the device
            _ if record < VAULTED => 2,
            _ => 1,
        };
        assert_eq!(holders, expected, "{first}");
        // Again: it is done, nothing more is noted.
        let again = self.vault("erase", &args, true).done().json();
        for field in ["state", "transaction", "confirmations"] {
            assert_eq!(again[field], first[field], "{again}");
        }
        let out = self.live.path("out");
        let get = self.vault("get", &["--record", &id, "--out", text(&out)], true);
        get.fails(1, "VAULT_ERASED", "nothing");
    }

    /// Each erasure that the ledger notes has a receipt that verifies offline.
    fn tombstones_verify(&self) {
        let listed = self.vault("list", &[], false).done().json();
        let tombstones = listed["tombstones"].as_array().unwrap();
        let receipts = tombstones.iter().filter_map(|tombstone| tombstone["receipt"].as_str());
        let path = self.live.path("receipt");
        let mut verified = 0;
        for receipt in receipts {
            fs::write(&path, hex::decode(receipt).unwrap()).unwrap();
            self.live.verify(&[text(&path)]).done();
            verified += 1;
        }
        assert_eq!((verified, tombstones.len()), (QUEUED, RECORDS));
    }

    /// What nodes tell of themselves.
    fn told_by_nodes(&self) -> Vec<u8> {
        let mut told = String::new();
        for member in &self.live.net.validators {
            let page =
                until("metrics", || linli_testnet::http::get(bare(&member.http), "/metrics"));
            assert!(page.contains("linli_"), "{page}");
            told.push_str(&page);
        }
        told.into_bytes()
    }

    /// All that somebody can compute who holds the files, knows their names and has the vault as it is
    /// now, its master key too.
    fn candidates(&self) -> Needles {
        let mut all = Needles::default();
        let (vault, source) = (self.open(), self.source());
        let chain = hex::decode(&self.live.net.chain).unwrap();
        let mut add = |bytes: &[u8], whole: bool| {
            let (sha256, sm3) = file::both(bytes);
            let blake3 = Digest(*blake3::hash(bytes).as_bytes());
            for digest in [sha256, sm3, blake3, statement_leaf(&sha256)] {
                all.add_spelled("digest", &digest.0);
                // Tags are cut to 16 bytes.
                all.add("cut digest", &digest.0[..16]);
            }
            if whole {
                all.add("tag", &vault.tag(&source, &sha256).unwrap());
                for known in [&source.0[..], &chain] {
                    let key = blake3::derive_key("linli.evidence.tag.v1", known);
                    all.add("guessed tag", &blake3::keyed_hash(&key, &sha256.0).as_bytes()[..16]);
                }
            }
        };
        for (record, entry) in self.captured.iter().enumerate() {
            for n in 0..FILES {
                add(canary("file", record, n).as_bytes(), true);
                add(canary("name", record, n).as_bytes(), false);
                add(format!("{}.txt", canary("name", record, n)).as_bytes(), false);
            }
            // The manifest as it was, but for the salt that nobody knows any more.
            let mut manifest = entry.manifest().unwrap();
            for salt in [Digest([0; 32]), Digest(linli_sdk::key::random().unwrap())] {
                manifest.salt = salt;
                add(&manifest.to_bytes(), false);
            }
        }
        all
    }

    /// Every file below the net, the vault and the device, and every row of every node.
    fn nothing_is_left(&self, secret: &[&Needles], tag: &[u8; 16]) {
        let mut there = Needles::default();
        for entry in &self.captured[..QUEUED] {
            there.add(&entry.number.to_string(), &entry.id().0);
        }
        there.add("tag", tag);
        let files = scan::walk(self.live.dir.path()).len();
        assert!(files > 60, "{files} files");
        for needles in secret {
            let found = needles.below(self.live.dir.path());
            assert!(found.is_empty(), "{found:?} in {:?}", self.holders(needles));
            for member in &self.live.net.validators {
                let found = needles.in_rows(&member.data_dir);
                assert!(found.is_empty(), "{}: {found:?}", member.name);
            }
        }
        // The search finds what is there: records' ids and the tag stand in every node's rows.
        for member in &self.live.net.validators {
            assert_eq!(&there.in_rows(&member.data_dir), there.names(), "{}", member.name);
        }
    }

    fn holders(&self, needles: &Needles) -> Vec<PathBuf> {
        let holds = |path: &PathBuf| !needles.within(&fs::read(path).unwrap()).is_empty();
        scan::walk(self.live.dir.path()).into_iter().filter(holds).collect()
    }
}
