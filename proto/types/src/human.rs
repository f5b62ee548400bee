//! Codes that people can read to each other over the telephone.
//!
//! `EV-7K2M-94QX-…`: a prefix by kind, then base 32 without 0, O, 1 and I in groups of four, the
//! last character a check.
//!
//! # Invariants
//!
//! - **N1 every slip.** One wrong character, or any two swapped within 31 places, changes the
//!   check: the weights are distinct powers of a generator of GF(32).

use alloc::string::String;
use alloc::vec::Vec;

/// What a code names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 存证 evidence.
    Evidence,
    /// 账户 account.
    Account,
    /// 交易 transaction.
    Transaction,
    /// 服务单 service order.
    Order,
    /// 争议 dispute.
    Dispute,
    /// 主体 principal.
    Principal,
    /// 议案 motion.
    Motion,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Evidence,
        Self::Account,
        Self::Transaction,
        Self::Order,
        Self::Dispute,
        Self::Principal,
        Self::Motion,
    ];

    /// The two letters.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Evidence => "EV",
            Self::Account => "AC",
            Self::Transaction => "TX",
            Self::Order => "SO",
            Self::Dispute => "DP",
            Self::Principal => "PR",
            Self::Motion => "MO",
        }
    }
}

/// Why a code was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCode {
    /// No known prefix.
    #[error("the code begins with no known prefix")]
    Prefix,
    /// A character outside the alphabet.
    #[error("{0:?} does not occur in codes")]
    Character(char),
    /// The check character says otherwise: a slip or a swap.
    #[error("the check character does not match: please read the code again")]
    Check,
    /// The length fits no id.
    #[error("the code is too short or too long")]
    Length,
}

const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Bytes of an id that fit into 30 characters and their check: weights stay distinct (N1).
const BYTES_MAX: usize = 18;

/// Writes `id` as a code. Ids longer than 18 bytes show their first 16: enough to name one thing,
/// and a search finds the rest.
pub fn write(kind: Kind, id: &[u8]) -> String {
    let shown = if id.len() > BYTES_MAX { id.get(..16).unwrap_or(id) } else { id };
    let mut digits = digits_of(shown);
    digits.push(check(&digits));
    let mut text = String::from(kind.prefix());
    for (i, digit) in digits.iter().enumerate() {
        if i % 4 == 0 {
            text.push('-');
        }
        text.push(ALPHABET.get(usize::from(*digit)).map_or('?', |c| char::from(*c)));
    }
    text
}

/// Reads a code: kind and bytes. Small letters, spaces and missing hyphens are forgiven.
///
/// # Errors
///
/// [`BadCode`] names the slip.
pub fn read(text: &str) -> Result<(Kind, Vec<u8>), BadCode> {
    let text: String = text
        .chars()
        .filter(|c| *c != '-' && !c.is_whitespace())
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let named = |kind: &Kind| text.strip_prefix(kind.prefix()).map(|rest| (*kind, rest));
    let (kind, rest) = Kind::ALL.iter().find_map(named).ok_or(BadCode::Prefix)?;
    let value = |c: char| {
        let at = ALPHABET.iter().position(|a| char::from(*a) == c);
        at.and_then(|at| u8::try_from(at).ok()).ok_or(BadCode::Character(c))
    };
    let mut digits = rest.chars().map(value).collect::<Result<Vec<u8>, _>>()?;
    let found = digits.pop().ok_or(BadCode::Length)?;
    if check(&digits) != found {
        return Err(BadCode::Check);
    }
    bytes_of(&digits).map(|bytes| (kind, bytes)).ok_or(BadCode::Length)
}

fn digits_of(bytes: &[u8]) -> Vec<u8> {
    let (mut digits, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            digits.push((bits >> held & 31) as u8);
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        digits.push((bits << (5 - held) & 31) as u8);
    }
    digits
}

fn bytes_of(digits: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for digit in digits {
        bits = bits << 5 | u32::from(*digit);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 255) as u8);
        }
        bits &= (1 << held) - 1;
    }
    // One spelling: what is left over is less than a digit, and zero.
    (held < 5 && bits == 0 && !bytes.is_empty()).then_some(bytes)
}

/// Σ gⁱ·dᵢ in GF(32) with g = x, modulo x⁵ + x² + 1, in which x generates all 31 nonzero values.
fn check(digits: &[u8]) -> u8 {
    // Horner, and once more at the end so that the check itself has weight 1.
    digits.iter().fold(0, |sum, digit| times_x(sum ^ digit))
}

const fn times_x(v: u8) -> u8 {
    let v = v << 1;
    if v & 32 != 0 { (v ^ 0b10_0101) & 31 } else { v }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const ID: [u8; 16] = [0xa7, 3, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    #[test]
    fn a_code_comes_back() {
        let text = write(Kind::Account, &ID);
        assert!(text.starts_with("AC-"), "{text}");
        assert_eq!(read(&text), Ok((Kind::Account, ID.to_vec())));
        assert_eq!(read(&text.to_lowercase().replace('-', " ")), Ok((Kind::Account, ID.to_vec())));
    }

    #[test]
    fn every_single_slip_is_caught() {
        let text: Vec<char> = write(Kind::Evidence, &ID).chars().collect();
        for at in 3..text.len() {
            for c in ALPHABET.iter().map(|c| char::from(*c)) {
                let mut slip = text.clone();
                if slip[at] == '-' || slip[at] == c {
                    continue;
                }
                slip[at] = c;
                assert!(read(&slip.iter().collect::<String>()).is_err());
            }
        }
    }

    #[test]
    fn every_swap_is_caught() {
        let text: Vec<char> =
            write(Kind::Evidence, &ID).chars().skip(2).filter(|c| *c != '-').collect();
        for a in 0..text.len() {
            for b in a + 1..text.len() {
                let mut swapped = text.clone();
                swapped.swap(a, b);
                if swapped != text {
                    let code: String = "EV".chars().chain(swapped).collect();
                    assert!(read(&code).is_err(), "{a} {b}");
                }
            }
        }
    }
}
