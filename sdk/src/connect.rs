//! From an address to a channel: what an address must be, how often it is tried, what it says when
//! nobody is there.

use crate::client::{Options, Tries};
use crate::error::{Error, ErrorKind};
use crate::tls::{self, Secure, Trust};
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};

/// Connects to `url`: `https` with the authorities to believe, `http` without.
pub(crate) async fn connect(
    url: &str,
    options: &Options,
    trust: Option<&Trust>,
) -> Result<Channel, Error> {
    let endpoint = endpoint(url, options)?;
    let secure = secure(url, endpoint.uri(), trust)?;
    let mut tries = Tries::new(options);
    loop {
        let connected = match &secure {
            Some(secure) => endpoint.connect_with_connector(secure.clone()).await,
            None => endpoint.connect().await,
        };
        match connected {
            Ok(channel) => return Ok(channel),
            // Another try would find the same certificate.
            Err(e) => match tls::refused(url, &e) {
                Some(refused) => return Err(refused),
                None => tries.pause_after(unreachable(url, &e)).await?,
            },
        }
    }
}

fn unreachable(url: &str, error: &tonic::transport::Error) -> Error {
    let why =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    Error::new(
        ErrorKind::Unreachable,
        format!("无法连接 {url}：{why}"),
        format!("cannot reach {url}: {why}"),
    )
}

fn endpoint(url: &str, options: &Options) -> Result<Endpoint, Error> {
    let endpoint = Endpoint::from_shared(url.to_string()).map_err(|e| {
        Error::new(
            ErrorKind::Input,
            format!("{url} 不是节点地址：{e}"),
            format!("{url} is no address: {e}"),
        )
    })?;
    if !is_whole(endpoint.uri()) {
        return Err(Error::new(
            ErrorKind::Input,
            format!("{url} 不是节点地址：主机或端口不对"),
            format!("{url} is no address: its host or its port is none"),
        ));
    }
    let endpoint = endpoint.connect_timeout(options.connect).tcp_nodelay(true);
    // Also while a stream is silent: a peer that lost its power says nothing for ever.
    Ok(endpoint
        .http2_keep_alive_interval(options.keep_alive)
        .keep_alive_timeout(options.keep_alive)
        .keep_alive_while_idle(true))
}

/// How TLS is made, if the address asks for it. A promise of TLS that is not kept is worse than
/// none, so address and authorities must agree.
fn secure(url: &str, uri: &Uri, trust: Option<&Trust>) -> Result<Option<Secure>, Error> {
    let input = |zh: String, en: String| Error::new(ErrorKind::Input, zh, en);
    match (uri.scheme_str(), trust) {
        (Some("http"), None) => Ok(None),
        (Some("https"), Some(trust)) => match Secure::new(uri, trust) {
            Some(secure) => Ok(Some(secure)),
            None => Err(input(
                format!("{url} 的主机名不能用于证书"),
                format!("no certificate can be for the host of {url}"),
            )),
        },
        (Some("https"), None) => Err(input(
            format!("{url} 使用 TLS，但没有给出可信的签发机构"),
            format!("{url} asks for TLS, but no authority to believe is given"),
        )
        .hint_with(
            "请用 --ca 指定节点管理员提供的 CA 证书",
            "name the CA certificate of the node's administrator with --ca",
        )),
        (Some("http"), Some(_)) => Err(input(
            format!("{url} 不使用 TLS，给出的签发机构没有作用"),
            format!("{url} asks for no TLS, so the authority given would be of no use"),
        )
        .hint_with("请改用 https:// 地址，或去掉 --ca", "use https://, or leave --ca out")),
        _ => Err(input(
            format!("{url} 不是节点地址：只支持 http 与 https"),
            format!("{url} is no address of a node: only http and https are"),
        )),
    }
}

/// Whether an address has a host, and a port that is one if it has any: the library would take a
/// port that is none for no port, and knock at another door.
fn is_whole(uri: &Uri) -> bool {
    let Some(authority) = uri.authority() else { return false };
    let behind = authority.as_str().rsplit(['@', ']']).next().unwrap_or_default();
    !authority.host().is_empty() && (authority.port_u16().is_some() || !behind.contains(':'))
}
