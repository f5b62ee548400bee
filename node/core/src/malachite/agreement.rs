//! Our one synchronous check of a certificate against Malachite's own: they accept the same.

use super::context::{Context, Members, NoExtension, Proposal, Vote};
use super::convert::{commit_in, proposal_out, vote_out};
use linli_types::certificate::{Certificate, Precommit, VoteKind, vote_bytes};
use linli_types::height::Height;
use linli_types::id::{BlockId, ChainId, PublicKey, Signature};
use linli_types::signature::Verify;
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use malachite_signing::{Error, VerificationResult, Verifier, VerifierExt};
use malachite_types::{ThresholdParams, ValidatorProof, VoteExtensionScope};
use proptest::prelude::*;
use std::future::Future;
use std::pin::Pin;

const CHAIN: ChainId = ChainId([3; 32]);
const BLOCK: BlockId = BlockId([4; 32]);

/// A scheme for tests: the signature is a digest of key and message.
#[derive(Clone, Copy)]
struct Pretend;

fn sign(key: &PublicKey, message: &[u8]) -> Signature {
    let half = linli_types::digest::plain(&[&key.0[..], message].concat()).0;
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&half);
    Signature(bytes)
}

impl Verify for Pretend {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        sign(key, message) == *signature
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

fn answer<'a>(holds: bool) -> Answer<'a, VerificationResult> {
    Box::pin(async move { Ok(VerificationResult::from_bool(holds)) })
}

impl Verifier<Context> for Pretend {
    fn verify_signed_vote<'a, 'b, 'c, 'd, 'z>(
        &'a self,
        vote: &'b Vote,
        signature: &'c Signature,
        key: &'d PublicKey,
    ) -> Answer<'z, VerificationResult>
    where
        'a: 'z,
        'b: 'z,
        'c: 'z,
        'd: 'z,
        Self: 'z,
    {
        answer(self.verify(key, &vote_out(vote).bytes(&CHAIN), signature))
    }

    fn verify_signed_proposal<'a, 'b, 'c, 'd, 'z>(
        &'a self,
        proposal: &'b Proposal,
        signature: &'c Signature,
        key: &'d PublicKey,
    ) -> Answer<'z, VerificationResult>
    where
        'a: 'z,
        'b: 'z,
        'c: 'z,
        'd: 'z,
        Self: 'z,
    {
        answer(self.verify(key, &proposal_out(proposal).bytes(&CHAIN), signature))
    }

    fn verify_signed_vote_extension<'a, 'b, 'c, 'd, 'e, 'z>(
        &'a self,
        _: &'b VoteExtensionScope<Context>,
        _: &'c NoExtension,
        _: &'d Signature,
        _: &'e PublicKey,
    ) -> Answer<'z, VerificationResult>
    where
        'a: 'z,
        'b: 'z,
        'c: 'z,
        'd: 'z,
        'e: 'z,
        Self: 'z,
    {
        answer(false)
    }

    fn verify_validator_proof<'a, 'b, 'z>(
        &'a self,
        _: &'b ValidatorProof<Context>,
    ) -> Answer<'z, VerificationResult>
    where
        'a: 'z,
        'b: 'z,
        Self: 'z,
    {
        answer(false)
    }
}

fn validators() -> ValidatorSet {
    let kinds =
        [OrgKind::District, OrgKind::Operator, OrgKind::Operator, OrgKind::Fund, OrgKind::Bank];
    let member = |(n, (kind, power)): (u8, (OrgKind, u64))| {
        let key = PublicKey([n + 1; 32]);
        Validator { key, network_key: key, power, org: n.into(), kind, name: String::new() }
    };
    let powers = [3, 2, 2, 3, 1];
    ValidatorSet::new((0..).zip(kinds.into_iter().zip(powers)).map(member).collect()).unwrap()
}

/// What may be wrong with one signature.
#[derive(Clone, Copy, Debug)]
enum Signer {
    Absent,
    Signs,
    Forged,
    Stranger,
    Twice,
    OtherRound,
}

fn signer() -> impl Strategy<Value = Signer> {
    prop_oneof![
        3 => Just(Signer::Absent),
        12 => Just(Signer::Signs),
        1 => Just(Signer::Forged),
        1 => Just(Signer::Stranger),
        1 => Just(Signer::Twice),
        1 => Just(Signer::OtherRound),
    ]
}

fn certificate(signers: &[Signer]) -> Certificate {
    let bytes = |round| vote_bytes(&CHAIN, VoteKind::Precommit, Height(9), round, Some(&BLOCK));
    let mut precommits = Vec::new();
    for (n, how) in (0_u8..).zip(signers) {
        let validator = PublicKey([n + 1; 32]);
        let good = Precommit { validator, signature: sign(&validator, &bytes(2)) };
        match how {
            Signer::Absent => {}
            Signer::Signs => precommits.push(good),
            Signer::Forged => precommits.push(Precommit { signature: Signature([n; 64]), ..good }),
            Signer::Stranger => {
                let validator = PublicKey([n + 101; 32]);
                precommits.push(Precommit { validator, signature: sign(&validator, &bytes(2)) });
            }
            Signer::Twice => precommits.extend([good, good]),
            Signer::OtherRound => {
                precommits.push(Precommit { signature: sign(&validator, &bytes(3)), ..good });
            }
        }
    }
    precommits.sort_by_key(|p| p.validator);
    Certificate { height: Height(9), round: 2, block: BLOCK, precommits }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_checks_accept_the_same_certificates(signers in prop::collection::vec(signer(), 5)) {
        let (set, certificate) = (validators(), certificate(&signers));
        let ours = certificate.check(&CHAIN, &set, &Pretend).is_ok();
        let theirs = futures::executor::block_on(VerifierExt::verify_commit_certificate(
            &Pretend,
            &Context,
            &commit_in(&certificate),
            &Members::from(&set),
            ThresholdParams::default(),
        ));
        prop_assert_eq!(ours, theirs.is_ok(), "{:?}", theirs);
    }
}

#[test]
fn a_whole_certificate_is_accepted_by_both() {
    let (set, certificate) = (validators(), certificate(&[Signer::Signs; 5]));
    assert_eq!(certificate.check(&CHAIN, &set, &Pretend), Ok(()));
}
