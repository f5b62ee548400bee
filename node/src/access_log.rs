//! The access log of this node on disk: who read whose data (`domain.md` §B1).
//!
//! A read of somebody else's data is answered only after its entry is with the operating system, so
//! a process that is killed loses none. A sync once a second makes entries durable; what a power
//! cut may take is one second, and no signed head ever covers what is not durable.
//!
//! # Invariants
//!
//! - **L1 logged first.** No answer leaves before its entry is written. What cannot be written is
//!   refused: a full disk serves nobody's data to others.
//! - **L2 kept word.** A head is signed only over synced entries, so no crash makes the node take
//!   one back.
//! - **L3 never in the way.** No read waits for a sync, but once per file of 16 MiB.
//! - **L4 nothing hidden.** An end that a crash cut short is cut off and counted; any other damage
//!   is `Broken`: the node does not start over it.

mod file;

use crate::counters::Counters;
use file::{Place, Records, Tail, broken};
use linli_sdk::SecretKey;
use linli_sdk::access_log::{Entry, Head, SignedHead, entry_digest, start};
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, Digest, PublicKey};
use linli_types::limits;
use linli_types::store::Broken;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::watch;

/// The file with the last anchored head, and the pack that proves it.
const ANCHORED_HEAD: &str = "anchored.head";
const ANCHORED_PACK: &str = "anchored.linli";

/// The entry was not written: the read must be refused (L1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the access cannot be logged: {0}")]
pub struct Unlogged(String);

/// The log of one node. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct AccessLog(Arc<Shared>);

struct Shared {
    chain: ChainId,
    key: SecretKey,
    folder: PathBuf,
    counters: Arc<Counters>,
    writing: Mutex<Writing>,
    durable: watch::Sender<Place>,
}

/// The file under way.
struct Writing {
    file: File,
    path: PathBuf,
    /// Bytes of whole records; what stands behind them is nobody's.
    size: u64,
    place: Place,
    /// A write or sync left the file in a state that nobody knows.
    failed: bool,
}

/// A part of the log, as `AccessLog` answers it.
#[derive(Debug)]
pub struct Part {
    /// The log's head, as of its last sync.
    pub head: SignedHead,
    /// The chain's digest before the first link.
    pub before: Digest,
    /// Each either whole or as its digest.
    pub links: Vec<Link>,
}

/// An entry as a reader may see it.
#[derive(Debug, PartialEq, Eq)]
pub enum Link {
    /// Its bytes.
    Entry(Vec<u8>),
    /// Its digest.
    Digest(Digest),
}

impl AccessLog {
    /// Opens the log in a folder, or begins one. `key` is the node's network key.
    ///
    /// # Errors
    ///
    /// [`Broken`] if it cannot be read or written, or is damaged (L4).
    pub fn open(
        folder: &Path,
        chain: ChainId,
        key: SecretKey,
        counters: Arc<Counters>,
    ) -> Result<Self, Broken> {
        make_folder(folder)?;
        let begin = Place { count: 0, digest: start(&chain, &key.public()) };
        let (writing, cut) = open_last(folder, begin)?;
        if cut > 0 {
            tracing::warn!(bytes = cut, "access_log.cut: a write that was never finished");
        }
        counters.access_bytes_cut.set(cut);
        let durable = watch::channel(writing.place).0;
        let (folder, writing) = (folder.to_path_buf(), Mutex::new(writing));
        Ok(Self(Arc::new(Shared { chain, key, folder, counters, writing, durable })))
    }

    /// The key that signs the log's heads.
    pub fn node(&self) -> PublicKey {
        self.0.key.public()
    }

    /// Entries written, durable or not.
    pub fn count(&self) -> u64 {
        self.0.writing().place.count
    }

    /// Writes entries, all or none; they are with the operating system when this returns (L1).
    /// Blocks for a write, never for a sync (L3).
    ///
    /// # Errors
    ///
    /// [`Unlogged`]; nothing of them stands in the log.
    pub fn append(&self, entries: &[Entry]) -> Result<(), Unlogged> {
        let mut writing = self.0.writing();
        let written = writing.append(entries);
        match &written {
            Ok(()) => self.0.counters.access_entries.add(entries.len() as u64),
            Err(why) => {
                self.0.counters.access_unlogged.add(1);
                tracing::error!(%why, "access_log.unlogged");
            }
        }
        written
    }

    /// Makes what was written durable, and begins a new file if this one is large.
    ///
    /// # Errors
    ///
    /// [`Broken`]: nothing is logged any more, for what is on the disk is not known.
    pub fn sync(&self) -> Result<(), Broken> {
        let synced = self.0.sync();
        if let Err(Broken(why)) = &synced {
            self.0.writing().failed = true; // never tried again
            tracing::error!(%why, "access_log.sync: others' data is not served any more");
        }
        synced
    }

