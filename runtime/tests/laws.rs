//! The laws of `identity` and `policy` as objects: each names what was broken on purpose.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::identity::rows::{
    AttestRow, MandateKind, MandateRow, OrgRow, RecoveryRow, mandate_key, org_key, principal_key,
    recovery_key, relation_key,
};
use linli_runtime::identity::{KeyRow, PrincipalRow, load};
use linli_runtime::invariant::breaches;
use linli_runtime::policy::{HeadRow, VersionRow, head_key, version_key};
use linli_runtime::stored::{decode, full_key};
use linli_types::genesis::Role;
use linli_types::height::{Height, TimeMs};
use linli_types::id::PrincipalId;
use linli_types::store::{Batch, Column, Memory, Read};
use support::*;

/// The breaches of a fresh store with one row changed, without the root's, which every change
/// breaks.
fn broken(column: Column, key: Vec<u8>, value: Option<Vec<u8>>) -> Vec<String> {
    broken_in(&Node::new(&genesis()).store, column, key, value)
}

fn broken_in(store: &Memory, column: Column, key: Vec<u8>, value: Option<Vec<u8>>) -> Vec<String> {
    let (mut store, mut batch) = (store.clone(), Batch::default());
    match value {
        Some(value) => batch.put(column, key, value),
        None => batch.remove(column, key),
    }
    store.apply(&batch);
    let found = breaches(&store).unwrap();
    found.into_iter().filter(|breach| !breach.starts_with("D4")).collect()
}

fn names(found: &[String], law: &str) {
    assert!(!found.is_empty(), "{law} was not missed");
    assert!(found.iter().all(|breach| breach.starts_with(law)), "{law}: {found:?}");
}

fn with_row(n: u8, change: impl FnOnce(&mut PrincipalRow)) -> Vec<String> {
    let store = Node::new(&genesis()).store;
    let mut row = load(&store, &person(n)).unwrap().unwrap();
    change(&mut row);
    broken_in(&store, Column::State, principal_key(&person(n)), Some(linli_types::encode(&row)))
}

#[test]
fn a_key_that_leads_elsewhere_or_nowhere_is_named() {
    let own = full_key("identity", &key(1).0);
    names(&broken(Column::Side, own.clone(), None), "P1");
    names(&broken(Column::Side, own.clone(), Some(person(1).0.to_vec())), "P1");
    let stray = full_key("identity", &key(70).0);
    names(&broken(Column::Side, stray.clone(), Some(person(1).0.to_vec())), "P1");
    names(&broken(Column::Side, stray, Some(vec![99; 16])), "P1");
    names(&with_row(0, |row| row.retired = 1), "P1");
    let extra = KeyRow { key: key(70), from: Height(0), until: None };
    names(&with_row(0, |row| row.keys.push(extra)), "P1");
}

#[test]
fn a_principal_without_a_key_to_come_is_named() {
    names(&with_row(0, |row| row.keys[0].until = Some(Height(9))), "P2");
    names(&with_row(0, |row| row.keys[0].from = Height(9)), "P2");
}

#[test]
fn roles_that_exclude_each_other_or_stand_in_disorder_are_named() {
    let roles = |roles: Vec<Role>| with_row(0, move |row| row.roles = roles);
    names(&roles(vec![Role::FundClerk, Role::FundTreasurer]), "P4");
    names(&roles(vec![Role::CouncilResident, Role::CouncilSocial]), "P4");
    names(&roles(vec![Role::Resident, Role::Device]), "P4");
    names(&roles(vec![Role::Resident, Role::Auditor]), "P4");
    names(&roles(vec![Role::Resident, Role::Resident]), "P4");
    names(&with_row(0, |row| row.org = 77), "P4");
}

#[test]
fn rows_that_cannot_be_read_or_name_nobody_are_named() {
    let stranger = PrincipalId([99; 16]);
    let state = |key: Vec<u8>, row: Vec<u8>| broken(Column::State, key, Some(row));
    let mandate = MandateRow {
        kind: MandateKind::Agent,
        scope: vec![("accounts".into(), String::new())],
        cap_per_day: 1,
        expires: START,
        day: 0,
        spent: 0,
    };
    let encoded = linli_types::encode(&mandate);
    assert_eq!(state(mandate_key(&person(0), &person(1)), encoded.clone()), Vec::<String>::new());
    names(&state(mandate_key(&person(0), &person(1)), vec![9]), "P5");
    names(&state(mandate_key(&person(0), &stranger), encoded.clone()), "P5");
    names(&state(mandate_key(&person(0), &person(0)), encoded), "P5");
    let row = AttestRow { expires: START, by: stranger };
    names(&state(relation_key(&person(0), &person(1), 1), linli_types::encode(&row)), "P5");
    let row = RecoveryRow { key: key(70), completes: START, by: person(1) };
    names(&state(recovery_key(&stranger), linli_types::encode(&row)), "P5");
    let row = OrgRow::new(linli_types::validator::OrgKind::Bank, String::new(), Height(0));
    let mut long = org_key(1);
    long.push(0);
    names(&state(long, linli_types::encode(&row)), "P5");
    names(&state(full_key("identity", b"z"), vec![]), "P5");
}

#[test]
fn versions_that_do_not_ascend_are_named() {
    let store = Node::new(&genesis()).store;
    let read = |key: Vec<u8>| store.get(Column::State, &key).unwrap().unwrap();
    let version: VersionRow = decode(&read(version_key(1)), "").unwrap();
    let head: HeadRow = decode(&read(head_key()), "").unwrap();
    let state = |key, row| broken(Column::State, key, Some(row));
    names(&state(head_key(), linli_types::encode(&HeadRow { last: 2, ..head.clone() })), "Y3");
    let scheduled = vec![(2, START)];
    names(&state(head_key(), linli_types::encode(&HeadRow { scheduled, ..head.clone() })), "Y3");
    names(&broken(Column::State, head_key(), None), "Y3");
    names(&broken(Column::State, version_key(1), None), "Y3");
    let mut bad = version.clone();
    bad.content.weights[0].parts[0] += 1;
    names(&state(version_key(1), linli_types::encode(&bad)), "Y3");
    // A second version that begins before the first.
    let early = VersionRow { number: 2, effective: TimeMs(0), ..version };
    names(&state(version_key(2), linli_types::encode(&early)), "Y3");
    names(&state(version_key(3), linli_types::encode(&early)), "Y3");
    names(&state(full_key("policy", b"x"), vec![]), "Y3");
}
