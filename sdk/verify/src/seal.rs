//! A pack's bytes: named entries, sealed in one spelling.
//!
//! ```text
//! index            BLAKE3 of every other entry, one line each, as `b3sum` prints them
//! kind             "linli evidence 2\n", or evidence, receipt, state, account with 1
//! explanation.txt  what is proved and what is not, for people         evidence 2
//! explanation.pdf  the same on paper                                   evidence 2
//! manifest.json    files and their digests, canonical JSON             evidence
//! statement        what was anchored: protobuf, exact bytes            evidence 1
//! statement.cose   what was anchored: COSE_Sign1, exact bytes          evidence 2
//! statement.sm2    the organisation's second signature: borsh          evidence 2, optional
//! log              place of the leaf and the way up: borsh             evidence
//! receipts.cose    COSE receipts of validators                         evidence 2, optional
//! keys             which keys sign them, and by whose word: borsh      evidence 2, with receipts.cose
//! transaction      the signed request and its place: borsh             evidence; receipt, optional
//! receipt          what became of it and its place: borsh              evidence and receipt
//! entries          stored entries with their proofs: borsh             state and account
//! answer           what a computed query said: borsh                   state, optional
//! lines            every entry of the account: borsh                   account
//! header           the block's header: borsh
//! certificate      the validators' signatures: borsh
//! sets             every change of the validator set since the genesis: borsh
//! token            a time-stamp token over a later block: borsh        evidence 2, optional
//! checkpoint       a later state of the log, with cosignatures: borsh  evidence 2, optional
//! platform.json    who keeps the ledger, canonical JSON                evidence 2, optional
//! policy           the policy in force, proved in a later state: borsh evidence 2, optional
//! files/NAME       the files themselves                                evidence 2, optional
//! ```
//!
//! A file that is not inside is given beside the pack.
//!
//! It does not know what the entries mean: that is `pack` and `check`.
//!
//! # Invariants
//!
//! - **O1 one spelling.** Reading compares every byte that is no entry's content with what writing
//!   would put there, and every content with the index: no byte is left unaccounted for.

mod name;

pub use name::Kind;
pub(crate) use name::Name;

use crate::failure::{Failure, Reason};
use crate::manifest::{FILES_MAX, is_file_name};
use crate::zip;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use linli_types::digest;
use linli_types::limits;
use name::Want;

const INDEX: &str = "index";
const KIND: &str = "kind";
/// The folder of the files inside.
const FILES: &str = "files/";

/// Names and their bytes, as they follow each other.
type Parts<'a> = Vec<(&'a str, &'a [u8])>;

/// The entries of a pack, in their order, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed<'a> {
    pub(crate) kind: Kind,
    pub(crate) entries: Vec<(Name, Cow<'a, [u8]>)>,
    /// The files inside, by name.
    pub(crate) files: Vec<(Cow<'a, str>, Cow<'a, [u8]>)>,
}

impl<'a> Sealed<'a> {
    /// The bytes of an entry; empty if it is absent, which nothing that is read accepts.
    pub(crate) fn get(&self, name: Name) -> &[u8] {
        self.find(name).unwrap_or_default()
    }

    /// The bytes of an entry that may be absent.
    pub(crate) fn find(&self, name: Name) -> Option<&[u8]> {
        self.entries.iter().find(|(n, _)| *n == name).map(|(_, bytes)| bytes.as_ref())
    }

