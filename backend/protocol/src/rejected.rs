//! Why something is refused: one variant per rule, in the order they are checked.

use alloc::{borrow::ToOwned, string::String};

use serde::{Deserialize, Serialize};

use crate::{
    amount::{Amount, Net},
    hash::{Account, ChannelId},
    side::Side,
    signature::BadSignature,
};

/// The same rules bind who proposes and who accepts; the sender is refused by itself.
pub type Refused = Rejected;

/// A rule of PROTOCOL §4 that was not kept, with both figures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is about another channel.
    #[error("this is channel {expected}, not {got}")]
    WrongChannel {
        /// This one.
        expected: ChannelId,
        /// The one it names.
        got: ChannelId,
    },
    /// Signed by a stranger.
    #[error("{account} takes no part in this channel")]
    NotParticipant {
        /// Whose key it carries.
        account: Account,
    },
    /// Its own memory was lost or is old: which nonces it has used is not known yet.
    #[error("this memory was lost or restored; nothing is signed until {} was heard", if *.partner { "the partner" } else { "the relay" })]
    InDoubt {
        /// Whether the partner must be heard; else the relay is enough.
        partner: bool,
    },
    /// Another device signed with the same key, and the relay has its proof.
    #[error("two different proofs with nonce {nonce} were signed; one must give way")]
    Conflict {
        /// The nonce.
        nonce: u64,
    },
    /// We have exactly this one; nothing is wrong and nothing changes.
    #[error("proof {nonce} is already held")]
    AlreadyHeld {
        /// Its nonce.
        nonce: u64,
    },
    /// A closed channel takes no payments.
    #[error("the channel is closing since block {height}")]
    ChannelClosing {
        /// The block of the close.
        height: u32,
    },
    /// Something signed would be contradicted (PROTOCOL §4.5).
    #[error("a signed authorisation holds the channel until block {until}")]
    ChannelFrozen {
        /// The last block in which it counts.
        until: u32,
    },
    /// Not above the newest: somebody else wrote meanwhile, or it is a replay.
    #[error("nonce {got} is stale, the newest is {newest}")]
    StaleNonce {
        /// The newest accepted.
        newest: u64,
        /// The one that came.
        got: u64,
    },
    /// Something in between is missing.
    #[error("nonce {got} does not follow {newest}")]
    NonceGap {
        /// The newest accepted.
        newest: u64,
        /// The one that came.
        got: u64,
    },
    /// An update that does nothing.
    #[error("there is no operation")]
    NoOperations,
    /// A payment of nothing.
    #[error("a payment of nothing")]
    NothingSent,
    /// More than the contract can store.
    #[error("more than the contract can store")]
    TooLarge,
    /// The lock's id was used before, or belongs to an earlier proof: the proof with nonce n numbers
    /// the locks that it adds from 64 × n.
    #[error("lock {got} is not above {last}")]
    LockIdUsed {
        /// The highest that is not free.
        last: u64,
        /// The one that came.
        got: u64,
    },
    /// It would not expire in time, or, for its sender, has already.
    #[error("lock expires at {expiry}, outside ({height}, {latest}]")]
    LockExpiryOutOfRange {
        /// Now.
        height: u32,
        /// The latest allowed.
        latest: u32,
        /// What was asked.
        expiry: u32,
    },
    /// A proof can carry only so many.
    #[error("{got} locks, at most {most} are possible")]
    TooManyLocks {
        /// The limit.
        most: usize,
        /// What it would become.
        got: usize,
    },
    /// No such lock is open.
    #[error("lock {id} is not open")]
    UnknownLock {
        /// Which.
        id: u64,
    },
    /// Does not hash to the lock's payment hash.
    #[error("this preimage does not open lock {id}")]
    WrongPreimage {
        /// Which lock.
        id: u64,
    },
    /// Removing it as expired is premature; the same update may come again later.
    #[error("lock {id} counts as expired from block {earliest}, now is {height}")]
    LockNotExpired {
        /// Which lock.
        id: u64,
        /// From when.
        earliest: u32,
        /// Now.
        height: u32,
    },
    /// What was sent never falls.
    #[error("transferred fell from {last} to {got}")]
    TransferredFell {
        /// The last proof's.
        last: Amount,
        /// This one's.
        got: Amount,
    },
    /// The operations lead to another proof than the one that is signed.
    #[error(
        "the operations lead to transferred {expected}, the proof says {got}, or its locks differ"
    )]
    OperationsMismatch {
        /// What they lead to.
        expected: Amount,
        /// What is signed.
        got: Amount,
    },
    /// The sender cannot pay for it in the worst case.
    #[error("{needed} is more than the {available} that the sender can cover")]
    InsufficientBalance {
        /// What the sender could owe in the worst case, beyond what it owes now.
        needed: Amount,
        /// What it may add at most.
        available: Amount,
    },
    /// Too many removed locks wait for an ack.
    #[error("{most} proofs wait for an ack; ask the recipient for one")]
    TooManyUnacked {
        /// The limit.
        most: usize,
    },
    /// An ack of a proof that is not known here (any more).
    #[error("the ack is for proof {got}, not one between {oldest} and {newest}")]
    UnknownProof {
        /// The oldest that can be acked.
        oldest: u64,
        /// The newest.
        newest: u64,
        /// What was acked.
        got: u64,
    },
    /// Open conditional payments must be settled or removed first.
    #[error("{open} locks are still open")]
    LocksOpen {
        /// How many.
        open: usize,
    },
    /// An authorisation for another state of the contract.
    #[error("sequence {got}, the contract is at {expected}")]
    WrongSequence {
        /// The contract's.
        expected: u16,
        /// What is named.
        got: u16,
    },
    /// An authorisation that ended, or would bind for too long.
    #[error("valid until block {got}, must be within {height}..={latest}")]
    ValidUntilOutOfRange {
        /// Now.
        height: u32,
        /// The latest allowed.
        latest: u32,
        /// What is named.
        got: u32,
    },
    /// Not the division that the newest proofs say.
    #[error("the proposal gives A {got}, the newest proofs give {expected}")]
    WrongSplit {
        /// By the newest proofs.
        expected: Net,
        /// As proposed.
        got: Net,
    },
    /// The shown locks are not those that the proof commits to.
    #[error("the locks do not match the root of proof {nonce}")]
    WrongLocks {
        /// Whose.
        nonce: u64,
    },
    /// Nobody signed this.
    #[error(transparent)]
    BadSignature(#[from] BadSignature),
}

