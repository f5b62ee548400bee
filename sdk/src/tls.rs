//! TLS 1.3 towards a node: whom to believe, and the connection that is made so.
//!
//! # Invariants
//!
//! - **T1 named.** Only the authorities that the caller names are believed, never the system's: a
//!   chain's members hand out their own.
//! - **T2 nothing first.** No byte of a request leaves before the node's certificate held.

use crate::error::{Error, ErrorKind};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::error::Error as Cause;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::codegen::{Service, http::Uri};

/// The port of an address that names none.
const PORT: u16 = 443;
/// gRPC speaks HTTP/2 and nothing else.
const PROTOCOL: &[u8] = b"h2";

/// The authorities whose certificates are believed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Reads certificates of authorities in PEM.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] if there is none, or one that is no certificate of an authority.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        let mut config = believing(pem)?; // T1
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Reads a file with certificates of authorities in PEM.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] if it cannot be read; otherwise as [`Self::from_pem`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let pem = std::fs::read(path).map_err(|e| {
            let (zh, en) = (format!("无法读取 {shown}：{e}"), format!("cannot read {shown}: {e}"));
            Error::new(ErrorKind::File, zh, en)
        })?;
        Self::from_pem(&pem)
    }
}

/// TLS 1.3 towards whom authorities in PEM vouch for.
///
/// # Errors
///
/// [`ErrorKind::File`] if there is none, or one that is no certificate of an authority.
///
/// # Panics
///
/// Never: the provider that is compiled in speaks TLS 1.3.
pub(crate) fn believing(pem: &[u8]) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|e| no_authority(&e))?;
        roots.add(certificate).map_err(|e| no_authority(&e))?;
    }
    if roots.is_empty() {
        return Err(no_authority(&"no certificate in it"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider speaks TLS 1.3");
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn no_authority(why: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::File,
        format!("没有可用的签发机构证书：{why}"),
        format!("no usable certificate of an authority: {why}"),
    )
    .hint_with(
        "请使用节点管理员提供的 PEM 格式 CA 证书",
        "use the CA certificate, in PEM, that the node's administrator hands out",
    )
}

/// Makes connections to one address.
#[derive(Clone)]
pub(crate) struct Secure {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Secure {
    /// For the host and port of `uri`; `None` if a certificate cannot be for such a host.
    pub(crate) fn new(uri: &Uri, trust: &Trust) -> Option<Self> {
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).ok()?;
        let port = uri.port_u16().unwrap_or(PORT);
        Some(Self { host, port, name, tls: TlsConnector::from(trust.0.clone()) })
    }

    async fn connect(self) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // Small questions leave at once.
        let _ = stream.set_nodelay(true);
        let stream = self.tls.connect(self.name, stream).await?; // T2
        if stream.get_ref().1.alpn_protocol() != Some(PROTOCOL) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not speak HTTP/2"));
        }
        Ok(TokioIo::new(stream))
    }
}

impl Service<Uri> for Secure {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// Why a connection was not made, if TLS is the reason: the node is not to be believed, or does not
/// speak TLS 1.3. Anything else is `None`.
pub(crate) fn refused(url: &str, error: &(dyn Cause + 'static)) -> Option<Error> {
    let mut next = Some(error);
    while let Some(cause) = next {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = inner.and_then(|e| e.downcast_ref::<rustls::Error>());
        if let Some(why) = tls.or_else(|| cause.downcast_ref()) {
            return Some(untrusted(url, why));
        }
        next = cause.source();
    }
    None
}

fn untrusted(url: &str, why: &rustls::Error) -> Error {
    use CertificateError as Bad;
    let (zh, en) = match why {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => {
                ("证书已过期".into(), "its certificate has expired".into())
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                ("证书尚未生效".into(), "its certificate is not valid yet".into())
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                ("证书属于另一个名称".into(), "its certificate is for another name".into())
            }
            Bad::UnknownIssuer => (
                "证书不是由 --ca 指定的机构签发".into(),
                "its certificate was not issued by an authority of --ca".into(),
            ),
            // An authority of the same name that is another one, or a certificate that was copied.
            Bad::BadSignature => (
                "证书不是由 --ca 指定的机构签发，或并非该节点所有".into(),
                "its certificate was not issued by an authority of --ca, or is not its own".into(),
            ),
            other => (format!("证书不成立：{other}"), format!("its certificate: {other}")),
        },
        other => (format!("没有建立 TLS 1.3：{other}"), format!("no TLS 1.3: {other}")),
    };
    Error::new(
        ErrorKind::Untrusted,
        format!("{url} 不可信，未发送任何内容：{zh}"),
        format!("{url} is not to be trusted, and nothing was sent: {en}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_authority_is_refused() {
        let junk = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [&b""[..], b"anything", junk] {
            assert_eq!(Trust::from_pem(pem).unwrap_err().kind(), ErrorKind::File);
        }
        let absent = Trust::read(Path::new("absent.pem")).unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::File);
    }

    #[test]
    fn only_a_certificate_s_fault_is_called_so() {
        let expired = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, expired);
        let error = refused("https://a", &wrapped).unwrap();
        assert_eq!(error.kind(), ErrorKind::Untrusted);
        assert!(error.to_string().contains("expired"), "{error}");
        let closed: io::Error = io::ErrorKind::ConnectionRefused.into();
        assert!(refused("https://a", &closed).is_none());
    }
}
