//! The engine's settings. They are part of the protocol: every one is fixed here by name, and
//! what compiled code is valid for is one key.

use super::depth;
use linli_types::abi::Kind;
use linli_types::limits::{CALL_DEPTH_MAX, MEMORY_BYTES_MAX, STACK_COST_MAX, TABLE_ENTRIES_MAX};
use linli_types::store::Broken;
use std::hash::{Hash, Hasher};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, ValType,
    WasmFeatures,
};

/// Native stack that one instance may take before the engine itself stops it: four times what the
/// counter in the module allows, so that the counter always decides (see [`depth`]).
pub(super) const NATIVE_STACK_BYTES: usize = 4 * STACK_COST_MAX as usize;

/// Queries that may run at once on one engine; one more is refused as busy.
pub(super) const QUERIES_MAX: usize = 32;
/// Instances of one engine: the queries, one chain of calls, and as many again to spare.
const INSTANCES: u32 = QUERIES_MAX as u32 + 2 * CALL_DEPTH_MAX as u32;

/// Bytes of memory and of a table that are wiped and kept instead of given back.
const KEEP_MEMORY_BYTES: usize = 256 * 1024;
const KEEP_TABLE_BYTES: usize = 8 * 1024;
const GUARD_BYTES: u64 = 64 * 1024;

/// An engine with the protocol's settings.
pub(super) fn engine() -> Result<Engine, Broken> {
    Engine::new(&config()).map_err(|error| Broken(format!("the contract engine: {error:#}")))
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_features(WasmFeatures::all(), false)
        .wasm_features(WasmFeatures::MUTABLE_GLOBAL, true)
        .consume_fuel(true)
        .epoch_interruption(false)
        .cranelift_nan_canonicalization(true)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(NATIVE_STACK_BYTES)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .memory_reservation(as_u64(MEMORY_BYTES_MAX))
        .memory_guard_size(GUARD_BYTES);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(INSTANCES)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES)
        .max_memories_per_module(1)
        .max_tables_per_module(1)
        .max_memory_size(MEMORY_BYTES_MAX)
        .table_elements(usize::try_from(TABLE_ENTRIES_MAX).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(KEEP_MEMORY_BYTES)
        .table_keep_resident(KEEP_TABLE_BYTES)
        .max_unused_warm_slots(INSTANCES);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

fn as_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// What compiled code is valid for: the engine with all its settings, this processor's features,
/// and our own rewriting. A change of any gives another key, never a wrong load.
pub(super) fn key(engine: &Engine) -> u64 {
    let mut hasher = Blake(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    depth::VERSION.hash(&mut hasher);
    hasher.finish()
}

/// BLAKE3 as a hasher: the standard one may change between compilers.
struct Blake(blake3::Hasher);

impl Hasher for Blake {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = *self.0.finalize().as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The engine's name of a kind.
pub(super) const fn value_type(kind: Kind) -> ValType {
    match kind {
        Kind::I32 => ValType::I32,
        Kind::I64 => ValType::I64,
    }
}
