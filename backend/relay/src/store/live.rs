//! All channels at once: what a relay reads when it starts, so that no payment waits for it.
//!
//! A driver takes microseconds to hand over one row, whatever is in it, and there are hundreds of
//! thousands: so the database joins the rows of a few hundred channels into one text, and several
//! such pieces are read at a time.

use std::{collections::HashMap, str::FromStr};

use sparky_protocol::{ChainEvent, ChannelId, Facts, Hash, Side};
use sqlx::{Any, AssertSqlSafe, pool::PoolConnection};

use super::{
    Dialect, Result, Store, StoredChannel,
    channel::{DirectionRow, street_of},
    corrupt, from_json,
};

/// Channels of one piece, about.
const PIECE: i64 = 400;

/// Pieces at most: their bounds have two bytes.
const PIECES: u32 = 1 << 16;

/// Bytes of SQLite's file that are mapped meanwhile.
const MAPPED: u64 = 1 << 30;

/// The channels with ids from the first bound on, below the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    from: Vec<u8>,
    below: Vec<u8>,
}

/// All ids in so many pieces of about the same size: ids are hashes.
fn pieces(count: u32) -> impl Iterator<Item = Piece> {
    let bound = move |at: u32| {
        let place = u64::from(at) * u64::from(PIECES) / u64::from(count);
        // Nothing is above this one: it is longer than an id.
        u16::try_from(place).map_or(vec![0xff; 33], |place| place.to_be_bytes().to_vec())
    };
    (0..count).map(move |at| Piece {
        from: bound(at),
        below: bound(at + 1),
    })
}

/// A channel's events with their places in the chain: height and position in the block.
type Told = Vec<((u32, i64), ChainEvent)>;

impl Store {
    /// The pieces in which to read all channels.
    pub(crate) async fn live_pieces(&self) -> Result<Vec<Piece>> {
        let channels: i64 = sqlx::query_scalar("select count(*) from channel")
            .fetch_one(&self.read)
            .await?;
        let count = u32::try_from(channels / PIECE).unwrap_or(PIECES);
        Ok(pieces(count.clamp(1, PIECES)).collect())
    }

    /// Something to read them with.
    pub(crate) async fn live_reader(&self) -> Result<LiveReader> {
        let mut reader = LiveReader {
            connection: self.read.acquire().await?,
            dialect: self.dialect,
        };
        reader.map(MAPPED).await?;
        Ok(reader)
    }
}

/// A connection that reads all over the database.
pub(crate) struct LiveReader {
    connection: PoolConnection<Any>,
    dialect: Dialect,
}

impl LiveReader {
    /// Gives the connection back as it was.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.map(0).await
    }

    /// Has SQLite read its file where the system keeps it: every piece touches every page of it, and to
    /// copy each takes longer than all the rest. Later it would only seem to be memory that we need.
    async fn map(&mut self, bytes: u64) -> Result<()> {
        if self.dialect == Dialect::Sqlite {
            sqlx::raw_sql(AssertSqlSafe(format!("pragma mmap_size = {bytes}")))
                .execute(&mut *self.connection)
                .await?;
        }
        Ok(())
    }

    /// The channels of a piece that nobody has settled.
    pub(crate) async fn channels(&mut self, piece: &Piece) -> Result<Vec<StoredChannel>> {
        // Facts and directions change independently, so no transaction has to hold them together.
        let told = "
            select string_agg(height || ' ' || log_index || ' ' || body, '\n') from chain_event
            where $1 <= channel_id and channel_id < $2 and channel_id not in (
                select channel_id from chain_event
                where kind in ('settled', 'cooperatively-closed') and $1 <= channel_id and channel_id < $2)";
        let told = told_of(&self.joined(told.to_owned(), piece).await?)?;
        let hex = |column| match self.dialect {
            Dialect::Sqlite => format!("hex({column})"),
            Dialect::Postgres => format!("encode({column}, 'hex')"),
        };
        let (id, street) = (hex("channel_id"), hex("street"));
        let directions = format!(
            "select string_agg({id} || ' ' || sender || ' ' || revision || ' ' || coalesce({street}, '') || ' ' || body, '\n')
             from direction where $1 <= channel_id and channel_id < $2"
        );
        let mut directions = directions_of(&self.joined(directions, piece).await?)?;
        let live = told.into_iter().filter_map(|(id, mut events)| {
            events.sort_by_key(|(place, _)| *place);
            let facts = Facts::fold(events.iter().map(|((height, _), event)| (*height, event)))?;
            let directions = directions.remove(&id).unwrap_or_default();
            facts
                .settled
                .is_none()
                .then_some(StoredChannel { facts, directions })
        });
        Ok(live.collect())
    }

    /// The rows of a piece, each a line; nothing when there are none.
    async fn joined(&mut self, sql: String, piece: &Piece) -> Result<String> {
        let lines: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(piece.from.clone())
            .bind(piece.below.clone())
            .fetch_one(&mut *self.connection)
            .await?;
        Ok(lines.unwrap_or_default())
    }
}

