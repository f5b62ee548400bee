//! The contract modules of this release, compiled, as bytes: what a genesis takes in.
//!
//! `./dev setup` compiles them from `contracts/*`; this crate only carries them. Two compilers
//! give two modules, hence two chains (design D10), so nothing here names a hash.

/// 存证: anchors manifests. See `contracts/evidence`.
pub fn evidence() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/evidence.wasm"))
}

/// Misbehaves on request, for tests. See `contracts/probe`.
pub fn probe() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/probe.wasm"))
}

/// Is against us, for tests: any bytes are its program. See `contracts/hostile`.
pub fn hostile() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"))
}
