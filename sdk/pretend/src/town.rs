//! A real ledger in memory, one transaction per block.

use crate::outcome::Outcome;
use linli_runtime::vm::Program;
use linli_runtime::{Admission, Executed, Ledger, Settings, Slot, Verified, invariant};
use linli_types::certificate::Certificate;
use linli_types::genesis::Genesis;
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, PrincipalId, PublicKey, Signature, TxKey};
use linli_types::receipt::{Cause, Receipt, Refusal};
use linli_types::store::Memory;
use linli_types::transaction::envelope;
use linli_types::wire::accounts::{AccountRequest, AccountResponse};
use linli_types::wire::{self, Call};
use prost::Message;
use std::collections::BTreeMap;

/// Between one block and the next, unless a test says when.
const STEP_MS: u64 = 1_000;
/// How long a transaction may wait; it never does.
const VALID_MS: u64 = 60_000;

/// A call of a room, for [`Town::send`].
pub fn call(room: &str, method: &str, args: &impl Message) -> Call {
    Call { room: room.into(), method: method.into(), args: args.encode_to_vec() }
}

/// A ledger and its rows. Made by [`crate::Plan::open`].
pub struct Town {
    ledger: Ledger,
    store: Memory,
    keys: BTreeMap<PrincipalId, PublicKey>,
    proposer: PublicKey,
    sent: u64,
    fired: Vec<Outcome>,
}

impl std::fmt::Debug for Town {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Town").field("head", self.ledger.head()).finish_non_exhaustive()
    }
}

impl Town {
    pub(crate) fn open(genesis: &Genesis, programs: Vec<Program>, proposer: PublicKey) -> Self {
        let settings = Settings { programs, ..Settings::default() };
        let begun = Ledger::begin(&genesis.to_bytes(), settings);
        let (ledger, batch) = begun.unwrap_or_else(|why| panic!("the town cannot begin: {why}"));
        let mut store = Memory::default();
        store.apply(&batch);
        let keys = genesis.principals.iter().map(|one| (one.id, one.key)).collect();
        let town = Self { ledger, store, keys, proposer, sent: 0, fired: Vec::new() };
        town.ask_laws();
        town
    }

    /// The ledger itself, for what has no function here.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Its rows.
    pub const fn store(&self) -> &Memory {
        &self.store
    }

    /// Time of the last block.
    pub fn now(&self) -> TimeMs {
        self.ledger.head().time
    }

    /// A transaction with one call, in a block a second after the last.
    ///
    /// # Panics
    ///
    /// If a law breaks, or a contract's answer does not follow from the ledger.
    pub fn call(
        &mut self,
        sender: PrincipalId,
        room: &str,
        method: &str,
        args: &impl Message,
    ) -> Outcome {
        self.send(sender, vec![call(room, method, args)])
    }

    /// A transaction with these calls, all or none, in a block a second after the last.
    ///
    /// # Panics
    ///
    /// If a law breaks, or a contract's answer does not follow from the ledger.
    pub fn send(&mut self, sender: PrincipalId, calls: Vec<Call>) -> Outcome {
        self.perform(sender, None, calls)
    }

    /// The same, for somebody who gave the sender a mandate.
    ///
    /// # Panics
    ///
    /// If a law breaks, or a contract's answer does not follow from the ledger.
    pub fn send_for(
        &mut self,
        principal: PrincipalId,
        sender: PrincipalId,
        calls: Vec<Call>,
    ) -> Outcome {
        self.perform(sender, Some(principal), calls)
    }

    fn perform(
        &mut self,
        sender: PrincipalId,
        on_behalf: Option<PrincipalId>,
        calls: Vec<Call>,
    ) -> Outcome {
        match self.admitted(sender, on_behalf, calls) {
            Ok(transaction) => {
                let receipt = self.block(self.now().plus_ms(STEP_MS), &[transaction]).pop();
                receipt.expect("who is admitted comes into the block").into()
            }
            Err(refusal) => Outcome::TurnedAway(refusal),
        }
    }

    /// Lets time pass until `time`, in one block without transactions; what the timers came to that
    /// were due.
    ///
    /// # Panics
    ///
    /// If a law breaks, or a contract's answer does not follow from the ledger.
    pub fn at(&mut self, time: TimeMs) -> Vec<Outcome> {
        self.block(time, &[]);
        self.fired.clone()
    }

    /// What the timers came to that fired in the last block, before its transaction.
    pub fn fired(&self) -> &[Outcome] {
        &self.fired
    }

