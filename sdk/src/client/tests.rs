//! Definite and indefinite outcomes; how long a client goes on asking.

use super::*;
use linli_types::receipt::{Cause, Outcome as Ended, Refusal};

const ID: TxId = TxId([8; 32]);

fn answer(receipt: Option<&Receipt>, head_time_ms: u64) -> ReceiptResponse {
    ReceiptResponse {
        found: receipt.is_some(),
        height: 7,
        index: 2,
        receipt: receipt.map(linli_types::encode).unwrap_or_default(),
        block_time_ms: 400,
        head_time_ms,
    }
}

fn receipt(outcome: Ended) -> Receipt {
    let (results, events, log_leaves) = (Vec::new(), Vec::new(), (0, 0));
    Receipt { cause: Cause::Transaction(ID), outcome, fuel: 1, results, events, log_leaves }
}

#[test]
fn absence_is_definite_only_after_the_validity_has_passed() {
    let until = TimeMs(1000);
    for (head, definite) in [(999, false), (1000, false), (1001, true)] {
        let found = outcome(&answer(None, head), ID, until).unwrap();
        assert_eq!(found.is_some(), definite, "head at {head}");
    }
}

#[test]
fn a_receipt_is_definite_whatever_it_says() {
    let done = outcome(&answer(Some(&receipt(Ended::Done)), 5), ID, TimeMs(9)).unwrap();
    assert!(matches!(done, Some(Outcome::Done(found)) if found.height == Height(7)));
    let refusal = Refusal { room: String::new(), code: 2008, params: Vec::new() };
    let refused = receipt(Ended::Refused { call: 0, refusal });
    let refused = outcome(&answer(Some(&refused), 5), ID, TimeMs(9)).unwrap();
    assert!(matches!(refused, Some(Outcome::Refused(_))));
}

#[test]
fn a_receipt_that_is_none_or_of_another_is_the_node_s_fault() {
    let mut bad = answer(Some(&receipt(Ended::Done)), 5);
    let other = outcome(&bad, TxId([9; 32]), TimeMs(9)).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::BadAnswer);
    bad.receipt.push(0);
    assert_eq!(outcome(&bad, ID, TimeMs(9)).unwrap_err().kind(), ErrorKind::BadAnswer);
}

#[test]
fn the_same_bytes_again_are_no_refusal() {
    let exists = Refused { code: Code::Exists.number(), ..Default::default() };
    assert_eq!(accepted(5, Some(&exists)), Ok(Accepted::Exists { height: Some(Height(5)) }));
    assert_eq!(accepted(0, Some(&exists)), Ok(Accepted::Exists { height: None }));
    let expired = Refused { code: Code::Expired.number(), en: "late".into(), ..Default::default() };
    let error = accepted(0, Some(&expired)).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (Some(1004), "late"));
    assert!(!is_passing(&error));
}
