//! The meaning of transactions: what is checked, admitted, executed, recorded.
//!
//! This room decides what a transaction does to the state and what its receipt says. It does not
//! decide the order (`linli-core`), and it opens no file and no socket (`linli-node`): it takes and
//! returns bytes.

pub mod check;
pub mod pii;
pub mod schema;
pub mod verified;
pub mod vm;
