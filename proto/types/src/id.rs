//! Names of things. Each id is its own type, so a block can never stand where an account belongs.

use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use core::str::FromStr;

/// Text that is not the hexadecimal form of an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} is not {expected} hexadecimal digits")]
pub struct NotHex {
    /// What was read.
    pub found: String,
    /// How many digits the id has.
    pub expected: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize,
            BorshDeserialize,
        )]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Bytes of this id.
            pub const BYTES: usize = $bytes;

            /// Returns the raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Reads raw bytes of exactly the right length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "("))?;
                self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
                write!(f, "…)")
            }
        }

        impl FromStr for $name {
            type Err = NotHex;

            fn from_str(text: &str) -> Result<Self, NotHex> {
                let refuse = || NotHex { found: text.into(), expected: $bytes * 2 };
                let digits = text.as_bytes();
                if digits.len() != $bytes * 2 {
                    return Err(refuse());
                }
                let mut bytes = [0_u8; $bytes];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    let pair = core::str::from_utf8(pair).map_err(|_| refuse())?;
                    if pair.starts_with('+') {
                        return Err(refuse());
                    }
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| refuse())?;
                }
                Ok(Self(bytes))
            }
        }
    };
}

id! {
    /// A chain: the BLAKE3 digest of its genesis bytes.
    ChainId, 32
}
id! {
    /// A block: the digest of its header's bytes.
    BlockId, 32
}
id! {
    /// A transaction: the digest of its body's bytes.
    TxId, 32
}
id! {
    /// A transaction with its signature: the leaf of the bodies tree. One body may carry several
    /// valid signatures; what travels, waits and stands in a block is one of them.
    BodyId, 32
}
id! {
    /// Any other 32-byte digest; the field that holds it says of what.
    Digest, 32
}
id! {
    /// A public Ed25519 key. A validator is named by its consensus key.
    PublicKey, 32
}
id! {
    /// Who acts: a random pseudonym, never derived from personal data.
    PrincipalId, 16
}
id! {
    /// An account.
    AccountId, 16
}
id! {
    /// The client's once-only key of a transaction, scoped to its sender.
    TxKey, 16
}
id! {
    /// The client's name for one transfer: a business id, used once for ever.
    TransferId, 16
}
id! {
    /// A timer.
    TimerId, 16
}

/// An Ed25519 signature, unchecked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// Reads exactly 64 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Signature({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

impl ChainId {
    /// The first eight bytes as a number: what a transaction body names its chain by.
    pub const fn tag(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn text_form_comes_back() {
        let id = AccountId([0xa7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn wrong_text_is_refused() {
        for text in ["", "a7", "zz".repeat(16).as_str(), "+1".repeat(16).as_str()] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }
}
