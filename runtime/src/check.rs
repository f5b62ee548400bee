//! Phase 1: is this a well-formed transaction for this chain? No state is read.
//!
//! The signature is not checked here (see [`crate::verified`]), nor is anything that depends on
//! the state: whether the sender exists, whether the key was used.
//!
//! # Invariants
//!
//! - **K1 one spelling.** A body and a signature have exactly one envelope, so two validators
//!   never count or store different bytes for one transaction.
//! - **K2 mute.** A refusal names fields, kinds and bounds; it echoes nothing that a sender wrote
//!   into a field. Names of rooms and methods come back only when they have the shape of a name.
//! - **K3 pure.** The answer depends on the bytes, the chain, the schemas and `now` alone: a block
//!   that holds what `check_shape` refuses is invalid everywhere.

use crate::deploy::is_native;
use crate::pii;
use crate::schema::{MessageRef, Schema, cursor::Cursor, no_filter};
use linli_types::code::Code;
use linli_types::digest;
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, PrincipalId, PublicKey, Signature, TxKey};
use linli_types::limits::{
    ARGUMENT_BYTES_MAX, CALLS_MAX, NAME_BYTES_MAX, TRANSACTION_BYTES_MAX, VALIDITY_MS_MAX,
};
use linli_types::receipt::{Param, Refusal};
use linli_types::transaction::{Transaction, body_id};
use linli_types::wire::{self, Call, TransactionBody};
use prost::Message;
use std::collections::BTreeMap;

/// Full name of the message that a body is.
const BODY: &str = "linli.v1.TransactionBody";
/// The first byte of an envelope: field 1, length follows.
const TAG_BODY: u8 = 0x0a;
/// What stands before the signature: field 2, 64 bytes.
const TAG_SIGNATURE: [u8; 2] = [0x12, 64];

/// Checks transactions by the schemas of all rooms. Cheap to share; a new one stands after every
/// deployment.
#[derive(Clone, Debug)]
pub struct Checker {
    chain: ChainId,
    rooms: BTreeMap<String, Schema>,
    own: Schema,
    body: MessageRef,
}

impl Checker {
    /// A checker for `chain` that knows the rooms of `schemas`, native ones and contracts, by name.
    ///
    /// # Panics
    ///
    /// Never: the schema of the body is part of this program, and a test compiles it.
    pub fn new(chain: ChainId, schemas: BTreeMap<String, Schema>) -> Self {
        let own = Schema::of_messages(wire::DESCRIPTORS, &[BODY]).expect("our own schema compiles");
        let body = own.message(BODY).expect("the body was just compiled");
        Self { chain, rooms: schemas, own, body }
    }

    /// Reads a transaction and checks everything that needs no state, its validity window against
    /// `now` (the latest block time) included.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that echoes no input (K2); the fault is the sender's and nothing is recorded.
    pub fn check(&self, raw: &[u8], now: TimeMs) -> Result<Transaction, Refusal> {
        let transaction = self.check_shape(raw)?;
        check_window(transaction.valid_until, now)?;
        Ok(transaction)
    }

    /// The same without the validity window: for the bodies of a proposed block, whose window is
    /// judged at block time ([`check_window`]).
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_shape(&self, raw: &[u8]) -> Result<Transaction, Refusal> {
        let transaction = self.read(raw)?;
        transaction.calls.iter().try_for_each(|call| self.check_call(call))?;
        Ok(transaction)
    }

    /// Whether whoever passed these bytes on is at fault. Who is a block ahead of us, or behind, checks
    /// calls of contracts by other code than we do: such a call is nobody's fault.
    pub fn blames(&self, raw: &[u8]) -> bool {
        let Ok(transaction) = self.read(raw) else { return true };
        let mut native = transaction.calls.iter().filter(|call| is_native(&call.room));
        native.any(|call| self.check_call(call).is_err())
    }

    /// As [`Self::check_shape`] without the rooms' schemas: for a block that stands, which other code
    /// than now's may have judged.
    pub(crate) fn read(&self, raw: &[u8]) -> Result<Transaction, Refusal> {
        at_most("transaction", raw.len(), TRANSACTION_BYTES_MAX)?;
        let (body_bytes, signature) = envelope(raw).ok_or_else(|| malformed("envelope"))?;
        let walked = self.own.walk(self.body, body_bytes, &no_filter);
        walked.map_err(|fault| fault.refusal())?;
        let body = TransactionBody::decode(body_bytes).map_err(|_| malformed("body"))?;
        if body.chain_tag != self.chain.tag() {
            return Err(Code::WrongChain.refuse([]));
        }
        let wrong = |field: &str| malformed(&format!("{field}: wrong length"));
        let id = digest::transaction_id(body_bytes);
        let transaction = Transaction {
            id,
            body: body_id(&id, &signature),
            sender: PrincipalId::from_slice(&body.sender).ok_or_else(|| wrong("sender"))?,
            on_behalf: match body.on_behalf {
                Some(id) => Some(PrincipalId::from_slice(&id).ok_or_else(|| wrong("on_behalf"))?),
                None => None,
            },
            signer: PublicKey::from_slice(&body.signer).ok_or_else(|| wrong("signer"))?,
            key: TxKey::from_slice(&body.key).ok_or_else(|| wrong("key"))?,
            valid_until: TimeMs(body.valid_until_ms),
            signature,
            calls: body.calls,
            raw: raw.into(),
        };
        if transaction.calls.is_empty() {
            return Err(malformed("calls: none"));
        }
        at_most("calls", transaction.calls.len(), CALLS_MAX)?;
        Ok(transaction)
    }

