//! The client library: keys, drafts, submissions, receipts, packs.
//!
//! It decides nothing about the ledger and trusts no node for more than an answer: what a node
//! hands back as a proof is checked by `linli-verify`.

pub mod anchor;
pub mod error;
pub mod key;
pub mod keystore;
pub mod manifest;
pub mod read_header;

pub use error::{Error, ErrorKind};
pub use key::SecretKey;
pub use keystore::{About, KeyFile, KeyKind};
