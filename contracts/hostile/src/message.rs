//! Protobuf by hand: what is well formed, and what is nearly so.

use alloc::vec;
use alloc::vec::Vec;

/// A message under way.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// Adds a field of bytes, a text or a message; nothing if it is empty.
    pub(crate) fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        if !bytes.is_empty() {
            varint(&mut self.0, u64::from(field) << 3 | 2);
            varint(&mut self.0, u64::try_from(bytes.len()).unwrap_or(0));
            self.0.extend_from_slice(bytes);
        }
        self
    }

    /// Adds a number; nothing if it is zero.
    pub(crate) fn number(mut self, field: u32, number: u64) -> Self {
        if number != 0 {
            varint(&mut self.0, u64::from(field) << 3);
            varint(&mut self.0, number);
        }
        self
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

fn varint(to: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        to.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    to.push(u8::try_from(number).unwrap_or(0));
}

/// The message, or, if the dice say so, something that is none any more.
pub(crate) fn spoilt(mut message: Vec<u8>, dice: u8) -> Vec<u8> {
    let place = usize::from(dice).checked_rem(message.len().max(1)).unwrap_or(0);
    match dice {
        0 | 1 => message.truncate(place),
        2 | 3 => {
            if let Some(byte) = message.get_mut(place) {
                *byte ^= 0x41;
            }
        }
        // A field that is unknown; one of wire type 7; one that stands twice.
        4 => message.extend_from_slice(&[0xba, 0x06, 1, 9]),
        5 => message.extend_from_slice(&[0x0f, 0xff, 0xff]),
        6 => message.extend_from_within(..),
        // Lengths that nothing has.
        7 => message.extend_from_slice(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        8 => message.extend_from_slice(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        // Messages in messages.
        9 => message = vec![0x0a; 4096],
        10 => message = vec![0xff; usize::from(dice)],
        11 => message.resize(140_000, 0),
        _ => {}
    }
    message
}
