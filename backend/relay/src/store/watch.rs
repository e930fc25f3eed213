//! What the watchtower was asked and what it did.

use sparky_protocol::{ChannelId, Hash, Side};
use sqlx::{Row as _, any::AnyRow};

use super::{Appended, NewEvent, Result, Store, big, channel::side_number, fixed, whole};

/// Actions that are neither mined nor given up. Asked at every block, so an index has just these.
pub(super) const WAITING: &str = "
    select need, attempt, channel_id, guarded, call, transaction_id, raw, sent_at, mined_at, failed_at, fee
    from watch_action where mined_at is null and failed_at is null
    order by sent_at, attempt";

/// One transaction of the watchtower.
#[derive(Clone, Debug)]
pub(crate) struct WatchAction {
    /// sha256 of the call data: the need.
    pub(crate) need: Hash,
    /// Counts the transactions for one need, from 1.
    pub(crate) attempt: u32,
    pub(crate) channel_id: ChannelId,
    pub(crate) guarded: Side,
    /// The call's name.
    pub(crate) call: String,
    pub(crate) txid: [u8; 32],
    pub(crate) raw: Vec<u8>,
    pub(crate) sent_at: u32,
    pub(crate) mined_at: Option<u32>,
    pub(crate) failed_at: Option<u32>,
    /// Satoshi: all that it may cost while it waits, what it did cost once it is mined, else nothing.
    pub(crate) fee: u64,
}

impl WatchAction {
    /// Whether it may still be mined, as far as anybody knows.
    pub(crate) const fn is_pending(&self) -> bool {
        self.mined_at.is_none() && self.failed_at.is_none()
    }

    /// Whether it was given up without having been in a block, so that another node may have it all the same.
    pub(crate) const fn is_refused(&self) -> bool {
        self.mined_at.is_none() && self.failed_at.is_some()
    }
}

impl Store {
    /// Switches the watch of one participant on or off, and tells.
    pub(crate) async fn put_watch(
        &self,
        id: ChannelId,
        guarded: Side,
        disabled_at: Option<u32>,
        events: &[NewEvent],
    ) -> Result<Appended> {
        let sql = "
            insert into watch (channel_id, guarded, disabled_at) values ($1, $2, $3)
            on conflict (channel_id, guarded) do update set disabled_at = excluded.disabled_at";
        let mut transaction = self.begin().await?;
        sqlx::query(sql)
            .bind(id.0.0.to_vec())
            .bind(side_number(guarded))
            .bind(disabled_at.map(i64::from))
            .execute(&mut *transaction)
            .await?;
        let appended = Self::append(&mut transaction, events).await?;
        crate::failpoint!("relay.watch.before");
        transaction.commit().await?;
        crate::failpoint!("relay.watch.after");
        Ok(appended)
    }

    /// Since which height the watch of a participant is off; none while it is on.
    pub(crate) async fn watch_disabled_at(
        &self,
        id: ChannelId,
        guarded: Side,
    ) -> Result<Option<i64>> {
        let disabled: Option<Option<i64>> = sqlx::query_scalar(
            "select disabled_at from watch where channel_id = $1 and guarded = $2",
        )
        .bind(id.0.0.to_vec())
        .bind(side_number(guarded))
        .fetch_optional(&self.read)
        .await?;
        Ok(disabled.flatten())
    }

    /// Keeps a transaction before it is broadcast.
    pub(crate) async fn put_watch_action(
        &self,
        action: &WatchAction,
        events: &[NewEvent],
    ) -> Result<Appended> {
        let sql = "
            insert into watch_action (need, attempt, channel_id, guarded, call, transaction_id, raw, sent_at, fee)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let mut transaction = self.begin().await?;
        sqlx::query(sql)
            .bind(action.need.0.to_vec())
            .bind(i64::from(action.attempt))
            .bind(action.channel_id.0.0.to_vec())
            .bind(side_number(action.guarded))
            .bind(action.call.clone())
            .bind(action.txid.to_vec())
            .bind(action.raw.clone())
            .bind(big(action.sent_at)?)
            .bind(big(action.fee)?)
            .execute(&mut *transaction)
            .await?;
        let appended = Self::append(&mut transaction, events).await?;
        crate::failpoint!("tower.record.before");
        transaction.commit().await?;
        crate::failpoint!("tower.record.after");
        Ok(appended)
    }

