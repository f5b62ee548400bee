//! Where a call is dealt with: the rows, who acts and when, and the entries made so far.

use super::rows::{AssetRow, RuleRow, account_key, asset_key, lots_key, read_row, rule_key};
use super::{NOBODY, ROOM, lots::Lot};
use crate::identity::{self, mandate, permits};
use crate::overlay::{Claimed, Overlay};
use crate::room::{Actor, Contracts, Place};
use crate::stored::decode;
use crate::vm::Stop;
use linli_types::account::{AccountRow, Entry, Side, flag};
use linli_types::books::AssetClass;
use linli_types::code::Code;
use linli_types::digest::{self, Domain};
use linli_types::genesis::Role;
use linli_types::id::{AccountId, PrincipalId, TransferId};
use linli_types::planted::{self, Bug};
use linli_types::receipt::{Event, Param};
use prost::Message;

/// Which assets a transaction has moved (INV-T9).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Classes {
    time: bool,
    other: bool,
}

impl Classes {
    /// Adds one; whether they may stand together.
    fn join(&mut self, class: AssetClass) -> bool {
        match class {
            AssetClass::Time => self.time = true,
            _ => self.other = true,
        }
        !(self.time && self.other)
    }
}

/// An account as it was read: its id and its row.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) id: AccountId,
    pub(super) row: AccountRow,
}

/// See the module.
pub(crate) struct Desk<'r, 'a> {
    pub(crate) overlay: &'r mut Overlay<'a>,
    pub(crate) contracts: &'r Contracts,
    pub(crate) place: Place,
    /// Who acts: the sender, whom the sender acts for by a mandate, or the contract that calls.
    pub(crate) acting: Actor,
    /// The contract that calls.
    pub(crate) room: Option<&'r str>,
    pub(crate) classes: &'r mut Classes,
    pub(crate) events: Vec<Event>,
}

impl Desk<'_, '_> {
    /// Claims a business id for what is asked (INV-L5).
    pub(super) fn claim(
        &mut self,
        id: &[u8],
        method: &str,
        request: &impl Message,
    ) -> Result<TransferId, Stop> {
        let id = TransferId::from_slice(id).ok_or_else(|| super::malformed("id"))?;
        let deed = deed(method, &self.acting.principal, request);
        match self.overlay.claim(ROOM, &id.0, &deed)? {
            Claimed::Now => Ok(id),
            Claimed::Same => Err(Code::Duplicate.refuse([]).into()),
            Claimed::Other => Err(Code::BusinessIdConflict.refuse([]).into()),
        }
    }

    /// Reads an account.
    pub(super) fn account(&mut self, id: &[u8]) -> Result<Held, Stop> {
        let id = AccountId::from_slice(id).ok_or_else(|| super::malformed("account"))?;
        let row = self.overlay.read(&account_key(&id))?;
        let row = row.ok_or_else(|| Code::NoAccount.refuse([bytes(&id)]))?;
        Ok(Held { id, row: read_row(&row)? })
    }

    pub(super) fn put(&mut self, held: &Held) -> Result<(), Stop> {
        Ok(self.overlay.write(account_key(&held.id), Some(linli_types::encode(&held.row)))?)
    }

    pub(super) fn rules(&mut self, asset: u32, code: u32) -> Result<Option<RuleRow>, Stop> {
        let row = self.overlay.read(&rule_key(asset, code))?;
        Ok(row.map(|row| decode(&row, "rules")).transpose()?)
    }

    pub(super) fn asset(&mut self, asset: u32) -> Result<AssetRow, Stop> {
        let row = self.overlay.read(&asset_key(asset))?;
        let unknown = || Code::UnknownAsset.refuse([Param::Number(u64::from(asset))]);
        Ok(decode(&row.ok_or_else(unknown)?, "an asset")?)
    }

    pub(super) fn lots(&mut self, account: &AccountId) -> Result<Vec<Lot>, Stop> {
        let row = self.overlay.read(&lots_key(account))?;
        Ok(row.map(|row| decode(&row, "lots")).transpose()?.unwrap_or_default())
    }

    pub(super) fn put_lots(&mut self, account: &AccountId, lots: &[Lot]) -> Result<(), Stop> {
        let row = (!lots.is_empty()).then(|| linli_types::encode(&lots.to_vec()));
        Ok(self.overlay.write(lots_key(account), row)?)
    }

