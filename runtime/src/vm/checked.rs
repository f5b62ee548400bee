//! Every static check, without an engine: what is decided before code may come into force.

use super::inspect as module;
use super::refused::DeployRefused;
use super::seam::Deployed;

/// Checks a module as a deployment does, and compiles nothing.
pub(crate) fn inspect(code: &[u8]) -> Result<Deployed, DeployRefused> {
    let schema = module::inspect(code)?.schema_bytes;
    Ok(Deployed { hash: linli_types::digest::plain(code), schema })
}
