//! The messages of `escrow.proto`. Generated; the .proto documents them.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/schema.rs"));
