//! What people type: amounts and addresses.

use sparky_protocol::Account;
use sparky_qtum::{
    address::{self, AddressError},
    quantity::{self, QuantityError},
};
use wasm_bindgen::prelude::*;

use crate::{failure::Failure, json};

/// Satoshi, as decimal digits, of what a person typed ("0.5").
#[wasm_bindgen(js_name = parseQtum)]
pub fn parse_qtum(text: &str) -> Result<String, JsValue> {
    let amount = quantity::parse(text).map_err(|error| {
        let failure = Failure::new(error.code(), &error).with("input", text.trim());
        match error {
            QuantityError::TooPrecise { decimals, .. } => failure.with("n", decimals),
            _ => failure,
        }
    })?;
    Ok(amount.to_string())
}

/// The account (0x and 40 digits) behind an address, in base58 or hex.
#[wasm_bindgen(js_name = accountOf)]
pub fn account_of(text: &str, network: &str) -> Result<String, JsValue> {
    let network = json::network(network)?;
    let account = address::parse(text, network).map_err(|error| {
        let failure = Failure::new(error.code(), &error)
            .with("input", text.trim())
            .with("network", network.name());
        match error {
            AddressError::WrongNetwork { found, .. } => failure.with("found", found),
            AddressError::Bech32 { first, .. } | AddressError::Script { first } => {
                failure.with("first", first.to_string())
            }
            _ => failure,
        }
    })?;
    Ok(account.to_string())
}

/// The address of an account (0x and 40 digits).
#[wasm_bindgen(js_name = addressOf)]
pub fn address_of(account: &str, network: &str) -> Result<String, JsValue> {
    let account: Account = account
        .parse()
        .map_err(|error| Failure::new("malformed", error))?;
    Ok(address::encode(&account, json::network(network)?))
}
