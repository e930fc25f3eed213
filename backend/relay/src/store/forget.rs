//! Removing what is over. Each statement can run at any time, on any process, and again.

use super::{Result, Store, big};

/// Where the past begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expired {
    /// Seconds since 1970: logins, sessions and tickets that ended before are forgotten.
    pub(crate) now: i64,
    /// Transactions that were sent below this height are not followed any more.
    pub(crate) buried: u32,
    /// Proposals that end below this height bind nobody.
    pub(crate) not_binding: u32,
    /// Events that an account may leave lying.
    pub(crate) events_kept: u32,
}

impl Store {
    /// Removes it, and says how many rows that were.
    pub(crate) async fn forget(&self, expired: &Expired) -> Result<u64> {
        let (now, kept) = (expired.now, i64::from(expired.events_kept));
        let rows = [
            ("delete from login_challenge where expires_at < $1", now),
            ("delete from session where expires_at < $1", now),
            ("delete from socket_ticket where expires_at < $1", now),
            ("delete from sent_transaction where sent_at < $1", big(expired.buried)?),
            (
                "delete from proposal where ended_at is not null and valid_until < $1",
                big(expired.not_binding)?,
            ),
            // Whoever fell so far behind starts from its channels, not from its events. A proof stays
            // until a newer acknowledged one has replaced it: it may be all that its recipient has.
            (
                "delete from account_event
                 where account in (select f.account from account_sequence f where $1 < f.seq - f.acked)
                   and seq <= (select s.seq from account_sequence s where s.account = account_event.account) - $1
                   and (nonce is null
                        or nonce < (select d.acked from direction d
                                    where d.channel_id = account_event.channel_id and d.sender = account_event.sender))",
                kept,
            ),
        ];
        let mut removed = 0;
        for (sql, bound) in rows {
            // Each for itself: payments that wait for the writer come in between.
            crate::failpoint!("relay.forget.before");
            let done = sqlx::query(sql)
                .bind(bound)
                .execute(&mut *self.writer().await?)
                .await?;
            crate::failpoint!("relay.forget.after");
            removed += done.rows_affected();
        }
        Ok(removed)
    }

    /// Rows of the tables that must not grow for ever.
    pub(crate) async fn count_rows(&self) -> Result<Vec<(&'static str, i64)>> {
        let mut counts = Vec::new();
        for (table, sql) in [
            ("login_challenge", "select count(*) from login_challenge"),
            ("session", "select count(*) from session"),
            ("socket_ticket", "select count(*) from socket_ticket"),
            ("proposal", "select count(*) from proposal"),
            ("sent_transaction", "select count(*) from sent_transaction"),
        ] {
            let count = sqlx::query_scalar(sql).fetch_one(&self.read).await?;
            counts.push((table, count));
        }
        Ok(counts)
    }
}
