//! The prost messages of bodies, calls, events and schemas: whatever crosses a process or a
//! language (design D7). Generated from `proto/linli/v1/*.proto` without protoc; no tonic here.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated; the .proto files document"
)]

include!(concat!(env!("OUT_DIR"), "/linli.v1.rs"));

/// The native accounts room.
pub mod accounts {
    include!(concat!(env!("OUT_DIR"), "/linli.accounts.v1.rs"));
}

/// The native timers room.
pub mod timers {
    include!(concat!(env!("OUT_DIR"), "/linli.timers.v1.rs"));
}

/// The native log room.
pub mod log {
    include!(concat!(env!("OUT_DIR"), "/linli.log.v1.rs"));
}

/// The native identity room.
pub mod identity {
    include!(concat!(env!("OUT_DIR"), "/linli.identity.v1.rs"));
}

/// The native policy room.
pub mod policy {
    include!(concat!(env!("OUT_DIR"), "/linli.policy.v1.rs"));
}

/// The native governance room.
pub mod governance {
    include!(concat!(env!("OUT_DIR"), "/governance/linli.governance.v1.rs"));
}

/// The file descriptor set of every message above, with the options of `schema.proto`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
