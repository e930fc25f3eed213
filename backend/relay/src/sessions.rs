//! Tokens and whose they are: random bytes handed out once, known here only by their hash.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use sparky_protocol::Account;

use crate::{
    clock,
    error::{Error, Result},
    store::Store,
};

/// How long a ticket waits to be used, in seconds.
const TICKET_SECONDS: i64 = 30;

/// How long a session is believed without asking the store: another process may have ended it.
const FRESH: Duration = Duration::from_secs(10);

/// More remembered sessions than this are forgotten and asked for again.
const REMEMBERED: usize = 10_000;

/// The sessions that were seen lately.
#[derive(Default)]
pub(crate) struct Sessions {
    seen: Mutex<HashMap<[u8; 32], Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    account: Account,
    expires_at: i64,
    asked: Instant,
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
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.contains_key(&token_hash(token))
    }

    /// Whose session this is.
    pub(crate) async fn account(&self, store: &Store, token: &str) -> Result<Account> {
        self.account_of_hash(store, token_hash(token)).await
    }

    /// Whose session this is, by what is kept of its token.
    pub(crate) async fn account_of_hash(&self, store: &Store, hash: [u8; 32]) -> Result<Account> {
        let remembered = self
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&hash)
            .copied();
        let seen = match remembered {
            Some(seen) if seen.asked.elapsed() < FRESH => seen,
            _ => {
                let Some((account, expires_at)) = store.session(hash).await? else {
                    self.seen
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .remove(&hash);
                    return Err(Error::SessionExpired);
                };
                self.remember(
                    hash,
                    Seen {
                        account,
                        expires_at,
                        asked: Instant::now(),
                    },
                )
            }
        };
        if seen.expires_at <= clock::seconds() {
            return Err(Error::SessionExpired);
        }
        Ok(seen.account)
    }

    /// Ends a session.
    pub(crate) async fn close(&self, store: &Store, token: &str) -> Result<()> {
        let hash = token_hash(token);
        store.delete_session(hash).await?;
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&hash);
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

    fn remember(&self, hash: [u8; 32], seen: Seen) -> Seen {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if REMEMBERED <= all.len() {
            all.clear();
        }
        all.insert(hash, seen);
        seen
    }
}
