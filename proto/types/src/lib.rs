//! The vocabulary of Linli. Every room speaks these words; this crate decides nothing.
//!
//! Glossary, one line per word:
//!
//! - **chain**: one ledger; its id is the BLAKE3 digest of its genesis bytes.
//! - **principal**: who may act: a person, an organisation's officer, a device. 16-byte id.
//! - **mandate**: a principal's leave for an agent or a guardian to act for them, within bounds.
//! - **duty**: what a principal did on one record; some pairs of duties need two principals.
//! - **policy**: parameters and tables in force from a time on, under a version's number.
//! - **account**: a row of money, minutes or points, owned by a principal. 16-byte id.
//! - **transaction**: 1..64 calls, signed once; all take effect or none.
//! - **room**: whoever answers a call: a native part of the runtime, or a contract.
//! - **receipt**: what became of a transaction; a refusal is a result too.
//! - **refusal**: the rules said no. Recorded, provable, with a stable [`code`].
//! - **header**: what a block commits to; its digest is the block id.
//! - **rehearsal**: past transactions performed once more, with code that a motion proposes.
//! - **certificate**: more than two thirds of the voting power precommitted to one header.
//! - **statement**: 32 bytes that stand as a leaf of the evidence log (RFC 9162).
//! - **receipt key**: what a validator signs receipts of the evidence log with, delegated by its
//!   consensus key.
//! - **business id**: the caller's name for one deed (a transfer id, a source and number); once
//!   used, used for ever.
//!
//! Pure: no clock, chance, thread, environment, file or socket; `no_std` with `alloc`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod abi;
pub mod account;
pub mod amount;
pub mod books;
pub mod calendar;
pub mod certificate;
pub mod code;
pub mod council;
pub mod delegation;
pub mod digest;
pub mod genesis;
pub mod header;
pub mod height;
pub mod human;
pub mod id;
pub mod limits;
pub mod merkle;
pub mod opening;
pub mod planted;
pub mod policy;
pub mod receipt;
pub mod rehearsal;
pub mod role;
pub mod signature;
pub mod split;
pub mod state_proof;
pub mod store;
pub mod transaction;
pub mod validator;
pub mod wire;

use alloc::vec::Vec;

/// Encodes a native structure (borsh). Writing to memory cannot fail.
///
/// # Panics
///
/// Never for the types of this crate: borsh errs only on collections longer than `u32::MAX`.
pub fn encode<T: borsh::BorshSerialize + ?Sized>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("memory takes every byte")
}
