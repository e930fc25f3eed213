//! The channels as this profile keeps them: one durable file each.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sparky_protocol::{Channel, ChannelId, Domain, Update};

use crate::profile::{Profile, Writer};

/// A channel, and what was signed in it and has not reached the relay yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What we know and stand by.
    pub channel: Channel,
    /// Own updates that the relay may lack, oldest first. A committed own proof counts as sent.
    pub outbox: Vec<Update>,
}

impl Kept {
    /// A channel of which we hold nothing: as the chain has it, without anybody's promises.
    pub fn new(domain: &Domain, shown: &Channel) -> Self {
        Self {
            channel: Channel::new(*domain, shown.facts().clone()),
            outbox: Vec::new(),
        }
    }

    /// What people call it.
    pub fn number(&self) -> u64 {
        self.channel.params().number
    }
}

/// Reads a channel.
///
/// # Errors
/// When there is a file that cannot be read.
pub fn read(profile: &Profile, id: &ChannelId) -> Result<Option<Kept>> {
    let Some(text) = profile.read(&file(id))? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .with_context(|| format!("{} cannot be read", profile.path(&file(id)).display()))
}

/// Writes a channel durably.
///
/// # Errors
/// When the disk refuses.
pub fn write(writer: &Writer, kept: &Kept) -> Result<()> {
    writer.write(&file(&kept.channel.id()), &serde_json::to_string(kept)?)
}

fn file(id: &ChannelId) -> String {
    format!("channels/{id}.json")
}
