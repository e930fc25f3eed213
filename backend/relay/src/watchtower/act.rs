//! Sends what is needed: one transaction for one need, and never two that can both be mined.

use sparky_protocol::{Channel, ContractCall, Side, watch::Action};
use sparky_qtum::{Txid, contract, rpc::RpcError, tx::Transaction};

use super::{
    Memory,
    budget::{self, DAY, Spent},
    purse::{self, Made, Order, need_of},
    tell::{complain, count, event, event_data, name, report_failure},
};
use crate::{
    app::App,
    chain::transactions::calls_of,
    error::{Error, Result},
    store::WatchAction,
};

/// Transactions for one need that the contract refused, before the tower gives it up.
const ATTEMPTS: u32 = 3;

/// A call of somebody else that waits and does what is needed spares the tower its own, for so many
/// blocks: it may wait for ever, on purpose.
const COURTESY: u32 = 3;

/// Does what a channel needs, unless it is on its way. Whatever stops it is told here, and once.
pub(super) async fn act(
    app: &App,
    memory: &mut Memory,
    channel: &Channel,
    guarded: Side,
    action: &Action,
    height: u32,
) -> Result<()> {
    let data = contract::encode(&action.call);
    let need = need_of(&data);
    let last = app.store.watch_action(need).await?;
    let attempt = last.as_ref().map_or(0, |last| last.attempt) + 1;
    let purpose = Purpose {
        channel,
        guarded,
        action,
        data: &data,
        attempt,
        height,
    };
    let done = attempt_it(app, memory, &purpose, last).await;
    if let Err(cause) = &done {
        report_failure(app, &purpose, &told(cause)).await?;
    }
    done
}

async fn attempt_it(
    app: &App,
    memory: &mut Memory,
    purpose: &Purpose<'_>,
    last: Option<WatchAction>,
) -> Result<()> {
    let Purpose {
        channel,
        guarded,
        action,
        data,
        height,
        ..
    } = *purpose;
    let need = need_of(data);
    if let Some(last) = last {
        if last.is_pending() {
            return if is_late(app, &last, action, height) {
                replace(app, purpose, &last).await
            } else {
                Ok(())
            };
        }
        match (last.mined_at, last.failed_at) {
            // A node refused it in this very block: the next one may see it otherwise.
            (None, Some(failed_at)) if failed_at == height => return Ok(()),
            // Refused again and again: somebody has to look, more of the same does not help.
            (Some(_), Some(_)) if ATTEMPTS <= app.store.count_refused(need).await? => {
                return Ok(());
            }
            // Its block is gone: it waits again, and its coins are the same.
            (Some(_), None) if !is_mined_here(app, &last).await? => {
                let waiting = WatchAction {
                    mined_at: None,
                    ..last
                };
                app.store.mark_watch_action(&waiting, &[]).await?;
                return Ok(());
            }
            _ => {}
        }
    }
    // Something else waits for the same purpose, and is not what helps any more.
    if let Some(waiting) = app
        .store
        .pending_watch_action_for(channel.id(), guarded)
        .await?
    {
        return replace(app, purpose, &waiting).await;
    }
    if may_wait_for_others(action, height)
        && is_in_mempool(app, data).await?
        && memory.is_patient(need, height, COURTESY)
    {
        return Ok(());
    }
    let Some(order) = order(app, purpose).await? else {
        return Ok(());
    };
    let made = purse::pay(app, &order, (channel.id(), guarded)).await?;
    send(app, purpose, made, None).await
}

/// What is to be done and for whom.
pub(super) struct Purpose<'a> {
    pub(super) channel: &'a Channel,
    pub(super) guarded: Side,
    pub(super) action: &'a Action,
    data: &'a [u8],
    attempt: u32,
    pub(super) height: u32,
}

/// Whether it is time to offer more for a transaction: some blocks without it, or any near the end.
fn is_late(app: &App, waiting: &WatchAction, action: &Action, height: u32) -> bool {
    let patience = app.tower_limits.patience;
    let since = height.saturating_sub(waiting.sent_at);
    let left = action
        .deadline
        .map_or(u32::MAX, |deadline| deadline.saturating_sub(height));
    if left <= 2 * patience {
        1 <= since
    } else {
        patience <= since
    }
}

/// Whether there is time to leave it to somebody else, and still for oneself when that one fails: a
/// stranger's call may be made to wait for ever.
fn may_wait_for_others(action: &Action, height: u32) -> bool {
    action
        .deadline
        .is_none_or(|deadline| 2 * COURTESY < deadline.saturating_sub(height))
}

/// Puts a dearer transaction in the place of one that waits.
async fn replace(app: &App, purpose: &Purpose<'_>, waiting: &WatchAction) -> Result<()> {
    let Some(order) = order(app, purpose).await? else {
        return Ok(());
    };
    let Some(made) = purse::outbid(app, &order, waiting).await? else {
        return Ok(());
    };
    send(app, purpose, made, Some(waiting)).await
}

