//! A signature in the form that the contract checks: EIP-2098 `(r, vs)` and the public key `(x, y)`.

use core::{fmt, str::FromStr};

use k256::{
    AffinePoint, FieldBytes, NonZeroScalar, ProjectivePoint, Scalar, U256,
    ecdsa::{RecoveryId, Signature as Ecdsa, VerifyingKey},
    elliptic_curve::{
        PrimeField,
        ops::{Invert, MulByGeneratorVartime, Reduce},
        point::AffineCoordinates,
        scalar::IsHigh,
        sec1::{FromSec1Point, ToSec1Point},
    },
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    hash::{Account, Hash, InvalidHex},
    text,
};

/// A signature with the public key that made it (PROTOCOL §2). All zero means absent.
///
/// JSON: "0x" and 256 hex digits, `r ‖ vs ‖ x ‖ y`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature {
    /// The x coordinate of the nonce point.
    pub r: [u8; 32],
    /// `s`, at most half the curve's order, with the parity of the nonce point in the top bit.
    pub vs: [u8; 32],
    /// The public key's x coordinate.
    pub x: [u8; 32],
    /// The public key's y coordinate.
    pub y: [u8; 32],
}

impl Signature {
    /// No signature: what the contract takes for "the caller's own" or "none".
    pub const ABSENT: Self = Self {
        r: [0; 32],
        vs: [0; 32],
        x: [0; 32],
        y: [0; 32],
    };

    /// Whether all of it is zero.
    pub fn is_absent(&self) -> bool {
        *self == Self::ABSENT
    }

    /// From a wallet's recoverable signature over `digest`. `v` may be 0/1, 27/28 or 31/32; a high
    /// `s` is brought down.
    pub fn from_wallet(
        r: &[u8; 32],
        s: &[u8; 32],
        v: u8,
        digest: &Hash,
    ) -> Result<Self, BadSignature> {
        let parity = match v {
            0 | 27 | 31 => 0,
            1 | 28 | 32 => 1,
            _ => return Err(BadSignature::Malformed),
        };
        let signature = Ecdsa::from_scalars(*r, *s).map_err(|_| BadSignature::Malformed)?;
        let flipped = u8::from(bool::from(signature.s().is_high()));
        let recovery = RecoveryId::from_byte(parity ^ flipped).ok_or(BadSignature::Malformed)?;
        let signature = signature.normalize_s();
        let key = VerifyingKey::recover_from_prehash(&digest.0, &signature, recovery)
            .map_err(|_| BadSignature::Malformed)?;
        Ok(Self::from_parts(&signature, recovery, key.as_affine()))
    }

    pub(crate) fn from_parts(signature: &Ecdsa, recovery: RecoveryId, key: &AffinePoint) -> Self {
        let (r, s) = signature.split_bytes();
        let mut vs: [u8; 32] = s.into();
        if recovery.is_y_odd() {
            vs[0] |= 0x80;
        }
        let point = key.to_sec1_point(false);
        let mut coordinates = [[0; 32]; 2];
        coordinates[0].copy_from_slice(&point.as_bytes()[1..33]);
        coordinates[1].copy_from_slice(&point.as_bytes()[33..]);
        let [x, y] = coordinates;
        Self {
            r: r.into(),
            vs,
            x,
            y,
        }
    }

    /// The account of the public key that it carries. Says nothing about validity.
    pub fn signer_account(&self) -> Account {
        let mut compressed = [0; 33];
        compressed[0] = 2 | (self.y[31] & 1);
        compressed[1..].copy_from_slice(&self.x);
        Account::hash160(&compressed)
    }

    /// Whether `account` signed `digest`, exactly as the contract decides it.
    ///
    /// The contract *recovers* the key, so the parity bit matters to it; a plain ECDSA verification
    /// would let a sender hand out signatures with the bit flipped, good here and worthless there.
    /// The nonce point is computed with the carried key, at the cost of one verification, and both
    /// of its coordinates are compared.
    pub fn verify(&self, digest: &Hash, account: &Account) -> Result<(), BadSignature> {
        if self.is_absent() {
            return Err(BadSignature::Absent);
        }
        let got = self.signer_account();
        if got != *account {
            return Err(BadSignature::WrongAccount {
                expected: *account,
                got,
            });
        }
        #[cfg(feature = "libsecp256k1")]
        if crate::recovered::is_good(self, digest) {
            return Ok(());
        }
        self.verify_carried(digest)
    }

