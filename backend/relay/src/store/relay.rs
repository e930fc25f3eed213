//! The relays on this database, and who is connected to which.

use sparky_protocol::Account;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Result, Store, Transaction, channel::placeholders, fixed, many_rows, pieces};

/// A relay as the others see it.
#[derive(Clone, Debug)]
pub(crate) struct RelayRow {
    pub(crate) id: String,
    pub(crate) beat: i64,
    pub(crate) presence_changes: i64,
}

/// How many accounts one statement looks up.
const AT_ONCE: usize = 256;

impl Store {
    /// Adds this relay, with the accounts that are connected to it.
    pub(crate) async fn put_relay(&self, id: &str, online: &[Account]) -> Result<()> {
        let mut transaction = self.begin().await?;
        let sql = "
            insert into relay (relay_id, beat, presence_changes) values ($1, 0, 0)
            on conflict (relay_id) do update set beat = relay.beat + 1, presence_changes = relay.presence_changes + 1";
        sqlx::query(sql)
            .bind(id.to_owned())
            .execute(&mut *transaction)
            .await?;
        sqlx::query("delete from presence where relay_id = $1")
            .bind(id.to_owned())
            .execute(&mut *transaction)
            .await?;
        put_presence(&mut transaction, id, online).await?;
        transaction.commit().await
    }

    /// One beat of this relay's heart, and who came and went since the last. False when its row is
    /// gone: others took it for dead.
    pub(crate) async fn beat(&self, id: &str, came: &[Account], went: &[Account]) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let sql = "
            update relay set beat = beat + 1, presence_changes = presence_changes + $2
            where relay_id = $1";
        let beaten = sqlx::query(sql)
            .bind(id.to_owned())
            .bind(i64::from(!came.is_empty() || !went.is_empty()))
            .execute(&mut *transaction)
            .await?;
        if beaten.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(false);
        }
        for account in went {
            sqlx::query("delete from presence where relay_id = $1 and account = $2")
                .bind(id.to_owned())
                .bind(account.0.to_vec())
                .execute(&mut *transaction)
                .await?;
        }
        put_presence(&mut transaction, id, came).await?;
        crate::failpoint!("relay.beat.before");
        transaction.commit().await?;
        crate::failpoint!("relay.beat.after");
        Ok(true)
    }

    /// All relays, the dead ones that nobody has removed yet included.
    pub(crate) async fn relays(&self) -> Result<Vec<RelayRow>> {
        let rows = sqlx::query("select relay_id, beat, presence_changes from relay")
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(RelayRow {
                    id: row.try_get("relay_id")?,
                    beat: row.try_get("beat")?,
                    presence_changes: row.try_get("presence_changes")?,
                })
            })
            .collect()
    }

    /// Removes a relay that has not moved since it was at `beat`; with `None`, whatever it does.
    pub(crate) async fn delete_relay(&self, id: &str, beat: Option<i64>) -> Result<()> {
        sqlx::query("delete from relay where relay_id = $1 and beat = coalesce($2, beat)")
            .bind(id.to_owned())
            .bind(beat)
            .execute(&mut *self.writer().await?)
            .await?;
        Ok(())
    }

    /// The accounts that are connected to a relay.
    pub(crate) async fn presence(&self, relay_id: &str) -> Result<Vec<Account>> {
        let rows = sqlx::query("select account from presence where relay_id = $1")
            .bind(relay_id.to_owned())
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| Ok(Account(fixed(row, "account")?)))
            .collect()
    }

    /// The last number handed out to each of these accounts.
    pub(crate) async fn sequences(&self, accounts: &[Account]) -> Result<Vec<(Account, i64)>> {
        let mut found = Vec::with_capacity(accounts.len());
        for accounts in accounts.chunks(AT_ONCE) {
            let marks = placeholders(accounts.len());
            let sql =
                format!("select account, seq from account_sequence where account in ({marks})");
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for account in accounts {
                query = query.bind(account.0.to_vec());
            }
            for row in query.fetch_all(&self.read).await? {
                found.push((Account(fixed(&row, "account")?), row.try_get("seq")?));
            }
        }
        Ok(found)
    }
}

async fn put_presence(transaction: &mut Transaction, id: &str, accounts: &[Account]) -> Result<()> {
    for piece in pieces(accounts) {
        let sql = many_rows(
            transaction,
            "insert into presence (relay_id, account) values",
            piece.len(),
            2,
            "on conflict (relay_id, account) do nothing",
        );
        let mut query = sqlx::query(sql);
        for account in piece {
            query = query.bind(id.to_owned()).bind(account.0.to_vec());
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}
