//! Tokens and whose they are: random bytes handed out once, known here only by their hash.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use sparky_protocol::Account;
use tokio::sync::Semaphore;

use crate::{
    clock,
    error::{Error, Result},
    store::Store,
};

/// How long a ticket waits to be used, in seconds.
const TICKET_SECONDS: i64 = 30;

/// More remembered sessions than this are forgotten.
const REMEMBERED: usize = 10_000;

/// Connections that ask at once whether their session goes on. Each asks every few seconds, thousands
/// together: were they to stand in the database's queue, a request behind them would wait for longer
/// than the queue allows, and fail.
const RECHECKS: usize = 2;

/// The sessions that were seen lately: only that they were there. Whose they are is asked every time,
/// so that one that was ended at another relay is over here too.
pub(crate) struct Sessions {
    seen: Mutex<HashSet<[u8; 32]>>,
    rechecks: Semaphore,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            seen: Mutex::default(),
            rechecks: Semaphore::new(RECHECKS),
        }
    }
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
        self.account_of_hash(store, token_hash(token)).await
    }

    /// Whose session this is, by what is kept of its token.
    pub(crate) async fn account_of_hash(&self, store: &Store, hash: [u8; 32]) -> Result<Account> {
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

    /// Whether a session that was good still is, as far as anybody knows: a database that does not
    /// answer ends nothing. Waits for its turn among those who ask the same.
    pub(crate) async fn goes_on(&self, store: &Store, hash: [u8; 32]) -> bool {
        // It is never closed; without a turn it would only ask out of turn.
        let _turn = self.rechecks.acquire().await;
        let known = self.account_of_hash(store, hash).await;
        !matches!(known, Err(Error::SessionExpired))
    }

    /// Ends a session.
    pub(crate) async fn close(&self, store: &Store, token: &str) -> Result<()> {
        let hash = token_hash(token);
        store.delete_session(hash).await?;
        self.seen().remove(&hash);
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
}
