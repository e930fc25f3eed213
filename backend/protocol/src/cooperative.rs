//! What both participants sign together: closing at once, and taking money out while open.

use serde::{Deserialize, Serialize};

use crate::{
    amount::{Amount, Net},
    eip712::{Domain, signed_word, struct_hash, word},
    hash::{ChannelId, Hash},
    side::Side,
};

/// "Pay netA + `net_to_a` to A and netB − `net_to_a` to B, at once."
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CooperativeClose {
    /// The channel.
    pub channel_id: ChannelId,
    /// What A gains on its own net deposits; negative when A loses. Relative, so that nobody's
    /// deposit in between can break it.
    pub net_to_a: Net,
    /// The contract's current sequence; makes it work at most once.
    pub sequence: u16,
    /// The last block in which it counts.
    pub valid_until: u32,
}

impl CooperativeClose {
    /// What both sign.
    pub fn digest(&self, domain: &Domain) -> Hash {
        domain.digest(&struct_hash(
            "CooperativeClose(bytes32 channelId,int96 netToA,uint16 sequence,uint32 validUntil)",
            &[
                self.channel_id.0.0,
                signed_word(self.net_to_a.0),
                word(self.sequence.into()),
                word(self.valid_until.into()),
            ],
        ))
    }
}

/// "Take `amount` out of one side's balance; the channel stays open."
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CooperativeWithdraw {
    /// The channel.
    pub channel_id: ChannelId,
    /// Whose balance, and who is paid (`fromB` in the contract).
    pub from: Side,
    /// How much, in smallest units of the asset.
    pub amount: Amount,
    /// The contract's current sequence; makes it work at most once.
    pub sequence: u16,
    /// The last block in which it counts.
    pub valid_until: u32,
}

impl CooperativeWithdraw {
    /// What both sign.
    pub fn digest(&self, domain: &Domain) -> Hash {
        domain.digest(&struct_hash(
            "CooperativeWithdraw(bytes32 channelId,bool fromB,uint96 amount,uint16 sequence,uint32 validUntil)",
            &[
                self.channel_id.0.0,
                word(u128::from(self.from.is_b())),
                word(self.amount.0),
                word(self.sequence.into()),
                word(self.valid_until.into()),
            ],
        ))
    }
}
