//! A chain with a council and small contracts that are replaced.

use crate::support::*;
use linli_runtime::code::{MotionId, report_request};
use linli_runtime::{
    NotRehearsed, Rehearsal, Settings, Slot, StoredBlock, Verified, check_db, invariant,
    load_block, replay,
};
use linli_types::digest;
use linli_types::genesis::{Genesis, Module, Organisation, Principal, Role};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{Digest, PrincipalId, PublicKey, Signature};
use linli_types::policy::Param;
use linli_types::receipt::Receipt;
use linli_types::rehearsal::Report;
use linli_types::signature::Verify;
use linli_types::store::Memory;
use linli_types::validator::OrgKind;
use linli_types::wire as body;
use linli_types::wire::governance as wire;
use linli_types::wire::governance::deed::Deed as Kind;
use linli_types::wire::governance::{Standing, Threshold};
use prost::Message;

pub(crate) const OPEN_MS: u64 = 20_000;
pub(crate) const DELAY_MS: u64 = 30_000;
pub(crate) const UNDO_HEIGHTS: u64 = 40;
pub(crate) const ROOM: &str = "works";
pub(crate) const MOTION: MotionId = [7; 16];
/// The seat of each chamber, and the district.
pub(crate) const SEATS: [(Role, u32, u8); 4] = [
    (Role::CouncilResident, 0, 40),
    (Role::CouncilEnterprise, 21, 41),
    (Role::CouncilSocial, 22, 42),
    (Role::DistrictAdmin, 1, 43),
];
pub(crate) const DISTRICT: u8 = 43;

/// The schema section of the probe: the small modules below answer to it.
pub(crate) fn schema() -> Vec<u8> {
    let (code, mut at) = (linli_modules::probe(), 8);
    let leb = |at: &mut usize| {
        let (mut value, mut shift) = (0_usize, 0);
        loop {
            let byte = code[*at];
            *at += 1;
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    };
    loop {
        let id = code[at];
        at += 1;
        let size = leb(&mut at);
        let (mut inner, end) = (at, at + size);
        if id == 0 {
            let length = leb(&mut inner);
            if &code[inner..inner + length] == linli_types::abi::SCHEMA_SECTION.as_bytes() {
                return code[inner + length..end].to_vec();
            }
        }
        at = end;
    }
}

pub(crate) fn section(code: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut section = vec![u8::try_from(name.len()).unwrap()];
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(content);
    code.push(0);
    prost::encoding::encode_varint(section.len() as u64, code);
    code.extend(section);
}

/// What a small module does when it is called.
pub(crate) const CLAIM: &str =
    "(drop (call $claim (local.get $at) (local.get $len) (i32.const 64)))";
pub(crate) const WRITE: &str =
    "(call $write (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 3))";
pub(crate) const GARBAGE: &str =
    "(call $write (i32.const 0) (i32.const 3) (i32.const 48) (i32.const 3))";
pub(crate) const ONE: &str = "(call $result (i32.const 32) (i32.const 2))";
pub(crate) const TWO: &str = "(call $result (i32.const 40) (i32.const 2))";

/// A module of the probe's schema. `note` gives the same deeds another hash.
pub(crate) fn module(deeds: &[&str], note: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "linli_v1" "write" (func $write (param i32 i32 i32 i32)))
            (import "linli_v1" "claim" (func $claim (param i32 i32 i32) (result i32)))
            (import "linli_v1" "result" (func $result (param i32 i32)))
            (memory (export "memory") 2)
            (data (i32.const 0) "v/k") (data (i32.const 16) "\0a\01\05")
            (data (i32.const 32) "\08\01") (data (i32.const 40) "\08\02")
            (data (i32.const 48) "\ff\ff\ff") (data (i32.const 128) "{note}")
            (func (export "alloc") (param i32) (result i32) i32.const 1024)
            (func (export "query") (param i32 i32) (result i32) i32.const 0)
            (func (export "call") (param $at i32) (param $len i32) (result i32)
                {} i32.const 0))"#,
        deeds.concat()
    );
    let mut code = wat::parse_str(text).unwrap();
    section(&mut code, linli_types::abi::SCHEMA_SECTION, &schema());
    code
}

pub(crate) fn steady(note: &str) -> Vec<u8> {
    module(&[CLAIM, WRITE, ONE], note)
}

pub(crate) fn hash(code: &[u8]) -> Digest {
    digest::plain(code)
}

pub(crate) fn seat(seed: u8) -> (PrincipalId, u8) {
    (PrincipalId([seed; 16]), seed)
}

