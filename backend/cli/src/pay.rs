//! `sparky pay`: one signature, one message, no transaction.

use anyhow::Result;
use serde_json::json;
use sparky_protocol::{Amount, Operation, Phase, SignedProof, Update};

use crate::args::Context;
use crate::confirm::confirm;
use crate::money;
use crate::participant::book::Kept;
use crate::participant::view::View;
use crate::participant::{Participant, refused};
use crate::problem::{self, Problem};

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
/// Bad amounts, `no-route`, `insufficient-channel-balance`, `channel-closing`, and the relay's: then
/// nothing was signed. `payment-pending` once it is signed and the relay has not taken it.
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
    let undelivered = participant.deliver(&mut kept).await.err();
    participant.back_up_soon().await;
    let balance = kept.channel.balances(side, &tip).balance;
    let reason = undelivered.as_ref().map(|error| problem::of(error).code);
    let value = json!({
        "number": view.number, "channelId": view.channel_id, "to": partner, "amountSat": amount,
        "nonce": proof.nonce, "status": if reason.is_none() { "delivered" } else { "stored" }, "reason": reason,
        "partnerOnline": view.partner_online, "balanceSat": balance,
    });
    context.output.show(&value, |_| {
        let rest = match (&reason, view.partner_online) {
            (Some(_), _) => "It is signed and written here, and not delivered yet.",
            (None, true) => "Delivered.",
            (None, false) => {
                "Your partner is offline: the relay keeps it, and it already counts as theirs."
            }
        };
        format!(
            "Paid {} to {partner}. You have {} left. {rest}",
            money::qtum(amount),
            money::qtum(balance)
        )
    })?;
    undelivered.map_or(Ok(()), |error| {
        Err(stored(&problem::of(&error), amount, view.number, proof.nonce).into())
    })
}

/// A payment that the relay did not take. Whatever the relay said of it, it is signed and kept, and
/// goes out with the next command: who pays "again" pays twice. So the relay's own words, which may
/// say that nothing was sent, are not the last ones, and no retry is offered.
fn stored(why: &Problem, amount: Amount, number: u64, nonce: u64) -> Problem {
    let text = format!(
        "The payment of {} in channel {number} is signed and written here as number {nonce}, and the relay has not \
         taken it yet ({}). It is sent again by the next command, sparky channel list for one. Do not pay again: that \
         would be a second payment.",
        money::qtum(amount),
        why.code
    );
    Problem::new("payment-pending", "Signed, not delivered yet", text)
        .with("nonce", nonce)
        .with("reason", why.code.clone())
        .with("reasonDetail", why.detail.clone())
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
