//! The Qtum node behind `migrate`, `prefund`, `mine` and `doctor`: whichever one the URL names.

use anyhow::Result;
use sparky_qtum::rpc::{Client, RpcError};

use crate::args::Context;
use crate::dev;
use crate::problem::Problem;

/// The wallet that we make in a node that has none.
const WALLET: &str = "sparky";
/// Blocks after which a first reward can be spent, and some more of them.
const BLOCKS_TO_FUND: u32 = 2_101;

/// Which node.
#[derive(Clone, Debug, clap::Args)]
pub struct Endpoint {
    /// The node's RPC with user and password; without it, the chain of the running `sparky dev`
    #[arg(
        long,
        env = "SPARKY_QTUM_RPC_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub rpc_url: Option<String>,
}

impl Endpoint {
    /// The node: the one named, else that of the running `sparky dev`, else the default port.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn connect(&self, context: &Context) -> Result<Node> {
        Node::new(&self.url(context))
    }

    /// Where that node is.
    pub fn url(&self, context: &Context) -> String {
        let named = self.rpc_url.clone().or_else(|| {
            dev::instance::running(&context.data)
                .ok()
                .flatten()
                .map(|instance| instance.rpc_url)
        });
        named.unwrap_or_else(|| "http://qtum:test@127.0.0.1:13889".into())
    }
}

/// A node with a wallet that we may use.
#[derive(Clone, Debug)]
pub struct Node {
    /// The connection.
    pub client: Client,
}

impl Node {
    /// The node at `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self {
            client: Client::new(url).map_err(|error| problem(&error))?,
        })
    }

    /// The same node, asked for a wallet that is loaded; made when there is none.
    ///
    /// # Errors
    /// The node's.
    pub async fn with_wallet(&self) -> Result<Self> {
        let wallets = self
            .client
            .list_wallets()
            .await
            .map_err(|error| problem(&error))?;
        let client = match &wallets[..] {
            [] => {
                self.client
                    .ensure_wallet(WALLET)
                    .await
                    .map_err(|error| problem(&error))?;
                self.client.clone()
            }
            [_] => self.client.clone(),
            [first, ..] => {
                let name = wallets.iter().find(|name| *name == WALLET).unwrap_or(first);
                self.client.for_wallet(name)
            }
        };
        Ok(Self { client })
    }

    /// Whether blocks can be made at will.
    ///
    /// # Errors
    /// The node's.
    pub async fn is_private(&self) -> Result<bool> {
        Ok(self
            .client
            .get_blockchain_info()
            .await
            .map_err(|error| problem(&error))?
            .chain
            == "regtest")
    }

    /// Mines blocks whose reward goes to the node's wallet.
    ///
    /// # Errors
    /// `mining-not-possible` where blocks cost work or stake, and the node's.
    pub async fn mine(&self, blocks: u32) -> Result<()> {
        if !self.is_private().await? {
            let text = "Blocks can be made at will on dev and regtest only.";
            return Err(Problem::new("mining-not-possible", "This is a public chain", text).into());
        }
        self.with_wallet().await?.earn(blocks).await
    }

    /// Mines blocks whose reward goes to the node's wallet.
    async fn earn(&self, blocks: u32) -> Result<()> {
        let mine = async {
            let address = self.client.get_new_address().await?;
            self.client.generate_to_address(blocks, &address).await
        };
        mine.await.map_err(|error| problem(&error))?;
        Ok(())
    }

    /// Makes sure that the wallet of a private chain has this many satoshi; does nothing on a public one.
    ///
    /// # Errors
    /// The node's.
    pub async fn enrich(&self, satoshi: u64) -> Result<()> {
        let balance = self
            .client
            .get_balance()
            .await
            .map_err(|error| problem(&error))?;
        if balance < satoshi && self.is_private().await? {
            self.earn(BLOCKS_TO_FUND).await?;
        }
        Ok(())
    }
}

/// What a node said, as people and programs read it.
pub fn problem(error: &RpcError) -> Problem {
    let text = format!("{error}. {}", error.what_to_do());
    let problem = Problem::new(error.code(), "The Qtum node", text);
    if error.is_temporary() {
        problem.retryable()
    } else {
        problem
    }
}
