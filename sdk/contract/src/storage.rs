//! Typed entries: a message of the schema under its prefix.
//!
//! # Invariants
//!
//! - **S3 declared.** What is stored is a message that the schema gives a prefix, under exactly
//!   that prefix, so that everyone decodes entries from the schema alone.

use crate::env::Env;
use alloc::vec::Vec;
use core::marker::PhantomData;
use linli_types::id::PrincipalId;
use prost::Message;

/// A message with option `storage_prefix`. Implemented by the build script.
pub trait Stored: Message + Default {
    /// First bytes of the entries' keys.
    const PREFIX: &'static str;
}

/// What stands behind the prefix in a key. Two keys never have the same bytes.
pub trait Key {
    /// Appends the key's bytes.
    fn put(&self, to: &mut Vec<u8>);
}

impl Key for [u8] {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }
}

impl<const N: usize> Key for [u8; N] {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }
}

impl Key for u64 {
    /// Big-endian: keys stand in the order of the numbers.
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_be_bytes());
    }
}

impl Key for PrincipalId {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.0);
    }
}

/// Entries of one kind, each under its own key.
#[derive(Clone, Copy, Debug)]
pub struct Map<K: ?Sized, M>(PhantomData<fn(&K) -> M>);

impl<K: Key + ?Sized, M: Stored> Map<K, M> {
    /// The entries of `M`.
    #[allow(clippy::new_without_default, reason = "made as constants")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    /// The entry, if it stands.
    ///
    /// # Panics
    ///
    /// If the entry is not what `put` wrote: our own invariant.
    pub fn get(&self, env: &mut Env<'_>, key: &K) -> Option<M> {
        let bytes = env.host().read(&key_of::<K, M>(key))?;
        Some(M::decode(bytes.as_slice()).expect("an entry holds what was put"))
    }

    /// Writes the entry.
    pub fn put(&self, env: &mut Env<'_>, key: &K, message: &M) {
        env.host().write(&key_of::<K, M>(key), &message.encode_to_vec());
    }

    /// Removes the entry.
    pub fn remove(&self, env: &mut Env<'_>, key: &K) {
        env.host().remove(&key_of::<K, M>(key));
    }
}

/// One entry: the prefix is its whole key.
#[derive(Clone, Copy, Debug)]
pub struct Item<M>(Map<[u8; 0], M>);

impl<M: Stored> Item<M> {
    /// The entry of `M`.
    #[allow(clippy::new_without_default, reason = "made as constants")]
    pub const fn new() -> Self {
        Self(Map::new())
    }

    /// The entry, if it stands.
    pub fn get(&self, env: &mut Env<'_>) -> Option<M> {
        self.0.get(env, &[])
    }

    /// Writes the entry.
    pub fn put(&self, env: &mut Env<'_>, message: &M) {
        self.0.put(env, &[], message);
    }

    /// Removes the entry.
    pub fn remove(&self, env: &mut Env<'_>) {
        self.0.remove(env, &[]);
    }
}

fn key_of<K: Key + ?Sized, M: Stored>(key: &K) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(M::PREFIX.as_bytes());
    key.put(&mut bytes);
    bytes
}