    /// Whether the carried key signed `digest`.
    fn verify_carried(&self, digest: &Hash) -> Result<(), BadSignature> {
        let (r, s, key) = self.parse().ok_or(BadSignature::Malformed)?;
        if s.is_high().into() {
            return Err(BadSignature::Malformed);
        }
        let z = <Scalar as Reduce<U256>>::reduce(&U256::from_be_slice(&digest.0));
        let s_inverse = *Invert::invert_vartime(&s);
        let nonce_point = ProjectivePoint::mul_by_generator_and_mul_add_vartime(
            &(z * s_inverse),
            &(*r * s_inverse),
            &ProjectivePoint::from(key),
        )
        .to_affine();
        let x: [u8; 32] = nonce_point.x().into();
        if x == self.r && bool::from(nonce_point.y_is_odd()) == self.is_odd() {
            Ok(())
        } else {
            Err(BadSignature::Mismatch)
        }
    }

    fn parse(&self) -> Option<(NonZeroScalar, NonZeroScalar, AffinePoint)> {
        let mut s = self.vs;
        s[0] &= 0x7f;
        let mut encoded = [4; 65];
        encoded[1..33].copy_from_slice(&self.x);
        encoded[33..].copy_from_slice(&self.y);
        let encoded = k256::Sec1Point::from_bytes(encoded).ok()?;
        let key: Option<AffinePoint> = AffinePoint::from_sec1_point(&encoded).into();
        Some((scalar(self.r)?, scalar(s)?, key?))
    }

    pub(crate) fn is_odd(&self) -> bool {
        self.vs[0] & 0x80 != 0
    }

    /// `r ‖ vs ‖ x ‖ y`.
    pub fn to_bytes(&self) -> [u8; 128] {
        let mut bytes = [0; 128];
        for (part, target) in [self.r, self.vs, self.x, self.y]
            .iter()
            .zip(bytes.chunks_mut(32))
        {
            target.copy_from_slice(part);
        }
        bytes
    }

    /// From `r ‖ vs ‖ x ‖ y`.
    pub fn from_bytes(bytes: &[u8; 128]) -> Self {
        let mut signature = Self::ABSENT;
        signature.r.copy_from_slice(&bytes[..32]);
        signature.vs.copy_from_slice(&bytes[32..64]);
        signature.x.copy_from_slice(&bytes[64..96]);
        signature.y.copy_from_slice(&bytes[96..]);
        signature
    }
}

fn scalar(bytes: [u8; 32]) -> Option<NonZeroScalar> {
    let scalar: Option<Scalar> = Scalar::from_repr(FieldBytes::from(bytes)).into();
    NonZeroScalar::new(scalar?).into()
}

impl fmt::Display for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_hex(formatter, &self.to_bytes())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signature(by {})", self.signer_account())
    }
}

impl FromStr for Signature {
    type Err = InvalidHex;

    fn from_str(text: &str) -> Result<Self, InvalidHex> {
        let mut bytes = [0; 128];
        text::hex_into(text, &mut bytes)?;
        Ok(Self::from_bytes(&bytes))
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer)
    }
}

/// Why a signature does not count: one variant per rule, in the order they are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// All zero.
    #[error("there is no signature")]
    Absent,
    /// The public key belongs to somebody else.
    #[error("signed by {got}, not by {expected}")]
    WrongAccount {
        /// Who should have signed.
        expected: Account,
        /// Whose key it carries.
        got: Account,
    },
    /// A coordinate or scalar out of range, a point off the curve, or `s` above half the order.
    #[error("the signature is malformed")]
    Malformed,
    /// Well formed, but for other words.
    #[error("the signature is for something else")]
    Mismatch,
}

impl BadSignature {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        "bad-signature"
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    #[cfg(feature = "libsecp256k1")]
    use std::vec::Vec;

    use super::*;
    use crate::keys::SecretKey;

    fn key() -> SecretKey {
        SecretKey::from_bytes(&[7; 32]).expect("a key")
    }

