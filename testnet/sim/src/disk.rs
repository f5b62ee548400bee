//! A disk that keeps only what was synced.
//!
//! It fills the seam that RocksDB and the log file fill in a node. A crash loses what was not
//! synced, tears the tail of the log, and may strike in the middle of any operation. What stands
//! on it survives the process: a [`SimDisk`] is a handle, and the next incarnation opens the same
//! platter.
//!
//! # Invariants
//!
//! - **K1 honest.** After a crash the rows are those of a prefix of the commits, and every commit
//!   that returned is in it; the log is a prefix of what was appended, and everything that was
//!   synced is in it.
//!
//! Two planted bugs break K1: a commit that returns before it is durable, and one that is written
//! in two halves.

use crate::chance::Chance;
use linli_replica::Disk;
use linli_runtime::{Bundle, Settings, replay_from};
use linli_types::height::Height;
use linli_types::planted::{self, Bug};
use linli_types::store::{Batch, Broken, Column, Memory, Read, Row, Store, Write};
use memchr::memmem;
use std::cell::RefCell;
use std::rc::Rc;

/// A change of the log that is not synced yet.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pending {
    Append(Vec<u8>),
    Reset,
}

/// When the power fails: inside the n-th operation of its kind from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fuse {
    /// Of all that write: records of the log, syncs, resets, commits.
    Write(u64),
    /// Of the commits alone.
    Commit(u64),
}

impl Fuse {
    /// One operation passed; whether this was the one. Only commits shorten a commit's fuse.
    fn burn(&mut self, is_commit: bool) -> bool {
        let left = match self {
            Self::Commit(_) if !is_commit => return false,
            Self::Commit(left) | Self::Write(left) => left,
        };
        *left = left.saturating_sub(1);
        *left == 0
    }
}

/// What the handle points at.
#[derive(Debug)]
struct Platter {
    rows: Memory,
    /// How to take back commits that are not durable. Empty unless a bug is planted.
    unsynced: Vec<Batch>,
    log: Vec<u8>,
    pending: Vec<Pending>,
    chance: Chance,
    /// When the power fails, if it is to.
    fuse: Option<Fuse>,
    /// The power failed inside an operation: nothing works until [`SimDisk::crash`].
    dead: bool,
    /// Whether the planted bug of one validator strikes here.
    flawed: bool,
    operations: u64,
}

/// A handle on a simulated disk.
#[derive(Clone, Debug)]
pub struct SimDisk(Rc<RefCell<Platter>>);

impl SimDisk {
    /// A disk that holds these rows and an empty log.
    pub fn new(rows: Memory, chance: Chance) -> Self {
        Self(Rc::new(RefCell::new(Platter {
            rows,
            unsynced: Vec::new(),
            log: Vec::new(),
            pending: Vec::new(),
            chance,
            fuse: None,
            dead: false,
            flawed: false,
            operations: 0,
        })))
    }

    /// Makes the planted bug of one validator strike on this disk.
    pub fn set_flawed(&self) {
        self.0.borrow_mut().flawed = true;
    }

    /// Lets the power fail inside an operation to come.
    pub fn light_fuse(&self, fuse: Fuse) {
        self.0.borrow_mut().fuse = Some(fuse);
    }

    /// Takes the fuse out.
    pub fn douse(&self) {
        self.0.borrow_mut().fuse = None;
    }

    /// Whether the power failed inside an operation.
    pub fn is_dead(&self) -> bool {
        self.0.borrow().dead
    }

    /// Write operations so far.
    pub fn operations(&self) -> u64 {
        self.0.borrow().operations
    }

    /// The power fails, or comes back after it failed inside an operation (K1).
    pub fn crash(&self) {
        let mut platter = self.0.borrow_mut();
        platter.fuse = None;
        platter.dead = false;
        platter.lose_log();
        platter.trim_log();
        platter.lose_commits();
    }

