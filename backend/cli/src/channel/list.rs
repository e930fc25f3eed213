//! `sparky channel list`: your channels, newest first.

use anyhow::Result;
use serde::Serialize;
use sparky_protocol::{Amount, Balances, ChannelId, Phase};

use crate::args::Context;
use crate::money;
use crate::output::table;
use crate::participant::book::Kept;
use crate::participant::view::View;
use crate::participant::{LeftOut, Participant};

/// Arguments of `sparky channel list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also those that were paid out
    #[arg(long)]
    all: bool,
}

/// One channel in figures.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its number.
    pub number: u64,
    /// Its id.
    pub channel_id: ChannelId,
    /// The partner's address.
    pub partner: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// What is ours.
    pub balance_sat: Amount,
    /// What is the partner's.
    pub partner_balance_sat: Amount,
    /// What we can send.
    pub available_sat: Amount,
    /// What the partner can send.
    pub receivable_sat: Amount,
    /// Deposits that do not count yet.
    pub pending_sat: Amount,
    /// The newest nonce that we signed.
    pub sent_nonce: u64,
    /// The newest nonce that the partner signed.
    pub received_nonce: u64,
    /// The finalization period in blocks.
    pub window: u32,
    /// The rule that something breaks which the relay shows; what it shows was not taken over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<LeftOut>,
}

/// Prints the list.
///
/// # Errors
/// The relay's problem.
pub async fn run(args: &Args, context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    let mut items = Vec::new();
    let (channels, left_out) = participant.channels_told().await?;
    for (view, kept) in channels {
        let row = row(&participant, &view, &kept)?;
        if args.all || row.phase != Phase::Settled {
            items.push(row);
        }
    }
    items.sort_by_key(|row| std::cmp::Reverse(row.number));
    context.output.show(&Page { items, left_out }, |page| {
        if page.items.is_empty() {
            return "No channels. Open one with: sparky channel open ADDRESS AMOUNT".into();
        }
        let rows: Vec<[String; 6]> = page
            .items
            .iter()
            .map(|row| {
                [
                    row.number.to_string(),
                    row.partner.clone(),
                    phase_in_words(&row.phase),
                    money::qtum(row.balance_sat),
                    money::qtum(row.partner_balance_sat),
                    money::qtum(row.available_sat),
                ]
            })
            .collect();
        table(
            ["#", "PARTNER", "PHASE", "YOU", "PARTNER HAS", "SPENDABLE"],
            &rows,
        )
    })
}

/// A channel's figures at the tip.
///
/// # Errors
/// `not-participant`.
pub fn row(participant: &Participant, view: &View, kept: &Kept) -> Result<Row> {
    let (side, tip, channel) = (participant.side(kept)?, participant.tip(), &kept.channel);
    let Balances {
        balance,
        available,
        receivable,
        pending_deposit,
        ..
    } = channel.balances(side, &tip);
    Ok(Row {
        number: kept.number(),
        channel_id: channel.id(),
        partner: participant.address_of(&channel.account(side.other())),
        phase: channel.phase(tip.height),
        balance_sat: balance,
        partner_balance_sat: channel.balances(side.other(), &tip).balance,
        available_sat: available,
        receivable_sat: receivable,
        pending_sat: pending_deposit,
        sent_nonce: channel.street(side).nonce(),
        received_nonce: channel.street(side.other()).nonce(),
        window: channel.params().window,
        refused: view.refused,
    })
}

/// A phase for people.
pub fn phase_in_words(phase: &Phase) -> String {
    match phase {
        Phase::Open => "open".into(),
        Phase::Finalizing { finalizes_at, .. } => format!("closing until {finalizes_at}"),
        Phase::Final { .. } => "to settle".into(),
        Phase::Settled => "settled".into(),
    }
}
