//! What the executing side gives to a running contract, and what it gets back.

use linli_types::height::TimeMs;
use linli_types::id::{Digest, PrincipalId, TimerId};
use linli_types::receipt::Refusal;
use linli_types::store::Broken;

/// The ledger as one running contract may touch it. Arguments are already bounded by the limits
/// table and paid for; counts per transaction (events, timers) are the implementor's to bound.
pub trait Host {
    /// The 64 bytes of `context` (see [`linli_types::abi::HOST`]).
    fn context(&self) -> [u8; 64];

    /// The contract that runs. Names the refusals that it makes.
    fn room(&self) -> &str;

    /// The contract that called this one; empty when a transaction or a timer did.
    fn caller(&self) -> &str;

    /// The contract's entry under `key`.
    ///
    /// # Errors
    ///
    /// [`Stop`] ends the whole transaction. So it does below.
    fn read(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Stop>;

    /// Writes the contract's entry under `key`.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), Stop>;

    /// Removes the contract's entry under `key`.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    fn remove(&mut self, key: &[u8]) -> Result<(), Stop>;

    /// The digest that the contract claimed the business id `id` with, if it did.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    fn claimed(&mut self, id: &[u8]) -> Result<Option<[u8; 32]>, Stop>;

    /// Claims the business id `id` for ever: 0 done, 1 claimed before with the same digest, 2 with
    /// another.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    fn claim(&mut self, id: &[u8], digest: [u8; 32]) -> Result<u32, Stop>;

    /// Emits an event.
    ///
    /// # Errors
    ///
    /// [`Stop`], also for one event too many.
    fn emit(&mut self, kind: &str, about: &[PrincipalId], data: &[u8]) -> Result<(), Stop>;

    /// Appends a statement to the evidence log; its leaf's index.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    fn append(&mut self, digest: [u8; 32]) -> Result<u64, Stop>;

    /// Sets a timer of this contract.
    ///
    /// # Errors
    ///
    /// [`Stop`], also for one timer too many or a time too far ahead.
    fn schedule(&mut self, at: TimeMs, payload: &[u8]) -> Result<TimerId, Stop>;

    /// Removes a timer of this contract; whether it stood.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    fn cancel(&mut self, id: TimerId) -> Result<bool, Stop>;

    /// Calls another room with at most `fuel`; its result and the fuel it used.
    ///
    /// # Errors
    ///
    /// [`Stop`]: a refusal there refuses the whole transaction.
    fn call(
        &mut self,
        room: &str,
        method: &str,
        args: &[u8],
        fuel: u64,
    ) -> Result<(Vec<u8>, u64), Stop>;
}

/// Why a run ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The rules said no: a result.
    Refused(Refusal),
    /// This node is damaged: no result; the node stops.
    Broken(Broken),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// The ways into a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// At deployment; the input is the arguments. A contract without `init` has nothing to do.
    Init,
    /// A call of a transaction or of another contract.
    Call,
    /// A read: what writes traps.
    Query,
    /// A timer that fell due; the input is its payload.
    Fire,
}

impl Entry {
    /// The name of the export.
    pub const fn export(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Call => "call",
            Self::Query => "query",
            Self::Fire => "fire",
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Fuel used, calls into other rooms included.
    pub fuel: u64,
    /// The result, or why there is none. Refusals name their room: the contract for its own codes,
    /// empty for native codes.
    pub end: Result<Vec<u8>, Stop>,
}

/// What a deployment gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The code's hash: its name from now on.
    pub hash: Digest,
    /// The contract's file descriptor set.
    pub schema: Vec<u8>,
}

/// Keeps compiled code between starts. The runtime opens no files; the node does.
///
/// # Contract
///
/// What `get` returns runs as native code without any check of its own. So `get` must return only
/// bytes that this very node passed to `put` under the same two keys, unchanged (the node keeps a
/// keyed hash beside the file), and `None` on any doubt. Never accept such bytes from a peer.
pub trait CodeCache: Send + Sync {
    /// The bytes kept for this code and this engine, exactly as `put`, or `None`.
    fn get(&self, code: &Digest, engine: u64) -> Option<Vec<u8>>;

    /// Keeps bytes. Best effort: losing them costs a compilation.
    fn put(&self, code: &Digest, engine: u64, bytes: &[u8]);
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCache;

impl CodeCache for NoCache {
    fn get(&self, _code: &Digest, _engine: u64) -> Option<Vec<u8>> {
        None
    }

    fn put(&self, _code: &Digest, _engine: u64, _bytes: &[u8]) {}
}
