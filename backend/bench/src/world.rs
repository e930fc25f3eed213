//! A chain with the contract on it, and databases that belong to it.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use sparky_protocol::{Account, Domain, Hash};
use sparky_qtum::{Network, contract, rpc::Client, script::Gas};
use sparky_relay::{Deployment, migrate, set_deployment};
use tempfile::TempDir;

/// The embedded chain and a folder for everything that is thrown away afterwards.
pub(crate) struct World {
    chain: sparky_devchain::Handle,
    pub(crate) deployment: Deployment,
    folder: TempDir,
}

impl World {
    /// Its folder is made in `place`.
    pub(crate) async fn new(place: &Path) -> anyhow::Result<Self> {
        let chain = sparky_devchain::spawn(sparky_devchain::Config::default()).await?;
        let node = Client::new(chain.rpc_url())?;
        let deployment = deploy(&node).await?;
        // What was deposited in the contract's block counts from here on.
        node.dev_mine(3).await?;
        std::fs::create_dir_all(place)?;
        let folder = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(place)?;
        Ok(Self {
            chain,
            deployment,
            folder,
        })
    }

    pub(crate) fn node_url(&self) -> &str {
        self.chain.rpc_url()
    }

    /// Where signatures of this world count.
    pub(crate) fn domain(&self) -> Domain {
        Domain {
            chain_id: Network::Regtest.chain_id(),
            contract: self.contract(),
        }
    }

    pub(crate) fn contract(&self) -> Account {
        self.deployment.contract
    }

    /// A new SQLite file with schema and deployment.
    pub(crate) async fn sqlite(&self, name: &str) -> anyhow::Result<String> {
        let file = self.folder.path().join(format!("{name}.sqlite"));
        let url = format!("sqlite://{}?mode=rwc", file.display());
        self.prepare(&url).await?;
        Ok(url)
    }

    /// Gives an empty database schema and deployment.
    pub(crate) async fn prepare(&self, url: &str) -> anyhow::Result<()> {
        migrate(url).await?;
        set_deployment(url, &self.deployment).await
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The contract, deployed by the node's wallet.
async fn deploy(node: &Client) -> anyhow::Result<Deployment> {
    let gas = Gas {
        limit: contract::DEPLOY_GAS_LIMIT,
        price: 40,
    };
    let created = node
        .create_contract(&contract::deployment(10, 100_000), gas, None)
        .await?;
    for _ in 0..1_000 {
        let Some(receipt) = node.get_transaction_receipt(&created.txid).await?.pop() else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        ensure!(receipt.succeeded(), "the contract was not created");
        let code = node
            .get_code(&receipt.contract_address)
            .await?
            .context("the chain lost the contract")?;
        return Ok(Deployment {
            network: "dev".into(),
            contract: receipt.contract_address,
            code_hash: Hash::sha256(&code),
            height: receipt.block_number,
        });
    }
    anyhow::bail!("the contract was never mined")
}
