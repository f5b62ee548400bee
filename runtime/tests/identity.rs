//! Keys, roles and mandates inside blocks: what was signed before and arrives after, who acts for
//! whom, what contracts may not do in their caller's name.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::identity::{
    Concerns, PrincipalRow, concerns, concerns_entry, load, load_by_key, rows,
};
use linli_runtime::{Admission, Settings, invariant, load_block, pii, replay};
use linli_types::code::Code;
use linli_types::genesis::{Genesis, Module, Organisation, Role};
use linli_types::height::Height;
use linli_types::id::PrincipalId;
use linli_types::limits::{CHAIN_STEPS_MAX, EVENTS_MAX};
use linli_types::receipt::Receipt;
use linli_types::store::{Batch, Column, Memory, Read};
use linli_types::validator::OrgKind;
use linli_types::wire::accounts;
use linli_types::wire::identity as wire;
use linli_types::wire::identity::{MandateKind, OrganisationKind, Predicate, RelationKind};
use prost::Message;
use support::*;

/// Person 0 is the district's administrator, 1 the identity service, 2 and 3 are residents.
fn offices() -> Genesis {
    let code = linli_modules::probe().to_vec();
    let mut genesis = genesis_with(vec![Module { name: "probe".into(), code }]);
    genesis.orgs = vec![
        Organisation { id: 5, kind: OrgKind::IdService, label: "身份服务中心".into() },
        Organisation { id: 6, kind: OrgKind::SocialOrg, label: String::new() },
    ];
    let people = [(1, Role::DistrictAdmin), (5, Role::IdService), (0, Role::Resident)];
    for (principal, (org, role)) in genesis.principals.iter_mut().zip(people) {
        (principal.org, principal.roles) = (org, vec![role]);
    }
    genesis.principals[3].org = 6;
    genesis
}

fn ask(method: &str, request: &impl Message) -> linli_types::wire::Call {
    call("identity", method, request.encode_to_vec())
}

fn id(n: u8) -> Vec<u8> {
    person(n).0.to_vec()
}

fn codes(receipts: &[Receipt]) -> Vec<u32> {
    receipts.iter().map(code_of).collect()
}

/// One call by a person with their first key; the code.
fn one(node: &mut Node, sender: u8, number: u64, call: linli_types::wire::Call) -> u32 {
    let receipts = node.step(&[node.sign(sender, number, vec![call])]);
    codes(&receipts)[0]
}

fn row(node: &Node, n: u8) -> PrincipalRow {
    load(&node.store, &person(n)).unwrap().unwrap()
}

fn add_key(seed: u8) -> linli_types::wire::Call {
    ask("AddKey", &wire::AddKeyRequest { key: key(seed).0.to_vec(), from_height: 0 })
}

fn revoke_key(seed: u8, from_height: u64) -> linli_types::wire::Call {
    ask("RevokeKey", &wire::RevokeKeyRequest { key: key(seed).0.to_vec(), from_height })
}

fn role(n: u8, role: Role) -> wire::RoleRequest {
    wire::RoleRequest { principal: id(n), role: i32::try_from(role.number()).unwrap() }
}

#[test]
fn a_revoked_keys_transaction_signed_before_and_arriving_after_is_refused() {
    let mut node = Node::new(&offices());
    // Signed while the key held; it comes in three blocks later.
    let late = node.transfer(99, (2, 0), (3, 0), 1);
    let early = node.transfer(98, (2, 0), (3, 0), 1);
    let rotate = vec![add_key(50), revoke_key(3, 3)];
    let receipts = node.step(&[node.sign(2, 1, rotate)]);
    assert_eq!(codes(&receipts), [0]);
    assert_eq!(codes(&node.step(&[early])), [0], "at height 2 the old key holds");
    assert_eq!(codes(&node.step(&[late])), [Code::KeyRevoked.number()]);
    let another = node.transfer(97, (2, 0), (3, 0), 1);
    let admission = node.ledger.admit(&node.store, &another).unwrap();
    let Admission::Refused(refusal) = admission else { panic!("{admission:?}") };
    assert_eq!(refusal.code, Code::KeyRevoked.number(), "at the door too");
    let pay = transfer_call(96, (2, 0), (3, 0), 1);
    let new = node.sign_as((person(2), 50), None, 96, vec![pay]);
    assert_eq!(codes(&node.step(&[new])), [0], "the new key signs");
    assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
}

