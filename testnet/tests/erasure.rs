//! Erasure end to end, on a net of four processes: captured offline, registered, kept in the vault,
//! erased, noted on the ledger; then every byte that is left is searched.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_sdk::capture::{Entry, entries};
use linli_sdk::{About, KeyFile, KeyKind, SecretKey};
use linli_types::merkle::statement_leaf;
use linli_verify::file;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Live, Ran, text};

const RECORDS: usize = 10;
const FILES: usize = 50;

/// A canary stands in each file and another one in its name: 1,000 in all.
fn canary(of: &str, record: usize, file: usize) -> String {
    format!("canary-{of}-{record:02}x{file:02}-quail")
}

fn vault_args(live: &Live) -> Vec<String> {
    let (vault, key) = (live.path("vault"), live.path("vault.key"));
    ["--vault", text(&vault), "--vault-key", text(&key)].map(str::to_owned).to_vec()
}

fn by(args: &[&str], live: &Live) -> Vec<String> {
    let mut all: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    all.extend(vault_args(live));
    all.extend(["--who", "PR-TEST", "--why", "test"].map(str::to_owned));
    all
}

fn refs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[test]
fn leg_06_of_a_thousand_erased_canaries_nothing_is_left_and_nothing_links() {
    let mut live = Live::start();
    let key = SecretKey::generate().unwrap();
    let file = KeyFile::seal(&key, KeyKind::Vault, About::default(), "").unwrap();
    file.write_new(&live.path("vault.key")).unwrap();
    let mut init = vec!["vault".to_owned(), "init".to_owned()];
    init.extend(vault_args(&live));
    support::linli(&refs(&init)).done();
    let (other, pack) = another_pack(&live);
    let captured = capture(&live);
    upload(&live);
    store(&live, &captured);
    let candidates = candidates(&captured);
    // What the operator had besides the vault: the files, and the device's queue with its manifests.
    fs::remove_dir_all(live.path("files")).unwrap();
    fs::remove_dir_all(live.path("queue")).unwrap();
    fs::remove_dir_all(live.path("beside")).unwrap();
    for entry in &captured {
        erase(&live, entry);
    }
    live.verify(&[text(&pack), text(&other)]).done();
    live.net.stop().unwrap();
    scan(&live, &captured, &candidates);
    let data = live.net.validators[0].data_dir.clone();
    support::linli(&["check-db", "--data", text(&data)]).done();
}

/// Somebody else's evidence, which must verify whatever is erased.
fn another_pack(live: &Live) -> (PathBuf, PathBuf) {
    let (file, out) = (live.path("other.pdf"), live.path("packs"));
    fs::write(&file, b"another's evidence").unwrap();
    let genesis = live.net.genesis.clone();
    let args =
        ["evidence", "anchor", text(&file), "--out", text(&out), "--genesis", text(&genesis)];
    live.linli("operator", &args).done();
    (file, out.join("other.pdf.linli"))
}

fn capture(live: &Live) -> Vec<Entry> {
    let folder = live.path("files");
    fs::create_dir(&folder).unwrap();
    let (queue, key) = (live.path("queue"), live.key("operator"));
    live.linli("operator", &["evidence", "checkpoint", "--save", "--queue", text(&queue)]).done();
    for record in 0..RECORDS {
        let files = (0..FILES).map(|n| {
            let path = folder.join(format!("{}.txt", canary("name", record, n)));
            fs::write(&path, canary("file", record, n)).unwrap();
            path
        });
        let files: Vec<PathBuf> = files.collect();
        let mut args = vec!["evidence", "capture", "--kind", "FORM", "--queue", text(&queue)];
        args.extend(["--device-key", text(&key), "--first", "2"]);
        args.extend(files.iter().map(|file| text(file)));
        let ran = support::linli(&args).done();
        assert_eq!(ran.json()["waiting"], record + 1, "{ran:?}");
    }
    entries(&queue).unwrap()
}

fn upload(live: &Live) {
    let queue = live.path("queue");
    let args = ["evidence", "upload", "--queue", text(&queue)];
    assert_eq!(live.linli("operator", &args).done().json()["uploaded"], RECORDS);
    // A double tap: nothing waits, nothing happens. A queue put back finds its records on the ledger.
    assert_eq!(live.linli("operator", &args).done().json()["uploaded"], 0);
    let first = queue.join("entries/000000000002");
    let mut put_back: Entry = serde_json::from_slice(&fs::read(&first).unwrap()).unwrap();
    put_back.upload = None;
    put_back.write(&queue).unwrap();
    assert_eq!(live.linli("operator", &args).done().json()["uploaded"], 1);
}

