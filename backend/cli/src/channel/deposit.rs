//! `sparky channel deposit`: more money into an open channel, for oneself or as a gift.

use anyhow::Result;
use serde_json::json;
use sparky_protocol::{ContractCall, policy};

use super::{Which, limits, require_open, tell, transact};
use crate::args::Context;
use crate::money;
use crate::participant::Participant;

/// Arguments of `sparky channel deposit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// How much: 20, 0.5qtum, 5000sat
    #[arg(allow_hyphen_values = true)]
    amount: String,
    /// Give it to the partner's side
    #[arg(long)]
    to_partner: bool,
}

/// Deposits and waits for the block.
///
/// # Errors
/// Bad amounts, `channel-closing`, `insufficient-onchain-balance`, and the network's.
pub async fn run(args: &Args, context: &Context) -> Result<()> {
    let amount = money::parse_positive(&args.amount)?;
    let participant = Participant::open(context).await?;
    let (_, kept) = participant.channel(&args.which.channel).await?;
    require_open(&participant, &kept)?;
    let side = participant.side(&kept)?;
    let to = if args.to_partner { side.other() } else { side };
    let call = ContractCall::Deposit {
        params: *kept.channel.params(),
        to,
        amount,
    };
    let (capacity, window) = (
        limits::capacity(&kept, amount),
        kept.channel.params().window,
    );
    let safe = limits::too_much(&participant.info, capacity, window)?;
    let instead = "Deposit less, or open another channel with a longer period.";
    limits::warn(context, safe, capacity, window, instead);
    let whose = if args.to_partner {
        "the partner's side"
    } else {
        "your side"
    };
    let what = format!(
        "Deposit {} on {whose} of channel {}.",
        money::both(amount),
        kept.number()
    );
    let mined = transact(context, &participant, &call, &what, "deposit").await?;
    let text = format!(
        "Deposited {} on {whose} of channel {}.",
        money::qtum(amount),
        kept.number()
    );
    tell(
        context,
        &mined,
        &text,
        json!({
            "number": kept.number(), "amountSat": amount, "to": to, "capacitySat": capacity,
            "safeCapacitySat": policy::safe_capacity(window), "tooMuch": safe.is_some(),
        }),
    )
}
