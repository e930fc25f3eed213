//! How SQLite answers what is asked at every block: a statement that looks at every channel there is
//! costs more each day, and no other test notices.

use sqlx::{AssertSqlSafe, Row as _};

use super::{Store, channel::CLOSING, migrate, watch::WAITING};

async fn plan(sql: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("relay.sqlite");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    migrate(&url).await.expect("migrates");
    let store = Store::open(&url).await.expect("opens");
    let rows = sqlx::query(AssertSqlSafe(format!("explain query plan {sql}")))
        .fetch_all(&store.read)
        .await
        .expect("a plan");
    store.close().await;
    rows.iter().map(|row| row.get("detail")).collect()
}

#[tokio::test]
async fn what_is_closing_is_found_without_a_look_at_what_is_open() {
    assert_eq!(
        plan(CLOSING).await,
        [
            "MERGE (EXCEPT)",
            "LEFT",
            "SCAN chain_event USING INDEX chain_event_closing",
            "RIGHT",
            "SCAN chain_event USING INDEX chain_event_ended",
        ]
    );
}

#[tokio::test]
async fn transactions_that_wait_are_found_without_a_look_at_the_others() {
    assert_eq!(
        plan(WAITING).await,
        ["SCAN watch_action USING INDEX watch_action_waiting"]
    );
}
