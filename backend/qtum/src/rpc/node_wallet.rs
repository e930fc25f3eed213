//! The node's own wallet: who pays for deployments, demo money and the watchtower's calls, so that no
//! process of ours holds a key.

use serde::Deserialize;
use sparky_protocol::Account;

use super::{Client, RpcError, param, qtum, wire};
use crate::digest::{BlockHash, Txid};
use crate::script::Gas;

/// A transaction that the node's wallet made to call a contract.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SentCall {
    /// Its id.
    pub txid: Txid,
    /// The sender's address.
    pub sender: String,
    /// The sender's account.
    #[serde(deserialize_with = "wire::account")]
    pub hash160: Account,
}

/// A transaction that the node's wallet made to deploy a contract.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CreatedContract {
    /// Its id.
    pub txid: Txid,
    /// The sender's address.
    pub sender: String,
    /// Where the contract will be once it is mined.
    #[serde(deserialize_with = "wire::account")]
    pub address: Account,
}

/// A call to be made by the node's wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractSend<'a> {
    /// Whom to call.
    pub contract: &'a Account,
    /// With what.
    pub data: &'a [u8],
    /// Satoshi that go with it.
    pub value: u64,
    /// Limit and price; qtumd refuses a price above 100 satoshi.
    pub gas: Gas,
    /// Address of the wallet that calls; one of its choice if `None`.
    pub sender: Option<&'a str>,
}

#[derive(Deserialize)]
struct WalletName {
    #[serde(default)]
    name: String,
}

impl Client {
    /// Makes a new wallet in the node and returns its name.
    pub async fn create_wallet(&self, name: &str) -> Result<String, RpcError> {
        Ok(self
            .call_slowly::<WalletName>("createwallet", &[param(name)])
            .await?
            .name)
    }

    /// Loads a wallet of the node and returns its name.
    pub async fn load_wallet(&self, name: &str) -> Result<String, RpcError> {
        Ok(self
            .call_slowly::<WalletName>("loadwallet", &[param(name)])
            .await?
            .name)
    }

    /// Names of the loaded wallets.
    pub async fn list_wallets(&self) -> Result<Vec<String>, RpcError> {
        self.call("listwallets", &[]).await
    }

    /// Makes sure that wallet `name` exists and is loaded: loads it, or makes it if there is none.
    pub async fn ensure_wallet(&self, name: &str) -> Result<(), RpcError> {
        const WALLET_NOT_FOUND: i64 = -18;
        if self
            .list_wallets()
            .await?
            .iter()
            .any(|loaded| loaded == name)
        {
            return Ok(());
        }
        match self.load_wallet(name).await {
            Ok(_) => Ok(()),
            Err(RpcError::Rejected {
                code: WALLET_NOT_FOUND,
                ..
            }) => self.create_wallet(name).await.map(drop),
            Err(error) => Err(error),
        }
    }

    /// A fresh address of the wallet, in base58.
    pub async fn get_new_address(&self) -> Result<String, RpcError> {
        self.call("getnewaddress", &[]).await
    }

    /// What the wallet can spend, in satoshi.
    pub async fn get_balance(&self) -> Result<u64, RpcError> {
        Ok(self.call::<wire::Satoshi>("getbalance", &[]).await?.0)
    }

    /// Pays satoshi from the wallet to an address.
    pub async fn send_to_address(&self, address: &str, value: u64) -> Result<Txid, RpcError> {
        self.call("sendtoaddress", &[param(address), qtum(value)])
            .await
    }

    /// Calls a contract from the wallet.
    pub async fn send_to_contract(&self, send: &ContractSend<'_>) -> Result<SentCall, RpcError> {
        let mut params = vec![
            param(hex::encode(send.contract.0)),
            param(hex::encode(send.data)),
            qtum(send.value),
            param(send.gas.limit),
            qtum(send.gas.price),
        ];
        params.extend(send.sender.map(param));
        self.call("sendtocontract", &params).await
    }

    /// Deploys a contract from the wallet.
    pub async fn create_contract(
        &self,
        code: &[u8],
        gas: Gas,
        sender: Option<&str>,
    ) -> Result<CreatedContract, RpcError> {
        let mut params = vec![param(hex::encode(code)), param(gas.limit), qtum(gas.price)];
        params.extend(sender.map(param));
        self.call("createcontract", &params).await
    }

    /// Mines blocks on a chain that allows it; the reward goes to the address.
    pub async fn generate_to_address(
        &self,
        blocks: u32,
        address: &str,
    ) -> Result<Vec<BlockHash>, RpcError> {
        self.call_slowly("generatetoaddress", &[param(blocks), param(address)])
            .await
    }
}
