//! Checkpoints of the evidence log (C2SP): signed for whoever asks, and kept as witnesses cosigned
//! them.
//!
//! # Invariants
//!
//! - **N1 committed.** Only the log of a committed block is signed, and only what is its own past is
//!   taken from a witness.
//! - **N2 known.** Only witnesses that the administrator named are heard, each with its newest note.

use linli_runtime::log::root_at;
use linli_sdk::SecretKey;
use linli_sdk::durable;
use linli_types::id::{ChainId, Digest};
use linli_types::limits::NOTE_BYTES_MAX;
use linli_types::signature::{Verify, Zip215};
use linli_types::store::{Broken, Read};
use linli_verify::note::{BadNote, Checkpoint, Key, Kind, Line, Note, origin};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The folder in the data folder.
const FOLDER: &str = "witness";

/// What a node signs and keeps of checkpoints.
pub struct Checkpoints {
    chain: ChainId,
    signer: Option<(Key, SecretKey)>,
    witnesses: Vec<Key>,
    folder: PathBuf,
    kept: Mutex<BTreeMap<Key, Kept>>,
}

/// The newest of one witness.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    size: u64,
    time_s: u64,
    note: Note,
}

/// Why a cosigned note is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Not a note, not a checkpoint, or a signature that does not hold.
    #[error(transparent)]
    Note(#[from] BadNote),
    /// Of another log, or of one that this node's is not.
    #[error("not a state of this log")]
    OtherLog,
    /// N2.
    #[error("no line of a witness that this node knows")]
    Stranger,
    /// The store or the disk failed.
    #[error("{0}")]
    Failed(String),
}

impl From<Broken> for NotTaken {
    fn from(why: Broken) -> Self {
        Self::Failed(why.0)
    }
}

impl Checkpoints {
    /// Opens what is kept in a data folder. A file that is damaged, or of a witness that is named no
    /// more, is passed over.
    ///
    /// # Errors
    ///
    /// The folder cannot be made or read.
    pub fn open(
        data: &Path,
        chain: ChainId,
        signer: Option<SecretKey>,
        witnesses: Vec<Key>,
    ) -> io::Result<Self> {
        let folder = data.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        let named = |secret: SecretKey| {
            let key = Key::new(origin(&chain), Kind::Log, secret.public()).ok()?;
            Some((key, secret))
        };
        let mut kept = BTreeMap::new();
        for witness in &witnesses {
            let path = folder.join(file_name(witness));
            let Ok(bytes) = std::fs::read(path) else { continue };
            if let Some(found) = read(&bytes, &chain, witness) {
                kept.insert(witness.clone(), found);
            }
        }
        let signer = signer.and_then(named);
        Ok(Self { chain, signer, witnesses, folder, kept: Mutex::new(kept) })
    }

    /// The checkpoint of a committed log; `None` if this node has no key for it.
    pub fn sign(&self, size: u64, root: Digest) -> Option<Note> {
        let (key, secret) = self.signer.as_ref()?;
        let mut note = Checkpoint::of(&self.chain, size, root).note().ok()?;
        let signature = secret.sign(&key.kind().message(note.text(), 0));
        note.push(Line::new(key, 0, &signature)).ok()?;
        Some(note)
    }

    /// Takes a note that witnesses cosigned; how many of them were heard.
    ///
    /// # Errors
    ///
    /// [`NotTaken`].
    pub fn take(&self, bytes: &[u8], size: u64, store: &dyn Read) -> Result<usize, NotTaken> {
        let note = Note::parse(bytes)?;
        let said = Checkpoint::parse(note.text())?;
        let known = said.size <= size && said.origin == origin(&self.chain);
        if !known || said != Checkpoint::of(&self.chain, said.size, root_at(store, said.size)?) {
            return Err(NotTaken::OtherLog); // N1
        }
        let mut heard = 0_usize;
        for witness in &self.witnesses {
            if let Some(time_s) = note.signed_by(witness, &Zip215)? {
                let line = line_of(&note, witness);
                let mut own = Note::new(note.text())?;
                line.cloned().map_or(Ok(()), |line| own.push(line))?;
                self.keep(witness, Kept { size: said.size, time_s, note: own })?;
                heard = heard.saturating_add(1);
            }
        }
        if heard == 0 { Err(NotTaken::Stranger) } else { Ok(heard) }
    }

    /// Keeps the newer one: the larger log, then the later word.
    fn keep(&self, witness: &Key, new: Kept) -> Result<(), NotTaken> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let older = |old: &Kept| (old.size, old.time_s) < (new.size, new.time_s);
        if kept.get(witness).is_none_or(older) {
            let path = self.folder.join(file_name(witness));
            let written = durable::write(&path, new.note.to_string().as_bytes());
            written.map_err(|e| NotTaken::Failed(e.to_string()))?;
            kept.insert(witness.clone(), new);
        }
        Ok(())
    }

    /// The newest cosigned checkpoint whose log holds `leaf`, with the lines of all who cosigned it
    /// and this node's own; and its size.
    pub fn cosigned(&self, leaf: u64) -> Option<(u64, Note)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = kept.values().filter(|kept| kept.size > leaf).max_by_key(|kept| kept.size)?;
        let said = Checkpoint::parse(newest.note.text()).ok()?;
        let unsigned = || Note::new(newest.note.text()).ok();
        let mut note = self.sign(said.size, said.root).or_else(unsigned)?;
        let same = kept.values().filter(|kept| kept.note.text() == newest.note.text());
        for line in same.flat_map(|kept| kept.note.lines()) {
            note.push(line.clone()).ok()?;
        }
        Some((newest.size, note))
    }

    /// The note keys of the witnesses that signed a note.
    pub fn signers(&self, note: &Note) -> Vec<String> {
        let verify: &dyn Verify = &Zip215;
        let signed = |key: &&Key| matches!(note.signed_by(key, verify), Ok(Some(_)));
        self.witnesses.iter().filter(signed).map(ToString::to_string).collect()
    }
}

