//! The calls of the room `accounts` that the table names, and what must stand for them to be asked;
//! the moves, whose table is the books'.

use super::{bytes, colleague, holder, seed};
use crate::support::*;
use linli_runtime::accounts::rows::{OpeningRow, opening_key};
use linli_types::account::issuance;
use linli_types::books::{self, AccountKind, Authority, Books, Rule};
use linli_types::code::Code;
use linli_types::genesis::{Account, Genesis, Role};
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, Digest, PrincipalId, TransferId};
use linli_types::store::{Batch, Column};
use linli_types::wire::Call;
use linli_types::wire::accounts as words;
use prost::Message;

const OPENING_BATCH: TransferId = TransferId([0x77; 16]);

pub(super) fn ask(method: &str, request: &impl Message) -> Call {
    call("accounts", method, request.encode_to_vec())
}

/// The account of a holder, or of a colleague of theirs.
fn purse(owner: PrincipalId) -> AccountId {
    let mut id = owner.0;
    id[15] = 0xac;
    AccountId(id)
}

/// What person 0 paid somebody.
fn payment(role: Role, own: bool) -> words::TransferRequest {
    let to = if own { holder(role) } else { colleague(role, 0) };
    words::TransferRequest {
        id: vec![seed(role) + if own { 0 } else { 128 }; 16],
        debit: account(0, 0).0.to_vec(),
        credit: purse(to).0.to_vec(),
        amount: 1,
        code: books::CODE_MOVE,
        ..Default::default()
    }
}

/// A purse for everyone.
pub(super) fn equip(genesis: &mut Genesis) {
    let owners = Role::ALL.iter().flat_map(|role| [holder(*role), colleague(*role, 0)]);
    let purse = |owner| Account { id: purse(owner), owner, asset: books::CNY, opening: 0 };
    genesis.accounts.extend(owners.map(purse));
}

/// Payments that can be taken back, and a batch that somebody proposed.
pub(super) fn prepare(node: &mut Node) {
    for (n, role) in (500..).zip(Role::ALL) {
        let paid = [false, true].map(|own| ask("Transfer", &payment(*role, own)));
        let signed = node.sign(0, n, paid.to_vec());
        assert_eq!(code_of(&node.step(&[signed])[0]), 0, "{role:?}");
    }
    let totals = vec![(books::CNY, 1)];
    let row = OpeningRow {
        source: Digest([1; 32]),
        statement: Digest([2; 32]),
        leaf: 0,
        cut_off: TimeMs(u64::MAX),
        accounts: 1,
        loaded_totals: vec![(books::CNY, 0)],
        totals,
        root: Digest([3; 32]),
        chunks: 1,
        proposer: person(0),
        approver: None,
        closed: false,
        loaded: 0,
        loaded_chunks: 0,
    };
    // Beside the chain: nothing is committed after it.
    let mut batch = Batch::default();
    batch.put(Column::State, opening_key(&OPENING_BATCH), linli_types::encode(&row));
    node.store.apply(&batch);
}

