//! Meeting the relay again: newer facts of the chain, newer signatures of either side.

use serde::{Deserialize, Serialize};
use sparky_protocol::{Account, Channel, Domain, Rejected, Side, Tip};
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
    let (shown, side, tip) = read(shown, here)?;
    let base = match known {
        Some(known) => same(json::parse(known)?, &shown)?.with_facts(shown.facts().clone()),
        // What was signed before everything was lost binds, whether or not it would be signed today.
        None => Channel::new(*shown.domain(), shown.facts().clone())
            .remember(shown.authorisations(), &tip),
    };
    let before = base.street(side).nonce();
    // Our own words bind us even when the partner's are refused.
    let (own, lie) = match base.adopt_own(side, shown.streets()) {
        Ok(own) => (own, None),
        Err(why) => (base, Some(why.code())),
    };
    let (channel, refused) = match own.adopt(shown.streets(), &tip) {
        Ok(next) => (next, lie),
        Err(why) => (own, Some(why.code())),
    };
    json::print(&Merged {
        number: channel.params().number,
        side,
        adopted_own: before < channel.street(side).nonce(),
        refused,
        channel: json::print(&channel)?,
    })
}

/// What the relay shows, if it is of our contract and ours.
fn read(shown: &str, here: &str) -> Result<(Channel, Side, Tip)> {
    let shown: Channel = json::parse(shown)?;
    let Here {
        domain,
        account,
        tip,
    } = json::parse(here)?;
    if *shown.domain() != domain || shown.params().id() != shown.id() {
        return Err(Failure::new(
            "wrong-channel",
            "the relay shows a channel of another contract",
        ));
    }
    let side = shown
        .side_of(&account)
        .ok_or(Rejected::NotParticipant { account })?;
    Ok((shown, side, tip))
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
