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
use linli_verify::cose::service::{self, CBOR, COSE, PROBLEM, RECEIPT, REGISTRATION, STATEMENT};
use linli_verify::cose::statement::{self, Claims, SUBJECT, Signed};
use linli_verify::file::both;
use serde_json::{Value, json};
use std::collections::BTreeSet;
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
    let signers = others_verify_the_receipt(&receipt, &record.0, &keys);
    assert_eq!(signers.len(), 2, "the file's receipts are two organisations'");
    the_log_is_consistent(&live);
    the_service_speaks_scrapi(&live, record.1, &record.0, &keys);
    what_is_registered_over_scrapi_has_a_receipt(&live, 2, &keys);
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

/// The keys that signed.
fn others_verify_the_receipt(file: &Path, entry: &str, keys: &[String]) -> BTreeSet<String> {
    let mut arguments = vec!["receipt", text(file), entry];
    arguments.extend(keys.iter().map(String::as_str));
    all_believed(&serde_json::from_str(&python::check(&arguments)).unwrap())
}

/// Every receipt is believed as it is, and no other; by which keys.
fn all_believed(said: &Value) -> BTreeSet<String> {
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
    let keys: BTreeSet<String> =
        receipts.iter().map(|one| one["key"].as_str().unwrap().to_owned()).collect();
    assert!(!keys.is_empty() && keys.len() == receipts.len(), "{said}");
    keys
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

/// The title of a problem: the text under -1, which is shorter than 24 bytes or 256.
fn title(body: &[u8]) -> String {
    let (size, text) = match body {
        [0xa3, 0x20, 0x78, size, text @ ..] => (usize::from(*size), text),
        [0xa3, 0x20, head, text @ ..] => (usize::from(head & 31), text),
        _ => panic!("no problem: {body:?}"),
    };
    String::from_utf8(text[..size].to_vec()).unwrap()
}

fn the_service_speaks_scrapi(live: &Live, leaf: u64, entry: &str, keys: &[String]) {
    let (status, head, body) = get(live, &format!("/entries/{leaf}"));
    assert_eq!((status, head.contains(COSE)), (200, true), "{head}");
    let receipt = Receipt::from_bytes(&body).unwrap();
    assert!(keys.contains(&receipt.key.to_string()));
    let file = live.path("scrapi.receipt");
    fs::write(&file, &body).unwrap();
    others_verify_the_receipt(&file, entry, keys);
    let asked = format!("GET /entries/{leaf} HTTP/1.1\r\nAccept: {RECEIPT}");
    let (_, head, _) = http(bare(&live.net.validators[1].http), &asked, &[]);
    assert!(head.contains(RECEIPT), "{head}");
    two_organisations_or_more_sign_over_scrapi(live, leaf, entry, keys);
    keys_are_found(live, &receipt);
    for (path, status, what) in [
        ("/entries/99999", 404, "Not Found"),
        ("/entries/99999/receipts", 404, "Not Found"),
        ("/entries/no", 400, "Invalid locator"),
        (&format!("/entries/{}", "ab".repeat(32)), 404, "Operation Not Found"),
        (&format!("/entries/{leaf}/receipts?organisations=64"), 503, "Unavailable"),
        ("/.well-known/scitt-keys/no", 404, "No such key"),
    ] {
        let (found, head, body) = get(live, path);
        assert_eq!((found, head.contains(PROBLEM)), (status, true), "{path}: {head}");
        assert_eq!(title(&body), what, "{path}");
    }
}

fn two_organisations_or_more_sign_over_scrapi(
    live: &Live,
    leaf: u64,
    entry: &str,
    keys: &[String],
) {
    for (asked, expected) in [("", 2), ("?organisations=4", 4)] {
        let (status, head, body) = get(live, &format!("/entries/{leaf}/receipts{asked}"));
        assert_eq!((status, head.contains(CBOR)), (200, true), "{head}");
        let file = live.path(&format!("scrapi.{expected}.receipts"));
        fs::write(&file, &body).unwrap();
        let signers = others_verify_the_receipt(&file, entry, keys);
        assert_eq!(signers.len(), expected, "as many keys, and each is one organisation's");
    }
}

fn keys_are_found(live: &Live, receipt: &Receipt) {
    let (status, head, body) = get(live, "/.well-known/scitt-keys");
    assert_eq!((status, head.contains(CBOR)), (200, true), "{head}");
    assert_eq!(body.first(), Some(&0x84), "four keys");
    let kid = receipt.key.to_string();
    let (status, _, body) = get(live, &format!("/.well-known/scitt-keys/{kid}"));
    assert_eq!((status, body), (200, service::key(&receipt.key)));
    let (status, head, body) = get(live, "/.well-known/transparency-configuration");
    assert_eq!((status, body), (200, service::configuration(&receipt.chain())), "{head}");
    assert!(head.contains("/.well-known/scitt-keys"), "{head}");
}

fn what_is_registered_over_scrapi_has_a_receipt(live: &Live, number: u64, keys: &[String]) {
    let (key, source, chain) = operator(live);
    let (statement, signed) = sign(live, number);
    let draft = register_draft(live, &register_args(&signed));
    let transaction = draft.sign(&key, &chain, source).unwrap();
    let address = bare(&live.net.validators[1].http).to_owned();
    let post = |media: &str, accept: &str, body: &[u8]| {
        let head = format!("POST /entries HTTP/1.1\r\nContent-Type: {media}\r\nAccept: {accept}");
        http(&address, &head, body)
    };
    let body = service::registration(&statement, &transaction.raw).unwrap();
    let array = service::registration_array(&statement, &transaction.raw);
    let mut broken = body.clone();
    broken[200] ^= 1;
    let (other, _) = sign(live, 77);
    let unnamed = service::registration(&other, &transaction.raw).unwrap();
    let mut unsigned = array.clone();
    let last = unsigned.len() - 1;
    unsigned[last] ^= 1;
    for (media, body, status, what) in [
        ("text/plain", &body, 415, "Unsupported Media Type"),
        (COSE, &statement, 400, "Confirmation Missing"),
        (COSE, &unnamed, 400, "Confirmation Missing"),
        (COSE, &Vec::new(), 400, "Malformed request"),
        (REGISTRATION, &Vec::new(), 400, "Malformed request"),
        (REGISTRATION, &unsigned, 400, "Rejected"),
        (COSE, &vec![0; service::REGISTRATION_BYTES_MAX + 1], 413, "Too Large"),
    ] {
        let (found, head, body) = post(media, COSE, body);
        assert_eq!((found, head.contains(PROBLEM)), (status, true), "{what}: {head}");
        assert_eq!(title(&body), what);
    }
    assert_eq!(post(COSE, COSE, &broken).0, 400);

    // The receipt at once if the block comes soon, or where it will be.
    let (status, head, _) = post(COSE, COSE, &body);
    assert!([201, 303].contains(&status), "{head}");
    let location = format!("/entries/{}", transaction.id);
    assert!(head.contains(&format!("location: {location}")), "{head}");
    let receipt = until("the entry has a receipt", || {
        let (status, head, body) = get(live, &location);
        assert!([200, 302].contains(&status), "{head}");
        (status == 200).then_some(body)
    });
    let receipt = Receipt::from_bytes(&receipt).unwrap();
    receipt.check(signed.leaf(), &Zip215).unwrap();
    // Again, in the other form: it exists, and the entry is the same.
    let (status, head, again) = post(REGISTRATION, COSE, &array);
    assert_eq!((status, head.contains(&location)), (201, true), "{head}");
    Receipt::from_bytes(&again).unwrap().check(signed.leaf(), &Zip215).unwrap();
    // And as a transparent statement: the statement itself, with two organisations' receipts.
    let (status, head, transparent) = post(COSE, STATEMENT, &body);
    assert_eq!((status, head.contains(STATEMENT)), (201, true), "{head}");
    others_verify_the_transparent_statement(live, (&statement, &transparent), &signed, keys);
}

fn others_verify_the_transparent_statement(
    live: &Live,
    (statement, transparent): (&[u8], &[u8]),
    signed: &Signed,
    keys: &[String],
) {
    let (file, plain) = (live.path("transparent.cose"), live.path("plain.cose"));
    fs::write(&file, transparent).unwrap();
    fs::write(&plain, statement).unwrap();
    let (key, entry) = (signed.key.to_string(), entry(&signed.id()));
    let mut arguments = vec!["transparent", text(&file), text(&plain), &key, &entry];
    arguments.extend(keys.iter().map(String::as_str));
    let said: Value = serde_json::from_str(&python::check(&arguments)).unwrap();
    for what in ["statement_verified", "same_statement"] {
        assert_eq!(said[what], true, "{what}: {said}");
    }
    assert_eq!(all_believed(&said).len(), 2, "{said}");
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
