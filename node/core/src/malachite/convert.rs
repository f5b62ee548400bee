//! Between our messages and Malachite's.

use super::context::{self, Address, Context, Value};
use crate::message::{
    PolkaCertificate, Proposal, RoundCertificate, RoundVote, SignedProposal, SignedVote, Vote,
};
use linli_types::certificate::{Certificate, Precommit, VoteKind};
use linli_types::height::Height;
use linli_types::id::BlockId;
use malachite_types as mt;
use malachite_types::{NilOrVal, Round, RoundCertificateType, SignedMessage, VoteType};

fn value_in(value: Option<BlockId>) -> NilOrVal<Value> {
    value.map_or(NilOrVal::Nil, |block| NilOrVal::Val(Value(block)))
}

fn value_out(value: &NilOrVal<Value>) -> Option<BlockId> {
    match value {
        NilOrVal::Nil => None,
        NilOrVal::Val(Value(block)) => Some(*block),
    }
}

const fn kind_in(kind: VoteKind) -> VoteType {
    match kind {
        VoteKind::Prevote => VoteType::Prevote,
        VoteKind::Precommit => VoteType::Precommit,
    }
}

const fn kind_out(kind: VoteType) -> VoteKind {
    match kind {
        VoteType::Prevote => VoteKind::Prevote,
        VoteType::Precommit => VoteKind::Precommit,
    }
}

/// Malachite speaks of no round before a height starts; what it signs or sends always has one.
pub(super) fn round_out(round: Round) -> u32 {
    round.as_u32().unwrap_or(0)
}

pub(super) fn vote_in(signed: &SignedVote) -> mt::SignedVote<Context> {
    let vote = context::Vote {
        kind: kind_in(signed.vote.kind),
        height: context::Height(signed.vote.height.0),
        round: Round::new(signed.vote.round),
        value: value_in(signed.vote.value),
        validator: Address(signed.vote.validator),
    };
    SignedMessage::new(vote, signed.signature)
}

pub(super) fn vote_out(vote: &context::Vote) -> Vote {
    Vote {
        kind: kind_out(vote.kind),
        height: Height(vote.height.0),
        round: round_out(vote.round),
        value: value_out(&vote.value),
        validator: vote.validator.0,
    }
}

pub(super) fn signed_vote_out(vote: &mt::SignedVote<Context>) -> SignedVote {
    SignedVote { vote: vote_out(&vote.message), signature: vote.signature }
}

pub(super) fn proposal_in(signed: &SignedProposal) -> mt::SignedProposal<Context> {
    let proposal = context::Proposal {
        height: context::Height(signed.proposal.height.0),
        round: Round::new(signed.proposal.round),
        value: Value(signed.proposal.block),
        lock_round: Round::from(signed.proposal.lock_round),
        proposer: Address(signed.proposal.proposer),
    };
    SignedMessage::new(proposal, signed.signature)
}

pub(super) fn proposal_out(proposal: &context::Proposal) -> Proposal {
    Proposal {
        height: Height(proposal.height.0),
        round: round_out(proposal.round),
        block: proposal.value.0,
        lock_round: proposal.lock_round.as_u32(),
        proposer: proposal.proposer.0,
    }
}

pub(super) fn signed_proposal_out(proposal: &mt::SignedProposal<Context>) -> SignedProposal {
    SignedProposal { proposal: proposal_out(&proposal.message), signature: proposal.signature }
}

pub(super) fn polka_in(polka: &PolkaCertificate) -> mt::PolkaCertificate<Context> {
    let signature = |(key, signature): &(_, _)| mt::PolkaSignature::new(Address(*key), *signature);
    mt::PolkaCertificate {
        height: context::Height(polka.height.0),
        round: Round::new(polka.round),
        value_id: Value(polka.block),
        polka_signatures: polka.signatures.iter().map(signature).collect(),
    }
}

pub(super) fn polka_out(polka: &mt::PolkaCertificate<Context>) -> PolkaCertificate {
    PolkaCertificate {
        height: Height(polka.height.0),
        round: round_out(polka.round),
        block: polka.value_id.0,
        signatures: polka.polka_signatures.iter().map(|s| (s.address.0, s.signature)).collect(),
    }
}

pub(super) fn round_in(round: &RoundCertificate) -> mt::RoundCertificate<Context> {
    let vote = |v: &RoundVote| {
        mt::RoundSignature::new(
            kind_in(v.kind),
            value_in(v.value),
            Address(v.validator),
            v.signature,
        )
    };
    mt::RoundCertificate {
        height: context::Height(round.height.0),
        round: Round::new(round.round),
        cert_type: if round.skip {
            RoundCertificateType::Skip
        } else {
            RoundCertificateType::Precommit
        },
        round_signatures: round.votes.iter().map(vote).collect(),
    }
}

pub(super) fn round_certificate_out(round: &mt::RoundCertificate<Context>) -> RoundCertificate {
    let vote = |s: &mt::RoundSignature<Context>| RoundVote {
        kind: kind_out(s.vote_type),
        value: value_out(&s.value_id),
        validator: s.address.0,
        signature: s.signature,
    };
    RoundCertificate {
        height: Height(round.height.0),
        round: round_out(round.round),
        skip: round.cert_type == RoundCertificateType::Skip,
        votes: round.round_signatures.iter().map(vote).collect(),
    }
}

/// The certificate as it is stored and proved: signers in key order, each once.
pub(super) fn certificate_out(commit: &mt::CommitCertificate<Context>) -> Certificate {
    let precommit = |s: &mt::CommitSignature<Context>| Precommit {
        validator: s.address.0,
        signature: s.signature,
    };
    let mut precommits: Vec<Precommit> = commit.commit_signatures.iter().map(precommit).collect();
    precommits.sort_by_key(|p| p.validator);
    precommits.dedup_by_key(|p| p.validator);
    Certificate {
        height: Height(commit.height.0),
        round: round_out(commit.round),
        block: commit.value_id.0,
        precommits,
    }
}

/// The certificate in Malachite's shape, for its own check.
#[cfg(test)]
pub(super) fn commit_in(certificate: &Certificate) -> mt::CommitCertificate<Context> {
    let signature = |p: &Precommit| mt::CommitSignature::new(Address(p.validator), p.signature);
    mt::CommitCertificate {
        height: context::Height(certificate.height.0),
        round: Round::new(certificate.round),
        value_id: Value(certificate.block),
        commit_signatures: certificate.precommits.iter().map(signature).collect(),
    }
}
