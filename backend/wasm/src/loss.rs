//! After a loss: showing a relay what it forgot, asking the partner, answering it.

use serde::Serialize;
use sparky_protocol::{Channel, Hash, Street, Word};
use wasm_bindgen::prelude::*;

use crate::{
    failure::{Failure, Result},
    json,
    key::Key,
};

/// What a relay that has forgotten is shown.
#[derive(Serialize)]
struct Shown<'a> {
    streets: &'a [Street; 2],
}

/// Both streets as they are known here: `{streets}`.
#[wasm_bindgen(js_name = streetsOf)]
pub fn streets_of(channel: &str) -> core::result::Result<String, JsValue> {
    let print = || -> Result<String> {
        let channel: Channel = json::parse(channel)?;
        json::print(&Shown {
            streets: channel.streets(),
        })
    };
    Ok(print()?)
}

/// The channel after the partner's word; its doubt is over when everything in it is known here.
#[wasm_bindgen(js_name = hearPartner)]
pub fn hear_partner(
    channel: &str,
    side: &str,
    word: &str,
) -> core::result::Result<String, JsValue> {
    let heard = || -> Result<String> {
        let (channel, side): (Channel, _) = (json::parse(channel)?, json::side(side)?);
        let word: Word = json::parse(word)?;
        json::print(&channel.hear_partner(&word, side.other())?)
    };
    Ok(heard()?)
}

#[wasm_bindgen]
impl Key {
    /// The word on what is held here, for the partner who asks.
    #[wasm_bindgen(js_name = wordFor)]
    pub fn word_for(&self, channel: &str, question: &str) -> core::result::Result<String, JsValue> {
        Ok(self.word(channel, question)?)
    }
}

impl Key {
    fn word(&self, channel: &str, question: &str) -> Result<String> {
        let channel: Channel = json::parse(channel)?;
        let question: Hash = question
            .parse()
            .map_err(|error| Failure::new("malformed", error))?;
        self.side(&channel)?;
        let unsigned = channel.word(question);
        json::print(&unsigned.signed(self.sign(&unsigned.digest(channel.domain()))))
    }
}
