//! Our words in Malachite's shapes.

use super::proposer::proposer_index;
use linli_types::id::{BlockId, PublicKey, Signature};
use linli_types::validator::ValidatorSet;
use malachite_types as mt;
use malachite_types::{NilOrVal, Round, SignedExtension, VoteType};
use std::fmt;
use std::sync::Arc;

/// A validator is named by its consensus key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address(pub(crate) PublicKey);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl mt::Address for Address {}

/// A height.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct Height(pub(crate) u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl mt::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// A value is the id of a block; the block itself travels in parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Value(pub(crate) BlockId);

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl mt::Value for Value {
    type Id = Self;

    fn id(&self) -> Self {
        *self
    }
}

/// A validator with its power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    address: Address,
    power: u64,
}

impl mt::Validator<Context> for Member {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &PublicKey {
        &self.address.0
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

/// The validators, sorted by key. Shared, because Malachite clones it often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Members {
    members: Arc<[Member]>,
    powers: Arc<[u64]>,
}

impl From<&ValidatorSet> for Members {
    fn from(set: &ValidatorSet) -> Self {
        let member = |v: &linli_types::validator::Validator| Member {
            address: Address(v.key),
            power: v.power,
        };
        Self {
            members: set.members().iter().map(member).collect(),
            powers: set.members().iter().map(|v| v.power).collect(),
        }
    }
}

impl mt::ValidatorSet<Context> for Members {
    fn count(&self) -> usize {
        self.members.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.powers.iter().sum()
    }

    fn get_by_address(&self, address: &Address) -> Option<&Member> {
        let at = self.members.binary_search_by(|m| m.address.cmp(address)).ok()?;
        self.members.get(at)
    }

    fn get_by_index(&self, index: usize) -> Option<&Member> {
        self.members.get(index)
    }
}

/// A vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vote {
    pub(crate) kind: VoteType,
    pub(crate) height: Height,
    pub(crate) round: Round,
    pub(crate) value: NilOrVal<Value>,
    pub(crate) validator: Address,
}

impl mt::Vote<Context> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<Value> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<Value> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Address {
        &self.validator
    }

    fn extension(&self) -> Option<&SignedExtension<Context>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Context>> {
        None
    }

    fn extend(self, _: SignedExtension<Context>) -> Self {
        self
    }
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) height: Height,
    pub(crate) round: Round,
    pub(crate) value: Value,
    pub(crate) lock_round: Round,
    pub(crate) proposer: Address,
}

impl mt::Proposal<Context> for Proposal {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &Value {
        &self.value
    }

    fn take_value(self) -> Value {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.lock_round
    }

    fn validator_address(&self) -> &Address {
        &self.proposer
    }
}

/// Parts are ours; Malachite never sees one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoPart {}

impl mt::ProposalPart<Context> for NoPart {
    fn is_first(&self) -> bool {
        match *self {}
    }

    fn is_last(&self) -> bool {
        match *self {}
    }
}

/// Votes carry no extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoExtension {}

impl mt::Extension for NoExtension {
    fn size_bytes(&self) -> usize {
        match *self {}
    }
}

/// Keys and signatures as `linli-types` has them; signing itself is the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scheme;

impl mt::SigningScheme for Scheme {
    type DecodingError = &'static str;
    type Signature = Signature;
    type PublicKey = PublicKey;
    type PrivateKey = ();

    fn decode_signature(bytes: &[u8]) -> Result<Signature, &'static str> {
        Signature::from_slice(bytes).ok_or("a signature has 64 bytes")
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.0.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, &'static str> {
        PublicKey::from_slice(bytes).ok_or("a public key has 32 bytes")
    }

    fn encode_public_key(key: &PublicKey) -> Vec<u8> {
        key.0.to_vec()
    }
}

/// Ties the types together.
#[derive(Clone, Debug)]
pub(crate) struct Context;

impl mt::Context for Context {
    type Address = Address;
    type Height = Height;
    type ProposalPart = NoPart;
    type Proposal = Proposal;
    type Validator = Member;
    type ValidatorSet = Members;
    type Timeouts = mt::LinearTimeouts;
    type Value = Value;
    type Vote = Vote;
    type Extension = NoExtension;
    type SigningScheme = Scheme;

    fn select_proposer<'a>(&self, set: &'a Members, height: Height, round: Round) -> &'a Member {
        let round = round.as_u32().unwrap_or(0);
        let index = proposer_index(&set.powers, height.0, round).unwrap_or(0);
        set.members.get(index).expect("a validator set has members (ValidatorSet::new)")
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        value: Value,
        lock_round: Round,
        proposer: Address,
    ) -> Proposal {
        Proposal { height, round, value, lock_round, proposer }
    }

    fn new_prevote(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<Value>,
        validator: Address,
    ) -> Vote {
        Vote { kind: VoteType::Prevote, height, round, value, validator }
    }

    fn new_precommit(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<Value>,
        validator: Address,
    ) -> Vote {
        Vote { kind: VoteType::Precommit, height, round, value, validator }
    }
}
