//! What comes out of an execution.

use super::{Bytes20, Bytes32};

/// How an execution ended. `Display` prints the word that qtumd's RPC uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Exception {
    /// It succeeded.
    #[default]
    None,
    /// No code at the address, a write in a static call, a read beyond return data.
    Unknown,
    /// The limit does not cover the transaction's data.
    OutOfGasIntrinsic,
    /// The limit is above the block's.
    BlockGasLimitReached,
    /// An opcode that does not exist, or `INVALID`.
    BadInstruction,
    /// A jump to where none may land.
    BadJumpDestination,
    /// Gas ran out.
    OutOfGas,
    /// The stack overflowed.
    OutOfStack,
    /// The stack underflowed.
    StackUnderflow,
    /// A deployment may not carry coins.
    CreateWithValue,
    /// The contract refused; [`Outcome::output`] says why.
    Revert,
    /// Deployed code must not begin with `0xef`.
    InvalidCode,
}

impl std::fmt::Display for Exception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// An event that a contract emitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The contract.
    pub address: Bytes20,
    /// Up to four; the first is the event's signature hash.
    pub topics: Vec<Bytes32>,
    /// ABI-encoded fields that are not indexed.
    pub data: Vec<u8>,
}

/// Coins that moved during an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Who paid: the sender of the call, or a contract.
    pub from: Bytes20,
    /// Who was paid.
    pub to: Bytes20,
    /// Satoshi.
    pub value: u64,
}

/// What an execution did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How it ended.
    pub exception: Exception,
    /// Gas used, refunds taken off.
    pub gas_used: u64,
    /// What clearing storage earned, before the cap of one half.
    pub gas_refunded: u64,
    /// Return data, revert data or deployed code.
    pub output: Vec<u8>,
    /// Events in order; none if it failed.
    pub logs: Vec<Log>,
    /// Transfers in order; none if it failed.
    pub transfers: Vec<Transfer>,
    /// The called or created contract; zeroes if creation failed.
    pub contract: Bytes20,
    /// Gas that was left when a deployment returned its code.
    pub gas_for_deposit: u64,
    /// Contracts that destroyed themselves.
    pub(crate) destroyed: Vec<Bytes20>,
    /// False if the execution was refused before it began.
    pub(crate) started: bool,
}

impl Outcome {
    /// What `address` gained (positive) or paid (negative) in satoshi.
    pub fn balance_change(&self, address: &Bytes20) -> i64 {
        self.transfers.iter().fold(0, |sum, transfer| {
            let value = i64::try_from(transfer.value).unwrap_or(i64::MAX);
            let gained = if &transfer.to == address { value } else { 0 };
            let paid = if &transfer.from == address { value } else { 0 };
            sum + gained - paid
        })
    }
}

/// An account as RPC shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountView {
    /// Satoshi.
    pub balance: u64,
    /// Number of contracts it created, plus one.
    pub nonce: u64,
    /// Deployed code.
    pub code: Vec<u8>,
    /// keccak256 of the code.
    pub code_hash: Bytes32,
}
