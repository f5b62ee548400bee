//! The host's functions: one table, from which the host's dispatch, the contract SDK's imports,
//! the documentation and the tests come.
//!
//! A contract exports `memory`, `alloc(len) -> ptr`, and any of `init`, `call`, `query`, `fire`,
//! each `(ptr, len) -> i32`: 0 done, 1 refused (after [`refuse`](HOST)). The input of `call` and
//! `query` is one byte length of the method's name, the name, the arguments; of `init` the
//! arguments; of `fire` (a timer) its payload. A result is handed over with `result`.
//! Pointers are offsets into the contract's memory; every pair names a region that must lie inside.

/// The module that every import comes from. A new version is a new name.
pub const MODULE: &str = "linli_v1";

/// The custom section that holds the contract's file descriptor set.
pub const SCHEMA_SECTION: &str = "linli.schema";

/// A WASM value type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number or a pointer or a length.
    I32,
    /// A large number.
    I64,
}

use Kind::{I32, I64};

/// One host function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostFunction {
    /// Its name in [`MODULE`].
    pub name: &'static str,
    /// Arguments.
    pub params: &'static [Kind],
    /// Result, if any.
    pub result: Option<Kind>,
    /// Fuel charged before the work.
    pub fuel: u64,
    /// Fuel charged before the work for each byte read or written. What outlives the entry is dear:
    /// the fuel of a block bounds the bytes that it makes every validator keep.
    pub fuel_per_byte: u64,
    /// Whether a query may call it. Writers trap in a query.
    pub in_query: bool,
    /// What it does.
    pub doc: &'static str,
}

/// Every host function.
pub const HOST: &[HostFunction] = &[
    HostFunction {
        name: "context",
        params: &[I32],
        result: None,
        fuel: 50,
        fuel_per_byte: 0,
        in_query: true,
        doc: "(out) Writes 64 bytes: height u64 LE, block time ms u64 LE, sender 16, \
              sender's organisation u32 LE, policy version u32 LE, transaction key 16, \
              1 if an agent acts for the sender else 0, zero 7. When a timer fires, sender and \
              key are zero.",
    },
    HostFunction {
        name: "caller",
        params: &[I32, I32],
        result: Some(I32),
        fuel: 50,
        fuel_per_byte: 1,
        in_query: true,
        doc: "(out, cap) The name of the contract that called this one; returns its length, \
              0 when a transaction or a timer did.",
    },
    HostFunction {
        name: "read",
        params: &[I32, I32, I32, I32],
        result: Some(I32),
        fuel: 2_000,
        fuel_per_byte: 2,
        in_query: true,
        doc: "(key, key_len, out, cap) Copies up to cap bytes of the entry; returns its full \
              length, -1 if absent.",
    },
    HostFunction {
        name: "write",
        params: &[I32, I32, I32, I32],
        result: None,
        fuel: 5_000,
        fuel_per_byte: 50,
        in_query: false,
        doc: "(key, key_len, value, value_len) Writes an entry of this contract. An entry stands \
              in the state tree and is provable.",
    },
    HostFunction {
        name: "remove",
        params: &[I32, I32],
        result: None,
        fuel: 5_000,
        fuel_per_byte: 50,
        in_query: false,
        doc: "(key, key_len) Removes an entry of this contract.",
    },
    HostFunction {
        name: "claimed",
        params: &[I32, I32, I32],
        result: Some(I32),
        fuel: 2_000,
        fuel_per_byte: 2,
        in_query: true,
        doc: "(id, id_len, out32) Whether this contract claimed the business id: 1 and the 32 \
              bytes it was claimed with, or 0.",
    },
    HostFunction {
        name: "claim",
        params: &[I32, I32, I32],
        result: Some(I32),
        fuel: 4_000,
        fuel_per_byte: 50,
        in_query: false,
        doc: "(id, id_len, digest32) Claims a business id for ever, beside the tree. Returns 0 if \
              it is now claimed, 1 if it was claimed before with the same digest, 2 with another.",
    },
    HostFunction {
        name: "emit",
        params: &[I32, I32, I32, I32, I32, I32],
        result: None,
        fuel: 1_000,
        fuel_per_byte: 50,
        in_query: false,
        doc: "(kind, kind_len, about, about_len, data, data_len) Emits an event: full name of its \
              message, principals concerned (16 bytes each), the encoded message.",
    },
    HostFunction {
        name: "append",
        params: &[I32],
        result: Some(I64),
        fuel: 5_000,
        fuel_per_byte: 0,
        in_query: false,
        doc: "(digest32) Appends a statement to the evidence log; returns its leaf's index.",
    },
    HostFunction {
        name: "schedule",
        params: &[I64, I32, I32, I32],
        result: None,
        fuel: 8_000,
        fuel_per_byte: 50,
        in_query: false,
        doc: "(at_ms, payload, payload_len, out16) Sets a timer that calls `fire` with the \
              payload at that block time or as soon after as the fuel share allows; writes its id.",
    },
    HostFunction {
        name: "cancel",
        params: &[I32],
        result: Some(I32),
        fuel: 5_000,
        fuel_per_byte: 0,
        in_query: false,
        doc: "(id16) Removes a timer of this contract; 1 if it stood, 0 if not.",
    },
    HostFunction {
        name: "call",
        params: &[I32, I32, I32, I32, I32, I32, I32, I32],
        result: Some(I32),
        fuel: 10_000,
        fuel_per_byte: 2,
        in_query: false,
        doc: "(room, room_len, method, method_len, args, args_len, out, cap) Calls another room \
              for the same sender. Returns the result's full length after copying up to cap \
              bytes. A refusal there refuses the whole transaction.",
    },
    HostFunction {
        name: "hash",
        params: &[I32, I32, I32, I32],
        result: None,
        fuel: 500,
        fuel_per_byte: 20,
        in_query: true,
        doc: "(algorithm, data, data_len, out32) 0 BLAKE3, 1 SHA-256, 2 SM3. Another algorithm \
              traps.",
    },
    HostFunction {
        name: "result",
        params: &[I32, I32],
        result: None,
        fuel: 100,
        fuel_per_byte: 20,
        in_query: true,
        doc: "(data, data_len) Sets the result; a second one replaces the first.",
    },
    HostFunction {
        name: "refuse",
        params: &[I32, I32, I32],
        result: None,
        fuel: 100,
        fuel_per_byte: 20,
        in_query: true,
        doc: "(code, params, params_len) Sets the refusal: a code of the contract's schema and \
              its parameters, encoded as `linli.v1.Params`. The entry then returns 1.",
    },
];

/// The host function with this name.
pub fn host_function(name: &str) -> Option<&'static HostFunction> {
    HOST.iter().find(|f| f.name == name)
}

/// Algorithms of `hash`, by their number.
pub const ALGORITHMS: [&str; 3] = ["blake3", "sha256", "sm3"];
