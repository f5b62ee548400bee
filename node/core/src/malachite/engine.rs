//! One height of consensus.

use super::context::{self, Address, Context, Members, Value};
use super::convert::{
    certificate_out, polka_in, polka_out, proposal_in, proposal_out, round_certificate_out,
    round_in, round_out, signed_proposal_out, signed_vote_out, vote_in, vote_out,
};
use crate::config::Crypto;
use crate::evidence::Evidence;
use crate::guard::Guard;
use crate::message::{Message, PolkaCertificate, RoundCertificate, SignedProposal, SignedVote};
use crate::wal::{Entry, Wait};
use crate::witness::Witness;
use linli_types::certificate::Certificate;
use linli_types::height::Height;
use linli_types::id::{BlockId, ChainId, PublicKey, Signature};
use linli_types::planted::{self, Bug};
use linli_types::validator::ValidatorSet;
use malachite_consensus::{
    ConsensusMsg, Effect as Asked, Error, Input, LivenessMsg, LocallyProposedValue, Params,
    ProposedValue, Resumable, Resume, SignedConsensusMsg, State, ValuePayload, process,
};
use malachite_types as mt;
use malachite_types::{
    CertificateError, Round, SignedMessage, Timeout, TimeoutKind, Validity, ValueOrigin,
    VoteExtensionPolicy,
};

/// What consensus asks for, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Log(Entry),
    Broadcast(Message),
    Wait {
        wait: Wait,
        round: u32,
    },
    Cancel {
        wait: Wait,
        round: u32,
    },
    CancelAll,
    Build {
        round: u32,
    },
    Restream {
        round: u32,
        block: BlockId,
    },
    Decided(Certificate),
    Evidence(Evidence),
    /// Whoever sent the message lied.
    Fault(&'static str),
}

/// What the engine borrows during a call.
pub(crate) struct Desk<'a> {
    pub(crate) chain: &'a ChainId,
    pub(crate) validators: &'a ValidatorSet,
    pub(crate) crypto: &'a mut dyn Crypto,
    pub(crate) guard: &'a mut Guard,
    pub(crate) witness: &'a mut Witness,
    pub(crate) effects: &'a mut Vec<Effect>,
    /// Set when the node must stop (E1).
    pub(crate) broken: &'a mut Option<String>,
}

/// Malachite's state of one height.
pub(crate) struct Engine {
    state: State<Context>,
    members: Members,
    height: Height,
}

impl Engine {
    /// A height that has not started.
    pub(crate) fn new(me: PublicKey, height: Height, validators: &ValidatorSet) -> Self {
        let members = Members::from(validators);
        let params = Params {
            address: Address(me),
            threshold_params: thresholds(),
            value_payload: ValuePayload::ProposalAndParts,
            enabled: true,
        };
        let at = context::Height(height.0);
        let state = State::new(Context, at, members.clone(), params, 1, 1);
        Self { state, members, height }
    }

    /// The round under way; `None` before the start.
    pub(crate) fn round(&self) -> Option<u32> {
        self.state.round().as_u32()
    }

    /// Whether the round still waits for its proposal.
    pub(crate) fn awaits_proposal(&self) -> bool {
        self.state.driver.step_is_propose()
    }

    /// Starts the height (E2: no target time).
    pub(crate) fn start(&mut self, desk: &mut Desk<'_>) {
        let height = context::Height(self.height.0);
        let (set, policy) = (self.members.clone(), VoteExtensionPolicy::Disabled);
        self.run(Input::StartHeight(height, set, false, None, policy), desk);
    }

    pub(crate) fn vote(&mut self, vote: &SignedVote, desk: &mut Desk<'_>) {
        self.run(Input::Vote(vote_in(vote)), desk);
    }

    pub(crate) fn proposal(&mut self, proposal: &SignedProposal, desk: &mut Desk<'_>) {
        self.run(Input::Proposal(proposal_in(proposal)), desk);
    }

    pub(crate) fn polka(&mut self, polka: &PolkaCertificate, desk: &mut Desk<'_>) {
        self.run(Input::PolkaCertificate(polka_in(polka)), desk);
    }

    pub(crate) fn round_certificate(&mut self, round: &RoundCertificate, desk: &mut Desk<'_>) {
        self.run(Input::RoundCertificate(round_in(round)), desk);
    }

