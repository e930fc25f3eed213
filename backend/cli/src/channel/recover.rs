//! `sparky channel recover`: the last resort of one who lost data.

use anyhow::Result;
use serde_json::json;

use super::{Which, require_open, tell, transact, valid_until};
use crate::args::Context;
use crate::participant::Participant;

/// Closes without a declaration.
///
/// # Errors
/// `channel-closing` and the network's.
pub async fn run(which: &Which, context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    let (_, kept) = participant.channel(&which.channel).await?;
    require_open(&participant, &kept)?;
    let call = kept.channel.recover_call(valid_until(&participant, &kept));
    let blocks = kept.channel.params().window.saturating_mul(3);
    let what = format!(
        "Close channel {} as one who lost its data: you accept what your partner shows within {blocks} blocks; no penalty.",
        kept.number()
    );
    let mined = transact(context, &participant, &call, &what, "recover").await?;
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
