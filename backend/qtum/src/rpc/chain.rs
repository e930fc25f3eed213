//! Blocks and transactions.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Client, RpcError, param, wire};
use crate::digest::{BlockHash, Txid};
use crate::script::Script;
use crate::tx::{DecodeError, Transaction};

/// The answer to `getblockchaininfo`, as far as we use it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BlockchainInfo {
    /// `main`, `test` or `regtest`.
    pub chain: String,
    /// Height of the newest block.
    pub blocks: u32,
    /// Height of the newest header: higher while the node syncs.
    pub headers: u32,
    /// Hash of the newest block.
    #[serde(rename = "bestblockhash")]
    pub best_block_hash: BlockHash,
    /// Whether the node still loads the chain from others.
    #[serde(rename = "initialblockdownload", default)]
    pub initial_block_download: bool,
}

/// The answer to `getnetworkinfo`, as far as we use it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NetworkInfo {
    /// 270100 is 27.1.
    pub version: u64,
    /// What it calls itself.
    pub subversion: String,
    /// Least fee that it relays, in satoshi for 1,000 bytes.
    #[serde(rename = "relayfee", deserialize_with = "wire::satoshi")]
    pub relay_fee: u64,
}

/// A block header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: u32,
    /// −1 if it is not in the best chain (any more).
    pub confirmations: i64,
    /// Seconds since 1970, by its maker's clock. On regtest it can run ahead of ours.
    pub time: u64,
    /// The block before; `None` for the first.
    #[serde(rename = "previousblockhash", default)]
    pub previous: Option<BlockHash>,
}

/// A block with the ids of its transactions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Block {
    /// Its header.
    #[serde(flatten)]
    pub header: Header,
    /// In order; the first is the reward.
    #[serde(rename = "tx")]
    pub txids: Vec<Txid>,
}

/// A block with its transactions.
#[derive(Clone, Debug, Deserialize)]
pub struct VerboseBlock {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: u32,
    /// −1 if it is not in the best chain (any more).
    pub confirmations: i64,
    /// Seconds since 1970.
    pub time: u64,
    /// The block before; `None` for the first.
    #[serde(rename = "previousblockhash", default)]
    pub previous: Option<BlockHash>,
    /// In order; the first is the reward.
    #[serde(rename = "tx")]
    pub transactions: Vec<RawTransaction>,
}

/// A transaction as `getrawtransaction` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RawTransaction {
    /// Its id.
    pub txid: Txid,
    /// All of it.
    pub hex: String,
    /// The block that holds it; `None` in the mempool.
    #[serde(rename = "blockhash", default)]
    pub block_hash: Option<BlockHash>,
    /// Blocks on top of it, its own included; `None` in the mempool.
    #[serde(default)]
    pub confirmations: Option<u32>,
    /// Its outputs.
    #[serde(rename = "vout")]
    pub outputs: Vec<Output>,
}

impl RawTransaction {
    /// The transaction itself.
    pub fn decode(&self) -> Result<Transaction, DecodeError> {
        Transaction::from_hex(&self.hex)
    }
}

/// An output as the node describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Output {
    /// Satoshi.
    #[serde(deserialize_with = "wire::satoshi")]
    pub value: u64,
    /// Its index.
    pub n: u32,
    /// Whom it pays.
    #[serde(rename = "scriptPubKey")]
    pub script: OutputScript,
}

/// A script as the node describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OutputScript {
    /// The bytes.
    #[serde(rename = "hex")]
    pub script: Script,
    /// What the node takes it for.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The answer to `gettxout`: the reliable oracle for whether a coin is there and how old it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OutputState {
    /// 0 while in the mempool.
    pub confirmations: u32,
    /// Satoshi.
    #[serde(deserialize_with = "wire::satoshi")]
    pub value: u64,
    /// Whom it pays.
    #[serde(rename = "scriptPubKey")]
    pub script: OutputScript,
    /// Whether it is part of a proof-of-work reward. Gas refunds on regtest are.
    pub coinbase: bool,
    /// Whether it is part of a proof-of-stake reward. Gas refunds elsewhere are.
    #[serde(default)]
    pub coinstake: bool,
}

/// How far an index of the node is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct IndexState {
    /// Whether it holds every block.
    pub synced: bool,
}

#[derive(Deserialize)]
struct SmartFee {
    #[serde(
        rename = "feerate",
        default,
        deserialize_with = "wire::optional_satoshi"
    )]
    rate: Option<u64>,
}

