//! `sparky channel agree`: sign what the partner signed, and send the transaction.

use anyhow::Result;
use serde_json::{Value, json};
use sparky_protocol::{
    Authorisation, ContractCall, CooperativeClose, CooperativeWithdraw, Hash, Side, Signature,
};

use super::{Which, tell, transact};
use crate::args::Context;
use crate::money;
use crate::participant::book::Kept;
use crate::participant::view::{Proposal, View, What};
use crate::participant::{Mined, Participant, refused};
use crate::problem::Problem;

/// Agrees to the partner's newest proposal.
///
/// # Errors
/// `no-proposal`, `bad-signature`, the rule that the proposal does not keep, and the network's.
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

/// What the partner has signed.
pub struct Offer {
    id: Value,
    /// What it authorises.
    pub what: Authorisation,
    signature: Signature,
}

impl Offer {
    /// Whether it is the end of the channel.
    pub fn is_close(&self) -> bool {
        matches!(self.what, Authorisation::CooperativeClose(_))
    }

    fn digest(&self, kept: &Kept) -> Hash {
        let domain = kept.channel.domain();
        match &self.what {
            Authorisation::CooperativeClose(close) => close.digest(domain),
            Authorisation::CooperativeWithdraw(withdraw) => withdraw.digest(domain),
            Authorisation::Close(_) => unreachable!("invariant: an offer is cooperative"),
        }
    }
}

/// The partner's offer that still counts, checked to be signed by the partner.
///
/// # Errors
/// `not-participant`.
pub fn partners_offer(
    participant: &Participant,
    view: &View,
    kept: &Kept,
) -> Result<Option<Offer>> {
    let partner = kept.channel.account(participant.side(kept)?.other());
    let height = participant.tip().height;
    let offers = view
        .proposals
        .iter()
        .rev()
        .map(|proposal| read(proposal, kept))
        .filter(|offer| {
            height < offer.what.valid_until()
                && offer
                    .signature
                    .verify(&offer.digest(kept), &partner)
                    .is_ok()
        });
    Ok(offers.into_iter().next())
}

/// Records that we agree, tells the relay, and sends the transaction; it is ours to send.
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
    let partner = participant.side(kept)?.other();
    let mut signatures = [None; 2];
    signatures[partner.index()] = Some(offer.signature);
    let (call, what) = call(kept, &offer.what, &signatures);
    let plan_what = format!("{what} in channel {}.", kept.number());
    participant.keep(kept)?;
    let mined = transact(context, participant, &call, &plan_what, "agree").await?;
    let answer = json!({ "signature": participant.sign(&offer.digest(kept)) });
    let id = offer
        .id
        .as_str()
        .map_or_else(|| offer.id.to_string(), str::to_owned);
    let path = format!("/channels/{}/proposals/{id}", kept.channel.id());
    // The chain has spoken; whether the relay still lists the proposal changes nothing.
    let _: Result<Value> = participant.relay.put(&path, &answer).await;
    Ok(mined)
}

fn call(
    kept: &Kept,
    what: &Authorisation,
    signatures: &[Option<Signature>; 2],
) -> (ContractCall, String) {
    match what {
        Authorisation::CooperativeWithdraw(withdraw) => (
            kept.channel
                .cooperative_withdraw_call(withdraw, *signatures),
            format!(
                "{} takes out {}",
                withdraw.from,
                money::both(withdraw.amount)
            ),
        ),
        Authorisation::CooperativeClose(close) => (
            kept.channel.cooperative_close_call(close, *signatures),
            "Close together and pay both".into(),
        ),
        Authorisation::Close(_) => unreachable!("invariant: an offer is cooperative"),
    }
}

fn read(proposal: &Proposal, kept: &Kept) -> Offer {
    let (channel_id, sequence, valid_until) =
        (kept.channel.id(), proposal.sequence, proposal.valid_until);
    let what = match proposal.what {
        What::Close { net_to_a } => Authorisation::CooperativeClose(CooperativeClose {
            channel_id,
            net_to_a,
            sequence,
            valid_until,
        }),
        What::Withdraw { from_b, amount_sat } => {
            let from = if from_b { Side::B } else { Side::A };
            let amount = amount_sat;
            Authorisation::CooperativeWithdraw(CooperativeWithdraw {
                channel_id,
                from,
                amount,
                sequence,
                valid_until,
            })
        }
    };
    Offer {
        id: proposal.id.clone(),
        what,
        signature: proposal.signature,
    }
}