#[test]
fn keys_are_the_principals_own_and_the_last_one_stays() {
    let mut node = Node::new(&offices());
    assert_eq!(one(&mut node, 2, 1, revoke_key(3, 0)), Code::LastKey.number());
    assert_eq!(one(&mut node, 2, 2, add_key(4)), Code::KeyTaken.number(), "person 3's");
    assert_eq!(one(&mut node, 2, 3, revoke_key(4, 0)), Code::KeyNotOfSender.number());
    assert_eq!(one(&mut node, 2, 4, add_key(50)), 0);
    assert_eq!(one(&mut node, 3, 5, add_key(50)), Code::KeyTaken.number());
    let past = node.ledger.head().height.0;
    assert_eq!(one(&mut node, 2, 6, revoke_key(3, past)), Code::KeyHeight.number());
    let (owner, _) = load_by_key(&node.store, &key(50)).unwrap().unwrap();
    assert_eq!(owner, person(2));
    // The new key does not sign in the block that adds it.
    let pay = |n| vec![transfer_call(n, (2, 0), (3, 0), 1)];
    let both = [node.sign(2, 7, vec![add_key(51)]), node.sign_as((person(2), 51), None, 8, pay(8))];
    assert_eq!(codes(&node.step(&both)), [0, Code::KeyEarly.number()]);
}

#[test]
fn a_person_cancels_a_recovery_and_one_that_waited_gives_a_new_key() {
    let mut node = Node::new(&offices());
    let start = |seed| {
        let request = wire::StartRecoveryRequest { principal: id(2), key: key(seed).0.to_vec() };
        ask("StartRecovery", &request)
    };
    let named = || wire::RecoveryRequest { principal: id(2) };
    assert_eq!(one(&mut node, 0, 1, start(60)), Code::RoleDenied.number());
    assert_eq!(one(&mut node, 1, 2, start(60)), 0);
    assert_eq!(one(&mut node, 1, 3, start(61)), Code::RecoveryPending.number());
    assert_eq!(
        one(&mut node, 1, 4, ask("CompleteRecovery", &named())),
        Code::RecoveryWaits.number()
    );
    assert_eq!(one(&mut node, 3, 5, ask("CancelRecovery", &named())), Code::RoleDenied.number());
    assert_eq!(one(&mut node, 2, 6, ask("CancelRecovery", &named())), 0);
    assert_eq!(one(&mut node, 1, 7, start(61)), 0);
    // Three days later.
    let mut slot = node.slot();
    slot.time = slot.time.plus_ms(3 * 24 * 3600 * 1000);
    let executed = node.ledger.propose(&node.store, slot, &[]).unwrap();
    node.commit(executed);
    assert_eq!(one(&mut node, 1, 8, ask("CompleteRecovery", &named())), 0);
    let old = node.transfer(90, (2, 0), (3, 0), 1);
    let pay = transfer_call(91, (2, 0), (3, 0), 1);
    let new = node.sign_as((person(2), 61), None, 91, vec![pay]);
    assert_eq!(codes(&node.step(&[old, new])), [Code::KeyRevoked.number(), 0]);
    assert_eq!(row(&node, 2).keys.len(), 2);
    assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
}

