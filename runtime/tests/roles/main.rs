//! The role matrix: every role × every call of the native rooms that is an office's, to others and to
//! oneself, allowed and refused as the one table says; moves as the books say.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod books;
#[path = "../support/mod.rs"]
mod support;

use linli_runtime::identity::permits::{self, Own, Permit, Reach};
use linli_types::code::Code;
use linli_types::genesis::{Genesis, Organisation, Principal, Role};
use linli_types::id::PrincipalId;
use linli_types::policy::Param;
use linli_types::validator::OrgKind;
use linli_types::wire::identity as wire;
use linli_types::wire::identity::{MandateKind, Predicate, RelationKind};
use linli_types::wire::{self as body, governance, policy};
use prost::Message;
use support::*;

/// The kinds of organisation that roles belong to, and one more for everybody else.
const KINDS: [OrgKind; 10] = [
    OrgKind::District,
    OrgKind::Street,
    OrgKind::Operator,
    OrgKind::Fund,
    OrgKind::Enterprise,
    OrgKind::SocialOrg,
    OrgKind::ArbitrationBody,
    OrgKind::Certifier,
    OrgKind::Bank,
    OrgKind::Regulator,
];
const ID_SERVICE_ORG: u32 = 30;

fn org_of(role: Role) -> u32 {
    match role.homes().first() {
        Some(OrgKind::IdService) => ID_SERVICE_ORG,
        Some(kind) => (10..).zip(KINDS).find(|(_, known)| known == kind).unwrap().0,
        None => 12,
    }
}

/// The seed of the principal with the role.
fn seed(role: Role) -> u8 {
    20 + u8::try_from(role.number()).unwrap()
}

/// The holder of a role; a colleague of theirs who holds none; the colleague's colleague.
fn holder(role: Role) -> PrincipalId {
    PrincipalId([seed(role); 16])
}

fn colleague(role: Role, n: u8) -> PrincipalId {
    let mut id = [seed(role); 16];
    id[0] = 200 + n;
    PrincipalId(id)
}

fn public(role: Role, n: u8) -> linli_types::id::PublicKey {
    let mut seed_bytes = [seed(role); 32];
    seed_bytes[0] = n;
    let key = ed25519_dalek::SigningKey::from_bytes(&seed_bytes).verifying_key();
    linli_types::id::PublicKey(key.to_bytes())
}

fn matrix_genesis() -> Genesis {
    let mut genesis = genesis();
    let org = |(id, kind): (u32, OrgKind)| Organisation { id, kind, label: String::new() };
    genesis.orgs = (10..).zip(KINDS).map(org).collect();
    genesis.orgs.push(org((ID_SERVICE_ORG, OrgKind::IdService)));
    for role in Role::ALL {
        let org = org_of(*role);
        let mut add = |id, key, roles| {
            genesis.principals.push(Principal { id, key, org, roles });
        };
        add(holder(*role), key(seed(*role)), vec![*role]);
        add(colleague(*role, 0), public(*role, 0), vec![]);
        // Holds what every granter may take.
        add(colleague(*role, 1), public(*role, 1), vec![Role::Volunteer]);
    }
    books::equip(&mut genesis);
    genesis.policy.params = vec![(Param::RecoveryWaitMs.number(), 1_000)];
    genesis
}

fn ask(method: &str, request: &impl Message) -> body::Call {
    call("identity", method, request.encode_to_vec())
}

fn bytes(id: PrincipalId) -> Vec<u8> {
    id.0.to_vec()
}

fn mandate(principal: PrincipalId, agent: PrincipalId, kind: MandateKind) -> body::Call {
    let request = wire::GrantMandateRequest {
        principal: bytes(principal),
        agent: bytes(agent),
        kind: kind as i32,
        scope: vec![wire::Scope { room: "accounts".into(), method: String::new() }],
        cap_per_day: 1,
        expires_ms: START.0 + 3_600_000,
    };
    ask("GrantMandate", &request)
}

fn relation(method: &str, subject: PrincipalId, hours: u64) -> body::Call {
    let (a, b, kind) = (bytes(subject), bytes(person(3)), RelationKind::Friend as i32);
    match method {
        "AttestRelation" => {
            let expires_ms = START.0 + hours * 3_600_000;
            ask(method, &wire::AttestRelationRequest { a, b, kind, expires_ms })
        }
        _ => ask(method, &wire::WithdrawRelationRequest { a, b, kind }),
    }
}

