//! Motions about validators and about the protocol, from the vote to the block that obeys.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::{Ledger, ReplayFailed, Settings, Slot, invariant, load_block, replay};
use linli_types::code::Code;
use linli_types::genesis::{Genesis, Organisation, Principal, Role};
use linli_types::height::Height;
use linli_types::id::{PrincipalId, PublicKey};
use linli_types::policy::Param;
use linli_types::validator::OrgKind;
use linli_types::wire::governance as wire;
use linli_types::wire::governance::deed::Deed as Kind;
use linli_types::wire::governance::{Standing, Threshold};
use prost::Message;
use support::*;

const OPEN_MS: u64 = 2_000;
const DELAY_MS: u64 = 3_000;
/// One seat in each chamber: id, seed of the key, organisation, role.
const SEATS: [(u8, u32, Role); 3] = [
    (60, 0, Role::CouncilResident),
    (61, 21, Role::CouncilEnterprise),
    (62, 22, Role::CouncilSocial),
];

fn council() -> Genesis {
    let mut genesis = genesis();
    let org = |(id, kind)| Organisation { id, kind, label: String::new() };
    let orgs = [(5, OrgKind::Street), (21, OrgKind::Enterprise), (22, OrgKind::SocialOrg)];
    genesis.orgs = orgs.map(org).into();
    for (seed, org, role) in SEATS {
        let (id, key) = (PrincipalId([seed; 16]), key(seed));
        genesis.principals.push(Principal { id, key, org, roles: vec![role] });
    }
    let params = [
        (Param::MotionDelayMs, DELAY_MS),
        (Param::MotionOpenMsMin, OPEN_MS),
        (Param::MotionOpenMsMax, 100 * OPEN_MS),
    ];
    genesis.policy.params = params.map(|(param, value)| (param.number(), value)).into();
    genesis
}

struct Chain {
    node: Node,
    number: u64,
    /// Every validator that ever stood, to find a proposer.
    settings: fn() -> Settings,
}

impl Chain {
    fn new() -> Self {
        Self { node: Node::new(&council()), number: 0, settings: Settings::default }
    }

    fn slot(&self, after_ms: u64) -> Slot {
        let head = self.node.ledger.head();
        let proposer = head.validators.members()[0].key;
        Slot { time: head.time.plus_ms(after_ms), proposer, flags: 0 }
    }

    /// A block with one call in it, or none; opened anew from its rows afterwards.
    fn block(&mut self, after_ms: u64, caller: Option<(u8, linli_types::wire::Call)>) -> u32 {
        let candidates: Vec<_> = caller
            .into_iter()
            .map(|(seed, call)| {
                self.number += 1;
                let who = (PrincipalId([seed; 16]), seed);
                self.node.sign_as(who, None, self.number, vec![call])
            })
            .collect();
        let slot = self.slot(after_ms);
        let executed = self.node.ledger.propose(&self.node.store, slot, &candidates).unwrap();
        let again =
            self.node.ledger.execute(&self.node.store, &executed.header, &executed.transactions);
        assert_eq!(again.unwrap().unwrap().header, executed.header, "X1");
        let code = executed.receipts.last().map_or(0, code_of);
        self.node.commit(executed);
        let opened = Ledger::open(&self.node.store, (self.settings)()).unwrap();
        assert_eq!(opened.head(), self.node.ledger.head());
        self.node.ledger = opened;
        assert_eq!(invariant::breaches(&self.node.store).unwrap(), Vec::<String>::new());
        code
    }

    fn call(&mut self, seed: u8, method: &str, args: &impl Message) -> u32 {
        self.block(100, Some((seed, call("governance", method, args.encode_to_vec()))))
    }

    fn open(&mut self, id: u8, kind: Kind, threshold: Threshold) -> u32 {
        let request = wire::OpenMotionRequest {
            motion: vec![id; 16],
            deed: Some(wire::Deed { deed: Some(kind) }),
            threshold: threshold.into(),
            closes_at_ms: self.node.ledger.head().time.0 + 2 * OPEN_MS,
            text: "关于验证节点的议案".into(),
        };
        self.call(60, "OpenMotion", &request)
    }

