//! What participants are shown. Only what is durable: everything here is read from the store.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use sparky_protocol::{Account, Channel, ChannelId, Phase, Side};

use super::{loss, proposals};
use crate::{
    app::App,
    book::{self, side_of},
    error::Result,
    store::StoredChannel,
};

/// A channel with everything that is known of it, for one of its participants.
pub(super) async fn channel(app: &App, caller: Account, stored: StoredChannel) -> Result<Value> {
    let params = stored.facts.params;
    let side = side_of(app, &params, caller)?;
    let tip = app.protocol_tip();
    let id = stored.facts.channel_id;
    let proposals = app.store.proposals(id, app.oldest_binding_height()).await?;
    let channel = book::assemble(&app.domain, stored, &proposals)?;
    let open: Vec<Value> = proposals
        .iter()
        .filter(|proposal| proposal.ended_at.is_none())
        .filter_map(proposals::view)
        .collect();
    Ok(json!({
        "channelId": id,
        "number": params.number,
        "params": params,
        "accountA": app.address(params.account_a),
        "accountB": app.address(params.account_b),
        "side": side,
        "partner": app.address(params.account(side.other())),
        "partnerOnline": app.is_online(params.account(side.other())),
        "phase": channel.phase(tip.height.saturating_add(1)),
        "balances": channel.balances(side, &tip),
        "watch": watch(app, &channel, side).await?,
        "proposals": open,
        "loss": loss::view(app, id, side).await?,
        "height": tip.height,
        "channel": channel,
    }))
}

/// What the watchtower does for one participant of a channel.
pub(super) async fn watch(app: &App, channel: &Channel, side: Side) -> Result<Value> {
    let id = channel.id();
    let enabled = app.store.watch_disabled_at(id, side).await?.is_none();
    let on = app.tower_on.load(Ordering::Relaxed);
    let settled = channel.phase(app.height()) == Phase::Settled;
    let actions = app.store.watch_actions(id).await?;
    let last = actions
        .iter()
        .rfind(|action| action.guarded == side)
        .map(|action| {
            json!({
                "call": action.call,
                "txid": sparky_qtum::Txid(action.txid).to_string(),
                "sentAt": action.sent_at,
                "minedAt": action.mined_at,
                "failedAt": action.failed_at,
            })
        });
    Ok(json!({
        "enabled": enabled,
        "armed": enabled && on && !settled,
        "armedNonce": channel.street(side.other()).nonce(),
        "lastCheckedHeight": app.tower_checked.load(Ordering::Relaxed),
        "lastAction": last,
    }))
}

/// The history of a channel: what the chain says, oldest first.
pub(super) async fn timeline(app: &App, id: ChannelId) -> Result<Value> {
    let entries = app.store.timeline(id).await?;
    let items: Vec<Value> = entries
        .iter()
        .map(|entry| {
            json!({
                "type": crate::store::event_kind(&entry.event),
                "height": entry.height,
                "time": entry.time.map(|time| crate::clock::rfc3339(time.saturating_mul(1_000))),
                "txid": sparky_qtum::Txid(entry.txid).to_string(),
                "event": entry.event,
            })
        })
        .collect();
    Ok(json!({ "items": items, "height": app.height() }))
}
