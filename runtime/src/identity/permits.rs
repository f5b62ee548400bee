//! The table: which role may make which call of the native rooms, and how far.
//!
//! The test of the role matrix is generated from this table. Calls that are no office's do not stand
//! here, and each is allowed by something else: moves of the accounts by the books (INV-L9), closing one's
//! own account by owning it, `Expire` by the lots' own end, `Act` by being a contract, `ReportRehearsal`
//! and `SetReceiptKey` by a validator's signature.

use super::authority::Authority;
use crate::{accounts, governance, identity, policy};
use linli_types::genesis::Role;

/// How far a role reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// People and devices of the sender's own organisation.
    Organisation,
    /// Anyone.
    Any,
}

/// Who may do it to themselves, besides the roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Nobody.
    Nobody,
    /// People, whatever their roles.
    People,
    /// Everyone, devices and those without any role included.
    Everyone,
}

/// One call's row.
#[derive(Clone, Copy, Debug)]
pub struct Permit {
    /// The room.
    pub room: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Who may do it to others.
    pub roles: &'static [(Role, Reach)],
    /// Who may do it to themselves.
    pub own: Own,
    /// An act of the whole consortium: [`Authority`]'s until the council stands, then motions'.
    pub consortium: bool,
}

const fn permit(method: &'static str, roles: &'static [(Role, Reach)], own: Own) -> Permit {
    Permit { room: identity::ROOM, method, roles, own, consortium: false }
}

const fn of(room: &'static str, row: Permit) -> Permit {
    Permit { room, ..row }
}

const fn consortium(room: &'static str, method: &'static str) -> Permit {
    Permit { room, method, roles: &[], own: Own::Nobody, consortium: true }
}

use Reach::{Any, Organisation};
use Role::{
    Administrator, Arbitrator, Auditor, CouncilEnterprise, CouncilResident, CouncilSocial,
    DistrictAdmin, DistrictFinance, Fund, FundController, IdService, Registrar, Regulator,
};

const ATTESTERS: &[(Role, Reach)] = &[(Registrar, Any), (IdService, Any)];
const GRANTERS: &[(Role, Reach)] =
    &[(DistrictAdmin, Any), (IdService, Any), (Administrator, Organisation)];

const SEATS: &[(Role, Reach)] =
    &[(CouncilResident, Any), (CouncilEnterprise, Any), (CouncilSocial, Any)];
const MOVERS: &[(Role, Reach)] =
    &[(CouncilResident, Any), (CouncilEnterprise, Any), (CouncilSocial, Any), (DistrictAdmin, Any)];
/// Whoever may move, and whoever builds contracts for an organisation.
const STAGERS: &[(Role, Reach)] = &[
    (CouncilResident, Any),
    (CouncilEnterprise, Any),
    (CouncilSocial, Any),
    (DistrictAdmin, Any),
    (Administrator, Any),
];

/// Who proposes, loads and closes batches of opening balances.
const KEEPERS: &[(Role, Reach)] = &[(DistrictFinance, Any), (Fund, Any)];
/// Who executes legal orders.
const EXECUTORS: &[(Role, Reach)] = &[(Arbitrator, Any), (Regulator, Any)];

