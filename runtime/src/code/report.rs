//! What validators report about a rehearsal, and whether they agree.
//!
//! # Invariants
//!
//! - **R1 signed.** A report counts for the validator whose consensus key signed it, whoever brings
//!   it; one per validator and motion.
//! - **R2 the same.** Reports agree if they are equal in every field.

use super::GOVERNANCE;
use super::MotionId;
use super::rows::{PinRow, find_pin, pin_prefix, report_key};
use super::stage::{hash_of, keep};
use crate::native::{Deed, Done, event, malformed, public_key, read};
use crate::stored::{decode, prefix_end, visit_rows};
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::id::{PublicKey, Signature};
use linli_types::limits::{NAME_BYTES_MAX, REHEARSAL_LISTED_MAX};
use linli_types::receipt::{Param, Refusal};
use linli_types::rehearsal::{Difference, Report};
use linli_types::signature::{Verify, Zip215};
use linli_types::store::{Broken, Column, Read};
use linli_types::wire::governance as wire;
use prost::Message;
use std::collections::BTreeMap;

const REPORTED: &str = "linli.governance.v1.RehearsalReported";

pub(super) fn report(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::ReportRehearsalRequest = read(args)?;
    let motion: MotionId = request.motion.as_slice().try_into().map_err(|_| malformed("motion"))?;
    let validator = public_key("validator", &request.validator)?;
    let report = from_wire(request.report.ok_or_else(|| malformed("report"))?)?;
    let signature = Signature::from_slice(&request.signature);
    let signature = signature.ok_or_else(|| malformed("signature"))?;
    if find_pin(deed.overlay, &motion)?.is_none() {
        return Err(Code::NoRehearsal.refuse([]).into());
    }
    if deed.realm.validators.get(&validator).is_none() {
        return Err(Code::NotValidator.refuse([]).into());
    }
    let key = report_key(&motion, &validator);
    let bytes = linli_types::encode(&report);
    if let Some(before) = deed.overlay.read(&key)? {
        let code = if before == bytes { Code::Duplicate } else { Code::BusinessIdConflict };
        return Err(code.refuse([]).into());
    }
    let signed = report.signing_bytes(&deed.realm.chain, &motion);
    if !Zip215.verify(&validator, &signed, &signature) {
        return Err(Code::ReportSignature.refuse([]).into()); // R1
    }
    deed.overlay.write(key, Some(bytes))?;
    let message = wire::RehearsalReported {
        motion: motion.to_vec(),
        validator: validator.0.to_vec(),
        digest: report.digest.0.to_vec(),
        differences: report.differences,
        broken: report.broken,
    };
    Ok((wire::Done {}.encode_to_vec(), event(GOVERNANCE, REPORTED, [], &message)))
}

fn from_wire(report: wire::RehearsalReport) -> Result<Report, Refusal> {
    if report.first.len() > REHEARSAL_LISTED_MAX {
        return Err(malformed("report.first"));
    }
    // The name of a law, never what someone typed.
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ' ';
    if report.broken.len() > NAME_BYTES_MAX || !report.broken.chars().all(word) {
        return Err(malformed("report.broken"));
    }
    let one = |found: &wire::RehearsalDifference| {
        let what = u8::try_from(found.what).map_err(|_| malformed("report.first"))?;
        Ok(Difference { height: Height(found.height), index: found.index, what })
    };
    Ok(Report {
        digest: hash_of("report.digest", &report.digest)?,
        from: Height(report.from_height),
        blocks: report.blocks,
        performed: report.performed,
        differences: report.differences,
        first: report.first.iter().map(one).collect::<Result<_, Refusal>>()?,
        broken: report.broken,
    })
}

/// The arguments of the call that carries a validator's report.
pub fn report_request(
    motion: &MotionId,
    validator: &PublicKey,
    report: &Report,
    signature: &Signature,
) -> wire::ReportRehearsalRequest {
    wire::ReportRehearsalRequest {
        motion: motion.to_vec(),
        validator: validator.0.to_vec(),
        report: Some(to_wire(report)),
        signature: signature.0.to_vec(),
    }
}

/// A report as messages carry it.
pub(super) fn to_wire(report: &Report) -> wire::RehearsalReport {
    let one = |found: &Difference| wire::RehearsalDifference {
        height: found.height.0,
        index: found.index,
        what: u32::from(found.what),
    };
    wire::RehearsalReport {
        digest: report.digest.0.to_vec(),
        from_height: report.from.0,
        blocks: report.blocks,
        performed: report.performed,
        differences: report.differences,
        first: report.first.iter().map(one).collect(),
        broken: report.broken.clone(),
    }
}

/// What speaks against code that has the votes: too few equal reports of the validators of now (R2),
/// or an invariant that they found broken. If nothing does, the code stays until it is in force.
pub(crate) fn objection(
    deed: &mut Deed<'_, '_>,
    motion: &MotionId,
    request: &wire::Deploy,
) -> Result<Option<Refusal>, Stop> {
    let validators = deed.realm.validators;
    let mut powers: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for validator in validators.members() {
        if let Some(report) = deed.overlay.read(&report_key(motion, &validator.key))? {
            let power = powers.entry(report).or_default();
            *power = power.saturating_add(validator.power);
        }
    }
    let most = powers.into_iter().max_by_key(|(_, power)| *power);
    let (report, power) = most.unwrap_or_default();
    if !validators.is_quorum(power) {
        let numbers = [power, validators.total_power()].map(Param::Number);
        return Ok(Some(Code::RehearsalShort.refuse(numbers)));
    }
    let report: Report = decode(&report, "a rehearsal's report")?;
    if !report.broken.is_empty() {
        return Ok(Some(Code::RehearsalBroken.refuse([Param::Word(report.broken)])));
    }
    keep(deed.overlay, &hash_of("hash", &request.hash)?)?;
    Ok(None)
}

/// The open motions that a validator owes a report.
///
/// # Errors
///
/// [`Broken`] if a row cannot be read.
pub fn owed(store: &dyn Read, validator: &PublicKey) -> Result<Vec<(MotionId, PinRow)>, Broken> {
    let mut owed = Vec::new();
    for (motion, row) in pins(store)? {
        if store.get(Column::State, &report_key(&motion, validator))?.is_none() {
            owed.push((motion, row));
        }
    }
    Ok(owed)
}

/// The motions that are rehearsed.
pub(super) fn pins(store: &dyn Read) -> Result<BTreeMap<MotionId, PinRow>, Broken> {
    let (from, mut found) = (pin_prefix(), BTreeMap::new());
    visit_rows(store, Column::State, (&from, &prefix_end(&from)), |key, row| {
        let motion = key.strip_prefix(from.as_slice()).and_then(|id| id.try_into().ok());
        let motion = motion.ok_or_else(|| Broken("the key of a pin cannot be read".into()))?;
        found.insert(motion, decode(row, "a pin of code")?);
        Ok(())
    })?;
    Ok(found)
}
