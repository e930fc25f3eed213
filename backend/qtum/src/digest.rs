//! SHA-256 applied twice, and the names of transactions and blocks that are made with it.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// SHA-256 applied twice: transaction ids, block hashes, signature digests, checksums.
pub fn sha256d(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(Sha256::digest(bytes)).into()
}

/// Text is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a 32-byte hash: expected 64 hexadecimal digits")]
pub struct NotAHash;

macro_rules! reversed_hash {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        ///
        /// Held in the byte order in which it is hashed and serialised; printed and read reversed,
        /// as Qtum's JSON-RPC and every explorer do.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAHash;

            fn from_str(text: &str) -> Result<Self, NotAHash> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAHash)?;
                bytes.reverse();
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

reversed_hash! {
    /// The id of a transaction: sha256d of its serialisation without witnesses.
    Txid
}

reversed_hash! {
    /// The hash of a block header: what a reorganisation changes while the height stays.
    BlockHash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_txid_is_printed_in_reverse() {
        let mut bytes = [0; 32];
        bytes[31] = 0xab;
        let text = format!("ab{}", "00".repeat(31));
        assert_eq!(Txid(bytes).to_string(), text);
        assert_eq!(text.parse(), Ok(Txid(bytes)));
        assert_eq!("ab".parse::<Txid>(), Err(NotAHash));
        assert_eq!(format!("0x{text}").parse::<Txid>(), Err(NotAHash));
    }
}
