//! The payment-channel protocol as pure functions.
//!
//! No sockets, no clock, no disk, no randomness: time is a block height handed in, and whatever the
//! world must do is handed back as data, a [`ContractCall`] or a proof to sign. `no_std` keeps it so.
//!
//! - What is signed: [`BalanceProof`], [`Ack`], [`cooperative`], [`login`], all EIP-712 ([`eip712`]).
//! - What the chain says: [`ChainEvent`]s folded into [`Facts`].
//! - What both together mean: [`Channel`], the neutral two-direction ledger that participants, relay
//!   and watchtower share, with one rule per variant of [`Rejected`].
//! - What follows when it ends: [`settlement`], and [`watch`] for what to do about it now.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod ack;
pub mod amount;
pub mod balance_proof;
pub mod channel;
pub mod contract_call;
pub mod cooperative;
pub mod eip712;
pub mod event;
pub mod facts;
pub mod hash;
pub mod keys;
pub mod lock;
pub mod login;
pub mod params;
pub mod policy;
#[cfg(feature = "libsecp256k1")]
mod recovered;
pub mod rejected;
pub mod settlement;
pub mod side;
pub mod signature;
mod text;
pub mod update;
pub mod watch;
pub mod word;

pub use ack::{Ack, UnsignedAck};
pub use amount::{Amount, Net};
pub use balance_proof::{BalanceProof, MAX_NONCE, SignedProof};
pub use channel::{
    Authorisation, Balances, Channel, Contradiction, Doubt, Hearsay, Meeting, Met, Standing, Street,
};
pub use contract_call::ContractCall;
pub use cooperative::{CooperativeClose, CooperativeWithdraw};
pub use eip712::Domain;
pub use event::ChainEvent;
pub use facts::{Facts, Phase};
pub use hash::{Account, ChannelId, Hash, PaymentHash, Preimage};
pub use keys::{PublicKey, SecretKey};
pub use lock::{Lock, MAX_LOCKS};
pub use login::Login;
pub use params::ChannelParams;
pub use policy::{Reserve, Tip};
pub use rejected::{Nack, Refused, Rejected};
pub use side::Side;
pub use signature::{BadSignature, Signature};
pub use update::{Operation, RemoveReason, Update};
pub use word::{Held, UnsignedWord, Word};
