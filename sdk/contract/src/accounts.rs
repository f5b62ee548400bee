//! The native accounts, called with types.
//!
//! A contract acts as its own principal ([`own_principal`]), never as whoever called it: it spends
//! what stands in its own accounts and resolves what was reserved with it as the resolver. What a
//! resident is to pay they reserve themselves, in the same transaction. A refusal refuses the whole
//! transaction and never returns here.

use crate::env::Env;
use linli_types::account::contract_principal;
use linli_types::id::PrincipalId;
use prost::Message;

pub use linli_types::wire::accounts::{
    AccountRequest, AccountResponse, ChainRequest, ChainResponse, ChainStep, CloseRequest,
    CloseResponse, ExpireRequest, ExpireResponse, OpenRequest, OpenResponse, PendingRequest,
    PendingResponse, PostRequest, PostResponse, ReserveRequest, ReserveResponse, ReverseRequest,
    ReverseResponse, TransferRequest, TransferResponse, VoidRequest, VoidResponse, chain_step,
};

/// The room's name.
const ROOM: &str = "accounts";

/// The principal that the contract of a room acts as: the owner of its accounts.
pub fn own_principal(room: &str) -> PrincipalId {
    contract_principal(room)
}

/// The native accounts. See the module.
pub struct Accounts<'e, 'a> {
    env: &'e mut Env<'a>,
}

impl core::fmt::Debug for Accounts<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident $method:literal ($request:ty) -> $response:ty;)*) => {
        impl Accounts<'_, '_> {
            $($(#[$doc])*
            pub fn $name(&mut self, request: &$request) -> $response {
                self.ask($method, request)
            })*
        }
    };
}

calls! {
    /// Opens an account of this contract.
    open "Open" (OpenRequest) -> OpenResponse;
    /// Closes an account of this contract.
    close "Close" (CloseRequest) -> CloseResponse;
    /// Moves an amount.
    transfer "Transfer" (TransferRequest) -> TransferResponse;
    /// Holds an amount.
    reserve "Reserve" (ReserveRequest) -> ReserveResponse;
    /// Posts what was held with this contract as the resolver.
    post "Post" (PostRequest) -> PostResponse;
    /// Gives up what was held.
    void "Void" (VoidRequest) -> VoidResponse;
    /// Takes back a transfer that this contract made.
    reverse "Reverse" (ReverseRequest) -> ReverseResponse;
    /// Steps of one business, all or none.
    chain "Chain" (ChainRequest) -> ChainResponse;
    /// Moves ended lots to a sink.
    expire "Expire" (ExpireRequest) -> ExpireResponse;
    /// What an account holds, as this block so far has left it.
    account "Account" (AccountRequest) -> AccountResponse;
    /// What is held under an id, and who may post it. An unknown or resolved one refuses.
    pending "Pending" (PendingRequest) -> PendingResponse;
}

impl Accounts<'_, '_> {
    /// The native room answers by its own schema; anything else would be the host's fault, and
    /// then an empty answer is as good as any: the transaction is judged by the host's receipt.
    fn ask<A: Message + Default>(&mut self, method: &str, request: &impl Message) -> A {
        self.env.call(ROOM, method, request).unwrap_or_default()
    }
}

impl<'a> Env<'a> {
    /// The native accounts.
    pub fn accounts(&mut self) -> Accounts<'_, 'a> {
        Accounts { env: self }
    }
}
