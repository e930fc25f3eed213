//! Transactions that participants sent through this relay.

use sparky_protocol::Account;
use sqlx::Row as _;

use super::{Result, Store, big, fixed};

/// Transactions of one account that may wait for a block at once.
const MOST_WAITING: i64 = 100;

/// A transaction that is followed into the chain.
#[derive(Clone, Debug)]
pub(crate) struct SentTransaction {
    pub(crate) txid: [u8; 32],
    pub(crate) account: Account,
    pub(crate) purpose: Option<String>,
    pub(crate) raw: Vec<u8>,
}

impl Store {
    /// Keeps a transaction before it is broadcast. False when too many of the account wait already.
    pub(crate) async fn put_transaction(
        &self,
        sent: &SentTransaction,
        height: u32,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let waiting = "
            select count(*) from sent_transaction
            where account = $1 and block_hash is null and transaction_id <> $2";
        let waiting: i64 = sqlx::query_scalar(waiting)
            .bind(sent.account.0.to_vec())
            .bind(sent.txid.to_vec())
            .fetch_one(&mut *transaction)
            .await?;
        if MOST_WAITING <= waiting {
            transaction.rollback().await?;
            return Ok(false);
        }
        let sql = "
            insert into sent_transaction (transaction_id, account, purpose, raw, sent_at) values ($1, $2, $3, $4, $5)
            on conflict (transaction_id, account) do nothing";
        sqlx::query(sql)
            .bind(sent.txid.to_vec())
            .bind(sent.account.0.to_vec())
            .bind(sent.purpose.clone())
            .bind(sent.raw.clone())
            .bind(big(height)?)
            .execute(&mut *transaction)
            .await?;
        crate::failpoint!("relay.keep-transaction.before");
        transaction.commit().await?;
        crate::failpoint!("relay.keep-transaction.after");
        Ok(true)
    }

    /// Forgets a transaction that the network refused.
    pub(crate) async fn delete_transaction(&self, txid: [u8; 32], account: Account) -> Result<()> {
        crate::failpoint!("relay.forget-transaction.before");
        sqlx::query("delete from sent_transaction where transaction_id = $1 and account = $2 and block_hash is null")
            .bind(txid.to_vec())
            .bind(account.0.to_vec())
            .execute(&mut *self.writer().await?)
            .await?;
        crate::failpoint!("relay.forget-transaction.after");
        Ok(())
    }

    /// Transactions that are in no block yet.
    pub(crate) async fn waiting_transactions(&self) -> Result<Vec<SentTransaction>> {
        let sql = "select transaction_id, account, purpose, raw from sent_transaction where block_hash is null";
        let rows = sqlx::query(sql).fetch_all(&self.read).await?;
        rows.iter().map(read).collect()
    }

    /// Transactions that a block holds.
    pub(crate) async fn transactions_in(&self, block: [u8; 32]) -> Result<Vec<SentTransaction>> {
        let sql = "select transaction_id, account, purpose, raw from sent_transaction where block_hash = $1";
        let rows = sqlx::query(sql)
            .bind(block.to_vec())
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &sqlx::any::AnyRow) -> Result<SentTransaction> {
    Ok(SentTransaction {
        txid: fixed(row, "transaction_id")?,
        account: Account(fixed(row, "account")?),
        purpose: row.try_get("purpose")?,
        raw: row.try_get("raw")?,
    })
}