    /// Whether the actor has a role. A contract has none, and a role is lent to no agent.
    pub(super) fn has_role(&mut self, role: Role) -> Result<bool, Stop> {
        let myself = self.room.is_none() && self.acting.agent.is_none();
        Ok(myself && identity::has_role(self.overlay, &self.acting.principal, role)?)
    }

    /// Whether the actor holds an office that the table of roles and calls names for a call of this
    /// room.
    pub(super) fn has_office(&mut self, method: &str) -> Result<bool, Stop> {
        let roles = permits::find(ROOM, method).map_or(&[][..], |permit| permit.roles);
        for (role, _) in roles {
            if self.has_role(*role)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Counts what an agent gives away of the principal's, and refuses what the mandate does not
    /// cover; nothing to count where nobody acts for another.
    pub(super) fn spend(&mut self, amount: u64, payee: &PrincipalId) -> Result<(), Stop> {
        mandate::spend(self.overlay, &self.place, &self.acting, amount, payee)
    }

    /// Whether the actor owns what `owner` owns; nobody's is never anybody's.
    pub(super) fn is(&self, owner: &PrincipalId) -> bool {
        *owner != NOBODY && *owner == self.acting.principal
    }

    /// Refuses what an agent would gain by: `owner` gets what the principal gives or lets go (P5).
    pub(super) fn not_to_agent(&self, owner: &PrincipalId) -> Result<(), Stop> {
        match self.acting.agent.as_ref() == Some(owner) {
            true => Err(Code::SelfDealing.refuse([]).into()),
            false => Ok(()),
        }
    }

    /// INV-T9: time moves with nothing else in one transaction.
    pub(super) fn join(&mut self, class: AssetClass) -> Result<(), Stop> {
        match self.classes.join(class) {
            true => Ok(()),
            false => Err(Code::TimeJoined.refuse([]).into()),
        }
    }

    /// Enters an entry on both sides (INV-L1) and tells of it.
    pub(super) fn enter(&mut self, entry: &Entry, debit: Held, credit: Held) -> Result<(), Stop> {
        let digest = entry.digest();
        let about = both(debit.row.owner, credit.row.owner);
        for (held, side) in [(debit, Side::Debit), (credit, Side::Credit)] {
            let Held { id, row } = held;
            let row = match planted::is(Bug::UnitCreated) && side == Side::Credit {
                true => row.with(
                    side,
                    &Entry { amount: entry.amount.saturating_add(1), ..entry.clone() },
                    &digest,
                ),
                false => row.with(side, entry, &digest),
            };
            let row = row.ok_or_else(|| Stop::Refused(Code::Overflow.refuse([])))?;
            self.put(&Held { id, row })?;
        }
        self.tell("linli.accounts.v1.Transferred", about, &entry.to_event());
        Ok(())
    }

    pub(super) fn tell(&mut self, kind: &str, about: Vec<PrincipalId>, event: &impl Message) {
        let data = event.encode_to_vec();
        self.events.push(Event { room: ROOM.into(), kind: kind.into(), about, data });
    }
}

/// What a business id stands for: the method, who acted, and the request in its plain spelling.
pub(super) fn deed(
    method: &str,
    actor: &PrincipalId,
    request: &impl Message,
) -> linli_types::id::Digest {
    let request = request.encode_to_vec();
    digest::hash(Domain::Deed, &[method.as_bytes(), &[0], &actor.0, &request])
}

pub(super) fn bytes(id: &AccountId) -> Param {
    Param::Bytes(id.0.to_vec())
}

/// Refuses with a code that names an account.
pub(super) fn names(code: Code, account: &AccountId) -> Stop {
    code.refuse([bytes(account)]).into()
}

/// Refuses what is closed (INV-L8).
pub(super) fn open(held: &Held) -> Result<(), Stop> {
    match held.row.is(flag::CLOSED) {
        true => Err(names(Code::AccountClosed, &held.id)),
        false => Ok(()),
    }
}

/// Refuses what is frozen that way.
pub(super) fn thawed(held: &Held, way: u16) -> Result<(), Stop> {
    match held.row.is(way) {
        true => Err(names(Code::AccountFrozen, &held.id)),
        false => Ok(()),
    }
}

pub(super) fn both(a: PrincipalId, b: PrincipalId) -> Vec<PrincipalId> {
    if a == b { vec![a] } else { vec![a, b] }
}
