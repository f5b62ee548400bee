//! How often each key, each organisation and each address may ask: the tables of token buckets,
//! behind one lock each, and the clock they live by.
//!
//! # Invariants
//!
//! - **S1 proved.** Only a request whose signature held is charged to a key: nobody uses up another's
//!   tokens by naming another's key.
//! - **S2 cheap.** What a key claims beyond what it holds is refused before its signature is
//!   checked.
//! - **S3 strangers pay by address.** What proves no sender is charged to where it came from.

use crate::bucket::{Rate, Table};
use crate::clock::MachineClock;
use crate::counters::Counters;
use linli_types::code::Code;
use linli_types::id::PublicKey;
use linli_types::limits;
use linli_types::receipt::{Param, Refusal};
use linli_types::transaction::Transaction;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// How often each may ask (`[api.rates]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Reads of one key.
    pub reads_per_key: Rate,
    /// Reads of one organisation's keys together.
    pub reads_per_organisation: Rate,
    /// Transactions that one key signed.
    pub submissions_per_key: Rate,
    /// Transactions of one organisation's keys together.
    pub submissions_per_organisation: Rate,
    /// Transactions from one address that prove no sender.
    pub unproved_per_address: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reads_per_key: Rate::of(limits::READS_PER_KEY),
            reads_per_organisation: Rate::of(limits::READS_PER_ORGANISATION),
            submissions_per_key: Rate::of(limits::SUBMISSIONS_PER_KEY),
            submissions_per_organisation: Rate::of(limits::SUBMISSIONS_PER_ORGANISATION),
            unproved_per_address: Rate::of(limits::UNPROVED_PER_ADDRESS),
        }
    }
}

impl Settings {
    /// Every rate with its name in the configuration.
    pub const fn all(&self) -> [(&'static str, Rate); 5] {
        [
            ("reads_per_key", self.reads_per_key),
            ("reads_per_organisation", self.reads_per_organisation),
            ("submissions_per_key", self.submissions_per_key),
            ("submissions_per_organisation", self.submissions_per_organisation),
            ("unproved_per_address", self.unproved_per_address),
        ]
    }
}

/// The rates of one node.
#[derive(Debug)]
pub struct Rates {
    clock: MachineClock,
    orgs: Organisations,
    reads: Mutex<Pair>,
    submissions: Mutex<Pair>,
    unproved: Mutex<Table<IpAddr>>,
    counters: Arc<Counters>,
}

/// The organisation of a key: 0 for nobody's, none for a key that nobody has yet.
type OrgOf = dyn Fn(&PublicKey) -> Option<u32> + Send + Sync;

/// Whose organisation a key belongs to, as the ledger has it. A key is one principal's for ever, and
/// a principal stays in its organisation: what was found once is kept.
struct Organisations {
    /// None once the node has ended: it reads the store, which must close then.
    look_up: RwLock<Option<Box<OrgOf>>>,
    known: Mutex<HashMap<PublicKey, u32>>,
}

impl Organisations {
    fn of(&self, key: &PublicKey) -> Option<u32> {
        let known = lock(&self.known).get(key).copied();
        let org = match known {
            Some(org) => org,
            None => self.keep(key, self.look_up(key)?),
        };
        (org != 0).then_some(org)
    }

    fn look_up(&self, key: &PublicKey) -> Option<u32> {
        let look_up = self.look_up.read().unwrap_or_else(PoisonError::into_inner);
        look_up.as_ref()?(key)
    }

    fn keep(&self, key: &PublicKey, org: u32) -> u32 {
        let mut known = lock(&self.known);
        if known.len() >= limits::BUCKETS_MAX {
            known.clear();
        }
        known.insert(*key, org);
        org
    }
}

impl fmt::Debug for Organisations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Organisations")
    }
}

/// Buckets of keys, and of their organisations.
#[derive(Debug)]
struct Pair {
    keys: Table<PublicKey>,
    orgs: Table<u32>,
}

impl Default for Rates {
    fn default() -> Self {
        Self::new(&Settings::default(), |_| None, Arc::default())
    }
}

impl Rates {
    /// Full buckets. `org_of` says whose organisation a key belongs to: 0 for nobody's, none for a
    /// key that nobody has yet.
    pub fn new(
        settings: &Settings,
        org_of: impl Fn(&PublicKey) -> Option<u32> + Send + Sync + 'static,
        counters: Arc<Counters>,
    ) -> Self {
        let orgs =
            Organisations { look_up: RwLock::new(Some(Box::new(org_of))), known: Mutex::default() };
        let pair = |key, org| Mutex::new(Pair { keys: Table::new(key), orgs: Table::new(org) });
        Self {
            clock: MachineClock::start(),
            orgs,
            reads: pair(settings.reads_per_key, settings.reads_per_organisation),
            submissions: pair(settings.submissions_per_key, settings.submissions_per_organisation),
            unproved: Mutex::new(Table::new(settings.unproved_per_address)),
            counters,
        }
    }

