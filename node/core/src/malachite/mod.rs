//! Malachite's pure core behind one door (design D1): nothing outside this folder names its types.
//!
//! [`Engine`] takes one input and returns [`Effect`]s in order. It refuses to keep time, to send
//! or to store: signing and verifying are answered inside the call, all else is an effect.
//!
//! # Invariants
//!
//! - **E1 no error to the generator.** The handler always resumes; what went wrong is remembered
//!   and stops the node after the call, when nothing has been sent yet.
//! - **E2 no Malachite clock.** Heights carry no target time; all waits are effects.

#[cfg(test)]
mod agreement;
mod context;
mod convert;
mod engine;
mod proposer;

pub(crate) use engine::{Desk, Effect, Engine};
