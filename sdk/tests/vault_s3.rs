//! The vault against a real S3-compatible server on loopback: stores, goes on after a server died,
//! gives out, erases; and says what is wrong with credentials, buckets and objects.
#![allow(clippy::unwrap_used, reason = "a test may")]

use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use linli_sdk::vault::{Actor, Basis, Class, Finding, Input, Opening, Put, Role, State};
use linli_sdk::{Error, SecretKey, Vault};
use linli_types::id::Digest;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const RECORD: Digest = Digest([7; 32]);
const SECRET: &str = "a-secret-that-nobody-prints";
const MANY: i64 = i64::MAX;

/// A server over a folder. It answers so many uploads and then drops connections.
struct Server {
    address: SocketAddr,
    root: TempDir,
    uploads_left: Arc<AtomicI64>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(uploads: i64) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("payloads")).unwrap();
        let files = s3s_fs::FileSystem::new(root.path()).unwrap();
        let mut builder = s3s::service::S3ServiceBuilder::new(files);
        builder.set_auth(s3s::auth::SimpleAuth::from_single("vault", SECRET));
        let (service, uploads_left) = (builder.build(), Arc::new(AtomicI64::new(uploads)));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let left = uploads_left.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (service, left) = (service.clone(), left.clone());
                let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let is_upload = request.method() == hyper::Method::PUT;
                    let dies = is_upload && left.fetch_sub(1, Ordering::SeqCst) <= 0;
                    let answer = Service::call(&service, request);
                    async move {
                        match dies {
                            true => Err(std::io::Error::other("died")),
                            false => {
                                answer.await.map_err(|e| std::io::Error::other(format!("{e:?}")))
                            }
                        }
                    }
                });
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Self { address, root, uploads_left, task }
    }

    /// The stored objects' files.
    fn objects(&self) -> Vec<PathBuf> {
        let mut found: Vec<_> =
            walk(self.root.path()).into_iter().filter(|p| is_object(p)).collect();
        found.sort();
        found
    }
}

fn is_object(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("/payloads/") && text.contains("/body/")
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

struct Case {
    dir: TempDir,
    key: SecretKey,
    secret: &'static str,
    bucket: &'static str,
}

impl Case {
    fn new() -> Self {
        let (dir, key) = (tempfile::tempdir().unwrap(), SecretKey::generate().unwrap());
        Self { dir, key, secret: SECRET, bucket: "payloads" }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("vault")
    }

    fn open(&self, address: &str) -> Result<Vault, Error> {
        if !self.folder().exists() {
            Vault::create(&self.folder(), &self.key)?;
        }
        let Self { secret, bucket, .. } = self;
        let text = format!(
            "format = 1\n[[holder]]\nname = \"store\"\nkind = \"s3\"\nendpoint = \"{address}\"\n\
             bucket = \"{bucket}\"\nprefix = \"linli\"\ncredentials_file = \"s3.toml\"\n"
        );
        fs::write(self.folder().join("vault.toml"), text).unwrap();
        let credentials = self.folder().join("s3.toml");
        let text = format!("access_key_id = \"vault\"\nsecret_access_key = \"{secret}\"\n");
        fs::write(&credentials, text).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&credentials, private).unwrap();
        Vault::open(&self.folder(), &self.key, Opening::default())
    }

    fn at(&self, server: &Server) -> Vault {
        self.open(&format!("http://{}", server.address)).unwrap()
    }

    /// A record of one file with `bytes`.
    fn put(&self, bytes: &[u8]) -> Put {
        let path = self.dir.path().join("a.bin");
        fs::write(&path, bytes).unwrap();
        let parts = vec![Input { role: Role::File, name: "a.bin".into(), path }];
        let class = Class::Personal;
        Put { record: RECORD, class, source: None, number: None, subject: None, parts }
    }

    fn out(&self) -> PathBuf {
        let out = self.dir.path().join("out");
        fs::create_dir_all(&out).unwrap();
        out
    }
}

fn actor() -> Actor {
    Actor::new("PR-TEST", "test").unwrap()
}

/// Three segments' worth.
fn large() -> Vec<u8> {
    (0..9_000_000_u32).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect()
}