    /// The node has ended: nobody's organisation is looked up any more.
    pub(crate) fn close(&self) {
        *self.orgs.look_up.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether a read in the name of `key` is worth looking at (S2). Costs nothing.
    ///
    /// # Errors
    ///
    /// [`Code::RateLimited`] with the wait in milliseconds.
    pub fn may_read(&self, key: &PublicKey) -> Result<(), Refusal> {
        let org = self.orgs.of(key);
        let wait = lock(&self.reads).wait(key, org, self.now());
        self.allow(wait)
    }

    /// Charges a read to the key that signed it (S1).
    ///
    /// # Errors
    ///
    /// [`Code::RateLimited`] with the wait in milliseconds.
    pub fn read(&self, key: &PublicKey) -> Result<(), Refusal> {
        let org = self.orgs.of(key);
        let taken = lock(&self.reads).take(key, org, self.now());
        taken.map_err(|wait| self.limited(wait))
    }

    /// Refuses what one message claims beyond what its keys hold (S2). Costs nothing (S1).
    pub fn refuse_excess(&self, claims: &mut [Result<Transaction, Refusal>]) {
        // Looked up before the lock is taken: that may read the disk.
        let signers = claims.iter().filter_map(|claim| claim.as_ref().ok().map(|c| c.signer));
        let orgs: HashMap<PublicKey, Option<u32>> =
            signers.map(|signer| (signer, self.orgs.of(&signer))).collect();
        let (mut submissions, now) = (lock(&self.submissions), self.now());
        let mut left: HashMap<PublicKey, u64> = HashMap::new();
        for claim in claims {
            let Ok(Transaction { signer, .. }) = claim else { continue };
            let (signer, org) = (*signer, orgs.get(signer).copied().flatten());
            let held = || submissions.available(&signer, org, now);
            let left = left.entry(signer).or_insert_with(held);
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => {
                    let wait = submissions.wait(&signer, org, now).max(1);
                    *claim = Err(self.limited(wait));
                }
            }
        }
    }

    /// Charges a transaction to the key whose signature held (S1).
    ///
    /// # Errors
    ///
    /// [`Code::RateLimited`] with the wait in milliseconds.
    pub fn submit(&self, signer: &PublicKey) -> Result<(), Refusal> {
        let org = self.orgs.of(signer);
        let taken = lock(&self.submissions).take(signer, org, self.now());
        taken.map_err(|wait| self.limited(wait))
    }

    /// Whether transactions from an address are worth looking at (S3). Costs nothing.
    ///
    /// # Errors
    ///
    /// [`Code::RateLimited`] with the wait in milliseconds.
    pub fn may_submit(&self, from: IpAddr) -> Result<(), Refusal> {
        self.allow(lock(&self.unproved).wait(&network(from), self.now()))
    }

    /// Charges transactions that proved no sender to where they came from (S3).
    pub fn unproved(&self, from: IpAddr, count: u64) {
        if count > 0 {
            lock(&self.unproved).charge(&network(from), count, self.now());
        }
    }

    fn allow(&self, wait_ms: u64) -> Result<(), Refusal> {
        if wait_ms == 0 { Ok(()) } else { Err(self.limited(wait_ms)) }
    }

    fn limited(&self, wait_ms: u64) -> Refusal {
        self.counters.rate_limited.add(1);
        Code::RateLimited.refuse([Param::Number(wait_ms)])
    }

    fn now(&self) -> u64 {
        self.clock.now().mono_ms
    }
}

impl Pair {
    fn wait(&mut self, key: &PublicKey, org: Option<u32>, now: u64) -> u64 {
        let of_org = org.map_or(0, |org| self.orgs.wait(&org, now));
        self.keys.wait(key, now).max(of_org)
    }

    fn available(&mut self, key: &PublicKey, org: Option<u32>, now: u64) -> u64 {
        let of_org = org.map_or(u64::MAX, |org| self.orgs.available(&org, now));
        self.keys.available(key, now).min(of_org)
    }

    /// Takes from both or from none.
    fn take(&mut self, key: &PublicKey, org: Option<u32>, now: u64) -> Result<(), u64> {
        let wait = self.wait(key, org, now);
        if wait > 0 {
            return Err(wait);
        }
        self.keys.charge(key, 1, now);
        if let Some(org) = org {
            self.orgs.charge(&org, 1, now);
        }
        Ok(())
    }
}