fn predicate(method: &str, subject: PrincipalId, hours: u64) -> body::Call {
    let (principal, predicate) = (bytes(subject), Predicate::Hardship as i32);
    match method {
        "AttestPredicate" => {
            let expires_ms = START.0 + hours * 3_600_000;
            ask(method, &wire::AttestPredicateRequest { principal, predicate, expires_ms })
        }
        _ => ask(method, &wire::WithdrawPredicateRequest { principal, predicate }),
    }
}

/// Roles that open motions.
const MOVERS: [Role; 4] =
    [Role::DistrictAdmin, Role::CouncilResident, Role::CouncilEnterprise, Role::CouncilSocial];

/// The id of a motion that a role's holder opened, if they may.
fn motion(role: Role) -> Vec<u8> {
    vec![seed(role); 16]
}

fn open(motion: Vec<u8>) -> body::Call {
    let resolution = governance::deed::Deed::Resolution(governance::Resolution {});
    let request = governance::OpenMotionRequest {
        motion,
        deed: Some(governance::Deed { deed: Some(resolution) }),
        threshold: governance::Threshold::Simple.into(),
        closes_at_ms: START.0 + 2 * 24 * 3_600_000,
        text: "议案".into(),
    };
    call("governance", "OpenMotion", request.encode_to_vec())
}

/// Everything that can be withdrawn, cancelled or completed stands: of the holders themselves and
/// of their colleagues.
fn prepared() -> Node {
    let mut node = Node::new(&matrix_genesis());
    let (service, mut number) = (holder(Role::IdService), 0);
    let registrar = holder(Role::Registrar);
    let mut sign = |node: &Node, sender: PrincipalId, seed: u8, calls: Vec<body::Call>| {
        number += 1;
        node.sign_as((sender, seed), None, 1_000 + number, calls)
    };
    for role in Role::ALL {
        let mut candidates = Vec::new();
        for subject in [holder(*role), colleague(*role, 0)] {
            if subject != service {
                let fresh = public(*role, if subject == holder(*role) { 8 } else { 9 });
                let (principal, key) = (bytes(subject), fresh.0.to_vec());
                let call = ask("StartRecovery", &wire::StartRecoveryRequest { principal, key });
                candidates.push(sign(&node, service, seed(Role::IdService), vec![call]));
            }
            let by = if subject == registrar { service } else { registrar };
            let by_seed = if by == service { Role::IdService } else { Role::Registrar };
            let attested = vec![
                relation("AttestRelation", subject, 2),
                predicate("AttestPredicate", subject, 2),
            ];
            candidates.push(sign(&node, by, seed(by_seed), attested));
        }
        if !role.is_machine() {
            let own = mandate(holder(*role), person(3), MandateKind::Agent);
            candidates.push(sign(&node, holder(*role), seed(*role), vec![own]));
        }
        if MOVERS.contains(role) {
            candidates.push(sign(&node, holder(*role), seed(*role), vec![open(motion(*role))]));
        }
        let ward = mandate(colleague(*role, 0), person(3), MandateKind::Guardian);
        candidates.push(sign(&node, registrar, seed(Role::Registrar), vec![ward]));
        let receipts = node.step(&candidates);
        assert!(receipts.iter().all(|r| code_of(r) == 0), "{role:?} {receipts:?}");
    }
    books::prepare(&mut node);
    node
}

