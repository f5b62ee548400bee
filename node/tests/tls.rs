//! TLS of the API as clients meet it: whom they believe, whom they do not, and a certificate that
//! is replaced while the node runs.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "common/certificates.rs"]
mod certificates;
mod common;

use certificates::{Authority, put};
use common::{BOUND, Net};
use linli_node::api::{self, Api};
use linli_node::config::{self, Config};
use linli_node::counters::Counter;
use linli_node::tls::{BadPair, Tls};
use linli_sdk::{Client, Error, ErrorKind, Options, SecretKey, Trust};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

const YEAR: i32 = 2100;

fn files() -> config::Tls {
    config::Tls { certificate: "tls/node.pem".into(), key: "tls/node.key".into() }
}

/// Serves the first node over TLS with the pair in `data/tls`; the port.
async fn serve(net: &Net, data: &Path) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (handle, tls) = (net.handle(0), Tls::load(&files(), data).unwrap());
    let api = Api::new(handle.clone()).unwrap();
    tokio::spawn(async move {
        let config = Config::named("tls");
        let forever = std::future::pending();
        api::serve(api, handle.verify(), &config, Some(tls), listener, forever).await.unwrap();
    });
    port
}

/// A client's reading of the status, with one try.
async fn ask(net: &Net, url: &str, authority: Option<&Authority>) -> Result<Client, Error> {
    let trust = authority.map(|authority| Trust::from_pem(authority.pem().as_bytes()).unwrap());
    let options = Options { tries: 1, connect: Duration::from_secs(20), ..Options::default() };
    let key = SecretKey::from_bytes(&[21; 32]);
    let client = Client::connect_trusting(url, net.chain, key, options, trust.as_ref()).await?;
    client.status().await?;
    Ok(client)
}

async fn refused(net: &Net, url: &str, authority: &Authority, why: &str) {
    let error = ask(net, url, Some(authority)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    assert!(error.to_string().contains(why), "{error}");
}

async fn reaches(counter: &Counter, count: u64) {
    let reached = async {
        while counter.get() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, reached).await.expect("the files are looked at every two seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_believes_the_authority_that_it_names_and_no_other() {
    let net = Net::start().await;
    let (ours, other) = (Authority::new("members"), Authority::new("members"));
    let data = TempDir::new().unwrap();
    put(&data.path().join("tls"), &ours.issue("127.0.0.1", YEAR));
    let port = serve(&net, data.path()).await;
    let url = format!("https://127.0.0.1:{port}");
    // One that says nothing holds up nobody.
    let _silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    ask(&net, &url, Some(&ours)).await.unwrap();
    refused(&net, &url, &other, "not issued by").await;
    refused(&net, &format!("https://localhost:{port}"), &ours, "another name").await;
    // Without TLS nothing is understood, and nobody is sent what was promised to be secret.
    ask(&net, &format!("http://127.0.0.1:{port}"), None).await.unwrap_err();
    for (url, authority) in [(url.as_str(), None), ("http://127.0.0.1:1", Some(&ours))] {
        let error = ask(&net, url, authority).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{url}: {error}");
    }
    // A server that speaks no TLS.
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = format!("https://{}", plain.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 no\r\n\r\n").await;
        std::future::pending::<()>().await;
    });
    refused(&net, &there, &ours, "no TLS 1.3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_certificate_is_taken_up_and_a_bad_one_is_not() {
    let net = Net::start().await;
    let (first, second) = (Authority::new("old"), Authority::new("new"));
    let data = TempDir::new().unwrap();
    let folder = data.path().join("tls");
    put(&folder, &first.issue("127.0.0.1", YEAR));
    let url = format!("https://127.0.0.1:{}", serve(&net, data.path()).await);
    let counters = net.handle(0).counters();
    let long = ask(&net, &url, Some(&first)).await.unwrap();
    // Junk, and then a key of another certificate: the pair in use stays.
    std::fs::write(folder.join("node.pem"), "junk").unwrap();
    reaches(&counters.tls_reload_failures, 1).await;
    ask(&net, &url, Some(&first)).await.unwrap();
    std::fs::write(folder.join("node.pem"), second.issue("127.0.0.1", YEAR).0).unwrap();
    reaches(&counters.tls_reload_failures, 2).await;
    ask(&net, &url, Some(&first)).await.unwrap();
    assert_eq!(counters.tls_reloads.get(), 0);
    put(&folder, &second.issue("127.0.0.1", YEAR));
    reaches(&counters.tls_reloads, 1).await;
    ask(&net, &url, Some(&second)).await.unwrap();
    refused(&net, &url, &first, "not issued by").await;
    // An expired one is a pair all the same: clients say what is wrong with it.
    put(&folder, &second.issue("127.0.0.1", 2020));
    reaches(&counters.tls_reloads, 2).await;
    refused(&net, &url, &second, "expired").await;
    // Whoever was connected stays so.
    long.status().await.unwrap();
}

#[test]
fn a_pair_that_is_none_is_refused_with_the_file_s_name() {
    let data = TempDir::new().unwrap();
    let folder = data.path().join("tls");
    let why = || match Tls::load(&files(), data.path()) {
        Err(BadPair(words)) => words.en,
        Ok(_) => panic!("it is taken"),
    };
    assert!(why().contains("node.pem"), "{}", why());
    let authority = Authority::new("members");
    let (good, other) = (authority.issue("a.example", YEAR), authority.issue("b.example", YEAR));
    put(&folder, &good);
    assert!(Tls::load(&files(), data.path()).is_ok());
    put(&folder, &(good.0.clone(), other.1));
    assert!(why().contains("is not the key of"), "{}", why());
    put(&folder, &(good.0.clone(), "junk".into()));
    assert!(why().contains("no private key"), "{}", why());
    put(&folder, &("junk".into(), good.1.clone()));
    assert!(why().contains("no certificate"), "{}", why());
    put(&folder, &good);
    let key = folder.join("node.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(why().contains("open to everybody"), "{}", why());
    std::fs::remove_file(&key).unwrap();
    assert!(why().contains("node.key"), "{}", why());
}
