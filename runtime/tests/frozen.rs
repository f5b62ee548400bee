//! Bytes that must never change without a new format number: what is hashed, stored or sent.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::accounts::rows::{OpeningRow, PendingRow};
use linli_runtime::accounts::{AccountRow, account_key};
use linli_runtime::governance::rows::{Count, HeadRow, MotionRow, Standing};
use linli_runtime::identity::PrincipalRow;
use linli_runtime::identity::rows::{ExpectedRow, MandateKind, MandateRow};
use linli_runtime::overlay::ClaimHead;
use linli_runtime::policy::{VersionRow, version_key};
use linli_runtime::protocol::ProtocolRow;
use linli_runtime::stored::{StoredHead, Undo};
use linli_runtime::timers::TimerRow;
use linli_runtime::{Bundle, StoredBlock, load_block, load_head, load_receipts, stored};
use linli_types::account::{Act, Entry, Side};
use linli_types::certificate::{Certificate, Precommit};
use linli_types::genesis::{Genesis, Role};
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::{BlockId, Digest, Signature, TimerId, TransferId};
use linli_types::opening::chunk_digest;
use linli_types::policy::Policy;
use linli_types::receipt::{Outcome, Receipt};
use linli_types::store::Column;
use linli_types::store::Read;
use linli_types::validator::ValidatorSet;
use linli_types::wire::accounts::{OpeningChunk, OpeningLine};
use linli_types::wire::governance::{self, SeatChamber};
use prost::Message;
use support::*;

/// Names and kept bytes, in hexadecimal. Written by hand-run only: see [`aside`].
const KEPT: [(&str, &str); 25] = [
    ("genesis", include_str!("fixtures/genesis.hex")),
    ("header", include_str!("fixtures/header.hex")),
    ("block", include_str!("fixtures/block.hex")),
    ("receipts", include_str!("fixtures/receipts.hex")),
    ("certificate", include_str!("fixtures/certificate.hex")),
    ("head", include_str!("fixtures/head.hex")),
    ("undo", include_str!("fixtures/undo.hex")),
    ("account", include_str!("fixtures/account.hex")),
    ("transfer", include_str!("fixtures/transfer.hex")),
    ("principal", include_str!("fixtures/principal.hex")),
    ("timer", include_str!("fixtures/timer.hex")),
    ("claims", include_str!("fixtures/claims.hex")),
    ("roots", include_str!("fixtures/roots.hex")),
    ("version", include_str!("fixtures/version.hex")),
    ("mandate", include_str!("fixtures/mandate.hex")),
    ("bundle", include_str!("fixtures/bundle.hex")),
    ("opening", include_str!("fixtures/opening.hex")),
    ("expected", include_str!("fixtures/expected.hex")),
    ("chunk", include_str!("fixtures/chunk.hex")),
    ("validators", include_str!("fixtures/validators.hex")),
    ("protocol", include_str!("fixtures/protocol.hex")),
    ("pending", include_str!("fixtures/pending.hex")),
    ("council", include_str!("fixtures/council.hex")),
    ("motion", include_str!("fixtures/motion.hex")),
    ("seats", include_str!("fixtures/seats.hex")),
];

/// A chain of one block: a transfer done and one refused.
fn one_block() -> Node {
    let mut node = Node::new(&genesis());
    node.step(&[node.transfer(1, (0, 0), (1, 0), 10), node.transfer(2, (0, 0), (1, 0), 5_000)]);
    node
}

fn certificate_of(header: &Header) -> Certificate {
    let vote = |n| Precommit { validator: key(n), signature: Signature([n; 64]) };
    let precommits = (100..103).map(vote).collect();
    Certificate { height: header.height, round: 2, block: header.id(), precommits }
}

