//! Meeting the relay again: newer facts of the chain, newer signatures of either side.

use serde::{Deserialize, Serialize};
use sparky_protocol::{Account, Channel, Domain, Hash, Meeting, Met, Rejected, Side, Tip};
use wasm_bindgen::prelude::*;

use crate::{
    failure::{Failure, Result},
    json,
};

/// Where and for whom: what the page knows by itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Here {
    domain: Domain,
    account: Account,
    tip: Tip,
    /// With what the partner is asked if everything was lost: 32 random bytes.
    #[serde(default)]
    question: Hash,
    /// When the relay's database was last restored from a copy, as it says.
    #[serde(default)]
    restored_at: Option<u32>,
    /// Own proofs, the newest, that have not reached the relay.
    #[serde(default)]
    unsent: u64,
    /// The height at which this memory began: what was opened later it can not have forgotten.
    #[serde(default)]
    since: Option<u32>,
}

/// What the meeting led to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Merged {
    channel: String,
    number: u64,
    side: Side,
    /// The relay showed signatures of our own that were not known here: data had been lost.
    adopted_own: bool,
    /// Something that is known here is missing there: the relay has forgotten it.
    relay_behind: bool,
    /// Why the relay's promises were not taken over, if they were not; its facts were.
    refused: Option<&'static str>,
}

/// The same promises over the facts that the relay shows.
#[wasm_bindgen(js_name = withFacts)]
pub fn with_facts(known: &str, shown: &str, here: &str) -> core::result::Result<String, JsValue> {
    let next = || -> Result<String> {
        let (shown, _, _) = read(shown, here)?;
        let known = same(json::parse(known)?, &shown)?;
        json::print(&known.with_facts(shown.facts().clone()))
    };
    Ok(next()?)
}

/// Takes over facts and newer signatures from the channel that the relay shows. Without a channel
/// of our own everything is taken over, after the same verification.
#[wasm_bindgen]
#[expect(
    clippy::needless_pass_by_value,
    reason = "an optional text can only be taken by value from JavaScript"
)]
pub fn merge(
    known: Option<String>,
    shown: &str,
    here: &str,
) -> core::result::Result<String, JsValue> {
    Ok(merge_shown(known.as_deref(), shown, here)?)
}

fn merge_shown(known: Option<&str>, shown: &str, here: &str) -> Result<String> {
    let (shown, side, here) = read(shown, here)?;
    let Here {
        tip,
        question,
        restored_at,
        unsent,
        since,
        ..
    } = here;
    let base = match known {
        Some(known) => same(json::parse(known)?, &shown)?,
        None => Channel::first_met(&shown, since, question, &tip),
    };
    let relay_behind = base.is_ahead_of(&shown, side, unsent);
    let meeting = Meeting {
        side,
        unsent,
        restored_at,
        question,
    };
    let Met {
        channel,
        adopted_own,
        refused,
    } = base.meet(&shown, &meeting, &tip);
    json::print(&Merged {
        number: channel.params().number,
        side,
        adopted_own,
        relay_behind,
        refused: refused.map(|why| why.code()),
        channel: json::print(&channel)?,
    })
}

/// What the relay shows, if it is of our contract and ours.
fn read(shown: &str, here: &str) -> Result<(Channel, Side, Here)> {
    let shown: Channel = json::parse(shown)?;
    let here: Here = json::parse(here)?;
    let account = here.account;
    if *shown.domain() != here.domain || shown.params().id() != shown.id() {
        return Err(Failure::new(
            "wrong-channel",
            "the relay shows a channel of another contract",
        ));
    }
    let side = shown
        .side_of(&account)
        .ok_or(Rejected::NotParticipant { account })?;
    Ok((shown, side, here))
}

/// Gives up own proofs that contradict what the relay shows, and goes on from there.
#[wasm_bindgen(js_name = giveWay)]
pub fn give_way(known: &str, shown: &str, here: &str) -> core::result::Result<String, JsValue> {
    let next = || -> Result<String> {
        let (shown, side, here) = read(shown, here)?;
        let known = same(json::parse(known)?, &shown)?.with_facts(shown.facts().clone());
        json::print(&known.give_way(side, shown.streets(), &here.tip)?)
    };
    Ok(next()?)
}

fn same(known: Channel, shown: &Channel) -> Result<Channel> {
    if known.id() == shown.id() {
        Ok(known)
    } else {
        Err(Failure::new(
            "wrong-channel",
            "the relay shows another channel",
        ))
    }
}
