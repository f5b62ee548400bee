//! Receipt keys: whose word counts, which one holds, and what comes back never.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use ed25519_dalek::Signer as _;
use linli_runtime::log::{ReceiptKeyRow, receipt_key, receipt_key_key, set_request};
use linli_runtime::{Settings, load_block, replay};
use linli_types::code::Code;
use linli_types::delegation::{Delegation, ReceiptKey};
use linli_types::height::Height;
use linli_types::id::{ChainId, PublicKey, Signature};
use linli_types::signature::Zip215;
use linli_types::store::{Column, Read};
use linli_types::wire::log as wire;
use prost::Message;
use support::*;

struct Chain {
    node: Node,
    number: u64,
}

impl Chain {
    fn new() -> Self {
        Self { node: Node::new(&genesis()), number: 0 }
    }

    /// Validator `n` delegates the key of `seed` from a height on.
    fn delegation(&self, n: u8, seed: u8, from_height: u64) -> Delegation {
        delegation(self.node.chain(), n, key(seed), from_height)
    }

    fn set(&mut self, delegation: &Delegation) -> u32 {
        self.number += 1;
        let args = set_request(delegation).encode_to_vec();
        let transaction = self.node.sign(0, self.number, vec![call("log", "SetReceiptKey", args)]);
        code_of(&self.node.step(&[transaction])[0])
    }

    fn row(&self, n: u8) -> Option<ReceiptKeyRow> {
        receipt_key(&self.node.store, &key(100 + n)).unwrap()
    }

    fn keys(&self, validator: &[u8]) -> (Vec<wire::ReceiptKey>, Vec<Vec<u8>>) {
        let args = wire::ReceiptKeysRequest { validator: validator.to_vec() }.encode_to_vec();
        let (ledger, store) = (&self.node.ledger, &self.node.store);
        let answer = ledger.query(store, "log", "ReceiptKeys", &args, person(0)).unwrap().unwrap();
        (wire::ReceiptKeysResponse::decode(answer.result.as_slice()).unwrap().keys, answer.reads)
    }
}

fn delegation(chain: ChainId, n: u8, key_of: PublicKey, from_height: u64) -> Delegation {
    let (validator, from_height) = (key(100 + n), Height(from_height));
    let says = ReceiptKey { chain, validator, key: key_of, from_height };
    let signer = ed25519_dalek::SigningKey::from_bytes(&[100 + n; 32]);
    Delegation { says, signature: Signature(signer.sign(&says.signing_bytes()).to_bytes()) }
}

#[test]
fn anyone_carries_what_a_validator_signed_and_the_row_proves_it() {
    let mut chain = Chain::new();
    assert_eq!(chain.row(0), None);
    let said = chain.delegation(0, 150, 1);
    assert_eq!(chain.set(&said), 0);
    let row = chain.row(0).unwrap();
    assert_eq!((row.number, row.delegation), (1, said));
    assert!(row.delegation.holds(&Zip215));
    assert_eq!(chain.set(&said), Code::Duplicate.number());
    let (keys, reads) = chain.keys(&[]);
    assert_eq!((keys.len(), keys[0].validates), (1, true));
    assert_eq!(reads, [receipt_key_key(&key(100))]);
    chain.node.reopen();
    assert_eq!(chain.row(0).unwrap(), row);
}

#[test]
fn a_word_that_the_validator_did_not_sign_is_refused() {
    let mut chain = Chain::new();
    let good = chain.delegation(0, 150, 1);
    let refused = Code::ReceiptKeySignature.number();
    for says in [
        ReceiptKey { key: key(151), ..good.says },
        ReceiptKey { from_height: Height(2), ..good.says },
        ReceiptKey { validator: key(101), ..good.says },
    ] {
        assert_eq!(chain.set(&Delegation { says, ..good }), refused, "{says:?}");
    }
    // Signed for another chain.
    let elsewhere = delegation(ChainId([9; 32]), 0, key(150), 1);
    assert_eq!(chain.set(&elsewhere), refused);
    assert_eq!(chain.row(0), None);
}

