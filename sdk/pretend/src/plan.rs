//! What a town begins with: people, accounts, governed parameters, contracts.

use crate::contract::Contract;
use crate::town::Town;
use linli_runtime::vm::Program;
use linli_types::books::Books;
use linli_types::genesis::{self, Account, Genesis, Module, Organisation, Principal, Role};
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, PrincipalId, PublicKey};
use linli_types::policy::{Param, Policy};
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use std::sync::Arc;

/// When a town begins, unless its plan says otherwise.
const START: TimeMs = TimeMs(1_800_000_000_000);
/// Organisations that roles belong to are numbered from here on.
const ORGS_FROM: u32 = 100;
/// The validators, one for each kind of organisation, the first of which proposes every block.
const VALIDATORS: [(u64, OrgKind); 4] =
    [(0, OrgKind::District), (1, OrgKind::Operator), (2, OrgKind::Fund), (3, OrgKind::Enterprise)];
const NETWORK_FROM: u64 = 100;
const PEOPLE_FROM: u64 = 1_000;

/// What a town begins with.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The first page, for whatever has no function here: the books' rules, organisations, the time.
    pub genesis: Genesis,
    programs: Vec<Program>,
}

impl Default for Plan {
    fn default() -> Self {
        Self::new()
    }
}

impl Plan {
    /// The standard books, the policy's defaults, validators, nobody else.
    ///
    /// # Panics
    ///
    /// Never: the validators are a set.
    pub fn new() -> Self {
        let validator = |(org, (number, kind))| Validator {
            key: key(number),
            network_key: key(NETWORK_FROM.saturating_add(number)),
            power: 1,
            org,
            kind,
            name: format!("validator-{org}"),
        };
        let validators = ValidatorSet::new((1..).zip(VALIDATORS).map(validator).collect());
        let genesis = Genesis {
            format: genesis::FORMAT,
            protocol: 1,
            name: "pretend".into(),
            time: START,
            undo_heights: 1,
            validators: validators.expect("four of four kinds are a set"),
            principals: Vec::new(),
            accounts: Vec::new(),
            modules: Vec::new(),
            orgs: Vec::new(),
            policy: Policy::default(),
            books: Books::standard(),
        };
        Self { genesis, programs: Vec::new() }
    }

    /// Somebody with these roles. They belong to an organisation of the kind that the first role asks
    /// for, if one does.
    #[must_use]
    pub fn person(mut self, id: PrincipalId, roles: &[Role]) -> Self {
        let home = roles.iter().find_map(|role| role.homes().first());
        let org = home.map_or(0, |kind| self.organisation(*kind));
        let number = PEOPLE_FROM.saturating_add(self.genesis.principals.len() as u64);
        let roles = roles.to_vec();
        self.genesis.principals.push(Principal { id, key: key(number), org, roles });
        self
    }

    /// The number of the one organisation of a kind that people here belong to.
    fn organisation(&mut self, kind: OrgKind) -> u32 {
        let id = ORGS_FROM.saturating_add(kind as u32);
        if self.genesis.orgs.iter().all(|org| org.id != id) {
            self.genesis.orgs.push(Organisation { id, kind, label: String::new() });
        }
        id
    }

    /// An account of a person, with what it holds at the start.
    #[must_use]
    pub fn account(mut self, id: AccountId, owner: PrincipalId, asset: u32, opening: u64) -> Self {
        self.genesis.accounts.push(Account { id, owner, asset, opening });
        self
    }

    /// A native parameter's value in the policy's first version.
    #[must_use]
    pub fn native_param(self, param: Param, value: u64) -> Self {
        self.param(param.number(), value)
    }

    /// A parameter's value in the policy's first version.
    #[must_use]
    pub fn param(mut self, param: u32, value: u64) -> Self {
        let params = &mut self.genesis.policy.params;
        params.retain(|(known, _)| *known != param);
        params.push((param, value));
        params.sort_unstable();
        self
    }

    /// A contract as a room of this name.
    #[must_use]
    pub fn contract(mut self, room: &str, contract: Contract) -> Self {
        let code = [b"pretend ", room.as_bytes()].concat();
        self.genesis.modules.push(Module { name: room.into(), code: code.clone() });
        let schema = contract.schema.clone();
        self.programs.push(Program { code, schema, body: Arc::new(contract) });
        self
    }

    /// A contract as it is deployed: a compiled module.
    #[must_use]
    pub fn module(mut self, room: &str, code: &[u8]) -> Self {
        self.genesis.modules.push(Module { name: room.into(), code: code.to_vec() });
        self
    }

    /// The town that stands after the first page. A contract's `init` has run.
    ///
    /// # Panics
    ///
    /// If the first page is refused, with the reason.
    pub fn open(self) -> Town {
        let [(proposer, _), ..] = VALIDATORS;
        Town::open(&self.genesis, self.programs, key(proposer))
    }
}

/// The public key of a number.
fn key(number: u64) -> PublicKey {
    let mut seed = [0x70; 32];
    seed.iter_mut().zip(number.to_be_bytes()).for_each(|(place, byte)| *place = byte);
    PublicKey(ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes())
}
