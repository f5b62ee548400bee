//! An organisation's second key: by height, one at a time, by whoever administers it.

use super::*;
use crate::identity::rows::{Sm2KeyRow, Sm2Row, find, sm2_key};
use linli_types::code::Code;
use linli_types::wire::identity as wire;

const ORG: u32 = 2;

fn set(org: u32, n: u8, from_height: u64) -> wire::SetSm2KeyRequest {
    let mut public_key = vec![n; 65];
    public_key[0] = 4;
    let (signer_id, possession) = ("1234567812345678".to_string(), vec![n; 64]);
    wire::SetSm2KeyRequest { org, public_key, signer_id, possession, from_height }
}

const fn retire(org: u32, from_height: u64) -> wire::RetireSm2KeyRequest {
    wire::RetireSm2KeyRequest { org, from_height }
}

fn row(stage: &mut Stage<'_>) -> Sm2Row {
    find(&mut stage.overlay, &sm2_key(ORG), "").unwrap().unwrap_or_default()
}

fn holding(stage: &mut Stage<'_>, height: u64) -> Vec<u8> {
    let row = row(stage);
    let holding = row.keys.iter().filter(|key| key.holds_at(Height(height)));
    holding.map(|key| key.key[1]).collect()
}

#[test]
fn leg_12_a_new_key_ends_the_one_before_and_what_that_signed_stays_of_its_time() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(ORG, 1, 0)), 0);
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(ORG, 2, 20)), 0);
    assert_eq!(stage.call(MANAGER, "RetireSm2Key", &retire(ORG, 30)), 0);
    // P6: at no height two.
    for (height, expected) in [(10, vec![]), (11, vec![1]), (19, vec![1]), (20, vec![2])] {
        assert_eq!(holding(&mut stage, height), expected, "{height}");
    }
    assert_eq!(holding(&mut stage, 29), [2]);
    assert_eq!(holding(&mut stage, 30), [0_u8; 0]);
    // The first key is still read by whoever verifies an old statement.
    assert_eq!(row(&mut stage).keys.len(), 2);
}

#[test]
fn leg_12_a_retired_key_never_comes_back() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(ORG, 1, 0)), 0);
    assert_eq!(stage.call(MANAGER, "RetireSm2Key", &retire(ORG, 0)), 0);
    assert_eq!(stage.call(MANAGER, "RetireSm2Key", &retire(ORG, 0)), Code::Duplicate.number());
    assert_eq!(stage.call(MANAGER, "RetireSm2Key", &retire(ORG, 99)), Code::KeyRevoked.number());
    stage.later(5, 0);
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(ORG, 1, 0)), Code::KeyTaken.number());
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(ORG, 2, 0)), 0);
}

#[test]
fn an_end_is_brought_forward_and_never_put_off() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(ORG, 1, 0)), 0);
    assert_eq!(stage.call(MANAGER, "RetireSm2Key", &retire(ORG, 40)), 0);
    assert_eq!(stage.call(MANAGER, "RetireSm2Key", &retire(ORG, 30)), 0);
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(ORG, 2, 50)), 0);
    assert_eq!(holding(&mut stage, 35), [0_u8; 0]);
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(ORG, 3, 45)), Code::KeyHeight.number());
    assert_eq!(holding(&mut stage, 50), [2]);
}

#[test]
fn only_the_organisations_own_administrator_sets_it() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    for who in [ANN, SERVICE, REGISTRAR] {
        assert_eq!(stage.call(who, "SetSm2Key", &set(ORG, 1, 0)), Code::RoleDenied.number());
        assert_eq!(stage.call(who, "RetireSm2Key", &retire(ORG, 0)), Code::RoleDenied.number());
    }
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(1, 1, 0)), Code::RoleDenied.number());
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(77, 1, 0)), Code::NoOrganisation.number());
    assert_eq!(stage.call(MANAGER, "RetireSm2Key", &retire(ORG, 0)), Code::NotFound.number());
}

#[test]
fn keys_out_of_form_and_too_many_are_refused() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    let good = set(ORG, 1, 0);
    let spoilt = [
        (wire::SetSm2KeyRequest { public_key: vec![3; 65], ..good.clone() }, Code::BadKey),
        (wire::SetSm2KeyRequest { public_key: vec![4; 64], ..good.clone() }, Code::Malformed),
        (wire::SetSm2KeyRequest { possession: vec![4; 63], ..good.clone() }, Code::Malformed),
        (wire::SetSm2KeyRequest { signer_id: String::new(), ..good.clone() }, Code::Malformed),
        (wire::SetSm2KeyRequest { signer_id: "a".repeat(65), ..good.clone() }, Code::TooLarge),
        (wire::SetSm2KeyRequest { from_height: 10, ..good.clone() }, Code::KeyHeight),
    ];
    for (request, code) in spoilt {
        assert_eq!(stage.call(MANAGER, "SetSm2Key", &request), code.number(), "{request:?}");
    }
    for n in 1..=32 {
        assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(ORG, n, 0)), 0, "{n}");
        stage.later(1, 0);
    }
    assert_eq!(stage.call(MANAGER, "SetSm2Key", &set(ORG, 33, 0)), Code::TooMany.number());
}

#[test]
fn the_row_is_written_in_its_frozen_way() {
    let key = Sm2KeyRow {
        key: [4; 65],
        signer_id: "id".into(),
        possession: [9; 64],
        from: Height(3),
        until: Some(Height(258)),
    };
    let written = linli_types::encode(&Sm2Row { keys: vec![key] });
    let mut expected = vec![1, 0, 0, 0];
    expected.extend_from_slice(&[4; 65]);
    expected.extend_from_slice(&[2, 0, 0, 0, b'i', b'd']);
    expected.extend_from_slice(&[9; 64]);
    expected.extend_from_slice(&[3, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend_from_slice(&[1, 2, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(written, expected);
    assert_eq!(sm2_key(2), b"identity\0s\0\0\0\x02");
}
