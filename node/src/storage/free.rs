//! How much room the disk has left.

use linli_types::store::Broken;
use std::path::Path;

/// Bytes that the node's user may still write where `path` lies.
///
/// # Errors
///
/// [`Broken`] if the system does not say.
pub fn free_bytes(path: &Path) -> Result<u64, Broken> {
    let stat = rustix::fs::statvfs(path)
        .map_err(|e| Broken(format!("cannot ask for the room at {}: {e}", path.display())))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
