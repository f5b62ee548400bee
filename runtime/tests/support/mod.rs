//! A small chain for tests: four validators, a few principals with accounts, signed by nobody
//! (signatures are the pool's business; blocks here are vouched for).
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_runtime::{Executed, Ledger, Settings, Slot, Verified};
use linli_types::certificate::Certificate;
use linli_types::genesis::{Account, Genesis, Module, Principal, Role};
use linli_types::height::TimeMs;
use linli_types::id::{
    AccountId, ChainId, PrincipalId, PublicKey, Signature, TransferId, TxId, TxKey,
};
use linli_types::policy::Policy;
use linli_types::store::{Memory, Store};
use linli_types::transaction::envelope;
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use linli_types::wire;
use prost::Message;

pub const START: TimeMs = TimeMs(1_800_000_000_000);
pub const OPENING: u64 = 1_000;
pub const PEOPLE: u8 = 4;

/// The public key of a seed.
pub fn key(seed: u8) -> PublicKey {
    PublicKey(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes())
}

pub fn person(n: u8) -> PrincipalId {
    PrincipalId([n + 1; 16])
}

/// Account `a` of a person; each has two of asset 1 and one of asset 2.
pub fn account(n: u8, a: u8) -> AccountId {
    let mut id = [n + 1; 16];
    id[15] = a;
    AccountId(id)
}

pub fn validators() -> ValidatorSet {
    let one = |n: u8, power, org, kind| Validator {
        key: key(100 + n),
        network_key: key(110 + n),
        power,
        org,
        kind,
        name: format!("validator-{n}"),
    };
    let four = vec![
        one(0, 3, 1, OrgKind::District),
        one(1, 2, 2, OrgKind::Operator),
        one(2, 2, 3, OrgKind::Operator),
        one(3, 3, 4, OrgKind::Fund),
    ];
    ValidatorSet::new(four).unwrap()
}

pub fn genesis_with(modules: Vec<Module>) -> Genesis {
    let principal = |n: u8| Principal {
        id: person(n),
        key: key(n + 1),
        org: u32::from(n % 2),
        roles: vec![Role::Resident],
    };
    let accounts = |n: u8| {
        [(0, 1), (1, 1), (2, 2)].map(|(a, asset)| Account {
            id: account(n, a),
            owner: person(n),
            asset,
            opening: if a == 1 { 0 } else { OPENING },
        })
    };
    Genesis {
        format: linli_types::genesis::FORMAT,
        protocol: 1,
        name: "test".into(),
        time: START,
        undo_heights: 5,
        validators: validators(),
        principals: (0..PEOPLE).map(principal).collect(),
        accounts: (0..PEOPLE).flat_map(accounts).collect(),
        modules,
        orgs: Vec::new(),
        policy: Policy::default(),
        books: linli_types::books::Books::standard(),
    }
}

pub fn genesis() -> Genesis {
    genesis_with(Vec::new())
}

/// A node: a ledger and its rows.
pub struct Node {
    pub ledger: Ledger,
    pub store: Memory,
}

impl Node {
    pub fn new(genesis: &Genesis) -> Self {
        let batch = Ledger::genesis(&genesis.to_bytes(), Settings::default()).unwrap();
        let mut store = Memory::default();
        store.commit(&batch).unwrap();
        let ledger = Ledger::open(&store, Settings::default()).unwrap();
        Self { ledger, store }
    }

    pub fn chain(&self) -> ChainId {
        self.ledger.head().chain
    }

    /// A slot a second after the head.
    pub fn slot(&self) -> Slot {
        Slot { time: self.ledger.head().time.plus_ms(1000), proposer: key(100), flags: 0 }
    }

    pub fn propose(&self, candidates: &[Verified]) -> Executed {
        self.ledger.propose(&self.store, self.slot(), candidates).unwrap()
    }

    /// Commits an executed block and adopts it.
    pub fn commit(&mut self, executed: Executed) {
        let batch = self.ledger.batch(&executed, &certificate(&executed));
        self.store.commit(&batch).unwrap();
        self.ledger.adopt(executed).unwrap();
    }

    /// Proposes and commits; the receipts' outcomes are in the store.
    pub fn step(&mut self, candidates: &[Verified]) -> Vec<linli_types::receipt::Receipt> {
        let executed = self.propose(candidates);
        let receipts = executed.receipts.clone();
        self.commit(executed);
        receipts
    }

