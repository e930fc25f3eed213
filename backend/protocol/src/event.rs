//! What the contract says happened. One variant per event; the contract crate decodes them.

use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    hash::{Account, ChannelId, Hash, PaymentHash, Preimage},
    params::ChannelParams,
    side::Side,
};

/// An event of `DuplexChannel`. Amounts are smallest units of the channel's asset, heights blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ChainEvent {
    /// A opened a channel and deposited.
    Opened {
        /// The id that the event carries; equals `params.id()`.
        channel_id: ChannelId,
        /// What the channel is.
        params: ChannelParams,
        /// A's first deposit, may be 0.
        amount: Amount,
    },
    /// Somebody added to a side.
    Deposited {
        /// The channel.
        channel_id: ChannelId,
        /// Whose balance grew.
        to: Side,
        /// By how much.
        amount: Amount,
    },
    /// A cooperative withdrawal.
    Withdrawn {
        /// The channel.
        channel_id: ChannelId,
        /// Whose balance shrank.
        from: Side,
        /// By how much.
        amount: Amount,
        /// The contract's sequence from now on.
        sequence: u16,
    },
    /// The end by agreement.
    CooperativelyClosed {
        /// The channel.
        channel_id: ChannelId,
        /// What A got.
        pay_a: Amount,
        /// What B got.
        pay_b: Amount,
    },
    /// One participant closed alone, with a declaration.
    Closed {
        /// The channel.
        channel_id: ChannelId,
        /// Who closed.
        by: Side,
        /// All that the closer says it signed away.
        declared: Amount,
        /// The partner's proof that the closer posted; 0 for none.
        nonce: u64,
        /// Of that proof.
        transferred: Amount,
        /// Of that proof.
        locks_root: Hash,
        /// The last block for counter-claims.
        deadline: u32,
    },
    /// One participant closed alone, without its data.
    Recovered {
        /// The channel.
        channel_id: ChannelId,
        /// Who closed.
        by: Side,
        /// The last block for counter-claims.
        deadline: u32,
    },
    /// An agreed proof was posted.
    CounterClaimed {
        /// The channel.
        channel_id: ChannelId,
        /// The direction: who signed the proof.
        sender: Side,
        /// Of that proof.
        nonce: u64,
        /// Of that proof.
        transferred: Amount,
        /// Of that proof.
        locks_root: Hash,
        /// As the contract tells it.
        settleable_at: u32,
    },
    /// A signed proof raised what its signer owes at least.
    FloorRaised {
        /// The channel.
        channel_id: ChannelId,
        /// The direction: who signed the proof.
        sender: Side,
        /// The floor from now on.
        floor: Amount,
    },
    /// Both were paid.
    Settled {
        /// The channel.
        channel_id: ChannelId,
        /// What A got, the penalty included.
        pay_a: Amount,
        /// What B got, the penalty included.
        pay_b: Amount,
        /// What the closer paid for hiding.
        penalty: Amount,
    },
    /// A payment hash was opened on chain.
    PreimageRegistered {
        /// Which.
        payment_hash: PaymentHash,
        /// By what.
        preimage: Preimage,
    },
    /// A payout did not arrive and waits.
    Credited {
        /// For whom.
        account: Account,
        /// The asset, zero for QTUM.
        token: Account,
        /// How much.
        amount: Amount,
    },
    /// A waiting payout was fetched.
    CreditWithdrawn {
        /// Whose.
        account: Account,
        /// The asset, zero for QTUM.
        token: Account,
        /// Where it went.
        to: Account,
        /// How much.
        amount: Amount,
    },
}

impl ChainEvent {
    /// The channel that it concerns, if it concerns one.
    pub fn channel_id(&self) -> Option<ChannelId> {
        match self {
            Self::Opened { channel_id, .. }
            | Self::Deposited { channel_id, .. }
            | Self::Withdrawn { channel_id, .. }
            | Self::CooperativelyClosed { channel_id, .. }
            | Self::Closed { channel_id, .. }
            | Self::Recovered { channel_id, .. }
            | Self::CounterClaimed { channel_id, .. }
            | Self::FloorRaised { channel_id, .. }
            | Self::Settled { channel_id, .. } => Some(*channel_id),
            Self::PreimageRegistered { .. }
            | Self::Credited { .. }
            | Self::CreditWithdrawn { .. } => None,
        }
    }
}
