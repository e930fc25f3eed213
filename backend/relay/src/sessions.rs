//! Tokens and whose they are: random bytes handed out once, known here only by their hash.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use sparky_protocol::Account;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    clock,
    error::{Error, Result},
    store::Store,
};

/// How long a ticket waits to be used, in seconds.
const TICKET_SECONDS: i64 = 30;

/// More remembered sessions than this are forgotten.
const REMEMBERED: usize = 10_000;

/// How often it is asked whether the sessions that connections live by go on.
const RECHECK: Duration = Duration::from_secs(10);

/// A session that connections live by.
#[derive(Debug, Default)]
pub(crate) struct Life {
    /// It is over: whoever lives by it goes.
    pub(crate) ended: CancellationToken,
}

/// The sessions that were seen lately: only that they were there. Whose they are is asked every time,
/// so that one that was ended at another relay is over here too.
#[derive(Default)]
pub(crate) struct Sessions {
    seen: Mutex<HashSet<[u8; 32]>>,
    /// Those that connections live by. They are asked after together: thousands of connections that
    /// asked for themselves would stand in the database's queue before the requests.
    held: Mutex<HashMap<[u8; 32], Weak<Life>>>,
}

/// 32 random bytes in hexadecimal.
pub(crate) fn random_token() -> String {
    hex::encode(rand::rng().random::<[u8; 32]>())
}

/// What is kept of a token.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Sessions {
    /// Opens a session: the token, and the second at which it ends.
    pub(crate) async fn open(
        &self,
        store: &Store,
        account: Account,
        lifetime: u32,
    ) -> Result<(String, i64)> {
        let (token, now) = (random_token(), clock::seconds());
        let expires_at = now + i64::from(lifetime);
        store
            .put_session(token_hash(&token), account, now, expires_at)
            .await?;
        Ok((token, expires_at))
    }

    /// Whether this token was good the last time that it was seen. Asks nobody.
    pub(crate) fn remembers(&self, token: &str) -> bool {
        self.seen().contains(&token_hash(token))
    }

    /// Whose session this is.
    pub(crate) async fn account(&self, store: &Store, token: &str) -> Result<Account> {
        let hash = token_hash(token);
        match store.session(hash).await? {
            Some((account, expires_at)) if clock::seconds() < expires_at => {
                let mut seen = self.seen();
                if REMEMBERED <= seen.len() {
                    seen.clear();
                }
                seen.insert(hash);
                Ok(account)
            }
            _ => {
                self.seen().remove(&hash);
                Err(Error::SessionExpired)
            }
        }
    }

    /// Takes hold of a session that is good now, to hear of its end.
    pub(crate) fn hold(&self, hash: [u8; 32]) -> Arc<Life> {
        let mut held = self.held();
        if let Some(life) = held.get(&hash).and_then(Weak::upgrade) {
            return life;
        }
        let life = Arc::default();
        held.insert(hash, Arc::downgrade(&life));
        life
    }

    /// Ends those that the store does not know any more. A database that does not answer ends nothing.
    async fn recheck(&self, store: &Store) -> Result<()> {
        let hashes: Vec<[u8; 32]> = {
            let mut held = self.held();
            held.retain(|_, life| 0 < life.strong_count());
            held.keys().copied().collect()
        };
        let living = store.living_sessions(&hashes, clock::seconds()).await?;
        for hash in hashes.iter().filter(|hash| !living.contains(*hash)) {
            self.end(hash);
        }
        Ok(())
    }

    fn end(&self, hash: &[u8; 32]) {
        self.seen().remove(hash);
        if let Some(life) = self.held().remove(hash).and_then(|life| life.upgrade()) {
            life.ended.cancel();
        }
    }

    /// Ends a session.
    pub(crate) async fn close(&self, store: &Store, token: &str) -> Result<()> {
        let hash = token_hash(token);
        store.delete_session(hash).await?;
        self.end(&hash);
        Ok(())
    }

    /// A ticket that opens one WebSocket within half a minute.
    pub(crate) async fn ticket(&self, store: &Store, account: Account) -> Result<(String, i64)> {
        let (ticket, now) = (random_token(), clock::seconds());
        let expires_at = now + TICKET_SECONDS;
        store
            .put_ticket(token_hash(&ticket), account, now, expires_at)
            .await?;
        Ok((ticket, expires_at))
    }

    /// Uses a ticket up.
    pub(crate) async fn redeem(&self, store: &Store, ticket: &str) -> Result<Account> {
        match store.take_ticket(token_hash(ticket)).await? {
            Some((account, expires_at)) if clock::seconds() < expires_at => Ok(account),
            _ => Err(Error::SessionExpired),
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<[u8; 32], Weak<Life>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks after the sessions of connections until the relay stops.
pub(crate) async fn run(app: App) {
    let mut ticks = interval(RECHECK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(cause) = app.sessions.recheck(&app.store).await {
            tracing::warn!(%cause, "nobody knows whether sessions go on; they do until it is known");
        }
    }
}
