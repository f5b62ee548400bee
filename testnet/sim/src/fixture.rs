//! What all runs with the same number of validators share: keys, genesis, its rows, compiled
//! contracts. Made once per process.

use crate::clock::START;
use crate::crypto::Pair;
use linli_runtime::{CodeCache, Ledger, Settings};
use linli_types::genesis::{Account, FORMAT, Genesis, Module, Organisation, Principal, Role};
use linli_types::id::{AccountId, ChainId, Digest, PrincipalId, PublicKey};
use linli_types::policy::{Param, Policy};
use linli_types::store::{Batch, Memory};
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use linli_types::wire::governance::deed::Deed;
use linli_types::wire::governance::{AddValidator, RekeyValidator, RemoveValidator};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// People who sign transactions.
const PEOPLE: u64 = 12;
/// What each account holds at the start.
const OPENING: u64 = 1_000_000;

/// Someone who signs.
pub struct Person {
    /// Their id.
    pub id: PrincipalId,
    /// Their key.
    pub pair: Pair,
    /// Their accounts.
    pub accounts: Vec<AccountId>,
}

/// A chain before its first block.
pub struct Fixture {
    /// The genesis file.
    pub genesis: Vec<u8>,
    /// The chain's id.
    pub chain: ChainId,
    /// The rows of height 0.
    pub rows: Memory,
    /// The validators' keys, by number.
    pub validators: Vec<Pair>,
    /// Their public halves.
    pub keys: Vec<PublicKey>,
    /// The validator set.
    pub set: ValidatorSet,
    /// People who sign.
    pub people: Vec<Person>,
    /// The seats of the council, where the validators change.
    pub council: Vec<Person>,
    /// What changes them, in order.
    pub deeds: Vec<Deed>,
    /// The sets that sign one after the other: the genesis', and what each deed leaves.
    pub sets: Vec<ValidatorSet>,
    /// The validator that gets a new key, and the key.
    pub successor: Option<(usize, Pair)>,
}

/// The chain of a run whose validators change: the default four, and a machine that joins them.
pub fn changing() -> &'static Fixture {
    static MADE: OnceLock<Fixture> = OnceLock::new();
    MADE.get_or_init(Fixture::of_changes)
}

/// The chain of this many validators.
pub fn chain_of(validators: usize) -> &'static Fixture {
    static MADE: Mutex<BTreeMap<usize, &'static Fixture>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(validators).or_insert_with(|| Box::leak(Box::new(Fixture::new(validators))))
}

/// What a ledger of the simulator is opened with: compiled contracts are kept in memory.
pub fn settings() -> Settings {
    static SHARED: OnceLock<Arc<Shelf>> = OnceLock::new();
    let shelf = SHARED.get_or_init(Arc::default);
    Settings::new(Box::new(Shared(Arc::clone(shelf))))
}

/// Compiled code in memory. Everything on it was compiled by this very process.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<(Digest, u64), Vec<u8>>>);

struct Shared(Arc<Shelf>);

impl CodeCache for Shared {
    fn get(&self, code: &Digest, engine: u64) -> Option<Vec<u8>> {
        let shelf = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.get(&(*code, engine)).cloned()
    }

    fn put(&self, code: &Digest, engine: u64, bytes: &[u8]) {
        let mut shelf = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.insert((*code, engine), bytes.to_vec());
    }
}

impl Fixture {
    /// The machine that a key belongs to.
    pub fn number(&self, key: &PublicKey) -> Option<usize> {
        let own = self.keys.iter().position(|own| own == key);
        let next = || self.successor.as_ref().filter(|(_, pair)| pair.public == *key);
        own.or_else(|| next().map(|(node, _)| *node))
    }

    /// The key of a machine that a set names; its first one if none is.
    pub fn key_among(&self, node: usize, set: &ValidatorSet) -> PublicKey {
        let first = self.keys.get(node).copied().unwrap_or_default();
        let next = self.successor.as_ref().filter(|(who, _)| *who == node);
        let next = next.map(|(_, pair)| pair.public).filter(|next| set.get(next).is_some());
        if set.get(&first).is_some() { first } else { next.unwrap_or(first) }
    }

