//! Paying on chain: which coins, how much fee, what change.
//!
//! Pure: the coins come from a node or a relay, the key only at the end ([`Plan::sign`]).

use serde::{Deserialize, Serialize};
use sparky_protocol::{Account, Amount, SecretKey};

use crate::digest::Txid;
use crate::network::{COINBASE_MATURITY, SATOSHI_PER_QTUM};
use crate::quantity;
use crate::script::{self, Gas, Script};
use crate::tx::{OutPoint, SignError, Transaction, TxOut};

mod fee;
mod select;

pub use fee::{DUST, FeeRate, GAS_PRICE, MAX_STANDARD_SIZE, Paid};
pub use select::{plan, plan_together};

/// No output holds more satoshi: Qtum's supply stays below 108 million QTUM.
const MAX_MONEY: u64 = 107_822_406 * SATOSHI_PER_QTUM;

/// An unspent output, as node and relay describe it. Amounts in JSON are decimal strings of satoshi.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Utxo {
    /// The transaction that made it.
    pub txid: Txid,
    /// Which of its outputs.
    pub vout: u32,
    /// Satoshi.
    #[serde(rename = "amountSat", with = "satoshi_text")]
    pub value: u64,
    /// Who may spend it.
    pub script: Script,
    /// The block that made it; `None` while it is only in the mempool.
    #[serde(default)]
    pub height: Option<u32>,
    /// Blocks on top of it, its own included; 0 in the mempool.
    pub confirmations: u32,
    /// Whether it is part of a block's reward (coinbase or coinstake). Refunds of gas are.
    pub coinbase: bool,
    /// Whether the node would let it be spent now: mature, and not spent in the mempool.
    pub spendable: bool,
}

impl Utxo {
    /// Its name.
    pub const fn outpoint(&self) -> OutPoint {
        OutPoint {
            txid: self.txid,
            vout: self.vout,
        }
    }

    /// Whether it is a reward too young to be spent. The next block is the earliest that could hold
    /// the spending transaction, so `confirmations` is its age there.
    pub const fn is_immature(&self) -> bool {
        self.coinbase && self.confirmations < COINBASE_MATURITY
    }

    /// Whether `owner` can spend it now. A pay-to-public-key output of the same key is left alone:
    /// the address index lists it under the same address, but our signatures do not fit it.
    fn is_usable(&self, owner: &Account) -> bool {
        // More than can exist is a lie of whoever sent the list; it must not make sums overflow.
        self.value <= MAX_MONEY
            && self.spendable
            && !self.is_immature()
            && self.script.p2pkh_account().as_ref() == Some(owner)
    }
}

/// Something that a transaction shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Satoshi that go with it.
    pub value: u64,
    /// Whom it pays or what it calls.
    pub script: Script,
    /// Gas to be paid for, if it is a contract output.
    pub gas: Option<Gas>,
}

impl Output {
    /// Pays an account.
    pub fn pay(account: &Account, value: u64) -> Self {
        Self {
            value,
            script: script::p2pkh(account),
            gas: None,
        }
    }

    /// Calls a contract.
    pub fn call(contract: &Account, data: Vec<u8>, value: u64, gas: Gas) -> Self {
        Self {
            value,
            script: script::call(contract, data, gas),
            gas: Some(gas),
        }
    }

    /// Deploys a contract: code, then encoded constructor arguments. Carries no value, because a
    /// deployment with value always fails on Qtum.
    pub fn create(code: Vec<u8>, gas: Gas) -> Self {
        Self {
            value: 0,
            script: script::create(code, gas),
            gas: Some(gas),
        }
    }
}

/// Which coins may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coins {
    /// Confirmed ones if they suffice, then those in the mempool.
    #[default]
    PreferConfirmed,
    /// Confirmed ones only: for a dispute. Stock block assembly takes calls with fewer unconfirmed
    /// ancestors first, and an ancestor that never confirms would hold the call back.
    ConfirmedOnly,
}

/// How to pay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Price of a byte.
    pub fee_rate: FeeRate,
    /// Which coins.
    pub coins: Coins,
}

/// A transaction that is complete but for its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Whose coins are spent, and who will be the sender of the calls.
    pub owner: Account,
    /// The coins, in the order of the inputs.
    pub coins: Vec<Utxo>,
    /// Unsigned.
    pub transaction: Transaction,
    /// Satoshi given to others or to contracts.
    pub amount: u64,
    /// The whole fee in satoshi: `gas_fee` and the price of the bytes. Coins in = amount + fee + change.
    pub fee: u64,
    /// The part of the fee that buys gas; what is not used comes back after 2,000 blocks.
    pub gas_fee: u64,
    /// Satoshi that return to the owner as the last output; 0: no such output.
    pub change: u64,
}

