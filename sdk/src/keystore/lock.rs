//! How a secret is locked: a passphrase, its cost, and the cipher. All kinds of key files share it.

use crate::error::{Error, ErrorKind};
use crate::key::random;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use linli_verify::Detail;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The layout that this code reads and writes.
pub(super) const FORMAT: u32 = 1;
/// How a passphrase becomes a key.
pub(super) const KDF: &str = "argon2id";
/// What encrypts the secret.
pub(super) const CIPHER: &str = "xchacha20-poly1305";
/// Cost of a passphrase: 64 MiB, three passes.
const COST: Kdf = Kdf { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
/// Cost where there is no passphrase to guess.
const COST_DEVELOPMENT: Kdf = Kdf { memory_kib: 8, passes: 1, lanes: 1 };
/// The largest cost that a file may ask of its reader: 1 GiB, 16 passes, 4 lanes.
const COST_MAX: Kdf = Kdf { memory_kib: 1024 * 1024, passes: 16, lanes: 4 };

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kdf {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;
/// Bytes of a locked secret: the cipher adds its tag.
const LOCKED_BYTES: usize = SECRET_BYTES + 16;

/// A locked secret, and all that opens it but the passphrase.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub(super) development: bool,
    pub(super) cost: Kdf,
    pub(super) salt: [u8; 16],
    pub(super) nonce: [u8; 24],
    pub(super) secret: Vec<u8>,
}

impl Lock {
    /// An empty lock. An empty passphrase makes that of a development key (K3).
    pub(super) fn new(passphrase: &str) -> Result<Self, Error> {
        let development = passphrase.is_empty();
        let cost = if development { COST_DEVELOPMENT } else { COST };
        let (salt, nonce) = (random()?, random()?);
        Ok(Self { development, cost, salt, nonce, secret: Vec::new() })
    }

    /// Locks a secret, bound to everything that stands in the clear (K2).
    pub(super) fn seal(
        &mut self,
        secret: &[u8; SECRET_BYTES],
        associated: &[u8],
        passphrase: &str,
    ) -> Result<(), Error> {
        let sealed = cipher(self.cost, &self.salt, passphrase)?
            .encrypt(&XNonce::from(self.nonce), Payload { msg: secret, aad: associated });
        self.secret = sealed.map_err(|_| {
            Error::new(ErrorKind::Key, "密钥无法加密", "the key cannot be encrypted")
        })?;
        Ok(())
    }

    /// Opens it. The cipher cannot tell a wrong passphrase from a changed file.
    pub(super) fn open(
        &self,
        associated: &[u8],
        passphrase: &str,
    ) -> Result<Zeroizing<[u8; SECRET_BYTES]>, Error> {
        check_passphrase(self.development, passphrase)?;
        let payload = Payload { msg: &self.secret, aad: associated };
        let opened = cipher(self.cost, &self.salt, passphrase)?
            .decrypt(&XNonce::from(self.nonce), payload)
            .map_err(|_| locked())?;
        let opened = Zeroizing::new(opened);
        let secret = opened.as_slice().try_into().map_err(|_| locked())?;
        Ok(Zeroizing::new(secret))
    }

    /// Reads the fields of a file, whose bounds are checked before anything is computed.
    pub(super) fn read(written: &Written<'_>) -> Result<Self, Detail> {
        check_lock(written)?;
        Ok(Self {
            development: written.development,
            cost: written.cost,
            salt: exact("salt", written.salt)?,
            nonce: exact("nonce", written.nonce)?,
            secret: exact::<LOCKED_BYTES>("secret", written.secret)?.to_vec(),
        })
    }
}

/// A lock as it stands in a file.
pub(super) struct Written<'a> {
    pub(super) format: u32,
    pub(super) kdf: &'a str,
    pub(super) cipher: &'a str,
    pub(super) development: bool,
    pub(super) cost: Kdf,
    pub(super) salt: &'a str,
    pub(super) nonce: &'a str,
    pub(super) secret: &'a str,
}

/// A development key opens without a passphrase, and no other does (K3).
fn check_passphrase(development: bool, passphrase: &str) -> Result<(), Error> {
    let (zh, en) = match (development, passphrase.is_empty()) {
        (true, false) => ("开发密钥没有口令", "a development key has no passphrase"),
        (false, true) => ("该密钥需要口令", "this key needs its passphrase"),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Key, zh, en))
}

/// Whether this version knows how the file is locked, at a bearable cost.
fn check_lock(written: &Written<'_>) -> Result<(), Detail> {
    let Written { format, kdf, cipher, cost, .. } = *written;
    if format != FORMAT {
        return Err(Detail::new(
            format!("格式 {format} 不为本版本所知"),
            format!("format {format} is unknown to this version"),
        ));
    }
    if kdf != KDF || cipher != CIPHER {
        return Err(Detail::new(
            format!("{kdf} 与 {cipher} 的组合不为本版本所知"),
            format!("{kdf} with {cipher} is unknown to this version"),
        ));
    }
    let max = COST_MAX;
    if cost.memory_kib > max.memory_kib || cost.passes > max.passes || cost.lanes > max.lanes {
        return Err(Detail::new("口令参数超出上限", "its cost is beyond all bounds"));
    }
    Ok(())
}

fn cipher(cost: Kdf, salt: &[u8; 16], passphrase: &str) -> Result<XChaCha20Poly1305, Error> {
    let bad = |e: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Key, format!("口令参数不可用：{e}"), format!("unusable cost: {e}"))
    };
    let Kdf { memory_kib, passes, lanes } = cost;
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|e| bad(&e))?;
    let mut key = Zeroizing::new([0_u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(|e| bad(&e))?;
    Ok(XChaCha20Poly1305::new((&*key).into()))
}

pub(super) fn exact<const N: usize>(field: &str, text: &str) -> Result<[u8; N], Detail> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|e| format!("{field}: {e}"))?;
    Ok(bytes)
}

pub(super) fn locked() -> Error {
    let (zh, en) =
        ("口令不对，或密钥文件已被改动", "wrong passphrase, or the key file was changed");
    Error::new(ErrorKind::Key, zh, en)
}
