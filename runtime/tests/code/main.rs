//! Contract code by motion: staged, rehearsed, voted, in force from its height on, on every node and
//! whatever happens to it meanwhile.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod chain;
mod rehearsal;
#[path = "../support/mod.rs"]
mod support;

use chain::*;
use linli_runtime::code::{CodeRow, PinRow, owed};
use linli_runtime::{InvalidBlock, Ledger, Settings, Slot};
use linli_types::code::Code;
use linli_types::height::{Height, TimeMs};
use linli_types::id::Digest;
use linli_types::limits::{
    CODE_BYTES_MAX, DECISION_MS_MAX, STAGED_CODE_MS, STAGED_CODE_SENDER_MAX,
};
use linli_types::rehearsal::{Difference, Report};
use linli_types::store::{Column, Read, Store};
use linli_types::wire::governance as wire;
use prost::Message;
use support::*;

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

/// H2: undo records wait for the district only so long.
#[test]
fn code_that_nobody_decides_on_lapses_and_pins_nothing() {
    let mut chain = Chain::new();
    let better = steady("second");
    chain.stage(&better);
    let deploy = chain.deploy(ROOM, &better);
    assert_eq!(chain.open(deploy), 0);
    let recuse = wire::RecuseRequest { motion: MOTION.to_vec() };
    assert_eq!(chain.govern(SEATS[2].2, "Recuse", &recuse), 0);
    chain.at(TimeMs(chain.look().closes_at_ms));
    assert_eq!(chain.look().standing(), wire::Standing::Escalated);
    let owed = |chain: &Chain| owed(&chain.node.store, &key(100)).unwrap().len();
    assert_eq!(owed(&chain), 1, "the district may still decide");
    chain.at(TimeMs(chain.look().closes_at_ms + DECISION_MS_MAX));
    assert_eq!(chain.look().standing(), wire::Standing::Lapsed);
    assert_eq!(owed(&chain), 0);
    chain.look_through();
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