/// A request that nothing but the table can refuse.
fn request(permit: &Permit, role: Role, own: bool) -> Vec<body::Call> {
    let subject = if own { holder(role) } else { colleague(role, 0) };
    let fresh = || public(role, 100).0.to_vec();
    // Residents belong to no organisation; an administrator's people to their own.
    let org = if role == Role::Administrator { org_of(role) } else { 0 };
    let named = || wire::RecoveryRequest { principal: bytes(subject) };
    let volunteer = |id| wire::RoleRequest {
        principal: bytes(id),
        role: i32::try_from(Role::Volunteer.number()).unwrap(),
    };
    let add = wire::AddKeyRequest { key: fresh(), from_height: 0 };
    let one = match permit.method {
        method if permit.room == "accounts" => books::request(method, role, own),
        "AdmitOrganisation" => ask(
            permit.method,
            &wire::AdmitOrganisationRequest { org: 900, kind: 3, label: "站".into() },
        ),
        "AdmitCentre" => {
            let label = String::new();
            let district = 330_106;
            ask(permit.method, &wire::AdmitCentreRequest { centre: 9, org: 12, district, label })
        }
        "AdmitPerson" => {
            let principal = vec![9; 16];
            ask(permit.method, &wire::AdmitPersonRequest { principal, key: fresh(), org })
        }
        "AdmitDevice" => {
            let (device, org) = (vec![9; 16], org_of(role));
            ask(permit.method, &wire::AdmitDeviceRequest { device, key: fresh(), org, robot: true })
        }
        "GrantRole" => ask(permit.method, &volunteer(subject)),
        "WithdrawRole" if own => ask(permit.method, &volunteer(subject)),
        "WithdrawRole" => ask(permit.method, &volunteer(colleague(role, 1))),
        "AddKey" => ask(permit.method, &add),
        "RevokeKey" => {
            let mine = key(seed(role)).0.to_vec();
            let revoke = wire::RevokeKeyRequest { key: mine, from_height: 0 };
            return vec![ask("AddKey", &add), ask(permit.method, &revoke)];
        }
        "SetSm2Key" => sm2_key(role),
        "RetireSm2Key" => {
            let retire = wire::RetireSm2KeyRequest { org: org_of(role), from_height: 0 };
            return vec![sm2_key(role), ask(permit.method, &retire)];
        }
        "StartRecovery" => {
            let principal = bytes(if own { holder(role) } else { colleague(role, 1) });
            ask(permit.method, &wire::StartRecoveryRequest { principal, key: fresh() })
        }
        "CancelRecovery" | "CompleteRecovery" => ask(permit.method, &named()),
        "GrantMandate" if own => mandate(subject, person(2), MandateKind::Agent),
        "GrantMandate" => mandate(subject, person(2), MandateKind::Guardian),
        "WithdrawMandate" => {
            let (principal, agent) = (bytes(subject), bytes(person(3)));
            ask(permit.method, &wire::WithdrawMandateRequest { principal, agent })
        }
        "AttestRelation" | "WithdrawRelation" => relation(permit.method, subject, 3),
        "AttestPredicate" | "WithdrawPredicate" => predicate(permit.method, subject, 3),
        "Set" => {
            let set = policy::SetRequest {
                base: 1,
                effective_at_ms: START.0 + 2 * 24 * 3600 * 1000,
                params: vec![policy::ParamValue { param: 1_000, value: 7 }],
                ..policy::SetRequest::default()
            };
            call("policy", permit.method, set.encode_to_vec())
        }
        _ => govern(permit, role, own),
    };
    vec![one]
}

fn sm2_key(role: Role) -> body::Call {
    let request = wire::SetSm2KeyRequest {
        org: org_of(role),
        public_key: vec![4; 65],
        signer_id: "1234567812345678".into(),
        possession: vec![1; 64],
        from_height: 0,
    };
    ask("SetSm2Key", &request)
}

/// The same of the room `governance`.
fn govern(permit: &Permit, role: Role, own: bool) -> body::Call {
    match permit.method {
        "StageCode" => {
            let bytes = vec![7; 9];
            let hash = linli_types::digest::plain(&bytes).0.to_vec();
            let request = governance::StageCodeRequest { hash, size: 9, offset: 0, bytes };
            call("governance", permit.method, request.encode_to_vec())
        }
        "OpenMotion" => open(vec![9; 16]),
        "Resign" => call("governance", permit.method, Vec::new()),
        "Vote" | "Decide" | "Recuse" | "WithdrawMotion" => {
            // Of somebody else, unless it is one's own.
            let others = [Role::CouncilResident, Role::DistrictAdmin];
            let opener = if own { role } else { others[usize::from(role == others[0])] };
            let motion = motion(opener);
            let args = match permit.method {
                "Vote" => governance::VoteRequest { motion, yes: true }.encode_to_vec(),
                "Decide" => governance::DecideRequest { motion, yes: true }.encode_to_vec(),
                "Recuse" => governance::RecuseRequest { motion }.encode_to_vec(),
                _ => governance::WithdrawMotionRequest { motion }.encode_to_vec(),
            };
            call("governance", permit.method, args)
        }
        other => panic!("the matrix has no request for {other}"),
    }
}

