//! The messages of `hostile.proto`. Generated; the .proto documents them.
#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/schema.rs"));
