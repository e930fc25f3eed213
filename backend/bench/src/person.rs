//! Somebody with a key, an account and a session.

use sha2::{Digest as _, Sha256};
use sparky_protocol::{Account, SecretKey};

/// Somebody who pays or is paid.
pub(crate) struct Person {
    pub(crate) key: SecretKey,
    pub(crate) account: Account,
    /// Opens the relay's WebSocket. Written straight into the database: signing in is not measured.
    pub(crate) token: String,
}

impl Person {
    /// The person with this number; the same in every run.
    pub(crate) fn new(number: u32) -> anyhow::Result<Self> {
        let mut seed = [1; 32];
        seed[28..].copy_from_slice(&number.to_be_bytes());
        let key = SecretKey::from_bytes(&seed)?;
        let account = key.account();
        let token = hex::encode(Sha256::digest(seed));
        Ok(Self {
            key,
            account,
            token,
        })
    }

    /// So many people, numbered from `first`.
    pub(crate) fn many(first: u32, count: u32) -> anyhow::Result<Vec<Self>> {
        (first..first + count).map(Self::new).collect()
    }

    /// What the relay keeps of the token.
    pub(crate) fn token_hash(&self) -> [u8; 32] {
        Sha256::digest(self.token.as_bytes()).into()
    }
}
