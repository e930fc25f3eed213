//! A database of its own for every test: an SQLite file, or a database on the Postgres server that
//! `SPARKY_TEST_DATABASE_URL` names. Both are gone when the test is over.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tempfile::TempDir;

/// Names the server on which tests make their databases: `postgres://user@host:port/postgres`.
const SERVER: &str = "SPARKY_TEST_DATABASE_URL";

/// A database that nobody else uses.
pub struct Database {
    url: String,
    place: Place,
}

enum Place {
    File(#[allow(dead_code, reason = "dropped with the database")] TempDir),
    Server { url: String, name: String },
}

impl Database {
    /// An empty one, of the kind that this run of the tests is about.
    pub async fn new() -> Self {
        match std::env::var(SERVER) {
            Ok(server) => Self::on(server).await,
            Err(_) => Self::in_file(),
        }
    }

    /// An empty SQLite file.
    pub fn in_file() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("relay.sqlite");
        Self {
            url: format!("sqlite://{}?mode=rwc", file.display()),
            place: Place::File(folder),
        }
    }

    async fn on(server: String) -> Self {
        let name = format!("sparky_{:032x}", rand::random::<u128>());
        execute(&server, format!("create database {name}")).await;
        let (host, _) = server.rsplit_once('/').expect("a URL with a database");
        Self {
            url: format!("{host}/{name}"),
            place: Place::Server { url: server, name },
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection to it.
    pub async fn connect(&self) -> AnyConnection {
        connect(&self.url).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Place::Server { url, name } = &self.place else {
            return;
        };
        let (url, sql) = (url.clone(), format!("drop database {name} with (force)"));
        // The test's own runtime may be ending: another one has to do it.
        let dropping = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .expect("a runtime")
                .block_on(async move { execute(&url, sql).await });
        });
        let dropped = dropping.join().is_ok();
        assert!(
            dropped || std::thread::panicking(),
            "the database was not dropped"
        );
    }
}

async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await.expect("connects")
}

async fn execute(url: &str, sql: String) {
    let mut connection = connect(url).await;
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .expect("executes");
    connection.close().await.expect("closes");
}
