//! What a channel is, for ever: hashed into its id, never stored by the contract.

use serde::{Deserialize, Serialize};

use crate::{
    eip712::word,
    hash::{Account, ChannelId, Hash},
    side::Side,
};

/// A channel's parameters (`Params` in the contract).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelParams {
    /// Counts the contract's channels: "channel 5".
    pub number: u64,
    /// The opener.
    pub account_a: Account,
    /// The opener's partner.
    pub account_b: Account,
    /// The asset: a QRC20 contract, or zero for QTUM.
    pub token: Account,
    /// The finalization period in blocks.
    pub window: u32,
    /// The price of hiding, in 1/10,000 of what was hidden.
    pub penalty_bps: u16,
}

impl ChannelParams {
    /// `keccak256(abi.encode(params))`.
    pub fn id(&self) -> ChannelId {
        ChannelId(Hash::keccak(&[[
            word(self.number.into()),
            self.account_a.to_word(),
            self.account_b.to_word(),
            self.token.to_word(),
            word(self.window.into()),
            word(self.penalty_bps.into()),
        ]
        .as_flattened()]))
    }

    /// Who stands on `side`.
    pub fn account(&self, side: Side) -> Account {
        match side {
            Side::A => self.account_a,
            Side::B => self.account_b,
        }
    }

    /// On which side `account` stands, if it takes part.
    pub fn side_of(&self, account: &Account) -> Option<Side> {
        Side::BOTH
            .into_iter()
            .find(|side| self.account(*side) == *account)
    }

    /// Whether the asset is QTUM itself.
    pub fn is_native(&self) -> bool {
        self.token == Account::ZERO
    }
}
