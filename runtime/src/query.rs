//! Reads at the latest height: native rooms and contracts answer, nothing changes.
//!
//! A computed answer comes with the full keys of the entries that it read, so that each can be
//! proved ([`Ledger::prove`]). Who may read is not judged here: that is the edge's access table.

use crate::accounts;
use crate::ledger::Ledger;
use crate::overlay::read_claim;
use crate::room::{Actor, Place, context, method_input, unknown_method, unknown_room};
use crate::stored::full_key;
use crate::vm::{Entry, Host, Stop};
use crate::{governance, identity, log, policy, timers};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{PrincipalId, TimerId, TxKey};
use linli_types::limits;
use linli_types::receipt::{Cause, Param, Refusal};
use linli_types::store::{Broken, Column, Read};
use linli_types::wire::log::HeadResponse;
use linli_types::wire::timers::LagResponse;
use prost::Message;
use std::collections::BTreeSet;

/// A query's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The method's response message, encoded.
    pub result: Vec<u8>,
    /// Full keys of the entries that were read, in order, each once.
    pub reads: Vec<Vec<u8>>,
}

impl Ledger {
    /// Asks a room.
    ///
    /// # Errors
    ///
    /// Outside: [`Broken`] if this node's store cannot be read. Inside: the room's refusal; the
    /// fault lies with the question.
    pub fn query(
        &self,
        store: &dyn Read,
        room: &str,
        method: &str,
        args: &[u8],
        reader: PrincipalId,
    ) -> Result<Result<Answer, Refusal>, Broken> {
        let answer = match (room, method) {
            (accounts::ROOM, _) => accounts::ask(store, method, args),
            (timers::ROOM, "Lag") => Ok(computed(self.lag().encode_to_vec())),
            (log::ROOM, "Head") => Ok(computed(self.log_head().encode_to_vec())),
            (identity::ROOM, _) => identity::answer(store, self.head().time, method, args),
            (policy::ROOM, _) => policy::answer(store, self.head().time, method, args),
            (governance::ROOM, _) => governance::answer(store, self.head(), method, args),
            (log::ROOM, "ReceiptKeys") => log::answer(store, &self.head().validators, args),
            (timers::ROOM | log::ROOM, _) => Err(unknown_method(room, method).into()),
            _ => self.ask(store, room, (method, args), reader),
        };
        match answer {
            Ok(answer) => Ok(Ok(answer)),
            Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
            Err(Stop::Broken(broken)) => Err(broken),
        }
    }

    fn lag(&self) -> LagResponse {
        let earliest_ms = self.next_timer().map_or(0, |at| at.0);
        let lag_ms = self.next_timer().map_or(0, |at| self.head().time.since(at));
        LagResponse { waiting: self.timers_waiting, earliest_ms, lag_ms }
    }

    fn log_head(&self) -> HeadResponse {
        HeadResponse { size: self.log.size(), root: self.log.root().0.to_vec() }
    }

    fn ask(
        &self,
        store: &dyn Read,
        room: &str,
        (method, args): (&str, &[u8]),
        reader: PrincipalId,
    ) -> Result<Answer, Stop> {
        let hash = self.contracts.get(room).ok_or_else(|| unknown_room(room))?;
        let input = method_input(room, method, args)?;
        let head = self.head();
        let (height, time, log_size) = (head.height, head.time, head.log_size);
        let place = Place { height, time, log_size, policy: policy::number_at(store, time)? };
        let cause = Cause::Timer(TimerId::default());
        let actor = Actor { cause, principal: reader, agent: None, org: 0, key: TxKey::default() };
        let context = context(&place, &actor);
        let mut guest = Guest { store, room, context, reads: BTreeSet::new() };
        let ran = self.vm.run(hash, Entry::Query, &input, limits::QUERY_FUEL_MAX, &mut guest);
        let reads = guest.reads.into_iter().collect();
        ran.end.map(|result| Answer { result, reads })
    }
}

fn computed(result: Vec<u8>) -> Answer {
    Answer { result, reads: Vec::new() }
}

/// What a contract sees while it answers: its own entries, and no way to change any.
struct Guest<'a> {
    store: &'a dyn Read,
    room: &'a str,
    context: [u8; 64],
    reads: BTreeSet<Vec<u8>>,
}

/// A query that writes traps before it comes here; this is the second lock on the same door.
fn read_only<T>() -> Result<T, Stop> {
    Err(Code::Trap.refuse([]).into())
}

impl Host for Guest<'_> {
    fn context(&self) -> [u8; 64] {
        self.context
    }

    fn room(&self) -> &str {
        self.room
    }

    fn caller(&self) -> &str {
        ""
    }

    fn read(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
        let full = full_key(self.room, key);
        let value = self.store.get(Column::State, &full)?;
        self.reads.insert(full);
        if self.reads.len() > limits::QUERY_ENTRIES_MAX {
            let name = Param::Word("QUERY_ENTRIES_MAX".into());
            return Err(Code::HostLimit.refuse([name]).into());
        }
        Ok(value)
    }

    fn write(&mut self, _key: &[u8], _value: &[u8]) -> Result<(), Stop> {
        read_only()
    }

    fn remove(&mut self, _key: &[u8]) -> Result<(), Stop> {
        read_only()
    }

    fn claimed(&mut self, id: &[u8]) -> Result<Option<[u8; 32]>, Stop> {
        let row = self.store.get(Column::Side, &full_key(self.room, id))?;
        Ok(row.map(|row| read_claim(&row)).transpose()?.map(|(deed, _)| deed.0))
    }

    fn claim(&mut self, _id: &[u8], _digest: [u8; 32]) -> Result<u32, Stop> {
        read_only()
    }

    fn emit(&mut self, _kind: &str, _about: &[PrincipalId], _data: &[u8]) -> Result<(), Stop> {
        read_only()
    }

    fn append(&mut self, _digest: [u8; 32]) -> Result<u64, Stop> {
        read_only()
    }

    fn schedule(&mut self, _at: TimeMs, _payload: &[u8]) -> Result<TimerId, Stop> {
        read_only()
    }

    fn cancel(&mut self, _id: TimerId) -> Result<bool, Stop> {
        read_only()
    }

    fn call(
        &mut self,
        _room: &str,
        _method: &str,
        _args: &[u8],
        _fuel: u64,
    ) -> Result<(Vec<u8>, u64), Stop> {
        read_only()
    }
}
