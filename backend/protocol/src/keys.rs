//! Keys: an account is the hash160 of its compressed public key (PROTOCOL §2).

use core::{fmt, str::FromStr};

use k256::{
    AffinePoint, Sec1Point,
    ecdsa::SigningKey,
    elliptic_curve::sec1::{FromSec1Point, ToSec1Point},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{
    hash::{Account, Hash, InvalidHex},
    signature::Signature,
    text,
};

/// A secret key. Wiped when dropped, never printed, has no JSON form.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From 32 bytes, or [`InvalidKey`] for zero and for what is not below the curve's order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKey> {
        SigningKey::from_slice(bytes)
            .map(Self)
            .map_err(|_| InvalidKey)
    }

    /// The 32 bytes, for writing a WIF or a backup.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::of_point(self.0.verifying_key().as_affine())
    }

    /// Who the holder of this key is on Qtum.
    pub fn account(&self) -> Account {
        self.public_key().account()
    }

    /// What `ecrecover` yields for this key's signatures ("`ECRecovery` address"). Nothing may ever
    /// be paid to it.
    pub fn signer(&self) -> Account {
        keccak_address(self.0.verifying_key().as_affine())
    }

    /// Signs a digest. Deterministic (RFC 6979): the same digest gives the same signature.
    pub fn sign(&self, digest: &Hash) -> Signature {
        let (signature, recovery) = self.0.sign_prehash_recoverable(&digest.0);
        Signature::from_parts(&signature, recovery, self.0.verifying_key().as_affine())
    }
}

/// Its only member wipes itself; the compiler holds that in the test below.
impl ZeroizeOnDrop for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretKey(…)")
    }
}

/// A compressed public key: a node's identity. JSON: "0x" and 66 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 33]);

impl PublicKey {
    /// From the 33 bytes of SEC 1, if they are a point of the curve.
    pub fn from_bytes(bytes: &[u8; 33]) -> Result<Self, InvalidKey> {
        decode(bytes).map(|_| Self(*bytes)).ok_or(InvalidKey)
    }

    /// The 33 bytes of SEC 1.
    pub fn to_bytes(self) -> [u8; 33] {
        self.0
    }

    /// Who the holder of this key is on Qtum.
    pub fn account(&self) -> Account {
        Account::hash160(&self.0)
    }

    /// What `ecrecover` yields for this key's signatures.
    pub fn signer(&self) -> Account {
        // A key is only ever made from a point, so the fallback is never taken.
        decode(&self.0).map_or(Account::ZERO, |point| keccak_address(&point))
    }

    fn of_point(point: &AffinePoint) -> Self {
        let mut bytes = [0; 33];
        bytes.copy_from_slice(point.to_sec1_point(true).as_bytes());
        Self(bytes)
    }
}

fn decode(bytes: &[u8; 33]) -> Option<AffinePoint> {
    AffinePoint::from_sec1_point(&Sec1Point::from_bytes(bytes).ok()?).into()
}

fn keccak_address(point: &AffinePoint) -> Account {
    let hash = Hash::keccak(&[&point.to_sec1_point(false).as_bytes()[1..]]);
    let mut address = Account::ZERO;
    address.0.copy_from_slice(&hash.0[12..]);
    address
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_hex(formatter, &self.0)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut bytes = [0; 33];
        text::hex_into(text, &mut bytes).map_err(|InvalidHex { .. }| InvalidKey)?;
        Self::from_bytes(&bytes)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer)
    }
}

/// Bytes that are no key of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key of secp256k1")]
pub struct InvalidKey;

#[cfg(test)]
mod tests {
    use std::{format, string::ToString};

    use super::*;

    #[test]
    fn a_secret_key_is_not_printed() {
        let key = SecretKey::from_bytes(&[1; 32]).expect("a key");
        assert_eq!(format!("{key:?}"), "SecretKey(…)");
    }

    #[test]
    fn a_secret_key_is_wiped_when_dropped() {
        fn wiped<T: ZeroizeOnDrop>(_: &T) {}
        let key = SecretKey::from_bytes(&[1; 32]).expect("a key");
        wiped(&key.0);
        wiped(&key.to_bytes());
        assert!(core::mem::needs_drop::<SecretKey>());
    }

    #[test]
    fn zero_and_the_order_are_no_keys() {
        assert_eq!(SecretKey::from_bytes(&[0; 32]).err(), Some(InvalidKey));
        assert_eq!(SecretKey::from_bytes(&[0xff; 32]).err(), Some(InvalidKey));
        assert!(PublicKey::from_bytes(&[2; 33]).is_ok());
        assert_eq!(PublicKey::from_bytes(&[5; 33]), Err(InvalidKey));
    }

    #[test]
    fn a_public_key_says_the_same_as_its_secret() {
        let key = SecretKey::from_bytes(&[1; 32]).expect("a key");
        let public = key.public_key();
        assert_eq!(public.account(), key.account());
        assert_eq!(public.signer(), key.signer());
        assert_eq!(public.to_string().parse(), Ok(public));
    }
}
