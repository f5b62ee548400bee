//! The genesis of a development net: validators, people, accounts, contracts.
//!
//! The default four are design §4's: district 3, operators 2 + 2, fund 3. Any one may fail, any one
//! may lie. Every key is random and belongs to this net only.

use ed25519_dalek::SigningKey;
use linli_types::genesis::{Account, FORMAT, Genesis, Module, Organisation, Principal, Role};
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, PrincipalId, PublicKey};
use linli_types::limits;
use linli_types::policy::{Param, Policy};
use linli_types::validator::{BadSet, OrgKind, Validator, ValidatorSet};

/// The asset that the accounts of a development net hold: CNY, in fen.
pub const CNY: u32 = 1;
/// What each load account holds at the start: ten thousand yuan.
pub const LOAD_OPENING: u64 = 1_000_000;

/// A validator's keys and how it is called.
pub struct Seat {
    /// Folder and log name.
    pub name: String,
    /// Its organisation's kind.
    pub kind: OrgKind,
    /// Voting power.
    pub power: u64,
    /// Organisation number.
    pub org: u32,
    /// Consensus key.
    pub consensus: SigningKey,
    /// Network key.
    pub network: SigningKey,
}

/// Someone who acts.
pub struct Person {
    /// File name of the key, without its ending.
    pub name: String,
    /// The pseudonymous id.
    pub id: PrincipalId,
    /// The key.
    pub key: SigningKey,
    /// Their organisation.
    pub org: u32,
    /// What they may do.
    pub role: Role,
    /// Their accounts.
    pub accounts: Vec<AccountId>,
}

/// Everything that a new net consists of.
pub struct Plan {
    /// The validators.
    pub seats: Vec<Seat>,
    /// The roles of the story, and the council.
    pub people: Vec<Person>,
    /// In whose name the validators' nodes set their receipt keys.
    pub gateway: Person,
    /// The keys of the load generator.
    pub signers: Vec<Person>,
    /// Block time of the genesis.
    pub time: TimeMs,
}

/// How large the load part is.
#[derive(Clone, Copy, Debug)]
pub struct LoadSize {
    /// Signing keys.
    pub signers: usize,
    /// Accounts, dealt to the signers in turn.
    pub accounts: usize,
}

impl Default for LoadSize {
    fn default() -> Self {
        Self { signers: 100, accounts: 10_000 }
    }
}

/// Random bytes from the operating system.
///
/// # Errors
///
/// The operating system's error; there is no net without chance.
pub fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| std::io::Error::other(e.to_string()))?;
    Ok(bytes)
}

fn signing_key() -> std::io::Result<SigningKey> {
    Ok(SigningKey::from_bytes(&random::<32>()?))
}

impl Plan {
    /// Draws keys for `validators` seats and everyone else.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random bytes.
    pub fn new(validators: usize, load: LoadSize, time: TimeMs) -> std::io::Result<Self> {
        let seats = (0..validators).map(seat).collect::<Result<_, _>>()?;
        let roles = [
            ("operator", 2, Role::Operator),
            ("auditor", 90, Role::Auditor),
            ("resident", 0, Role::Resident),
            ("arbitrator", 91, Role::Arbitrator),
            ("fund", 4, Role::Fund),
            ("district-admin", 1, Role::DistrictAdmin),
            ("council-resident", 0, Role::CouncilResident),
            ("council-enterprise", 92, Role::CouncilEnterprise),
            ("council-social", 93, Role::CouncilSocial),
        ];
        let people = roles
            .into_iter()
            .map(|(name, org, role)| person(name.to_string(), org, role, 1))
            .collect::<Result<_, _>>()?;
        let share = load.accounts.div_ceil(load.signers.max(1));
        let signers = (0..load.signers)
            .map(|i| {
                let org = u32::try_from(100 + i % 8).unwrap_or(100);
                person(format!("load-{i:03}"), org, Role::Operator, share)
            })
            .collect::<Result<_, _>>()?;
        let gateway = person("gateway".to_string(), 2, Role::Operator, 0)?;
        Ok(Self { seats, people, gateway, signers, time })
    }