#[test]
fn two_seats_and_roles_that_exclude_each_other_are_refused() {
    let mut node = Node::new(&offices());
    let mut grant = |number, n, r| one(&mut node, 0, number, ask("GrantRole", &role(n, r)));
    assert_eq!(grant(1, 3, Role::CouncilSocial), 0);
    assert_eq!(grant(2, 3, Role::CouncilSocial), Code::Duplicate.number());
    assert_eq!(grant(3, 3, Role::CouncilResident), Code::TwoSeats.number());
    assert_eq!(grant(4, 3, Role::Auditor), 0);
    assert_eq!(grant(5, 3, Role::FundClerk), Code::WrongOrganisation.number());
    assert_eq!(grant(6, 2, Role::FundClerk), Code::WrongOrganisation.number());
    assert_eq!(grant(7, 0, Role::Auditor), Code::SelfDealing.number());
    assert_eq!(grant(8, 3, Role::Device), Code::RoleDenied.number());
    let admit =
        wire::AdmitPersonRequest { principal: vec![77; 16], key: key(77).0.to_vec(), org: 4 };
    assert_eq!(one(&mut node, 0, 9, ask("AdmitPerson", &admit)), 0);
    let mut grant = |number, r| {
        let request = wire::RoleRequest { principal: vec![77; 16], ..role(0, r) };
        one(&mut node, 0, number, ask("GrantRole", &request))
    };
    assert_eq!(grant(10, Role::FundClerk), 0);
    assert_eq!(grant(11, Role::FundController), Code::RolesExcluded.number());
    assert_eq!(grant(12, Role::FundTreasurer), Code::RolesExcluded.number());
    let taken = ask("WithdrawRole", &role(3, Role::CouncilSocial));
    assert_eq!(one(&mut node, 0, 13, taken.clone()), 0);
    assert_eq!(one(&mut node, 0, 14, taken), Code::NoRole.number());
    assert_eq!(one(&mut node, 0, 15, ask("GrantRole", &role(3, Role::CouncilResident))), 0);
    assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
}

#[test]
fn an_agent_acts_for_the_principal_and_every_act_is_marked() {
    let mut node = Node::new(&offices());
    let scope = vec![wire::Scope { room: "accounts".into(), method: String::new() }];
    let mandate = wire::GrantMandateRequest {
        principal: id(2),
        agent: id(3),
        kind: MandateKind::Agent as i32,
        scope,
        cap_per_day: 100,
        expires_ms: START.0 + 100_000,
    };
    let pay = |n| vec![transfer_call(n, (2, 0), (0, 0), 10)];
    let acts = |node: &Node, n, calls| node.sign_as((person(3), 4), Some(person(2)), n, calls);
    let before = node.step(&[acts(&node, 1, pay(1))]);
    assert_eq!(codes(&before), [Code::NoMandate.number()]);
    assert_eq!(one(&mut node, 2, 2, ask("GrantMandate", &mandate)), 0);
    let receipts = node.step(&[acts(&node, 3, pay(3)), acts(&node, 4, vec![add_key(50)])]);
    assert_eq!(codes(&receipts), [0, Code::NoMandate.number()]);
    let mark = &receipts[0].events[0];
    assert_eq!(mark.kind, "linli.identity.v1.ActedOnBehalf");
    assert_eq!(mark.about, [person(2), person(3)]);
    // The mandate is the agent's: with the principal's key they sign for themselves only.
    let stolen = node.sign_as((person(2), 3), Some(person(2)), 5, pay(5));
    let foreign = node.sign_as((person(3), 3), Some(person(2)), 6, pay(6));
    let codes_found = codes(&node.step(&[stolen, foreign]));
    assert_eq!(codes_found, [Code::NoMandate.number(), Code::KeyNotOfSender.number()]);
    let mut slot = node.slot();
    slot.time = START.plus_ms(100_000);
    let late = acts(&node, 7, pay(7));
    let late = node.ledger.propose(&node.store, slot, &[late]).unwrap();
    // Its own validity is over by then, so it does not stand in the block at all.
    assert!(late.receipts.is_empty());
    node.commit(late);
    let receipts = node.step(&[acts(&node, 8, pay(8))]);
    assert_eq!(codes(&receipts), [Code::MandateExpired.number()]);
}

