//! The room on a stage of its own: calls over an overlay, without blocks.

mod keys;
mod leave;
mod sm2;

use super::{begin, call};
use crate::check::Checker;
use crate::deploy::native_checker;
use crate::native::Deed;
use crate::overlay::Overlay;
use crate::policy;
use crate::room::{Actor, Contracts, Place, Realm};
use crate::vm::Stop;
use linli_types::genesis::{Genesis, Organisation, Principal, Role};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{ChainId, Digest, PrincipalId, PublicKey, TimerId};
use linli_types::policy::{Param, Policy};
use linli_types::receipt::Cause;
use linli_types::store::Memory;
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use prost::Message;
use std::sync::OnceLock;

const START: TimeMs = TimeMs(1_800_000_000_000);
/// How long recoveries wait on this stage, in milliseconds.
const WAIT_MS: u64 = 5_000;

const ANN: PrincipalId = PrincipalId([1; 16]);
const BOB: PrincipalId = PrincipalId([2; 16]);
const SERVICE: PrincipalId = PrincipalId([3; 16]);
const REGISTRAR: PrincipalId = PrincipalId([4; 16]);
const GADGET: PrincipalId = PrincipalId([5; 16]);
const MANAGER: PrincipalId = PrincipalId([6; 16]);

/// Real keys, computed once.
fn key(n: u8) -> PublicKey {
    static KEYS: OnceLock<Vec<PublicKey>> = OnceLock::new();
    let public = |n: u8| {
        let key = ed25519_dalek::SigningKey::from_bytes(&[n; 32]).verifying_key();
        PublicKey(key.to_bytes())
    };
    KEYS.get_or_init(|| (0..=40).map(public).collect())[usize::from(n)]
}

fn genesis() -> Genesis {
    let validator = |(n, power, kind): (u8, u64, OrgKind)| Validator {
        key: PublicKey([n; 32]),
        network_key: PublicKey([n + 10; 32]),
        power,
        org: u32::from(n),
        kind,
        name: String::new(),
    };
    let seats = [
        (1, 3, OrgKind::District),
        (2, 2, OrgKind::Operator),
        (3, 2, OrgKind::Operator),
        (4, 3, OrgKind::Fund),
    ];
    let principal = |(id, n, org, role): (PrincipalId, u8, u32, Role)| Principal {
        id,
        key: key(n),
        org,
        roles: vec![role],
    };
    let policy =
        Policy { params: vec![(Param::RecoveryWaitMs.number(), WAIT_MS)], ..Policy::default() };
    Genesis {
        format: 1,
        protocol: 1,
        name: String::new(),
        time: START,
        undo_heights: 1,
        validators: ValidatorSet::new(seats.into_iter().map(validator).collect()).unwrap(),
        principals: [
            (ANN, 1, 0, Role::Resident),
            (BOB, 2, 0, Role::Resident),
            (SERVICE, 3, 9, Role::IdService),
            (REGISTRAR, 4, 1, Role::Registrar),
            (GADGET, 5, 2, Role::Device),
            (MANAGER, 40, 2, Role::Administrator),
        ]
        .map(principal)
        .to_vec(),
        accounts: vec![],
        modules: vec![],
        orgs: vec![Organisation { id: 9, kind: OrgKind::IdService, label: String::new() }],
        policy,
        books: linli_types::books::Books::default(),
    }
}

struct Stage<'s> {
    overlay: Overlay<'s>,
    place: Place,
    contracts: Contracts,
    validators: ValidatorSet,
    checker: Checker,
}

impl<'s> Stage<'s> {
    fn new(store: &'s Memory) -> Self {
        let mut overlay = Overlay::new(store);
        let genesis = genesis();
        policy::begin(&mut overlay, START, &genesis.policy).unwrap();
        begin(&mut overlay, &genesis).unwrap();
        let place = Place { height: Height(10), time: START, log_size: 0, policy: 1 };
        let contracts = Contracts::from([("timebank".to_string(), Digest([0; 32]))]);
        let checker = native_checker(ChainId([0; 32])).unwrap();
        Self { overlay, place, contracts, validators: genesis.validators, checker }
    }

    /// Later, by so many heights and milliseconds.
    fn later(&mut self, heights: u64, ms: u64) {
        self.place.height = Height(self.place.height.0 + heights);
        self.place.time = self.place.time.plus_ms(ms);
    }

    /// Calls a method for `who`; the code, 0 for done.
    fn call(&mut self, who: PrincipalId, method: &str, request: &impl Message) -> u32 {
        self.call_from("", actor(who, None), method, request)
    }

    fn call_from(
        &mut self,
        caller: &str,
        actor: Actor,
        method: &str,
        request: &impl Message,
    ) -> u32 {
        self.overlay.begin();
        let (chain, validators) = (ChainId([0; 32]), &self.validators);
        let mut deed = Deed {
            overlay: &mut self.overlay,
            place: self.place,
            realm: Realm { chain, validators, checker: &self.checker },
            actor,
            contracts: &self.contracts,
            caller,
        };
        let done = call(&mut deed, method, &request.encode_to_vec());
        code_of(done.map(drop), &mut self.overlay)
    }
}

fn actor(principal: PrincipalId, agent: Option<PrincipalId>) -> Actor {
    Actor { principal, agent, ..Actor::nobody(Cause::Timer(TimerId::default())) }
}

/// 0 for done; a refusal takes back what was written.
fn code_of(done: Result<(), Stop>, overlay: &mut Overlay<'_>) -> u32 {
    match done {
        Ok(()) => 0,
        Err(Stop::Refused(refusal)) => {
            overlay.roll_back();
            refusal.code
        }
        Err(Stop::Broken(broken)) => panic!("{broken}"),
    }
}
