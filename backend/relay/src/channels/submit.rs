//! Verify, store, forward: what REST and WebSocket do with proofs, acks and nacks.

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Serialize;
use sparky_protocol::{Account, Ack, Channel, ChannelId, Nack, Rejected, Side, Tip, Update};
use tokio::sync::oneshot;

use super::{
    decide::{Begun, Decision, Effect, begin, decide},
    recall,
};
use crate::{
    app::App,
    error::{Error, Result},
    store::NewEvent,
};

/// What a nack may say, in bytes: it is stored for its reader.
const LONGEST_REASON: usize = 500;
const LONGEST_CODE: usize = 64;

/// What became of something that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It is durable and on its way.
    New,
    /// The very same bytes were durable before.
    Same,
}

impl Stored {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::New => StatusCode::CREATED,
            Self::Same => StatusCode::OK,
        }
    }
}

/// What participants hand in.
#[derive(Clone, Debug)]
pub(crate) enum Paper {
    /// The sender's next proof: verified exactly as its recipient would, stored, forwarded.
    Proof(Update),
    /// The recipient's receipt: it makes a proof agreed and lets older ones go.
    Ack(Ack),
    /// The recipient refuses what the relay took. Forwarded, nothing changes.
    Nack(Nack),
}

impl Paper {
    /// The nonce that it is about.
    pub(crate) fn nonce(&self) -> u64 {
        match self {
            Self::Proof(update) => update.proof.proof.nonce,
            Self::Ack(ack) => ack.nonce,
            Self::Nack(nack) => nack.refused,
        }
    }
}

/// Something handed in, on its way to the disk.
pub(crate) struct Handed {
    app: App,
    caller: Account,
    id: ChannelId,
    paper: Paper,
    begun: Result<Begun<Stored>>,
    after: Option<Pending>,
}

/// Completes when what the same client handed in before is durable or refused.
pub(crate) type Pending = oneshot::Receiver<()>;

/// Verifies, and takes a place in the order of commits. What one client hands in one after the other
/// is decided in that order, and may become durable together. `after` is what it handed in before in
/// this channel and has not been told about.
pub(crate) async fn hand_in(
    app: &App,
    caller: Account,
    id: ChannelId,
    paper: Paper,
    after: Option<Pending>,
) -> Handed {
    let begun = match Frame::of(id, &paper) {
        Ok(frame) => {
            begin(app, caller, id, &mut |channel, side, tip| {
                frame.decide(&paper, channel, side, tip)
            })
            .await
        }
        Err(error) => Err(error),
    };
    Handed {
        app: app.clone(),
        caller,
        id,
        paper,
        begun,
        after,
    }
}

impl Handed {
    /// Waits until it is durable, or says why it is refused.
    pub(crate) async fn durable(self) -> Result<Stored> {
        let Self {
            app,
            caller,
            id,
            paper,
            begun,
            after,
        } = self;
        let first = match begun {
            Ok(begun) => begun.durable().await,
            Err(error) => Err(error),
        };
        let again = || async {
            let frame = Frame::of(id, &paper)?;
            decide(&app, caller, id, |channel, side, tip| {
                frame.decide(&paper, channel, side, tip)
            })
            .await
        };
        let result = match (first, after) {
            (Ok(Ok(stored)), _) => Ok(stored),
            (Ok(Err(lost)), after) => {
                wait(after).await;
                let _turn = lost.turn().await;
                again().await
            }
            // What was handed in before this has lost and is decided again: only then it is this one's
            // turn, and the gap may be none.
            (Err(Error::Rejected(Rejected::NonceGap { .. })), Some(after)) => {
                wait(Some(after)).await;
                again().await
            }
            (Err(error), _) => Err(error),
        };
        let result = match (&paper, result) {
            (Paper::Ack(ack), Err(Error::Rejected(Rejected::UnknownProof { .. }))) => {
                recall::ack(&app, caller, id, *ack).await
            }
            (_, result) => result,
        };
        let Paper::Proof(update) = &paper else {
            return result;
        };
        let result = match result {
            Err(Error::Rejected(Rejected::StaleNonce { newest, got })) => {
                repeated(&app, caller, id, update)
                    .await
                    .and_then(|known| match known {
                        Known::Same => Ok(Stored::Same),
                        Known::Other => Err(Error::NonceConflict { nonce: got }),
                        Known::Gone => Err(Rejected::StaleNonce { newest, got }.into()),
                    })
            }
            other => other,
        };
        match &result {
            Ok(Stored::New) => metrics::counter!("sparky_states_accepted_total").increment(1),
            Ok(Stored::Same) => {}
            Err(error) => {
                metrics::counter!("sparky_states_rejected_total", "reason" => error.code())
                    .increment(1);
            }
        }
        result
    }
}

async fn wait(after: Option<Pending>) {
    if let Some(after) = after {
        // Dropped or told: it is over.
        let _ = after.await;
    }
}

/// What the decision needs besides the channel, made outside of its lock.
pub(super) struct Frame {
    id: ChannelId,
    /// The data of the event that forwards it.
    body: Arc<str>,
}

impl Frame {
    pub(super) fn of(id: ChannelId, paper: &Paper) -> Result<Self> {
        let body = match paper {
            Paper::Proof(update) => serde_json::to_string(&Forwarded {
                channel_id: id,
                update: Some(update),
                ack: None,
                nack: None,
            }),
            Paper::Ack(ack) => serde_json::to_string(&Forwarded {
                channel_id: id,
                update: None,
                ack: Some(ack),
                nack: None,
            }),
            Paper::Nack(nack) => serde_json::to_string(&Forwarded {
                channel_id: id,
                update: None,
                ack: None,
                nack: Some(nack),
            }),
        };
        let body = body
            .map_err(|cause| Error::Internal(cause.to_string()))?
            .into();
        Ok(Self { id, body })
    }

