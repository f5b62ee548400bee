//! Who may read what: one table, one check (design §5, `domain.md` §B1).
//!
//! Submitting needs no entry here: a transaction carries its own signature. Health and reflection
//! carry no data of the chain. Everything else stands in [`TABLE`]; what does not is denied.
//!
//! # Invariants
//!
//! - **X1 default deny.** A method without a row, or a reader without a role, gets nothing.
//! - **X2 own.** A resident reads what concerns themselves, never another's balance.
//! - **X3 whole.** Whole streams are for members (validators) and auditors.
//! - **X4 logged.** Whoever is shown what concerns another principal, a whole stream or somebody
//!   else's log leaves an entry in the access log first. Block headers, schemas, status, and what
//!   contracts answer concern nobody: they hold digests and numbers.

use linli_runtime::accounts::NOBODY;
use linli_runtime::{identity, load_head, validators};
use linli_types::genesis::{Genesis, Role};
use linli_types::id::{ChainId, PrincipalId, PublicKey};
use linli_types::store::Read;
use linli_types::validator::ValidatorSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How much of a method's answers a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Nothing.
    None,
    /// What concerns the reader's own principal, and what concerns nobody.
    Own,
    /// What concerns any principal of the reader's organisation, and what concerns nobody.
    Organisation,
    /// Everything.
    All,
}

/// How a method is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// No read header: the request is a signed transaction, or holds no data of the chain.
    Open,
    /// A signed read header, and this much for each kind of reader.
    Read(Scopes),
}

/// One scope per kind of reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the roles")]
pub struct Scopes {
    pub member: Scope,
    pub auditor: Scope,
    pub operator: Scope,
    pub fund: Scope,
    pub arbitrator: Scope,
    pub administrator: Scope,
    pub resident: Scope,
    pub device: Scope,
}

use Scope::{All, None as Nothing, Organisation, Own};

/// Everyone who stands in the genesis sees it whole: it concerns nobody.
const PUBLIC: Scopes = Scopes {
    member: All,
    auditor: All,
    operator: All,
    fund: All,
    arbitrator: All,
    administrator: All,
    resident: All,
    device: All,
};

/// Members, auditors and arbitrators see all; others what is theirs.
const RECORDS: Scopes = Scopes {
    member: All,
    auditor: All,
    operator: Organisation,
    fund: Organisation,
    arbitrator: All,
    administrator: Own,
    resident: Own,
    device: Own,
};

/// X3.
const WHOLE: Scopes = Scopes {
    member: All,
    auditor: All,
    operator: Nothing,
    fund: Nothing,
    arbitrator: Nothing,
    administrator: Nothing,
    resident: Nothing,
    device: Nothing,
};

/// X3, and each reader the part of the stream that is about themselves.
const EVENTS: Scopes = Scopes {
    member: All,
    auditor: All,
    operator: Organisation,
    fund: Organisation,
    arbitrator: Own,
    administrator: Own,
    resident: Own,
    device: Own,
};

/// X2 for the access log: a person what is about them, an auditor all, and a validator's key nothing.
const ACCESSES: Scopes = Scopes {
    member: Nothing,
    auditor: All,
    operator: Own,
    fund: Own,
    arbitrator: Own,
    administrator: Own,
    resident: Own,
    device: Own,
};

/// Entries of rooms: balances are the owner's business also towards arbitrators, who read a case's
/// records, not accounts.
const ROOMS: Scopes = Scopes {
    member: All,
    auditor: All,
    operator: Organisation,
    fund: Organisation,
    arbitrator: Organisation,
    administrator: Own,
    resident: Own,
    device: Own,
};

