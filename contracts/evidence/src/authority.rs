//! Who may act on a source's records: the source, a gateway for its device, and who is neither.
//!
//! # Invariants
//!
//! - **V1 by itself.** Evidence comes by a call that the source, or its device's gateway, signs itself:
//!   no contract and no timer registers in anybody's name or uses up their numbers.
//! - **V2 own devices.** A device named in a record is registered to the organisation that signs, and
//!   was not retired (LEG-12). Retiring is for ever; what came before stays.

use crate::malformed;
use crate::schema::{DeviceRetired, Done, Refusal as No, RetireDeviceRequest};
use linli_contract::id::PrincipalId;
use linli_contract::identity::{PrincipalResponse, Role};
use linli_contract::{Code, Context, Env, Refusal, bytes};

/// Who records for an organisation, and so hands in what its devices signed.
const GATEWAYS: [Role; 2] = [Role::Operator, Role::OperatorRecorder];

/// Who retires an organisation's devices.
const RETIRERS: [Role; 3] = [Role::Administrator, Role::Operator, Role::OperatorRecorder];

/// V1. The source, if whoever signs may register for it.
pub(crate) fn source(env: &mut Env<'_>, source: &[u8]) -> Result<PrincipalId, Refusal> {
    direct(env)?;
    let context = env.context();
    let source = PrincipalId::from_slice(source).ok_or_else(|| malformed("source"))?;
    let unauthorised = || No::Unauthorised.refuse([bytes(&source.0)]);
    // No sender is nobody, and nobody is no source.
    if context.sender == PrincipalId::default() || source == PrincipalId::default() {
        return Err(unauthorised());
    }
    if source == context.sender {
        return in_service(env, &source).map(|()| source);
    }
    if context.organisation == 0 || !has_one_of(env, &context.sender, &GATEWAYS) {
        return Err(unauthorised());
    }
    device(env, &context, &source).map(|()| source)
}

/// V1. Refuses a contract that calls.
pub(crate) fn direct(env: &mut Env<'_>) -> Result<(), Refusal> {
    if env.caller().is_empty() { Ok(()) } else { Err(No::DirectOnly.refuse([])) }
}

/// V2. The device that a record names, if it names one.
pub(crate) fn named_device(
    env: &mut Env<'_>,
    context: &Context,
    named: &[u8],
) -> Result<PrincipalId, Refusal> {
    if named.is_empty() {
        return Ok(PrincipalId::default());
    }
    let id = PrincipalId::from_slice(named).ok_or_else(|| malformed("device"))?;
    device(env, context, &id).map(|()| id)
}

/// V2.
fn device(env: &mut Env<'_>, context: &Context, id: &PrincipalId) -> Result<(), Refusal> {
    let known = env.identity().principal(id);
    if known.org != context.organisation || known.org == 0 || !is_machine(&known) {
        return Err(No::DeviceForeign.refuse([bytes(&id.0)]));
    }
    in_service(env, id)
}

/// V2. Refuses a device that was retired.
pub(crate) fn in_service(env: &mut Env<'_>, device: &PrincipalId) -> Result<(), Refusal> {
    match env.claimed(&retired_id(device)) {
        Some(_) => Err(No::DeviceRetired.refuse([bytes(&device.0)])),
        None => Ok(()),
    }
}

fn retired_id(device: &PrincipalId) -> [u8; 17] {
    let mut id = [b'x'; 17];
    id.iter_mut().skip(1).zip(device.0).for_each(|(to, from)| *to = from);
    id
}

/// LEG-12. Retires a device for ever: whoever administers or records for its organisation may.
pub(crate) fn retire(env: &mut Env<'_>, request: RetireDeviceRequest) -> Result<Done, Refusal> {
    let context = role(env, &RETIRERS)?;
    let id = PrincipalId::from_slice(&request.device).ok_or_else(|| malformed("device"))?;
    device(env, &context, &id)?;
    env.claim(&retired_id(&id), &[0; 32]);
    let event = DeviceRetired { device: request.device, by: context.sender.0.into() };
    env.emit(&[id, context.sender], &event);
    Ok(Done {})
}

fn is_machine(known: &PrincipalResponse) -> bool {
    [Role::Device, Role::Robot].into_iter().any(|role| has(known, role))
}

fn has(known: &PrincipalResponse, role: Role) -> bool {
    i32::try_from(role.number()).is_ok_and(|number| known.roles.contains(&number))
}

/// Whether somebody has one of the roles now.
pub(crate) fn has_one_of(env: &mut Env<'_>, id: &PrincipalId, roles: &[Role]) -> bool {
    let known = env.identity().principal(id);
    roles.iter().any(|role| has(&known, *role))
}

/// Refuses a sender without any of the roles, and a call by a contract.
pub(crate) fn role(env: &mut Env<'_>, roles: &[Role]) -> Result<Context, Refusal> {
    direct(env)?;
    let context = env.context();
    if context.sender == PrincipalId::default() || !has_one_of(env, &context.sender, roles) {
        return Err(No::NoRole.refuse([bytes(&context.sender.0)]));
    }
    Ok(context)
}
