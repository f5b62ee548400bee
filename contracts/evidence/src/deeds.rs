//! What others do about a record: they corroborate, supersede, challenge and decide.
//!
//! # Invariants
//!
//! - **V5 another.** Who corroborates is not the source, not its device, and not of its organisation;
//!   who decides is none of these and not who challenged (LEG-04).

use crate::authority;
use crate::facts::Facts;
use crate::graph::unblocked;
use crate::malformed;
use crate::record::{Known, find};
use crate::schema::{
    ChallengeRequest, Challenged, CorroborateRequest, Corroborated, Corroboration, Dispute, Done,
    Invalidated, Outcome, Ref, Refusal as No, ResolveRequest, Standing, SupersedeRequest,
    Superseded, Upheld,
};
use crate::source;
use linli_contract::id::PrincipalId;
use linli_contract::identity::{Duty, Role};
use linli_contract::limits::EVIDENCE_CORROBORATIONS_MAX;
use linli_contract::{Code, Context, Env, Refusal, bytes, number, word};

/// Who may dispute a record.
const CHALLENGERS: [Role; 5] =
    [Role::Auditor, Role::Arbitrator, Role::ArbitrationRegistrar, Role::Regulator, Role::Resident];

pub(crate) fn corroborate(env: &mut Env<'_>, request: CorroborateRequest) -> Result<Done, Refusal> {
    authority::direct(env)?;
    let context = env.context();
    let mut known = find(env, request.record.as_ref())?;
    known.stands(&[Standing::Anchored, Standing::Corroborated])?;
    another(&context, &known)?;
    let evidence = own_evidence(env, &context, request.evidence)?;
    let device = match request.device.as_slice() {
        [] => PrincipalId::default(),
        device => PrincipalId::from_slice(device).ok_or_else(|| malformed("device"))?,
    };
    let used = [device, evidence.as_ref().map(|(facts, _)| facts.device).unwrap_or_default()];
    if used.into_iter().any(|device| is_device_of(&known, &device)) {
        return Err(No::SameSource.refuse([bytes(&known.facts.device.0)]));
    }
    let evidence = evidence.map(|(_, named)| named);
    let list = &mut known.row.corroborations;
    if list.iter().any(|one| one.by == context.sender.0) {
        return Err(No::SameSource.refuse([bytes(&context.sender.0)]));
    }
    if list.len() >= EVIDENCE_CORROBORATIONS_MAX {
        let max = number(EVIDENCE_CORROBORATIONS_MAX as u64);
        return Err(No::TooMany.refuse([word("corroborations"), max]));
    }
    list.push(Corroboration {
        by: context.sender.0.into(),
        organisation: context.organisation,
        at_ms: context.now_ms,
        evidence: evidence.clone(),
    });
    if known.row.standing() == Standing::Anchored {
        source::corroborated(env, &known.source, known.facts.day);
    }
    let change = known.step(env, Standing::Corroborated, (0, evidence));
    env.emit(&[known.source, context.sender], &Corroborated { change: Some(change) });
    Ok(Done {})
}

/// V5.
fn another(context: &Context, known: &Known) -> Result<(), Refusal> {
    let sender = context.sender;
    let nobody = sender == PrincipalId::default();
    let same_org = context.organisation != 0 && context.organisation == known.facts.organisation;
    if nobody || same_org || sender == known.source || is_device_of(known, &sender) {
        return Err(No::SameSource.refuse([bytes(&sender.0)]));
    }
    Ok(())
}

fn is_device_of(known: &Known, device: &PrincipalId) -> bool {
    *device != PrincipalId::default() && (*device == known.facts.device || *device == known.source)
}

/// The sender's own record that says the same, if it names one.
fn own_evidence(
    env: &mut Env<'_>,
    context: &Context,
    named: Option<Ref>,
) -> Result<Option<(Facts, Ref)>, Refusal> {
    let Some(named) = named else { return Ok(None) };
    let own = find(env, Some(&named))?;
    if own.source != context.sender {
        return Err(No::Unauthorised.refuse([bytes(&own.source.0)]));
    }
    // What is invalid, or was replaced, says nothing.
    unblocked(env, (own.source, own.number))?;
    own.not_replaced()?;
    Ok(Some((own.facts, named)))
}