fn told_of(lines: &str) -> Result<HashMap<ChannelId, Told>> {
    let mut told: HashMap<ChannelId, Told> = HashMap::new();
    for line in lines.lines() {
        let mut words = line.splitn(3, ' ');
        let (height, log_index) = (word(&mut words, "height")?, word(&mut words, "log_index")?);
        let event: ChainEvent = from_json(words.next().unwrap_or_default(), "body")?;
        let id = event
            .channel_id()
            .ok_or_else(|| corrupt("chain_event", "channel"))?;
        told.entry(id)
            .or_default()
            .push(((height, log_index), event));
    }
    Ok(told)
}

fn directions_of(lines: &str) -> Result<HashMap<ChannelId, [DirectionRow; 2]>> {
    let mut directions: HashMap<ChannelId, [DirectionRow; 2]> = HashMap::new();
    for line in lines.lines() {
        let mut words = line.splitn(5, ' ');
        let mut id = [0; 32];
        hex::decode_to_slice(words.next().unwrap_or_default(), &mut id)
            .map_err(|_| corrupt("channel_id", "length"))?;
        let sender: u8 = word(&mut words, "sender")?;
        let revision = word(&mut words, "revision")?;
        let short = words.next().filter(|hex| !hex.is_empty());
        let short = short.map(hex::decode).transpose();
        let short = short.map_err(|_| corrupt("street", "form"))?;
        let street = street_of(short, words.next().unwrap_or_default())?;
        let of_channel = directions.entry(ChannelId(Hash(id))).or_default();
        of_channel[Side::from_flag(sender == 1)] = DirectionRow { revision, street };
    }
    Ok(directions)
}

fn word<'a, T: FromStr>(words: &mut impl Iterator<Item = &'a str>, column: &str) -> Result<T> {
    words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| corrupt(column, "range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_every_id_once() {
        for count in [1, 2, 3, 250, 65_535, PIECES] {
            let pieces: Vec<Piece> = pieces(count).collect();
            assert_eq!(pieces.len(), count as usize);
            assert_eq!(pieces[0].from, [0, 0]);
            assert!(pieces.windows(2).all(|two| two[0].below == two[1].from));
            assert!(pieces.iter().all(|piece| piece.from < piece.below));
            let last = pieces.last().expect("one");
            assert!([0xff; 32][..] < last.below[..]);
        }
    }

    #[test]
    fn what_is_no_row_is_no_channel() {
        for lines in ["x", "1", "1 2", "1 2 {}", "-1 2 {}", "1 2 "] {
            assert!(told_of(lines).is_err(), "{lines}");
        }
        let id = "00".repeat(32);
        assert_eq!(
            directions_of(&format!("{id} 0 1  "))
                .expect("an empty one")
                .len(),
            1
        );
        for rest in ["", " x", " 0", " 0 x", " 0 1 zz", " 0 1 00 ", " 0 1  {"] {
            assert!(directions_of(&format!("{id}{rest}")).is_err(), "{rest}");
        }
        assert!(directions_of("00 0 1  ").is_err());
    }
}