    fn decide(
        &self,
        paper: &Paper,
        channel: &Channel,
        side: Side,
        tip: &Tip,
    ) -> Result<Decision<Stored>> {
        match paper {
            Paper::Proof(update) => self.decide_proof(update, channel, tip),
            Paper::Ack(ack) => self.decide_ack(ack, channel),
            Paper::Nack(nack) => self.decide_nack(nack, channel, side),
        }
    }

    fn decide_proof(
        &self,
        update: &Update,
        channel: &Channel,
        tip: &Tip,
    ) -> Result<Decision<Stored>> {
        match channel.accept(update, tip) {
            Ok(next) => {
                let sender = signer(channel, update)?;
                let mut event = self.event("proof.received", channel.account(sender.other()));
                event.proof = Some((self.id, sender, update.proof.proof.nonce));
                // All of them are in the recipient's mailbox: what a later one covers is not kept here too.
                let next = next.forget_covered(sender);
                Ok(Decision {
                    effect: Effect::Direction(sender, Box::new(next)),
                    events: vec![event],
                    value: Stored::New,
                })
            }
            Err(Rejected::AlreadyHeld { .. }) => Ok(nothing_new()),
            Err(rule) => Err(rule.into()),
        }
    }

    pub(super) fn decide_ack(&self, ack: &Ack, channel: &Channel) -> Result<Decision<Stored>> {
        match channel.accept_ack(ack) {
            Ok(next) => {
                let next = next.forget_covered(ack.sender);
                let event = self.event("proof.acked", channel.account(ack.sender));
                Ok(Decision {
                    effect: Effect::Direction(ack.sender, Box::new(next)),
                    events: vec![event],
                    value: Stored::New,
                })
            }
            Err(Rejected::AlreadyHeld { .. }) => Ok(nothing_new()),
            // Acks are cumulative: a newer one has said it already, if this one is genuine at all.
            Err(Rejected::StaleNonce { .. }) => {
                let recipient = channel.account(ack.sender.other());
                ack.verify(channel.domain(), &recipient)
                    .map_err(|bad| Error::Rejected(bad.into()))?;
                Ok(nothing_new())
            }
            Err(rule) => Err(rule.into()),
        }
    }

    fn decide_nack(&self, nack: &Nack, channel: &Channel, side: Side) -> Result<Decision<Stored>> {
        if nack.channel_id != self.id {
            return Err(Rejected::WrongChannel {
                expected: self.id,
                got: nack.channel_id,
            }
            .into());
        }
        if LONGEST_REASON < nack.reason.len() || LONGEST_CODE < nack.code.len() {
            let reason =
                format!("at most {LONGEST_REASON} bytes of reason and {LONGEST_CODE} of code");
            return Err(Error::InvalidValue {
                field: "reason",
                reason,
            });
        }
        if nack.sender == side {
            let reason = "only the recipient of a proof can refuse it".to_owned();
            return Err(Error::InvalidValue {
                field: "sender",
                reason,
            });
        }
        let event = self.event("proof.refused", channel.account(nack.sender));
        Ok(Decision {
            effect: Effect::Nothing,
            events: vec![event],
            value: Stored::New,
        })
    }

    fn event(&self, kind: &'static str, account: Account) -> NewEvent {
        NewEvent {
            account,
            kind,
            body: Arc::clone(&self.body),
            proof: None,
        }
    }
}

/// The data of an event that forwards something.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Forwarded<'a> {
    channel_id: ChannelId,
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<&'a Update>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<&'a Ack>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nack: Option<&'a Nack>,
}

fn nothing_new() -> Decision<Stored> {
    Decision {
        effect: Effect::Nothing,
        events: Vec::new(),
        value: Stored::Same,
    }
}

/// Who signed an update, of the two who may.
fn signer(channel: &Channel, update: &Update) -> Result<Side> {
    let account = update.proof.signature.signer_account();
    channel
        .side_of(&account)
        .ok_or_else(|| Rejected::NotParticipant { account }.into())
}

/// What is known of a nonce that is not new.
enum Known {
    Same,
    Other,
    Gone,
}

/// Compares an update whose nonce is not new with what was stored under that nonce. A different one
/// that its sender really signed means that two programs write with one key: the operator hears it.
async fn repeated(app: &App, caller: Account, id: ChannelId, update: &Update) -> Result<Known> {
    let entry = app.book.entry(app, id).await?;
    let (signed, nonce) = (&update.proof, update.proof.proof.nonce);
    let (account, known) = {
        let live = entry.lock();
        let sender = signer(&live.channel, update)?;
        let standing = live.channel.street(sender).standing();
        let known = standing
            .iter()
            .find(|one| one.signed.proof.nonce == nonce)
            .map(|one| one.signed);
        (live.channel.account(sender), known.ok_or(sender))
    };
    let known = match known {
        Ok(known) => Some(known),
        Err(sender) => {
            // It may be on its way to the disk: wait until all before it is there.
            decide(app, caller, id, |_, _, _| Ok(nothing_new())).await?;
            recall::proof(app, id, sender, nonce).await?
        }
    };
    match known {
        Some(known) if known == *signed => Ok(Known::Same),
        other => {
            signed
                .verify(&app.domain, &account)
                .map_err(|bad| Error::Rejected(bad.into()))?;
            if other.is_none() {
                return Ok(Known::Gone);
            }
            metrics::counter!("sparky_nonce_conflicts_total").increment(1);
            tracing::error!(channel = %id, nonce, "two different proofs with one nonce: two programs sign with one key");
            Ok(Known::Other)
        }
    }
}
