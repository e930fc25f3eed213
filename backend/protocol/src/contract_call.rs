//! What can be asked of the contract, as data. The Qtum crate encodes and sends it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    amount::{Amount, Net},
    balance_proof::SignedProof,
    hash::{Account, Preimage},
    lock::Lock,
    params::ChannelParams,
    side::Side,
    signature::Signature,
};

/// A call of `DuplexChannel` (PROTOCOL §3). `None` for a signature is the all-zero `Sig`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ContractCall {
    /// Opens a channel with the caller as A.
    Open {
        /// The partner.
        account_b: Account,
        /// The asset, zero for QTUM.
        token: Account,
        /// A's first deposit, may be 0.
        amount: Amount,
        /// The finalization period in blocks.
        window: u32,
        /// The price of hiding, in 1/10,000.
        penalty_bps: u16,
    },
    /// Adds to a side.
    Deposit {
        /// The channel.
        params: ChannelParams,
        /// Whose balance grows.
        to: Side,
        /// By how much.
        amount: Amount,
    },
    /// Takes part of a balance out while the channel stays open.
    CooperativeWithdraw {
        /// The channel.
        params: ChannelParams,
        /// Whose balance, and who is paid.
        from: Side,
        /// How much.
        amount: Amount,
        /// The last block in which it counts.
        valid_until: u32,
        /// A's; `None` when A calls.
        signature_a: Option<Signature>,
        /// B's; `None` when B calls.
        signature_b: Option<Signature>,
    },
    /// Pays both at once.
    CooperativeClose {
        /// The channel.
        params: ChannelParams,
        /// What A gains on its own net deposits.
        net_to_a: Net,
        /// The last block in which it counts.
        valid_until: u32,
        /// A's; `None` when A calls.
        signature_a: Option<Signature>,
        /// B's; `None` when B calls.
        signature_b: Option<Signature>,
    },
    /// Closes alone, with a declaration.
    Close {
        /// The channel.
        params: ChannelParams,
        /// All that the caller ever signed away.
        declared: Amount,
        /// The partner's newest proof, if there is one.
        incoming: Option<SignedProof>,
        /// The last block in which it counts.
        valid_until: u32,
    },
    /// Closes alone, without data.
    Recover {
        /// The channel.
        params: ChannelParams,
        /// The last block in which it counts.
        valid_until: u32,
    },
    /// Posts an agreed proof.
    CounterClaim {
        /// The channel.
        params: ChannelParams,
        /// The proof with its sender's signature.
        proof: SignedProof,
        /// The recipient's ack; `None` when the recipient calls.
        ack: Option<Signature>,
    },
    /// Raises what a proof's signer owes at least.
    RaiseFloor {
        /// The channel.
        params: ChannelParams,
        /// The proof with its sender's signature.
        proof: SignedProof,
    },
    /// Pays both after the period.
    Settle {
        /// The channel.
        params: ChannelParams,
        /// The locks of A's posted proof.
        locks_ab: Vec<Lock>,
        /// The locks of B's posted proof.
        locks_ba: Vec<Lock>,
    },
    /// Records when payment hashes were opened.
    RegisterPreimages {
        /// What opens them.
        preimages: Vec<Preimage>,
    },
    /// Fetches what could not be paid to the caller.
    Withdraw {
        /// The asset, zero for QTUM.
        token: Account,
        /// Where to.
        to: Account,
    },
}

impl ContractCall {
    /// The QTUM that must go with it, in satoshi.
    pub fn value(&self) -> Amount {
        match self {
            Self::Open { token, amount, .. } if *token == Account::ZERO => *amount,
            Self::Deposit { params, amount, .. } if params.is_native() => *amount,
            _ => Amount::ZERO,
        }
    }

    /// The channel that it is about, if it names one.
    pub fn params(&self) -> Option<&ChannelParams> {
        match self {
            Self::Deposit { params, .. }
            | Self::CooperativeWithdraw { params, .. }
            | Self::CooperativeClose { params, .. }
            | Self::Close { params, .. }
            | Self::Recover { params, .. }
            | Self::CounterClaim { params, .. }
            | Self::RaiseFloor { params, .. }
            | Self::Settle { params, .. } => Some(params),
            Self::Open { .. } | Self::RegisterPreimages { .. } | Self::Withdraw { .. } => None,
        }
    }
}