    /// Whether the durable part of the log holds these bytes.
    pub fn log_holds(&self, bytes: &[u8]) -> bool {
        memmem::rfind(&self.0.borrow().log, bytes).is_some()
    }

    /// Flips one bit of a row of the state column; the way back is to flip it again.
    /// `None` if the column is empty.
    pub fn flip_state_bit(&self, chance: &mut Chance) -> Option<Flip> {
        let mut platter = self.0.borrow_mut();
        let rows = platter.rows.scan(Column::State, &[], &[], usize::MAX).ok()?;
        let (key, value) = chance.pick(&rows).filter(|(_, value)| !value.is_empty())?.clone();
        let flip = Flip { key, at: chance.index(value.len()), bit: chance.index(8) };
        platter.flip(&flip);
        Some(flip)
    }

    /// Flips a bit (back).
    pub fn flip(&self, flip: &Flip) {
        self.0.borrow_mut().flip(flip);
    }

    /// Every row of a column.
    pub fn column(&self, column: Column) -> Vec<Row> {
        self.0.borrow().rows.scan(column, &[], &[], usize::MAX).unwrap_or_default()
    }
}

/// One bit of one row of the state column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    key: Vec<u8>,
    at: usize,
    bit: usize,
}

fn power_cut() -> Broken {
    Broken("the power failed".into())
}

impl Platter {
    /// Counts one write operation; `Err` if the power fails inside it.
    fn spend(&mut self, is_commit: bool) -> Result<(), Broken> {
        if self.dead {
            return Err(power_cut());
        }
        self.operations += 1;
        if self.fuse.as_mut().is_some_and(|fuse| fuse.burn(is_commit)) {
            self.fuse = None;
            self.dead = true;
            return Err(power_cut());
        }
        Ok(())
    }

    /// Some prefix of the unsynced changes reached the platter; the one after it perhaps in part.
    fn lose_log(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let kept = self.chance.index(pending.len() + 1);
        for change in pending.iter().take(kept) {
            apply_log(&mut self.log, change);
        }
        if let Some(Pending::Append(record)) = pending.get(kept) {
            self.tear(record);
        }
    }

    /// What every start does to a log: a tail that is no whole record goes, so that records
    /// appended later are found.
    fn trim_log(&mut self) {
        let whole: usize = records(&self.log).iter().map(|r| r.len() + FRAME_BYTES).sum();
        self.log.truncate(whole);
    }

    /// A torn record: its first bytes, and sometimes one of them wrong.
    fn tear(&mut self, record: &[u8]) {
        let length = self.chance.index(record.len());
        let mut torn: Vec<u8> = record.iter().take(length).copied().collect();
        if self.chance.one_in(2) {
            let at = self.chance.index(torn.len());
            let bit = self.chance.below(8);
            if let Some(byte) = torn.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        self.log.extend_from_slice(&torn);
    }

    /// Commits that never were durable (a planted bug) go, the latest first.
    fn lose_commits(&mut self) {
        let lost = self.chance.index(self.unsynced.len() + 1);
        for _ in 0..lost {
            if let Some(undo) = self.unsynced.pop() {
                self.rows.apply(&undo);
            }
        }
        self.unsynced.clear();
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), Broken> {
        if self.flawed && planted::is(Bug::TornCommit) {
            let (first, second) = batch.writes.split_at(batch.writes.len() / 2);
            self.write(&Batch { writes: first.to_vec() })?;
            return self.write(&Batch { writes: second.to_vec() });
        }
        self.write(batch)
    }

    /// One synced batch.
    fn write(&mut self, batch: &Batch) -> Result<(), Broken> {
        let was_dead = self.dead;
        if let Err(cut) = self.spend(true) {
            // The power failed inside the write: it is whole or it is not there.
            if !was_dead && self.chance.one_in(2) {
                self.rows.apply(batch);
            }
            return Err(cut);
        }
        if planted::is(Bug::SkippedFsync) {
            let undo = self.undo_of(batch);
            self.unsynced.push(undo);
            // The system writes back by itself, later.
            if self.unsynced.len() > 8 {
                self.unsynced.remove(0);
            }
        }
        self.rows.apply(batch);
        Ok(())
    }

    fn undo_of(&self, batch: &Batch) -> Batch {
        let old = |write: &Write| Write {
            column: write.column,
            key: write.key.clone(),
            value: self.rows.get(write.column, &write.key).unwrap_or_default(),
        };
        Batch { writes: batch.writes.iter().map(old).collect() }
    }

    fn flip(&mut self, flip: &Flip) {
        let Ok(Some(mut value)) = self.rows.get(Column::State, &flip.key) else { return };
        if let Some(byte) = value.get_mut(flip.at) {
            *byte ^= 1 << flip.bit;
        }
        let mut batch = Batch::default();
        batch.put(Column::State, flip.key.clone(), value);
        self.rows.apply(&batch);
    }
}

fn apply_log(log: &mut Vec<u8>, change: &Pending) {
    match change {
        Pending::Append(record) => log.extend_from_slice(record),
        Pending::Reset => log.clear(),
    }
}

/// Bytes before a record: its length, and eight bytes of its digest.
const FRAME_BYTES: usize = 12;

fn frame(record: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(record.len() + FRAME_BYTES);
    framed.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes());
    framed.extend_from_slice(&blake3::hash(record).as_bytes()[..8]);
    framed.extend_from_slice(record);
    framed
}

