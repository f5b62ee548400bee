//! A pack's bytes: named entries, sealed in one spelling.
//!
//! ```text
//! index          BLAKE3 of every other entry, one line each, as `b3sum` prints them
//! kind           "linli evidence 1\n", or receipt, state, account
//! manifest.json  files and their digests, canonical JSON          evidence
//! statement      what was anchored: protobuf, exact bytes         evidence
//! log            place of the leaf and the way up: borsh          evidence
//! transaction    the signed request and its place: borsh          evidence; receipt, optional
//! receipt        what became of it and its place: borsh           evidence and receipt
//! entries        stored entries with their proofs: borsh          state and account
//! answer         what a computed query said: borsh                state, optional
//! lines          every entry of the account: borsh                account
//! header         the block's header: borsh
//! certificate    the validators' signatures: borsh
//! sets           every change of the validator set since the genesis: borsh
//! ```
//!
//! The file that is proved is not inside: it is given beside the pack.
//!
//! It does not know what the entries mean: that is `pack` and `check`.
//!
//! # Invariants
//!
//! - **O1 one spelling.** Reading takes the bytes apart, seals them anew and compares: no byte is
//!   left unaccounted for.

use crate::failure::{Failure, Reason};
use crate::said::Detail;
use crate::zip;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use linli_types::digest;
use linli_types::limits;

/// What a pack proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file was anchored.
    Evidence,
    /// A transaction had this receipt.
    Receipt,
    /// Entries stood in the ledger, or did not.
    State,
    /// An account stood so, and these are all its entries.
    Account,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Evidence, Self::Receipt, Self::State, Self::Account];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Receipt => "receipt",
            Self::State => "state",
            Self::Account => "account",
        }
    }

    /// The name for people.
    pub(crate) fn text(self) -> Detail {
        let zh = match self {
            Self::Evidence => "存证",
            Self::Receipt => "回执",
            Self::State => "账本状态",
            Self::Account => "账户明细",
        };
        Detail::new(zh, self.name())
    }

    fn line(self) -> String {
        format!("linli {} 1\n", self.name())
    }

    /// How the entry stands in packs of this kind: needed, allowed, or `None`.
    fn wants(self, entry: Name) -> Option<Want> {
        match (self, entry) {
            (_, Name::Header | Name::Certificate | Name::Sets) => Some(Want::Needed),
            (Self::Evidence, Name::Manifest | Name::Statement | Name::Log) => Some(Want::Needed),
            // Without them a statement is only a leaf, and any contract may append leaves.
            (Self::Evidence, Name::Transaction | Name::Receipt) => Some(Want::Needed),
            (Self::Receipt, Name::Receipt) | (Self::State, Name::Entries) => Some(Want::Needed),
            (Self::Account, Name::Entries | Name::Lines) => Some(Want::Needed),
            (Self::Receipt, Name::Transaction) | (Self::State, Name::Answer) => Some(Want::Allowed),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Needed,
    Allowed,
}

/// The entries besides `index` and `kind`, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    Manifest,
    Statement,
    Log,
    Transaction,
    Receipt,
    Entries,
    Answer,
    Lines,
    Header,
    Certificate,
    Sets,
}

impl Name {
    const ALL: [Self; 11] = [
        Self::Manifest,
        Self::Statement,
        Self::Log,
        Self::Transaction,
        Self::Receipt,
        Self::Entries,
        Self::Answer,
        Self::Lines,
        Self::Header,
        Self::Certificate,
        Self::Sets,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Manifest => "manifest.json",
            Self::Statement => "statement",
            Self::Log => "log",
            Self::Transaction => "transaction",
            Self::Receipt => "receipt",
            Self::Entries => "entries",
            Self::Answer => "answer",
            Self::Lines => "lines",
            Self::Header => "header",
            Self::Certificate => "certificate",
            Self::Sets => "sets",
        }
    }
}

const INDEX: &str = "index";
const KIND: &str = "kind";

/// The entries of a pack, in their order, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) kind: Kind,
    pub(crate) entries: Vec<(Name, Vec<u8>)>,
}

impl Sealed {
    /// The bytes of an entry; empty if it is absent, which nothing that is read accepts.
    pub(crate) fn get(&self, name: Name) -> &[u8] {
        self.find(name).unwrap_or_default()
    }

    /// The bytes of an entry that may be absent.
    pub(crate) fn find(&self, name: Name) -> Option<&[u8]> {
        self.entries.iter().find(|(n, _)| *n == name).map(|(_, bytes)| bytes.as_slice())
    }

