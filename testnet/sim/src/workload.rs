//! The clients: what they ask for, how they retry, and what they believe.
//!
//! A client has a *deed* in mind: a transfer, an anchor, a timer. It signs a transaction for it and
//! hands it to some validator. No answer: it hands the same bytes to another. Expired for certain
//! (some block is later than its validity, and it is in none): it signs a new transaction with a
//! new key and the *same business id*. Some clients are impatient and do so at once; some reuse a
//! key for other bytes, or sign one body twice; the ledger must bear it all.

use crate::chance::Chance;
use crate::clock::START;
use crate::crypto::{Scheme, another};
use crate::fixture::Person;
use crate::plan::Load;
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, ChainId, PrincipalId, TimerId, TxId, TxKey};
use linli_types::receipt::{Cause, Outcome, Receipt};
use linli_types::transaction::{envelope, signing_bytes};
use linli_types::wire;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};

/// A business id, with the room it belongs to.
pub type Business = Vec<u8>;

/// What a client wants done.
#[derive(Clone, Debug)]
enum Deed {
    /// Moves money.
    Transfer { debit: AccountId, credit: AccountId, amount: u64 },
    /// Holds money for a while.
    Reserve { debit: AccountId, credit: AccountId, amount: u64, after_ms: u64 },
    /// Anchors a manifest.
    Anchor { number: u64, manifest: [u8; 32] },
    /// Sets a timer.
    Timer { after_ms: u64, payload: &'static [u8] },
    /// Makes the probe misbehave.
    Probe { method: &'static str, args: Vec<u8> },
}

/// A deed and what became of it.
#[derive(Clone, Debug)]
struct Wish {
    person: usize,
    deed: Deed,
    business: Option<Business>,
    attempts: Vec<TxId>,
    settled: bool,
}

/// One signed transaction of a client.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which wish it is for.
    wish: usize,
    /// Who signed.
    pub sender: PrincipalId,
    /// Its once-only key.
    pub key: TxKey,
    /// The business id inside, if the deed has one.
    pub business: Option<Business>,
    /// The timer that it sets, this long after its block.
    pub timer_after_ms: Option<u64>,
    /// The last block time that may hold it.
    pub valid_until: TimeMs,
    /// What travels.
    pub raw: Vec<u8>,
    /// The same body under another signature: what some clients hand to half of the validators.
    pub other: Option<Vec<u8>>,
}

/// All clients of a run.
pub struct Clients {
    chance: Chance,
    people: &'static [Person],
    scheme: Scheme,
    chain: ChainId,
    load: Load,
    wishes: Vec<Wish>,
    attempts: BTreeMap<TxId, Attempt>,
    /// The next number of each source.
    numbers: Vec<u64>,
    open: BTreeSet<usize>,
    refused: u64,
}

impl Clients {
    /// Clients of a chain.
    pub fn new(
        chance: Chance,
        people: &'static [Person],
        scheme: Scheme,
        chain: ChainId,
        load: Load,
    ) -> Self {
        let numbers = vec![1; people.len()];
        let (wishes, attempts, open) = Default::default();
        Self { chance, people, scheme, chain, load, wishes, attempts, numbers, open, refused: 0 }
    }

    /// The attempt behind a transaction; `None` for a transaction of nobody here.
    pub fn attempt(&self, id: &TxId) -> Option<&Attempt> {
        self.attempts.get(id)
    }

    /// Wishes without a definite end.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Wishes so far.
    pub fn wishes(&self) -> usize {
        self.wishes.len()
    }

    /// Receipts that said no.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// A new wish, and the transactions to hand in for it.
    pub fn wish(&mut self, now_ms: u64) -> (usize, Vec<TxId>) {
        let person = self.chance.index(self.people.len());
        let deed = self.deed(person);
        let business = self.business(person, &deed);
        let number = self.wishes.len();
        self.wishes.push(Wish { person, deed, business, attempts: Vec::new(), settled: false });
        self.open.insert(number);
        let mut ids = vec![self.sign(number, now_ms, None)];
        match self.chance.below(20) {
            0 => ids.push(self.sign(number, now_ms, None)), // impatient: another key
            1 => ids.push(self.reuse_key(number, now_ms)),
            _ => {}
        }
        (number, ids)
    }

    /// A new transaction for a wish whose attempts all expired, for certain.
    pub fn again(&mut self, wish: usize, now_ms: u64) -> TxId {
        self.sign(wish, now_ms, None)
    }