#[test]
fn an_agent_neither_posts_to_themselves_nor_lets_themselves_off() {
    let mut node = Node::new(&offices());
    let scope = vec![wire::Scope { room: "accounts".into(), method: String::new() }];
    let mandate = wire::GrantMandateRequest {
        principal: id(2),
        agent: id(3),
        kind: MandateKind::Agent as i32,
        scope,
        cap_per_day: 100,
        expires_ms: START.0 + 100_000,
    };
    assert_eq!(one(&mut node, 2, 1, ask("GrantMandate", &mandate)), 0);
    let hold = |n: u64, from: u8, to: u8| {
        let request = accounts::ReserveRequest {
            id: transfer_id(n).0.to_vec(),
            debit: account(from, 0).0.to_vec(),
            credit: account(to, 0).0.to_vec(),
            amount: 10,
            code: 1,
            expires_ms: START.0 + 90_000,
            ..Default::default()
        };
        call("accounts", "Reserve", request.encode_to_vec())
    };
    // Two are the principal's, for the agent and for another; one is what the agent owes.
    for (n, from, to) in [(10, 2, 3), (11, 2, 0), (12, 3, 2), (13, 0, 2)] {
        assert_eq!(one(&mut node, from, n, hold(n, from, to)), 0);
    }
    let pending = |n: u64| transfer_id(n).0.to_vec();
    let post = |n: u64, of: u64| {
        let request = accounts::PostRequest { id: pending(n), pending: pending(of), amount: 0 };
        vec![call("accounts", "Post", request.encode_to_vec())]
    };
    let void = |n: u64, of: u64| {
        let request = accounts::VoidRequest { id: pending(n), pending: pending(of) };
        vec![call("accounts", "Void", request.encode_to_vec())]
    };
    let acts = |node: &Node, n, calls| node.sign_as((person(3), 4), Some(person(2)), n, calls);
    let asked = [post(20, 10), post(21, 11), void(22, 12), void(23, 13)];
    let candidates: Vec<_> = (30..).zip(asked).map(|(n, calls)| acts(&node, n, calls)).collect();
    let self_dealing = Code::SelfDealing.number();
    assert_eq!(codes(&node.step(&candidates)), [self_dealing, 0, self_dealing, 0]);
    // The principal may.
    assert_eq!(one(&mut node, 2, 40, post(24, 10).remove(0)), 0);
}

/// Everything of the accounts, up to a cap.
fn leave(cap_per_day: u64) -> wire::GrantMandateRequest {
    wire::GrantMandateRequest {
        principal: id(2),
        agent: id(3),
        kind: MandateKind::Agent as i32,
        scope: vec![wire::Scope { room: "accounts".into(), method: String::new() }],
        cap_per_day,
        expires_ms: START.0 + 100_000,
    }
}

/// P5: a hold that the principal made and the agent posts is given away by the agent.
#[test]
fn what_an_agent_posts_counts_once_against_the_cap() {
    let mut node = Node::new(&offices());
    assert_eq!(one(&mut node, 2, 1, ask("GrantMandate", &leave(100))), 0);
    let reserve = |n: u64, amount| {
        let request = accounts::ReserveRequest {
            id: transfer_id(n).0.to_vec(),
            debit: account(2, 0).0.to_vec(),
            credit: account(0, 0).0.to_vec(),
            amount,
            code: 1,
            expires_ms: START.0 + 90_000,
            ..Default::default()
        };
        call("accounts", "Reserve", request.encode_to_vec())
    };
    let post = |n: u64, of: u64, amount| {
        let (id, pending) = (transfer_id(n).0.to_vec(), transfer_id(of).0.to_vec());
        let request = accounts::PostRequest { id, pending, amount };
        call("accounts", "Post", request.encode_to_vec())
    };
    // Two holds are the principal's, one is the agent's and counts when it is made.
    assert_eq!(one(&mut node, 2, 2, reserve(10, 60)), 0);
    assert_eq!(one(&mut node, 2, 3, reserve(11, 50)), 0);
    let mut acts = |n, call| {
        let transaction = node.sign_as((person(3), 4), Some(person(2)), n, vec![call]);
        codes(&node.step(&[transaction]))[0]
    };
    let above = Code::MandateCap.number();
    assert_eq!(acts(20, reserve(12, 30)), 0);
    assert_eq!(acts(21, post(30, 12, 0)), 0);
    assert_eq!(acts(22, post(31, 10, 0)), 0);
    assert_eq!(acts(23, post(32, 11, 0)), above);
    assert_eq!(acts(24, post(33, 11, 11)), above);
    assert_eq!(acts(25, post(34, 11, 10)), 0);
    assert_eq!(acts(26, transfer_call(35, (2, 0), (0, 0), 1)), above);
    assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
}