    /// The pack's bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let kind = self.kind.line().into_bytes();
        let paths: Vec<String> =
            self.files.iter().map(|(name, _)| format!("{FILES}{name}")).collect();
        let mut named = vec![(KIND, kind.as_slice())];
        named.extend(self.entries.iter().map(|(name, bytes)| (name.text(), bytes.as_ref())));
        let files = self.files.iter().map(|(_, bytes)| bytes.as_ref());
        named.extend(paths.iter().map(String::as_str).zip(files));
        let index = index_of(&named);
        named.insert(0, (INDEX, index.as_bytes()));
        archive(&named)
    }

    /// Opens a pack (O1).
    ///
    /// # Errors
    ///
    /// [`Failure`] of the layer `Pack`.
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Result<Self, Failure> {
        let most = limits::PACK_BYTES_MAX.saturating_add(limits::PACK_FILES_BYTES_MAX);
        check_size(bytes.len(), most)?;
        let parts = take_apart(bytes)?;
        let [(INDEX, index), (KIND, line), rest @ ..] = parts.as_slice() else {
            return Err(Failure::new(Reason::PackContents, [INDEX]));
        };
        let known = Kind::ALL.into_iter().find(|k| k.line().as_bytes() == *line);
        let kind = known.ok_or_else(|| Failure::new(Reason::PackEntry, [KIND]))?;
        let mut sealed = Self { kind, entries: Vec::new(), files: Vec::new() };
        for (name, bytes) in rest {
            sealed.take(name, bytes)?;
        }
        sealed.check_contents()?;
        check_index(index, &parts)?;
        let inside: usize = sealed.files.iter().map(|(_, bytes)| bytes.len()).sum();
        check_size(bytes.len().saturating_sub(inside), limits::PACK_BYTES_MAX)?;
        Ok(sealed)
    }

    /// One more entry, or one more file.
    fn take(&mut self, name: &'a str, bytes: &'a [u8]) -> Result<(), Failure> {
        if let Some(file) = name.strip_prefix(FILES).filter(|_| self.kind.holds_files()) {
            // A colon names a drive, or a stream of a file, on some machines.
            if !is_file_name(file) || file.contains(':') {
                return Err(Failure::new(Reason::PackName, [shown(name)]));
            }
            self.files.push((file.into(), bytes.into()));
            return Ok(());
        }
        // No name that an unpacker could take for a place outside its folder.
        if name.is_empty() || name.contains(['/', '\\', ':', '\0']) || name.starts_with('.') {
            return Err(Failure::new(Reason::PackName, [shown(name)]));
        }
        let known = Name::ALL.iter().find(|n| n.text() == name);
        let known = known.ok_or_else(|| Failure::new(Reason::PackContents, [shown(name)]))?;
        if !self.files.is_empty() {
            return Err(Failure::new(Reason::PackContents, [known.text()]));
        }
        self.entries.push((*known, bytes.into()));
        Ok(())
    }

    fn check_contents(&self) -> Result<(), Failure> {
        if let Some([_, (name, _)]) = self.entries.array_windows().find(|[a, b]| a.0 >= b.0) {
            return Err(Failure::new(Reason::PackContents, [name.text()]));
        }
        if let Some([_, (name, _)]) = self.files.array_windows().find(|[a, b]| a.0 >= b.0) {
            return Err(Failure::new(Reason::PackContents, [shown(name)]));
        }
        let wrong = |name: &Name| match self.kind.wants(*name) {
            Some(Want::Needed) => self.find(*name).is_none(),
            Some(Want::Allowed) => false,
            None => self.find(*name).is_some(),
        };
        match Name::ALL.iter().copied().find(wrong) {
            Some(name) => Err(Failure::new(Reason::PackContents, [name.text()])),
            None => Ok(()),
        }
    }
}

fn check_size(found: usize, most: usize) -> Result<(), Failure> {
    match found > most {
        true => Err(Failure::new(Reason::PackTooLarge, [found, most])),
        false => Ok(()),
    }
}

/// A name that is not ours, for a message.
fn shown(name: &str) -> String {
    name.chars().take(32).filter(|c| !c.is_control()).collect()
}

fn index_line(name: &str, bytes: &[u8]) -> String {
    format!("{}  {name}\n", digest::plain(bytes))
}

fn index_of(named: &[(&str, &[u8])]) -> String {
    named.iter().map(|(name, bytes)| index_line(name, bytes)).collect()
}

/// Every entry has its line, and there is none besides.
fn check_index(index: &[u8], parts: &Parts<'_>) -> Result<(), Failure> {
    let mut rest = index;
    for (name, bytes) in parts.iter().skip(1) {
        let line = index_line(name, bytes);
        let changed = || Failure::new(Reason::PackEntry, [shown(name)]);
        rest = rest.strip_prefix(line.as_bytes()).ok_or_else(changed)?;
    }
    match rest {
        [] => Ok(()),
        _ => Err(Failure::new(Reason::PackEntry, [INDEX])),
    }
}