    /// Asks a room, as a reader.
    ///
    /// # Errors
    ///
    /// The room's refusal.
    ///
    /// # Panics
    ///
    /// If the answer is no `A`.
    pub fn ask<A: Message + Default>(
        &self,
        reader: PrincipalId,
        room: &str,
        method: &str,
        args: &impl Message,
    ) -> Result<A, Refusal> {
        let args = args.encode_to_vec();
        let answer = self.ledger.query(&self.store, room, method, &args, reader);
        let answer = answer.expect("rows in memory can be read")?;
        Ok(A::decode(answer.result.as_slice()).expect("the answer is the method's response"))
    }

    /// An account as it stands.
    ///
    /// # Panics
    ///
    /// If there is no such account.
    pub fn account(&self, id: AccountId) -> AccountResponse {
        let request = AccountRequest { id: id.0.to_vec() };
        let answer = self.ask(PrincipalId::default(), "accounts", "Account", &request);
        answer.unwrap_or_else(|refusal| panic!("no account {id}: {refusal:?}"))
    }

    /// What an account holds: posted credits less posted debits. What is only held still counts.
    ///
    /// # Panics
    ///
    /// If there is no such account.
    pub fn balance(&self, id: AccountId) -> i128 {
        let account = self.account(id);
        i128::from(account.credits_posted).saturating_sub(i128::from(account.debits_posted))
    }

    /// Checks a transaction as a node does before it lets it into its pool, but for the signature.
    fn admitted(
        &mut self,
        sender: PrincipalId,
        on_behalf: Option<PrincipalId>,
        calls: Vec<Call>,
    ) -> Result<Verified, Refusal> {
        self.sent = self.sent.saturating_add(1);
        let signer = self.keys.get(&sender).copied().unwrap_or(self.proposer);
        let body = wire::TransactionBody {
            chain_tag: self.ledger.head().chain.tag(),
            sender: sender.0.to_vec(),
            signer: signer.0.to_vec(),
            key: TxKey(u128::from(self.sent).to_be_bytes()).0.to_vec(),
            valid_until_ms: self.now().plus_ms(VALID_MS).0,
            on_behalf: on_behalf.map(|id| id.0.to_vec()),
            calls,
        };
        let raw = envelope(&body.encode_to_vec(), &Signature([0; 64]));
        let transaction = self.ledger.checker().check_shape(&raw)?;
        let admission = self.ledger.admit(&self.store, &transaction);
        match admission.expect("rows in memory can be read") {
            Admission::Refused(refusal) => Err(refusal),
            Admission::Admitted { .. } | Admission::Exists { .. } => {
                Ok(Verified::vouched(transaction))
            }
        }
    }

    /// Makes a block, keeps what its timers came to, and gives its transactions' receipts.
    fn block(&mut self, time: TimeMs, transactions: &[Verified]) -> Vec<Receipt> {
        let slot = Slot { time, proposer: self.proposer, flags: 0 };
        let executed = self.ledger.propose(&self.store, slot, transactions);
        let executed = executed.expect("rows in memory can be read");
        self.judge(&executed);
        let (height, block) = (executed.header.height, executed.id);
        let certificate = Certificate { height, round: 0, block, precommits: Vec::new() };
        let batch = self.ledger.batch(&executed, &certificate);
        self.store.apply(&batch);
        let adopted = self.ledger.adopt(executed).expect("no code comes into force here");
        self.ask_laws();
        let by_timer = |receipt: &Receipt| matches!(receipt.cause, Cause::Timer(_));
        let (fired, receipts) = adopted.receipts.into_iter().partition(by_timer);
        self.fired = Vec::into_iter(fired).map(Outcome::from).collect();
        receipts
    }

    /// T2, T3.
    fn judge(&self, executed: &Executed) {
        let again = self.ledger.execute(&self.store, &executed.header, &executed.transactions);
        let again = again.expect("rows in memory can be read");
        if let Err(why) = again {
            panic!("T3: a contract asks something that is not of the ledger: {why}");
        }
        let broken = invariant::block_breaches(executed).expect("rows in memory can be read");
        assert!(broken.is_empty(), "T2: the block breaks {broken:#?}");
    }

    /// T2.
    fn ask_laws(&self) {
        let broken = invariant::breaches(&self.store).expect("rows in memory can be read");
        assert!(broken.is_empty(), "T2: broken after the block: {broken:#?}");
    }
}
