//! What a node leaves when a block breaks a law, and what the command line makes of it: on a copy of
//! the data where a law is bound to break, which no honest chain has.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::command::{development_key, linli};
use common::{bare, public};
use linli_node::storage::{RocksDisk, RocksStore, Tuning};
use linli_replica::Disk as _;
use linli_runtime::accounts::{AccountRow, account_key, read_row};
use linli_runtime::invariant::block_breaches;
use linli_runtime::stored::{META_HEAD, StoredBlock, StoredHead, height_key};
use linli_runtime::tree::Tree;
use linli_runtime::{Bundle, Executed, Ledger, Settings, Slot, Verified, load_block};
use linli_sdk::KeyKind;
use linli_types::certificate::Certificate;
use linli_types::genesis::{Account, Genesis, Principal, Role};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{AccountId, PrincipalId, Signature};
use linli_types::state_proof::{path, value_digest};
use linli_types::store::{Batch, Column, Memory, Read as _};
use linli_types::transaction::envelope;
use linli_types::wire;
use prost::Message as _;

const PAYER: [u8; 16] = [7; 16];
const PAYEE: [u8; 16] = [8; 16];

fn genesis() -> Genesis {
    let (id, roles) = (PrincipalId(PAYER), vec![Role::Resident]);
    let account =
        |id| Account { id: AccountId(id), owner: PrincipalId(PAYER), asset: 1, opening: 1_000 };
    Genesis {
        principals: vec![Principal { id, key: public(50), org: 2, roles }],
        accounts: [PAYER, PAYEE].map(account).to_vec(),
        ..bare("breach", TimeMs(1_800_000_000_000))
    }
}

fn slot(ledger: &Ledger) -> Slot {
    Slot { time: ledger.head().time.plus_ms(1000), proposer: public(1), flags: 0 }
}

/// The rows of a chain of one block, whose payee seems to have spent more than it ever had; block
/// and head agree with that.
fn overdrawn() -> Memory {
    let mut store = Memory::default();
    store.apply(&Ledger::genesis(&genesis().to_bytes(), Settings::default()).unwrap());
    let ledger = Ledger::open(&store, Settings::default()).unwrap();
    let executed = ledger.propose(&store, slot(&ledger), &[]).unwrap();
    let (height, block) = (executed.header.height, executed.id);
    let certificate = Certificate { height, round: 0, block, precommits: Vec::new() };
    store.apply(&ledger.batch(&executed, &certificate));

    let mut change = Batch::default();
    let key = account_key(&AccountId(PAYEE));
    let row = read_row(&store.get(Column::State, &key).unwrap().unwrap()).unwrap();
    change.put(
        Column::State,
        key,
        linli_types::encode(&AccountRow { debits_posted: 2_000, ..row }),
    );
    store.apply(&change);
    let state = store.rows().filter(|(column, ..)| *column == Column::State);
    let root = Tree::build(state.map(|(_, k, v)| (path(k), value_digest(v))).collect()).root();
    let StoredBlock { mut header, bodies } = load_block(&store, Height(1)).unwrap().unwrap();
    header.state_root = root;
    let head = StoredHead {
        chain: header.chain,
        height,
        block: header.id(),
        time: header.time,
        state_root: root,
        log_size: header.log_size,
        log_root: header.log_root,
    };
    let mut change = Batch::default();
    let block = StoredBlock { header, bodies };
    change.put(Column::Block, height_key(height), linli_types::encode(&block));
    change.put(Column::Meta, META_HEAD, linli_types::encode(&head));
    store.apply(&change);
    store
}

/// The next block: a transfer that breaks the payee's bound.
fn breaking(store: &Memory) -> Executed {
    let ledger = Ledger::open(store, Settings::default()).unwrap();
    let request = wire::accounts::TransferRequest {
        id: vec![1; 16],
        debit: PAYER.to_vec(),
        credit: PAYEE.to_vec(),
        amount: 5,
        code: 1,
        ..Default::default()
    };
    let args = request.encode_to_vec();
    let body = wire::TransactionBody {
        chain_tag: ledger.head().chain.tag(),
        sender: PAYER.to_vec(),
        signer: public(50).0.to_vec(),
        key: vec![1; 16],
        valid_until_ms: ledger.head().time.plus_ms(60_000).0,
        on_behalf: None,
        calls: vec![wire::Call { room: "accounts".into(), method: "Transfer".into(), args }],
    };
    let raw = envelope(&body.encode_to_vec(), &Signature([7; 64]));
    let transfer = Verified::vouched(ledger.checker().check_shape(&raw).unwrap());
    ledger.propose(store, slot(&ledger), &[transfer]).unwrap()
}

#[test]
fn the_bundle_in_the_data_folder_shows_the_breach_again() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(place("genesis"), genesis().to_bytes()).unwrap();
    development_key(dir.path(), "validator.key", 1, KeyKind::Validator);
    development_key(dir.path(), "network.key", 101, KeyKind::Network);
    let [file, data, validator, network] =
        ["genesis", "data", "validator.key", "network.key"].map(place);
    let keys = ["--validator-key", &validator, "--network-key", &network];
    let init = ["init", "--genesis", &file, "--data", &data];
    assert_eq!(linli(&[&init[..], &keys].concat()).exit, 0);

    // The rows of the overdrawn chain take the place of the folder's own.
    let store = overdrawn();
    std::fs::remove_dir_all(format!("{data}/db")).unwrap();
    let mut rows = Batch::default();
    store.rows().for_each(|(column, key, value)| rows.put(column, key, value));
    let folder = std::path::Path::new(&data);
    let rocks = RocksStore::create(&folder.join("db"), &rows, Tuning::default()).unwrap();
    let mut disk = RocksDisk::open(rocks, folder, Default::default()).unwrap();
    let executed = breaking(&store);
    let breaches = block_breaches(&executed).unwrap();
    let bundle = disk.keep_bundle(&Bundle::new(&executed, breaches.clone())).unwrap();
    drop(disk);
    assert_eq!(bundle, format!("{data}/breach-2.bundle"));

    for (lang, words) in [("en", "block 2 breaks a law"), ("zh", "区块 2 违反账本定律")] {
        let args = ["replay", "--data", &data, "--bundle", &bundle, "--lang", lang, "--json"];
        let ran = linli(&args);
        assert!(ran.exit == 1 && ran.stderr.contains("[BREACH]"), "{}", ran.stderr);
        assert!(ran.stderr.contains(words) && ran.stderr.contains("INV-L3"), "{}", ran.stderr);
        let json = ran.json();
        assert_eq!((&json["same"], &json["height"]), (&true.into(), &2.into()));
        assert_eq!(json["breaches"], serde_json::json!(breaches));
    }
}
