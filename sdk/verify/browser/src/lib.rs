//! The offline verifier in a browser: a module with plain exports, and the one page that holds it.
//!
//! ```text
//! build.sh ─▶ .build/linli-browser.wasm ─▶ build.rs ─▶ linli-verify.html (PAGE) ─▶ `linli verify --page`
//! ```
//!
//! The page works from a file and asks for nothing over a network: its own policy forbids it.
//! What it shows, `linli-verify` says; it judges nothing by itself.
//!
//! # Invariants
//!
//! - **W1 one verifier.** The page's answer is [`linli_verify::examine`]'s, as JSON.
//! - **W2 one use.** An instance of the module verifies once and is then dropped; files are read in
//!   pieces by another one.
#![no_std]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod exports;

use alloc::string::String;
use alloc::vec::Vec;
use linli_verify::FileDigests;

/// The page, whole: one file of HTML.
#[cfg(not(target_arch = "wasm32"))]
pub const PAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/linli-verify.html"));

/// Bytes of a file's digests: size, SHA-256, SM3.
pub const DIGESTS_BYTES: usize = 72;

/// The digests as the page keeps them: size (little-endian), SHA-256, SM3.
pub fn digests_bytes(file: &FileDigests) -> [u8; DIGESTS_BYTES] {
    let mut bytes = [0; DIGESTS_BYTES];
    let parts = [file.size.to_le_bytes().as_slice(), &file.sha256.0, &file.sm3.0].concat();
    bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    bytes
}

/// Verifies a pack. `files` is, for each file, the length of its name (4 bytes, little-endian), the
/// name, and its digests. The answer is JSON (W1); `null` if `files` cannot be read, which no page
/// of ours sends.
pub fn verify(pack: &[u8], files: &[u8], genesis: &[u8]) -> Vec<u8> {
    let verdict = read_files(files).map(|files| linli_verify::examine(pack, &files, genesis));
    serde_json::to_vec(&verdict).unwrap_or_else(|_| b"null".to_vec())
}

fn read_files(mut bytes: &[u8]) -> Option<Vec<FileDigests>> {
    let mut files = Vec::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let (name, rest) = rest.split_at_checked(len)?;
        let (size, rest) = rest.split_first_chunk()?;
        let (sha256, rest) = rest.split_first_chunk()?;
        let (sm3, rest) = rest.split_first_chunk()?;
        let mut file = FileDigests::of(String::from_utf8_lossy(name), &[]);
        file.size = u64::from_le_bytes(*size);
        (file.sha256.0, file.sm3.0) = (*sha256, *sm3);
        files.push(file);
        bytes = rest;
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_over_as_they_were_digested() {
        let files = [FileDigests::of("a.pdf", b"one"), FileDigests::of("照片.jpg", b"two")];
        let mut bytes = Vec::new();
        for file in &files {
            bytes.extend_from_slice(&u32::try_from(file.name.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(file.name.as_bytes());
            bytes.extend_from_slice(&digests_bytes(file));
        }
        assert_eq!(read_files(&bytes), Some(files.to_vec()));
        for len in 1..bytes.len() {
            let cut = read_files(&bytes[..len]);
            assert!(cut.is_none_or(|files| files.len() == 1), "{len}");
        }
    }

    #[test]
    fn what_is_no_pack_is_said_in_json() {
        let answer: serde_json::Value = serde_json::from_slice(&verify(b"x", b"", b"y")).unwrap();
        assert_eq!(answer["verified"], false);
        assert_eq!(answer["failure"]["layer"], "genesis");
        assert_eq!(verify(b"x", b"y", b"z"), b"null");
    }

    #[test]
    fn the_page_is_whole_and_asks_for_nothing() {
        let page = core::str::from_utf8(PAGE).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
        assert!(page.contains("default-src 'none'"));
        for word in ["http://", "https://", "@import", "fetch(", "XMLHttpRequest", "{{"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
