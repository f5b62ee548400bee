//! One change of the set: judged whole, then written.

use super::{change_key, current, set_key};
use crate::identity::{self, kind_number};
use crate::native::public_key;
use crate::overlay::Overlay;
use crate::pii;
use crate::room::Place;
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::id::PublicKey;
use linli_types::limits::NAME_BYTES_MAX;
use linli_types::receipt::{Param, Refusal};
use linli_types::signature::check_public_key;
use linli_types::validator::{BadSet, Validator, ValidatorSet};
use linli_types::wire::governance as wire;
use linli_types::wire::identity::OrganisationKind;

/// What happens to the set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Add(wire::AddValidator),
    Remove(wire::RemoveValidator),
    Rekey(wire::RekeyValidator),
    Power(wire::SetPower),
}

/// The set after a change, if it may stand (G5). Nothing is written.
pub(crate) fn judge(overlay: &mut Overlay<'_>, change: &Change) -> Result<ValidatorSet, Stop> {
    let mut members = current(overlay)?.members().to_vec();
    match change {
        Change::Add(add) => {
            let added = newcomer(overlay, &members, add)?;
            members.push(added);
        }
        Change::Remove(remove) => {
            let at = place(&members, "key", &remove.key)?;
            members.remove(at);
        }
        Change::Rekey(rekey) => replace_keys(&mut members, rekey)?,
        Change::Power(set) => {
            let at = place(&members, "key", &set.key)?;
            if let Some(member) = members.get_mut(at) {
                check_differs(member.power != set.power)?;
                member.power = set.power;
            }
        }
    }
    Ok(ValidatorSet::new(members).map_err(|bad| refusal(&bad))?)
}

/// Judges a change and writes it: it holds from the next block on (G6, G7).
pub(crate) fn carry_out(
    overlay: &mut Overlay<'_>,
    place: &Place,
    change: &Change,
) -> Result<(), Stop> {
    let row = linli_types::encode(&judge(overlay, change)?);
    overlay.write(change_key(place.height), Some(row.clone()))?;
    Ok(overlay.write(set_key(), Some(row))?)
}

/// A validator that is to join: keys, name and organisation are its own.
fn newcomer(
    overlay: &mut Overlay<'_>,
    members: &[Validator],
    add: &wire::AddValidator,
) -> Result<Validator, Stop> {
    let key = public_key("key", &add.key)?;
    let network_key = public_key("network_key", &add.network_key)?;
    check_key(members.iter(), &key)?;
    check_key(members.iter(), &network_key)?;
    check_differ(&key, &network_key)?;
    check_name(members, &add.name)?;
    let kind = identity::rows::get_org(overlay, add.org)?.kind;
    let name = add.name.clone();
    Ok(Validator { key, network_key, power: add.power, org: add.org, kind, name })
}

fn replace_keys(members: &mut [Validator], rekey: &wire::RekeyValidator) -> Result<(), Stop> {
    let at = place(members, "key", &rekey.key)?;
    let key = public_key("new_key", &rekey.new_key)?;
    let network_key = public_key("new_network_key", &rekey.new_network_key)?;
    let others = || members.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, other)| other);
    check_key(others(), &key)?;
    check_key(others(), &network_key)?;
    check_differ(&key, &network_key)?;
    if let Some(member) = members.get_mut(at) {
        check_differs((member.key, member.network_key) != (key, network_key))?;
        (member.key, member.network_key) = (key, network_key);
    }
    Ok(())
}

/// Where the validator with a consensus key stands.
fn place(members: &[Validator], field: &str, key: &[u8]) -> Result<usize, Refusal> {
    let key = public_key(field, key)?;
    let at = members.iter().position(|member| member.key == key);
    at.ok_or_else(|| Code::NoValidator.refuse([bytes(&key)]))
}

/// A key that a careful signer made and that no other validator uses, for votes or for peers.
fn check_key<'m>(
    mut others: impl Iterator<Item = &'m Validator>,
    key: &PublicKey,
) -> Result<(), Refusal> {
    if check_public_key(key).is_err() {
        return Err(Code::ValidatorKeyWeak.refuse([bytes(key)]));
    }
    match others.any(|other| other.key == *key || other.network_key == *key) {
        true => Err(Code::ValidatorKnown.refuse([bytes(key)])),
        false => Ok(()),
    }
}

/// What signs votes proves no peer: the two are kept in different places.
fn check_differ(key: &PublicKey, network_key: &PublicKey) -> Result<(), Refusal> {
    match key == network_key {
        true => Err(Code::ValidatorKnown.refuse([bytes(key)])),
        false => Ok(()),
    }
}

fn check_name(members: &[Validator], name: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let may_stand = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.chars().all(plain)
        && pii::find(name).is_none();
    match may_stand && members.iter().all(|member| member.name != name) {
        true => Ok(()),
        false => Err(Code::ValidatorName.refuse([])),
    }
}

fn check_differs(differs: bool) -> Result<(), Refusal> {
    if differs { Ok(()) } else { Err(Code::ValidatorSame.refuse([])) }
}

fn bytes(key: &PublicKey) -> Param {
    Param::Bytes(key.0.to_vec())
}

/// What the motion's author is told about a set that may not stand.
fn refusal(bad: &BadSet) -> Refusal {
    let number = |n: usize| Param::Number(n as u64);
    match bad {
        BadSet::Count { found, min, max } => {
            Code::ValidatorCount.refuse([*found, *min, *max].map(number))
        }
        BadSet::Twice(key) => Code::ValidatorKnown.refuse([bytes(key)]),
        BadSet::Power { power, max, .. } => {
            Code::ValidatorPower.refuse([*power, *max].map(Param::Number))
        }
        BadSet::OrganisationTooStrong { org, power, total } => {
            let numbers = [u64::from(*org), *power, *total];
            Code::OrganisationTooStrong.refuse(numbers.map(Param::Number))
        }
        BadSet::KindTooStrong { kind, power, total } => {
            let kind = OrganisationKind::try_from(kind_number(*kind)).unwrap_or_default();
            let [power, total] = [*power, *total].map(Param::Number);
            Code::KindTooStrong.refuse([Param::Word(kind.as_str_name().into()), power, total])
        }
    }
}
