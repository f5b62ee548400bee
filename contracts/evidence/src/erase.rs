//! The end of a payload: erased on every holder, or restricted because a law keeps it.
//!
//! # Invariants
//!
//! - **INV-E5 for ever.** Erasing changes no digest, no root and no balance: a tombstone is added.
//! - **V3 kept.** While a retention law keeps a payload, it is restricted instead (LEG-06, LEG-20); while a
//!   record is in dispute, nothing is noted: its payload is what the arbitrator looks at (LEG-27).

use crate::authority;
use crate::facts::Facts;
use crate::malformed;
use crate::record::{disputed, find};
use crate::rules::{consent_id, consent_id_of, whole, years_asked, years_kept};
use crate::schema::{
    ConsentWithdrawn, Done, EraseBasis, ErasePayloadRequest, ErasePayloadResponse, PayloadErased,
    PayloadRestricted, Refusal as No, Standing, Tombstone, WithdrawConsentRequest,
};
use crate::source::day_of;
use alloc::vec::Vec;
use linli_contract::id::PrincipalId;
use linli_contract::identity::Role;
use linli_contract::limits::EVIDENCE_HOLDERS_MAX;
use linli_contract::{Code, Env, Refusal, bytes};

/// A leap year: rather a day too long.
const DAYS_OF_YEAR: u64 = 366;
/// Who withdraws a consent besides the source: who acts for the people concerned.
const SPEAKERS: [Role; 3] = [Role::Guardian, Role::IdService, Role::Regulator];

pub(crate) fn erase(
    env: &mut Env<'_>,
    request: ErasePayloadRequest,
) -> Result<ErasePayloadResponse, Refusal> {
    let named = request.record.as_ref().ok_or_else(|| malformed("record"))?;
    let source = authority::source(env, &named.source)?;
    let mut known = find(env, Some(named))?;
    let today = day_of(env.context().now_ms);
    let restricted = is_kept(&known.facts, today);
    let holders = usize::try_from(request.holders).unwrap_or(usize::MAX);
    whole(&[
        ("basis", request.basis() != EraseBasis::Unspecified),
        ("holders", (1..=EVIDENCE_HOLDERS_MAX).contains(&holders)),
        ("confirmations", request.confirmations.len() == holders.saturating_mul(32)),
    ])?;
    if known.row.tombstone.as_ref().is_some_and(|before| !before.restricted || restricted) {
        return Err(No::ErasedBefore.refuse([]));
    }
    if known.row.standing() == Standing::Challenged {
        return Err(disputed(&known)); // V3, LEG-27
    }
    let context = env.context();
    let tombstone = Tombstone {
        basis: request.basis,
        at_ms: context.now_ms,
        by: context.sender.0.into(),
        confirmations: if restricted { Vec::new() } else { request.confirmations },
        restricted,
    };
    known.row.tombstone = Some(tombstone.clone());
    known.write(env);
    let (record, tombstone) = (Some(known.reference()), Some(tombstone));
    match restricted {
        true => env.emit(&[source], &PayloadRestricted { record, tombstone }),
        false => env.emit(&[source], &PayloadErased { record, tombstone }),
    }
    Ok(ErasePayloadResponse { restricted })
}

/// V3. Whether a retention law still keeps the payload.
fn is_kept(facts: &Facts, today: u64) -> bool {
    let years = years_kept(facts.retention()).max(years_asked(facts.kind()));
    let until = u64::from(facts.day).saturating_add(years.saturating_mul(DAYS_OF_YEAR));
    years > 0 && today < until
}

/// LEG-07. From now on evidence that names the consent is refused, of the source and of its whole
/// organisation: a consent is given to who processes, not to a device.
pub(crate) fn withdraw_consent(
    env: &mut Env<'_>,
    request: WithdrawConsentRequest,
) -> Result<Done, Refusal> {
    authority::direct(env)?;
    let source = PrincipalId::from_slice(&request.source).ok_or_else(|| malformed("source"))?;
    whole(&[("consent", request.consent.len() == 16)])?;
    let context = env.context();
    let sender = context.sender;
    let organisation = match sender == source {
        true => context.organisation,
        false => {
            authority::role(env, &SPEAKERS)?;
            env.identity().principal(&source).org
        }
    };
    let mut by = [0; 32];
    by.iter_mut().zip(sender.0).for_each(|(to, from)| *to = from);
    if env.claim(&consent_id(&source, &request.consent), &by) != linli_contract::Claim::New {
        return Err(No::ConsentWithdrawnBefore.refuse([bytes(&request.consent)]));
    }
    if let Some(id) = consent_id_of(organisation, &request.consent) {
        // Withdrawn before for another of its sources: that is as good.
        env.claim(&id, &by);
    }
    let event =
        ConsentWithdrawn { source: source.0.into(), consent: request.consent, by: sender.0.into() };
    env.emit(&[source], &event);
    Ok(Done {})
}
