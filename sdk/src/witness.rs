//! A witness: an auditor's or a court's program that signs the log's states one after the other, and
//! never two that contradict each other.
//!
//! It believes the genesis and nothing else. What a node shows it must be certified by the
//! validators, and the log that it signed last must be a prefix of the one that it signs next. When
//! that is not so, somebody rewrote history: then both states, each with its certificate, are the
//! proof, and nothing is signed any more.
//!
//! # Invariants
//!
//! - **W1 proved.** Only a log that a certified header carries is considered.
//! - **W2 one line.** Of two states that are signed, the smaller log is a prefix of the larger one.
//! - **W3 written first.** A state is durable before its signature leaves (the caller's duty).

pub use linli_verify::log::{LogState, STATE_BYTES_MAX};

use crate::key::SecretKey;
use linli_types::genesis::Genesis;
use linli_types::header::Header;
use linli_types::id::{ChainId, Digest};
use linli_types::merkle::{Sha256Log, is_consistent};
use linli_types::signature::Verify;
use linli_verify::note::{BadNote, Checkpoint, Key, Line, Note, origin};
use linli_verify::{Detail, Failure, certified};

/// What came of looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// A state that goes on from the last one, to be signed.
    New(Note),
    /// The state that was signed last.
    Same,
    /// An earlier state: this node is behind. Nothing is to be signed.
    Behind,
}

/// Why nothing is signed.
#[derive(Clone, Debug, PartialEq)]
pub enum Refused {
    /// The validators did not certify it (W1).
    NotProved(Box<Failure>),
    /// The note is not that of the certified log.
    Note(BadNote),
    /// W2: two certified states that contradict each other.
    Fork(Contradiction),
}

/// How two certified states contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Two blocks of one height.
    TwoBlocks,
    /// The log of the later block is the smaller one.
    Shrunk,
    /// Two roots of one size.
    TwoRoots,
    /// The last state is not shown to be a prefix of this one.
    NoPrefix,
}

impl Contradiction {
    /// In words.
    pub fn detail(self) -> Detail {
        let (zh, en) = match self {
            Self::TwoBlocks => ("同一高度有两个区块", "two blocks of one height"),
            Self::Shrunk => ("日志变短了", "the log became shorter"),
            Self::TwoRoots => ("同样大小的日志有两个根", "two roots of one size"),
            Self::NoPrefix => {
                ("上次签署的日志不是现日志的前缀", "the log signed last is no prefix of this one")
            }
        };
        Detail::new(zh, en)
    }
}

/// A witness of one chain.
#[derive(Clone, Debug)]
pub struct Witness {
    genesis: Vec<u8>,
    chain: ChainId,
}

impl Witness {
    /// A witness that believes this genesis.
    ///
    /// # Errors
    ///
    /// It is no genesis.
    pub fn new(genesis: Vec<u8>) -> Result<Self, linli_types::genesis::BadGenesis> {
        let (_, chain) = Genesis::from_bytes(&genesis)?;
        Ok(Self { genesis, chain })
    }

    /// Looks at a state after the one that was signed last.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn look(
        &self,
        last: Option<&LogState>,
        shown: &LogState,
        verify: &dyn Verify,
    ) -> Result<Looked, Refused> {
        certified::check(&shown.header, &shown.certificate, &shown.sets, &self.genesis, verify)
            .map_err(|why| Refused::NotProved(Box::new(why)))?; // W1
        let note = Note::parse(shown.note.as_bytes()).map_err(Refused::Note)?;
        let (size, root) = (shown.header.log_size, shown.header.log_root);
        if Checkpoint::parse(note.text()) != Ok(Checkpoint::of(&self.chain, size, root)) {
            return Err(Refused::Note(BadNote::NoCheckpoint));
        }
        match last {
            None => Ok(Looked::New(note)),
            Some(last) => follows(&last.header, &shown.header, &shown.consistency, note),
        }
    }

    /// The note with this witness's line, and the log's own lines.
    ///
    /// # Errors
    ///
    /// [`BadNote`] if the note has no room for it.
    pub fn cosign(
        &self,
        note: &Note,
        key: &Key,
        secret: &SecretKey,
        time_s: u64,
    ) -> Result<Note, BadNote> {
        let mut signed = Note::new(note.text())?;
        let of_log = origin(&self.chain);
        let own = note.lines().iter().filter(|line| line.name == of_log);
        own.cloned().try_for_each(|line| signed.push(line))?;
        let signature = secret.sign(&key.kind().message(note.text(), time_s));
        signed.push(Line::new(key, time_s, &signature))?;
        Ok(signed)
    }
}

/// W2.
fn follows(
    last: &Header,
    next: &Header,
    consistency: &[Digest],
    note: Note,
) -> Result<Looked, Refused> {
    let fork = |how| Err(Refused::Fork(how));
    if last.height == next.height && last.id() != next.id() {
        return fork(Contradiction::TwoBlocks);
    }
    let (earlier, later) = if last.height <= next.height { (last, next) } else { (next, last) };
    if earlier.log_size > later.log_size {
        return fork(Contradiction::Shrunk);
    }
    if earlier.log_size == later.log_size {
        return match earlier.log_root == later.log_root {
            true => Ok(Looked::Same),
            false => fork(Contradiction::TwoRoots),
        };
    }
    if next.height < last.height {
        return Ok(Looked::Behind);
    }
    let (old, new) = ((last.log_size, last.log_root), (next.log_size, next.log_root));
    // The empty log is a prefix of every log.
    match old.0 == 0 || is_consistent::<Sha256Log>(old, new, consistency) {
        true => Ok(Looked::New(note)),
        false => fork(Contradiction::NoPrefix),
    }
}

#[cfg(test)]
mod tests;
