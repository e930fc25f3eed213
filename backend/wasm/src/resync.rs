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

/// Takes over facts and newer signatures from the channel that the relay shows. Without a channel
/// of our own everything is taken over, after the same verification.
#[wasm_bindgen]
pub fn merge(
    known: Option<String>,
    shown: &str,
    here: &str,
) -> core::result::Result<String, JsValue> {
    Ok(merge_shown(known.as_deref(), shown, here)?)
}

fn merge_shown(known: Option<&str>, shown: &str, here: &str) -> Result<String> {
    let shown: Channel = json::parse(shown)?;
    let Here {
        domain,
        account,
        tip,
    } = json::parse(here)?;
    if *shown.domain() != domain || shown.facts().params.id() != shown.id() {
        return Err(Failure::new(
            "wrong-channel",
            "the relay shows a channel of another contract",
        ));
    }
    let side = shown
        .side_of(&account)
        .ok_or(Rejected::NotParticipant { account })?;
    let known: Option<Channel> = known.map(json::parse).transpose()?;
    if known.as_ref().is_some_and(|known| known.id() != shown.id()) {
        return Err(Failure::new(
            "wrong-channel",
            "the relay shows another channel",
        ));
    }
    let is_new = known.is_none();
    let mut base = known.unwrap_or_else(|| Channel::new(domain, shown.facts().clone()));
    base = base.with_facts(shown.facts().clone());
    if is_new {
        // What we authorised and forgot still binds; at worst the relay makes us wait.
        for authorisation in shown.authorisations() {
            base = base.authorise(*authorisation, &tip).unwrap_or(base);
        }
    }
    let before = base.street(side).nonce();
    let (channel, refused) = match base.adopt(shown.streets(), &tip) {
        Ok(next) => (next, None),
        Err(why) => (base, Some(why.code())),
    };
    json::print(&Merged {
        number: channel.params().number,
        side,
        adopted_own: before < channel.street(side).nonce(),
        refused,
        channel: json::print(&channel)?,
    })
}
