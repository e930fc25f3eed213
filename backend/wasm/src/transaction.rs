//! Transactions: coins and a call in, signed bytes out.

use serde::{Deserialize, Serialize};
use sparky_protocol::{Account, Amount, ContractCall};
use sparky_qtum::{
    contract,
    wallet::{self, Coins, FeeRate, Output, Plan, Policy, Utxo, WalletError},
};
use wasm_bindgen::prelude::*;

use crate::{
    calls,
    failure::{Failure, Result},
    json,
    key::Key,
};

/// What to pay with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Purse {
    contract: Account,
    coins: Vec<Utxo>,
    /// Satoshi for 1,000 bytes.
    #[serde(default)]
    fee_rate: u64,
    /// For a dispute: no coin that another transaction still has to bring.
    #[serde(default)]
    confirmed_only: bool,
}

/// A signed transaction and what it does to the purse.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    hex: String,
    txid: String,
    amount_sat: String,
    fee_sat: String,
    gas_fee_sat: String,
    spends: Vec<String>,
    change: Option<Utxo>,
}

/// What something would cost.
#[derive(Serialize)]
struct Quote {
    #[serde(rename = "feeSat")]
    fee: String,
    #[serde(rename = "gasSat")]
    gas: String,
    #[serde(rename = "totalSat")]
    total: String,
}

#[wasm_bindgen]
impl Key {
    /// Signs a transaction that makes `call`.
    #[wasm_bindgen(js_name = signCall)]
    pub fn sign_call(&self, call: &str, purse: &str) -> core::result::Result<String, JsValue> {
        Ok(self.transaction(call, purse)?)
    }

    /// Signs a transaction that pays `amount` satoshi to the account `to`.
    #[wasm_bindgen(js_name = signPayment)]
    pub fn sign_payment(
        &self,
        to: &str,
        amount: &str,
        purse: &str,
    ) -> core::result::Result<String, JsValue> {
        let sign = || -> Result<String> {
            let output = Output::pay(&json::account(to)?, satoshi(json::amount(amount)?)?);
            self.signed(output, &json::parse(purse)?)
        };
        Ok(sign()?)
    }
}

impl Key {
    fn transaction(&self, call: &str, purse: &str) -> Result<String> {
        let call: ContractCall = json::parse(call)?;
        let purse: Purse = json::parse(purse)?;
        self.signed(contract::output(&purse.contract, &call)?, &purse)
    }

    fn signed(&self, output: Output, purse: &Purse) -> Result<String> {
        let plan = plan(&self.account(), output, purse)?;
        let transaction = plan.sign(&self.0)?;
        let txid = transaction.txid();
        json::print(&Signed {
            hex: transaction.to_hex(),
            txid: txid.to_string(),
            amount_sat: plan.amount.to_string(),
            fee_sat: plan.fee.to_string(),
            gas_fee_sat: plan.gas_fee.to_string(),
            spends: plan
                .coins
                .iter()
                .map(|coin| format!("{}:{}", coin.txid, coin.vout))
                .collect(),
            change: plan.change_coin(txid),
        })
    }
}

/// What a transaction of `purpose` with `amount` would cost `owner`: `{feeSat, gasSat, totalSat}`.
#[wasm_bindgen]
pub fn quote(
    purpose: &str,
    amount: &str,
    owner: &str,
    purse: &str,
) -> core::result::Result<String, JsValue> {
    let quote = || -> Result<String> {
        let (amount, owner) = (json::amount(amount)?, json::account(owner)?);
        let purse: Purse = json::parse(purse)?;
        let output = if purpose == "send" {
            Output::pay(&owner, satoshi(amount)?)
        } else {
            contract::output(&purse.contract, &calls::sample(purpose, amount)?)?
        };
        let plan = plan(&owner, output, &purse)?;
        json::print(&Quote {
            fee: (plan.fee - plan.gas_fee).to_string(),
            gas: plan.gas_fee.to_string(),
            total: (plan.amount + plan.fee).to_string(),
        })
    };
    Ok(quote()?)
}

/// `{spendableSat, immatureSat}` of the coins that belong to `owner`.
#[wasm_bindgen]
pub fn balance(coins: &str, owner: &str) -> core::result::Result<String, JsValue> {
    let coins: Vec<Utxo> = json::parse(coins)?;
    Ok(json::print(&wallet::balance(
        &coins,
        &json::account(owner)?,
    ))?)
}

fn plan(owner: &Account, output: Output, purse: &Purse) -> Result<Plan> {
    let coins = if purse.confirmed_only {
        Coins::ConfirmedOnly
    } else {
        Coins::PreferConfirmed
    };
    let policy = Policy {
        fee_rate: FeeRate::per_kilobyte(purse.fee_rate),
        coins,
    };
    Ok(wallet::plan(&purse.coins, owner, &[output], policy)?)
}

fn satoshi(amount: Amount) -> Result<u64> {
    u64::try_from(amount.0).map_err(|_| WalletError::TooMuch.into())
}

impl From<WalletError> for Failure {
    fn from(error: WalletError) -> Self {
        let failure = Self::new(error.code(), &error);
        match error {
            WalletError::Insufficient {
                need,
                have,
                immature,
                fee,
            } => failure
                .with_sat("need", need)
                .with_sat("have", have)
                .with_sat("immature", immature)
                .with_sat("fee", fee)
                .with_sat("amount", need.saturating_sub(fee)),
            WalletError::Dust { value, least } => {
                failure.with_sat("amount", value).with_sat("least", least)
            }
            _ => failure,
        }
    }
}
