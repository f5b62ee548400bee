//! The records of a ZIP file, in the only spelling a pack allows.
//!
//! Stored entries one after the other, then the directory, then the end. All versions are 4.5,
//! all flags, times, dates and attributes zero, no comments, no data descriptors. A ZIP64 field
//! stands exactly where a size or an offset does not fit 32 bits.
//!
//! It knows bytes and sizes, not what a pack holds: that is `seal`.
//!
//! Source: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3.

use alloc::string::String;
use alloc::vec::Vec;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
/// Made by and needed: 4.5, which knows ZIP64.
const VERSION: u16 = 45;
/// A 32-bit field that says: see the ZIP64 field.
const SEE_64: u32 = u32::MAX;
const EXTRA_64: u16 = 1;

/// What the records say of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) crc: u32,
    pub(crate) size: u64,
    /// Where its local record begins.
    pub(crate) offset: u64,
}

/// The record before an entry's bytes.
pub(crate) fn local(entry: &Entry) -> Vec<u8> {
    let mut extra = Vec::new();
    if short(entry.size) == SEE_64 {
        // 4.5.3: a local record holds both sizes.
        extra_64(&mut extra, &[entry.size, entry.size]);
    }
    let mut bytes = Vec::new();
    put32(&mut bytes, LOCAL);
    common(&mut bytes, entry, extra.len());
    bytes.extend_from_slice(entry.name.as_bytes());
    bytes.extend_from_slice(&extra);
    bytes
}

/// The directory and the end, for entries whose bytes end at `start`.
pub(crate) fn directory(entries: &[Entry], start: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(central).collect();
    end(&mut bytes, entries.len() as u64, start);
    bytes
}

fn central(entry: &Entry) -> Vec<u8> {
    let (mut long, mut extra) = (Vec::new(), Vec::new());
    if short(entry.size) == SEE_64 {
        long.extend([entry.size, entry.size]);
    }
    if short(entry.offset) == SEE_64 {
        long.push(entry.offset);
    }
    if !long.is_empty() {
        extra_64(&mut extra, &long);
    }
    let mut bytes = Vec::new();
    put32(&mut bytes, CENTRAL);
    put16(&mut bytes, VERSION);
    common(&mut bytes, entry, extra.len());
    // Comment length, disk, internal and external attributes.
    bytes.extend_from_slice(&[0; 10]);
    put32(&mut bytes, short(entry.offset));
    bytes.extend_from_slice(entry.name.as_bytes());
    bytes.extend_from_slice(&extra);
    bytes
}

/// The part that both records share, from "version needed" to "extra field length".
fn common(bytes: &mut Vec<u8>, entry: &Entry, extra: usize) {
    put16(bytes, VERSION);
    // Flags, method (stored), time, date.
    bytes.extend_from_slice(&[0; 8]);
    put32(bytes, entry.crc);
    put32(bytes, short(entry.size));
    put32(bytes, short(entry.size));
    put16(bytes, u16::try_from(entry.name.len()).expect("entry names are a few bytes"));
    put16(bytes, u16::try_from(extra).expect("an extra field is at most 28 bytes"));
}

fn end(bytes: &mut Vec<u8>, count: u64, start: u64) {
    let size = bytes.len() as u64;
    let count16 = u16::try_from(count).unwrap_or(u16::MAX);
    if count16 == u16::MAX || short(size) == SEE_64 || short(start) == SEE_64 {
        let end64 = start.saturating_add(size);
        put32(bytes, END64);
        put64(bytes, 44);
        put16(bytes, VERSION);
        put16(bytes, VERSION);
        bytes.extend_from_slice(&[0; 8]);
        [count, count, size, start].iter().for_each(|n| put64(bytes, *n));
        put32(bytes, LOCATOR64);
        put32(bytes, 0);
        put64(bytes, end64);
        put32(bytes, 1);
    }
    put32(bytes, END);
    bytes.extend_from_slice(&[0; 4]);
    put16(bytes, count16);
    put16(bytes, count16);
    put32(bytes, short(size));
    put32(bytes, short(start));
    put16(bytes, 0);
}

fn extra_64(bytes: &mut Vec<u8>, fields: &[u64]) {
    put16(bytes, EXTRA_64);
    put16(bytes, u16::try_from(fields.len() * 8).expect("at most three fields"));
    fields.iter().for_each(|n| put64(bytes, *n));
}

fn short(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(SEE_64)
}

fn put16(bytes: &mut Vec<u8>, n: u16) {
    bytes.extend_from_slice(&n.to_le_bytes());
}

