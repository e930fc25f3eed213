//! Looks after what was sent, until it is mined or given up.

use std::collections::BTreeMap;

use sparky_protocol::{Channel, ChannelId, Side};
use sparky_qtum::{
    Txid,
    rpc::{RawTransaction, RpcError},
    tx::Transaction,
};

use super::{
    purse::gas_of,
    tell::{event, event_data},
};
use crate::{app::App, book, error::Result, store::WatchAction};

/// Looks at every purpose for which something waits. Its transactions spend one coin: at most one of
/// them is ever mined, and usually it is the newest.
pub(super) async fn follow_up(app: &App, height: u32) -> Result<()> {
    let mut purposes: BTreeMap<(ChannelId, Side), Vec<WatchAction>> = BTreeMap::new();
    for action in app.store.pending_watch_actions().await? {
        let purpose = (action.channel_id, action.guarded);
        purposes.entry(purpose).or_default().push(action);
    }
    for ((id, _), actions) in purposes {
        let Some(stored) = app.store.channel(id).await? else {
            continue;
        };
        let channel = book::assemble(&app.domain, stored, &[])?;
        look(app, &channel, actions, height).await?;
    }
    Ok(())
}

/// Looks at the transactions of one purpose, oldest first.
async fn look(
    app: &App,
    channel: &Channel,
    mut actions: Vec<WatchAction>,
    height: u32,
) -> Result<()> {
    let mut newest = None;
    for index in (0..actions.len()).rev() {
        let txid = Txid(actions[index].txid);
        let found = app.node.get_raw_transaction(&txid).await?;
        if found
            .as_ref()
            .is_some_and(|found| found.block_hash.is_some())
        {
            let mined = actions.remove(index);
            return mined_is(app, channel, mined, actions, found, height).await;
        }
        newest.get_or_insert(found);
    }
    // Every waiting transaction is known to the node, or forgotten: then it gets the newest again.
    match (newest, actions.pop()) {
        (Some(None), Some(action)) => forgotten(app, channel, action, height).await,
        _ => Ok(()),
    }
}

/// One of them is in a block. That settles the others, once the block was followed here: before that
/// the facts do not show it, and the need would seem to be there still.
async fn mined_is(
    app: &App,
    channel: &Channel,
    mut mined: WatchAction,
    others: Vec<WatchAction>,
    found: Option<RawTransaction>,
    height: u32,
) -> Result<()> {
    let block = found.and_then(|found| found.block_hash);
    let is_followed = match block {
        Some(hash) => app.store.has_block(hash.0).await?,
        None => false,
    };
    if !is_followed {
        return Ok(());
    }
    for other in others {
        let lost = WatchAction {
            failed_at: Some(height),
            fee: 0,
            ..other
        };
        app.store.mark_watch_action(&lost, &[]).await?;
    }
    let receipts = app.node.get_transaction_receipt(&Txid(mined.txid)).await?;
    let used: u64 = receipts.iter().map(|receipt| receipt.gas_used).sum();
    let gas = Transaction::decode(&mined.raw).map_or_else(
        |_| sparky_qtum::script::Gas { limit: 0, price: 0 },
        |transaction| gas_of(&transaction),
    );
    // Unused gas comes back.
    let back = gas.limit.saturating_sub(used).saturating_mul(gas.price);
    mined.fee = mined.fee.saturating_sub(back);
    mined.mined_at = Some(height);
    let refused = receipts.into_iter().find(|receipt| !receipt.succeeded());
    let (kind, result, reason) = match refused {
        None => ("watch.acted", "mined", None),
        Some(receipt) => {
            mined.failed_at = Some(height);
            (
                "watch.failed",
                "refused",
                Some(format!("the contract refused: {}", receipt.excepted)),
            )
        }
    };
    metrics::counter!("sparky_watch_actions_total", "action" => mined.call.clone(), "result" => result).increment(1);
    let body = event_data(channel, mined.guarded, &mined, None, reason.as_deref());
    let appended = app
        .store
        .mark_watch_action(&mined, &[event(channel, mined.guarded, kind, &body)])
        .await?;
    app.tell(appended);
    Ok(())
}

/// The node does not know the transaction any more: it gets it again, or the need is open again.
async fn forgotten(app: &App, channel: &Channel, action: WatchAction, height: u32) -> Result<()> {
    crate::failpoint!("tower.resend.before");
    let sent = app
        .node
        .send_raw_transaction(&hex::encode(&action.raw))
        .await;
    crate::failpoint!("tower.resend.after");
    match sent {
        Ok(_) => Ok(()),
        Err(cause) if cause.is_already_mined() => Ok(()),
        Err(RpcError::Rejected { reason, .. }) => {
            let failed = WatchAction {
                failed_at: Some(height),
                fee: 0,
                ..action
            };
            let body = event_data(channel, failed.guarded, &failed, None, Some(&reason));
            let event = event(channel, failed.guarded, "watch.failed", &body);
            let appended = app.store.mark_watch_action(&failed, &[event]).await?;
            app.tell(appended);
            Ok(())
        }
        Err(cause) => Err(cause.into()),
    }
}
