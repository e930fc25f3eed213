//! The channels as this profile keeps them: one durable file each.

use anyhow::{Context as _, Result};
use sparky_protocol::{Channel, ChannelId, Domain, Hash, Tip};

use crate::profile::{Profile, Writer};

/// What is backed up of a channel is what is kept of it.
pub use sparky_backup::Kept;

/// A channel of which we hold nothing: as the chain has it, without anybody's promises. Whether it is
/// new or was forgotten is for the relay to say, and until it has nothing is signed.
pub fn unknown(domain: &Domain, shown: &Channel, tip: &Tip) -> Kept {
    let channel = Channel::new(*domain, shown.facts().clone());
    Kept {
        channel: channel
            .remember(shown.authorisations(), tip)
            .in_doubt(question()),
        outbox: Vec::new(),
    }
}

/// What a partner is asked with: nobody else can know it before.
pub fn question() -> Hash {
    Hash(rand::random())
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

/// All channels of a profile.
///
/// # Errors
/// When there is a file that cannot be read.
pub fn all(profile: &Profile) -> Result<Vec<Kept>> {
    let folder = profile.path("channels");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut channels = Vec::new();
    for entry in
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let text = std::fs::read_to_string(&path)?;
            let kept = serde_json::from_str(&text)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            channels.push(kept);
        }
    }
    channels.sort_by_key(|kept: &Kept| kept.number());
    Ok(channels)
}

fn file(id: &ChannelId) -> String {
    format!("channels/{id}.json")
}
