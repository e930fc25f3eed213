//! `sparky prefund`: money for the demo accounts, once.

use anyhow::Result;
use serde::Serialize;
use sparky_protocol::Amount;
use sparky_qtum::{Network, SATOSHI_PER_QTUM};

use crate::args::{Context, Demo};
use crate::money;
use crate::node::{self, Endpoint, Node};
use crate::output::table;
use crate::participant::key;
use crate::problem::Problem;

/// The account that deploys contracts in the original demo.
const DEPLOYER: &str = "qWwbyHadbwKtCTZtTBjwRmv1hW27Bi11bc";

/// What the fees of funding cannot exceed, in satoshi.
const FEES: u64 = 10 * SATOSHI_PER_QTUM;

/// Arguments of `sparky prefund`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    endpoint: Endpoint,
}

/// An account and what it was given.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Funded {
    name: &'static str,
    address: String,
    amount_sat: Amount,
    /// Whether it was given now, or had it already.
    now: bool,
}

#[derive(Serialize)]
struct Page {
    items: Vec<Funded>,
}

/// Funds the accounts and prints them.
///
/// # Errors
/// The node's.
pub async fn run(args: &Args, context: &Context) -> Result<()> {
    let items = fund(&args.endpoint.connect(context)?).await?;
    context.output.show(&Page { items }, |page| {
        let rows: Vec<[String; 4]> = page
            .items
            .iter()
            .map(|one| {
                let when = if one.now { "funded" } else { "had it" };
                [
                    one.name.into(),
                    one.address.clone(),
                    money::qtum(one.amount_sat),
                    when.into(),
                ]
            })
            .collect();
        table(["NAME", "ADDRESS", "AMOUNT", ""], &rows)
    })
}

/// Gives each demo account its money, unless it was ever given it.
///
/// # Errors
/// `demo-key-refused` where coins are worth something, and the node's.
pub async fn fund(node: &Node) -> Result<Vec<Funded>> {
    if !node.is_private().await? {
        let text = "Everybody has the keys of the demo accounts: money sent to them is lost. Nothing was sent.";
        return Err(Problem::new("demo-key-refused", "The demo accounts are public", text).into());
    }
    let node = node.with_wallet().await?;
    let address = |demo: Demo| -> Result<String> {
        let account = key::import(demo.wif(), Network::Regtest)?.account();
        Ok(sparky_qtum::address::encode(&account, Network::Regtest))
    };
    // Several coins each, so that one payment does not wait for the change of another.
    let accounts = [
        ("Alice", address(Demo::Alice)?, 1_000_000, 5),
        ("Bob", address(Demo::Bob)?, 1_000_000, 5),
        ("deployer", DEPLOYER.to_owned(), 1_000, 1),
    ];
    let mut missing = Vec::new();
    for (_, address, qtum, _) in &accounts {
        let received = received(&node, address).await?;
        missing.push((qtum * SATOSHI_PER_QTUM).saturating_sub(received));
    }
    let total: u64 = missing.iter().sum();
    if total > 0 {
        node.enrich(total + FEES).await?;
    }
    let mut funded = Vec::new();
    for ((name, address, qtum, coins), missing) in accounts.into_iter().zip(missing) {
        for _ in 0..if missing > 0 { coins } else { 0 } {
            let sent = node
                .client
                .send_to_address(&address, missing.div_ceil(coins))
                .await;
            sent.map_err(|error| node::problem(&error))?;
        }
        let amount_sat = Amount((qtum * SATOSHI_PER_QTUM).into());
        funded.push(Funded {
            name,
            address,
            amount_sat,
            now: missing > 0,
        });
    }
    if total > 0 {
        node.mine(1).await?;
    }
    Ok(funded)
}

/// All that an address ever received, in satoshi.
async fn received(node: &Node, address: &str) -> Result<u64> {
    let balance = node.client.get_address_balance(&[address]).await;
    let received = balance.map_err(|error| node::problem(&error))?.received;
    Ok(u64::try_from(received).unwrap_or(0))
}
