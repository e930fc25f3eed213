//! `sparky devchain`: the embedded Qtum alone, for whoever speaks qtumd's RPC.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Result;
use sparky_devchain::Config;

use crate::{shutdown, tracing_setup};

/// Arguments of `sparky devchain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address on which the RPC listens
    #[arg(long, env = "SPARKY_RPC_BIND", default_value = "127.0.0.1")]
    rpc_bind: IpAddr,
    /// The port on which the RPC listens; 0 takes a free one
    #[arg(long, default_value_t = 13889)]
    rpc_port: u16,
    /// The RPC's user
    #[arg(long, default_value = "qtum")]
    rpc_user: String,
    /// The RPC's password
    #[arg(long, default_value = "test")]
    rpc_password: String,
    /// Keep blocks in this folder; without it they are gone with the process
    #[arg(long)]
    chain_data: Option<PathBuf>,
    /// Begin at height 0 without funded accounts and without instant mining
    #[arg(long)]
    empty: bool,
}

/// Serves until asked to end.
///
/// # Errors
/// When port or folder cannot be had.
pub async fn run(args: Args) -> Result<()> {
    tracing_setup::start();
    let config = Config {
        rpc_bind: SocketAddr::new(args.rpc_bind, args.rpc_port),
        user: args.rpc_user,
        password: args.rpc_password,
        data_dir: args.chain_data,
        empty: args.empty,
    };
    let chain = sparky_devchain::spawn(config).await?;
    println!("RPC at {}", chain.rpc_url());
    shutdown::asked().await;
    chain.shutdown().await;
    Ok(())
}
