//! The relay as a process whose figures are read from outside, as an operator would.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use clap::Parser;
use sparky_relay::{Config, Quotas, Relay};

use crate::world::{World, eventually};

/// Files that are no idle connections: those of the busy, database, log.
const OTHER_FILES: u64 = 1_500;

/// The relay's settings, as `sparky relay` takes them.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    config: Config,
}

/// What this program does with the argument `relay`: it serves until it is killed.
pub async fn serve(arguments: &[String]) {
    let Arguments { config } = Arguments::parse_from(arguments);
    let listener = tokio::net::TcpListener::bind(config.bind)
        .await
        .expect("the port is free");
    let relay = Relay::open(config).await.expect("opens");
    relay
        .serve(listener, axum::Router::new(), std::future::pending())
        .await
        .expect("serves");
}

/// A relay in a process of its own. It ends with this.
pub struct Watched(Child);

/// What it holds at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Bytes.
    pub memory: f64,
    pub tasks: f64,
    pub files: f64,
    pub websockets: f64,
    /// Events that somebody has still to hear.
    pub outbox: f64,
    /// Rows.
    pub sessions: f64,
    pub challenges: f64,
    pub tickets: f64,
    pub proposals: f64,
    pub transactions: f64,
    pub events: f64,
}

impl Watched {
    /// Starts this very program as the relay of a world whose own has stopped.
    pub fn start(world: &World, quotas: &Quotas) -> Self {
        let program = std::env::current_exe().expect("this program");
        let config = world.config();
        let connections = quotas.account_connections.expect("it is set");
        let child = Command::new(program)
            .arg("relay")
            .env("SPARKY_BIND", config.bind.to_string())
            .env("SPARKY_DATABASE_URL", config.database_url.expose())
            .env("SPARKY_QTUM_RPC_URL", config.qtum_rpc_url.expose())
            .env("SPARKY_NETWORK", "dev")
            .env("SPARKY_TOWER", "true")
            .env("SPARKY_ACCOUNT_CONNECTIONS", connections.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("starts");
        Self(child)
    }

    /// How many connections this side and that have files for.
    pub fn room(&self) -> usize {
        let path = format!("/proc/{}/limits", self.0.id());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("Max open files"));
        // The relay raises the soft limit to the hard one when it starts.
        let files = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
        let room = files.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES);
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// Reads the metrics, and from the database what no metric counts. A figure that is not there is a
    /// failure: nothing could be said about it.
    pub async fn look(&self, world: &World) -> Seen {
        let text = reqwest::get(format!("{}/metrics", world.url()))
            .await
            .expect("answers")
            .text()
            .await
            .expect("a text");
        let value = |name: &str| -> f64 {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let value = value.and_then(|value| value.trim().parse().ok());
            value.unwrap_or_else(|| panic!("no figure {name}:\n{text}"))
        };
        let rows = |table: &str| value(&format!("sparky_rows{{table=\"{table}\"}}"));
        let mut database = world.database.connect().await;
        let events: i64 = sqlx::query_scalar("select count(*) from account_event")
            .fetch_one(&mut database)
            .await
            .expect("counts");
        Seen {
            memory: value("process_resident_memory_bytes"),
            tasks: value("sparky_tasks"),
            files: value("process_open_fds"),
            websockets: value("sparky_ws_connections"),
            outbox: value("sparky_outbox_depth"),
            sessions: rows("session"),
            challenges: rows("login_challenge"),
            tickets: rows("socket_ticket"),
            proposals: rows("proposal"),
            transactions: rows("sent_transaction"),
            events: f64::from(i32::try_from(events).expect("not so many")),
        }
    }

    /// Reads them until they are as they should be.
    pub async fn look_until(&self, world: &World, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let seen = eventually("everything is let go", || async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let seen = self.look(world).await;
            wanted(&seen).then_some(seen)
        });
        seen.await
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