/// Every whole record, up to the first that is not.
fn records(mut log: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some((head, rest)) = log.split_at_checked(FRAME_BYTES) {
        let (length, check) = head.split_at(4);
        let length = u32::from_le_bytes(length.try_into().unwrap_or([0; 4]));
        let Some((record, rest)) = rest.split_at_checked(length as usize) else { break };
        if blake3::hash(record).as_bytes()[..8] != *check {
            break;
        }
        found.push(record.to_vec());
        log = rest;
    }
    found
}

impl Read for SimDisk {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        self.0.borrow().rows.get(column, key)
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Broken> {
        self.0.borrow().rows.scan(column, from, to, limit)
    }
}

impl Store for SimDisk {
    fn commit(&mut self, batch: &Batch) -> Result<(), Broken> {
        self.0.borrow_mut().commit(batch)
    }
}

impl Disk for SimDisk {
    fn wal_append(&mut self, record: &[u8]) -> Result<(), Broken> {
        let mut platter = self.0.borrow_mut();
        platter.spend(false)?;
        platter.pending.push(Pending::Append(frame(record)));
        Ok(())
    }

    fn wal_sync(&mut self) -> Result<(), Broken> {
        let mut platter = self.0.borrow_mut();
        platter.spend(false)?;
        let pending = std::mem::take(&mut platter.pending);
        pending.iter().for_each(|change| apply_log(&mut platter.log, change));
        Ok(())
    }

    fn wal_reset(&mut self) -> Result<(), Broken> {
        let mut platter = self.0.borrow_mut();
        platter.spend(false)?;
        platter.pending.push(Pending::Reset);
        Ok(())
    }

    fn wal_read(&self) -> Result<Vec<Vec<u8>>, Broken> {
        let platter = self.0.borrow();
        let mut log = platter.log.clone();
        platter.pending.iter().for_each(|change| apply_log(&mut log, change));
        Ok(records(&log))
    }