    /// Waits until everything written so far is durable: at most until the next sync.
    ///
    /// # Errors
    ///
    /// [`Unlogged`] if it never will be.
    pub async fn durable(&self) -> Result<(), Unlogged> {
        let (count, mut durable) = (self.count(), self.0.durable.subscribe());
        let reached = durable.wait_for(|place| place.count >= count);
        let patience = Duration::from_millis(limits::ACCESS_SYNC_MS.saturating_mul(5));
        match tokio::time::timeout(patience, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Unlogged("the disk does not sync it".into())),
        }
    }

    /// The head of what is durable, signed (L2).
    pub fn head(&self, time: TimeMs) -> SignedHead {
        let Place { count, digest } = *self.0.durable.borrow();
        let head = Head { node: self.node(), count, digest, time };
        SignedHead::sign(&self.0.chain, head, &self.0.key)
    }

    /// The durable links from an index on, as many as an answer holds. An index beyond the log gives
    /// none. `shown` says whether the reader may see an entry.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the files do not hold what they should.
    pub fn part(
        &self,
        from: u64,
        time: TimeMs,
        shown: impl Fn(&Entry) -> bool,
    ) -> Result<Part, Broken> {
        let head = self.head(time);
        let mut part = Part { before: head.head.digest, head, links: Vec::new() };
        let to =
            part.head.head.count.min(from.saturating_add(limits::ACCESS_PAGE_LINKS_MAX as u64));
        let mut next = from;
        while next < to {
            let path = file_with(&self.0.folder, next)?;
            let bytes = std::fs::read(&path).map_err(|e| broken(&path, "read", &e))?;
            let begun = next;
            let no_log = || Broken(format!("{} is no access log", path.display()));
            let mut records = Records::of(&bytes).ok_or_else(no_log)?;
            while next < to {
                let place = records.place;
                let Some(entry) = records.next() else { break };
                if place.count < next {
                    continue;
                }
                if next == from {
                    part.before = place.digest;
                }
                part.links.push(as_shown(entry, &shown)?);
                next = next.saturating_add(1);
            }
            if next == begun {
                return Err(Broken(format!("{} ends before entry {next}", path.display())));
            }
        }
        Ok(part)
    }

    /// The last anchored head's bytes and the pack that proves it.
    pub fn anchored(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let read = |name| std::fs::read(self.0.folder.join(name)).ok();
        Some((read(ANCHORED_HEAD)?, read(ANCHORED_PACK)?))
    }

    /// Keeps an anchored head and the pack that proves it.
    ///
    /// # Errors
    ///
    /// [`Broken`] if they cannot be written.
    pub fn keep_anchored(&self, head: &[u8], pack: &[u8]) -> Result<(), Broken> {
        // The pack last: a head without its own pack is told apart by whoever verifies it, and the
        // next anchoring replaces both.
        for (name, bytes) in [(ANCHORED_HEAD, head), (ANCHORED_PACK, pack)] {
            let (path, new) = (self.0.folder.join(name), self.0.folder.join(format!("{name}.new")));
            let written = std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, &path));
            written.map_err(|e| broken(&path, "write", &e))?;
        }
        Ok(())
    }

    /// Syncs once a second for as long as anybody holds the log.
    pub fn keep_syncing(&self) {
        let log = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_millis(limits::ACCESS_SYNC_MS));
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                let Some(log) = Weak::upgrade(&log).map(Self) else { return };
                let synced = tokio::task::spawn_blocking(move || log.sync()).await;
                if !matches!(synced, Ok(Ok(()))) {
                    return; // never tried again
                }
            }
        });
    }

    /// Lets every write fail from now on, as a full disk does: for tests.
    ///
    /// # Panics
    ///
    /// If the file is gone.
    pub fn refuse_writes(&self) {
        let mut writing = self.0.writing();
        writing.file = File::open(&writing.path).expect("it was open for writing");
    }
}

impl Shared {
    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sync(&self) -> Result<(), Broken> {
        let (file, path, place) = {
            let writing = self.writing();
            if writing.failed {
                return Err(Broken("the access log failed before".into()));
            }
            if writing.place == *self.durable.borrow() {
                return Ok(());
            }
            let file = writing.file.try_clone();
            let path = writing.path.clone();
            (file.map_err(|e| broken(&path, "hold", &e))?, path, writing.place)
        };
        file.sync_data().map_err(|e| broken(&path, "sync", &e))?; // no lock is held: L3
        self.durable.send_replace(place);
        let mut writing = self.writing();
        if writing.size >= limits::ACCESS_FILE_BYTES_MAX {
            writing.rotate(&self.folder)?;
            self.durable.send_replace(writing.place);
        }
        Ok(())
    }
}

