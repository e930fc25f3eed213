//! `sparky channel agree`: sign what the partner signed, and send the transaction.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sparky_protocol::Authorisation;
use sparky_relay::failpoint;

use super::{Which, tell, transact};
use crate::args::Context;
use crate::money;
use crate::participant::book::Kept;
use crate::participant::offer::{self, Offer};
use crate::participant::view::View;
use crate::participant::{Mined, Participant, refused};
use crate::problem::Problem;

/// Agrees to the partner's newest proposal.
///
/// # Errors
/// `no-proposal`, the rule that the proposal does not keep, and the network's.
pub async fn run(which: &Which, context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    let (view, mut kept) = participant.channel(&which.channel).await?;
    let Some(offer) = partners_offer(&participant, &view, &kept)? else {
        let text = format!(
            "Your partner has proposed nothing in channel {} that still counts.",
            kept.number()
        );
        return Err(Problem::new("no-proposal", "Nothing to agree to", text).into());
    };
    let mined = accept(context, &participant, &mut kept, &offer).await?;
    let text = match offer.what {
        Authorisation::CooperativeWithdraw(withdraw) => {
            format!(
                "{} left channel {}.",
                money::qtum(withdraw.amount),
                kept.number()
            )
        }
        _ => format!("Channel {} is closed; both are paid.", kept.number()),
    };
    tell(context, &mined, &text, json!({ "number": kept.number() }))
}

/// The partner's newest offer that the next block can still take.
///
/// # Errors
/// `not-participant`.
pub fn partners_offer(
    participant: &Participant,
    view: &View,
    kept: &Kept,
) -> Result<Option<Offer>> {
    let partner = participant.side(kept)?.other();
    let height = participant.tip().height;
    let mut offers = offer::signed(view, kept).into_iter();
    Ok(offers.find(|offer| offer.by == partner && height < offer.what.valid_until()))
}

/// Records that we agree, sends the transaction, which is ours to send, and tells the relay.
///
/// # Errors
/// The rule that the offer does not keep, and the network's.
pub async fn accept(
    context: &Context,
    participant: &Participant,
    kept: &mut Kept,
    offer: &Offer,
) -> Result<Mined> {
    let title = "The proposal does not fit what both have signed";
    kept.channel = kept
        .channel
        .authorise(offer.what, &participant.tip())
        .map_err(|rejected| refused(&rejected, title))?;
    participant.keep(kept)?;
    let call = offer.call(kept).context("an offer is cooperative")?;
    let what = match &offer.what {
        Authorisation::CooperativeWithdraw(withdraw) => format!(
            "Your partner takes {} out of channel {}.",
            money::both(withdraw.amount),
            kept.number()
        ),
        _ => format!(
            "Close channel {} together; both are paid at once.",
            kept.number()
        ),
    };
    let mined = transact(context, participant, &call, &what, "agree").await?;
    if let Some(digest) = offer.digest(kept.channel.domain()) {
        let path = format!("/channels/{}/proposals/{}", kept.channel.id(), offer.id);
        let answer = json!({ "signature": participant.sign(&digest) });
        // The chain has spoken; whether the relay still lists the proposal changes nothing.
        failpoint!("participant.countersign.before");
        let _: Result<Value> = participant.relay.put(&path, &answer).await;
        failpoint!("participant.countersign.after");
    }
    Ok(mined)
}