#[test]
fn a_stranger_and_a_key_that_no_careful_signer_made_are_refused() {
    let mut chain = Chain::new();
    assert_eq!(chain.set(&chain.delegation(30, 150, 1)), Code::NotValidator.number());
    let mut identity = [0; 32];
    identity[0] = 1;
    let weak = delegation(chain.node.chain(), 0, PublicKey(identity), 1);
    assert_eq!(chain.set(&weak), Code::BadKey.number());
}

#[test]
fn a_key_is_replaced_forward_only_and_its_past_is_kept() {
    let mut chain = Chain::new();
    let (first, second) = (chain.delegation(0, 150, 1), chain.delegation(0, 151, 40));
    assert_eq!(chain.set(&first), 0);
    assert_eq!(chain.set(&chain.delegation(0, 151, 1)), Code::ReceiptKeyOrder.number());
    assert_eq!(chain.set(&second), 0);
    // K2: the old one never comes back, whoever carries it.
    assert_eq!(chain.set(&first), Code::ReceiptKeyOrder.number());
    assert_eq!(chain.row(0).unwrap().number, 2);
    let (all, _) = chain.keys(&key(100).0);
    let numbers: Vec<(u32, u64)> = all.iter().map(|k| (k.number, k.from_height)).collect();
    assert_eq!(numbers, [(1, 1), (2, 40)]);
    assert_eq!(chain.keys(&[]).0.len(), 1, "without a name only what holds");
    assert!(chain.keys(&key(102).0).0.is_empty());
}

#[test]
fn a_receipt_key_is_one_validators() {
    let mut chain = Chain::new();
    assert_eq!(chain.set(&chain.delegation(0, 150, 1)), 0);
    assert_eq!(chain.set(&chain.delegation(1, 150, 1)), Code::KeyTaken.number());
    assert_eq!(chain.set(&chain.delegation(1, 151, 1)), 0);
    // Also one that was replaced.
    assert_eq!(chain.set(&chain.delegation(0, 152, 2)), 0);
    assert_eq!(chain.set(&chain.delegation(1, 150, 3)), Code::KeyTaken.number());
}

#[test]
fn a_key_that_begins_in_a_distant_future_is_refused() {
    let mut chain = Chain::new();
    let ahead = linli_types::limits::KEY_AHEAD_HEIGHTS_MAX;
    assert_eq!(chain.set(&chain.delegation(0, 150, ahead + 9)), Code::ReceiptKeyAhead.number());
    assert_eq!(chain.set(&chain.delegation(0, 150, ahead)), 0);
}

#[test]
fn malformed_arguments_are_refused_before_any_block() {
    let chain = Chain::new();
    let mut request = set_request(&chain.delegation(0, 150, 1));
    request.key.pop();
    let call = call("log", "SetReceiptKey", request.encode_to_vec());
    let body = body(&chain.node.chain(), 0, 1, START.plus_ms(60_000), vec![call]);
    let raw = linli_types::transaction::envelope(&body, &Signature([7; 64]));
    assert!(chain.node.ledger.checker().check_shape(&raw).is_err());
}

#[test]
fn the_rows_stand_in_the_tree_and_replay_comes_to_the_same() {
    let mut chain = Chain::new();
    assert_eq!(chain.set(&chain.delegation(0, 150, 1)), 0);
    assert_eq!(chain.set(&chain.delegation(0, 151, 2)), 0);
    let row = chain.node.store.get(Column::State, &receipt_key_key(&key(100))).unwrap().unwrap();
    let proof = chain.node.ledger.prove(&receipt_key_key(&key(100)));
    let root = proof.root(&receipt_key_key(&key(100)), Some(&row));
    assert_eq!(root, Some(chain.node.ledger.head().state_root));
    let blocks = (1..=chain.node.ledger.head().height.0).map(Height);
    let blocks = blocks.map(|h| load_block(&chain.node.store, h).unwrap().unwrap());
    let head = replay(&genesis().to_bytes(), blocks, Settings::default()).unwrap();
    assert_eq!(head.state_root, chain.node.ledger.head().state_root);
}
