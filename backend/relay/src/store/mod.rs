//! Everything the relay remembers. All SQL is in this folder, and it runs on SQLite and Postgres.
//!
//! Two pools: many connections read, and what writes goes through its own, see `writer`. On SQLite that
//! is a single connection, because SQLite has a single writer: waiting in our own queue is fair, waiting
//! for its lock is not.

mod backup;
mod chain;
mod channel;
pub(crate) mod checkpoint;
mod commit;
mod deployment;
mod event;
mod forget;
mod lease;
mod live;
#[cfg(test)]
mod plans;
mod proposal;
mod relay;
mod rows;
mod session;
mod transaction;
mod watch;
mod writer;

use std::{path::Path, sync::LazyLock};

use anyhow::{Context as _, bail};
use sqlx::{
    AnyPool, Row as _,
    any::{AnyPoolOptions, AnyRow},
    migrate::Migrator,
};

pub use deployment::{Attempt, Deployment, Turn};
pub(crate) use {
    backup::{Epoch, StoredQuestion},
    chain::{NewBlock, NewChainEvent, kind as event_kind},
    channel::StoredChannel,
    commit::{Swap, SwapOutcome},
    event::{Appended, NewEvent, Retained},
    forget::Expired,
    lease::{Fence, LeaseRow},
    proposal::StoredProposal,
    relay::RelayRow,
    session::StoredChallenge,
    transaction::SentTransaction,
    watch::WatchAction,
    writer::Transaction,
};

use self::{
    rows::{many_rows, pieces},
    writer::{Writer, Writers},
};

static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("../../migrations/relay");
    // sqlx's own lock is not one on SQLite, and on Postgres it ends before our transaction does.
    migrations.set_locking(false);
    migrations
});

/// The advisory lock of Postgres that stands for "this schema is being migrated": "Sparky" in ASCII.
/// SQLite has a single writer anyway.
const MIGRATION_LOCK: i64 = 0x5370_6172_6b79;

/// What the database answers with when it can not.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why it can not.
pub(crate) type Failure = sqlx::Error;

/// The relay's memory.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    read: AnyPool,
    write: Writers,
    dialect: Dialect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Store {
    /// Opens a database that `sparky migrate` has prepared, and refuses any other.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let store = Self::connect(url).await?;
        store.check_schema().await?;
        Ok(store)
    }

    async fn connect(url: &str) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let dialect = match url.split_once(':') {
            Some(("sqlite", _)) => Dialect::Sqlite,
            Some(("postgres" | "postgresql", _)) => Dialect::Postgres,
            _ => bail!("the database URL must begin with sqlite: or postgres:"),
        };
        let pool = |size| async move {
            pool_options(dialect)
                .max_connections(size)
                .connect(url)
                .await
                .context("cannot open the database")
        };
        // Every connection to an in-memory database has a database of its own.
        if url.contains(":memory:") {
            let only = pool(1).await?;
            return Ok(Self {
                read: only.clone(),
                write: Writers::new(only, dialect, false),
                dialect,
            });
        }
        let single = dialect == Dialect::Sqlite;
        let write = pool(if single { 1 } else { 4 }).await?;
        Ok(Self {
            read: pool(8).await?,
            write: Writers::new(write, dialect, single),
            dialect,
        })
    }

    /// Fails unless exactly the migrations of this program have been applied.
    async fn check_schema(&self) -> anyhow::Result<()> {
        let applied: Vec<i64> = sqlx::query_scalar(
            "select version from _sqlx_migrations where success order by version",
        )
        .fetch_all(&self.read)
        .await
        .unwrap_or_default();
        let known: Vec<i64> = MIGRATIONS
            .iter()
            .map(|migration| migration.version)
            .collect();
        if let Some(newer) = applied.iter().find(|version| !known.contains(version)) {
            bail!(
                "the database has schema version {newer}, and this relay knows up to {}: it was upgraded by a \
                 newer program; run that one",
                known.last().copied().unwrap_or_default()
            );
        }
        if let Some(missing) = known.iter().find(|version| !applied.contains(version)) {
            bail!("the database lacks schema version {missing}: run `sparky migrate` first");
        }
        Ok(())
    }

    /// Begins to write: nobody can come between what this transaction reads and what it writes.
    pub(crate) async fn begin(&self) -> Result<Transaction> {
        self.write.begin().await
    }

    /// [`Store::begin`] through the connection that is kept: for who does it again and again.
    async fn begin_again(&self) -> Result<Transaction> {
        self.write.begin_again().await
    }

    /// A connection for a single statement that writes.
    async fn writer(&self) -> Result<Writer> {
        self.write.writer().await
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        sqlx::query("select 1")
            .execute(&self.read)
            .await
            .map(|_| ())
    }

    /// Connections of both pools: in use and idle.
    pub(crate) fn pool_sizes(&self) -> (u32, usize) {
        let write = self.write.pool();
        let idle = self.read.num_idle() + write.num_idle();
        (self.read.size() + write.size(), idle)
    }

    /// Waits until all connections are closed.
    pub(crate) async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
    }
}