/// Whether a refusal says that nobody proved to be the sender.
pub fn is_unproved(code: u32) -> bool {
    const CODES: [Code; 7] = [
        Code::Malformed,
        Code::TooLarge,
        Code::WrongChain,
        Code::BadSignature,
        Code::BadKey,
        Code::UnknownSender,
        Code::KeyNotOfSender,
    ];
    CODES.iter().any(|unproved| unproved.number() == code)
}

/// The wait that a refusal names, in milliseconds; 0 for any other refusal.
pub fn retry_ms(refusal: &Refusal) -> u64 {
    match refusal.params.as_slice() {
        [Param::Number(ms)] if refusal.code == Code::RateLimited.number() => *ms,
        _ => 0,
    }
}

/// What counts as one address: of IPv6 the network of 64 bits, which one subscriber has whole.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::height::TimeMs;
    use linli_types::id::{BodyId, PrincipalId, Signature, TxId, TxKey};

    const SLOW: Rate = Rate { per_s: 1, burst: 2 };

    fn key(n: u8) -> PublicKey {
        PublicKey([n; 32])
    }

    fn claim(n: u8) -> Transaction {
        Transaction {
            id: TxId([n; 32]),
            body: BodyId([n; 32]),
            sender: PrincipalId([n; 16]),
            signer: key(n),
            key: TxKey([n; 16]),
            valid_until: TimeMs(1),
            signature: Signature([1; 64]),
            on_behalf: None,
            calls: Vec::new(),
            raw: [].into(),
        }
    }

    fn rates() -> Rates {
        let settings = Settings {
            submissions_per_key: SLOW,
            reads_per_organisation: Rate { per_s: 1, burst: 3 },
            unproved_per_address: SLOW,
            ..Settings::default()
        };
        let orgs = HashMap::from([(key(1), 7), (key(2), 7), (key(3), 0)]);
        Rates::new(&settings, move |key| orgs.get(key).copied(), Arc::default())
    }

    #[test]
    fn an_organisation_s_keys_share_and_nobody_else_s() {
        let rates = rates();
        for n in [1, 2, 1] {
            assert_eq!(rates.read(&key(n)), Ok(()));
        }
        let refused = rates.read(&key(2)).unwrap_err();
        assert!((1..=1000).contains(&retry_ms(&refused)), "{refused:?}");
        assert_eq!(rates.may_read(&key(1)).unwrap_err().code, Code::RateLimited.number());
        // Keys without an organisation share with nobody.
        assert!((0..50).all(|_| rates.read(&key(3)).is_ok() && rates.read(&key(9)).is_ok()));
    }

    #[test]
    fn a_key_that_came_later_shares_with_its_organisation() {
        let settings =
            Settings { reads_per_organisation: Rate { per_s: 1, burst: 3 }, ..Settings::default() };
        let ledger = Arc::new(Mutex::new(HashMap::from([(key(1), 7)])));
        let rows = ledger.clone();
        let rates = Rates::new(&settings, move |key| lock(&rows).get(key).copied(), Arc::default());
        assert_eq!(rates.read(&key(2)), Ok(()), "nobody's yet");
        lock(&ledger).insert(key(2), 7);
        for n in [2, 1, 2] {
            assert_eq!(rates.read(&key(n)), Ok(()));
        }
        assert!(rates.read(&key(2)).is_err() && rates.read(&key(1)).is_err());
    }

    #[test]
    fn a_claim_costs_its_key_nothing() {
        let rates = rates();
        let mut claims: Vec<_> = (0..5).map(|_| Ok(claim(1))).chain([Ok(claim(3))]).collect();
        rates.refuse_excess(&mut claims);
        let passed: Vec<bool> = claims.iter().map(Result::is_ok).collect();
        assert_eq!(passed, [true, true, false, false, false, true]);
        // Another message in the same key's name is looked at all the same.
        let mut again = vec![Ok(claim(1))];
        rates.refuse_excess(&mut again);
        assert!(again[0].is_ok());
        assert!(rates.submit(&key(1)).is_ok() && rates.submit(&key(1)).is_ok());
        assert!(rates.submit(&key(1)).is_err());
        rates.refuse_excess(&mut again);
        assert!(again[0].is_err());
    }

    #[test]
    fn what_proves_nobody_is_paid_for_by_the_address() {
        let rates = rates();
        let one = |last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
        let other = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1));
        rates.unproved(one(1), 2);
        assert!(rates.may_submit(one(2)).is_err(), "one network is one address");
        assert_eq!(rates.may_submit(other), Ok(()));
        let (v4, mapped): (IpAddr, IpAddr) =
            ("192.0.2.1".parse().unwrap(), "::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(network(v4), network(mapped));
        assert!(is_unproved(Code::BadSignature.number()) && !is_unproved(Code::Busy.number()));
    }
}
