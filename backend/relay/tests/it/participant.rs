//! A participant: a key, a session, and its own view of its channels.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sparky_protocol::{
    Account, Ack, Amount, Channel, ChannelId, ContractCall, Login, Operation, SecretKey, Side, Tip,
    Update,
};
use sparky_qtum::{
    Network, address, contract,
    wallet::{self, Policy, Utxo},
};

use crate::world::{World, eventually};

/// Somebody with a key.
pub struct Participant {
    pub key: SecretKey,
    pub account: Account,
    pub address: String,
    pub token: String,
    pub channels: BTreeMap<ChannelId, Channel>,
    pub tip: Tip,
    url: String,
    http: reqwest::Client,
    contract: Account,
}

impl Participant {
    /// Signs in with the key of this seed.
    pub async fn arrive(world: &World, seed: u8) -> Self {
        Self::with_key(world, SecretKey::from_bytes(&[seed; 32]).expect("a key")).await
    }

    /// Signs in with this key.
    pub async fn with_key(world: &World, key: SecretKey) -> Self {
        let account = key.account();
        let mut participant = Self {
            address: address::encode(&account, Network::Regtest),
            account,
            key,
            token: String::new(),
            channels: BTreeMap::new(),
            tip: Tip {
                height: 0,
                confirmations: 1,
                reserve: sparky_protocol::Reserve::NONE,
            },
            url: world.url(),
            http: reqwest::Client::new(),
            contract: world.deployment.contract,
        };
        participant.sign_in().await;
        participant
    }

    /// A new session.
    pub async fn sign_in(&mut self) {
        let (status, challenge) = self
            .post("/auth/challenges", &json!({ "address": self.address }))
            .await;
        assert_eq!(status, StatusCode::CREATED, "{challenge}");
        let login: Login = serde_json::from_value(challenge["login"].clone()).expect("a login");
        assert_eq!(
            (login.account, &login.relay, &login.origin),
            (self.account, &self.url, &self.url)
        );
        let answer = json!({ "challengeId": challenge["challengeId"], "signature": self.key.sign(&login.digest()) });
        let (status, session) = self.post("/auth/sessions", &answer).await;
        assert_eq!(status, StatusCode::CREATED, "{session}");
        session["token"]
            .as_str()
            .expect("a token")
            .clone_into(&mut self.token);
    }

