//! What a core is started with: who it is, its bounds and delays, the head it stands on.

use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, ChainId, PublicKey, Signature};
use linli_types::limits;
use linli_types::signature::Verify;
use linli_types::validator::ValidatorSet;

/// One reading of both clocks, taken by whoever calls [`crate::Core::step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Milliseconds of a clock that never goes back: timeouts run on it.
    pub mono_ms: u64,
    /// The wall clock: proposed times are made from it and judged by it.
    pub wall: TimeMs,
}

/// Signing and verifying. The simulator hands in a pretend scheme.
pub trait Crypto {
    /// Signs with one of the node's keys, [`Config::me`] or [`Config::successor`]. Called only for
    /// a vote or a proposal that was never signed before (C2).
    fn sign(&mut self, key: &PublicKey, bytes: &[u8]) -> Signature;
    /// Checks signatures.
    fn verifier(&self) -> &dyn Verify;
}

/// How long consensus waits, in milliseconds. Each wait grows with the round, up to `max_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a proposal, in round 0.
    pub propose_ms: u64,
    /// How much longer per round.
    pub propose_step_ms: u64,
    /// For more prevotes or precommits after a quorum of different ones, in round 0.
    pub vote_ms: u64,
    /// How much longer per round.
    pub vote_step_ms: u64,
    /// Between two sendings of the same votes, parts and proposal while a round lasts.
    pub resend_ms: u64,
    /// Upper bound of every wait.
    pub max_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            propose_ms: 500,
            propose_step_ms: 500,
            vote_ms: 200,
            vote_step_ms: 200,
            resend_ms: 400,
            max_ms: 10_000,
        }
    }
}

/// What the pool may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolBounds {
    /// Transactions.
    pub transactions: usize,
    /// Bytes of their envelopes.
    pub bytes: usize,
    /// Share of either that one sender may fill, in percent.
    pub sender_percent: usize,
    /// Share of either that one organisation may fill, in percent. Organisation 0 means none and
    /// has no share of its own.
    pub organisation_percent: usize,
}

impl Default for PoolBounds {
    fn default() -> Self {
        Self {
            transactions: limits::POOL_TRANSACTIONS_MAX,
            bytes: limits::POOL_BYTES_MAX,
            sender_percent: limits::POOL_SENDER_PERCENT_MAX,
            organisation_percent: limits::POOL_ORGANISATION_PERCENT_MAX,
        }
    }
}

/// Who this node is, and its delays and bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The chain.
    pub chain: ChainId,
    /// The validator's consensus key. A key outside the set follows without voting.
    pub me: PublicKey,
    /// The key that this node votes with once the set names it instead of `me`: a validator gets
    /// a new key while it runs.
    pub successor: Option<PublicKey>,
    /// Lowest and highest protocol that this binary speaks; exchanged in the first message.
    pub protocols: (u32, u32),
    /// Waits of consensus.
    pub timeouts: Timeouts,
    /// Least time from the start of one height to the start of the next.
    pub block_interval_ms: u64,
    /// After how long without a block an empty one is made.
    pub heartbeat_ms: u64,
    /// How often a status goes out when nothing else does.
    pub status_ms: u64,
    /// How long a peer may take to answer a request.
    pub request_ms: u64,
    /// Bounds of the pool.
    pub pool: PoolBounds,
}

impl Config {
    /// The bounds and delays of production for validator `me` of `chain`.
    pub fn new(chain: ChainId, me: PublicKey) -> Self {
        Self {
            chain,
            me,
            successor: None,
            protocols: (linli_types::header::PROTOCOL_MIN, linli_types::header::PROTOCOL),
            timeouts: Timeouts::default(),
            block_interval_ms: limits::BLOCK_INTERVAL_MS_MIN,
            heartbeat_ms: limits::HEARTBEAT_MS,
            status_ms: 10_000,
            request_ms: 2_000,
            pool: PoolBounds::default(),
        }
    }

    /// The key that this node votes with among `validators`: of its two the one that they name.
    pub fn key_among(&self, validators: &ValidatorSet) -> PublicKey {
        let is_named = |key: &PublicKey| validators.get(key).is_some();
        match self.successor {
            Some(successor) if !is_named(&self.me) && is_named(&successor) => successor,
            _ => self.me,
        }
    }
}

/// The head: the last committed block and who decides the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its height; 0 for the genesis.
    pub height: Height,
    /// Its id; at the genesis the chain id's bytes.
    pub block: BlockId,
    /// Its time.
    pub time: TimeMs,
    /// The set that certifies the next block.
    pub validators: ValidatorSet,
}

/// The log cannot be continued: starting would risk a second vote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoreBroken {
    /// A record does not decode.
    #[error(
        "record {index} of the log is not one of ours; the log is damaged or was written by a newer version"
    )]
    Record {
        /// Which record, from 0.
        index: usize,
    },
    /// Replay came to another vote or proposal than the log holds.
    #[error("replaying the log led to something else than what was signed before: {0}")]
    Diverged(String),
}
