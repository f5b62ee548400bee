//! Figures of the ledger without consensus and disk: microseconds per changed key in the tree, and
//! per transfer for execution, roots and the batch. `cargo run --example ledger_bench --release`.
#![allow(clippy::unwrap_used, reason = "what fails here is no measurement")]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it reads a clock")]

use linli_runtime::tree::Tree;
use linli_runtime::{Ledger, Settings, Slot, Verified};
use linli_types::certificate::Certificate;
use linli_types::genesis::{Account, Genesis, Principal};
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, Digest, PrincipalId, PublicKey, Signature};
use linli_types::policy::Policy;
use linli_types::state_proof::{path, value_digest};
use linli_types::store::{Memory, Store};
use linli_types::transaction::envelope;
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use linli_types::wire;
use prost::Message;
use std::time::Instant;

const ACCOUNTS: u64 = 10_000;
const SENDERS: u64 = 100;
const BLOCK: u64 = 1000;
const BLOCKS: u64 = 20;

fn main() {
    for entries in [10_000, 100_000, 1_000_000] {
        tree(entries);
    }
    transfers();
}

fn tree(entries: u64) {
    let row = |n: u64| (path(&n.to_le_bytes()), value_digest(&n.to_be_bytes()));
    let rows = (0..entries).map(row).collect();
    let start = Instant::now();
    let mut tree = Tree::build(rows);
    let built = start.elapsed();
    let (rounds, per) = (50, 2000);
    let mut seed = 88_172_645_463_325_252_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let start = Instant::now();
    for _ in 0..rounds {
        let changes = (0..per).map(|_| {
            let (n, value) = (next() % entries, next());
            (path(&n.to_le_bytes()), Some(value_digest(&value.to_le_bytes())))
        });
        let candidate = tree.candidate(changes.collect());
        tree.adopt(candidate);
    }
    let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds * per);
    println!("tree of {entries}: built in {built:.2?}, {each:.2} µs per changed key");
}

fn key(n: u64) -> PublicKey {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&n.to_le_bytes());
    PublicKey(ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes())
}

fn id(n: u64) -> [u8; 16] {
    let mut id = [1; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    id
}

fn genesis() -> Genesis {
    let validator = |n: u64, power, kind| Validator {
        key: key(1000 + n),
        network_key: key(2000 + n),
        power,
        org: n as u32,
        kind,
        name: format!("v{n}"),
    };
    let (district, operator, fund) = (OrgKind::District, OrgKind::Operator, OrgKind::Fund);
    let four = [(1, 3, district), (2, 2, operator), (3, 2, operator), (4, 3, fund)];
    let four = four.map(|(n, power, kind)| validator(n, power, kind));
    let principal =
        |n| Principal { id: PrincipalId(id(n)), key: key(n), org: 0, roles: Vec::new() };
    let account = |n| Account {
        id: AccountId(id(n)),
        owner: PrincipalId(id(n % SENDERS)),
        asset: 1,
        opening: 1_000_000,
    };
    Genesis {
        format: 1,
        protocol: 1,
        name: "bench".into(),
        time: TimeMs(1_800_000_000_000),
        undo_heights: 20_000,
        validators: ValidatorSet::new(four.to_vec()).unwrap(),
        principals: (0..SENDERS).map(principal).collect(),
        accounts: (0..ACCOUNTS).map(account).collect(),
        modules: Vec::new(),
        orgs: Vec::new(),
        policy: Policy::default(),
        books: linli_types::books::Books::standard(),
    }
}

fn transfer(ledger: &Ledger, n: u64) -> Verified {
    let (from, to) = (n * 7919 % ACCOUNTS, (n * 104_729 + 1) % ACCOUNTS);
    let to = if from == to { (to + 1) % ACCOUNTS } else { to };
    let request = wire::accounts::TransferRequest {
        id: id(n).to_vec(),
        debit: id(from).to_vec(),
        credit: id(to).to_vec(),
        amount: 1,
        code: 1,
        ..Default::default()
    };
    let body = wire::TransactionBody {
        chain_tag: ledger.head().chain.tag(),
        sender: id(from % SENDERS).to_vec(),
        signer: key(from % SENDERS).0.to_vec(),
        key: id(n).to_vec(),
        valid_until_ms: ledger.head().time.0 + 500_000,
        on_behalf: None,
        calls: vec![wire::Call {
            room: "accounts".into(),
            method: "Transfer".into(),
            args: request.encode_to_vec(),
        }],
    };
    let raw = envelope(&body.encode_to_vec(), &Signature([0; 64]));
    Verified::vouched(ledger.checker().check_shape(&raw).unwrap())
}

fn transfers() {
    let batch = Ledger::genesis(&genesis().to_bytes(), Settings::default()).unwrap();
    let mut store = Memory::default();
    store.commit(&batch).unwrap();
    let mut ledger = Ledger::open(&store, Settings::default()).unwrap();
    let all: Vec<_> = (0..BLOCK * BLOCKS).map(|n| transfer(&ledger, n)).collect();
    let (mut executing, mut batching, mut rows, mut bytes) = (0.0, 0.0, 0, 0);
    for block in all.chunks(BLOCK as usize) {
        let slot = Slot { time: ledger.head().time.plus_ms(100), proposer: key(1001), flags: 0 };
        let start = Instant::now();
        let executed = ledger.propose(&store, slot, block).unwrap();
        executing += start.elapsed().as_secs_f64();
        assert!(executed.receipts.iter().all(|r| r.is_done()));
        let start = Instant::now();
        let (height, block) = (executed.header.height, executed.id);
        let certificate = Certificate { height, round: 0, block, precommits: Vec::new() };
        let batch = ledger.batch(&executed, &certificate);
        ledger.adopt(executed).expect("the block is adopted");
        batching += start.elapsed().as_secs_f64();
        rows += batch.writes.len();
        let size =
            |w: &linli_types::store::Write| w.key.len() + w.value.as_ref().map_or(0, Vec::len);
        bytes += batch.writes.iter().map(size).sum::<usize>();
        store.commit(&batch).unwrap();
    }
    let count = (BLOCK * BLOCKS) as f64;
    println!(
        "transfers: {:.2} µs to execute, {:.2} µs for batch and adoption, {:.2} rows, {:.0} bytes each",
        executing * 1e6 / count,
        batching * 1e6 / count,
        rows as f64 / count,
        bytes as f64 / count
    );
    assert_ne!(ledger.head().state_root, Digest([0; 32]));
}
