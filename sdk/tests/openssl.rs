//! Signatures of ours under the eyes of OpenSSL, and its own under ours.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_sdk::{SecretKey, Sm2Key};
use linli_types::id::{ChainId, Digest};
use linli_types::signature::Zip215;
use linli_verify::note::{Checkpoint, Key, Kind, Line, Note, origin};
use linli_verify::sm2::{self, BadSm2};
use std::path::Path;
use std::process::Command;

/// What stands in front of a public key in a `SubjectPublicKeyInfo`.
const SM2_INFO: &str = "3059301306072a8648ce3d020106082a811ccf5501822d034200";
const ED25519_INFO: &str = "302a300506032b6570032100";

/// Runs OpenSSL in a folder; whether it says yes.
fn openssl(folder: &Path, args: &[&str]) -> bool {
    let out = Command::new("openssl").current_dir(folder).args(args).output();
    out.expect("these tests need the program openssl").status.success()
}

fn write_public(folder: &Path, info: &str, key: &[u8]) {
    let bytes = [hex(info).as_slice(), key].concat();
    std::fs::write(folder.join("public.der"), bytes).unwrap();
    let args = ["pkey", "-pubin", "-inform", "DER", "-in", "public.der", "-out", "public.pem"];
    assert!(openssl(folder, &args));
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// `r ‖ s` as the sequence of two numbers that OpenSSL writes.
fn to_der(raw: &[u8; 64]) -> Vec<u8> {
    let number = |half: &[u8]| {
        let mut body: Vec<u8> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
        if body.first().is_none_or(|first| *first >= 0x80) {
            body.insert(0, 0);
        }
        [&[2, body.len() as u8], body.as_slice()].concat()
    };
    let body = [number(&raw[..32]), number(&raw[32..])].concat();
    [&[0x30, body.len() as u8], body.as_slice()].concat()
}

fn from_der(der: &[u8]) -> [u8; 64] {
    let (mut raw, mut rest) = ([0; 64], &der[2..]);
    for half in raw.chunks_mut(32) {
        let (body, after) = rest[2..].split_at(usize::from(rest[1]));
        let body = body.strip_prefix(&[0]).unwrap_or(body);
        half[32 - body.len()..].copy_from_slice(body);
        rest = after;
    }
    raw
}

#[test]
fn leg_23_openssl_verifies_what_an_sm2_key_signs_under_its_id_and_under_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for id in [sm2::DEFAULT_SIGNER_ID, "linli-org-2", "机构二"] {
        let key = Sm2Key::generate(id).unwrap();
        let signed = key.sign(b"the same bytes that Ed25519 signs").unwrap();
        write_public(folder, SM2_INFO, &signed.public_key);
        std::fs::write(folder.join("message"), b"the same bytes that Ed25519 signs").unwrap();
        std::fs::write(folder.join("signature"), to_der(&signed.signature)).unwrap();
        let under = |id: &str| {
            let id = format!("distid:{id}");
            let verify = ["dgst", "-sm3", "-verify", "public.pem", "-sigopt", &id];
            openssl(folder, &[&verify[..], &["-signature", "signature", "message"]].concat())
        };
        assert!(under(id), "{id}");
        assert!(!under("another"), "{id}");
    }
}

#[test]
fn leg_23_what_openssl_signs_by_sm2_verifies_here() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("message"), b"message digest").unwrap();
    assert!(openssl(folder, &["genpkey", "-algorithm", "SM2", "-out", "secret.pem"]));
    let public = ["pkey", "-in", "secret.pem", "-pubout", "-outform", "DER", "-out", "public.der"];
    assert!(openssl(folder, &public));
    let sign = ["dgst", "-sm3", "-sign", "secret.pem", "-sigopt", "distid:linli-org-2"];
    assert!(openssl(folder, &[&sign[..], &["-out", "signature", "message"]].concat()));
    let info = std::fs::read(folder.join("public.der")).unwrap();
    let key: [u8; 65] = info[info.len() - 65..].try_into().unwrap();
    let signature = from_der(&std::fs::read(folder.join("signature")).unwrap());
    assert_eq!(sm2::verify(&key, "linli-org-2", b"message digest", &signature), Ok(()));
    let other = sm2::verify(&key, "linli-org-3", b"message digest", &signature);
    assert_eq!(other, Err(BadSm2::Signature));
}

#[test]
fn openssl_verifies_both_signatures_of_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let chain = ChainId([0x5f; 32]);
    let mut note = Checkpoint::of(&chain, 7, Digest([9; 32])).note().unwrap();
    let secret = SecretKey::generate().unwrap();
    for (name, kind, time) in
        [(origin(&chain), Kind::Log, 0), ("court.example/w1".into(), Kind::Witness, 1_800_000_000)]
    {
        let key = Key::new(name, kind, secret.public()).unwrap();
        let message = kind.message(note.text(), time);
        let signature = secret.sign(&message);
        note.push(Line::new(&key, time, &signature)).unwrap();
        write_public(folder, ED25519_INFO, &secret.public().0);
        std::fs::write(folder.join("message"), &message).unwrap();
        std::fs::write(folder.join("signature"), signature.0).unwrap();
        let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin"];
        let holds = [&verify[..], &["-in", "message", "-sigfile", "signature"]].concat();
        assert!(openssl(folder, &holds), "{kind:?}");
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(read.signed_by(&key, &Zip215), Ok(Some(time)));
    }
}
