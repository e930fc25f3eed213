//! Transactions of participants: taken, followed into the chain, explained.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sparky_qtum::{
    Txid,
    rpc::Receipt,
    script::{Contract, Target},
    tx::Transaction,
};

use crate::{
    app::App,
    auth::Caller,
    body::{Body, Path},
    error::{Error, Result},
    routes::Routes,
    store::SentTransaction,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/api/v1/chain/transactions", broadcast)
        .get("/api/v1/chain/transactions/{txid}", show)
}

#[derive(Deserialize)]
pub(crate) struct Broadcast {
    hex: String,
    #[serde(default)]
    purpose: Option<String>,
}

/// Written down before it is broadcast, so that whatever happens next it is followed.
async fn broadcast(
    State(app): State<App>,
    Caller(account): Caller,
    Body(request): Body<Broadcast>,
) -> Result<(StatusCode, Json<Value>)> {
    let transaction = Transaction::from_hex(&request.hex).map_err(|cause| Error::InvalidValue {
        field: "hex",
        reason: cause.to_string(),
    })?;
    let txid = transaction.txid();
    let purpose = request
        .purpose
        .map(|purpose| purpose.chars().take(80).collect());
    let sent = SentTransaction {
        txid: txid.0,
        account,
        purpose,
        raw: transaction.encode(),
    };
    if !app.store.put_transaction(&sent, app.height()).await? {
        return Err(Error::QuotaExceeded("transactions that wait for a block"));
    }
    crate::failpoint!("relay.send-transaction.before");
    let answer = app.node.send_raw_transaction(&request.hex).await;
    crate::failpoint!("relay.send-transaction.after");
    match answer {
        Ok(_) => {}
        Err(refused) if refused.is_already_mined() => {}
        Err(refused) => {
            // Without an answer it may be on its way: then it stays written down.
            if matches!(refused, sparky_qtum::rpc::RpcError::Rejected { .. }) {
                app.store.delete_transaction(txid.0, account).await?;
            }
            return Err(refused.into());
        }
    }
    Ok((
        StatusCode::ACCEPTED,
        Json(json!({ "txid": txid.to_string() })),
    ))
}

async fn show(State(app): State<App>, _: Caller, Path(txid): Path<String>) -> Result<Json<Value>> {
    let unknown = || Error::UnknownTransaction(txid.clone());
    let id: Txid = txid.parse().map_err(|_| unknown())?;
    let found = app
        .node
        .get_raw_transaction(&id)
        .await?
        .ok_or_else(unknown)?;
    let header = match found.block_hash {
        Some(hash) => app.node.get_block_header(&hash).await?,
        None => None,
    };
    let receipts = if header.is_some() {
        app.node.get_transaction_receipt(&id).await?
    } else {
        Vec::new()
    };
    let outputs = found
        .decode()
        .map(|transaction| transaction.outputs)
        .unwrap_or_default();
    let calls = outputs
        .iter()
        .filter_map(|output| Contract::parse(&output.script.0));
    let to: Vec<String> = calls
        .filter_map(|call| match call.target {
            Target::Call(contract) => Some(app.address(contract)),
            Target::Create => None,
        })
        .collect();
    let receipts: Vec<Value> = receipts
        .iter()
        .map(|receipt| receipt_view(&app, receipt))
        .collect();
    Ok(Json(json!({
        "txid": txid,
        "confirmations": found.confirmations.unwrap_or(0),
        "blockHeight": header.as_ref().map(|header| header.height),
        "blockHash": header.as_ref().map(|header| header.hash.to_string()),
        "calls": to,
        "receipts": receipts,
    })))
}

fn receipt_view(app: &App, receipt: &Receipt) -> Value {
    json!({
        "outputIndex": receipt.output_index,
        "from": app.address(receipt.from),
        "contract": receipt.contract_address,
        "excepted": receipt.excepted,
        "exceptedMessage": receipt.excepted_message,
        "gasUsed": receipt.gas_used,
    })
}

/// Why a mined transaction did not do what it should, in words; none if it did.
pub(super) async fn revert_reason(app: &App, txid: Txid) -> Option<String> {
    let receipts = app.node.get_transaction_receipt(&txid).await.ok()?;
    let failed = receipts.into_iter().find(|receipt| !receipt.succeeded())?;
    let text = if failed.excepted_message.is_empty() {
        failed.excepted
    } else {
        failed.excepted_message
    };
    Some(text)
}

/// A transaction's calls of our contract: the data of each.
pub(crate) fn calls_of(app: &App, transaction: &Transaction) -> Vec<Vec<u8>> {
    let calls = transaction
        .outputs
        .iter()
        .filter_map(|output| Contract::parse(&output.script.0));
    calls
        .filter(|call| call.target == Target::Call(app.deployment.contract))
        .map(|call| call.data)
        .collect()
}
