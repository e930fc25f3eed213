//! The ack: a recipient's receipt, which makes a proof agreed and revokes all older ones.

use serde::{Deserialize, Serialize};

use crate::{
    eip712::{Domain, struct_hash},
    hash::{Account, ChannelId, Hash},
    side::Side,
    signature::{BadSignature, Signature},
};

/// The recipient's signature over a proof that it accepts. Cumulative: older proofs are revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ack {
    /// The channel.
    pub channel_id: ChannelId,
    /// The direction that is acked: who sent the proof. The other side signs.
    pub sender: Side,
    /// The proof's nonce; not signed itself, the hash fixes it.
    pub nonce: u64,
    /// `hashStruct` of the proof.
    pub proof_hash: Hash,
    /// The recipient's.
    pub signature: Signature,
}

impl Ack {
    /// What the recipient signed.
    pub fn digest(&self, domain: &Domain) -> Hash {
        ack_digest(&self.proof_hash, domain)
    }

    /// Whether `recipient` signed it.
    pub fn verify(&self, domain: &Domain, recipient: &Account) -> Result<(), BadSignature> {
        self.signature.verify(&self.digest(domain), recipient)
    }
}

/// An ack that waits for the recipient's signature. See [`Channel::ack`](crate::Channel::ack).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnsignedAck {
    /// The channel.
    pub channel_id: ChannelId,
    /// The direction that is acked.
    pub sender: Side,
    /// The proof's nonce.
    pub nonce: u64,
    /// `hashStruct` of the proof.
    pub proof_hash: Hash,
}

impl UnsignedAck {
    /// What the recipient signs.
    pub fn digest(&self, domain: &Domain) -> Hash {
        ack_digest(&self.proof_hash, domain)
    }

    /// With the recipient's signature.
    pub fn signed(self, signature: Signature) -> Ack {
        let Self {
            channel_id,
            sender,
            nonce,
            proof_hash,
        } = self;
        Ack {
            channel_id,
            sender,
            nonce,
            proof_hash,
            signature,
        }
    }
}

fn ack_digest(proof_hash: &Hash, domain: &Domain) -> Hash {
    domain.digest(&struct_hash("Ack(bytes32 proofHash)", &[proof_hash.0]))
}