#[tokio::test]
async fn a_record_is_stored_given_out_listed_and_erased() {
    let (case, server) = (Case::new(), Server::start(MANY).await);
    let mut vault = case.at(&server);
    let bytes = [b"canary-in-the-file".as_slice(), &large()].concat();
    let stored = vault.put(&case.put(&bytes), &actor()).await.unwrap();
    assert_eq!((stored.written, server.objects().len()), (3, 3));
    for object in server.objects() {
        let held = fs::read(object).unwrap();
        assert!(!held.windows(18).any(|w| w == b"canary-in-the-file"));
    }
    vault.get(&RECORD, &case.out(), false, &actor()).await.unwrap();
    assert_eq!(fs::read(case.out().join("a.bin")).unwrap(), bytes);
    assert!(vault.put(&case.put(&bytes), &actor()).await.unwrap().before);
    assert_eq!(vault.list().unwrap().len(), 1);
    assert!(vault.verify(false, &actor()).await.unwrap().findings.is_empty());
    let erased = vault.erase(&RECORD, Basis::PurposeDone, false, &actor()).await.unwrap();
    assert_eq!((erased.tombstone.state, erased.confirmations.len()), (State::Destroyed, 1));
    assert!(server.objects().is_empty() && vault.list().unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_to_a_server_that_dies_goes_on_later() {
    let (case, server) = (Case::new(), Server::start(2).await);
    let (mut vault, put) = (case.at(&server), case.put(&large()));
    let why = vault.put(&put, &actor()).await.unwrap_err();
    assert_eq!(why.name(), "VAULT_HOLDER");
    assert_eq!(server.objects().len(), 2);
    // The process ended too.
    drop(vault);
    server.uploads_left.store(MANY, Ordering::SeqCst);
    let mut vault = case.at(&server);
    let stored = vault.put(&put, &actor()).await.unwrap();
    assert_eq!((stored.written, stored.resumed), (1, 2));
    vault.get(&RECORD, &case.out(), false, &actor()).await.unwrap();
    assert_eq!(fs::read(case.out().join("a.bin")).unwrap(), large());
}

#[tokio::test]
async fn an_erasure_while_the_server_is_away_destroys_the_key_and_is_finished_later() {
    let (case, server) = (Case::new(), Server::start(MANY).await);
    let mut vault = case.at(&server);
    vault.put(&case.put(b"one"), &actor()).await.unwrap();
    drop(vault);
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let mut vault = case.open(&format!("http://{nobody}")).unwrap();
    let why = vault.erase(&RECORD, Basis::Unlawful, false, &actor()).await.unwrap_err();
    assert_eq!(why.name(), "VAULT_HOLDER");
    assert!(!case.folder().join("keys").join(RECORD.to_string()).exists());
    drop(vault);
    let mut vault = case.at(&server);
    let found = vault.verify(true, &actor()).await.unwrap().findings;
    assert_eq!(found, [Finding::NotErased { record: RECORD, repaired: false }]);
    let erased = vault.erase(&RECORD, Basis::Unlawful, false, &actor()).await.unwrap();
    assert_eq!(erased.tombstone.state, State::Destroyed);
    assert!(server.objects().is_empty());
}

#[tokio::test]
async fn wrong_credentials_are_said_and_never_shown() {
    let server = Server::start(MANY).await;
    let case = Case { secret: "another-secret", ..Case::new() };
    let mut vault = case.at(&server);
    let why = vault.put(&case.put(b"one"), &actor()).await.unwrap_err();
    assert_eq!(why.name(), "VAULT_DENIED");
    let shown = format!("{why:?} {why} {vault:?}");
    assert!(!shown.contains("another-secret") && !shown.contains(SECRET));
}

#[tokio::test]
async fn a_missing_bucket_is_said() {
    let server = Server::start(MANY).await;
    let case = Case { bucket: "absent", ..Case::new() };
    let mut vault = case.at(&server);
    let why = vault.put(&case.put(b"one"), &actor()).await.unwrap_err();
    assert_eq!(why.name(), "VAULT_NO_BUCKET", "{why}");
}

#[tokio::test]
async fn a_damaged_object_is_found_and_nothing_of_it_leaves() {
    let (case, server) = (Case::new(), Server::start(MANY).await);
    let mut vault = case.at(&server);
    vault.put(&case.put(&large()), &actor()).await.unwrap();
    let object = server.objects().remove(1);
    let mut held = fs::read(&object).unwrap();
    held[1000] ^= 1;
    fs::write(&object, held).unwrap();
    let why = vault.get(&RECORD, &case.out(), false, &actor()).await.unwrap_err();
    assert_eq!(why.name(), "VAULT_CORRUPT");
    assert_eq!(fs::read_dir(case.out()).unwrap().count(), 0);
    let found = vault.verify(false, &actor()).await.unwrap().findings;
    assert!(matches!(found.as_slice(), [Finding::Damaged { segment: 1, .. }]), "{found:?}");
}

#[tokio::test]
async fn credentials_that_others_may_read_are_refused() {
    let case = Case::new();
    let (_, path) = (case.open("http://127.0.0.1:1").unwrap(), case.folder().join("s3.toml"));
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let why = Vault::open(&case.folder(), &case.key, Opening::default()).unwrap_err();
    assert!(why.to_string().contains("others may use it"), "{why}");
}
