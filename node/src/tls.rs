//! TLS 1.3 for clients: the certificate, how it is taken up anew while the node runs, and the
//! connection in either form.
//!
//! # Invariants
//!
//! - **T1 one version.** TLS 1.3 with one provider and HTTP/2; nothing older is compiled in.
//! - **T2 whole pairs.** A certificate is used with its own key or not at all: what was replaced by
//!   something unusable is logged, and the pair in use stays.
//! - **T3 no memory.** No session is resumed: after a change every connection sees the new pair.

use crate::config;
use crate::counters::Counters;
use crate::listen::Held;
use crate::words::{Words, words};
use linli_types::limits;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, crypto::CryptoProvider};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// Why a certificate and its key are not usable. The fault lies with whoever put them there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPair(pub Words);

/// The node's side of TLS. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    files: Files,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

/// Where the pair stands.
#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// The pair in use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// What tells a file from the one that stood there before: time, size, inode.
type Stamp = Option<(i64, i64, u64, u64)>;
/// Those of certificate and key.
type Stamps = (Stamp, Stamp);

impl Tls {
    /// Loads the pair that a configuration names; relative paths begin at the data folder.
    ///
    /// # Errors
    ///
    /// [`BadPair`] says which file and what is wrong with it.
    ///
    /// # Panics
    ///
    /// Never: the provider that is compiled in speaks TLS 1.3.
    pub fn load(config: &config::Tls, data: &Path) -> Result<Self, BadPair> {
        let files =
            Files { certificate: data.join(&config.certificate), key: data.join(&config.key) };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pair = files.read(&provider)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(pair))));
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13]) // T1
            .expect("the provider speaks TLS 1.3");
        let mut server = builder.with_no_client_auth().with_cert_resolver(current.clone());
        server.alpn_protocols = vec![b"h2".to_vec()];
        server.session_storage = Arc::new(NoServerSessionStorage {}); // T3
        server.send_tls13_tickets = 0;
        Ok(Self { files, current, acceptor: TlsAcceptor::from(Arc::new(server)) })
    }

    /// The connection after its handshake, or why there is none.
    pub(crate) async fn accept(self, held: Held) -> io::Result<Wire> {
        let patience = Duration::from_millis(limits::TLS_HANDSHAKE_MS_MAX);
        let shaken = tokio::time::timeout(patience, self.acceptor.accept(held)).await;
        let shaken = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        shaken.map(|stream| Wire::Tls(Box::new(stream)))
    }

    /// Looks at the files every few seconds and takes up a pair that was replaced (T2). Never ends.
    pub async fn watch(self, counters: Arc<Counters>) {
        let mut every = tokio::time::interval(Duration::from_millis(limits::TLS_WATCH_MS));
        let mut seen = self.files.stamps();
        loop {
            every.tick().await;
            let files = self.files.clone();
            let before = seen;
            let look = tokio::task::spawn_blocking(move || files.changed(before)).await;
            let Ok(Some((stamps, pair))) = look else { continue };
            seen = stamps;
            match pair {
                Ok(pair) => {
                    let mut current =
                        self.current.0.write().unwrap_or_else(PoisonError::into_inner);
                    *current = Arc::new(pair);
                    counters.tls_reloads.add(1);
                    tracing::info!("tls.reload");
                }
                Err(BadPair(Words { en: why, .. })) => {
                    counters.tls_reload_failures.add(1);
                    tracing::error!(%why, "tls.reload: the pair in use stays");
                }
            }
        }
    }
}

impl Files {
    fn stamps(&self) -> Stamps {
        let stamp = |path: &Path| {
            let about = std::fs::metadata(path).ok()?;
            Some((about.mtime(), about.mtime_nsec(), about.len(), about.ino()))
        };
        (stamp(&self.certificate), stamp(&self.key))
    }

    /// The pair, if a file is another one than before. Stamps are taken first: a file that changes
    /// while it is read is read again.
    fn changed(&self, seen: Stamps) -> Option<(Stamps, Result<CertifiedKey, BadPair>)> {
        let stamps = self.stamps();
        let provider = rustls::crypto::ring::default_provider();
        (stamps != seen).then(|| (stamps, self.read(&provider)))
    }

    fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, BadPair> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let pem = read(&self.certificate)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
            BadPair(words!(
                "{certificate} 中没有 PEM 格式的证书",
                "{certificate} holds no certificate in PEM"
            ))
        })?;
        check_private(&self.key)?;
        let secret = PrivateKeyDer::from_pem_slice(&read(&self.key)?).map_err(|_| {
            BadPair(words!("{key} 中没有 PEM 格式的私钥", "{key} holds no private key in PEM"))
        })?;
        CertifiedKey::from_der(chain, secret, provider).map_err(|why| match why {
            rustls::Error::InconsistentKeys(_) => BadPair(words!(
                "{key} 不是 {certificate} 的私钥",
                "{key} is not the key of {certificate}"
            )),
            why => BadPair(words!(
                "{certificate} 与 {key} 不可用：{why}",
                "{certificate} and {key} are not usable: {why}"
            )),
        })
    }
}

/// A key that every user of the machine can read is no secret.
fn check_private(path: &Path) -> Result<(), BadPair> {
    let shown = path.display();
    let about = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o007 == 0 {
        return Ok(());
    }
    Err(BadPair(words!(
        "{shown} 对所有用户开放（权限 {mode:o}），请改为 600",
        "{shown} is open to everybody (mode {mode:o}): change it to 600"
    )))
}

fn read(path: &Path) -> Result<Vec<u8>, BadPair> {
    let mut bytes = Vec::new();
    let most = limits::TLS_FILE_BYTES_MAX;
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|e| unreadable(path, &e))?;
    Ok(bytes)
}

fn unreadable(path: &Path, why: &io::Error) -> BadPair {
    let path = path.display();
    BadPair(words!("无法读取 {path}：{why}", "cannot read {path}: {why}"))
}

/// A client's connection, with TLS or without.
pub(crate) enum Wire {
    /// Loopback, or a development net.
    Plain(Held),
    /// After the handshake.
    Tls(Box<TlsStream<Held>>),
}

impl Connected for Wire {
    type ConnectInfo = <Held as Connected>::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        match self {
            Self::Plain(held) => held.connect_info(),
            Self::Tls(stream) => stream.get_ref().0.connect_info(),
        }
    }
}

/// Calls the same method of either form.
macro_rules! either {
    ($wire:expr, $name:ident $(, $arg:expr)*) => {
        match $wire.get_mut() {
            Wire::Plain(held) => Pin::new(held).$name($($arg),*),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).$name($($arg),*),
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, poll_read, context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, poll_write, context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_flush, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_shutdown, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, poll_write_vectored, context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(held) => held.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
