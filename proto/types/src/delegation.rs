//! A validator's word that a key signs its receipts.
//!
//! Receipts (RFC 9942) are signed outside consensus, by a key of their own: the consensus key signs
//! votes and nothing that an independent library has to understand.
//!
//! # Invariants
//!
//! - **X5 by the validator.** Only the consensus key delegates, for one chain, from one height on.

use crate::certificate::preimage;
use crate::digest::Domain;
use crate::height::Height;
use crate::id::{ChainId, PublicKey, Signature};
use crate::signature::Verify;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What a validator says of its receipt key. Field order is the encoding (borsh).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReceiptKey {
    /// The chain whose log the key signs.
    pub chain: ChainId,
    /// The validator, by its consensus key.
    pub validator: PublicKey,
    /// The key that signs receipts.
    pub key: PublicKey,
    /// The first height whose log it signs.
    pub from_height: Height,
}

impl ReceiptKey {
    /// The bytes that the consensus key signs: domain, then this, encoded.
    pub fn signing_bytes(&self) -> Vec<u8> {
        let mut bytes = preimage(Domain::ReceiptKey, &self.chain);
        bytes.extend_from_slice(&self.validator.0);
        bytes.extend_from_slice(&self.key.0);
        bytes.extend_from_slice(&self.from_height.0.to_le_bytes());
        bytes
    }
}

/// That word with the consensus key's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Delegation {
    /// What is said.
    pub says: ReceiptKey,
    /// By the consensus key, over [`ReceiptKey::signing_bytes`].
    pub signature: Signature,
}

impl Delegation {
    /// Whether the consensus key signed it (X5).
    pub fn holds(&self, verify: &dyn Verify) -> bool {
        verify.verify(&self.says.validator, &self.says.signing_bytes(), &self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_signed_bytes_are_the_domain_and_the_encoding() {
        let says = ReceiptKey {
            chain: ChainId([1; 32]),
            validator: PublicKey([2; 32]),
            key: PublicKey([3; 32]),
            from_height: Height(4),
        };
        let expected = [b"linli.receipt-key.v1\0".as_slice(), &crate::encode(&says)].concat();
        assert_eq!(says.signing_bytes(), expected);
        let others = [
            ReceiptKey { chain: ChainId([9; 32]), ..says },
            ReceiptKey { validator: PublicKey([9; 32]), ..says },
            ReceiptKey { key: PublicKey([9; 32]), ..says },
            ReceiptKey { from_height: Height(9), ..says },
            says,
        ];
        let all: BTreeSet<_> = others.iter().map(ReceiptKey::signing_bytes).collect();
        assert_eq!(all.len(), others.len());
    }
}
