//! Query: a computed answer or stored entries, with proofs at the latest committed height.
//!
//! Head, entries and proofs are taken in one look at the ledger, so they belong together.

use super::block::damaged;
use super::logged::Asked;
use super::{Api, broken, contract_refusal, sets, status, unread};
use crate::access::{Reader, Readers, Scope};
use crate::storage::RocksStore;
use linli_proto as wire;
use linli_runtime::identity::{self, Concerns};
use linli_runtime::{Answer, Ledger, accounts, governance, load_certificate, log, policy, timers};
use linli_types::code::Code;
use linli_types::id::PrincipalId;
use linli_types::limits;
use linli_types::receipt::{Param, Refusal};
use linli_types::store::{Column, Read};
use std::collections::BTreeSet;
use std::sync::Arc;
use tonic::Status;

/// Rooms that are no contracts.
const NATIVE: [&str; 6] =
    [accounts::ROOM, log::ROOM, timers::ROOM, identity::ROOM, policy::ROOM, governance::ROOM];

/// Whose rows an answer shows.
type Owners = BTreeSet<PrincipalId>;

/// One question, with who asks.
struct Question {
    request: wire::QueryRequest,
    reader: Reader,
    readers: Arc<Readers>,
}

impl Api {
    pub(super) async fn ask(
        &self,
        request: wire::QueryRequest,
        asked: Asked,
    ) -> Result<wire::QueryResponse, Status> {
        let (reader, readers) = (asked.reader.clone(), self.readers.clone());
        let question = Question { request, reader, readers };
        question.check_form().map_err(|why| status(&why))?;
        let share = self.query_shares.take(question.reader.key);
        let _share = share.ok_or_else(|| status(&Code::Busy.refuse([])))?;
        let answer = self.node.inspect(move |ledger, store| {
            let mut shown = Owners::new();
            question.answer(ledger, store, &mut shown).map(|answer| (answer, shown))
        });
        let (answer, shown) = answer.await.map_err(unread)??;
        self.log_read(&asked, asked.others(shown)).await?; // X4
        Ok(answer)
    }

    /// How a room describes itself.
    pub(super) async fn schema(
        &self,
        request: wire::SchemaRequest,
    ) -> Result<wire::SchemaResponse, Status> {
        let word = named(&request.room);
        let answer = self.node.inspect(move |ledger, _| {
            let height = ledger.head().height.0;
            let descriptors = ledger.schema(&request.room).map(<[u8]>::to_vec);
            descriptors.map(|descriptors| wire::SchemaResponse { descriptors, height })
        });
        let unknown = || status(&Code::UnknownRoom.refuse([word]));
        answer.await.map_err(unread)?.ok_or_else(unknown)
    }
}

impl Question {
    fn check_form(&self) -> Result<(), Refusal> {
        let (found, most) = (self.request.keys.len(), limits::QUERY_ENTRIES_MAX);
        if found > most {
            let number = |n: usize| Param::Number(n as u64);
            return Err(Code::TooLarge.refuse([
                Param::Word("keys".into()),
                number(found),
                number(most),
            ]));
        }
        // One of the two, never both.
        if self.request.query.is_empty() == self.request.keys.is_empty() {
            return Err(Code::Malformed.refuse([Param::Word("query or keys".into())]));
        }
        Ok(())
    }

    /// The answer; adds to `shown` whose rows stand in it.
    fn answer(
        &self,
        ledger: &Ledger,
        store: &RocksStore,
        shown: &mut Owners,
    ) -> Result<wire::QueryResponse, Status> {
        let height = ledger.head().height.0;
        let mut out = wire::QueryResponse { height, ..Default::default() };
        if self.request.query.is_empty() {
            out.entries = self.stored(ledger, store, shown)?;
        } else {
            match self.computed(ledger, store, shown)? {
                Err(refusal) => {
                    let schema = ledger.schema(&self.request.room);
                    out.refused = Some(contract_refusal(&refusal, schema));
                    return Ok(out);
                }
                Ok(answer) => {
                    out.result = answer.result;
                    if self.request.proof {
                        let entry = |key: &Vec<u8>| self.entry(ledger, store, key.clone());
                        out.entries = answer.reads.iter().map(entry).collect::<Result<_, _>>()?;
                    }
                }
            }
        }
        if self.request.proof {
            add_head(&mut out, ledger, store)?;
        }
        Ok(out)
    }

