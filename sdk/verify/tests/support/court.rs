//! A pack with everything in it: a signed statement, and all that may stand beside it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use super::*;
use borsh::BorshSerialize;
use linli_types::delegation::{Delegation, ReceiptKey};
use linli_verify::cose::receipt::{LogHead, Proof, Receipt as CoseReceipt};
use linli_verify::cose::statement::{Claims, ClockSource, SUBJECT, Signed, parse};
use linli_verify::note;
use linli_verify::platform::{self, Platform};
use linli_verify::request::{REGISTER, RegisterRequest};
use linli_verify::sm2::{DEFAULT_SIGNER_ID, Signed as Second};
use linli_verify::statement::{Corroboration, Record, Registered, record_key};
use linli_verify::whole::{CheckpointProof, LaterState, TokenProof, Whole};
use linli_verify::{Failure, FileDigests, Trust};
use sm2::dsa::signature::Signer as _;

/// The source of the evidence, its device, and one who confirms it.
pub const SOURCE: PrincipalId = PrincipalId([0x11; 16]);
pub const DEVICE: PrincipalId = PrincipalId([0xd0; 16]);
pub const OTHER: PrincipalId = PrincipalId([0x77; 16]);
/// The source's own count.
pub const NUMBER: u64 = 42;
/// The height of the later block.
pub const LATER: u64 = 12;

/// A token of a time-stamp authority over the later block's header, made once with OpenSSL.
pub const TOKEN: &[u8] = include_bytes!("../fixtures/court.token");

pub fn platform() -> Platform {
    let certificate = |kind: &str, number: &str| platform::Certificate {
        issuer: "测评机构".into(),
        kind: kind.into(),
        number: number.into(),
        valid_from: START - 1_000_000,
        valid_until: START + 1_000_000,
    };
    let node = |name: &str, owner: &str, interests: &str| platform::Node {
        interests: interests.into(),
        name: name.into(),
        owner: owner.into(),
    };
    Platform {
        certificates: vec![certificate("等保三级", "DB-3-001"), certificate("密评", "MP-002")],
        filing: "京网信备00000000号".into(),
        name: "邻里链示范平台".into(),
        nodes: vec![
            node("validator-1", "示范区", ""),
            node("validator-2", "服务商甲", "与居民有服务合同"),
            node("validator-3", "服务商乙", "与居民有服务合同"),
            node("validator-5", "社区基金", ""),
        ],
        valid_from: START - 1_000_000,
        valid_until: START + 1_000_000,
    }
}

pub fn court_manifest() -> Manifest {
    let platform = platform().to_bytes();
    Manifest { platform: Some(both(&platform).0), ..manifest() }
}

fn sm2_key() -> sm2::dsa::SigningKey {
    let secret = sm2::SecretKey::from_slice(&[0x42; 32]).unwrap();
    sm2::dsa::SigningKey::new(DEFAULT_SIGNER_ID, &secret).unwrap()
}

fn second(message: &[u8]) -> Second {
    let key = sm2_key();
    let public = key.verifying_key().to_sec1_bytes();
    let signature: sm2::dsa::Signature = key.sign(message);
    Second {
        public_key: public.as_ref().try_into().unwrap(),
        signer_id: DEFAULT_SIGNER_ID.into(),
        signature: signature.to_bytes().into(),
    }
}

pub fn claims(manifest: &Manifest) -> Claims {
    let (sha256, sm3) = both(&manifest.to_bytes());
    Claims {
        source: SOURCE,
        subject: SUBJECT.into(),
        manifest_sha256: sha256,
        number: NUMBER,
        kind: 5,
        sm3,
        size: manifest.size().unwrap(),
        captured_at_ms: manifest.captured_at,
        clock_source: Some(ClockSource::Gnss),
        device: Some(DEVICE),
        not_before: Some((BlockId([0xb1; 32]), Height(6))),
        env_digest: Some(Digest([0xe1; 32])),
        sm2_key: Some(second(b"").key_id()),
        chain: Some(chain()),
        counter: Some(7),
    }
}

pub fn signed(claims: &Claims) -> Vec<u8> {
    signed_by(50, claims)
}