    pub(crate) fn timed_out(&mut self, wait: Wait, round: u32, desk: &mut Desk<'_>) {
        let kind = match wait {
            Wait::Propose => TimeoutKind::Propose,
            Wait::Prevote => TimeoutKind::Prevote,
            Wait::Precommit => TimeoutKind::Precommit,
            Wait::Resend => TimeoutKind::Rebroadcast,
        };
        self.run(Input::TimeoutElapsed(Timeout::new(Round::new(round), kind)), desk);
    }

    /// Hands in the verdict on a block.
    pub(crate) fn judged(
        &mut self,
        round: u32,
        proposer: PublicKey,
        block: BlockId,
        valid: bool,
        desk: &mut Desk<'_>,
    ) {
        let value = self.judged_value(round, proposer, block, valid);
        self.run(Input::ProposedValue(value, ValueOrigin::Consensus), desk);
    }

    /// Hands in the own block of a round.
    pub(crate) fn propose(&mut self, round: u32, block: BlockId, desk: &mut Desk<'_>) {
        let height = context::Height(self.height.0);
        let value = LocallyProposedValue::new(height, Round::new(round), Value(block));
        self.run(Input::Propose(value), desk);
    }

    /// Replays the log: first its own messages are indexed, so that what is re-derived is compared
    /// with what was signed; then every input is fed again, in order.
    pub(crate) fn replay(&mut self, entries: &[Entry], desk: &mut Desk<'_>) {
        let inputs: Vec<Input<Context>> =
            entries.iter().filter_map(|entry| self.input_of(entry)).collect();
        self.state.index_wal_entries(&inputs);
        self.start(desk);
        for input in inputs {
            self.run(input, desk);
        }
        self.state.reset_entries_index();
    }

    fn input_of(&self, entry: &Entry) -> Option<Input<Context>> {
        let kind = |wait| match wait {
            Wait::Propose => TimeoutKind::Propose,
            Wait::Prevote => TimeoutKind::Prevote,
            Wait::Precommit | Wait::Resend => TimeoutKind::Precommit,
        };
        Some(match entry {
            Entry::Vote(vote) => Input::Vote(vote_in(vote)),
            Entry::Proposal(proposal) => Input::Proposal(proposal_in(proposal)),
            Entry::TimedOut { wait, round } => {
                Input::TimeoutElapsed(Timeout::new(Round::new(*round), kind(*wait)))
            }
            Entry::Judged { round, proposer, block, valid } => Input::ProposedValue(
                self.judged_value(*round, *proposer, *block, *valid),
                ValueOrigin::Consensus,
            ),
            Entry::Polka(polka) => Input::PolkaCertificate(polka_in(polka)),
            Entry::Block { .. } | Entry::Bodies(_) => return None,
        })
    }

    fn judged_value(
        &self,
        round: u32,
        proposer: PublicKey,
        block: BlockId,
        valid: bool,
    ) -> ProposedValue<Context> {
        ProposedValue {
            height: context::Height(self.height.0),
            round: Round::new(round),
            valid_round: Round::Nil,
            proposer: Address(proposer),
            value: Value(block),
            validity: if valid { Validity::Valid } else { Validity::Invalid },
        }
    }

    fn run(&mut self, input: Input<Context>, desk: &mut Desk<'_>) {
        if desk.broken.is_some() {
            return;
        }
        let state = &mut self.state;
        let result: Result<(), Error<Context>> = process!(
            input: input,
            state: state,
            metrics: &(),
            with: asked => Ok::<Resume<Context>, Error<Context>>(desk.answer(asked)) // E1
        );
        match result {
            Ok(()) => {}
            Err(diverged @ Error::ReplayDivergence(..)) => desk.stop(diverged.to_string()),
            Err(error) => tracing::error!(%error, height = %self.height, "consensus input failed"),
        }
    }
}

fn thresholds() -> mt::ThresholdParams {
    let lawful = mt::ThresholdParams::default();
    match planted::is(Bug::QuorumOfTwoF) {
        true => mt::ThresholdParams { quorum: mt::ThresholdParam::new(1, 2), ..lawful },
        false => lawful,
    }
}

