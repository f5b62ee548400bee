//! Phase 1 from the outside: good transactions pass, each kind of bad input has its code.

use super::*;
use linli_types::transaction;
use linli_types::wire::accounts::TransferRequest;
use proptest::prelude::*;

const CHAIN: ChainId = ChainId([7; 32]);
const NOW: TimeMs = TimeMs(1_000_000);

fn checker() -> Checker {
    let accounts = Schema::of_package(wire::DESCRIPTORS, "linli.accounts.v1").unwrap();
    let notes = crate::schema::tests::notes();
    Checker::new(CHAIN, BTreeMap::from([("accounts".into(), accounts), ("notes".into(), notes)]))
}

fn transfer() -> TransferRequest {
    let [id, debit, credit] = [1, 2, 3].map(|n| vec![n; 16]);
    TransferRequest { id, debit, credit, amount: 500, code: 1, ..Default::default() }
}

fn call() -> Call {
    let args = transfer().encode_to_vec();
    Call { room: "accounts".into(), method: "Transfer".into(), args }
}

fn body() -> TransactionBody {
    TransactionBody {
        chain_tag: CHAIN.tag(),
        sender: vec![9; 16],
        signer: vec![8; 32],
        key: vec![5; 16],
        valid_until_ms: NOW.0 + 60_000,
        on_behalf: None,
        calls: vec![call()],
    }
}

fn raw(body: &TransactionBody) -> Vec<u8> {
    transaction::envelope(&body.encode_to_vec(), &Signature([3; 64]))
}

fn refused(body: &TransactionBody) -> (Code, Vec<Param>) {
    let refusal = checker().check(&raw(body), NOW).unwrap_err();
    (Code::from_number(refusal.code).unwrap(), refusal.params)
}

fn word(text: &str) -> Param {
    Param::Word(text.into())
}

#[test]
fn a_transfer_passes_and_keeps_its_bytes() {
    let bytes = raw(&body());
    let transaction = checker().check(&bytes, NOW).unwrap();
    assert_eq!(&*transaction.raw, bytes.as_slice());
    assert_eq!(transaction.id, digest::transaction_id(&body().encode_to_vec()));
    assert_eq!((transaction.sender, transaction.calls), (PrincipalId([9; 16]), vec![call()]));
}

#[test]
fn another_chain_is_named_as_such() {
    let body = TransactionBody { chain_tag: 1, ..body() };
    assert_eq!(refused(&body), (Code::WrongChain, vec![]));
}

#[test]
fn the_window_is_ten_minutes_wide_and_only_check_asks() {
    let at = |valid_until_ms| TransactionBody { valid_until_ms, ..body() };
    assert_eq!(refused(&at(NOW.0 - 1)).0, Code::Expired);
    assert_eq!(refused(&at(NOW.0 + VALIDITY_MS_MAX + 1)).0, Code::TooDistant);
    for inside in [NOW.0, NOW.0 + VALIDITY_MS_MAX] {
        assert!(checker().check(&raw(&at(inside)), NOW).is_ok());
    }
    assert!(checker().check_shape(&raw(&at(0))).is_ok());
}

#[test]
fn lengths_of_ids_are_exact() {
    let short = TransactionBody { sender: vec![9; 15], ..body() };
    assert_eq!(refused(&short), (Code::Malformed, vec![word("sender: wrong length")]));
    let long = TransactionBody { key: vec![9; 17], ..body() };
    assert_eq!(refused(&long), (Code::Malformed, vec![word("key: wrong length")]));
    let none = TransactionBody { signer: vec![], ..body() };
    assert_eq!(refused(&none), (Code::Malformed, vec![word("signer: wrong length")]));
}

#[test]
fn one_to_sixty_four_calls() {
    let calls = |count| TransactionBody { calls: vec![call(); count], ..body() };
    assert_eq!(refused(&calls(0)).0, Code::Malformed);
    assert_eq!(refused(&calls(65)).0, Code::TooLarge);
    assert!(checker().check(&raw(&calls(64)), NOW).is_ok());
}