impl Plan {
    /// Signs every input.
    pub fn sign(&self, key: &SecretKey) -> Result<Transaction, WalletError> {
        if key.account() != self.owner {
            return Err(WalletError::WrongKey);
        }
        let mut transaction = self.transaction.clone();
        transaction.sign(key)?;
        Ok(transaction)
    }

    /// The change as a coin of the mempool, for a next payment before this one is mined. `txid` is
    /// that of the signed transaction.
    pub fn change_coin(&self, txid: Txid) -> Option<Utxo> {
        let vout = self
            .transaction
            .outputs
            .len()
            .checked_sub(1)
            .filter(|_| self.change != 0)?;
        let TxOut { value, script } = self.transaction.outputs[vout].clone();
        let vout = u32::try_from(vout).ok()?;
        Some(Utxo {
            txid,
            vout,
            value,
            script,
            height: None,
            confirmations: 0,
            coinbase: false,
            spendable: true,
        })
    }
}

/// Why no transaction could be made, in the order of checking. Figures are satoshi.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalletError {
    /// No output was asked for.
    #[error("the transaction would do nothing")]
    Nothing,
    /// A plain output too small to be relayed.
    #[error("{} QTUM are too little for an output; the least is {} QTUM", qtum(*value), qtum(*least))]
    Dust {
        /// Asked for.
        value: u64,
        /// The least that Qtum Core relays.
        least: u64,
    },
    /// Amounts or gas do not add up to something that can exist.
    #[error("the amounts are more than can exist")]
    TooMuch,
    /// The coins do not suffice.
    #[error("need {} QTUM including a fee of {}, have {} ({} still maturing)", qtum(*need), qtum(*fee), qtum(*have), qtum(*immature))]
    Insufficient {
        /// Amount and fee.
        need: u64,
        /// Sum of the coins that can be spent now and are worth their own fee.
        have: u64,
        /// Sum of the rewards and gas refunds that are too young.
        immature: u64,
        /// The fee within `need`.
        fee: u64,
    },
    /// The coins suffice but are too many for one transaction.
    #[error(
        "the transaction would have {size} bytes; the network relays {most}: merge small coins first"
    )]
    TooLarge {
        /// Bytes needed.
        size: usize,
        /// Bytes allowed.
        most: usize,
    },
    /// The key is not the owner's.
    #[error("this key does not own the coins")]
    WrongKey,
    /// Signing failed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

fn qtum(satoshi: u64) -> String {
    quantity::format(Amount(satoshi.into()))
}

impl WalletError {
    /// Stable code for interfaces.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing-to-send",
            Self::Dust { .. } => "amount-is-dust",
            Self::TooMuch => "amount-too-large",
            Self::Insufficient { .. } => "insufficient-onchain-balance",
            Self::TooLarge { .. } => "transaction-too-large",
            Self::WrongKey | Self::Sign(_) => "wrong-key",
        }
    }
}

/// Sums that a person wants to see before paying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// Can be spent now.
    #[serde(rename = "spendableSat", with = "satoshi_text")]
    pub spendable: u64,
    /// Rewards and gas refunds younger than 2,000 blocks.
    #[serde(rename = "immatureSat", with = "satoshi_text")]
    pub immature: u64,
}

/// What `owner` has in `coins`.
pub fn balance(coins: &[Utxo], owner: &Account) -> Balance {
    let sum = |wanted: &dyn Fn(&Utxo) -> bool| {
        coins
            .iter()
            .filter(|coin| wanted(coin))
            .fold(0_u64, |sum, coin| sum.saturating_add(coin.value))
    };
    Balance {
        spendable: sum(&|coin| coin.is_usable(owner)),
        immature: sum(&|coin| {
            coin.is_immature() && coin.script.p2pkh_account().as_ref() == Some(owner)
        }),
    }
}

/// Satoshi as decimal strings: JSON numbers lose digits in too many readers.
pub(crate) mod satoshi_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's `with` asks for a reference"
    )]
    pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = if digits { text.parse().ok() } else { None };
        value.ok_or_else(|| {
            de::Error::custom(format_args!("\"{text}\" is not an amount in satoshi"))
        })
    }
}

#[cfg(test)]
mod tests;
