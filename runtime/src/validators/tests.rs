//! Changes one by one, and a chain that changes its set as it goes.

use super::change::judge;
use super::{Change, answer, carry_out, changes, load, set_at};
use crate::execute::{Executed, Slot};
use crate::ledger::{Ledger, Settings};
use crate::overlay::Overlay;
use crate::protocol::{self, Outdated};
use crate::room::Place;
use crate::vm::Stop;
use crate::{check_db, invariant};
use linli_types::certificate::{Certificate, Precommit};
use linli_types::code::Code;
use linli_types::genesis::{Genesis, Organisation};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{PublicKey, Signature};
use linli_types::policy::Policy;
use linli_types::signature::Verify;
use linli_types::store::{Memory, Store};
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use linli_types::wire::governance as wire;
use prost::Message;
use std::sync::OnceLock;

const START: TimeMs = TimeMs(1_800_000_000_000);

/// Real keys, computed once.
fn key(n: u8) -> PublicKey {
    static KEYS: OnceLock<Vec<PublicKey>> = OnceLock::new();
    let public = |n: u8| {
        let key = ed25519_dalek::SigningKey::from_bytes(&[n; 32]).verifying_key();
        PublicKey(key.to_bytes())
    };
    KEYS.get_or_init(|| (0..=60).map(public).collect())[usize::from(n)]
}

/// Anyone signs for anyone.
struct Trusting;

impl Verify for Trusting {
    fn verify(&self, _: &PublicKey, _: &[u8], _: &Signature) -> bool {
        true
    }
}

/// District 3, operators 2 + 2, fund 3; a street without a node, and a third operator.
fn genesis() -> Genesis {
    let validator = |(n, power, kind): (u8, u64, OrgKind)| Validator {
        key: key(n),
        network_key: key(n + 10),
        power,
        org: u32::from(n),
        kind,
        name: format!("v{n}"),
    };
    let seats = [
        (1, 3, OrgKind::District),
        (2, 2, OrgKind::Operator),
        (3, 2, OrgKind::Operator),
        (4, 3, OrgKind::Fund),
    ];
    let org = |(id, kind)| Organisation { id, kind, label: String::new() };
    Genesis {
        format: 1,
        protocol: 1,
        name: String::new(),
        time: START,
        undo_heights: 4,
        validators: ValidatorSet::new(seats.into_iter().map(validator).collect()).unwrap(),
        principals: vec![],
        accounts: vec![],
        modules: vec![],
        orgs: [(5, OrgKind::Street), (6, OrgKind::Operator)].map(org).to_vec(),
        policy: Policy::default(),
        books: linli_types::books::Books::default(),
    }
}

fn add(n: u8, power: u64, org: u32) -> Change {
    let (key, network_key) = (key(n).0.to_vec(), key(n + 10).0.to_vec());
    Change::Add(wire::AddValidator { key, network_key, power, org, name: format!("v{n}") })
}

fn remove(n: u8) -> Change {
    Change::Remove(wire::RemoveValidator { key: key(n).0.to_vec() })
}

/// From one key to another; the network key stays.
fn rekey(from: u8, to: u8) -> Change {
    let [key, new_key, new_network_key] = [from, to, from + 10].map(|n| key(n).0.to_vec());
    Change::Rekey(wire::RekeyValidator { key, new_key, new_network_key })
}

fn power(n: u8, power: u64) -> Change {
    Change::Power(wire::SetPower { key: key(n).0.to_vec(), power })
}

/// A node that does as a test says in its blocks.
struct Node {
    ledger: Ledger,
    store: Memory,
}

impl Node {
    fn new() -> Self {
        let batch = Ledger::genesis(&genesis().to_bytes(), Settings::default()).unwrap();
        let mut store = Memory::default();
        store.commit(&batch).unwrap();
        let ledger = Ledger::open(&store, Settings::default()).unwrap();
        Self { ledger, store }
    }

    fn slot(&self) -> Slot {
        let head = self.ledger.head();
        let proposer = head.validators.members()[0].key;
        Slot { time: head.time.plus_ms(1_000), proposer, flags: 0 }
    }

    /// A block that carries these changes out, certified by all who sign it.
    fn step(&mut self, wanted: &[Change]) {
        let executed = self.ledger.propose_doing(&self.store, self.slot(), |run| {
            for change in wanted {
                carry_out(&mut run.overlay, &run.place, change).unwrap();
            }
        });
        self.commit(executed);
    }

