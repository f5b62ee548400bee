//! Bad transactions as a program meets them: raw bytes at the gRPC door of a running net. Each is
//! refused with its code, in words of both languages, and leaves no trace.

mod support;

use ed25519_dalek::{Signer, SigningKey};
use linli_proto::ledger_client::LedgerClient;
use linli_proto::{Refused, SubmitRequest};
use linli_sdk::client::Found;
use linli_sdk::{Client, Outcome, SecretKey, Signed};
use linli_testnet::keys;
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, PrincipalId, PublicKey, Signature, TxKey};
use linli_types::limits::{ARGUMENT_BYTES_MAX, CALLS_MAX, TRANSACTION_BYTES_MAX, VALIDITY_MS_MAX};
use linli_types::transaction::{envelope, signing_bytes};
use linli_types::wire::accounts::TransferRequest;
use linli_types::wire::{Call, TransactionBody};
use linli_types::{certificate, digest};
use prost::Message;
use support::{BOUND, Live};
use tonic::transport::Channel;

/// The order of the group, little-endian: RFC 8032, section 5.1.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Whoever submits, and what they need for it.
struct Desk {
    live: Live,
    raw: LedgerClient<Channel>,
    client: Client,
    chain: ChainId,
    key: SecretKey,
    sender: PrincipalId,
    next: u64,
}

#[tokio::test]
async fn bad_transactions_are_refused_at_the_door_and_leave_no_trace() {
    let mut desk = Desk::open().await;
    another_chain_and_another_time(&mut desk).await;
    senders_and_keys(&mut desk).await;
    signatures_that_do_not_hold(&mut desk).await;
    bytes_that_are_no_transaction(&mut desk).await;
    the_same_key_with_other_bytes(&mut desk).await;
    a_retry_after_expiry_moves_nothing_twice(&mut desk).await;
}

impl Desk {
    async fn open() -> Self {
        let live = Live::start();
        let chain: ChainId = live.net.chain.parse().unwrap();
        let (key, sender) = keys::read(&live.key("operator")).unwrap();
        let url = live.net.validators[0].grpc.clone();
        let raw = LedgerClient::connect(url.clone()).await.unwrap();
        let client = Client::connect(&url, chain, key.clone()).await.unwrap();
        Self { live, raw, client, chain, key, sender, next: 1 }
    }

    /// A fresh transfer of one fen, valid for a minute.
    async fn body(&mut self) -> TransactionBody {
        self.next += 1;
        let id = u128::from(self.next).to_le_bytes().to_vec();
        let account = |who: &str| hex::decode(self.live.account(who)).unwrap();
        let (debit, credit) = (account("operator"), account("resident"));
        let args = TransferRequest {
            id: id.clone(),
            debit,
            credit,
            amount: 1,
            code: 1,
            ..Default::default()
        };
        let args = args.encode_to_vec();
        let head = self.client.status().await.unwrap().time_ms;
        TransactionBody {
            chain_tag: self.chain.tag(),
            sender: self.sender.0.to_vec(),
            signer: self.key.public().0.to_vec(),
            key: id,
            valid_until_ms: head.max(linli_testnet::net::now_ms()) + 60_000,
            calls: vec![Call { room: "accounts".into(), method: "Transfer".into(), args }],
        }
    }

    fn sign(&self, body: &TransactionBody) -> Vec<u8> {
        let bytes = body.encode_to_vec();
        envelope(&bytes, &self.key.sign(&signing_bytes(&self.chain, &bytes)))
    }

    async fn submit(&mut self, transaction: Vec<u8>) -> Option<Refused> {
        let answer = self.raw.submit(SubmitRequest { transaction }).await;
        answer.unwrap().into_inner().refused
    }

