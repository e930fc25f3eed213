//! How much gas a call may use.
//!
//! Unused gas comes back only 2,000 blocks later (about 18 hours), and too little gas loses all of
//! it, so limits are measured maxima with a margin. Three things make Qtum dearer than Ethereum:
//! - a payout to an account other than the sender costs 25,000 more, because accounts without code
//!   never exist in Qtum's state;
//! - refunds for cleared storage are given after the call, so that the limit must hold what is used
//!   and what is refunded; the cap is one half and not one fifth;
//! - what one call frame warmed is cold again in the next.

use sparky_protocol::ContractCall;

use crate::wallet::GAS_PRICE;

/// For a deployment of the channel contract: 200 gas for each byte of code, and what runs.
pub const DEPLOY_GAS_LIMIT: u64 = 6_000_000;

/// Price for calls that have to be mined before a deadline. Stock block assembly orders contract
/// transactions by the least gas price in them; wallets of qtumd refuse more than 100.
const DISPUTE_GAS_PRICE: u64 = 60;

/// One payout in QTUM: the call, the transfer, the account that does not exist.
const PAYOUT: u64 = 35_000;
/// A QRC20 moves by a call of code that we do not know.
const TOKEN_TRANSFER: u64 = 120_000;
/// A lock at settlement: read, hash, look up.
const LOCK: u64 = 6_000;
/// A preimage: hash, store, log.
const PREIMAGE: u64 = 30_000;

/// The limit for `call`, in gas: enough for the worst case that the contract's tests measure.
pub fn gas_limit(call: &ContractCall) -> u64 {
    let token = call.params().map_or_else(
        || matches!(call, ContractCall::Open { token, .. } | ContractCall::Withdraw { token, .. } if !is_native(token)),
        |params| !params.is_native(),
    );
    let transfer = if token { TOKEN_TRANSFER } else { 0 };
    match call {
        ContractCall::Open { .. } => 110_000 + transfer,
        ContractCall::CooperativeWithdraw { .. } | ContractCall::Withdraw { .. } => {
            90_000 + PAYOUT + transfer
        }
        ContractCall::CooperativeClose { .. } => 110_000 + 2 * (PAYOUT + transfer),
        ContractCall::Close { .. } => 160_000,
        ContractCall::Deposit { .. } | ContractCall::Recover { .. } => 70_000 + transfer,
        ContractCall::CounterClaim { .. } | ContractCall::RaiseFloor { .. } => 150_000,
        ContractCall::Settle {
            locks_ab, locks_ba, ..
        } => {
            let locks = locks_ab.len().saturating_add(locks_ba.len()) as u64;
            150_000 + 2 * (PAYOUT + transfer) + locks.saturating_mul(LOCK)
        }
        ContractCall::RegisterPreimages { preimages } => {
            50_000 + (preimages.len() as u64).saturating_mul(PREIMAGE)
        }
    }
}

fn is_native(token: &sparky_protocol::Account) -> bool {
    *token == sparky_protocol::Account::ZERO
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

/// The gas price for `call`, in satoshi. Calls that race a deadline pay half more.
pub fn gas_price(call: &ContractCall) -> u64 {
    match call {
        ContractCall::CounterClaim { .. }
        | ContractCall::RaiseFloor { .. }
        | ContractCall::RegisterPreimages { .. } => DISPUTE_GAS_PRICE,
        _ => GAS_PRICE,
    }
}
