//! The relay as a process whose figures are read from outside, as an operator would.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    BIND, DATABASE, NODE,
    world::{World, eventually},
};

/// Files that are no idle connections: those of the busy, database, log.
const OTHER_FILES: u64 = 1_500;

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
    pub outbox: f64,
    pub sessions: f64,
    pub challenges: f64,
    pub tickets: f64,
}

impl Watched {
    /// Starts this very program as the relay of a world whose own has stopped.
    pub fn start(world: &World) -> Self {
        let program = std::env::current_exe().expect("this program");
        let config = world.config();
        let child = Command::new(program)
            .args(["--exact", "serve", "--ignored", "--nocapture"])
            .env(DATABASE, config.database_url.expose())
            .env(NODE, config.qtum_rpc_url.expose())
            .env(BIND, config.bind.to_string())
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

    /// Reads the metrics.
    pub async fn look(&self, world: &World) -> Seen {
        let text = reqwest::get(format!("{}/metrics", world.url()))
            .await
            .expect("answers")
            .text()
            .await
            .expect("a text");
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.trim().parse().ok())
                .unwrap_or(0.0)
        };
        Seen {
            memory: value("process_resident_memory_bytes "),
            tasks: value("sparky_tasks "),
            files: value("process_open_fds "),
            websockets: value("sparky_ws_connections "),
            outbox: value("sparky_outbox_depth "),
            sessions: value("sparky_rows{table=\"session\"} "),
            challenges: value("sparky_rows{table=\"login_challenge\"} "),
            tickets: value("sparky_rows{table=\"socket_ticket\"} "),
        }
    }

    /// Reads them until they are as they should be.
    pub async fn look_until(&self, world: &World, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let last = std::cell::Cell::new(None);
        let seen = eventually("everything is let go", || async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let seen = self.look(world).await;
            last.set(Some(seen));
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
