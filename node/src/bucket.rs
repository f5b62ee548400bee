//! Token buckets by name: how often each of many may ask. Pure: the caller says what time it is.
//!
//! A bucket holds up to `burst` tokens and earns `per_s` of them a second. One request costs one.
//!
//! # Invariants
//!
//! - **K1 bounded.** In any span of time nobody gets more than `burst` and what was earned in it.
//! - **K2 exact.** Earning is counted in thousandths and milliseconds, so nothing is lost between.
//! - **K3 clocks.** A clock that goes back earns nothing, costs nothing and locks nobody out.
//! - **K4 finite.** However many names ask, a table keeps a bounded number of rows: those that have
//!   asked last. A forgotten name begins again with a full bucket, and is one of very many.

use linli_types::limits;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::Hash;

/// Thousandths in a token.
const TOKEN: u64 = 1000;

/// How often one name may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Tokens earned per second.
    pub per_s: u64,
    /// Tokens that may be saved up.
    pub burst: u64,
}

impl Rate {
    /// From a row of the table of limits.
    pub const fn of((per_s, burst): (u64, u64)) -> Self {
        Self { per_s, burst }
    }

    const fn full(self) -> u64 {
        self.burst.saturating_mul(TOKEN)
    }
}

/// One name's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    /// Thousandths of a token.
    level: u64,
    /// When that was so, in milliseconds.
    at: u64,
}

impl Bucket {
    const fn new(rate: Rate, now: u64) -> Self {
        Self { level: rate.full(), at: now }
    }

    /// The bucket as of `now`. A token per second is a thousandth per millisecond (K2).
    fn at(self, rate: Rate, now: u64) -> Self {
        let earned = rate.per_s.saturating_mul(now.saturating_sub(self.at)); // K3
        let level = self.level.saturating_add(earned).min(rate.full()); // K1
        Self { level, at: now }
    }

    /// How long until it holds a token, in milliseconds; 0 if it does.
    fn wait(self, rate: Rate) -> u64 {
        TOKEN.saturating_sub(self.level).div_ceil(rate.per_s.max(1))
    }
}

/// The buckets of many names.
#[derive(Debug)]
pub struct Table<K> {
    rate: Rate,
    most: usize,
    young: HashMap<K, Bucket>,
    old: HashMap<K, Bucket>,
}

impl<K: Eq + Hash + Clone> Table<K> {
    /// Full buckets for everybody.
    pub fn new(rate: Rate) -> Self {
        Self::with(rate, limits::BUCKETS_MAX)
    }

    /// The same with a bound of the caller's for each of the two generations (K4).
    pub fn with(rate: Rate, most: usize) -> Self {
        Self { rate, most: most.max(1), young: HashMap::new(), old: HashMap::new() }
    }

    /// How long `name` must wait for a token, in milliseconds; 0 if it need not. Costs nothing.
    pub fn wait(&mut self, name: &K, now: u64) -> u64 {
        self.find(name, now).wait(self.rate)
    }

    /// Whole tokens that `name` holds. Costs nothing.
    pub fn available(&mut self, name: &K, now: u64) -> u64 {
        self.find(name, now).level / TOKEN
    }

    /// Takes one token, or says how long to wait for it, in milliseconds, and takes none.
    ///
    /// # Errors
    ///
    /// The wait, above zero.
    pub fn take(&mut self, name: &K, now: u64) -> Result<(), u64> {
        let mut bucket = self.find(name, now);
        let wait = bucket.wait(self.rate);
        if wait > 0 {
            return Err(wait);
        }
        bucket.level = bucket.level.saturating_sub(TOKEN);
        self.keep(name, bucket);
        Ok(())
    }

    /// Takes `count` tokens, or all that are left: for what was done before it could be refused.
    pub fn charge(&mut self, name: &K, count: u64, now: u64) {
        let mut bucket = self.find(name, now);
        bucket.level = bucket.level.saturating_sub(count.saturating_mul(TOKEN));
        self.keep(name, bucket);
    }

    fn find(&mut self, name: &K, now: u64) -> Bucket {
        let found = self.young.get_mut(name).or_else(|| self.old.get_mut(name));
        let Some(bucket) = found else { return Bucket::new(self.rate, now) };
        // K3: what a clock in the future left behind would earn nothing until then.
        bucket.at = bucket.at.min(now);
        bucket.at(self.rate, now)
    }

    fn keep(&mut self, name: &K, bucket: Bucket) {
        if self.young.len() >= self.most && !self.young.contains_key(name) {
            self.old = std::mem::take(&mut self.young); // K4
        }
        self.young.insert(name.clone(), bucket);
    }
}

#[cfg(test)]
mod tests;
