//! A participant's word on what it holds of a channel, given when its partner asks after a loss.

use serde::{Deserialize, Serialize};

use crate::{
    eip712::{Domain, struct_hash, word},
    hash::{Account, ChannelId, Hash},
    signature::{BadSignature, Signature},
};

/// The newest proof that somebody holds of one direction; nonce 0 and a zero hash for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// Its nonce.
    pub nonce: u64,
    /// `hashStruct` of it.
    pub proof_hash: Hash,
}

/// "Asked with this question, I hold these proofs of ours and no newer ones."
///
/// A relay that was restored from an old copy can be wrong about which proofs are the newest, and it
/// can lie; whoever lost its memory therefore asks its partner. The question is chosen at random by
/// the one who asks, so that an old word can not be shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Word {
    /// The channel.
    pub channel_id: ChannelId,
    /// What was asked: 32 random bytes.
    pub question: Hash,
    /// The newest proofs of both directions, A's first.
    pub held: [Held; 2],
    /// Of the participant who was asked.
    pub signature: Signature,
}

impl Word {
    /// What the asked participant signed.
    pub fn digest(&self, domain: &Domain) -> Hash {
        digest(&self.channel_id, &self.question, &self.held, domain)
    }

    /// Whether `account` gave it.
    pub fn verify(&self, domain: &Domain, account: &Account) -> Result<(), BadSignature> {
        self.signature.verify(&self.digest(domain), account)
    }
}

/// A word that waits for its signature. See [`Channel::word`](crate::Channel::word).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnsignedWord {
    /// The channel.
    pub channel_id: ChannelId,
    /// What was asked.
    pub question: Hash,
    /// The newest proofs of both directions, A's first.
    pub held: [Held; 2],
}

impl UnsignedWord {
    /// What is signed.
    pub fn digest(&self, domain: &Domain) -> Hash {
        digest(&self.channel_id, &self.question, &self.held, domain)
    }

    /// With the signature.
    pub fn signed(self, signature: Signature) -> Word {
        let Self {
            channel_id,
            question,
            held,
        } = self;
        Word {
            channel_id,
            question,
            held,
            signature,
        }
    }
}

/// The type's name is not one that the contract knows: a word moves no money.
fn digest(channel: &ChannelId, question: &Hash, held: &[Held; 2], domain: &Domain) -> Hash {
    let [a, b] = held;
    domain.digest(&struct_hash(
        "Word(bytes32 channelId,bytes32 question,uint48 nonceA,bytes32 proofA,uint48 nonceB,bytes32 proofB)",
        &[
            channel.0.0,
            question.0,
            word(a.nonce.into()),
            a.proof_hash.0,
            word(b.nonce.into()),
            b.proof_hash.0,
        ],
    ))
}
