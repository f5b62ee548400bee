//! What a contract sees of the world: the transaction, its own entries, the log, timers, rooms.
//!
//! Everything comes from the host, so every validator sees the same. There is no clock but block
//! time and no chance at all.

use crate::host::Host;
use crate::refusal::Refusal;
use alloc::string::String;
use alloc::vec::Vec;
use linli_types::id::{PrincipalId, TimerId, TxKey};
use prost::Message;

/// A message with option `event`. Implemented by the build script.
pub trait Event: Message {
    /// Its full name in the schema.
    const KIND: &'static str;
}

/// The transaction that a contract works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Height of the block.
    pub height: u64,
    /// Block time, milliseconds since 1970 UTC.
    pub now_ms: u64,
    /// Who signed; zero when a timer fires.
    pub sender: PrincipalId,
    /// The sender's organisation; 0 for none.
    pub organisation: u32,
    /// Version of the policy in force.
    pub policy: u32,
    /// The transaction's key; zero when a timer fires.
    pub key: TxKey,
    /// Whether somebody acts for the sender by a mandate.
    pub on_behalf: bool,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Newly claimed, for ever.
    New,
    /// Claimed before with the same digest.
    Same,
    /// Claimed before with another digest.
    Other,
}

/// The environment of one call.
pub struct Env<'a> {
    host: &'a mut dyn Host,
    context: Option<Context>,
}

impl core::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

impl<'a> Env<'a> {
    /// The environment that `host` gives.
    pub fn new(host: &'a mut dyn Host) -> Self {
        Self { host, context: None }
    }

    pub(crate) fn host(&mut self) -> &mut dyn Host {
        self.host
    }

    /// The transaction. Asked of the host once.
    pub fn context(&mut self) -> Context {
        let host = &mut *self.host;
        *self.context.get_or_insert_with(|| read_context(&host.context()))
    }

    /// The contract that called this one; empty when a transaction or a timer did.
    pub fn caller(&mut self) -> String {
        self.host.caller()
    }

    /// An entry of this contract, raw. Prefer [`crate::Map`] and [`crate::Item`].
    pub fn read(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.host.read(key)
    }

    /// The digest that a business id was claimed with.
    pub fn claimed(&mut self, id: &[u8]) -> Option<[u8; 32]> {
        self.host.claimed(id)
    }

    /// Claims a business id of this contract for ever, beside the tree.
    pub fn claim(&mut self, id: &[u8], digest: &[u8; 32]) -> Claim {
        match self.host.claim(id, digest) {
            0 => Claim::New,
            1 => Claim::Same,
            _ => Claim::Other,
        }
    }

    /// Emits an event that concerns `about`.
    pub fn emit<E: Event>(&mut self, about: &[PrincipalId], event: &E) {
        self.host.emit(E::KIND, about, &event.encode_to_vec());
    }

    /// Emits an event whose message is encoded already: its bytes are taken as they are.
    pub fn emit_encoded(&mut self, kind: &str, about: &[PrincipalId], data: &[u8]) {
        self.host.emit(kind, about, data);
    }

    /// Appends a statement to the evidence log and returns its leaf's index.
    pub fn append(&mut self, statement: &[u8; 32]) -> u64 {
        self.host.append(statement)
    }

    /// Sets a timer that calls `fire` with `payload` at block time `at_ms` or as soon after as
    /// the fuel share allows.
    pub fn schedule(&mut self, at_ms: u64, payload: &[u8]) -> TimerId {
        self.host.schedule(at_ms, payload)
    }

    /// Removes a timer of this contract; whether it stood.
    pub fn cancel(&mut self, timer: &TimerId) -> bool {
        self.host.cancel(timer)
    }

    /// Calls another room for the same sender; the native accounts see this contract as who acts
    /// ([`crate::accounts`]). A refusal there refuses the whole transaction and never returns here.
    pub fn call<M: Message + Default>(
        &mut self,
        room: &str,
        method: &str,
        args: &impl Message,
    ) -> Option<M> {
        M::decode(self.host.call(room, method, &args.encode_to_vec()).as_slice()).ok()
    }

    /// [`Env::call`] in bytes.
    pub fn call_encoded(&mut self, room: &str, method: &str, args: &[u8]) -> Vec<u8> {
        self.host.call(room, method, args)
    }

    /// BLAKE3.
    pub fn blake3(&mut self, data: &[u8]) -> [u8; 32] {
        self.host.hash(0, data)
    }

    /// SHA-256.
    pub fn sha256(&mut self, data: &[u8]) -> [u8; 32] {
        self.host.hash(1, data)
    }

    /// SM3.
    pub fn sm3(&mut self, data: &[u8]) -> [u8; 32] {
        self.host.hash(2, data)
    }

    /// The digest by an algorithm's number in `linli_types::abi::ALGORITHMS`; another one traps.
    pub fn hash(&mut self, algorithm: u32, data: &[u8]) -> [u8; 32] {
        self.host.hash(algorithm, data)
    }

    /// Decodes `args`, runs `work`, encodes its answer: the body of most methods.
    ///
    /// # Errors
    ///
    /// `malformed` if the arguments are not an `A`, the client's fault (the ledger's own check
    /// refuses such arguments before); otherwise what `work` says.
    pub fn answer<A: Message + Default, B: Message>(
        &mut self,
        args: &[u8],
        malformed: impl FnOnce() -> Refusal,
        work: impl FnOnce(&mut Self, A) -> Result<B, Refusal>,
    ) -> Result<Vec<u8>, Refusal> {
        let args = A::decode(args).map_err(|_| malformed())?;
        work(self, args).map(|answer| answer.encode_to_vec())
    }
}

/// Reads the 64 bytes that `context` writes.
fn read_context(bytes: &[u8; 64]) -> Context {
    let (height, rest) = take::<8>(bytes);
    let (now_ms, rest) = take::<8>(rest);
    let (sender, rest) = take::<16>(rest);
    let (organisation, rest) = take::<4>(rest);
    let (policy, rest) = take::<4>(rest);
    let (key, rest) = take::<16>(rest);
    Context {
        height: u64::from_le_bytes(height),
        now_ms: u64::from_le_bytes(now_ms),
        sender: PrincipalId(sender),
        organisation: u32::from_le_bytes(organisation),
        policy: u32::from_le_bytes(policy),
        key: TxKey(key),
        on_behalf: rest.first().is_some_and(|byte| *byte == 1),
    }
}

/// The first `N` bytes and the rest. The callers' lengths add up to less than 64.
fn take<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    bytes.split_first_chunk::<N>().map_or(([0; N], &[]), |(first, rest)| (*first, rest))
}
