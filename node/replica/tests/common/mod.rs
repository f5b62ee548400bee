//! A pretend net for tests: virtual time, a wire that loses nothing, disks in memory.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use ed25519_dalek::{Signer, SigningKey};
use linli_core::{Clock, Config, Crypto};
use linli_replica::{CommittedBlock, Disk, Effect, Event, Options, Replica, Submitted};
use linli_runtime::accounts::{account_key, read_row};
use linli_runtime::{Bundle, Ledger, NoCache, Settings, Verified, verify_signatures};
use linli_types::account::AccountRow;
use linli_types::genesis::{Account, FORMAT, Genesis, Module, Organisation, Principal, Role};
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, ChainId, Digest, PrincipalId, PublicKey, Signature};
use linli_types::policy::Policy;
use linli_types::signature::{Verify, Zip215};
use linli_types::store::{Batch, Broken, Column, Memory, Read, Row, Store};
use linli_types::transaction::{envelope, signing_bytes};
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use linli_types::{header, limits, wire};
use prost::Message;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const START: TimeMs = TimeMs(1_800_000_000_000);

/// A disk in memory that loses nothing.
#[derive(Clone, Default)]
pub(crate) struct MemoryDisk {
    rows: Memory,
    log: Vec<Vec<u8>>,
    /// A row of the state that reads otherwise than it was written.
    spoilt: Option<(Vec<u8>, Vec<u8>)>,
    bundle: Option<Bundle>,
}

impl Read for MemoryDisk {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        match &self.spoilt {
            Some((spoilt, value)) if column == Column::State && spoilt == key => {
                Ok(Some(value.clone()))
            }
            _ => self.rows.get(column, key),
        }
    }
    fn scan(&self, c: Column, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, Broken> {
        self.rows.scan(c, from, to, limit)
    }
}

impl Store for MemoryDisk {
    fn commit(&mut self, batch: &Batch) -> Result<(), Broken> {
        self.rows.commit(batch)
    }
}

impl Disk for MemoryDisk {
    fn wal_append(&mut self, record: &[u8]) -> Result<(), Broken> {
        self.log.push(record.to_vec());
        Ok(())
    }
    fn wal_sync(&mut self) -> Result<(), Broken> {
        Ok(())
    }
    fn wal_reset(&mut self) -> Result<(), Broken> {
        self.log.clear();
        Ok(())
    }
    fn wal_read(&self) -> Result<Vec<Vec<u8>>, Broken> {
        Ok(self.log.clone())
    }
    fn keep_bundle(&mut self, bundle: &Bundle) -> Result<String, Broken> {
        self.bundle = Some(bundle.clone());
        Ok("in memory".into())
    }
}

struct Ed(SigningKey);

impl Crypto for Ed {
    fn sign(&mut self, _: &PublicKey, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(bytes).to_bytes())
    }
    fn verifier(&self) -> &dyn Verify {
        &Zip215
    }
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey(key.verifying_key().to_bytes())
}

pub(crate) fn genesis() -> Genesis {
    let seats = [
        (1, 3, OrgKind::District),
        (2, 2, OrgKind::Operator),
        (3, 2, OrgKind::Operator),
        (4, 3, OrgKind::Fund),
    ];
    let validator = |(n, power, kind): (u8, u64, OrgKind)| Validator {
        key: public(&key(n)),
        network_key: public(&key(n + 100)),
        power,
        org: u32::from(n),
        kind,
        name: format!("v{n}"),
    };
    let account = |n: u8| Account {
        id: AccountId([n; 16]),
        owner: PrincipalId([n; 16]),
        asset: 1,
        opening: 1_000,
    };
    Genesis {
        format: FORMAT,
        protocol: header::PROTOCOL,
        name: "test".into(),
        time: START,
        undo_heights: limits::UNDO_HEIGHTS,
        validators: ValidatorSet::new(seats.into_iter().map(validator).collect()).unwrap(),
        principals: [21, 22]
            .map(|n| Principal {
                id: PrincipalId([n; 16]),
                key: public(&key(n)),
                org: 9,
                roles: vec![Role::Resident],
            })
            .to_vec(),
        accounts: [21, 22].map(account).to_vec(),
        modules: vec![Module { name: "evidence".into(), code: linli_modules::evidence().to_vec() }],
        orgs: vec![Organisation { id: 9, kind: OrgKind::Enterprise, label: String::new() }],
        policy: Policy::default(),
        books: linli_types::books::Books::standard(),
    }
}

