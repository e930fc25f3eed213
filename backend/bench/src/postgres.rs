//! The servers that `make bench` starts, if it did: a throw-away Postgres, and the NATS program.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::channels::open;

/// What the build's servers are told to programs by: see `backend/xtask/src/servers.rs`.
const DATABASE: &str = "SPARKY_TEST_DATABASE_URL";
const NATS: &str = "SPARKY_TEST_NATS_SERVER";

/// A server for databases, and one for hints between relays.
pub(crate) struct Postgres {
    url: String,
    nats: Option<Nats>,
}

struct Nats {
    child: Child,
    url: String,
}

impl Postgres {
    /// The server of this run; none when there is none.
    pub(crate) fn find() -> anyhow::Result<Option<Self>> {
        let Ok(url) = std::env::var(DATABASE) else {
            return Ok(None);
        };
        let nats = std::env::var(NATS)
            .ok()
            .map(|program| Nats::start(&program));
        Ok(Some(Self {
            url,
            nats: nats.transpose()?,
        }))
    }

    /// A new database on it.
    pub(crate) async fn create(&self, name: &str) -> anyhow::Result<String> {
        let mut connection = open(&self.url).await?;
        let sql = AssertSqlSafe(format!("create database {name}"));
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        connection.close().await?;
        let (server, _) = self.url.rsplit_once('/').context("a URL with a database")?;
        Ok(format!("{server}/{name}"))
    }

    /// What a relay is told so that it finds the others; none when there is no NATS.
    pub(crate) fn nats_flags(&self) -> Option<Vec<String>> {
        let nats = self.nats.as_ref()?;
        Some(vec!["--nats-url".to_owned(), nats.url.clone()])
    }
}

impl Nats {
    fn start(program: &str) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(program)
            .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("nats-server does not start")?;
        Ok(Self {
            child,
            url: format!("nats://127.0.0.1:{port}"),
        })
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