    /// Attempts of a wish that is still open.
    pub fn attempts_of(&self, wish: usize) -> &[TxId] {
        match self.wishes.get(wish) {
            Some(wish) if !wish.settled => &wish.attempts,
            _ => &[],
        }
    }

    /// A client sees receipts of a durable block.
    pub fn see(&mut self, receipts: &[Receipt]) {
        for receipt in receipts {
            let Cause::Transaction(id) = receipt.cause else { continue };
            let Some(attempt) = self.attempts.get(&id) else { continue };
            let number = attempt.wish;
            self.refused += u64::from(matches!(receipt.outcome, Outcome::Refused { .. }));
            if let Some(wish) = self.wishes.get_mut(number) {
                wish.settled = true;
            }
            self.open.remove(&number);
        }
    }

    /// A transaction that some client once sent, to hand in again out of turn.
    pub fn old(&mut self) -> Option<TxId> {
        let wish = self.chance.index(self.wishes.len());
        self.wishes.get(wish)?.attempts.first().copied()
    }

    fn deed(&mut self, person: usize) -> Deed {
        let chance = &mut self.chance;
        match chance.below(20) {
            0..=10 => {
                let own = self.people.get(person).map_or(&[][..], |p| &p.accounts);
                let all: Vec<AccountId> =
                    self.people.iter().flat_map(|p| p.accounts.iter().copied()).collect();
                let debit = chance.pick(own).copied().unwrap_or_default();
                let credit = chance.pick(&all).copied().unwrap_or_default();
                let amount = if chance.one_in(30) { u64::MAX / 4 } else { chance.between(1, 500) };
                // Some are held instead, and void by themselves while validators die and come back.
                // No draw decides it: kept seeds stay the runs they were.
                let after_ms = 200 + amount.wrapping_mul(17) % 9_000;
                match amount % 5 {
                    0 => Deed::Reserve { debit, credit, amount, after_ms },
                    _ => Deed::Transfer { debit, credit, amount },
                }
            }
            11..=15 => {
                let next = self.numbers.get_mut(person);
                let number = next.map_or(1, |n| std::mem::replace(n, *n + 1));
                Deed::Anchor { number, manifest: chance.bytes() }
            }
            16 | 17 => {
                let payload = *chance
                    .pick(&[&b"one"[..], b"two", b"trap", b"refuse"])
                    .unwrap_or(&&b"one"[..]);
                Deed::Timer { after_ms: chance.between(200, 12_000), payload }
            }
            _ => {
                let (method, args) = probe(chance);
                Deed::Probe { method, args }
            }
        }
    }

    fn business(&mut self, person: usize, deed: &Deed) -> Option<Business> {
        match deed {
            Deed::Transfer { .. } | Deed::Reserve { .. } => {
                let id: [u8; 16] = self.chance.bytes();
                Some([b"accounts".as_slice(), &id].concat())
            }
            Deed::Anchor { number, .. } => {
                let source = self.people.get(person).map_or([0; 16], |p| p.id.0);
                Some([b"evidence".as_slice(), &source, &number.to_be_bytes()].concat())
            }
            Deed::Timer { .. } | Deed::Probe { .. } => None,
        }
    }

    /// Other bytes under the key of the wish's first attempt. Only one of the two may stand.
    fn reuse_key(&mut self, wish: usize, now_ms: u64) -> TxId {
        let first = self.wishes.get(wish).and_then(|w| w.attempts.first());
        let key = first.and_then(|id| self.attempts.get(id)).map(|attempt| attempt.key);
        self.sign(wish, now_ms + 1, key)
    }

