//! What is attested of people, each with an end: relations between two, predicates of one.
//!
//! Never a birth date: "60 or older" stands, not since when. What has ended is absent. A new
//! attestation of the same thing replaces the one before, also with an earlier end.

use super::ROOM;
use super::calls::{Subject, judge};
use super::mandate::check_end;
use super::rows::{AttestRow, find, get_principal, predicate_key, relation_key};
use crate::native::{Deed, Done, event, malformed, principal, read};
use crate::overlay::Overlay;
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::PrincipalId;
use linli_types::policy::Param as PolicyParam;
use linli_types::receipt::{Event, Refusal};
use linli_types::store::Broken;
use linli_types::wire::identity as wire;
use linli_types::wire::identity::{Predicate, RelationKind};
use prost::Message;

const RELATION: &str = "linli.identity.v1.RelationChanged";
const PREDICATE: &str = "linli.identity.v1.PredicateChanged";

/// Relations that make two people count as one where a pair of duties says so: friends and
/// colleagues do not.
const RELATIVES: [RelationKind; 3] =
    [RelationKind::Lineal, RelationKind::Spouse, RelationKind::Relative];

/// Whether a predicate of a person holds at a time.
#[allow(dead_code, reason = "the accounts room asks it before minutes are redeemed")]
pub(crate) fn holds(
    overlay: &mut Overlay<'_>,
    id: &PrincipalId,
    predicate: Predicate,
    at: TimeMs,
) -> Result<bool, Broken> {
    let row = find(overlay, &predicate_key(id, number(predicate as i32)), "a predicate")?;
    Ok(row.is_some_and(|row: AttestRow| at < row.expires))
}

