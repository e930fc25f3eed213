//! What can be wrong with a node, asked for in one go: for whoever operates it.

use super::{Client, RpcError};
use crate::network::{BLOCK_SECONDS, Network};

/// Blocks that a node may lack before it is said to be behind.
const LAG: u32 = 2;
/// A newest block older than so many average block times means that the node hears of no new ones.
const OLD_BLOCKS: u64 = 100;
/// Any valid account: only the kind of the answer matters.
const ANYBODY: sparky_protocol::Account = sparky_protocol::Account([1; 20]);

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub part: &'static str,
    /// How it is; or what happened, whether money is safe, and what to do.
    pub result: Result<String, String>,
}

const SAFE: &str = "Payments in channels go on and money in them is safe; opening, closing and the watchtower wait.";

impl Client {
    /// Looks at everything that a node of ours needs: that it answers, follows `network`, is not behind at
    /// `now` (seconds since 1970), and keeps the indexes. Ends at the first question without an answer.
    pub async fn examine(&self, network: Network, now: u64) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut tell = |part, result| findings.push(Finding { part, result });
        let chain = match self.get_blockchain_info().await {
            Ok(chain) => chain,
            Err(cause) => {
                tell("node", Err(trouble(&cause)));
                return findings;
            }
        };
        tell("node", Ok(format!("answers, at height {}", chain.blocks)));
        let right = network.rpc_chain();
        tell(
            "chain",
            if chain.chain == right {
                Ok(format!("it follows {network}"))
            } else {
                Err(format!(
                    "The node follows the chain {:?}, and this is {network} ({right:?}). Nothing was sent. Name another node, or \
                     another network.",
                    chain.chain
                ))
            },
        );
        let behind = chain.headers.saturating_sub(chain.blocks);
        let is_syncing = chain.initial_block_download && !network.is_play_money();
        let in_sync = if LAG < behind || is_syncing {
            Err(format!(
                "The node is syncing: {} of {} blocks. {SAFE} Wait for it.",
                chain.blocks, chain.headers
            ))
        } else {
            self.youth(network, now, &chain.best_block_hash).await
        };
        tell("in sync", in_sync);
        tell("transaction index", self.has_transactions().await);
        tell(
            "address index",
            flag(
                "-addrindex",
                self.get_address_utxos(&[&crate::address::encode(&ANYBODY, network)])
                    .await
                    .map(drop),
            ),
        );
        let height = chain.blocks.max(1);
        tell(
            "event index",
            flag(
                "-logevents",
                self.search_logs(height, height, &ANYBODY).await.map(drop),
            ),
        );
        findings
    }

    /// Whether the newest block is young enough to be the network's newest. Where blocks are made at will
    /// it may be of any age.
    async fn youth(
        &self,
        network: Network,
        now: u64,
        best: &crate::BlockHash,
    ) -> Result<String, String> {
        let header = self.get_block_header(best).await;
        let time = header
            .map_err(|cause| trouble(&cause))?
            .map_or(now, |header| header.time);
        let age = now.saturating_sub(time);
        if OLD_BLOCKS * u64::from(BLOCK_SECONDS) < age && !network.is_play_money() {
            return Err(format!(
                "The node's newest block is {} minutes old: it hears of no new ones. {SAFE} Check its peers (getpeerinfo) and \
                 this machine's clock.",
                age / 60
            ));
        }
        Ok("the newest block is young".to_owned())
    }

    async fn has_transactions(&self) -> Result<String, String> {
        match self.get_index_info().await {
            Ok(indexes) => match indexes.get("txindex") {
                Some(index) if index.synced => Ok("-txindex is on".to_owned()),
                Some(_) => Err(format!("The node builds its -txindex. {SAFE} Wait for it.")),
                None => Err(trouble(&RpcError::MissingIndex { flag: "-txindex" })),
            },
            Err(cause) => Err(trouble(&cause)),
        }
    }
}

fn flag(flag: &str, answer: Result<(), RpcError>) -> Result<String, String> {
    answer
        .map(|()| format!("{flag} is on"))
        .map_err(|cause| trouble(&cause))
}

/// What happened, whether money is safe, what to do.
fn trouble(cause: &RpcError) -> String {
    let what = cause.to_string();
    let mut letters = what.chars();
    let what: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect();
    format!(
        "{}. {SAFE} {}",
        what.trim_end_matches('.'),
        cause.what_to_do()
    )
}
