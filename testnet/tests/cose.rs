//! COSE receipts on a net of four processes: made, exchanged, verified by us, and by libraries that
//! others wrote.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "interop/python.rs"]
mod python;
mod support;

use linli_sdk::{Client, Draft, KeyFile, SecretKey};
use linli_testnet::net::bare;
use linli_types::id::{ChainId, Digest, PrincipalId};
use linli_types::signature::Zip215;
use linli_verify::cose::bare::Bare;
use linli_verify::cose::receipt::Receipt;
use linli_verify::cose::service::{self, KEY_SET, PROBLEM, RECEIPT, REGISTRATION};
use linli_verify::cose::statement::{self, Claims, SUBJECT, Signed};
use linli_verify::file::both;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use support::{Live, text, until};

#[test]
fn receipts_in_the_standards_words() {
    let mut live = Live::start();
    let keys = every_validator_has_a_receipt_key(&live);
    let (statement, record) = a_signed_statement_is_registered(&live, 1);
    others_verify_the_statement(&live, &statement);
    let receipt = a_receipt_of_two_organisations_verifies(&live, &statement, 1);
    others_verify_the_receipt(&receipt, &record.0, &keys);
    the_log_is_consistent(&live);
    the_service_speaks_scrapi(&live, record.1, &record.0, &keys);
    what_is_registered_over_scrapi_has_a_receipt(&live, 2);
    alone_a_node_says_that_it_is_alone(&mut live, record.1);
}

fn operator(live: &Live) -> (SecretKey, PrincipalId, ChainId) {
    let file = KeyFile::read(&live.key("operator")).unwrap();
    let about = file.about();
    (file.open("").unwrap(), about.principal.unwrap(), about.chain.unwrap())
}

fn every_validator_has_a_receipt_key(live: &Live) -> Vec<String> {
    let keys = until("four receipt keys stand", || {
        let args = ["query", "log", "ReceiptKeys", "--args", "{}"];
        let answer = live.linli("operator", &args).done().json();
        let keys = answer["result"]["keys"].as_array().cloned().unwrap_or_default();
        (keys.len() == 4).then_some(keys)
    });
    let key = |row: &Value| {
        assert_eq!((&row["number"], &row["validates"]), (&json!(1), &json!(true)), "{row}");
        row["key"].as_str().unwrap().to_owned()
    };
    keys.iter().map(key).collect()
}

/// A statement of the operator's about a manifest of its own.
fn sign(live: &Live, number: u64) -> (Vec<u8>, Signed) {
    let (key, source, chain) = operator(live);
    let manifest = format!("manifest {number}");
    let (manifest_sha256, sm3) = both(manifest.as_bytes());
    let captured_at_ms = linli_testnet::net::now_ms();
    let claims = Claims {
        source,
        subject: SUBJECT.into(),
        manifest_sha256,
        number,
        kind: 5,
        sm3,
        size: 10,
        captured_at_ms,
        clock_source: None,
        device: None,
        not_before: None,
        env_digest: None,
        sm2_key: None,
        chain: Some(chain),
        counter: None,
    };
    let to_sign = claims.to_be_signed(&key.public()).unwrap();
    let bytes = to_sign.finish(&key.sign(to_sign.sig_structure()));
    let signed = statement::parse(&bytes).unwrap();
    signed.check(&Zip215).unwrap();
    (bytes, signed)
}

fn register_args(signed: &Signed) -> Value {
    let claims = &signed.claims;
    json!({
        "source": claims.source.to_string(), "number": claims.number.to_string(), "kind": "FORM",
        "statement": signed.id().to_string(),
        "manifest_sha256": claims.manifest_sha256.to_string(),
        "manifest_sm3": claims.sm3.to_string(), "size": claims.size.to_string(),
        "captured_at_ms": claims.captured_at_ms.to_string(), "clock_source": "DEVICE_CLOCK",
        "retention": "ORDINARY", "basis": "CONTRACT",
    })
}

/// The statement's file; its log entry in hexadecimal, and its leaf.
fn a_signed_statement_is_registered(live: &Live, number: u64) -> (PathBuf, (String, u64)) {
    let (bytes, signed) = sign(live, number);
    let file = live.path(&format!("{number}.cose"));
    fs::write(&file, &bytes).unwrap();
    let args = register_args(&signed).to_string();
    let ran = live.linli("operator", &["call", "evidence", "Register", "--args", &args]).done();
    let json = ran.json();
    let leaf = &json["receipt"]["log_leaf"];
    let leaf = leaf.as_u64().unwrap_or_else(|| panic!("{json}"));
    (file, (entry(&signed.id()), leaf))
}