/// Whether two people are relatives at a time.
pub(crate) fn related(
    overlay: &mut Overlay<'_>,
    (a, b): (&PrincipalId, &PrincipalId),
    at: TimeMs,
) -> Result<bool, Broken> {
    for kind in RELATIVES {
        let row = find(overlay, &relation_key(a, b, number(kind as i32)), "a relation")?;
        if row.is_some_and(|row: AttestRow| at < row.expires) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The byte in a row's key. Numbers of the two enums are small.
pub(super) fn number(number: i32) -> u8 {
    u8::try_from(number).unwrap_or(0)
}

/// What two people may be to each other, by number.
pub(super) fn relation_kinds() -> impl Iterator<Item = RelationKind> {
    (1..=i32::from(u8::MAX)).map_while(|number| RelationKind::try_from(number).ok())
}

/// What may hold of a person, by number.
pub(super) fn predicates() -> impl Iterator<Item = Predicate> {
    (1..=i32::from(u8::MAX)).map_while(|number| Predicate::try_from(number).ok())
}

/// The number of one of `known`; 0 was left out by the sender.
fn known(field: &str, asked: i32, is_known: bool) -> Result<u8, Refusal> {
    if asked > 0 && is_known { Ok(number(asked)) } else { Err(malformed(field)) }
}

struct Relation {
    a: PrincipalId,
    b: PrincipalId,
    kind: i32,
    key: Vec<u8>,
}

/// The relation that a request names, if the sender may attest it.
fn relation(
    deed: &mut Deed<'_, '_>,
    method: &str,
    (a, b): (&[u8], &[u8]),
    kind: i32,
) -> Result<Relation, Stop> {
    let (a, b) = (principal("a", a)?, principal("b", b)?);
    let number = known("kind", kind, RelationKind::try_from(kind).is_ok())?;
    let row = get_principal(deed.overlay, &a)?;
    get_principal(deed.overlay, &b)?;
    judge(deed, (ROOM, method), Subject::of(a, &row))?;
    check_others(deed, &[a, b])?;
    if a == b {
        return Err(malformed("b").into());
    }
    Ok(Relation { a, b, kind, key: relation_key(&a, &b, number) })
}

/// Nobody attests what is theirs.
fn check_others(deed: &Deed<'_, '_>, about: &[PrincipalId]) -> Result<(), Refusal> {
    match about.contains(&deed.actor.principal) {
        true => Err(Code::SelfDealing.refuse([])),
        false => Ok(()),
    }
}

pub(super) fn attest_relation(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::AttestRelationRequest = read(args)?;
    let ends = (request.a.as_slice(), request.b.as_slice());
    let relation = relation(deed, "AttestRelation", ends, request.kind)?;
    let expires = put(deed, &relation.key, request.expires_ms)?;
    Ok(relation_changed(deed, &relation, expires))
}

pub(super) fn withdraw_relation(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::WithdrawRelationRequest = read(args)?;
    let ends = (request.a.as_slice(), request.b.as_slice());
    let relation = relation(deed, "WithdrawRelation", ends, request.kind)?;
    remove(deed, &relation.key)?;
    Ok(relation_changed(deed, &relation, TimeMs(0)))
}

fn relation_changed(deed: &Deed<'_, '_>, relation: &Relation, at: TimeMs) -> (Vec<u8>, Event) {
    let Relation { a, b, kind, .. } = *relation;
    let by = deed.actor.principal;
    let message = wire::RelationChanged {
        a: a.0.to_vec(),
        b: b.0.to_vec(),
        kind,
        expires_ms: at.0,
        by: by.0.to_vec(),
    };
    (wire::Done {}.encode_to_vec(), event(ROOM, RELATION, [a, b, by], &message))
}

/// The person and the row's key that a request names, if the sender may attest it.
fn predicate(
    deed: &mut Deed<'_, '_>,
    method: &str,
    id: &[u8],
    predicate: i32,
) -> Result<(PrincipalId, Vec<u8>), Stop> {
    let id = principal("principal", id)?;
    let number = known("predicate", predicate, Predicate::try_from(predicate).is_ok())?;
    let row = get_principal(deed.overlay, &id)?;
    judge(deed, (ROOM, method), Subject::of(id, &row))?;
    check_others(deed, &[id])?;
    Ok((id, predicate_key(&id, number)))
}

pub(super) fn attest_predicate(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::AttestPredicateRequest = read(args)?;
    let (id, key) = predicate(deed, "AttestPredicate", &request.principal, request.predicate)?;
    let expires = put(deed, &key, request.expires_ms)?;
    Ok(predicate_changed(deed, id, request.predicate, expires))
}

pub(super) fn withdraw_predicate(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::WithdrawPredicateRequest = read(args)?;
    let (id, key) = predicate(deed, "WithdrawPredicate", &request.principal, request.predicate)?;
    remove(deed, &key)?;
    Ok(predicate_changed(deed, id, request.predicate, TimeMs(0)))
}

fn predicate_changed(
    deed: &Deed<'_, '_>,
    id: PrincipalId,
    predicate: i32,
    at: TimeMs,
) -> (Vec<u8>, Event) {
    let by = deed.actor.principal;
    let message = wire::PredicateChanged {
        principal: id.0.to_vec(),
        predicate,
        expires_ms: at.0,
        by: by.0.to_vec(),
    };
    (wire::Done {}.encode_to_vec(), event(ROOM, PREDICATE, [id, by], &message))
}

fn put(deed: &mut Deed<'_, '_>, key: &[u8], expires_ms: u64) -> Result<TimeMs, Stop> {
    let expires = check_end(deed, PolicyParam::AttestationMsMax, expires_ms)?;
    let row = AttestRow { expires, by: deed.actor.principal };
    if find::<AttestRow>(deed.overlay, key, "an attestation")?.as_ref() == Some(&row) {
        return Err(Code::Duplicate.refuse([]).into());
    }
    deed.overlay.write(key.to_vec(), Some(linli_types::encode(&row)))?;
    Ok(expires)
}

fn remove(deed: &mut Deed<'_, '_>, key: &[u8]) -> Result<(), Stop> {
    let row: Option<AttestRow> = find(deed.overlay, key, "an attestation")?;
    if row.is_none_or(|row| row.expires <= deed.place.time) {
        return Err(Code::NoAttestation.refuse([]).into());
    }
    Ok(deed.overlay.write(key.to_vec(), None)?)
}
