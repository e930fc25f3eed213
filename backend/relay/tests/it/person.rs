//! A participant whose connection, relay and node may break at any moment. It keeps what it signed
//! before it sends it, sends again what was not acknowledged, and compares whatever it sees with
//! everything that anybody ever saw. The crash test has the same people.
#![allow(dead_code, reason = "neither test needs all of it")]

// With their paths, because the crash test takes this file by its path: else each would look for them in a
// folder of its own.
#[path = "person_connection.rs"]
mod connection;
#[path = "person_evidence.rs"]
mod evidence;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use sparky_protocol::{
    Account, Ack, Amount, Channel, ChannelId, ContractCall, Operation, Rejected, Reserve,
    SecretKey, Side, Tip, Update,
};
use sparky_qtum::{
    Network, address, contract,
    wallet::{self, Policy, Utxo},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub use evidence::Evidence;

/// How long an answer may take before the connection counts as broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why something did not go through.
#[derive(Debug)]
pub enum Trouble {
    /// The connection or the relay went away: come back and try again.
    Broken(String),
    /// The relay understood and refused: the problem document.
    Refused(Value),
}

pub type Result<T> = std::result::Result<T, Trouble>;

/// A channel as its participant keeps it.
#[derive(Clone, Debug)]
pub struct Held {
    pub channel: Channel,
    /// Own updates that the relay has not acknowledged, oldest first.
    pub outbox: Vec<Update>,
}

/// Somebody with a key and a bad connection.
pub struct Person {
    pub key: SecretKey,
    pub account: Account,
    pub address: String,
    /// Where it reaches the relay.
    pub url: String,
    pub contract: Account,
    pub held: BTreeMap<ChannelId, Held>,
    pub tip: Tip,
    /// The last event that it has kept.
    pub cursor: i64,
    /// The types of the events in order, as it kept them.
    pub kept: Vec<(i64, String)>,
    /// Events that came twice, and events that came too early.
    pub repeated: u32,
    pub gaps: u32,
    /// The newest own nonce that the relay has called durable.
    pub acknowledged: BTreeMap<ChannelId, u64>,
    pub evidence: Arc<Evidence>,
    stale: BTreeSet<ChannelId>,
    http: reqwest::Client,
    token: String,
    line: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    last_id: u64,
}

impl Person {
    pub fn new(seed: u8, url: &str, contract: Account, evidence: &Arc<Evidence>) -> Self {
        let key = SecretKey::from_bytes(&[seed; 32]).expect("a key");
        let account = key.account();
        Self {
            address: address::encode(&account, Network::Regtest),
            account,
            key,
            url: url.to_owned(),
            contract,
            held: BTreeMap::new(),
            tip: Tip {
                height: 0,
                confirmations: 1,
                reserve: Reserve::NONE,
            },
            cursor: 0,
            kept: Vec::new(),
            repeated: 0,
            gaps: 0,
            acknowledged: BTreeMap::new(),
            evidence: Arc::clone(evidence),
            stale: BTreeSet::new(),
            http: reqwest::Client::builder()
                .timeout(PATIENCE)
                .pool_max_idle_per_host(0)
                .build()
                .expect("a client"),
            token: String::new(),
            line: None,
            last_id: 0,
        }
    }

    pub fn side(&self, id: ChannelId) -> Side {
        self.held[&id]
            .channel
            .side_of(&self.account)
            .expect("a participant")
    }

    pub fn channel(&self, id: ChannelId) -> &Channel {
        &self.held[&id].channel
    }

    /// Whether everything that it signed has been acknowledged.
    pub fn is_quiet(&self) -> bool {
        self.held.values().all(|held| held.outbox.is_empty())
    }

    /// Forgets everything but the key, as after a loss of the disk.
    pub fn forget(&mut self) {
        self.disconnect();
        self.held.clear();
        self.stale.clear();
    }

    /// Adopts what the relay shows of a channel that is newer than what is kept here.
    pub async fn resync(&mut self, id: ChannelId) -> Result<Value> {
        let view = self.get(&format!("/channels/{id}")).await?;
        self.stale.remove(&id);
        self.tip.height =
            u32::try_from(view["height"].as_u64().expect("a height")).expect("a height");
        let shown: Channel = serde_json::from_value(view["channel"].clone()).expect("a channel");
        for side in Side::BOTH {
            for standing in shown.street(side).standing() {
                self.evidence.saw(side, &standing.signed);
            }
        }
        let held = self.held.entry(id).or_insert_with(|| Held {
            channel: Channel::new(*shown.domain(), shown.facts().clone()),
            outbox: Vec::new(),
        });
        let adopted = held
            .channel
            .with_facts(shown.facts().clone())
            .adopt(shown.streets(), &self.tip)
            .map_err(|why| Trouble::Refused(json!({ "code": why.code() })))?;
        held.channel = adopted;
        let side = held.channel.side_of(&self.account).expect("a participant");
        let known = shown.street(side).nonce();
        held.outbox
            .retain(|update| known < update.proof.proof.nonce);
        Ok(view)
    }

    /// Signs the next payment and keeps it: from here on it counts as sent.
    pub fn sign(&mut self, id: ChannelId, amount: u64) -> std::result::Result<Update, Rejected> {
        let side = self.side(id);
        let held = self.held.get_mut(&id).expect("it is held");
        let operations = vec![Operation::Transfer {
            amount: Amount(amount.into()),
        }];
        let proof = held.channel.propose(side, &operations, &self.tip)?;
        let signature = self.key.sign(&proof.digest(held.channel.domain()));
        let update = Update {
            operations,
            proof: proof.signed(signature),
        };
        held.channel = held.channel.accept(&update, &self.tip)?;
        held.outbox.push(update.clone());
        self.evidence.saw(side, &update.proof);
        Ok(update)
    }

    /// Signs a payment and sends it.
    pub async fn pay(&mut self, id: ChannelId, amount: u64) -> Result<()> {
        self.sign(id, amount)
            .map_err(|why| Trouble::Refused(json!({ "code": why.code() })))?;
        self.flush(id).await
    }

    /// Sends what the relay has not acknowledged, in order.
    pub async fn flush(&mut self, id: ChannelId) -> Result<()> {
        while let Some(update) = self.held[&id].outbox.first().cloned() {
            let nonce = update.proof.proof.nonce;
            self.request("proof.submit", json!({ "channelId": id, "update": update }))
                .await?;
            let held = self.held.get_mut(&id).expect("it is held");
            held.outbox
                .retain(|update| nonce < update.proof.proof.nonce);
            let newest = self.acknowledged.entry(id).or_default();
            *newest = (*newest).max(nonce);
        }
        Ok(())
    }

    /// Acks the partner's newest proof, if it has not.
    pub async fn ack(&mut self, id: ChannelId) -> Result<()> {
        let partner = self.side(id).other();
        let held = self.held.get_mut(&id).expect("it is held");
        let newest = held.channel.street(partner).acked().map(|(_, ack)| *ack);
        let ack = match held.channel.ack(partner) {
            Some(ack) => {
                let ack = ack.signed(self.key.sign(&ack.digest(held.channel.domain())));
                held.channel = held.channel.accept_ack(&ack).expect("our own ack fits");
                ack
            }
            // It may be that nobody heard the last one: acks are cumulative, saying it again is fine.
            None => match newest {
                Some(ack) => ack,
                None => return Ok(()),
            },
        };
        self.request("ack.submit", json!({ "channelId": id, "ack": ack }))
            .await
            .map(drop)
    }

    /// Hears everything that was told up to now.
    pub async fn catch_up(&mut self) -> Result<()> {
        self.request("ping", json!({})).await?;
        let cursor = self.cursor;
        self.request("ack", json!({ "seq": cursor })).await?;
        let stale: Vec<ChannelId> = self.stale.iter().copied().collect();
        for id in stale {
            self.resync(id).await?;
        }
        Ok(())
    }

    /// Takes over an event: in order, each once.
    fn keep(&mut self, frame: &Value) -> Result<()> {
        if frame["type"] == "block"
            && let Some(height) = frame["data"]["height"].as_u64()
        {
            self.tip.height = u32::try_from(height).expect("a height");
        }
        let Some(seq) = frame["seq"].as_i64() else {
            return Ok(());
        };
        if seq <= self.cursor {
            self.repeated += 1;
            return Ok(());
        }
        if seq != self.cursor + 1 {
            self.gaps += 1;
            return Err(self.broke(format!("event {seq} after {}", self.cursor)));
        }
        let kind = frame["type"].as_str().unwrap_or_default();
        let data = &frame["data"];
        let id: Option<ChannelId> = serde_json::from_value(data["channelId"].clone()).ok();
        match kind {
            "proof.received" => {
                let update: Update = serde_json::from_value(data["update"].clone()).expect("one");
                self.receive(id.expect("an id"), &update);
            }
            "proof.acked" => {
                let ack: Ack = serde_json::from_value(data["ack"].clone()).expect("an ack");
                self.receive_ack(&ack);
            }
            _ => {}
        }
        if let Some(id) = id
            && kind.starts_with("channel.")
            && self.held.contains_key(&id)
        {
            self.stale.insert(id);
        }
        self.kept.push((seq, kind.to_owned()));
        self.cursor = seq;
        Ok(())
    }

    fn receive(&mut self, id: ChannelId, update: &Update) {
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        let sender = held
            .channel
            .side_of(&self.account)
            .expect("a participant")
            .other();
        self.evidence.saw(sender, &update.proof);
        match held.channel.accept(update, &self.tip) {
            Ok(next) => held.channel = next,
            Err(Rejected::AlreadyHeld { .. } | Rejected::StaleNonce { .. }) => {}
            // What it lacks, it gets from the relay.
            Err(_) => drop(self.stale.insert(id)),
        }
    }

    fn receive_ack(&mut self, ack: &Ack) {
        let Some(held) = self.held.get_mut(&ack.channel_id) else {
            return;
        };
        match held.channel.accept_ack(ack) {
            Ok(next) => held.channel = next,
            Err(Rejected::AlreadyHeld { .. } | Rejected::StaleNonce { .. }) => {}
            Err(_) => drop(self.stale.insert(ack.channel_id)),
        }
    }

    /// A signed transaction for a call, from the coins that the relay shows.
    pub async fn transaction(&self, call: &ContractCall) -> Result<String> {
        let coins = self.get(&format!("/chain/utxos/{}", self.address)).await?;
        let coins: Vec<Utxo> = serde_json::from_value(coins["items"].clone()).expect("coins");
        let output = contract::output(&self.contract, call).expect("an output");
        let plan = wallet::plan(&coins, &self.account, &[output], Policy::default())
            .map_err(|why| Trouble::Broken(why.to_string()))?;
        Ok(plan.sign(&self.key).expect("signs").to_hex())
    }

    /// Hands a transaction to the network. Doing it again is harmless.
    pub async fn broadcast(&self, hex: &str, purpose: &str) -> Result<String> {
        let body = json!({ "hex": hex, "purpose": purpose });
        let sent = self.post("/chain/transactions", &body).await?;
        Ok(sent["txid"].as_str().expect("a txid").to_owned())
    }
}