    pub fn reopen(&mut self) {
        self.ledger = Ledger::open(&self.store, Settings::default()).unwrap();
    }

    /// A vouched transaction by a person, valid for a minute.
    pub fn sign(&self, sender: u8, number: u64, calls: Vec<wire::Call>) -> Verified {
        let valid_until = self.ledger.head().time.plus_ms(60_000);
        self.sign_until(sender, number, valid_until, calls)
    }

    pub fn sign_until(
        &self,
        sender: u8,
        number: u64,
        valid_until: TimeMs,
        calls: Vec<wire::Call>,
    ) -> Verified {
        let body = body(&self.chain(), sender, number, valid_until, calls);
        let raw = envelope(&body, &Signature([7; 64]));
        Verified::vouched(self.ledger.checker().check_shape(&raw).unwrap())
    }

    /// A vouched transaction of `sender`, signed with the key of a seed, for someone else or not.
    pub fn sign_as(
        &self,
        (sender, signer): (PrincipalId, u8),
        on_behalf: Option<PrincipalId>,
        number: u64,
        calls: Vec<wire::Call>,
    ) -> Verified {
        let body = wire::TransactionBody {
            chain_tag: self.chain().tag(),
            sender: sender.0.to_vec(),
            signer: key(signer).0.to_vec(),
            key: tx_key(number).0.to_vec(),
            valid_until_ms: self.ledger.head().time.plus_ms(60_000).0,
            calls,
            on_behalf: on_behalf.map(|id| id.0.to_vec()),
        };
        let raw = envelope(&body.encode_to_vec(), &Signature([7; 64]));
        Verified::vouched(self.ledger.checker().check_shape(&raw).unwrap())
    }

    pub fn transfer(&self, number: u64, from: (u8, u8), to: (u8, u8), amount: u64) -> Verified {
        self.sign(from.0, number, vec![transfer_call(number, from, to, amount)])
    }
}

pub fn body(
    chain: &ChainId,
    sender: u8,
    number: u64,
    valid_until: TimeMs,
    calls: Vec<wire::Call>,
) -> Vec<u8> {
    let body = wire::TransactionBody {
        chain_tag: chain.tag(),
        sender: person(sender).0.to_vec(),
        signer: key(sender + 1).0.to_vec(),
        key: tx_key(number).0.to_vec(),
        valid_until_ms: valid_until.0,
        on_behalf: None,
        calls,
    };
    body.encode_to_vec()
}

pub fn tx_key(number: u64) -> TxKey {
    TxKey(numbered(number))
}

pub fn transfer_id(number: u64) -> TransferId {
    TransferId(numbered(number))
}

fn numbered(number: u64) -> [u8; 16] {
    let mut id = [0x40; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

pub fn transfer_call(number: u64, from: (u8, u8), to: (u8, u8), amount: u64) -> wire::Call {
    let request = wire::accounts::TransferRequest {
        id: transfer_id(number).0.to_vec(),
        debit: account(from.0, from.1).0.to_vec(),
        credit: account(to.0, to.1).0.to_vec(),
        amount,
        code: 1,
        ..Default::default()
    };
    call("accounts", "Transfer", request.encode_to_vec())
}

pub fn call(room: &str, method: &str, args: Vec<u8>) -> wire::Call {
    wire::Call { room: room.into(), method: method.into(), args }
}

/// A certificate that nobody signed.
pub fn certificate(executed: &Executed) -> Certificate {
    let (height, block) = (executed.header.height, executed.id);
    Certificate { height, round: 0, block, precommits: Vec::new() }
}

/// The code of a receipt: 0 for done.
pub fn code_of(receipt: &linli_types::receipt::Receipt) -> u32 {
    match &receipt.outcome {
        linli_types::receipt::Outcome::Done => 0,
        linli_types::receipt::Outcome::Refused { refusal, .. } => refusal.code,
    }
}

/// An id for tests that need one.
pub fn some_id(n: u8) -> TxId {
    TxId([n; 32])
}

/// How many cases a property is tried over: `ordinary`, times the environment's `LINLI_FUZZ`.
#[allow(clippy::disallowed_methods, reason = "a test is told by its environment")]
pub fn cases(ordinary: u32) -> u32 {
    let times = std::env::var("LINLI_FUZZ").ok().map_or(1, |times| times.parse().unwrap());
    ordinary.checked_mul(times).unwrap()
}
