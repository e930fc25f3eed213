//! Challenges, sessions and tickets.

use std::collections::HashSet;

use sparky_protocol::Account;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Result, Store, channel::placeholders, fixed};

/// Sessions that one statement asks after.
const AT_ONCE: usize = 64;

/// Challenges that wait at once, of everybody together. They are anonymous, so there is no other
/// bound; five minutes later each is gone.
const MOST_CHALLENGES: i64 = 100_000;

/// Sessions and unused tickets of one account. One more ends the oldest.
const MOST_SESSIONS: i64 = 32;
const MOST_TICKETS: i64 = 16;

/// A login challenge that waits for its answer.
#[derive(Clone, Debug)]
pub(crate) struct StoredChallenge {
    pub(crate) id: String,
    pub(crate) account: Account,
    /// The login as JSON.
    pub(crate) body: String,
    /// Seconds since 1970.
    pub(crate) expires_at: i64,
}

impl Store {
    /// Keeps a challenge, and forgets those that nobody answered in time. False when too many wait.
    pub(crate) async fn put_challenge(
        &self,
        challenge: &StoredChallenge,
        now: i64,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        sqlx::query("delete from login_challenge where expires_at < $1")
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        let waiting: i64 = sqlx::query_scalar("select count(*) from login_challenge")
            .fetch_one(&mut *transaction)
            .await?;
        if MOST_CHALLENGES <= waiting {
            transaction.rollback().await?;
            return Ok(false);
        }
        sqlx::query("insert into login_challenge (login_challenge_id, account, body, expires_at) values ($1, $2, $3, $4)")
            .bind(challenge.id.clone())
            .bind(challenge.account.0.to_vec())
            .bind(challenge.body.clone())
            .bind(challenge.expires_at)
            .execute(&mut *transaction)
            .await?;
        crate::failpoint!("relay.challenge.before");
        transaction.commit().await?;
        crate::failpoint!("relay.challenge.after");
        Ok(true)
    }

    /// Takes a challenge out: it can be answered once, right or wrong.
    pub(crate) async fn take_challenge(&self, id: &str) -> Result<Option<StoredChallenge>> {
        let sql = "
            delete from login_challenge where login_challenge_id = $1
            returning login_challenge_id, account, body, expires_at";
        let row = sqlx::query(sql)
            .bind(id.to_owned())
            .fetch_optional(&mut *self.writer().await?)
            .await?;
        row.map(|row| {
            Ok(StoredChallenge {
                id: row.try_get("login_challenge_id")?,
                account: Account(fixed(&row, "account")?),
                body: row.try_get("body")?,
                expires_at: row.try_get("expires_at")?,
            })
        })
        .transpose()
    }

    /// Keeps a session by the hash of its token, and forgets those that have ended or are too many.
    pub(crate) async fn put_session(
        &self,
        token_hash: [u8; 32],
        account: Account,
        now: i64,
        expires_at: i64,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query("delete from session where expires_at < $1")
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        let sql = "
            delete from session where account = $1 and token_hash not in (
                select n.token_hash from session n where n.account = $1
                order by n.created_at desc, n.token_hash limit $2)";
        sqlx::query(sql)
            .bind(account.0.to_vec())
            .bind(MOST_SESSIONS - 1)
            .execute(&mut *transaction)
            .await?;
        // Sessions of one second have an order too: the oldest is the one that ends.
        let newest: Option<i64> =
            sqlx::query_scalar("select max(created_at) from session where account = $1")
                .bind(account.0.to_vec())
                .fetch_one(&mut *transaction)
                .await?;
        let created_at = newest.map_or(now, |newest| now.max(newest + 1));
        sqlx::query("insert into session (token_hash, account, created_at, expires_at) values ($1, $2, $3, $4)")
            .bind(token_hash.to_vec())
            .bind(account.0.to_vec())
            .bind(created_at)
            .bind(expires_at)
            .execute(&mut *transaction)
            .await?;
        crate::failpoint!("relay.session.before");
        transaction.commit().await?;
        crate::failpoint!("relay.session.after");
        Ok(())
    }

    /// Whose session this is, and when it ends.
    pub(crate) async fn session(&self, token_hash: [u8; 32]) -> Result<Option<(Account, i64)>> {
        let row = sqlx::query("select account, expires_at from session where token_hash = $1")
            .bind(token_hash.to_vec())
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| Ok((Account(fixed(&row, "account")?), row.try_get("expires_at")?)))
            .transpose()
    }

    /// Those of these sessions that have not ended.
    pub(crate) async fn living_sessions(
        &self,
        hashes: &[[u8; 32]],
        now: i64,
    ) -> Result<HashSet<[u8; 32]>> {
        let mut living = HashSet::new();
        for hashes in hashes.chunks(AT_ONCE) {
            let marks = placeholders(hashes.len());
            let end = hashes.len() + 1;
            let sql = AssertSqlSafe(format!(
                "select token_hash from session where token_hash in ({marks}) and ${end} < expires_at"
            ));
            let mut query = sqlx::query(sql);
            for hash in hashes {
                query = query.bind(hash.to_vec());
            }
            for row in query.bind(now).fetch_all(&self.read).await? {
                living.insert(fixed(&row, "token_hash")?);
            }
        }
        Ok(living)
    }

    /// Ends a session.
    pub(crate) async fn delete_session(&self, token_hash: [u8; 32]) -> Result<()> {
        crate::failpoint!("relay.sign-out.before");
        sqlx::query("delete from session where token_hash = $1")
            .bind(token_hash.to_vec())
            .execute(&mut *self.writer().await?)
            .await?;
        crate::failpoint!("relay.sign-out.after");
        Ok(())
    }

    /// Keeps a ticket by its hash, and forgets those that nobody used or are too many.
    pub(crate) async fn put_ticket(
        &self,
        hash: [u8; 32],
        account: Account,
        now: i64,
        expires_at: i64,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query("delete from socket_ticket where expires_at < $1")
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        let sql = "
            delete from socket_ticket where account = $1 and ticket_hash not in (
                select n.ticket_hash from socket_ticket n where n.account = $1
                order by n.expires_at desc, n.ticket_hash limit $2)";
        sqlx::query(sql)
            .bind(account.0.to_vec())
            .bind(MOST_TICKETS - 1)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "insert into socket_ticket (ticket_hash, account, expires_at) values ($1, $2, $3)",
        )
        .bind(hash.to_vec())
        .bind(account.0.to_vec())
        .bind(expires_at)
        .execute(&mut *transaction)
        .await?;
        crate::failpoint!("relay.ticket.before");
        transaction.commit().await?;
        crate::failpoint!("relay.ticket.after");
        Ok(())
    }

    /// Takes a ticket out: it opens one connection.
    pub(crate) async fn take_ticket(&self, hash: [u8; 32]) -> Result<Option<(Account, i64)>> {
        let row = sqlx::query(
            "delete from socket_ticket where ticket_hash = $1 returning account, expires_at",
        )
        .bind(hash.to_vec())
        .fetch_optional(&mut *self.writer().await?)
        .await?;
        row.map(|row| Ok((Account(fixed(&row, "account")?), row.try_get("expires_at")?)))
            .transpose()
    }
}
