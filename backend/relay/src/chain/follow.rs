//! The follower: block by block, what the contract said becomes facts and events.
//!
//! Everything goes by block hash. A block that is connected adds rows, a block that is disconnected
//! takes exactly those away, and the facts of every channel it touched are folded anew.
//!
//! Of several relays on one database one follows, and the others mirror what it writes. Every block is
//! written under its lease, so one that was overtaken without noticing writes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use sparky_protocol::{ChainEvent, ChannelId, ChannelParams, Facts, Side};
use sparky_qtum::{
    BlockHash, Txid,
    follow::{self, BlockRef, Event, FollowError, Follower, Logged, Start},
};
use tokio::sync::watch;

use super::transactions::revert_reason;
use crate::{
    app::{App, Block},
    channels,
    config::Chain,
    error::{Error, Result},
    fleet::Hint,
    hub::Notice,
    store::{Fence, NewBlock, NewChainEvent, NewEvent, SentTransaction, event_kind},
};

/// Channels that are read at once to be told what the chain says of them.
const REFOLDED: usize = 64;

/// How long to wait after the node or the database failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Where to follow from: what was followed before, on top of the block below the deployment.
pub(crate) async fn start(app: &App) -> anyhow::Result<Follower> {
    let height = app.deployment.height.saturating_sub(1);
    let hash = app.node.get_block_hash(height).await?.ok_or_else(|| {
        anyhow::anyhow!("the node has no block {height}: it syncs, or it is another chain")
    })?;
    let known = app.store.blocks().await?;
    let known = known
        .into_iter()
        .map(|(height, hash)| BlockRef {
            height,
            hash: BlockHash(hash),
        })
        .collect();
    let mut start = Start::at(BlockRef { height, hash }, known);
    start.interval = match app.chain {
        Chain::Dev => Duration::from_millis(100),
        Chain::Regtest => Duration::from_millis(250),
        Chain::Testnet | Chain::Mainnet => Duration::from_secs(1),
    };
    Ok(Follower::new(
        app.node.clone(),
        app.deployment.contract,
        start,
    ))
}

