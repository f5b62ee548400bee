//! The registration policy itself as a leaf of the log: registered once for each version, by anyone.
//!
//! [`POLICY`] is the digest of `docs/evidence-policy.md`, which says for people what [`crate::rules`]
//! checks. The leaf commits to that digest as to a statement's, so a receipt proves which text was in
//! force.

use crate::authority;
use crate::rules::{POLICY, POLICY_VERSION};
use crate::schema::{PolicyRegistered, PolicyRequest, PolicyResponse, RegisteredPolicy};
use linli_contract::{Env, Item, Refusal};

const REGISTERED: Item<RegisteredPolicy> = Item::new();

/// Registers the policy in force; the same again changes nothing.
pub(crate) fn register(env: &mut Env<'_>, _: PolicyRequest) -> Result<PolicyResponse, Refusal> {
    authority::direct(env)?;
    let before = REGISTERED.get(env).unwrap_or_default();
    if before.version < POLICY_VERSION {
        let leaf = env.append(&POLICY);
        let row = RegisteredPolicy { version: POLICY_VERSION, leaf };
        REGISTERED.put(env, &row);
        let event = PolicyRegistered { version: POLICY_VERSION, digest: POLICY.into(), leaf };
        env.emit(&[], &event);
    }
    Ok(in_force(env))
}

/// The policy in force, and whether it is registered.
pub(crate) fn in_force(env: &mut Env<'_>) -> PolicyResponse {
    let row = REGISTERED.get(env).unwrap_or_default();
    let registered = row.version == POLICY_VERSION;
    PolicyResponse {
        version: POLICY_VERSION,
        digest: POLICY.into(),
        registered,
        leaf: if registered { row.leaf } else { 0 },
    }
}