/// Every method of every service of a node.
pub const TABLE: &[(&str, Guard)] = &[
    ("/linli.v1.Ledger/Submit", Guard::Open),
    ("/linli.v1.Ledger/SubmitStream", Guard::Open),
    ("/linli.v1.Ledger/GetReceipt", Guard::Read(RECORDS)),
    ("/linli.v1.Ledger/Query", Guard::Read(ROOMS)),
    ("/linli.v1.Ledger/GetSchema", Guard::Read(PUBLIC)),
    ("/linli.v1.Ledger/GetProof", Guard::Read(RECORDS)),
    ("/linli.v1.Ledger/GetLater", Guard::Read(PUBLIC)),
    ("/linli.v1.Ledger/GetCoseReceipt", Guard::Read(RECORDS)),
    // Digests of digests: they concern nobody.
    ("/linli.v1.Ledger/GetConsistency", Guard::Read(PUBLIC)),
    ("/linli.v1.Ledger/StreamBlocks", Guard::Read(WHOLE)),
    ("/linli.v1.Ledger/StreamEvents", Guard::Read(EVENTS)),
    // What everybody has who verifies anything.
    ("/linli.v1.Ledger/GetGenesis", Guard::Read(PUBLIC)),
    ("/linli.v1.Ledger/GetStatus", Guard::Read(PUBLIC)),
    ("/linli.v1.Ledger/AccessLog", Guard::Read(ACCESSES)),
];

/// The guard of a method, by its path. `None` is a denial (X1).
pub fn guard(path: &str) -> Option<Guard> {
    TABLE.iter().find(|(known, _)| *known == path).map(|(_, guard)| *guard)
}

/// Whether a role is held for an organisation: people in their own affairs, and machines, are not
/// staff.
const fn is_staff(role: Role) -> bool {
    let own = matches!(role, Role::Resident | Role::Volunteer | Role::Agent | Role::Guardian);
    !own && !role.is_machine() && !role.is_seat() && !matches!(role, Role::Validator)
}

impl Scopes {
    const fn of(&self, role: Role) -> Scope {
        match role {
            Role::Operator
            | Role::OperatorRecorder
            | Role::OperatorDispatcher
            | Role::OperatorVerifier
            | Role::Enterprise
            | Role::Certifier
            | Role::Evaluator => self.operator,
            Role::Auditor | Role::Regulator => self.auditor,
            Role::Resident
            | Role::Volunteer
            | Role::Agent
            | Role::Guardian
            | Role::CouncilResident
            | Role::CouncilEnterprise
            | Role::CouncilSocial => self.resident,
            Role::Arbitrator | Role::ArbitrationRegistrar => self.arbitrator,
            Role::Fund
            | Role::FundClerk
            | Role::FundController
            | Role::FundTreasurer
            | Role::DistrictFinance
            | Role::BankCustodian => self.fund,
            // No business right comes from a validator's seat alone.
            Role::Device | Role::Robot | Role::Validator => self.device,
            Role::Administrator
            | Role::DistrictAdmin
            | Role::Registrar
            | Role::TaxLiaison
            | Role::IdService => self.administrator,
        }
    }
}

/// Who reads, after the signature held, and how much of this method they may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The key that signed.
    pub key: PublicKey,
    /// The principal; `None` for a validator's own key.
    pub principal: Option<PrincipalId>,
    /// Their organisation; 0 for none.
    pub org: u32,
    /// Strongest scope of their roles.
    pub scope: Scope,
    /// Whether any role but resident and device is held: contracts answer them.
    pub staff: bool,
}

impl Reader {
    /// Whether what concerns `owner` is somebody else's (X4). Nobody's is nobody's.
    pub fn is_other(&self, owner: &PrincipalId) -> bool {
        *owner != NOBODY && self.principal.as_ref() != Some(owner)
    }
}

/// Whoever may read: principals and validators by their keys.
#[derive(Clone, Debug)]
pub struct Readers {
    /// The chain that read headers are signed for.
    pub chain: ChainId,
    by_key: BTreeMap<PublicKey, (PrincipalId, u32, Vec<Role>)>,
    orgs: BTreeMap<PrincipalId, u32>,
    members: BTreeMap<PublicKey, u32>,
    /// Where principals are looked up as of the latest block; without it those of the genesis count.
    live: Option<Live>,
}

/// The rows of a ledger.
#[derive(Clone)]
struct Live(Arc<dyn Read + Send + Sync>);

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Live")
    }
}

impl Live {
    /// Who reads with this key, if it may sign in the next block: a revoked one reads nothing. A
    /// store that cannot be read shows nothing; its node stops at the next block.
    fn by_key(&self, key: &PublicKey) -> Option<(PrincipalId, u32, Vec<Role>)> {
        let next = load_head(&*self.0).ok()??.height.next();
        let (id, row) = identity::load_by_key(&*self.0, key).ok()??;
        row.signs_at(key, next).then_some((id, row.org, row.roles))
    }

