//! Blocks and what the contract said in them.

use sparky_protocol::{ChainEvent, ChannelId, Side};
use sqlx::Row as _;

use crate::app::Block;

use super::{
    Appended, Fence, NewEvent, Result, Store, Transaction, big, channel::side_number, fixed,
    parsed, whole,
};

/// How many blocks are remembered: no reorganisation of Qtum goes deeper than its checkpoint span.
const REMEMBERED_BLOCKS: i64 = 2_000;

/// A block that was connected.
#[derive(Clone, Debug)]
pub(crate) struct NewBlock {
    pub(crate) hash: [u8; 32],
    pub(crate) height: u32,
    /// Seconds since 1970.
    pub(crate) time: i64,
    /// Transactions in it that this relay sent for somebody.
    pub(crate) sent: Vec<[u8; 32]>,
}

/// A log of the contract in a block.
#[derive(Clone, Debug)]
pub(crate) struct NewChainEvent {
    pub(crate) log_index: i64,
    pub(crate) txid: [u8; 32],
    pub(crate) channel_id: ChannelId,
    pub(crate) event: ChainEvent,
}

/// One line of a channel's history.
#[derive(Clone, Debug)]
pub(crate) struct TimelineEntry {
    pub(crate) height: u32,
    /// When the block says it was made; none when it is too old to be remembered.
    pub(crate) time: Option<i64>,
    pub(crate) txid: [u8; 32],
    pub(crate) event: ChainEvent,
}

/// An event's kind, for look-ups and for the frames that tell of it.
pub(crate) fn kind(event: &ChainEvent) -> &'static str {
    match event {
        ChainEvent::Opened { .. } => "opened",
        ChainEvent::Deposited { .. } => "deposited",
        ChainEvent::Withdrawn { .. } => "withdrawn",
        ChainEvent::CooperativelyClosed { .. } => "cooperatively-closed",
        ChainEvent::Closed { .. } => "closed",
        ChainEvent::Recovered { .. } => "recovered",
        ChainEvent::CounterClaimed { .. } => "counter-claimed",
        ChainEvent::FloorRaised { .. } => "floor-raised",
        ChainEvent::Settled { .. } => "settled",
        ChainEvent::PreimageRegistered { .. } => "preimage-registered",
        ChainEvent::Credited { .. } => "credited",
        ChainEvent::CreditWithdrawn { .. } => "credit-withdrawn",
    }
}

impl Store {
    /// Adds a block, what happened in it, and what is said about it; all or nothing. None, and
    /// nothing is written, when another relay follows the chain now.
    pub(crate) async fn connect_block(
        &self,
        fence: &Fence,
        block: &NewBlock,
        events: &[NewChainEvent],
        notices: &[NewEvent],
    ) -> Result<Option<Appended>> {
        let mut transaction = self.begin().await?;
        if !fence.pass(&mut transaction).await? {
            transaction.rollback().await?;
            return Ok(None);
        }
        let sql = "insert into block (hash, height, time) values ($1, $2, $3) on conflict (hash) do nothing";
        let inserted = sqlx::query(sql)
            .bind(block.hash.to_vec())
            .bind(big(block.height)?)
            .bind(block.time)
            .execute(&mut *transaction)
            .await?;
        // A follower repeats the newest blocks when it starts: what was told once is not told again.
        let notices = if inserted.rows_affected() == 0 {
            &[]
        } else {
            notices
        };
        for event in events {
            put_event(&mut transaction, block, event).await?;
        }
        for txid in &block.sent {
            sqlx::query("update sent_transaction set block_hash = $2 where transaction_id = $1")
                .bind(txid.to_vec())
                .bind(block.hash.to_vec())
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query("delete from block where height < $1")
            .bind(i64::from(block.height) - REMEMBERED_BLOCKS)
            .execute(&mut *transaction)
            .await?;
        let appended = Self::append(&mut transaction, notices).await?;
        crate::failpoint!("relay.connect-block.before");
        transaction.commit().await?;
        crate::failpoint!("relay.connect-block.after");
        Ok(Some(appended))
    }

    /// Takes a block back: its events are no longer true, its transactions wait again. None, and
    /// nothing is written, when another relay follows the chain now.
    pub(crate) async fn disconnect_block(
        &self,
        fence: &Fence,
        hash: [u8; 32],
        notices: &[NewEvent],
    ) -> Result<Option<Appended>> {
        let mut transaction = self.begin().await?;
        if !fence.pass(&mut transaction).await? {
            transaction.rollback().await?;
            return Ok(None);
        }
        for sql in [
            "delete from chain_event where block_hash = $1",
            "update sent_transaction set block_hash = null where block_hash = $1",
            "delete from block where hash = $1",
        ] {
            sqlx::query(sql)
                .bind(hash.to_vec())
                .execute(&mut *transaction)
                .await?;
        }
        let appended = Self::append(&mut transaction, notices).await?;
        crate::failpoint!("relay.disconnect-block.before");
        transaction.commit().await?;
        crate::failpoint!("relay.disconnect-block.after");
        Ok(Some(appended))
    }

    /// The remembered blocks, oldest first: height and hash.
    pub(crate) async fn blocks(&self) -> Result<Vec<(u32, [u8; 32])>> {
        let rows = sqlx::query("select height, hash from block order by height")
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| Ok((whole(row, "height")?, fixed(row, "hash")?)))
            .collect()
    }

