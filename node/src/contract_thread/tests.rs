//! The worst that a contract can do to a stack is a refusal on this thread.

use super::*;
use ed25519_dalek::{Signer, SigningKey};
use linli_runtime::{Ledger, Settings, Slot, verify_signatures};
use linli_types::code::Code;
use linli_types::genesis::{FORMAT, Genesis, Module, Principal, Role};
use linli_types::height::TimeMs;
use linli_types::id::{PrincipalId, PublicKey, Signature};
use linli_types::limits::{CALL_DEPTH_MAX, UNDO_HEIGHTS};
use linli_types::receipt::{Outcome, Receipt};
use linli_types::signature::Zip215;
use linli_types::store::{Memory, Store};
use linli_types::transaction::{envelope, signing_bytes};
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use linli_types::{header, wire};
use prost::Message;
use std::hint::black_box;

const START: TimeMs = TimeMs(1_800_000_000_000);
const SENDER: u8 = 9;

/// `Amount` and `CrossRequest` of `probe.proto`.
#[derive(Clone, PartialEq, Message)]
struct Amount {
    #[prost(uint64, tag = "1")]
    amount: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Cross {
    #[prost(string, tag = "1")]
    room: String,
    #[prost(string, tag = "2")]
    method: String,
    #[prost(bytes = "vec", tag = "3")]
    args: Vec<u8>,
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn public(n: u8) -> PublicKey {
    PublicKey(key(n).verifying_key().to_bytes())
}

fn genesis() -> Genesis {
    let validator = |(n, power, kind): (u8, u64, OrgKind)| Validator {
        key: public(n),
        network_key: public(n + 100),
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
    let (id, roles) = (PrincipalId([SENDER; 16]), vec![Role::Operator]);
    Genesis {
        format: FORMAT,
        protocol: header::PROTOCOL,
        name: "test".into(),
        time: START,
        undo_heights: UNDO_HEIGHTS,
        validators: ValidatorSet::new(seats.into_iter().map(validator).collect()).unwrap(),
        principals: vec![Principal { id, key: public(SENDER), org: 2, roles }],
        accounts: Vec::new(),
        modules: (0..CALL_DEPTH_MAX).map(module).collect(),
        orgs: Vec::new(),
        policy: linli_types::policy::Policy::default(),
        books: linli_types::books::Books::default(),
    }
}

fn room(n: usize) -> String {
    format!("probe-{n}")
}

/// One room of many, since none is entered twice.
fn module(n: usize) -> Module {
    Module { name: room(n), code: linli_modules::probe().to_vec() }
}

/// Recursion without end, at the end of a chain of `depth` calls from contract to contract.
fn endless(depth: usize) -> wire::Call {
    let recurse = ("Recurse".to_string(), Amount { amount: u64::MAX }.encode_to_vec());
    let cross = |(method, args), n| {
        ("Cross".to_string(), Cross { room: room(n), method, args }.encode_to_vec())
    };
    let (method, args) = (1..=depth).rev().fold(recurse, cross);
    wire::Call { room: room(0), method, args }
}

/// Executes one transaction in a block of its own.
fn receipt_of(call: wire::Call) -> Receipt {
    let mut store = Memory::default();
    let batch = Ledger::genesis(&genesis().to_bytes(), Settings::default()).unwrap();
    store.commit(&batch).unwrap();
    let ledger = Ledger::open(&store, Settings::default()).unwrap();
    let chain = ledger.head().chain;
    let body = wire::TransactionBody {
        chain_tag: chain.tag(),
        sender: vec![SENDER; 16],
        signer: public(SENDER).0.to_vec(),
        key: vec![1; 16],
        valid_until_ms: START.plus_ms(60_000).0,
        on_behalf: None,
        calls: vec![call],
    };
    let body = body.encode_to_vec();
    let signature = Signature(key(SENDER).sign(&signing_bytes(&chain, &body)).to_bytes());
    let shaped = ledger.checker().check_shape(&envelope(&body, &signature)).unwrap();
    let verified = verify_signatures(&chain, &Zip215, vec![shaped]).remove(0).unwrap();
    let slot = Slot { time: START.plus_ms(1_000), proposer: public(1), flags: 0 };
    ledger.propose(&store, slot, &[verified]).unwrap().receipts.remove(0)
}

#[test]
fn recursion_without_end_is_a_refusal_on_such_a_thread() {
    for depth in [0, CALL_DEPTH_MAX - 1] {
        let receipt = run("contracts", || receipt_of(endless(depth))).unwrap();
        let Outcome::Refused { refusal, .. } = &receipt.outcome else {
            panic!("depth {depth}: {receipt:?}")
        };
        assert_eq!(refusal.code, Code::Trap.number(), "depth {depth}: {receipt:?}");
    }
}

#[test]
fn the_stack_that_contracts_may_need_is_there() {
    #[inline(never)]
    fn fill(pages: usize) -> usize {
        let page = [pages; 4096 / size_of::<usize>()];
        black_box(&page);
        match pages {
            0 => 0,
            _ => fill(pages - 1) + usize::from(black_box(&page)[1] == pages),
        }
    }
    // A frame is a page and a little; the room is for the little.
    let pages = vm::STACK_BYTES / 4096;
    assert_eq!(run("native", || fill(pages)).unwrap(), pages);
}

#[test]
fn a_panic_there_is_said_here() {
    let ended = run("work", || -> u8 { panic!("on purpose") });
    assert!(ended.unwrap_err().0.contains("work panicked"));
}
