//! A chain with a council, and what its tests do to it.

use crate::support::*;
use linli_runtime::{Slot, invariant};
use linli_types::genesis::{Genesis, Module, Organisation, Principal, Role};
use linli_types::height::TimeMs;
use linli_types::id::PrincipalId;
use linli_types::policy::Param;
use linli_types::receipt::Receipt;
use linli_types::validator::OrgKind;
use linli_types::wire::governance as wire;
use linli_types::wire::governance::deed::Deed as Kind;
use linli_types::wire::governance::{Standing, Threshold};
use linli_types::wire::{self as body, identity, policy};
use prost::Message;

pub(crate) const SEATS: [Role; 3] =
    [Role::CouncilResident, Role::CouncilEnterprise, Role::CouncilSocial];
pub(crate) const ORGS: [u32; 3] = [0, 21, 22];
pub(crate) const DISTRICT: u8 = 200;
pub(crate) const OPEN_MS: u64 = 20_000;
pub(crate) const DELAY_MS: u64 = 90_000;
pub(crate) const LOCK_MS: u64 = 3_000;

/// Seat `n` of a chamber: the seed of its key, and who has it.
pub(crate) fn seat(chamber: usize, n: u8) -> (PrincipalId, u8) {
    let seed = 10 + 10 * u8::try_from(chamber).unwrap() + n;
    (PrincipalId([seed; 16]), seed)
}

pub(crate) fn district() -> (PrincipalId, u8) {
    (PrincipalId([DISTRICT; 16]), DISTRICT)
}

/// A chain whose chambers have so many seats.
pub(crate) fn council(seats: [u8; 3]) -> Genesis {
    let code = linli_modules::probe().to_vec();
    let mut genesis = genesis_with(vec![Module { name: "probe".into(), code }]);
    let org = |(id, kind)| Organisation { id, kind, label: String::new() };
    genesis.orgs = [(21, OrgKind::Enterprise), (22, OrgKind::SocialOrg)].map(org).into();
    let mut add = |(id, seed): (PrincipalId, u8), org, role| {
        genesis.principals.push(Principal { id, key: key(seed), org, roles: vec![role] });
    };
    add(district(), 1, Role::DistrictAdmin);
    for (chamber, count) in seats.into_iter().enumerate() {
        (0..count).for_each(|n| add(seat(chamber, n), ORGS[chamber], SEATS[chamber]));
    }
    genesis.policy.params = [
        (Param::PolicyLockMs, LOCK_MS),
        (Param::MotionDelayMs, DELAY_MS),
        (Param::MotionOpenMsMin, OPEN_MS),
        (Param::MotionOpenMsMax, 10 * OPEN_MS),
    ]
    .map(|(param, value)| (param.number(), value))
    .into();
    genesis
}

/// A chain, and numbers for what is signed.
pub(crate) struct Chain {
    pub(crate) node: Node,
    pub(crate) number: u64,
    /// Whether the laws are asked after every block, or by the test.
    pub(crate) checks: bool,
}

impl Chain {
    pub(crate) fn new(seats: [u8; 3]) -> Self {
        Self { node: Node::new(&council(seats)), number: 0, checks: true }
    }

    pub(crate) fn now(&self) -> TimeMs {
        self.node.ledger.head().time
    }

    /// Does calls in one block each; the laws hold after it.
    pub(crate) fn call(
        &mut self,
        (id, seed): (PrincipalId, u8),
        method: &str,
        args: &impl Message,
    ) -> u32 {
        code_of(&self.call_room((id, seed), call("governance", method, args.encode_to_vec())))
    }

    pub(crate) fn call_room(&mut self, (id, seed): (PrincipalId, u8), call: body::Call) -> Receipt {
        self.number += 1;
        let transaction = self.node.sign_as((id, seed), None, self.number, vec![call]);
        let receipt = self.node.step(&[transaction]).remove(0);
        if self.checks {
            self.check();
        }
        receipt
    }

    pub(crate) fn check(&self) {
        assert_eq!(invariant::breaches(&self.node.store).unwrap(), Vec::<String>::new());
    }