/// Four replicas and the wire between them.
pub(crate) struct Net {
    keys: Vec<SigningKey>,
    replicas: Vec<Option<Replica<MemoryDisk>>>,
    chain: ChainId,
    now_ms: u64,
    wakes: Vec<u64>,
    events: VecDeque<(usize, Event)>,
    answers: BTreeMap<u64, Submitted>,
    committed: Vec<Vec<Arc<CommittedBlock>>>,
    away: Option<usize>,
    tickets: u64,
}

impl Net {
    pub(crate) fn new() -> Self {
        Self::on(|disk| disk)
    }

    /// On disks where the second account seems to have spent more than it ever had.
    pub(crate) fn overdrawn() -> Self {
        Self::on(|mut disk| {
            let key = account_key(&AccountId([22; 16]));
            let row = disk.rows.get(Column::State, &key).unwrap().unwrap();
            let row = AccountRow { debits_posted: 2_000, ..read_row(&row).unwrap() };
            disk.spoilt = Some((key, linli_types::encode(&row)));
            disk
        })
    }

    fn on(change: impl Fn(MemoryDisk) -> MemoryDisk) -> Self {
        let genesis = genesis();
        let settings = || Settings::new(Box::new(NoCache));
        let batch = Ledger::genesis(&genesis.to_bytes(), settings()).unwrap();
        let mut disk = MemoryDisk::default();
        disk.commit(&batch).unwrap();
        let mut net = Self {
            keys: (1..=4).map(key).collect(),
            replicas: (0..4).map(|_| None).collect(),
            chain: genesis.chain(),
            now_ms: 1_000,
            wakes: vec![u64::MAX; 4],
            events: VecDeque::new(),
            answers: BTreeMap::new(),
            committed: vec![Vec::new(); 4],
            away: None,
            tickets: 0,
        };
        let disk = change(disk);
        for i in 0..4 {
            net.open(i, disk.clone());
        }
        net.connect_all();
        net
    }

    fn clock(&self) -> Clock {
        Clock { mono_ms: self.now_ms, wall: START.plus_ms(self.now_ms) }
    }

    fn open(&mut self, i: usize, disk: MemoryDisk) {
        let options = Options {
            core: Config::new(self.chain, public(&self.keys[i])),
            ledger: Settings::new(Box::new(NoCache)),
        };
        let crypto = Box::new(Ed(self.keys[i].clone()));
        let opened = Replica::open(options, disk, crypto, Arc::new(Zip215), self.clock());
        let (replica, effects) = opened.unwrap();
        self.replicas[i] = Some(replica);
        self.perform(i, effects);
    }

    fn connect_all(&mut self) {
        for a in 0..4 {
            for b in (0..4).filter(|b| *b != a) {
                let peer = public(&self.keys[b]);
                self.events.push_back((a, Event::Connected(peer)));
            }
        }
    }

    fn reaches(&self, a: usize, b: usize) -> bool {
        self.away != Some(a) && self.away != Some(b)
    }

