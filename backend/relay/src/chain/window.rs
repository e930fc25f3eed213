//! What a wallet asks a node: tip, fees, coins, trial calls. It never gets the node's password.

use axum::{Json, extract::State};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use sparky_protocol::{Account, Amount};
use sparky_qtum::{contract, rpc::CallRequest};

use crate::{
    app::App,
    auth::Caller,
    body::{Body, Path},
    clock,
    error::{Error, Result},
    routes::Routes,
};

/// What Qtum relays at least, in satoshi for 1,000 bytes.
const LEAST_FEE_RATE: u64 = 400_000;

/// What Qtum relays at least, in satoshi for one gas.
const LEAST_GAS_PRICE: u64 = 40;

/// The most gas that a trial call may use: what one transaction may.
const MOST_GAS: u64 = 20_000_000;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/chain/tip", tip)
        .get("/api/v1/chain/fees", fees)
        .get("/api/v1/chain/utxos/{address}", utxos)
        .post("/api/v1/chain/call", call)
}

async fn tip(State(app): State<App>) -> Json<Value> {
    Json(tip_view(&app))
}

/// The block that the relay has followed the chain to.
pub(crate) fn tip_view(app: &App) -> Value {
    let tip = *app.tip.borrow();
    json!({
        "height": tip.height,
        "hash": tip.hash.to_string(),
        "time": clock::rfc3339(tip.time.saturating_mul(1_000)),
    })
}

async fn fees(State(app): State<App>) -> Result<Json<Value>> {
    const WITHIN_BLOCKS: u32 = 6;
    let estimated = app.node.estimate_smart_fee(WITHIN_BLOCKS).await?;
    let rate = estimated.unwrap_or(LEAST_FEE_RATE).max(LEAST_FEE_RATE);
    let price = app
        .node
        .get_dgp_info()
        .await?
        .min_gas_price
        .max(LEAST_GAS_PRICE);
    Ok(Json(
        json!({ "feePerKilobyteSat": rate.to_string(), "gasPriceSat": price.to_string() }),
    ))
}

async fn utxos(
    State(app): State<App>,
    _: Caller,
    Path(address): Path<String>,
) -> Result<Json<Value>> {
    let account = app.parse_account(&address)?;
    let (items, height) = app.node.unspent(&account, app.network()).await?;
    Ok(Json(json!({ "items": items, "height": height })))
}

/// A trial call, as the browser writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Call {
    to: String,
    #[serde(deserialize_with = "bytes")]
    data: Vec<u8>,
    #[serde(default)]
    sender: Option<String>,
    #[serde(default)]
    amount_sat: Option<Amount>,
}

/// Tries a call of a listed contract, without a transaction.
async fn call(State(app): State<App>, _: Caller, Body(call): Body<Call>) -> Result<Json<Value>> {
    let to = app.parse_account(&call.to)?;
    if !is_listed(&app, to).await? {
        return Err(Error::ContractNotListed);
    }
    if call.data.len() < 4 {
        return Err(Error::InvalidValue {
            field: "data",
            reason: "a call names a function in its first four bytes".into(),
        });
    }
    let sender = call
        .sender
        .as_deref()
        .map(|text| app.parse_account(text))
        .transpose()?;
    let value =
        u64::try_from(call.amount_sat.unwrap_or_default().0).map_err(|_| Error::InvalidValue {
            field: "amountSat",
            reason: "more QTUM than there is".into(),
        })?;
    let request = CallRequest {
        contract: &to,
        data: &call.data,
        sender: sender.as_ref(),
        gas_limit: Some(MOST_GAS),
        value,
    };
    let done = app.node.call_contract(&request).await?;
    let refused = (done.excepted == "Revert").then(|| contract::explain(&done.output));
    Ok(Json(json!({
        "output": format!("0x{}", hex::encode(&done.output)),
        "excepted": done.excepted,
        "exceptedMessage": refused.as_ref().map_or(done.excepted_message.clone(), |refused| refused.reason.clone()),
        "code": refused.map(|refused| refused.code),
        "gasUsed": done.gas_used,
        "gasRefunded": done.gas_refunded,
    })))
}

async fn is_listed(app: &App, contract: Account) -> Result<bool> {
    let ours = contract == app.deployment.contract || app.allowed_contracts.contains(&contract);
    Ok(ours || contract != Account::ZERO && app.store.has_asset(contract).await?)
}

/// Hexadecimal digits, with or without "0x".
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    hex::decode(text.strip_prefix("0x").unwrap_or(&text)).map_err(serde::de::Error::custom)
}
