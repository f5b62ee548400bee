//! Key files: JSON, encrypted with a passphrase (Argon2id, XChaCha20-Poly1305).
//!
//! A key file names its key, whose it is and for which chain, in the clear; those fields are
//! authenticated together with the secret, so none can be exchanged. It never asks for a
//! passphrase: the caller does.
//!
//! # Invariants
//!
//! - **K1 private.** A file that others may read or write is refused, not repaired.
//! - **K2 bound.** Public key, kind, owner, chain and cost are associated data of the cipher.
//! - **K3 named.** A key without a passphrase says `"development": true`, and only such a one
//!   opens without.

use crate::error::Error;
use crate::key::SecretKey;
use linli_types::id::{ChainId, PrincipalId, PublicKey};
use linli_verify::Detail;
use serde::{Deserialize, Serialize};
use std::path::Path;

mod lock;
mod private;
mod sm2;

use lock::{CIPHER, FORMAT, KDF, Kdf, Lock, Written, locked};
pub(crate) use private::check_private;
use private::no_key;
pub use sm2::Sm2KeyFile;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// Signs votes and proposals of a validator.
    Validator,
    /// Proves a node to its peers.
    Network,
    /// Signs transactions and reads of a principal.
    Principal,
    /// Signs a validator's receipts of the evidence log.
    Receipt,
    /// Wraps the keys of a vault's records.
    Vault,
}

impl KeyKind {
    /// The word in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validator => "validator",
            Self::Network => "network",
            Self::Principal => "principal",
            Self::Receipt => "receipt",
            Self::Vault => "vault",
        }
    }
}

/// Whose key it is and for which chain; both may be unknown when it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The principal that registered it.
    pub principal: Option<PrincipalId>,
    /// The chain it is meant for: a client that has no genesis file at hand signs for this one.
    pub chain: Option<ChainId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    kind: KeyKind,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    chain: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    development: bool,
    kdf: String,
    kdf_cost: Kdf,
    salt: String,
    cipher: String,
    nonce: String,
    secret: String,
}

impl File {
    fn lock(&self) -> Written<'_> {
        Written {
            format: self.format,
            kdf: &self.kdf,
            cipher: &self.cipher,
            development: self.development,
            cost: self.kdf_cost,
            salt: &self.salt,
            nonce: &self.nonce,
            secret: &self.secret,
        }
    }
}

/// A key file that has been read and is still locked.
#[derive(Clone, Debug)]
pub struct KeyFile {
    kind: KeyKind,
    public: PublicKey,
    about: About,
    lock: Lock,
}

impl KeyFile {
    /// Encrypts `key`. An empty passphrase makes a development key (K3).
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Machine`] if there are no random bytes.
    pub fn seal(
        key: &SecretKey,
        kind: KeyKind,
        about: About,
        passphrase: &str,
    ) -> Result<Self, Error> {
        let (public, lock) = (key.public(), Lock::new(passphrase)?);
        let mut file = Self { kind, public, about, lock };
        let associated = file.associated();
        file.lock.seal(&key.to_bytes(), &associated, passphrase)?;
        Ok(file)
    }

    /// Decrypts the key.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Key`] if the passphrase is wrong or the file was changed: the cipher cannot
    /// tell which.
    pub fn open(&self, passphrase: &str) -> Result<SecretKey, Error> {
        let seed = self.lock.open(&self.associated(), passphrase)?;
        let key = SecretKey::from_bytes(&seed);
        if key.public() == self.public { Ok(key) } else { Err(locked()) }
    }

    /// Reads and checks a key file (K1).
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::File`] if it cannot be read or others may read it, [`crate::ErrorKind::Key`] if it
    /// is no key file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = private::read(path)?;
        Self::from_json(&text).map_err(|why| no_key(path, &why))
    }

    /// Writes a new file that only its owner may read; never over an old one.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::File`], also if the file exists.
    pub fn write_new(&self, path: &Path) -> Result<(), Error> {
        private::write_new(path, &self.to_json())
    }

    /// What the key is for.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public key. Claimed by the file until it is opened.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// Whose key it is and for which chain. Claimed by the file until it is opened.
    pub const fn about(&self) -> About {
        self.about
    }

    /// Whether it opens without a passphrase.
    pub const fn is_development(&self) -> bool {
        self.lock.development
    }

    /// The file's text.
    ///
    /// # Panics
    ///
    /// Never: text fields make JSON.
    pub fn to_json(&self) -> String {
        let file = File {
            format: FORMAT,
            kind: self.kind,
            public_key: self.public.to_string(),
            principal: self.about.principal.map(|id| id.to_string()),
            chain: self.about.chain.map(|id| id.to_string()),
            development: self.lock.development,
            kdf: KDF.into(),
            kdf_cost: self.lock.cost,
            salt: hex::encode(self.lock.salt),
            cipher: CIPHER.into(),
            nonce: hex::encode(self.lock.nonce),
            secret: hex::encode(&self.lock.secret),
        };
        let mut text = serde_json::to_string_pretty(&file).expect("text fields make JSON");
        text.push('\n');
        text
    }

    fn from_json(text: &str) -> Result<Self, Detail> {
        let file: File = serde_json::from_str(text)?;
        let lock = Lock::read(&file.lock())?;
        let principal =
            file.principal.map(|t| t.parse()).transpose().map_err(|e| format!("principal: {e}"))?;
        let chain = file.chain.map(|t| t.parse()).transpose().map_err(|e| format!("chain: {e}"))?;
        Ok(Self {
            kind: file.kind,
            public: file.public_key.parse().map_err(|e| format!("public_key: {e}"))?,
            about: About { principal, chain },
            lock,
        })
    }

    /// K2: everything that stands in the clear.
    fn associated(&self) -> Vec<u8> {
        let text = |id: Option<String>| id.unwrap_or_default();
        let Kdf { memory_kib, passes, lanes } = self.lock.cost;
        format!(
            "linli.key-file.v{FORMAT}|{}|{}|{}|{}|{}|{memory_kib}|{passes}|{lanes}",
            self.kind.name(),
            self.public,
            text(self.about.principal.map(|id| id.to_string())),
            text(self.about.chain.map(|id| id.to_string())),
            self.lock.development,
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests;