    /// Notes where an action was mined (none: it is out again), or when it was given up.
    pub(crate) async fn mark_watch_action(
        &self,
        action: &WatchAction,
        events: &[NewEvent],
    ) -> Result<Appended> {
        let mut transaction = self.begin().await?;
        sqlx::query("update watch_action set mined_at = $3, failed_at = $4, fee = $5 where need = $1 and attempt = $2")
            .bind(action.need.0.to_vec())
            .bind(i64::from(action.attempt))
            .bind(action.mined_at.map(i64::from))
            .bind(action.failed_at.map(i64::from))
            .bind(big(action.fee)?)
            .execute(&mut *transaction)
            .await?;
        let appended = Self::append(&mut transaction, events).await?;
        crate::failpoint!("tower.mark.before");
        transaction.commit().await?;
        crate::failpoint!("tower.mark.after");
        Ok(appended)
    }

    /// The latest attempt for a need.
    pub(crate) async fn watch_action(&self, need: Hash) -> Result<Option<WatchAction>> {
        let sql = "
            select need, attempt, channel_id, guarded, call, transaction_id, raw, sent_at, mined_at, failed_at, fee
            from watch_action where need = $1 order by attempt desc limit 1";
        let row = sqlx::query(sql)
            .bind(need.0.to_vec())
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The newest action that waits for this purpose, whatever its call.
    pub(crate) async fn pending_watch_action_for(
        &self,
        id: ChannelId,
        guarded: Side,
    ) -> Result<Option<WatchAction>> {
        let sql = "
            select need, attempt, channel_id, guarded, call, transaction_id, raw, sent_at, mined_at, failed_at, fee
            from watch_action
            where channel_id = $1 and guarded = $2 and mined_at is null and failed_at is null
            order by sent_at desc, attempt desc limit 1";
        let row = sqlx::query(sql)
            .bind(id.0.0.to_vec())
            .bind(side_number(guarded))
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// How many transactions for a need the contract refused.
    pub(crate) async fn count_refused(&self, need: Hash) -> Result<u32> {
        let sql = "
            select count(*) from watch_action
            where need = $1 and mined_at is not null and failed_at is not null";
        let count: i64 = sqlx::query_scalar(sql)
            .bind(need.0.to_vec())
            .fetch_one(&self.read)
            .await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// What actions since a height cost, in satoshi: those for one channel, or all.
    ///
    /// Those that wait for one purpose spend one coin, and at most one of them is mined: the dearest
    /// counts, and once one is mined, that one.
    pub(crate) async fn watch_spending(&self, since: u32, of: Option<ChannelId>) -> Result<u64> {
        // A sum of bigint is a numeric to Postgres.
        let all = "
            select cast(coalesce(sum(cost), 0) as bigint) from (
                select fee as cost from watch_action
                where $1 <= sent_at and (mined_at is not null or failed_at is not null)
                union all
                select max(fee) as cost from watch_action
                where $1 <= sent_at and mined_at is null and failed_at is null
                group by channel_id, guarded
            ) as costs";
        let one = "
            select cast(coalesce(sum(cost), 0) as bigint) from (
                select fee as cost from watch_action
                where $1 <= sent_at and channel_id = $2 and (mined_at is not null or failed_at is not null)
                union all
                select max(fee) as cost from watch_action
                where $1 <= sent_at and channel_id = $2 and mined_at is null and failed_at is null
                group by guarded
            ) as costs";
        let query = match of {
            None => sqlx::query_scalar(all).bind(i64::from(since)),
            Some(id) => sqlx::query_scalar(one)
                .bind(i64::from(since))
                .bind(id.0.0.to_vec()),
        };
        let sum: i64 = query.fetch_one(&self.read).await?;
        Ok(u64::try_from(sum).unwrap_or(0))
    }

    /// All actions for a channel, oldest first.
    pub(crate) async fn watch_actions(&self, id: ChannelId) -> Result<Vec<WatchAction>> {
        let sql = "
            select need, attempt, channel_id, guarded, call, transaction_id, raw, sent_at, mined_at, failed_at, fee
            from watch_action where channel_id = $1 order by sent_at, attempt";
        let rows = sqlx::query(sql)
            .bind(id.0.0.to_vec())
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Actions that are neither mined nor given up.
    pub(crate) async fn pending_watch_actions(&self) -> Result<Vec<WatchAction>> {
        let rows = sqlx::query(WAITING).fetch_all(&self.read).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &AnyRow) -> Result<WatchAction> {
    let guarded: usize = whole(row, "guarded")?;
    let height = |column: &str| -> Result<Option<u32>> {
        let height: Option<i64> = row.try_get(column)?;
        Ok(height.map(|height| u32::try_from(height).unwrap_or(u32::MAX)))
    };
    Ok(WatchAction {
        need: Hash(fixed(row, "need")?),
        attempt: whole(row, "attempt")?,
        channel_id: ChannelId(Hash(fixed(row, "channel_id")?)),
        guarded: Side::from_flag(guarded == 1),
        call: row.try_get("call")?,
        txid: fixed(row, "transaction_id")?,
        raw: row.try_get("raw")?,
        sent_at: whole(row, "sent_at")?,
        mined_at: height("mined_at")?,
        failed_at: height("failed_at")?,
        fee: whole(row, "fee")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(attempt: u8, fee: u64) -> WatchAction {
        WatchAction {
            need: Hash([7; 32]),
            attempt: attempt.into(),
            channel_id: ChannelId(Hash([1; 32])),
            guarded: Side::A,
            call: "raiseFloor".to_owned(),
            txid: [attempt; 32],
            raw: Vec::new(),
            sent_at: 10,
            mined_at: None,
            failed_at: None,
            fee,
        }
    }

    /// Of transactions that stand in for each other one is paid; which one is known when it is mined, and
    /// it need not be the newest.
    #[tokio::test]
    async fn what_was_replaced_and_is_mined_after_all_has_its_price() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("relay.sqlite");
        let url = format!("sqlite://{}?mode=rwc", file.display());
        crate::store::migrate(&url).await.expect("migrates");
        let store = Store::open(&url).await.expect("opens");
        let channel = "
            insert into channel (channel_id, number, account_a, account_b, token, period, penalty_bps)
            values ($1, 1, $2, $3, $4, 10, 0)";
        sqlx::query(channel)
            .bind(vec![1_u8; 32])
            .bind(vec![1_u8; 20])
            .bind(vec![2_u8; 20])
            .bind(vec![0_u8; 20])
            .execute(&mut *store.writer().await.expect("a writer"))
            .await
            .expect("a channel");
        let spent = async || {
            let id = ChannelId(Hash([1; 32]));
            let one = store.watch_spending(0, Some(id)).await.expect("a sum");
            let all = store.watch_spending(0, None).await.expect("a sum");
            assert_eq!(one, all);
            one
        };
        for (attempt, fee) in [(1, 100), (2, 150)] {
            let kept = store.put_watch_action(&action(attempt, fee), &[]).await;
            kept.expect("is kept");
        }
        assert_eq!(spent().await, 150, "one of them, and the dearest it may be");
        let mined = WatchAction {
            mined_at: Some(12),
            ..action(1, 90)
        };
        let lost = WatchAction {
            failed_at: Some(12),
            ..action(2, 0)
        };
        for known in [mined, lost] {
            let marked = store.mark_watch_action(&known, &[]).await;
            marked.expect("is kept");
        }
        assert_eq!(spent().await, 90, "what was not used came back");
        store.close().await;
    }
}
