//! An S3-compatible holder: whom it trusts and with what it signs.
//!
//! # Invariants
//!
//! - **T1 encrypted.** https:// alone; http:// to this machine, or where `--insecure-dev` was given.
//! - **T2 silent.** Credentials come from a private file or the environment; no error, log or `Debug`
//!   shows them.

use super::config::S3;
use crate::durable;
use crate::error::{Error, ErrorKind};
use crate::tls;
use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpClient, HttpConnector};
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

const CREDENTIAL_BYTES_MAX: u64 = 16 * 1024;
/// A store that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(10);
/// A store that answers with trouble is asked so often again.
const RETRIES: usize = 3;
const RETRY_FOR: Duration = Duration::from_secs(20);
const KEY_ID: &str = "LINLI_S3_ACCESS_KEY_ID";
const SECRET: &str = "LINLI_S3_SECRET_ACCESS_KEY";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
}

impl Drop for Credentials {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret_access_key);
    }
}

/// Opens the bucket; nothing is asked of it yet.
pub(super) fn open(
    vault: &Path,
    config: &S3,
    insecure_dev: bool,
) -> Result<Arc<dyn ObjectStore>, Error> {
    check_endpoint(&config.endpoint, insecure_dev)?;
    let credentials = credentials(vault, config)?;
    let connector = Connector(client(vault, config)?);
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: RETRY_FOR,
    };
    let store = AmazonS3Builder::new()
        .with_endpoint(&config.endpoint)
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_access_key_id(&credentials.access_key_id)
        .with_secret_access_key(&credentials.secret_access_key)
        .with_allow_http(true) // T1 is ours: checked above.
        .with_disable_bulk_delete(true) // Each deletion has its own answer.
        .with_retry(retry)
        .with_http_connector(connector)
        .build()
        .map_err(|e| unusable(&"无法据此连接", &e))?;
    Ok(Arc::new(store))
}

/// T1.
fn check_endpoint(endpoint: &str, insecure_dev: bool) -> Result<(), Error> {
    if endpoint.starts_with("https://") {
        return Ok(());
    }
    let host = endpoint.strip_prefix("http://").map(|rest| {
        let end = rest.find('/').unwrap_or(rest.len());
        let rest = rest.get(..end).unwrap_or_default();
        rest.rsplit_once(':').filter(|_| !rest.ends_with(']')).map_or(rest, |(host, _)| host)
    });
    let is_here = |host: &str| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    match host {
        // A name before @ is not where it goes.
        Some(host) if !endpoint.contains('@') && (insecure_dev || is_here(host)) => Ok(()),
        _ => Err(Error::new(
            ErrorKind::Input,
            format!("存放处地址 {endpoint} 须为 https://；http:// 仅限本机"),
            format!(
                "the holder's address {endpoint} must be https://; http:// to this machine alone"
            ),
        )
        .hint_with(
            "请为存储服务配置 TLS 证书；试验环境可加 --insecure-dev",
            "give the store a TLS certificate; --insecure-dev is for experiments",
        )
        .named("VAULT_INSECURE")),
    }
}

/// T2.
fn credentials(vault: &Path, config: &S3) -> Result<Credentials, Error> {
    let Some(file) = &config.credentials_file else {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        return match (get(KEY_ID), get(SECRET)) {
            (Some(access_key_id), Some(secret_access_key)) => {
                Ok(Credentials { access_key_id, secret_access_key })
            }
            _ => Err(unusable(
                &"没有凭据",
                &format_args!("no credentials: give credentials_file, or {KEY_ID} and {SECRET}"),
            )),
        };
    };
    let path = vault.join(file);
    let about = std::fs::metadata(&path).map_err(|e| durable::failed(&path, &e))?;
    crate::keystore::check_private(&path, &about)?;
    let bytes = durable::read(&path, CREDENTIAL_BYTES_MAX)?.unwrap_or_default();
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    // The parser's own words would show the line.
    toml::from_str(text).map_err(|_| {
        let en = "the credentials file must hold access_key_id and secret_access_key";
        unusable(&"凭据文件须写明 access_key_id 与 secret_access_key", &en)
    })
}

fn client(vault: &Path, config: &S3) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE);
    if let Some(ca) = &config.ca {
        let path = vault.join(ca);
        let pem = std::fs::read(&path).map_err(|e| durable::failed(&path, &e))?;
        builder = builder.tls_backend_preconfigured(tls::believing(&pem)?);
    } else {
        // The platform's roots, by the one provider of this program. A second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    builder.build().map_err(|e| unusable(&"无法建立客户端", &e))
}

#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

fn unusable(zh: &dyn std::fmt::Display, en: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Input,
        format!("S3 存放处的配置不可用：{zh}"),
        format!("the configuration of the S3 holder is unusable: {en}"),
    )
    .hint_with("见 docs/node-administrator.md", "see docs/node-administrator.md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_goes_to_this_machine_alone() {
        for here in
            ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000/", "https://a.b"]
        {
            assert!(check_endpoint(here, false).is_ok(), "{here}");
        }
        let others = [
            "http://10.0.0.1:9000",
            "http://s3.example.org",
            "http://127.0.0.1.evil.org",
            "http://localhost:80@evil.org",
            "ftp://a",
            "",
        ];
        for other in others {
            let why = check_endpoint(other, false).unwrap_err();
            assert_eq!(why.name(), "VAULT_INSECURE", "{other}");
        }
        assert!(check_endpoint("http://10.0.0.1:9000", true).is_ok());
    }
}
