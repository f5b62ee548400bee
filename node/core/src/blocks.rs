//! Proposed blocks of the height under way: cut into parts, put together, followed until executed.
//!
//! # Invariants
//!
//! - **B1 bound.** A block is known by the hash of its header, and the list of its transactions is
//!   the one that the header's `bodies_root` covers. Nothing else in a part is signed: its round
//!   only helps to put parts together.
//! - **B2 bounded.** Of each peer at most [`ASSEMBLIES_MAX`] blocks are put together at a time and
//!   at most [`UNPROPOSED_MAX`] kept that nobody signed for.

use crate::message::{Message, ProposalPart};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::header::Header;
use linli_types::height::TimeMs;
use linli_types::id::{BlockId, BodyId, PublicKey};
use linli_types::limits;
use linli_types::transaction::bodies_root;
use std::collections::{BTreeMap, BTreeSet};

/// Blocks of one peer that are being put together at a time.
const ASSEMBLIES_MAX: usize = 2;
/// Whole blocks of one peer that wait for a signed proposal.
const UNPROPOSED_MAX: usize = 4;
/// Parts of the largest block: its ids, its header and the lengths.
const PARTS_MAX: usize =
    (limits::BLOCK_TRANSACTIONS_MAX * BodyId::BYTES + 1024).div_ceil(limits::PART_BYTES_MAX);

/// What travels in parts.
#[derive(BorshSerialize, BorshDeserialize)]
struct Whole {
    header: Vec<u8>,
    transactions: Vec<BodyId>,
}

/// The messages that carry a block in `round`.
pub(crate) fn cut(round: u32, header: &Header, transactions: &[BodyId]) -> Vec<Message> {
    let whole = Whole { header: header.to_bytes(), transactions: transactions.to_vec() };
    let bytes = linli_types::encode(&whole);
    let pieces: Vec<&[u8]> = bytes.chunks(limits::PART_BYTES_MAX).collect();
    let total = u16::try_from(pieces.len()).unwrap_or(u16::MAX);
    let part = |(index, piece): (u16, &&[u8])| {
        let (height, bytes) = (header.height, piece.to_vec());
        Message::Part(ProposalPart { height, round, index, total, bytes })
    };
    (0..total).zip(&pieces).map(part).collect()
}

/// How far a block has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Bodies are missing, or nobody proposed it yet.
    Waiting,
    /// Handed out for execution.
    Executing,
    /// Executed; whether it came out as proposed.
    Executed(bool),
}

/// One proposed block.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) header: Header,
    pub(crate) transactions: Vec<BodyId>,
    /// Bodies that are not at hand.
    pub(crate) missing: BTreeSet<BodyId>,
    pub(crate) progress: Progress,
    /// The round of the signed proposal that names it; until there is one, what its parts say.
    pub(crate) round: u32,
    /// The wall clock when it came: time is judged by it.
    pub(crate) seen: TimeMs,
    /// Whether it was acceptable when first proposed; `None` until then.
    pub(crate) acceptable: Option<bool>,
    /// What consensus was told.
    pub(crate) told: Option<bool>,
    /// Whether the log holds it.
    pub(crate) logged: bool,
    /// Who sent it; `None` if it is our own or from the log.
    pub(crate) from: Option<PublicKey>,
}

/// Parts of one block of one peer.
#[derive(Clone, Debug)]
struct Assembly {
    total: u16,
    parts: BTreeMap<u16, Vec<u8>>,
}

/// All proposed blocks of one height.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    assemblies: BTreeMap<(PublicKey, u32), Assembly>,
    pub(crate) candidates: BTreeMap<BlockId, Candidate>,
}

impl Blocks {
    /// Takes in a part; a block that became whole comes back.
    ///
    /// # Errors
    ///
    /// Why the sender lied.
    pub(crate) fn part(
        &mut self,
        from: PublicKey,
        part: ProposalPart,
    ) -> Result<Option<(Header, Vec<BodyId>)>, &'static str> {
        if usize::from(part.total) > PARTS_MAX {
            return Err("a block of too many parts");
        }
        let place = (from, part.round);
        let (height, total) = (part.height, part.total);
        if !self.assemblies.contains_key(&place) {
            self.make_room(from);
        }
        let fresh = || Assembly { total, parts: BTreeMap::new() };
        let assembly = self.assemblies.entry(place).or_insert_with(fresh);
        if assembly.total != total {
            *assembly = fresh();
        }
        assembly.parts.insert(part.index, part.bytes);
        if assembly.parts.len() < usize::from(total) {
            return Ok(None);
        }
        let bytes: Vec<u8> = assembly.parts.values().flatten().copied().collect();
        self.assemblies.remove(&place);
        let (header, transactions) = read_whole(&bytes)?;
        if header.height != height {
            return Err("parts of a block of another height");
        }
        Ok(Some((header, transactions)))
    }

    /// B2: the oldest round of this peer gives way.
    fn make_room(&mut self, from: PublicKey) {
        let of_peer = (from, 0)..=(from, u32::MAX);
        let rounds: Vec<_> = self.assemblies.range(of_peer).map(|(place, _)| *place).collect();
        if let Some(oldest) = rounds.first().filter(|_| rounds.len() >= ASSEMBLIES_MAX) {
            self.assemblies.remove(oldest);
        }
    }

    /// Whether one more block of this peer may be kept that nobody signed for (B2).
    pub(crate) fn may_keep(&self, from: &PublicKey) -> bool {
        let unproposed = |c: &&Candidate| c.from == Some(*from) && c.acceptable.is_none();
        self.candidates.values().filter(unproposed).count() < UNPROPOSED_MAX
    }

    /// A body is at hand; whether a candidate waited for it.
    pub(crate) fn arrived(&mut self, id: &BodyId) -> bool {
        let mut wanted = false;
        for candidate in self.candidates.values_mut() {
            wanted |= candidate.missing.remove(id);
        }
        wanted
    }

    /// Whether a candidate waits for this body.
    pub(crate) fn wants(&self, id: &BodyId) -> bool {
        self.candidates.values().any(|c| c.missing.contains(id))
    }

    /// Whether a candidate holds this transaction.
    pub(crate) fn names(&self, id: &BodyId) -> bool {
        self.candidates.values().any(|c| c.transactions.contains(id))
    }

    /// Whether a proposed candidate waits for bodies.
    pub(crate) fn is_waiting(&self) -> bool {
        self.candidates.values().any(|c| c.acceptable.is_some() && !c.missing.is_empty())
    }

    /// Every body that a proposed candidate waits for, in order.
    pub(crate) fn missing(&self) -> Vec<BodyId> {
        let proposed = self.candidates.values().filter(|c| c.acceptable.is_some());
        let all: BTreeSet<BodyId> = proposed.flat_map(|c| c.missing.iter().copied()).collect();
        all.into_iter().take(limits::BLOCK_TRANSACTIONS_MAX).collect()
    }
}

