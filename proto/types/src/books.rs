//! The books: which assets there are, which accounts, and who may move what from where to where.
//!
//! The table of rules is closed: what no [`Rule`] names is refused (INV-L9). The numbers of kinds,
//! classes and flags never change (`domain.md` §B2, decision 0010).

use crate::genesis::Role;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Yuan, in fen.
pub const CNY: u32 = 1;
/// Minutes of the time bank.
pub const TIME: u32 = 2;
/// Service points.
pub const POINT: u32 = 3;
/// Corporate-responsibility points.
pub const CSR: u32 = 5;

/// Code of a payment, a gift or any other plain move between holders.
pub const CODE_MOVE: u32 = 1;
/// Code of an issue.
pub const CODE_ISSUE: u32 = 2;
/// Code of taking units back from a holder.
pub const CODE_BURN: u32 = 3;
/// Code of a donation to a pool.
pub const CODE_DONATE: u32 = 4;
/// Code of a deposit into an order's escrow, and of what leaves it.
pub const CODE_ESCROW: u32 = 5;
/// Code of a grant from a pool.
pub const CODE_GRANT: u32 = 6;

/// What sort of thing an asset is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of domain.md §B2")]
pub enum AssetClass {
    Cny,
    Time,
    Point,
    Credit,
    Csr,
    ServiceVoucher,
    ConsumptionVoucher,
    Budget,
    Quantity,
    SibNote,
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Asset {
    /// Its number.
    pub number: u32,
    /// What sort of thing it is.
    pub class: AssetClass,
    /// For people; at most 16 bytes.
    pub name: String,
    /// Digits after the point, at most 4.
    pub decimals: u8,
    /// Holders' accounts keep lots with dates.
    pub lots: bool,
}

/// An asset as the state holds it, under [`asset_key`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AssetRow {
    /// What sort of thing it is.
    pub class: AssetClass,
    /// For people.
    pub name: String,
    /// Digits after the point.
    pub decimals: u8,
    /// Holders' accounts keep lots.
    pub lots: bool,
}

/// The key of an asset's row within the room of accounts.
pub fn asset_key(asset: u32) -> Vec<u8> {
    let mut key = vec![b'A'];
    key.extend_from_slice(&asset.to_be_bytes());
    key
}

/// What an account is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of domain.md §B2")]
pub enum AccountKind {
    Holder,
    Escrow,
    Issuance,
    WelfareQuota,
    DonationPool,
    CapOverflow,
    ExpiredSink,
    ClawbackReceivable,
    Clearing,
    BankCustody,
    Unallocated,
    RiskReserve,
    EmergencyTurnover,
    DevelopmentReserve,
    Payable,
    OutcomeEscrow,
    Bond,
    SponsorPool,
    BudgetAppropriated,
    BudgetCommitted,
    BudgetSpent,
    Store,
}

impl AccountKind {
    /// Every kind, by number.
    pub const ALL: [Self; 22] = [
        Self::Holder,
        Self::Escrow,
        Self::Issuance,
        Self::WelfareQuota,
        Self::DonationPool,
        Self::CapOverflow,
        Self::ExpiredSink,
        Self::ClawbackReceivable,
        Self::Clearing,
        Self::BankCustody,
        Self::Unallocated,
        Self::RiskReserve,
        Self::EmergencyTurnover,
        Self::DevelopmentReserve,
        Self::Payable,
        Self::OutcomeEscrow,
        Self::Bond,
        Self::SponsorPool,
        Self::BudgetAppropriated,
        Self::BudgetCommitted,
        Self::BudgetSpent,
        Self::Store,
    ];

    /// The kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// Who must act for a rule to allow a transfer.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Authority {
    /// The owner of the account that is debited.
    Owner,
    /// Whoever has the role.
    Role(Role),
    /// The contract of this room.
    Contract(String),
}

/// A row of the closed table.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rule {
    /// The asset's number.
    pub asset: u32,
    /// Kind of business.
    pub code: u32,
    /// Kind of the account that is debited.
    pub from: AccountKind,
    /// Kind of the account that is credited.
    pub to: AccountKind,
    /// Who must act.
    pub authority: Authority,
}

/// Assets and rules of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Books {
    /// The assets, each number once.
    pub assets: Vec<Asset>,
    /// The rules, each (asset, code, from, to) once.
    pub rules: Vec<Rule>,
}

/// Why the books cannot stand. The fault lies with whoever wrote the genesis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBooks {
    /// An asset stands twice.
    #[error("asset {0} stands twice")]
    AssetTwice(u32),
    /// An asset that nobody could show.
    #[error("asset {0} needs a name of 1 to 16 bytes and at most 4 decimals")]
    Asset(u32),
    /// A rule for an asset that is not in the books.
    #[error("a rule names asset {0}, which is not in the books")]
    UnknownAsset(u32),
    /// A rule stands twice.
    #[error("asset {0}, code {1}: the same move stands twice")]
    RuleTwice(u32, u32),
    /// A credit score never moves (INV-P3).
    #[error("asset {0} is a credit score and cannot have rules")]
    CreditMoves(u32),
}

