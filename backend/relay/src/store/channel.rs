//! Channels with all that is known of them: parameters, chain events, both directions.

use std::collections::BTreeMap;

use sparky_protocol::{Account, ChainEvent, ChannelId, ChannelParams, Facts, Hash, Side, Street};
use sqlx::{AssertSqlSafe, Row as _, any::AnyRow};

use super::{Result, Store, big, corrupt, fixed, from_json, parsed, whole};

/// One channel as the store knows it.
#[derive(Clone, Debug)]
pub(crate) struct StoredChannel {
    /// What the chain says.
    pub(crate) facts: Facts,
    /// What the participants say, A's direction first.
    pub(crate) directions: [DirectionRow; 2],
}

/// One direction and the revision of its row.
#[derive(Clone, Debug, Default)]
pub(crate) struct DirectionRow {
    pub(crate) revision: i64,
    pub(crate) street: Street,
}

/// The sides in the database: 0 is A, 1 is B.
pub(crate) fn side_number(side: Side) -> i64 {
    match side {
        Side::A => 0,
        Side::B => 1,
    }
}

/// The channels that somebody has closed alone and nobody has settled. Asked at every block: both halves
/// are read in order from an index of their own.
pub(super) const CLOSING: &str = "
    select channel_id from chain_event where kind in ('closed', 'recovered')
    except
    select channel_id from chain_event where kind in ('settled', 'cooperatively-closed')
    order by channel_id";

/// How many channels one statement loads.
const AT_ONCE: usize = 64;

impl Store {
    /// A channel that the chain has now; none for one that a reorganisation took back.
    pub(crate) async fn channel(&self, id: ChannelId) -> Result<Option<StoredChannel>> {
        Ok(self.channels(&[id]).await?.pop())
    }