    fn computed(
        &self,
        ledger: &Ledger,
        store: &RocksStore,
        shown: &mut Owners,
    ) -> Result<Result<Answer, Refusal>, Status> {
        let (room, method) = (self.request.room.as_str(), self.request.query.as_str());
        if room == identity::ROOM {
            self.check_concerns(&identity::concerns(method, &self.request.args), shown)?;
        } else if !NATIVE.contains(&room) && !self.may_ask_contracts() {
            return Err(denied());
        }
        let me = self.reader.principal.unwrap_or_default();
        let answer = ledger.query(store, room, method, &self.request.args, me).map_err(broken)?;
        if let (Ok(answer), accounts::ROOM) = (&answer, room) {
            let own = answer.reads.iter().filter_map(|key| key.get(room.len().saturating_add(1)..));
            let whom = own.map(|key| accounts::concerned(store, key));
            let whom = whom.collect::<Result<Vec<_>, _>>().map_err(broken)?.concat();
            self.check_concerned(&whom, shown)?;
        }
        Ok(answer)
    }

    fn stored(
        &self,
        ledger: &Ledger,
        store: &RocksStore,
        shown: &mut Owners,
    ) -> Result<Vec<wire::Entry>, Status> {
        let room = self.request.room.as_str();
        if ledger.schema(room).is_none() {
            return Err(status(&Code::UnknownRoom.refuse([named(room)])));
        }
        let all = self.reader.scope == Scope::All;
        let contract = !NATIVE.contains(&room);
        let entry = |key: &Vec<u8>| {
            if room == identity::ROOM {
                self.check_concerns(&identity::concerns_entry(key), shown)?;
                return self.entry(ledger, store, Ledger::full_key(room, key));
            }
            let entry = self.entry(ledger, store, Ledger::full_key(room, key))?;
            if [policy::ROOM, governance::ROOM].contains(&room) {
                return Ok(entry); // what is governed is public
            }
            if room == accounts::ROOM && entry.present {
                let whom = accounts::concerned(store, key).map_err(broken)?;
                self.check_concerned(&whom, shown)?;
            } else if !(all || contract && self.may_ask_contracts() || room == accounts::ROOM) {
                return Err(denied());
            }
            Ok(entry)
        };
        self.request.keys.iter().map(entry).collect()
    }

    /// Contracts of this protocol hold digests and numbers of organisations; residents and devices
    /// read what concerns them through receipts and events.
    fn may_ask_contracts(&self) -> bool {
        self.reader.staff || self.reader.scope == Scope::All
    }

    /// X2. Whom it concerns may read it, and those who may read theirs; what is nobody's is public.
    fn check_concerned(&self, whom: &[PrincipalId], shown: &mut Owners) -> Result<(), Status> {
        let seen =
            |who: &PrincipalId| *who == accounts::NOBODY || self.readers.may_see(&self.reader, who);
        if !whom.iter().any(seen) {
            return Err(denied());
        }
        // Whoever is a party to it reads their own.
        if !whom.iter().any(|who| self.reader.principal == Some(*who)) {
            shown.extend(whom);
        }
        Ok(())
    }

    /// X2 for who one is and what is attested of them.
    fn check_concerns(&self, concerns: &Concerns, shown: &mut Owners) -> Result<(), Status> {
        match concerns {
            Concerns::Nobody => Ok(()),
            Concerns::These(ids) => self.check_concerned(ids, shown),
            Concerns::Auditors if self.reader.scope == Scope::All => Ok(()),
            Concerns::Auditors => Err(denied()),
        }
    }

    fn entry(
        &self,
        ledger: &Ledger,
        store: &RocksStore,
        key: Vec<u8>,
    ) -> Result<wire::Entry, Status> {
        let value = store.get(Column::State, &key).map_err(broken)?;
        let proof = match self.request.proof {
            true => linli_types::encode(&ledger.prove(&key)),
            false => Vec::new(),
        };
        Ok(wire::Entry { key, present: value.is_some(), value: value.unwrap_or_default(), proof })
    }
}

/// The header that the proofs lead to, and why it is final.
fn add_head(
    out: &mut wire::QueryResponse,
    ledger: &Ledger,
    store: &RocksStore,
) -> Result<(), Status> {
    let head = ledger.head();
    let none = || status(&Code::NotFound.refuse([Param::Word("header".into())]));
    let header = head.header.as_ref().ok_or_else(none)?; // at the genesis nothing is certified
    let certificate = load_certificate(store, head.height).map_err(broken)?;
    let certificate = certificate.ok_or_else(|| damaged("a block without a certificate"))?;
    out.header = header.to_bytes();
    out.certificate = linli_types::encode(&certificate);
    out.set_changes = sets::changes(store, head.height)?;
    Ok(())
}

/// A room's name as it may be repeated: nothing but a name comes back.
fn named(room: &str) -> Param {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_name = room.len() <= limits::NAME_BYTES_MAX && room.chars().all(is_name);
    Param::Word(if is_name && !room.is_empty() { room.into() } else { "?".into() })
}

fn denied() -> Status {
    status(&Code::ReadDenied.refuse([]))
}