    fn query<Q: Message + Default>(&self, method: &str, request: &impl Message) -> Q {
        let (node, args) = (&self.node, request.encode_to_vec());
        let answer = node.ledger.query(&node.store, "governance", method, &args, person(0));
        Q::decode(answer.unwrap().unwrap().result.as_slice()).unwrap()
    }

    fn standing(&self, id: u8) -> Standing {
        let request = wire::MotionRequest { motion: vec![id; 16] };
        self.query::<wire::MotionResponse>("Motion", &request).standing()
    }

    /// Everyone votes for a motion and the chain carries it out.
    fn decree(&mut self, id: u8, kind: Kind) -> Standing {
        assert_eq!(self.open(id, kind, Threshold::Special), 0);
        self.vote(id);
        self.block(2 * OPEN_MS, None);
        assert_eq!(self.standing(id), Standing::Passed);
        self.block(DELAY_MS, None);
        self.standing(id)
    }

    fn vote(&mut self, id: u8) {
        for (seed, ..) in SEATS {
            let vote = wire::VoteRequest { motion: vec![id; 16], yes: true };
            assert_eq!(self.call(seed, "Vote", &vote), 0);
        }
    }

    fn keys(&self) -> Vec<PublicKey> {
        self.node.ledger.head().validators.members().iter().map(|v| v.key).collect()
    }

    fn blocks(&self) -> Vec<linli_runtime::StoredBlock> {
        let top = self.node.ledger.head().height.0;
        let block = |height| load_block(&self.node.store, Height(height)).unwrap().unwrap();
        (1..=top).map(block).collect()
    }
}

fn add(seed: u8, power: u64, name: &str) -> Kind {
    let [key, network_key] = [seed, seed + 1].map(|n| key(n).0.to_vec());
    Kind::AddValidator(wire::AddValidator { key, network_key, power, org: 5, name: name.into() })
}

fn remove(seed: u8) -> Kind {
    Kind::RemoveValidator(wire::RemoveValidator { key: key(seed).0.to_vec() })
}

#[test]
fn motions_add_remove_and_rekey_validators_and_the_chain_replays() {
    let mut chain = Chain::new();
    assert_eq!(chain.decree(1, add(150, 2, "street")), Standing::Executed);
    assert!(chain.keys().contains(&key(150)) && chain.keys().len() == 5);
    assert_eq!(chain.decree(2, remove(101)), Standing::Executed);
    assert!(!chain.keys().contains(&key(101)));
    let [old, new, network] = [102, 160, 112].map(|n| key(n).0.to_vec());
    let rekey = wire::RekeyValidator { key: old, new_key: new, new_network_key: network };
    assert_eq!(chain.decree(3, Kind::RekeyValidator(rekey)), Standing::Executed);
    assert!(!chain.keys().contains(&key(102)) && chain.keys().contains(&key(160)));
    let more = wire::SetPower { key: key(150).0.to_vec(), power: 3 };
    assert_eq!(chain.decree(4, Kind::SetPower(more)), Standing::Executed);
    assert_eq!(chain.node.ledger.head().validators.total_power(), 11);
    let first: wire::ValidatorsResponse =
        chain.query("Validators", &wire::ValidatorsRequest { height: 1 });
    assert_eq!(first.hash, validators().hash().0);
    let now: wire::ValidatorsResponse =
        chain.query("Validators", &wire::ValidatorsRequest { height: 0 });
    assert_eq!(now.hash, chain.node.ledger.head().validators.hash().0);
    let genesis = council().to_bytes();
    let head = replay(&genesis, chain.blocks().into_iter(), Settings::default()).unwrap();
    assert_eq!(&head, chain.node.ledger.head());
}

