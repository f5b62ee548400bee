//! The roles, in one table: number, name, the kinds of organisation they belong to; and which two
//! no one holds together (`domain.md` §B1).
//!
//! What a role may call is the runtime's table (`linli-runtime`, `identity::permits`).
//!
//! # Invariants
//!
//! - **R1 apart.** No principal holds two roles of an excluded pair, nor seats in two chambers, nor
//!   any role beside a machine's.

use crate::genesis::Role;
use crate::validator::OrgKind;

macro_rules! roles {
    ($($variant:ident $name:literal [$($home:ident)*];)*) => {
        impl Role {
            /// Every role, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The kinds of organisation whose people hold it; empty: any, or none.
            pub const fn homes(self) -> &'static [OrgKind] {
                match self { $(Self::$variant => &[$(OrgKind::$home),*],)* }
            }
        }
    };
}

roles! {
    Operator "OPERATOR" [];
    Auditor "AUDITOR" [];
    Resident "RESIDENT" [];
    Arbitrator "ARBITRATOR" [];
    Fund "FUND" [];
    Device "DEVICE" [];
    Administrator "ADMINISTRATOR" [];
    DistrictAdmin "DISTRICT_ADMIN" [District];
    DistrictFinance "DISTRICT_FINANCE" [District];
    OperatorRecorder "OPERATOR_RECORDER" [Operator];
    OperatorDispatcher "OPERATOR_DISPATCHER" [Operator];
    OperatorVerifier "OPERATOR_VERIFIER" [Operator];
    FundClerk "FUND_CLERK" [Fund];
    FundController "FUND_CONTROLLER" [Fund];
    FundTreasurer "FUND_TREASURER" [Fund];
    CouncilResident "COUNCIL_RES" [];
    CouncilEnterprise "COUNCIL_ENT" [Enterprise];
    CouncilSocial "COUNCIL_SOC" [SocialOrg];
    Agent "AGENT" [];
    Guardian "GUARDIAN" [];
    Volunteer "VOLUNTEER" [];
    Enterprise "ENTERPRISE" [Enterprise];
    ArbitrationRegistrar "ARB_REGISTRAR" [ArbitrationBody];
    Certifier "CERTIFIER" [Certifier];
    Evaluator "EVALUATOR" [];
    BankCustodian "BANK_CUSTODIAN" [Bank];
    Registrar "REGISTRAR" [District Street Regulator];
    TaxLiaison "TAX_LIAISON" [District Regulator];
    Regulator "REGULATOR" [Regulator];
    Validator "VALIDATOR" [];
    IdService "ID_SERVICE" [IdService];
    Robot "ROBOT" [];
}

/// Pairs that no one holds together. The council's seats and the machines have rules of their own.
pub const EXCLUDED: &[(Role, Role)] = &[
    // Accounting Law, art. 25: who records, approves, handles and keeps money are different people.
    (Role::FundClerk, Role::FundController),
    (Role::FundClerk, Role::FundTreasurer),
    (Role::FundController, Role::FundTreasurer),
    // "May never": create the payment request; verify a mint; approve payments.
    (Role::DistrictFinance, Role::FundClerk),
    (Role::DistrictAdmin, Role::OperatorVerifier),
    (Role::DistrictAdmin, Role::FundController),
    (Role::OperatorRecorder, Role::FundController),
    (Role::OperatorRecorder, Role::DistrictFinance),
    // Who confirms what the bank did does not order it.
    (Role::BankCustodian, Role::FundTreasurer),
    // Who looks over the books does not write them.
    (Role::Auditor, Role::FundClerk),
    (Role::Auditor, Role::FundController),
    (Role::Auditor, Role::FundTreasurer),
    (Role::Auditor, Role::DistrictFinance),
    (Role::Auditor, Role::OperatorRecorder),
    (Role::Auditor, Role::OperatorVerifier),
    (Role::Regulator, Role::OperatorVerifier),
    // Who gives out identities and recovers keys does not move money.
    (Role::IdService, Role::FundTreasurer),
    (Role::IdService, Role::DistrictAdmin),
    // Who decides where a chamber has nobody left, and fills an empty one, has no seat.
    (Role::DistrictAdmin, Role::CouncilResident),
    (Role::DistrictAdmin, Role::CouncilEnterprise),
    (Role::DistrictAdmin, Role::CouncilSocial),
];

/// Why roles do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// Two seats of the council.
    TwoSeats,
    /// An excluded pair, or a machine's role beside another.
    Excluded(Role, Role),
}

impl Role {
    /// The number that messages use: its place in [`Role::ALL`] from 1 on.
    pub fn number(self) -> u32 {
        (1_u32..).zip(Self::ALL).find(|(_, role)| **role == self).map_or(0, |(number, _)| number)
    }

    /// The role with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        Self::ALL.get(at).copied()
    }

    /// A device's or a robot's: it signs evidence and holds nothing.
    pub const fn is_machine(self) -> bool {
        matches!(self, Self::Device | Self::Robot)
    }

    /// A seat of the council.
    pub const fn is_seat(self) -> bool {
        matches!(self, Self::CouncilResident | Self::CouncilEnterprise | Self::CouncilSocial)
    }

    /// Why no one holds this role and `other` together, if no one may (R1).
    pub fn clash(self, other: Self) -> Option<Clash> {
        if self == other {
            return None;
        }
        if self.is_seat() && other.is_seat() {
            return Some(Clash::TwoSeats);
        }
        let pair = |(a, b): &&(Self, Self)| (*a, *b) == (self, other) || (*b, *a) == (self, other);
        let apart = self.is_machine() || other.is_machine() || EXCLUDED.iter().any(|p| pair(&p));
        apart.then_some(Clash::Excluded(self, other))
    }
}

/// The first clash among roles.
pub fn clash(roles: &[Role]) -> Option<Clash> {
    let after = |(at, role): (usize, &Role)| {
        roles.iter().skip(at.saturating_add(1)).find_map(|other| role.clash(*other))
    };
    roles.iter().enumerate().find_map(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_follow_the_encoding_and_names_are_used_once() {
        for (at, role) in Role::ALL.iter().enumerate() {
            assert_eq!(crate::encode(role), [at as u8], "{}", role.name());
            assert_eq!(Role::from_number(role.number()), Some(*role));
        }
        let names: BTreeSet<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        assert_eq!(names.len(), Role::ALL.len());
        assert_eq!((Role::from_number(0), Role::from_number(99)), (None, None));
    }

    #[test]
    fn clashes_do_not_depend_on_the_order() {
        for a in Role::ALL {
            for b in Role::ALL {
                assert_eq!(a.clash(*b).is_some(), b.clash(*a).is_some(), "{a:?} {b:?}");
            }
        }
        assert_eq!(clash(&[Role::Resident, Role::Volunteer, Role::CouncilResident]), None);
        let seats = [Role::CouncilResident, Role::Resident, Role::CouncilSocial];
        assert_eq!(clash(&seats), Some(Clash::TwoSeats));
        assert!(clash(&[Role::FundTreasurer, Role::Fund, Role::FundClerk]).is_some());
        assert!(clash(&[Role::Device, Role::Resident]).is_some());
    }
}