/// The stored entries, as they follow each other, and nothing after the directory (O1).
fn take_apart(bytes: &[u8]) -> Result<Parts<'_>, Failure> {
    let (mut parts, mut entries) = (Parts::new(), Vec::new());
    let mut at = 0_usize;
    let entries_max = Name::ALL.len().saturating_add(FILES_MAX).saturating_add(2);
    while let Some((entry, name, record)) =
        bytes.get(at..).and_then(|b| zip::read_local(b, at as u64))
    {
        let unreadable = || Failure::new(Reason::PackUnreadable, [at]);
        let start = at.checked_add(record).ok_or_else(unreadable)?;
        let size = usize::try_from(entry.size).map_err(|_| unreadable())?;
        let end = start.checked_add(size).ok_or_else(unreadable)?;
        let content = bytes.get(start..end).ok_or_else(unreadable)?;
        if crc32fast::hash(content) != entry.crc || parts.len() >= entries_max {
            return Err(Failure::new(Reason::PackEntry, [shown(name)]));
        }
        parts.push((name, content));
        entries.push(entry);
        at = end;
    }
    if parts.len() < 2 {
        return Err(Failure::new(Reason::PackUnreadable, [at]));
    }
    let (anew, rest) = (zip::directory(&entries, at as u64), bytes.get(at..).unwrap_or_default());
    if anew == rest {
        return Ok(parts);
    }
    let same = anew.iter().zip(rest).take_while(|(a, b)| a == b).count();
    Err(Failure::new(Reason::PackSpelling, [at.saturating_add(same)]))
}

