//! Backups of a profile: a file that a person keeps, and what the relay keeps for us, sealed.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sparky_backup::{Content, Error, VERSION, blob, restored};
use sparky_protocol::{Account, Domain, Tip};

use super::{Participant, book, refused};
use crate::problem::{self, Problem};
use crate::profile::{Profile, Writer};

const SETTINGS: &str = "backup.json";
/// What another program put into a backup and wants to find in the next one.
const APP: &str = "app.json";

/// What a profile remembers of its backups.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Whether the relay keeps one, renewed after every change.
    pub at_relay: bool,
    /// The newest revision that is known here.
    pub revision: u64,
}

/// What became of a restored backup.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Restored {
    /// Channels in which it knew something new.
    pub channels: usize,
    /// Channels of which as much or more was known here.
    pub known: usize,
    /// Channels of another contract: what was signed for it is worth nothing here.
    pub elsewhere: usize,
}

#[derive(Deserialize)]
struct Stored {
    revision: u64,
    blob: Option<String>,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(profile: &Profile) -> Result<Self> {
        let text = profile.read(SETTINGS)?;
        text.map_or_else(
            || Ok(Self::default()),
            |text| serde_json::from_str(&text).context("backup.json cannot be read"),
        )
    }

    /// Writes them.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(self, writer: &Writer) -> Result<()> {
        writer.write(SETTINGS, &serde_json::to_string(&self)?)
    }
}

/// Everything of a profile but its key.
///
/// # Errors
/// When a file cannot be read.
pub fn content(
    profile: &Profile,
    account: Account,
    network: &str,
    domain: Domain,
    revision: u64,
) -> Result<Content> {
    let app = profile.read(APP)?;
    let app = app.map(|text| serde_json::from_str(&text)).transpose()?;
    Ok(Content {
        version: VERSION,
        account,
        network: network.into(),
        domain,
        revision,
        made_at: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
        channels: book::all(profile)?,
        app: app.unwrap_or(Value::Null),
    })
}

/// Takes up what a backup holds. Nothing that is known here is lost by it, and nothing that it brings
/// is signed with before relay or partner were heard.
///
/// # Errors
/// The rule that something in it does not keep, and the disk's.
pub fn take_up(writer: &Writer, content: &Content, domain: &Domain, tip: &Tip) -> Result<Restored> {
    let mut done = Restored::default();
    for saved in &content.channels {
        let id = saved.channel.id();
        let side = saved.channel.side_of(&content.account);
        let Some(side) = side.filter(|_| saved.channel.domain() == domain) else {
            done.elsewhere += 1;
            continue;
        };
        let known = book::read(&writer.profile, &id)?;
        match restored(known.as_ref(), saved, side, book::question(), tip)
            .map_err(|rejected| refused(&rejected, "The backup breaks a rule"))?
        {
            Some(kept) => {
                book::write(writer, &kept)?;
                done.channels += 1;
            }
            None => done.known += 1,
        }
    }
    let settings = Settings::read(&writer.profile)?;
    if settings.revision <= content.revision {
        if !content.app.is_null() {
            writer.write(APP, &content.app.to_string())?;
        }
        Settings {
            revision: content.revision,
            ..settings
        }
        .write(writer)?;
    }
    Ok(done)
}

impl Participant {
    /// Renews what the relay keeps, if it keeps one. A failure is no reason to fail a payment: the next
    /// change tries again.
    pub async fn back_up_soon(&self) {
        let result = match Settings::read(&self.writer.profile) {
            Ok(settings) if settings.at_relay => self.back_up().await.map(|_| ()),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            tracing::warn!("not backed up: {error:#}");
        }
    }

    /// Stores the next backup at the relay; when another device has stored a newer one, takes that up
    /// first. Gives its revision.
    ///
    /// # Errors
    /// The relay's.
    pub async fn back_up(&self) -> Result<u64> {
        for _ in 0..2 {
            let settings = Settings::read(&self.writer.profile)?;
            let revision = settings.revision + 1;
            let content = content(
                &self.writer.profile,
                self.account,
                &self.info.network,
                self.domain(),
                revision,
            )?;
            let sealed = blob::seal(&content, &self.key, rand::random()).map_err(told)?;
            let body =
                json!({ "revision": revision, "blob": format!("0x{}", hex::encode(sealed)) });
            match self.relay.put::<Value>("/backup", &body).await {
                Ok(_) => {
                    let settings = Settings {
                        revision,
                        ..settings
                    };
                    settings.write(&self.writer)?;
                    return Ok(revision);
                }
                Err(error) if problem::of(&error).code == "backup-older" => {
                    self.restore_from_relay().await?;
                }
                Err(error) => return Err(error),
            }
        }
        let text = "Another device keeps backing up the same account. Use the key in one place.";
        Err(Problem::new("backup-older", "Not backed up", text).into())
    }

    /// Takes up what the relay keeps.
    ///
    /// # Errors
    /// `no-backup`, `backup-other-key`, `backup-damaged`, and the relay's.
    pub async fn restore_from_relay(&self) -> Result<Restored> {
        let stored: Stored = self.relay.get("/backup").await?;
        let Some(text) = stored.blob else {
            let text = "The relay keeps no backup of this account.";
            return Err(Problem::new("no-backup", "Nothing to restore", text).into());
        };
        let bytes = hex::decode(text.trim_start_matches("0x")).map_err(|_| told(Error::Damaged))?;
        let content = blob::open(&bytes, &self.key, stored.revision).map_err(told)?;
        take_up(&self.writer, &content, &self.domain(), &self.tip())
    }

    /// Whether the relay keeps a backup from now on.
    ///
    /// # Errors
    /// The disk's.
    pub fn keep_at_relay(&self, at_relay: bool) -> Result<()> {
        let settings = Settings::read(&self.writer.profile)?;
        Settings {
            at_relay,
            ..settings
        }
        .write(&self.writer)
    }
}

/// Why a backup cannot be used, in words with what to do.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands at the end of a map_err"
)]
pub fn told(error: Error) -> anyhow::Error {
    let what = match &error {
        Error::WrongPassphrase => {
            "Nothing was changed. Check the keyboard, and whether it is the passphrase of this file."
        }
        Error::Damaged | Error::TooHard { .. } => {
            "Nothing was changed. Use another copy; with the key alone the channels come back from the relay."
        }
        Error::NewerVersion { .. } => "Nothing was changed. Update this program.",
        Error::WrongKey => "Nothing was changed. It belongs to another key.",
        _ => "Nothing was changed.",
    };
    Problem::new(error.code(), "Backup", format!("{error}. {what}")).into()
}