    /// These channels, as far as the chain has them now.
    pub(crate) async fn channels(&self, ids: &[ChannelId]) -> Result<Vec<StoredChannel>> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            found.extend(self.load(ids).await?);
        }
        Ok(found)
    }

    async fn load(&self, ids: &[ChannelId]) -> Result<Vec<StoredChannel>> {
        // Two short statements read both in whatever state the writer left them: facts and
        // directions change independently, so no transaction has to hold them together.
        let marks = placeholders(ids.len());
        let events = AssertSqlSafe(format!(
            "select channel_id, height, body from chain_event where channel_id in ({marks}) order by height, log_index"
        ));
        let directions = AssertSqlSafe(format!(
            "select channel_id, sender, revision, body, street from direction where channel_id in ({marks})"
        ));
        let (mut events, mut directions) = (sqlx::query(events), sqlx::query(directions));
        for id in ids {
            events = events.bind(id.0.0.to_vec());
            directions = directions.bind(id.0.0.to_vec());
        }
        let mut of: BTreeMap<ChannelId, Vec<(u32, ChainEvent)>> = BTreeMap::new();
        for row in events.fetch_all(&self.read).await? {
            of.entry(channel_id(&row)?)
                .or_default()
                .push((whole(&row, "height")?, parsed(&row, "body")?));
        }
        let mut streets: BTreeMap<(ChannelId, Side), DirectionRow> = BTreeMap::new();
        for row in directions.fetch_all(&self.read).await? {
            let sender: usize = whole(&row, "sender")?;
            let (revision, street) = (row.try_get("revision")?, street(&row)?);
            streets.insert(
                (channel_id(&row)?, Side::from_flag(sender == 1)),
                DirectionRow { revision, street },
            );
        }
        Ok(ids
            .iter()
            .filter_map(|id| {
                let facts =
                    Facts::fold(of.get(id)?.iter().map(|(height, event)| (*height, event)))?;
                let mut direction = |side| streets.remove(&(*id, side)).unwrap_or_default();
                Some(StoredChannel {
                    facts,
                    directions: [direction(Side::A), direction(Side::B)],
                })
            })
            .collect())
    }

    /// The revisions of both directions, A's first; zero for what is not there.
    pub(crate) async fn revisions(&self, id: ChannelId) -> Result<[i64; 2]> {
        let rows = sqlx::query("select sender, revision from direction where channel_id = $1")
            .bind(id.0.0.to_vec())
            .fetch_all(&self.read)
            .await?;
        let mut revisions = [0; 2];
        for row in rows {
            let sender: usize = whole(&row, "sender")?;
            revisions[Side::from_flag(sender == 1)] = row.try_get("revision")?;
        }
        Ok(revisions)
    }

    /// The channels of an account, oldest first.
    pub(crate) async fn channels_of(&self, account: Account) -> Result<Vec<StoredChannel>> {
        let sql = "select channel_id from channel where account_a = $1 or account_b = $1 order by number, channel_id";
        let rows = sqlx::query(sql)
            .bind(account.0.to_vec())
            .fetch_all(&self.read)
            .await?;
        let ids = rows.iter().map(channel_id).collect::<Result<Vec<_>>>()?;
        self.channels(&ids).await
    }

    /// The id of the channel that has this number on the chain now.
    pub(crate) async fn channel_by_number(&self, number: u64) -> Result<Option<ChannelId>> {
        let sql = "
            select c.channel_id from channel c
            where c.number = $1
              and exists (select 1 from chain_event e where e.channel_id = c.channel_id and e.kind = 'opened')";
        let Ok(number) = big(number) else {
            return Ok(None);
        };
        let row = sqlx::query(sql)
            .bind(number)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(channel_id).transpose()
    }

    /// The channels that somebody has closed alone and nobody has settled yet.
    pub(crate) async fn closing_channels(&self) -> Result<Vec<StoredChannel>> {
        let rows = sqlx::query(CLOSING).fetch_all(&self.read).await?;
        let ids = rows.iter().map(channel_id).collect::<Result<Vec<_>>>()?;
        self.channels(&ids).await
    }

    /// The parameters of a channel, also of one that a reorganisation took back.
    pub(crate) async fn params(&self, id: ChannelId) -> Result<Option<ChannelParams>> {
        let sql = "select number, account_a, account_b, token, period, penalty_bps from channel where channel_id = $1";
        let row = sqlx::query(sql)
            .bind(id.0.0.to_vec())
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            Ok(ChannelParams {
                number: whole(&row, "number")?,
                account_a: Account(fixed(&row, "account_a")?),
                account_b: Account(fixed(&row, "account_b")?),
                token: Account(fixed(&row, "token")?),
                window: whole(&row, "period")?,
                penalty_bps: whole(&row, "penalty_bps")?,
            })
        })
        .transpose()
    }

    /// Who shares a channel with an account: whom its presence concerns.
    pub(crate) async fn partners_of(&self, account: Account) -> Result<Vec<Account>> {
        let sql = "
            select distinct account_b as partner from channel where account_a = $1
            union select distinct account_a as partner from channel where account_b = $1";
        let rows = sqlx::query(sql)
            .bind(account.0.to_vec())
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| Ok(Account(fixed(row, "partner")?)))
            .collect()
    }

    /// Whether some channel holds this asset.
    pub(crate) async fn has_asset(&self, token: Account) -> Result<bool> {
        let found: Option<i64> =
            sqlx::query_scalar("select number from channel where token = $1 limit 1")
                .bind(token.0.to_vec())
                .fetch_optional(&self.read)
                .await?;
        Ok(found.is_some())
    }

    /// How many channels are in which part of their life: open, closing, settled.
    pub(crate) async fn count_channels(&self) -> Result<[i64; 3]> {
        let sql = "
            select
                count(distinct case when kind = 'opened' then channel_id end) as opened,
                count(distinct case when kind in ('closed', 'recovered') then channel_id end) as closed,
                count(distinct case when kind in ('settled', 'cooperatively-closed') then channel_id end) as settled,
                count(distinct case when kind = 'cooperatively-closed' then channel_id end) as agreed
            from chain_event";
        let row = sqlx::query(sql).fetch_one(&self.read).await?;
        let number = |column| row.try_get::<i64, _>(column);
        let (opened, closed, settled, agreed) = (
            number("opened")?,
            number("closed")?,
            number("settled")?,
            number("agreed")?,
        );
        let closing = (closed - (settled - agreed)).max(0);
        Ok([(opened - closing - settled).max(0), closing, settled])
    }
}

fn street(row: &AnyRow) -> Result<Street> {
    let short: Option<Vec<u8>> = row.try_get("street")?;
    street_of(short, &row.try_get::<String, _>("body")?)
}

/// What a direction says: in the short form, or as text when an older program wrote it last.
pub(super) fn street_of(short: Option<Vec<u8>>, text: &str) -> Result<Street> {
    match (short, text) {
        (Some(short), _) => Street::from_bytes(&short).map_err(|_| corrupt("street", "form")),
        (None, "") => Ok(Street::default()),
        (None, text) => from_json(text, "body"),
    }
}

fn channel_id(row: &AnyRow) -> Result<ChannelId> {
    Ok(ChannelId(Hash(fixed(row, "channel_id")?)))
}

/// `$1, $2, $3`.
pub(super) fn placeholders(count: usize) -> String {
    let marks: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    marks.join(", ")
}