    /// Four validators and one that joins; then one of them gets a new key, and one leaves.
    fn of_changes() -> Self {
        const COUNT: usize = 5;
        let pairs: Vec<Pair> = (0..COUNT as u64).map(|n| Pair::new("validator", n)).collect();
        let seats: Vec<Validator> =
            pairs.iter().enumerate().map(|(n, pair)| seat(n, pair, COUNT)).collect();
        let successor = (2, Pair::new("successor", 2));
        let mut members: Vec<Validator> = seats.iter().take(4).cloned().collect();
        let (mut sets, mut deeds) = (vec![lawful(&members)], Vec::new());
        for change in changes(&seats, &successor.1) {
            apply(&mut members, &change);
            sets.push(lawful(&members));
            deeds.push(change);
        }
        let people: Vec<Person> = (0..PEOPLE).map(person).collect();
        let council: Vec<Person> = (PEOPLE..PEOPLE + 3).map(person).collect();
        let mut genesis = genesis(&sets[0], &people);
        govern(&mut genesis, &council);
        let set = sets[0].clone();
        Self {
            council,
            deeds,
            sets,
            successor: Some(successor),
            ..Self::of(&genesis, pairs, set, people)
        }
    }

    fn new(count: usize) -> Self {
        let pairs: Vec<Pair> = (0..count as u64).map(|n| Pair::new("validator", n)).collect();
        let seat = |(n, pair)| seat(n, pair, count);
        let people: Vec<Person> = (0..PEOPLE).map(person).collect();
        let set = ValidatorSet::new(pairs.iter().enumerate().map(seat).collect())
            .expect("the simulator's validators keep the laws of a set");
        let genesis = genesis(&set, &people);
        Self::of(&genesis, pairs, set, people)
    }

    fn of(genesis: &Genesis, pairs: Vec<Pair>, set: ValidatorSet, people: Vec<Person>) -> Self {
        let genesis = genesis.to_bytes();
        let batch: Batch =
            Ledger::genesis(&genesis, settings()).expect("the simulator's genesis is acceptable");
        let mut rows = Memory::default();
        rows.apply(&batch);
        let chain = ChainId(linli_types::digest::plain(&genesis).0);
        let keys = pairs.iter().map(|p| p.public).collect();
        let (council, deeds, sets) = (Vec::new(), Vec::new(), vec![set.clone()]);
        Self {
            genesis,
            chain,
            rows,
            validators: pairs,
            keys,
            set,
            people,
            council,
            deeds,
            sets,
            successor: None,
        }
    }
}

fn lawful(members: &[Validator]) -> ValidatorSet {
    ValidatorSet::new(members.to_vec()).expect("the simulator's changes keep the laws of a set")
}

/// The fifth joins, the third gets a new key, the second leaves.
fn changes(seats: &[Validator], successor: &Pair) -> Vec<Deed> {
    let [_, leaves, rekeyed, _, joins] = seats else { return Vec::new() };
    vec![
        Deed::AddValidator(AddValidator {
            key: joins.key.0.to_vec(),
            network_key: joins.network_key.0.to_vec(),
            power: joins.power,
            org: joins.org,
            name: joins.name.clone(),
        }),
        Deed::RekeyValidator(RekeyValidator {
            key: rekeyed.key.0.to_vec(),
            new_key: successor.public.0.to_vec(),
            new_network_key: rekeyed.network_key.0.to_vec(),
        }),
        Deed::RemoveValidator(RemoveValidator { key: leaves.key.0.to_vec() }),
    ]
}

/// What a deed makes of a set, told a second time.
fn apply(members: &mut Vec<Validator>, deed: &Deed) {
    let key = |bytes: &[u8]| PublicKey::from_slice(bytes).unwrap_or_default();
    match deed {
        Deed::AddValidator(add) => members.push(Validator {
            key: key(&add.key),
            network_key: key(&add.network_key),
            power: add.power,
            org: add.org,
            kind: OrgKind::Street,
            name: add.name.clone(),
        }),
        Deed::RekeyValidator(rekey) => {
            let old = key(&rekey.key);
            members.iter_mut().filter(|v| v.key == old).for_each(|v| v.key = key(&rekey.new_key));
        }
        Deed::RemoveValidator(gone) => members.retain(|v| v.key != key(&gone.key)),
        _ => {}
    }
}

