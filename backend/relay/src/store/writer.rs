//! Who writes, and through which connection.
//!
//! A pool asks a connection whether it is still there whenever it comes back, and on Postgres whenever
//! it goes out too. Between two transactions of the committer those are ways to the database and back
//! that every payment waits for, so the connection of the committer is kept; on SQLite, which has a
//! single writer, it is the only one that writes, and whoever wants it waits in a queue.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{Any, AnyConnection, AnyPool, pool::PoolConnection};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard},
};

use super::{Dialect, Failure, Result};

/// How long somebody waits for a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection to a server is trusted without being asked: servers hang up, and another may
/// have taken the place of ours.
const TRUST: Duration = Duration::from_secs(1);

/// How long one is kept: then the pool looks at it, whoever is busy.
const LONGEST: Duration = Duration::from_mins(1);

/// On SQLite the lock is taken at once, so that nobody can come between what a transaction reads and
/// what it writes.
const IMMEDIATE: &str = "begin immediate";

/// The connections that write.
#[derive(Clone, Debug)]
pub(super) struct Writers {
    pool: AnyPool,
    dialect: Dialect,
    kept: Arc<Mutex<Kept>>,
    /// Whether what is kept is the only one that writes.
    single: bool,
}

/// The connection that stays out of its pool.
#[derive(Debug, Default)]
pub(super) struct Kept(Option<Taken>);

#[derive(Debug)]
struct Taken {
    connection: PoolConnection<Any>,
    since: Instant,
    used: Instant,
    /// Whether a transaction was begun and has not ended.
    begun: bool,
}

impl Writers {
    /// Of a pool. `single`: whether the database has one writer at a time, and the pool is one
    /// connection that nobody reads with.
    pub(super) fn new(pool: AnyPool, dialect: Dialect, single: bool) -> Self {
        Self {
            pool,
            dialect,
            kept: Arc::default(),
            single,
        }
    }

    pub(super) fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// A connection for statements of their own.
    pub(super) async fn writer(&self) -> Result<Writer> {
        if self.single {
            self.keep().await.map(Writer::Lent)
        } else {
            self.pool.acquire().await.map(Writer::Pooled)
        }
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<Transaction> {
        if self.single {
            self.begin_again().await
        } else {
            self.begin_pooled().await.map(Transaction::Pooled)
        }
    }

    /// Begins a transaction as sqlx knows it: for what begins others within it.
    pub(super) async fn begin_pooled(&self) -> Result<sqlx::Transaction<'static, Any>> {
        match self.dialect {
            Dialect::Sqlite => self.pool.begin_with(IMMEDIATE).await,
            Dialect::Postgres => self.pool.begin().await,
        }
    }

    /// Begins a transaction through the connection that is kept, also where there are others.
    pub(super) async fn begin_again(&self) -> Result<Transaction> {
        match self.begin_kept().await {
            // A server may have hung up since; nothing was written, and the next connection is a new one.
            Err(_) if self.dialect == Dialect::Postgres => self.begin_kept().await,
            begun => begun,
        }
    }

    async fn begin_kept(&self) -> Result<Transaction> {
        let mut lent = self.keep().await?;
        // From here on it is undone when nobody waits for it any more.
        lent.taken_mut().begun = true;
        let mut begun = Open(Some(lent));
        let statement = match self.dialect {
            Dialect::Sqlite => IMMEDIATE,
            Dialect::Postgres => "begin",
        };
        sqlx::raw_sql(statement).execute(&mut *begun).await?;
        Ok(Transaction::Open(begun))
    }

    async fn keep(&self) -> Result<Lent> {
        let waiting = Arc::clone(&self.kept).lock_owned();
        let mut kept = tokio::time::timeout(PATIENCE, waiting)
            .await
            .map_err(|_| Failure::PoolTimedOut)?;
        if kept.0.as_ref().is_some_and(|taken| taken.begun) {
            kept.undo().await;
        }
        if self.dialect == Dialect::Postgres && kept.0.as_ref().is_some_and(Taken::is_old) {
            kept.0 = None;
        }
        let now = Instant::now();
        match &mut kept.0 {
            Some(taken) => taken.used = now,
            none => {
                let connection = self.pool.acquire().await?;
                *none = Some(Taken {
                    connection,
                    since: now,
                    used: now,
                    begun: false,
                });
            }
        }
        Ok(Lent(kept))
    }