fn entry(id: &Digest) -> String {
    format!("01{id}")
}

fn others_verify_the_statement(live: &Live, file: &Path) {
    let (key, source, _) = operator(live);
    let said = python::check(&["statement", text(file), &key.public().to_string()]);
    let said: Value = serde_json::from_str(&said).unwrap();
    for (what, expected) in [
        ("pycose", json!(true)),
        ("scitt_cose", json!(true)),
        ("canonical", json!(true)),
        ("issuer", json!(format!("linli:{source}"))),
        ("subject", json!(SUBJECT)),
        ("payload", json!(both(b"manifest 1").0.to_string())),
        ("payload_hash_alg", json!(-16)),
        ("preimage", json!(statement::MEDIA)),
        ("flips_believed", json!(0)),
        ("flips_believed_by_pycose", json!(0)),
    ] {
        assert_eq!(said[what], expected, "{what}: {said}");
    }
}

fn a_receipt_of_two_organisations_verifies(live: &Live, statement: &Path, number: u64) -> PathBuf {
    let file = live.path(&format!("{number}.receipt"));
    let number = number.to_string();
    let args = ["evidence", "receipt", "--cose", "--number", &number, "--out", text(&file)];
    let said = live.linli_at(2, "operator", &args).done().json();
    assert_eq!(said["organisations"], 2, "{said}");
    let size = fs::metadata(&file).unwrap().len();
    assert!(size <= 3072 && said["bytes"] == size, "{said}");
    let report = live.verify(&[text(&file), "--statement", text(statement)]).done().json();
    assert_eq!((&report["verified"], &report["organisations"]), (&json!(true), &json!(2)));
    assert_eq!(report["statement"]["number"], json!(1), "{report}");
    // The same by the record's id; and not for another record.
    let id = report["statement"]["record"].as_str().unwrap().to_owned();
    live.verify(&[text(&file), "--record", &id]).done();
    let other = live.verify(&[text(&file), "--record", &"11".repeat(32)]);
    assert_eq!((other.exit, &other.json()["layer"]), (Some(1), &json!("log")), "{other:?}");
    live.verify(&[text(&file)]).fails(2, "USAGE", "nothing").saying("--statement");
    every_tenth_flipped_bit_is_found(live, &file, statement);
    file
}

fn every_tenth_flipped_bit_is_found(live: &Live, file: &Path, statement: &Path) {
    let (good, bad) = (fs::read(file).unwrap(), live.path("bad.receipt"));
    // Through the program a few; the library's own test flips every bit.
    for bit in (0..good.len() * 8).step_by(good.len() / 2) {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&bad, &bytes).unwrap();
        let ran = live.verify(&[text(&bad), "--statement", text(statement)]);
        assert_eq!(ran.exit, Some(1), "bit {bit}: {ran:?}");
    }
}

fn others_verify_the_receipt(file: &Path, entry: &str, keys: &[String]) {
    let mut arguments = vec!["receipt", text(file), entry];
    arguments.extend(keys.iter().map(String::as_str));
    let said: Value = serde_json::from_str(&python::check(&arguments)).unwrap();
    let receipts = said["receipts"].as_array().unwrap();
    for one in receipts {
        for (what, expected) in [
            ("verified", true),
            ("known_key", true),
            ("included", true),
            ("other_entry_believed", false),
        ] {
            assert_eq!(one[what], expected, "{what}: {one}");
        }
        assert_eq!(one["flips_believed"], 0, "{one}");
    }
    assert!(!receipts.is_empty());
}

fn the_log_is_consistent(live: &Live) {
    for number in 10..13 {
        a_signed_statement_is_registered(live, number);
    }
    let file = live.path("consistency.json");
    let said = live.linli("operator", &["evidence", "consistency", "1", "--out", text(&file)]);
    let said = said.done().json();
    assert!(said["to"].as_u64().unwrap() >= 4, "{said}");
    assert_eq!(python::check(&["consistency", text(&file)]), r#"{"verified": true}"#);
    live.linli("operator", &["evidence", "consistency", "5", "2"]).fails(1, "NOT_FOUND", "nothing");
}

/// One request on a connection of its own: status, headers, body.
fn http(address: &str, head: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head =
        format!("{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}");
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, answer[end + 4..].to_vec())
}