fn line_of<'a>(note: &'a Note, key: &Key) -> Option<&'a Line> {
    note.lines().iter().find(|line| line.key_id == key.id() && line.name == key.name())
}

/// Names of witnesses may hold any character: their keys do not.
fn file_name(key: &Key) -> String {
    format!("{}.note", key.public())
}

/// A kept note, checked again.
fn read(bytes: &[u8], chain: &ChainId, witness: &Key) -> Option<Kept> {
    let note = Note::parse(bytes.get(..bytes.len().min(NOTE_BYTES_MAX))?).ok()?;
    let said = Checkpoint::parse(note.text()).ok()?;
    let time_s = note.signed_by(witness, &Zip215).ok()??;
    (said.origin == origin(chain)).then_some(Kept { size: said.size, time_s, note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_runtime::log::{Log, node_key};
    use linli_types::store::{Batch, Column, Memory};

    const CHAIN: ChainId = ChainId([3; 32]);

    fn secret(n: u8) -> SecretKey {
        SecretKey::from_bytes(&[n; 32])
    }

    fn witness(n: u8) -> Key {
        Key::new(format!("w{n}"), Kind::Witness, secret(n).public()).unwrap()
    }

    fn filled(size: u64) -> (Log, Memory) {
        let (mut log, mut nodes, mut batch) = (Log::default(), Vec::new(), Batch::default());
        (0..size).for_each(|n| log.append(&Digest([n as u8; 32]), &mut nodes));
        for (level, index, hash) in nodes {
            batch.put(Column::Log, node_key(level, index), hash.0);
        }
        let mut store = Memory::default();
        store.apply(&batch);
        (log, store)
    }

    /// The log of `size` leaves, cosigned by these witnesses at `time`.
    fn cosigned(size: u64, witnesses: &[u8], time: u64) -> String {
        let mut note = Checkpoint::of(&CHAIN, size, filled(size).0.root()).note().unwrap();
        for n in witnesses {
            let signature = secret(*n).sign(&Kind::Witness.message(note.text(), time));
            note.push(Line::new(&witness(*n), time, &signature)).unwrap();
        }
        note.to_string()
    }

    fn open(folder: &Path) -> Checkpoints {
        let witnesses = vec![witness(1), witness(2)];
        Checkpoints::open(folder, CHAIN, Some(secret(9)), witnesses).unwrap()
    }

    #[test]
    fn the_newest_note_of_each_known_witness_is_kept_also_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (_, store) = filled(9);
        let take = |notes: &Checkpoints, text: String| notes.take(text.as_bytes(), 9, &store);
        let notes = open(folder.path());
        assert!(notes.cosigned(0).is_none());
        assert_eq!(take(&notes, cosigned(5, &[1, 2, 7], 100)).unwrap(), 2);
        assert_eq!(take(&notes, cosigned(8, &[2], 200)).unwrap(), 1);
        // An older one changes nothing.
        assert_eq!(take(&notes, cosigned(3, &[1], 300)).unwrap(), 1);
        for notes in [notes, open(folder.path())] {
            let (size, note) = notes.cosigned(4).unwrap();
            assert_eq!((size, note.lines().len()), (8, 2));
            assert_eq!(notes.signers(&note), [witness(2).to_string()]);
            let log = Key::new(origin(&CHAIN), Kind::Log, secret(9).public()).unwrap();
            assert_eq!(note.signed_by(&log, &Zip215), Ok(Some(0)));
            assert!(notes.cosigned(8).is_none(), "no cosigned log holds leaf 8");
        }
    }

    #[test]
    fn strangers_other_logs_and_bad_lines_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (_, store) = filled(9);
        let notes = open(folder.path());
        let take = |text: String| notes.take(text.as_bytes(), 9, &store);
        assert!(matches!(take(cosigned(5, &[7], 1)), Err(NotTaken::Stranger)));
        assert!(matches!(take(cosigned(10, &[1], 1)), Err(NotTaken::OtherLog)));
        let other = cosigned(5, &[1], 1).replace("linli/", "other/");
        assert!(matches!(take(other), Err(NotTaken::OtherLog)));
        // The line is of another text.
        let (five, six) = (cosigned(5, &[1], 1), cosigned(6, &[1], 1));
        let line = five.split_once("\n\n").unwrap().1;
        let mixed = format!("{}\n\n{line}", six.split_once("\n\n").unwrap().0);
        assert!(matches!(take(mixed), Err(NotTaken::Note(BadNote::Signature))));
        assert!(matches!(take("no note".into()), Err(NotTaken::Note(BadNote::Malformed))));
        assert!(notes.cosigned(0).is_none());
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Checkpoints::open(folder.path(), CHAIN, None, Vec::new()).unwrap();
        assert!(notes.sign(3, Digest([0; 32])).is_none());
    }
}
