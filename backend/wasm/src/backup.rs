//! Backups: the same two forms that the command line reads and writes.

use serde::Serialize;
use sparky_backup::{Content, Error, File, Kept, Stretch, blob, restored};
use sparky_protocol::{Channel, Hash, Side, Tip};
use sparky_qtum::address;
use wasm_bindgen::prelude::*;
use zeroize::Zeroize as _;

use crate::{
    failure::{Failure, Result},
    json,
    key::Key,
};

/// What everybody can read of a file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    address: String,
    network: String,
    made_at: u64,
}

/// A file that its passphrase has opened.
#[wasm_bindgen]
pub struct OpenedBackup {
    key: Option<Key>,
    content: String,
}

#[wasm_bindgen]
impl OpenedBackup {
    /// The key; it is given out once.
    #[wasm_bindgen(js_name = takeKey)]
    pub fn take_key(&mut self) -> Option<Key> {
        self.key.take()
    }

    /// Everything but the key.
    pub fn content(&self) -> String {
        self.content.clone()
    }
}

#[wasm_bindgen]
impl Key {
    /// A backup file with everything, key included. `random`: 40 bytes.
    #[wasm_bindgen(js_name = sealFile)]
    pub fn seal_file(
        &self,
        content: &str,
        mut passphrase: String,
        random: &[u8],
    ) -> core::result::Result<String, JsValue> {
        let sealed = self.file(content, &passphrase, random);
        passphrase.zeroize();
        Ok(sealed?)
    }

    /// What a relay keeps: 0x and hexadecimal digits. `random`: 24 bytes.
    #[wasm_bindgen(js_name = sealBlob)]
    pub fn seal_blob(&self, content: &str, random: &[u8]) -> core::result::Result<String, JsValue> {
        Ok(self.blob(content, random)?)
    }

    /// The content of what the relay shows as this revision.
    #[wasm_bindgen(js_name = openBlob)]
    pub fn open_blob(&self, text: &str, revision: u32) -> core::result::Result<String, JsValue> {
        Ok(self.unblob(text, revision.into())?)
    }
}

impl Key {
    fn file(&self, content: &str, passphrase: &str, random: &[u8]) -> Result<String> {
        let content: Content = json::parse(content)?;
        let (salt, nonce) = random
            .split_first_chunk::<16>()
            .and_then(|(salt, rest)| Some((*salt, *rest.first_chunk::<24>()?)))
            .ok_or_else(too_little)?;
        let file = File::seal(&content, &self.0, passphrase, Stretch::NEW, salt, nonce)?;
        json::print(&file)
    }

    fn blob(&self, content: &str, random: &[u8]) -> Result<String> {
        let content: Content = json::parse(content)?;
        let nonce = *random.first_chunk::<24>().ok_or_else(too_little)?;
        let sealed = blob::seal(&content, &self.0, nonce)?;
        Ok(format!("0x{}", hex::encode(sealed)))
    }

    fn unblob(&self, text: &str, revision: u64) -> Result<String> {
        let bytes = text
            .strip_prefix("0x")
            .and_then(|digits| hex::decode(digits).ok())
            .ok_or(Error::Damaged)?;
        json::print(&blob::open(&bytes, &self.0, revision)?)
    }
}

/// Reads a file's head: `{address, network, madeAt}`, or what is wrong with it.
#[wasm_bindgen(js_name = readBackup)]
pub fn read_backup(text: &str, network: &str) -> core::result::Result<String, JsValue> {
    let head = || -> Result<String> {
        let file = parsed(text, network)?;
        json::print(&Head {
            address: address::encode(&file.account, json::network(network)?),
            network: file.network,
            made_at: file.made_at,
        })
    };
    Ok(head()?)
}

/// Opens a file.
#[wasm_bindgen(js_name = openBackup)]
pub fn open_backup(
    text: &str,
    network: &str,
    mut passphrase: String,
) -> core::result::Result<OpenedBackup, JsValue> {
    let open = || -> Result<OpenedBackup> {
        let opened = parsed(text, network)?.open(&passphrase)?;
        Ok(OpenedBackup {
            key: Some(Key(opened.key)),
            content: json::print(&opened.content)?,
        })
    };
    let opened = open();
    passphrase.zeroize();
    Ok(opened?)
}

/// What is kept of a channel after a backup was read: `{channel, outbox}`, both as in the backup; none
/// when it holds nothing new. `known` and `saved` have the same form.
#[wasm_bindgen(js_name = restoredChannel)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "an optional text can only be taken by value from JavaScript"
)]
pub fn restored_channel(
    known: Option<String>,
    saved: &str,
    side: &str,
    question: &str,
    tip: &str,
) -> core::result::Result<Option<String>, JsValue> {
    Ok(taken_up(known.as_deref(), saved, side, question, tip)?)
}

fn taken_up(
    known: Option<&str>,
    saved: &str,
    side: &str,
    question: &str,
    tip: &str,
) -> Result<Option<String>> {
    let known: Option<Kept> = known.map(json::parse).transpose()?;
    let (saved, side): (Kept, Side) = (json::parse(saved)?, json::side(side)?);
    let question: Hash = question
        .parse()
        .map_err(|error| Failure::new("malformed", error))?;
    let tip: Tip = json::parse(tip)?;
    let taken = restored(known.as_ref(), &saved, side, question, &tip)?;
    taken.as_ref().map(json::print).transpose()
}

/// A saved channel's head, for the record around it: `{id, number, side, partner}`.
#[wasm_bindgen(js_name = savedChannel)]
pub fn saved_channel(
    channel: &str,
    account: &str,
    network: &str,
) -> core::result::Result<String, JsValue> {
    #[derive(Serialize)]
    struct Saved {
        id: sparky_protocol::ChannelId,
        number: u64,
        side: Side,
        partner: String,
    }
    let head = || -> Result<String> {
        let channel: Channel = json::parse(channel)?;
        let account = json::account(account)?;
        let side = channel
            .side_of(&account)
            .ok_or(sparky_protocol::Rejected::NotParticipant { account })?;
        json::print(&Saved {
            id: channel.id(),
            number: channel.params().number,
            side,
            partner: address::encode(&channel.account(side.other()), json::network(network)?),
        })
    };
    Ok(head()?)
}

fn parsed(text: &str, network: &str) -> Result<File> {
    let file = File::parse(text)?;
    file.expect_network(network)?;
    Ok(file)
}

fn too_little() -> Failure {
    Failure::new("malformed", "too little randomness")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = Self::new(error.code(), &error);
        match error {
            Error::WeakPassphrase { least } => failure.with("n", least),
            Error::NewerVersion { found } => failure.with("n", found),
            Error::OtherNetwork { found, expected } => {
                failure.with("found", found).with("network", expected)
            }
            _ => failure,
        }
    }
}
