//! `linli witness` against a node that shows one history, and then another.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::command::{Ran, key_file, linli};
use common::{Net, bare, public};
use ed25519_dalek::{Signer, SigningKey};
use linli_node::checkpoints::Checkpoints;
use linli_node::http;
use linli_sdk::witness::LogState;
use linli_sdk::{About, KeyKind, SecretKey};
use linli_types::certificate::{self, Certificate, Precommit, VoteKind};
use linli_types::genesis::Genesis;
use linli_types::header::{self, Header};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, Digest, Signature};
use linli_types::merkle::{self, Sha256Log, Shape};
use linli_types::signature::Zip215;
use linli_verify::note::{Checkpoint, Key, Kind, Line, Note, origin};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

fn genesis() -> Genesis {
    bare("witnessed", TimeMs(1_795_478_400_000))
}

/// The log of a history: leaves from `fork` on are another's.
fn root(size: u64, fork: u64) -> Digest {
    let leaf =
        |n: u64| Sha256Log::leaf(&[n.to_be_bytes(), u64::from(n >= fork).to_be_bytes()].concat());
    merkle::root::<Sha256Log>(&(0..size).map(leaf).collect::<Vec<_>>())
}

/// A state that all validators certified, with a proof that the first leaf was there before.
fn state(height: u64, size: u64, fork: u64) -> LogState {
    let set = genesis().validators;
    let chain = genesis().chain();
    let header = Header {
        format: header::FORMAT,
        flags: 0,
        protocol: header::PROTOCOL,
        chain,
        height: Height(height),
        time: genesis().time.plus_ms(height),
        parent: BlockId([7; 32]),
        proposer: public(1),
        bodies_root: Digest([0; 32]),
        receipts_root: Digest([0; 32]),
        state_root: Digest([0; 32]),
        log_size: size,
        log_root: root(size, fork),
        validators_hash: set.hash(),
        next_validators_hash: set.hash(),
    };
    let (height, block) = (header.height, header.id());
    let bytes = certificate::vote_bytes(&chain, VoteKind::Precommit, height, 0, Some(&block));
    let sign =
        |n: u8, bytes: &[u8]| Signature(SigningKey::from_bytes(&[n; 32]).sign(bytes).to_bytes());
    let seat = |key| (1..=4).find(|n| public(*n) == key).unwrap();
    let precommits = set.members().iter().map(|v| v.key);
    let precommits = precommits
        .map(|validator| Precommit { validator, signature: sign(seat(validator), &bytes) });
    let certificate = Certificate { height, round: 0, block, precommits: precommits.collect() };
    let mut note = Checkpoint::of(&chain, size, header.log_root).note().unwrap();
    let key = Key::new(origin(&chain), Kind::Log, public(1)).unwrap();
    let signature = sign(1, note.text().as_bytes());
    note.push(Line::new(&key, 0, &signature)).unwrap();
    // From one leaf to two: the second leaf. Nothing longer is asked for here.
    let leaf =
        |n: u64| Sha256Log::leaf(&[n.to_be_bytes(), u64::from(n >= fork).to_be_bytes()].concat());
    let consistency = if size == 2 { vec![leaf(1)] } else { Vec::new() };
    LogState { note: note.to_string(), header, certificate, sets: Vec::new(), consistency }
}

/// A node that shows whatever it is told to, and keeps what it is given.
struct Shown {
    url: String,
    state: Arc<Mutex<Vec<u8>>>,
    given: Arc<Mutex<Vec<String>>>,
    /// What it answers with.
    status: Arc<AtomicU16>,
}