pub(crate) fn council(code: Vec<u8>) -> Genesis {
    let mut genesis = genesis_with(vec![Module { name: ROOM.into(), code }]);
    genesis.undo_heights = UNDO_HEIGHTS;
    let org = |(id, kind)| Organisation { id, kind, label: String::new() };
    genesis.orgs = [(21, OrgKind::Enterprise), (22, OrgKind::SocialOrg)].map(org).into();
    for (role, org, seed) in SEATS {
        let (id, key, roles) = (PrincipalId([seed; 16]), key(seed), vec![role]);
        genesis.principals.push(Principal { id, key, org, roles });
    }
    genesis.policy.params = [
        (Param::MotionOpenMsMin, OPEN_MS),
        (Param::MotionOpenMsMax, 100 * OPEN_MS),
        (Param::CodeDelayMs, DELAY_MS),
    ]
    .map(|(param, value)| (param.number(), value))
    .into();
    genesis
}

pub(crate) struct Chain {
    pub(crate) node: Node,
    pub(crate) genesis: Genesis,
    pub(crate) number: u64,
}

impl Chain {
    /// A chain whose room runs a small module that was called a few times.
    pub(crate) fn new() -> Self {
        let mut chain = Self::with(steady("first"));
        (0..3).for_each(|_| assert_eq!(chain.count(), Some(1)));
        chain
    }

    pub(crate) fn with(code: Vec<u8>) -> Self {
        let genesis = council(code);
        Self { node: Node::new(&genesis), genesis, number: 0 }
    }

    pub(crate) fn transaction(
        &mut self,
        (id, seed): (PrincipalId, u8),
        call: body::Call,
    ) -> Verified {
        self.number += 1;
        self.node.sign_as((id, seed), None, self.number, vec![call])
    }

    pub(crate) fn step(&mut self, who: (PrincipalId, u8), call: body::Call) -> Receipt {
        let transaction = self.transaction(who, call);
        let receipts = self.node.step(&[transaction]);
        self.check();
        receipts.into_iter().last().unwrap()
    }

    pub(crate) fn govern(&mut self, seed: u8, method: &str, args: &impl Message) -> u32 {
        code_of(&self.step(seat(seed), call("governance", method, args.encode_to_vec())))
    }

    pub(crate) fn check(&self) {
        assert_eq!(invariant::breaches(&self.node.store).unwrap(), Vec::<String>::new());
    }

    pub(crate) fn count_call(&self) -> body::Call {
        let key = self.number.to_be_bytes();
        call(ROOM, "Count", [&[0x0a, 8], key.as_slice()].concat())
    }

    /// What the room answers now.
    pub(crate) fn count(&mut self) -> Option<u8> {
        let call = self.count_call();
        let receipt = self.step((person(0), 1), call);
        receipt.results.first().and_then(|result| result.last().copied())
    }

    /// A block at a time with nothing but due timers, on a ledger opened anew from its rows.
    pub(crate) fn at(&mut self, time: TimeMs) -> Vec<Receipt> {
        self.node.reopen();
        let slot = Slot { time, ..self.node.slot() };
        let executed = self.node.ledger.propose(&self.node.store, slot, &[]).unwrap();
        let receipts = executed.receipts.clone();
        self.node.commit(executed);
        self.check();
        receipts
    }

    pub(crate) fn query<Q: Message + Default>(&self, method: &str, request: &impl Message) -> Q {
        let (node, args) = (&self.node, request.encode_to_vec());
        let answer = node.ledger.query(&node.store, "governance", method, &args, person(0));
        Q::decode(answer.unwrap().unwrap().result.as_slice()).unwrap()
    }

    pub(crate) fn look(&self) -> wire::MotionResponse {
        self.query("Motion", &wire::MotionRequest { motion: MOTION.to_vec() })
    }

    /// Stages code in parts.
    pub(crate) fn stage(&mut self, code: &[u8]) {
        for (number, part) in (0..).zip(code.chunks(20_000)) {
            assert_eq!(
                self.govern(DISTRICT, "StageCode", &part_of(code, number * 20_000, part)),
                0
            );
        }
    }

    pub(crate) fn deploy(&self, room: &str, code: &[u8]) -> wire::Deploy {
        let request = wire::ContractRequest { room: room.into() };
        let (node, args) = (&self.node, request.encode_to_vec());
        let runs = node.ledger.query(&node.store, "governance", "Contract", &args, person(0));
        let runs = runs.unwrap().ok().map(|answer| {
            wire::ContractResponse::decode(answer.result.as_slice()).unwrap().runs.unwrap()
        });
        let base = runs.map_or_else(Vec::new, |runs| runs.hash);
        wire::Deploy { room: room.into(), hash: hash(code).0.to_vec(), base }
    }

