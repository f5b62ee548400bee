//! Reads the wire form of protobuf from a slice: tags, varints, lengths. One spelling each.

use super::walk::Reason;

/// A place in some bytes.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

/// The four wire types of proto3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Varint,
    Fixed64,
    Length,
    Fixed32,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// A varint in its shortest form.
    pub(crate) fn varint(&mut self) -> Result<u64, Reason> {
        // Most are one byte.
        if let Some((&byte, rest)) = self.rest.split_first()
            && byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(byte));
        }
        let mut value = 0_u64;
        for (i, &byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                // The last byte of a longer form is not zero; the tenth holds one bit.
                if byte == 0 || (i == 9 && byte > 1) {
                    return Err(Reason::Varint);
                }
                self.rest = self.rest.get(i + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { Reason::Truncated } else { Reason::Varint })
    }

    /// A field's number and wire type.
    pub(crate) fn tag(&mut self) -> Result<(u32, Wire), Reason> {
        let tag = u32::try_from(self.varint()?).map_err(|_| Reason::Tag)?;
        let wire = match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Length,
            5 => Wire::Fixed32,
            _ => return Err(Reason::WireType),
        };
        Ok((tag >> 3, wire))
    }

    /// A length and as many bytes.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Reason> {
        let length = usize::try_from(self.varint()?).map_err(|_| Reason::Truncated)?;
        self.take(length)
    }

    /// Exactly `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Reason> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Reason::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<u64, Reason> {
        let mut cursor = Cursor::new(bytes);
        let value = cursor.varint()?;
        assert!(cursor.is_at_end());
        Ok(value)
    }

    #[test]
    fn only_the_shortest_varint_is_read() {
        assert_eq!(read(&[0]), Ok(0));
        assert_eq!(read(&[0x80, 0x01]), Ok(128));
        assert_eq!(read(&[0x80, 0x00]), Err(Reason::Varint));
        assert_eq!(read(&[0xff; 9]), Err(Reason::Truncated));
        let mut max = [0xff; 10];
        max[9] = 1;
        assert_eq!(read(&max), Ok(u64::MAX));
        max[9] = 2;
        assert_eq!(read(&max), Err(Reason::Varint));
        assert_eq!(read(&[0x80; 11]), Err(Reason::Varint));
    }

    proptest! {
        #[test]
        fn every_number_comes_back(value: u64) {
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(value, &mut bytes);
            prop_assert_eq!(read(&bytes), Ok(value));
        }
    }
}
