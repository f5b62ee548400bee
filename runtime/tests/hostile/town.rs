//! The ledger that the programs know: people with accounts of several assets, contracts that have
//! some money of their own, transfers that wait, and a contract that nobody calls.

use crate::support::{self, Node, START, call, key};
use linli_hostile::world::{self, Owner, ROOMS};
use linli_runtime::{CodeCache, Ledger, Settings, Slot, accounts};
use linli_types::account::contract_principal;
use linli_types::books::{self, CODE_ESCROW, CODE_ISSUE, CODE_MOVE};
use linli_types::genesis::{self, Genesis, Module, Role};
use linli_types::id::{AccountId, Digest, PrincipalId};
use linli_types::store::Memory;
use linli_types::wire;
use linli_types::wire::accounts::{OpenRequest, ReserveRequest, TransferRequest};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

/// A contract with rows, a timer and a claim, which no program can name.
pub(crate) const BYSTANDER: &str = "bystander";
const FUND: u8 = 2;
const ADMINISTRATOR: u8 = 5;
const ROLES: [Role; 6] = [
    Role::Resident,
    Role::Resident,
    Role::Fund,
    Role::Arbitrator,
    Role::Auditor,
    Role::Administrator,
];
const OPENING: u64 = 1000;
/// Pending transfers of people that wait for a contract, and those that wait for a person.
const FOR_CONTRACTS: u8 = 10;
const FOR_PEOPLE: u8 = 14;

/// Compiled code, once for the whole test.
struct Compiled;

static COMPILED: Mutex<BTreeMap<(Digest, u64), Vec<u8>>> = Mutex::new(BTreeMap::new());

impl CodeCache for Compiled {
    fn get(&self, code: &Digest, engine: u64) -> Option<Vec<u8>> {
        COMPILED.lock().unwrap().get(&(*code, engine)).cloned()
    }

    fn put(&self, code: &Digest, engine: u64, bytes: &[u8]) {
        COMPILED.lock().unwrap().insert((*code, engine), bytes.to_vec());
    }
}

fn settings() -> Settings {
    Settings { cache: Box::new(Compiled), ..Settings::default() }
}

/// A node with these rows.
pub(crate) fn reopened(store: &Memory) -> Node {
    let ledger = Ledger::open(store, settings()).unwrap();
    Node { ledger, store: store.clone() }
}

/// A node of the town, whose rows are made once.
pub(crate) fn opened() -> Node {
    static ROWS: OnceLock<Memory> = OnceLock::new();
    reopened(ROWS.get_or_init(build))
}

fn owner_of(owner: Owner) -> PrincipalId {
    match owner {
        Owner::Person(n) => PrincipalId(world::person(n)),
        Owner::Room(n) => contract_principal(ROOMS[usize::from(n)]),
        Owner::Nobody => accounts::NOBODY,
    }
}

fn the_genesis() -> Genesis {
    let principal = |(n, role): (u8, Role)| genesis::Principal {
        id: PrincipalId(world::person(n)),
        key: key(n + 1),
        org: 0,
        roles: vec![role],
    };
    let module = |name: &str, code: &[u8]| Module { name: name.into(), code: code.to_vec() };
    let mut modules: Vec<_> = ROOMS.map(|room| module(room, linli_modules::hostile())).to_vec();
    modules.push(module("evidence", linli_modules::evidence()));
    modules.push(module("probe", linli_modules::probe()));
    modules.push(module(BYSTANDER, linli_modules::probe()));
    let held = |number: usize| {
        let slot = world::find(number).unwrap();
        let plain = slot.kind == world::HOLDER && matches!(slot.owner, Owner::Person(_));
        plain.then(|| genesis::Account {
            id: AccountId(world::account(number)),
            owner: owner_of(slot.owner),
            asset: slot.asset,
            opening: OPENING,
        })
    };
    Genesis {
        principals: (0..).zip(ROLES).map(principal).collect(),
        accounts: (0..world::slots()).filter_map(held).collect(),
        ..support::genesis_with(modules)
    }
}

fn build() -> Memory {
    let genesis = the_genesis();
    let (mut store, batch) = (Memory::default(), Ledger::genesis(&genesis.to_bytes(), settings()));
    store.apply(&batch.unwrap());
    let mut node = reopened(&store);
    let (people, contracts): (Vec<_>, Vec<_>) =
        opened_later(&genesis).into_iter().partition(|(_, owner)| !matches!(owner, Owner::Room(_)));
    let calls = |opened: Vec<(wire::Call, Owner)>| opened.into_iter().map(|(c, _)| c).collect();
    let blocks: [Vec<(u8, Vec<wire::Call>)>; 3] = [
        vec![(ADMINISTRATOR, calls(people)), (ADMINISTRATOR, calls(contracts))],
        vec![(FUND, issues(|asset| asset == books::TIME)), (FUND, issues(|a| a != books::TIME))],
        vec![(0, deposits()), (0, waiting()), (0, bystanding())],
    ];
    for (numbers, asked) in (1..).step_by(10).zip(blocks) {
        let slot = Slot { time: node.ledger.head().time.plus_ms(1000), ..node.slot() };
        let signed: Vec<_> =
            (numbers..).zip(asked).map(|(n, (who, calls))| node.sign(who, n, calls)).collect();
        let executed = node.ledger.propose(&node.store, slot, &signed).unwrap();
        assert_eq!(executed.receipts.len(), signed.len());
        assert!(executed.receipts.iter().all(|r| r.is_done()), "{:?}", executed.receipts);
        node.commit(executed);
    }
    node.store
}

