//! Searching many byte strings at once, in every spelling that a program might have written them in.

use linli_node::storage::{RocksStore, Tuning};
use linli_types::store::{Column, Read};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Byte strings to search for, each with what it is called.
#[derive(Default)]
pub(crate) struct Needles {
    by_head: BTreeMap<[u8; 8], Vec<(Vec<u8>, String)>>,
    /// Whether a needle begins with these three bytes.
    heads: Vec<bool>,
    names: BTreeSet<String>,
}

impl Needles {
    /// Adds exact bytes; at least eight.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) {
        if self.heads.is_empty() {
            self.heads = vec![false; 1 << 24];
        }
        let head = bytes[..8].try_into().unwrap();
        self.heads[three(bytes)] = true;
        self.by_head.entry(head).or_default().push((bytes.to_vec(), name.to_owned()));
        self.names.insert(name.to_owned());
    }

    /// Adds bytes as they are, in hexadecimal, in the hexadecimal of their hexadecimal (a manifest in a
    /// queue's entry), and in base64 wherever it begins.
    pub(crate) fn add_spelled(&mut self, name: &str, bytes: &[u8]) {
        let low = hex::encode(bytes);
        self.add(name, bytes);
        for text in [low.clone(), low.to_uppercase(), hex::encode(&low)] {
            self.add(name, text.as_bytes());
        }
        for table in [BASE64, BASE64_URL] {
            for before in 0..3 {
                self.add(name, &base64_after(table, before, bytes));
            }
        }
    }

    pub(crate) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// What of it stands in `bytes`.
    pub(crate) fn within(&self, bytes: &[u8]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (at, head) in bytes.windows(8).enumerate() {
            if !self.heads[three(head)] {
                continue;
            }
            let Some(needles) = self.by_head.get(head) else { continue };
            let here = needles.iter().filter(|(needle, _)| bytes[at..].starts_with(needle));
            found.extend(here.map(|(_, name)| name.clone()));
        }
        found
    }

    /// What of it stands in the files below a folder, or in their names.
    pub(crate) fn below(&self, folder: &Path) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for path in walk(folder) {
            found.extend(self.within(path.as_os_str().as_encoded_bytes()));
            found.extend(self.within(&fs::read(&path).unwrap()));
        }
        found
    }

    /// What of it stands in a stopped node's rows: its files hold many of them compressed.
    pub(crate) fn in_rows(&self, data: &Path) -> BTreeSet<String> {
        let store = RocksStore::open_to_read(&data.join("db"), None, Tuning::default()).unwrap();
        let (mut found, mut rows) = (BTreeSet::new(), 0);
        for column in Column::ALL {
            for (key, value) in store.scan(column, b"", b"", usize::MAX).unwrap() {
                found.extend(self.within(&key));
                found.extend(self.within(&value));
                rows += 1;
            }
        }
        assert!(rows > 200, "{rows} rows in {}", data.display());
        found
    }
}

fn three(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2])
}

/// Base64 of bytes that stand behind `before` others: only the characters that they alone decide.
fn base64_after(table: &[u8; 64], before: usize, bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![0; before];
    all.extend_from_slice(bytes);
    let bit = |at: usize| all[at / 8] >> (7 - at % 8) & 1;
    let sextet = |n: usize| (0..6).fold(0, |value, at| value << 1 | bit(n * 6 + at));
    let (first, end) = ((before * 8).div_ceil(6), all.len() * 8 / 6);
    (first..end).map(|n| table[usize::from(sextet(n))]).collect()
}

/// Every file below a folder.
pub(crate) fn walk(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn a_needle_is_found_in_every_spelling() {
    let mut needles = Needles::default();
    needles.add_spelled("salt", b"a salt of 32 bytes, or nearly so");
    // RFC 4648 over one byte more at the front, and one more behind it.
    for text in [
        "YSBzYWx0IG9mIDMyIGJ5dGVzLCBvciBuZWFybHkgc28=",
        "LWEgc2FsdCBvZiAzMiBieXRlcywgb3IgbmVhcmx5IHNv",
        "LS1hIHNhbHQgb2YgMzIgYnl0ZXMsIG9yIG5lYXJseSBzbw==",
        "..612073616c74206f662033322062797465732c206f72206e6561726c7920736f",
        "36313230373336313663373432303666363632303333333232303632373937343635373332633230366637323230366536353631373236633739323037333666",
    ] {
        assert!(!needles.within(text.as_bytes()).is_empty(), "{text}");
    }
    assert!(needles.within(b"a salt of 32 bytes, or nearly not").is_empty());
}
