//! The relay in a process of its own: how it starts, how it ends, and how far it has come.

use std::{net::SocketAddr, os::unix::process::ExitStatusExt as _, time::Duration};

use serde_json::Value;
use tempfile::TempDir;

use super::{Stage, sparky};

/// A wallet that the node does not have: whoever is to pay from it can not.
const NO_WALLET: &str = "nobody";

impl Stage {
    /// Starts the relay, to end itself at the given visit of the given point if there is one. Returns
    /// when it is ready, or has ended before it was.
    pub async fn start(&mut self, end_at: Option<(&str, u32)>) {
        self.kill();
        let chain = self.chain.as_ref().expect("it runs");
        let mut command = sparky();
        command
            .args(["relay", "--network", "dev", "--rate-limit", "1000000"])
            .args(["--bind", &self.bind.to_string()])
            .args(["--database-url", &database(&self.folder)])
            .args(["--qtum-rpc-url", chain.rpc_url()]);
        if self.penniless {
            command.args(["--tower-wallet", NO_WALLET]);
        }
        if let Some((name, visit)) = end_at {
            self.fell = false;
            command.env("SPARKY_FAILPOINT", format!("{name}={visit}"));
        }
        if let Ok(log) = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("relay.log"))
        {
            command.stderr(log);
        }
        self.relay = Some(command.spawn().expect("it starts"));
        let url = format!("{}/readyz", self.url());
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client");
        for _ in 0..6_000 {
            if self.ended() {
                return;
            }
            if let Ok(answer) = http.get(&url).send().await
                && answer.status().is_success()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the relay never got ready: {}", self.log());
    }

    /// The same, with a tower whose wallet is empty or not.
    pub async fn start_with(&mut self, penniless: bool, end_at: Option<(&str, u32)>) {
        self.penniless = penniless;
        self.start(end_at).await;
    }

    /// What the relay wrote last.
    pub fn log(&self) -> String {
        let text =
            std::fs::read_to_string(self.folder.path().join("relay.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(30).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Ends the relay as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut relay) = self.relay.take() {
            // It may have ended already.
            let _ = relay.kill();
            let _ = relay.wait();
        }
    }

    /// Whether the relay has ended itself, by nothing but SIGKILL.
    pub fn ended(&mut self) -> bool {
        let Some(relay) = &mut self.relay else {
            return true;
        };
        let Some(status) = relay.try_wait().expect("a child") else {
            return false;
        };
        assert_eq!(
            status.signal(),
            Some(9),
            "the relay ended by itself: {status}\n{}",
            self.log()
        );
        self.fell = true;
        true
    }

    /// Waits until the relay ends itself. False when it does not in a while.
    pub async fn ends(&mut self, tenths: u32) -> bool {
        for _ in 0..tenths * 10 {
            if self.ended() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.ended()
    }

    /// Waits until the relay stands where the chain stands. False when it has ended.
    pub async fn followed(&mut self) -> bool {
        let url = format!("{}/api/v1/chain/tip", self.url());
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client");
        for _ in 0..6_000 {
            if self.ended() {
                return false;
            }
            if let Ok(answer) = http.get(&url).send().await
                && let Ok(tip) = answer.json::<Value>().await
                && let Ok(best) = self.node.get_best_block_hash().await
                && tip["hash"] == best.to_string()
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the relay does not follow: {}", self.log());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(super) fn database(folder: &TempDir) -> String {
    format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("relay.sqlite").display()
    )
}

pub(super) fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}