    /// Waits until all connections are closed.
    pub(super) async fn close(&self) {
        self.kept.lock().await.0 = None;
        self.pool.close().await;
    }
}

impl Kept {
    /// Undoes what was begun. A connection that can not be told so is closed.
    async fn undo(&mut self) {
        let Some(taken) = &mut self.0 else { return };
        let undone = sqlx::raw_sql("rollback")
            .execute(&mut *taken.connection)
            .await;
        taken.begun = undone.is_err();
        if taken.begun {
            taken.connection.close_on_drop();
            self.0 = None;
        }
    }
}

impl Taken {
    fn is_old(&self) -> bool {
        TRUST <= self.used.elapsed() || LONGEST <= self.since.elapsed()
    }
}

/// The connection that is kept, for whoever's turn it is.
#[derive(Debug)]
pub(crate) struct Lent(OwnedMutexGuard<Kept>);

impl Lent {
    fn taken(&self) -> &Taken {
        let taken = self.0.0.as_ref();
        taken.expect("invariant: nothing is lent before it was taken")
    }

    fn taken_mut(&mut self) -> &mut Taken {
        let taken = self.0.0.as_mut();
        taken.expect("invariant: nothing is lent before it was taken")
    }
}

/// A connection for statements of their own, until it is dropped.
#[derive(Debug)]
pub(crate) enum Writer {
    Pooled(PoolConnection<Any>),
    Lent(Lent),
}

impl Deref for Writer {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Lent(lent) => &lent.taken().connection,
        }
    }
}

impl DerefMut for Writer {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Lent(lent) => &mut lent.taken_mut().connection,
        }
    }
}

/// All or nothing of what is written through it; nothing when it is dropped before it is committed.
#[derive(Debug)]
pub(crate) enum Transaction {
    Pooled(sqlx::Transaction<'static, Any>),
    Open(Open),
}

/// What was begun through the connection that is kept; none once it has ended.
#[derive(Debug)]
pub(crate) struct Open(Option<Lent>);

impl Open {
    async fn end(mut self, statement: &'static str) -> Result<()> {
        sqlx::raw_sql(statement).execute(&mut *self).await?;
        if let Some(mut lent) = self.0.take() {
            lent.taken_mut().begun = false;
        }
        Ok(())
    }
}

impl Deref for Open {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        let lent = self.0.as_ref().expect("invariant: ended by its owner only");
        &lent.taken().connection
    }
}

impl DerefMut for Open {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        let lent = self.0.as_mut().expect("invariant: ended by its owner only");
        &mut lent.taken_mut().connection
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(mut lent) = self.0.take() else {
            return;
        };
        // At once, and nobody else has the connection before; where nothing runs any more, whoever is
        // next does it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { lent.0.undo().await });
        }
    }
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Pooled(transaction) => transaction.commit().await,
            Self::Open(open) => open.end("commit").await,
        }
    }

    pub(crate) async fn rollback(self) -> Result<()> {
        match self {
            Self::Pooled(transaction) => transaction.rollback().await,
            Self::Open(open) => open.end("rollback").await,
        }
    }
}

