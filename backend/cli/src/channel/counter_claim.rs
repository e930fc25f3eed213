//! `sparky channel counter-claim`: answer a close with what we know better.

use anyhow::Result;
use serde_json::json;
use sparky_protocol::watch::{Caller, Reason, watch};

use super::{Which, tell, transact};
use crate::args::Context;
use crate::participant::Participant;
use crate::problem::Problem;

/// Sends the call that helps us most, if one does.
///
/// # Errors
/// `nothing-newer` when the chain already shows what we know, and the network's.
pub async fn run(which: &Which, context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    let (_, kept) = participant.channel(&which.channel).await?;
    let side = participant.side(&kept)?;
    let action = watch(
        &kept.channel,
        side,
        Caller::Participant,
        participant.tip().height,
    )
    .filter(|action| action.reason != Reason::Settleable);
    let Some(action) = action else {
        let text = format!(
            "Channel {}: the chain shows nothing older than what you hold.",
            kept.number()
        );
        return Err(Problem::new("nothing-newer", "Nothing to answer", text).into());
    };
    let until = action.deadline.map_or_else(String::new, |deadline| {
        format!(" It counts until block {deadline}.")
    });
    let what = format!("Post a newer proof in channel {}.{until}", kept.number());
    let mined = transact(context, &participant, &action.call, &what, "counter-claim").await?;
    let text = format!("The newer proof stands in channel {}.", kept.number());
    tell(
        context,
        &mined,
        &text,
        json!({ "number": kept.number(), "reason": action.reason }),
    )
}