fn signed_by(n: u8, claims: &Claims) -> Vec<u8> {
    let to_sign = claims.to_be_signed(&public(n)).unwrap();
    to_sign.finish(&Signature(key(n).sign(to_sign.sig_structure()).to_bytes()))
}

pub fn registered(signed: &Signed) -> Registered {
    let claims = &signed.claims;
    Registered {
        source: SOURCE.0.to_vec(),
        first: claims.number,
        count: 1,
        kind: i32::from(claims.kind),
        first_leaf: 3,
        captured_from_ms: claims.captured_at_ms,
        captured_to_ms: claims.captured_at_ms,
        organisation: 2,
        backdated: false,
        reused: 0,
        sender: SOURCE.0.to_vec(),
        statement: signed.id().0.to_vec(),
        backdated_reason: 0,
        device: DEVICE.0.to_vec(),
        ..Registered::default()
    }
}

/// What the ledger was asked: to register the statement.
pub fn request_for(signed: &Signed) -> RegisterRequest {
    let claims = &signed.claims;
    RegisterRequest {
        source: claims.source.0.to_vec(),
        number: claims.number,
        kind: i32::from(claims.kind),
        statement: signed.id().0.to_vec(),
        manifest_sha256: claims.manifest_sha256.0.to_vec(),
        manifest_sm3: claims.sm3.0.to_vec(),
        size: claims.size,
        captured_at_ms: claims.captured_at_ms,
        clock_source: claims.clock_source.map_or(1, |clock| clock.number().into()),
        device: claims.device.map(|device| device.0.to_vec()).unwrap_or_default(),
        env_digest: claims.env_digest.map(|digest| digest.0.to_vec()).unwrap_or_default(),
        retention: 1,
        basis: 2,
        ..RegisterRequest::default()
    }
}

/// A call of the evidence room.
pub fn call(method: &str, args: &impl Message) -> Call {
    Call { room: "evidence".into(), method: method.into(), args: args.encode_to_vec() }
}