    /// Refused by this code, in words, and no block ever holds it.
    async fn refuses(&mut self, raw: Vec<u8>, code: &str, what: &str) {
        let refused = self.submit(raw.clone()).await;
        let refused = refused.unwrap_or_else(|| panic!("{what} was taken"));
        assert_eq!(refused.name, code, "{what}: {refused:?}");
        for words in [&refused.zh, &refused.en, &refused.next_zh, &refused.next_en] {
            assert!(!words.is_empty(), "{what}: {refused:?}");
        }
        // A good one goes into a block meanwhile; then the bad one is in none before it.
        let good = self.body().await;
        self.settle(&good).await;
        let signed = linli_types::wire::SignedTransaction::decode(&*raw).unwrap_or_default();
        let id = digest::transaction_id(&signed.body);
        let found = self.client.receipt(id, 0).await.is_ok_and(|answer| answer.found);
        assert!(!found, "{what} stands in a block");
    }

    async fn settle(&mut self, body: &TransactionBody) -> Outcome {
        let raw = self.sign(body);
        assert_eq!(self.submit(raw.clone()).await, None);
        let signed = Signed {
            id: digest::transaction_id(&body.encode_to_vec()),
            key: TxKey::from_slice(&body.key).unwrap(),
            valid_until: TimeMs(body.valid_until_ms),
            raw,
        };
        self.client.wait_receipt(&signed, BOUND).await
    }

    fn operator_has(&self) -> i64 {
        let account = self.live.account("operator").to_owned();
        let shown = self.live.linli("operator", &["account", "balance", &account]).done();
        shown.json()["balance"].as_i64().unwrap()
    }
}

async fn another_chain_and_another_time(desk: &mut Desk) {
    let body = desk.body().await;
    let other = TransactionBody { chain_tag: body.chain_tag ^ 1, ..body.clone() };
    desk.refuses(desk.sign(&other), "WRONG_CHAIN", "another chain's tag").await;
    // The tag of this chain, signed for another one.
    let (own, bytes) = (desk.chain, body.encode_to_vec());
    let mut twin = own;
    twin.0[31] ^= 1;
    let signature = desk.key.sign(&signing_bytes(&twin, &bytes));
    desk.refuses(envelope(&bytes, &signature), "BAD_SIGNATURE", "signed for another chain").await;
    let now = linli_testnet::net::now_ms();
    for (valid_until_ms, code) in [
        (0, "EXPIRED"),
        (now - 60_000, "EXPIRED"),
        (now + VALIDITY_MS_MAX + 60_000, "TOO_DISTANT"),
        (u64::MAX, "TOO_DISTANT"),
    ] {
        let body = TransactionBody { valid_until_ms, ..desk.body().await };
        desk.refuses(desk.sign(&body), code, "a wrong validity").await;
    }
}

async fn senders_and_keys(desk: &mut Desk) {
    let unknown = TransactionBody { sender: vec![9; 16], ..desk.body().await };
    desk.refuses(desk.sign(&unknown), "UNKNOWN_SENDER", "an unknown sender").await;
    let auditor = keys::read(&desk.live.key("auditor")).unwrap();
    let foreign = TransactionBody { sender: auditor.1.0.to_vec(), ..desk.body().await };
    desk.refuses(desk.sign(&foreign), "KEY_NOT_OF_SENDER", "another's name").await;
    for (body, what) in [
        (TransactionBody { sender: vec![9; 15], ..desk.body().await }, "a short sender"),
        (TransactionBody { signer: vec![9; 33], ..desk.body().await }, "a long signer"),
        (TransactionBody { key: vec![], ..desk.body().await }, "no key"),
        (TransactionBody { calls: vec![], ..desk.body().await }, "no call"),
    ] {
        desk.refuses(desk.sign(&body), "MALFORMED", what).await;
    }
}

