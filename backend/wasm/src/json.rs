//! Reading and printing what crosses the border.

use serde::{Serialize, de::DeserializeOwned};
use sparky_protocol::{Account, Amount, Side};
use sparky_qtum::Network;

use crate::failure::{Failure, Result};

/// A value from its JSON text.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    Ok(serde_json::from_str(text)?)
}

/// A value as JSON text.
pub(crate) fn print<T: Serialize>(value: &T) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// A network by its name; `dev` is regtest by all rules.
pub(crate) fn network(name: &str) -> Result<Network> {
    name.parse()
        .map_err(|error| Failure::new("malformed", error))
}

/// Satoshi from decimal digits.
pub(crate) fn amount(text: &str) -> Result<Amount> {
    text.parse()
        .map_err(|error| Failure::new("malformed", error))
}

/// An account from 0x and 40 digits.
pub(crate) fn account(text: &str) -> Result<Account> {
    text.parse()
        .map_err(|error| Failure::new("malformed", error))
}

/// A side from its letter.
pub(crate) fn side(text: &str) -> Result<Side> {
    match text {
        "A" => Ok(Side::A),
        "B" => Ok(Side::B),
        other => Err(Failure::new("malformed", format!("{other} is no side"))),
    }
}
