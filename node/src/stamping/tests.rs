//! A local authority: OpenSSL behind a small HTTP server, and servers that answer badly.

use super::*;
use linli_verify::token::certificate;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HEADER: &[u8] = b"the bytes of a header";
/// The block's time: long before any token of these tests.
const SINCE: TimeMs = TimeMs(1_700_000_000_000);

/// A folder with an authority's keys and certificates.
struct Authority {
    folder: TempDir,
}

fn openssl(folder: &Path, args: &[&str]) {
    let out = Command::new("openssl").current_dir(folder).args(args).output();
    let out = out.expect("these tests need the program openssl");
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

impl Authority {
    /// With keys of this algorithm, as OpenSSL names it and its one option.
    fn new(algorithm: &str, option: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for name in ["root", "tsa"] {
            let key = format!("{name}.key");
            openssl(at, &["genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", &key]);
        }
        let extensions = "[e]\nkeyUsage=critical,digitalSignature\n\
            extendedKeyUsage=critical,timeStamping\nsubjectKeyIdentifier=hash\n";
        std::fs::write(at.join("extensions"), extensions).unwrap();
        let config = "[t]\nserial = ./serial\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\n\
            digests = sha256\ness_cert_id_alg = sha256\n";
        std::fs::write(at.join("config"), config).unwrap();
        std::fs::write(at.join("serial"), "01").unwrap();
        let root = ["req", "-x509", "-new", "-key", "root.key", "-subj", "/CN=root"];
        openssl(at, &[&root[..], &["-days", "3650", "-out", "root.pem"]].concat());
        let ask = ["req", "-new", "-key", "tsa.key", "-subj", "/CN=stamps", "-out", "tsa.csr"];
        openssl(at, &ask);
        let issue = ["x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key"];
        let rest = ["-set_serial", "77", "-days", "3650", "-extfile", "extensions"];
        let out = ["-extensions", "e", "-out", "tsa.pem"];
        openssl(at, &[&issue[..], &rest, &out].concat());
        Self { folder }
    }

    fn certificate(&self) -> Vec<u8> {
        certificate(&std::fs::read(self.path("tsa.pem")).unwrap()).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the authority answers to a query.
    fn reply(&self, query: &[u8]) -> Vec<u8> {
        std::fs::write(self.path("query"), query).unwrap();
        let reply = ["ts", "-reply", "-queryfile", "query", "-signer", "tsa.pem"];
        let rest = ["-inkey", "tsa.key", "-config", "config", "-section", "t", "-out", "reply"];
        openssl(self.folder.path(), &[&reply[..], &rest].concat());
        std::fs::read(self.path("reply")).unwrap()
    }

    fn query(&self, about: &[u8], more: &[&str]) -> Vec<u8> {
        std::fs::write(self.path("about"), about).unwrap();
        let query = ["ts", "-query", "-data", "about", "-sha256", "-cert", "-out", "other"];
        openssl(self.folder.path(), &[&query[..], more].concat());
        std::fs::read(self.path("other")).unwrap()
    }
}

/// One request, read whole: its body.
async fn body(stream: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut chunk).await.unwrap();
        all.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&all).to_lowercase();
        let Some(end) = all.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let length = text.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        assert!(text.contains("content-type: application/timestamp-query"), "{text}");
        if all.len() >= end + 4 + length {
            return all[end + 4..].to_vec();
        }
    }
}

/// A server that answers every query by `answer`: status and body; `None` never answers.
async fn serve(answer: impl Fn(Vec<u8>) -> Option<(u16, Vec<u8>)> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut silent = Vec::new();
        loop {
            let mut stream = listener.accept().await.unwrap().0;
            let query = body(&mut stream).await;
            let answered = answer(query);
            match answered {
                None => silent.push(stream),
                Some((status, body)) => {
                    let head = format!(
                        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
                }
            }
        }
    });
    url
}

fn stamper(url: String, certificate: Option<Vec<u8>>, data: &Path) -> Stamper {
    Stamper {
        url,
        every: Duration::from_secs(600),
        certificate,
        web: Web::new(None, Duration::from_secs(30)).unwrap(),
        stamps: Arc::new(Stamps::open(data).unwrap()),
    }
}

