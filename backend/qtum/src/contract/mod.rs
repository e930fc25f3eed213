//! The channel contract as Qtum sees it: calls to bytes, logs to facts, refusals to sentences.
//!
//! Everything is made from the committed artifact (`contracts/artifacts`), so that a change of the
//! contract that this crate does not know fails a test here.

use ethabi::Token;
use sparky_protocol::{Account, Amount};

use crate::{
    digest::Txid,
    script::{Contract, Target},
    tx::Transaction,
};

mod abi;
mod encode;
mod event;
mod gas;
pub mod qrc20;
mod reverts;
mod view;

pub use encode::{encode, output};
pub use event::{decode_log, topic};
pub use gas::{DEPLOY_GAS_LIMIT, gas_limit, gas_limit_after_trial, gas_price, raised_gas_price};
pub use reverts::{Revert, explain};
pub use view::{ChannelView, DirectionView, View};

/// Code and arguments that deploy the channel contract. Windows are in blocks.
pub fn deployment(min_window: u32, max_window: u32) -> Vec<u8> {
    let mut code = abi::creation_code();
    code.extend(ethabi::encode(&[
        abi::uint(min_window),
        abi::uint(max_window),
    ]));
    code
}

/// Where the contract will be that the first deployment of a transaction makes; `None` if there is none in
/// it.
pub fn created_by(transaction: &Transaction) -> Option<Account> {
    (0..)
        .zip(&transaction.outputs)
        .find(|(_, output)| {
            Contract::parse(output.script.as_bytes())
                .is_some_and(|contract| contract.target == Target::Create)
        })
        .map(|(vout, _)| address_of_creation(&transaction.txid(), vout))
}

/// Whether `code`, read from a chain, is that of our channel contract. Immutable values differ
/// between deployments: where the artifact has zeroes for them, anything goes.
pub fn is_channel_contract(code: &[u8]) -> bool {
    let expected = abi::deployed_code();
    expected.len() == code.len()
        && expected
            .iter()
            .zip(code)
            .filter(|(expected, _)| **expected != 0)
            .all(|(expected, got)| expected == got)
}

/// Where the contract of an `OP_CREATE` output lies: hash160 of the transaction id (as hashed, not as
/// printed) and the output's index in four little-endian bytes. Not Ethereum's rule.
pub fn address_of_creation(txid: &Txid, vout: u32) -> Account {
    let mut bytes = [0; 36];
    bytes[..32].copy_from_slice(&txid.0);
    bytes[32..].copy_from_slice(&vout.to_le_bytes());
    Account::hash160(&bytes)
}

fn to_amount(token: &Token) -> Option<Amount> {
    let value = token.clone().into_uint()?;
    (value.bits() <= 96).then(|| Amount(value.as_u128()))
}

fn to_account(token: &Token) -> Option<Account> {
    token
        .clone()
        .into_address()
        .map(|address| Account(address.0))
}

fn to_number<T: TryFrom<u64>>(token: &Token) -> Option<T> {
    let value = token.clone().into_uint()?;
    (value.bits() <= 64)
        .then(|| T::try_from(value.as_u64()).ok())
        .flatten()
}

#[cfg(test)]
mod tests;
