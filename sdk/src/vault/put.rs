//! Storing a record: read once, sealed segment by segment, on every holder.

use super::holder::{Holder, Name};
use super::log::{Actor, Deed};
use super::row::{Part, Row, Segment};
use super::seal::{ADDED_BYTES, Key, Place, SEGMENT_BYTES};
use super::{Class, Role, Vault};
use crate::error::{Error, ErrorKind};
use crate::steady::{Steady, changed, unreadable};
use linli_types::id::{Digest, PrincipalId};
use object_store::PutPayload;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::PathBuf;

/// What tells whether an upload that goes on reads the same bytes.
const CHECK: &str = "linli.vault.check.v1";
/// Parts of a record: a manifest's files and what goes with them.
const PARTS_MAX: usize = 1_028;

/// One part to store.
#[derive(Clone, Debug)]
pub struct Input {
    /// What it is.
    pub role: Role,
    /// Its name in the record.
    pub name: String,
    /// Where it stands now.
    pub path: PathBuf,
}

/// What to store.
#[derive(Clone, Debug)]
pub struct Put {
    /// The record: its statement's id.
    pub record: Digest,
    /// How long it is kept.
    pub class: Class,
    /// Whose evidence it is.
    pub source: Option<PrincipalId>,
    /// The source's number of it.
    pub number: Option<u64>,
    /// Whom it is about, as a pseudonym.
    pub subject: Option<PrincipalId>,
    /// Its parts.
    pub parts: Vec<Input>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// It was there already: nothing changed (V4).
    pub before: bool,
    /// Bytes of its parts.
    pub bytes: u64,
    /// Segments that were sealed and written now.
    pub written: u64,
    /// Segments that an interrupted upload had left in place.
    pub resumed: u64,
    /// Digest over the ciphertext's digests: which ciphertext the holders have.
    pub ciphertext: Digest,
}

impl Vault {
    /// Stores a record on every holder. After an interruption the same call goes on where it stopped.
    ///
    /// # Errors
    ///
    /// A file cannot be read or changes meanwhile; the record is erased or has other content; a holder
    /// does not do it: the same call later goes on.
    pub async fn put(&mut self, put: &Put, actor: &Actor) -> Result<Stored, Error> {
        check(put)?;
        if self.tombstone(&put.record)?.is_some_and(|t| t.is_erasure()) {
            return Err(erased(&put.record));
        }
        let mut row = match self.row(&put.record)? {
            Some(row) if row.whole => return self.again(put, &row),
            Some(row) if row.class != put.class => return Err(conflict(&put.record)),
            Some(row) => row,
            None => {
                let mut row = Row::new(put.record, put.class, crate::clock::now()?.0)?;
                (row.source, row.number, row.subject) = (put.source, put.number, put.subject);
                // R2: the key is durable before anything is sealed under it.
                row.write(&self.keys(), &self.master)?;
                row
            }
        };
        let mut there = Vec::with_capacity(self.holders.len());
        for holder in &self.holders {
            there.push(holder.names(&row.body).await?);
        }
        let mut stored =
            Stored { before: false, bytes: 0, written: 0, resumed: 0, ciphertext: Digest([0; 32]) };
        for (at, input) in put.parts.iter().enumerate() {
            self.part(&mut row, at, input, &there, &mut stored).await?;
        }
        row.parts.truncate(put.parts.len());
        row.whole = true;
        self.log.add(&self.master, actor, Deed::Put, &put.record)?;
        row.write(&self.keys(), &self.master)?;
        stored.ciphertext = ciphertext(&row);
        Ok(stored)
    }

    async fn part(
        &self,
        row: &mut Row,
        at: usize,
        input: &Input,
        there: &[BTreeSet<String>],
        stored: &mut Stored,
    ) -> Result<(), Error> {
        let mut steady = Steady::open(&input.path)?;
        let size = steady.size();
        match row.parts.get(at) {
            Some(part) if part.name == input.name && part.role == input.role => {}
            Some(_) => row.parts.truncate(at),
            None => {}
        }
        if row.parts.len() <= at {
            let (role, name) = (input.role, input.name.clone());
            row.parts.push(Part { role, name, size, sha256: None, segments: Vec::new() });
        }
        let key = row.key();
        let count = size.div_ceil(SEGMENT_BYTES as u64).max(1);
        let (mut sha256, mut read) = (Sha256::new(), 0_u64);
        for index in 0..count {
            let plain = segment(&mut steady, input, size.saturating_sub(read))?;
            read = read.saturating_add(plain.len() as u64);
            sha256.update(&plain);
            let place = Place {
                record: row.record,
                part: u32::try_from(at).unwrap_or(u32::MAX),
                index,
                last: index.saturating_add(1) == count,
            };
            match self.keep(row, at, &key, place, plain, there).await? {
                true => stored.written = stored.written.saturating_add(1),
                false => stored.resumed = stored.resumed.saturating_add(1),
            }
        }
        steady.finish(&input.path, read)?; // F1
        stored.bytes = stored.bytes.saturating_add(read);
        let Some(part) = row.parts.get_mut(at) else { return Ok(()) };
        part.segments.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        (part.size, part.sha256) = (size, Some(Digest(sha256.finalize().into())));
        row.write(&self.keys(), &self.master)
    }