fn read_whole(bytes: &[u8]) -> Result<(Header, Vec<BodyId>), &'static str> {
    let whole = Whole::try_from_slice(bytes).map_err(|_| "parts that make no block")?;
    if whole.transactions.len() > limits::BLOCK_TRANSACTIONS_MAX {
        return Err("a block of too many transactions");
    }
    let distinct: BTreeSet<&BodyId> = whole.transactions.iter().collect();
    if distinct.len() != whole.transactions.len() {
        return Err("a block that names a transaction twice");
    }
    let header = Header::from_bytes(&whole.header).map_err(|_| "a block without a header")?;
    let own = bodies_root(whole.transactions.iter().copied()) == header.bodies_root;
    if !own {
        return Err("a block with other transactions than its header's"); // B1
    }
    Ok((header, whole.transactions))
}

/// How far a fresh proposal's time may lie from the own clock in `round`, in milliseconds.
pub(crate) fn skew_max(round: u32) -> u64 {
    let factor = 1_u64.checked_shl(round).unwrap_or(u64::MAX);
    limits::CLOCK_SKEW_MS.saturating_mul(factor).min(limits::CLOCK_SKEW_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::height::Height;
    use linli_types::id::{ChainId, Digest};

    pub(super) fn header() -> Header {
        Header {
            format: linli_types::header::FORMAT,
            flags: 0,
            protocol: 1,
            chain: ChainId([9; 32]),
            height: Height(5),
            time: TimeMs(1),
            parent: BlockId([0; 32]),
            proposer: PublicKey([1; 32]),
            bodies_root: Digest([0; 32]),
            receipts_root: Digest([0; 32]),
            state_root: Digest([0; 32]),
            log_size: 0,
            log_root: Digest([0; 32]),
            validators_hash: Digest([0; 32]),
            next_validators_hash: Digest([0; 32]),
        }
    }

    fn ids(count: usize) -> Vec<BodyId> {
        (0..count as u64).map(|n| BodyId(linli_types::digest::plain(&n.to_le_bytes()).0)).collect()
    }

    fn header_over(transactions: &[BodyId]) -> Header {
        Header { bodies_root: bodies_root(transactions.iter().copied()), ..header() }
    }

    fn parts(transactions: &[BodyId]) -> Vec<ProposalPart> {
        cut(2, &header_over(transactions), transactions)
            .into_iter()
            .map(|message| match message {
                Message::Part(part) => part,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn the_largest_block_comes_back_from_its_parts_in_any_order() {
        let transactions = ids(limits::BLOCK_TRANSACTIONS_MAX);
        let mut parts = parts(&transactions);
        assert!(parts.len() <= PARTS_MAX && parts.len() > 1);
        parts.reverse();
        let mut blocks = Blocks::default();
        let mut whole = None;
        for part in parts {
            whole = blocks.part(PublicKey([1; 32]), part).unwrap();
        }
        assert_eq!(whole, Some((header_over(&transactions), transactions)));
    }

    #[test]
    fn a_transaction_named_twice_is_a_lie() {
        let twice = [ids(1), ids(1)].concat();
        let part = parts(&twice).remove(0);
        assert!(Blocks::default().part(PublicKey([1; 32]), part).is_err());
    }

    #[test]
    fn half_sent_blocks_do_not_pile_up() {
        let mut blocks = Blocks::default();
        let part = parts(&ids(limits::BLOCK_TRANSACTIONS_MAX)).remove(0);
        for round in 0..1000 {
            let part = ProposalPart { round, ..part.clone() };
            assert_eq!(blocks.part(PublicKey([1; 32]), part), Ok(None));
        }
        assert_eq!(blocks.assemblies.len(), ASSEMBLIES_MAX);
    }

    #[test]
    fn the_skew_doubles_per_round_up_to_its_cap() {
        assert_eq!(
            [0, 1, 4, 5, 6, 4_000_000].map(skew_max),
            [2_000, 4_000, 32_000, 64_000, 64_000, 64_000]
        );
    }
}
