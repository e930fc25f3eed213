//! A channel as a screen shows it: every figure of it is computed here, at one height.

use std::collections::BTreeMap;

use serde::Serialize;
use sparky_protocol::{Account, Amount, Channel, Phase, Side, Tip, settlement, watch};
use wasm_bindgen::prelude::*;

use crate::{failure::Result, json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    number: u64,
    partner: Account,
    window: u32,
    penalty_bps: u16,
    opened_at: u32,
    sequence: u16,
    phase: &'static str,
    balances: Balances,
    nonces: Nonces,
    /// Last block that something signed holds payments back; nothing does if absent.
    frozen_until: Option<u32>,
    /// What keeps this device from signing; nothing does if absent.
    doubt: Option<sparky_protocol::channel::Doubt>,
    /// Whether the relay's word is all that is known of what this device signed: closing alone then
    /// declares nothing and takes three windows.
    hearsay: bool,
    /// With what the partner is to be asked, while its word is of use.
    question: Option<sparky_protocol::Hash>,
    /// Confirmations that the opening still needs.
    confirmations_left: u32,
    closing: Option<Closing>,
    payout: Option<Payout>,
    /// What the participant may do now, by verb.
    can: BTreeMap<&'static str, bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Balances {
    mine: Amount,
    partner: Amount,
    capacity: Amount,
    available: Amount,
    receivable: Amount,
    locked: Amount,
    pending_mine: Amount,
    pending_partner: Amount,
    sent: Amount,
    received: Amount,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Nonces {
    sent: u64,
    sent_acked: u64,
    received: u64,
    received_acked: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Closing {
    kind: &'static str,
    by_me: bool,
    closed_at: u32,
    deadline: u32,
    settleable_at: u32,
    blocks_left: u32,
    blocks_total: u32,
    stale: bool,
    corrected: bool,
    pay_mine: Amount,
    pay_partner: Amount,
    penalty: Amount,
    expect_mine: Amount,
    expect_partner: Amount,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payout {
    mine: Amount,
    partner: Amount,
    penalty: Amount,
    together: bool,
    height: u32,
}

/// Everything that a screen shows of `channel` to the participant on `side`.
#[wasm_bindgen(js_name = viewChannel)]
pub fn view_channel(channel: &str, side: &str, tip: &str) -> core::result::Result<String, JsValue> {
    let view = || -> Result<String> {
        let (channel, side, tip) = (json::parse(channel)?, json::side(side)?, json::parse(tip)?);
        json::print(&view(&channel, side, &tip))
    };
    Ok(view()?)
}

fn view(channel: &Channel, side: Side, tip: &Tip) -> View {
    let facts = channel.facts();
    // What the next block allows is what the user can still do.
    let phase = channel.phase(tip.height.saturating_add(1));
    let confirmations_left = confirmations_left(facts.opened_at, tip);
    let action = watch::watch(channel, side, watch::Caller::Participant, tip.height);
    let helps = action
        .as_ref()
        .is_some_and(|action| action.reason != watch::Reason::Settleable);
    let settle = action.is_some_and(|action| action.reason == watch::Reason::Settleable);
    let open = phase == Phase::Open;
    let certain = channel.doubt().is_none();
    let frozen_until = channel.frozen_until(side, tip);
    let balances = balances(channel, side, tip);
    View {
        number: facts.params.number,
        partner: channel.account(side.other()),
        window: facts.params.window,
        penalty_bps: facts.params.penalty_bps,
        opened_at: facts.opened_at,
        sequence: facts.sequence,
        phase: match phase {
            Phase::Open if confirmations_left != 0 => "opening",
            Phase::Open => "open",
            Phase::Finalizing { .. } => "finalizing",
            Phase::Final { .. } => "final",
            Phase::Settled => "settled",
        },
        can: BTreeMap::from([
            ("pay", open && certain && balances.available != Amount::ZERO),
            ("deposit", open),
            ("close", open),
            ("counterClaim", helps),
            ("settle", settle),
            (
                "withdraw",
                open && certain && channel.withdrawable(side, tip) != Amount::ZERO,
            ),
        ]),
        balances,
        nonces: Nonces {
            sent: channel.street(side).nonce(),
            sent_acked: channel.street(side).acked_nonce(),
            received: channel.street(side.other()).nonce(),
            received_acked: channel.street(side.other()).acked_nonce(),
        },
        frozen_until,
        doubt: channel.doubt().copied(),
        hearsay: channel.hearsay().is_some(),
        question: channel.question(),
        confirmations_left,
        closing: closing(channel, side, tip, helps),
        payout: facts.settled.map(|settled| {
            let pay = [settled.pay_a, settled.pay_b];
            Payout {
                mine: pay[side],
                partner: pay[side.other()],
                penalty: settled.penalty,
                together: settled.cooperative,
                height: settled.height,
            }
        }),
    }
}

fn confirmations_left(mined: u32, tip: &Tip) -> u32 {
    mined
        .saturating_add(tip.confirmations)
        .saturating_sub(tip.height.saturating_add(1))
}

fn balances(channel: &Channel, side: Side, tip: &Tip) -> Balances {
    let [mine, partner] = [side, side.other()].map(|side| channel.balances(side, tip));
    Balances {
        mine: mine.balance,
        partner: partner.balance,
        capacity: channel.facts().capacity(tip),
        available: mine.available,
        receivable: mine.receivable,
        locked: mine.locked,
        pending_mine: mine.pending_deposit,
        pending_partner: partner.pending_deposit,
        sent: channel.street(side).transferred(),
        received: channel.street(side.other()).transferred(),
    }
}

fn closing(channel: &Channel, side: Side, tip: &Tip, helps: bool) -> Option<Closing> {
    let facts = channel.facts();
    let closed = facts.closed?;
    let by_me = closed.by == side;
    let locks = Side::BOTH.map(|side| {
        channel
            .street(side)
            .locks_of(&facts.posted[side].locks_root)
            .unwrap_or_default()
    });
    let now = settlement::outcome(facts, locks, |_| None)?;

    // What it comes to when everything that both signed has been shown.
    let mut shown = facts.clone();
    for side in Side::BOTH {
        shown.posted[side].floor = shown.posted[side]
            .floor
            .max(channel.street(side).transferred());
    }
    let expected = settlement::outcome(&shown, locks, |_| None)?;

    let signed = channel.street(closed.by).transferred();
    let shown_more = facts.posted[closed.by].owed() > closed.declared.unwrap_or_default();
    let settleable_at = facts.finalizes_at()?;
    Some(Closing {
        kind: if closed.declared.is_some() {
            "alone"
        } else {
            "recover"
        },
        by_me,
        closed_at: closed.height,
        deadline: closed.deadline,
        settleable_at,
        blocks_left: settleable_at.saturating_sub(tip.height.saturating_add(1)),
        blocks_total: settleable_at.saturating_sub(closed.height.saturating_add(1)),
        // Of our own lie we know without anybody's call.
        stale: if by_me {
            closed.declared.is_some_and(|declared| declared < signed)
        } else {
            helps
        },
        corrected: shown_more,
        pay_mine: [now.pay_a, now.pay_b][side],
        pay_partner: [now.pay_a, now.pay_b][side.other()],
        penalty: now.penalty,
        expect_mine: [expected.pay_a, expected.pay_b][side],
        expect_partner: [expected.pay_a, expected.pay_b][side.other()],
    })
}