    fn perform(&mut self, from: usize, effects: Vec<Effect>) {
        let own = public(&self.keys[from]);
        for effect in effects {
            match effect {
                Effect::Send { to, bytes } => {
                    let at = self.keys.iter().position(|k| public(k) == to).unwrap();
                    if self.reaches(from, at) {
                        let event = Event::Received { from: own, bytes: bytes.to_vec() };
                        self.events.push_back((at, event));
                    }
                }
                Effect::Broadcast { bytes } => {
                    let to = (0..4).filter(|at| *at != from && self.reaches(from, *at));
                    for at in to.collect::<Vec<_>>() {
                        let event = Event::Received { from: own, bytes: bytes.to_vec() };
                        self.events.push_back((at, event));
                    }
                }
                Effect::WakeAt { mono_ms } => self.wakes[from] = mono_ms,
                Effect::Check { from: peer, bodies } => {
                    let transactions = self.check(from, &bodies);
                    self.events.push_back((from, Event::Checked { from: peer, transactions }));
                }
                Effect::Answer { ticket, answer } => {
                    self.answers.insert(ticket, answer);
                }
                Effect::Committed(block) => self.committed[from].push(block),
                Effect::Outdated(why) => panic!("{why}"),
                Effect::Fault { peer, why } => panic!("{peer} is honest, but: {why}"),
                Effect::Evidence { validator, .. } => panic!("{validator} is honest"),
            }
        }
    }

    fn check(&self, at: usize, bodies: &[Vec<u8>]) -> Vec<Verified> {
        let checker = self.replica(at).ledger().checker();
        let shaped = bodies.iter().map(|raw| checker.check_shape(raw).unwrap()).collect();
        verify_signatures(&self.chain, &Zip215, shaped).into_iter().map(Result::unwrap).collect()
    }

    fn replica(&self, at: usize) -> &Replica<MemoryDisk> {
        self.replicas[at].as_ref().unwrap()
    }

    /// Delivers everything that is under way, at the present time.
    fn deliver(&mut self) {
        let mut steps = 0;
        while let Some((at, event)) = self.events.pop_front() {
            steps += 1;
            assert!(steps < 100_000, "the replicas never come to rest");
            let clock = self.clock();
            let effects = self.replicas[at].as_mut().unwrap().step(clock, event).unwrap();
            self.perform(at, effects);
        }
    }

    fn advance(&mut self, ms: u64) {
        self.now_ms += ms;
        for at in 0..4 {
            if self.wakes[at] <= self.now_ms {
                self.wakes[at] = u64::MAX;
                self.events.push_back((at, Event::Woken));
            }
        }
        self.deliver();
    }

    /// Runs in steps of ten milliseconds until `done`, or fails after two simulated minutes.
    pub(crate) fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        self.deliver();
        for _ in 0..12_000 {
            if done(self) {
                return;
            }
            self.advance(10);
        }
        panic!("two minutes passed; heights {:?}", self.heights());
    }

    pub(crate) fn run_for_ms(&mut self, ms: u64) {
        self.deliver();
        for _ in 0..ms / 10 {
            self.advance(10);
        }
    }

    pub(crate) fn submit(&mut self, at: usize, raw: Vec<u8>) -> Submitted {
        let answer = self.submit_together(at, &[raw]).remove(0);
        answer.expect("every submission is answered in its step")
    }

    /// Hands all of `raws` in with one step; what each was answered.
    pub(crate) fn submit_together(
        &mut self,
        at: usize,
        raws: &[Vec<u8>],
    ) -> Vec<Option<Submitted>> {
        let tickets: Vec<u64> = (self.tickets + 1..).take(raws.len()).collect();
        self.tickets += raws.len() as u64;
        let batch = tickets.iter().copied().zip(self.check(at, raws)).collect();
        self.events.push_back((at, Event::Submitted(batch)));
        self.deliver();
        tickets.iter().map(|ticket| self.answers.get(ticket).cloned()).collect()
    }

    /// Hands a transaction in and runs until the first replica is broken: why, and what it left.
    pub(crate) fn submit_until_broken(&mut self, raw: Vec<u8>) -> (String, Option<Bundle>) {
        let batch = vec![(1, self.check(0, &[raw]).remove(0))];
        self.events.push_back((0, Event::Submitted(batch)));
        for _ in 0..12_000 {
            while let Some((at, event)) = self.events.pop_front() {
                let clock = self.clock();
                match self.replicas[at].as_mut().unwrap().step(clock, event) {
                    Ok(effects) => self.perform(at, effects),
                    Err(Broken(why)) => return (why, self.replica(at).disk().bundle.clone()),
                }
            }
            self.now_ms += 10;
            for at in (0..4).filter(|at| self.wakes[*at] <= self.now_ms).collect::<Vec<_>>() {
                self.wakes[at] = u64::MAX;
                self.events.push_back((at, Event::Woken));
            }
        }
        panic!("nobody broke");
    }

    pub(crate) fn heights(&self) -> Vec<u64> {
        (0..4).map(|at| self.replica(at).ledger().head().height.0).collect()
    }

    pub(crate) fn roots(&self) -> Vec<Digest> {
        (0..4).map(|at| self.replica(at).ledger().head().state_root).collect()
    }

    pub(crate) fn committed(&self, at: usize) -> &[Arc<CommittedBlock>] {
        &self.committed[at]
    }

    pub(crate) fn cut_off(&mut self, at: usize) {
        self.deliver();
        self.away = Some(at);
    }

    pub(crate) fn join(&mut self, at: usize) {
        self.away = None;
        let own = public(&self.keys[at]);
        for other in (0..4).filter(|o| *o != at) {
            let peer = public(&self.keys[other]);
            for (a, p) in [(other, own), (at, peer)] {
                self.events.push_back((a, Event::Disconnected(p)));
                self.events.push_back((a, Event::Connected(p)));
            }
        }
        self.deliver();
    }

    pub(crate) fn restart_all(&mut self) {
        self.events.clear();
        for at in 0..4 {
            let disk = self.replicas[at].take().unwrap().into_disk();
            self.open(at, disk);
        }
        self.connect_all();
        self.deliver();
    }

    fn wall(&self) -> TimeMs {
        START.plus_ms(self.now_ms)
    }
}