impl Shown {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (state, given) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (shown, taken) = (state.clone(), given.clone());
        let status = Arc::new(AtomicU16::new(200));
        let now = status.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
                let text = loop {
                    let read = stream.read(&mut chunk).unwrap();
                    all.extend_from_slice(&chunk[..read]);
                    let text = String::from_utf8_lossy(&all).to_string();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head.to_lowercase();
                    let length = length.split("content-length: ").nth(1);
                    let length = length.map_or(0, |l| l.lines().next().unwrap().parse().unwrap());
                    if body.len() >= length {
                        break text;
                    }
                };
                let mut answer = Vec::new();
                match text.split_once("\r\n\r\n") {
                    Some((_, body)) if text.starts_with("POST") => {
                        taken.lock().unwrap().push(body.to_string());
                    }
                    _ => answer.clone_from(&shown.lock().unwrap()),
                }
                let (status, length) = (now.load(Ordering::SeqCst), answer.len());
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all(&[head.as_bytes(), &answer].concat());
            }
        });
        Self { url, state, given, status }
    }

    fn show(&self, state: &LogState) {
        *self.state.lock().unwrap() = linli_types::encode(state);
    }
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new(genesis: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("genesis"), genesis).unwrap();
        key_file(dir.path().join("witness.key"), 77, KeyKind::Principal, About::default());
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn witness(&self, url: &str) -> Ran {
        let args = self.args(url);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        linli(&[&args[..], &["--once", "--json"]].concat())
    }

    fn args(&self, url: &str) -> Vec<String> {
        let (genesis, key, data) = (self.text("genesis"), self.text("witness.key"), self.text("w"));
        let whom = ["witness", "--node", url, "--genesis", &genesis, "--key", &key];
        let rest = ["--name", "court.example/1", "--data", &data];
        [&whom[..], &rest].concat().into_iter().map(str::to_owned).collect()
    }

    /// A process of its own that looks again every second; what it says goes to files.
    fn going_on(&self, url: &str) -> Child {
        let file = |name: &str| std::fs::File::create(self.path(name)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_linli"));
        command.args(self.args(url)).args(["--every", "1", "--json", "--lang", "en"]);
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        command.spawn().unwrap()
    }
}

fn key() -> Key {
    Key::new("court.example/1", Kind::Witness, public(77)).unwrap()
}

#[test]
fn a_node_that_rewrites_history_is_caught_with_both_notes_as_evidence() {
    let (node, place) = (Shown::start(), Place::new(&genesis().to_bytes()));
    let first = state(3, 1, 9);
    node.show(&first);
    let ran = place.witness(&node.url);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    let note = std::fs::read(place.path("w/notes/00000000000000000001.note")).unwrap();
    let note = Note::parse(&note).unwrap();
    assert!(note.signed_by(&key(), &Zip215).unwrap().is_some());
    assert_eq!(note.lines().len(), 2, "the log's own line stays");
    assert_eq!(*node.given.lock().unwrap(), [note.to_string()]);

    // It grows honestly; looking twice signs nothing new.
    node.show(&state(5, 2, 9));
    assert_eq!(place.witness(&node.url).exit, 0);
    let ran = place.witness(&node.url);
    assert!(ran.exit == 0 && ran.stdout.contains("\"new\":false"), "{}", ran.stdout);
    let signed = std::fs::read(place.path("w/last.state")).unwrap();

    // Another second leaf, certified all the same.
    node.show(&state(9, 2, 1));
    for _ in 0..2 {
        let ran = place.witness(&node.url);
        assert_eq!(ran.exit, 3, "{}", ran.stderr);
        assert!(ran.stderr.contains("FORK"), "{}", ran.stderr);
    }
    let files: Vec<_> = std::fs::read_dir(place.path("w/fork")).unwrap().collect();
    assert_eq!(files.len(), 4);
    for (name, state) in [("signed", state(5, 2, 9)), ("shown", state(9, 2, 1))] {
        let path = place.path("w/fork").join(format!("{name}-{}.note", state.header.id()));
        let note = Note::parse(&std::fs::read(path).unwrap()).unwrap();
        let log = Key::new(origin(&genesis().chain()), Kind::Log, public(1)).unwrap();
        assert_eq!(note.signed_by(&log, &Zip215), Ok(Some(0)), "{name}");
        assert_eq!(Checkpoint::parse(note.text()).unwrap().root, state.header.log_root);
    }
    // Nothing more was signed, and nothing was handed in.
    assert_eq!(std::fs::read(place.path("w/last.state")).unwrap(), signed);
    assert_eq!(node.given.lock().unwrap().len(), 3);
}

