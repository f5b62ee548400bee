//! What stands on disk, and under which key: the stored forms and their readers.
//!
//! | column | key | value |
//! |---|---|---|
//! | State | room ‖ 0 ‖ the room's own key | the entry |
//! | Side | room ‖ 0 ‖ business id | digest ‖ number of the claim; `identity` ‖ 0 ‖ public key → principal |
//! | Undo | height | old values ([`Undo`]) |
//! | Block, Receipt, Certificate | height | [`StoredBlock`], receipts, certificate |
//! | Transaction | transaction id | height ‖ index among the receipts |
//! | Log | level ‖ index | hash |
//! | Event | 0 ‖ room ‖ 0 ‖ height, or 1 ‖ principal ‖ height | places of events in that block |
//! | Meta | `genesis`, `head` | the genesis file, [`StoredHead`] |
//!
//! Heights and indexes are big-endian in keys. Reads only: [`crate::Ledger::batch`] writes.

use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::certificate::Certificate;
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, ChainId, Digest, PrincipalId, TxId};
use linli_types::receipt::{Event, Receipt};
use linli_types::store::{Broken, Column, Read, Row};

/// Rows read at once when a whole column is walked.
const CHUNK_ROWS: usize = 1024;

/// The row of [`Column::Meta`] that holds the genesis file.
pub const META_GENESIS: &[u8] = b"genesis";
/// The row of [`Column::Meta`] that holds the [`StoredHead`].
pub const META_HEAD: &[u8] = b"head";

/// A block as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StoredBlock {
    /// The header.
    pub header: Header,
    /// The envelopes' exact bytes, in order.
    pub bodies: Vec<Vec<u8>>,
}

/// Where the chain stands, as the last batch says.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StoredHead {
    /// The chain.
    pub chain: ChainId,
    /// The last height; 0 after `init`.
    pub height: Height,
    /// Its block; at the genesis the chain id's bytes.
    pub block: BlockId,
    /// Its time.
    pub time: TimeMs,
    /// State root after it.
    pub state_root: Digest,
    /// Leaves of the evidence log after it.
    pub log_size: u64,
    /// Root of the evidence log after it.
    pub log_root: Digest,
}

/// The old values of the rows that one block changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Undo {
    /// Entries of the state, by full key; `None` where there was none.
    pub state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Rows beside the tree.
    pub side: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// The full key of a room's entry in [`Column::State`], or of its row in [`Column::Side`].
pub fn full_key(room: &str, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(room.len().saturating_add(key.len()).saturating_add(1));
    full.extend_from_slice(room.as_bytes());
    full.push(0);
    full.extend_from_slice(key);
    full
}

/// A full key's room and the room's own key.
pub fn split_key(full: &[u8]) -> Option<(&str, &[u8])> {
    let at = full.iter().position(|byte| *byte == 0)?;
    let (room, rest) = full.split_at_checked(at)?;
    Some((std::str::from_utf8(room).ok()?, rest.get(1..)?))
}

/// The first key after every key that begins with `prefix`; empty if there is none.
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    end
}

/// The key of a height.
pub fn height_key(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

/// Decodes a native row.
///
/// # Errors
///
/// [`Broken`] if the bytes are not what must stand there.
pub fn decode<T: BorshDeserialize>(bytes: &[u8], what: &str) -> Result<T, Broken> {
    T::try_from_slice(bytes).map_err(|_| Broken(format!("{what} cannot be read")))
}

fn load<T: BorshDeserialize>(
    store: &dyn Read,
    column: Column,
    key: &[u8],
) -> Result<Option<T>, Broken> {
    let row = store.get(column, key)?;
    row.map(|bytes| decode(&bytes, column.name())).transpose()
}

/// The block of a height.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn load_block(store: &dyn Read, height: Height) -> Result<Option<StoredBlock>, Broken> {
    load(store, Column::Block, &height_key(height))
}

/// The receipts of a height: fired timers first, then transactions.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn load_receipts(store: &dyn Read, height: Height) -> Result<Option<Vec<Receipt>>, Broken> {
    load(store, Column::Receipt, &height_key(height))
}

/// The certificate of a height.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn load_certificate(store: &dyn Read, height: Height) -> Result<Option<Certificate>, Broken> {
    load(store, Column::Certificate, &height_key(height))
}

