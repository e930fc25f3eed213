//! `sparky mine`: blocks at will, on dev and regtest.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::args::Context;
use crate::dev;
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

/// Waits until the relay has seen the blocks: who mines in order to settle wants to settle next.
async fn follow(context: &Context, height: u32) {
    let Some(url) = context.relay_known() else {
        return;
    };
    for _ in 0..600 {
        let info = dev::ready::info(&url).await.unwrap_or_default();
        if info.pointer("/tip/height").and_then(Value::as_u64) >= Some(height.into()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    context
        .output
        .note("The relay has not followed yet; see: sparky status");
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
    follow(context, height).await;
    let value = json!({ "blocks": args.blocks, "height": height });
    context.output.show(&value, |_| {
        format!("Mined {}; the height is {height}.", args.blocks)
    })
}
