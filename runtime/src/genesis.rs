//! The batch of height 0: what `linli init` writes.
//!
//! Principals and accounts become rows, contracts are deployed and their `init` runs, in the order
//! of the file. Whatever the genesis asks for and may not have is refused with its reason; nothing
//! is written then.

use crate::accounts;
use crate::batch;
use crate::code::{self, CodeRow};
use crate::deploy::Undeployable;
use crate::execute::{Effects, tree_changes};
use crate::governance::{self, quota::Bounds};
use crate::identity;
use crate::ledger::{Ledger, Settings};
use crate::overlay::Overlay;
use crate::pii;
use crate::policy;
use crate::room::{Actor, Place, Realm, Run};
use crate::stored::{META_GENESIS, META_HEAD, StoredHead};
use crate::timers;
use crate::vm::{Entry, Stop};
use linli_types::account::{ISSUANCE_PREFIX, NOBODY};
use linli_types::books::BadBooks;
use linli_types::genesis::{BadGenesis, Genesis};
use linli_types::height::Height;
use linli_types::id::{AccountId, PrincipalId, PublicKey, TimerId};
use linli_types::limits;
use linli_types::policy::BadPolicy;
use linli_types::receipt::{Cause, Outcome, Refusal};
use linli_types::signature::{BadKey, check_public_key};
use linli_types::store::{Batch, Broken, Column, Memory};
use linli_types::validator::OrgKind;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Why a genesis is refused. The fault lies with whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisRefused {
    /// The bytes are no genesis, or its validators break a law.
    #[error(transparent)]
    Unreadable(#[from] BadGenesis),
    /// This version lacks the rules it asks for.
    #[error("the genesis asks for protocol {found}; this version knows {known}")]
    Protocol {
        /// What it asks for.
        found: u32,
        /// What this version knows.
        known: u32,
    },
    /// A principal stands twice, or is nobody.
    #[error("the principal {0} stands twice or is reserved")]
    Principal(PrincipalId),
    /// An organisation stands twice, as two kinds, or with a label that may not stand.
    #[error("the organisation {0} stands twice, has no number, or its label may not stand")]
    Organisation(u32),
    /// A principal of an organisation that nobody named.
    #[error("the principal {0} belongs to an organisation that the genesis does not name")]
    NoOrganisation(PrincipalId),
    /// Roles that no one may hold, or not together.
    #[error("the roles of {0} exclude each other, stand twice, or belong to other organisations")]
    Roles(PrincipalId),
    /// Version 1 of the policy cannot stand.
    #[error("the policy cannot stand: {0}")]
    Policy(#[from] BadPolicy),
    /// A key stands twice.
    #[error("the key {0} belongs to two principals")]
    KeyTwice(PublicKey),
    /// A key that no careful signer would have made.
    #[error("the key of {whose} cannot be used: {why}")]
    Key {
        /// Whose.
        whose: String,
        /// Why.
        why: BadKey,
    },
    /// An account stands twice, or is an issuance account.
    #[error("the account {0} stands twice or is reserved")]
    Account(AccountId),
    /// An account of nobody known.
    #[error("the account {0} belongs to no principal of the genesis")]
    Owner(AccountId),
    /// Assets or rules that cannot stand.
    #[error(transparent)]
    Books(#[from] BadBooks),
    /// An account of an asset that the books do not have.
    #[error("the account {0} is of an asset that the books do not have")]
    Asset(AccountId),
    /// Opening balances that the ledger cannot count.
    #[error("the opening balance of {0} does not fit the ledger")]
    Opening(AccountId),
    /// A contract cannot stand.
    #[error(transparent)]
    Undeployable(#[from] Undeployable),
    /// A contract's `init` refused.
    #[error("contract {room} refused to start: code {} of {:?}", refusal.code, refusal.room)]
    Init {
        /// Which.
        room: String,
        /// What it said.
        refusal: Refusal,
    },
    /// This machine cannot say.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl Ledger {
    /// Judges a genesis and makes the batch of height 0.
    ///
    /// # Errors
    ///
    /// [`GenesisRefused`] with the reason; the fault lies with whoever wrote the genesis.
    pub fn genesis(bytes: &[u8], settings: Settings) -> Result<Batch, GenesisRefused> {
        Self::begin(bytes, settings).map(|(_, batch)| batch)
    }

    /// The same, and the ledger that stands once the batch is durable.
    ///
    /// # Errors
    ///
    /// [`GenesisRefused`].
    pub fn begin(bytes: &[u8], settings: Settings) -> Result<(Self, Batch), GenesisRefused> {
        let (genesis, chain) = Genesis::from_bytes(bytes)?;
        check(&genesis, &settings.protocols)?;
        let mut ledger = Self::empty(&genesis, chain, settings)?;
        let effects = ledger.first_effects(&genesis)?;
        let head = StoredHead {
            chain,
            height: Height::GENESIS,
            block: ledger.head().block,
            time: genesis.time,
            state_root: effects.tree.root(),
            log_size: effects.log.size(),
            log_root: effects.log.root(),
        };
        let mut batch = Batch::default();
        batch::put_changes(&mut batch, &effects);
        batch.put(Column::Meta, META_GENESIS, bytes);
        batch.put(Column::Meta, META_HEAD, linli_types::encode(&head));
        ledger.take_effects(effects)?;
        Ok((ledger, batch))
    }

    fn first_effects(&self, genesis: &Genesis) -> Result<Effects, GenesisRefused> {
        let nothing = Memory::default();
        let place = Place { height: Height::GENESIS, time: genesis.time, log_size: 0, policy: 1 };
        let (chain, validators) = (self.head().chain, &self.head().validators);
        let realm = Realm { chain, validators, checker: &self.checker };
        let mut run = Run::new(&self.vm, &self.contracts, realm, place, Overlay::new(&nothing));
        policy::begin(&mut run.overlay, genesis.time, &genesis.policy)?;
        identity::begin(&mut run.overlay, genesis)?;
        governance::begin(&mut run.overlay, genesis).map_err(not_begun)?;
        open_books(&mut run, genesis)?;
        for module in &genesis.modules {
            start(&mut run, &module.name, &self.contracts)?;
        }
        let next_timer = timers::earliest(&run.overlay)?;
        let changes = run.overlay.finish()?;
        let (mut log, mut log_nodes) = (self.log.clone(), Vec::new());
        run.statements.iter().for_each(|s| log.append(s, &mut log_nodes));
        let tree = self.tree.candidate(tree_changes(&changes));
        let timers_waiting = timers::waiting_after(0, &changes.state);
        let (receipt_bytes, code) = Default::default();
        let bounds = Bounds::of(&genesis.policy);
        Ok(Effects {
            changes,
            tree,
            log,
            log_nodes,
            receipt_bytes,
            next_timer,
            timers_waiting,
            bounds,
            validators: None,
            protocol: None,
            code,
        })
    }
}

/// Writes the books and opens the accounts.
fn open_books(run: &mut Run<'_>, genesis: &Genesis) -> Result<(), GenesisRefused> {
    let mut at_fault = None;
    let opened = run.at_accounts(None, |desk| {
        accounts::open_books(desk, &genesis.books, &genesis.accounts).map_err(|(account, stop)| {
            at_fault = account;
            stop
        })
    });
    match (opened, at_fault) {
        (Ok(()), _) => Ok(()),
        (Err(Stop::Broken(broken)), _) => Err(broken.into()),
        (Err(Stop::Refused(_)), Some(account)) => Err(GenesisRefused::Opening(account.id)),
        (Err(Stop::Refused(refusal)), None) => {
            Err(GenesisRefused::Init { room: accounts::ROOM.into(), refusal })
        }
    }
}

fn not_begun(stop: Stop) -> GenesisRefused {
    match stop {
        Stop::Broken(broken) => broken.into(),
        Stop::Refused(refusal) => GenesisRefused::Init { room: governance::ROOM.into(), refusal },
    }
}

/// Names a contract's code in the state and runs its `init`.
fn start(
    run: &mut Run<'_>,
    room: &str,
    contracts: &crate::room::Contracts,
) -> Result<(), GenesisRefused> {
    if let Some(hash) = contracts.get(room).copied() {
        let row = CodeRow { hash, number: 1, since: Height::GENESIS };
        code::put_version(&mut run.overlay, room, row)?;
    }
    let nobody = Actor::nobody(Cause::Timer(TimerId::default()));
    let receipt = run.act(nobody, |run| {
        let ran = run.enter(room, Entry::Init, &[], limits::TRANSACTION_FUEL_MAX);
        (ran.fuel, ran.end.map(|result| vec![result]).map_err(|stop| (0, stop)))
    })?;
    match receipt.outcome {
        Outcome::Done => Ok(()),
        Outcome::Refused { refusal, .. } => {
            Err(GenesisRefused::Init { room: room.into(), refusal })
        }
    }
}

/// What the encoding alone does not rule out.
fn check(genesis: &Genesis, protocols: &RangeInclusive<u32>) -> Result<(), GenesisRefused> {
    if !protocols.contains(&genesis.protocol) {
        let (found, known) = (genesis.protocol, *protocols.end());
        return Err(GenesisRefused::Protocol { found, known });
    }
    for validator in genesis.validators.members() {
        for key in [&validator.key, &validator.network_key] {
            check_key(key, &validator.name)?;
        }
    }
    genesis.policy.check()?;
    genesis.books.check()?;
    let orgs = check_organisations(genesis)?;
    check_principals(genesis, &orgs)?;
    check_accounts(genesis)
}

/// The organisations by number: those of the validators and those that are named.
fn check_organisations(genesis: &Genesis) -> Result<BTreeMap<u32, OrgKind>, GenesisRefused> {
    let mut orgs = BTreeMap::new();
    for member in genesis.validators.members() {
        if *orgs.entry(member.org).or_insert(member.kind) != member.kind {
            return Err(GenesisRefused::Organisation(member.org));
        }
    }
    let mut named = BTreeSet::from([0]);
    for org in &genesis.orgs {
        let kind = *orgs.entry(org.id).or_insert(org.kind);
        let label = org.label.len() <= limits::TEXT_BYTES_MAX && pii::find(&org.label).is_none();
        if kind != org.kind || !label || !named.insert(org.id) {
            return Err(GenesisRefused::Organisation(org.id));
        }
    }
    Ok(orgs)
}

fn check_key(key: &PublicKey, whose: &str) -> Result<(), GenesisRefused> {
    check_public_key(key).map_err(|why| GenesisRefused::Key { whose: whose.into(), why })
}

fn check_principals(
    genesis: &Genesis,
    orgs: &BTreeMap<u32, OrgKind>,
) -> Result<(), GenesisRefused> {
    let (mut ids, mut keys) = (BTreeSet::from([NOBODY]), BTreeSet::new());
    for principal in &genesis.principals {
        check_key(&principal.key, &principal.id.to_string())?;
        if !ids.insert(principal.id) {
            return Err(GenesisRefused::Principal(principal.id));
        }
        if !keys.insert(principal.key) {
            return Err(GenesisRefused::KeyTwice(principal.key)); // P1
        }
        let kind = orgs.get(&principal.org).copied().filter(|_| principal.org != 0);
        if principal.org != 0 && kind.is_none() {
            return Err(GenesisRefused::NoOrganisation(principal.id));
        }
        if !identity::may_hold(&principal.roles, kind) {
            return Err(GenesisRefused::Roles(principal.id));
        }
    }
    Ok(())
}

fn check_accounts(genesis: &Genesis) -> Result<(), GenesisRefused> {
    let owners: BTreeSet<_> = genesis.principals.iter().map(|p| p.id).collect();
    let assets: BTreeSet<_> = genesis.books.assets.iter().map(|asset| asset.number).collect();
    let mut ids = BTreeSet::new();
    for account in &genesis.accounts {
        if !ids.insert(account.id) || account.id.0.starts_with(ISSUANCE_PREFIX) {
            return Err(GenesisRefused::Account(account.id));
        }
        if !assets.contains(&account.asset) {
            return Err(GenesisRefused::Asset(account.id));
        }
        if !owners.contains(&account.owner) {
            return Err(GenesisRefused::Owner(account.id));
        }
    }
    Ok(())
}