/// Brings the schema of the database at `url` up to this program, creating the file when it is
/// SQLite. Does nothing when there is nothing to do.
pub async fn migrate(url: &str) -> anyhow::Result<()> {
    if let Some(folder) = sqlite_file(url).and_then(|file| Path::new(file).parent()) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let store = Store::connect(url).await?;
    // One transaction for all of it, under a lock: what fails half-way leaves the schema as it was, and
    // of two that migrate at once the second finds nothing left to do.
    let mut transaction = store.write.begin_pooled().await?;
    if store.dialect == Dialect::Postgres {
        sqlx::query("select pg_advisory_xact_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut *transaction)
            .await?;
    }
    MIGRATIONS
        .run_direct(None, &mut *transaction, false)
        .await
        .context("cannot migrate the database")?;
    crate::failpoint!("migrate.schema.before");
    transaction.commit().await?;
    crate::failpoint!("migrate.schema.after");
    store.close().await;
    Ok(())
}

/// The file of an SQLite database.
fn sqlite_file(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("sqlite:")?.trim_start_matches("//");
    Some(rest.split('?').next().unwrap_or(rest))
}

fn pool_options(dialect: Dialect) -> AnyPoolOptions {
    let options = AnyPoolOptions::new().acquire_timeout(writer::PATIENCE);
    // A file does not hang up: to ask it before every use whether it is there is one more turn for nothing.
    let options = options.test_before_acquire(dialect == Dialect::Postgres);
    options.after_connect(move |connection, _| {
        Box::pin(async move {
            if dialect == Dialect::Sqlite {
                // WAL: readers never wait for the writer. FULL: a commit that returned survives a
                // power cut; everything the relay acknowledges rests on it. See `checkpoint` for the log,
                // and for statements' own journals: they are short, and memory is where they belong.
                sqlx::raw_sql(
                    "pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 10000; \
                     pragma foreign_keys = on; pragma cache_size = -16384; \
                     pragma wal_autocheckpoint = 0; pragma temp_store = memory;",
                )
                .execute(connection)
                .await?;
            }
            Ok(())
        })
    })
}

/// Whether the database refused what it was given, so that something else may well be taken: a number
/// out of bounds, a rule of the schema. Otherwise it can not be used now, whatever it is given.
pub(crate) fn is_about_the_data(cause: &Failure) -> bool {
    match cause {
        sqlx::Error::Encode(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::TypeNotFound { .. } => true,
        sqlx::Error::Database(told) => {
            // Class 22 of Postgres: data exceptions.
            let is_data = |code: &str| code.len() == 5 && code.starts_with("22");
            told.kind() != sqlx::error::ErrorKind::Other
                || told.code().is_some_and(|code| is_data(&code))
        }
        _ => false,
    }
}

/// A column of exactly `N` bytes.
fn fixed<const N: usize>(row: &AnyRow, column: &str) -> Result<[u8; N]> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.try_into().map_err(|_| corrupt(column, "length"))
}

/// A column that is a height, a nonce or a count.
fn whole<T: TryFrom<i64>>(row: &AnyRow, column: &str) -> Result<T> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| corrupt(column, "range"))
}

/// A column that holds a value as `serde` writes it.
fn parsed<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &str) -> Result<T> {
    let text: String = row.try_get(column)?;
    from_json(&text, column)
}

/// A text of a column as `serde` writes it.
fn from_json<T: serde::de::DeserializeOwned>(text: &str, column: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|cause| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: cause.into(),
    })
}

fn corrupt(column: &str, what: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("{what} out of bounds").into(),
    }
}

/// A number as the database keeps it. Heights, nonces and counts are far below the limit.
fn big(number: impl TryInto<i64>) -> Result<i64> {
    number
        .try_into()
        .map_err(|_| sqlx::Error::Encode("number out of bounds".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_without_schema_is_refused_and_says_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!(
            "sqlite://{}?mode=rwc",
            folder.path().join("empty.sqlite").display()
        );
        let refused = Store::open(&url)
            .await
            .expect_err("nothing was migrated")
            .to_string();
        assert_eq!(
            refused,
            "the database lacks schema version 1: run `sparky migrate` first"
        );
        migrate(&url).await.expect("migrates");
        migrate(&url).await.expect("migrates again");
        Store::open(&url).await.expect("opens").close().await;
    }

    #[tokio::test]
    async fn a_database_of_a_newer_program_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!(
            "sqlite://{}?mode=rwc",
            folder.path().join("newer.sqlite").display()
        );
        migrate(&url).await.expect("migrates");
        let store = Store::open(&url).await.expect("opens");
        let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
                     values (9999, 'later', true, x'00', 0)";
        sqlx::query(newer)
            .execute(&mut *store.writer().await.expect("a writer"))
            .await
            .expect("writes");
        store.close().await;
        let refused = Store::open(&url)
            .await
            .expect_err("it is newer")
            .to_string();
        assert!(
            refused.starts_with("the database has schema version 9999"),
            "{refused}"
        );
    }
}
