//! `sparky channel join`: start following a channel that the partner opened. No transaction.

use anyhow::Result;
use serde_json::json;

use super::Which;
use crate::args::Context;
use crate::participant::Participant;

/// Fetches the channel, checks that it is ours, and keeps it.
///
/// # Errors
/// `unknown-channel`, `not-participant`.
pub async fn run(which: &Which, context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    let (view, kept) = participant.channel(&which.channel).await?;
    participant.keep(&kept)?;
    let partner = kept.channel.account(participant.side(&kept)?.other());
    let partner = participant.address_of(&partner);
    let value = json!({ "number": view.number, "channelId": view.channel_id, "partner": partner });
    context.output.show(&value, |_| {
        format!("Channel {} with {partner} is in your list.", view.number)
    })
}
