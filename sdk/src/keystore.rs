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

use crate::error::{Error, ErrorKind};
use crate::key::{SecretKey, random};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use linli_types::id::{ChainId, PrincipalId, PublicKey};
use linli_verify::Detail;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// The layout that this code reads and writes.
const FORMAT: u32 = 1;
/// How a passphrase becomes a key.
const KDF: &str = "argon2id";
/// What encrypts the secret.
const CIPHER: &str = "xchacha20-poly1305";
/// Bytes of a key file: many times what one needs.
const FILE_BYTES_MAX: u64 = 16 * 1024;
/// Cost of a passphrase: 64 MiB, three passes.
const COST: Kdf = Kdf { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
/// Cost where there is no passphrase to guess.
const COST_DEVELOPMENT: Kdf = Kdf { memory_kib: 8, passes: 1, lanes: 1 };
/// The largest cost that a file may ask of its reader: 1 GiB, 16 passes, 4 lanes.
const COST_MAX: Kdf = Kdf { memory_kib: 1024 * 1024, passes: 16, lanes: 4 };

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
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

/// A key file that has been read and is still locked.
#[derive(Clone, Debug)]
pub struct KeyFile {
    kind: KeyKind,
    public: PublicKey,
    about: About,
    development: bool,
    cost: Kdf,
    salt: [u8; 16],
    nonce: [u8; 24],
    secret: Vec<u8>,
}

impl KeyFile {
    /// Encrypts `key`. An empty passphrase makes a development key (K3).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Machine`] if there are no random bytes.
    pub fn seal(
        key: &SecretKey,
        kind: KeyKind,
        about: About,
        passphrase: &str,
    ) -> Result<Self, Error> {
        let development = passphrase.is_empty();
        let cost = if development { COST_DEVELOPMENT } else { COST };
        let (salt, nonce) = (random()?, random()?);
        let public = key.public();
        let mut file =
            Self { kind, public, about, development, cost, salt, nonce, secret: Vec::new() };
        let (seed, aad) = (key.to_bytes(), file.associated());
        file.secret = cipher(cost, &salt, passphrase)?
            .encrypt(&XNonce::from(nonce), Payload { msg: seed.as_slice(), aad: &aad })
            .map_err(|_| {
                Error::new(ErrorKind::Key, "密钥无法加密", "the key cannot be encrypted")
            })?;
        Ok(file)
    }

    /// Decrypts the key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`] if the passphrase is wrong or the file was changed: the cipher cannot
    /// tell which.
    pub fn open(&self, passphrase: &str) -> Result<SecretKey, Error> {
        check_passphrase(self.development, passphrase)?;
        let payload = Payload { msg: &self.secret, aad: &self.associated() };
        let opened =
            cipher(self.cost, &self.salt, passphrase)?.decrypt(&XNonce::from(self.nonce), payload);
        let seed = Zeroizing::new(opened.map_err(|_| locked())?);
        let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| locked())?;
        let key = SecretKey::from_bytes(seed);
        if key.public() == self.public { Ok(key) } else { Err(locked()) }
    }

    /// Reads and checks a key file (K1).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] if it cannot be read or others may read it, [`ErrorKind::Key`] if it
    /// is no key file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = read_private(path)?;
        Self::from_json(&text).map_err(|why| no_key(path, &why))
    }

    /// Writes a new file that only its owner may read; never over an old one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`], also if the file exists.
    pub fn write_new(&self, path: &Path) -> Result<(), Error> {
        write_private(path, &self.to_json())
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
        self.development
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
            development: self.development,
            kdf: KDF.into(),
            kdf_cost: self.cost,
            salt: hex::encode(self.salt),
            cipher: CIPHER.into(),
            nonce: hex::encode(self.nonce),
            secret: hex::encode(&self.secret),
        };
        let mut text = serde_json::to_string_pretty(&file).expect("text fields make JSON");
        text.push('\n');
        text
    }

    fn from_json(text: &str) -> Result<Self, Detail> {
        let file: File = serde_json::from_str(text)?;
        check_lock(file.format, &file.kdf, &file.cipher, file.kdf_cost)?;
        let principal =
            file.principal.map(|t| t.parse()).transpose().map_err(|e| format!("principal: {e}"))?;
        let chain = file.chain.map(|t| t.parse()).transpose().map_err(|e| format!("chain: {e}"))?;
        Ok(Self {
            kind: file.kind,
            public: file.public_key.parse().map_err(|e| format!("public_key: {e}"))?,
            about: About { principal, chain },
            development: file.development,
            cost: file.kdf_cost,
            salt: exact("salt", &file.salt)?,
            nonce: exact("nonce", &file.nonce)?,
            secret: exact::<48>("secret", &file.secret)?.to_vec(),
        })
    }

    /// K2: everything that stands in the clear.
    fn associated(&self) -> Vec<u8> {
        let text = |id: Option<String>| id.unwrap_or_default();
        let Kdf { memory_kib, passes, lanes } = self.cost;
        format!(
            "linli.key-file.v{FORMAT}|{}|{}|{}|{}|{}|{memory_kib}|{passes}|{lanes}",
            self.kind.name(),
            self.public,
            text(self.about.principal.map(|id| id.to_string())),
            text(self.about.chain.map(|id| id.to_string())),
            self.development,
        )
        .into_bytes()
    }
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
fn check_lock(format: u32, kdf: &str, cipher: &str, cost: Kdf) -> Result<(), Detail> {
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

/// The text of a file that nobody else may read (K1).
fn read_private(path: &Path) -> Result<Zeroizing<String>, Error> {
    let file = std::fs::File::open(path).map_err(|e| unreadable(path, &e))?;
    let about = file.metadata().map_err(|e| unreadable(path, &e))?;
    if !about.is_file() {
        let shown = path.display();
        return Err(Error::new(
            ErrorKind::File,
            format!("{shown} 不是文件"),
            format!("{shown} is not a file"),
        ));
    }
    check_private(path, &about)?;
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|e| unreadable(path, &e))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(no_key(path, &Detail::new("过大", "too large")));
    }
    Ok(text)
}