fn receipt_for(body: &[u8], said: &Registered) -> Receipt {
    let event = Event {
        room: "evidence".into(),
        kind: Registered::EVENT.into(),
        about: vec![SOURCE],
        data: said.encode_to_vec(),
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

pub fn delegated(n: u8) -> Delegation {
    let (validator, key_of) = (public(n), public(n + 150));
    let says = ReceiptKey { chain: chain(), validator, key: key_of, from_height: Height(1) };
    Delegation { says, signature: Signature(key(n).sign(&says.signing_bytes()).to_bytes()) }
}

fn cose_receipt(n: u8, head: &LogHead, place: &LogPlace) -> (CoseReceipt, Delegation) {
    let key_of = public(n + 150);
    let to_sign = head.to_be_signed(&key_of);
    let signature = Signature(key(n + 150).sign(to_sign.sig_structure()).to_bytes());
    let proof = Proof::Inclusion(place.clone());
    (CoseReceipt::new(head, key_of, signature, proof), delegated(n))
}

/// The log as it grows: seven leaves, of which the statement is number 3.
fn leaves(leaf: Digest) -> Vec<Digest> {
    let filler = |n: u8| Sha256Log::leaf(&[n]);
    vec![filler(0), filler(1), filler(2), leaf, filler(4), filler(5), filler(6)]
}

fn place(leaf: Digest, size: usize) -> (Digest, LogPlace) {
    let all = &leaves(leaf)[..size];
    let path = merkle::path::<Sha256Log>(all, 3).unwrap();
    (merkle::root::<Sha256Log>(all), LogPlace { leaf: 3, size: size as u64, path })
}

#[derive(BorshSerialize)]
struct VersionRow {
    number: u32,
    effective: TimeMs,
    set_at: Height,
    content: Policy,
}

/// Two rows that part at the first bit, and the absence of a third.
fn later_state(record: &Record) -> (Digest, [ProvedEntry; 2], ProvedEntry) {
    let row_key = record_key(&SOURCE, NUMBER);
    let version_key = |n: u32| [b"policy\0v".as_slice(), &n.to_be_bytes()].concat();
    let bit = |key: &[u8]| state_proof::bit(&state_proof::path(key), 0);
    // The first version whose row stands on the other side of the tree.
    let number = (1..).find(|n| bit(&version_key(*n)) != bit(&row_key)).unwrap();
    let row = VersionRow {
        number,
        effective: TimeMs(START),
        set_at: Height(1),
        content: Policy::default(),
    };
    let value = linli_types::encode(&row);
    let (key, next, stored) =
        (version_key(number), version_key(number + 1), record.encode_to_vec());
    let leaf = |k: &[u8], v: &[u8]| {
        state_proof::leaf(&state_proof::path(k), &state_proof::value_digest(v))
    };
    let (version_leaf, record_leaf) = (leaf(&key, &value), leaf(&row_key, &stored));
    let present = |key: &[u8], value: &[u8], sibling| ProvedEntry {
        key: key.to_vec(),
        value: Some(value.to_vec()),
        proof: StateProof { end: End::Present, siblings: vec![sibling] },
    };
    let (beside, beside_value, sibling) = match bit(&next) == bit(&key) {
        true => (&key, &value, record_leaf),
        false => (&row_key, &stored, version_leaf),
    };
    let end = End::Other {
        path: state_proof::path(beside),
        value: state_proof::value_digest(beside_value),
    };
    let absent =
        ProvedEntry { key: next, value: None, proof: StateProof { end, siblings: vec![sibling] } };
    let root = match bit(&key) {
        false => state_proof::inner(&version_leaf, &record_leaf),
        true => state_proof::inner(&record_leaf, &version_leaf),
    };
    let policy = [present(&key, &value, record_leaf), absent];
    (root, policy, present(&row_key, &stored, version_leaf))
}

/// Somebody else confirmed the record.
pub fn record() -> Record {
    let corroboration =
        Corroboration { by: OTHER.0.to_vec(), organisation: 3, at_ms: START + 11_000 };
    Record { standing: 1, corroborations: vec![corroboration], ..Record::default() }
}

/// A block and everything that proves one statement in it.
pub struct Court {
    pub whole: Whole,
    pub block: BlockProof,
}

/// The statement registered as `said` has it, in a block at height 9, and what came later.
pub fn court_of(manifest: &Manifest, change_said: impl FnOnce(&mut Registered)) -> Court {
    court_saying(manifest, |claims| claims, change_said)
}

/// The same with another statement.
pub fn court_saying(
    manifest: &Manifest,
    alter: impl FnOnce(Claims) -> Claims,
    change_said: impl FnOnce(&mut Registered),
) -> Court {
    let claims = alter(claims(manifest));
    court_asked(manifest, &claims, change_said, |signed| call(REGISTER, &request_for(signed)))
}

/// The same of other claims, and asked for otherwise.
pub fn court_asked(
    manifest: &Manifest,
    claims: &Claims,
    change_said: impl FnOnce(&mut Registered),
    asked: impl FnOnce(&Signed) -> Call,
) -> Court {
    court_stated(manifest, signed(claims), change_said, asked)
}

/// The same, its statement signed by another key than the one that asked.
pub fn court_by(n: u8, claims: &Claims) -> Court {
    let asked = |signed: &Signed| call(REGISTER, &request_for(signed));
    court_stated(&court_manifest(), signed_by(n, claims), |_| (), asked)
}

fn court_stated(
    manifest: &Manifest,
    statement: Vec<u8>,
    change_said: impl FnOnce(&mut Registered),
    asked: impl FnOnce(&Signed) -> Call,
) -> Court {
    let read = parse(&statement).unwrap();
    let mut said = registered(&read);
    change_said(&mut said);
    let (body, signature) = request_of(asked(&read));
    let (bodies_root, transaction) = placed(body, signature);
    let receipt = receipt_for(&transaction.body, &said);
    let receipts = [Digest([3; 32]), Digest([4; 32]), receipt.leaf(), Digest([5; 32])];
    let (log_root, log) = place(read.leaf(), 5);
    let receipts_root = merkle::root::<BlockTree>(&receipts);
    let header = Header { bodies_root, receipts_root, log_root, ..world().header };
    let head = LogHead::of(&header);
    let receipt = ReceiptPlace {
        receipt,
        index: 2,
        count: 4,
        path: merkle::path::<BlockTree>(&receipts, 2).unwrap(),
    };
    let (later, later_place, policy, record) = later(read.leaf());
    let certificate = certify(&later, &[1, 2, 5]);
    let whole = Whole {
        manifest: manifest.to_bytes(),
        sm2: Some(second(read.sig_structure()).to_bytes()),
        receipts: vec![cose_receipt(1, &head, &log), cose_receipt(3, &head, &log)],
        token: None,
        checkpoint: Some(checkpoint(&later, &later_place)),
        platform: Some(platform().to_bytes()),
        policy: Some(LaterState {
            header: later.clone(),
            certificate: certificate.clone(),
            policy,
            record: Some(record),
        }),
        files: vec![("a.pdf".into(), file())],
        statement,
        log,
        transaction,
        receipt,
    };
    let block =
        BlockProof { certificate: certify(&header, &[2, 3, 5]), header, sets: vec![change()] };
    Court { whole, block }
}

/// The later block: its header, the leaf's place, the policy and the record.
pub fn later(leaf: Digest) -> (Header, LogPlace, [ProvedEntry; 2], ProvedEntry) {
    later_of(leaf, &record())
}

/// The same with this row of the record.
pub fn later_of(
    leaf: Digest,
    record: &Record,
) -> (Header, LogPlace, [ProvedEntry; 2], ProvedEntry) {
    let (log_root, place) = place(leaf, 7);
    let (state_root, policy, record) = later_state(record);
    let header = Header { log_size: 7, log_root, state_root, ..header_at(LATER, &set(5), &set(5)) };
    (header, place, policy, record)
}

fn checkpoint(later: &Header, place: &LogPlace) -> CheckpointProof {
    checkpoint_of((later.log_size, later.log_root), place, 1, later.time.0 / 1000 + 5)
}

/// A state of the log that validator `n` signed and a witness cosigned at `time`, in seconds.
pub fn checkpoint_of(
    (size, root): (u64, Digest),
    place: &LogPlace,
    n: u8,
    time: u64,
) -> CheckpointProof {
    let origin = note::origin(&chain());
    let said = note::Checkpoint::of(&chain(), size, root);
    let mut note = said.note().unwrap();
    let log_key = note::Key::new(&origin, note::Kind::Log, public(n + 150)).unwrap();
    let witness = note::Key::new("court.example", note::Kind::Witness, public(200)).unwrap();
    let sign = |n: u8, message: &[u8]| Signature(key(n).sign(message).to_bytes());
    let of_log = sign(n + 150, &note::Kind::Log.message(note.text(), 0));
    let of_witness = sign(200, &note::Kind::Witness.message(note.text(), time));
    note.push(note::Line::new(&log_key, 0, &of_log)).unwrap();
    note.push(note::Line::new(&witness, time, &of_witness)).unwrap();
    CheckpointProof {
        note: note.to_string(),
        place: place.clone(),
        keys: vec![delegated(n)],
        witnesses: vec![witness.to_string()],
    }
}

/// The whole pack, with the token of the authority.
pub fn court() -> Court {
    let mut court = court_of(&court_manifest(), |_| ());
    let read = parse(&court.whole.statement).unwrap();
    let (header, place, ..) = later(read.leaf());
    let certificate = certify(&header, &[1, 3, 5]);
    court.whole.token = Some(TokenProof { header, certificate, place, token: TOKEN.to_vec() });
    court
}

impl Court {
    pub fn seal_with(&self, files: &[FileDigests]) -> Result<Vec<u8>, Failure> {
        let genesis = genesis().to_bytes();
        let verify = linli_types::signature::Zip215;
        self.whole.seal(&self.block, files, &genesis, &verify).map(|pack| pack.to_bytes())
    }

    pub fn seal(&self) -> Vec<u8> {
        self.seal_with(&[]).unwrap()
    }
}

pub fn trust() -> Trust {
    Trust::read(&genesis().to_bytes()).unwrap()
}
