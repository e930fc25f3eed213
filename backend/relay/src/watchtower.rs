//! The watchtower: at every block it asks `protocol::watch` about every closing channel, for both
//! participants, and sends what helps through the node's own wallet.
//!
//! Whether something is needed follows from the chain alone. What is written down here only keeps one
//! need from being paid twice: a transaction that waits is waited for, whoever sent it.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};
use sparky_protocol::{
    Account, Channel, ContractCall, Hash, Phase, Side,
    watch::{Action, Caller, watch},
};
use sparky_qtum::{
    Txid, contract,
    rpc::{ContractSend, RpcError},
    script::Gas,
};

use crate::{
    app::App,
    book,
    chain::transactions::calls_of,
    error::{Error, Result},
    store::{NewEvent, WatchAction},
};

/// Attempts for one need that the contract refused, before the tower gives it up and says so.
const ATTEMPTS: u32 = 3;

/// Blocks after which an unmined transaction is said to be late.
const LATE: u32 = 5;

/// Looks at every block, and whenever something was switched.
pub(crate) async fn run(app: App) {
    let mut tip = app.tip.subscribe();
    loop {
        let height = tip.borrow_and_update().height;
        let trouble = app.node_trouble.borrow().is_some();
        if !trouble && app.tower_on.load(Ordering::Relaxed) {
            match patrol(&app, height).await {
                Ok(()) => app.tower_checked.store(height, Ordering::Relaxed),
                Err(cause) => {
                    tracing::error!(%cause, "the watchtower could not look");
                    metrics::counter!("sparky_watch_actions_total", "action" => "look", "result" => "failed").increment(1);
                }
            }
        }
        tokio::select! {
            () = app.stopping.cancelled() => return,
            changed = tip.changed() => if changed.is_err() { return },
            () = app.tower_wake.notified() => {}
            // A node that was away, a wallet that was filled: look again without a block.
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
    }
}

/// One round over the channels that are closing.
async fn patrol(app: &App, height: u32) -> Result<()> {
    follow_up(app, height).await?;
    let mut least_left = None;
    for stored in app.store.closing_channels().await? {
        let proposals = app
            .store
            .proposals(stored.facts.channel_id, app.oldest_binding_height())
            .await?;
        let channel = book::assemble(&app.domain, &stored, &proposals)?;
        if let Phase::Finalizing { deadline, .. } = channel.phase(height.saturating_add(1)) {
            let left = deadline.saturating_sub(height);
            least_left = Some(least_left.map_or(left, |least: u32| least.min(left)));
        }
        for guarded in Side::BOTH {
            let Some(action) = watch(&channel, guarded, Caller::Tower, height) else {
                continue;
            };
            if app
                .store
                .watch_disabled_at(channel.id(), guarded)
                .await?
                .is_some()
            {
                continue;
            }
            // One channel's trouble is not another's.
            if let Err(cause) = act(app, &channel, guarded, &action, height).await {
                tracing::error!(channel = %channel.id(), %cause, "the watchtower could not act");
                count(&action.call, "failed");
            }
        }
    }
    metrics::gauge!("sparky_watch_blocks_left_min")
        .set(least_left.map_or(f64::INFINITY, f64::from));
    Ok(())
}

/// Sends what is needed, unless it is on its way.
async fn act(
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

/// Looks after what was sent: mined, refused, forgotten by the node, late.
async fn follow_up(app: &App, height: u32) -> Result<()> {
    for mut action in app.store.pending_watch_actions().await? {
        let txid = Txid(action.txid);
        let Some(stored) = app.store.channel(action.channel_id).await? else {
            continue;
        };
        let channel = book::assemble(&app.domain, &stored, &[])?;
        let Some(found) = app.node.get_raw_transaction(&txid).await? else {
            forgotten(app, &channel, action, height).await?;
            continue;
        };
        // Mined means: in a block that was followed here. Before that, the facts do not show it, and
        // the need would seem to be there still.
        let mined = match found.block_hash {
            Some(hash) => app.store.has_block(hash.0).await?,
            None => false,
        };
        if !mined {
            if action.sent_at + LATE < height {
                tracing::warn!(%txid, blocks = height - action.sent_at, "the watchtower's transaction is late");
            }
            continue;
        }
        let refused = app
            .node
            .get_transaction_receipt(&txid)
            .await?
            .into_iter()
            .find(|receipt| !receipt.succeeded());
        action.mined_at = Some(height);
        let (kind, result, reason) = match refused {
            None => ("watch.acted", "mined", None),
            Some(receipt) => {
                action.failed_at = Some(height);
                (
                    "watch.failed",
                    "refused",
                    Some(format!("the contract refused: {}", receipt.excepted)),
                )
            }
        };
        metrics::counter!("sparky_watch_actions_total", "action" => action.call.clone(), "result" => result).increment(1);
        let body = event_data(&channel, action.guarded, &action, None, reason.as_deref());
        let appended = app
            .store
            .mark_watch_action(&action, &[event(&channel, action.guarded, kind, &body)])
            .await?;
        app.tell(appended);
    }
    Ok(())
}

/// The node does not know the transaction any more: it gets it again, or the need is open again.
async fn forgotten(
    app: &App,
    channel: &Channel,
    mut action: WatchAction,
    height: u32,
) -> Result<()> {
    match app
        .node
        .send_raw_transaction(&hex::encode(&action.raw))
        .await
    {
        Ok(_) => Ok(()),
        Err(RpcError::Rejected { reason, .. }) => {
            action.failed_at = Some(height);
            let body = event_data(channel, action.guarded, &action, None, Some(&reason));
            let event = event(channel, action.guarded, "watch.failed", &body);
            let appended = app.store.mark_watch_action(&action, &[event]).await?;
            app.tell(appended);
            Ok(())
        }
        Err(cause) => Err(cause.into()),
    }
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

async fn report_failure(
    app: &App,
    channel: &Channel,
    guarded: Side,
    action: &Action,
    height: u32,
    cause: &RpcError,
) -> Result<()> {
    count(&action.call, "failed");
    let body = json!({
        "channelId": channel.id(),
        "number": channel.params().number,
        "side": guarded,
        "call": name(&action.call),
        "height": height,
        "deadline": action.deadline,
        "reason": cause.what_to_do(),
    });
    // Told once per block at most: the patrol comes back every few seconds.
    if app.tower_checked.load(Ordering::Relaxed) == height {
        return Ok(());
    }
    let mut transaction = app.store.begin().await?;
    let event = event(channel, guarded, "watch.failed", &body);
    let appended = crate::store::Store::append(&mut transaction, &[event]).await?;
    transaction.commit().await?;
    app.tell(appended);
    Ok(())
}

fn event(channel: &Channel, guarded: Side, kind: &'static str, body: &Value) -> NewEvent {
    let account: Account = channel.account(guarded);
    NewEvent {
        account,
        kind,
        body: body.to_string().into(),
        proof: None,
    }
}

fn event_data(
    channel: &Channel,
    guarded: Side,
    action: &WatchAction,
    deadline: Option<u32>,
    reason: Option<&str>,
) -> Value {
    json!({
        "channelId": channel.id(),
        "number": channel.params().number,
        "side": guarded,
        "call": action.call,
        "txid": Txid(action.txid).to_string(),
        "height": action.mined_at.unwrap_or(action.sent_at),
        "deadline": deadline,
        "reason": reason,
    })
}

fn count(call: &ContractCall, result: &'static str) {
    metrics::counter!("sparky_watch_actions_total", "action" => name(call), "result" => result)
        .increment(1);
}

/// The call in the contract's words.
fn name(call: &ContractCall) -> &'static str {
    match call {
        ContractCall::CounterClaim { .. } => "counterClaim",
        ContractCall::RaiseFloor { .. } => "raiseFloor",
        ContractCall::Settle { .. } => "settle",
        _ => "other",
    }
}