/// Writes a new file that only its owner may read; never over an old one.
fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || {
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|e: std::io::Error| {
        let shown = path.display();
        if e.kind() == std::io::ErrorKind::AlreadyExists {
            let (zh, en) = (format!("{shown} 已存在"), format!("{shown} is there already"));
            let hint = (
                "密钥文件从不覆盖，请换一个文件名",
                "no key is ever written over: choose another name",
            );
            return Error::new(ErrorKind::File, zh, en).hint_with(hint.0, hint.1);
        }
        Error::new(
            ErrorKind::File,
            format!("密钥文件 {shown} 无法写入：{e}"),
            format!("the key file {shown} cannot be written: {e}"),
        )
    })
}

fn exact<const N: usize>(field: &str, text: &str) -> Result<[u8; N], Detail> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|e| format!("{field}: {e}"))?;
    Ok(bytes)
}

fn locked() -> Error {
    let (zh, en) =
        ("口令不对，或密钥文件已被改动", "wrong passphrase, or the key file was changed");
    Error::new(ErrorKind::Key, zh, en)
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Error {
    let shown = path.display();
    Error::new(
        ErrorKind::File,
        format!("密钥文件 {shown} 无法读取：{why}"),
        format!("the key file {shown} cannot be read: {why}"),
    )
}

fn no_key(path: &Path, Detail { zh, en }: &Detail) -> Error {
    let shown = path.display();
    Error::new(
        ErrorKind::Key,
        format!("{shown} 不是可用的密钥文件：{zh}"),
        format!("{shown} is no usable key file: {en}"),
    )
}

#[cfg(unix)]
pub(crate) fn check_private(path: &Path, about: &std::fs::Metadata) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let shown = path.display();
    let error = Error::new(
        ErrorKind::File,
        format!("密钥文件 {shown} 的权限是 {mode:03o}，其他人可以访问"),
        format!("the key file {shown} has mode {mode:03o}: others may use it"),
    );
    Err(error.hint_with(format!("chmod 600 {shown}"), format!("chmod 600 {shown}")))
}

#[cfg(not(unix))]
pub(crate) fn check_private(_: &Path, _: &std::fs::Metadata) -> Result<(), Error> {
    Ok(())
}

mod sm2;

pub use sm2::Sm2KeyFile;

#[cfg(test)]
mod tests;
