//! The file that a person keeps: everything with the key, sealed with a passphrase.

use alloc::{string::String, vec::Vec};

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use sparky_protocol::{Account, Hash, SecretKey};
use zeroize::Zeroizing;

use crate::{
    content::{Content, VERSION},
    error::Error,
    seal,
};

/// The shortest passphrase for a new file, in characters.
pub const SHORTEST_PASSPHRASE: usize = 8;

const FORMAT: &str = "sparky-backup";
const KDF: &str = "argon2id";
const CIPHER: &str = "xchacha20poly1305";
/// A hostile file must not make a reader allocate what its machine does not have, in KiB.
const HARDEST: u32 = 256 * 1024;
const MOST_PASSES: u32 = 16;

/// How hard guessing is. Kept in the file, so that it can grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stretch {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Stretch {
    /// What new files use: 64 MiB, three passes.
    pub const NEW: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 1,
    };
}

/// The file as it is written. All but the sealed part can be read by everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    format: String,
    version: u32,
    /// Whose it is.
    pub account: Account,
    /// The network's name.
    pub network: String,
    /// Seconds since 1970.
    pub made_at: u64,
    kdf: String,
    stretch: Stretch,
    salt: String,
    cipher: String,
    nonce: String,
    sealed: String,
    /// SHA-256 of the file without it: tells a damaged file from a wrong passphrase.
    check: Hash,
}

/// An opened file.
pub struct Opened {
    /// The wallet's key.
    pub key: SecretKey,
    /// Everything else.
    pub content: Content,
}

/// What is sealed: the key beside the content.
#[derive(Serialize)]
struct Sealing<'a> {
    key: &'a str,
    content: &'a Content,
}

#[derive(Deserialize)]
struct Unsealed<'a> {
    /// Read where it lies: a copy would not be wiped.
    key: &'a str,
    content: Content,
}

impl File {
    /// Seals a content together with the key of its account. `salt` and `nonce` are random and used
    /// for nothing else.
    ///
    /// # Errors
    /// [`Error::WeakPassphrase`].
    pub fn seal(
        content: &Content,
        key: &SecretKey,
        passphrase: &str,
        stretch: Stretch,
        salt: [u8; 16],
        nonce: [u8; 24],
    ) -> Result<Self, Error> {
        if passphrase.chars().count() < SHORTEST_PASSPHRASE {
            return Err(Error::WeakPassphrase {
                least: SHORTEST_PASSPHRASE,
            });
        }
        let mut file = Self {
            format: FORMAT.into(),
            version: VERSION,
            account: key.account(),
            network: content.network.clone(),
            made_at: content.made_at,
            kdf: KDF.into(),
            stretch,
            salt: hex::encode(salt),
            cipher: CIPHER.into(),
            nonce: hex::encode(nonce),
            sealed: String::new(),
            check: Hash::ZERO,
        };
        let secret = Zeroizing::new(hex::encode(*key.to_bytes()));
        let sealing = Sealing {
            key: &secret,
            content,
        };
        let text = Zeroizing::new(serde_json::to_vec(&sealing).map_err(|_| Error::Damaged)?);
        let stretched = stretched(passphrase, &salt, stretch)?;
        file.sealed = hex::encode(seal::seal(text, &stretched, nonce, &file.bound())?);
        file.check = file.checksum();
        Ok(file)
    }

    /// Reads a file, whole or not.
    ///
    /// # Errors
    /// [`Error::NotABackup`], [`Error::NewerVersion`], [`Error::Damaged`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        // What was cut off still says what it was.
        let torn = || {
            if text.contains("\"sparky-backup\"") {
                Error::Damaged
            } else {
                Error::NotABackup
            }
        };
        let head: Head = serde_json::from_str(text).map_err(|_| torn())?;
        if head.format != FORMAT {
            return Err(Error::NotABackup);
        }
        if VERSION < head.version {
            return Err(Error::NewerVersion {
                found: head.version,
            });
        }
        let file: Self = serde_json::from_str(text).map_err(|_| Error::Damaged)?;
        if file.checksum() != file.check || file.kdf != KDF || file.cipher != CIPHER {
            return Err(Error::Damaged);
        }
        Ok(file)
    }

    /// Refuses a file of another network. `dev` and `regtest` are the same by all rules.
    ///
    /// # Errors
    /// [`Error::OtherNetwork`].
    pub fn expect_network(&self, network: &str) -> Result<(), Error> {
        let is_play = |name: &str| matches!(name, "dev" | "regtest");
        if self.network == network || is_play(&self.network) && is_play(network) {
            return Ok(());
        }
        Err(Error::OtherNetwork {
            found: self.network.clone(),
            expected: network.into(),
        })
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`]; [`Error::TooHard`] and [`Error::Damaged`] for a file that was made to
    /// harm.
    pub fn open(&self, passphrase: &str) -> Result<Opened, Error> {
        let salt = bytes::<16>(&self.salt)?;
        let nonce = bytes::<24>(&self.nonce)?;
        let sealed = hex::decode(&self.sealed).map_err(|_| Error::Damaged)?;
        let stretched = stretched(passphrase, &salt, self.stretch)?;
        let text =
            seal::open(&sealed, &stretched, nonce, &self.bound()).ok_or(Error::WrongPassphrase)?;
        let unsealed: Unsealed<'_> = serde_json::from_slice(&text).map_err(|_| Error::Damaged)?;
        if VERSION < unsealed.content.version {
            return Err(Error::NewerVersion {
                found: unsealed.content.version,
            });
        }
        let secret = Zeroizing::new(bytes::<32>(unsealed.key)?);
        let key = SecretKey::from_bytes(&secret).map_err(|_| Error::Damaged)?;
        if key.account() != self.account || unsealed.content.account != self.account {
            return Err(Error::Damaged);
        }
        Ok(Opened {
            key,
            content: unsealed.content,
        })
    }

    /// The head, to which the sealed part is bound.
    fn bound(&self) -> Vec<u8> {
        let Stretch {
            memory_kib,
            passes,
            lanes,
        } = self.stretch;
        alloc::format!(
            "{}/{}\n{}\n{}\n{}\n{}/{memory_kib}/{passes}/{lanes}/{}\n{}/{}\n",
            self.format,
            self.version,
            self.account,
            self.network,
            self.made_at,
            self.kdf,
            self.salt,
            self.cipher,
            self.nonce,
        )
        .into_bytes()
    }

    fn checksum(&self) -> Hash {
        let mut text = self.bound();
        text.extend_from_slice(self.sealed.as_bytes());
        Hash::sha256(&text)
    }
}

fn stretched(
    passphrase: &str,
    salt: &[u8],
    stretch: Stretch,
) -> Result<Zeroizing<[u8; 32]>, Error> {
    let Stretch {
        memory_kib,
        passes,
        lanes,
    } = stretch;
    if HARDEST < memory_kib || MOST_PASSES < passes {
        return Err(Error::TooHard { memory_kib });
    }
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|_| Error::Damaged)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut())
        .map_err(|_| Error::Damaged)?;
    Ok(key)
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Error::Damaged)?;
    Ok(bytes)
}