/// A signed transfer from the first account to the second; `id` names the deed and the key.
pub(crate) fn transfer(net: &Net, id: u8, amount: u64) -> Vec<u8> {
    let args = wire::accounts::TransferRequest {
        id: vec![id; 16],
        debit: vec![21; 16],
        credit: vec![22; 16],
        amount,
        code: 1,
        ..Default::default()
    };
    let method = ("accounts", "Transfer");
    signed(net, id, method, args.encode_to_vec())
}

/// `linli.evidence.v1.AnchorRequest`, as far as these tests fill it in.
#[derive(Clone, PartialEq, Message)]
struct AnchorRequest {
    #[prost(bytes = "vec", tag = "1")]
    source: Vec<u8>,
    #[prost(uint64, tag = "2")]
    number: u64,
    #[prost(uint32, tag = "3")]
    kind: u32,
    #[prost(bytes = "vec", tag = "4")]
    manifest_sha256: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    manifest_sm3: Vec<u8>,
    #[prost(uint64, tag = "6")]
    size: u64,
    #[prost(uint64, tag = "8")]
    captured_at_ms: u64,
}

/// A signed anchor with this number; `id` is the transaction key.
pub(crate) fn anchor(net: &Net, id: u8, number: u64) -> Vec<u8> {
    let digest = vec![u8::try_from(number).unwrap(); 32];
    let args = AnchorRequest {
        source: vec![21; 16],
        number,
        kind: 3,
        manifest_sha256: digest.clone(),
        manifest_sm3: digest,
        size: 1,
        captured_at_ms: net.wall().0,
    };
    signed(net, id, ("evidence", "Anchor"), args.encode_to_vec())
}

fn signed(net: &Net, id: u8, (room, method): (&str, &str), args: Vec<u8>) -> Vec<u8> {
    let sender = key(21);
    let body = wire::TransactionBody {
        chain_tag: net.chain.tag(),
        sender: vec![21; 16],
        signer: public(&sender).0.to_vec(),
        key: vec![id; 16],
        valid_until_ms: net.wall().plus_ms(60_000).0,
        on_behalf: None,
        calls: vec![wire::Call { room: room.into(), method: method.into(), args }],
    }
    .encode_to_vec();
    let signature = Signature(sender.sign(&signing_bytes(&net.chain, &body)).to_bytes());
    envelope(&body, &signature)
}
