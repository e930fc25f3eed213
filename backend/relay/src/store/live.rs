//! All channels at once: what a relay reads when it starts, so that no payment waits for it.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use sparky_protocol::{ChainEvent, ChannelId, Facts, Side};
use sqlx::Row as _;

use super::{
    Result, Store, StoredChannel,
    channel::{DirectionRow, channel_id, street},
    parsed, whole,
};

/// A channel's events with their places in the chain: height and position in the block.
type Told = Vec<((u32, i64), ChainEvent)>;

impl Store {
    /// The channels that nobody has settled, at most so many.
    ///
    /// Both tables are read from end to end, in the order in which they lie on the disk, side by side.
    pub(crate) async fn live_channels(&self, most: usize) -> Result<Vec<StoredChannel>> {
        let (here, there) = (self.clone(), self.clone());
        let told = tokio::spawn(async move { here.told().await });
        let directions = tokio::spawn(async move { there.directions().await });
        let told = told.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
        let mut directions = directions.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
        let live = told.into_iter().filter_map(|(id, mut events)| {
            events.sort_by_key(|(place, _)| *place);
            let facts = Facts::fold(events.iter().map(|((height, _), event)| (*height, event)))?;
            let directions = directions.remove(&id).unwrap_or_default();
            facts
                .settled
                .is_none()
                .then_some(StoredChannel { facts, directions })
        });
        Ok(live.take(most).collect())
    }

    async fn told(&self) -> Result<HashMap<ChannelId, Told>> {
        let sql = "
            select channel_id, height, log_index, body from chain_event
            where channel_id not in (
                select channel_id from chain_event where kind in ('settled', 'cooperatively-closed'))";
        let mut rows = sqlx::query(sql).fetch(&self.read);
        let mut told: HashMap<ChannelId, Told> = HashMap::new();
        while let Some(row) = rows.try_next().await? {
            let place = (whole(&row, "height")?, row.try_get("log_index")?);
            let events = told.entry(channel_id(&row)?).or_default();
            events.push((place, parsed(&row, "body")?));
        }
        Ok(told)
    }

    async fn directions(&self) -> Result<HashMap<ChannelId, [DirectionRow; 2]>> {
        let sql = "select channel_id, sender, revision, body, street from direction";
        let mut rows = sqlx::query(sql).fetch(&self.read);
        let mut directions: HashMap<ChannelId, [DirectionRow; 2]> = HashMap::new();
        while let Some(row) = rows.try_next().await? {
            let sender: usize = whole(&row, "sender")?;
            let of_channel = directions.entry(channel_id(&row)?).or_default();
            of_channel[Side::from_flag(sender == 1)] = DirectionRow {
                revision: row.try_get("revision")?,
                street: street(&row)?,
            };
        }
        Ok(directions)
    }
}