/// A council of three seats, short motions, and the organisation of the validator that joins.
fn govern(genesis: &mut Genesis, council: &[Person]) {
    let seats =
        [(0, Role::CouncilResident), (21, Role::CouncilEnterprise), (22, Role::CouncilSocial)];
    let seat = |(person, (org, role)): (&Person, (u32, Role))| Principal {
        id: person.id,
        key: person.pair.public,
        org,
        roles: vec![role],
    };
    genesis.principals.extend(council.iter().zip(seats).map(seat));
    let org = |(id, kind)| Organisation { id, kind, label: String::new() };
    let orgs = [(5, OrgKind::Street), (21, OrgKind::Enterprise), (22, OrgKind::SocialOrg)];
    genesis.orgs.extend(orgs.map(org));
    let params = [(Param::MotionDelayMs, 0), (Param::MotionOpenMsMin, 1_000)];
    genesis.policy.params = params.map(|(param, value)| (param.number(), value)).into();
}

/// Seats of the default net and one more; among seven, of which two may fail, all are equal.
fn seat(n: usize, pair: &Pair, count: usize) -> Validator {
    let kinds = [
        OrgKind::District,
        OrgKind::Operator,
        OrgKind::Operator,
        OrgKind::Fund,
        OrgKind::Street,
        OrgKind::Bank,
        OrgKind::Insurer,
    ];
    Validator {
        key: pair.public,
        network_key: Pair::new("network", n as u64).public,
        power: if count > 5 { 1 } else { *[3, 2, 2, 3, 2].get(n).unwrap_or(&2) },
        org: u32::try_from(n + 1).unwrap_or(u32::MAX),
        kind: *kinds.get(n).unwrap_or(&OrgKind::Street),
        name: format!("v{n}"),
    }
}

fn person(n: u64) -> Person {
    let id = |kind: &str, n: u64| {
        let digest = blake3::hash(format!("{kind} {n}").as_bytes());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
        bytes
    };
    Person {
        id: PrincipalId(id("person", n)),
        pair: Pair::new("person", n),
        accounts: vec![AccountId(id("account", 2 * n)), AccountId(id("account", 2 * n + 1))],
    }
}

fn genesis(set: &ValidatorSet, people: &[Person]) -> Genesis {
    let principal = |(n, p): (usize, &Person)| Principal {
        id: p.id,
        key: p.pair.public,
        org: u32::try_from(100 + n % 4).unwrap_or(0),
        roles: vec![Role::Operator],
    };
    let account =
        |owner: PrincipalId, id: &AccountId| Account { id: *id, owner, asset: 1, opening: OPENING };
    let org = |id| Organisation { id, kind: OrgKind::Operator, label: String::new() };
    let module = |name: &str, code: &[u8]| Module { name: name.into(), code: code.to_vec() };
    Genesis {
        format: FORMAT,
        protocol: linli_types::header::PROTOCOL,
        name: "simulation".into(),
        time: START,
        undo_heights: 64,
        validators: set.clone(),
        principals: people.iter().enumerate().map(principal).collect(),
        accounts: people
            .iter()
            .flat_map(|p| p.accounts.iter().map(move |id| account(p.id, id)))
            .collect(),
        modules: vec![
            module("evidence", linli_modules::evidence()),
            module("probe", linli_modules::probe()),
        ],
        orgs: (100..104).map(org).collect(),
        policy: Policy::default(),
        books: linli_types::books::Books::standard(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_that_is_tolerated_may_fail() {
        for count in [4, 5, 7] {
            let fixture = chain_of(count);
            let mut powers: Vec<u64> = fixture.set.members().iter().map(|v| v.power).collect();
            powers.sort_unstable();
            let strongest: u64 = powers.iter().rev().take((count - 1) / 3).sum();
            assert!(fixture.set.is_quorum(fixture.set.total_power() - strongest), "{count}");
        }
    }
}
