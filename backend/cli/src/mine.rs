//! `sparky mine`: blocks at will, on dev and regtest.

use anyhow::Result;
use serde_json::json;

use crate::args::Context;
use crate::node::{self, Endpoint};

/// Arguments of `sparky mine`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many
    #[arg(default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    blocks: u32,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// Mines and prints the new height.
///
/// # Errors
/// `mining-not-possible` and the node's.
pub async fn run(args: &Args, context: &Context) -> Result<()> {
    let node = args.endpoint.connect(context)?;
    node.mine(args.blocks).await?;
    let height = node
        .client
        .get_block_count()
        .await
        .map_err(|error| node::problem(&error))?;
    let value = json!({ "blocks": args.blocks, "height": height });
    context.output.show(&value, |_| {
        format!("Mined {}; the height is {height}.", args.blocks)
    })
}
