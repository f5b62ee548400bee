//! A record of the log: its head, its two checks, and the chain that records form.
//!
//! ```text
//! epoch 8 · seq 4 · synced 4 · len 4 · payload's check 8 · head's check 8 · payload
//! ```
//!
//! # Invariants
//!
//! - **L1 ours.** Both checks are keyed with a secret of the file, so that no payload, whoever
//!   chose its bytes, holds what could be taken for a head.
//! - **L2 head first.** A payload is hashed only behind a head that is whole: what a search costs
//!   does not depend on lengths that somebody wrote into a payload.

/// Bytes before a record's payload.
pub(super) const HEAD: usize = 36;
/// Bytes of the fields.
const FIELDS: usize = 20;
/// Bytes of a check.
pub(super) const CHECK: usize = 8;

/// The secret of one file.
#[derive(Clone, Copy)]
pub(super) struct Key(pub(super) [u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A check over `bytes`; the uses keep apart by their `tag`.
    pub(super) fn check(&self, tag: u8, bytes: &[u8]) -> [u8; CHECK] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&[tag]).update(bytes);
        let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
        [a, b, c, d, e, f, g, h]
    }
}

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) epoch: u64,
    pub(super) seq: u32,
    /// How many records of this epoch were on the disk when this one was written (W3).
    pub(super) synced: u32,
    pub(super) len: u32,
    pub(super) payload: [u8; CHECK],
}

impl Head {
    /// The head of a record in its place.
    pub(super) fn of(key: &Key, (epoch, seq, synced): (u64, u32, u32), payload: &[u8]) -> Self {
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        Self { epoch, seq, synced, len, payload: key.check(b'p', payload) }
    }

    pub(super) fn to_bytes(self, key: &Key) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let fields = [
            &self.epoch.to_le_bytes()[..],
            &self.seq.to_le_bytes(),
            &self.synced.to_le_bytes(),
            &self.len.to_le_bytes(),
            &self.payload,
        ];
        let fields = fields.concat();
        for (to, from) in bytes.iter_mut().zip(fields.iter().chain(&key.check(b'h', &fields))) {
            *to = *from;
        }
        bytes
    }

    /// The epoch that a head here would have: cheap, and not checked.
    pub(super) fn peek(bytes: &[u8]) -> Option<u64> {
        bytes.first_chunk().map(|epoch| u64::from_le_bytes(*epoch))
    }

    /// Reads a head that is whole (L1).
    pub(super) fn read(key: &Key, bytes: &[u8]) -> Option<Self> {
        let (fields, rest) = bytes.split_at_checked(FIELDS + CHECK)?;
        if *rest.first_chunk::<CHECK>()? != key.check(b'h', fields) {
            return None;
        }
        let (epoch, rest) = fields.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (synced, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let epoch = u64::from_le_bytes(*epoch);
        let (seq, synced) = (u32::from_le_bytes(*seq), u32::from_le_bytes(*synced));
        let (len, payload) = (u32::from_le_bytes(*len), *rest.first_chunk()?);
        Some(Self { epoch, seq, synced, len, payload })
    }

    /// The payload behind this head, if it is whole (L2).
    fn payload<'a>(&self, key: &Key, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let payload = bytes.get(HEAD..)?.get(..usize::try_from(self.len).ok()?)?;
        (key.check(b'p', payload) == self.payload).then_some(payload)
    }
}

/// Records that follow each other from the front of a file, all of one epoch.
#[derive(Debug, Default)]
pub(super) struct Chain<'a> {
    /// 0 if there is no record.
    pub(super) epoch: u64,
    pub(super) records: Vec<&'a [u8]>,
    /// Where the first byte behind the last whole record stands.
    pub(super) end: usize,
}

impl<'a> Chain<'a> {
    /// The records of `bytes` from `start` on, up to the first that is not whole.
    pub(super) fn of(key: &Key, bytes: &'a [u8], start: usize) -> Self {
        let mut chain = Self { end: start, ..Self::default() };
        while let Some((head, payload)) = chain.next(key, bytes) {
            chain.epoch = head.epoch;
            chain.records.push(payload);
            chain.end = chain.end.saturating_add(HEAD).saturating_add(payload.len());
        }
        chain
    }

    fn next(&self, key: &Key, bytes: &'a [u8]) -> Option<(Head, &'a [u8])> {
        let rest = bytes.get(self.end..)?;
        let head = Head::read(key, rest)?;
        let follows = self.records.is_empty() || head.epoch == self.epoch;
        let in_place = u32::try_from(self.records.len()) == Ok(head.seq);
        (head.epoch > 0 && follows && in_place).then_some(())?;
        Some((head, head.payload(key, rest)?))
    }
}
