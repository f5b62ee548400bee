//! Contracts and native rooms of a genesis, made ready to run.
//!
//! What motions put in force later stands in rows ([`crate::code`]). Static checks are the WASM
//! host's ([`crate::vm`]); this room judges names and schemas.

use crate::check::Checker;
use crate::room::Contracts;
use crate::schema::{BadSchema, Schema};
use crate::vm::{DeployRefused, Vm};
use crate::{accounts, code, governance, identity, log, overlay, policy, timers};
use linli_types::genesis::Genesis;
use linli_types::id::ChainId;
use linli_types::store::Broken;
use linli_types::{limits, wire};
use std::collections::BTreeMap;

/// Native rooms that answer, and the package that describes each.
const NATIVE: [(&str, &str); 6] = [
    (accounts::ROOM, "linli.accounts.v1"),
    (timers::ROOM, "linli.timers.v1"),
    (log::ROOM, "linli.log.v1"),
    (identity::ROOM, "linli.identity.v1"),
    (policy::ROOM, "linli.policy.v1"),
    (governance::ROOM, "linli.governance.v1"),
];

/// Names that no contract may take: native rooms, also those to come.
const RESERVED: [&str; 8] = [
    accounts::ROOM,
    identity::ROOM,
    timers::ROOM,
    log::ROOM,
    overlay::CLAIMS_ROOM,
    policy::ROOM,
    governance::ROOM,
    code::ROOM,
];

/// Why a contract of the genesis cannot stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undeployable {
    /// The engine does not start.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The name is no room's name.
    #[error("{0:?} cannot name a contract: small letters, digits and hyphens, a letter first")]
    Name(String),
    /// The name is taken.
    #[error("the name {0} is taken")]
    Taken(String),
    /// The module breaks a rule.
    #[error("contract {room}: {why}")]
    Module {
        /// Which.
        room: String,
        /// What it breaks.
        why: DeployRefused,
    },
    /// The schema cannot be used.
    #[error("contract {room}: {why}")]
    Schema {
        /// Which.
        room: String,
        /// Why.
        why: BadSchema,
    },
}

/// What a genesis deploys.
pub(crate) struct Deployment {
    pub(crate) vm: Vm,
    pub(crate) contracts: Contracts,
    pub(crate) schemas: BTreeMap<String, Vec<u8>>,
    pub(crate) checker: Checker,
}

/// Deploys every module of a genesis beside the native rooms.
pub(crate) fn deploy(
    genesis: &Genesis,
    chain: ChainId,
    mut vm: Vm,
) -> Result<Deployment, Undeployable> {
    let (mut contracts, mut schemas, mut parsed) =
        (Contracts::new(), BTreeMap::new(), BTreeMap::new());
    for (room, schema) in native()? {
        schemas.insert(room.clone(), wire::DESCRIPTORS.to_vec());
        parsed.insert(room, schema);
    }
    for module in &genesis.modules {
        let room = module.name.clone();
        check_name(&room)?;
        if contracts.contains_key(&room) {
            return Err(Undeployable::Taken(room));
        }
        let deployed = vm
            .deploy(&module.code)
            .map_err(|why| Undeployable::Module { room: room.clone(), why })?;
        let schema = Schema::parse(&deployed.schema)
            .map_err(|why| Undeployable::Schema { room: room.clone(), why })?;
        parsed.insert(room.clone(), schema);
        schemas.insert(room.clone(), deployed.schema);
        contracts.insert(room, deployed.hash);
    }
    Ok(Deployment { vm, contracts, schemas, checker: Checker::new(chain, parsed) })
}

/// Whether a room is no contract's.
pub(crate) fn is_native(room: &str) -> bool {
    NATIVE.iter().any(|(native, _)| *native == room)
}

/// The schemas of the native rooms.
fn native() -> Result<BTreeMap<String, Schema>, Undeployable> {
    let one = |(room, package): (&str, &str)| {
        let schema = Schema::of_package(wire::DESCRIPTORS, package);
        let schema = schema.map_err(|why| Undeployable::Schema { room: room.into(), why })?;
        Ok((room.to_string(), schema))
    };
    NATIVE.into_iter().map(one).collect()
}

/// A checker that knows the native rooms alone.
pub(crate) fn native_checker(chain: ChainId) -> Result<Checker, Broken> {
    let schemas = native().map_err(|why| Broken(why.to_string()))?;
    Ok(Checker::new(chain, schemas))
}

/// Whether a contract's room may have this name.
pub(crate) fn check_name(name: &str) -> Result<(), Undeployable> {
    if RESERVED.contains(&name) {
        return Err(Undeployable::Taken(name.into()));
    }
    let fits = name.len() <= limits::NAME_BYTES_MAX;
    let letter_first = name.starts_with(|c: char| c.is_ascii_lowercase());
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match fits && letter_first && name.chars().all(known) {
        true => Ok(()),
        false => Err(Undeployable::Name(name.into())),
    }
}
