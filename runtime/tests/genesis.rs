//! What a genesis may not ask for, and the reason it is told.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::{GenesisRefused, Ledger, Settings};
use linli_types::genesis::{Genesis, Module};
use linli_types::id::{AccountId, PrincipalId, PublicKey};
use support::*;

fn refused(change: impl FnOnce(&mut Genesis)) -> GenesisRefused {
    let mut genesis = genesis();
    change(&mut genesis);
    Ledger::genesis(&genesis.to_bytes(), Settings::default()).unwrap_err()
}

#[test]
fn each_mistake_is_refused_with_its_reason() {
    let cases: [(&str, GenesisRefused); 10] = [
        ("asks for protocol 2", refused(|g| g.protocol = 2)),
        ("stands twice", refused(|g| g.principals[1].id = g.principals[0].id)),
        ("reserved", refused(|g| g.principals[1].id = PrincipalId([0; 16]))),
        ("belongs to two", refused(|g| g.principals[1].key = g.principals[0].key)),
        ("small order", refused(|g| g.principals[1].key = PublicKey(small_order()))),
        ("stands twice", refused(|g| g.accounts[1].id = g.accounts[0].id)),
        ("reserved", refused(|g| g.accounts[1].id = AccountId(*b"issuance12345678"))),
        ("no principal", refused(|g| g.accounts[1].owner = PrincipalId([9; 16]))),
        ("does not fit", refused(|g| g.accounts.iter_mut().for_each(|a| a.opening = u64::MAX))),
        ("is taken", refused(|g| g.modules.push(module("accounts")))),
    ];
    for (reason, refusal) in cases {
        assert!(refusal.to_string().contains(reason), "{refusal} does not say {reason:?}");
    }
}

fn small_order() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
}

fn module(name: &str) -> Module {
    Module { name: name.into(), code: vec![0] }
}

#[test]
fn names_that_are_no_names_and_bytes_that_are_no_module_are_refused() {
    for name in ["", "Evidence", "a b", "1st", "../x", &"a".repeat(49)] {
        let refusal = refused(|g| g.modules.push(module(name)));
        assert!(refusal.to_string().contains("cannot name a contract"), "{refusal}");
    }
    let refusal = refused(|g| g.modules.push(module("good-name")));
    assert!(refusal.to_string().starts_with("contract good-name:"), "{refusal}");
    let twice = refused(|g| {
        let code = linli_modules::probe().to_vec();
        g.modules = [(); 2].map(|()| Module { name: "x".into(), code: code.clone() }).to_vec();
    });
    assert!(twice.to_string().contains("taken"), "{twice}");
}

#[test]
fn other_bytes_are_no_genesis() {
    let bytes = genesis().to_bytes();
    for bad in [&bytes[..bytes.len() - 1], &bytes[1..], &[], &[bytes.as_slice(), &[0]].concat()] {
        let refusal = Ledger::genesis(bad, Settings::default()).unwrap_err();
        assert!(matches!(refusal, GenesisRefused::Unreadable(_)), "{refusal}");
    }
}

#[test]
fn the_same_genesis_gives_the_same_rows_and_an_opened_ledger_equals_a_begun_one() {
    let bytes = genesis().to_bytes();
    let (begun, batch) = Ledger::begin(&bytes, Settings::default()).unwrap();
    assert_eq!(batch, Ledger::genesis(&bytes, Settings::default()).unwrap());
    let opened = Node::new(&genesis());
    assert_eq!(begun.head(), opened.ledger.head());
    assert_eq!(begun.sizes(), opened.ledger.sizes());
    assert_eq!(linli_runtime::invariant::breaches(&opened.store).unwrap(), Vec::<String>::new());
}
