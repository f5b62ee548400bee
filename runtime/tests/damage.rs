//! `check_db`: a whole store has no complaint; whatever is changed in it is named.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::{Settings, check_db};
use linli_types::certificate::{Certificate, Precommit, VoteKind, vote_bytes};
use linli_types::id::{PublicKey, Signature};
use linli_types::signature::Verify;
use linli_types::store::{Batch, Column, Memory, Store};
use support::*;

/// A scheme for tests: a signature is the message's keyed digest.
struct Pretend;

impl Verify for Pretend {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        pretend_sign(key, message) == *signature
    }
}

fn pretend_sign(key: &PublicKey, message: &[u8]) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(blake3::keyed_hash(&key.0, message).as_bytes());
    Signature(bytes)
}

fn certified(executed: &linli_runtime::Executed) -> Certificate {
    let header = &executed.header;
    let kind = VoteKind::Precommit;
    let message = vote_bytes(&header.chain, kind, header.height, 0, Some(&executed.id));
    let vote = |v: &linli_types::validator::Validator| Precommit {
        validator: v.key,
        signature: pretend_sign(&v.key, &message),
    };
    let precommits = validators().members().iter().map(vote).collect();
    Certificate { height: header.height, round: 0, block: executed.id, precommits }
}

fn chain_of_seven() -> Memory {
    let mut node = Node::new(&genesis());
    for n in 0..7_u64 {
        let (from, to) = ((n % 4) as u8, ((n + 1) % 4) as u8);
        let executed = node.propose(&[node.transfer(n, (from, 0), (to, 1), 3 + n)]);
        let batch = node.ledger.batch(&executed, &certified(&executed));
        node.store.commit(&batch).unwrap();
        node.ledger.adopt(executed).unwrap();
    }
    node.store
}

fn complaints(store: &Memory) -> Vec<String> {
    check_db(store, &Pretend, Settings::default())
}

#[test]
fn a_whole_store_has_no_complaint() {
    assert_eq!(complaints(&chain_of_seven()), Vec::<String>::new());
}

#[test]
fn every_row_that_is_changed_or_lost_is_noticed() {
    let store = chain_of_seven();
    let rows: Vec<_> = store.rows().map(|(c, k, v)| (c, k.to_vec(), v.to_vec())).collect();
    let mut columns = std::collections::BTreeSet::new();
    for (column, key, value) in rows {
        columns.insert(column);
        let mut changed = value.clone();
        match changed.last_mut() {
            Some(last) => *last ^= 1,
            None => changed.push(0),
        }
        for new in [Some(changed), None] {
            let mut damaged = store.clone();
            let mut batch = Batch::default();
            match new.clone() {
                Some(value) => batch.put(column, key.clone(), value),
                None => batch.remove(column, key.clone()),
            }
            damaged.apply(&batch);
            let found = complaints(&damaged);
            assert!(!found.is_empty(), "{column:?} {key:02x?} became {new:02x?}");
        }
    }
    // The log is empty on this chain; everything else is there.
    assert_eq!(columns.len(), Column::ALL.len() - 1);
}

#[test]
fn a_certificate_without_a_quorum_is_named() {
    let mut node = Node::new(&genesis());
    let executed = node.propose(&[]);
    let mut certificate = certified(&executed);
    certificate.precommits.truncate(2);
    node.store.commit(&node.ledger.batch(&executed, &certificate)).unwrap();
    let found = complaints(&node.store);
    assert!(found.iter().any(|c| c.contains("not more than two thirds")), "{found:?}");
}
