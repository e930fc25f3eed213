//! The disk alone, and the databases alone: what a commit costs when nobody asks for payments.

use std::{
    fs::File,
    io::{Seek as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use sqlx::Connection as _;

use crate::{
    channels::{insert, open},
    measure::{Rate, quantile, real},
};

/// Payments of one transaction.
const BATCH: usize = 100;

/// Milliseconds of one flush of one block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flush {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Flush {
    /// Of what each of them took, in nanoseconds.
    fn of(mut took: Vec<u64>) -> Self {
        took.sort_unstable();
        let millis = |of_thousand| real(quantile(&took, of_thousand)) / 1e6;
        Self {
            p50_ms: millis(500),
            p99_ms: millis(990),
        }
    }
}

impl std::fmt::Display for Flush {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {:.2}, p99 {:.2} ms", self.p50_ms, self.p99_ms)
    }
}

/// Appends a block and flushes it, again and again.
pub(crate) fn flush(folder: &Path, during: Duration) -> anyhow::Result<Flush> {
    let mut file = File::create(folder.join("flush"))?;
    let (block, begin) = ([7; 4_096], Instant::now());
    let mut took = Vec::new();
    while begin.elapsed() < during {
        let begin = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        took.push(u64::try_from(begin.elapsed().as_nanos())?);
    }
    Ok(Flush::of(took))
}

/// Writes a block over a written one and flushes it, as SQLite does with its log once that is long:
/// the data alone, and all of the file. A file system with a journal writes it for the latter.
pub(crate) fn flush_again(folder: &Path, during: Duration) -> anyhow::Result<[Flush; 2]> {
    let mut file = File::create(folder.join("again"))?;
    let block = [7; 4_096];
    file.write_all(&block)?;
    file.sync_all()?;
    let begin = Instant::now();
    let mut took = [Vec::new(), Vec::new()];
    while begin.elapsed() < during {
        for (flush, took) in [File::sync_data, File::sync_all].into_iter().zip(&mut took) {
            file.rewind()?;
            file.write_all(&block)?;
            // A time of change that has not moved need not be written: it moves with the tick of a clock.
            std::thread::sleep(Duration::from_millis(4));
            let begin = Instant::now();
            flush(&file)?;
            took.push(u64::try_from(begin.elapsed().as_nanos())?);
        }
    }
    Ok(took.map(Flush::of))
}

/// Writes what a payment writes, a direction and an event, a hundred payments a transaction, with
/// plain statements and nothing else.
pub(crate) async fn commits(url: &str, during: Duration) -> anyhow::Result<Rate> {
    let mut connection = open(url).await?;
    if url.starts_with("sqlite") {
        let durable = "pragma journal_mode = wal; pragma synchronous = full;";
        sqlx::raw_sql(durable).execute(&mut connection).await?;
    }
    for sql in [
        "create table bench_direction (id bigint not null primary key, revision bigint not null, street bytea not null)",
        "create table bench_event (account bigint not null, seq bigint not null, body text not null, primary key (account, seq))",
    ] {
        sqlx::query(sql).execute(&mut connection).await?;
    }
    let (street, body) = (vec![7; 450], "x".repeat(700));
    let begin = Instant::now();
    let mut seq = 0;
    while begin.elapsed() < during {
        let mut transaction = connection.begin().await?;
        let upsert = format!(
            "{} on conflict (id) do update set revision = excluded.revision, street = excluded.street",
            insert("bench_direction (id, revision, street)", BATCH, 3).0
        );
        let mut directions = sqlx::query(sqlx::AssertSqlSafe(upsert));
        let mut events = sqlx::query(insert("bench_event (account, seq, body)", BATCH, 3));
        for _ in 0..BATCH {
            seq += 1;
            directions = directions.bind(seq % 1_000).bind(seq).bind(street.clone());
            events = events.bind(seq % 100).bind(seq).bind(body.clone());
        }
        directions.execute(&mut *transaction).await?;
        events.execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    connection.close().await?;
    Ok(Rate {
        times: u64::try_from(seq)?,
        seconds,
    })
}
