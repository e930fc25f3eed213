//! The balance proof: a participant's latest word on what it has sent.

use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    eip712::{Domain, struct_hash, word},
    hash::{Account, ChannelId, Hash},
    signature::{BadSignature, Signature},
};

/// The largest nonce that the contract can store (`uint48`).
pub const MAX_NONCE: u64 = (1 << 48) - 1;

/// "I have sent you `transferred` in all; this is my `nonce`-th word; these locks are open."
///
/// Signed by the sender; who signed says which direction (PROTOCOL §1, §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BalanceProof {
    /// The channel.
    pub channel_id: ChannelId,
    /// Counts the sender's proofs from 1, at most [`MAX_NONCE`]; 0 means none.
    pub nonce: u64,
    /// All that the sender has ever sent; never falls. Smallest units of the asset.
    pub transferred: Amount,
    /// Commits to the conditional payments still open; zero for none.
    pub locks_root: Hash,
}

impl BalanceProof {
    /// `hashStruct`; what an ack refers to.
    pub fn struct_hash(&self) -> Hash {
        struct_hash(
            "BalanceProof(bytes32 channelId,uint48 nonce,uint96 transferred,bytes32 locksRoot)",
            &[
                self.channel_id.0.0,
                word(self.nonce.into()),
                word(self.transferred.0),
                self.locks_root.0,
            ],
        )
    }

    /// What its sender signs.
    pub fn digest(&self, domain: &Domain) -> Hash {
        domain.digest(&self.struct_hash())
    }

    /// With its sender's signature.
    pub fn signed(self, signature: Signature) -> SignedProof {
        SignedProof {
            proof: self,
            signature,
        }
    }
}

/// A balance proof with its sender's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedProof {
    /// What is said.
    pub proof: BalanceProof,
    /// By whom.
    pub signature: Signature,
}

impl SignedProof {
    /// Whether `sender` signed it.
    pub fn verify(&self, domain: &Domain, sender: &Account) -> Result<(), BadSignature> {
        self.signature.verify(&self.proof.digest(domain), sender)
    }
}
