//! `sparky migrate`: make the world match this code: the database's tables and the contract on chain.

use anyhow::{Context as _, Result};
use serde::Serialize;
use sparky_protocol::{Account, Hash};
use sparky_qtum::SATOSHI_PER_QTUM;
use sparky_qtum::contract;
use sparky_qtum::script::Gas;
use sparky_relay::{Chain, Deployment, SecretUrl};

use crate::args::Context;
use crate::node::{self, Endpoint, Node};
use crate::output::pairs;
use crate::problem::Problem;

/// The longest finalization period that a channel may have, in blocks.
const MAX_WINDOW: u32 = 100_000;
/// The shortest finalization period that a contract of ours takes anywhere, in blocks.
const LEAST_WINDOW: u32 = 10;
/// More than deploying can cost, in satoshi.
const FEE_AT_MOST: u64 = 10 * SATOSHI_PER_QTUM;
/// What deploying pays per gas, in satoshi: the network's least.
const GAS_PRICE: u64 = 40;

/// Arguments of `sparky migrate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    endpoint: Endpoint,
    /// The relay's database; without it, the one in the data folder
    #[arg(long, env = "SPARKY_DATABASE_URL", hide_env_values = true)]
    database_url: Option<SecretUrl>,
    /// The database was restored from an older copy: begin a new epoch, so that clients bring what it
    /// has forgotten and those without a memory do not take its word alone
    #[arg(long)]
    restored: bool,
}

/// What is there now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Migrated {
    /// The chain.
    pub network: &'static str,
    /// Where the contract lives.
    pub contract: Account,
    /// The block that created it.
    pub height: u32,
    /// Whether it was deployed now.
    pub deployed: bool,
}

/// Applies what is missing and prints the addresses.
///
/// # Errors
/// The database's and the node's.
pub async fn run(args: &Args, context: &Context) -> Result<()> {
    let database = args
        .database_url
        .clone()
        .unwrap_or_else(|| database_in(&context.data));
    let migrated = apply(&database, &args.endpoint.connect(context)?, context.chain()).await?;
    if args.restored {
        let node = args.endpoint.connect(context)?;
        let height = node.client.get_block_count().await;
        let height = height.map_err(|error| node::problem(&error))?;
        sparky_relay::declare_restored(database.expose(), height).await?;
    }
    context.output.show(&migrated, |migrated| {
        let what = if migrated.deployed {
            "deployed now"
        } else {
            "already there"
        };
        pairs(&[
            ("database", database.to_string()),
            ("network", migrated.network.into()),
            (
                "contract",
                format!("{} ({what}, block {})", migrated.contract, migrated.height),
            ),
        ])
    })
}

/// The relay's database in a data folder.
pub fn database_in(data: &std::path::Path) -> SecretUrl {
    SecretUrl::from(format!(
        "sqlite://{}?mode=rwc",
        data.join("relay.sqlite").display()
    ))
}

/// Applies the SQL migrations and deploys the contract, unless it is there.
///
/// # Errors
/// The database's and the node's; `contract-reverted` when the deployment fails.
pub async fn apply(database: &SecretUrl, node: &Node, chain: Chain) -> Result<Migrated> {
    sparky_relay::migrate(database.expose())
        .await
        .context("the SQL migrations")?;
    let known = sparky_relay::deployment(database.expose()).await?;
    if let Some(known) = known.filter(|known| known.network == chain.name())
        && is_there(node, &known).await?
    {
        return Ok(Migrated {
            network: chain.name(),
            contract: known.contract,
            height: known.height,
            deployed: false,
        });
    }
    let deployment = deploy(node, chain).await?;
    sparky_relay::set_deployment(database.expose(), &deployment).await?;
    Ok(Migrated {
        network: chain.name(),
        contract: deployment.contract,
        height: deployment.height,
        deployed: true,
    })
}

async fn is_there(node: &Node, known: &Deployment) -> Result<bool> {
    let code = node
        .client
        .get_code(&known.contract)
        .await
        .map_err(|error| node::problem(&error))?;
    Ok(code.is_some_and(|code| {
        contract::is_channel_contract(&code) && Hash::sha256(&code) == known.code_hash
    }))
}

async fn deploy(node: &Node, chain: Chain) -> Result<Deployment> {
    let node = node.with_wallet().await?;
    node.enrich(FEE_AT_MOST).await?;
    let min_window = chain.min_window().max(LEAST_WINDOW);
    let gas = Gas {
        limit: contract::DEPLOY_GAS_LIMIT,
        price: GAS_PRICE,
    };
    let code = contract::deployment(min_window, MAX_WINDOW);
    let created = node
        .client
        .create_contract(&code, gas, None)
        .await
        .map_err(|error| node::problem(&error))?;
    let receipts = node.confirm(&created.txid).await?;
    let receipt = receipts.first().context("the deployment has no receipt")?;
    if !receipt.succeeded() {
        let text = format!(
            "Deployment {} failed: {} {}",
            created.txid, receipt.excepted, receipt.excepted_message
        );
        return Err(
            Problem::new("contract-reverted", "The contract was not deployed", text).into(),
        );
    }
    let code = node
        .client
        .get_code(&receipt.contract_address)
        .await
        .map_err(|error| node::problem(&error))?;
    let code = code
        .filter(|code| contract::is_channel_contract(code))
        .context("the deployed code is not our contract's")?;
    Ok(Deployment {
        network: chain.name().into(),
        contract: receipt.contract_address,
        code_hash: Hash::sha256(&code),
        height: receipt.block_number,
    })
}
