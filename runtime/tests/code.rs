//! Contract code by motion: staged, rehearsed, voted, in force from its height on, on every node and
//! whatever happens to it meanwhile.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::code::{CodeRow, MotionId, PinRow, owed, report_request};
use linli_runtime::{
    InvalidBlock, Ledger, NotRehearsed, Rehearsal, Settings, Slot, StoredBlock, Verified, check_db,
    invariant, load_block, replay, stored,
};
use linli_types::code::Code;
use linli_types::digest;
use linli_types::genesis::{Genesis, Module, Organisation, Principal, Role};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{Digest, PrincipalId, PublicKey, Signature};
use linli_types::limits::{CODE_BYTES_MAX, STAGED_CODE_MS, STAGED_CODE_SENDER_MAX};
use linli_types::policy::Param;
use linli_types::receipt::{Outcome, Receipt};
use linli_types::rehearsal::{Difference, Report, what};
use linli_types::signature::Verify;
use linli_types::store::{Column, Memory, Read, Store};
use linli_types::validator::OrgKind;
use linli_types::wire as body;
use linli_types::wire::governance as wire;
use linli_types::wire::governance::deed::Deed as Kind;
use linli_types::wire::governance::{Standing, Threshold};
use prost::Message;
use support::*;

const OPEN_MS: u64 = 20_000;
const DELAY_MS: u64 = 30_000;
const UNDO_HEIGHTS: u64 = 40;
const ROOM: &str = "works";
const MOTION: MotionId = [7; 16];
/// The seat of each chamber, and the district.
const SEATS: [(Role, u32, u8); 4] = [
    (Role::CouncilResident, 0, 40),
    (Role::CouncilEnterprise, 21, 41),
    (Role::CouncilSocial, 22, 42),
    (Role::DistrictAdmin, 1, 43),
];
const DISTRICT: u8 = 43;

