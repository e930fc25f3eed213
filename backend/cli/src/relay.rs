//! `sparky relay`: a relay by itself, beside whatever node its configuration names.

use anyhow::{Context as _, Result};
use sparky_relay::{Chain, Config, Relay};
use tokio::net::TcpListener;

use crate::problem::Problem;
use crate::{assets, shutdown, tracing_setup};

/// Arguments of `sparky relay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: Config,
}

/// The least blocks on a deposit where coins are worth something.
pub const LEAST_CONFIRMATIONS: u32 = 10;

/// Refuses to count deposits on mainnet that a short reorganisation takes back: what was paid out of
/// them by then is lost. On testnet it is said only.
fn deep_enough(network: Chain, confirmations: u32) -> Result<()> {
    if network.is_private() || LEAST_CONFIRMATIONS <= confirmations {
        return Ok(());
    }
    let text = format!(
        "{confirmations} blocks on a deposit before it counts are too few on {}: leave SPARKY_CONFIRMATIONS empty, or \
         set it to {LEAST_CONFIRMATIONS} or more.",
        network.name()
    );
    if network == Chain::Mainnet {
        return Err(Problem::new("too-few-confirmations", "Not started", text).into());
    }
    tracing::warn!("{text}");
    Ok(())
}

/// Serves until asked to end.
///
/// # Errors
/// `too-few-confirmations`; and when database, node or port cannot be had.
pub async fn run(mut args: Args) -> Result<()> {
    tracing_setup::start();
    deep_enough(args.config.network, args.config.confirmations())?;
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