fn get(live: &Live, path: &str) -> (u16, String, Vec<u8>) {
    http(bare(&live.net.validators[1].http), &format!("GET {path} HTTP/1.1"), &[])
}

fn the_service_speaks_scrapi(live: &Live, leaf: u64, entry: &str, keys: &[String]) {
    let (status, head, body) = get(live, &format!("/entries/{leaf}"));
    assert_eq!(status, 200, "{head}");
    assert!(head.contains(RECEIPT), "{head}");
    let receipt = Receipt::from_bytes(&body).unwrap();
    assert!(keys.contains(&receipt.key.to_string()));
    let file = live.path("scrapi.receipt");
    fs::write(&file, &body).unwrap();
    others_verify_the_receipt(&file, entry, keys);

    let (status, head, body) = get(live, "/.well-known/scitt-keys");
    assert_eq!((status, head.contains(KEY_SET)), (200, true), "{head}");
    assert_eq!(body.first(), Some(&0x84), "four keys");
    let kid = receipt.key.to_string();
    let (status, _, body) = get(live, &format!("/.well-known/scitt-keys/{kid}"));
    assert_eq!((status, body), (200, service::key_set(&[receipt.key])));
    for path in ["/entries/99999", "/entries/no", "/.well-known/scitt-keys/no"] {
        let (status, head, body) = get(live, path);
        assert_eq!((status, head.contains(PROBLEM)), (404, true), "{path}: {head}");
        assert_eq!(body.first(), Some(&0xa3), "{path}");
    }
}

fn what_is_registered_over_scrapi_has_a_receipt(live: &Live, number: u64) {
    let (key, source, chain) = operator(live);
    let (statement, signed) = sign(live, number);
    let draft = register_draft(live, &register_args(&signed));
    let transaction = draft.sign(&key, &chain, source).unwrap();
    let address = bare(&live.net.validators[1].http).to_owned();
    let post = |media: &str, body: &[u8]| {
        http(&address, &format!("POST /entries HTTP/1.1\r\nContent-Type: {media}"), body)
    };
    let body = service::registration(&statement, &transaction.raw);
    // A statement alone, a broken one, one that the transaction does not name.
    let alone = post("application/cose", &statement);
    assert_eq!((alone.0, alone.1.contains(PROBLEM)), (415, true), "{}", alone.1);
    let mut broken = body.clone();
    broken[200] ^= 1;
    assert_eq!(post(REGISTRATION, &broken).0, 400);
    let (other, _) = sign(live, 77);
    assert_eq!(post(REGISTRATION, &service::registration(&other, &transaction.raw)).0, 400);
    assert_eq!(post(REGISTRATION, &[]).0, 400);

    let (status, head, _) = post(REGISTRATION, &body);
    assert_eq!(status, 303, "{head}");
    let location = format!("/entries/{}", transaction.id);
    assert!(head.contains(&format!("location: {location}")), "{head}");
    let receipt = until("the entry has a receipt", || {
        let (status, _, body) = get(live, &location);
        (status == 200).then_some(body)
    });
    let receipt = Receipt::from_bytes(&receipt).unwrap();
    receipt.check(signed.leaf(), &Zip215).unwrap();
    // Again: it exists, and the entry is the same.
    assert_eq!(post(REGISTRATION, &body).0, 303);
}

/// The call by the contract's own schema.
fn register_draft(live: &Live, args: &Value) -> Draft {
    let (key, _, chain) = operator(live);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::connect(&live.net.validators[0].grpc, chain, key).await.unwrap();
        let schema = client.schema("evidence").await.unwrap();
        Draft::new().call_json(&schema, "Register", args).unwrap()
    })
}

/// The node is restarted so that it remembers no signature of the others.
fn alone_a_node_says_that_it_is_alone(live: &mut Live, leaf: u64) {
    live.net.validators.iter_mut().for_each(linli_testnet::net::Member::kill);
    live.net.validators[0].restart().unwrap();
    let file = live.path("alone.receipt");
    let leaf = leaf.to_string();
    let args = ["evidence", "receipt", "--cose", "--leaf", &leaf, "--out", text(&file)];
    let ran = live.linli("operator", &args).done().saying("of 1 organisations only");
    assert_eq!(ran.json()["organisations"], 1);
    let alone = Bare::from_bytes(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(alone.receipts().count(), 1);
    assert!(fs::metadata(&file).unwrap().len() <= 2048);
}
