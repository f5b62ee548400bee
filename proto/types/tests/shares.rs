//! Golden vectors: largest-remainder splits and the council's arithmetic.
//!
//! They are three groups of a larger collection, case for case. Its others are rules of contracts
//! that come later: rounding of minutes, the times to accept and to dispatch, stacked vouchers, the
//! time bank's cap, the risk reserve, outcome bonds, clearing, the efficiency index.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_types::council::{Chamber, Threshold, share};
use linli_types::split::split;
use serde_json::Value;

const VECTORS: &str = include_str!("vectors/shares.json");

fn cases(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let cases = all[name].as_array().unwrap().clone();
    assert!(cases.len() >= 12, "{name}");
    cases
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// Amounts that may pass 2^53 stand as strings.
fn amount(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn splits_are_those_of_the_vectors() {
    for case in cases("split_30_50_20_fen").into_iter().chain(cases("split_any_weights")) {
        let total = amount(&case["input"]["total"]);
        let weights: Vec<u32> =
            case["input"]["weights"].as_array().unwrap().iter().map(number).collect();
        let expected: Vec<u64> = case["expect"].as_array().unwrap().iter().map(amount).collect();
        assert_eq!(split(total, &weights), Some(expected), "{case}");
    }
}

#[test]
fn shares_of_the_council_are_those_of_the_vectors() {
    let chamber = |value: &Value| Chamber {
        weight: number(&value["weight"]),
        seats: number(&value["seats"]),
        recused: number(&value["recused"]),
        yes: number(&value["yes"]),
    };
    for case in cases("council_40_30_30") {
        let chambers: Vec<Chamber> =
            case["input"].as_array().unwrap().iter().map(chamber).collect();
        let share = share(&chambers).unwrap();
        let expected = &case["expect"];
        let fraction = format!("{}/{}", share.numerator, share.denominator);
        assert_eq!(fraction, expected["share"].as_str().unwrap(), "{case}");
        assert_eq!(share.passes(Threshold::Simple), expected["simple"], "{case}");
        assert_eq!(share.passes(Threshold::Special), expected["special"], "{case}");
    }
}