    fn commit(&mut self, executed: Executed) {
        let members = self.ledger.head().validators.members().to_vec();
        let vote = |v: &Validator| Precommit { validator: v.key, signature: Signature([0; 64]) };
        let precommits = members.iter().map(vote).collect();
        let (height, block) = (executed.header.height, executed.id);
        let certificate = Certificate { height, round: 0, block, precommits };
        self.store.commit(&self.ledger.batch(&executed, &certificate)).unwrap();
        self.ledger.adopt(executed).unwrap();
    }

    fn keys(&self) -> Vec<PublicKey> {
        self.ledger.head().validators.members().iter().map(|v| v.key).collect()
    }

    fn assert_whole(&self) {
        let open = Ledger::open(&self.store, Settings::default()).unwrap();
        assert_eq!(open.head(), self.ledger.head());
        assert_eq!(invariant::breaches(&self.store).unwrap(), Vec::<String>::new());
        let complaints = check_db(&self.store, &Trusting, Settings::default());
        assert_eq!(complaints, Vec::<String>::new());
    }
}

fn sorted(numbers: &[u8]) -> Vec<PublicKey> {
    let mut keys: Vec<PublicKey> = numbers.iter().map(|n| key(*n)).collect();
    keys.sort_unstable();
    keys
}

/// The code with which a change of the genesis' set is refused; 0 if it may stand.
fn judged(change: &Change) -> u32 {
    let node = Node::new();
    match judge(&mut Overlay::new(&node.store), change) {
        Ok(_) => 0,
        Err(Stop::Refused(refusal)) => refusal.code,
        Err(Stop::Broken(broken)) => panic!("{broken}"),
    }
}

#[test]
fn a_set_changes_one_block_after_the_change() {
    let mut node = Node::new();
    node.step(&[]);
    assert_eq!(load(&node.store).unwrap(), None, "the genesis' set stands without a row");
    node.assert_whole();
    node.step(&[add(5, 2, 5)]);
    let header = node.ledger.head().header.clone().unwrap();
    assert_eq!(header.validators_hash, genesis().validators.hash());
    assert_eq!(header.next_validators_hash, node.ledger.head().validators.hash());
    assert_eq!(node.keys(), sorted(&[1, 2, 3, 4, 5]));
    let added = node.ledger.head().validators.get(&key(5)).unwrap().clone();
    assert_eq!((added.kind, added.power), (OrgKind::Street, 2), "the kind is the organisation's");
    node.assert_whole();
    node.step(&[remove(2)]);
    node.step(&[rekey(5, 50), power(3, 3)]);
    assert_eq!(node.keys(), sorted(&[1, 3, 4, 50]));
    node.step(&[]);
    node.assert_whole();
}

#[test]
fn every_set_of_the_past_is_found_by_its_height() {
    let mut node = Node::new();
    for change in [vec![], vec![add(5, 2, 5)], vec![], vec![remove(3)], vec![]] {
        node.step(&change);
    }
    let keys = |height| {
        let (set, since) = set_at(&node.store, Height(height)).unwrap();
        (set.members().iter().map(|v| v.key).collect::<Vec<_>>(), since.0)
    };
    assert_eq!(keys(1), (sorted(&[1, 2, 3, 4]), 1));
    assert_eq!(keys(2), (sorted(&[1, 2, 3, 4]), 1));
    assert_eq!(keys(3), (sorted(&[1, 2, 3, 4, 5]), 3));
    assert_eq!(keys(4), (sorted(&[1, 2, 3, 4, 5]), 3));
    assert_eq!(keys(6), (sorted(&[1, 2, 4, 5]), 5));
    let heights: Vec<u64> =
        changes(&node.store, Height(4)).unwrap().iter().map(|(height, _)| height.0).collect();
    assert_eq!(heights, [2]);
    let ask = |height| {
        let args = wire::ValidatorsRequest { height }.encode_to_vec();
        answer(&node.store, Height(6), &args)
            .map(|answer| wire::ValidatorsResponse::decode(answer.result.as_slice()).unwrap())
    };
    let now = ask(0).unwrap();
    assert_eq!((now.height, now.since, now.validators.len()), (6, 5, 4));
    assert_eq!(now.hash, node.ledger.head().validators.hash().0);
    assert_eq!(ask(2).unwrap().since, 1);
    assert!(matches!(ask(7), Err(Stop::Refused(no)) if no.code == Code::NotFound.number()));
}