/// Waits for something that another process does.
fn until(what: &str, mut look: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !look() {
        assert!(begun.elapsed() < common::BOUND, "it never came to pass: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_witness_that_goes_on_waits_for_its_node_and_ends_at_a_fork_also_when_it_starts_again() {
    let (node, place) = (Shown::start(), Place::new(&genesis().to_bytes()));
    node.show(&state(3, 1, 9));
    let mut witness = place.going_on(&node.url);
    let given = || node.given.lock().unwrap().len();
    let said = |word: &str| std::fs::read_to_string(place.path("err")).unwrap().contains(word);
    until("the first state is signed and handed in", || given() >= 1);
    // The node is in trouble, then behind: the witness says so and goes on.
    node.status.store(503, Ordering::SeqCst);
    until("the trouble is said", || said("status 503"));
    node.status.store(200, Ordering::SeqCst);
    node.show(&state(5, 2, 9));
    until("the log grew", || place.path("w/notes/00000000000000000002.note").exists());
    node.show(&state(3, 1, 9));
    until("the node is behind", || said("BEHIND"));
    assert!(witness.try_wait().unwrap().is_none(), "it goes on");
    let signed = std::fs::read(place.path("w/last.state")).unwrap();

    // The log became shorter, certified all the same: the chain was rolled back.
    node.show(&state(9, 1, 9));
    assert_eq!(witness.wait().unwrap().code(), Some(3));
    assert!(said("FORK") && said("the log became shorter"));
    assert_eq!(std::fs::read_dir(place.path("w/fork")).unwrap().count(), 4);
    // Started again it signs nothing, even of a node that shows the history it knew.
    node.show(&state(5, 2, 9));
    let handed = given();
    let ran = place.witness(&node.url);
    assert_eq!(
        (ran.exit, ran.json()["error"]["name"].as_str()),
        (3, Some("FORK")),
        "{}",
        ran.stderr
    );
    assert_eq!(place.going_on(&node.url).wait().unwrap().code(), Some(3));
    assert_eq!((given(), std::fs::read(place.path("w/last.state")).unwrap()), (handed, signed));
    // Once people have looked at it, and only by their hand, it goes on.
    std::fs::rename(place.path("w/fork"), place.path("fork-of-monday")).unwrap();
    assert_eq!(place.witness(&node.url).exit, 0);
}

#[test]
fn what_nobody_certified_a_lagging_node_and_a_damaged_memory_end_without_a_signature() {
    let (node, place) = (Shown::start(), Place::new(&genesis().to_bytes()));
    let mut forged = state(3, 1, 9);
    forged.certificate.precommits.truncate(2);
    node.show(&forged);
    let ran = place.witness(&node.url);
    assert_eq!(ran.exit, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("NOT_PROVED") && !place.path("w/last.state").exists());

    *node.state.lock().unwrap() = b"no state".to_vec();
    assert_eq!(place.witness(&node.url).exit, 3);

    node.show(&state(5, 2, 9));
    assert_eq!(place.witness(&node.url).exit, 0);
    node.show(&state(3, 1, 9));
    let ran = place.witness(&node.url);
    assert_eq!(ran.exit, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("BEHIND"), "{}", ran.stderr);

    std::fs::write(place.path("w/last.state"), b"damaged").unwrap();
    node.show(&state(7, 2, 9));
    let ran = place.witness(&node.url);
    assert_eq!(ran.exit, 3, "{}", ran.stderr);
    assert!(!place.path("w/fork").exists());
    assert_eq!(node.given.lock().unwrap().len(), 1);
    // Nobody there.
    assert_eq!(place.witness("http://127.0.0.1:9").exit, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_node_shows_its_log_and_takes_the_cosignature() {
    let net = Net::start().await;
    net.wait_for(0, &net.transfers(0, 0..1).await).await;
    let handle = net.handle(0);
    let signer = SecretKey::from_bytes(&[55; 32]);
    let checkpoints =
        Checkpoints::open(net.dir.path(), net.chain, Some(signer.clone()), vec![key()]).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let pages =
        http::serve(handle.clone(), Arc::new(checkpoints), listener, std::future::pending());
    tokio::spawn(pages);

    let bytes = handle.store().genesis().unwrap().unwrap();
    let place = Place::new(&bytes);
    let (url, place, ran) = tokio::task::spawn_blocking(move || {
        let ran = place.witness(&url);
        (url, place, ran)
    })
    .await
    .unwrap();
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("\"handed_in\":true"), "{} {}", ran.stdout, ran.stderr);
    assert_kept(&net.dir.path().join("witness"));
    assert!(place.path("w/last.state").exists());

    let web = linli_sdk::web::Web::new(None, common::BOUND).unwrap();
    let page = |path: &str| format!("{url}{path}");
    let note = web.get(&page("/checkpoint"), 16_384).await.unwrap();
    let note = Note::parse(&note.body).unwrap();
    let log = Key::new(origin(&net.chain), Kind::Log, signer.public()).unwrap();
    assert_eq!(note.signed_by(&log, &Zip215), Ok(Some(0)));
    assert_eq!(Checkpoint::parse(note.text()).unwrap().size, handle.status().head.log_size);
    for (path, status) in [
        ("/log/consistency/0/0", 400),
        ("/log/consistency/1/99", 404),
        ("/log/state/x", 400),
        ("/checkpoint/cosigned", 404),
    ] {
        assert_eq!(web.get(&page(path), 16_384).await.unwrap().status, status, "{path}");
    }
    let post = |body: &str| web.post(&url, "text/plain", body.as_bytes().to_vec(), 16_384);
    assert_eq!(post("x").await.unwrap().status, 404);
}

fn assert_kept(folder: &Path) {
    let kept = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(kept, 1);
}
