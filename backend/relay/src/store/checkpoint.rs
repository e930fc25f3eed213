//! What is in SQLite's log is brought into its file beside the payments, not between them.
//!
//! By default the transaction that makes the log too long copies all of it first, and everybody waits: at
//! thousands of payments per second that is several times in each second. Nobody waits for the kind of
//! checkpoint that is used here (passive), but under a steady load it never quite reaches the end of the
//! log; what is then left is little, and is copied while the writer is ours.

use std::time::Duration;

use sqlx::{AnyConnection, Row as _};

use super::{Dialect, Result, Store};
use crate::app::App;

/// How often. Most pages are written over and over: the longer the pause, the fewer are copied.
const PAUSE: Duration = Duration::from_secs(2);

/// Pages of 4 KiB in the log above which it is begun anew.
const LONG: i64 = 32_768;

/// Runs until the relay stops. The last connection that closes copies what is left.
pub(crate) async fn run(app: App) {
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        match app.store.checkpoint().await {
            Ok(pages) => metrics::gauge!("sparky_wal_pages").set(precise(pages)),
            Err(cause) => {
                tracing::warn!(%cause, "the database's log was not copied; it grows until it is");
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "pages of a log are few")]
fn precise(pages: i64) -> f64 {
    pages as f64
}

impl Store {
    /// Copies the log into the file, and says how many pages the log has. Postgres does this by itself.
    async fn checkpoint(&self) -> Result<i64> {
        if self.dialect == Dialect::Postgres {
            return Ok(0);
        }
        let pages = passive(&mut *self.read.acquire().await?).await?;
        if pages < LONG {
            return Ok(pages);
        }
        // Copying a long log takes as long as a payment may: what came meanwhile is copied before
        // everybody waits for the rest.
        passive(&mut *self.read.acquire().await?).await?;
        passive(&mut *self.writer().await?).await
    }
}

/// Pages in the log; -1 of a database that has none.
async fn passive(connection: &mut AnyConnection) -> Result<i64> {
    crate::failpoint!("relay.checkpoint.before");
    let row = sqlx::query("pragma wal_checkpoint(passive)")
        .fetch_one(connection)
        .await?;
    crate::failpoint!("relay.checkpoint.after");
    row.try_get("log")
}