fn store(live: &Live, captured: &[Entry]) {
    let beside = live.path("beside");
    for entry in captured {
        let folder = beside.join(entry.number.to_string());
        fs::create_dir_all(&folder).unwrap();
        let (manifest, statement) = (folder.join("manifest.json"), folder.join("statement.cose"));
        fs::write(&manifest, entry.manifest_bytes().unwrap()).unwrap();
        fs::write(&statement, entry.statement_bytes().unwrap()).unwrap();
        let (id, number) = (entry.id().to_string(), entry.number.to_string());
        let source = entry.signed().unwrap().claims.source.to_string();
        let mut args = by(&["vault", "put", "--record", &id, "--class", "personal"], live);
        args.extend(["--source", &source, "--number", &number].map(str::to_owned));
        args.extend(["--manifest", text(&manifest)].map(str::to_owned));
        args.extend(["--statement", text(&statement)].map(str::to_owned));
        args.extend(entry.files.iter().map(|file| text(file).to_owned()));
        support::linli(&refs(&args)).done();
    }
}

fn erase(live: &Live, entry: &Entry) {
    let id = entry.id().to_string();
    let args = by(&["vault", "erase", "--record", &id, "--basis", "consent-withdrawn"], live);
    let first = live.linli("operator", &refs(&args)).done().json();
    assert_eq!(first["state"], "receipted", "{first}");
    // Again: it is done, nothing more is noted.
    let again = live.linli("operator", &refs(&args)).done().json();
    assert_eq!((&again["state"], &again["transaction"]), (&first["state"], &first["transaction"]));
    let out = live.path("out");
    let args = by(&["vault", "get", "--record", &id, "--out", text(&out)], live);
    let refused: Ran = support::linli(&refs(&args));
    refused.fails(1, "VAULT_ERASED", "nothing");
}

/// All that somebody who holds the files and knows their names can compute.
fn candidates(captured: &[Entry]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut add = |bytes: &[u8]| {
        let (sha256, sm3) = file::both(bytes);
        for digest in [sha256, sm3, statement_leaf(&sha256)] {
            all.push(digest.0.to_vec());
            all.push(digest.to_string().into_bytes());
            // Tags are cut to 16 bytes.
            all.push(digest.0[..16].to_vec());
        }
    };
    for (record, entry) in captured.iter().enumerate() {
        let mut manifest = entry.manifest().unwrap();
        for n in 0..FILES {
            add(canary("file", record, n).as_bytes());
            add(canary("name", record, n).as_bytes());
            add(format!("{}.txt", canary("name", record, n)).as_bytes());
        }
        // The manifest as it was, but for the salt that nobody knows any more.
        manifest.salt = linli_types::id::Digest([0; 32]);
        add(&manifest.to_bytes());
    }
    all
}

/// Every file below the net and the vault: nodes' data and write-ahead logs, logs, vault, leftovers.
fn scan(live: &Live, captured: &[Entry], candidates: &[Vec<u8>]) {
    let mut secret: Vec<Vec<u8>> = candidates.to_vec();
    for (record, entry) in captured.iter().enumerate() {
        let salt = entry.manifest().unwrap().salt;
        secret.push(salt.0.to_vec());
        secret.push(salt.to_string().into_bytes());
        secret.push(entry.environment().unwrap().salt.into_bytes());
        for n in 0..FILES {
            secret.push(canary("file", record, n).into_bytes());
            secret.push(canary("name", record, n).into_bytes());
        }
    }
    let ids: Vec<Vec<u8>> = captured.iter().map(|entry| entry.id().0.to_vec()).collect();
    let [secret, ids] = [&secret, &ids].map(|all| Needles::new(all));
    let (mut files, mut found_ids) = (0, BTreeSet::new());
    for path in walk(live.dir.path()) {
        let bytes = fs::read(&path).unwrap();
        let found = secret.within(&bytes);
        assert!(found.is_empty(), "{} holds {found:?}", path.display());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!name.contains("canary"), "{name}");
        found_ids.extend(ids.within(&bytes));
        files += 1;
    }
    // The search finds what is there: the ledger still holds the records' ids.
    assert_eq!((found_ids.len(), files > 20), (RECORDS, true), "{files} files");
}

/// Many byte strings searched at once: by their first eight bytes, then whole.
struct Needles {
    by_head: std::collections::BTreeMap<[u8; 8], Vec<Vec<u8>>>,
}

impl Needles {
    fn new(all: &[Vec<u8>]) -> Self {
        let mut by_head = std::collections::BTreeMap::<[u8; 8], Vec<Vec<u8>>>::new();
        for needle in all {
            by_head.entry(needle[..8].try_into().unwrap()).or_default().push(needle.clone());
        }
        Self { by_head }
    }

    fn within(&self, bytes: &[u8]) -> BTreeSet<String> {
        let mut heads = vec![false; 1 << 16];
        for head in self.by_head.keys() {
            heads[usize::from(u16::from_be_bytes([head[0], head[1]]))] = true;
        }
        let mut found = BTreeSet::new();
        for (at, head) in bytes.windows(8).enumerate() {
            if !heads[usize::from(u16::from_be_bytes([head[0], head[1]]))] {
                continue;
            }
            let Some(needles) = self.by_head.get(head) else { continue };
            let rest = &bytes[at..];
            found.extend(needles.iter().filter(|n| rest.starts_with(n)).map(hex::encode));
        }
        found
    }
}

fn walk(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}
