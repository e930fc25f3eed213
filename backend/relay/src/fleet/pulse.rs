//! The pulse: one look at the database per beat. It shows that this relay lives, sees who else does,
//! and keeps, takes or loses the leases.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use sparky_protocol::Account;

use super::{Hint, Lease};
use crate::{
    app::App,
    store::{self, Fence, LeaseRow, RelayRow},
};

/// The least time between two looks, however much there is to see.
const BREATH: Duration = Duration::from_millis(20);

/// After so many times the time that makes a relay dead, its row is removed.
const FORGOTTEN: u32 = 10;

/// What was seen of another relay.
struct Seen {
    beat: i64,
    /// When it last moved, by our own clock.
    moved: Instant,
    presence_changes: Option<i64>,
    online: Vec<Account>,
}

struct Pulse<'a> {
    app: &'a App,
    is_known: bool,
    /// The accounts that the others were told to be here.
    told: BTreeSet<Account>,
    seen: BTreeMap<String, Seen>,
}

/// Beats until the relay stops, then takes its row away.
pub(super) async fn run(app: &App) {
    let mut pulse = Pulse {
        app,
        is_known: false,
        told: BTreeSet::new(),
        seen: BTreeMap::new(),
    };
    let mut well = true;
    loop {
        match pulse.beat().await {
            Ok(()) => well = true,
            Err(cause) => {
                if well {
                    tracing::error!(%cause, "the pulse missed a beat");
                }
                well = false;
                metrics::counter!("sparky_missed_beats_total").increment(1);
            }
        }
        tokio::select! {
            () = app.fleet.stopping.cancelled() => break,
            () = tokio::time::sleep(app.fleet.pace.beat) => {}
            () = app.fleet.look.notified() => tokio::time::sleep(BREATH).await,
        }
    }
    if let Err(cause) = app.store.delete_relay(&app.fleet.id, None).await {
        tracing::warn!(%cause, "the others will find out that this relay has stopped");
    }
    app.fleet.hint(Hint::Look);
}

impl Pulse<'_> {
    async fn beat(&mut self) -> store::Result<()> {
        let fleet = &self.app.fleet;
        let before = Instant::now();
        self.show().await?;
        let relays = self.app.store.relays().await?;
        let leases = self.app.store.leases().await?;
        self.meet(relays).await?;
        for lease in [&fleet.chain, &fleet.tower] {
            let row = leases.iter().find(|row| row.name == lease.name);
            self.keep(lease, row, before).await?;
        }
        for row in &leases {
            if row.name == fleet.chain.name {
                fleet
                    .chain_changes
                    .send_if_modified(|seen| std::mem::replace(seen, row.changes) != row.changes);
            } else if row.name == fleet.tower.name && fleet.tower.fence().is_none() {
                self.app.tower_checked.store(row.height, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Shows that this relay lives, and who came and went.
    async fn show(&mut self) -> store::Result<()> {
        let app = self.app;
        let here: BTreeSet<Account> = app.hub.accounts().into_iter().collect();
        let came: Vec<Account> = here.difference(&self.told).copied().collect();
        let went: Vec<Account> = self.told.difference(&here).copied().collect();
        if !self.is_known || !app.store.beat(&app.fleet.id, &came, &went).await? {
            let all: Vec<Account> = here.iter().copied().collect();
            app.store.put_relay(&app.fleet.id, &all).await?;
            self.is_known = true;
        }
        self.told = here;
        if !came.is_empty() || !went.is_empty() {
            app.fleet.hint(Hint::Look);
        }
        Ok(())
    }

    /// Looks at the other relays.
    async fn meet(&mut self, rows: Vec<RelayRow>) -> store::Result<()> {
        let (app, now) = (self.app, Instant::now());
        let others: Vec<RelayRow> = rows
            .into_iter()
            .filter(|row| row.id != app.fleet.id)
            .collect();
        self.seen
            .retain(|id, _| others.iter().any(|row| row.id == *id));
        for row in &others {
            let seen = self.seen.entry(row.id.clone()).or_insert(Seen {
                beat: row.beat,
                moved: now,
                presence_changes: None,
                online: Vec::new(),
            });
            if seen.beat != row.beat {
                (seen.beat, seen.moved) = (row.beat, now);
            }
            if seen.presence_changes != Some(row.presence_changes) {
                seen.online = app.store.presence(&row.id).await?;
                seen.presence_changes = Some(row.presence_changes);
            }
            let forgotten = app.fleet.pace.dead * FORGOTTEN;
            if forgotten < seen.moved.elapsed() {
                tracing::info!(relay = row.id, "a relay was killed and is forgotten");
                app.store.delete_relay(&row.id, Some(row.beat)).await?;
            }
        }
        let mut online: BTreeMap<Account, usize> = BTreeMap::new();
        let alive = self.seen.values().filter(|seen| !self.is_dead(seen));
        for account in alive.clone().flat_map(|seen| &seen.online) {
            *online.entry(*account).or_default() += 1;
        }
        let alive = alive.count();
        metrics::gauge!("sparky_relays")
            .set(f64::from(u32::try_from(alive + 1).unwrap_or(u32::MAX)));
        app.fleet.saw(!others.is_empty(), alive, online);
        Ok(())
    }

    fn is_dead(&self, seen: &Seen) -> bool {
        self.app.fleet.pace.dead <= seen.moved.elapsed()
    }

    /// Keeps a lease that is ours, and takes one that is nobody's.
    async fn keep(
        &self,
        lease: &Lease,
        row: Option<&LeaseRow>,
        before: Instant,
    ) -> store::Result<()> {
        let app = self.app;
        let wanted = lease.name != app.fleet.tower.name || app.tower_on.load(Ordering::Relaxed);
        let holder = row.and_then(|row| row.holder.as_deref());
        let term = row.map_or(0, |row| row.term);
        if holder == Some(&app.fleet.id) {
            let fence = Fence {
                lease: lease.name,
                holder: app.fleet.id.clone(),
                term,
            };
            lease.holds(fence, before);
            return if wanted {
                Ok(())
            } else {
                lease.give_up(&app.store).await
            };
        }
        lease.lost();
        let seen = holder.and_then(|holder| self.seen.get(holder));
        let is_free = seen.is_none_or(|seen| self.is_dead(seen));
        if !wanted || !is_free || !lease.may_ask() {
            return Ok(());
        }
        let beat = seen.map_or(-1, |seen| seen.beat);
        let taken = app
            .store
            .take_lease(lease.name, &app.fleet.id, term, beat)
            .await?;
        if let Some(fence) = taken {
            if holder.is_some() {
                metrics::counter!("sparky_takeovers_total", "lease" => lease.name).increment(1);
                tracing::warn!(
                    lease = lease.name,
                    "taken over from a relay that stands still"
                );
            }
            lease.holds(fence, before);
            app.fleet.hint(Hint::Look);
        }
        Ok(())
    }
}
