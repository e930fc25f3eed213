//! Transactions: the bytes, the id, and the signature of a P2PKH input.

use serde::{Deserialize, Serialize};

use crate::digest::{Txid, sha256d};
use crate::script::Script;

mod encode;
mod sign;

pub use encode::{DecodeError, MAX_TRANSACTION_SIZE};
pub(crate) use encode::{Reader, write_compact};
pub use sign::{SIGHASH_ALL, SIGHASH_SINGLE_ANYONECANPAY, SignError, sender_digest};

/// Sequence that allows a replacement with a higher fee and uses no lock time. Final sequences could
/// not be replaced: Qtum Core has full replace-by-fee off.
pub const SEQUENCE: u32 = 0xffff_fffd;

/// One output of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutPoint {
    /// Which transaction.
    pub txid: Txid,
    /// Which of its outputs, from 0.
    pub vout: u32,
}

impl OutPoint {
    /// What the input of a coinbase spends: nothing.
    pub const NULL: Self = Self {
        txid: Txid([0; 32]),
        vout: u32::MAX,
    };
}

/// An input: what it spends and why it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxIn {
    /// The output spent.
    pub previous: OutPoint,
    /// Unlocking script; empty while unsigned.
    pub script_sig: Script,
    /// See [`SEQUENCE`].
    pub sequence: u32,
    /// Witness stack, empty for P2PKH.
    pub witness: Vec<Vec<u8>>,
}

impl TxIn {
    /// An unsigned, replaceable input.
    pub const fn unsigned(previous: OutPoint) -> Self {
        Self {
            previous,
            script_sig: Script(Vec::new()),
            sequence: SEQUENCE,
            witness: Vec::new(),
        }
    }
}

/// An output: how much and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxOut {
    /// Satoshi. A contract sees them as `msg.value`.
    pub value: u64,
    /// Who may spend it, or what it calls.
    pub script: Script,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// 2 for ours.
    pub version: i32,
    /// What is spent. The owner of the first is the sender of the contract calls.
    pub inputs: Vec<TxIn>,
    /// What is created, contract calls included; they run in this order.
    pub outputs: Vec<TxOut>,
    /// Height or time before which it is not mined; 0 for ours.
    pub lock_time: u32,
}

impl Transaction {
    /// Parses exactly one transaction, with or without witnesses.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        encode::decode(bytes)
    }

    /// Parses the hexadecimal form that JSON-RPC uses.
    pub fn from_hex(text: &str) -> Result<Self, DecodeError> {
        if 2 * MAX_TRANSACTION_SIZE < text.len() {
            return Err(DecodeError::TooLarge);
        }
        Self::decode(&hex::decode(text).map_err(|_| DecodeError::NotHexadecimal)?)
    }

    /// The bytes that travel: with witnesses if there are any.
    pub fn encode(&self) -> Vec<u8> {
        encode::encode(self, self.has_witness())
    }

    /// The bytes that are hashed for the id: never with witnesses.
    pub fn encode_without_witness(&self) -> Vec<u8> {
        encode::encode(self, false)
    }

    /// The hexadecimal form that JSON-RPC uses.
    pub fn to_hex(&self) -> String {
        hex::encode(self.encode())
    }

    /// The id.
    pub fn txid(&self) -> Txid {
        Txid(sha256d(&self.encode_without_witness()))
    }

    /// The hash over everything, witnesses included.
    pub fn witness_hash(&self) -> Txid {
        Txid(sha256d(&self.encode()))
    }

    /// Virtual size in bytes, which fees are counted by: a witness byte counts a quarter.
    pub fn virtual_size(&self) -> usize {
        (3 * self.encode_without_witness().len() + self.encode().len()).div_ceil(4)
    }

    /// Whether this is the reward of a block.
    pub fn is_coinbase(&self) -> bool {
        matches!(self.inputs.as_slice(), [only] if only.previous == OutPoint::NULL)
    }

    fn has_witness(&self) -> bool {
        self.inputs.iter().any(|input| !input.witness.is_empty())
    }
}

#[cfg(test)]
mod tests;