fn archive(named: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut entries) = (Vec::new(), Vec::new());
    for (name, content) in named {
        let entry = zip::Entry {
            name: (*name).into(),
            crc: crc32fast::hash(content),
            size: content.len() as u64,
            offset: bytes.len() as u64,
        };
        bytes.extend_from_slice(&zip::local(&entry));
        bytes.extend_from_slice(content);
        entries.push(entry);
    }
    let start = bytes.len() as u64;
    bytes.extend_from_slice(&zip::directory(&entries, start));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Detail;

    fn sealed() -> Sealed<'static> {
        let entry = |name: Name| (name, name.text().repeat(3).into_bytes().into());
        let entries = [Name::Entries, Name::Header, Name::Certificate, Name::Sets].map(entry);
        Sealed { kind: Kind::State, entries: entries.into(), files: Vec::new() }
    }

    /// Every entry of a kind, and `names` as files inside.
    fn with_files(names: &[&'static str]) -> Sealed<'static> {
        let needed = Name::ALL.iter().filter(|n| Kind::Whole.wants(**n) == Some(Want::Needed));
        let entries = needed.map(|name| (*name, b"x".as_slice().into())).collect();
        let files = names.iter().map(|name| ((*name).into(), name.as_bytes().into())).collect();
        Sealed { kind: Kind::Whole, entries, files }
    }

    #[test]
    fn what_is_sealed_opens_to_the_same() {
        assert_eq!(Sealed::from_bytes(&sealed().to_bytes()), Ok(sealed()));
    }

    #[test]
    fn every_changed_bit_and_every_missing_or_spare_byte_is_seen() {
        let good = sealed().to_bytes();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Sealed::from_bytes(&bad).is_err(), "bit {bit}");
        }
        for len in 0..good.len() {
            assert!(Sealed::from_bytes(&good[..len]).is_err(), "cut at {len}");
        }
        for (at, spare) in [(0, 0_u8), (good.len(), 0), (good.len(), b'P'), (good.len() / 2, 0)] {
            let mut bad = good.clone();
            bad.insert(at, spare);
            assert!(Sealed::from_bytes(&bad).is_err(), "spare at {at}");
        }
    }

    #[test]
    fn entries_missing_foreign_doubled_or_out_of_order_are_refused() {
        type Entries = Vec<(Name, Cow<'static, [u8]>)>;
        let changed = |change: fn(&mut Entries)| {
            let mut pack = sealed();
            change(&mut pack.entries);
            Sealed::from_bytes(&pack.to_bytes()).map(drop).map_err(|f| f.reason)
        };
        let contents = Err(Reason::PackContents);
        assert_eq!(changed(|e| drop(e.remove(1))), contents);
        assert_eq!(changed(|e| e.insert(0, (Name::Log, Cow::default()))), contents);
        assert_eq!(changed(|e| e.insert(0, e[0].clone())), contents);
        assert_eq!(changed(|e| e.swap(0, 1)), contents);
        assert!(changed(|e| e.insert(1, (Name::Answer, Cow::default()))).is_ok());
    }

    #[test]
    fn evidence_without_its_request_or_its_receipt_is_no_evidence() {
        let all = [
            Name::Manifest,
            Name::Statement,
            Name::Log,
            Name::Transaction,
            Name::Receipt,
            Name::Header,
            Name::Certificate,
            Name::Sets,
        ];
        let with = |names: &[Name]| {
            let entries = names.iter().map(|name| (*name, b"x".as_slice().into())).collect();
            let sealed = Sealed { kind: Kind::Evidence, entries, files: Vec::new() };
            Sealed::from_bytes(&sealed.to_bytes()).map(drop)
        };
        assert!(with(&all).is_ok());
        for absent in all {
            let rest: Vec<Name> = all.into_iter().filter(|name| *name != absent).collect();
            let failure = with(&rest).unwrap_err();
            assert_eq!(
                (failure.reason, failure.details),
                (Reason::PackContents, vec![Detail::from(absent.text())])
            );
        }
    }

    #[test]
    fn files_inside_come_back_in_their_order_and_count_for_themselves() {
        let pack = with_files(&["a.pdf", "照片 1.jpg"]);
        assert_eq!(Sealed::from_bytes(&pack.to_bytes()), Ok(pack));
        let mut large = with_files(&["a.pdf"]);
        large.files[0].1 = vec![7; limits::PACK_BYTES_MAX + 1].into();
        assert!(Sealed::from_bytes(&large.to_bytes()).is_ok());
        large.entries[0].1 = vec![7; limits::PACK_BYTES_MAX].into();
        let failure = Sealed::from_bytes(&large.to_bytes()).map(drop).unwrap_err();
        assert_eq!(failure.reason, Reason::PackTooLarge);
    }

    #[test]
    fn names_that_leave_the_folder_and_names_that_stand_twice_are_refused() {
        let reason = |names: &[&'static str]| {
            Sealed::from_bytes(&with_files(names).to_bytes()).map(drop).unwrap_err().reason
        };
        for name in ["../a", "a/../../b", "/etc/passwd", "C:\\a", "..", ".", "", "a\\b", "a\nb"] {
            assert_eq!(reason(&[name]), Reason::PackName, "{name:?}");
        }
        assert_eq!(reason(&["a", "a"]), Reason::PackContents);
        assert_eq!(reason(&["b", "a"]), Reason::PackContents);
    }

    #[test]
    fn an_entry_with_a_path_of_its_own_is_refused() {
        for name in ["../header", "/header", "C:header", ".header", "a/header", "\\header"] {
            let pack = archive(&[(INDEX, b""), (KIND, b"linli receipt 1\n"), (name, b"x")]);
            let failure = Sealed::from_bytes(&pack).map(drop).unwrap_err();
            assert_eq!(failure.reason, Reason::PackName, "{name:?}");
        }
    }

    #[test]
    fn files_have_no_place_in_the_older_kinds() {
        let mut pack = sealed();
        pack.files.push(("a".into(), b"x".as_slice().into()));
        let failure = Sealed::from_bytes(&pack.to_bytes()).map(drop).unwrap_err();
        assert_eq!(failure.reason, Reason::PackName);
    }

    #[test]
    fn a_pack_beyond_the_bound_is_refused_unread() {
        let failure =
            Sealed::from_bytes(&vec![0; limits::PACK_BYTES_MAX + limits::PACK_FILES_BYTES_MAX + 1])
                .unwrap_err();
        assert_eq!(failure.reason, Reason::PackTooLarge);
    }
}
