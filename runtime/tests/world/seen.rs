//! What the cases came to: a law that holds over cases in which nothing happens says nothing.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a test's")]

use super::{Call, flat, wired};
use crate::model::{Id, Model, id};
use linli_types::code::Code;
use linli_types::wire::accounts::chain_step::Step;
use std::collections::BTreeMap;

/// How often each kind of call was done and each code was told, and how often what the laws are
/// about really came about.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub done: BTreeMap<&'static str, u32>,
    pub refused: BTreeMap<u32, u32>,
    pub happened: BTreeMap<&'static str, u32>,
}

/// Every kind of call.
pub const METHODS: [&str; 11] = [
    "Open", "Close", "Transfer", "Reserve", "Post", "Void", "Reverse", "Chain", "Freeze",
    "Unfreeze", "Expire",
];

/// What must come about.
pub const HAPPENS: [&str; 18] = [
    "a hold ended by itself in a later block",
    "a hold was posted in a later block",
    "a hold was posted in part",
    "a hold was posted on a later day than it began",
    "a transfer bound to the balance moved less than it named",
    "a transfer was taken back in part",
    "a second reversal took the rest",
    "a reversal was carried by a receivable",
    "a chain of 64 steps was done",
    "a step that was sound was undone with its chain",
    "a call that was sound was undone with its transaction",
    "a frozen account was thawed",
    "lots of several ends were used by one move",
    "lots that were given were left out of a gift",
    "lots were full and two were folded",
    "an amount beyond half of u64 was moved",
    "an amount beyond half of u64 was refused",
    "what was sound alone was refused for its block's earlier one",
];

impl Seen {
    /// Notes a block's beginning: what ended by itself.
    pub fn begins(&mut self, before: &Model, after: &Model) {
        let ended = before.pendings.keys().filter(|of| !after.pendings.contains_key(*of)).count();
        self.happens(0, ended > 0);
    }

    /// Notes a transaction: what stood when its block began and when it began, what was asked of
    /// which actor, its code and what stood then.
    pub fn note(
        &mut self,
        [block, before, after]: [&Model; 3],
        (actor, calls): (Id, &[Call]),
        code: u32,
    ) {
        if code == 0 {
            calls.iter().for_each(|call| self.tally(call.method()));
            let long = |call: &Call| flat(std::slice::from_ref(call)).len() == 64;
            self.happens(8, calls.iter().any(long));
            flat(calls).iter().for_each(|call| self.deed(call, [block, before, after]));
            // Chains were tallied whole; their steps are deeds of their own.
            let chained = calls.iter().filter(|call| call.method() == "Chain");
            for step in chained.flat_map(|chain| flat(std::slice::from_ref(chain))) {
                self.tally(step.method());
            }
            return;
        }
        *self.refused.entry(code).or_default() += 1;
        let huge = flat(calls).iter().any(|call| amount(call) > u64::MAX / 2);
        self.happens(16, huge && code != Code::Duplicate.number());
        let alone = |calls: &[Call]| block.clone().transaction(actor, &wired(calls)).is_ok();
        self.happens(17, alone(calls));
        let first = |calls: &[Call]| {
            calls.len() > 1 && before.clone().transaction(actor, &wired(&calls[..1])).is_ok()
        };
        self.happens(10, first(calls));
        let chains = calls.first().filter(|call| call.method() == "Chain");
        self.happens(9, chains.is_some_and(|chain| first(&flat(std::slice::from_ref(chain)))));
    }

    fn deed(&mut self, call: &Call, [block, before, after]: [&Model; 3]) {
        self.happens(15, amount(call) > u64::MAX / 2);
        match call {
            Call::Step(Step::Post(r)) => {
                let ((_, held), _, _, day) = match block.pendings.get(&r.pending[..]) {
                    Some(held) => *held,
                    None => return,
                };
                self.happens(1, true);
                self.happens(2, r.amount > 0 && i128::from(r.amount) < held);
                self.happens(3, day < after.today);
            }
            Call::Step(Step::Transfer(r)) => {
                let ((sides, moved), _) = after.moved[&id(&r.id)];
                self.happens(4, moved < r.amount.into());
                self.lots(sides, moved, [before, after]);
            }
            Call::Reverse(r) => {
                let ((sides, left), _) = after.moved[&id(&r.transfer)];
                let row = before.moved.get(&id(&r.transfer));
                self.happens(5, left > 0);
                let whole = r.original.as_ref().map_or(0, |original| i128::from(original.amount));
                self.happens(6, left == 0 && row.is_some_and(|((_, n), _)| *n < whole));
                let gives = before.look(&sides[1]).map_or(0, |payee| payee.give());
                self.happens(7, !r.receivable.is_empty() && gives < r.amount.into());
            }
            Call::Unfreeze(_) => self.happens(11, true),
            Call::Chain(_) | Call::Open(_) | Call::Close(_) | Call::Freeze(_) => {}
            Call::Step(Step::Reserve(_) | Step::Void(_)) | Call::Expire(_) => {}
        }
    }

    /// How a transfer used lots.
    fn lots(&mut self, sides: [Id; 2], moved: i128, [before, after]: [&Model; 2]) {
        let lots = |model: &Model, side: usize| {
            model.accounts.get(&sides[side]).map(|a| a.lots.clone()).unwrap_or_default()
        };
        let (had, has) = (lots(before, 0), lots(after, 0));
        let used = had.iter().filter(|(lot, units)| has.get(*lot).is_none_or(|n| n < *units));
        let used: Vec<_> = used.map(|(lot, _)| *lot).collect();
        self.happens(12, used.windows(2).any(|two| two[0].0 != two[1].0));
        let given = |lot: &&crate::model::Lot| !lot.3 && Some(*lot) < used.last();
        self.happens(13, had.keys().filter(given).any(|lot| has.contains_key(lot)) && moved > 0);
        let (had, has) = (lots(before, 1), lots(after, 1));
        self.happens(14, had.len() == 64 && has.len() == 64 && had.keys().ne(has.keys()));
    }

    fn happens(&mut self, what: usize, so: bool) {
        *self.happened.entry(HAPPENS[what]).or_default() += u32::from(so);
    }

    fn tally(&mut self, method: &'static str) {
        *self.done.entry(method).or_default() += 1;
    }

    /// What came about less often than it has to, for a test to be one.
    pub fn missing(&self, least: u32) -> Vec<String> {
        let few = |counts: &BTreeMap<&'static str, u32>, name: &'static str| {
            let count = counts.get(name).copied().unwrap_or(0);
            (count < least).then(|| format!("{name}: {count} of {least}"))
        };
        let done = METHODS.into_iter().filter_map(|method| few(&self.done, method));
        let happened = HAPPENS.into_iter().filter_map(|what| few(&self.happened, what));
        let told = |code: &&Code| !self.refused.contains_key(&code.number());
        let silent = codes().filter(told).map(|code| format!("{code:?} was never told"));
        done.chain(happened).chain(silent).collect()
    }
}

/// The codes that random cases can reach. Only a timer that lags lets a hold be seen after its time:
/// that has a test of its own.
fn codes() -> impl Iterator<Item = &'static Code> {
    let rooms = |code: &&Code| (2001..=2041).contains(&code.number()) || **code == Code::Malformed;
    Code::ALL.iter().filter(rooms).filter(|code| **code != Code::PendingExpired)
}

/// The amount that a call names.
fn amount(call: &Call) -> u64 {
    match call {
        Call::Step(Step::Transfer(r)) if !r.balancing => r.amount,
        Call::Step(Step::Reserve(r)) if !r.balancing => r.amount,
        _ => 0,
    }
}