    /// A request, as this participant if it has signed in.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = self
            .http
            .request(method, format!("{}/api/v1{path}", self.url));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a text");
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::PUT, path, Some(body)).await
    }

    #[allow(dead_code, reason = "for tests of several relays")]
    /// The same person with the same session, at another relay.
    pub fn at(&self, url: &str) -> Self {
        Self {
            key: self.key.clone(),
            address: self.address.clone(),
            token: self.token.clone(),
            channels: self.channels.clone(),
            url: url.to_owned(),
            http: self.http.clone(),
            ..*self
        }
    }

    /// What the relay shows of a channel.
    pub async fn view(&self, id: ChannelId) -> Value {
        let (status, view) = self.get(&format!("/channels/{id}")).await;
        assert_eq!(status, StatusCode::OK, "{view}");
        view
    }

    /// Takes over what the relay shows: facts, proofs, tip.
    pub async fn refresh(&mut self, id: ChannelId) {
        let view = self.view(id).await;
        self.tip.height =
            u32::try_from(view["height"].as_u64().expect("a height")).expect("a height");
        let shown: Channel = serde_json::from_value(view["channel"].clone()).expect("a channel");
        self.channels.insert(id, shown);
    }

    pub fn channel(&self, id: ChannelId) -> &Channel {
        &self.channels[&id]
    }

    pub fn side(&self, id: ChannelId) -> Side {
        self.channel(id)
            .side_of(&self.account)
            .expect("a participant")
    }

    /// Signs the next proof for these operations without keeping it.
    pub fn sign(&self, id: ChannelId, operations: Vec<Operation>) -> Update {
        let channel = self.channel(id);
        let proof = channel
            .propose(self.side(id), &operations, &self.tip)
            .expect("proposes");
        Update {
            operations,
            proof: proof.signed(self.key.sign(&proof.digest(channel.domain()))),
        }
    }

    /// The next payment, signed and kept.
    pub fn pay(&mut self, id: ChannelId, amount: u64) -> Update {
        let update = self.sign(
            id,
            vec![Operation::Transfer {
                amount: Amount(amount.into()),
            }],
        );
        self.accept(id, &update);
        update
    }

    /// Accepts an update into the own view.
    pub fn accept(&mut self, id: ChannelId, update: &Update) {
        let next = self.channel(id).accept(update, &self.tip).expect("accepts");
        self.channels.insert(id, next);
    }

    /// The ack of the partner's newest proof, signed and kept.
    pub fn ack(&mut self, id: ChannelId) -> Ack {
        let channel = self.channel(id);
        let ack = channel
            .ack(self.side(id).other())
            .expect("something to ack");
        let ack = ack.signed(self.key.sign(&ack.digest(channel.domain())));
        let next = channel.accept_ack(&ack).expect("accepts its own ack");
        self.channels.insert(id, next);
        ack
    }

    /// Hands a proof in over HTTP.
    pub async fn submit(&self, id: ChannelId, update: &Update) -> (StatusCode, Value) {
        self.post(&format!("/channels/{id}/proofs"), &json!(update))
            .await
    }

    /// Pays and expects that it is durable.
    pub async fn send(&mut self, id: ChannelId, amount: u64) -> Update {
        let update = self.pay(id, amount);
        let (status, body) = self.submit(id, &update).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        update
    }

    /// Opens a channel and waits until the relay shows it.
    pub async fn open(&mut self, world: &World, partner: &Participant, deposit: u64) -> ChannelId {
        let call = ContractCall::Open {
            account_b: partner.account,
            token: Account::ZERO,
            amount: Amount(deposit.into()),
            window: 20,
            penalty_bps: 10_000,
        };
        let before = self.ids().await;
        self.call(world, &call, "open").await;
        let new: Vec<ChannelId> = self
            .ids()
            .await
            .into_iter()
            .filter(|id| !before.contains(id))
            .collect();
        assert_eq!(new.len(), 1);
        new[0]
    }

    /// The ids of the own channels.
    pub async fn ids(&self) -> Vec<ChannelId> {
        let (status, list) = self.get("/channels").await;
        assert_eq!(status, StatusCode::OK, "{list}");
        let items = list["items"].as_array().expect("items");
        items
            .iter()
            .map(|item| serde_json::from_value(item["channelId"].clone()).expect("an id"))
            .collect()
    }

    /// Sends a call of the contract and waits until the relay has seen it mined.
    pub async fn call(&self, world: &World, call: &ContractCall, purpose: &str) -> String {
        let txid = self.broadcast(call, purpose).await;
        eventually("the transaction is mined", || async {
            let (status, seen) = self.get(&format!("/chain/transactions/{txid}")).await;
            (status == StatusCode::OK && seen["confirmations"] != 0).then_some(())
        })
        .await;
        let (_, seen) = self.get(&format!("/chain/transactions/{txid}")).await;
        assert_eq!(seen["receipts"][0]["excepted"], "None", "{seen}");
        world.followed().await;
        txid
    }

    /// Sends a call of the contract.
    pub async fn broadcast(&self, call: &ContractCall, purpose: &str) -> String {
        let transaction = self.transaction(call).await;
        let (status, sent) = self
            .post(
                "/chain/transactions",
                &json!({ "hex": transaction, "purpose": purpose }),
            )
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{sent}");
        sent["txid"].as_str().expect("a txid").to_owned()
    }

    /// A signed transaction for a call, from the coins that the relay shows.
    pub async fn transaction(&self, call: &ContractCall) -> String {
        let (status, coins) = self.get(&format!("/chain/utxos/{}", self.address)).await;
        assert_eq!(status, StatusCode::OK, "{coins}");
        let coins: Vec<Utxo> = serde_json::from_value(coins["items"].clone()).expect("coins");
        let output = contract::output(&self.contract, call).expect("an output");
        let plan =
            wallet::plan(&coins, &self.account, &[output], Policy::default()).expect("a plan");
        plan.sign(&self.key).expect("signs").to_hex()
    }

    /// What the address has on chain, in satoshi.
    pub async fn on_chain(&self, world: &World) -> u64 {
        let (coins, _) = world
            .node
            .unspent(&self.account, Network::Regtest)
            .await
            .expect("coins");
        coins.iter().map(|coin| coin.value).sum()
    }
}
