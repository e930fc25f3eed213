//! Sends what is needed: one transaction for one need.

use sparky_protocol::{Channel, ContractCall, Hash, Side, watch::Action};
use sparky_qtum::{Txid, contract, rpc::ContractSend, script::Gas};

use super::tell::{count, event, event_data, name, report_failure};
use crate::{
    app::App,
    chain::transactions::calls_of,
    error::{Error, Result},
    store::WatchAction,
};

/// Attempts for one need that the contract refused, before the tower gives it up and says so.
const ATTEMPTS: u32 = 3;

/// Sends what is needed, unless it is on its way.
pub(super) async fn act(
    app: &App,
    channel: &Channel,
    guarded: Side,
    action: &Action,
    height: u32,
) -> Result<()> {
    let data = contract::encode(&action.call);
    let need = Hash::sha256(&data);
    let last = app.store.watch_action(need).await?;
    let attempt = match last {
        Some(last) if last.failed_at.is_none() && last.mined_at.is_none() => return Ok(()),
        // Refused again and again: somebody has to look, more of the same does not help.
        Some(last) if last.failed_at.is_some() && ATTEMPTS <= last.attempt => return Ok(()),
        // Mined and needed all the same: refused, or its block is gone.
        Some(last) => last.attempt + 1,
        None => 1,
    };
    if is_in_mempool(app, &data).await? {
        return Ok(());
    }
    let gas = Gas {
        limit: gas_limit(app, &action.call, &data).await?,
        price: contract::gas_price(&action.call),
    };
    let request = ContractSend {
        contract: &app.deployment.contract,
        data: &data,
        value: 0,
        gas,
        sender: None,
    };
    let sent = match app.tower_wallet.send_to_contract(&request).await {
        Ok(sent) => sent,
        Err(cause) => {
            report_failure(app, channel, guarded, action, height, &cause).await?;
            return Err(cause.into());
        }
    };
    let raw = app
        .node
        .get_raw_transaction(&sent.txid)
        .await?
        .map(|raw| raw.hex)
        .unwrap_or_default();
    let entry = WatchAction {
        need,
        attempt,
        channel_id: channel.id(),
        guarded,
        call: name(&action.call).to_owned(),
        txid: sent.txid.0,
        raw: hex::decode(raw).unwrap_or_default(),
        sent_at: height,
        mined_at: None,
        failed_at: None,
    };
    tracing::warn!(channel = %channel.id(), call = entry.call, txid = %sent.txid, "the watchtower acts");
    count(&action.call, "sent");
    let body = event_data(channel, guarded, &entry, action.deadline, None);
    let appended = app
        .store
        .put_watch_action(&entry, &[event(channel, guarded, "watch.acting", &body)])
        .await?;
    app.tell(appended);
    Ok(())
}

/// Whether a transaction with this very call waits already, from us before a crash or from anybody.
async fn is_in_mempool(app: &App, data: &[u8]) -> Result<bool> {
    let waiting: Vec<Txid> = app.node.call("getrawmempool", &[]).await?;
    for txid in waiting {
        let Some(found) = app.node.get_raw_transaction(&txid).await? else {
            continue;
        };
        let Ok(transaction) = found.decode() else {
            continue;
        };
        if calls_of(app, &transaction).iter().any(|call| call == data) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the call would use now, with a margin; what the contract's tests measured when it can not be
/// tried.
async fn gas_limit(app: &App, call: &ContractCall, data: &[u8]) -> Result<u64> {
    let request = sparky_qtum::rpc::CallRequest {
        contract: &app.deployment.contract,
        data,
        sender: None,
        gas_limit: None,
        value: 0,
    };
    let tried = app.node.call_contract(&request).await?;
    if !tried.succeeded() {
        let refused = contract::explain(&tried.output);
        return Err(Error::Internal(format!(
            "the contract would refuse the call: {}",
            refused.reason
        )));
    }
    Ok(
        contract::gas_limit(call).max(contract::gas_limit_after_trial(
            tried.gas_used,
            tried.gas_refunded,
        )),
    )
}
