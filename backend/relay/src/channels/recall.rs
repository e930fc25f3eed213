//! Proofs that the channel in memory has forgotten, because a later one covers them. They are still
//! in their recipient's mailbox, until it has acked a newer one.

use sparky_protocol::{Account, Ack, ChannelId, Side, SignedProof, Update};

use super::{
    decide::decide,
    submit::{Frame, Paper, Stored},
};
use crate::{
    app::App,
    error::{Error, Result},
};

/// An ack of a proof that is not remembered: recalls it, and decides again.
pub(super) async fn ack(app: &App, caller: Account, id: ChannelId, ack: Ack) -> Result<Stored> {
    let kept = proof(app, id, ack.sender, ack.nonce).await?;
    let frame = Frame::of(id, &Paper::Ack(ack))?;
    decide(app, caller, id, |channel, _, _| {
        let recalled = kept
            .as_ref()
            .and_then(|kept| channel.recall(ack.sender, kept).ok());
        frame.decide_ack(&ack, recalled.as_ref().unwrap_or(channel))
    })
    .await
}

/// The proof with this nonce, from the mailbox.
pub(super) async fn proof(
    app: &App,
    id: ChannelId,
    sender: Side,
    nonce: u64,
) -> Result<Option<SignedProof>> {
    #[derive(serde::Deserialize)]
    struct Event {
        update: Update,
    }
    let Some(before) = nonce.checked_sub(1) else {
        return Ok(None);
    };
    let found = app.store.proofs(id, sender, before, 1).await?;
    let Some((_, body)) = found.into_iter().find(|(found, _)| *found == nonce) else {
        return Ok(None);
    };
    let event: Event =
        serde_json::from_str(&body).map_err(|cause| Error::Internal(cause.to_string()))?;
    Ok(Some(event.update.proof))
}
