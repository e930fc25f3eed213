//! `sparky channel give-way`: out of two proofs with one number.

use anyhow::Result;
use serde_json::json;

use super::Which;
use crate::args::Context;
use crate::confirm::confirm;
use crate::money;
use crate::participant::Participant;

/// Goes on from the relay's state.
///
/// # Errors
/// `nothing-to-give-way`, and the relay's.
pub async fn run(which: &Which, context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    confirm(
        context,
        "Take the relay's state, and drop payments of this profile that never arrived.",
    )?;
    let (kept, dropped) = participant.give_way(&which.channel).await?;
    let side = participant.side(&kept)?;
    let balance = kept.channel.balances(side, &participant.tip()).balance;
    let forgone = kept.channel.street(side).forgone();
    let value = json!({
        "number": kept.number(), "dropped": dropped, "balanceSat": balance, "forgoneSat": forgone,
    });
    context.output.show(&value, |_| {
        format!(
            "Channel {} goes on from the relay's state: you have {}. {dropped} payment(s) of this profile never arrived; \
             pay again if you still want to. Use the key in one place at a time.",
            kept.number(),
            money::qtum(balance)
        )
    })
}
