//! The built binary in a folder of its own, with a running service where one is asked for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;

use crate::proxy::Proxy;

/// A data folder, gone at the end together with whatever runs on it.
pub struct Sandbox {
    data: TempDir,
    /// Where nothing of `sparky dev` runs: the variables that name node and relay.
    variables: Vec<(&'static str, String)>,
    /// Goes first: it talks to the node for as long as it lives.
    miner: Option<Miner>,
    relay: Option<Service>,
}

/// What a call of the binary left behind.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// Standard output as JSON; null when it is none.
    pub json: Value,
    /// The problem on standard error; null when there is none.
    pub problem: Value,
}

impl Sandbox {
    /// A folder in which nothing runs.
    pub fn empty() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
            miner: None,
            relay: None,
        }
    }

    /// A folder with contract, money and a relay of its own on a node, where somebody mines whatever waits.
    pub fn on(node: &RealNode) -> Self {
        Self::on_with(node, &[])
    }

    /// The same, and the relay is reached through a proxy only.
    pub fn behind(node: &RealNode, proxy: &Proxy, settings: &[&str]) -> Self {
        let mut sandbox = Self::on_with(
            node,
            &[&["--public-url", &proxy.url][..], settings].concat(),
        );
        for (name, value) in &mut sandbox.variables {
            if *name == "SPARKY_RELAY" {
                proxy.to(value);
                value.clone_from(&proxy.url);
            }
        }
        sandbox
    }

    fn on_with(node: &RealNode, settings: &[&str]) -> Self {
        let mut sandbox = Self::empty();
        let database = format!(
            "sqlite://{}?mode=rwc",
            sandbox.path().join("relay.sqlite").display()
        );
        sandbox.variables = vec![
            ("SPARKY_NETWORK", "regtest".to_owned()),
            ("SPARKY_QTUM_RPC_URL", node.url().to_owned()),
        ];
        sandbox.ok(&["migrate", "--database-url", &database]);
        sandbox.ok(&["prefund"]);
        let bind = free_address();
        let place = ["--bind", &bind, "--database-url", &database];
        let on_node = ["--network", "regtest", "--qtum-rpc-url", node.url()];
        let relay = Service::start(&[&["relay"][..], &on_node, &place, settings].concat());
        sandbox
            .variables
            .push(("SPARKY_RELAY", format!("http://{bind}")));
        sandbox.relay = Some(relay);
        sandbox.miner = Some(Miner::start(node.url()));
        sandbox
    }

    /// A folder on which everything runs, on ports that nobody else has.
    pub fn running() -> Self {
        let sandbox = Self::empty();
        sandbox.start();
        sandbox
    }

    /// Starts the services and waits until they are ready.
    #[track_caller]
    pub fn start(&self) -> Value {
        self.ok(&[
            "dev",
            "--detach",
            "--bind",
            "127.0.0.1:0",
            "--rpc-port",
            "0",
        ])
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.data.path()
    }

    /// Calls the binary as a program does: JSON, no questions.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[], "")
    }

    /// The same with variables and standard input.
    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sparky"));
        // Nothing of this machine's settings may leak into a test.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SPARKY_")) {
            command.env_remove(name);
        }
        let mut child = command
            .args(["--output", "json", "--yes", "--quiet", "--data"])
            .arg(self.path())
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input may have closed it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let parse = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let last = text.lines().last().unwrap_or_default();
            serde_json::from_str(&text)
                .or_else(|_| serde_json::from_str(last))
                .unwrap_or(Value::Null)
        };
        Outcome {
            code: output.status.code().unwrap_or(-1),
            json: parse(&output.stdout),
            problem: match parse(&output.stderr) {
                Value::Null => Value::String(String::from_utf8_lossy(&output.stderr).into_owned()),
                problem => problem,
            },
        }
    }

    /// Calls the binary and expects it to succeed. Returns what it printed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Value {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.problem);
        outcome.json
    }

    /// Calls the binary and expects this exit code and this problem.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str], exit: i32, code: &str) -> Value {
        let outcome = self.run(arguments);
        assert_eq!(
            (outcome.code, outcome.problem["code"].as_str()),
            (exit, Some(code)),
            "{arguments:?}: {outcome:?}"
        );
        outcome.problem
    }

    /// Calls the binary as Alice.
    #[track_caller]
    pub fn alice(&self, arguments: &[&str]) -> Value {
        self.ok(&[&["--demo", "alice"], arguments].concat())
    }

    /// Calls the binary as Bob.
    #[track_caller]
    pub fn bob(&self, arguments: &[&str]) -> Value {
        self.ok(&[&["--demo", "bob"], arguments].concat())
    }

    /// What an account could spend on chain, in satoshi.
    #[track_caller]
    pub fn on_chain(&self, demo: &str) -> u64 {
        let balance = self.ok(&["--demo", demo, "wallet", "balance"]);
        balance["spendableSat"].as_str().unwrap().parse().unwrap()
    }

    /// The only channel that is shown, open or not.
    #[track_caller]
    pub fn channel_of(&self, demo: &str) -> Value {
        let list = self.ok(&["--demo", demo, "channel", "list", "--all"]);
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
        list["items"][0].clone()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.miner.take());
        if self.relay.take().is_none() {
            self.run(&["stop"]);
        }
    }
}

/// A node that is not part of `sparky dev`.
pub enum RealNode {
    /// The one that `QTUMD_URL` names.
    Named(String),
    /// A bare dev chain in a process of its own.
    Bare(Service),
}

impl RealNode {
    pub fn find() -> Self {
        match std::env::var("QTUMD_URL") {
            Ok(url) if !url.is_empty() => Self::Named(url),
            _ => Self::bare(),
        }
    }

    /// A bare dev chain of its own.
    pub fn bare() -> Self {
        Self::Bare(Service::start(&["devchain", "--rpc-port", "0", "--empty"]))
    }

    pub fn url(&self) -> &str {
        match self {
            Self::Named(url) => url,
            Self::Bare(service) => &service.url,
        }
    }
}

/// Somebody who mines a block whenever a transaction waits, as other people do on a public chain.
struct Miner {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Miner {
    fn start(url: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, url) = (Arc::clone(&stop), url.to_owned());
        let ask = move |arguments: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_sparky"))
                .args(["devchain", "cli", "--rpc-url", &url])
                .args(arguments)
                .output()
                .unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let thread = std::thread::spawn(move || {
            let address = ask(&["getnewaddress"]);
            while !stopped.load(Ordering::Relaxed) {
                let waiting = ask(&["getrawmempool"]);
                if waiting.starts_with('[') && waiting != "[]" {
                    ask(&["generatetoaddress", "1", &address]);
                } else {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic would be the test's second.
            let _ = thread.join();
        }
    }
}

/// A process that serves until it is dropped.
pub struct Service {
    child: Child,
    /// What it says where it is.
    pub url: String,
}

impl Service {
    /// Starts `sparky` with these arguments; the last word of its first line is its address.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sparky"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .split_whitespace()
            .last()
            .unwrap_or_default()
            .to_owned();
        Self { child, url }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody has now.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Satoshi as JSON writes them.
pub fn qtum(amount: u64) -> String {
    (amount * 100_000_000).to_string()
}