#[test]
fn what_would_break_a_law_is_refused_with_its_reason() {
    let code = |change: &Change| Code::from_number(judged(change));
    assert_eq!(judged(&add(5, 2, 5)), 0);
    assert_eq!(code(&add(1, 1, 5)), Some(Code::ValidatorKnown));
    assert_eq!(code(&remove(9)), Some(Code::NoValidator));
    assert_eq!(code(&remove(1)), Some(Code::ValidatorCount));
    assert_eq!(code(&add(5, 2, 77)), Some(Code::NoOrganisation));
    assert_eq!(code(&add(5, 0, 5)), Some(Code::ValidatorPower));
    assert_eq!(code(&add(5, 9, 5)), Some(Code::OrganisationTooStrong));
    assert_eq!(code(&power(1, 9)), Some(Code::OrganisationTooStrong));
    assert_eq!(code(&add(6, 3, 6)), Some(Code::KindTooStrong), "operators hold 7 of 13");
    assert_eq!(code(&power(1, 3)), Some(Code::ValidatorSame));
    assert_eq!(code(&rekey(1, 1)), Some(Code::ValidatorSame));
    assert_eq!(code(&rekey(1, 2)), Some(Code::ValidatorKnown));
    assert_eq!(code(&rekey(1, 11)), Some(Code::ValidatorKnown), "its own network key");
    assert_eq!(judged(&rekey(1, 50)), 0);
}

#[test]
fn keys_and_names_of_a_newcomer_are_its_own_and_sound() {
    let Change::Add(good) = add(5, 2, 5) else { panic!() };
    let code = |change: wire::AddValidator| Code::from_number(judged(&Change::Add(change)));
    let zero = wire::AddValidator { network_key: vec![0; 32], ..good.clone() };
    assert_eq!(code(zero), Some(Code::ValidatorKeyWeak));
    let taken = wire::AddValidator { network_key: key(11).0.to_vec(), ..good.clone() };
    assert_eq!(code(taken), Some(Code::ValidatorKnown));
    let one = wire::AddValidator { network_key: good.key.clone(), ..good.clone() };
    assert_eq!(code(one), Some(Code::ValidatorKnown));
    for name in ["v1", "", "a name", "13800138000", &"n".repeat(49)] {
        let named = wire::AddValidator { name: name.into(), ..good.clone() };
        assert_eq!(code(named), Some(Code::ValidatorName), "{name}");
    }
}

#[test]
fn the_protocol_rises_at_its_height_and_an_old_binary_stands_still_before_it() {
    let mut node = Node::new();
    let place = Place { height: Height(3), time: START, log_size: 0, policy: 1 };
    let change = |version, height| wire::ChangeProtocol { version, height };
    let refused = |version, height| {
        let mut overlay = Overlay::new(&node.store);
        match protocol::judge(&mut overlay, &place, &change(version, height)) {
            Err(Stop::Refused(refusal)) => Code::from_number(refusal.code),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(1, 9), Some(Code::ProtocolVersion));
    assert_eq!(refused(2, 3), Some(Code::ProtocolHeight));
    assert_eq!(refused(2, u64::MAX), Some(Code::ProtocolHeight));
    let executed = node.ledger.propose_doing(&node.store, node.slot(), |run| {
        protocol::carry_out(&mut run.overlay, &run.place, &change(2, 4)).unwrap();
    });
    node.commit(executed);
    node.step(&[]);
    assert_eq!((node.ledger.outdated(), node.ledger.head().protocol), (None, 1));
    node.step(&[]);
    let why = Outdated { height: Height(4), version: 2, known: 1..=1 };
    assert_eq!(node.ledger.outdated(), Some(why.clone()), "height 3 is the last of the old rules");
    assert_eq!(node.ledger.head().header.as_ref().unwrap().protocol, 1);
    let stopped = node.ledger.propose(&node.store, node.slot(), &[]).unwrap_err();
    assert_eq!(stopped.0, why.to_string());
    node.assert_whole();
    // A binary that holds both goes on where the old one stood.
    let newer = || Settings { protocols: 1..=2, ..Settings::default() };
    node.ledger = Ledger::open(&node.store, newer()).unwrap();
    assert_eq!(node.ledger.outdated(), None);
    node.step(&[]);
    assert_eq!(node.ledger.head().header.as_ref().unwrap().protocol, 2);
    assert_eq!(Ledger::open(&node.store, newer()).unwrap().head(), node.ledger.head());
}
