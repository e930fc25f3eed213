//! `sparky channel withdraw`: propose to take something out; the partner agrees with `channel agree`.

use anyhow::Result;
use serde_json::{Value, json};
use sparky_protocol::Authorisation;
use sparky_relay::failpoint;

use super::{Which, require_open, valid_until};
use crate::args::Context;
use crate::confirm::confirm;
use crate::money;
use crate::participant::{Participant, refused};

/// Arguments of `sparky channel withdraw`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// How much: 20, 0.5qtum, 5000sat
    #[arg(allow_hyphen_values = true)]
    amount: String,
}

/// Signs a withdrawal and hands it to the partner.
///
/// # Errors
/// Bad amounts, `insufficient-channel-balance`, `channel-closing`, and the relay's.
pub async fn run(args: &Args, context: &Context) -> Result<()> {
    let amount = money::parse_positive(&args.amount)?;
    let participant = Participant::open(context).await?;
    let (_, mut kept) = participant.channel(&args.which.channel).await?;
    require_open(&participant, &kept)?;
    let (side, tip) = (participant.side(&kept)?, participant.tip());
    let until = valid_until(&participant, &kept);
    let refuse = |rejected| refused(&rejected, "Not possible in this channel");
    let withdraw = kept
        .channel
        .cooperative_withdraw(side, amount, until, &tip)
        .map_err(refuse)?;
    confirm(
        context,
        &format!(
            "Propose to take {} out of channel {}.",
            money::both(amount),
            kept.number()
        ),
    )?;
    kept.channel = kept
        .channel
        .authorise(Authorisation::CooperativeWithdraw(withdraw), &tip)
        .map_err(refuse)?;
    participant.keep(&kept)?;
    let proposal = json!({
        "kind": "withdraw", "fromB": side.is_b(), "amountSat": amount, "validUntil": until,
        "sequence": withdraw.sequence, "signature": participant.sign(&withdraw.digest(kept.channel.domain())),
    });
    let path = format!("/channels/{}/proposals", kept.channel.id());
    failpoint!("participant.proposal.before");
    let created: Value = participant.relay.post(&path, &proposal).await?;
    failpoint!("participant.proposal.after");
    let value = json!({
        "status": "proposed", "number": kept.number(), "amountSat": amount, "validUntil": until, "proposal": created,
    });
    context.output.show(&value, |_| {
        format!(
            "Proposed to take {} out, valid until block {until}. Your partner agrees with: sparky channel agree {}",
            money::qtum(amount),
            kept.number()
        )
    })
}
