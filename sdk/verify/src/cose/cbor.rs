//! Deterministic CBOR (RFC 8949 §4.2.1), as much of it as signed statements and receipts are made
//! of: whole numbers, byte and text strings, arrays, maps, tags and null.
//!
//! The reader accepts the shortest spelling of every head and nothing of indefinite length. Its
//! callers know which item comes next, so nothing nests deeper than they call, and nothing is
//! allocated for a length that was only claimed.

use alloc::vec::Vec;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const NULL: u8 = 0xf6;

/// Writes items, each in its one spelling.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    fn head(&mut self, kind: u8, value: u64) -> &mut Self {
        let kind = kind << 5;
        let [_, _, _, _, a, b, c, d] = value.to_be_bytes();
        match value {
            0..=23 => self.bytes.push(kind | d),
            24..=0xff => self.bytes.extend_from_slice(&[kind | 24, d]),
            0x100..=0xffff => self.bytes.extend_from_slice(&[kind | 25, c, d]),
            0x1_0000..=0xffff_ffff => self.bytes.extend_from_slice(&[kind | 26, a, b, c, d]),
            _ => {
                self.bytes.push(kind | 27);
                self.bytes.extend_from_slice(&value.to_be_bytes());
            }
        }
        self
    }

    pub(crate) fn unsigned(&mut self, value: u64) -> &mut Self {
        self.head(UNSIGNED, value)
    }

    /// A whole number of either sign.
    pub(crate) fn integer(&mut self, value: i64) -> &mut Self {
        match u64::try_from(value) {
            Ok(value) => self.head(UNSIGNED, value),
            // −1 − n is the bitwise complement: it never overflows.
            Err(_) => self.head(NEGATIVE, (!value).unsigned_abs()),
        }
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.head(BYTES, value.len() as u64).raw(value)
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        self.head(TEXT, value.len() as u64).raw(value.as_bytes())
    }

    pub(crate) fn array(&mut self, items: usize) -> &mut Self {
        self.head(ARRAY, items as u64)
    }

    pub(crate) fn map(&mut self, pairs: usize) -> &mut Self {
        self.head(MAP, pairs as u64)
    }

    pub(crate) fn tag(&mut self, tag: u64) -> &mut Self {
        self.head(TAG, tag)
    }

    pub(crate) fn null(&mut self) -> &mut Self {
        self.raw(&[NULL])
    }

    /// Items that are encoded already.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }
}

