//! An example contract in a pretend town: what it does, and what the native rooms do not let it do.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

mod contract;
mod schema;

use contract::{AMOUNT_MAX, ROOM, SCHEMA};
use linli_contract::Env;
use linli_contract::accounts::{OpenRequest as OpenAccount, own_principal};
use linli_contract::entry::Method;
use linli_pretend::{Contract, Outcome, Plan, Town, call};
use linli_types::books::{CNY, CODE_MOVE};
use linli_types::code::Code;
use linli_types::genesis::Role;
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, PrincipalId};
use linli_types::wire::Call;
use linli_types::wire::accounts::ReserveRequest;
use linli_types::wire::identity::{GrantMandateRequest, MandateKind, Scope};
use prost::Message;
use schema::{
    Closed, DeliverRequest, ForceRequest, GrabRequest, Nothing, OpenRequest, Order, OrderRequest,
    Refusal,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

const ALICE: PrincipalId = PrincipalId([1; 16]);
const SHOP: PrincipalId = PrincipalId([2; 16]);
const VERIFIER: PrincipalId = PrincipalId([3; 16]);
/// Buys and verifies.
const BOTH: PrincipalId = PrincipalId([4; 16]);

const PURSE: AccountId = AccountId([11; 16]);
const TILL: AccountId = AccountId([12; 16]);
const PURSE_OF_BOTH: AccountId = AccountId([14; 16]);

const ORDER: [u8; 32] = [9; 32];
const PENDING: [u8; 16] = [21; 16];
const HOUR_MS: u64 = 3_600_000;

fn escrow() -> Contract {
    Contract::new(SCHEMA).call(contract::call).query(contract::query).fire(contract::fire)
}

fn plan() -> Plan {
    Plan::new()
        .person(ALICE, &[Role::Resident])
        .person(SHOP, &[])
        .person(VERIFIER, &[Role::OperatorVerifier])
        .person(BOTH, &[Role::Resident, Role::OperatorVerifier])
        .account(PURSE, ALICE, CNY, 1_000)
        .account(TILL, SHOP, CNY, 0)
        .account(PURSE_OF_BOTH, BOTH, CNY, 1_000)
        .param(AMOUNT_MAX, 500)
        .contract(ROOM, escrow())
}

/// Holds an amount for the contract for two hours.
fn reserve(town: &Town, purse: AccountId, amount: u64) -> Call {
    let request = ReserveRequest {
        id: PENDING.to_vec(),
        debit: purse.0.to_vec(),
        credit: TILL.0.to_vec(),
        amount,
        code: CODE_MOVE,
        expires_ms: town.now().plus_ms(2 * HOUR_MS).0,
        resolver: own_principal(ROOM).0.to_vec(),
        ..Default::default()
    };
    call("accounts", "Reserve", &request)
}

/// Opens an order for an hour.
fn open(town: &Town) -> Call {
    let until_ms = town.now().plus_ms(HOUR_MS).0;
    let request = OpenRequest { order: ORDER.to_vec(), pending: PENDING.to_vec(), until_ms };
    call(ROOM, "Open", &request)
}

/// Reserves and opens in one transaction.
fn order(town: &mut Town, who: PrincipalId, purse: AccountId, amount: u64) -> Outcome {
    let calls = vec![reserve(town, purse, amount), open(town)];
    town.send(who, calls)
}

fn deliver(town: &mut Town, who: PrincipalId, amount: u64) -> Outcome {
    town.call(who, ROOM, "Deliver", &DeliverRequest { order: ORDER.to_vec(), amount })
}

/// A town with an order of Alice's over 300.
fn ordered() -> Town {
    let mut town = plan().open();
    let outcome = order(&mut town, ALICE, PURSE, 300);
    assert!(outcome.is_done(), "{outcome:?}");
    town
}

fn standing(town: &Town) -> Order {
    town.ask(ALICE, ROOM, "Order", &OrderRequest { order: ORDER.to_vec() }).unwrap()
}

fn paid(outcome: &Outcome) -> u64 {
    Closed::decode(outcome.events(ROOM)[0].data.as_slice()).unwrap().paid
}

#[test]
fn delivery_pays_a_part_and_the_rest_returns() {
    let mut town = ordered();
    assert_eq!(standing(&town).payer, ALICE.0);
    assert_eq!((town.balance(PURSE), town.account(PURSE).debits_pending), (1_000, 300));

    let outcome = deliver(&mut town, VERIFIER, 120);
    assert_eq!(paid(&outcome), 120);
    assert_eq!((town.balance(PURSE), town.balance(TILL)), (880, 120));
    assert_eq!(town.account(PURSE).debits_pending, 0);
    assert_eq!(standing(&town), Order::default());
    assert_eq!(town.at(town.now().plus_ms(3 * HOUR_MS)), [], "the order's timer is gone");
    assert!(deliver(&mut town, VERIFIER, 1).refused_by(ROOM, Refusal::NoOrder));
}

#[test]
fn what_nobody_delivers_returns_by_itself() {
    let mut town = ordered();
    assert_eq!(town.at(town.now().plus_ms(HOUR_MS / 2)), [], "not yet");
    let fired = town.at(town.now().plus_ms(HOUR_MS));
    assert_eq!(fired.iter().map(paid).collect::<Vec<_>>(), [0]);
    assert_eq!((town.balance(PURSE), town.account(PURSE).debits_pending), (1_000, 0));
    assert!(deliver(&mut town, VERIFIER, 1).refused_by(ROOM, Refusal::NoOrder));
}

#[test]
fn a_contract_cannot_spend_its_callers_money() {
    let mut town = plan().open();
    let grab = GrabRequest { from: PURSE.0.to_vec(), to: TILL.0.to_vec() };
    assert_eq!(town.call(ALICE, ROOM, "Grab", &grab).native(), Some(Code::Unauthorised));
    assert_eq!((town.balance(PURSE), town.balance(TILL)), (1_000, 0));
}

#[test]
fn nothing_is_posted_beyond_what_is_held() {
    let mut town = ordered();
    assert_eq!(deliver(&mut town, VERIFIER, 301).native(), Some(Code::PostTooLarge));
    assert_eq!(town.balance(TILL), 0);
    assert_eq!(standing(&town).payer, ALICE.0, "the refusal took back the duty and the rest");
    assert!(deliver(&mut town, VERIFIER, 300).is_done());
}

#[test]
fn nothing_is_posted_after_its_time() {
    let mut town = plan().open();
    let held = vec![reserve(&town, PURSE, 300)];
    assert!(town.send(ALICE, held).is_done());
    let fired = town.at(town.now().plus_ms(2 * HOUR_MS));
    assert!(fired.iter().all(Outcome::is_done), "the accounts give it back: {fired:?}");
    let force = ForceRequest { pending: PENDING.to_vec() };
    let outcome = town.call(VERIFIER, ROOM, "Force", &force);
    assert_eq!(outcome.native(), Some(Code::PendingResolved));
    assert_eq!((town.balance(PURSE), town.balance(TILL)), (1_000, 0));
}

#[test]
fn what_is_held_for_somebody_else_is_not_the_contracts_to_post() {
    let mut town = plan().open();
    let Call { room, method, args } = reserve(&town, PURSE, 300);
    let own = ReserveRequest { resolver: Vec::new(), ..ReserveRequest::decode(&*args).unwrap() };
    let held = Call { room, method, args: own.encode_to_vec() };
    assert!(town.send(ALICE, vec![held]).is_done());
    let opening = vec![open(&town)];
    assert!(town.send(ALICE, opening).refused_by(ROOM, Refusal::NotHeldForUs));
    let force = ForceRequest { pending: PENDING.to_vec() };
    let outcome = town.call(VERIFIER, ROOM, "Force", &force);
    assert_eq!(outcome.native(), Some(Code::Unauthorised));
}

#[test]
fn nobody_approves_what_they_asked_for() {
    let mut town = plan().open();
    assert!(order(&mut town, BOTH, PURSE_OF_BOTH, 300).is_done());
    let outcome = deliver(&mut town, BOTH, 300);
    assert_eq!(outcome.native(), Some(Code::SeparationOfDuty));
    assert_eq!(town.balance(TILL), 0);
    assert!(deliver(&mut town, VERIFIER, 300).is_done());
}

#[test]
fn nor_does_who_asked_in_anothers_name() {
    let mut town = plan().open();
    let scope = |room: &str| Scope { room: room.into(), method: String::new() };
    let mandate = GrantMandateRequest {
        principal: ALICE.0.to_vec(),
        agent: BOTH.0.to_vec(),
        kind: MandateKind::Agent.into(),
        scope: vec![scope("accounts"), scope(ROOM)],
        cap_per_day: 400,
        expires_ms: town.now().plus_ms(HOUR_MS).0,
    };
    assert!(town.call(ALICE, "identity", "GrantMandate", &mandate).is_done());
    let calls = |amount| vec![reserve(&town, PURSE, amount), open(&town)];
    let (dear, fair) = (calls(401), calls(300));
    assert_eq!(town.send_for(ALICE, BOTH, dear).native(), Some(Code::MandateCap));
    assert!(town.send_for(ALICE, BOTH, fair).is_done());
    assert_eq!(standing(&town).payer, ALICE.0);
    assert_eq!(deliver(&mut town, BOTH, 300).native(), Some(Code::SeparationOfDuty));
}

#[test]
fn a_contract_opens_its_own_account_when_it_begins() {
    fn init(env: &mut Env<'_>, _: &[u8]) -> Result<Vec<u8>, linli_contract::Refusal> {
        let id = TILL.0.to_vec();
        env.accounts().open(&OpenAccount { id, asset: CNY, ..Default::default() });
        Ok(Vec::new())
    }
    let town = Plan::new().contract(ROOM, Contract::new(SCHEMA).init(init)).open();
    assert_eq!(town.account(TILL).owner, own_principal(ROOM).0);
}

#[test]
fn roles_and_the_governed_bound_are_those_of_the_town() {
    let mut town = plan().open();
    assert!(order(&mut town, ALICE, PURSE, 501).refused_by(ROOM, Refusal::TooMuch));
    assert_eq!(town.account(PURSE).debits_pending, 0, "the reserve went with the order");
    assert!(order(&mut town, ALICE, PURSE, 500).is_done());
    assert!(deliver(&mut town, ALICE, 1).refused_by(ROOM, Refusal::NotVerifier));

    let mut unbound = plan();
    unbound.genesis.policy.params.clear();
    assert!(order(&mut unbound.open(), ALICE, PURSE, 501).is_done());

    let mut of_a_guest = plan();
    of_a_guest.genesis.principals[0].roles.clear();
    let outcome = order(&mut of_a_guest.open(), ALICE, PURSE, 1);
    assert!(outcome.refused_by(ROOM, Refusal::NotResident));
}

#[test]
fn strangers_and_shapeless_calls_come_into_no_block() {
    let mut town = ordered();
    let before = town.ledger().head().height;
    let stranger = deliver(&mut town, PrincipalId([77; 16]), 1);
    let shapeless = DeliverRequest { order: vec![9; 31], amount: 1 };
    let shapeless = town.call(VERIFIER, ROOM, "Deliver", &shapeless);
    for outcome in [&stranger, &shapeless] {
        assert!(matches!(outcome, Outcome::TurnedAway(_)), "{outcome:?}");
    }
    assert_eq!(stranger.native(), Some(Code::UnknownSender));
    assert_eq!(town.ledger().head().height, before);
}

#[test]
fn a_contract_that_asks_anything_but_the_ledger_is_found_out() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let moody: Method = |env, _, _| {
        let paid = CALLS.fetch_add(1, Ordering::Relaxed);
        env.emit(&[], &Closed { order: Vec::new(), paid });
        Ok(Nothing {}.encode_to_vec())
    };
    let mut town =
        Plan::new().person(ALICE, &[]).contract(ROOM, Contract::new(SCHEMA).call(moody)).open();
    let force = ForceRequest { pending: PENDING.to_vec() };
    let found = catch_unwind(AssertUnwindSafe(|| town.call(ALICE, ROOM, "Force", &force)));
    let why = found.unwrap_err().downcast::<String>().unwrap();
    assert!(why.starts_with("T3"), "{why}");
    assert_eq!(town.now(), TimeMs(1_800_000_000_000), "the block was not taken");
}
