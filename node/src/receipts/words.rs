//! What nodes say to each other about receipts, over the members' streams.
//!
//! A first byte that no message of consensus has tells these words apart; the driver hands them here
//! unread. They are said only to validators whose receipt key stands on the ledger, or who spoke
//! first: a node of an older version, which would take them for a fault, hears none.

use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::delegation::Delegation;
use linli_types::height::Height;
use linli_types::id::Signature;
use std::sync::Arc;

/// The first byte.
pub(crate) const KIND: u8 = 0xc0;
/// Bytes of the longest word.
const BYTES_MAX: usize = 512;

/// A validator's signature over the log of a block, with what makes its key believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Signer {
    /// Names the receipt key.
    pub(crate) delegation: Delegation,
    /// By that key.
    pub(crate) signature: Signature,
}

/// One word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Word {
    /// Asks for the receiver's signature over the log of a height.
    Ask {
        /// Which.
        height: Height,
    },
    /// The sender's signature.
    Tell {
        /// Over the log of this height.
        height: Height,
        /// Who signed.
        signer: Signer,
    },
    /// The sender's receipt key, for whoever can carry it to the ledger.
    Introduce(Delegation),
}

impl Word {
    pub(crate) fn encode(&self) -> Arc<[u8]> {
        let mut bytes = vec![KIND];
        bytes.extend_from_slice(&linli_types::encode(self));
        bytes.into()
    }

    /// `None` if the bytes are no word of ours: the sender's fault.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&KIND, word)) if bytes.len() <= BYTES_MAX => Self::try_from_slice(word).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_core::message::Message;
    use linli_types::delegation::ReceiptKey;
    use linli_types::id::{ChainId, PublicKey};

    #[test]
    fn words_come_back_and_nothing_else_does() {
        let says = ReceiptKey {
            chain: ChainId([1; 32]),
            validator: PublicKey([2; 32]),
            key: PublicKey([3; 32]),
            from_height: Height(4),
        };
        let delegation = Delegation { says, signature: Signature([5; 64]) };
        let signer = Signer { delegation, signature: Signature([6; 64]) };
        let height = Height(7);
        let words =
            [Word::Ask { height }, Word::Tell { height, signer }, Word::Introduce(delegation)];
        for word in words {
            let bytes = word.encode();
            assert_eq!(Word::decode(&bytes), Some(word));
            assert_eq!(Word::decode(&bytes[..bytes.len() - 1]), None);
            assert_eq!(Word::decode(&[&bytes, &[0_u8][..]].concat()), None);
            assert!(Message::decode(&bytes).is_err(), "consensus has no such word");
        }
        assert_eq!(Word::decode(&[]), None);
    }

    #[test]
    fn no_message_of_consensus_begins_as_a_word_does() {
        assert_ne!(Message::Status { height: Height(1) }.encode()[0], KIND);
    }
}
