//! One lease as this relay knows it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::Pace;
use crate::store::{self, Fence, Store};

/// A right that one relay has at a time.
///
/// Two things keep a relay from acting that has lost it without noticing, because it was stopped or
/// cut off: what it writes passes its [`Fence`] in the same transaction, and what it does outside of
/// the database it does only while it [`is_fresh`](Self::is_fresh) and has asked the database just
/// before, by [`confirm`](Self::confirm).
pub(crate) struct Lease {
    pub(crate) name: &'static str,
    held: Mutex<Option<Held>>,
    /// Not to be taken again before: somebody else should have a chance.
    not_before: Mutex<Option<Instant>>,
    /// How long a look at the database is believed: half of what the others wait.
    believed: Duration,
    /// Tells when it was taken or lost.
    pub(crate) is_held: watch::Sender<bool>,
    /// How long not to ask for it after giving it up.
    rest: Duration,
}

struct Held {
    fence: Fence,
    /// Before this moment the database said that it is ours.
    renewed: Instant,
}

impl Lease {
    pub(super) fn new(name: &'static str, pace: Pace) -> Self {
        // From the start: an alarm does not hear what nobody has ever said.
        metrics::gauge!("sparky_lease_held", "lease" => name).set(0.0);
        Self {
            name,
            held: Mutex::default(),
            not_before: Mutex::default(),
            believed: pace.dead / 2,
            is_held: watch::Sender::new(false),
            rest: pace.dead,
        }
    }

    /// What to show when writing; none when another relay holds it, as far as is known.
    pub(crate) fn fence(&self) -> Option<Fence> {
        self.held().as_ref().map(|held| held.fence.clone())
    }

    /// Whether this relay holds the lease, and knows so recently that nobody can have taken it.
    pub(crate) fn is_fresh(&self) -> bool {
        self.held()
            .as_ref()
            .is_some_and(|held| held.renewed.elapsed() < self.believed)
    }

    /// Asks the database whether this relay still holds the lease: the last thing to do before
    /// something that can not be taken back.
    pub(crate) async fn confirm(&self, store: &Store) -> store::Result<bool> {
        let Some(fence) = self.fence().filter(|_| self.is_fresh()) else {
            return Ok(false);
        };
        let mut transaction = store.begin().await?;
        let mine = fence.pass(&mut transaction).await?;
        transaction.commit().await?;
        if !mine {
            self.lost();
        }
        Ok(mine && self.is_fresh())
    }

    /// It is ours, and was so at `renewed`.
    pub(super) fn holds(&self, fence: Fence, renewed: Instant) {
        *self.held() = Some(Held { fence, renewed });
        if !self.is_held.send_replace(true) {
            tracing::info!(lease = self.name, "this relay holds the lease");
            metrics::gauge!("sparky_lease_held", "lease" => self.name).set(1.0);
        }
    }

    /// Another relay has it.
    pub(crate) fn lost(&self) {
        *self.held() = None;
        if self.is_held.send_replace(false) {
            tracing::warn!(lease = self.name, "another relay holds the lease now");
            metrics::gauge!("sparky_lease_held", "lease" => self.name).set(0.0);
        }
    }

    /// Gives it back, so that another relay can take it without waiting.
    pub(crate) async fn give_up(&self, store: &Store) -> store::Result<()> {
        let Some(fence) = self.fence() else {
            return Ok(());
        };
        *self
            .not_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + self.rest);
        self.lost();
        store.release_lease(&fence).await
    }

    /// Whether this relay may ask for it now.
    pub(super) fn may_ask(&self) -> bool {
        self.not_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none_or(|moment| moment <= Instant::now())
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
