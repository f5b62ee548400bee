//! The last block that a device saw: what it captures after that is not older.

use crate::durable;
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::path::Path;

const FILE: &str = "checkpoint";
const BYTES_MAX: u64 = 4 * 1024;

/// A block that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The block's id.
    pub block: [u8; 32],
    /// Its height.
    pub height: u64,
    /// Its time, milliseconds since 1970 UTC.
    pub time_ms: u64,
    /// The highest number that the source had used.
    pub highest: u64,
}

impl Checkpoint {
    /// Reads what was saved in a queue's folder.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(FILE);
        let Some(bytes) = durable::read(&path, BYTES_MAX)? else { return Ok(None) };
        let broken = |e: serde_json::Error| durable::failed(&path, &e.into());
        serde_json::from_slice(&bytes).map(Some).map_err(broken)
    }

    /// Saves it, unless a later one is saved. Answers whether it did.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn save(&self, folder: &Path) -> Result<bool, Error> {
        durable::folder(folder)?;
        if Self::read(folder)?.is_some_and(|before| before.height >= self.height) {
            return Ok(false);
        }
        let path = folder.join(FILE);
        let text = serde_json::to_vec(self).unwrap_or_default();
        durable::write_private(&path, &text).map_err(|e| durable::failed(&path, &e))?;
        Ok(true)
    }
}
