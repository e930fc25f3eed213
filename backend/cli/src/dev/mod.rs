//! `sparky dev`: chain, relay and DApp in one process, with the contract deployed and accounts funded.

mod detach;
pub mod instance;
pub mod logs;
pub mod ready;
pub mod status;
pub mod stop;

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sparky_devchain::Handle;
use sparky_relay::{Chain, Config, Relay, SecretUrl};
use tokio::net::TcpListener;

use self::instance::{Guard, Instance};
use crate::args::Context;
use crate::node::Node;
use crate::problem::Problem;
use crate::{assets, migrate, prefund, shutdown, tracing_setup};

/// Where everything is unless somebody says otherwise.
pub const DEFAULT_BIND: &str = "127.0.0.1:8080";
/// What the background process writes.
pub const LOG: &str = "sparky.log";
/// How a line of the log begins that is also shown to whoever waits.
const STEP: &str = "· ";
/// Where the chain's RPC is unless somebody else has that port.
const RPC_PORT: u16 = 13889;
/// How long connections may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// Arguments of `sparky dev`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Go to the background and return when everything is ready
    #[arg(long)]
    detach: bool,
    /// Where DApp and API listen
    #[arg(long, env = "SPARKY_BIND", default_value = DEFAULT_BIND)]
    bind: SocketAddr,
    /// The port of the chain's RPC; without it 13889, or a free one when that is taken
    #[arg(long, env = "SPARKY_DEV_RPC_PORT")]
    rpc_port: Option<u16>,
    /// Whether the watchtower answers for those who sleep
    #[arg(long, env = "SPARKY_TOWER", default_value = "true", action = clap::ArgAction::Set)]
    tower: bool,
    /// This is the background process
    #[arg(long, hide = true)]
    background: bool,
}

impl Args {
    /// The same arguments for the background process.
    fn again(&self) -> Vec<String> {
        let mut again = vec![
            format!("--bind={}", self.bind),
            format!("--tower={}", self.tower),
        ];
        again.extend(self.rpc_port.map(|port| format!("--rpc-port={port}")));
        again
    }
}

/// Runs until asked to end.
///
/// # Errors
/// `already-running`, `port-in-use`, and whatever keeps a part from starting.
pub async fn run(args: Args, context: &Context) -> Result<()> {
    if args.detach {
        return detach::start(&args, context).await;
    }
    if args.background {
        // Out of the terminal's session: closing the terminal must not end us.
        let _ = rustix::process::setsid();
    }
    tracing_setup::start();
    let guard = Guard::take(&context.data)?;
    let listener = listen(args.bind).await?;
    let bind = listener.local_addr()?;
    let chain = start_chain(&args, context).await?;
    let rpc_url = chain.rpc_url().to_owned();
    step(&format!("chain: {rpc_url}"));
    let node = Node::new(&rpc_url)?;
    let database = migrate::database_in(&context.data);
    let migrated = migrate::apply(
        &database,
        &node,
        Chain::Dev,
        migrate::Wanted::Own,
        context.output,
    )
    .await?;
    step(&format!("contract: {}", migrated.contract));
    prefund::fund(&node).await?;
    step("accounts: Alice and Bob have 1000000 QTUM each");
    let relay = Relay::open(config(&args, bind, database, &rpc_url)).await?;
    guard.announce(&Instance {
        pid: std::process::id(),
        url: format!("http://{bind}"),
        rpc_url,
    })?;
    step(&format!("relay and DApp: http://{bind}"));
    serve(relay, listener).await?;
    chain.shutdown().await;
    drop(guard);
    Ok(())
}

/// Serves until asked to end, and a little longer for connections that do not end by themselves.
async fn serve(relay: Relay, listener: TcpListener) -> Result<()> {
    let (asked, was_asked) = tokio::sync::oneshot::channel();
    let until = async {
        shutdown::asked().await;
        // Nobody listens any more only if serving has ended already.
        let _ = asked.send(());
    };
    let serving = relay.serve(listener, assets::router(), until);
    let overdue = async {
        if was_asked.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = serving => ended,
        () = overdue => Ok(()),
    }
}

/// The port is taken before anything else is done: a busy one must not cost a minute.
async fn listen(bind: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(bind).await.map_err(|error| {
        let text = format!("Cannot listen on {bind}: {error}. Set SPARKY_BIND to another address.");
        Problem::new("port-in-use", "Address not available", text)
            .with("bind", bind.to_string())
            .into()
    })
}

async fn start_chain(args: &Args, context: &Context) -> Result<Handle> {
    let config = |port| sparky_devchain::Config {
        rpc_bind: SocketAddr::from(([127, 0, 0, 1], port)),
        user: "qtum".into(),
        password: "test".into(),
        data_dir: Some(context.data.join("chain")),
        empty: false,
        indexes: sparky_devchain::Indexes::default(),
    };
    let port = match args.rpc_port {
        Some(port) => port,
        None if is_free(RPC_PORT).await => RPC_PORT,
        None => 0,
    };
    sparky_devchain::spawn(config(port))
        .await
        .context("the chain did not start")
}

async fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).await.is_ok()
}

fn config(args: &Args, bind: SocketAddr, database_url: SecretUrl, rpc_url: &str) -> Config {
    Config {
        bind,
        database_url,
        nats_url: None,
        qtum_rpc_url: SecretUrl::from(rpc_url.to_owned()),
        network: Chain::Dev,
        public_url: None,
        allowed_origins: Vec::new(),
        confirmations: None,
        tower: args.tower,
        tower_wallet: None,
        tower_limits: sparky_relay::TowerLimits::default(),
        allowed_contracts: Vec::new(),
        quotas: sparky_relay::Quotas::default(),
    }
}

/// Tells whoever waits in the foreground.
fn step(text: &str) {
    println!("{STEP}{text}");
    let _ = std::io::stdout().flush();
}