    /// A block at a time, with nothing but due timers; the ledger is opened anew from its rows.
    pub(crate) fn at(&mut self, time: TimeMs) -> Vec<Receipt> {
        self.node.reopen();
        let slot = Slot { time, ..self.node.slot() };
        let executed = self.node.ledger.propose(&self.node.store, slot, &[]).unwrap();
        let receipts = executed.receipts.clone();
        self.node.commit(executed);
        self.check();
        receipts
    }

    pub(crate) fn open_as(
        &mut self,
        who: (PrincipalId, u8),
        id: u8,
        kind: Kind,
        threshold: Threshold,
    ) -> u32 {
        let request = self.motion(id, kind, threshold);
        self.call(who, "OpenMotion", &request)
    }

    pub(crate) fn motion(
        &self,
        id: u8,
        kind: Kind,
        threshold: Threshold,
    ) -> wire::OpenMotionRequest {
        wire::OpenMotionRequest {
            motion: vec![id; 16],
            deed: Some(wire::Deed { deed: Some(kind) }),
            threshold: threshold.into(),
            closes_at_ms: self.now().0 + 2 * OPEN_MS,
            text: "关于社区基金的议案".into(),
        }
    }

    pub(crate) fn vote(&mut self, who: (PrincipalId, u8), id: u8, yes: bool) -> u32 {
        self.call(who, "Vote", &wire::VoteRequest { motion: vec![id; 16], yes })
    }

    pub(crate) fn recuse(&mut self, who: (PrincipalId, u8), id: u8) -> u32 {
        self.call(who, "Recuse", &wire::RecuseRequest { motion: vec![id; 16] })
    }

    pub(crate) fn look(&self, id: u8) -> wire::MotionResponse {
        let request = wire::MotionRequest { motion: vec![id; 16] };
        self.query("Motion", &request)
    }

    pub(crate) fn query<Q: Message + Default>(&self, method: &str, request: &impl Message) -> Q {
        let (node, args) = (&self.node, request.encode_to_vec());
        let answer = node.ledger.query(&node.store, "governance", method, &args, person(0));
        let answer = answer.unwrap().unwrap();
        assert!(!answer.reads.is_empty());
        Q::decode(answer.result.as_slice()).unwrap()
    }

    pub(crate) fn standing(&self, id: u8) -> Standing {
        self.look(id).standing()
    }

    /// Ends the voting.
    pub(crate) fn close(&mut self, id: u8) -> Standing {
        let closes = self.look(id).closes_at_ms;
        self.at(TimeMs(closes));
        self.standing(id)
    }

    /// Waits for the delay.
    pub(crate) fn carry_out(&mut self, id: u8) -> Standing {
        let executes = self.look(id).executes_at_ms;
        self.at(TimeMs(executes - 1));
        assert_eq!(self.standing(id), Standing::Passed, "INV-G3");
        self.at(TimeMs(executes));
        self.standing(id)
    }

    /// Opens a motion, has everyone vote for it, and waits until it is carried out.
    pub(crate) fn decree(&mut self, seats: [u8; 3], id: u8, kind: Kind) -> Standing {
        assert_eq!(self.open_as(seat(0, 0), id, kind, Threshold::Special), 0);
        for (chamber, count) in seats.into_iter().enumerate() {
            (0..count).for_each(|n| assert_eq!(self.vote(seat(chamber, n), id, true), 0));
        }
        assert_eq!(self.close(id), Standing::Passed);
        self.carry_out(id)
    }
}

pub(crate) fn resolution() -> Kind {
    Kind::Resolution(wire::Resolution {})
}

pub(crate) fn param(base: u32, value: u64) -> Kind {
    let params = vec![policy::ParamValue { param: 1_000, value }];
    Kind::Policy(policy::SetRequest { base, params, ..policy::SetRequest::default() })
}

pub(crate) fn organisation(org: u32) -> Kind {
    let kind = identity::OrganisationKind::Bank.into();
    Kind::AdmitOrganisation(identity::AdmitOrganisationRequest { org, kind, label: "行".into() })
}