#[test]
fn rooms_and_methods_are_known_and_names_are_names() {
    let with = |room: &str, method: &str| {
        let call = Call { room: room.into(), method: method.into(), args: vec![] };
        TransactionBody { calls: vec![call], ..body() }
    };
    assert_eq!(refused(&with("bank", "X")), (Code::UnknownRoom, vec![word("bank")]));
    let unknown = vec![word("accounts"), word("Steal")];
    assert_eq!(refused(&with("accounts", "Steal")), (Code::UnknownMethod, unknown));
    // A query is not a call.
    assert_eq!(refused(&with("accounts", "Account")).0, Code::UnknownMethod);
    let echo = refused(&with("13812345678 张三", "X"));
    assert_eq!(echo, (Code::Malformed, vec![word("calls.room: not a name")]));
    assert_eq!(refused(&with(&"a".repeat(49), "X")).0, Code::TooLarge);
}

#[test]
fn arguments_follow_their_schema() {
    let with = |args: Vec<u8>| TransactionBody { calls: vec![Call { args, ..call() }], ..body() };
    let mut unknown = call().args;
    unknown.extend([0x78, 1]);
    assert_eq!(refused(&with(unknown)), (Code::Malformed, vec![word("unknown field")]));
    let short = TransferRequest { debit: vec![2; 15], ..transfer() }.encode_to_vec();
    assert_eq!(refused(&with(short)), (Code::Malformed, vec![word("debit: wrong length")]));
    assert_eq!(refused(&with(vec![])), (Code::Malformed, vec![word("id: wrong length")]));
    let large = with(vec![0; ARGUMENT_BYTES_MAX + 1]);
    assert_eq!(refused(&large).0, Code::TooLarge);
}

#[test]
fn leg_05_personal_data_is_refused_without_echo() {
    let note = |text: &str| {
        let mut args = vec![0x0a, u8::try_from(text.len()).unwrap()];
        args.extend_from_slice(text.as_bytes());
        let call = Call { room: "notes".into(), method: "Write".into(), args };
        TransactionBody { calls: vec![call], ..body() }
    };
    let found = (Code::PiiSuspected, vec![word("text"), word("identity card")]);
    assert_eq!(refused(&note("证件 11010519491231002X")), found);
    assert!(checker().check(&raw(&note("已更换阀门")), NOW).is_ok());
}

#[test]
fn an_envelope_has_one_spelling() {
    let bytes = raw(&body());
    let refuse = |bytes: &[u8]| checker().check(bytes, NOW).unwrap_err().code;
    let mut trailing = bytes.clone();
    trailing.extend([0x12, 0]);
    let mut swapped = bytes[bytes.len() - 66..].to_vec();
    swapped.extend_from_slice(&bytes[..bytes.len() - 66]);
    let truncated = &bytes[..bytes.len() - 1];
    for bad in [&trailing, &swapped, truncated, &[], &[TAG_BODY]] {
        assert_eq!(refuse(bad), Code::Malformed.number());
    }
    assert_eq!(refuse(&vec![0; TRANSACTION_BYTES_MAX + 1]), Code::TooLarge.number());
}

proptest! {
    #[test]
    fn no_bytes_make_it_stumble(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = checker().check(&bytes, NOW);
        let _ = checker().check_shape(&transaction::envelope(&bytes, &Signature([0; 64])));
    }

    /// Any change of a body either is refused or makes another transaction.
    #[test]
    fn a_flipped_bit_never_keeps_the_id(place in 0_usize..10_000, bit in 0_u32..8) {
        let good = raw(&body());
        let mut bytes = good.clone();
        let at = place % (bytes.len() - 66);
        bytes[at] ^= 1_u8 << bit;
        let checker = checker();
        if let Ok(changed) = checker.check_shape(&bytes) {
            prop_assert_ne!(changed.id, checker.check_shape(&good).unwrap().id);
        }
    }

    #[test]
    fn cut_and_spliced_bytes_never_panic(from in 0_usize..300, to in 0_usize..300, byte: u8) {
        let mut bytes = raw(&body());
        let (from, to) = (from.min(bytes.len()), to.min(bytes.len()));
        bytes.splice(from.min(to)..from.max(to), [byte; 3]);
        let _ = checker().check(&bytes, NOW);
    }
}