    /// The newest block.
    pub(crate) async fn last_block(&self) -> Result<Option<Block>> {
        let row = sqlx::query("select height, hash, time from block order by height desc limit 1")
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            let hash = sparky_qtum::BlockHash(fixed(&row, "hash")?);
            Ok(Block {
                height: whole(&row, "height")?,
                hash,
                time: row.try_get("time")?,
            })
        })
        .transpose()
    }

    /// Whether a block is connected here.
    pub(crate) async fn has_block(&self, hash: [u8; 32]) -> Result<bool> {
        let found: Option<i64> = sqlx::query_scalar("select height from block where hash = $1")
            .bind(hash.to_vec())
            .fetch_optional(&self.read)
            .await?;
        Ok(found.is_some())
    }

    /// The channels that something happened to in a block.
    pub(crate) async fn channels_in_block(&self, hash: [u8; 32]) -> Result<Vec<ChannelId>> {
        let rows = sqlx::query("select distinct channel_id from chain_event where block_hash = $1")
            .bind(hash.to_vec())
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| Ok(ChannelId(sparky_protocol::Hash(fixed(row, "channel_id")?))))
            .collect()
    }

    /// The history of a channel, oldest first.
    pub(crate) async fn timeline(&self, id: ChannelId) -> Result<Vec<TimelineEntry>> {
        let sql = "
            select e.height, e.transaction_id, e.body, b.time
            from chain_event e left join block b on b.hash = e.block_hash
            where e.channel_id = $1 order by e.height, e.log_index";
        let rows = sqlx::query(sql)
            .bind(id.0.0.to_vec())
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(TimelineEntry {
                    height: whole(row, "height")?,
                    time: row.try_get("time")?,
                    txid: fixed(row, "transaction_id")?,
                    event: parsed(row, "body")?,
                })
            })
            .collect()
    }
}

async fn put_event(
    transaction: &mut Transaction,
    block: &NewBlock,
    new: &NewChainEvent,
) -> Result<()> {
    if let ChainEvent::Opened { params, .. } = &new.event {
        let sql = "
            insert into channel (channel_id, number, account_a, account_b, token, period, penalty_bps)
            values ($1, $2, $3, $4, $5, $6, $7) on conflict (channel_id) do nothing";
        sqlx::query(sql)
            .bind(new.channel_id.0.0.to_vec())
            .bind(big(params.number)?)
            .bind(params.account_a.0.to_vec())
            .bind(params.account_b.0.to_vec())
            .bind(params.token.0.to_vec())
            .bind(i64::from(params.window))
            .bind(i64::from(params.penalty_bps))
            .execute(&mut **transaction)
            .await?;
        // Both directions are born now, so that every later change swaps a row that exists.
        for side in Side::BOTH {
            let sql = "
                insert into direction (channel_id, sender, revision, base, nonce, acked, body)
                values ($1, $2, 0, 0, 0, 0, '') on conflict (channel_id, sender) do nothing";
            sqlx::query(sql)
                .bind(new.channel_id.0.0.to_vec())
                .bind(side_number(side))
                .execute(&mut **transaction)
                .await?;
        }
    }
    let body =
        serde_json::to_string(&new.event).map_err(|cause| sqlx::Error::Encode(cause.into()))?;
    let sql = "
        insert into chain_event (block_hash, log_index, height, transaction_id, channel_id, kind, body)
        values ($1, $2, $3, $4, $5, $6, $7) on conflict (block_hash, log_index) do nothing";
    sqlx::query(sql)
        .bind(block.hash.to_vec())
        .bind(new.log_index)
        .bind(big(block.height)?)
        .bind(new.txid.to_vec())
        .bind(new.channel_id.0.0.to_vec())
        .bind(kind(&new.event))
        .bind(body)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
