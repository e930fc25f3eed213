//! How a participant proves to a relay who it is.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::{
    eip712::{digest, struct_hash, word},
    hash::{Account, Hash},
};

/// A signed challenge. Its domain names no contract and another product name, so that it can never
/// be mistaken for anything that moves money.
///
/// The client rebuilds it from what it knows (its account, the relay and origin it talks to) and
/// never signs a digest that it was handed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// Who logs in.
    pub account: Account,
    /// The relay's public URL.
    pub relay: String,
    /// The page or program that asks.
    pub origin: String,
    /// The relay's challenge.
    pub nonce: Hash,
    /// Seconds since 1970.
    pub issued_at: u64,
    /// Seconds since 1970.
    pub expires_at: u64,
}

impl Login {
    /// What the account signs.
    pub fn digest(&self) -> Hash {
        let separator = struct_hash(
            "EIP712Domain(string name,string version)",
            &[Hash::keccak(&[b"Sparky Login"]).0, Hash::keccak(&[b"1"]).0],
        );
        let members = struct_hash(
            "Login(address account,string relay,string origin,bytes32 nonce,uint64 issuedAt,uint64 expiresAt)",
            &[
                self.account.to_word(),
                Hash::keccak(&[self.relay.as_bytes()]).0,
                Hash::keccak(&[self.origin.as_bytes()]).0,
                self.nonce.0,
                word(self.issued_at.into()),
                word(self.expires_at.into()),
            ],
        );
        digest(&separator, &members)
    }
}
