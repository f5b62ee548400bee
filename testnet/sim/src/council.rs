//! The council of a run whose validators change: it moves, votes, and tries again until each deed is
//! carried out. What it hands in may be lost like anyone's.

use crate::chance::Chance;
use crate::crypto::Scheme;
use crate::disk::SimDisk;
use crate::fixture::{Fixture, Person};
use linli_runtime::Ledger;
use linli_types::id::PrincipalId;
use linli_types::transaction::{envelope, signing_bytes};
use linli_types::wire;
use linli_types::wire::governance::{
    Deed, MotionRequest, MotionResponse, OpenMotionRequest, Standing, Threshold, VoteRequest,
};
use prost::Message;

/// How long a motion is open, in milliseconds of block time.
const OPEN_MS: u64 = 2_500;
/// How long what it signs is valid.
const VALIDITY_MS: u64 = 20_000;

/// See the module.
pub(crate) struct Council {
    chance: Chance,
    /// Deeds that were carried out.
    done: usize,
    /// Which motion about the next deed.
    attempt: u8,
}

impl Council {
    pub(crate) const fn new(chance: Chance) -> Self {
        Self { chance, done: 0, attempt: 0 }
    }

    /// Deeds that were carried out.
    pub(crate) const fn done(&self) -> usize {
        self.done
    }

    /// What to hand in now, as one validator sees the chain.
    pub(crate) fn next(
        &mut self,
        fixture: &Fixture,
        scheme: Scheme,
        ledger: &Ledger,
        disk: &SimDisk,
    ) -> Vec<Vec<u8>> {
        let Some(deed) = fixture.deeds.get(self.done) else { return Vec::new() };
        let motion = self.motion();
        match standing(ledger, disk, &motion) {
            None => {
                let request = OpenMotionRequest {
                    motion,
                    deed: Some(Deed { deed: Some(deed.clone()) }),
                    threshold: Threshold::Special.into(),
                    closes_at_ms: ledger.head().time.plus_ms(OPEN_MS).0,
                    text: "validators".into(),
                };
                let first = fixture.council.first();
                let opens =
                    |person| self.sign(fixture, scheme, ledger, person, &request, "OpenMotion");
                first.map(opens).into_iter().collect()
            }
            Some(Standing::Open) => {
                let request = VoteRequest { motion, yes: true };
                let votes = |person| self.sign(fixture, scheme, ledger, person, &request, "Vote");
                fixture.council.iter().map(votes).collect()
            }
            Some(Standing::Executed) => {
                (self.done, self.attempt) = (self.done + 1, 0);
                Vec::new()
            }
            Some(Standing::Failed | Standing::Refused) => {
                self.attempt += 1;
                Vec::new()
            }
            Some(_) => Vec::new(),
        }
    }

    /// The id of the motion under way.
    fn motion(&self) -> Vec<u8> {
        let mut id = vec![0x6d; 16];
        id.splice(..2, [u8::try_from(self.done).unwrap_or(u8::MAX), self.attempt]);
        id
    }

    fn sign(
        &mut self,
        fixture: &Fixture,
        scheme: Scheme,
        ledger: &Ledger,
        person: &Person,
        request: &impl Message,
        method: &str,
    ) -> Vec<u8> {
        let (room, args) = ("governance".into(), request.encode_to_vec());
        let body = wire::TransactionBody {
            chain_tag: fixture.chain.tag(),
            sender: person.id.0.to_vec(),
            signer: person.pair.public.0.to_vec(),
            key: self.chance.bytes::<16>().to_vec(),
            valid_until_ms: ledger.head().time.plus_ms(VALIDITY_MS).0,
            on_behalf: None,
            calls: vec![wire::Call { room, method: method.into(), args }],
        }
        .encode_to_vec();
        let signature = person.pair.sign(scheme, &signing_bytes(&fixture.chain, &body));
        envelope(&body, &signature)
    }
}

/// Where a motion stands; `None` while there is none.
fn standing(ledger: &Ledger, disk: &SimDisk, motion: &[u8]) -> Option<Standing> {
    let args = MotionRequest { motion: motion.to_vec() }.encode_to_vec();
    let nobody = PrincipalId::default();
    let answer = ledger.query(disk, "governance", "Motion", &args, nobody).ok()?.ok()?;
    Some(MotionResponse::decode(answer.result.as_slice()).ok()?.standing())
}
