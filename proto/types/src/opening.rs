//! Batches of opening balances: lines of a source file, cut into chunks that one root binds.
//!
//! Who proposes, who approves and whoever loads compute the same root from the same file. The
//! ledger sees a chunk at a time, with the path from its digest to the root that was approved.
//!
//! # Invariants
//!
//! - **N1 bound.** A chunk that was changed, added or moved to another place leads to another root.

use crate::digest::{self, Domain};
use crate::id::Digest;
use crate::limits;
use crate::merkle::{self, BlockTree};
use crate::wire::accounts::{LoadOpeningRequest, OpeningChunk, OpeningLine, OpeningTotal};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use prost::Message;

/// Lines of a chunk unless told otherwise: half of what a chunk may hold, far below the bound of a
/// call's arguments.
pub const CHUNK_LINES: usize = 1_024;

/// The digest of a chunk, over its plain encoding.
pub fn chunk_digest(chunk: &OpeningChunk) -> Digest {
    digest::hash(Domain::Opening, &[&chunk.encode_to_vec()])
}

/// Whether a chunk stands at its place in the tree of `chunks` chunks with this root (N1).
pub fn is_part(
    chunk: &OpeningChunk,
    (at, chunks): (u32, u32),
    path: &[Digest],
    root: &Digest,
) -> bool {
    let (at, chunks) = (u64::from(at), u64::from(chunks));
    merkle::root_from_path::<BlockTree>(chunk_digest(chunk), at, chunks, path) == Some(*root)
}

/// Why lines make no batch. The fault lies with whoever wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBatch {
    /// No line at all.
    #[error("a batch has at least one line")]
    Empty,
    /// More than a batch may hold.
    #[error("{found} lines; at most {max} stand in one batch")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// More assets than a batch may hold.
    #[error("at most {0} assets stand in one batch")]
    Assets(usize),
    /// The sum of an asset cannot be counted.
    #[error("the amounts of asset {0} do not fit the ledger")]
    Overflow(u32),
}

/// A whole batch, ready to be proposed and loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Root over the chunks.
    pub root: Digest,
    /// How many accounts it opens.
    pub accounts: u64,
    /// What they hold, per asset, ascending.
    pub totals: Vec<OpeningTotal>,
    chunks: Vec<OpeningChunk>,
    leaves: Vec<Digest>,
}

impl Batch {
    /// Cuts lines into chunks of `lines_per_chunk` and computes the root.
    ///
    /// # Errors
    ///
    /// [`BadBatch`].
    pub fn new(lines: Vec<OpeningLine>, lines_per_chunk: usize) -> Result<Self, BadBatch> {
        let per_chunk = lines_per_chunk.clamp(1, limits::OPENING_LINES_MAX);
        let chunks_max = usize::try_from(limits::OPENING_CHUNKS_MAX).unwrap_or(usize::MAX);
        let (found, max) = (lines.len(), chunks_max.saturating_mul(per_chunk));
        match found {
            0 => return Err(BadBatch::Empty),
            _ if found > max => return Err(BadBatch::TooMany { found, max }),
            _ => {}
        }
        let totals = totals(&lines)?;
        let (mut chunks, mut lines) = (Vec::new(), lines.into_iter().peekable());
        while lines.peek().is_some() {
            chunks.push(OpeningChunk { lines: lines.by_ref().take(per_chunk).collect() });
        }
        let leaves: Vec<Digest> = chunks.iter().map(chunk_digest).collect();
        let root = merkle::root::<BlockTree>(&leaves);
        Ok(Self { root, accounts: found as u64, totals, chunks, leaves })
    }

    /// How many chunks there are.
    pub fn chunks(&self) -> u32 {
        u32::try_from(self.chunks.len()).unwrap_or(u32::MAX)
    }

    /// The call that loads one chunk; `None` if there is no such chunk.
    pub fn load(&self, batch: &[u8; 16], chunk: u32) -> Option<LoadOpeningRequest> {
        let at = usize::try_from(chunk).ok()?;
        let path = merkle::path::<BlockTree>(&self.leaves, at)?;
        Some(LoadOpeningRequest {
            batch: batch.to_vec(),
            chunk,
            path: path.iter().map(|node| node.0.to_vec()).collect(),
            content: Some(self.chunks.get(at)?.clone()),
        })
    }
}

fn totals(lines: &[OpeningLine]) -> Result<Vec<OpeningTotal>, BadBatch> {
    let mut sums: BTreeMap<u32, u64> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(line.asset).or_default();
        *sum = sum.checked_add(line.amount).ok_or(BadBatch::Overflow(line.asset))?;
    }
    if sums.len() > limits::OPENING_ASSETS_MAX {
        return Err(BadBatch::Assets(limits::OPENING_ASSETS_MAX));
    }
    Ok(sums.into_iter().map(|(asset, amount)| OpeningTotal { asset, amount }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn line(n: u8, asset: u32, amount: u64) -> OpeningLine {
        let (account, owner) = (vec![n; 16], vec![1; 16]);
        OpeningLine { account, owner, asset, amount, ..OpeningLine::default() }
    }

    fn part(request: &LoadOpeningRequest, chunks: u32, root: &Digest) -> bool {
        let path: Vec<Digest> = request.path.iter().filter_map(|n| Digest::from_slice(n)).collect();
        let content = request.content.clone().unwrap();
        is_part(&content, (request.chunk, chunks), &path, root)
    }

    #[test]
    fn every_chunk_is_a_part_and_nothing_else_is() {
        for count in 1..12_u8 {
            let lines = (0..count).map(|n| line(n, 1, 5)).collect();
            let batch = Batch::new(lines, 2).unwrap();
            assert_eq!(batch.chunks(), u32::from(count.div_ceil(2)));
            for at in 0..batch.chunks() {
                let request = batch.load(&[9; 16], at).unwrap();
                assert!(part(&request, batch.chunks(), &batch.root));
                let mut changed = request.clone();
                changed.content.as_mut().unwrap().lines[0].amount += 1;
                assert!(!part(&changed, batch.chunks(), &batch.root));
                let elsewhere = LoadOpeningRequest { chunk: at + 1, ..request };
                assert!(!part(&elsewhere, batch.chunks(), &batch.root), "{at} of {count}");
            }
            assert_eq!(batch.load(&[9; 16], batch.chunks()), None);
        }
    }

    #[test]
    fn totals_are_per_asset_and_what_cannot_be_counted_is_refused() {
        let batch = Batch::new(vec![line(1, 3, 5), line(2, 1, 7), line(3, 3, 6)], 9).unwrap();
        let total = |asset, amount| OpeningTotal { asset, amount };
        assert_eq!((batch.accounts, batch.totals), (3, vec![total(1, 7), total(3, 11)]));
        assert_eq!(Batch::new(vec![], 9), Err(BadBatch::Empty));
        let over = vec![line(1, 1, u64::MAX), line(2, 1, 1)];
        assert_eq!(Batch::new(over, 9), Err(BadBatch::Overflow(1)));
        let many = (0..17).map(|asset| line(1, asset, 1)).collect();
        assert_eq!(Batch::new(many, 9), Err(BadBatch::Assets(16)));
    }
}