/// Accounts that the genesis does not open, and whose they are.
fn opened_later(genesis: &Genesis) -> Vec<(wire::Call, Owner)> {
    let stands = |id: AccountId| genesis.accounts.iter().any(|account| account.id == id);
    let later = (0..world::slots()).filter(|number| !stands(AccountId(world::account(*number))));
    let open = |number: usize| {
        let slot = world::find(number).unwrap();
        let request = OpenRequest {
            id: world::account(number).to_vec(),
            owner: owner_of(slot.owner).0.to_vec(),
            asset: slot.asset,
            kind: slot.kind,
            ..Default::default()
        };
        (call("accounts", "Open", request.encode_to_vec()), slot.owner)
    };
    later.map(open).collect()
}

fn id(number: u64) -> Vec<u8> {
    let mut id = [0xc0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    id.to_vec()
}

/// Money for the contracts' own accounts; and points of a person that soon end.
fn issues(of: impl Fn(u32) -> bool) -> Vec<wire::Call> {
    let today = u32::try_from(START.plus_ms(8 * 3600 * 1000).0 / (24 * 3600 * 1000)).unwrap();
    let issue = |number: usize, asset: u32, amount, expires_day| {
        let request = TransferRequest {
            id: id(number as u64),
            debit: world::issuance(asset).to_vec(),
            credit: world::account(number).to_vec(),
            amount,
            code: CODE_ISSUE,
            expires_day,
            ..Default::default()
        };
        call("accounts", "Transfer", request.encode_to_vec())
    };
    let own = |number: usize| {
        let slot = world::find(number).unwrap();
        let gets = slot.kind == world::HOLDER && matches!(slot.owner, Owner::Room(_));
        (gets && of(slot.asset)).then(|| issue(number, slot.asset, OPENING, 0))
    };
    let points = [5, 6].map(|number| issue(number, books::POINT, 40, today));
    let all = (0..world::slots()).filter_map(own);
    if of(books::POINT) { all.chain(points).collect() } else { all.collect() }
}

/// What person 0 pays into each contract's escrow.
fn deposits() -> Vec<wire::Call> {
    let pay = |room: u8| {
        let request = TransferRequest {
            id: id(1000 + u64::from(room)),
            debit: world::account(0).to_vec(),
            credit: world::account(world::own(room, 2)).to_vec(),
            amount: 20,
            code: CODE_ESCROW,
            ..Default::default()
        };
        call("accounts", "Transfer", request.encode_to_vec())
    };
    (0..).zip(ROOMS).map(|(room, _)| pay(room)).collect()
}

/// What person 0 holds for others: some a contract may post, some only a person.
fn waiting() -> Vec<wire::Call> {
    let reserve = |n: u8| {
        let room = ROOMS[usize::from(n % 2)];
        let for_contract = n < FOR_CONTRACTS;
        let resolver = if for_contract { contract_principal(room).0 } else { world::person(0) };
        let credit = if for_contract { world::own(n % 2, 0) } else { 1 };
        let request = ReserveRequest {
            id: world::pending(n).to_vec(),
            debit: world::account(0).to_vec(),
            credit: world::account(credit).to_vec(),
            amount: 5,
            code: CODE_MOVE,
            expires_ms: START.0 + 30_000 + u64::from(n % 4) * 24 * 3600 * 1000,
            resolver: resolver.to_vec(),
            ..Default::default()
        };
        call("accounts", "Reserve", request.encode_to_vec())
    };
    (0..FOR_PEOPLE).map(reserve).collect()
}

/// What the bystander keeps.
fn bystanding() -> Vec<wire::Call> {
    let pair = |a: &[u8], b: &[u8]| {
        let field = |tag: u8, bytes: &[u8]| {
            [&[tag << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
        };
        [field(1, a), field(2, b)].concat()
    };
    // In more than a year: longer than any trial.
    let timer = [&[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 1][..], &[0x12, 1, b'x']].concat();
    [("Write", pair(b"k", b"v")), ("Claim", pair(b"k", &[1; 32])), ("Schedule", timer)]
        .map(|(method, args)| call(BYSTANDER, method, args))
        .to_vec()
}