impl Books {
    /// The books that a district begins with: CNY, TIME, POINT, CREDIT and CSR, holders who may
    /// move what is theirs, and issuers by role.
    pub fn standard() -> Self {
        let asset = |number, class, name: &str, decimals, lots| Asset {
            number,
            class,
            name: name.into(),
            decimals,
            lots,
        };
        let assets = vec![
            asset(CNY, AssetClass::Cny, "CNY", 2, false),
            asset(TIME, AssetClass::Time, "TIME", 0, true),
            asset(POINT, AssetClass::Point, "POINT", 0, true),
            asset(4, AssetClass::Credit, "CREDIT", 0, false),
            asset(CSR, AssetClass::Csr, "CSR", 0, true),
        ];
        Self { assets, rules: standard_rules() }
    }

    /// Whether the books can stand.
    ///
    /// # Errors
    ///
    /// [`BadBooks`].
    pub fn check(&self) -> Result<(), BadBooks> {
        let mut classes = alloc::collections::BTreeMap::new();
        for asset in &self.assets {
            if asset.name.is_empty() || asset.name.len() > 16 || asset.decimals > 4 {
                return Err(BadBooks::Asset(asset.number));
            }
            if classes.insert(asset.number, asset.class).is_some() {
                return Err(BadBooks::AssetTwice(asset.number));
            }
        }
        let mut moves = alloc::collections::BTreeSet::new();
        for rule in &self.rules {
            match classes.get(&rule.asset) {
                None => return Err(BadBooks::UnknownAsset(rule.asset)),
                Some(AssetClass::Credit) => return Err(BadBooks::CreditMoves(rule.asset)),
                Some(_) => {}
            }
            if !moves.insert((rule.asset, rule.code, rule.from, rule.to)) {
                return Err(BadBooks::RuleTwice(rule.asset, rule.code));
            }
        }
        Ok(())
    }
}

fn standard_rules() -> Vec<Rule> {
    use AccountKind::{
        DonationPool, Escrow, ExpiredSink, Holder, Issuance, SponsorPool, Unallocated,
    };
    let mut rules = Vec::new();
    let mut rule = |asset, code, from, to, authority| {
        rules.push(Rule { asset, code, from, to, authority });
    };
    for asset in [CNY, TIME, POINT] {
        rule(asset, CODE_MOVE, Holder, Holder, Authority::Owner);
        rule(asset, CODE_ESCROW, Holder, Escrow, Authority::Owner);
        rule(asset, CODE_ESCROW, Escrow, Holder, Authority::Owner);
        rule(asset, CODE_DONATE, Holder, DonationPool, Authority::Owner);
        rule(asset, CODE_GRANT, DonationPool, Holder, Authority::Role(Role::Fund));
    }
    for asset in [CNY, TIME, POINT, CSR] {
        rule(asset, CODE_ISSUE, Issuance, Holder, Authority::Role(Role::Fund));
        rule(asset, CODE_BURN, Holder, Issuance, Authority::Owner);
        rule(asset, CODE_BURN, ExpiredSink, Issuance, Authority::Role(Role::Fund));
    }
    rule(CNY, CODE_ISSUE, Issuance, Unallocated, Authority::Role(Role::Fund));
    rule(CNY, CODE_DONATE, Holder, SponsorPool, Authority::Owner);
    rule(CNY, CODE_GRANT, Unallocated, Holder, Authority::Role(Role::Fund));
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_books_stand() {
        assert_eq!(Books::standard().check(), Ok(()));
    }

    #[test]
    fn kinds_are_numbered_as_they_stand() {
        for (number, kind) in (0_u32..).zip(AccountKind::ALL) {
            assert_eq!((kind.number(), AccountKind::from_number(number)), (number, Some(kind)));
        }
        assert_eq!(AccountKind::from_number(22), None);
    }

    #[test]
    fn books_that_contradict_themselves_are_refused() {
        let refused = |change: fn(&mut Books)| {
            let mut books = Books::standard();
            change(&mut books);
            books.check().unwrap_err()
        };
        assert_eq!(refused(|b| b.assets.push(b.assets[0].clone())), BadBooks::AssetTwice(CNY));
        assert_eq!(refused(|b| b.assets[0].decimals = 5), BadBooks::Asset(CNY));
        assert_eq!(refused(|b| b.rules[0].asset = 77), BadBooks::UnknownAsset(77));
        assert_eq!(refused(|b| b.rules.push(b.rules[0].clone())), BadBooks::RuleTwice(CNY, 1));
        assert_eq!(refused(|b| b.rules[0].asset = 4), BadBooks::CreditMoves(4));
    }
}
