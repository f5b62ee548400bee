//! Phase 1: is this a well-formed transaction for this chain? No state is read.
//!
//! The signature is not checked here (see [`crate::verified`]), nor is anything that depends on
//! the state.

use crate::schema::Schema;
use linli_types::code::Code;
use linli_types::digest;
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, PrincipalId, PublicKey, Signature, TxKey};
use linli_types::receipt::{Param, Refusal};
use linli_types::transaction::Transaction;
use linli_types::wire;
use prost::Message;
use std::collections::BTreeMap;

/// Checks transactions by the schemas of all rooms. Cheap to share; a new one stands after every
/// deployment.
#[derive(Debug)]
pub struct Checker {
    chain: ChainId,
    rooms: BTreeMap<String, Schema>,
}

impl Checker {
    /// A checker for `chain` that knows the rooms of `schemas`, native ones and contracts, by name.
    pub fn new(chain: ChainId, schemas: BTreeMap<String, Schema>) -> Self {
        Self { chain, rooms: schemas }
    }

    /// Reads a transaction and checks everything that needs no state, its validity window against
    /// `now` (the latest block time) included.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that echoes no input; the fault is the sender's and nothing was recorded.
    pub fn check(&self, raw: &[u8], now: TimeMs) -> Result<Transaction, Refusal> {
        let transaction = self.check_shape(raw)?;
        if transaction.valid_until < now {
            return Err(Code::Expired.refuse([
                Param::Number(transaction.valid_until.0),
                Param::Number(now.0),
            ]));
        }
        Ok(transaction)
    }

    /// The same without the validity window: for the bodies of a proposed block, whose window is
    /// judged at block time.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_shape(&self, raw: &[u8]) -> Result<Transaction, Refusal> {
        let malformed = || Code::Malformed.refuse([Param::Word("envelope".into())]);
        let envelope = wire::SignedTransaction::decode(raw).map_err(|_| malformed())?;
        let body = wire::TransactionBody::decode(&*envelope.body).map_err(|_| malformed())?;
        if body.chain_tag != self.chain.tag() {
            return Err(Code::WrongChain.refuse([]));
        }
        Ok(Transaction {
            id: digest::transaction_id(&envelope.body),
            sender: PrincipalId::from_slice(&body.sender).ok_or_else(malformed)?,
            signer: PublicKey::from_slice(&body.signer).ok_or_else(malformed)?,
            key: TxKey::from_slice(&body.key).ok_or_else(malformed)?,
            valid_until: TimeMs(body.valid_until_ms),
            signature: Signature::from_slice(&envelope.signature).ok_or_else(malformed)?,
            calls: body.calls,
            raw: raw.into(),
        })
    }

    /// The schema of a room.
    pub fn schema(&self, room: &str) -> Option<&Schema> {
        self.rooms.get(room)
    }
}
