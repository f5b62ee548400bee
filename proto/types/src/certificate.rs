//! Proof that more than two thirds of the voting power agreed on a block.
//!
//! Certificate and vote bytes are ours (design D1, `engines.md` §1); one check serves the node's
//! core and the offline verifier alike.
//!
//! # Invariants
//!
//! - **C1 quorum.** The signers hold strictly more than two thirds of the power.
//! - **C2 every.** Every signature present verifies; each validator signs once; signers stand in
//!   key order. One signature that does not hold spoils the certificate.

use crate::digest::Domain;
use crate::height::Height;
use crate::id::{BlockId, ChainId, PublicKey, Signature};
use crate::planted::{self, Bug};
use crate::signature::{Claim, Verify};
use crate::validator::ValidatorSet;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The two votes of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum VoteKind {
    /// First step: the value is seen and valid.
    Prevote,
    /// Second step: a quorum prevoted for it.
    Precommit,
}

/// The bytes a validator signs for a vote: domain, chain, kind, height, round, value.
/// `None` is a vote for no block.
pub fn vote_bytes(
    chain: &ChainId,
    kind: VoteKind,
    height: Height,
    round: u32,
    value: Option<&BlockId>,
) -> Vec<u8> {
    let mut bytes = preimage(Domain::Vote, chain);
    bytes.push(match kind {
        VoteKind::Prevote => 0,
        VoteKind::Precommit => 1,
    });
    bytes.extend_from_slice(&height.0.to_le_bytes());
    bytes.extend_from_slice(&round.to_le_bytes());
    match value {
        None => bytes.push(0),
        Some(block) => {
            bytes.push(1);
            bytes.extend_from_slice(&block.0);
        }
    }
    bytes
}

/// The bytes a proposer signs: domain, chain, height, round, round of lock (`None` if fresh), value.
pub fn proposal_bytes(
    chain: &ChainId,
    height: Height,
    round: u32,
    lock_round: Option<u32>,
    value: &BlockId,
) -> Vec<u8> {
    let mut bytes = preimage(Domain::Proposal, chain);
    bytes.extend_from_slice(&height.0.to_le_bytes());
    bytes.extend_from_slice(&round.to_le_bytes());
    let lock = lock_round.map_or(-1_i64, i64::from);
    bytes.extend_from_slice(&lock.to_le_bytes());
    bytes.extend_from_slice(&value.0);
    bytes
}

/// `domain ‖ 0 ‖ chain`: how every signed preimage of this chain begins.
pub fn preimage(domain: Domain, chain: &ChainId) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(domain.text().as_bytes());
    bytes.push(0);
    if !planted::is(Bug::ChainLeftOut) {
        bytes.extend_from_slice(&chain.0);
    }
    bytes
}

/// One validator's precommit inside a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Precommit {
    /// Who signed.
    pub validator: PublicKey,
    /// Over [`vote_bytes`].
    pub signature: Signature,
}

/// Proof of agreement on one block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Certificate {
    /// The block's height.
    pub height: Height,
    /// The round it was agreed in. Not in the header: nodes hold different certificates.
    pub round: u32,
    /// The block.
    pub block: BlockId,
    /// The precommits, in key order (C2).
    pub precommits: Vec<Precommit>,
}

/// Why a certificate proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// A signer is no validator of the set.
    #[error("{0} is no validator")]
    Stranger(PublicKey),
    /// Signers repeat or stand out of order.
    #[error("the signers do not stand in key order, each once")]
    Order,
    /// The signers hold too little power.
    #[error("the signers hold {power} of {total}, which is not more than two thirds")]
    Power {
        /// Power of the signers.
        power: u64,
        /// All power.
        total: u64,
    },
    /// A signature does not hold.
    #[error("the signature of {0} does not hold")]
    Signature(PublicKey),
}

impl Certificate {
    /// Checks C1 and C2.
    ///
    /// # Errors
    ///
    /// [`BadCertificate`]; the fault lies with whoever handed it over.
    pub fn check(
        &self,
        chain: &ChainId,
        validators: &ValidatorSet,
        verify: &dyn Verify,
    ) -> Result<(), BadCertificate> {
        if !self.precommits.is_sorted_by(|a, b| a.validator < b.validator) {
            return Err(BadCertificate::Order);
        }
        let mut power = 0_u64;
        for p in &self.precommits {
            let member = validators.get(&p.validator);
            power += member.ok_or(BadCertificate::Stranger(p.validator))?.power;
        }
        if !validators.is_quorum(power) {
            return Err(BadCertificate::Power { power, total: validators.total_power() });
        }
        let message =
            vote_bytes(chain, VoteKind::Precommit, self.height, self.round, Some(&self.block));
        let claim = |p: &Precommit| Claim {
            key: p.validator,
            message: message.clone(),
            signature: p.signature,
        };
        let claims: Vec<Claim> = self.precommits.iter().map(claim).collect();
        let holds = verify.verify_each(&claims);
        match claims.iter().zip(holds).find(|(_, holds)| !holds) {
            Some((claim, _)) => Err(BadCertificate::Signature(claim.key)),
            None => Ok(()),
        }
    }
}
