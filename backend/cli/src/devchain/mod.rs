//! `sparky devchain`: the embedded Qtum alone, for whoever speaks qtumd's RPC.

mod call;
mod pretty;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use sparky_devchain::{Config, Indexes};

use crate::args::Context;
use crate::{shutdown, tracing_setup};

/// Arguments of `sparky devchain`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    start: Start,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Ask a running node, as qtum-cli does
    Cli(call::Args),
}

#[derive(Debug, clap::Args)]
struct Start {
    /// The address on which the RPC listens
    #[arg(long, env = "SPARKY_RPC_BIND", default_value = "127.0.0.1")]
    rpc_bind: IpAddr,
    /// The port on which the RPC listens; 0 takes a free one
    #[arg(long, default_value_t = 13889)]
    rpc_port: u16,
    /// The RPC's user
    #[arg(long, default_value = "qtum")]
    rpc_user: String,
    /// The RPC's password; everybody on the machine can read what stands on a command line
    #[arg(
        long,
        env = "SPARKY_RPC_PASSWORD",
        hide_env_values = true,
        default_value = "test"
    )]
    rpc_password: String,
    /// Keep blocks in this folder; without it they are gone with the process
    #[arg(long)]
    chain_data: Option<PathBuf>,
    /// Begin at height 0 without funded accounts, instant mining and dev_ methods: as `qtumd -regtest`
    #[arg(long)]
    empty: bool,
    /// Run as a node that was started without these flags
    #[arg(long, value_enum, value_delimiter = ',', value_name = "INDEX")]
    without: Vec<Index>,
}

/// What qtumd keeps only when it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Index {
    /// Mined transactions by their id.
    Txindex,
    /// Coins and history by address.
    Addrindex,
    /// Receipts and events.
    Logevents,
}

/// Serves until asked to end, or asks a node that runs.
///
/// # Errors
/// When port or folder cannot be had.
pub async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    match args.verb {
        Some(Verb::Cli(args)) => call::run(&args, context).await,
        None => serve(args.start).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn serve(args: Start) -> Result<()> {
    tracing_setup::start();
    let config = Config {
        rpc_bind: SocketAddr::new(args.rpc_bind, args.rpc_port),
        user: args.rpc_user,
        password: args.rpc_password,
        data_dir: args.chain_data,
        empty: args.empty,
        indexes: Indexes {
            transactions: !args.without.contains(&Index::Txindex),
            addresses: !args.without.contains(&Index::Addrindex),
            events: !args.without.contains(&Index::Logevents),
        },
    };
    let chain = sparky_devchain::spawn(config).await?;
    println!("RPC at {}", chain.rpc_url());
    tokio::select! {
        () = shutdown::asked() => {}
        () = chain.stopped() => {}
    }
    chain.shutdown().await;
    Ok(())
}