fn written() -> Vec<Vec<u8>> {
    let node = one_block();
    let row = |column, key: &[u8]| node.store.get(column, key).unwrap().unwrap();
    let height = stored::height_key(Height(1));
    let header = node.ledger.head().header.clone().unwrap();
    let (transfer, head) = (
        Entry {
            id: TransferId([1; 16]),
            at: START,
            act: Act::Post,
            debit: account(0, 0),
            credit: account(1, 0),
            amount: 7,
            asset: 1,
            code: 1,
            of: TransferId([2; 16]),
            pending: 9,
            expires: START,
            reference: Some(Digest([3; 32])),
            actor: person(0),
        },
        node.ledger.head(),
    );
    let roles = vec![Role::Operator, Role::Fund];
    let principal = PrincipalRow::new(key(1), Height(3), 7).with_roles(roles);
    let timer = TimerRow { room: "probe".into(), payload: vec![1, 2, 3] };
    let roots = [head.block.0, head.state_root.0, head.log_root.0, transfer.digest().0];
    vec![
        genesis().to_bytes(),
        header.to_bytes(),
        row(Column::Block, &height),
        row(Column::Receipt, &height),
        linli_types::encode(&certificate_of(&header)),
        row(Column::Meta, b"head"),
        row(Column::Undo, &height),
        row(Column::State, &account_key(&account(0, 0))),
        linli_types::encode(&transfer),
        linli_types::encode(&principal),
        linli_types::encode(&timer),
        row(Column::State, b"claims\0accounts"),
        roots.concat(),
        row(Column::State, &version_key(1)),
        linli_types::encode(&mandate()),
        bundle(&node).to_bytes(),
        linli_types::encode(&opening()),
        linli_types::encode(&ExpectedRow { batch: TransferId([9; 16]) }),
        // What a root of opening balances is made of: a changed digest would part old approvals
        // from their lines.
        chunk_digest(&chunk()).0.to_vec(),
        linli_types::encode(&validators()),
        linli_types::encode(&protocol()),
        linli_types::encode(&pending()),
        linli_types::encode(&council()),
        linli_types::encode(&motion()),
        seats().encode_to_vec(),
    ]
}

fn pending() -> PendingRow {
    PendingRow {
        debit: account(0, 0),
        credit: account(1, 0),
        amount: 5,
        asset: 1,
        code: 2,
        expires: START,
        day: 20_833,
        resolver: person(2),
        timer: TimerId([4; 16]),
        agent: Some(person(3)),
    }
}

fn council() -> HeadRow {
    HeadRow { last: 3, under_way: 1, seats: [20, 15, 0], stood: true }
}

fn motion() -> MotionRow {
    let count = |weight| Count { weight, seats: 5, recused: 1, yes: 2, no: 1 };
    MotionRow {
        number: 3,
        opener: person(0),
        deed: seats().encode_to_vec(),
        special: true,
        text: "换届".into(),
        opened: Height(7),
        policy: 2,
        closes: START,
        timer: TimerId([5; 16]),
        counts: [40, 30, 30].map(count),
        standing: Standing::Lapsed,
    }
}

fn seats() -> governance::Deed {
    let seat = |n: u8, chamber: SeatChamber| governance::Seat {
        principal: person(n).0.to_vec(),
        chamber: chamber.into(),
    };
    let set = governance::SetSeats {
        take: vec![seat(0, SeatChamber::Residents)],
        give: vec![seat(1, SeatChamber::Enterprises), seat(2, SeatChamber::SocialOrganisations)],
        absent: true,
    };
    governance::Deed { deed: Some(governance::deed::Deed::Seats(set)) }
}

fn protocol() -> ProtocolRow {
    ProtocolRow { version: 1, next: Some((2, Height(20))) }
}

fn bundle(node: &Node) -> Bundle {
    let executed = node.propose(&[node.transfer(3, (0, 0), (1, 0), 10)]);
    Bundle::new(&executed, vec!["INV-L1 conservation: asset 1".into()])
}

fn opening() -> OpeningRow {
    OpeningRow {
        source: Digest([1; 32]),
        statement: Digest([2; 32]),
        leaf: 3,
        cut_off: START,
        accounts: 4,
        totals: vec![(1, 500), (2, 60)],
        root: Digest([5; 32]),
        chunks: 2,
        proposer: person(0),
        approver: Some(person(1)),
        closed: false,
        loaded: 3,
        loaded_totals: vec![(1, 400), (2, 0)],
        loaded_chunks: 1,
    }
}

fn chunk() -> OpeningChunk {
    let line = OpeningLine {
        account: vec![1; 16],
        owner: vec![2; 16],
        asset: 2,
        amount: 600,
        origin: 3,
        earned_month: 676,
        expires_day: 21_183,
    };
    OpeningChunk { lines: vec![line] }
}