/// What the answer is, whatever the table says: by a rule that comes after it.
fn later_rule(permit: &Permit, role: Role, own: bool) -> u32 {
    match (permit.method, own) {
        (method, own) if permit.room == "accounts" => books::later_rule(method, own),
        ("GrantRole" | "WithdrawRole" | "StartRecovery", true) => Code::SelfDealing.number(),
        ("AttestRelation" | "WithdrawRelation", true) => Code::SelfDealing.number(),
        ("AttestPredicate" | "WithdrawPredicate", true) => Code::SelfDealing.number(),
        // Every chamber has a seat here: the council decides.
        ("Set" | "AdmitOrganisation" | "AdmitCentre", _) => Code::MotionNeeded.number(),
        ("Decide", _) => Code::NotEscalated.number(),
        ("WithdrawMotion", true) if !MOVERS.contains(&role) => Code::NoMotion.number(),
        // No recovery of the identity service's own holder was started: they could not start it.
        ("CancelRecovery" | "CompleteRecovery", true) if role == Role::IdService => {
            Code::NoRecovery.number()
        }
        _ => 0,
    }
}

#[test]
fn every_role_may_call_what_the_table_says_and_nothing_else() {
    let node = prepared();
    let denied = [Code::RoleDenied, Code::DeviceDenied, Code::Unauthorised].map(Code::number);
    let (mut allowed_count, mut tried) = (0, 0);
    for permit in permits::TABLE {
        for role in Role::ALL {
            for own in [false, true] {
                let leave = permit.leave(&[*role]);
                // Own keys are nobody else's to name.
                let own_only = permit.own == Own::Everyone && permit.roles.is_empty();
                if own_only && !own {
                    continue;
                }
                let calls = request(permit, *role, own);
                let transaction = node.sign_as((holder(*role), seed(*role)), None, 1, calls);
                let found = code_of(&node.propose(&[transaction]).receipts[0]);
                let what = format!("{}.{} by {role:?}, own {own}", permit.room, permit.method);
                let allowed = leave.reach.is_some() || own && leave.own;
                match allowed {
                    true => assert_eq!(found, later_rule(permit, *role, own), "{what}"),
                    false => assert!(denied.contains(&found), "{what}: {found}"),
                }
                (allowed_count, tried) = (allowed_count + usize::from(allowed), tried + 1);
            }
        }
    }
    assert!(tried > 1_000 && allowed_count > 150, "{allowed_count} of {tried}");
}

// INV-L9
#[test]
fn every_move_that_is_an_office_s_is_made_by_that_office_alone() {
    books::moves(&matrix_genesis());
}

#[test]
fn the_table_keeps_the_rows_of_the_domain() {
    let may = |room: &str, method: &str| {
        let permit = permits::find(room, method).unwrap();
        let reach = |role: &&Role| permit.leave(&[**role]).reach == Some(Reach::Any);
        Role::ALL.iter().filter(reach).copied().collect::<Vec<_>>()
    };
    assert_eq!(may("policy", "Set"), [Role::DistrictAdmin]);
    assert_eq!(may("identity", "AdmitOrganisation"), [Role::DistrictAdmin]);
    assert_eq!(may("identity", "StartRecovery"), [Role::IdService]);
    assert_eq!(may("identity", "AttestRelation"), [Role::Registrar, Role::IdService]);
    assert_eq!(may("identity", "AddKey"), []);
    // An administrator of one organisation reaches nobody of another.
    let permit = permits::find("identity", "GrantRole").unwrap();
    let reach = permit.leave(&[Role::Administrator]).reach;
    assert_eq!(reach, Some(Reach::Organisation));
    assert!(permits::find("identity", "Act").is_none());
    assert_eq!(may("governance", "Resign"), MOVERS[1..]);
    assert_eq!(may("accounts", "Freeze"), [Role::Arbitrator, Role::Regulator]);
    assert_eq!(may("accounts", "Reverse"), [Role::Arbitrator]);
    assert_eq!(may("accounts", "ApproveOpening"), [Role::Auditor, Role::FundController]);
}
