//! Hashes and what is known by its hash: channels, accounts, payments.

use core::{fmt, str::FromStr};

use ripemd::Ripemd160;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use sha3::Keccak256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::text;
pub use crate::text::InvalidHex;

/// Gives a byte array the one text form that the product uses: "0x" and lower-case hex.
macro_rules! written_as_hex {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                text::write_hex(formatter, &self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidHex;

            fn from_str(text: &str) -> Result<Self, InvalidHex> {
                let mut bytes = Self::default();
                text::hex_into(text, &mut bytes.0)?;
                Ok(bytes)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                text::deserialize(deserializer)
            }
        }
    };
}

/// 32 bytes that commit to something.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// All zero: the root of no locks, the preimage block of none.
    pub const ZERO: Self = Self([0; 32]);

    /// Ethereum's Keccak-256 of `parts`, one after the other.
    pub fn keccak(parts: &[&[u8]]) -> Self {
        let mut hasher = Keccak256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// SHA-256 of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

written_as_hex!(Hash);

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A channel's id: the hash of its parameters (PROTOCOL §3). Never comes back.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ChannelId(pub Hash);

impl fmt::Display for ChannelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for ChannelId {
    type Err = InvalidHex;

    fn from_str(text: &str) -> Result<Self, InvalidHex> {
        text.parse().map(Self)
    }
}

/// SHA-256 of a [`Preimage`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct PaymentHash(pub Hash);

impl fmt::Display for PaymentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for PaymentHash {
    type Err = InvalidHex;

    fn from_str(text: &str) -> Result<Self, InvalidHex> {
        text.parse().map(Self)
    }
}

/// The secret that a payment hash commits to. Wiped when dropped, never printed.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Preimage(pub [u8; 32]);

impl Preimage {
    /// The payment hash that this opens.
    pub fn payment_hash(&self) -> PaymentHash {
        PaymentHash(Hash::sha256(&self.0))
    }
}

written_as_hex!(Preimage);

impl fmt::Debug for Preimage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Preimage(…)")
    }
}

/// Who acts on chain: hash160 of a compressed public key, `msg.sender` on Qtum. Also a contract.
///
/// The address is its base58 text; here it is written in hex.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(pub [u8; 20]);

impl Account {
    /// Nobody; as an asset, QTUM.
    pub const ZERO: Self = Self([0; 20]);

    /// hash160 of `bytes`.
    pub fn hash160(bytes: &[u8]) -> Self {
        Self(Ripemd160::digest(Sha256::digest(bytes)).into())
    }

    /// As a 32-byte word of the contract's ABI.
    pub fn to_word(self) -> [u8; 32] {
        let mut word = [0; 32];
        word[12..].copy_from_slice(&self.0);
        word
    }
}

written_as_hex!(Account);

impl fmt::Debug for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn hex_is_exact() {
        let text = format!("0x{}", "ab".repeat(32));
        assert_eq!(
            text.parse::<Hash>().map(|hash| format!("{hash}")),
            Ok(text.clone())
        );
        for wrong in [
            "",
            "0x",
            &text[2..],
            &text[..64],
            &format!("{text}00"),
            &"0xzz".repeat(16),
        ] {
            assert_eq!(
                wrong.parse::<Hash>(),
                Err(InvalidHex { expected: 32 }),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_preimage_is_not_printed() {
        assert_eq!(format!("{:?}", Preimage([7; 32])), "Preimage(…)");
    }

    #[test]
    fn hashes_are_the_well_known_ones() {
        assert_eq!(
            format!("{}", Hash::keccak(&[b""])),
            "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
        );
        assert_eq!(
            format!("{}", Preimage([0; 32]).payment_hash()),
            "0x66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
        );
    }
}
