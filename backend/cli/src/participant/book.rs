//! The channels as this profile keeps them: one durable file each.

use anyhow::{Context as _, Result};
use sparky_protocol::{Account, Channel, ChannelId, Hash, Tip};

use crate::profile::{Profile, Writer};

/// What is backed up of a channel is what is kept of it.
pub use sparky_backup::Kept;

/// The file that says when this memory began.
const BEGAN: &str = "since.json";

/// When, and for whom, this profile began to remember.
#[derive(serde::Serialize, serde::Deserialize)]
struct Began {
    account: Account,
    height: u32,
}

/// The height at which this profile began to remember what `account` signs: what was opened later it can
/// not have forgotten. Notes it where it is not noted yet.
///
/// # Errors
/// When the disk refuses.
pub fn since(writer: &Writer, account: Account, height: u32) -> Result<u32> {
    let text = writer.profile.read(BEGAN)?;
    let noted = text.and_then(|text| serde_json::from_str::<Began>(&text).ok());
    if let Some(began) = noted.filter(|began| began.account == account) {
        return Ok(began.height);
    }
    writer.write(BEGAN, &serde_json::to_string(&Began { account, height })?)?;
    Ok(height)
}

/// A channel of which we hold nothing: as the chain has it, without anybody's promises.
pub fn unknown(shown: &Channel, since: u32, tip: &Tip) -> Kept {
    Kept {
        channel: Channel::first_met(shown, Some(since), question(), tip),
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
