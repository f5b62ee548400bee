//! A time-stamp authority of OpenSSL's behind a small HTTP server, in whatever mood a test wants.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// With a token.
    Good,
    /// Something else altogether.
    Garbage,
    /// "Rejected", as RFC 3161 says it.
    Refuses,
    /// A token about other bytes.
    OtherDigest,
    /// Not at all: the connection stays open.
    Silent,
}

/// The folder holds `tsa.pem` and `root.pem`.
pub(crate) struct Authority {
    pub(crate) url: String,
    pub(crate) folder: PathBuf,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
}

pub(crate) fn openssl(folder: &Path, args: &[&str]) {
    let out = Command::new("openssl").current_dir(folder).args(args).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

impl Authority {
    pub(crate) fn start(folder: &Path, mood: Mood) -> Self {
        make(folder);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/tsr", listener.local_addr().unwrap());
        let (mood, asked) = (Arc::new(Mutex::new(mood)), Arc::new(AtomicUsize::new(0)));
        let (at, now, count) = (folder.to_path_buf(), mood.clone(), asked.clone());
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let query = query(&mut stream);
                let mood = *now.lock().unwrap();
                match answer(&at, &query, mood) {
                    None => silent.push(stream),
                    Some(body) => {
                        let length = body.len();
                        let head = format!(
                            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                        );
                        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
                    }
                }
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { url, folder: folder.to_path_buf(), mood, asked }
    }

    pub(crate) fn is_now(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How many times it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Keys and certificates of an authority.
fn make(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for name in ["root.key", "tsa.key"] {
        let option = "ec_paramgen_curve:P-256";
        openssl(folder, &["genpkey", "-algorithm", "EC", "-pkeyopt", option, "-out", name]);
    }
    let extensions = "[e]\nextendedKeyUsage=critical,timeStamping\nsubjectKeyIdentifier=hash\n";
    fs::write(folder.join("extensions"), extensions).unwrap();
    let config = "[t]\nserial = ./serial\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\n\
        digests = sha256\ness_cert_id_alg = sha256\n";
    fs::write(folder.join("config"), config).unwrap();
    fs::write(folder.join("serial"), "01").unwrap();
    let root =
        ["req", "-x509", "-new", "-key", "root.key", "-subj", "/CN=root", "-out", "root.pem"];
    openssl(folder, &root);
    openssl(folder, &["req", "-new", "-key", "tsa.key", "-subj", "/CN=stamps", "-out", "tsa.csr"]);
    let issue = ["x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key"];
    let rest =
        ["-set_serial", "7", "-extfile", "extensions", "-extensions", "e", "-out", "tsa.pem"];
    openssl(folder, &[&issue[..], &rest].concat());
}

/// One request, read whole: its body.
fn query(stream: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut chunk).unwrap();
        all.extend_from_slice(&chunk[..read]);
        let Some(end) = all.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if all.len() >= end + 4 + length {
            return all[end + 4..].to_vec();
        }
    }
}

fn answer(folder: &Path, query: &[u8], mood: Mood) -> Option<Vec<u8>> {
    match mood {
        Mood::Good => {
            fs::write(folder.join("query"), query).unwrap();
            Some(reply(folder))
        }
        Mood::OtherDigest => {
            fs::write(folder.join("about"), "other bytes").unwrap();
            let query = ["ts", "-query", "-data", "about", "-sha256", "-cert", "-out", "query"];
            openssl(folder, &query);
            Some(reply(folder))
        }
        Mood::Garbage => Some(b"<html>busy</html>".to_vec()),
        Mood::Refuses => Some(vec![0x30, 7, 0x30, 5, 2, 1, 2, 0x30, 0]),
        Mood::Silent => None,
    }
}

fn reply(folder: &Path) -> Vec<u8> {
    let reply = ["ts", "-reply", "-queryfile", "query", "-signer", "tsa.pem"];
    let rest = ["-inkey", "tsa.key", "-config", "config", "-section", "t", "-out", "reply"];
    openssl(folder, &[&reply[..], &rest].concat());
    fs::read(folder.join("reply")).unwrap()
}
