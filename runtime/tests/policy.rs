//! Versions of the policy: when they may begin, which one holds, what they may say.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::{Slot, invariant, policy as room};
use linli_types::calendar::YEAR_BYTES;
use linli_types::code::Code;
use linli_types::genesis::{Genesis, Module, Role};
use linli_types::height::TimeMs;
use linli_types::limits::{POLICY_AHEAD_MS_MAX, POLICY_SCHEDULED_MAX};
use linli_types::policy::Param;
use linli_types::receipt::Receipt;
use linli_types::wire::policy as wire;
use linli_types::wire::policy::at_request::When;
use proptest::prelude::*;
use prost::Message;
use support::*;

/// The lock of these chains, in milliseconds.
const LOCK_MS: u64 = 10_000;

fn governed() -> Genesis {
    let code = linli_modules::probe().to_vec();
    let mut genesis = genesis_with(vec![Module { name: "probe".into(), code }]);
    (genesis.principals[0].org, genesis.principals[0].roles) = (1, vec![Role::DistrictAdmin]);
    genesis.policy.params = vec![(Param::PolicyLockMs.number(), LOCK_MS)];
    genesis
}

/// A change of a contract's parameter, `after_ms` after the head.
fn change(node: &Node, base: u32, after_ms: u64) -> wire::SetRequest {
    wire::SetRequest {
        base,
        effective_at_ms: node.ledger.head().time.0 + after_ms,
        params: vec![wire::ParamValue { param: 1_000, value: u64::from(base) + 1 }],
        ..wire::SetRequest::default()
    }
}

fn set(node: &mut Node, request: &wire::SetRequest) -> Receipt {
    let number = node.ledger.head().height.0;
    let call = call("policy", "Set", request.encode_to_vec());
    node.step(&[node.sign(0, number, vec![call])]).remove(0)
}

/// A block without transactions at a time.
fn tick(node: &mut Node, time: TimeMs) {
    let slot = Slot { time, ..node.slot() };
    let executed = node.ledger.propose(&node.store, slot, &[]).unwrap();
    node.commit(executed);
}

fn at(node: &Node, when: Option<When>) -> Result<wire::AtResponse, u32> {
    let request = wire::AtRequest { when }.encode_to_vec();
    let answer = node.ledger.query(&node.store, "policy", "At", &request, person(1)).unwrap();
    let answer = answer.map_err(|refusal| refusal.code)?;
    assert!(!answer.reads.is_empty());
    Ok(wire::AtResponse::decode(answer.result.as_slice()).unwrap())
}

fn version_at(node: &Node, when: Option<When>) -> Result<u32, u32> {
    at(node, when).map(|response| response.version)
}

#[derive(Clone, PartialEq, prost::Message)]
struct Context {
    #[prost(uint32, tag = "5")]
    policy: u32,
}

/// The version that a contract sees in a block.
fn seen(node: &mut Node) -> u32 {
    let number = node.ledger.head().height.0;
    let call = call("probe", "Context", vec![]);
    let receipts = node.step(&[node.sign(1, number, vec![call])]);
    Context::decode(receipts[0].results[0].as_slice()).unwrap().policy
}

#[test]
fn a_version_begins_at_its_time_by_itself_and_what_held_before_stays_known() {
    let mut node = Node::new(&governed());
    assert_eq!(seen(&mut node), 1);
    let request = change(&node, 1, 1_000 + LOCK_MS);
    let begins = TimeMs(request.effective_at_ms);
    let receipt = set(&mut node, &request);
    assert!(receipt.is_done(), "{receipt:?}");
    let answer = wire::SetResponse::decode(receipt.results[0].as_slice()).unwrap();
    assert_eq!((answer.version, seen(&mut node)), (2, 1));
    let set_height = node.ledger.head().height.0;
    // One millisecond before, and at it. Nobody does anything but look.
    tick(&mut node, TimeMs(begins.0 - 1));
    assert_eq!(version_at(&node, None), Ok(1));
    tick(&mut node, begins);
    assert_eq!(version_at(&node, None), Ok(2));
    assert_eq!(seen(&mut node), 2);
    node.reopen();
    assert_eq!(version_at(&node, Some(When::Height(set_height))), Ok(1));
    assert_eq!(version_at(&node, Some(When::Height(set_height + 1))), Ok(1));
    assert_eq!(version_at(&node, Some(When::Height(set_height + 2))), Ok(2));
    assert_eq!(version_at(&node, Some(When::Height(0))), Ok(1));
    assert_eq!(version_at(&node, Some(When::TimeMs(begins.0 - 1))), Ok(1));
    assert_eq!(version_at(&node, Some(When::TimeMs(begins.0))), Ok(2));
    assert_eq!(version_at(&node, Some(When::TimeMs(START.0 - 1))), Err(Code::NoPolicy.number()));
    assert_eq!(version_at(&node, Some(When::Height(999))), Err(Code::NotFound.number()));
    let held = at(&node, None).unwrap();
    assert!(held.params.contains(&wire::ParamValue { param: 1_000, value: 2 }));
    assert_eq!(held.negative.unwrap().codes.len(), 17);
    assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
}

