//! `sparky channel settle`: pay both out when the finalization period is over.

use anyhow::Result;
use serde_json::json;
use sparky_protocol::Phase;

use super::{Which, tell, transact};
use crate::args::Context;
use crate::participant::Participant;
use crate::participant::book::Kept;
use crate::problem::Problem;

/// Settles.
///
/// # Errors
/// `not-final` while the period runs, `not-closing`, `already-settled`, and the network's.
pub async fn run(which: &Which, context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    let (_, kept) = participant.channel(&which.channel).await?;
    check(&participant, &kept)?;
    let call = kept.channel.settle_call();
    let what = format!("Pay out channel {}.", kept.number());
    let mined = transact(context, &participant, &call, &what, "settle").await?;
    let text = format!("Channel {} is settled; both are paid.", kept.number());
    tell(
        context,
        &mined,
        &text,
        json!({ "number": kept.number(), "status": "settled" }),
    )
}

fn check(participant: &Participant, kept: &Kept) -> Result<()> {
    let (height, number) = (participant.tip().height, kept.number());
    let problem = match kept.channel.phase(height.saturating_add(1)) {
        Phase::Final { .. } => return Ok(()),
        Phase::Open => {
            let text =
                format!("Channel {number} is open. Close it first: sparky channel close {number}");
            Problem::new("not-closing", "Nothing to settle", text)
        }
        Phase::Finalizing { finalizes_at, .. } => {
            let left = finalizes_at.saturating_sub(height.saturating_add(1));
            let minutes = u64::from(left) * u64::from(participant.info.block_seconds) / 60;
            let text =
                format!("Channel {number} can be settled in {left} blocks, about {minutes} min.");
            Problem::new("not-final", "Too early", text)
                .with("blocksLeft", left)
                .retryable()
        }
        Phase::Settled => {
            let text = format!("Channel {number} was paid out already.");
            Problem::new("already-settled", "Nothing to settle", text)
        }
    };
    Err(problem.into())
}