    /// The same checker with other schemas of some rooms.
    pub(crate) fn with(&self, schemas: impl IntoIterator<Item = (String, Schema)>) -> Self {
        let mut checker = self.clone();
        checker.rooms.extend(schemas);
        checker
    }

    /// Whether `method` of `room` exists and `args` are its request message, filtered for personal
    /// data. For calls of transactions.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_call(&self, call: &Call) -> Result<(), Refusal> {
        self.check_method(&call.room, &call.method, &call.args, Schema::call)
    }

    /// The same for a query.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_query(&self, room: &str, method: &str, args: &[u8]) -> Result<(), Refusal> {
        self.check_method(room, method, args, Schema::query)
    }

    /// The same for what a contract asks or calls of a native room, while it runs.
    pub(crate) fn check_inner(
        &self,
        room: &str,
        method: &str,
        args: &[u8],
        question: bool,
    ) -> Result<(), Refusal> {
        let find = if question { Schema::query } else { Schema::call };
        self.check_method(room, method, args, find)
    }

    fn check_method(
        &self,
        room: &str,
        method: &str,
        args: &[u8],
        find: impl for<'s> Fn(&'s Schema, &str) -> Option<&'s crate::schema::Method>,
    ) -> Result<(), Refusal> {
        at_most("args", args.len(), ARGUMENT_BYTES_MAX)?;
        let (room_word, method_word) = (name("calls.room", room)?, name("calls.method", method)?);
        let unknown_room = || Code::UnknownRoom.refuse([room_word.clone()]);
        let schema = self.rooms.get(room).ok_or_else(unknown_room)?;
        let unknown_method = || Code::UnknownMethod.refuse([room_word.clone(), method_word]);
        let method = find(schema, method).ok_or_else(unknown_method)?;
        schema.walk(method.request, args, &pii::find).map_err(|fault| fault.refusal())
    }

    /// The schema of a room.
    pub fn schema(&self, room: &str) -> Option<&Schema> {
        self.rooms.get(room)
    }

    /// The rooms, by name.
    pub fn rooms(&self) -> impl Iterator<Item = (&str, &Schema)> {
        self.rooms.iter().map(|(name, schema)| (name.as_str(), schema))
    }
}

/// Whether a transaction that is valid until `valid_until` may stand in a block of time `at`.
///
/// # Errors
///
/// [`Code::Expired`] or [`Code::TooDistant`]; the fault is the sender's.
pub fn check_window(valid_until: TimeMs, at: TimeMs) -> Result<(), Refusal> {
    if valid_until < at {
        return Err(Code::Expired.refuse([Param::Number(valid_until.0), Param::Number(at.0)]));
    }
    let latest = at.plus_ms(VALIDITY_MS_MAX);
    if valid_until > latest {
        let params = [Param::Number(valid_until.0), Param::Number(latest.0)];
        return Err(Code::TooDistant.refuse(params));
    }
    Ok(())
}

/// Splits an envelope in its only spelling: field 1, field 2, nothing else (K1).
fn envelope(raw: &[u8]) -> Option<(&[u8], Signature)> {
    let mut cursor = Cursor::new(raw);
    if cursor.take(1).ok()? != [TAG_BODY] {
        return None;
    }
    let body = cursor.bytes().ok()?;
    if cursor.take(2).ok()? != TAG_SIGNATURE {
        return None;
    }
    let signature = Signature::from_slice(cursor.take(64).ok()?)?;
    (cursor.is_at_end() && !body.is_empty()).then_some((body, signature))
}

fn malformed(what: &str) -> Refusal {
    Code::Malformed.refuse([Param::Word(what.to_string())])
}

fn at_most(what: &str, found: usize, max: usize) -> Result<(), Refusal> {
    if found <= max {
        return Ok(());
    }
    let number = |n| Param::Number(u64::try_from(n).unwrap_or(u64::MAX));
    Err(Code::TooLarge.refuse([Param::Word(what.to_string()), number(found), number(max)]))
}

/// A name that may be shown: letters, digits, hyphens, underscores (K2).
fn name(field: &str, name: &str) -> Result<Param, Refusal> {
    at_most(field, name.len(), NAME_BYTES_MAX)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(malformed(&format!("{field}: not a name")));
    }
    Ok(Param::Word(name.to_string()))
}

#[cfg(test)]
mod tests;
