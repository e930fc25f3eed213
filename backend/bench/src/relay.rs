//! The relay as a process of its own: this program again, with `relay` as its first word.

use std::{
    net::TcpListener as Port,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::Parser as _;
use sparky_relay::{Config, Relay};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use crate::{measure, world::World};

/// How long a relay may take to be ready.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(clap::Parser)]
struct Arguments {
    #[command(flatten)]
    config: Config,
}

/// Serves until standard input ends: with its parent, at the latest.
pub(crate) fn serve() -> anyhow::Result<()> {
    let Arguments { config } = Arguments::parse_from(std::env::args().skip(1));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    // A relay that fails under load must say why.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error,tower_http=off")),
        )
        .init();
    runtime.block_on(async {
        let listener = TcpListener::bind(config.bind).await?;
        let relay = Relay::open(config).await?;
        relay
            .serve(listener, axum::Router::new(), async {
                let mut nothing = [0; 1];
                let _ = tokio::io::stdin().read(&mut nothing).await;
            })
            .await
    })
}

/// A relay that runs. Dropping it ends it.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    /// From the start of the process until it was ready.
    pub(crate) started_in: Duration,
}

impl Process {
    /// Starts a relay on this database and waits until it is ready.
    pub(crate) async fn start(
        world: &World,
        database: &str,
        further: &[&str],
    ) -> anyhow::Result<Self> {
        let bind = Port::bind("127.0.0.1:0")?.local_addr()?;
        let begin = Instant::now();
        let child = Command::new(std::env::current_exe()?)
            .arg("relay")
            .args(["--bind", &bind.to_string()])
            .args(["--database-url", database])
            .args(["--qtum-rpc-url", world.node_url()])
            .args(further)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("the relay does not start")?;
        let mut process = Self {
            child,
            url: format!("http://{bind}"),
            started_in: Duration::ZERO,
        };
        while begin.elapsed() < PATIENCE {
            let ready = reqwest::get(format!("{}/readyz", process.url)).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                process.started_in = begin.elapsed();
                return Ok(process);
            }
            if let Some(status) = process.child.try_wait()? {
                bail!("the relay ended at once: {status}");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bail!("the relay was never ready")
    }

    pub(crate) fn processor_seconds(&self) -> f64 {
        measure::processor_seconds(self.child.id())
    }

    pub(crate) fn resident_bytes(&self) -> u64 {
        measure::resident_bytes(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(10) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
