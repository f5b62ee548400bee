//! What the two files of a log hold after a crash: which records count, what is left over, and
//! whether something is missing that was promised. Reads bytes, touches nothing.
//!
//! A crash leaves any of the pages that were written since the last sync, and not the others. So
//! behind the whole records there may be heads of the same epoch (a write that did not finish),
//! and in the other file heads of the next one (its first write did not finish). Both have been
//! written when fewer records were synced than are found now: nothing is missing. Heads that count
//! more synced records than are found prove a hole. Everything of an older epoch is stale.

use super::record::{Chain, Head, Key};

/// How far beyond the latest whole record's epoch a head may lie: the other file's, and the next
/// of the same file. Bytes that read as any other number are no head and cost no check.
const AHEAD: u64 = 2;

/// One file: its secret and its bytes.
pub(super) type Bytes<'a> = (&'a Key, &'a [u8]);

/// The judgement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// The latest epoch with a whole record; 0 if there is none.
    pub(super) epoch: u64,
    /// Its whole records.
    pub(super) records: Vec<Vec<u8>>,
    /// Where its next record goes.
    pub(super) end: usize,
    /// From where on a file holds what is left of an unfinished write.
    pub(super) left: [Option<usize>; 2],
    /// A record that was synced and is not whole (W3).
    pub(super) hole: Option<u32>,
    /// Heads that were checked in the search behind the records: its cost.
    pub(super) checks: usize,
}

/// Which of the two files an epoch is written to.
pub(super) const fn side(epoch: u64) -> usize {
    if epoch.is_multiple_of(2) { 0 } else { 1 }
}

/// Judges both files; records begin at `start`.
pub(super) fn judge(files: [Bytes<'_>; 2], start: usize) -> Judged {
    let chains = [0, 1].map(|at| {
        let (key, bytes) = files[at];
        let chain = Chain::of(key, bytes, start);
        // A file in the other's place holds no records of ours.
        if chain.epoch > 0 && side(chain.epoch) != at {
            return Chain { end: start, ..Chain::default() };
        }
        chain
    });
    let epoch = chains.iter().map(|chain| chain.epoch).max().unwrap_or_default();
    let mut judged = Judged { epoch, end: start, ..Judged::default() };
    if let Some(chain) = chains.iter().find(|chain| epoch > 0 && chain.epoch == epoch) {
        judged.records = chain.records.iter().map(|record| record.to_vec()).collect();
        judged.end = chain.end;
    }
    for (at, (file, chain)) in files.into_iter().zip(&chains).enumerate() {
        let is_latest = epoch > 0 && chain.epoch == epoch;
        if judged.search(file, chain.end) {
            // What is older than the latest epoch goes with it.
            judged.left[at] = Some(if is_latest { chain.end } else { start });
        }
    }
    judged
}

impl Judged {
    /// Looks for heads of the latest epoch or a newer one from `from` on: whether there are any,
    /// and whether one proves a hole (W3).
    fn search(&mut self, (key, bytes): Bytes<'_>, from: usize) -> bool {
        let found = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        let rest = bytes.get(from..).unwrap_or_default();
        let mut any = false;
        for at in 0..rest.len() {
            let here = rest.get(at..).unwrap_or_default();
            let Some(epoch) = Head::peek(here) else { break };
            if !self.is_near(epoch) {
                continue;
            }
            self.checks = self.checks.saturating_add(1);
            let Some(head) = Head::read(key, here) else { continue };
            any = true;
            let promised = if head.epoch == self.epoch { found } else { 0 };
            if head.synced > promised {
                self.hole = Some(promised);
                break;
            }
        }
        any
    }

    const fn is_near(&self, epoch: u64) -> bool {
        match epoch.checked_sub(self.epoch) {
            // Nothing is whole: any epoch may have been.
            Some(_) if self.epoch == 0 => epoch > 0,
            Some(ahead) => ahead <= AHEAD,
            None => false,
        }
    }
}
