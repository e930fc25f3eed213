//! The watchtower: at every block it asks `protocol::watch` about every closing channel, for both
//! participants, and sends what helps through the node's own wallet.
//!
//! Whether something is needed follows from the chain alone. What is written down here only keeps one
//! need from being paid twice: a transaction that waits is waited for, whoever sent it.
//!
//! Of several relays on one database the one with the lease acts. It asks the database once more right
//! before it sends something, so that one that was stopped and wakes up late sends nothing.

mod act;
mod budget;
mod follow_up;
mod purse;
mod tell;

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use sparky_protocol::{
    Hash, Phase, Side,
    watch::{Caller, watch},
};

pub(crate) use self::purse::Purse;
use self::{act::act, follow_up::follow_up};
use crate::{app::App, book, error::Result};

/// Looks at every block, and whenever something was switched.
pub(crate) async fn run(app: App) {
    tell::count_from_zero();
    let mut tip = app.tip.subscribe();
    let mut lease = app.fleet.tower.is_held.subscribe();
    let mut memory = Memory::default();
    loop {
        lease.mark_unchanged();
        let height = tip.borrow_and_update().height;
        let trouble = app.node_trouble.borrow().is_some();
        if !trouble && app.tower_on.load(Ordering::Relaxed) && app.fleet.tower.is_fresh() {
            match patrol(&app, &mut memory, height).await {
                Ok(()) => checked(&app, height).await,
                Err(cause) => {
                    tracing::error!(%cause, "the watchtower could not look");
                    metrics::counter!("sparky_watch_actions_total", "action" => "look", "result" => "failed").increment(1);
                }
            }
        }
        if app.fleet.tower.fence().is_none() {
            purse::forget(&app);
        }
        tokio::select! {
            () = app.stopping.cancelled() => return,
            changed = tip.changed() => if changed.is_err() { return },
            () = app.tower_wake.notified() => {}
            // Taken over from a relay that stands still: what it did not do is done now.
            changed = lease.changed() => if changed.is_err() { return },
            // A node that was away, a wallet that was filled: look again without a block.
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
    }
}

/// Notes that every closing channel was looked at, for the participants of all relays.
async fn checked(app: &App, height: u32) {
    app.tower_checked.store(height, Ordering::Relaxed);
    if let Some(fence) = app.fleet.tower.fence()
        && let Err(cause) = app.store.note_height(&fence, height).await
    {
        tracing::warn!(%cause, "the watchtower's height was not noted");
    }
}

/// What the tower remembers from block to block, and may forget.
#[derive(Default)]
struct Memory {
    /// Since which height somebody else's call for a need waits.
    courtesy: BTreeMap<Hash, u32>,
}

impl Memory {
    /// Whether a need may be left to somebody else for now: for so many blocks.
    fn is_patient(&mut self, need: Hash, height: u32, blocks: u32) -> bool {
        let since = *self.courtesy.entry(need).or_insert(height);
        height.saturating_sub(since) < blocks
    }
}

/// One round over the channels that are closing.
async fn patrol(app: &App, memory: &mut Memory, height: u32) -> Result<()> {
    purse::look(app).await;
    follow_up(app, height).await?;
    let mut closing = Vec::new();
    for stored in app.store.closing_channels().await? {
        let proposals = app
            .store
            .proposals(stored.facts.channel_id, app.oldest_binding_height())
            .await?;
        closing.push(book::assemble(&app.domain, stored, &proposals)?);
    }
    // Coins and blocks may not be enough for all of them.
    closing.sort_by_key(|channel| {
        let facts = channel.facts();
        let deadline = facts.closed.map(|closed| closed.deadline);
        urgency([deadline, facts.refutable_until()], height)
    });
    let mut least_left = None;
    for channel in closing {
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
            if !app.fleet.tower.confirm(&app.store).await? {
                return Ok(());
            }
            // One channel's trouble is not another's.
            if let Err(cause) = act(app, memory, &channel, guarded, &action, height).await {
                tracing::error!(channel = %channel.id(), %cause, "the watchtower could not act");
            }
        }
    }
    metrics::gauge!("sparky_watch_blocks_left_min")
        .set(least_left.map_or(f64::INFINITY, f64::from));
    Ok(())
}

/// By what to sort closing channels: of the last blocks for claims and for refutations the first that is
/// still to come. Who has the least time comes first, and who has none left last.
fn urgency(last_blocks: [Option<u32>; 2], height: u32) -> u32 {
    last_blocks
        .into_iter()
        .flatten()
        .find(|last| height < *last)
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_least_time_comes_first() {
        let mut closing = [
            ("over", [Some(90), Some(100)]),
            ("late", [Some(150), None]),
            ("refutable", [Some(100), Some(110)]),
            ("soon", [Some(101), Some(111)]),
        ];
        closing.sort_by_key(|(_, last_blocks)| urgency(*last_blocks, 100));
        let order = closing.map(|(name, _)| name);
        assert_eq!(order, ["soon", "refutable", "late", "over"]);
    }
}
