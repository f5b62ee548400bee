//! The first page of a chain.
//!
//! The chain's id is the BLAKE3 digest of these exact bytes; its name is for people.

use crate::books::Books;
use crate::digest;
use crate::height::TimeMs;
use crate::id::{AccountId, ChainId, PrincipalId, PublicKey};
use crate::limits;
use crate::policy::Policy;
use crate::validator::{BadSet, OrgKind, Validator, ValidatorSet};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The encoding that this code reads and writes.
pub const FORMAT: u16 = 1;
/// How a genesis file begins.
pub const MAGIC: [u8; 8] = *b"linligen";

/// What a principal may read and do: the roles of `domain.md` §B1, and the coarse ones that came
/// before them. Numbers are names on disk: new roles stand at the end ([`crate::role`]).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
#[allow(missing_docs, reason = "the names are those of domain.md §B1")]
pub enum Role {
    Operator,
    Auditor,
    Resident,
    Arbitrator,
    Fund,
    Device,
    Administrator,
    DistrictAdmin,
    DistrictFinance,
    OperatorRecorder,
    OperatorDispatcher,
    OperatorVerifier,
    FundClerk,
    FundController,
    FundTreasurer,
    CouncilResident,
    CouncilEnterprise,
    CouncilSocial,
    Agent,
    Guardian,
    Volunteer,
    Enterprise,
    ArbitrationRegistrar,
    Certifier,
    Evaluator,
    BankCustodian,
    Registrar,
    TaxLiaison,
    Regulator,
    Validator,
    IdService,
    Robot,
}

/// An organisation that stands from the first block on. Those of the validators stand anyway.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Organisation {
    /// Its number, above 0.
    pub id: u32,
    /// What it is.
    pub kind: OrgKind,
    /// For people; at most [`limits::TEXT_BYTES_MAX`] bytes, no personal data.
    pub label: String,
}

/// Someone who may act from the first block on.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Principal {
    /// The pseudonymous id.
    pub id: PrincipalId,
    /// The key they sign with.
    pub key: PublicKey,
    /// Their organisation; 0 for none.
    pub org: u32,
    /// What they may do.
    pub roles: Vec<Role>,
}

/// An account that stands from the first block on.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// Who owns it.
    pub owner: PrincipalId,
    /// The asset's number; 1 is CNY in fen.
    pub asset: u32,
    /// What it holds at the start, in minor units. The issuance account of the asset is debited.
    pub opening: u64,
}

/// A contract that stands from the first block on.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Module {
    /// The room's name.
    pub name: String,
    /// The WASM module's bytes.
    pub code: Vec<u8>,
}

/// The first page of a chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Genesis {
    /// Encoding version; [`FORMAT`].
    pub format: u16,
    /// Rules in force at height 1.
    pub protocol: u32,
    /// For people.
    pub name: String,
    /// Block time of the genesis.
    pub time: TimeMs,
    /// Heights for which undo records are kept.
    pub undo_heights: u64,
    /// The first validators.
    pub validators: ValidatorSet,
    /// Whoever may act.
    pub principals: Vec<Principal>,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Contracts.
    pub modules: Vec<Module>,
    /// Organisations.
    pub orgs: Vec<Organisation>,
    /// Version 1 of the policy.
    pub policy: Policy,
    /// Assets, and who may move what.
    pub books: Books,
}

/// Why a genesis file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadGenesis {
    /// The bytes do not begin as a genesis does.
    #[error("this is no genesis file")]
    Magic,
    /// Larger than the bound.
    #[error("{found} bytes; a genesis has at most {max}")]
    TooLarge {
        /// Its size.
        found: usize,
        /// The bound.
        max: usize,
    },
    /// The format is not ours.
    #[error("genesis format {0} is unknown to this version")]
    Format(u16),
    /// The validators break a law.
    #[error("{0}")]
    Validators(BadSet),
    /// The bytes after the magic are not a genesis.
    #[error("the bytes are not a genesis: {0}")]
    Malformed(String),
}

impl Genesis {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&crate::encode(self));
        bytes
    }

    /// Reads a genesis file and names its chain.
    ///
    /// # Errors
    ///
    /// [`BadGenesis`]; the fault lies with whoever wrote the file.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, ChainId), BadGenesis> {
        if bytes.len() > limits::GENESIS_BYTES_MAX {
            let (found, max) = (bytes.len(), limits::GENESIS_BYTES_MAX);
            return Err(BadGenesis::TooLarge { found, max });
        }
        let rest = bytes.strip_prefix(&MAGIC).ok_or(BadGenesis::Magic)?;
        match rest {
            [a, b, ..] if u16::from_le_bytes([*a, *b]) != FORMAT => {
                return Err(BadGenesis::Format(u16::from_le_bytes([*a, *b])));
            }
            _ => {}
        }
        let genesis = Self::try_from_slice(rest).map_err(|e| match broken_law(rest) {
            Some(law) => BadGenesis::Validators(law),
            None => BadGenesis::Malformed(alloc::format!("{e}")),
        })?;
        Ok((genesis, ChainId(digest::plain(bytes).0)))
    }

    /// The chain's id.
    pub fn chain(&self) -> ChainId {
        ChainId(digest::plain(&self.to_bytes()).0)
    }
}

/// The law that unreadable bytes break: the decoder of a set can only say that there is one.
fn broken_law(rest: &[u8]) -> Option<BadSet> {
    type Head = (u16, u32, String, TimeMs, u64, Vec<Validator>);
    let (.., members) = Head::deserialize(&mut &*rest).ok()?;
    ValidatorSet::new(members).err()
}
