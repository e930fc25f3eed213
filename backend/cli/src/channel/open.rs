//! `sparky channel open`: one transaction that makes a channel, with or without a deposit.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use sparky_protocol::{Account, ContractCall, policy};

use super::{limits, tell, transact};
use crate::args::Context;
use crate::money;
use crate::participant::Participant;
use crate::participant::view::View;
use crate::problem::Problem;

/// Arguments of `sparky channel open`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The partner's address
    partner: String,
    /// The first deposit: 20, 0.5qtum, 5000sat; nothing is allowed too
    #[arg(default_value = "0", allow_hyphen_values = true)]
    amount: String,
    /// The finalization period in blocks; what the relay recommends when left out
    #[arg(long)]
    window: Option<u32>,
    /// What hiding payments costs, in 1/10000 of what was hidden
    #[arg(long)]
    penalty_bps: Option<u16>,
}

/// Opens a channel and waits until the relay follows it.
///
/// # Errors
/// Bad addresses and amounts, `window-out-of-range`, `insufficient-onchain-balance`, and the network's.
pub async fn run(args: &Args, context: &Context) -> Result<()> {
    let amount = money::parse(&args.amount)?;
    let participant = Participant::open(context).await?;
    let partner = participant.account_of(&args.partner)?;
    if partner == participant.account {
        let text = "A channel has two ends. Nothing was sent.";
        return Err(Problem::new("own-address", "That is your own address", text).into());
    }
    let window = limits::window(&participant.info, args.window)?;
    let safe = limits::too_much(&participant.info, amount, window)?;
    let instead = "Choose a longer --window or a smaller deposit.";
    limits::warn(context, safe, amount, window, instead);
    let call = ContractCall::Open {
        account_b: partner,
        token: Account::ZERO,
        amount,
        window,
        penalty_bps: args.penalty_bps.unwrap_or(participant.info.penalty_bps),
    };
    let address = participant.address_of(&partner);
    let what = format!(
        "Open a channel to {address} with {}, period {window} blocks.",
        money::both(amount)
    );
    let known: Vec<u64> = participant
        .channels()
        .await?
        .iter()
        .map(|(view, _)| view.number)
        .collect();
    let mined = transact(context, &participant, &call, &what, "open").await?;
    // Taken up from an earlier command, it may have been there already: then it is the newest.
    let known = if mined.resumed { Vec::new() } else { known };
    let opened = appeared(&participant, &known, &partner).await?;
    let text = format!(
        "Channel {} to {address} is open with {}. Pay with: sparky pay {} AMOUNT",
        opened.number,
        money::qtum(amount),
        opened.number
    );
    let more = json!({
        "number": opened.number, "channelId": opened.channel_id, "partner": address,
        "depositSat": amount, "window": window, "safeCapacitySat": policy::safe_capacity(window),
        "tooMuch": safe.is_some(),
    });
    tell(context, &mined, &text, more)
}

/// The relay follows the chain at its own pace: waits for the channel that was not there before.
async fn appeared(participant: &Participant, known: &[u64], partner: &Account) -> Result<View> {
    for _ in 0..200 {
        let channels = participant.channels().await?.into_iter();
        let opened = channels.filter(|(view, kept)| {
            let params = kept.channel.params();
            let is_ours = params.account_a == participant.account && params.account_b == *partner;
            is_ours && !known.contains(&view.number)
        });
        if let Some((view, _)) = opened.max_by_key(|(view, _)| view.number) {
            return Ok(view);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let text = "The transaction is mined and the relay does not show the channel yet. See: sparky channel list";
    Err(Problem::new("timeout", "The relay is behind", text)
        .retryable()
        .into())
}