/// Where the chain stands; `None` in an empty store.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn load_head(store: &dyn Read) -> Result<Option<StoredHead>, Broken> {
    load(store, Column::Meta, META_HEAD)
}

/// The old values of the rows that a height changed, if they are still kept.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn load_undo(store: &dyn Read, height: Height) -> Result<Option<Undo>, Broken> {
    load(store, Column::Undo, &height_key(height))
}

/// Where a transaction stands: its height, and its index among that height's receipts.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn locate(store: &dyn Read, id: &TxId) -> Result<Option<(Height, u32)>, Broken> {
    let row = store.get(Column::Transaction, &id.0)?;
    row.map(|bytes| {
        let place = bytes.split_first_chunk::<8>().and_then(|(height, index)| {
            let index = u32::from_be_bytes(index.try_into().ok()?);
            Some((Height(u64::from_be_bytes(*height)), index))
        });
        place.ok_or_else(|| Broken("the transaction index cannot be read".into()))
    })
    .transpose()
}

/// The value of a transaction's index row.
pub(crate) fn place(height: Height, index: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    let (a, b) = bytes.split_at_mut(8);
    a.copy_from_slice(&height.0.to_be_bytes());
    b.copy_from_slice(&index.to_be_bytes());
    bytes
}

/// Whose events are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern<'a> {
    /// Those of a room.
    Room(&'a str),
    /// Those that concern a principal.
    Principal(&'a PrincipalId),
}

impl Concern<'_> {
    pub(crate) fn prefix(&self) -> Vec<u8> {
        match self {
            Self::Room(room) => [&[0], room.as_bytes(), &[0]].concat(),
            Self::Principal(id) => [&[1], id.0.as_slice()].concat(),
        }
    }
}

/// Heights from `from` on that hold events of a concern, with the events' places in the block,
/// ascending. A place counts the block's events over all its receipts ([`events_of`]).
///
/// # Errors
///
/// [`Broken`] if a row cannot be read.
pub fn event_places(
    store: &dyn Read,
    concern: Concern<'_>,
    from: Height,
    limit: usize,
) -> Result<Vec<(Height, Vec<u32>)>, Broken> {
    let prefix = concern.prefix();
    let start = [prefix.as_slice(), &height_key(from)].concat();
    let rows = store.scan(Column::Event, &start, &prefix_end(&prefix), limit)?;
    let read = |(key, value): Row| {
        let height = key.last_chunk::<8>().map(|bytes| Height(u64::from_be_bytes(*bytes)));
        let height = height.ok_or_else(|| Broken("the event index cannot be read".into()))?;
        Ok((height, decode(&value, "the event index")?))
    };
    rows.into_iter().map(read).collect()
}

/// Every event of a block with its place and its receipt, in order.
pub fn events_of(receipts: &[Receipt]) -> impl Iterator<Item = (u32, &Receipt, &Event)> {
    let each = receipts.iter().flat_map(|r| r.events.iter().map(move |event| (r, event)));
    (0_u32..).zip(each).map(|(place, (receipt, event))| (place, receipt, event))
}

/// Visits every row with `from <= key < to`, in order, a thousand at a time.
///
/// # Errors
///
/// [`Broken`] if a row cannot be read, or whatever `visit` returns.
pub fn visit_rows(
    store: &dyn Read,
    column: Column,
    (from, to): (&[u8], &[u8]),
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let mut from = from.to_vec();
    loop {
        let rows = store.scan(column, &from, to, CHUNK_ROWS)?;
        for (key, value) in &rows {
            visit(key, value)?;
        }
        match rows.last() {
            Some((last, _)) if rows.len() == CHUNK_ROWS => {
                from.clone_from(last);
                from.push(0);
            }
            _ => return Ok(()),
        }
    }
}

/// Visits every entry of a room, by the room's own key.
///
/// # Errors
///
/// [`Broken`] if a row cannot be read, or whatever `visit` returns.
pub fn visit_room(
    store: &dyn Read,
    column: Column,
    room: &str,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let prefix = full_key(room, &[]);
    visit_rows(store, column, (&prefix, &prefix_end(&prefix)), |key, value| {
        visit(key.strip_prefix(prefix.as_slice()).unwrap_or_default(), value)
    })
}