fn put32(bytes: &mut Vec<u8>, n: u32) {
    bytes.extend_from_slice(&n.to_le_bytes());
}

fn put64(bytes: &mut Vec<u8>, n: u64) {
    bytes.extend_from_slice(&n.to_le_bytes());
}

/// Reads the local record at the start of `bytes`: the entry, its name, the length of the record.
/// `None` if there is none in the only spelling.
pub(crate) fn read_local(bytes: &[u8], offset: u64) -> Option<(Entry, &str, usize)> {
    if get32(bytes, 0)? != LOCAL {
        return None;
    }
    let (crc, short_size) = (get32(bytes, 14)?, get32(bytes, 22)?);
    let (name_len, extra_len) = (usize::from(get16(bytes, 26)?), usize::from(get16(bytes, 28)?));
    let name = core::str::from_utf8(bytes.get(30..30 + name_len)?).ok()?;
    let extra = bytes.get(30 + name_len..30 + name_len + extra_len)?;
    let size = match (short_size, extra_len) {
        (SEE_64, 20) => u64::from_le_bytes(extra.get(4..12)?.try_into().ok()?),
        (short, 0) => u64::from(short),
        _ => return None,
    };
    let entry = Entry { name: name.into(), crc, size, offset };
    (local(&entry) == bytes[..30 + name_len + extra_len]).then_some((
        entry,
        name,
        30 + name_len + extra_len,
    ))
}

fn get16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn get32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn entry(name: &str, size: u64, offset: u64) -> Entry {
        Entry { name: name.into(), crc: 0x1234_5678, size, offset }
    }

    #[test]
    fn a_local_record_comes_back_at_any_size() {
        for size in [0, 1, 3 * GIB, u64::from(u32::MAX) - 1, u64::from(u32::MAX), 5 * GIB, 1 << 60]
        {
            let one = entry("certificate", size, 7);
            let mut bytes = local(&one);
            let len = bytes.len();
            bytes.extend_from_slice(b"what follows");
            assert_eq!(read_local(&bytes, 7), Some((one, "certificate", len)), "{size}");
        }
    }

    #[test]
    fn a_zip64_field_stands_exactly_where_it_is_needed() {
        let limit = u64::from(u32::MAX);
        let plain = local(&entry("a", limit - 1, 0)).len();
        assert_eq!(plain, 31);
        assert_eq!(local(&entry("a", limit, 0)).len(), plain + 20);
        let central_len = |size, offset| central(&entry("a", size, offset)).len();
        assert_eq!(central_len(limit - 1, limit - 1), 47);
        assert_eq!(central_len(limit, 0), 47 + 20);
        assert_eq!(central_len(0, limit), 47 + 12);
        assert_eq!(central_len(limit, limit), 47 + 28);
        let end_len = |start| directory(&[], start).len();
        assert_eq!(end_len(limit - 1), 22);
        assert_eq!(end_len(limit), 22 + 56 + 20);
    }

    #[test]
    fn the_zip64_end_says_what_the_short_one_cannot() {
        let start = 6 * GIB;
        let entries = [entry("a", 6 * GIB - 31, 0)];
        let bytes = directory(&entries, start);
        let size = central(&entries[0]).len();
        let end64 = &bytes[size..];
        assert_eq!(get32(end64, 0), Some(END64));
        assert_eq!(end64[24..32], 1_u64.to_le_bytes());
        assert_eq!(end64[40..48], (size as u64).to_le_bytes());
        assert_eq!(end64[48..56], start.to_le_bytes());
        // The locator points to the record.
        assert_eq!(get32(end64, 56), Some(LOCATOR64));
        assert_eq!(end64[64..72], (start + size as u64).to_le_bytes());
        assert_eq!(get32(end64, 76), Some(END));
        assert_eq!(get32(end64, 76 + 16), Some(SEE_64));
    }

    #[test]
    fn a_zip64_field_where_none_is_needed_is_refused() {
        let mut bytes = local(&entry("a", 5 * GIB, 0));
        // The long size says 1: a second spelling of a short entry.
        let len = bytes.len();
        bytes[len - 16..len - 8].copy_from_slice(&1_u64.to_le_bytes());
        bytes[len - 8..].copy_from_slice(&1_u64.to_le_bytes());
        assert_eq!(read_local(&bytes, 0), None);
    }

    #[test]
    fn every_changed_bit_of_a_record_is_seen() {
        let one = entry("header", 300, 0);
        let good = local(&one);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(read_local(&bad, 0).map(|(entry, ..)| entry), Some(one.clone()), "{bit}");
        }
    }
}