/// The schema section of the probe: the small modules below answer to it.
fn schema() -> Vec<u8> {
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

fn section(code: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut section = vec![u8::try_from(name.len()).unwrap()];
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(content);
    code.push(0);
    prost::encoding::encode_varint(section.len() as u64, code);
    code.extend(section);
}

/// What a small module does when it is called.
const CLAIM: &str = "(drop (call $claim (local.get $at) (local.get $len) (i32.const 64)))";
const WRITE: &str = "(call $write (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 3))";
const GARBAGE: &str = "(call $write (i32.const 0) (i32.const 3) (i32.const 48) (i32.const 3))";
const ONE: &str = "(call $result (i32.const 32) (i32.const 2))";
const TWO: &str = "(call $result (i32.const 40) (i32.const 2))";

/// A module of the probe's schema. `note` gives the same deeds another hash.
fn module(deeds: &[&str], note: &str) -> Vec<u8> {
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

fn steady(note: &str) -> Vec<u8> {
    module(&[CLAIM, WRITE, ONE], note)
}

fn hash(code: &[u8]) -> Digest {
    digest::plain(code)
}

fn seat(seed: u8) -> (PrincipalId, u8) {
    (PrincipalId([seed; 16]), seed)
}

fn council(code: Vec<u8>) -> Genesis {
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

struct Chain {
    node: Node,
    genesis: Genesis,
    number: u64,
}

impl Chain {
    /// A chain whose room runs a small module that was called a few times.
    fn new() -> Self {
        let mut chain = Self::with(steady("first"));
        (0..3).for_each(|_| assert_eq!(chain.count(), Some(1)));
        chain
    }

    fn with(code: Vec<u8>) -> Self {
        let genesis = council(code);
        Self { node: Node::new(&genesis), genesis, number: 0 }
    }

    fn transaction(&mut self, (id, seed): (PrincipalId, u8), call: body::Call) -> Verified {
        self.number += 1;
        self.node.sign_as((id, seed), None, self.number, vec![call])
    }

    fn step(&mut self, who: (PrincipalId, u8), call: body::Call) -> Receipt {
        let transaction = self.transaction(who, call);
        let receipts = self.node.step(&[transaction]);
        self.check();
        receipts.into_iter().last().unwrap()
    }

    fn govern(&mut self, seed: u8, method: &str, args: &impl Message) -> u32 {
        code_of(&self.step(seat(seed), call("governance", method, args.encode_to_vec())))
    }

    fn check(&self) {
        assert_eq!(invariant::breaches(&self.node.store).unwrap(), Vec::<String>::new());
    }

    fn count_call(&self) -> body::Call {
        let key = self.number.to_be_bytes();
        call(ROOM, "Count", [&[0x0a, 8], key.as_slice()].concat())
    }

    /// What the room answers now.
    fn count(&mut self) -> Option<u8> {
        let call = self.count_call();
        let receipt = self.step((person(0), 1), call);
        receipt.results.first().and_then(|result| result.last().copied())
    }

    /// A block at a time with nothing but due timers, on a ledger opened anew from its rows.
    fn at(&mut self, time: TimeMs) -> Vec<Receipt> {
        self.node.reopen();
        let slot = Slot { time, ..self.node.slot() };
        let executed = self.node.ledger.propose(&self.node.store, slot, &[]).unwrap();
        let receipts = executed.receipts.clone();
        self.node.commit(executed);
        self.check();
        receipts
    }

    fn query<Q: Message + Default>(&self, method: &str, request: &impl Message) -> Q {
        let (node, args) = (&self.node, request.encode_to_vec());
        let answer = node.ledger.query(&node.store, "governance", method, &args, person(0));
        Q::decode(answer.unwrap().unwrap().result.as_slice()).unwrap()
    }

    fn look(&self) -> wire::MotionResponse {
        self.query("Motion", &wire::MotionRequest { motion: MOTION.to_vec() })
    }

    /// Stages code in parts.
    fn stage(&mut self, code: &[u8]) {
        for (number, part) in (0..).zip(code.chunks(20_000)) {
            assert_eq!(
                self.govern(DISTRICT, "StageCode", &part_of(code, number * 20_000, part)),
                0
            );
        }
    }

    fn deploy(&self, room: &str, code: &[u8]) -> wire::Deploy {
        let request = wire::ContractRequest { room: room.into() };
        let (node, args) = (&self.node, request.encode_to_vec());
        let runs = node.ledger.query(&node.store, "governance", "Contract", &args, person(0));
        let runs = runs.unwrap().ok().map(|answer| {
            wire::ContractResponse::decode(answer.result.as_slice()).unwrap().runs.unwrap()
        });
        let base = runs.map_or_else(Vec::new, |runs| runs.hash);
        wire::Deploy { room: room.into(), hash: hash(code).0.to_vec(), base }
    }

    fn open(&mut self, deploy: wire::Deploy) -> u32 {
        let request = wire::OpenMotionRequest {
            motion: MOTION.to_vec(),
            deed: Some(wire::Deed { deed: Some(Kind::Contract(deploy)) }),
            threshold: Threshold::Special.into(),
            closes_at_ms: self.node.ledger.head().time.0 + 3 * OPEN_MS,
            text: "升级合约".into(),
        };
        self.govern(SEATS[0].2, "OpenMotion", &request)
    }

    fn rehearse(&self) -> Report {
        rehearse(&self.node.store).unwrap()
    }

    fn report(&mut self, validator: u8, report: &Report) -> u32 {
        let request = signed(&self.node, validator, report);
        self.govern(DISTRICT, "ReportRehearsal", &request)
    }

    /// All validators but the last report the same.
    fn report_all(&mut self, report: &Report) {
        (100..103).for_each(|validator| assert_eq!(self.report(validator, report), 0));
    }

    /// Everyone votes in favour, and voting ends.
    fn close(&mut self) -> Standing {
        for (_, _, seed) in &SEATS[..3] {
            let vote = wire::VoteRequest { motion: MOTION.to_vec(), yes: true };
            assert_eq!(self.govern(*seed, "Vote", &vote), 0);
        }
        self.at(TimeMs(self.look().closes_at_ms));
        self.look().standing()
    }

    fn carry_out(&mut self) {
        let executes = self.look().executes_at_ms;
        self.at(TimeMs(executes));
        assert_eq!(self.look().standing(), Standing::Executed);
    }

    /// Moves code up to the moment before it is carried out.
    fn pass(&mut self, room: &str, code: &[u8]) {
        self.stage(code);
        let deploy = self.deploy(room, code);
        assert_eq!(self.open(deploy), 0);
        let report = self.rehearse();
        assert_eq!(report.broken, "");
        self.report_all(&report);
        assert_eq!(self.close(), Standing::Passed);
    }

    /// The same chain once more from its genesis, and every row of it looked at.
    fn look_through(&self) {
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

struct Nobody;

impl Verify for Nobody {
    fn verify(&self, _: &PublicKey, _: &[u8], _: &Signature) -> bool {
        false
    }
}

fn part_of(code: &[u8], offset: usize, part: &[u8]) -> wire::StageCodeRequest {
    wire::StageCodeRequest {
        hash: hash(code).0.to_vec(),
        size: u32::try_from(code.len()).unwrap(),
        offset: u32::try_from(offset).unwrap(),
        bytes: part.to_vec(),
    }
}

fn rehearse(store: &Memory) -> Result<Report, NotRehearsed> {
    let mut rehearsal = Rehearsal::begin(store, &MOTION, Settings::default())?;
    while rehearsal.step()? {}
    Ok(rehearsal.report())
}

fn signed(node: &Node, validator: u8, report: &Report) -> wire::ReportRehearsalRequest {
    use ed25519_dalek::Signer as _;
    let signer = ed25519_dalek::SigningKey::from_bytes(&[validator; 32]);
    let signature = signer.sign(&report.signing_bytes(&node.chain(), &MOTION));
    report_request(&MOTION, &key(validator), report, &Signature(signature.to_bytes()))
}

#[test]
fn code_comes_in_parts_in_order_and_whole() {
    let mut chain = Chain::with(steady("first"));
    let code: Vec<u8> = (0..50_000_u32).flat_map(u32::to_be_bytes).take(50_000).collect();
    let stage = |chain: &mut Chain, code: &[u8], from: usize, to: usize| {
        chain.govern(DISTRICT, "StageCode", &part_of(code, from, &code[from..to]))
    };
    assert_eq!(stage(&mut chain, &code, 20_000, 40_000), Code::CodeOffset.number());
    assert_eq!(stage(&mut chain, &code, 0, 9_000), Code::Malformed.number(), "too small a part");
    assert_eq!(stage(&mut chain, &code, 0, 20_000), 0);
    assert_eq!(stage(&mut chain, &code, 0, 30_000), 0, "begun anew");
    assert_eq!(stage(&mut chain, &code, 20_000, 40_000), Code::CodeOffset.number());
    let request = wire::StagedCodeRequest { hash: hash(&code).0.to_vec() };
    let staged: wire::StagedCodeResponse = chain.query("StagedCode", &request);
    assert_eq!((staged.size, staged.staged), (50_000, 30_000));
    let mut other = part_of(&code, 30_000, &code[30_000..]);
    other.bytes[5] ^= 1;
    assert_eq!(chain.govern(DISTRICT, "StageCode", &other), Code::CodeHash.number());
    assert_eq!(stage(&mut chain, &code, 30_000, 50_000), 0);
    assert_eq!(stage(&mut chain, &code, 0, 20_000), Code::Duplicate.number());
    let large = wire::StageCodeRequest {
        size: u32::try_from(CODE_BYTES_MAX).unwrap() + 1,
        ..part_of(&code, 0, &code[..20_000])
    };
    assert_eq!(chain.govern(DISTRICT, "StageCode", &large), Code::TooLarge.number());
    // Bytes that are no module come in, but no motion takes them up.
    let deploy = chain.deploy(ROOM, &code);
    assert_eq!(chain.open(deploy), Code::CodeRefused.number());
    let (residents, args) = ((person(0), 1), part_of(b"x", 0, b"x").encode_to_vec());
    let receipt = chain.step(residents, call("governance", "StageCode", args));
    assert_eq!(code_of(&receipt), Code::RoleDenied.number());
}

#[test]
fn code_that_no_motion_takes_up_makes_room_after_its_time() {
    let mut chain = Chain::with(steady("first"));
    let codes: Vec<Vec<u8>> = (0..=STAGED_CODE_SENDER_MAX as u8).map(|n| vec![n; 9]).collect();
    let (last, first) = codes.split_last().unwrap();
    first.iter().for_each(|code| chain.stage(code));
    let one = part_of(last, 0, last);
    assert_eq!(chain.govern(DISTRICT, "StageCode", &one), Code::StagedFull.number());
    assert_eq!(chain.govern(SEATS[0].2, "StageCode", &one), 0, "another's room");
    let later = chain.node.ledger.head().time.plus_ms(STAGED_CODE_MS + 60_000);
    chain.at(later);
    chain.stage(&[9; 9]);
    let gone = Ledger::full_key("governance", &[b"code-file/", &hash(&first[0]).0[..]].concat());
    assert_eq!(chain.node.store.get(Column::State, &gone).unwrap(), None);
}

#[test]
fn a_good_upgrade_runs_from_the_next_block_on_after_every_restart() {
    let mut chain = Chain::new();
    let code = module(&[CLAIM, WRITE, TWO], "second");
    chain.pass(ROOM, &code);
    assert_eq!(chain.count(), Some(1), "not before its delay is over");
    chain.carry_out();
    let executed = chain.node.ledger.head().height;
    assert_eq!(chain.count(), Some(2));
    chain.node.reopen();
    assert_eq!(chain.count(), Some(2));
    let request = wire::ContractRequest { room: ROOM.into() };
    let answer: wire::ContractResponse = chain.query("Contract", &request);
    let runs = answer.runs.unwrap();
    assert_eq!((runs.number, runs.since_height), (2, executed.0 + 1));
    assert_eq!(runs.hash, hash(&code).0);
    assert_eq!(answer.versions.len(), 2);
    assert_eq!(answer.versions[0].hash, hash(&steady("first")).0);
    chain.look_through();
}

#[test]
fn what_an_upgrade_would_change_is_listed_and_not_forbidden() {
    let mut chain = Chain::new();
    let code = module(&[CLAIM, WRITE, TWO], "second");
    chain.stage(&code);
    let deploy = chain.deploy(ROOM, &code);
    assert_eq!(chain.open(deploy), 0);
    let report = chain.rehearse();
    assert_eq!((report.blocks, report.performed, report.differences), (3, 3, 3));
    // Newest first; the first three blocks called the room.
    let found: Vec<_> = report.first.iter().map(|d| (d.height.0, d.index, d.what)).collect();
    assert_eq!(found, [(3, 0, what::RESULTS), (2, 0, what::RESULTS), (1, 0, what::RESULTS)]);
    assert_eq!((report.from, report.broken.as_str()), (Height(1), ""));
    // Whenever it is rehearsed, and on whatever node, it is the same.
    (0..5).for_each(|_| assert_eq!(chain.count(), Some(1)));
    assert_eq!(chain.rehearse(), report);
    let other = Settings::default();
    let rows = Rehearsal::begin(&chain.node.store, &MOTION, other).unwrap();
    assert_eq!(rows.at(), chain.node.ledger.head().height);
}

#[test]
fn the_same_deeds_under_another_hash_differ_in_nothing() {
    let mut chain = Chain::new();
    chain.stage(&steady("second"));
    let deploy = chain.deploy(ROOM, &steady("second"));
    assert_eq!(chain.open(deploy), 0);
    let report = chain.rehearse();
    assert_eq!((report.blocks, report.performed, report.differences), (3, 3, 0));
    assert_eq!(report.first, []);
}

#[test]
fn code_that_breaks_an_invariant_is_refused_when_voting_ends() {
    for (deeds, law) in
        [(vec![CLAIM, GARBAGE, ONE], "D8 entries"), (vec![WRITE, ONE], "O3 business ids")]
    {
        let mut chain = Chain::new();
        let code = module(&deeds, "second");
        chain.stage(&code);
        let deploy = chain.deploy(ROOM, &code);
        assert_eq!(chain.open(deploy), 0);
        let report = chain.rehearse();
        assert_eq!(report.broken, law);
        chain.report_all(&report);
        assert_eq!(chain.close(), Standing::Refused);
        assert_eq!(chain.look().refusal, Code::RehearsalBroken.number());
        assert_eq!(chain.count(), Some(1));
        chain.look_through();
    }
}

#[test]
fn code_passes_only_if_more_than_two_thirds_of_the_power_found_the_same() {
    let (code, reporters) = (module(&[CLAIM, WRITE, TWO], "second"), [100, 103, 101]);
    for (count, other, standing) in [
        (0, false, Standing::Refused),
        // 3 and 3 of 10.
        (2, false, Standing::Refused),
        (3, false, Standing::Passed),
        // The last one found something else.
        (3, true, Standing::Refused),
    ] {
        let mut chain = Chain::new();
        chain.stage(&code);
        let deploy = chain.deploy(ROOM, &code);
        assert_eq!(chain.open(deploy), 0);
        let report = chain.rehearse();
        for (number, validator) in (1..).zip(&reporters[..count]) {
            let mut report = report.clone();
            if other && number == count {
                report.digest = Digest([1; 32]);
            }
            assert_eq!(chain.report(*validator, &report), 0);
        }
        assert_eq!(chain.close(), standing, "{count} {other}");
        let refusal = if standing == Standing::Passed { 0 } else { Code::RehearsalShort.number() };
        assert_eq!(chain.look().refusal, refusal);
    }
}

#[test]
fn a_report_is_its_validators_own_and_stands_once() {
    let mut chain = Chain::new();
    let code = module(&[CLAIM, WRITE, TWO], "second");
    chain.stage(&code);
    let validator = key(100);
    assert_eq!(owed(&chain.node.store, &validator).unwrap(), []);
    let deploy = chain.deploy(ROOM, &code);
    assert_eq!(chain.open(deploy), 0);
    assert_eq!(owed(&chain.node.store, &validator).unwrap().len(), 1);
    let report = chain.rehearse();
    let good = signed(&chain.node, 100, &report);
    let mut stranger = signed(&chain.node, 99, &report);
    assert_eq!(chain.govern(DISTRICT, "ReportRehearsal", &stranger), Code::NotValidator.number());
    stranger.validator = key(101).0.to_vec();
    let refused = chain.govern(DISTRICT, "ReportRehearsal", &stranger);
    assert_eq!(refused, Code::ReportSignature.number());
    let mut touched = good.clone();
    touched.report.as_mut().unwrap().differences += 1;
    let refused = chain.govern(DISTRICT, "ReportRehearsal", &touched);
    assert_eq!(refused, Code::ReportSignature.number());
    let mut elsewhere = good.clone();
    elsewhere.motion = vec![8; 16];
    let refused = chain.govern(DISTRICT, "ReportRehearsal", &elsewhere);
    assert_eq!(refused, Code::NoRehearsal.number());
    assert_eq!(chain.govern(DISTRICT, "ReportRehearsal", &good), 0);
    assert_eq!(chain.govern(DISTRICT, "ReportRehearsal", &good), Code::Duplicate.number());
    let mut changed = report;
    changed.blocks += 1;
    assert_eq!(chain.report(100, &changed), Code::BusinessIdConflict.number());
    assert_eq!(owed(&chain.node.store, &validator).unwrap(), []);
    let request = wire::RehearsalRequest { motion: MOTION.to_vec() };
    let answer: wire::RehearsalResponse = chain.query("Rehearsal", &request);
    assert!(answer.open);
    assert_eq!((answer.reports.len(), answer.reports[0].power, answer.total_power), (1, 3, 10));
}

#[test]
fn a_new_room_begins_by_itself_and_answers_then() {
    let mut chain = Chain::with(steady("first"));
    let code = linli_modules::probe().to_vec();
    chain.pass("fresh", &code);
    chain.carry_out();
    let ask = |chain: &Chain| {
        let raw = call("fresh", "Count", vec![0x0a, 1, 7]);
        chain.node.ledger.checker().check_call(&raw).map_err(|refusal| refusal.code)
    };
    assert_eq!(ask(&chain), Err(Code::UnknownRoom.number()));
    chain.node.reopen();
    let begun = chain.at(chain.node.slot().time);
    assert_eq!(begun.len(), 1);
    assert!(begun[0].is_done(), "{begun:?}");
    assert_eq!(begun[0].events[0].kind, "linli.governance.v1.ContractBegun");
    assert_eq!(ask(&chain), Ok(()));
    let receipt = chain.step((person(0), 1), call("fresh", "Count", vec![0x0a, 1, 7]));
    assert!(receipt.is_done(), "{receipt:?}");
    chain.look_through();
}

#[test]
fn a_new_room_whose_beginning_is_refused_stands_nowhere() {
    let mut chain = Chain::with(steady("first"));
    let text = r#"(module (memory (export "memory") 2)
        (func (export "alloc") (param i32) (result i32) i32.const 1024)
        (func (export "init") (param i32 i32) (result i32) unreachable)
        (func (export "query") (param i32 i32) (result i32) i32.const 0)
        (func (export "call") (param i32 i32) (result i32) i32.const 0))"#;
    let mut code = wat::parse_str(text).unwrap();
    section(&mut code, linli_types::abi::SCHEMA_SECTION, &schema());
    chain.pass("fresh", &code);
    chain.carry_out();
    let begun = chain.at(chain.node.slot().time);
    assert_eq!(code_of(&begun[0]), Code::Trap.number());
    assert!(chain.node.ledger.schema("fresh").is_none());
    chain.node.reopen();
    assert!(chain.node.ledger.schema("fresh").is_none());
    chain.look_through();
}

#[test]
fn what_a_room_runs_must_be_what_the_author_knew() {
    let mut chain = Chain::new();
    let code = module(&[CLAIM, WRITE, TWO], "second");
    let good = chain.deploy(ROOM, &code);
    assert_eq!(chain.open(good.clone()), Code::CodeMissing.number());
    chain.stage(&code);
    for (deploy, refused) in [
        (wire::Deploy { base: vec![1; 32], ..good.clone() }, Code::CodeBase),
        (wire::Deploy { base: Vec::new(), ..good.clone() }, Code::CodeBase),
        (wire::Deploy { room: "other".into(), ..good.clone() }, Code::CodeBase),
        (wire::Deploy { room: "accounts".into(), ..good.clone() }, Code::CodeRoom),
        (wire::Deploy { room: "Works".into(), ..good.clone() }, Code::CodeRoom),
        (wire::Deploy { hash: good.base.clone(), ..good.clone() }, Code::CodeSame),
    ] {
        assert_eq!(chain.open(deploy), refused.number(), "{refused:?}");
    }
    assert_eq!(chain.open(good), 0);
}

#[test]
fn what_waited_for_the_old_schema_is_left_out_and_old_blocks_stay_readable() {
    let mut chain = Chain::new();
    chain.pass(ROOM, linli_modules::evidence());
    let call = chain.count_call();
    let waiting = chain.transaction((person(0), 1), call);
    chain.carry_out();
    // Checked before by the schema of then: no proposer takes it, no validator a block with it.
    let executed = chain.node.propose(std::slice::from_ref(&waiting));
    assert!(executed.transactions.is_empty());
    let mut header = executed.header.clone();
    header.bodies_root = linli_runtime::bodies_root(std::slice::from_ref(&waiting));
    let invalid =
        chain.node.ledger.execute(&chain.node.store, &header, std::slice::from_ref(&waiting));
    assert_eq!(invalid.unwrap().unwrap_err(), InvalidBlock::Schema(waiting.id));
    assert!(chain.node.ledger.checker().check_shape(&waiting.raw).is_err());
    chain.node.reopen();
    chain.look_through();
}

#[test]
fn a_node_killed_at_any_moment_of_the_activation_ends_where_the_others_do() {
    let mut chain = Chain::new();
    let code = module(&[CLAIM, WRITE, TWO], "second");
    chain.pass(ROOM, &code);
    let slot = Slot { time: TimeMs(chain.look().executes_at_ms), ..chain.node.slot() };
    let built = chain.node.ledger.propose(&chain.node.store, slot, &[]).unwrap();
    let batch = chain.node.ledger.batch(&built, &certificate(&built));
    // Killed before the batch: as if nothing had happened.
    let before = Ledger::open(&chain.node.store, Settings::default()).unwrap();
    let again = before.execute(&chain.node.store, &built.header, &[]).unwrap().unwrap();
    assert_eq!(again.id, built.id);
    // Killed after the batch and before anything in memory: the rows say what runs.
    let mut killed = chain.node.store.clone();
    killed.commit(&batch).unwrap();
    let killed =
        Node { ledger: Ledger::open(&killed, Settings::default()).unwrap(), store: killed };
    chain.node.commit(built);
    assert_eq!(killed.ledger.head(), chain.node.ledger.head());
    let call = chain.count_call();
    let transaction = chain.transaction((person(0), 1), call);
    let there = chain.node.propose(std::slice::from_ref(&transaction));
    let here =
        killed.ledger.execute(&killed.store, &there.header, &[transaction]).unwrap().unwrap();
    assert_eq!(here.id, there.id);
    assert_eq!(there.receipts[0].results[0], [8, 2]);
}

#[test]
fn undo_records_stay_while_a_motion_needs_them_and_go_after_it() {
    let mut chain = Chain::new();
    let code = module(&[CLAIM, WRITE, TWO], "second");
    chain.stage(&code);
    let deploy = chain.deploy(ROOM, &code);
    assert_eq!(chain.open(deploy), 0);
    let report = chain.rehearse();
    chain.report_all(&report);
    let has = |chain: &Chain, height| {
        stored::load_undo(&chain.node.store, Height(height)).unwrap().is_some()
    };
    while chain.node.ledger.head().height.0 < UNDO_HEIGHTS + 12 {
        // Two in a block: its own undo record is no empty one.
        chain.count();
    }
    assert!(has(&chain, 1));
    chain.node.reopen();
    assert_eq!(chain.rehearse(), report);
    assert_eq!(chain.close(), Standing::Passed);
    chain.count();
    let head = chain.node.ledger.head().height.0;
    let kept: Vec<u64> = (1..=head).filter(|height| has(&chain, *height)).collect();
    assert_eq!(kept, (head - UNDO_HEIGHTS + 1..=head).collect::<Vec<_>>());
    assert_eq!(rehearse(&chain.node.store).unwrap_err(), NotRehearsed::Closed);
    chain.look_through();
}

#[test]
fn timers_and_calls_through_other_contracts_are_rehearsed_too() {
    let mut chain = Chain::with(linli_modules::probe().to_vec());
    chain.pass("second", linli_modules::probe());
    chain.carry_out();
    chain.at(chain.node.slot().time);
    // A timer of the room, and a call that comes through the other contract.
    let mut schedule = vec![0x08];
    prost::encoding::encode_varint(1_500, &mut schedule);
    schedule.extend([0x12, 1, b'x']);
    assert!(chain.step((person(0), 1), call(ROOM, "Schedule", schedule)).is_done());
    let at = chain.node.ledger.head().time.plus_ms(5_000);
    assert_eq!(chain.at(at).len(), 1);
    let inner = vec![0x0a, 1, b'k'];
    let cross =
        [&[0x0a, 5], b"works".as_slice(), &[0x12, 5], b"Count", &[0x1a, 3], &inner].concat();
    let receipt = chain.step((person(0), 1), call("second", "Cross", cross));
    assert_eq!(receipt.outcome, Outcome::Done);
    let height = receipt_height(&chain);
    let mut again = Chain { node: chain.node, genesis: chain.genesis, number: chain.number };
    // A motion's id is used once: the next one is another.
    let code = module(&[CLAIM, WRITE, TWO], "second");
    again.stage(&code);
    let deploy = again.deploy(ROOM, &code);
    let other: MotionId = [9; 16];
    let request = wire::OpenMotionRequest {
        motion: other.to_vec(),
        deed: Some(wire::Deed { deed: Some(Kind::Contract(deploy)) }),
        threshold: Threshold::Special.into(),
        closes_at_ms: again.node.ledger.head().time.0 + 3 * OPEN_MS,
        text: "升级合约".into(),
    };
    assert_eq!(again.govern(SEATS[0].2, "OpenMotion", &request), 0);
    let mut rehearsal = Rehearsal::begin(&again.node.store, &other, Settings::default()).unwrap();
    while rehearsal.step().unwrap() {}
    let report = rehearsal.report();
    let differ: Vec<u64> = report.first.iter().map(|found| found.height.0).collect();
    assert_eq!(differ, [height, height - 1, height - 2], "{report:?}");
    // The module proposed has no `fire`, and counts nothing.
    assert_ne!(report.first[1].what & what::OUTCOME, 0);
    assert_ne!(report.first[0].what & what::ROWS, 0);
}

fn receipt_height(chain: &Chain) -> u64 {
    chain.node.ledger.head().height.0
}

#[test]
fn what_stands_of_code_is_spelt_as_it_was() {
    // Written by hand, field by field: these bytes stand on disks and are signed.
    let code = CodeRow { hash: Digest([5; 32]), number: 2, since: Height(9) };
    let pin = PinRow { room: "works".into(), hash: Digest([5; 32]), base: Height(9) };
    let report = Report {
        digest: Digest([6; 32]),
        from: Height(3),
        blocks: 4,
        performed: 5,
        differences: 1,
        first: vec![Difference { height: Height(7), index: 2, what: 18 }],
        broken: "D8 entries".into(),
    };
    let spelt = |parts: &[&[u8]]| parts.concat();
    let (five, six) = ([5; 32], [6; 32]);
    let (two, nine) = (2_u32.to_le_bytes(), 9_u64.to_le_bytes());
    assert_eq!(linli_types::encode(&code), spelt(&[&five, &two, &nine]));
    let name = 5_u32.to_le_bytes();
    assert_eq!(linli_types::encode(&pin), spelt(&[&name, b"works", &five, &nine]));
    let numbers = [4, 5].map(u32::to_le_bytes).concat();
    let (one, from, at) = (1_u64.to_le_bytes(), 3_u64.to_le_bytes(), 7_u64.to_le_bytes());
    let (count, length) = (1_u32.to_le_bytes(), 10_u32.to_le_bytes());
    let listed = spelt(&[&count, &at, &two, &[18]]);
    let whole = spelt(&[&six, &from, &numbers, &one, &listed, &length, b"D8 entries"]);
    assert_eq!(linli_types::encode(&report), whole);
    let chain = linli_types::id::ChainId([1; 32]);
    let signed = spelt(&[b"linli.rehearsal-report.v1\0", &chain.0, &MOTION, &whole]);
    assert_eq!(report.signing_bytes(&chain, &MOTION), signed);
    assert_eq!(borsh::from_slice::<CodeRow>(&linli_types::encode(&code)).unwrap(), code);
}