impl Writing {
    fn append(&mut self, entries: &[Entry]) -> Result<(), Unlogged> {
        if self.failed {
            return Err(Unlogged("a write failed before".into()));
        }
        let (mut place, mut bytes) = (self.place, Vec::new());
        for entry in entries {
            let entry = linli_types::encode(entry);
            place = place.after(&entry);
            bytes.extend(file::record(&entry, &place));
        }
        if let Err(why) = self.file.write_all_at(&bytes, self.size) {
            // A part of it may be there: it goes, or nothing more may follow it.
            self.failed = self.file.set_len(self.size).is_err();
            return Err(Unlogged(why.to_string()));
        }
        self.place = place;
        self.size = self.size.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// The next file begins where this one ends. This one is synced first, with everything that was
    /// written meanwhile, so only the last file ever has an end that a crash can cut.
    fn rotate(&mut self, folder: &Path) -> Result<(), Broken> {
        self.file.sync_data().map_err(|e| broken(&self.path, "sync", &e))?;
        self.file = file::create(folder, self.place)?;
        self.path = file::path(folder, self.place.count);
        self.size = file::START as u64;
        Ok(())
    }
}

fn as_shown(entry: &[u8], shown: &impl Fn(&Entry) -> bool) -> Result<Link, Broken> {
    let read: Entry = borsh::from_slice(entry)
        .map_err(|_| Broken("an entry of the access log cannot be read".into()))?;
    Ok(match shown(&read) {
        true => Link::Entry(entry.to_vec()),
        false => Link::Digest(entry_digest(entry)),
    })
}

fn make_folder(folder: &Path) -> Result<(), Broken> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|e| broken(folder, "make", &e))
}

/// The files of the log by their first entry.
fn files(folder: &Path) -> Result<Vec<u64>, Broken> {
    let listed = std::fs::read_dir(folder).map_err(|e| broken(folder, "list", &e))?;
    let mut all: Vec<u64> =
        listed.flatten().filter_map(|found| file::first_of(&found.path())).collect();
    all.sort_unstable();
    Ok(all)
}

/// The file that holds an entry.
fn file_with(folder: &Path, index: u64) -> Result<PathBuf, Broken> {
    let first = files(folder)?.into_iter().rev().find(|first| *first <= index);
    let first = first.ok_or_else(|| Broken(format!("entry {index} of the access log is gone")))?;
    Ok(file::path(folder, first))
}

/// The file to go on with, and how many bytes of an unfinished write were cut from it.
fn open_last(folder: &Path, begin: Place) -> Result<(Writing, u64), Broken> {
    let all = files(folder)?;
    let Some(first) = all.last() else {
        let (file, path) = (file::create(folder, begin)?, file::path(folder, begin.count));
        let size = file::START as u64;
        return Ok((Writing { file, path, size, place: begin, failed: false }, 0));
    };
    let path = file::path(folder, *first);
    let bytes = std::fs::read(&path).map_err(|e| broken(&path, "read", &e))?;
    let Some(mut records) = Records::of(&bytes).filter(|records| records.place.count == *first)
    else {
        return headless(folder, &path, &bytes, begin);
    };
    if *first == 0 && records.place != begin {
        return Err(Broken(format!("{} is of another chain or node", path.display())));
    }
    records.by_ref().for_each(drop);
    if records.tail() == Tail::Damaged {
        let at = records.end;
        return Err(Broken(format!(
            "the access log {} is damaged behind byte {at}: keep the file for the auditors, and start \
             with an empty folder",
            path.display()
        )));
    }
    let (size, place) = (records.end as u64, records.place);
    let cut = (bytes.len() as u64).saturating_sub(size);
    let file = file::open(&path)?;
    // L2: what a killed process left with the operating system is made durable before it is signed.
    let done = file.set_len(size).and_then(|()| file.sync_all());
    done.map_err(|e| broken(&path, "sync", &e))?;
    Ok((Writing { file, path, size, place, failed: false }, cut))
}

/// The last file has no whole head: a crash while it was made, and the file before it was synced.
fn headless(
    folder: &Path,
    path: &Path,
    bytes: &[u8],
    begin: Place,
) -> Result<(Writing, u64), Broken> {
    if bytes.len() > file::START {
        return Err(Broken(format!("{} is no access log of this version", path.display())));
    }
    std::fs::remove_file(path).map_err(|e| broken(path, "remove", &e))?;
    open_last(folder, begin)
}

#[cfg(test)]
mod tests;
