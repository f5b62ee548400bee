//! The table of codes: nothing stands twice, and both languages say the same.

use super::*;
use std::collections::BTreeSet;

#[test]
fn numbers_and_names_are_used_once() {
    let numbers: BTreeSet<u32> = Code::ALL.iter().map(|c| c.number()).collect();
    let names: BTreeSet<&str> = Code::ALL.iter().map(|c| c.name()).collect();
    assert_eq!((numbers.len(), names.len()), (Code::ALL.len(), Code::ALL.len()));
}

#[test]
fn both_languages_use_the_same_parameters() {
    for code in Code::ALL {
        let places = |lang| {
            let text = code.text(lang).0;
            (0..9).filter(|i| text.contains(&std::format!("{{{i}}}"))).collect::<Vec<_>>()
        };
        assert_eq!(places(Lang::Zh), places(Lang::En), "{code:?}");
    }
}

#[test]
fn parameters_fill_their_places() {
    let text = fill(Code::Insufficient.text(Lang::En).0, &[Param::Number(3), Param::Number(5)]);
    assert_eq!(text, "the balance 3 does not cover 5");
}