fn mandate() -> MandateRow {
    MandateRow {
        kind: MandateKind::Guardian,
        scope: vec![("accounts".into(), "Transfer".into())],
        cap_per_day: 500,
        expires: START,
        day: 20_833,
        spent: 7,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.trim().chars().collect();
    let pair = |p: &[char]| u8::from_str_radix(&p.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// Puts what is written today into the target folder, to compare or to adopt.
#[allow(clippy::disallowed_methods, reason = "a test may write")]
fn aside(name: &str, today: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.hex"));
    std::fs::write(&path, format!("{today}\n")).unwrap();
    path.display().to_string()
}

#[test]
fn what_is_written_today_is_what_was_kept() {
    let mut differing = Vec::new();
    for ((name, kept), today) in KEPT.iter().zip(written()) {
        let today = hex(&today);
        if today != kept.trim() {
            differing.push(aside(name, &today));
        }
    }
    assert!(differing.is_empty(), "written differently: {differing:#?}");
}

#[test]
fn what_was_kept_is_still_read() {
    let bytes = |name: &str| unhex(KEPT.iter().find(|(n, _)| *n == name).unwrap().1);
    let node = one_block();
    let (read, chain) = Genesis::from_bytes(&bytes("genesis")).unwrap();
    assert_eq!((read, chain), (genesis(), node.chain()));
    let header = Header::from_bytes(&bytes("header")).unwrap();
    assert_eq!(header.id(), node.ledger.head().block);
    let block: StoredBlock = borsh::from_slice(&bytes("block")).unwrap();
    assert_eq!(Some(block), load_block(&node.store, Height(1)).unwrap());
    let receipts: Vec<Receipt> = borsh::from_slice(&bytes("receipts")).unwrap();
    assert!(matches!(receipts[1].outcome, Outcome::Refused { call: 0, .. }));
    assert_eq!(Some(receipts), load_receipts(&node.store, Height(1)).unwrap());
    let certificate: Certificate = borsh::from_slice(&bytes("certificate")).unwrap();
    assert_eq!(certificate, certificate_of(&header));
    let head: StoredHead = borsh::from_slice(&bytes("head")).unwrap();
    assert_eq!(Some(head), load_head(&node.store).unwrap());
    let undo: Undo = borsh::from_slice(&bytes("undo")).unwrap();
    assert_eq!((undo.state.len(), undo.side.len()), (3, 1));
    let row: AccountRow = borsh::from_slice(&bytes("account")).unwrap();
    assert_eq!((row.owner, row.balance(), row.entries), (person(0), OPENING - 10, 2));
    let transfer: Entry = borsh::from_slice(&bytes("transfer")).unwrap();
    assert_eq!(transfer.amount, 7);
    let principal: PrincipalRow = borsh::from_slice(&bytes("principal")).unwrap();
    assert_eq!((principal.org, principal.keys[0].from), (7, Height(3)));
    let version: VersionRow = borsh::from_slice(&bytes("version")).unwrap();
    assert_eq!((version.number, version.content), (1, Policy::default()));
    assert_eq!(borsh::from_slice::<MandateRow>(&bytes("mandate")).unwrap(), mandate());
    assert_eq!(Bundle::from_bytes(&bytes("bundle")).unwrap(), bundle(&node));
    assert_eq!(borsh::from_slice::<OpeningRow>(&bytes("opening")).unwrap(), opening());
    let expected: ExpectedRow = borsh::from_slice(&bytes("expected")).unwrap();
    assert_eq!(expected.batch, TransferId([9; 16]));
    let timer: TimerRow = borsh::from_slice(&bytes("timer")).unwrap();
    assert_eq!(timer.room, "probe");
    let claims: ClaimHead = borsh::from_slice(&bytes("claims")).unwrap();
    assert_eq!(claims.count, 1);
    assert_eq!(borsh::from_slice::<ValidatorSet>(&bytes("validators")).unwrap(), validators());
    assert_eq!(borsh::from_slice::<ProtocolRow>(&bytes("protocol")).unwrap(), protocol());
    assert_eq!(borsh::from_slice::<PendingRow>(&bytes("pending")).unwrap(), pending());
    assert_eq!(borsh::from_slice::<HeadRow>(&bytes("council")).unwrap(), council());
    assert_eq!(borsh::from_slice::<MotionRow>(&bytes("motion")).unwrap(), motion());
    assert_eq!(governance::Deed::decode(bytes("seats").as_slice()).unwrap(), seats());
    let roots = bytes("roots");
    assert_eq!(BlockId::from_slice(&roots[..32]), Some(header.id()));
}

#[test]
fn an_accounts_head_runs_over_every_entry_in_order() {
    let node = one_block();
    let kept = KEPT.iter().find(|(name, _)| *name == "transfer").unwrap();
    let entry: Entry = borsh::from_slice(&unhex(kept.1)).unwrap();
    let moved = |amount| Entry { act: Act::Transfer, amount, ..entry.clone() };
    let row = row_of(&node, &account(0, 0));
    let two = |x: &Entry, y: &Entry| {
        let one = row.clone().with(Side::Credit, x, &x.digest()).unwrap();
        one.with(Side::Credit, y, &y.digest()).unwrap()
    };
    let (a, b) = (moved(1), moved(2));
    assert_ne!(two(&a, &b).head, two(&b, &a).head);
    assert_eq!(two(&a, &b).entries, row.entries + 2);
}

fn row_of(node: &Node, id: &linli_types::id::AccountId) -> AccountRow {
    borsh::from_slice(&node.store.get(Column::State, &account_key(id)).unwrap().unwrap()).unwrap()
}