    /// Executes the bundle's block once more on these very rows: what a node leaves behind must lead
    /// whoever looks into it to the same breach.
    fn keep_bundle(&mut self, bundle: &Bundle) -> Result<String, Broken> {
        let bundle = Bundle::from_bytes(&bundle.to_bytes());
        let bundle = bundle.map_err(|why| Broken(why.to_string()))?;
        let before = Height(bundle.block.header.height.0.saturating_sub(1));
        let rows = &self.0.borrow().rows;
        let again = replay_from(rows, before, Some(&bundle), Settings::default());
        let again = again.map_err(|why| Broken(why.to_string()))?;
        match again.is_same && again.breaches == bundle.breaches {
            true => Ok("in hand, and it replays".into()),
            false => Err(Broken(format!("it does not replay: {again:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(seed: u64) -> SimDisk {
        SimDisk::new(Memory::default(), Chance::new(seed))
    }

    fn batch(n: u8) -> Batch {
        let mut batch = Batch::default();
        batch.put(Column::State, [n], [n]);
        batch.put(Column::Meta, *b"head", [n]);
        batch
    }

    #[test]
    fn a_crash_keeps_synced_records_and_a_prefix_of_the_others() {
        for seed in 0..200 {
            let mut disk = disk(seed);
            let all: Vec<Vec<u8>> = (0..9_u8).map(|n| vec![n; 1 + usize::from(n)]).collect();
            for (n, record) in all.iter().enumerate() {
                disk.wal_append(record).unwrap();
                if n == 3 {
                    disk.wal_sync().unwrap();
                }
            }
            disk.crash();
            let found = disk.wal_read().unwrap();
            assert!(found.len() >= 4, "seed {seed}: {found:?}");
            assert!(all.starts_with(&found), "seed {seed}: {found:?}");
        }
    }

    #[test]
    fn records_after_a_torn_tail_are_not_lost() {
        // The next incarnation resets or appends; what it reads back must be what it wrote.
        for seed in 0..200 {
            let mut disk = disk(seed);
            disk.wal_append(b"torn").unwrap();
            disk.crash();
            let kept = disk.wal_read().unwrap();
            disk.wal_append(b"after").unwrap();
            disk.wal_sync().unwrap();
            let found = disk.wal_read().unwrap();
            assert_eq!(found.len(), kept.len() + 1, "seed {seed}");
        }
    }

    #[test]
    fn a_commit_is_there_whole_or_not_at_all_wherever_the_power_fails() {
        for (seed, operations) in (0..40).flat_map(|s| (1..6).map(move |o| (s, o))) {
            let mut disk = disk(seed);
            disk.light_fuse(Fuse::Write(operations));
            let returned = (1..6).take_while(|n| disk.commit(&batch(*n)).is_ok()).count();
            disk.crash();
            let rows = disk.column(Column::State).len();
            let head = disk.get(Column::Meta, b"head").unwrap();
            assert!(rows == returned || rows == returned + 1, "{seed} {operations}");
            assert_eq!(head.map_or(0, |v| usize::from(v[0])), rows);
        }
    }

    #[test]
    fn nothing_works_between_a_power_cut_and_the_next_start() {
        let mut disk = disk(1);
        disk.light_fuse(Fuse::Write(1));
        assert!(disk.wal_append(b"x").is_err() && disk.is_dead());
        assert!(disk.wal_sync().is_err() && disk.commit(&batch(1)).is_err());
        disk.crash();
        assert!(disk.wal_append(b"x").is_ok());
    }

    #[test]
    fn the_fuse_of_a_commit_burns_in_commits_only() {
        let mut disk = disk(1);
        disk.light_fuse(Fuse::Commit(2));
        assert!((0..9).all(|_| disk.wal_append(b"x").is_ok() && disk.wal_sync().is_ok()));
        assert!(disk.commit(&batch(1)).is_ok());
        assert!(disk.wal_append(b"x").is_ok());
        assert!(disk.commit(&batch(2)).is_err() && disk.is_dead());
    }

    #[test]
    fn a_flipped_bit_flips_back() {
        let mut disk = disk(5);
        disk.commit(&batch(7)).unwrap();
        let flip = disk.flip_state_bit(&mut Chance::new(1)).unwrap();
        assert_ne!(disk.get(Column::State, &[7]).unwrap(), Some(vec![7]));
        disk.flip(&flip);
        assert_eq!(disk.get(Column::State, &[7]).unwrap(), Some(vec![7]));
    }
}
