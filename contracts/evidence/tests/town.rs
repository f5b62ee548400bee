//! The contract among other rooms: a contract that a source calls anchors nothing in its name.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_contract::{Env, Refusal};
use linli_evidence::schema::{
    AnchorRequest, AnchorResponse, GapsRequest, GapsResponse, Kind, Refusal as No,
};
use linli_pretend::linli_types::id::PrincipalId;
use linli_pretend::{Contract, Plan, Town};

const SOURCE: PrincipalId = PrincipalId([1; 16]);

/// Looks like `evidence`, and passes on what it is given.
fn pass_on(env: &mut Env<'_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(env.call_encoded("evidence", method, args))
}

/// The same, but by a timer: nobody is the sender then.
fn put_off(env: &mut Env<'_>, _: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    let at = env.context().now_ms + 5_000;
    env.schedule(at, args);
    Ok(prost::Message::encode_to_vec(&AnchorResponse { leaf: 0, statement: vec![0; 32] }))
}

fn fire(env: &mut Env<'_>, payload: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(env.call_encoded("evidence", "Anchor", payload))
}

fn town() -> Town {
    let contract = || Contract::new(linli_evidence::SCHEMA);
    Plan::new()
        .person(SOURCE, &[])
        .contract("evidence", contract().call(linli_evidence::call).query(linli_evidence::query))
        .contract("courier", contract().call(pass_on))
        .contract("sleeper", contract().call(put_off).fire(fire))
        .open()
}

fn request(town: &Town, number: u64) -> AnchorRequest {
    AnchorRequest {
        source: SOURCE.0.to_vec(),
        number,
        kind: Kind::Form.into(),
        manifest_sha256: vec![9; 32],
        manifest_sm3: vec![9; 32],
        size: 10,
        media: "application/pdf".into(),
        captured_at_ms: town.now().0,
    }
}

fn records(town: &Town) -> u64 {
    let request = GapsRequest { source: SOURCE.0.to_vec() };
    town.ask::<GapsResponse>(SOURCE, "evidence", "Gaps", &request).unwrap().records
}

#[test]
fn what_the_source_did_not_call_itself_is_not_anchored() {
    let mut town = town();
    let asked = request(&town, 1);
    let outcome = town.call(SOURCE, "courier", "Anchor", &asked);
    assert!(outcome.refused_by("evidence", No::DirectOnly), "{outcome:?}");

    assert!(town.call(SOURCE, "sleeper", "Anchor", &asked).is_done());
    let fired = town.at(town.now().plus_ms(10_000));
    assert_eq!(fired.len(), 1);
    assert!(fired.iter().all(|one| one.refused_by("evidence", No::DirectOnly)), "{fired:?}");
    assert_eq!(records(&town), 0, "V1");

    assert!(town.call(SOURCE, "evidence", "Anchor", &asked).is_done(), "its number is unused");
    assert_eq!(records(&town), 1);
}
