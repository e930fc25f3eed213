//! What travels: a proof together with the operations that lead to it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{amount::Amount, balance_proof::SignedProof, hash::Preimage, lock::Lock};

/// The sender's next proof, and how it follows from the last (PROTOCOL §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// What happened since the last proof, in order.
    pub operations: Vec<Operation>,
    /// The proof that results.
    pub proof: SignedProof,
}

/// One step from a proof to the next (PROTOCOL §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Operation {
    /// Pays at once.
    Transfer {
        /// How much, more than nothing.
        amount: Amount,
    },
    /// Adds a conditional payment.
    LockAdd {
        /// Its terms.
        lock: Lock,
        /// Where it goes next, opaque to this channel. JSON: "0x" and hex digits.
        #[serde(with = "onion_as_hex", default)]
        onion: Vec<u8>,
    },
    /// Pays a lock: the preimage is known.
    LockSettle {
        /// Which lock.
        id: u64,
        /// What opens it.
        preimage: Preimage,
    },
    /// Takes a lock back.
    LockRemove {
        /// Which lock.
        id: u64,
        /// Why.
        reason: RemoveReason,
    },
}

/// Why a lock is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemoveReason {
    /// The recipient said that it can not be paid on.
    Failed,
    /// Nobody showed the preimage in time.
    Expired,
}

mod onion_as_hex {
    use alloc::{format, string::String, vec::Vec};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(onion: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("0x{}", hex::encode(onion)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let digits = text
            .strip_prefix("0x")
            .ok_or_else(|| D::Error::custom("not 0x and hex"))?;
        hex::decode(digits).map_err(D::Error::custom)
    }
}
