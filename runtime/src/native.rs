//! What the calls of the native rooms `identity` and `policy` share: the deed under way, and how
//! requests are read and events made.

use crate::overlay::Overlay;
use crate::room::{Actor, Contracts, Place, Realm};
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::id::{PrincipalId, PublicKey};
use linli_types::limits;
use linli_types::receipt::{Event, Param, Refusal};
use prost::Message;

/// One native call under way: what it may read and write, where, and on whose behalf.
pub(crate) struct Deed<'d, 's> {
    pub(crate) overlay: &'d mut Overlay<'s>,
    pub(crate) place: Place,
    pub(crate) realm: Realm<'d>,
    pub(crate) actor: Actor,
    /// The contracts in force: a mandate names rooms that exist.
    pub(crate) contracts: &'d Contracts,
    /// The contract that calls; empty when a transaction does.
    pub(crate) caller: &'d str,
}

/// The result message and the event of a call.
pub(crate) type Done = Result<(Vec<u8>, Event), Stop>;

/// Reads a request message, which was walked along the schema before.
pub(crate) fn read<M: Message + Default>(args: &[u8]) -> Result<M, Refusal> {
    M::decode(args).map_err(|_| malformed("arguments"))
}

pub(crate) fn malformed(what: &str) -> Refusal {
    Code::Malformed.refuse([Param::Word(what.into())])
}

pub(crate) fn principal(field: &str, bytes: &[u8]) -> Result<PrincipalId, Refusal> {
    PrincipalId::from_slice(bytes).ok_or_else(|| malformed(field))
}

pub(crate) fn public_key(field: &str, bytes: &[u8]) -> Result<PublicKey, Refusal> {
    PublicKey::from_slice(bytes).ok_or_else(|| malformed(field))
}

/// A text for people within its bound. Personal data was refused by the schema's check.
pub(crate) fn text(field: &str, text: String) -> Result<String, Refusal> {
    bounded(field, text.len(), limits::TEXT_BYTES_MAX)?;
    Ok(text)
}

/// A field of so many bytes, within its bound.
pub(crate) fn bounded(field: &str, found: usize, max: usize) -> Result<(), Refusal> {
    if found <= max {
        return Ok(());
    }
    let [found, max] = [found, max].map(|n| Param::Number(n as u64));
    Err(Code::TooLarge.refuse([word(field), found, max]))
}

/// A number above zero: 0 means that it was left out.
pub(crate) fn above_zero(field: &str, number: u32) -> Result<u32, Refusal> {
    if number == 0 { Err(malformed(field)) } else { Ok(number) }
}

/// An event of a native room about these principals, each once.
pub(crate) fn event(
    room: &str,
    kind: &str,
    about: impl IntoIterator<Item = PrincipalId>,
    message: &impl Message,
) -> Event {
    let mut about: Vec<PrincipalId> = about.into_iter().collect();
    about.sort_unstable();
    about.dedup();
    Event { room: room.into(), kind: kind.into(), about, data: message.encode_to_vec() }
}

/// A word of our own as a parameter.
pub(crate) fn word(word: &str) -> Param {
    Param::Word(word.into())
}

/// Names a method as `room.method`.
pub(crate) fn method_word(room: &str, method: &str) -> Param {
    Param::Word(format!("{room}.{method}"))
}
