//! DER (X.690): one element after the other, borrowed, never encoded again.
//!
//! What is signed is hashed as it stands, so nothing is decoded into trees. Lengths are definite
//! and minimal; anything else is refused.

use alloc::string::{String, ToString};

/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// BOOLEAN.
pub(super) const BOOLEAN: u8 = 0x01;
/// BIT STRING.
pub(super) const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub(super) const OID: u8 = 0x06;
/// UTCTime.
pub(super) const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub(super) const GENERALIZED_TIME: u8 = 0x18;
/// SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;
/// SET.
pub(super) const SET: u8 = 0x31;
/// A constructed field with the number in the low bits: `[0]`, `[1]`, …
pub(super) const FIELD: u8 = 0xa0;
/// A tag with these bits goes on in further bytes: none that we read does.
const LONG_TAG: u8 = 0x1f;

/// Elements that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Der<'a>(&'a [u8]);

/// One element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    /// Its tag.
    pub(super) tag: u8,
    /// What stands inside.
    pub(super) body: &'a [u8],
    /// Tag, length and body.
    pub(super) whole: &'a [u8],
}

impl<'a> Der<'a> {
    /// The elements of `bytes`.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What a single element that fills `bytes` holds.
    pub(super) fn only(bytes: &'a [u8], tag: u8) -> Option<Self> {
        let mut outer = Self(bytes);
        let inner = outer.enter(tag)?;
        outer.end()?;
        Some(inner)
    }

    /// The next element, whatever it is.
    pub(super) fn next(&mut self) -> Option<Element<'a>> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        if tag & LONG_TAG == LONG_TAG {
            return None;
        }
        let (len, rest) = length(first, rest)?;
        let (body, after) = rest.split_at_checked(len)?;
        let whole = self.0.get(..self.0.len().checked_sub(after.len())?)?;
        self.0 = after;
        Some(Element { tag, body, whole })
    }

    /// The next element, which has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// The next element if it has this tag.
    pub(super) fn maybe(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let found = ahead.take(tag)?;
        *self = ahead;
        Some(found)
    }

    /// What stands in the next element, which has this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(|element| Self(element.body))
    }

    /// An object identifier's body.
    pub(super) fn oid(&mut self) -> Option<&'a [u8]> {
        self.take(OID).map(|element| element.body)
    }

    /// The identifier of an algorithm, and its parameters.
    pub(super) fn algorithm(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let mut fields = self.enter(SEQUENCE)?;
        let oid = fields.oid()?;
        Some((oid, fields.0))
    }

    /// A whole number in its shortest spelling.
    pub(super) fn integer(&mut self) -> Option<&'a [u8]> {
        let body = self.take(INTEGER)?.body;
        let longer = matches!(body, [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..]);
        (!longer).then_some(body)
    }

    /// A small whole number, not below zero.
    pub(super) fn small(&mut self) -> Option<u8> {
        match self.integer()? {
            [small @ 0..=0x7f] => Some(*small),
            _ => None,
        }
    }

    /// Whether nothing is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// A definite, minimal length, and what follows it.
fn length(first: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    let shortest = match digits {
        [high] => *high >= 0x80,
        [high, _] | [high, _, _] => *high != 0,
        _ => false,
    };
    let len = digits.iter().fold(0_usize, |len, digit| len << 8 | usize::from(*digit));
    shortest.then_some((len, rest))
}

/// An object identifier as people write it.
pub(super) fn dotted(oid: &[u8]) -> Option<String> {
    let mut numbers = alloc::vec::Vec::new();
    let mut number = 0_u64;
    for (at, byte) in oid.iter().enumerate() {
        // A leading zero digit would be a second spelling.
        if number == 0 && *byte == 0x80 {
            return None;
        }
        number = number.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            numbers.push(number);
            number = 0;
        } else if at.checked_add(1)? == oid.len() {
            return None;
        }
    }
    let (first, rest) = numbers.split_first()?;
    let root = (*first / 40).min(2);
    let mut text = root.to_string();
    text.push('.');
    text.push_str(&first.checked_sub(root.checked_mul(40)?)?.to_string());
    for number in rest {
        text.push('.');
        text.push_str(&number.to_string());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn lengths_have_one_spelling() {
        let only = |bytes: &[u8]| Der::new(bytes).next().map(|element| element.body.len());
        assert_eq!(only(&[4, 2, 1, 1]), Some(2));
        assert_eq!(only(&[4, 0x81, 2, 1, 1]), None, "a short length in the long form");
        assert_eq!(only(&[4, 0x80, 0, 0]), None, "an indefinite length");
        assert_eq!(only(&[4, 3, 1, 1]), None, "cut short");
        assert_eq!(only(&[0x1f, 1, 1]), None, "a long tag");
        assert_eq!(only(&[4, 0x85, 0, 0, 0, 0, 1, 7]), None);
        let long = [&[4, 0x81, 0x80][..], &[9; 0x80]].concat();
        assert_eq!(only(&long), Some(0x80));
    }

    #[test]
    fn identifiers_read_as_people_write_them() {
        // 1.2.840.113549.1.1.11 and 2.999.3.
        let rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
        assert_eq!(dotted(&rsa).as_deref(), Some("1.2.840.113549.1.1.11"));
        assert_eq!(dotted(&[0x88, 0x37, 3]).as_deref(), Some("2.999.3"));
        assert_eq!(dotted(&[0x2a, 0x80, 1]), None);
        assert_eq!(dotted(&[0x2a, 0x86]), None);
        assert_eq!(dotted(&[]), None);
    }

    #[test]
    fn numbers_have_one_spelling() {
        let read = |bytes: &[u8]| Der::new(bytes).integer().map(<[u8]>::to_vec);
        assert_eq!(read(&[2, 1, 0]), Some(vec![0]));
        assert_eq!(read(&[2, 2, 0, 0x80]), Some(vec![0, 0x80]));
        assert_eq!(read(&[2, 2, 0, 0x7f]), None);
        assert_eq!(read(&[2, 0]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(noise in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut all = Der::new(&noise);
            while all.next().is_some() {}
            let _ = dotted(&noise);
        }
    }
}