/// The bytes are not the items that were expected, or not in their one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Reads items that the caller expects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Nothing is left over.
    pub(crate) const fn end(self) -> Result<(), Unreadable> {
        if self.rest.is_empty() { Ok(()) } else { Err(Unreadable) }
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(Unreadable)?;
        self.rest = rest;
        Ok(taken)
    }

    fn head(&mut self) -> Result<(u8, u64), Unreadable> {
        let (first, rest) = self.rest.split_first().ok_or(Unreadable)?;
        self.rest = rest;
        let (kind, short) = (first >> 5, first & 31);
        let (width, least) = match short {
            0..=23 => return Ok((kind, u64::from(short))),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            _ => return Err(Unreadable),
        };
        let value = self.take(width)?.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        // The shortest head only: a longer one would be a second spelling.
        if value >= least { Ok((kind, value)) } else { Err(Unreadable) }
    }

    fn of(&mut self, kind: u8) -> Result<u64, Unreadable> {
        match self.head()? {
            (found, value) if found == kind => Ok(value),
            _ => Err(Unreadable),
        }
    }

    fn size(&mut self, kind: u8) -> Result<usize, Unreadable> {
        usize::try_from(self.of(kind)?).map_err(|_| Unreadable)
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, Unreadable> {
        self.of(UNSIGNED)
    }

    pub(crate) fn integer(&mut self) -> Result<i64, Unreadable> {
        let (kind, value) = self.head()?;
        let value = i64::try_from(value).map_err(|_| Unreadable)?;
        match kind {
            UNSIGNED => Ok(value),
            NEGATIVE => Ok(!value),
            _ => Err(Unreadable),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Unreadable> {
        let size = self.size(BYTES)?;
        self.take(size)
    }

    /// A byte string of exactly `N` bytes.
    pub(crate) fn exactly<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        self.bytes()?.try_into().map_err(|_| Unreadable)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Unreadable> {
        let size = self.size(TEXT)?;
        core::str::from_utf8(self.take(size)?).map_err(|_| Unreadable)
    }

    pub(crate) fn array(&mut self) -> Result<usize, Unreadable> {
        self.size(ARRAY)
    }

    pub(crate) fn map(&mut self) -> Result<usize, Unreadable> {
        self.size(MAP)
    }

    /// An array of exactly `items`.
    pub(crate) fn array_of(&mut self, items: usize) -> Result<(), Unreadable> {
        if self.array()? == items { Ok(()) } else { Err(Unreadable) }
    }

    /// A map of exactly `pairs`.
    pub(crate) fn map_of(&mut self, pairs: usize) -> Result<(), Unreadable> {
        if self.map()? == pairs { Ok(()) } else { Err(Unreadable) }
    }

    /// Exactly this tag.
    pub(crate) fn tag(&mut self, tag: u64) -> Result<(), Unreadable> {
        if self.of(TAG)? == tag { Ok(()) } else { Err(Unreadable) }
    }

    /// Exactly this whole number.
    pub(crate) fn is_integer(&mut self, value: i64) -> Result<(), Unreadable> {
        if self.integer()? == value { Ok(()) } else { Err(Unreadable) }
    }

    /// Exactly this text.
    pub(crate) fn is_text(&mut self, value: &str) -> Result<(), Unreadable> {
        if self.text()? == value { Ok(()) } else { Err(Unreadable) }
    }

    pub(crate) fn null(&mut self) -> Result<(), Unreadable> {
        if self.take(1)? == [NULL] { Ok(()) } else { Err(Unreadable) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::default();
        write(&mut writer);
        writer.into_bytes()
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        // RFC 8949, appendix A.
        let numbers: [(u64, &[u8]); 9] = [
            (0, &[0]),
            (23, &[0x17]),
            (24, &[0x18, 0x18]),
            (100, &[0x18, 0x64]),
            (1000, &[0x19, 0x03, 0xe8]),
            (1_000_000, &[0x1a, 0, 0x0f, 0x42, 0x40]),
            (1_000_000_000_000, &[0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0]),
            (u64::MAX, &[0x1b, 255, 255, 255, 255, 255, 255, 255, 255]),
            (255, &[0x18, 0xff]),
        ];
        for (number, bytes) in numbers {
            assert_eq!(
                written(|w| {
                    w.unsigned(number);
                }),
                bytes
            );
            assert_eq!(Reader::new(bytes).unsigned(), Ok(number));
        }
        let signed: [(i64, &[u8]); 5] = [
            (-1, &[0x20]),
            (-10, &[0x29]),
            (-100, &[0x38, 0x63]),
            (-1000, &[0x39, 0x03, 0xe7]),
            (i64::MIN, &[0x3b, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
        ];
        for (number, bytes) in signed {
            assert_eq!(
                written(|w| {
                    w.integer(number);
                }),
                bytes
            );
            assert_eq!(Reader::new(bytes).integer(), Ok(number));
        }
        assert_eq!(
            written(|w| {
                w.text("水");
            }),
            [0x63, 0xe6, 0xb0, 0xb4]
        );
        assert_eq!(
            written(|w| {
                w.bytes(&[1, 2, 3, 4]);
            }),
            [0x44, 1, 2, 3, 4]
        );
    }

    #[test]
    fn a_second_spelling_is_refused() {
        let long: [&[u8]; 6] = [
            &[0x18, 0x17],
            &[0x19, 0, 0xff],
            &[0x1a, 0, 0, 0xff, 0xff],
            &[0x1b, 0, 0, 0, 0, 255, 255, 255, 255],
            &[0x1c],
            &[0x1f],
        ];
        for bytes in long {
            assert_eq!(Reader::new(bytes).unsigned(), Err(Unreadable), "{bytes:02x?}");
        }
        assert!(Reader::new(&[0x5f, 0x41, 0, 0xff]).bytes().is_err(), "indefinite length");
        assert!(Reader::new(&[0x61, 0xff]).text().is_err(), "not UTF-8");
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        assert!(Reader::new(&[0x5b, 255, 255, 255, 255, 255, 255, 255, 255]).bytes().is_err());
        assert!(Reader::new(&[0x5a, 0xff, 0xff, 0xff, 0xff, 1]).bytes().is_err());
    }

    #[test]
    fn what_was_not_expected_is_refused() {
        assert!(Reader::new(&[0x01]).bytes().is_err());
        assert!(Reader::new(&[0x41, 1]).exactly::<2>().is_err());
        assert!(Reader::new(&[0xd2]).tag(17).is_err());
        assert!(Reader::new(&[0xf7]).null().is_err());
        assert!(Reader::new(&[]).unsigned().is_err());
        assert!(Reader::new(&[1]).end().is_err());
    }
}
