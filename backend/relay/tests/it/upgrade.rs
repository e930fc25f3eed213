//! Upgrades: a database of every release becomes one of this program, and the relay serves what is in
//! it. How a release is added: `migrations/fixtures/README.md`.

use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use serde_json::{Value, json};
use sparky_protocol::{ChannelId, SecretKey, Side};
use sparky_relay::{deployment, migrate};
use sqlx::{Any, AssertSqlSafe, Connection as _, migrate::Migrator};

use crate::{
    database::Database,
    participant::Participant,
    world::{QTUM, World},
};

/// The accounts of the story, as every demo has them.
const ALICE: &str = "7826adc1127b8cf34c47b2c7909904109d7fe404be04838e323082981c51340e";
const BOB: &str = "00821d8c8a3627adc68aa4034fea953b2f5da553fab312db3fa274240bd49f35";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/fixtures")
}

/// The statements of a fixture in the words of this database, and the migrations that it has.
fn read(release: &str, postgres: bool) -> (Vec<(i64, String)>, String) {
    let file = fixtures().join(release).join("relay.sql");
    let text = std::fs::read_to_string(file).expect("a fixture");
    let (mut applied, mut sql) = (Vec::new(), String::new());
    for line in text.lines() {
        if let Some(migration) = line.strip_prefix("-- migration ") {
            let (version, checksum) = migration.split_once(' ').expect("version and checksum");
            applied.push((version.parse().expect("a version"), checksum.to_owned()));
        } else {
            // Bytes are the only thing that is written differently. None of ours are within a text.
            let line = if postgres {
                line.replace("X'", "'\\x")
            } else {
                line.to_owned()
            };
            sql.push_str(&line);
            sql.push('\n');
        }
    }
    (applied, sql)
}

/// A database as that release left it.
async fn database_of(release: &str) -> Database {
    let database = Database::new().await;
    let mut connection = database.connect().await;
    let (applied, sql) = read(release, connection.backend_name() != "SQLite");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/relay");
    let migrations = Migrator::new(folder).await.expect("migrations");
    for (version, checksum) in &applied {
        let ours = migrations
            .iter()
            .find(|migration| migration.version == *version);
        let ours = ours.unwrap_or_else(|| panic!("migration {version} is gone"));
        assert_eq!(
            hex::encode(&ours.checksum),
            *checksum,
            "migration {version} was released with {release} and may not change"
        );
    }
    let last = applied.last().expect("some migrations").0;
    migrations
        .run_direct(Some(last), &mut connection, false)
        .await
        .expect("the schema of that release");
    let mut transaction = connection.begin().await.expect("begins");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut *transaction)
        .await
        .expect("the rows of that release");
    transaction.commit().await.expect("commits");
    connection.close().await.expect("closes");
    database
}

/// The same tables with as many rows.
async fn counts(database: &Database) -> Vec<(String, i64)> {
    let mut connection = database.connect().await;
    let mut counts = Vec::new();
    for table in [
        "channel",
        "direction",
        "chain_event",
        "account_event",
        "session",
        "proposal",
        "watch_action",
        "sent_transaction",
    ] {
        let sql = AssertSqlSafe(format!("select count(*) from {table}"));
        let count: i64 = sqlx::query_scalar::<Any, i64>(sql)
            .fetch_one(&mut connection)
            .await
            .expect("a count");
        counts.push((table.to_owned(), count));
    }
    counts
}

#[tokio::test]
async fn a_database_of_0_1_0_is_upgraded_and_served() {
    let release = "0.1.0";
    let database = database_of(release).await;
    let refused = deployment(database.url())
        .await
        .expect_err("it is older")
        .to_string();
    assert!(refused.contains("run `sparky migrate` first"), "{refused}");
    let before = counts(&database).await;
    migrate(database.url()).await.expect("upgrades");
    assert_eq!(counts(&database).await, before, "nothing is lost");

    let chain = fixtures().join(release).join("blocks.log");
    let world = World::with_history(database, &chain).await;
    let key = |text: &str| {
        let bytes: [u8; 32] = hex::decode(text).expect("hex").try_into().expect("a key");
        SecretKey::from_bytes(&bytes).expect("a key")
    };
    let mut alice = Participant::with_key(&world, key(ALICE)).await;
    let mut bob = Participant::with_key(&world, key(BOB)).await;

    // Every channel is where it was.
    let (status, list) = alice.get("/channels").await;
    assert_eq!(status, StatusCode::OK, "{list}");
    let items = list["items"].as_array().expect("items");
    let phases: Vec<(&Value, &Value)> = items
        .iter()
        .map(|item| (&item["number"], &item["phase"]["type"]))
        .collect();
    assert_eq!(
        phases,
        [
            (&json!(1), &json!("open")),
            (&json!(2), &json!("settled")),
            (&json!(3), &json!("finalizing")),
            (&json!(4), &json!("settled")),
        ]
    );
    let ids: Vec<ChannelId> = items
        .iter()
        .map(|item| serde_json::from_value(item["channelId"].clone()).expect("an id"))
        .collect();
    assert_eq!(
        items[0]["proposals"][0]["kind"], "withdraw",
        "what waits for Bob still waits"
    );
    let of_bob = bob.view(ids[2]).await;
    assert_eq!(of_bob["watch"]["lastAction"]["call"], "raiseFloor");
    assert!(of_bob["watch"]["lastAction"]["minedAt"].is_number());

    // The open one goes on where it stood, in both directions.
    let id = ids[0];
    alice.refresh(id).await;
    bob.refresh(id).await;
    let nonces = Side::BOTH.map(|side| alice.channel(id).street(side).nonce());
    assert_eq!(nonces, [2, 1]);
    bob.accept(id, &alice.send(id, QTUM).await);
    alice.accept(id, &bob.send(id, QTUM).await);

    // Events go on with the next number, and those that nobody has heard are still there.
    let (_, events) = bob.get("/events").await;
    let events = events["items"].as_array().expect("items");
    let numbers: Vec<i64> = events
        .iter()
        .filter_map(|event| event["seq"].as_i64())
        .collect();
    let (oldest, newest) = (numbers[0], numbers[numbers.len() - 1]);
    assert_eq!(numbers, (oldest..=newest).collect::<Vec<i64>>());
    assert_eq!(events[events.len() - 1]["type"], "proof.received");
}

/// Whoever migrates at the same time as somebody else finds nothing left to do.
#[tokio::test]
async fn two_may_migrate_at_once() {
    for database in [Database::new().await, database_of("0.1.0").await] {
        let url = database.url();
        let done = tokio::join!(migrate(url), migrate(url), migrate(url), migrate(url));
        for one in [done.0, done.1, done.2, done.3] {
            one.expect("migrates");
        }
        deployment(url).await.expect("the schema is this program's");
    }
}

/// A program that is older than the database says so, and what to do.
#[tokio::test]
async fn a_newer_database_is_refused() {
    let database = Database::new().await;
    migrate(database.url()).await.expect("migrates");
    let mut connection = database.connect().await;
    let bytes = if connection.backend_name() == "SQLite" {
        "x'00'"
    } else {
        "'\\x00'"
    };
    let sql = format!(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'later', true, {bytes}, 0)"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .expect("writes");
    let refused = deployment(database.url())
        .await
        .expect_err("it is newer")
        .to_string();
    assert!(
        refused.contains("was upgraded by a newer program"),
        "{refused}"
    );
    migrate(database.url())
        .await
        .expect_err("nothing goes back");
}
