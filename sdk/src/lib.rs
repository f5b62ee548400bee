//! The client library: keys, drafts, submissions, receipts, packs.
//!
//! It decides nothing about the ledger and trusts no node for more than an answer: what a node
//! hands back as a proof is checked by `linli-verify`.
//!
//! ```no_run
//! # use linli_sdk::{Client, Draft, KeyFile, Outcome, Transfer};
//! # use linli_types::id::{AccountId, ChainId, PrincipalId, TransferId};
//! # async fn pay(chain: ChainId, me: PrincipalId, from: AccountId, to: AccountId) -> Result<(), linli_sdk::Error> {
//! let key = KeyFile::read("operator.key".as_ref())?.open("")?;
//! let client = Client::connect("http://127.0.0.1:7401", chain, key.clone()).await?;
//! let id = TransferId(linli_sdk::key::random()?);
//! let transfer = Transfer { id, debit: from, credit: to, amount: 500, code: 1 };
//! let signed = Draft::new().transfer(transfer).sign(&key, &chain, me)?;
//! client.submit(&signed).await?;
//! match client.wait_receipt(&signed, std::time::Duration::from_secs(10)).await {
//!     Outcome::Done(found) => println!("in block {}", found.height),
//!     other => println!("{other:?}"),
//! }
//! # Ok(())
//! # }
//! ```

pub mod access;
pub mod access_log;
pub mod anchor;
pub mod capture;
pub mod client;
pub mod clock;
mod connect;
pub mod cose;
pub mod draft;
pub mod durable;
pub mod error;
pub mod follow;
pub mod key;
pub mod keystore;
pub mod manifest;
pub mod opening;
pub mod read_header;
pub mod receipt;
pub mod schema;
pub mod sm2;
pub mod steady;
pub mod tls;
pub mod vault;
pub mod web;
pub mod witness;

pub use client::{Client, Options, Outcome};
pub use draft::{Draft, Signed, Transfer};
pub use error::{Error, ErrorKind};
pub use key::SecretKey;
pub use keystore::{About, KeyFile, KeyKind, Sm2KeyFile};
pub use schema::{Schema, Service};
pub use sm2::Sm2Key;
pub use tls::Trust;
pub use vault::Vault;