#[test]
fn a_past_date_and_every_other_wrong_time_is_refused() {
    let mut node = Node::new(&governed());
    // The block that holds it is a second after the head.
    let block = 1_000;
    let mut refused = |base, after_ms| {
        let request = change(&node, base, after_ms);
        code_of(&set(&mut node, &request))
    };
    assert_eq!(refused(1, 0), Code::PolicyPast.number());
    assert_eq!(refused(1, block), Code::PolicyPast.number(), "now is past too");
    assert_eq!(refused(1, block + LOCK_MS - 1), Code::TimeLock.number());
    assert_eq!(refused(1, block + POLICY_AHEAD_MS_MAX + 1), Code::PolicyAhead.number());
    assert_eq!(refused(2, block + LOCK_MS), Code::PolicyBase.number());
    assert_eq!(refused(1, block + LOCK_MS + 50_000), 0);
    assert_eq!(refused(1, block + LOCK_MS + 60_000), Code::PolicyBase.number());
    assert_eq!(refused(2, block + LOCK_MS), Code::PolicyOrder.number());
    for n in 2..=POLICY_SCHEDULED_MAX as u32 {
        assert_eq!(refused(n, block + LOCK_MS + 50_000 + u64::from(n) * 1_000), 0);
    }
    let last = POLICY_SCHEDULED_MAX as u32 + 1;
    assert_eq!(refused(last, block + LOCK_MS + 90_000), Code::PolicyFull.number());
    assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
}

#[test]
fn a_lower_lock_holds_only_once_it_has_begun() {
    let mut node = Node::new(&governed());
    let param = Param::PolicyLockMs.number();
    let mut request = change(&node, 1, 1_000 + LOCK_MS);
    request.params = vec![wire::ParamValue { param, value: 1_000 }];
    assert!(set(&mut node, &request).is_done());
    let early = change(&node, 2, LOCK_MS + 500);
    assert_eq!(code_of(&set(&mut node, &early)), Code::TimeLock.number());
    tick(&mut node, TimeMs(request.effective_at_ms));
    let soon = change(&node, 2, 2_000);
    assert!(set(&mut node, &soon).is_done());
}

#[test]
fn what_a_version_may_not_say_is_refused_with_its_reason() {
    let mut node = Node::new(&governed());
    let mut refused = |change_it: fn(&mut wire::SetRequest)| {
        let mut request = change(&node, 1, 1_000 + LOCK_MS);
        request.params.clear();
        change_it(&mut request);
        code_of(&set(&mut node, &request))
    };
    let cases: [(Code, u32); 14] = [
        (Code::PolicyEmpty, refused(|_| {})),
        (Code::Weights, refused(|r| r.weights = parts(1, &[30, 50, 21]))),
        (Code::Weights, refused(|r| r.weights = parts(2, &[40, 30, 29]))),
        (Code::Weights, refused(|r| r.weights = parts(1, &[50, 50]))),
        (Code::Weights, refused(|r| r.weights = parts(1, &[u32::MAX, u32::MAX, 102]))),
        (Code::Malformed, refused(|r| r.weights = parts(0, &[100]))),
        (Code::ParamUnknown, refused(|r| r.params = param(99, 1))),
        (Code::ParamRange, refused(|r| r.params = param(1, 0))),
        (Code::ParamRange, refused(|r| r.params = param(2, u64::MAX))),
        (Code::BadCalendar, refused(|r| r.calendar = year(2026, 0xff))),
        (Code::BadCalendar, refused(|r| r.calendar = year(70_000, 0))),
        (Code::BadTable, refused(|r| r.negative = codes(&[3, 2]))),
        (Code::BadTable, refused(|r| r.negative = codes(&[0, 2]))),
        (Code::BadTable, refused(|r| r.duties = pairs(&[(2, 1)]))),
    ];
    for (code, found) in cases {
        assert_eq!(Code::from_number(found), Some(code));
    }
    assert_eq!(refused(|r| r.weights = parts(1, &[20, 60, 20])), 0);
}

fn parts(of: i32, parts: &[u32]) -> Vec<wire::Weights> {
    vec![wire::Weights { of, parts: parts.to_vec() }]
}

fn param(param: u32, value: u64) -> Vec<wire::ParamValue> {
    vec![wire::ParamValue { param, value }]
}