    pub(crate) fn open(&mut self, deploy: wire::Deploy) -> u32 {
        let request = wire::OpenMotionRequest {
            motion: MOTION.to_vec(),
            deed: Some(wire::Deed { deed: Some(Kind::Contract(deploy)) }),
            threshold: Threshold::Special.into(),
            closes_at_ms: self.node.ledger.head().time.0 + 3 * OPEN_MS,
            text: "升级合约".into(),
        };
        self.govern(SEATS[0].2, "OpenMotion", &request)
    }

    pub(crate) fn rehearse(&self) -> Report {
        rehearse(&self.node.store).unwrap()
    }

    pub(crate) fn report(&mut self, validator: u8, report: &Report) -> u32 {
        let request = signed(&self.node, validator, report);
        self.govern(DISTRICT, "ReportRehearsal", &request)
    }

    /// All validators but the last report the same.
    pub(crate) fn report_all(&mut self, report: &Report) {
        (100..103).for_each(|validator| assert_eq!(self.report(validator, report), 0));
    }

    /// Everyone votes in favour, and voting ends.
    pub(crate) fn close(&mut self) -> Standing {
        for (_, _, seed) in &SEATS[..3] {
            let vote = wire::VoteRequest { motion: MOTION.to_vec(), yes: true };
            assert_eq!(self.govern(*seed, "Vote", &vote), 0);
        }
        self.at(TimeMs(self.look().closes_at_ms));
        self.look().standing()
    }

    pub(crate) fn carry_out(&mut self) {
        let executes = self.look().executes_at_ms;
        let done = self.at(TimeMs(executes));
        // Whatever judges code is paid for, also by nobody.
        assert!(done[0].fuel > linli_types::limits::CODE_JUDGE_FUEL, "{done:?}");
        assert_eq!(self.look().standing(), Standing::Executed);
    }

    /// Moves code up to the moment before it is carried out.
    pub(crate) fn pass(&mut self, room: &str, code: &[u8]) {
        self.stage(code);
        let deploy = self.deploy(room, code);
        assert_eq!(self.open(deploy), 0);
        let report = self.rehearse();
        assert_eq!(report.broken, "");
        self.report_all(&report);
        assert_eq!(self.close(), Standing::Passed);
    }

    /// The same chain once more from its genesis, and every row of it looked at.
    pub(crate) fn look_through(&self) {
        let height = self.node.ledger.head().height;
        let block = |height: u64| load_block(&self.node.store, Height(height)).unwrap().unwrap();
        let blocks: Vec<StoredBlock> = (1..=height.0).map(block).collect();
        let genesis = self.genesis.to_bytes();
        let head = replay(&genesis, blocks.into_iter(), Settings::default()).unwrap();
        assert_eq!(&head, self.node.ledger.head());
        // Nobody signed these certificates; all else must hold.
        let complaints = check_db(&self.node.store, &Nobody, Settings::default());
        let other = |what: &&String| !what.contains(": the signers hold 0 of ");
        assert_eq!(complaints.iter().filter(other).collect::<Vec<_>>(), Vec::<&String>::new());
    }
}

pub(crate) struct Nobody;

impl Verify for Nobody {
    fn verify(&self, _: &PublicKey, _: &[u8], _: &Signature) -> bool {
        false
    }
}

pub(crate) fn part_of(code: &[u8], offset: usize, part: &[u8]) -> wire::StageCodeRequest {
    wire::StageCodeRequest {
        hash: hash(code).0.to_vec(),
        size: u32::try_from(code.len()).unwrap(),
        offset: u32::try_from(offset).unwrap(),
        bytes: part.to_vec(),
    }
}

pub(crate) fn rehearse(store: &Memory) -> Result<Report, NotRehearsed> {
    let mut rehearsal = Rehearsal::begin(store, &MOTION, Settings::default())?;
    while rehearsal.step()? {}
    Ok(rehearsal.report())
}

pub(crate) fn signed(node: &Node, validator: u8, report: &Report) -> wire::ReportRehearsalRequest {
    use ed25519_dalek::Signer as _;
    let signer = ed25519_dalek::SigningKey::from_bytes(&[validator; 32]);
    let signature = signer.sign(&report.signing_bytes(&node.chain(), &MOTION));
    report_request(&MOTION, &key(validator), report, &Signature(signature.to_bytes()))
}