    /// The pack's bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let kind = self.kind.line().into_bytes();
        let mut named = vec![(KIND, kind.as_slice())];
        named.extend(self.entries.iter().map(|(name, bytes)| (name.text(), bytes.as_slice())));
        let line = |(name, bytes): &(&str, &[u8])| format!("{}  {name}\n", digest::plain(bytes));
        let index: String = named.iter().map(line).collect();
        named.insert(0, (INDEX, index.as_bytes()));
        archive(&named)
    }

    /// Opens a pack (O1).
    ///
    /// # Errors
    ///
    /// [`Failure`] of the layer `Pack`.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        if bytes.len() > limits::PACK_BYTES_MAX {
            let details = [bytes.len(), limits::PACK_BYTES_MAX];
            return Err(Failure::new(Reason::PackTooLarge, details));
        }
        let sealed = Self::from_parts(&take_apart(bytes)?)?;
        let anew = sealed.to_bytes();
        match anew.iter().zip(bytes).position(|(a, b)| a != b) {
            Some(at) => Err(Failure::new(Reason::PackSpelling, [at])),
            None if anew.len() != bytes.len() => {
                Err(Failure::new(Reason::PackSpelling, [anew.len().min(bytes.len())]))
            }
            None => Ok(sealed),
        }
    }

    fn from_parts(parts: &[(String, Vec<u8>)]) -> Result<Self, Failure> {
        let [(index, lines), (kind, line), rest @ ..] = parts else {
            return Err(Failure::new(Reason::PackContents, [INDEX]));
        };
        if index != INDEX || kind != KIND {
            return Err(Failure::new(Reason::PackContents, [INDEX]));
        }
        let known = Kind::ALL.into_iter().find(|k| k.line().as_bytes() == line);
        let kind = known.ok_or_else(|| Failure::new(Reason::PackEntry, [KIND]))?;
        let entries =
            rest.iter().map(|(name, bytes)| named(name, bytes)).collect::<Result<_, _>>()?;
        let sealed = Self { kind, entries };
        sealed.check_contents()?;
        sealed.check_index(lines)?;
        Ok(sealed)
    }

    fn check_contents(&self) -> Result<(), Failure> {
        if let Some([_, (name, _)]) = self.entries.array_windows().find(|[a, b]| a.0 >= b.0) {
            return Err(Failure::new(Reason::PackContents, [name.text()]));
        }
        let wrong = |name: &Name| match self.kind.wants(*name) {
            Some(Want::Needed) => self.find(*name).is_none(),
            Some(Want::Allowed) => false,
            None => self.find(*name).is_some(),
        };
        match Name::ALL.into_iter().find(wrong) {
            Some(name) => Err(Failure::new(Reason::PackContents, [name.text()])),
            None => Ok(()),
        }
    }

    /// Names the entry whose digest differs; the full comparison follows in [`Self::from_bytes`].
    fn check_index(&self, lines: &[u8]) -> Result<(), Failure> {
        let mut lines = lines.split(|b| *b == b'\n').skip(1);
        for (name, bytes) in &self.entries {
            let line = format!("{}  {}", digest::plain(bytes), name.text());
            if lines.next() != Some(line.as_bytes()) {
                return Err(Failure::new(Reason::PackEntry, [name.text()]));
            }
        }
        Ok(())
    }
}

fn named(name: &str, bytes: &[u8]) -> Result<(Name, Vec<u8>), Failure> {
    let known = Name::ALL.into_iter().find(|n| n.text() == name);
    let shown: String = name.chars().take(32).filter(|c| !c.is_control()).collect();
    let known = known.ok_or_else(|| Failure::new(Reason::PackContents, [shown]))?;
    Ok((known, bytes.to_vec()))
}

/// The stored entries, as they follow each other.
fn take_apart(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut parts = Vec::new();
    let mut at = 0_usize;
    let entries_max = Name::ALL.len() + 2;
    while let Some((entry, record)) = bytes.get(at..).and_then(|b| zip::read_local(b, at as u64)) {
        let unreadable = || Failure::new(Reason::PackUnreadable, [at]);
        let start = at.checked_add(record).ok_or_else(unreadable)?;
        let size = usize::try_from(entry.size).map_err(|_| unreadable())?;
        let end = start.checked_add(size).ok_or_else(unreadable)?;
        let content = bytes.get(start..end).ok_or_else(unreadable)?;
        if crc32fast::hash(content) != entry.crc || parts.len() >= entries_max {
            let name: String = entry.name.chars().take(32).filter(|c| !c.is_control()).collect();
            return Err(Failure::new(Reason::PackEntry, [name]));
        }
        parts.push((entry.name, content.to_vec()));
        at = end;
    }
    if parts.len() < 2 { Err(Failure::new(Reason::PackUnreadable, [at])) } else { Ok(parts) }
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

    fn sealed() -> Sealed {
        let entry = |name: Name| (name, name.text().repeat(3).into_bytes());
        let entries = [Name::Entries, Name::Header, Name::Certificate, Name::Sets].map(entry);
        Sealed { kind: Kind::State, entries: entries.into() }
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
        let changed = |change: fn(&mut Vec<(Name, Vec<u8>)>)| {
            let mut pack = sealed();
            change(&mut pack.entries);
            Sealed::from_bytes(&pack.to_bytes()).map_err(|f| f.reason)
        };
        let contents = Err(Reason::PackContents);
        assert_eq!(changed(|e| drop(e.remove(1))), contents);
        assert_eq!(changed(|e| e.insert(0, (Name::Log, Vec::new()))), contents);
        assert_eq!(changed(|e| e.insert(0, e[0].clone())), contents);
        assert_eq!(changed(|e| e.swap(0, 1)), contents);
        assert!(changed(|e| e.insert(1, (Name::Answer, Vec::new()))).is_ok());
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
            let entries = names.iter().map(|name| (*name, b"x".to_vec())).collect();
            Sealed::from_bytes(&Sealed { kind: Kind::Evidence, entries }.to_bytes())
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
    fn a_pack_beyond_the_bound_is_refused_unread() {
        let failure = Sealed::from_bytes(&vec![0; limits::PACK_BYTES_MAX + 1]).unwrap_err();
        assert_eq!(failure.reason, Reason::PackTooLarge);
    }
}