    const DIGEST: Hash = Hash([9; 32]);

    #[test]
    fn what_a_key_signs_verifies_for_its_account_and_digest_only() {
        let signature = key().sign(&DIGEST);
        assert_eq!(signature.verify(&DIGEST, &key().account()), Ok(()));
        assert_eq!(
            signature.verify(&Hash([8; 32]), &key().account()),
            Err(BadSignature::Mismatch)
        );
        assert_eq!(
            signature.verify(&DIGEST, &Account::ZERO),
            Err(BadSignature::WrongAccount {
                expected: Account::ZERO,
                got: key().account()
            })
        );
        assert_eq!(
            Signature::ABSENT.verify(&DIGEST, &key().account()),
            Err(BadSignature::Absent)
        );
    }

    /// Plain verification would accept it, the contract's `ecrecover` would not.
    #[test]
    fn a_flipped_parity_bit_is_refused() {
        let mut signature = key().sign(&DIGEST);
        signature.vs[0] ^= 0x80;
        assert_eq!(
            signature.verify(&DIGEST, &key().account()),
            Err(BadSignature::Mismatch)
        );
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let bytes = key().sign(&DIGEST).to_bytes();
        for bit in 0..1024 {
            let mut forged = bytes;
            forged[bit / 8] ^= 1 << (bit % 8);
            let forged = Signature::from_bytes(&forged);
            assert!(
                forged.verify(&DIGEST, &key().account()).is_err(),
                "bit {bit}"
            );
        }
    }

    /// Whichever library looks first: one verdict, and the same reason.
    #[cfg(feature = "libsecp256k1")]
    #[test]
    fn both_libraries_say_the_same() {
        use crate::recovered::is_good;

        let last: [u8; 32] = (-Scalar::ONE).to_bytes().into();
        for seed in 1..=64 {
            let key = SecretKey::from_bytes(&[seed; 32]).expect("a key");
            let digest = Hash([seed.wrapping_mul(37) | 0x80; 32]);
            let signature = key.sign(&digest);
            assert!(is_good(&signature, &digest));
            assert_eq!(signature.verify_carried(&digest), Ok(()));
            let mut forged = Vec::from([signature; 9]);
            forged[0].vs[0] ^= 0x80;
            forged[1].r = [0; 32];
            forged[2].vs = [0; 32];
            forged[3].r = [0xff; 32];
            forged[4].vs = [0x7f; 32];
            forged[5].x = forged[5].y;
            forged[6].y[31] ^= 1;
            forged[7].r[usize::from(seed % 32)] ^= 4;
            // The mirror of s, which only a rule of ours refuses.
            let s = scalar({
                let mut s = signature.vs;
                s[0] &= 0x7f;
                s
            });
            forged[8].vs = (-*s.expect("a scalar")).to_bytes().into();
            forged[8].vs[0] &= 0x7f;
            for bad in forged {
                assert!(!is_good(&bad, &digest) && bad.verify_carried(&digest).is_err());
            }
            assert!(!is_good(&signature, &Hash(last)));
        }
    }

    #[test]
    fn wallets_write_v_and_s_in_several_ways() {
        let signature = key().sign(&DIGEST);
        let parity = u8::from(signature.is_odd());
        let mut s = signature.vs;
        s[0] &= 0x7f;
        for base in [0, 27, 31] {
            let got = Signature::from_wallet(&signature.r, &s, base + parity, &DIGEST);
            assert_eq!(got, Ok(signature), "{base}");
        }
        let high: [u8; 32] = (-*scalar(s).expect("a scalar")).to_bytes().into();
        let got = Signature::from_wallet(&signature.r, &high, 27 + (parity ^ 1), &DIGEST);
        assert_eq!(got, Ok(signature));
        assert_eq!(
            Signature::from_wallet(&signature.r, &s, 2, &DIGEST),
            Err(BadSignature::Malformed)
        );
    }

    #[test]
    fn its_text_is_its_128_bytes() {
        let signature = key().sign(&DIGEST);
        let text = signature.to_string();
        assert_eq!(text.len(), 258);
        assert_eq!(text.parse(), Ok(signature));
    }
}