#[test]
fn an_agent_makes_the_longest_chain_and_every_step_is_told() {
    let mut node = Node::new(&offices());
    assert_eq!(one(&mut node, 2, 1, ask("GrantMandate", &leave(1_000))), 0);
    let step = |n: usize| accounts::ChainStep {
        linked: n + 1 < CHAIN_STEPS_MAX,
        step: Some(accounts::chain_step::Step::Transfer(accounts::TransferRequest {
            id: transfer_id(100 + n as u64).0.to_vec(),
            debit: account(2, 0).0.to_vec(),
            credit: account(0, 0).0.to_vec(),
            amount: 1,
            code: 1,
            ..Default::default()
        })),
    };
    let chain = accounts::ChainRequest { steps: (0..CHAIN_STEPS_MAX).map(step).collect() };
    let chain = call("accounts", "Chain", chain.encode_to_vec());
    let more = transfer_call(900, (2, 0), (0, 0), 1);
    let acts = |node: &Node, n, calls| node.sign_as((person(3), 4), Some(person(2)), n, calls);
    let both = [acts(&node, 2, vec![chain.clone(), more]), acts(&node, 3, vec![chain])];
    let receipts = node.step(&both);
    assert_eq!(codes(&receipts), [Code::HostLimit.number(), 0]);
    assert_eq!(receipts[1].events.len(), EVENTS_MAX + 1);
}

