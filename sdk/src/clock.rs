//! This machine's clock, in the chain's unit.

use crate::error::{Error, ErrorKind};
use linli_types::height::TimeMs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 UTC.
///
/// # Errors
///
/// [`ErrorKind::Machine`] if the clock stands before 1970.
pub fn now() -> Result<TimeMs, Error> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let ms = since.and_then(|d| u64::try_from(d.as_millis()).ok());
    ms.map(TimeMs).ok_or_else(|| {
        Error::new(ErrorKind::Machine, "本机时钟不可用", "this machine's clock is unusable")
    })
}