/// A request that nothing but the table can refuse, or a rule that comes after it.
pub(super) fn request(method: &str, role: Role, own: bool) -> Call {
    let subject = if own { holder(role) } else { colleague(role, 0) };
    let (id, account, legal_ref) = (vec![9; 16], purse(subject).0.to_vec(), vec![4; 32]);
    let batch = OPENING_BATCH.0.to_vec();
    match method {
        "Open" => {
            let owner = bytes(subject);
            ask(method, &words::OpenRequest { id, owner, asset: books::CNY, ..Default::default() })
        }
        "Reverse" => {
            let original = payment(role, own);
            let request = words::ReverseRequest {
                id,
                transfer: original.id.clone(),
                original: Some(original),
                original_actor: bytes(person(0)),
                amount: 1,
                reason: 1,
                receivable: Vec::new(),
            };
            ask(method, &request)
        }
        "Freeze" => {
            let (out, r#in) = (true, true);
            ask(method, &words::FreezeRequest { id, account, out, r#in, legal_ref })
        }
        "Unfreeze" => ask(method, &words::UnfreezeRequest { id, account, legal_ref }),
        "ProposeOpening" => {
            let [source, statement, root] = [1, 2, 3].map(|n| vec![n; 32]);
            let rest = words::ProposeOpeningRequest::default();
            ask(method, &words::ProposeOpeningRequest { id, source, statement, root, ..rest })
        }
        "ApproveOpening" => {
            ask(method, &words::ApproveOpeningRequest { id: batch, root: vec![0; 32] })
        }
        "LoadOpening" => ask(method, &words::LoadOpeningRequest { batch, ..Default::default() }),
        "CloseOpening" => ask(method, &words::CloseOpeningRequest { id: batch }),
        other => panic!("the matrix has no request for {other}"),
    }
}

/// The rule that answers after the table did.
pub(super) fn later_rule(method: &str, own: bool) -> u32 {
    let rule = match (method, own) {
        ("Freeze" | "Unfreeze", true) => Code::SelfDealing,
        ("Open" | "Reverse" | "Freeze", _) => return 0,
        ("Unfreeze", false) => Code::NotFrozen,
        ("ProposeOpening", _) => Code::Expiry,
        ("ApproveOpening", _) => Code::OpeningOther,
        _ => Code::OpeningStep,
    };
    rule.number()
}

/// Somebody else's account of a kind that is debited by an office, and one that is credited.
fn accounts(rule: &Rule) -> (Vec<Call>, AccountId, AccountId) {
    let made = |n: u8, kind: AccountKind| {
        let id = AccountId([n; 16]);
        let owner = match kind {
            AccountKind::Holder => bytes(person(1)),
            _ => vec![0; 16],
        };
        let (asset, kind) = (rule.asset, kind.number());
        let request =
            words::OpenRequest { id: id.0.to_vec(), owner, asset, kind, ..Default::default() };
        (ask("Open", &request), id)
    };
    let side = |n, kind| match kind {
        AccountKind::Issuance => (None, issuance(rule.asset)),
        kind => {
            let (open, id) = made(n, kind);
            (Some(open), id)
        }
    };
    let ((open_debit, debit), (open_credit, credit)) = (side(0xe1, rule.from), side(0xe2, rule.to));
    (open_debit.into_iter().chain(open_credit).collect(), debit, credit)
}

/// Every role × every move of the books that is not the owner's: made by the role it names alone.
pub(super) fn moves(genesis: &Genesis) {
    let mut tried = 0;
    for rule in Books::standard().rules {
        let Authority::Role(named) = &rule.authority else { continue };
        let mut node = Node::new(genesis);
        let (opened, debit, credit) = accounts(&rule);
        let administrator = (holder(Role::Administrator), seed(Role::Administrator));
        if !opened.is_empty() {
            let receipts = node.step(&[node.sign_as(administrator, None, 1, opened)]);
            assert_eq!(code_of(&receipts[0]), 0, "{rule:?}");
        }
        for role in Role::ALL {
            let request = words::TransferRequest {
                id: vec![9; 16],
                debit: debit.0.to_vec(),
                credit: credit.0.to_vec(),
                amount: 1,
                code: rule.code,
                ..Default::default()
            };
            let calls = vec![ask("Transfer", &request)];
            let transaction = node.sign_as((holder(*role), seed(*role)), None, 2, calls);
            let found = code_of(&node.propose(&[transaction]).receipts[0]);
            let expected = match (role == named, role.is_machine()) {
                (true, _) if rule.from == AccountKind::Issuance => 0,
                // Nothing is in there; the rule let them as far as that.
                (true, _) => Code::Insufficient.number(),
                (false, true) => Code::DeviceDenied.number(),
                (false, false) => Code::Unauthorised.number(),
            };
            assert_eq!(found, expected, "{rule:?} by {role:?}");
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
}