/// Follows, or mirrors, until the relay stops. The node may come and go; payments do not need it.
pub(crate) async fn run(app: App) {
    let mut following = Following::default();
    let mut lease = app.fleet.chain.is_held.subscribe();
    let mut changes = app.fleet.chain_changes.subscribe();
    loop {
        changes.mark_unchanged();
        let step = async {
            if let Some(fence) = app.fleet.chain.fence() {
                step(&app, &fence, &mut following).await
            } else {
                following = Following::default();
                mirror(&app, &mut changes, &mut lease).await
            }
        };
        let result = tokio::select! {
            () = app.stopping.cancelled() => return,
            result = step => result,
        };
        let Err(trouble) = result else { continue };
        if app.fleet.chain.fence().is_none() {
            continue;
        }
        // Another relay may reach a node that this one does not.
        if 0 < app.fleet.others_alive()
            && let Err(cause) = app.fleet.chain.give_up(&app.store).await
        {
            tracing::warn!(%cause, "the lease was not given back: it runs out");
        }
        if app.node_trouble.borrow().as_ref() != Some(&trouble) {
            tracing::warn!(trouble, "the chain can not be followed");
            app.node_trouble.send_replace(Some(trouble));
        }
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// What this relay needs while it is the one that follows.
#[derive(Default)]
struct Following {
    follower: Option<Follower>,
    /// Whether all that is written is in memory here, too.
    is_taken_over: bool,
}

/// Waits for one event and makes it true here. When that fails, the follower is thrown away, and the
/// next one starts from what the store has.
async fn step(
    app: &App,
    fence: &Fence,
    following: &mut Following,
) -> std::result::Result<(), String> {
    if !following.is_taken_over {
        // What is in memory may rest on less than another relay has written before us, or we ourselves.
        let taken_over = app.mirror.take_over(app).await;
        taken_over.map_err(|cause| cause.to_string())?;
        following.is_taken_over = true;
    }
    let follower = &mut following.follower;
    let mut here = match follower.take() {
        Some(here) => here,
        None => start(app).await.map_err(|cause| cause.to_string())?,
    };
    let event = match here.poll().await {
        Ok(event) => event,
        Err(error) => return Err(describe(&error)),
    };
    let Some(event) = event else {
        clear_trouble(app);
        *follower = Some(here);
        wait(app).await;
        return Ok(());
    };
    // When this fails half-way, a block may be written that is not in memory yet, and the next look
    // would take it for known: so all that is written is taken over anew.
    following.is_taken_over = false;
    let done = match event {
        Event::Connected(block) => connect(app, fence, &block).await,
        Event::Disconnected(at) => disconnect(app, fence, at, here.position()).await,
        Event::Rewound(to) => rewind(app, fence, to).await,
    };
    done.map_err(|cause| cause.to_string())?;
    following.is_taken_over = true;
    *follower = Some(here);
    Ok(())
}

/// Takes over what another relay writes, and waits for more, or for its lease.
async fn mirror(
    app: &App,
    changes: &mut watch::Receiver<i64>,
    lease: &mut watch::Receiver<bool>,
) -> std::result::Result<(), String> {
    app.mirror
        .catch_up(app)
        .await
        .map_err(|cause| cause.to_string())?;
    // Before its first look this relay does not know who follows.
    if app.fleet.has_looked() {
        clear_trouble(app);
    }
    tokio::select! {
        _ = changes.changed() => {}
        _ = lease.wait_for(|is_held| *is_held) => {}
    }
    Ok(())
}

fn describe(error: &FollowError) -> String {
    match error {
        FollowError::Rpc(error) => format!("{error} {}", error.what_to_do()),
        FollowError::Lost(_) => error.to_string(),
    }
}

/// On the tip the node answers, and what we know is the present.
fn clear_trouble(app: &App) {
    if app.node_trouble.borrow().is_some() {
        tracing::info!("following the chain");
        app.node_trouble.send_replace(None);
        // The tower waited for this, and the next block may be long in coming.
        app.tower_wake.notify_one();
    }
}

async fn wait(app: &App) {
    let pause = match app.chain {
        Chain::Dev => 50,
        Chain::Regtest => 250,
        Chain::Testnet | Chain::Mainnet => 1_000,
    };
    tokio::time::sleep(Duration::from_millis(pause)).await;
}

/// This relay was stopped, or cut off, for so long that another one took its place.
fn overtaken(app: &App) -> Error {
    app.fleet.chain.lost();
    Error::Internal("another relay follows the chain now".into())
}

async fn connect(app: &App, fence: &Fence, block: &follow::Block) -> Result<()> {
    let time = i64::try_from(block.time).unwrap_or(i64::MAX);
    let here = Block {
        height: block.at.height,
        hash: block.at.hash,
        time,
    };
    let (events, mut notices) = events_of(app, block).await?;
    let sent = sent_in(app, block.at).await?;
    // A follower repeats the newest blocks when it starts: what is written is not written again.
    if sent.is_empty() && app.store.has_block(block.at.hash.0).await? {
        if rise(app, here) {
            tell_tip(app);
        }
        return Ok(());
    }
    for transaction in &sent {
        let txid = Txid(transaction.txid);
        let reverted = revert_reason(app, txid).await;
        let data = json!({
            "txid": txid.to_string(), "purpose": transaction.purpose,
            "height": block.at.height, "reverted": reverted,
        });
        notices.push(about(transaction, "tx.confirmed", &data));
    }
    let new = NewBlock {
        hash: block.at.hash.0,
        height: block.at.height,
        time,
        sent: sent.iter().map(|transaction| transaction.txid).collect(),
    };
    let written = app
        .store
        .connect_block(fence, &new, &events, &notices)
        .await?;
    let appended = written.ok_or_else(|| overtaken(app))?;
    let touched: BTreeSet<ChannelId> = events.iter().map(|event| event.channel_id).collect();
    refold(app, touched).await?;
    let risen = rise(app, here);
    app.fleet.hint(Hint::Look);
    app.tell(appended);
    crate::failpoint!("relay.connect-block.told");
    if risen {
        tell_tip(app);
    }
    channels::expire_proposals(app, block.at.height).await
}

/// Lets the tip rise, and says whether it did. After a start the last blocks are looked at once more:
/// that must not take it back, or deposits would seem unconfirmed and countdowns would jump. A
/// reorganisation lowers it first.
fn rise(app: &App, here: Block) -> bool {
    app.tip.send_if_modified(|tip| {
        let is_above = tip.height < here.height;
        if is_above {
            *tip = here;
        }
        is_above
    })
}

async fn disconnect(app: &App, fence: &Fence, at: BlockRef, below: BlockRef) -> Result<()> {
    let touched = app.store.channels_in_block(at.hash.0).await?;
    let mut notices = Vec::new();
    for id in &touched {
        let Some(params) = app.store.params(*id).await? else {
            continue;
        };
        let data = json!({ "channelId": id, "number": params.number, "height": at.height });
        notices.extend(to_both(&params, "channel.reorged", &data));
    }
    let sent = app.store.transactions_in(at.hash.0).await?;
    for transaction in &sent {
        let data =
            json!({ "txid": Txid(transaction.txid).to_string(), "purpose": transaction.purpose });
        notices.push(about(transaction, "tx.reorged", &data));
    }
    let written = app
        .store
        .disconnect_block(fence, at.hash.0, &notices)
        .await?;
    let appended = written.ok_or_else(|| overtaken(app))?;
    metrics::counter!("sparky_chain_reorgs_total").increment(1);
    refold(app, touched).await?;
    let time = app.tip.borrow().time;
    app.tip.send_replace(Block {
        height: below.height,
        hash: below.hash,
        time,
    });
    app.fleet.hint(Hint::Look);
    app.tell(appended);
    tell_tip(app);
    for transaction in sent {
        // Most are in the mempool again already; one that is not gets another chance.
        crate::failpoint!("relay.resend.before");
        if let Err(cause) = app
            .node
            .send_raw_transaction(&hex::encode(&transaction.raw))
            .await
        {
            tracing::info!(%cause, "a transaction that a reorganisation threw out was not taken again");
        }
        crate::failpoint!("relay.resend.after");
    }
    Ok(())
}

/// A reorganisation deeper than the follower's memory: everything above `to` goes.
async fn rewind(app: &App, fence: &Fence, to: BlockRef) -> Result<()> {
    let mut blocks = app.store.blocks().await?;
    while let Some((height, hash)) = blocks.pop() {
        if height <= to.height {
            break;
        }
        let below = blocks.last().map_or(to, |(height, hash)| BlockRef {
            height: *height,
            hash: BlockHash(*hash),
        });
        disconnect(
            app,
            fence,
            BlockRef {
                height,
                hash: BlockHash(hash),
            },
            below,
        )
        .await?;
    }
    Ok(())
}

/// What the contract said about channels in a block, and whom that concerns.
async fn events_of(
    app: &App,
    block: &follow::Block,
) -> Result<(Vec<NewChainEvent>, Vec<NewEvent>)> {
    let (mut events, mut notices) = (Vec::new(), Vec::new());
    for logged in &block.logs {
        let Some(id) = logged.event.channel_id() else {
            continue;
        };
        let params = match &logged.event {
            ChainEvent::Opened { params, .. } => Some(*params),
            _ => params_of(app, id, &events).await?,
        };
        let Some(params) = params else {
            tracing::warn!(channel = %id, "an event of a channel that was never opened here");
            continue;
        };
        notices.extend(to_both(
            &params,
            frame_kind(&logged.event),
            &data(&params, block.at.height, logged),
        ));
        events.push(NewChainEvent {
            log_index: log_index(logged),
            txid: logged.txid.0,
            channel_id: id,
            event: logged.event.clone(),
        });
    }
    Ok((events, notices))
}

async fn params_of(
    app: &App,
    id: ChannelId,
    before: &[NewChainEvent],
) -> Result<Option<ChannelParams>> {
    let opened = before.iter().find_map(|new| match &new.event {
        ChainEvent::Opened {
            channel_id, params, ..
        } if *channel_id == id => Some(*params),
        _ => None,
    });
    match opened {
        Some(params) => Ok(Some(params)),
        None => Ok(app.store.params(id).await?),
    }
}

/// One number for the position of a log in its block.
fn log_index(logged: &Logged) -> i64 {
    let (transaction, output) = (
        i64::from(logged.transaction_index),
        i64::from(logged.output_index),
    );
    (transaction << 40) | (output << 20) | i64::from(logged.log_index)
}

/// The frame that tells of an event.
fn frame_kind(event: &ChainEvent) -> &'static str {
    match event {
        ChainEvent::Opened { .. } => "channel.opened",
        ChainEvent::Deposited { .. } => "channel.deposited",
        ChainEvent::Withdrawn { .. } => "channel.withdrawn",
        ChainEvent::Closed { .. } | ChainEvent::Recovered { .. } => "channel.closing",
        ChainEvent::CounterClaimed { .. } => "channel.counter-claimed",
        ChainEvent::FloorRaised { .. } => "channel.floor-raised",
        ChainEvent::Settled { .. } | ChainEvent::CooperativelyClosed { .. } => "channel.settled",
        other => event_kind(other),
    }
}

fn data(params: &ChannelParams, height: u32, logged: &Logged) -> Value {
    json!({
        "channelId": params.id(),
        "number": params.number,
        "height": height,
        "txid": logged.txid.to_string(),
        "event": logged.event,
    })
}

fn to_both(params: &ChannelParams, kind: &'static str, data: &Value) -> [NewEvent; 2] {
    let body: Arc<str> = data.to_string().into();
    Side::BOTH.map(|side| NewEvent {
        account: params.account(side),
        kind,
        body: body.clone(),
        proof: None,
    })
}

fn about(transaction: &SentTransaction, kind: &'static str, data: &Value) -> NewEvent {
    NewEvent {
        account: transaction.account,
        kind,
        body: data.to_string().into(),
        proof: None,
    }
}

/// The transactions of participants that a block holds.
async fn sent_in(app: &App, at: BlockRef) -> Result<Vec<SentTransaction>> {
    let waiting = app.store.waiting_transactions().await?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let Some(block) = app.node.get_block(&at.hash).await? else {
        return Ok(Vec::new());
    };
    let txids: BTreeSet<[u8; 32]> = block.txids.iter().map(|txid| txid.0).collect();
    Ok(waiting
        .into_iter()
        .filter(|transaction| txids.contains(&transaction.txid))
        .collect())
}

/// Folds the facts of these channels anew, for those that are in memory.
pub(super) async fn refold(app: &App, ids: impl IntoIterator<Item = ChannelId>) -> Result<()> {
    let ids: Vec<ChannelId> = ids.into_iter().collect();
    for ids in ids.chunks(REFOLDED) {
        let stored = app.store.channels(ids).await?;
        let facts: BTreeMap<ChannelId, &Facts> = stored
            .iter()
            .map(|stored| (stored.facts.channel_id, &stored.facts))
            .collect();
        for id in ids {
            app.book.replace_facts(*id, facts.get(id).copied());
        }
    }
    Ok(())
}

/// Where the chain stands, as connections hear it.
pub(crate) fn tip_frame(app: &App) -> Arc<str> {
    json!({ "type": "block", "data": super::window::tip_view(app) })
        .to_string()
        .into()
}

pub(super) fn tell_tip(app: &App) {
    app.hub.broadcast(&Notice::Passing(tip_frame(app)));
    metrics::gauge!("sparky_chain_height").set(f64::from(app.height()));
}
