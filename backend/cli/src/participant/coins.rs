//! The chain as the relay shows it: coins, transactions, and what became of them.

use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;
use sparky_protocol::Account;
use sparky_qtum::wallet::Utxo;
use sparky_qtum::{Network, address};

use super::relay::Relay;
use crate::problem::Problem;

/// How often we look whether a transaction was mined.
const PAUSE: Duration = Duration::from_millis(300);
/// How many times, before we say that it takes longer than usual.
const LOOKS: u32 = 400;

/// The unspent coins of an address.
///
/// # Errors
/// The relay's problem.
pub async fn of(relay: &Relay, address: &str) -> Result<Vec<Utxo>> {
    #[derive(Deserialize)]
    struct Coins {
        items: Vec<Utxo>,
    }
    let coins: Coins = relay.get(&format!("/chain/utxos/{address}")).await?;
    Ok(coins.items)
}

/// The account of an address, as people type it.
///
/// # Errors
/// `invalid-address` and the other codes of [`address::AddressError`].
pub fn account(text: &str, network: Network) -> Result<Account> {
    address::parse(text, network).map_err(|error| {
        let detail = format!("{error}. Nothing was signed or sent.");
        Problem::new(error.code(), "Not an address", detail)
            .with("input", text)
            .into()
    })
}

/// A transaction as the relay knows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Blocks on it, its own included; 0 in the mempool.
    pub confirmations: u32,
    /// The block that holds it.
    pub block_height: Option<u32>,
    /// What became of each contract call in it.
    #[serde(default)]
    pub receipts: Vec<Receipt>,
}

/// What became of one contract call.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// `None` is success.
    pub excepted: String,
    /// What the contract said, already in words where the relay knows them.
    #[serde(default)]
    pub excepted_message: String,
    /// Gas used.
    pub gas_used: u64,
}

impl Receipt {
    /// Whether the contract refused.
    pub fn failed(&self) -> bool {
        self.excepted != "None"
    }
}

/// Hands a signed transaction to the network. Returns its id.
///
/// # Errors
/// `tx-rejected` and the other codes of the relay.
pub async fn broadcast(relay: &Relay, hex: &str, purpose: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Sent {
        txid: String,
    }
    let sent: Sent = relay
        .post(
            "/chain/transactions",
            &json!({ "hex": hex, "purpose": purpose }),
        )
        .await?;
    Ok(sent.txid)
}

/// Waits until a transaction is in a block and its calls have succeeded.
///
/// # Errors
/// `contract-reverted`, or `tx-not-confirming` after a while: it may still be mined.
pub async fn confirmed(relay: &Relay, txid: &str) -> Result<Seen> {
    for _ in 0..LOOKS {
        let seen: Option<Seen> = relay.find(&format!("/chain/transactions/{txid}")).await?;
        if let Some(seen) = seen.filter(|seen| seen.confirmations > 0) {
            return successful(seen, txid);
        }
        tokio::time::sleep(PAUSE).await;
    }
    let text = format!(
        "Transaction {txid} is sent and not in a block yet. It may still be mined: do not send it twice."
    );
    Err(
        Problem::new("tx-not-confirming", "Waiting longer than usual", text)
            .with("txid", txid)
            .retryable()
            .into(),
    )
}

fn successful(seen: Seen, txid: &str) -> Result<Seen> {
    let Some(receipt) = seen.receipts.iter().find(|receipt| receipt.failed()) else {
        return Ok(seen);
    };
    let reason = if receipt.excepted_message.is_empty() {
        &receipt.excepted
    } else {
        &receipt.excepted_message
    };
    let text = format!("{reason}. Only the fee was spent, the rest came back. Transaction {txid}.");
    Err(
        Problem::new("contract-reverted", "The contract refused", text)
            .with("txid", txid)
            .into(),
    )
}
