//! What the programs reached: what was never tried proves nothing.

use crate::programs::Signed;
use linli_hostile::FUNCTIONS;
use linli_runtime::Answer;
use linli_types::abi::HOST;
use linli_types::account::Act;
use linli_types::code::Code;
use linli_types::receipt::{Cause, Outcome, Receipt, Refusal};
use linli_types::wire::accounts::Transferred;
use prost::Message;
use std::collections::BTreeMap;
use std::fmt;

/// See the module.
#[derive(Default)]
pub(crate) struct Coverage {
    transactions: u64,
    programs: u64,
    timers: u64,
    queries: u64,
    done: u64,
    /// How often each host function returned, in programs that came to their end.
    returned: [u64; FUNCTIONS],
    /// How often each was refused, in programs that are for it alone.
    refused: [u64; FUNCTIONS],
    /// Refusals by room (empty for the native ones) and code.
    codes: BTreeMap<(String, u32), u64>,
    /// Entries by what they did.
    acts: BTreeMap<u32, u64>,
    opened: u64,
    closed: u64,
    /// Most events that one transaction was done with.
    events_max: usize,
}

impl Coverage {
    pub(crate) fn add(&mut self, asked: &[Signed], receipts: &[Receipt]) {
        let timers = receipts.iter().take_while(|r| matches!(r.cause, Cause::Timer(_))).count();
        self.timers += timers as u64;
        receipts.iter().for_each(|receipt| self.receipt(receipt));
        for (signed, receipt) in asked.iter().zip(receipts.iter().skip(timers)) {
            self.transactions += 1;
            self.programs += signed.programs.len() as u64;
            let Outcome::Refused { call, .. } = &receipt.outcome else { continue };
            let program = signed.programs.get(usize::from(*call));
            if let Some(place) = program.and_then(|program| program.purpose()) {
                self.refused[place] += 1;
            }
        }
    }

    fn receipt(&mut self, receipt: &Receipt) {
        self.done += u64::from(receipt.is_done());
        self.events_max = self.events_max.max(receipt.events.len());
        receipt.results.iter().for_each(|result| self.tally(result));
        if let Outcome::Refused { refusal, .. } = &receipt.outcome {
            self.code(refusal);
        }
        for event in &receipt.events {
            match event.kind.as_str() {
                "linli.accounts.v1.Transferred" => {
                    let act = Transferred::decode(event.data.as_slice()).unwrap().act;
                    *self.acts.entry(act).or_default() += 1;
                }
                "linli.accounts.v1.AccountOpened" => self.opened += 1,
                "linli.accounts.v1.AccountClosed" => self.closed += 1,
                _ => {}
            }
        }
    }

    pub(crate) fn asked(&mut self, answer: &Result<Answer, Refusal>) {
        self.queries += 1;
        match answer {
            Ok(answer) => self.tally(&answer.result),
            Err(refusal) => self.code(refusal),
        }
    }

    fn code(&mut self, refusal: &Refusal) {
        *self.codes.entry((refusal.room.clone(), refusal.code)).or_default() += 1;
    }

    /// Four bytes for each function behind the field's key and length; other results are no tally.
    fn tally(&mut self, result: &[u8]) {
        let Some(bytes) = result.get(2..).filter(|bytes| bytes.len() == 4 * FUNCTIONS) else {
            return;
        };
        for (returned, count) in self.returned.iter_mut().zip(bytes.chunks_exact(4)) {
            *returned += u64::from(u32::from_le_bytes(count.try_into().unwrap()));
        }
    }

    /// Host functions that never returned, and those that were never refused.
    pub(crate) fn functions_missing(&self) -> Vec<String> {
        let lists = [("returned", &self.returned), ("was refused", &self.refused)];
        let missing = |(what, counts): (&str, &[u64; FUNCTIONS])| -> Vec<String> {
            let never = HOST.iter().zip(counts).filter(|(_, count)| **count == 0);
            never.map(|(function, _)| format!("{} never {what}", function.name)).collect()
        };
        lists.into_iter().flat_map(missing).collect()
    }

    /// What no contract ever did in the accounts, and could have.
    pub(crate) fn acts_missing(&self) -> Vec<&'static str> {
        let acts = [
            (Act::Transfer, "transfer"),
            (Act::Reserve, "reserve"),
            (Act::Post, "post"),
            (Act::Void, "void"),
            (Act::Expiry, "expiry"),
            (Act::Reversal, "reversal"),
            (Act::LotsEnded, "lots ended"),
        ];
        let never = acts.into_iter().filter(|(act, _)| !self.acts.contains_key(&(*act as u32)));
        let others = [(self.opened, "open"), (self.closed, "close")];
        let others = others.into_iter().filter(|(count, _)| *count == 0);
        never.map(|(_, name)| name).chain(others.map(|(_, name)| name)).collect()
    }

    pub(crate) fn refused_with(&self, code: Code) -> bool {
        self.codes.contains_key(&(String::new(), code.number()))
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transactions, programs, timers, queries, done, events_max, .. } = self;
        writeln!(
            f,
            "{transactions} transactions with {programs} programs, {timers} by timers, {queries} \
             as queries; {done} came to their end, one with {events_max} events"
        )?;
        for (function, (returned, refused)) in
            HOST.iter().zip(self.returned.iter().zip(&self.refused))
        {
            writeln!(
                f,
                "  {:<9} returned {returned:>7}, refused alone {refused:>5}",
                function.name
            )?;
        }
        writeln!(
            f,
            "  accounts: opened {}, closed {}, acts {:?}",
            self.opened, self.closed, self.acts
        )?;
        for ((room, code), times) in &self.codes {
            let name = Code::ALL.iter().find(|known| room.is_empty() && known.number() == *code);
            let name = name.map_or("", |code| code.name());
            writeln!(f, "  refused {times:>6}  {room} {code} {name}")?;
        }
        Ok(())
    }
}
