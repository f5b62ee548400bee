//! What can be asked of the room, and how it is spelt.
#![allow(dead_code, unreachable_pub, reason = "a test's")]

use linli_types::wire;
use linli_types::wire::accounts::{chain_step::Step, *};
use prost::Message;

/// What can be asked of the room.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    Open(OpenRequest),
    Close(CloseRequest),
    Step(Step),
    Reverse(ReverseRequest),
    Chain(ChainRequest),
    Freeze(FreezeRequest),
    Unfreeze(UnfreezeRequest),
    Expire(ExpireRequest),
}

impl Call {
    /// Its method's name, and its request's bytes.
    fn spelt(&self) -> (&'static str, Vec<u8>) {
        match self {
            Self::Open(r) => ("Open", r.encode_to_vec()),
            Self::Close(r) => ("Close", r.encode_to_vec()),
            Self::Step(Step::Transfer(r)) => ("Transfer", r.encode_to_vec()),
            Self::Step(Step::Reserve(r)) => ("Reserve", r.encode_to_vec()),
            Self::Step(Step::Post(r)) => ("Post", r.encode_to_vec()),
            Self::Step(Step::Void(r)) => ("Void", r.encode_to_vec()),
            Self::Reverse(r) => ("Reverse", r.encode_to_vec()),
            Self::Chain(r) => ("Chain", r.encode_to_vec()),
            Self::Freeze(r) => ("Freeze", r.encode_to_vec()),
            Self::Unfreeze(r) => ("Unfreeze", r.encode_to_vec()),
            Self::Expire(r) => ("Expire", r.encode_to_vec()),
        }
    }

    pub fn method(&self) -> &'static str {
        self.spelt().0
    }
}

/// The calls as they go over the wire: the room and the model are asked the same bytes.
pub fn wired(calls: &[Call]) -> Vec<wire::Call> {
    let one = |call: &Call| {
        let (method, args) = call.spelt();
        crate::support::call("accounts", method, args)
    };
    calls.iter().map(one).collect()
}

/// The calls, each chain as its steps.
pub fn flat(calls: &[Call]) -> Vec<Call> {
    let one = |call: &Call| match call {
        Call::Chain(chain) => {
            let steps = chain.steps.iter().filter_map(|step| step.step.clone());
            steps.map(Call::Step).collect()
        }
        other => vec![other.clone()],
    };
    calls.iter().flat_map(one).collect()
}
