//! A transaction in the making: calls, a once-only key, a validity; then signed over exact bytes.

use crate::error::{Error, ErrorKind};
use crate::key::{SecretKey, random};
use crate::schema::{Schema, Service};
use crate::{anchor, clock};
use linli_types::digest;
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, ChainId, PrincipalId, TransferId, TxId, TxKey};
use linli_types::limits;
use linli_types::transaction::{envelope, signing_bytes};
use linli_types::wire::accounts::TransferRequest;
use linli_types::wire::{Call, TransactionBody};
use prost::Message;

/// How long a transaction may wait for its block unless told otherwise, in milliseconds.
pub const VALIDITY_MS: u64 = 60_000;

/// One transfer of the native accounts room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Business id: chosen by the caller, used once for ever.
    pub id: TransferId,
    /// The account that pays; the sender owns it.
    pub debit: AccountId,
    /// The account that is paid.
    pub credit: AccountId,
    /// Minor units, above zero.
    pub amount: u64,
    /// Kind of business.
    pub code: u32,
}

/// Calls that take effect together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    calls: Vec<Call>,
    key: Option<TxKey>,
    valid_until: Option<TimeMs>,
}

/// A signed transaction. Sending the same bytes again cannot take effect twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Its id.
    pub id: TxId,
    /// Its once-only key, scoped to the sender.
    pub key: TxKey,
    /// The last block time at which it may be executed.
    pub valid_until: TimeMs,
    /// The envelope's bytes: what is sent.
    pub raw: Vec<u8>,
}

impl Draft {
    /// A draft without calls.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a call whose arguments are encoded already.
    #[must_use]
    pub fn call(mut self, room: &str, method: &str, args: Vec<u8>) -> Self {
        self.calls.push(Call { room: room.into(), method: method.into(), args });
        self
    }

    /// Adds a call written as JSON, by the room's schema.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`]; names the field that does not fit.
    pub fn call_json(
        self,
        schema: &Schema,
        method: &str,
        json: &serde_json::Value,
    ) -> Result<Self, Error> {
        let args = schema.request(Service::Calls, method, json)?;
        Ok(self.call(schema.room(), method, args))
    }

    /// Adds a transfer.
    #[must_use]
    pub fn transfer(self, transfer: Transfer) -> Self {
        let Transfer { id, debit, credit, amount, code } = transfer;
        let (id, debit, credit) = (id.0.to_vec(), debit.0.to_vec(), credit.0.to_vec());
        let args = TransferRequest { id, debit, credit, amount, code, ..Default::default() };
        self.call("accounts", "Transfer", args.encode_to_vec())
    }

    /// Adds an anchoring of evidence.
    #[must_use]
    pub fn anchor(self, request: &anchor::AnchorRequest) -> Self {
        self.call(anchor::ROOM, anchor::METHOD, request.encode_to_vec())
    }

