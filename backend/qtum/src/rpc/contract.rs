//! Contracts: receipts, logs, trial calls.

use serde::{Deserialize, Serialize};
use sparky_protocol::{Account, Hash};

use super::{Client, RpcError, param, qtum, wire};
use crate::digest::{BlockHash, Txid};

/// What a contract output of a mined transaction did. A transaction has one for each such output.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The block that holds it. After a reorganisation the receipt vanishes and may come back with
    /// another hash.
    pub block_hash: BlockHash,
    /// Height of that block.
    pub block_number: u32,
    /// The transaction.
    pub transaction_hash: Txid,
    /// Its position in the block.
    pub transaction_index: u32,
    /// The output's index in the transaction.
    pub output_index: u32,
    /// The sender.
    #[serde(deserialize_with = "wire::account")]
    pub from: Account,
    /// The contract called; zero for a deployment.
    #[serde(deserialize_with = "wire::account")]
    pub to: Account,
    /// Gas used. What remains of the limit comes back in the block's reward.
    pub gas_used: u64,
    /// The contract that ran or was made; zero if there is none.
    #[serde(deserialize_with = "wire::account")]
    pub contract_address: Account,
    /// `None`, or the kind of failure: `Revert`, `OutOfGas`, … A failed call is mined all the same, its
    /// value comes back.
    pub excepted: String,
    /// The text of `require`; empty for custom errors.
    #[serde(default)]
    pub excepted_message: String,
    /// What the contracts said, in order.
    #[serde(rename = "log")]
    pub logs: Vec<LogEntry>,
}

impl Receipt {
    /// Whether the call did what it should.
    pub fn succeeded(&self) -> bool {
        self.excepted == "None"
    }
}

/// One log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LogEntry {
    /// The contract that wrote it.
    #[serde(deserialize_with = "wire::account")]
    pub address: Account,
    /// Kind and indexed values.
    #[serde(deserialize_with = "wire::words")]
    pub topics: Vec<Hash>,
    /// The other values.
    #[serde(deserialize_with = "wire::bytes")]
    pub data: Vec<u8>,
}

/// A trial call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRequest<'a> {
    /// Whom to call.
    pub contract: &'a Account,
    /// With what. Must not be empty: qtumd refuses that.
    pub data: &'a [u8],
    /// As whom; nobody in particular if `None`.
    pub sender: Option<&'a Account>,
    /// Most gas; that of a block if `None`.
    pub gas_limit: Option<u64>,
    /// Satoshi that go with it.
    pub value: u64,
}

/// The answer to a trial call. It ran on top of the newest block, as if in the next one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallOutcome {
    /// How it went.
    pub execution_result: Execution,
}

/// How a call went.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Gas used, refunds already deducted.
    pub gas_used: u64,
    /// Gas refunded for cleared storage. A limit must hold this too.
    #[serde(default)]
    pub gas_refunded: u64,
    /// `None`, or the kind of failure.
    pub excepted: String,
    /// The text of `require`; empty for custom errors.
    #[serde(default)]
    pub excepted_message: String,
    /// What it returned or reverted with.
    #[serde(deserialize_with = "wire::bytes")]
    pub output: Vec<u8>,
}

impl Execution {
    /// Whether the call did what it should.
    pub fn succeeded(&self) -> bool {
        self.excepted == "None"
    }
}

/// The answer to `getdgpinfo`: what Qtum's governance contracts say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct DgpInfo {
    /// Bytes.
    #[serde(rename = "maxblocksize")]
    pub max_block_size: u64,
    /// Satoshi for one gas.
    #[serde(rename = "mingasprice")]
    pub min_gas_price: u64,
    /// Gas in one block.
    #[serde(rename = "blockgaslimit")]
    pub block_gas_limit: u64,
}

#[derive(Serialize)]
struct Addresses {
    addresses: Vec<String>,
}

#[derive(Deserialize)]
struct AccountInfo {
    #[serde(deserialize_with = "wire::bytes")]
    code: Vec<u8>,
}

impl Client {
    /// The receipts of a transaction, one for each contract output; none while it waits.
    pub async fn get_transaction_receipt(&self, txid: &Txid) -> Result<Vec<Receipt>, RpcError> {
        self.call("gettransactionreceipt", &[param(txid)]).await
    }

    /// Receipts of the blocks `from..=to` whose transactions hold a log of `contract`.
    ///
    /// qtumd returns them whole, logs of other contracts included, and joins topics by "or": so none
    /// are sent, and the caller filters. It refuses a range of 0 to 0.
    pub async fn search_logs(
        &self,
        from: u32,
        to: u32,
        contract: &Account,
    ) -> Result<Vec<Receipt>, RpcError> {
        let addresses = Addresses {
            addresses: vec![hex::encode(contract.0)],
        };
        self.call("searchlogs", &[param(from), param(to), param(addresses)])
            .await
    }

    /// Tries a call without a transaction. A revert is not an error but [`Execution::excepted`].
    pub async fn call_contract(&self, request: &CallRequest<'_>) -> Result<Execution, RpcError> {
        let mut params = vec![
            param(hex::encode(request.contract.0)),
            param(hex::encode(request.data)),
        ];
        let (gas, value) = (request.gas_limit, request.value);
        if request.sender.is_some() || gas.is_some() || value != 0 {
            // qtumd's own default sender.
            let sender = request.sender.map_or([0xff; 20], |sender| sender.0);
            params.push(param(hex::encode(sender)));
        }
        if gas.is_some() || value != 0 {
            // Its own default is one below the block's limit.
            params.push(param(gas.unwrap_or(39_999_999)));
        }
        if value != 0 {
            params.push(qtum(value));
        }
        Ok(self
            .call::<CallOutcome>("callcontract", &params)
            .await?
            .execution_result)
    }

    /// The code of a contract; `None` if there is no contract at this address.
    pub async fn get_code(&self, contract: &Account) -> Result<Option<Vec<u8>>, RpcError> {
        match self
            .call::<AccountInfo>("getaccountinfo", &[param(hex::encode(contract.0))])
            .await
        {
            Ok(info) => Ok(Some(info.code)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gas price and limits of the chain.
    pub async fn get_dgp_info(&self) -> Result<DgpInfo, RpcError> {
        self.call("getdgpinfo", &[]).await
    }
}