fn year(year: u32, byte: u8) -> Vec<wire::CalendarYear> {
    vec![wire::CalendarYear { year, working: vec![byte; YEAR_BYTES] }]
}

fn codes(codes: &[u32]) -> Option<wire::NegativeList> {
    Some(wire::NegativeList { codes: codes.to_vec() })
}

fn pairs(pairs: &[(u32, u32)]) -> Option<wire::DutyTable> {
    let pair = |(a, b): &(u32, u32)| wire::DutyPair { a: *a, b: *b, relatives: false };
    Some(wire::DutyTable { pairs: pairs.iter().map(pair).collect() })
}

#[test]
fn only_the_district_sets_policy_and_no_contract_does_it_for_them() {
    let mut node = Node::new(&governed());
    let request = change(&node, 1, 1_000 + LOCK_MS).encode_to_vec();
    let call_it = call("policy", "Set", request.clone());
    let receipts = node.step(&[node.sign(1, 1, vec![call_it])]);
    assert_eq!(code_of(&receipts[0]), Code::RoleDenied.number());
    let cross = Cross { room: "policy".into(), method: "Set".into(), args: request };
    let through = call("probe", "Cross", cross.encode_to_vec());
    let receipts = node.step(&[node.sign(0, 2, vec![through])]);
    assert_eq!(code_of(&receipts[0]), Code::DirectOnly.number());
}

#[derive(Clone, PartialEq, prost::Message)]
struct Cross {
    #[prost(string, tag = "1")]
    room: String,
    #[prost(string, tag = "2")]
    method: String,
    #[prost(bytes = "vec", tag = "3")]
    args: Vec<u8>,
}

#[test]
fn a_calendar_with_a_missing_year_gives_an_error_and_no_guess() {
    let mut node = Node::new(&governed());
    let ask = |node: &Node, from_ms: u64, count: u32| {
        let request = wire::WorkingDayRequest { from_ms, count }.encode_to_vec();
        let store = &node.store;
        let answer = node.ledger.query(store, "policy", "WorkingDay", &request, person(1));
        let day = |a: linli_runtime::Answer| {
            wire::WorkingDayResponse::decode(a.result.as_slice()).unwrap().day_ms
        };
        answer.unwrap().map(day).map_err(|refusal| refusal.code)
    };
    let missing = Err(Code::CalendarMissing.number());
    assert_eq!(ask(&node, START.0, 1), missing);
    // Every day of 2027 but the first week works: START lies in its third week.
    let mut working = vec![0xff; YEAR_BYTES];
    (working[0], working[45]) = (0x80, 0x1f);
    let mut request = change(&node, 1, 1_000 + LOCK_MS);
    request.params.clear();
    request.calendar = vec![wire::CalendarYear { year: 2027, working }];
    assert!(set(&mut node, &request).is_done());
    assert_eq!(ask(&node, START.0, 1), missing, "not yet in force");
    tick(&mut node, TimeMs(request.effective_at_ms));
    let midnight = 1_800_028_800_000; // 2027-01-16 00:00 in UTC+8
    assert_eq!(ask(&node, START.0, 1), Ok(midnight));
    assert_eq!(ask(&node, START.0 + 350 * 24 * 3600 * 1000, 1), missing);
    assert_eq!(ask(&node, 0, 1), missing);
    assert_eq!(ask(&node, START.0, 4_000), Err(Code::TooLarge.number()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Looking late gives what looking at once gave: the model is a list of beginnings.
    #[test]
    fn the_version_of_every_time_is_the_last_that_had_begun(
        steps in proptest::collection::vec((0..40_000_u64, 0..40_000_u64), 1..12),
    ) {
        let mut node = Node::new(&governed());
        let mut begun = vec![START.0];
        let mut looked: Vec<(u64, u32)> = Vec::new();
        for (after_ms, wait_ms) in steps {
            let request = change(&node, begun.len() as u32, after_ms);
            if set(&mut node, &request).is_done() {
                begun.push(request.effective_at_ms);
            }
            let later = node.ledger.head().time.plus_ms(wait_ms.max(1));
            tick(&mut node, later);
            let now = node.ledger.head().time;
            let expected = begun.iter().filter(|at| **at <= now.0).count() as u32;
            prop_assert_eq!(room::number_at(&node.store, now).unwrap(), expected);
            looked.push((node.ledger.head().height.0, expected));
        }
        prop_assert!(begun.is_sorted());
        for (height, expected) in looked {
            prop_assert_eq!(version_at(&node, Some(When::Height(height))), Ok(expected));
        }
        for (index, at) in (1_u32..).zip(&begun) {
            prop_assert_eq!(version_at(&node, Some(When::TimeMs(*at))), Ok(index));
        }
        prop_assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
    }
}
