//! A small HTTP client: one question, one bounded answer, no redirects, no proxies.
//!
//! `https` believes only the authorities that the caller names (T1 of [`crate::tls`]); `http` serves
//! where what is fetched proves itself: notes, headers with certificates, time-stamp tokens.

use crate::error::{Error, ErrorKind};
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Asks over HTTP. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Web(reqwest::Client);

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Web {
    /// A client that waits so long for a whole answer, and believes these authorities (PEM).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] if the file holds no certificate of an authority.
    ///
    /// # Panics
    ///
    /// Never: the provider that is compiled in speaks TLS.
    pub fn new(authorities: Option<&Path>, patience: Duration) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = authorities {
            let pem = std::fs::read(path).map_err(|e| no_authority(path, &e))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|e| no_authority(path, &e))?;
                roots.add(certificate).map_err(|e| no_authority(path, &e))?;
            }
            if roots.is_empty() {
                return Err(no_authority(path, &"no certificate in it"));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the provider speaks TLS 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(patience)
            .build();
        client.map(Self).map_err(|e| failed(&e))
    }

    /// Fetches a page of at most `most` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unreachable`], [`ErrorKind::TimedOut`], or [`ErrorKind::BadAnswer`] if it is
    /// larger.
    pub async fn get(&self, url: &str, most: usize) -> Result<Answer, Error> {
        read(self.0.get(url).send().await, most).await
    }

    /// Sends `body` of the media type `kind`.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub async fn post(
        &self,
        url: &str,
        kind: &str,
        body: Vec<u8>,
        most: usize,
    ) -> Result<Answer, Error> {
        let sent = self.0.post(url).header("content-type", kind).body(body).send().await;
        read(sent, most).await
    }
}

async fn read(
    sent: Result<reqwest::Response, reqwest::Error>,
    most: usize,
) -> Result<Answer, Error> {
    let mut answer = sent.map_err(|e| failed(&e))?;
    let (status, mut body) = (answer.status().as_u16(), Vec::new());
    while let Some(chunk) = answer.chunk().await.map_err(|e| failed(&e))? {
        if body.len().saturating_add(chunk.len()) > most {
            return Err(Error::new(
                ErrorKind::BadAnswer,
                format!("答复超过 {most} 字节"),
                format!("the answer is longer than {most} bytes"),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

/// What failed, with every cause: the outermost alone says little.
fn failed(error: &reqwest::Error) -> Error {
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        why = format!("{why}: {inner}");
        cause = inner.source();
    }
    match error.is_timeout() {
        true => Error::new(ErrorKind::TimedOut, "对方没有及时答复", "no answer in time"),
        false => Error::new(ErrorKind::Unreachable, format!("无法连接：{why}"), why),
    }
}

fn no_authority(path: &Path, why: &dyn std::fmt::Display) -> Error {
    let shown = path.display();
    Error::new(
        ErrorKind::File,
        format!("{shown} 中没有可用的签发机构证书：{why}"),
        format!("no usable certificate of an authority in {shown}: {why}"),
    )
}
