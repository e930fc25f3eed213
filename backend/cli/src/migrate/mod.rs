//! `sparky migrate`: make the world match this code: the database's tables and the contract on chain.

mod deploy;

use anyhow::{Context as _, Result};
use serde::Serialize;
use sparky_protocol::{Account, Hash};
use sparky_qtum::rpc::Receipt;
use sparky_qtum::{Txid, contract};
use sparky_relay::{Chain, Deployment, SecretUrl};

use crate::args::Context;
use crate::node::{self, Endpoint, Node};
use crate::output::{Output, pairs};
use crate::problem::Problem;

/// Arguments of `sparky migrate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    endpoint: Endpoint,
    /// The relay's database; without it, the one in the data folder
    #[arg(long, env = "SPARKY_DATABASE_URL", hide_env_values = true)]
    database_url: Option<SecretUrl>,
    /// Serve a contract that is on the chain already, as a relay's /info names it, instead of deploying one
    #[arg(long, value_name = "ADDRESS", requires = "height")]
    contract: Option<Account>,
    /// The block that created that contract
    #[arg(long, requires = "contract")]
    height: Option<u32>,
    /// Give up a deployment that was begun and never comes, because its coins were spent for something else,
    /// and pay for a new one
    #[arg(long, value_name = "TXID", conflicts_with = "contract")]
    abandon: Option<Txid>,
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

/// Which contract the database is to know.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// The one that it knows, else a new one.
    Own,
    /// One that is on the chain already, and the block that created it.
    Joined { contract: Account, height: u32 },
    /// A new one instead of a deployment that was begun and never comes.
    InsteadOf(Txid),
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
    let node = args.endpoint.connect(context)?;
    let wanted = match (args.contract.zip(args.height), args.abandon) {
        (Some((contract, height)), _) => Wanted::Joined { contract, height },
        (None, Some(txid)) => Wanted::InsteadOf(txid),
        (None, None) => Wanted::Own,
    };
    let migrated = apply(&database, &node, context.chain(), wanted, context.output).await?;
    if args.restored {
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

/// Applies the SQL migrations and deploys the contract, unless it is there. Two at once deploy once.
///
/// # Errors
/// The database's and the node's; `wrong-network` when node, database and network do not belong
/// together; `contract-missing` where a second contract would be a mistake; `contract-reverted` when the
/// deployment fails; `not-found`, `chain-behind` and `tx-not-confirming` when what is to be given up was not
/// begun, or may still come.
pub async fn apply(
    database: &SecretUrl,
    node: &Node,
    chain: Chain,
    wanted: Wanted,
    output: Output,
) -> Result<Migrated> {
    same_chain(node, chain).await?;
    sparky_relay::migrate(database.expose())
        .await
        .context("the SQL migrations")?;
    let _turn = sparky_relay::take_turn(database.expose()).await?;
    let known = sparky_relay::deployment(database.expose()).await?;
    if let Some(known) = &known {
        same_database(&known.network, chain)?;
    }
    match wanted {
        Wanted::Own => {}
        Wanted::Joined { contract, height } => {
            let deployment = join(node, chain, contract, height).await?;
            sparky_relay::set_deployment(database.expose(), &deployment).await?;
            return Ok(told(&deployment, chain, false));
        }
        Wanted::InsteadOf(txid) => deploy::abandon(database, node, chain, txid, output).await?,
    }
    if let Some(known) = known {
        if is_there(node, &known).await? {
            return Ok(told(&known, chain, false));
        }
        // A private chain may have begun anew. On a public one it is the node that does not know yet.
        if !chain.is_private() {
            let text = format!(
                "The database knows the contract {} of block {}, and this node does not have it. Nothing was deployed. \
                 Wait until the node has synchronised, or name another one.",
                known.contract, known.height
            );
            return Err(Problem::new("contract-missing", "No second contract", text).into());
        }
    }
    let deployment = deploy::deploy(database, node, chain, output).await?;
    sparky_relay::set_deployment(database.expose(), &deployment).await?;
    Ok(told(&deployment, chain, true))
}

fn told(deployment: &Deployment, chain: Chain, deployed: bool) -> Migrated {
    Migrated {
        network: chain.name(),
        contract: deployment.contract,
        height: deployment.height,
        deployed,
    }
}

/// A contract on the wrong chain costs money and serves nobody.
async fn same_chain(node: &Node, chain: Chain) -> Result<()> {
    let info = node.client.get_blockchain_info().await;
    let found = info.map_err(|error| node::problem(&error))?.chain;
    let wanted = chain.network().rpc_chain();
    if found == wanted {
        return Ok(());
    }
    let text = format!(
        "The node follows the chain {found}, and {} is {wanted}. Nothing was changed. Name another node \
         (SPARKY_QTUM_RPC_URL) or another network (SPARKY_NETWORK).",
        chain.name()
    );
    Err(Problem::new("wrong-network", "Wrong network", text).into())
}

fn same_database(network: &str, chain: Chain) -> Result<()> {
    if network == chain.name() {
        return Ok(());
    }
    let text = format!(
        "The database belongs to {network}, not to {}. Nothing was changed. Use a database of its own for each network.",
        chain.name()
    );
    Err(Problem::new("wrong-network", "Wrong network", text).into())
}

async fn is_there(node: &Node, known: &Deployment) -> Result<bool> {
    let code = code_at(node, &known.contract).await?;
    Ok(code.is_some_and(|hash| hash == known.code_hash))
}

/// The hash of our contract's code at an address, if that is what is there.
async fn code_at(node: &Node, contract: &Account) -> Result<Option<Hash>> {
    let code = node.client.get_code(contract).await;
    let code = code.map_err(|error| node::problem(&error))?;
    Ok(code
        .filter(|code| contract::is_channel_contract(code))
        .map(|code| Hash::sha256(&code)))
}

/// Someone else's deployment, looked at before it is believed: our code, made in that block. From there
/// on the relay reads, and a later block would hide channels.
async fn join(node: &Node, chain: Chain, contract: Account, height: u32) -> Result<Deployment> {
    let refuse = |text: String| Problem::new("not-our-contract", "Nothing was changed", text);
    let Some(code_hash) = code_at(node, &contract).await? else {
        let text = format!("{contract} does not hold the contract of this program on this chain.");
        return Err(refuse(text).into());
    };
    let made_there = async {
        let Some(hash) = node.client.get_block_hash(height).await? else {
            return Ok(false);
        };
        let block = node.client.get_block(&hash).await?;
        for txid in block.map(|block| block.txids).unwrap_or_default() {
            let receipts = node.client.get_transaction_receipt(&txid).await?;
            let makes = |one: &Receipt| one.to == Account::ZERO && one.contract_address == contract;
            if receipts.iter().any(makes) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    if !made_there.await.map_err(|error| node::problem(&error))? {
        let text = format!(
            "Block {height} did not create {contract}. A relay that serves it tells the block as contractHeight in \
             /api/v1/info."
        );
        return Err(refuse(text).into());
    }
    Ok(Deployment {
        network: chain.name().into(),
        contract,
        code_hash,
        height,
    })
}