#[test]
fn what_could_never_stand_is_refused_at_the_opening_and_needs_two_thirds() {
    let mut chain = Chain::new();
    let open =
        |chain: &mut Chain, kind, threshold| Code::from_number(chain.open(9, kind, threshold));
    let special = Threshold::Special;
    assert_eq!(
        open(&mut chain, add(150, 2, "street"), Threshold::Simple),
        Some(Code::ThresholdLow)
    );
    assert_eq!(open(&mut chain, remove(101), special), Some(Code::ValidatorCount));
    assert_eq!(
        open(&mut chain, add(150, 50, "street"), special),
        Some(Code::OrganisationTooStrong)
    );
    let protocol = Kind::Protocol(wire::ChangeProtocol { version: 1, height: 99 });
    assert_eq!(open(&mut chain, protocol, special), Some(Code::ProtocolVersion));
}

#[test]
fn a_motion_that_the_set_outran_is_refused_when_it_is_carried_out() {
    let mut chain = Chain::new();
    for id in [1, 2] {
        assert_eq!(chain.open(id, add(150, 2, "street"), Threshold::Special), 0);
        chain.vote(id);
    }
    chain.block(2 * OPEN_MS, None);
    chain.block(DELAY_MS, None);
    let standings = [1, 2].map(|id| chain.standing(id));
    assert!(standings.contains(&Standing::Executed) && standings.contains(&Standing::Refused));
    assert_eq!(chain.keys().len(), 5);
}

#[test]
fn the_protocol_rises_at_its_height_and_a_replay_by_old_rules_ends_there() {
    let newer = || Settings { protocols: 1..=2, ..Settings::default() };
    let mut chain = Chain { settings: newer, ..Chain::new() };
    chain.node.ledger = Ledger::open(&chain.node.store, newer()).unwrap();
    let change = wire::ChangeProtocol { version: 2, height: 20 };
    assert_eq!(chain.decree(1, Kind::Protocol(change)), Standing::Executed);
    let coming: wire::ProtocolResponse = chain.query("Protocol", &wire::ProtocolRequest {});
    assert_eq!((coming.version, coming.next, coming.next_from), (1, 2, 20));
    while chain.node.ledger.head().height < Height(22) {
        chain.block(100, None);
    }
    let blocks = chain.blocks();
    let rules: Vec<u32> = blocks.iter().map(|block| block.header.protocol).collect();
    assert_eq!(rules.iter().filter(|version| **version == 1).count(), 19);
    assert!(rules.is_sorted() && rules.ends_with(&[2, 2, 2]));
    let now: wire::ProtocolResponse = chain.query("Protocol", &wire::ProtocolRequest {});
    assert_eq!((now.version, now.next, now.next_from), (2, 0, 0));
    let genesis = council().to_bytes();
    let head = replay(&genesis, blocks.clone().into_iter(), newer()).unwrap();
    assert_eq!(&head, chain.node.ledger.head());
    let why = replay(&genesis, blocks.into_iter(), Settings::default()).unwrap_err();
    let ReplayFailed::Outdated(why) = why else { panic!("{why}") };
    assert_eq!((why.height, why.version, why.known), (Height(20), 2, 1..=1));
}

#[test]
fn the_seats_of_an_organisation_do_not_vote_on_its_own_validator() {
    let mut chain = Chain::new();
    let own = wire::AddValidator {
        key: key(150).0.to_vec(),
        network_key: key(151).0.to_vec(),
        power: 1,
        org: 21,
        name: "own".into(),
    };
    assert_eq!(chain.open(1, Kind::AddValidator(own), Threshold::Special), 0);
    let vote = wire::VoteRequest { motion: vec![1; 16], yes: true };
    assert_eq!(chain.call(61, "Vote", &vote), Code::Conflicted.number());
    assert_eq!(chain.call(61, "Recuse", &wire::RecuseRequest { motion: vec![1; 16] }), 0);
    assert_eq!(chain.call(62, "Vote", &vote), 0);
}
