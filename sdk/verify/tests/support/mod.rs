//! A small chain with fixed keys: everything a pack needs, the same on every run.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may")]

pub mod court;

use ed25519_dalek::{Signer, SigningKey};
use linli_types::certificate::{Certificate, Precommit, VoteKind, preimage, vote_bytes};
use linli_types::digest::{Domain, transaction_id};
use linli_types::genesis::{FORMAT, Genesis};
use linli_types::header::{self, Header};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, ChainId, Digest, PrincipalId, PublicKey, Signature};
use linli_types::merkle::{self, BlockTree, Sha256Log, Shape};
use linli_types::policy::Policy;
use linli_types::receipt::{Cause, Event, Outcome, Receipt};
use linli_types::state_proof::{self, End, StateProof};
use linli_types::transaction::body_leaf;
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use linli_types::wire::{Call, TransactionBody};
use linli_verify::file::both;
use linli_verify::manifest::{Listed, Manifest};
use linli_verify::pack::{
    Answer, BlockProof, Contents, LogPlace, Pack, ProvedEntry, ReceiptPlace, SetChange,
    TransactionPlace,
};
use linli_verify::statement::{self, Anchored, Statement};
use prost::Message;

/// When the fixed genesis stands.
pub const START: u64 = 1_795_478_400_000;

