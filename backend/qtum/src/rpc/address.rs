//! The address index (`-addrindex`). It knows blocks, hardly the mempool, and nothing of maturity.

use serde::{Deserialize, Serialize};

use super::{Client, RpcError, param};
use crate::digest::Txid;
use crate::script::Script;

/// A confirmed output of an address. It may be spent in the mempool, and too young.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressUtxo {
    /// The address.
    pub address: String,
    /// The transaction.
    pub txid: Txid,
    /// Which of its outputs.
    pub output_index: u32,
    /// P2PKH or, for stakers, P2PK.
    pub script: Script,
    /// Satoshi.
    pub satoshis: u64,
    /// The block that holds it.
    pub height: u32,
}

/// Sums of an address in satoshi. `immature` is wrong on proof-of-work chains and can be negative: the
/// index takes the second transaction of each block for the reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct AddressBalance {
    /// Received less spent, in blocks.
    pub balance: i64,
    /// Received in all.
    pub received: i64,
    /// Do not use.
    pub immature: i64,
}

/// A change of an address by a transaction in the mempool. Rows of replaced transactions stay for a
/// while: ask `gettxout` about each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MempoolDelta {
    /// The address.
    pub address: String,
    /// The transaction.
    pub txid: Txid,
    /// Index of the output, or of the input if `satoshis` is negative.
    pub index: u32,
    /// Satoshi; negative: spent.
    pub satoshis: i64,
}

#[derive(Serialize)]
struct Addresses<'a> {
    addresses: &'a [&'a str],
}

impl Client {
    /// Confirmed outputs of addresses.
    pub async fn get_address_utxos(
        &self,
        addresses: &[&str],
    ) -> Result<Vec<AddressUtxo>, RpcError> {
        self.call("getaddressutxos", &[param(Addresses { addresses })])
            .await
    }

    /// Sums of addresses.
    pub async fn get_address_balance(
        &self,
        addresses: &[&str],
    ) -> Result<AddressBalance, RpcError> {
        self.call("getaddressbalance", &[param(Addresses { addresses })])
            .await
    }

    /// What the mempool changes for addresses.
    pub async fn get_address_mempool(
        &self,
        addresses: &[&str],
    ) -> Result<Vec<MempoolDelta>, RpcError> {
        self.call("getaddressmempool", &[param(Addresses { addresses })])
            .await
    }
}
