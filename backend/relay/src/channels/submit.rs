//! Verify, store, forward: what REST and WebSocket do with proofs, acks and nacks.

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Serialize;
use sparky_protocol::{Account, Ack, Channel, ChannelId, Nack, Rejected, Side, Tip, Update};
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{
    decide::{Begun, Decision, Effect, Lost, begin, decide},
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
    again: oneshot::Sender<()>,
}

/// What the same client handed in before in the same channel. Both complete when it is durable or
/// refused.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Completes when it has lost and is decided again: what came after it may be decided again too.
    again: oneshot::Receiver<()>,
    done: oneshot::Receiver<()>,
}

/// Who must be told of an end: dropped when it is there.
pub(crate) struct UnderWay {
    again: oneshot::Sender<()>,
    pub(crate) done: oneshot::Sender<()>,
}

/// Something that is about to be handed in, and what the next one waits for.
pub(crate) fn under_way() -> (UnderWay, Pending) {
    let ((again, heard_again), (done, heard_done)) = (oneshot::channel(), oneshot::channel());
    let pending = Pending {
        again: heard_again,
        done: heard_done,
    };
    (UnderWay { again, done }, pending)
}

impl Pending {
    /// Whether that is not over yet.
    pub(crate) fn is_pending(&mut self) -> bool {
        matches!(self.done.try_recv(), Err(TryRecvError::Empty))
    }
}

/// Verifies, and takes a place in the order of commits. What one client hands in one after the other
/// is decided in that order, and may become durable together. `after` is what it handed in before in
/// this channel and has not been told about; answers with who tells the next one.
pub(crate) async fn hand_in(
    app: &App,
    caller: Account,
    id: ChannelId,
    paper: Paper,
    (UnderWay { again, done }, after): (UnderWay, Option<Pending>),
) -> (Handed, oneshot::Sender<()>) {
    let begun = match Frame::of(id, &paper) {
        Ok(frame) => {
            let decide =
                &mut |channel: &Channel, side, tip: &Tip| frame.decide(&paper, channel, side, tip);
            begin(app, caller, id, after.is_some(), decide).await
        }
        Err(error) => Err(error),
    };
    let handed = Handed {
        app: app.clone(),
        caller,
        id,
        paper,
        begun,
        after,
        again,
    };
    (handed, done)
}

/// [`hand_in`] of something that comes alone, until it is durable.
pub(super) async fn submit(
    app: &App,
    caller: Account,
    id: ChannelId,
    paper: Paper,
) -> Result<Stored> {
    let (handed, _done) = hand_in(app, caller, id, paper, (under_way().0, None)).await;
    handed.durable().await
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
            again,
        } = self;
        let first = match begun {
            Ok(begun) => begun.durable().await,
            Err(error) => Err(error),
        };
        let is_proof = matches!(paper, Paper::Proof(_));
        let result = if let Ok(Ok(stored)) = first {
            Ok(stored)
        } else {
            // A task of its own: whoever waits for many of these may wait for something else meanwhile, and
            // a connection of the database that was handed to one of them would be held by nobody who runs.
            let anew = async move {
                let result = match first {
                    Err(error) if after.is_none() || !is_gap(&error) => Err(error),
                    lost => decide_again(&app, caller, id, &paper, (lost.ok(), after, again)).await,
                };
                explained(&app, caller, id, &paper, result).await
            };
            let done = tokio::spawn(anew).await;
            done.unwrap_or_else(|cause| Err(Error::Internal(cause.to_string())))
        };
        if is_proof {
            count(&result);
        }
        result
    }
}

/// What was refused may be known all the same: by what the database remembers.
async fn explained(
    app: &App,
    caller: Account,
    id: ChannelId,
    paper: &Paper,
    result: Result<Stored>,
) -> Result<Stored> {
    match (paper, result) {
        (Paper::Ack(ack), Err(Error::Rejected(Rejected::UnknownProof { .. }))) => {
            recall::ack(app, caller, id, *ack).await
        }
        (Paper::Proof(update), Err(Error::Rejected(Rejected::StaleNonce { newest, got }))) => {
            repeated(app, caller, id, update)
                .await
                .and_then(|known| match known {
                    Known::Same => Ok(Stored::Same),
                    Known::Other => Err(Error::NonceConflict { nonce: got }),
                    Known::Gone => Err(Rejected::StaleNonce { newest, got }.into()),
                })
        }
        (_, result) => result,
    }
}

fn count(result: &Result<Stored>) {
    match result {
        Ok(Stored::New) => metrics::counter!("sparky_states_accepted_total").increment(1),
        Ok(Stored::Same) => {}
        Err(error) => {
            metrics::counter!("sparky_states_rejected_total", "reason" => error.code())
                .increment(1);
        }
    }
}

fn is_gap(error: &Error) -> bool {
    matches!(error, Error::Rejected(Rejected::NonceGap { .. }))
}

/// Decides again what has lost, or what came behind something that has: in the order in which the client
/// handed it in, and all that is under way together. When that loses too, one after the other.
async fn decide_again(
    app: &App,
    caller: Account,
    id: ChannelId,
    paper: &Paper,
    (lost, after, again): (
        Option<std::result::Result<Stored, Lost>>,
        Option<Pending>,
        oneshot::Sender<()>,
    ),
) -> Result<Stored> {
    let frame = Frame::of(id, paper)?;
    let mut look = |channel: &Channel, side, tip: &Tip| frame.decide(paper, channel, side, tip);
    let (before, done) = after.map_or((None, None), |Pending { again, done }| {
        (Some(again), Some(done))
    });
    wait(before).await;
    let turn = match lost {
        Some(Err(lost)) => Some(lost.turn().await),
        _ => None,
    };
    let second = begin(app, caller, id, false, &mut look).await;
    drop((turn, again));
    match second {
        Ok(begun) => {
            if let Ok(stored) = begun.durable().await? {
                return Ok(stored);
            }
        }
        Err(error) if done.is_some() && is_gap(&error) => {}
        Err(error) => return Err(error),
    }
    wait(done).await;
    decide(app, caller, id, look).await
}

async fn wait(end: Option<oneshot::Receiver<()>>) {
    if let Some(end) = end {
        // Dropped or told: it is over.
        let _ = end.await;
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
