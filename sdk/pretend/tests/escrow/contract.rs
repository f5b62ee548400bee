//! The example contract, written as any contract is.

use crate::schema::{
    Closed, DeliverRequest, ForceRequest, GrabRequest, Nothing, OpenRequest, Order, OrderRequest,
    Refusal as No,
};
use linli_contract::accounts::{AccountRequest, own_principal};
use linli_contract::accounts::{PendingRequest, PostRequest, TransferRequest, VoidRequest};
use linli_contract::id::{PrincipalId, TimerId};
use linli_contract::identity::{Duty, Role};
use linli_contract::{Code, Env, Map, Refusal, number};
use prost::Message;

/// The room that the contract stands as.
pub(crate) const ROOM: &str = "escrow";
/// The governed parameter: the largest order, in minor units.
pub(crate) const AMOUNT_MAX: u32 = 1_001;

const ORDERS: Map<[u8; 32], Order> = Map::new();

/// Transactions' calls.
pub(crate) fn call(env: &mut Env<'_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    match method {
        "Open" => env.answer(args, malformed, open),
        "Deliver" => env.answer(args, malformed, deliver),
        "Grab" => env.answer(args, malformed, grab),
        "Force" => env.answer(args, malformed, force),
        _ => Err(malformed()),
    }
}

/// Readers' queries.
pub(crate) fn query(env: &mut Env<'_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    match method {
        "Order" => env.answer(args, malformed, |env, request: OrderRequest| {
            Ok(ORDERS.get(env, &order_id(&request.order)?).unwrap_or_default())
        }),
        _ => Err(malformed()),
    }
}

/// An order's time is over: its money returns.
pub(crate) fn fire(env: &mut Env<'_>, payload: &[u8]) -> Result<Vec<u8>, Refusal> {
    let id = order_id(payload)?;
    let Some(order) = ORDERS.get(env, &id) else { return Ok(Vec::new()) };
    let void = VoidRequest { id: deed_id(env, b"void", &id), pending: order.pending.clone() };
    env.accounts().void(&void);
    close(env, &id, &order, 0);
    Ok(Nothing {}.encode_to_vec())
}

fn open(env: &mut Env<'_>, request: OpenRequest) -> Result<Nothing, Refusal> {
    let (id, payer) = (order_id(&request.order)?, env.context().sender);
    if !env.identity().has_role(&payer, Role::Resident) {
        return Err(No::NotResident.refuse([]));
    }
    let held = env.accounts().pending(&PendingRequest { id: request.pending.clone() });
    let from = env.accounts().account(&AccountRequest { id: held.debit });
    if held.resolver != own_principal(ROOM).0 || from.owner != payer.0 {
        return Err(No::NotHeldForUs.refuse([]));
    }
    if let Some(most) = env.policy().param(AMOUNT_MAX).filter(|most| held.amount > *most) {
        return Err(No::TooMuch.refuse([number(held.amount), number(most)]));
    }
    env.identity().act(&id, Duty::Requester);
    let timer = env.schedule(request.until_ms, &id).0.to_vec();
    let order = Order { payer: payer.0.to_vec(), pending: request.pending, timer };
    ORDERS.put(env, &id, &order);
    Ok(Nothing {})
}

fn deliver(env: &mut Env<'_>, request: DeliverRequest) -> Result<Nothing, Refusal> {
    let (id, verifier) = (order_id(&request.order)?, env.context().sender);
    let order = ORDERS.get(env, &id).ok_or_else(|| No::NoOrder.refuse([]))?;
    if !env.identity().has_role(&verifier, Role::OperatorVerifier) {
        return Err(No::NotVerifier.refuse([]));
    }
    env.identity().act(&id, Duty::Approver);
    let post = PostRequest {
        id: deed_id(env, b"post", &id),
        pending: order.pending.clone(),
        amount: request.amount,
    };
    let paid = env.accounts().post(&post).amount;
    if let Ok(timer) = order.timer.as_slice().try_into() {
        env.cancel(&TimerId(timer));
    }
    close(env, &id, &order, paid);
    Ok(Nothing {})
}

fn close(env: &mut Env<'_>, id: &[u8; 32], order: &Order, paid: u64) {
    ORDERS.remove(env, id);
    let payer = PrincipalId::from_slice(&order.payer);
    env.emit(payer.as_slice(), &Closed { order: id.to_vec(), paid });
}

fn grab(env: &mut Env<'_>, request: GrabRequest) -> Result<Nothing, Refusal> {
    let GrabRequest { from: debit, to: credit } = request;
    let id = deed_id(env, b"grab", &[0; 32]);
    let transfer = TransferRequest { id, debit, credit, amount: 1, code: 1, ..Default::default() };
    env.accounts().transfer(&transfer);
    Ok(Nothing {})
}

fn force(env: &mut Env<'_>, request: ForceRequest) -> Result<Nothing, Refusal> {
    let id = deed_id(env, b"force", &[0; 32]);
    env.accounts().post(&PostRequest { id, pending: request.pending, amount: 0 });
    Ok(Nothing {})
}

/// A business id that follows from the order: a deed is done once.
fn deed_id(env: &mut Env<'_>, what: &[u8], order: &[u8; 32]) -> Vec<u8> {
    env.sha256(&[what, order].concat())[..16].to_vec()
}

fn order_id(bytes: &[u8]) -> Result<[u8; 32], Refusal> {
    bytes.try_into().map_err(|_| malformed())
}

fn malformed() -> Refusal {
    No::Malformed.refuse([])
}

linli_contract::export! { call: call, query: query, fire: fire }