async fn signatures_that_do_not_hold(desk: &mut Desk) {
    let body = desk.body().await;
    let (bytes, chain) = (body.encode_to_vec(), desk.chain);
    let good = desk.key.sign(&signing_bytes(&chain, &bytes));
    let mut bad = vec![("nothing but zeros", [0; 64]), ("nothing but ones", [0xff; 64])];
    for (what, at) in [("a flipped bit in R", 0), ("a flipped bit in S", 32)] {
        let mut flipped = good.0;
        flipped[at] ^= 1;
        bad.push((what, flipped));
    }
    bad.push(("S raised by the order of the group", raised(&good)));
    let mut high = good.0;
    high[63] |= 0xe0;
    bad.push(("S with its highest bits set", high));
    let mut identity = good.0;
    identity[..32].copy_from_slice(&small_order());
    bad.push(("R of small order", identity));
    for (what, signature) in bad {
        desk.refuses(envelope(&bytes, &Signature(signature)), "BAD_SIGNATURE", what).await;
    }
    // Without the domain, as a naive signer would do it.
    for (what, message) in [
        ("signed over the bare body", bytes.clone()),
        ("signed over the bare id", digest::transaction_id(&bytes).0.to_vec()),
        ("signed as a read", certificate::preimage(digest::Domain::Read, &chain)),
    ] {
        let signature = desk.key.sign(&message);
        desk.refuses(envelope(&bytes, &signature), "BAD_SIGNATURE", what).await;
    }
    // Key and signature of small order fit any message by ZIP-215's rules: as a key it is nobody's.
    let signer = small_order().to_vec();
    let body = TransactionBody { signer, ..desk.body().await };
    let mut any = [0; 64];
    any[..32].copy_from_slice(&small_order());
    let raw = envelope(&body.encode_to_vec(), &Signature(any));
    desk.refuses(raw, "KEY_NOT_OF_SENDER", "a key of small order").await;
    // And another's valid signature stays another's.
    let other = SigningKey::from_bytes(&[77; 32]);
    let signer = PublicKey(other.verifying_key().to_bytes()).0.to_vec();
    let body = TransactionBody { signer, ..desk.body().await };
    let bytes = body.encode_to_vec();
    let signature = Signature(other.sign(&signing_bytes(&chain, &bytes)).to_bytes());
    desk.refuses(envelope(&bytes, &signature), "KEY_NOT_OF_SENDER", "a stranger's key").await;
}

/// The identity in its only canonical spelling.
fn small_order() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
}

/// The same signature with S + L: a second spelling that a careless verifier accepts.
fn raised(good: &Signature) -> [u8; 64] {
    let (mut bytes, mut carry) = (good.0, 0_u16);
    for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*byte) + u16::from(order);
        *byte = (carry & 255) as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0, "S and L are below 2^253");
    bytes
}