    /// Sets the once-only key instead of drawing one.
    #[must_use]
    pub const fn key(mut self, key: TxKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets the validity instead of [`VALIDITY_MS`] from now on.
    #[must_use]
    pub const fn valid_until(mut self, time: TimeMs) -> Self {
        self.valid_until = Some(time);
        self
    }

    /// Signs for `chain` as `sender`, with a key that is registered for the sender.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if no node would take it: no call, too many, too large.
    /// [`ErrorKind::Machine`] without random bytes or a clock.
    pub fn sign(
        self,
        signer: &SecretKey,
        chain: &ChainId,
        sender: PrincipalId,
    ) -> Result<Signed, Error> {
        self.check()?;
        let key = self.key.map_or_else(|| random().map(TxKey), Ok)?;
        let default = || clock::now().map(|now| now.plus_ms(VALIDITY_MS));
        let valid_until = self.valid_until.map_or_else(default, Ok)?;
        let body = TransactionBody {
            chain_tag: chain.tag(),
            sender: sender.0.to_vec(),
            signer: signer.public().0.to_vec(),
            key: key.0.to_vec(),
            valid_until_ms: valid_until.0,
            calls: self.calls,
        };
        let body = body.encode_to_vec();
        let raw = envelope(&body, &signer.sign(&signing_bytes(chain, &body)));
        if raw.len() > limits::TRANSACTION_BYTES_MAX {
            return Err(too_large("transaction", raw.len(), limits::TRANSACTION_BYTES_MAX));
        }
        Ok(Signed { id: digest::transaction_id(&body), key, valid_until, raw })
    }

    fn check(&self) -> Result<(), Error> {
        if self.calls.is_empty() {
            return Err(Error::new(
                ErrorKind::Input,
                "交易没有任何调用",
                "the transaction asks nothing",
            ));
        }
        if self.calls.len() > limits::CALLS_MAX {
            return Err(too_large("number of calls", self.calls.len(), limits::CALLS_MAX));
        }
        for call in &self.calls {
            let name = call.room.len().max(call.method.len());
            if name > limits::NAME_BYTES_MAX {
                return Err(too_large("name", name, limits::NAME_BYTES_MAX));
            }
            if call.args.len() > limits::ARGUMENT_BYTES_MAX {
                return Err(too_large("arguments", call.args.len(), limits::ARGUMENT_BYTES_MAX));
            }
        }
        Ok(())
    }
}

fn too_large(what: &str, found: usize, max: usize) -> Error {
    Error::new(
        ErrorKind::Input,
        format!("{what} 为 {found}，超过上限 {max}"),
        format!("{what}: {found}; at most {max} is allowed"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::id::{PublicKey, Signature};
    use linli_types::signature::{Verify, Zip215};
    use linli_types::wire::SignedTransaction;
    use serde_json::json;

    const CHAIN: ChainId = ChainId([6; 32]);
    const SENDER: PrincipalId = PrincipalId([7; 16]);

    fn transfer() -> Transfer {
        let (debit, credit) = (AccountId([2; 16]), AccountId([3; 16]));
        Transfer { id: TransferId([1; 16]), debit, credit, amount: 50, code: 1 }
    }

    fn body(signed: &Signed) -> (TransactionBody, Vec<u8>, Vec<u8>) {
        let envelope = SignedTransaction::decode(signed.raw.as_slice()).unwrap();
        let body = TransactionBody::decode(envelope.body.as_slice()).unwrap();
        (body, envelope.body, envelope.signature)
    }

    #[test]
    fn a_signed_draft_is_what_the_chain_checks() {
        let key = SecretKey::from_bytes(&[1; 32]);
        let signed = Draft::new().transfer(transfer()).sign(&key, &CHAIN, SENDER).unwrap();
        let (body, bytes, signature) = body(&signed);
        assert_eq!(digest::transaction_id(&bytes), signed.id);
        assert_eq!((body.chain_tag, body.sender.as_slice()), (CHAIN.tag(), &SENDER.0[..]));
        let signer = PublicKey::from_slice(&body.signer).unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        assert!(Zip215.verify(&signer, &signing_bytes(&CHAIN, &bytes), &signature));
        assert!(!Zip215.verify(&signer, &signing_bytes(&ChainId([7; 32]), &bytes), &signature));
        let left = signed.valid_until.since(clock::now().unwrap());
        assert!(left <= VALIDITY_MS && left > VALIDITY_MS - 10_000, "{left}");
    }

    #[test]
    fn json_and_typed_calls_are_the_same_bytes() {
        let schema = Schema::native("accounts").unwrap();
        let json = json!({
            "id": "01".repeat(16), "debit": "02".repeat(16), "credit": "03".repeat(16),
            "amount": 50, "code": 1,
        });
        let key = SecretKey::from_bytes(&[1; 32]);
        let sign = |draft: Draft| {
            let draft = draft.key(TxKey([9; 16])).valid_until(TimeMs(5));
            draft.sign(&key, &CHAIN, SENDER).unwrap()
        };
        let by_json = Draft::new().call_json(&schema, "Transfer", &json).unwrap();
        assert_eq!(sign(by_json), sign(Draft::new().transfer(transfer())));
    }

    #[test]
    fn every_draft_has_a_key_of_its_own() {
        let key = SecretKey::from_bytes(&[1; 32]);
        let sign = || Draft::new().transfer(transfer()).sign(&key, &CHAIN, SENDER).unwrap();
        assert_ne!(sign().key, sign().key);
    }

    #[test]
    fn what_no_node_would_take_is_refused_here() {
        let key = SecretKey::from_bytes(&[1; 32]);
        let refused = |draft: Draft| {
            assert_eq!(draft.sign(&key, &CHAIN, SENDER).unwrap_err().kind(), ErrorKind::Input);
        };
        refused(Draft::new());
        refused((0..65).fold(Draft::new(), |draft, _| draft.transfer(transfer())));
        refused(Draft::new().call("a", "b", vec![0; limits::ARGUMENT_BYTES_MAX + 1]));
        refused(Draft::new().call(&"r".repeat(49), "b", Vec::new()));
        let half = vec![0; limits::ARGUMENT_BYTES_MAX];
        refused(Draft::new().call("a", "b", half.clone()).call("a", "b", half));
    }
}
