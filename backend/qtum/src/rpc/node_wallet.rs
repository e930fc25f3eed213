//! The node's own wallet: who pays for deployments, demo money and the watchtower's calls, so that no
//! process of ours holds a key.

use serde::Deserialize;
use serde_json::Value;
use sparky_protocol::Account;

use super::{Client, RpcError, param, qtum, wire};
use crate::digest::{BlockHash, Txid};
use crate::script::{Gas, Script};
use crate::tx::Transaction;
use crate::wallet::Utxo;

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

/// A transaction that the wallet signed and did not send.
#[derive(Debug, Deserialize)]
struct Unsent {
    #[serde(rename = "raw transaction", deserialize_with = "wire::transaction")]
    transaction: Transaction,
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

/// How the wallet is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WalletInfo {
    /// Its name.
    #[serde(rename = "walletname")]
    pub name: String,
    /// Whether it can sign at all.
    #[serde(default = "yes")]
    pub private_keys_enabled: bool,
    /// Until when it is unlocked, in seconds since 1970, 0 while it is locked; `None` without a passphrase.
    #[serde(default)]
    pub unlocked_until: Option<u64>,
}

const fn yes() -> bool {
    true
}

/// A transaction that the node's wallet has signed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Signed {
    /// The whole transaction in hexadecimal digits.
    pub hex: String,
    /// Whether nothing is missing.
    pub complete: bool,
}

/// A row of `listunspent`.
#[derive(Deserialize)]
struct Unspent {
    txid: Txid,
    vout: u32,
    #[serde(deserialize_with = "wire::satoshi")]
    amount: u64,
    #[serde(rename = "scriptPubKey")]
    script: Script,
    confirmations: u32,
    spendable: bool,
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

    /// How the wallet is: which one, and whether it can sign.
    pub async fn get_wallet_info(&self) -> Result<WalletInfo, RpcError> {
        self.call("getwalletinfo", &[]).await
    }

    /// What the wallet can spend from transactions with so many confirmations, in satoshi.
    pub async fn get_confirmed_balance(&self, confirmations: u32) -> Result<u64, RpcError> {
        let params = [param("*"), param(confirmations)];
        Ok(self.call::<wire::Satoshi>("getbalance", &params).await?.0)
    }

    /// The wallet's confirmed coins that can be spent now. The node leaves out what is immature, locked
    /// by hand, or spent in the mempool.
    pub async fn list_confirmed_unspent(&self) -> Result<Vec<Utxo>, RpcError> {
        let rows: Vec<Unspent> = self.call("listunspent", &[param(1)]).await?;
        let coin = |row: Unspent| Utxo {
            txid: row.txid,
            vout: row.vout,
            value: row.amount,
            script: row.script,
            height: None,
            confirmations: row.confirmations,
            coinbase: false,
            spendable: row.spendable,
        };
        Ok(rows.into_iter().map(coin).collect())
    }

    /// Signs the inputs that spend the wallet's coins. Nothing is sent.
    pub async fn sign_with_wallet(&self, hex: &str) -> Result<Signed, RpcError> {
        self.call("signrawtransactionwithwallet", &[param(hex)])
            .await
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

    /// Signs a deployment from the wallet. Nothing is sent.
    pub async fn sign_contract(&self, code: &[u8], gas: Gas) -> Result<Transaction, RpcError> {
        let whoever_has_coins = param(Value::Null);
        let params = [
            param(hex::encode(code)),
            param(gas.limit),
            qtum(gas.price),
            whoever_has_coins,
            param(false),
        ];
        Ok(self
            .call::<Unsent>("createcontract", &params)
            .await?
            .transaction)
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