#[derive(Deserialize)]
struct MempoolInfo {
    #[serde(
        rename = "mempoolminfee",
        default,
        deserialize_with = "wire::optional_satoshi"
    )]
    least: Option<u64>,
}

impl Client {
    /// Which chain, how high, whether in sync.
    pub async fn get_blockchain_info(&self) -> Result<BlockchainInfo, RpcError> {
        self.call("getblockchaininfo", &[]).await
    }

    /// The node's version and least fee.
    pub async fn get_network_info(&self) -> Result<NetworkInfo, RpcError> {
        self.call("getnetworkinfo", &[]).await
    }

    /// Height of the newest block.
    pub async fn get_block_count(&self) -> Result<u32, RpcError> {
        self.call("getblockcount", &[]).await
    }

    /// Hash of the newest block.
    pub async fn get_best_block_hash(&self) -> Result<BlockHash, RpcError> {
        self.call("getbestblockhash", &[]).await
    }

    /// Hash of the block at `height`; `None` above the tip.
    pub async fn get_block_hash(&self, height: u32) -> Result<Option<BlockHash>, RpcError> {
        found(self.call("getblockhash", &[param(height)]).await)
    }

    /// A header; `None` if the node does not know the block.
    pub async fn get_block_header(&self, hash: &BlockHash) -> Result<Option<Header>, RpcError> {
        found(self.call("getblockheader", &[param(hash)]).await)
    }

    /// A block with the ids of its transactions; `None` if the node does not know it.
    pub async fn get_block(&self, hash: &BlockHash) -> Result<Option<Block>, RpcError> {
        found(self.call("getblock", &[param(hash), param(1)]).await)
    }

    /// A block with its transactions; `None` if the node does not know it.
    pub async fn get_verbose_block(
        &self,
        hash: &BlockHash,
    ) -> Result<Option<VerboseBlock>, RpcError> {
        found(self.call("getblock", &[param(hash), param(2)]).await)
    }

    /// A transaction of the mempool or, with `-txindex`, of a block; `None` if there is none.
    pub async fn get_raw_transaction(
        &self,
        txid: &Txid,
    ) -> Result<Option<RawTransaction>, RpcError> {
        found(
            self.call("getrawtransaction", &[param(txid), param(true)])
                .await,
        )
    }

    /// Hands a signed transaction to the network. Doing it again is harmless while it waits; once it
    /// is mined the answer is [`RpcError::is_already_mined`].
    pub async fn send_raw_transaction(&self, hex: &str) -> Result<Txid, RpcError> {
        self.call("sendrawtransaction", &[param(hex)]).await
    }

    /// An unspent output; `None` if it is spent, by a transaction in the mempool too, or never was.
    pub async fn get_tx_out(
        &self,
        txid: &Txid,
        vout: u32,
    ) -> Result<Option<OutputState>, RpcError> {
        self.call("gettxout", &[param(txid), param(vout), param(true)])
            .await
    }

    /// An output of a block that no block spends, whatever the mempool holds; `None` if there is none.
    pub async fn get_mined_tx_out(
        &self,
        txid: &Txid,
        vout: u32,
    ) -> Result<Option<OutputState>, RpcError> {
        self.call("gettxout", &[param(txid), param(vout), param(false)])
            .await
    }

    /// The node's indexes by name. `txindex` is missing where `-txindex` is not set.
    pub async fn get_index_info(&self) -> Result<BTreeMap<String, IndexState>, RpcError> {
        self.call("getindexinfo", &[]).await
    }

    /// Estimated fee in satoshi for 1,000 bytes; `None` on a quiet chain, where the least suffices.
    pub async fn estimate_smart_fee(&self, blocks: u32) -> Result<Option<u64>, RpcError> {
        Ok(self
            .call::<SmartFee>("estimatesmartfee", &[param(blocks)])
            .await?
            .rate)
    }

    /// What the mempool takes at least, in satoshi for 1,000 bytes: it rises while the mempool is full.
    pub async fn get_mempool_min_fee(&self) -> Result<Option<u64>, RpcError> {
        Ok(self.call::<MempoolInfo>("getmempoolinfo", &[]).await?.least)
    }
}

/// "There is no such thing" is an answer.
fn found<T>(answer: Result<T, RpcError>) -> Result<Option<T>, RpcError> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