impl Rejected {
    /// The stable code; the relay's problem type where it has one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongChannel { .. } => "wrong-channel",
            Self::NotParticipant { .. } => "not-participant",
            Self::InDoubt { .. } => "recovering",
            Self::Conflict { .. } => "nonce-conflict",
            Self::AlreadyHeld { .. } => "already-held",
            Self::ChannelClosing { .. } => "channel-closing",
            Self::ChannelFrozen { .. } => "channel-frozen",
            Self::StaleNonce { .. } => "stale-nonce",
            Self::NonceGap { .. } => "nonce-gap",
            Self::NoOperations => "no-operations",
            Self::NothingSent => "nothing-sent",
            Self::TooLarge => "too-large",
            Self::LockIdUsed { .. } => "lock-id-used",
            Self::LockExpiryOutOfRange { .. } => "lock-expiry-out-of-range",
            Self::TooManyLocks { .. } => "too-many-locks",
            Self::UnknownLock { .. } => "unknown-lock",
            Self::WrongPreimage { .. } => "wrong-preimage",
            Self::LockNotExpired { .. } => "lock-not-expired",
            Self::TransferredFell { .. } => "transferred-fell",
            Self::OperationsMismatch { .. } => "operations-mismatch",
            Self::InsufficientBalance { .. } => "insufficient-channel-balance",
            Self::TooManyUnacked { .. } => "too-many-unacked",
            Self::UnknownProof { .. } => "unknown-proof",
            Self::LocksOpen { .. } => "locks-open",
            Self::WrongSequence { .. } => "wrong-sequence",
            Self::ValidUntilOutOfRange { .. } => "valid-until-out-of-range",
            Self::WrongSplit { .. } => "wrong-split",
            Self::WrongLocks { .. } => "wrong-locks",
            Self::BadSignature(bad) => bad.code(),
        }
    }

    /// Whether the very same bytes may be accepted later: after a block, an ack, a missing proof.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::InDoubt { .. }
                | Self::ChannelFrozen { .. }
                // Of a received lock: this view of the chain is behind its sender's.
                | Self::LockExpiryOutOfRange { .. }
                | Self::NonceGap { .. }
                | Self::LockNotExpired { .. }
                | Self::InsufficientBalance { .. }
                | Self::TooManyUnacked { .. }
        )
    }
}

/// The answer to a proof that was not accepted: never silence (PROTOCOL §4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nack {
    /// The channel.
    pub channel_id: ChannelId,
    /// The direction: who sent the proof.
    pub sender: Side,
    /// The nonce that was refused.
    pub refused: u64,
    /// The newest nonce that is accepted in this direction; 0 for none.
    pub newest: u64,
    /// The rule's stable code.
    pub code: String,
    /// The rule in words, with both figures.
    pub reason: String,
}

impl Nack {
    pub(crate) fn new(
        channel_id: ChannelId,
        sender: Side,
        refused: u64,
        newest: u64,
        why: &Rejected,
    ) -> Self {
        let reason = alloc::format!("{why}");
        Self {
            channel_id,
            sender,
            refused,
            newest,
            code: why.code().to_owned(),
            reason,
        }
    }
}
