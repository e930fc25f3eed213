//! How much gas a call may use.
//!
//! Unused gas comes back only 2,000 blocks later (about 18 hours), and too little gas loses all of
//! it, so limits are measured maxima with a margin. Three things make Qtum dearer than Ethereum:
//! - a payout to an account other than the sender costs 25,000 more, because accounts without code
//!   never exist in Qtum's state;
//! - refunds for cleared storage are given after the call, so that the limit must hold what is used
//!   and what is refunded; the cap is one half and not one fifth;
//! - what one call frame warmed is cold again in the next.

use sparky_protocol::{Account, ContractCall};

use crate::wallet::GAS_PRICE;

/// For a deployment of the channel contract: 200 gas for each byte of code, 16 for each that is sent,
/// and what runs (3,330,000).
pub const DEPLOY_GAS_LIMIT: u64 = 5_000_000;

/// Price for calls that have to be mined before a deadline. Stock block assembly orders contract
/// transactions by the least gas price in them; wallets of qtumd refuse more than 100.
const DISPUTE_GAS_PRICE: u64 = 60;

/// One payout in QTUM: the call, the transfer, the account that does not exist. A recipient that is a
/// contract may burn up to 50,000 instead, which the contract asks to be there.
const PAYOUT: u64 = 45_000;
/// One payout of a QRC20: the contract hands it 200,000 and wants 215,000 to be there, so that a token
/// that burns them can not make a settlement fail.
const TOKEN_PAYOUT: u64 = 230_000;
/// Fetching a QRC20: two balances and a transfer by code that we do not know.
const TOKEN_PULL: u64 = 150_000;
/// A lock at settlement: read, hash, look up. Measured: 2,500.
const LOCK: u64 = 4_000;
/// A preimage: hash, store, log. Measured: 24,100.
const PREIMAGE: u64 = 30_000;

/// The limit for `call`, in gas.
///
/// In brackets what the dearest variant of each call needs in QTUM (both signatures, both proofs, locks,
/// called by a stranger), measured with the contract's code under Qtum's rules.
pub fn gas_limit(call: &ContractCall) -> u64 {
    let token = match call {
        ContractCall::Open { token, .. } | ContractCall::Withdraw { token, .. } => *token,
        other => other.params().map_or(Account::ZERO, |params| params.token),
    };
    let (pull, payout) = if token == Account::ZERO {
        (0, PAYOUT)
    } else {
        (TOKEN_PULL, TOKEN_PAYOUT)
    };
    match call {
        // (71,000)
        ContractCall::Open { .. } => 110_000 + pull,
        // (31,000)
        ContractCall::Deposit { .. } => 75_000 + pull,
        // (85,000)
        ContractCall::CooperativeWithdraw { .. } | ContractCall::Withdraw { .. } => 85_000 + payout,
        // (120,000)
        ContractCall::CooperativeClose { .. } => 100_000 + 2 * payout,
        // (109,000)
        ContractCall::Close { .. } => 160_000,
        // (31,000)
        ContractCall::Recover { .. } => 60_000,
        // (99,000)
        ContractCall::CounterClaim { .. } => 150_000,
        // (62,000)
        ContractCall::RaiseFloor { .. } => 110_000,
        // (122,000; 438,000 with 128 locks)
        ContractCall::Settle {
            locks_ab, locks_ba, ..
        } => {
            let locks = locks_ab.len().saturating_add(locks_ba.len()) as u64;
            130_000 + 2 * payout + locks.saturating_mul(LOCK)
        }
        // (46,000; 1,562,000 for 64)
        ContractCall::RegisterPreimages { preimages } => {
            50_000 + (preimages.len() as u64).saturating_mul(PREIMAGE)
        }
    }
}

/// The limit after a trial with `callcontract`, which tells what was used and what was refunded on
/// top of it: both must fit at once. A quarter more, because the state may change before it is mined.
pub const fn gas_limit_after_trial(gas_used: u64, gas_refunded: u64) -> u64 {
    let refunded = if gas_refunded < gas_used {
        gas_refunded
    } else {
        gas_used
    };
    let needed = gas_used.saturating_add(refunded);
    needed.saturating_add(needed / 4).saturating_add(5_000)
}

/// The gas price of a transaction that replaces one which was not mined at `price`: half more.
pub const fn raised_gas_price(price: u64) -> u64 {
    price.saturating_add(price.div_ceil(2))
}

/// The gas price for `call`, in satoshi. Calls that race a deadline pay half more.
pub fn gas_price(call: &ContractCall) -> u64 {
    match call {
        ContractCall::CounterClaim { .. }
        | ContractCall::RaiseFloor { .. }
        | ContractCall::RegisterPreimages { .. } => DISPUTE_GAS_PRICE,
        _ => GAS_PRICE,
    }
}