/// Calls that are an office's or one's own to make, each once.
pub const TABLE: &[Permit] = &[
    consortium(identity::ROOM, "AdmitOrganisation"),
    consortium(identity::ROOM, "AdmitCentre"),
    permit(
        "AdmitPerson",
        &[(DistrictAdmin, Any), (IdService, Any), (Registrar, Any), (Administrator, Organisation)],
        Own::Nobody,
    ),
    permit("AdmitDevice", &[(DistrictAdmin, Any), (Administrator, Organisation)], Own::Nobody),
    permit("GrantRole", GRANTERS, Own::Nobody),
    permit("WithdrawRole", GRANTERS, Own::Nobody),
    permit("AddKey", &[], Own::Everyone),
    permit("RevokeKey", &[], Own::Everyone),
    permit("SetSm2Key", &[(Administrator, Organisation)], Own::Nobody),
    permit("RetireSm2Key", &[(Administrator, Organisation)], Own::Nobody),
    permit("StartRecovery", &[(IdService, Any)], Own::Nobody),
    permit("CancelRecovery", &[(IdService, Any)], Own::Everyone),
    permit("CompleteRecovery", &[(IdService, Any)], Own::Nobody),
    permit("GrantMandate", ATTESTERS, Own::People),
    permit("WithdrawMandate", ATTESTERS, Own::People),
    permit("AttestRelation", ATTESTERS, Own::Nobody),
    permit("WithdrawRelation", ATTESTERS, Own::Nobody),
    permit("AttestPredicate", ATTESTERS, Own::Nobody),
    permit("WithdrawPredicate", ATTESTERS, Own::Nobody),
    consortium(policy::ROOM, "Set"),
    of(governance::ROOM, permit("OpenMotion", MOVERS, Own::Nobody)),
    of(governance::ROOM, permit("Vote", SEATS, Own::Nobody)),
    of(governance::ROOM, permit("Recuse", SEATS, Own::Nobody)),
    of(governance::ROOM, permit("WithdrawMotion", &[], Own::People)),
    of(governance::ROOM, permit("Decide", &[(DistrictAdmin, Any)], Own::Nobody)),
    of(governance::ROOM, permit("Resign", SEATS, Own::Nobody)),
    of(governance::ROOM, permit("StageCode", STAGERS, Own::Nobody)),
    // Accounts for others; one's own HOLDER and ESCROW.
    of(accounts::ROOM, permit("Open", &[(Administrator, Any), (Fund, Any)], Own::People)),
    // Others' transfers; what one was paid oneself.
    of(accounts::ROOM, permit("Reverse", &[(Arbitrator, Any)], Own::People)),
    of(accounts::ROOM, permit("Freeze", EXECUTORS, Own::Nobody)),
    of(accounts::ROOM, permit("Unfreeze", EXECUTORS, Own::Nobody)),
    of(accounts::ROOM, permit("ProposeOpening", KEEPERS, Own::Nobody)),
    // Whoever looks over the books, or controls the fund.
    of(
        accounts::ROOM,
        permit("ApproveOpening", &[(FundController, Any), (Auditor, Any)], Own::Nobody),
    ),
    of(accounts::ROOM, permit("LoadOpening", KEEPERS, Own::Nobody)),
    of(accounts::ROOM, permit("CloseOpening", KEEPERS, Own::Nobody)),
];

/// Contracts that devices sign for: they hold evidence and nothing else.
const MACHINE_ROOMS: [&str; 1] = ["evidence"];

/// What a principal with some roles may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    /// To others.
    pub reach: Option<Reach>,
    /// To themselves.
    pub own: bool,
}

/// The row of a call.
pub fn find(room: &str, method: &str) -> Option<&'static Permit> {
    TABLE.iter().find(|permit| permit.room == room && permit.method == method)
}

impl Permit {
    /// What someone with these roles may do of it.
    pub fn leave(&self, roles: &[Role]) -> Leave {
        let machine = roles.iter().any(|role| role.is_machine());
        let own = match self.own {
            Own::Nobody => false,
            Own::People => !machine,
            Own::Everyone => true,
        };
        let held = self.roles.iter().filter(|(role, _)| roles.contains(role));
        let reach = match self.consortium {
            true => Authority::of(roles).map(|_| Any),
            false => held.map(|(_, reach)| *reach).max(),
        };
        Leave { reach, own }
    }
}

/// Whether, and how far, one role may give or take another. Machines' roles come with admission;
/// seats of a council that stands are motions' (INV-G5).
pub fn may_grant(granter: Role, role: Role) -> Option<Reach> {
    let of_people = matches!(role, Role::Resident | Role::Volunteer | Role::Agent | Role::Guardian);
    let of_staff = matches!(
        role,
        Role::Operator
            | Role::OperatorRecorder
            | Role::OperatorDispatcher
            | Role::OperatorVerifier
            | Role::Enterprise
            | Role::Volunteer
    );
    match granter {
        _ if role.is_machine() => None,
        DistrictAdmin => Some(Any),
        IdService => of_people.then_some(Any),
        Administrator => of_staff.then_some(Organisation),
        _ => None,
    }
}

/// Whether a device may make a call: evidence, and its own keys.
pub fn machine_may(room: &str, method: &str) -> bool {
    let own = find(room, method).is_some_and(|permit| permit.own == Own::Everyone);
    own || MACHINE_ROOMS.contains(&room)
}
