//! The services of a node, generated from `proto/linli/v1/api.proto`. Nothing else lives here.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated; the .proto file documents"
)]

tonic::include_proto!("linli.v1");

/// The file descriptor set of the services, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/api.bin"));