    /// The genesis of this plan.
    ///
    /// # Errors
    ///
    /// [`BadSet`] if the validators break a law: fewer than four, say.
    pub fn genesis(&self, name: &str, modules: Vec<Module>) -> Result<Genesis, BadSet> {
        let everyone = || self.people.iter().chain([&self.gateway]).chain(&self.signers);
        let principals = everyone()
            .map(|p| Principal {
                id: p.id,
                key: PublicKey(p.key.verifying_key().to_bytes()),
                org: p.org,
                roles: vec![p.role],
            })
            .collect();
        let account = |owner: PrincipalId, id: &AccountId| Account {
            id: *id,
            owner,
            asset: CNY,
            opening: LOAD_OPENING,
        };
        let accounts =
            everyone().flat_map(|p| p.accounts.iter().map(move |id| account(p.id, id))).collect();
        Ok(Genesis {
            format: FORMAT,
            protocol: linli_types::header::PROTOCOL,
            name: name.to_string(),
            time: self.time,
            undo_heights: limits::UNDO_HEIGHTS,
            validators: ValidatorSet::new(self.seats.iter().map(Seat::validator).collect())?,
            principals,
            accounts,
            modules,
            orgs: organisations(),
            policy: fast(),
            books: linli_types::books::Books::standard(),
        })
    }
}

/// The policy of a development net: what takes days elsewhere takes seconds.
fn fast() -> Policy {
    let seconds = [
        (Param::PolicyLockMs, 1_000),
        (Param::MotionDelayMs, 1_000),
        (Param::MotionOpenMsMin, 1_000),
        (Param::CodeDelayMs, 1_000),
    ];
    let params = seconds.map(|(param, value)| (param.number(), value)).into();
    Policy { params, ..Policy::default() }
}

/// Organisations without a validator: an auditor, an arbitration body, those of the council, the
/// load's operators.
fn organisations() -> Vec<Organisation> {
    let load = (100..108).map(|id| (id, OrgKind::Operator));
    let others = [
        (90, OrgKind::Auditor),
        (91, OrgKind::ArbitrationBody),
        (92, OrgKind::Enterprise),
        (93, OrgKind::SocialOrg),
    ];
    let org = |(id, kind)| Organisation { id, kind, label: String::new() };
    others.into_iter().chain(load).map(org).collect()
}

impl Seat {
    fn validator(&self) -> Validator {
        Validator {
            key: PublicKey(self.consensus.verifying_key().to_bytes()),
            network_key: PublicKey(self.network.verifying_key().to_bytes()),
            power: self.power,
            org: self.org,
            kind: self.kind,
            name: self.name.clone(),
        }
    }
}

/// Seat `i`: the default four, then further organisations of further kinds.
fn seat(i: usize) -> std::io::Result<Seat> {
    let (name, kind, power) = match i {
        0 => ("district".to_string(), OrgKind::District, 3),
        1 => ("operator-a".to_string(), OrgKind::Operator, 2),
        2 => ("operator-b".to_string(), OrgKind::Operator, 2),
        3 => ("fund".to_string(), OrgKind::Fund, 3),
        _ => {
            let kinds = [OrgKind::Street, OrgKind::SocialOrg, OrgKind::Enterprise, OrgKind::Bank];
            let kind = kinds.get(i % kinds.len()).copied().unwrap_or(OrgKind::Street);
            (format!("member-{i}"), kind, 2)
        }
    };
    let org = u32::try_from(i + 1).unwrap_or(u32::MAX);
    Ok(Seat { name, kind, power, org, consensus: signing_key()?, network: signing_key()? })
}

fn person(name: String, org: u32, role: Role, accounts: usize) -> std::io::Result<Person> {
    let accounts = (0..accounts).map(|_| random().map(AccountId)).collect::<Result<Vec<_>, _>>()?;
    Ok(Person { name, id: PrincipalId(random()?), key: signing_key()?, org, role, accounts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(validators: usize) -> Plan {
        let load = LoadSize { signers: 3, accounts: 10 };
        Plan::new(validators, load, TimeMs(1)).unwrap()
    }

    #[test]
    fn the_default_net_is_lawful_and_larger_ones_too() {
        for n in [4, 5, 7, 10] {
            plan(n).genesis("dev", vec![]).unwrap();
        }
    }

    #[test]
    fn three_validators_are_refused() {
        assert!(matches!(plan(3).genesis("dev", vec![]), Err(BadSet::Count { found: 3, .. })));
    }
}
