//! A chain of one's own, and the few lines that talk to it.

use std::path::Path;

use serde_json::{Value, json};
use sparky_devchain::{Config, Handle, spawn};

/// The contract of the conformance recording, see `tests/conformance/Probe.sol`.
const GOLDEN: &str = include_str!("../conformance/golden.jsonl");

pub const ALICE: &str = "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf";
pub const ALICE_WIF: &str = "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ";
pub const BOB: &str = "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW";
pub const BOB_HASH: &str = "7926223070547d2d15b2ef5e7383e541c338ffe9";

/// A running chain; gone when dropped.
pub struct Chain {
    pub handle: Handle,
    http: reqwest::Client,
}

/// Code and message of an error.
pub type Refused = (i64, String);

impl Chain {
    /// A chain with funds that mines at once.
    pub async fn rich() -> Self {
        Self::start(Config::default()).await
    }

    /// A fresh regtest.
    pub async fn empty() -> Self {
        Self::start(Config {
            empty: true,
            ..Config::default()
        })
        .await
    }

    /// A rich chain that is kept in a folder.
    pub async fn kept(data_dir: &Path) -> Self {
        Self::start(Config {
            data_dir: Some(data_dir.to_owned()),
            ..Config::default()
        })
        .await
    }

    /// A chain that was started so.
    pub async fn start(config: Config) -> Self {
        Self {
            handle: spawn(config).await.unwrap(),
            http: reqwest::Client::new(),
        }
    }

    /// Status and body of a raw request.
    pub async fn post(&self, path: &str, body: String) -> (u16, Value) {
        let url = format!("{}{path}", self.handle.rpc_url());
        let answer = self.http.post(url).body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null),
        )
    }

    pub async fn try_call_at(
        &self,
        path: &str,
        method: &str,
        params: Value,
    ) -> Result<Value, Refused> {
        let request = json!({ "id": 7, "method": method, "params": params });
        let (_, mut answer) = self.post(path, request.to_string()).await;
        if answer["error"].is_null() {
            return Ok(answer["result"].take());
        }
        let message = answer["error"]["message"].as_str().unwrap().to_owned();
        Err((answer["error"]["code"].as_i64().unwrap(), message))
    }

    pub async fn try_call(&self, method: &str, params: Value) -> Result<Value, Refused> {
        self.try_call_at("/", method, params).await
    }

    #[track_caller]
    pub fn call(&self, method: &str, params: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        let (method, call) = (method.to_owned(), async move |method: &str| {
            self.try_call(method, params).await
        });
        async move {
            match call(&method).await {
                Ok(result) => result,
                Err(refused) => panic!("{method} at {caller}: {refused:?}"),
            }
        }
    }

    pub async fn height(&self) -> i64 {
        self.call("getblockcount", json!([]))
            .await
            .as_i64()
            .unwrap()
    }

    /// Deploys the probe from the node's wallet; its address.
    pub async fn deploy_probe(&self) -> String {
        let created = self
            .call("createcontract", json!([probe_code(), 2_500_000]))
            .await;
        created["address"].as_str().unwrap().to_owned()
    }

    /// Calls the probe from the node's wallet; the receipt.
    pub async fn send(&self, contract: &str, data: String, amount: &str) -> Value {
        let sent = self
            .call("sendtocontract", json!([contract, data, amount]))
            .await;
        self.call("gettransactionreceipt", json!([sent["txid"]]))
            .await[0]
            .take()
    }

    pub async fn balance_of(&self, address: &str) -> i64 {
        self.call("getaddressbalance", json!([address])).await["balance"]
            .as_i64()
            .unwrap()
    }
}

/// An amount that was answered, with its eight decimals.
pub fn decimals(amount: &Value) -> String {
    format!("{:.8}", amount.as_f64().unwrap())
}

fn constants() -> Value {
    serde_json::from_str(GOLDEN.lines().next().unwrap()).unwrap()
}

/// What deploys the probe.
pub fn probe_code() -> String {
    constants()["probe_bytecode"].as_str().unwrap().to_owned()
}

/// The selector of a function of the probe, and its arguments as 32-byte words.
pub fn probe(function: &str, words: &[&str]) -> String {
    let selectors = constants()["selectors"].clone();
    let name = format!("{function}(");
    let selector = selectors
        .as_object()
        .unwrap()
        .iter()
        .find(|(signature, _)| signature.starts_with(&name));
    let words = words.iter().map(|word| format!("{word:0>64}"));
    std::iter::once(selector.unwrap().1.as_str().unwrap().to_owned())
        .chain(words)
        .collect()
}