#[test]
fn a_contract_uses_nobodys_office_and_records_duties() {
    let mut node = Node::new(&offices());
    let grant = role(3, Role::Auditor).encode_to_vec();
    let cross = |method: &str, args: Vec<u8>| {
        let message = Cross { room: "identity".into(), method: method.into(), args };
        call("probe", "Cross", message.encode_to_vec())
    };
    assert_eq!(one(&mut node, 0, 1, cross("GrantRole", grant)), Code::DirectOnly.number());
    assert!(!row(&node, 3).has(Role::Auditor));
    let act = |duty| wire::ActRequest { record: vec![9; 32], duty };
    assert_eq!(one(&mut node, 2, 2, ask("Act", &act(1))), Code::ContractOnly.number());
    assert_eq!(one(&mut node, 2, 3, cross("Act", act(1).encode_to_vec())), 0);
    let second = one(&mut node, 2, 4, cross("Act", act(2).encode_to_vec()));
    assert_eq!(second, Code::SeparationOfDuty.number());
    assert_eq!(one(&mut node, 3, 5, cross("Act", act(2).encode_to_vec())), 0);
    assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
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
fn a_device_signs_evidence_and_its_own_keys_and_nothing_else() {
    let mut node = Node::new(&offices());
    let device = PrincipalId([88; 16]);
    let admit = wire::AdmitDeviceRequest {
        device: device.0.to_vec(),
        key: key(88).0.to_vec(),
        org: 2,
        robot: false,
    };
    assert_eq!(one(&mut node, 0, 1, ask("AdmitDevice", &admit)), 0);
    assert_eq!(one(&mut node, 0, 2, ask("AdmitDevice", &admit)), Code::Duplicate.number());
    let other = wire::AdmitDeviceRequest { org: 3, ..admit };
    assert_eq!(one(&mut node, 0, 3, ask("AdmitDevice", &other)), Code::BusinessIdConflict.number());
    let by = |node: &Node, n, call| node.sign_as((device, 88), None, n, vec![call]);
    let pay = transfer_call(4, (2, 0), (3, 0), 1);
    let relation = ask(
        "WithdrawMandate",
        &wire::WithdrawMandateRequest { principal: device.0.to_vec(), agent: id(2) },
    );
    let asked = [by(&node, 4, pay), by(&node, 5, relation), by(&node, 6, add_key(89))];
    let denied = Code::DeviceDenied.number();
    assert_eq!(codes(&node.step(&asked)), [denied, denied, 0]);
}

/// Many transactions of every call, with labels.
fn busy() -> Node {
    let mut node = Node::new(&offices());
    for n in 0..8_u32 {
        let org = wire::AdmitOrganisationRequest {
            org: 100 + n,
            kind: OrganisationKind::Operator as i32,
            label: format!("社区服务站 {n} 号"),
        };
        let centre = wire::AdmitCentreRequest {
            centre: 1 + n,
            org: 100 + n,
            district: 330_100 + n,
            label: "示范性服务中心".into(),
        };
        let n8 = u8::try_from(n).unwrap();
        let person = wire::AdmitPersonRequest {
            principal: vec![200 + n8; 16],
            key: key(200 + n8).0.to_vec(),
            org: 0,
        };
        let age = wire::AttestPredicateRequest {
            principal: vec![200 + n8; 16],
            predicate: Predicate::Age60 as i32,
            expires_ms: START.0 + 1_000_000_000,
        };
        let kin = wire::AttestRelationRequest {
            a: vec![200 + n8; 16],
            b: id(2),
            kind: RelationKind::Lineal as i32,
            expires_ms: START.0 + 1_000_000_000,
        };
        let admin = vec![ask("AdmitOrganisation", &org), ask("AdmitCentre", &centre)];
        let service = vec![
            ask("AdmitPerson", &person),
            ask("AttestPredicate", &age),
            ask("AttestRelation", &kin),
        ];
        let number = u64::from(n);
        let receipts = node.step(&[
            node.sign(0, 10 + number, admin),
            node.sign(1, 30 + number, service),
            node.transfer(50 + number, (2, 0), (3, 0), 1),
        ]);
        assert_eq!(codes(&receipts), [0, 0, 0]);
    }
    node
}

/// Every text of a store that looks like personal data.
fn personal(store: &Memory) -> Vec<String> {
    let mut found = Vec::new();
    for (_, key, value) in store.rows() {
        for bytes in [key, value] {
            let text = String::from_utf8_lossy(bytes);
            let words = text.split(|c: char| c.is_control() || c == '\u{fffd}');
            found.extend(words.filter(|word| pii::find(word).is_some()).map(str::to_owned));
        }
    }
    found
}

#[test]
fn a_full_dump_holds_no_personal_data_because_none_came_in() {
    let node = busy();
    assert_eq!(personal(&node.store), Vec::<String>::new());
    for label in ["张三 13812345678", "11010519491231002X", "zhang.san@example.com"] {
        let request = wire::AdmitOrganisationRequest {
            org: 300,
            kind: OrganisationKind::Operator as i32,
            label: label.into(),
        };
        let refused = node.ledger.checker().check_call(&ask("AdmitOrganisation", &request));
        assert_eq!(refused.unwrap_err().code, Code::PiiSuspected.number());
    }
    // The scan would find one.
    let (mut spoilt, mut batch) = (node.store.clone(), Batch::default());
    batch.put(Column::State, b"identity\0x".to_vec(), "\u{1}住户 138-1234-5678".as_bytes());
    spoilt.apply(&batch);
    assert_eq!(personal(&spoilt).len(), 1);
    let long = wire::AdmitOrganisationRequest { org: 300, kind: 1, label: "长".repeat(47) };
    let mut node = node;
    assert_eq!(one(&mut node, 0, 70, ask("AdmitOrganisation", &long)), Code::TooLarge.number());
}

#[test]
fn queries_answer_with_ends_and_a_replay_gives_the_same_rows() {
    let node = busy();
    let ask = |method: &str, request: Vec<u8>| {
        let answer = node.ledger.query(&node.store, "identity", method, &request, person(0));
        answer.unwrap().unwrap()
    };
    let someone = wire::PrincipalRequest { principal: vec![200; 16] }.encode_to_vec();
    let answer = ask("Predicates", someone.clone());
    let found = wire::PredicatesResponse::decode(answer.result.as_slice()).unwrap().predicates;
    assert_eq!((found.len(), found[0].expires_ms), (1, START.0 + 1_000_000_000));
    assert_eq!(found[0].attested_by, id(1));
    let related = wire::RelationsRequest { a: id(2), b: vec![200; 16] }.encode_to_vec();
    let related = wire::RelationsResponse::decode(ask("Relations", related).result.as_slice());
    assert_eq!(related.unwrap().relations.len(), 1);
    let row = wire::PrincipalResponse::decode(ask("Principal", someone).result.as_slice());
    assert_eq!(row.unwrap().keys.len(), 1);
    let centre = wire::CentreRequest { centre: 3 }.encode_to_vec();
    let centre = wire::CentreResponse::decode(ask("Centre", centre).result.as_slice()).unwrap();
    assert_eq!((centre.org, centre.district), (102, 330_102));
    for key in answer.reads {
        let proof = node.ledger.prove(&key);
        let value = node.store.get(Column::State, &key).unwrap();
        assert_eq!(proof.root(&key, value.as_deref()), Some(node.ledger.head().state_root));
    }
    let height = node.ledger.head().height.0;
    let stored = (1..=height).map(|h| load_block(&node.store, Height(h)).unwrap().unwrap());
    let head = replay(&offices().to_bytes(), stored, Settings::default()).unwrap();
    assert_eq!(&head, node.ledger.head());
    assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
}

#[test]
fn an_answer_and_an_entry_concern_the_same_people() {
    let own = |full: Vec<u8>| full.strip_prefix(b"identity\0").unwrap().to_vec();
    let (a, b) = (person(0), person(1));
    let these = |ids: &[PrincipalId]| Concerns::These(ids.to_vec());
    let one = wire::PrincipalRequest { principal: id(0) }.encode_to_vec();
    assert_eq!(concerns("Predicates", &one), these(&[a]));
    assert_eq!(concerns_entry(&own(rows::predicate_key(&a, 1))), these(&[a]));
    assert_eq!(concerns("Principal", &one), concerns_entry(&own(rows::principal_key(&a))));
    let two = wire::MandateRequest { principal: id(0), agent: id(1) }.encode_to_vec();
    assert_eq!(concerns("Mandate", &two), these(&[a, b]));
    assert_eq!(concerns_entry(&own(rows::mandate_key(&a, &b))), these(&[a, b]));
    assert_eq!(concerns_entry(&own(rows::relation_key(&b, &a, 1))), these(&[a, b]));
    assert_eq!(concerns("Organisation", &[]), Concerns::Nobody);
    assert_eq!(concerns_entry(&own(rows::centre_key(1))), Concerns::Nobody);
    // What is unknown or malformed is shown to nobody but auditors.
    assert_eq!(concerns("Principal", &[1, 2]), Concerns::Auditors);
    assert_eq!(concerns("Everything", &one), Concerns::Auditors);
    assert_eq!(concerns_entry(&own(rows::duties_key("x", &[0; 32]))), Concerns::Auditors);
    assert_eq!(concerns_entry(b"p123"), Concerns::Auditors);
    assert_eq!(concerns_entry(b""), Concerns::Auditors);
}