    fn org_of_key(&self, key: &PublicKey) -> Option<u32> {
        Some(identity::load_by_key(&*self.0, key).ok()??.1.org)
    }

    /// The organisation of the validator with this key, if the set was ever changed.
    fn member(&self, key: &PublicKey) -> Option<Option<u32>> {
        Some(validators::load(&*self.0).ok()??.get(key).map(|validator| validator.org))
    }

    fn org(&self, id: &PrincipalId) -> Option<u32> {
        Some(identity::load(&*self.0, id).ok()??.org)
    }
}

impl Readers {
    /// Reads them from the genesis alone.
    pub fn new(chain: ChainId, genesis: &Genesis) -> Self {
        let row = |p: &linli_types::genesis::Principal| (p.key, (p.id, p.org, p.roles.clone()));
        Self {
            chain,
            by_key: genesis.principals.iter().map(row).collect(),
            orgs: genesis.principals.iter().map(|p| (p.id, p.org)).collect(),
            members: members(&genesis.validators),
            live: None,
        }
    }

    /// The same, with the principals and keys as the ledger has them at each read.
    pub fn live(
        chain: ChainId,
        genesis: &Genesis,
        store: impl Read + Send + Sync + 'static,
    ) -> Self {
        Self { live: Some(Live(Arc::new(store))), ..Self::new(chain, genesis) }
    }

    fn principal(&self, key: &PublicKey) -> Option<(PrincipalId, u32, Vec<Role>)> {
        match &self.live {
            Some(live) => live.by_key(key),
            None => self.by_key.get(key).cloned(),
        }
    }

    fn org(&self, id: &PrincipalId) -> Option<u32> {
        match &self.live {
            Some(live) => live.org(id),
            None => self.orgs.get(id).copied(),
        }
    }

    /// The organisation of a validator of the next block.
    fn member(&self, key: &PublicKey) -> Option<u32> {
        let changed = self.live.as_ref().and_then(|live| live.member(key));
        changed.unwrap_or_else(|| self.members.get(key).copied())
    }

    /// The organisation that a key belongs to, whether or not it may sign now: 0 for nobody's, none
    /// for a key that nobody has.
    pub fn organisation(&self, key: &PublicKey) -> Option<u32> {
        self.member(key).or_else(|| match &self.live {
            Some(live) => live.org_of_key(key),
            None => self.by_key.get(key).map(|(_, org, _)| *org),
        })
    }

    /// Whether anybody was registered with this key.
    pub fn knows(&self, key: &PublicKey) -> bool {
        self.member(key).is_some() || self.principal(key).is_some()
    }

    /// The reader with this key for a method with these scopes; `None` if they may see nothing.
    pub fn reader(&self, key: &PublicKey, scopes: &Scopes) -> Option<Reader> {
        if let Some(org) = self.member(key) {
            let (key, scope) = (*key, scopes.member);
            return seen(Reader { key, principal: None, org, scope, staff: true });
        }
        let (principal, org, roles) = self.principal(key)?;
        let scope = roles.iter().map(|role| scopes.of(*role)).max()?; // X1
        let staff = roles.iter().any(|role| is_staff(*role));
        seen(Reader { key: *key, principal: Some(principal), org, scope, staff })
    }

    /// Whether `reader` may see what concerns `owner` (X2).
    pub fn may_see(&self, reader: &Reader, owner: &PrincipalId) -> bool {
        let own = reader.principal.as_ref() == Some(owner);
        match reader.scope {
            Scope::All => true,
            Scope::Organisation => own || reader.org != 0 && self.org(owner) == Some(reader.org),
            Scope::Own => own,
            Scope::None => false,
        }
    }
}

fn members(set: &ValidatorSet) -> BTreeMap<PublicKey, u32> {
    set.members().iter().map(|v| (v.key, v.org)).collect()
}

fn seen(reader: Reader) -> Option<Reader> {
    (reader.scope != Scope::None).then_some(reader)
}

#[cfg(test)]
pub(crate) mod tests;
