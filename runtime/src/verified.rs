//! Transactions whose signatures held: the only kind that a pool or a block takes.
//!
//! Checking a signature is the dearest step of a transaction's life, so it happens once per node,
//! in batches, and its outcome is kept in the type. Nothing here looks at the state.
//!
//! # Invariants
//!
//! - **V1 no way around.** A [`Verified`] comes from a signature that held over exactly the body
//!   and the chain, or from a block that a quorum has certified ([`Verified::vouched`]).

use linli_types::certificate::preimage;
use linli_types::code::Code;
use linli_types::digest::Domain;
use linli_types::id::ChainId;
use linli_types::receipt::Refusal;
use linli_types::signature::{Claim, Verify};
use linli_types::transaction::Transaction;
use std::ops::Deref;
use std::sync::Arc;

/// Signatures that are checked together. Larger batches gain little (measured: 64 is twice as
/// fast as one by one) and make one bad signature dearer.
pub const BATCH: usize = 64;

/// A transaction whose signature held. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified(Arc<Transaction>);

impl Verified {
    /// Takes a transaction of a block whose certificate was checked: more than two thirds of the
    /// voting power checked the signature, and the certificate covers body and signature. For
    /// catch-up and replay only.
    pub fn vouched(transaction: Transaction) -> Self {
        Self(Arc::new(transaction))
    }
}

impl Deref for Verified {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.0
    }
}

/// Checks the signatures of `transactions`, in batches. The answers stand in the same order; a
/// refusal is [`Code::BadSignature`] and the sender's fault. One bad signature costs its batch a
/// check one by one and spoils nothing else.
pub fn verify_signatures(
    chain: &ChainId,
    verify: &dyn Verify,
    transactions: Vec<Transaction>,
) -> Vec<Result<Verified, Refusal>> {
    let mut held = Vec::with_capacity(transactions.len());
    for batch in transactions.chunks(BATCH) {
        let claims: Vec<Claim> = batch.iter().map(|t| claim(chain, t)).collect();
        held.extend(verify.verify_each(&claims));
    }
    let judge = |(transaction, held)| match held {
        true => Ok(Verified(Arc::new(transaction))), // V1
        false => Err(Code::BadSignature.refuse([])),
    };
    transactions.into_iter().zip(held).map(judge).collect()
}

/// What the transaction claims. The id is the digest of the body, so the body need not be hashed
/// again: the bytes are those of [`linli_types::transaction::signing_bytes`].
fn claim(chain: &ChainId, transaction: &Transaction) -> Claim {
    let mut message = preimage(Domain::TransactionSignature, chain);
    message.extend_from_slice(&transaction.id.0);
    Claim { key: transaction.signer, message, signature: transaction.signature }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::digest;
    use linli_types::height::TimeMs;
    use linli_types::id::{BodyId, PrincipalId, PublicKey, Signature, TxKey};
    use linli_types::transaction::signing_bytes;

    const CHAIN: ChainId = ChainId([7; 32]);

    /// Holds when the signature begins with the first bytes of key and message's end.
    struct Pretend;

    impl Verify for Pretend {
        fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
            sign(key, message) == *signature
        }
    }

    fn sign(key: &PublicKey, message: &[u8]) -> Signature {
        let digest = blake3::keyed_hash(&key.0, message);
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(digest.as_bytes());
        Signature(bytes)
    }

    fn transaction(n: u8) -> Transaction {
        let body = vec![n; 9];
        let signer = PublicKey([n; 32]);
        Transaction {
            id: digest::transaction_id(&body),
            body: BodyId([n; 32]),
            on_behalf: None,
            sender: PrincipalId([n; 16]),
            signer,
            key: TxKey([n; 16]),
            valid_until: TimeMs(1),
            signature: sign(&signer, &signing_bytes(&CHAIN, &body)),
            calls: Vec::new(),
            raw: body.into(),
        }
    }

    #[test]
    fn every_batch_keeps_its_order_and_one_bad_signature_stands_alone() {
        let mut transactions: Vec<Transaction> = (0..150).map(transaction).collect();
        transactions[70].signature.0[3] ^= 1;
        let ids: Vec<_> = transactions.iter().map(|t| t.id).collect();
        let answers = verify_signatures(&CHAIN, &Pretend, transactions);
        for (i, (answer, id)) in answers.iter().zip(&ids).enumerate() {
            match answer {
                Ok(verified) => assert_eq!((verified.id, i == 70), (*id, false)),
                Err(refusal) => assert_eq!((refusal.code, i), (Code::BadSignature.number(), 70)),
            }
        }
    }

    #[test]
    fn a_signature_for_another_chain_does_not_hold() {
        let answers = verify_signatures(&ChainId([8; 32]), &Pretend, vec![transaction(1)]);
        assert!(answers[0].is_err());
    }
}
