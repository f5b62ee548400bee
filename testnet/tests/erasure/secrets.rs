//! What a vault keeps secret, opened with its master key: the keys whose every trace must go.

use super::scan::{Needles, walk};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use linli_sdk::SecretKey;
use std::fs;
use std::path::Path;

const NONCE_BYTES: usize = 24;
/// Where a row has its key: behind format, record and the payload's random name.
const KEY_AT: usize = 2 + 32 + 16;
/// Bytes of a ciphertext that are searched for.
const HEAD_BYTES: usize = 64;

/// The keys of records and sources, which stand nowhere but sealed.
pub(crate) fn keys(vault: &Path, key: &SecretKey) -> Needles {
    let master = blake3::derive_key("linli.vault.master.v1", &*key.to_bytes());
    let mut keys = Needles::default();
    for (part, domain, at) in
        [("keys", "linli.vault.row.v1", KEY_AT), ("secrets", "linli.vault.secret.v1", 0)]
    {
        for path in walk(&vault.join(part)) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let associated = [domain.as_bytes(), &hex::decode(&name).unwrap()].concat();
            let plain = open(&master, &associated, fs::read(&path).unwrap());
            keys.add_spelled(&format!("{part}/{name}"), &plain[at..at + 32]);
        }
    }
    keys
}

fn open(master: &[u8; 32], associated: &[u8], mut sealed: Vec<u8>) -> Vec<u8> {
    let nonce = sealed.split_off(sealed.len() - NONCE_BYTES);
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().unwrap();
    let cipher = XChaCha20Poly1305::new(master.into());
    cipher.decrypt_in_place(&XNonce::from(nonce), associated, &mut sealed).unwrap();
    sealed
}

/// What stands on the disk sealed: rows, secrets and payload.
pub(crate) fn sealed(vault: &Path) -> Needles {
    let mut sealed = Needles::default();
    for part in ["keys", "secrets", "payload"] {
        for path in walk(&vault.join(part)) {
            let bytes = fs::read(&path).unwrap();
            let name = path.strip_prefix(vault).unwrap().display().to_string();
            sealed.add(&name, &bytes[..HEAD_BYTES.min(bytes.len())]);
        }
    }
    sealed
}