/// What a stamper says of a server that answers so.
async fn refusal(
    certificate: Option<Vec<u8>>,
    answer: impl Fn(Vec<u8>) -> Option<(u16, Vec<u8>)> + Send + 'static,
) -> String {
    let data = tempfile::tempdir().unwrap();
    let stamper = stamper(serve(answer).await, certificate, data.path());
    stamper.ask(HEADER, SINCE).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_a_local_authority_is_kept_and_openssl_verifies_it() {
    for (algorithm, option) in [
        ("RSA", "rsa_keygen_bits:2048"),
        ("EC", "ec_paramgen_curve:P-256"),
        ("EC", "ec_paramgen_curve:P-384"),
    ] {
        let authority = Arc::new(Authority::new(algorithm, option));
        let answering = authority.clone();
        let url = serve(move |query| Some((200, answering.reply(&query)))).await;
        for certificate in [None, Some(authority.certificate())] {
            let stamper = stamper(url.clone(), certificate, authority.folder.path());
            let token = stamper.ask(HEADER, SINCE).await.unwrap();
            std::fs::write(authority.path("token"), &token).unwrap();
            std::fs::write(authority.path("about"), HEADER).unwrap();
            let verify = ["ts", "-verify", "-data", "about", "-in", "token", "-token_in"];
            openssl(authority.folder.path(), &[&verify[..], &["-CAfile", "root.pem"]].concat());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_answers_another_request_is_refused() {
    let authority = Arc::new(Authority::new("EC", "ec_paramgen_curve:P-256"));
    // Other bytes; the same bytes with another nonce; without any.
    for (about, more, expected) in [
        (&b"other bytes"[..], &[][..], "about other bytes"),
        (HEADER, &[], "another request"),
        (HEADER, &["-no_nonce"], "another request"),
    ] {
        let other = authority.query(about, more);
        let answering = authority.clone();
        let said = refusal(None, move |_| Some((200, answering.reply(&other)))).await;
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_authority_s_token_is_refused_where_a_certificate_is_configured() {
    let (ours, other) = (
        Authority::new("EC", "ec_paramgen_curve:P-256"),
        Authority::new("EC", "ec_paramgen_curve:P-256"),
    );
    let said =
        refusal(Some(ours.certificate()), move |query| Some((200, other.reply(&query)))).await;
    assert!(said.contains("does not hold") || said.contains("not the signer's"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_garbage_and_a_flood_are_refused() {
    // Status 2 with a text, as an authority writes that does not like the request.
    let rejected = vec![0x30, 7, 0x30, 5, 2, 1, 2, 0x30, 0];
    let said = refusal(None, move |_| Some((200, rejected.clone()))).await;
    assert!(said.contains("status 2"), "{said}");
    let said = refusal(None, |_| Some((200, b"<html>busy</html>".to_vec()))).await;
    assert!(said.contains("DER"), "{said}");
    let said = refusal(None, |_| Some((200, vec![0x30; TOKEN_BYTES_MAX + 1]))).await;
    assert!(said.contains("longer than") || said.contains("超过"), "{said}");
    let said = refusal(None, |_| Some((503, Vec::new()))).await;
    assert!(said.contains("status 503"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_never_answers_is_given_up() {
    let data = tempfile::tempdir().unwrap();
    let mut stamper = stamper(serve(|_| None).await, None, data.path());
    stamper.web = Web::new(None, Duration::from_millis(300)).unwrap();
    let said = stamper.ask(HEADER, SINCE).await.unwrap_err().to_string();
    assert!(said.contains("in time") || said.contains("及时"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_lies_before_the_block_is_refused() {
    let authority = Arc::new(Authority::new("EC", "ec_paramgen_curve:P-256"));
    let data = tempfile::tempdir().unwrap();
    let url = serve(move |query| Some((200, authority.reply(&query)))).await;
    let stamper = stamper(url, None, data.path());
    let said = stamper.ask(HEADER, TimeMs(9_000_000_000_000)).await.unwrap_err().to_string();
    assert!(said.contains("clock"), "{said}");
}

#[test]
fn pauses_after_failures_grow_up_to_the_ordinary_one() {
    let data = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stamper = runtime.block_on(async { stamper("http://x/".into(), None, data.path()) });
    let pauses: Vec<u64> = [1, 2, 3, 7, 8, 40, u32::MAX].map(|n| stamper.retry(n).as_secs()).into();
    assert_eq!(pauses, [5, 10, 20, 320, 600, 600, 600]);
}

#[test]
fn a_trouble_is_said_once_and_again_when_it_is_another() {
    let mut trouble = Trouble::default();
    let (down, slow) = (NotStamped("down".into()), NotStamped("slow".into()));
    let said: Vec<bool> = [&down, &down, &down, &slow, &slow, &down]
        .map(|why| trouble.goes_on(why, "http://x/"))
        .into();
    assert_eq!(said, [true, false, false, true, false, true]);
    assert_eq!(trouble.failures, 6);
    trouble.is_over("http://x/");
    assert_eq!(trouble.failures, 0);
    assert!(trouble.goes_on(&down, "http://x/"), "after a token the same is news again");
}
