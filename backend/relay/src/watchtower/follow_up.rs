//! Looks after what was sent, until it is mined or given up.

use sparky_protocol::Channel;
use sparky_qtum::{Txid, rpc::RpcError};

use super::tell::{event, event_data};
use crate::{app::App, book, error::Result, store::WatchAction};

/// Blocks after which an unmined transaction is said to be late.
const LATE: u32 = 5;

/// Looks after what was sent: mined, refused, forgotten by the node, late.
pub(super) async fn follow_up(app: &App, height: u32) -> Result<()> {
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
