//! What is asked after a transfer, so that taking it back is no matter of course.
#![allow(clippy::unwrap_used, reason = "a test's")]

use super::{CLEARED, Dice, STOPS, World};
use crate::model::{Account, Id, MOST, id};
use linli_types::account::flag::{CREDITS_BOUND, NO_IN, NO_OUT, SOULBOUND};
use linli_types::books::{AccountKind, CNY, CODE_MOVE};
use linli_types::wire::accounts::TransferRequest;

impl World {
    /// Who was paid pays somebody else, mostly all they have: what is taken back then is owed.
    pub(super) fn spend(
        &mut self,
        paid: &TransferRequest,
        dice: &mut Dice,
    ) -> (TransferRequest, Id) {
        let (id, debit) = (self.id(dice), id(&paid.credit));
        let asset = self.model.accounts.get(&debit).map_or(CNY, |a| a.row.asset);
        let open = |id: &Id, a: &Account| *id != debit && !a.is(STOPS | NO_IN | SOULBOUND);
        let credit = self.fitting((asset, AccountKind::Holder), open, dice).unwrap_or(debit);
        let amount = match dice.of(4) {
            0 => self.amount(&debit, dice),
            _ => self.model.look(&debit).map_or(0, |a| u64::try_from(a.give()).unwrap()),
        };
        let (debit, by, credit) = (debit.to_vec(), self.owner(&debit), credit.to_vec());
        let other = TransferRequest::default();
        let balancing = dice.rare(3);
        (TransferRequest { id, debit, credit, amount, code: CODE_MOVE, balancing, ..other }, by)
    }

    /// Who paid, and may not hold more than so much, is paid by somebody else: what is given back then
    /// is too much.
    pub(super) fn refill(
        &mut self,
        paid: &TransferRequest,
        dice: &mut Dice,
    ) -> (TransferRequest, Id) {
        let (id, credit) = (self.id(dice), id(&paid.debit));
        let payer = self.model.look(&credit).unwrap_or_default();
        let rich = |id: &Id, a: &Account| {
            let gives = self.model.look(id).map_or(0, |a| a.give());
            *id != credit && gives >= payer.room() && !a.is(STOPS | NO_OUT | SOULBOUND)
        };
        let debit = self.fitting((payer.row.asset, AccountKind::Holder), rich, dice);
        let debit = debit.unwrap_or(credit);
        let code = if payer.kind == Some(AccountKind::Holder) { CODE_MOVE } else { CLEARED };
        let amount = u64::try_from(payer.room().max(1)).unwrap();
        let (debit, by, credit) = (debit.to_vec(), self.owner(&debit), credit.to_vec());
        let other = TransferRequest::default();
        (TransferRequest { id, debit, credit, amount, code, ..other }, by)
    }
}

impl Account {
    /// What it can still be credited.
    pub(super) fn room(&self) -> i128 {
        let held = self.posted[1] + self.pending[1] - self.posted[0];
        let bound = if self.is(CREDITS_BOUND) { -held } else { MOST };
        let max = i128::from(self.row.max_balance);
        if max > 0 { bound.min(max - held) } else { bound }
    }
}

/// Whether it may not hold whatever it is paid.
pub(super) fn is_bounded(a: &Account) -> bool {
    let bound = a.row.max_balance > 0 || a.is(CREDITS_BOUND);
    bound && a.kind != Some(AccountKind::Issuance)
}