async fn bytes_that_are_no_transaction(desk: &mut Desk) {
    let body = desk.body().await;
    let (good, bytes) = (desk.sign(&body), body.encode_to_vec());
    let signature = |bytes: &[u8]| desk.key.sign(&signing_bytes(&desk.chain, bytes));
    let with = |more: &[u8]| {
        let mut all = bytes.clone();
        all.extend_from_slice(more);
        envelope(&all, &signature(&all))
    };
    let args = |args: Vec<u8>| {
        let call = Call { args, ..body.calls[0].clone() };
        desk.sign(&TransactionBody { calls: vec![call], ..body.clone() })
    };
    let mut unknown_argument = body.calls[0].args.clone();
    unknown_argument.extend([0x78, 1]);
    let mut trailing = good.clone();
    trailing.push(0);
    // Field 6 within field 6, a thousand times; and as many groups, which proto3 does not have.
    let nested = (0..1000).fold(Vec::new(), |inner: Vec<u8>, _| {
        let mut outer = vec![0x32];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    });
    let groups = [vec![0x33; 10_000], vec![0x34; 10_000]].concat();
    let calls = |n| TransactionBody { calls: vec![body.calls[0].clone(); n], ..body.clone() };
    let mut cases = vec![
        (vec![], "MALFORMED", "nothing"),
        (vec![0xff; 64], "MALFORMED", "noise"),
        (trailing, "MALFORMED", "a byte too many"),
        (with(&[0x3a, 1, 0]), "MALFORMED", "an unknown field"),
        (with(&bytes[..10]), "MALFORMED", "a field given twice"),
        (with(&nested), "MALFORMED", "deep nesting"),
        (with(&groups), "MALFORMED", "groups without end"),
        (
            with(&[0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            "MALFORMED",
            "a varint too long",
        ),
        (args(unknown_argument), "MALFORMED", "an unknown argument"),
        (args(vec![]), "MALFORMED", "no arguments"),
        (args(vec![0; ARGUMENT_BYTES_MAX + 1]), "TOO_LARGE", "arguments too large"),
        (desk.sign(&calls(CALLS_MAX + 1)), "TOO_LARGE", "too many calls"),
        (vec![0x0a; TRANSACTION_BYTES_MAX + 1], "TOO_LARGE", "a transaction too large"),
    ];
    for cut in [1, 2, 63, 64, 65, 66, 67, good.len() / 2, good.len() - 1] {
        cases.push((good[..good.len() - cut].to_vec(), "MALFORMED", "cut short"));
    }
    for (raw, code, what) in cases {
        desk.refuses(raw, code, what).await;
    }
    let room = Call { room: "bank".into(), ..body.calls[0].clone() };
    let method = Call { method: "Steal".into(), ..body.calls[0].clone() };
    for (call, code) in [(room, "UNKNOWN_ROOM"), (method, "UNKNOWN_METHOD")] {
        let body = TransactionBody { calls: vec![call], ..desk.body().await };
        desk.refuses(desk.sign(&body), code, code).await;
    }
    // Larger than the door: the transport itself says so, and the connection lives on.
    let huge = SubmitRequest { transaction: vec![0x0a; 16 * 1024 * 1024] };
    assert!(desk.raw.submit(huge).await.is_err());
    let body = desk.body().await;
    assert!(matches!(desk.settle(&body).await, Outcome::Done(_)));
}

async fn the_same_key_with_other_bytes(desk: &mut Desk) {
    let body = desk.body().await;
    assert!(matches!(desk.settle(&body).await, Outcome::Done(_)));
    let before = desk.operator_has();
    let again = desk.submit(desk.sign(&body)).await.unwrap();
    assert_eq!(again.name, "EXISTS");
    let other = TransactionBody { valid_until_ms: body.valid_until_ms + 1, ..body.clone() };
    desk.refuses(desk.sign(&other), "ID_CONFLICT", "the same key with other bytes").await;
    // Also while the first one still waits, and on another node.
    let first = desk.body().await;
    let second = TransactionBody { valid_until_ms: first.valid_until_ms + 1, ..first.clone() };
    let (first, second) = (desk.sign(&first), desk.sign(&second));
    assert_eq!(desk.submit(first).await, None);
    let conflict = desk.submit(second).await.unwrap();
    assert_eq!(conflict.name, "ID_CONFLICT");
    let after = desk.body().await;
    desk.settle(&after).await;
    // The good one beside the refusal, the first of the pair, and the last one.
    assert_eq!(desk.operator_has(), before - 3);
}

async fn a_retry_after_expiry_moves_nothing_twice(desk: &mut Desk) {
    let mut body = desk.body().await;
    body.valid_until_ms = linli_testnet::net::now_ms() + 1_500;
    assert!(matches!(desk.settle(&body).await, Outcome::Done(_)));
    // Blocks go on until one is later than the validity.
    while desk.client.status().await.unwrap().time_ms <= body.valid_until_ms {
        let other = desk.body().await;
        desk.settle(&other).await;
    }
    let before = desk.operator_has();
    let again = desk.submit(desk.sign(&body)).await.unwrap();
    assert_eq!(again.name, "EXPIRED");
    assert!(again.next_en.contains("same business id"), "{again:?}");
    let fresh = desk.body().await;
    let retry = TransactionBody { calls: body.calls.clone(), ..fresh };
    let Outcome::Refused(Found { receipt, .. }) = desk.settle(&retry).await else {
        panic!("the same deed was done twice")
    };
    let linli_types::receipt::Outcome::Refused { refusal, .. } = receipt.outcome else {
        panic!("{receipt:?}")
    };
    assert_eq!(refusal.code, linli_types::code::Code::Duplicate.number());
    assert_eq!(desk.operator_has(), before);
}
