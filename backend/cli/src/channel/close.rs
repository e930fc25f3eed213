//! `sparky channel close`: together by default, alone when asked.

use anyhow::Result;
use serde_json::{Value, json};
use sparky_protocol::Authorisation;
use sparky_relay::failpoint;

use super::agree::{accept, partners_offer};
use super::{Which, require_open, tell, valid_until};
use crate::args::Context;
use crate::confirm::confirm;
use crate::money;
use crate::participant::book::Kept;
use crate::participant::offer::Offer;
use crate::participant::{Participant, refused};

/// Arguments of `sparky channel close`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Without the partner: starts the finalization period
    #[arg(long)]
    alone: bool,
}

/// Closes a channel.
///
/// # Errors
/// `channel-closing`, the rules of the proofs, and the network's.
pub async fn run(args: &Args, context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    let (view, mut kept) = participant.channel(&args.which.channel).await?;
    if args.alone {
        return alone(context, &participant, &mut kept).await;
    }
    if let Some(offer) = partners_offer(&participant, &view, &kept)?.filter(Offer::is_close) {
        let mined = accept(context, &participant, &mut kept, &offer).await?;
        let text = format!("Channel {} is closed; both are paid.", kept.number());
        return tell(
            context,
            &mined,
            &text,
            json!({ "number": kept.number(), "status": "closed" }),
        );
    }
    propose(context, &participant, &mut kept).await
}

async fn propose(context: &Context, participant: &Participant, kept: &mut Kept) -> Result<()> {
    let (tip, until) = (participant.tip(), valid_until(participant, kept));
    let refuse = |rejected| refused(&rejected, "Not possible in this channel");
    let close = kept
        .channel
        .cooperative_close(until, &tip)
        .map_err(refuse)?;
    let side = participant.side(kept)?;
    let mine = money::qtum(kept.channel.balances(side, &tip).balance);
    let partners = money::qtum(kept.channel.balances(side.other(), &tip).balance);
    let number = kept.number();
    confirm(
        context,
        &format!("Propose to close channel {number}: you get {mine}, your partner {partners}."),
    )?;
    kept.channel = kept
        .channel
        .authorise(Authorisation::CooperativeClose(close), &tip)
        .map_err(refuse)?;
    participant.keep(kept)?;
    let proposal = json!({
        "kind": "close", "netToA": close.net_to_a, "validUntil": until, "sequence": close.sequence,
        "signature": participant.sign(&close.digest(kept.channel.domain())),
    });
    let path = format!("/channels/{}/proposals", kept.channel.id());
    failpoint!("participant.close-proposal.before");
    let created: Value = participant.relay.post(&path, &proposal).await?;
    failpoint!("participant.close-proposal.after");
    let value =
        json!({ "status": "proposed", "number": number, "validUntil": until, "proposal": created });
    context.output.show(&value, |_| {
        format!("Proposed, valid until block {until}. Your partner agrees with: sparky channel agree {number}")
    })
}

async fn alone(context: &Context, participant: &Participant, kept: &mut Kept) -> Result<()> {
    require_open(participant, kept)?;
    let (side, tip, until) = (
        participant.side(kept)?,
        participant.tip(),
        valid_until(participant, kept),
    );
    // Whatever we signed from now on would contradict the declaration.
    let bound = kept
        .channel
        .authorise(Authorisation::close(side, until), &tip)
        .map_err(|rejected| refused(&rejected, "Not possible in this channel"))?;
    let call = kept.channel.close_call(side, until);
    // Without a declaration, where the relay's word is all that is known of what we signed.
    let windows = if kept.channel.hearsay().is_some() {
        3
    } else {
        1
    };
    let window = kept.channel.params().window.saturating_mul(windows);
    let what = format!(
        "Close channel {} without your partner: you get {} after {window} blocks.",
        kept.number(),
        money::qtum(kept.channel.balances(side, &tip).balance)
    );
    let plan = participant.plan(&call).await?;
    confirm(context, &what)?;
    kept.channel = bound;
    participant.keep(kept)?;
    let mined = participant.execute(&plan, &call, "close").await?;
    let text = format!(
        "Channel {} is closing. After {window} blocks: sparky channel settle {}",
        kept.number(),
        kept.number()
    );
    tell(
        context,
        &mined,
        &text,
        json!({ "number": kept.number(), "status": "closing", "window": window }),
    )
}
