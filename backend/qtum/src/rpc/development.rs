//! What only the embedded development chain can do.

use serde::de::IgnoredAny;

use super::{Client, RpcError, param, qtum};
use crate::digest::{BlockHash, Txid};

impl Client {
    /// Mines blocks at once.
    pub async fn dev_mine(&self, blocks: u32) -> Result<Vec<BlockHash>, RpcError> {
        self.call_slowly("dev_mine", &[param(blocks)]).await
    }

    /// Gives satoshi to an address.
    pub async fn dev_faucet(&self, address: &str, value: u64) -> Result<Txid, RpcError> {
        self.call("dev_faucet", &[param(address), qtum(value)])
            .await
    }

    /// Whether a block is mined whenever a transaction arrives.
    pub async fn dev_automine(&self, enabled: bool) -> Result<(), RpcError> {
        self.call::<IgnoredAny>("dev_automine", &[param(enabled)])
            .await
            .map(drop)
    }

    /// Keeps contract calls out of the next blocks, as an attacker could.
    pub async fn dev_withhold(&self, blocks: u32) -> Result<(), RpcError> {
        self.call::<IgnoredAny>("dev_withhold", &[param(blocks)])
            .await
            .map(drop)
    }

    /// Takes a block and all behind it out of the best chain. Regtest nodes can do this too.
    pub async fn invalidate_block(&self, hash: &BlockHash) -> Result<(), RpcError> {
        self.call::<IgnoredAny>("invalidateblock", &[param(hash)])
            .await
            .map(drop)
    }
}
