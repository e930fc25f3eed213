//! `sparky channel show`: everything about one channel.

use anyhow::Result;
use serde_json::json;
use sparky_protocol::Phase;

use super::Which;
use super::list::{phase_in_words, row};
use crate::args::Context;
use crate::money;
use crate::output::pairs;
use crate::participant::Participant;

/// Prints the channel.
///
/// # Errors
/// `unknown-channel`, `not-participant`.
pub async fn run(which: &Which, context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    let (view, kept) = participant.channel(&which.channel).await?;
    let row = row(&participant, &view, &kept)?;
    let side = participant.side(&kept)?;
    let facts = kept.channel.facts();
    let height = participant.tip().height;
    let value = json!({
        "summary": row, "side": side, "height": height, "facts": facts,
        "watch": view.watch, "partnerOnline": view.partner_online,
        "proposals": view.proposals.len(), "channel": kept.channel,
    });
    context.output.show(&value, |_| {
        let mut lines = vec![
            ("channel", format!("{} ({})", row.number, row.channel_id)),
            (
                "partner",
                format!(
                    "{}{}",
                    row.partner,
                    if view.partner_online { ", online" } else { "" }
                ),
            ),
            ("phase", phase_in_words(&row.phase)),
            ("you", money::qtum(row.balance_sat)),
            ("partner has", money::qtum(row.partner_balance_sat)),
            ("spendable", money::qtum(row.available_sat)),
            ("can receive", money::qtum(row.receivable_sat)),
            (
                "proofs",
                format!("{} sent, {} received", row.sent_nonce, row.received_nonce),
            ),
            ("period", format!("{} blocks", row.window)),
        ];
        if let Some(code) = row.refused {
            let text = format!("{code}: something that the relay shows was not taken over");
            lines.push(("warning", text));
        }
        if let Phase::Finalizing { finalizes_at, .. } = row.phase {
            let left = finalizes_at.saturating_sub(height);
            let minutes = u64::from(left) * u64::from(participant.info.block_seconds) / 60;
            lines.push(("blocks left", format!("{left}, about {minutes} min")));
        }
        if let Some(settled) = &facts.settled {
            let (mine, theirs) = if side.is_b() {
                (settled.pay_b, settled.pay_a)
            } else {
                (settled.pay_a, settled.pay_b)
            };
            let text = format!("you {}, partner {}", money::qtum(mine), money::qtum(theirs));
            lines.push(("paid out", text));
        }
        if !view.proposals.is_empty() && facts.settled.is_none() {
            lines.push((
                "proposals",
                format!(
                    "{}; agree with: sparky channel agree {}",
                    view.proposals.len(),
                    row.number
                ),
            ));
        }
        pairs(&lines)
    })
}