impl Deref for Transaction {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Pooled(transaction) => transaction,
            Self::Open(open) => open,
        }
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Pooled(transaction) => transaction,
            Self::Open(open) => open,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use sqlx::AnyConnection;

    use crate::store::{Result, Store, migrate};

    async fn a_store(folder: &tempfile::TempDir) -> Store {
        let file = folder.path().join("relay.sqlite");
        let url = format!("sqlite://{}?mode=rwc", file.display());
        migrate(&url).await.expect("migrates");
        Store::open(&url).await.expect("opens")
    }

    async fn put(connection: &mut AnyConnection, account: u8) -> Result<()> {
        let sql = "insert into account_sequence (account, seq) values ($1, 1)";
        let row = sqlx::query(sql).bind(vec![account; 20]);
        row.execute(connection).await.map(|_| ())
    }

    async fn rows(store: &Store) -> i64 {
        let counted = sqlx::query_scalar("select count(*) from account_sequence");
        counted.fetch_one(&store.read).await.expect("counts")
    }

    #[tokio::test]
    async fn what_is_dropped_was_never_written_and_the_next_one_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = a_store(&folder).await;
        for round in 0..3 {
            let mut dropped = store.begin().await.expect("begins");
            put(&mut dropped, 1).await.expect("inserts");
            drop(dropped);

            let mut refused = store.begin_again().await.expect("begins");
            put(&mut refused, 1).await.expect("inserts");
            put(&mut refused, 1).await.expect_err("there is one");
            drop(refused);

            let mut kept = store.begin_again().await.expect("begins");
            put(&mut kept, 10 + round).await.expect("inserts");
            kept.commit().await.expect("commits");
            assert_eq!(rows(&store).await, i64::from(round) + 1);
        }
        let mut undone = store.begin().await.expect("begins");
        put(&mut undone, 1).await.expect("inserts");
        undone.rollback().await.expect("rolls back");
        assert_eq!(rows(&store).await, 3);
        store.close().await;
    }

    /// Where no runtime is left to undo it, whoever is next does: a statement of its own is not lost in
    /// somebody else's transaction.
    #[tokio::test]
    async fn what_is_dropped_outside_of_a_runtime_takes_nothing_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = a_store(&folder).await;
        let mut dropped = store.begin().await.expect("begins");
        put(&mut dropped, 1).await.expect("inserts");
        let dropping = std::thread::spawn(move || drop(dropped));
        dropping.join().expect("drops");

        let mut writer = store.writer().await.expect("a writer");
        put(&mut writer, 2).await.expect("inserts");
        drop(writer);
        assert_eq!(rows(&store).await, 1);
        store.close().await;
    }

    /// Whoever does not wait any more leaves nothing begun, wherever it was given up.
    #[tokio::test]
    async fn a_beginning_that_nobody_waits_for_is_undone() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = a_store(&folder).await;
        let (begun, inserted) = (Cell::new(0), Cell::new(0));
        for turns in 0..40 {
            let mut abandoned = Box::pin(async {
                let mut transaction = store.begin_again().await.expect("begins");
                begun.set(begun.get() + 1);
                put(&mut transaction, 1).await.expect("inserts");
                inserted.set(inserted.get() + 1);
                std::future::pending::<()>().await;
            });
            for _ in 0..turns {
                let _ = futures_util::poll!(&mut abandoned);
                tokio::time::sleep(Duration::from_micros(100)).await;
            }
            drop(abandoned);
            let mut writer = store.writer().await.expect("a writer");
            put(&mut writer, 100 + turns).await.expect("inserts");
        }
        assert_eq!(rows(&store).await, 40);
        assert!(begun.get() < 40, "none was given up before it had begun");
        assert!(0 < inserted.get(), "none was given up after it had written");
        store.close().await;
    }

    #[tokio::test]
    async fn all_writers_take_turns_and_none_is_left_when_it_is_closed() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = a_store(&folder).await;
        let mut writers = tokio::task::JoinSet::new();
        for account in 0..20 {
            let store = store.clone();
            writers.spawn(async move {
                let mut transaction = if account % 2 == 0 {
                    store.begin().await.expect("begins")
                } else {
                    store.begin_again().await.expect("begins")
                };
                put(&mut transaction, account).await.expect("inserts");
                transaction.commit().await.expect("commits");
            });
        }
        while let Some(written) = writers.join_next().await {
            written.expect("no panic");
        }
        assert_eq!(rows(&store).await, 20);
        store.close().await;
        store.begin().await.expect_err("it is closed");
        store.begin_again().await.expect_err("it is closed");
    }
}
