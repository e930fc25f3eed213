//! A client that pays and is paid, whatever happens to the relays: it connects to another one, goes on
//! after the last event it has heard, and hands in again what nobody has confirmed.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sparky_protocol::{ChannelId, Update};
use tokio::{net::TcpStream, sync::watch};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::participant::Participant;

/// Proofs that may wait for their confirmation.
const WINDOW: usize = 16;
/// Proofs after which their recipient acknowledges.
const ACKNOWLEDGED: u64 = 50;
/// How long a relay may be silent before another one is tried.
const PATIENCE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One end of a channel.
pub struct Payer {
    pub who: Participant,
    pub id: ChannelId,
    /// The relays' addresses, and which is tried next.
    urls: Vec<String>,
    next: usize,
    /// The number of the last event.
    pub seen: i64,
    pub to_send: u64,
    pub to_receive: u64,
    /// Signed and not confirmed, oldest first, with the request that carries it on this connection.
    unconfirmed: VecDeque<(u64, Update)>,
    confirmed: BTreeSet<u64>,
    requests: u64,
    /// How often a connection was lost.
    pub reconnects: u32,
    pub refusals: Vec<Value>,
    each: u64,
    /// How many of its payments it may have made by now.
    allowed: watch::Receiver<u64>,
    /// How many payments have arrived, at everybody.
    heard: watch::Sender<u64>,
}

/// Why a connection is given up.
struct Broken;

impl Payer {
    pub fn new(
        who: Participant,
        id: ChannelId,
        urls: Vec<String>,
        first: usize,
        each: u64,
        (allowed, heard): (watch::Receiver<u64>, watch::Sender<u64>),
    ) -> Self {
        Self {
            who,
            id,
            urls,
            next: first,
            seen: 0,
            to_send: each,
            to_receive: each,
            unconfirmed: VecDeque::new(),
            confirmed: BTreeSet::new(),
            requests: 0,
            reconnects: 0,
            refusals: Vec::new(),
            each,
            allowed,
            heard,
        }
    }

    /// Pays and hears until both are done.
    pub async fn run(mut self) -> Self {
        while !self.is_done() {
            let url = self.urls[self.next % self.urls.len()].clone();
            self.next += 1;
            let played = tokio::time::timeout(PATIENCE, connect_async(url)).await;
            let lost = match played {
                Ok(Ok((socket, _))) => self.talk(socket).await.is_err(),
                _ => true,
            };
            if lost && !self.is_done() {
                self.reconnects += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        self
    }

    fn is_done(&self) -> bool {
        self.to_send == 0 && self.to_receive == 0 && self.unconfirmed.is_empty()
    }

    fn may_send(&self) -> bool {
        let made = self.each - self.to_send;
        let allowed = self.each.min(*self.allowed.borrow());
        made < allowed && self.unconfirmed.len() < WINDOW
    }

    async fn talk(&mut self, mut socket: Socket) -> Result<(), Broken> {
        self.confirmed.clear();
        self.say(&mut socket, "auth", json!({ "token": self.who.token }))
            .await?;
        self.say(&mut socket, "subscribe", json!({ "after": self.seen }))
            .await?;
        // What nobody has confirmed, in its order; an ack of all that was accepted.
        for at in 0..self.unconfirmed.len() {
            let update = self.unconfirmed[at].1.clone();
            self.unconfirmed[at].0 = self.submit(&mut socket, &update).await?;
        }
        self.ack(&mut socket).await?;
        while !self.is_done() {
            while self.may_send() {
                let update = self.who.pay(self.id, 1);
                // Kept before it is sent: from here on it is handed in until somebody has it.
                self.to_send -= 1;
                self.unconfirmed.push_back((0, update.clone()));
                let request = self.submit(&mut socket, &update).await?;
                self.unconfirmed.back_mut().expect("it is there").0 = request;
            }
            let message = tokio::select! {
                message = tokio::time::timeout(PATIENCE, socket.next()) => message,
                _ = self.allowed.changed() => continue,
            };
            let Ok(Some(Ok(message))) = message else {
                return Err(Broken);
            };
            if let Message::Text(text) = message {
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                self.hear(&mut socket, frame).await?;
            }
        }
        let seen = self.seen;
        self.say(&mut socket, "ack", json!({ "seq": seen })).await
    }

    async fn hear(&mut self, socket: &mut Socket, frame: Value) -> Result<(), Broken> {
        if let Some(seq) = frame["seq"].as_i64() {
            assert_eq!(
                seq,
                self.seen + 1,
                "{}: every event once, and in order: {frame}",
                self.who.address
            );
            self.seen = seq;
            if frame["type"] == "proof.received" {
                let update: Update =
                    serde_json::from_value(frame["data"]["update"].clone()).expect("an update");
                // The protocol itself demands the next nonce and nothing else.
                self.who.accept(self.id, &update);
                self.to_receive -= 1;
                self.heard.send_modify(|payments| *payments += 1);
                if update.proof.proof.nonce.is_multiple_of(ACKNOWLEDGED) {
                    self.ack(socket).await?;
                    self.say(socket, "ack", json!({ "seq": seq })).await?;
                }
            } else if frame["type"] == "proof.acked" {
                let ack = serde_json::from_value(frame["data"]["ack"].clone()).expect("an ack");
                let channel = self.who.channel(self.id);
                if let Ok(next) = channel.accept_ack(&ack) {
                    self.who.channels.insert(self.id, next);
                }
                // What the partner has acknowledged needs no confirmation: the relay may have
                // forgotten it already.
                let acked = self.who.channel(self.id).street(self.who.side(self.id));
                let acked = acked.acked_nonce();
                self.unconfirmed
                    .retain(|(_, update)| acked < update.proof.proof.nonce);
            }
            return Ok(());
        }
        let Some(request) = frame["replyTo"].as_u64() else {
            return Ok(());
        };
        if frame["type"] == "ok" {
            self.confirmed.insert(request);
            while let Some((request, _)) = self.unconfirmed.front()
                && self.confirmed.remove(request)
            {
                self.unconfirmed.pop_front();
            }
            return Ok(());
        }
        if self
            .unconfirmed
            .iter()
            .all(|(waiting, _)| *waiting != request)
        {
            return Ok(());
        }
        // Refused is what waited upon something that the relay could not write: again, from the start.
        self.refusals.push(frame["data"].clone());
        Err(Broken)
    }

    async fn ack(&mut self, socket: &mut Socket) -> Result<(), Broken> {
        let channel = self.who.channel(self.id);
        let partner = self.who.side(self.id).other();
        if channel.street(partner).nonce() == 0 {
            return Ok(());
        }
        let ack = if channel.street(partner).acked_nonce() == channel.street(partner).nonce() {
            return Ok(());
        } else {
            self.who.ack(self.id)
        };
        self.say(
            socket,
            "ack.submit",
            json!({ "channelId": self.id, "ack": ack }),
        )
        .await
    }

    async fn submit(&mut self, socket: &mut Socket, update: &Update) -> Result<u64, Broken> {
        let data = json!({ "channelId": self.id, "update": update });
        self.say(socket, "proof.submit", data).await?;
        Ok(self.requests)
    }

    async fn say(&mut self, socket: &mut Socket, kind: &str, data: Value) -> Result<(), Broken> {
        self.requests += 1;
        let frame = json!({ "id": self.requests, "type": kind, "data": data });
        socket
            .send(Message::Text(frame.to_string().into()))
            .await
            .map_err(|_| Broken)
    }
}
