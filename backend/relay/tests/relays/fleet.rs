//! Relays and a NATS server as processes: started, stopped, killed, continued.

use std::{
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
};

use clap::Parser;
use sparky_protocol::ChannelId;
use sparky_relay::{Config, Relay};

use crate::{
    participant::Participant,
    world::{World, eventually, get},
};

/// The relay's settings, as `sparky relay` takes them.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    config: Config,
}

/// What this program does with the argument `relay`: it serves until it is asked to end, or killed.
pub async fn serve(arguments: &[String]) {
    // Silent unless `RUST_LOG` asks.
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off")),
        )
        .with_writer(std::io::stderr)
        .init();
    let Arguments { config } = Arguments::parse_from(arguments);
    let listener = tokio::net::TcpListener::bind(config.bind)
        .await
        .expect("the port is free");
    let relay = Relay::open(config).await.expect("opens");
    let asked = async {
        let mut asked = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .expect("a signal");
        asked.recv().await;
    };
    relay
        .serve(listener, axum::Router::new(), asked)
        .await
        .expect("ends well");
}

/// A process that is killed when it is dropped.
pub struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null());
        Self(command.spawn().expect("starts"))
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.0.id().to_string()])
            .status()
            .expect("kill starts");
        assert!(status.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The one way that leaves it no time for anything.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Several relays of one world.
pub struct Fleet {
    pub world: World,
    pub nats: Option<Nats>,
    relays: Vec<Option<Process>>,
    binds: Vec<SocketAddr>,
}

impl Fleet {
    /// So many relays, all ready, with NATS if there is one.
    pub async fn new(relays: usize) -> Self {
        let nats = Nats::start_if_there_is_one();
        let world = World::without_relay().await;
        let mut binds: Vec<SocketAddr> = (1..relays).map(|_| free_address()).collect();
        binds.insert(0, world.bind());
        let mut fleet = Self {
            world,
            nats,
            relays: binds.iter().map(|_| None).collect(),
            binds,
        };
        for index in 0..relays {
            fleet.start(index);
        }
        for index in 0..relays {
            fleet.ready(index).await;
        }
        fleet
    }

    /// A channel of Alice and Bob that every relay may take payments for: each counts a deposit when the
    /// chain that it follows itself has buried it.
    pub async fn channel(&self, deposit: u64) -> (Participant, Participant, ChannelId) {
        let opened = self.world.channel(deposit).await;
        for index in 0..self.len() {
            self.world.followed_at(&self.url(index)).await;
        }
        opened
    }

    pub fn len(&self) -> usize {
        self.binds.len()
    }

    /// `http://127.0.0.1:port` of one of them.
    pub fn url(&self, index: usize) -> String {
        format!("http://{}", self.binds[index])
    }

    /// Starts one, again perhaps, and does not wait for it.
    pub fn start(&mut self, index: usize) {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command
            .arg("relay")
            .env("SPARKY_BIND", self.binds[index].to_string())
            .env("SPARKY_DATABASE_URL", self.world.database.url())
            .env("SPARKY_QTUM_RPC_URL", self.world.chain.rpc_url())
            .env("SPARKY_NETWORK", "dev");
        if let Some(nats) = &self.nats {
            command.env("SPARKY_NATS_URL", nats.url());
        }
        self.relays[index] = Some(Process::start(&mut command));
    }

    /// Waits until one says that it is ready.
    pub async fn ready(&self, index: usize) {
        let url = format!("{}/readyz", self.url(index));
        eventually("the relay is ready", || async {
            let answer = get(&url).await?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Kills one: nothing is written, nothing is said.
    pub fn kill(&mut self, index: usize) {
        drop(self.relays[index].take().expect("it runs"));
    }

    /// Lets one stand still, without its knowing.
    pub fn pause(&self, index: usize) {
        self.relays[index]
            .as_ref()
            .expect("it runs")
            .signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self, index: usize) {
        self.relays[index]
            .as_ref()
            .expect("it runs")
            .signal("-CONT");
    }

    /// Which of those that answer holds a lease.
    pub async fn holder(&self, lease: &str) -> usize {
        let line = format!("sparky_lease_held{{lease=\"{lease}\"}} 1");
        eventually("somebody holds the lease", || async {
            for index in 0..self.len() {
                if self.relays[index].is_none() {
                    continue;
                }
                let asked = reqwest::Client::new()
                    .get(format!("{}/metrics", self.url(index)))
                    .timeout(std::time::Duration::from_secs(1));
                let Ok(answer) = asked.send().await else {
                    continue;
                };
                if answer.text().await.ok()?.lines().any(|said| said == line) {
                    return Some(index);
                }
            }
            None
        })
        .await
    }
}

/// A NATS server that wants a password.
pub struct Nats {
    program: String,
    port: u16,
    process: Option<Process>,
}

impl Nats {
    fn start_if_there_is_one() -> Option<Self> {
        let program = std::env::var("SPARKY_TEST_NATS_SERVER").ok()?;
        let mut nats = Self {
            program,
            port: free_address().port(),
            process: None,
        };
        nats.start();
        Some(nats)
    }

    pub fn start(&mut self) {
        let mut command = Command::new(&self.program);
        command
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--user", "sparky", "--pass", "s3cret"])
            .stderr(Stdio::null());
        self.process = Some(Process::start(&mut command));
    }

    pub fn kill(&mut self) {
        self.process = None;
    }

    fn url(&self) -> String {
        format!("nats://sparky:s3cret@127.0.0.1:{}", self.port)
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}