impl Desk<'_> {
    fn stop(&mut self, why: String) {
        self.broken.get_or_insert(why);
    }

    fn note(&mut self, effect: Effect) -> Resume<Context> {
        self.effects.push(effect);
        Resume::Continue
    }

    /// Answers what can be answered at once, notes the rest.
    fn answer(&mut self, asked: Asked<Context>) -> Resume<Context> {
        match asked {
            Asked::CancelAllTimeouts(_) => self.note(Effect::CancelAll),
            Asked::CancelTimeout(timeout, _) => self.timeout(timeout, false),
            Asked::ScheduleTimeout(timeout, _) => self.timeout(timeout, true),
            Asked::GetValue(_, round, _, _) => self.note(Effect::Build { round: round_out(round) }),
            Asked::RestreamProposal(_, round, _, _, value, _) => {
                self.note(Effect::Restream { round: round_out(round), block: value.0 })
            }
            Asked::PublishConsensusMsg(message, _) => self.publish(&message),
            Asked::PublishLivenessMsg(message, _) => self.publish_liveness(&message),
            Asked::RepublishVote(vote, _) => {
                self.note(Effect::Broadcast(Message::Vote(signed_vote_out(&vote))))
            }
            Asked::RepublishRoundCertificate(round, _) => {
                self.note(Effect::Broadcast(Message::Round(round_certificate_out(&round))))
            }
            Asked::WalAppend(_, input, _) => self.log(&input),
            Asked::Decide(certificate, _, _) => {
                self.note(Effect::Decided(certificate_out(&certificate)))
            }
            Asked::SignVote(vote, r) => r.resume_with(self.sign_vote(vote)),
            Asked::SignProposal(proposal, r) => r.resume_with(self.sign_proposal(proposal)),
            Asked::VerifySignature(message, _, r) => r.resume_with(self.verify(&message)),
            other => self.answer_certificate(other),
        }
    }

    fn answer_certificate(&mut self, asked: Asked<Context>) -> Resume<Context> {
        match asked {
            Asked::VerifyCommitCertificate(certificate, _, _, r) => {
                let certificate = certificate_out(&certificate);
                let checked =
                    certificate.check(self.chain, self.validators, self.crypto.verifier());
                r.resume_with(checked.map_err(|_| CertificateError::VerificationError(None)))
            }
            Asked::VerifyPolkaCertificate(certificate, _, _, r) => {
                let polka = polka_out(&certificate);
                let holds = polka.holds(self.chain, self.validators, self.crypto.verifier());
                if holds {
                    self.witness.certificate(polka.block);
                }
                r.resume_with(self.verdict(holds, polka.votes()))
            }
            Asked::VerifyRoundCertificate(certificate, _, _, r) => {
                let round = round_certificate_out(&certificate);
                let holds = round.holds(self.chain, self.validators, self.crypto.verifier());
                r.resume_with(self.verdict(holds, round.votes()))
            }
            // Neither catch-up nor vote extensions go through Malachite.
            Asked::VerifyExtendedCommitCertificate(.., r) => {
                r.resume_with(Err(CertificateError::VerificationError(None)))
            }
            Asked::ExtendVote(.., r) => r.resume_with(None),
            Asked::VerifyVoteExtension(.., r) => r.resume_with(Ok(())),
            _ => Resume::Continue,
        }
    }

    fn timeout(&mut self, timeout: Timeout, set: bool) -> Resume<Context> {
        let wait = match timeout.kind {
            TimeoutKind::Propose => Wait::Propose,
            TimeoutKind::Prevote => Wait::Prevote,
            TimeoutKind::Precommit => Wait::Precommit,
            TimeoutKind::Rebroadcast => Wait::Resend,
            TimeoutKind::FinalizeHeight(_) => return Resume::Continue,
        };
        let round = round_out(timeout.round);
        self.note(if set { Effect::Wait { wait, round } } else { Effect::Cancel { wait, round } })
    }

    fn publish(&mut self, message: &SignedConsensusMsg<Context>) -> Resume<Context> {
        self.note(Effect::Broadcast(match message {
            SignedConsensusMsg::Vote(vote) => Message::Vote(signed_vote_out(vote)),
            SignedConsensusMsg::Proposal(p) => Message::Proposal(signed_proposal_out(p)),
        }))
    }

    fn publish_liveness(&mut self, message: &LivenessMsg<Context>) -> Resume<Context> {
        self.note(Effect::Broadcast(match message {
            LivenessMsg::Vote(vote) => Message::Vote(signed_vote_out(vote)),
            LivenessMsg::PolkaCertificate(polka) => Message::Polka(polka_out(polka)),
            LivenessMsg::SkipRoundCertificate(c) => Message::Round(round_certificate_out(c)),
        }))
    }

    fn log(&mut self, input: &Input<Context>) -> Resume<Context> {
        let entry = match input {
            Input::Vote(vote) => Entry::Vote(signed_vote_out(vote)),
            Input::Proposal(proposal) => Entry::Proposal(signed_proposal_out(proposal)),
            Input::PolkaCertificate(polka) => Entry::Polka(polka_out(polka)),
            Input::ProposedValue(value, _) => Entry::Judged {
                round: round_out(value.round),
                proposer: value.proposer.0,
                block: value.value.0,
                valid: value.validity.is_valid(),
            },
            Input::TimeoutElapsed(timeout) => {
                let wait = match timeout.kind {
                    TimeoutKind::Propose => Wait::Propose,
                    TimeoutKind::Prevote => Wait::Prevote,
                    _ => Wait::Precommit,
                };
                Entry::TimedOut { wait, round: round_out(timeout.round) }
            }
            Input::StartHeight(..)
            | Input::RoundCertificate(_)
            | Input::Propose(_)
            | Input::SyncValueResponse(_) => return Resume::Continue,
        };
        self.note(Effect::Log(entry))
    }

    fn sign_vote(&mut self, vote: context::Vote) -> mt::SignedVote<Context> {
        let ours = vote_out(&vote);
        let (chain, crypto) = (self.chain, &mut *self.crypto);
        let signature =
            match self.guard.vote(&ours, || crypto.sign(&ours.validator, &ours.bytes(chain))) {
                Ok(signature) => signature,
                Err(second) => {
                    self.stop(second.0);
                    Signature([0; 64])
                }
            };
        SignedMessage::new(vote, signature)
    }

    fn sign_proposal(&mut self, proposal: context::Proposal) -> mt::SignedProposal<Context> {
        let ours = proposal_out(&proposal);
        let (chain, crypto) = (self.chain, &mut *self.crypto);
        let signature =
            match self.guard.proposal(&ours, || crypto.sign(&ours.proposer, &ours.bytes(chain))) {
                Ok(signature) => signature,
                Err(second) => {
                    self.stop(second.0);
                    Signature([0; 64])
                }
            };
        SignedMessage::new(proposal, signature)
    }

    /// Verifies one message; what holds is witnessed (C7).
    fn verify(&mut self, message: &SignedMessage<Context, ConsensusMsg<Context>>) -> bool {
        let verify = self.crypto.verifier();
        let evidence = match &message.message {
            ConsensusMsg::Vote(vote) => {
                let signed = SignedVote { vote: vote_out(vote), signature: message.signature };
                if !self.guard.signed_vote(&signed) && !signed.holds(self.chain, verify) {
                    self.effects.push(Effect::Fault("a vote whose signature does not hold"));
                    return false;
                }
                self.witness.vote(signed)
            }
            ConsensusMsg::Proposal(proposal) => {
                let proposal = proposal_out(proposal);
                let signed = SignedProposal { proposal, signature: message.signature };
                if !self.guard.signed_proposal(&signed) && !signed.holds(self.chain, verify) {
                    self.effects.push(Effect::Fault("a proposal whose signature does not hold"));
                    return false;
                }
                self.witness.proposal(signed)
            }
        };
        self.effects.extend(evidence.map(Effect::Evidence));
        true
    }

    /// The verdict on a certificate; the votes of one that holds are witnessed (C7).
    #[allow(clippy::result_large_err, reason = "the engine's own error")]
    fn verdict(
        &mut self,
        holds: bool,
        votes: impl Iterator<Item = SignedVote>,
    ) -> Result<(), CertificateError<Context>> {
        if !holds {
            self.effects.push(Effect::Fault("a certificate that does not hold"));
            return Err(CertificateError::VerificationError(None));
        }
        for vote in votes {
            self.effects.extend(self.witness.vote(vote).map(Effect::Evidence));
        }
        Ok(())
    }
}