/// The file that is anchored.
pub fn file() -> Vec<u8> {
    (0..2_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub fn public(n: u8) -> PublicKey {
    PublicKey(key(n).verifying_key().to_bytes())
}

fn validator(n: u8, power: u64, org: u32, kind: OrgKind) -> Validator {
    let (key, network_key) = (public(n), public(n + 100));
    Validator { key, network_key, power, org, kind, name: format!("validator-{n}") }
}

/// District 3, operators 2 + 2, fund 3; `last` is the number of the fund's key.
pub fn set(last: u8) -> ValidatorSet {
    let members = vec![
        validator(1, 3, 1, OrgKind::District),
        validator(2, 2, 2, OrgKind::Operator),
        validator(3, 2, 3, OrgKind::Operator),
        validator(last, 3, 4, OrgKind::Fund),
    ];
    ValidatorSet::new(members).unwrap()
}

pub fn genesis() -> Genesis {
    Genesis {
        format: FORMAT,
        protocol: header::PROTOCOL,
        name: "fixture".into(),
        time: TimeMs(START),
        undo_heights: 20_000,
        validators: set(4),
        principals: Vec::new(),
        accounts: Vec::new(),
        modules: Vec::new(),
        orgs: Vec::new(),
        policy: Policy::default(),
        books: linli_types::books::Books::standard(),
    }
}

pub fn chain() -> ChainId {
    genesis().chain()
}

/// A header at `height`; the roots are filled in by the caller.
pub fn header_at(height: u64, now: &ValidatorSet, next: &ValidatorSet) -> Header {
    Header {
        format: header::FORMAT,
        flags: 0,
        protocol: header::PROTOCOL,
        chain: chain(),
        height: Height(height),
        time: TimeMs(START + height * 1000),
        parent: BlockId([7; 32]),
        proposer: public(1),
        bodies_root: Digest([0; 32]),
        receipts_root: Digest([0; 32]),
        state_root: Digest([0; 32]),
        log_size: 0,
        log_root: Sha256Log::empty(),
        validators_hash: now.hash(),
        next_validators_hash: next.hash(),
    }
}

/// `signers` certify `header` in round 1.
pub fn certify(header: &Header, signers: &[u8]) -> Certificate {
    let (height, round, block) = (header.height, 1, header.id());
    let message = vote_bytes(&header.chain, VoteKind::Precommit, height, round, Some(&block));
    let sign = |n: &u8| Precommit {
        validator: public(*n),
        signature: Signature(key(*n).sign(&message).to_bytes()),
    };
    let mut precommits: Vec<Precommit> = signers.iter().map(sign).collect();
    precommits.sort_by_key(|p| p.validator);
    Certificate { height, round, block, precommits }
}

/// The fund's key changes at height 5.
pub fn change() -> SetChange {
    let (now, next) = (set(4), set(5));
    let header = header_at(5, &now, &next);
    SetChange { certificate: certify(&header, &[1, 2, 4]), header, next }
}

pub fn manifest() -> Manifest {
    let file = file();
    let (sha256, sm3) = both(&file);
    let media = "application/pdf".into();
    let listed = Listed { media, name: "a.pdf".into(), sha256, size: file.len() as u64, sm3 };
    let (captured_at, device, order) = (START - 5000, Some("cam-7".into()), None);
    Manifest {
        captured_at,
        device,
        files: vec![listed],
        order,
        platform: None,
        salt: Digest([0x5a; 32]),
    }
}

pub fn statement() -> Vec<u8> {
    let bytes = manifest().to_bytes();
    let (sha256, sm3) = both(&bytes);
    let statement = Statement {
        source: vec![0x11; 16],
        number: 42,
        kind: 5,
        manifest_sha256: sha256.0.to_vec(),
        manifest_sm3: sm3.0.to_vec(),
        size: file().len() as u64,
        media: "application/pdf".into(),
        captured_at_ms: START - 5000,
        anchored_at_ms: START + 9000,
        organisation: 2,
        backdated: false,
    };
    statement.encode_to_vec()
}

/// Everything that stands in the block at height 9.
pub struct World {
    pub header: Header,
    pub log: LogPlace,
    pub transaction: TransactionPlace,
    pub receipt: ReceiptPlace,
    pub entries: Vec<ProvedEntry>,
}

fn request() -> (Vec<u8>, Signature) {
    request_of(Call { room: "evidence".into(), method: "Anchor".into(), args: vec![1, 2, 3] })
}

/// A body with this call, and its signature.
pub fn request_of(call: Call) -> (Vec<u8>, Signature) {
    let body = TransactionBody {
        chain_tag: chain().tag(),
        sender: vec![0x11; 16],
        signer: public(50).0.to_vec(),
        key: vec![0x22; 16],
        valid_until_ms: START + 60_000,
        on_behalf: None,
        calls: vec![call],
    };
    let body = body.encode_to_vec();
    let mut message = preimage(Domain::TransactionSignature, &chain());
    message.extend_from_slice(&transaction_id(&body).0);
    (body.clone(), Signature(key(50).sign(&message).to_bytes()))
}

fn receipt(body: &[u8]) -> Receipt {
    let anchored = Anchored { statement: statement(), leaf: 3, reused: false };
    let event = Event {
        room: "evidence".into(),
        kind: statement::EVENT.into(),
        about: vec![PrincipalId([0x11; 16])],
        data: anchored.encode_to_vec(),
    };
    Receipt {
        cause: Cause::Transaction(transaction_id(body)),
        outcome: Outcome::Done,
        fuel: 1234,
        results: vec![vec![9]],
        events: vec![event],
        log_leaves: (3, 1),
    }
}

/// Two entries and an absent one, proved in a tree of two leaves that part at the first bit.
fn state() -> (Digest, Vec<ProvedEntry>) {
    let keys: Vec<Vec<u8>> = (0..=255_u8).map(|n| [b"probe\0".as_slice(), &[n]].concat()).collect();
    let by_bit = |bit| {
        let has = |k: &&Vec<u8>| state_proof::bit(&state_proof::path(k), 0) == bit;
        keys.iter().filter(has).cloned().collect::<Vec<_>>()
    };
    let (left, right) = (by_bit(false)[0].clone(), by_bit(true)[0].clone());
    let absent = by_bit(true)[1].clone();
    let leaf = |k: &[u8], v: &[u8]| {
        state_proof::leaf(&state_proof::path(k), &state_proof::value_digest(v))
    };
    let (a, b) = (leaf(&left, b"one"), leaf(&right, b"two"));
    let other =
        End::Other { path: state_proof::path(&right), value: state_proof::value_digest(b"two") };
    let entry = |key, value: Option<&[u8]>, end, sibling| ProvedEntry {
        key,
        value: value.map(<[u8]>::to_vec),
        proof: StateProof { end, siblings: vec![sibling] },
    };
    let entries = vec![
        entry(left, Some(b"one"), End::Present, b),
        entry(right, Some(b"two"), End::Present, a),
        entry(absent, None, other, a),
    ];
    (state_proof::inner(&a, &b), entries)
}

/// A request as the second of a block's three, and the root over them.
pub fn placed(body: Vec<u8>, signature: Signature) -> (Digest, TransactionPlace) {
    let bodies = [Digest([1; 32]), body_leaf(&transaction_id(&body), &signature), Digest([2; 32])];
    let path = merkle::path::<BlockTree>(&bodies, 1).unwrap();
    let place = TransactionPlace { body, signature, index: 1, count: 3, path };
    (merkle::root::<BlockTree>(&bodies), place)
}

pub fn world() -> World {
    let (body, signature) = request();
    let receipt = receipt(&body);
    let filler = |n: u8| Sha256Log::leaf(&[n]);
    let leaves = [filler(0), filler(1), filler(2), statement::leaf(&statement()), filler(4)];
    let (bodies_root, transaction) = placed(body, signature);
    let receipts = [Digest([3; 32]), Digest([4; 32]), receipt.leaf(), Digest([5; 32])];
    let (state_root, entries) = state();
    let header = Header {
        bodies_root,
        receipts_root: merkle::root::<BlockTree>(&receipts),
        state_root,
        log_size: 5,
        log_root: merkle::root::<Sha256Log>(&leaves),
        ..header_at(9, &set(5), &set(5))
    };
    World {
        header,
        log: LogPlace { leaf: 3, size: 5, path: merkle::path::<Sha256Log>(&leaves, 3).unwrap() },
        transaction,
        receipt: ReceiptPlace {
            receipt,
            index: 2,
            count: 4,
            path: merkle::path::<BlockTree>(&receipts, 2).unwrap(),
        },
        entries,
    }
}

pub fn block_proof() -> BlockProof {
    let header = world().header;
    BlockProof { certificate: certify(&header, &[2, 3, 5]), header, sets: vec![change()] }
}

pub fn evidence() -> Contents {
    let world = world();
    Contents::Evidence {
        manifest: manifest().to_bytes(),
        statement: statement(),
        log: world.log,
        transaction: world.transaction,
        receipt: world.receipt,
    }
}

pub fn receipt_contents() -> Contents {
    let world = world();
    Contents::Receipt { transaction: Some(world.transaction), receipt: world.receipt }
}

pub fn state_contents() -> Contents {
    let answer =
        Answer { room: "probe".into(), query: "Sum".into(), args: vec![1], result: vec![2, 3] };
    Contents::State { entries: world().entries, answer: Some(answer) }
}

pub fn sealed(contents: &Contents) -> Vec<u8> {
    Pack::new(contents, &block_proof()).to_bytes()
}