    /// Seals one segment and writes it everywhere, unless it stands there from before. Answers whether
    /// it had to.
    async fn keep(
        &self,
        row: &mut Row,
        at: usize,
        key: &Key,
        place: Place,
        plain: Vec<u8>,
        there: &[BTreeSet<String>],
    ) -> Result<bool, Error> {
        let mut bound = place.associated();
        bound.extend_from_slice(blake3::hash(&plain).as_bytes());
        let check = key.tag(CHECK, &bound);
        let index = usize::try_from(place.index).unwrap_or(usize::MAX);
        let known = row.parts.get(at).and_then(|part| part.segments.get(index)).copied();
        if let Some(known) = known.filter(|known| known.check == check) {
            let name = Name { part: place.part, index: place.index, digest: known.digest };
            if there.iter().all(|names| Holder::has(names, &name)) {
                return Ok(false);
            }
        }
        let sealed = key.seal(&place.associated(), plain)?;
        let digest = Digest(*blake3::hash(&sealed).as_bytes());
        let name = Name { part: place.part, index: place.index, digest };
        let payload = PutPayload::from(sealed);
        for holder in &self.holders {
            holder.put(&row.body, &name, payload.clone()).await?;
        }
        let Some(part) = row.parts.get_mut(at) else { return Ok(true) };
        part.segments.truncate(index);
        part.segments.push(Segment { digest, check });
        row.write(&self.keys(), &self.master)?;
        Ok(true)
    }

    /// V4. The record is there: whether these are its files.
    fn again(&self, put: &Put, row: &Row) -> Result<Stored, Error> {
        let mut bytes = 0_u64;
        let same_shape = put.parts.len() == row.parts.len() && put.class == row.class;
        if !same_shape {
            return Err(conflict(&put.record));
        }
        for (input, part) in put.parts.iter().zip(&row.parts) {
            let mut steady = Steady::open(&input.path)?;
            let mut sha256 = Sha256::new();
            let read = std::io::copy(steady.reader(), &mut Feed(&mut sha256))
                .map_err(|e| unreadable(&input.path, &e))?;
            steady.finish(&input.path, read)?;
            let same = part.sha256 == Some(Digest(sha256.finalize().into()));
            if !same || part.name != input.name || part.role != input.role {
                return Err(conflict(&put.record));
            }
            bytes = bytes.saturating_add(read);
        }
        Ok(Stored { before: true, bytes, written: 0, resumed: 0, ciphertext: ciphertext(row) })
    }
}

struct Feed<'a>(&'a mut Sha256);

impl std::io::Write for Feed<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads the next segment whole, with room for what sealing adds.
fn segment(steady: &mut Steady, input: &Input, left: u64) -> Result<Vec<u8>, Error> {
    let length = usize::try_from(left).unwrap_or(usize::MAX).min(SEGMENT_BYTES);
    let mut plain = Vec::with_capacity(length.saturating_add(ADDED_BYTES));
    plain.resize(length, 0);
    match steady.reader().read_exact(&mut plain) {
        Ok(()) => Ok(plain),
        // It became shorter.
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Err(changed(&input.path)),
        Err(e) => Err(unreadable(&input.path, &e)),
    }
}

/// Which ciphertext a record is: the digest of its segments' digests.
fn ciphertext(row: &Row) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for part in &row.parts {
        hasher.update(&(part.segments.len() as u64).to_be_bytes());
        for segment in &part.segments {
            hasher.update(&segment.digest.0);
        }
    }
    Digest(*hasher.finalize().as_bytes())
}

fn check(put: &Put) -> Result<(), Error> {
    let names: BTreeSet<(&str, &str)> =
        put.parts.iter().map(|p| (p.role.name(), p.name.as_str())).collect();
    let count = put.parts.len();
    if count == 0 || count > PARTS_MAX || names.len() != count {
        return Err(Error::new(
            ErrorKind::Input,
            format!("记录须有 1 至 {PARTS_MAX} 个互不同名的部分"),
            format!("a record has 1 to {PARTS_MAX} parts of different names"),
        ));
    }
    Ok(())
}

fn conflict(record: &Digest) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!("记录 {record} 已存有其他内容"),
        format!("record {record} holds other content"),
    )
    .hint_with(
        "同一记录的内容不可更换；更正请登记新的存证",
        "a record's content is never exchanged; register new evidence to correct it",
    )
    .named("VAULT_CONFLICT")
}

pub(super) fn erased(record: &Digest) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!("记录 {record} 已删除"),
        format!("record {record} is erased"),
    )
    .hint_with("已删除的内容无法恢复", "what is erased does not come back")
    .named("VAULT_ERASED")
}
