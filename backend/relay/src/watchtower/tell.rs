//! What clients and operators hear of the watchtower.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use sparky_protocol::{Account, Channel, ContractCall, Side};
use sparky_qtum::Txid;

use super::act::Purpose;
use crate::{
    app::App,
    error::Result,
    store::{NewEvent, WatchAction},
};

/// Counts that nothing could be done in this block, which wakes the operator, and tells the client.
pub(super) async fn report_failure(app: &App, purpose: &Purpose<'_>, reason: &str) -> Result<()> {
    count(&purpose.action.call, "failed");
    complain(app, purpose, reason).await
}

/// Tells the client that nothing was done for it in this block, and why.
pub(super) async fn complain(app: &App, purpose: &Purpose<'_>, reason: &str) -> Result<()> {
    let Purpose {
        channel,
        guarded,
        action,
        height,
        ..
    } = *purpose;
    let body = json!({
        "channelId": channel.id(),
        "number": channel.params().number,
        "side": guarded,
        "call": name(&action.call),
        "height": height,
        "deadline": action.deadline,
        "reason": reason,
    });
    // Told once per block at most: the patrol comes back every few seconds.
    if app.tower_checked.load(Ordering::Relaxed) == height {
        return Ok(());
    }
    let mut transaction = app.store.begin().await?;
    let event = event(channel, guarded, "watch.failed", &body);
    let appended = crate::store::Store::append(&mut transaction, &[event]).await?;
    crate::failpoint!("tower.complain.before");
    transaction.commit().await?;
    crate::failpoint!("tower.complain.after");
    app.tell(appended);
    Ok(())
}

pub(super) fn event(
    channel: &Channel,
    guarded: Side,
    kind: &'static str,
    body: &Value,
) -> NewEvent {
    let account: Account = channel.account(guarded);
    NewEvent {
        account,
        kind,
        body: body.to_string().into(),
        proof: None,
    }
}

pub(super) fn event_data(
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

pub(super) fn count(call: &ContractCall, result: &'static str) {
    metrics::counter!("sparky_watch_actions_total", "action" => name(call), "result" => result)
        .increment(1);
}

/// Says of everything that an alarm waits for that it has not happened: a count that begins with its
/// first event rises from nothing, and no alarm sees it rise.
pub(super) fn count_from_zero() {
    for action in ["counterClaim", "raiseFloor", "settle", "look"] {
        for result in ["failed", "refused", "budget"] {
            metrics::counter!("sparky_watch_actions_total", "action" => action, "result" => result)
                .increment(0);
        }
    }
}

/// The call in the contract's words.
pub(super) fn name(call: &ContractCall) -> &'static str {
    match call {
        ContractCall::CounterClaim { .. } => "counterClaim",
        ContractCall::RaiseFloor { .. } => "raiseFloor",
        ContractCall::Settle { .. } => "settle",
        _ => "other",
    }
}
