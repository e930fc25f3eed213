//! `sparky channel recover`: the last resort of one who lost data.

use anyhow::Result;
use serde_json::json;

use super::{Which, require_open, tell, valid_until};
use crate::args::Context;
use crate::confirm::confirm;
use crate::participant::{Participant, refused};

/// Closes without a declaration.
///
/// # Errors
/// `channel-closing` and the network's.
pub async fn run(which: &Which, context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    let (_, mut kept) = participant.channel(&which.channel).await?;
    require_open(&participant, &kept)?;
    let (side, until) = (participant.side(&kept)?, valid_until(&participant, &kept));
    let call = kept.channel.recover_call(until);
    let blocks = kept.channel.params().window.saturating_mul(3);
    let what = format!(
        "Close channel {} as one who lost its data: you accept what your partner shows within {blocks} blocks; no penalty.",
        kept.number()
    );
    let plan = participant.plan(&call).await?;
    confirm(context, &what)?;
    kept.channel = kept
        .channel
        .authorise_recovery(side, until, &participant.tip())
        .map_err(|rejected| refused(&rejected, "Not possible in this channel"))?;
    participant.keep(&kept)?;
    let mined = participant.execute(&plan, &call, "recover").await?;
    let text = format!(
        "Channel {} is closing. After {blocks} blocks: sparky channel settle {}",
        kept.number(),
        kept.number()
    );
    tell(
        context,
        &mined,
        &text,
        json!({ "number": kept.number(), "status": "closing", "window": blocks }),
    )
}