    fn sign(&mut self, number: usize, now_ms: u64, key: Option<TxKey>) -> TxId {
        let key = key.unwrap_or_else(|| TxKey(self.chance.bytes()));
        let valid_until = START.plus_ms(now_ms + self.load.validity_ms);
        let wish = &self.wishes[number];
        let person = &self.people[wish.person];
        let body = wire::TransactionBody {
            chain_tag: self.chain.tag(),
            sender: person.id.0.to_vec(),
            signer: person.pair.public.0.to_vec(),
            key: key.0.to_vec(),
            valid_until_ms: valid_until.0,
            on_behalf: None,
            calls: vec![call(person, wish, now_ms)],
        }
        .encode_to_vec();
        let signature = person.pair.sign(self.scheme, &signing_bytes(&self.chain, &body));
        let id = linli_types::digest::transaction_id(&body);
        let timer_after_ms = match wish.deed {
            Deed::Timer { after_ms, .. } => Some(after_ms),
            _ => None,
        };
        let twofold = self.chance.one_in(12);
        let other = another(self.scheme, &signature, 7).filter(|_| twofold);
        let attempt = Attempt {
            wish: number,
            sender: person.id,
            key,
            business: wish.business.clone(),
            timer_after_ms,
            valid_until,
            raw: envelope(&body, &signature),
            other: other.map(|signature| envelope(&body, &signature)),
        };
        self.attempts.insert(id, attempt);
        self.wishes[number].attempts.push(id);
        id
    }
}

fn call(person: &Person, wish: &Wish, now_ms: u64) -> wire::Call {
    let business = || wish.business.as_ref().map_or(&[][..], |b| b.split_at(8).1).to_vec();
    let (room, method, args) = match &wish.deed {
        Deed::Reserve { debit, credit, amount, after_ms } => {
            let request = wire::accounts::ReserveRequest {
                id: business(),
                debit: debit.0.to_vec(),
                credit: credit.0.to_vec(),
                amount: *amount,
                code: 1,
                expires_ms: START.plus_ms(now_ms.saturating_add(*after_ms)).0,
                ..Default::default()
            };
            ("accounts", "Reserve", request.encode_to_vec())
        }
        Deed::Transfer { debit, credit, amount } => {
            let request = wire::accounts::TransferRequest {
                id: business(),
                debit: debit.0.to_vec(),
                credit: credit.0.to_vec(),
                amount: *amount,
                code: 1,
                ..Default::default()
            };
            ("accounts", "Transfer", request.encode_to_vec())
        }
        Deed::Anchor { number, manifest } => {
            let request = AnchorRequest {
                source: person.id.0.to_vec(),
                number: *number,
                kind: 5,
                manifest_sha256: manifest.to_vec(),
                manifest_sm3: blake3::hash(manifest).as_bytes().to_vec(),
                size: 1_000 + number,
                media: "application/pdf".into(),
                captured_at_ms: START.0,
            };
            ("evidence", "Anchor", request.encode_to_vec())
        }
        Deed::Timer { after_ms, payload } => {
            let request = ScheduleRequest { after_ms: *after_ms, payload: payload.to_vec() };
            ("probe", "Schedule", request.encode_to_vec())
        }
        Deed::Probe { method, args } => ("probe", *method, args.clone()),
    };
    wire::Call { room: room.into(), method: method.into(), args }
}

fn probe(chance: &mut Chance) -> (&'static str, Vec<u8>) {
    let key = vec![b'k', u8::try_from(chance.below(20)).unwrap_or(0)];
    let entry = Entry { key: key.clone(), value: chance.bytes::<24>().to_vec() };
    match chance.below(7) {
        0 => ("Trap", Vec::new()),
        1 => ("WriteThenRefuse", entry.encode_to_vec()),
        2 => ("Write", entry.encode_to_vec()),
        3 => ("Remove", Key { key }.encode_to_vec()),
        4 => ("Spin", Amount { amount: chance.below(2_000) }.encode_to_vec()),
        5 => ("Append", Key { key: chance.bytes::<32>().to_vec() }.encode_to_vec()),
        _ => ("Count", Key { key }.encode_to_vec()),
    }
}

/// The id of the timer that a result of the probe's `Schedule` names.
pub fn timer_id(result: &[u8]) -> Option<TimerId> {
    TimerId::from_slice(&Key::decode(result).ok()?.key)
}

#[derive(Clone, PartialEq, Message)]
struct AnchorRequest {
    #[prost(bytes = "vec", tag = "1")]
    source: Vec<u8>,
    #[prost(uint64, tag = "2")]
    number: u64,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(bytes = "vec", tag = "4")]
    manifest_sha256: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    manifest_sm3: Vec<u8>,
    #[prost(uint64, tag = "6")]
    size: u64,
    #[prost(string, tag = "7")]
    media: String,
    #[prost(uint64, tag = "8")]
    captured_at_ms: u64,
}

#[derive(Clone, PartialEq, Message)]
struct ScheduleRequest {
    #[prost(uint64, tag = "1")]
    after_ms: u64,
    #[prost(bytes = "vec", tag = "2")]
    payload: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// The probe's messages that hold one bytes field: a key, a digest, an id.
#[derive(Clone, PartialEq, Message)]
struct Key {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Amount {
    #[prost(uint64, tag = "1")]
    amount: u64,
}
