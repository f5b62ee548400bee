//! Tags of files: the same file of the same source has the same tag, and nobody without the source's
//! secret can tell a file's tag.
//!
//! # Invariants
//!
//! - **INV-E3 unlinkable.** A tag is BLAKE3 keyed with the source's secret over the file's SHA-256, cut
//!   to 16 bytes. At an erasure the secret is destroyed and drawn anew: who holds candidate files, and
//!   even the vault, cannot find them among the tags on the ledger any more.

use super::Vault;
use super::seal::Key;
use crate::durable;
use crate::error::{Error, ErrorKind};
use linli_types::id::{Digest, PrincipalId};
use std::path::PathBuf;

const SECRET_DOMAIN: &[u8] = b"linli.vault.secret.v1";
const TAG: &str = "linli.evidence.tag.v1";
const SECRET_BYTES_MAX: u64 = 1024;

impl Vault {
    /// The tag of a file of `source`; the first call draws the source's secret.
    ///
    /// # Errors
    ///
    /// The secret cannot be read or written.
    pub fn tag(&self, source: &PrincipalId, file_sha256: &Digest) -> Result<[u8; 16], Error> {
        let secret = match self.secret(source)? {
            Some(secret) => secret,
            None => self.draw_secret(source)?,
        };
        Ok(secret.tag(TAG, &file_sha256.0))
    }

    /// INV-E3. Destroys the secret of a source; the next tag is made with another one.
    pub(super) fn renew_secret(&self, source: &PrincipalId) -> Result<(), Error> {
        durable::destroy(&self.secret_path(source))
    }

    fn secret(&self, source: &PrincipalId) -> Result<Option<Key>, Error> {
        let path = self.secret_path(source);
        let Some(sealed) = durable::read(&path, SECRET_BYTES_MAX)? else { return Ok(None) };
        let opened = self.master.open(&associated(source), sealed);
        let bytes = opened.and_then(|opened| <[u8; 32]>::try_from(opened.as_slice()).ok());
        bytes.map(|bytes| Some(Key::new(bytes))).ok_or_else(|| {
            Error::new(
                ErrorKind::Key,
                format!("来源 {source} 的标签密钥不可用"),
                format!("the secret of source {source} is unusable"),
            )
        })
    }

    fn draw_secret(&self, source: &PrincipalId) -> Result<Key, Error> {
        let (secret, path) = (Key::draw()?, self.secret_path(source));
        let sealed = self.master.seal(&associated(source), secret.bytes().to_vec())?;
        durable::write_private(&path, &sealed).map_err(|e| durable::failed(&path, &e))?;
        Ok(secret)
    }

    fn secret_path(&self, source: &PrincipalId) -> PathBuf {
        self.folder.join("secrets").join(source.to_string())
    }
}

fn associated(source: &PrincipalId) -> Vec<u8> {
    [SECRET_DOMAIN, &source.0].concat()
}