pub(crate) fn supersede(env: &mut Env<'_>, request: SupersedeRequest) -> Result<Done, Refusal> {
    let named = request.record.as_ref().ok_or_else(|| malformed("record"))?;
    let source = authority::source(env, &named.source)?;
    let mut known = find(env, Some(named))?;
    known.stands(&[Standing::Anchored])?;
    if request.by == known.number {
        return Err(No::Cycle.refuse([number(request.by)]));
    }
    let by = Ref { source: source.0.into(), number: request.by };
    let stands_in = find(env, Some(&by))?;
    // What is superseded itself, or invalid, stands for nothing: so there is no cycle.
    stands_in.stands(&[
        Standing::Anchored,
        Standing::Corroborated,
        Standing::Challenged,
        Standing::Upheld,
    ])?;
    stands_in.not_replaced()?;
    known.row.superseded_by = request.by;
    let change = known.step(env, Standing::Superseded, (request.reason, Some(by)));
    env.emit(&[source], &Superseded { change: Some(change) });
    Ok(Done {})
}

pub(crate) fn challenge(env: &mut Env<'_>, request: ChallengeRequest) -> Result<Done, Refusal> {
    let context = authority::role(env, &CHALLENGERS)?;
    let mut known = find(env, request.record.as_ref())?;
    reasoned(request.reason)?;
    if context.sender == known.source {
        return Err(No::SameSource.refuse([bytes(&context.sender.0)]));
    }
    // Replacing a record is no way round a dispute: what rests on it rests on it still.
    known.stands(&[Standing::Anchored, Standing::Corroborated, Standing::Superseded])?;
    let record = duty_id(env, &known);
    env.identity().act(&record, Duty::Party);
    known.row.dispute = Some(Dispute {
        by: context.sender.0.into(),
        reason: request.reason,
        at_ms: context.now_ms,
        ..Dispute::default()
    });
    let change = known.step(env, Standing::Challenged, (request.reason, None));
    env.emit(&[known.source, context.sender], &Challenged { change: Some(change) });
    Ok(Done {})
}

pub(crate) fn resolve(env: &mut Env<'_>, request: ResolveRequest) -> Result<Done, Refusal> {
    let context = authority::role(env, &[Role::Arbitrator])?;
    let mut known = find(env, request.record.as_ref())?;
    reasoned(request.reason)?;
    known.stands(&[Standing::Challenged])?;
    another(&context, &known)?;
    // Whoever challenged, or a relative where the policy says so, is refused here (V5).
    let record = duty_id(env, &known);
    env.identity().act(&record, Duty::Arbitrator);
    if let Some(dispute) = known.row.dispute.as_mut() {
        dispute.resolved_by = context.sender.0.into();
        dispute.resolved_reason = request.reason;
        dispute.resolved_at_ms = context.now_ms;
    }
    let challenger = known.row.dispute.as_ref().and_then(|d| PrincipalId::from_slice(&d.by));
    let about = [known.source, challenger.unwrap_or(known.source)];
    match request.outcome() {
        Outcome::Uphold => {
            let change = known.step(env, Standing::Upheld, (request.reason, None));
            env.emit(&about, &Upheld { change: Some(change) });
        }
        Outcome::Invalidate => {
            if !known.row.corroborations.is_empty() {
                source::corroborated_no_more(env, &known.source, known.facts.day);
            }
            let change = known.step(env, Standing::Invalidated, (request.reason, None));
            env.emit(&about, &Invalidated { change: Some(change) });
        }
        Outcome::Unspecified => return Err(malformed("outcome")),
    }
    Ok(Done {})
}

fn reasoned(reason: u32) -> Result<(), Refusal> {
    if reason == 0 { Err(malformed("reason")) } else { Ok(()) }
}

/// The record's name in the identity room's list of duties.
fn duty_id(env: &mut Env<'_>, known: &Known) -> [u8; 32] {
    env.sha256(&crate::facts::record_key(&known.source, known.number))
}
