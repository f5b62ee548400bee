//! Compiled code: made at deployment, kept by whoever keeps files, loaded at the next start.
//!
//! Loading compiled code is the one act of this room that trusts bytes. The engine checks that
//! they were made by the same engine with the same settings; it does not check that nobody
//! changed them.

use super::refused::DeployRefused;
use super::seam::CodeCache;
use wasmtime::{Engine, Module};

/// The compiled form of a module that passed the checks: from the cache, or compiled and put
/// there, under the digest of exactly what was compiled.
pub(super) fn compiled(
    engine: &Engine,
    key: u64,
    counted: &[u8],
    cache: &dyn CodeCache,
) -> Result<Module, DeployRefused> {
    let hash = &linli_types::digest::plain(counted);
    if let Some(module) = cache.get(hash, key).and_then(|bytes| load(engine, &bytes)) {
        return Ok(module);
    }
    let module = Module::new(engine, counted);
    let module = module.map_err(|error| DeployRefused::Engine(format!("{error:#}")))?;
    // A module that cannot be kept is compiled again at the next start: slower, not wrong.
    if let Ok(bytes) = module.serialize() {
        cache.put(hash, key, &bytes);
    }
    Ok(module)
}

/// Loads compiled code; `None` if it was made by another engine or is no such code.
#[expect(unsafe_code, reason = "the engine has no safe way to load compiled code")]
fn load(engine: &Engine, bytes: &[u8]) -> Option<Module> {
    // SAFETY: `deserialize` asks that the bytes come from `serialize` of an engine like this one,
    // unchanged. `CodeCache::get` promises exactly that: it returns only what this node passed to
    // `put`, which happens only in `compiled` above, under the same code hash and engine key, and
    // whose keyed hash still matches; on any doubt it returns nothing.
    unsafe { Module::deserialize(engine, bytes) }.ok()
}
