//! What a contract reads of native rooms: the queries of `identity`, `policy` and `accounts`, as the
//! block so far has left them.
//!
//! The same code answers readers and contracts. What depends on old blocks (`At` a height) is not
//! among them: a node that keeps fewer blocks must execute the same.

use crate::overlay::Overlay;
use crate::room::Run;
use crate::vm::{Ran, Stop};
use crate::{accounts, identity, policy};
use linli_types::code::Code;
use linli_types::limits;
use linli_types::store::{Broken, Column, Read, Row};
use std::cell::RefCell;

/// The queries that contracts may make, by room.
const ANSWERED: [(&str, &[&str]); 3] = [
    (accounts::ROOM, &["Account", "Pending", "Lots", "Supply", "Asset"]),
    (
        identity::ROOM,
        &["Principal", "Organisation", "Centre", "Mandate", "Predicates", "Relations"],
    ),
    (policy::ROOM, &["Param", "WorkingDay"]),
];

/// Whether a contract's call is a question that a native room answers.
pub(crate) fn is_question(room: &str, method: &str) -> bool {
    ANSWERED.iter().any(|(known, methods)| *known == room && methods.contains(&method))
}

impl Run<'_> {
    /// Asks a native room for a contract.
    pub(crate) fn ask(&mut self, room: &str, method: &str, args: &[u8], fuel: u64) -> Ran {
        if fuel < limits::QUESTION_FUEL {
            return Ran { fuel, end: Err(Code::OutOfFuel.refuse([]).into()) };
        }
        let (now, seen) = (self.place.time, Seen(RefCell::new(&mut self.overlay)));
        let answer = match room {
            accounts::ROOM => accounts::ask(&seen, method, args),
            identity::ROOM => identity::answer(&seen, now, method, args),
            _ => policy::answer(&seen, now, method, args),
        };
        let end = answer.and_then(|answer| match answer.result.len() <= limits::RESULT_BYTES_MAX {
            true => Ok(answer.result),
            false => {
                Err(Stop::from(Code::HostLimit.refuse([crate::native::word("RESULT_BYTES_MAX")])))
            }
        });
        Ran { fuel: limits::QUESTION_FUEL, end }
    }
}

/// The state as the block so far has left it.
struct Seen<'o, 's>(RefCell<&'o mut Overlay<'s>>);

impl Seen<'_, '_> {
    /// Nothing that answers asks again while it is answered.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut Overlay<'_>) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        let busy = |_| Broken("a question within a question".into());
        work(&mut **self.0.try_borrow_mut().map_err(busy)?)
    }
}

impl Read for Seen<'_, '_> {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        self.with(|overlay| match column {
            Column::State => overlay.read(key),
            Column::Side => overlay.read_side(key),
            _ => overlay.store().get(column, key),
        })
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Broken> {
        self.with(|overlay| {
            if column != Column::State {
                return overlay.store().scan(column, from, to, limit);
            }
            let keys = overlay.scan(from, to, limit)?;
            let mut row = |key: Vec<u8>| Ok(overlay.read(&key)?.map(|value| (key, value)));
            keys.into_iter().filter_map(|key| row(key).transpose()).collect()
        })
    }
}