/// What to pay for; nothing when the node knows a block that this relay has yet to look at.
async fn order<'a>(app: &App, purpose: &Purpose<'a>) -> Result<Option<Order<'a>>> {
    let call = &purpose.action.call;
    let Some(gas_limit) = gas_limit(app, call, purpose).await? else {
        return Ok(None);
    };
    // What is offered below the least is refused, however often it is raised step by step from there.
    let least = app.node.get_dgp_info().await?.min_gas_price;
    Ok(Some(Order {
        data: purpose.data,
        gas_limit,
        gas_price: contract::gas_price(call).max(least),
    }))
}

/// Writes a transaction down, then sends it.
async fn send(
    app: &App,
    purpose: &Purpose<'_>,
    made: Made,
    replaced: Option<&WatchAction>,
) -> Result<()> {
    let Purpose {
        channel,
        guarded,
        action,
        height,
        ..
    } = *purpose;
    let id = channel.id();
    let spent = Spent {
        day: app
            .store
            .watch_spending(height.saturating_sub(DAY), None)
            .await?,
        channel: app.store.watch_spending(0, Some(id)).await?,
    };
    // Of the two at most one is mined.
    let more = made.fee - replaced.map_or(0, |replaced| replaced.fee.min(made.fee));
    let stake = budget::stake(channel, guarded, &action.call);
    if let Err(used_up) = budget::check(&app.tower_limits, spent, more, stake) {
        tracing::error!(channel = %id, ?used_up, cost = more, "the watchtower's budget is used up");
        count(&action.call, "budget");
        return complain(app, purpose, used_up.text()).await;
    }
    let entry = WatchAction {
        need: need_of(purpose.data),
        attempt: purpose.attempt,
        channel_id: id,
        guarded,
        call: name(&action.call).to_owned(),
        txid: made.transaction.txid().0,
        raw: made.transaction.encode(),
        sent_at: height,
        mined_at: None,
        failed_at: None,
        fee: made.fee,
    };
    let txid = Txid(entry.txid);
    tracing::warn!(channel = %id, call = entry.call, %txid, fee = entry.fee, replaces = replaced.is_some(), "the watchtower acts");
    let result = if replaced.is_some() {
        "replaced"
    } else {
        "sent"
    };
    count(&action.call, result);
    let body = event_data(channel, guarded, &entry, action.deadline, None);
    let events = [event(channel, guarded, "watch.acting", &body)];
    let appended = app.store.put_watch_action(&entry, &events).await?;
    app.tell(appended);
    crate::failpoint!("tower.send.before");
    let answer = app
        .node
        .send_raw_transaction(&made.transaction.to_hex())
        .await;
    crate::failpoint!("tower.send.after");
    match answer {
        // Without an answer it stays written down, and is sent again.
        Ok(_) => Ok(()),
        Err(cause) if cause.is_already_mined() || cause.is_temporary() => Ok(()),
        Err(cause) => {
            let failed = WatchAction {
                failed_at: Some(height),
                fee: 0,
                ..entry
            };
            app.store.mark_watch_action(&failed, &[]).await?;
            Err(cause.into())
        }
    }
}

fn told(cause: &Error) -> String {
    match cause {
        Error::Chain(cause) => cause.what_to_do(),
        other => other.to_string(),
    }
}

/// Whether a block that was followed here holds the transaction.
pub(super) async fn is_mined_here(app: &App, action: &WatchAction) -> Result<bool> {
    let found = app.node.get_raw_transaction(&Txid(action.txid)).await?;
    match found.and_then(|found| found.block_hash) {
        Some(hash) => Ok(app.store.has_block(hash.0).await?),
        None => Ok(false),
    }
}

/// Whether a transaction with this very call waits already, whoever sent it.
async fn is_in_mempool(app: &App, data: &[u8]) -> Result<bool> {
    let waiting: Vec<Txid> = app.node.call("getrawmempool", &[]).await?;
    for txid in waiting {
        let Some(found) = app.node.get_raw_transaction(&txid).await? else {
            continue;
        };
        let Ok(transaction): std::result::Result<Transaction, _> = found.decode() else {
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
async fn gas_limit(app: &App, call: &ContractCall, purpose: &Purpose<'_>) -> Result<Option<u64>> {
    let request = sparky_qtum::rpc::CallRequest {
        contract: &app.deployment.contract,
        data: purpose.data,
        sender: None,
        gas_limit: None,
        value: 0,
    };
    let tried = match app.node.call_contract(&request).await {
        Ok(tried) => tried,
        Err(RpcError::Rejected { .. }) => return Ok(Some(contract::gas_limit(call))),
        Err(cause) => return Err(cause.into()),
    };
    if !tried.succeeded() {
        // The node may be a block ahead, and that block may hold the very call: then there is nothing
        // left to do, and the look at that block will show it.
        if purpose.height < app.node.get_block_count().await? {
            return Ok(None);
        }
        let refused = contract::explain(&tried.output);
        return Err(Error::Internal(format!(
            "the contract would refuse the call: {}",
            refused.reason
        )));
    }
    Ok(Some(contract::gas_limit(call).max(
        contract::gas_limit_after_trial(tried.gas_used, tried.gas_refunded),
    )))
}
