//! Key files of a development net: they open without a prompt.

use crate::Failure;
use linli_sdk::{About, KeyFile, KeyKind, SecretKey};
use linli_types::id::{ChainId, PrincipalId};
use std::path::Path;

/// Writes a new development key file.
///
/// # Errors
///
/// [`Failure`] if the file exists or cannot be written.
pub fn write(
    path: &Path,
    key: &ed25519_dalek::SigningKey,
    principal: Option<PrincipalId>,
    chain: ChainId,
    kind: KeyKind,
) -> Result<(), Failure> {
    let secret = SecretKey::from_bytes(&key.to_bytes());
    let about = About { principal, chain: Some(chain) };
    KeyFile::seal(&secret, kind, about, "")?.write_new(path)?;
    Ok(())
}

/// Opens a development key file.
///
/// # Errors
///
/// [`Failure`] if it cannot be read or names no principal.
pub fn read(path: &Path) -> Result<(SecretKey, PrincipalId), Failure> {
    let file = KeyFile::read(path)?;
    let nameless = || Failure::new(format!("{} names no principal", path.display()));
    let principal = file.about().principal.ok_or_else(nameless)?;
    Ok((file.open("")?, principal))
}
