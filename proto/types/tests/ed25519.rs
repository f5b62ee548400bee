//! The published edge cases of Ed25519 verification, made here from their conditions: small and
//! mixed orders, cofactors, scalars above the group's order, second spellings of points.
//!
//! Sources: "Taming the many EdDSAs" (IACR ePrint 2020/1244), section 5; ZIP 215. What counts is
//! that single and batch agree on each case, and that they answer as ZIP 215 says.

#![cfg(feature = "crypto")]

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as BASE, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use linli_types::id::{PublicKey, Signature};
use linli_types::signature::{Claim, Verify, Zip215, check_public_key};
use sha2::Digest as _;

type Bytes = [u8; 32];

/// The order of the group, little-endian.
const ORDER: Bytes = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];
const MESSAGE: &[u8] = b"what was signed";

/// 2^255 - 19 + `more`: a second spelling of a small number.
fn prime_plus(more: u8) -> Bytes {
    let mut bytes = [0xff; 32];
    (bytes[0], bytes[31]) = (0xed + more, 0x7f);
    bytes
}

fn number(n: u8) -> Bytes {
    let mut bytes = [0; 32];
    bytes[0] = n;
    bytes
}

fn with_sign(mut bytes: Bytes) -> Bytes {
    bytes[31] |= 0x80;
    bytes
}

/// Every spelling of every point of small order: eight canonical ones and six others.
fn small_orders() -> Vec<Bytes> {
    let mut all: Vec<Bytes> = EIGHT_TORSION.iter().map(|point| point.compress().0).collect();
    let (one, zero) = (prime_plus(1), prime_plus(0));
    all.extend([with_sign(number(1)), one, with_sign(one), zero, with_sign(zero)]);
    // Minus one: of order two, so its x is zero and has no sign.
    let mut minus_one = zero;
    minus_one[0] -= 1;
    all.push(with_sign(minus_one));
    all
}

fn challenge(r: &Bytes, a: &Bytes) -> Scalar {
    let hash = sha2::Sha512::new().chain_update(r).chain_update(a).chain_update(MESSAGE);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn claim(r: Bytes, s: Bytes, a: Bytes) -> Claim {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    Claim { key: PublicKey(a), message: MESSAGE.to_vec(), signature: Signature(signature) }
}

/// Alone, twice in a batch, and in a batch with one that does not hold.
fn assert_all_say(expected: bool, what: &str, claim: &Claim) {
    let single = Zip215.verify(&claim.key, &claim.message, &claim.signature);
    assert_eq!(single, expected, "{what}, alone");
    let twice = Zip215.verify_each(&[claim.clone(), claim.clone()]);
    assert_eq!(twice, [expected; 2], "{what}, in a batch");
    let bad = Claim { message: b"something else".to_vec(), ..honest(1) };
    let mixed = Zip215.verify_each(&[bad, claim.clone(), honest(2)]);
    assert_eq!(mixed, [false, expected, true], "{what}, in a mixed batch");
}

fn secret(n: u8) -> Scalar {
    Scalar::from_bytes_mod_order([n; 32])
}

/// S for these two secrets and the exact bytes that the verifier hashes.
fn response(r: Scalar, a: Scalar, bytes: (&Bytes, &Bytes)) -> Bytes {
    (r + challenge(bytes.0, bytes.1) * a).to_bytes()
}

fn honest(n: u8) -> Claim {
    let (r, a) = (secret(n), secret(n + 100));
    signed(r, a, r * BASE, a * BASE)
}

fn signed(r: Scalar, a: Scalar, r_point: EdwardsPoint, a_point: EdwardsPoint) -> Claim {
    let (r_bytes, a_bytes) = (r_point.compress().0, a_point.compress().0);
    claim(r_bytes, response(r, a, (&r_bytes, &a_bytes)), a_bytes)
}

#[test]
fn points_of_small_order_fit_anything_in_every_spelling_and_are_nobodys_key() {
    let all = small_orders();
    assert_eq!(all.len(), 14);
    for a in &all {
        assert!(CompressedEdwardsY(*a).decompress().is_some_and(|point| point.is_small_order()));
        assert!(check_public_key(&PublicKey(*a)).is_err(), "{a:?}");
        for r in &all {
            assert_all_say(true, "small A, small R, S = 0", &claim(*r, [0; 32], *a));
        }
    }
}

#[test]
fn the_cofactor_is_multiplied_in_whatever_the_orders() {
    let (r, a, none) = (secret(5), secret(6), Scalar::ZERO);
    for torsion in EIGHT_TORSION {
        let (mixed_r, mixed_a) = (r * BASE + torsion, a * BASE + torsion);
        assert_all_say(true, "small A, mixed R", &signed(r, none, mixed_r, torsion));
        assert_all_say(true, "mixed A, small R", &signed(none, a, torsion, mixed_a));
        assert_all_say(true, "mixed A, mixed R", &signed(r, a, mixed_r, mixed_a));
        // The same points with an S that is one too high.
        let mut high = signed(r, a, mixed_r, mixed_a);
        let one_more = response(r + Scalar::ONE, a, (&mixed_r.compress().0, &high.key.0));
        high.signature.0[32..].copy_from_slice(&one_more);
        assert_all_say(false, "mixed A, mixed R, wrong S", &high);
    }
}

#[test]
fn a_scalar_above_the_order_is_refused() {
    let good = honest(7);
    assert_all_say(true, "an honest signature", &good);
    let mut raised = good.clone();
    let mut carry = 0_u16;
    for (byte, order) in raised.signature.0[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*byte) + u16::from(order);
        *byte = (carry & 255) as u8;
        carry >>= 8;
    }
    assert_all_say(false, "S + L", &raised);
    let mut high = good.clone();
    high.signature.0[63] |= 0xe0;
    assert_all_say(false, "S with its highest bits set", &high);
    assert_all_say(false, "S = L", &claim(number(1), ORDER, number(1)));
}

#[test]
fn the_bytes_as_given_are_hashed_not_a_second_spelling_of_them() {
    let (none, a) = (Scalar::ZERO, secret(9));
    let a_bytes = (a * BASE).compress().0;
    // The identity, spelled a second time.
    let (odd, canonical) = (prime_plus(1), number(1));
    let as_given = response(none, a, (&odd, &a_bytes));
    assert_all_say(true, "R as given", &claim(odd, as_given, a_bytes));
    let spelled_anew = response(none, a, (&canonical, &a_bytes));
    assert_all_say(false, "R spelled anew", &claim(odd, spelled_anew, a_bytes));
}

#[test]
fn what_is_no_point_is_refused() {
    let no_point = (2..).map(number).find(|y| CompressedEdwardsY(*y).decompress().is_none());
    let no_point = no_point.unwrap();
    assert_all_say(false, "A is no point", &claim(number(1), [0; 32], no_point));
    assert_all_say(false, "R is no point", &claim(no_point, [0; 32], number(1)));
}
