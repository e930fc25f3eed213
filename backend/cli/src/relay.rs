//! `sparky relay`: a relay by itself, beside whatever node its configuration names.

use anyhow::{Context as _, Result};
use sparky_relay::{Config, Relay};
use tokio::net::TcpListener;

use crate::{assets, shutdown, tracing_setup};

/// Arguments of `sparky relay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: Config,
}

/// Serves until asked to end.
///
/// # Errors
/// When database, node or port cannot be had.
pub async fn run(mut args: Args) -> Result<()> {
    tracing_setup::start();
    let bind = args.config.bind;
    let listener = TcpListener::bind(bind)
        .await
        .with_context(|| format!("cannot listen on {bind}"))?;
    // Port 0 means any; the relay's own name must be the one that it got.
    args.config.bind = listener.local_addr()?;
    let url = args.config.public_url();
    let relay = Relay::open(args.config).await?;
    println!("Relay at {url}");
    relay
        .serve(listener, assets::router(), shutdown::asked())
        .await
}
