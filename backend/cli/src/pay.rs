//! `sparky pay`: one signature, one message, no transaction.

use anyhow::Result;
use serde_json::json;
use sparky_protocol::{Operation, Phase, SignedProof, Update};

use crate::args::Context;
use crate::confirm::confirm;
use crate::money;
use crate::participant::book::Kept;
use crate::participant::view::View;
use crate::participant::{Participant, refused};
use crate::problem::{Exit, Problem};

/// Arguments of `sparky pay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The partner's address, or the number of a channel
    to: String,
    /// How much: 20, 0.5qtum, 5000sat
    #[arg(allow_hyphen_values = true)]
    amount: String,
}

/// Pays: decide, sign, write, send.
///
/// # Errors
/// Bad amounts, `no-route`, `insufficient-channel-balance`, `channel-closing`, and the relay's.
pub async fn run(args: Args, context: &Context) -> Result<()> {
    let amount = money::parse_positive(&args.amount)?;
    let participant = Participant::open(context).await?;
    let (view, mut kept) = find(&participant, &args.to).await?;
    let (side, tip) = (participant.side(&kept)?, participant.tip());
    let partner = participant.address_of(&kept.channel.account(side.other()));
    let refuse = |rejected| refused(&rejected, "Not possible in this channel");
    let operations = vec![Operation::Transfer { amount }];
    let proof = kept
        .channel
        .propose(side, &operations, &tip)
        .map_err(refuse)?;
    confirm(
        context,
        &format!(
            "Pay {} to {partner} through channel {}.",
            money::both(amount),
            view.number
        ),
    )?;
    let signature = participant.sign(&proof.digest(kept.channel.domain()));
    let update = Update {
        operations,
        proof: SignedProof { proof, signature },
    };
    kept.channel = kept.channel.accept(&update, &tip).map_err(refuse)?;
    kept.outbox.push(update);
    // From here on it counts as sent, whatever happens.
    participant.keep(&kept)?;
    let delivered = match participant.deliver(&mut kept).await {
        Ok(()) => true,
        Err(error) if crate::problem::of(&error).exit() == Exit::Unreachable => false,
        Err(error) => return Err(error),
    };
    participant.back_up_soon().await;
    let balance = kept.channel.balances(side, &tip).balance;
    let value = json!({
        "number": view.number, "channelId": view.channel_id, "to": partner, "amountSat": amount,
        "nonce": proof.nonce, "status": if delivered { "delivered" } else { "stored" },
        "partnerOnline": view.partner_online, "balanceSat": balance,
    });
    context.output.show(&value, |_| {
        let rest = match (delivered, view.partner_online) {
            (false, _) => "The relay is away; the payment is signed and written here and goes out with the next command.",
            (true, true) => "Delivered.",
            (true, false) => "Your partner is offline: the relay keeps it, and it already counts as theirs.",
        };
        format!("Paid {} to {partner}. You have {} left. {rest}", money::qtum(amount), money::qtum(balance))
    })
}

/// The channel of that number, or the open one to that partner with the most to spend.
async fn find(participant: &Participant, to: &str) -> Result<(View, Kept)> {
    let is_channel = to.starts_with('#') || to.parse::<u64>().is_ok() || to.len() == 66;
    if is_channel {
        return participant.channel(to).await;
    }
    let (partner, tip) = (participant.account_of(to)?, participant.tip());
    let mut best = None;
    for (view, kept) in participant.channels().await? {
        let side = participant.side(&kept)?;
        let is_open = kept.channel.phase(tip.height) == Phase::Open;
        if is_open && kept.channel.account(side.other()) == partner {
            let available = kept.channel.balances(side, &tip).available;
            if best.as_ref().is_none_or(|(most, _, _)| *most < available) {
                best = Some((available, view, kept));
            }
        }
    }
    best.map(|(_, view, kept)| (view, kept)).ok_or_else(|| {
        let text = format!(
            "You have no open channel with {to}. Open one with: sparky channel open {to} AMOUNT"
        );
        Problem::new("no-route", "No path", text).into()
    })
}
