//! Steps of one business, all or none (INV-L7): the first refusal refuses the transaction.

use super::desk::Desk;
use super::{malformed, pending, transfer};
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::limits;
use linli_types::receipt::Param;
use linli_types::wire::accounts::chain_step::Step;
use linli_types::wire::accounts::{ChainRequest, ChainResponse, ChainStep};

/// Performs the steps in order.
pub(super) fn chain(desk: &mut Desk<'_, '_>, request: ChainRequest) -> Result<ChainResponse, Stop> {
    shape(&request.steps)?;
    let amounts = request.steps.into_iter().map(|step| perform(desk, step));
    Ok(ChainResponse { amounts: amounts.collect::<Result<_, _>>()? })
}

fn shape(steps: &[ChainStep]) -> Result<(), Stop> {
    let number = |n: usize| Param::Number(u64::try_from(n).unwrap_or(u64::MAX));
    let count = steps.len();
    if !(2..=limits::CHAIN_STEPS_MAX).contains(&count) {
        return Err(Code::ChainLength.refuse([number(count)]).into());
    }
    let last = count.saturating_sub(1);
    let odd = steps.iter().enumerate().find(|(at, step)| step.linked != (*at < last));
    match odd {
        Some((at, _)) => Err(Code::ChainOpen.refuse([number(at.saturating_add(1))]).into()),
        None if steps.iter().any(|step| step.step.is_none()) => Err(malformed("step")),
        None => Ok(()),
    }
}

fn perform(desk: &mut Desk<'_, '_>, step: ChainStep) -> Result<u64, Stop> {
    match step.step {
        Some(Step::Transfer(request)) => Ok(transfer::transfer(desk, request)?.amount),
        Some(Step::Reserve(request)) => Ok(transfer::reserve(desk, request)?.amount),
        Some(Step::Post(request)) => Ok(pending::post(desk, request)?.amount),
        Some(Step::Void(request)) => pending::void(desk, request).map(|_| 0),
        None => Err(malformed("step")),
    }
}
