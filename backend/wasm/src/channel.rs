//! The channel: paying, receiving, acking, and what a screen shows of it.
//!
//! A channel crosses the border as the JSON text that the page stores; every function returns the
//! next text and changes nothing itself, so the page can write it before anything leaves.

use serde::Serialize;
use sparky_protocol::{Ack, Channel, Nack, Operation, Rejected, Side, Tip, Update};
use wasm_bindgen::prelude::*;

use crate::{
    failure::{Failure, Result},
    json,
    key::Key,
};

/// What sending leads to: the channel to store and the update to send.
#[derive(Serialize)]
struct Sent {
    channel: String,
    update: Update,
}

/// What acking leads to.
#[derive(Serialize)]
struct Acked {
    channel: String,
    ack: Ack,
}

/// What became of something received.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Received {
    /// Store this channel.
    Accepted { channel: String },
    /// The same came before: nothing changes.
    Held,
    /// Refused; `temporary` when the same may be accepted later.
    Refused {
        nack: Option<Nack>,
        code: &'static str,
        reason: String,
        temporary: bool,
    },
}

#[wasm_bindgen]
impl Key {
    /// Proposes, signs and accepts an own update: `{channel, update}`. Store it before it leaves.
    pub fn send(
        &self,
        channel: &str,
        operations: &str,
        tip: &str,
    ) -> core::result::Result<String, JsValue> {
        Ok(self.send_update(channel, operations, tip)?)
    }

    /// Acks the partner's newest proof: `{channel, ack}`, or nothing when there is none to ack.
    pub fn ack(&self, channel: &str) -> core::result::Result<Option<String>, JsValue> {
        Ok(self.ack_newest(channel)?)
    }
}

impl Key {
    fn send_update(&self, channel: &str, operations: &str, tip: &str) -> Result<String> {
        let channel: Channel = json::parse(channel)?;
        let operations: Vec<Operation> = json::parse(operations)?;
        let tip: Tip = json::parse(tip)?;
        let proof = channel.propose(self.side(&channel)?, &operations, &tip)?;
        let proof = proof.signed(self.sign(&proof.digest(channel.domain())));
        let update = Update { operations, proof };
        let channel = channel.accept(&update, &tip)?;
        json::print(&Sent {
            channel: json::print(&channel)?,
            update,
        })
    }

    fn ack_newest(&self, channel: &str) -> Result<Option<String>> {
        let channel: Channel = json::parse(channel)?;
        let Some(unsigned) = channel.ack(self.side(&channel)?.other()) else {
            return Ok(None);
        };
        let ack = unsigned.signed(self.sign(&unsigned.digest(channel.domain())));
        let channel = json::print(&channel.accept_ack(&ack)?)?;
        Ok(Some(json::print(&Acked { channel, ack })?))
    }

    /// On which side of `channel` this key stands.
    pub(crate) fn side(&self, channel: &Channel) -> Result<Side> {
        let account = self.account();
        channel
            .side_of(&account)
            .ok_or_else(|| Rejected::NotParticipant { account }.into())
    }
}

/// Accepts the partner's update: `{type: "accepted", channel}`, `{type: "held"}`, or
/// `{type: "refused", nack, code, reason, temporary}` with the answer to send.
#[wasm_bindgen]
pub fn receive(channel: &str, update: &str, tip: &str) -> core::result::Result<String, JsValue> {
    Ok(receive_update(channel, update, tip)?)
}

fn receive_update(channel: &str, update: &str, tip: &str) -> Result<String> {
    let channel: Channel = json::parse(channel)?;
    let update: Update = json::parse(update)?;
    let tip: Tip = json::parse(tip)?;
    let sender = channel.side_of(&update.proof.signature.signer_account());
    let received = match channel.accept(&update, &tip) {
        Ok(next) => Received::Accepted {
            channel: json::print(&next)?,
        },
        Err(Rejected::AlreadyHeld { .. }) => Received::Held,
        Err(why) => Received::Refused {
            nack: sender.map(|sender| channel.nack(sender, &update, &why)),
            code: why.code(),
            reason: why.to_string(),
            temporary: why.is_temporary(),
        },
    };
    json::print(&received)
}

/// Accepts the partner's ack; answers as [`receive`] does, without a nack.
#[wasm_bindgen(js_name = acceptAck)]
pub fn accept_ack(channel: &str, ack: &str) -> core::result::Result<String, JsValue> {
    Ok(receive_ack(channel, ack)?)
}

fn receive_ack(channel: &str, ack: &str) -> Result<String> {
    let channel: Channel = json::parse(channel)?;
    let ack: Ack = json::parse(ack)?;
    let received = match channel.accept_ack(&ack) {
        Ok(next) => Received::Accepted {
            channel: json::print(&next)?,
        },
        Err(Rejected::AlreadyHeld { .. } | Rejected::StaleNonce { .. }) => Received::Held,
        Err(why) => Received::Refused {
            nack: None,
            code: why.code(),
            reason: why.to_string(),
            temporary: why.is_temporary(),
        },
    };
    json::print(&received)
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        let failure = Self::new(rejected.code(), &rejected);
        match rejected {
            Rejected::InsufficientBalance { needed, available } => failure
                .with_sat("amount", needed)
                .with_sat("max", available),
            Rejected::ChannelFrozen { until } => failure.with("n", until),
            Rejected::Conflict { nonce } => failure.with("n", nonce),
            Rejected::StaleNonce { newest, .. } | Rejected::NonceGap { newest, .. } => {
                failure.with("n", newest)
            }
            Rejected::ValidUntilOutOfRange { got, .. } => failure.with("n", got),
            _ => failure,
        }
    }
}
