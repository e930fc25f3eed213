//! What is in a backup.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use sparky_protocol::{Account, Channel, Domain, Update};

use crate::error::Error;

/// The version of the content and of both forms. A reader refuses newer ones and reads all older.
pub const VERSION: u32 = 1;

/// Everything but the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// See [`VERSION`].
    pub version: u32,
    /// Whose it is.
    pub account: Account,
    /// The network's name: `dev`, `regtest`, `testnet` or `mainnet`.
    pub network: String,
    /// Where the channels are: chain and contract.
    pub domain: Domain,
    /// Counts what this account has backed up: the highest is the newest.
    pub revision: u64,
    /// When it was made, in seconds since 1970. For people only.
    pub made_at: u64,
    /// The channels.
    pub channels: Vec<Kept>,
    /// What a program wants to have again: names, settings, history. Others carry it along unread.
    #[serde(default)]
    pub app: serde_json::Value,
}

/// A channel as its participant keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What is known and stood by.
    pub channel: Channel,
    /// Own updates that the relay may lack, oldest first.
    #[serde(default)]
    pub outbox: Vec<Update>,
}

impl Kept {
    /// What people call the channel.
    pub fn number(&self) -> u64 {
        self.channel.params().number
    }
}

impl Content {
    /// Reads it, whatever was added behind it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Error> {
        let content: Self = serde_json::from_slice(text).map_err(|_| Error::Damaged)?;
        if VERSION < content.version {
            return Err(Error::NewerVersion {
                found: content.version,
            });
        }
        Ok(content)
    }
}
