//! A secret at rest: Argon2id stretches the passphrase, XChaCha20-Poly1305 seals the key.

use anyhow::{Context as _, Result};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::problem::Problem;

/// How hard guessing a passphrase is. Kept in the file, so that it can grow.
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

/// More passes than this are asked for by a file that was made to harm.
const MOST_PASSES: u32 = 64;

impl Stretch {
    /// What new files use: 64 MiB, three passes.
    pub const NEW: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 1,
    };
}

/// The file: everything but the secret in clear, and the address bound to the secret.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyFile {
    version: u32,
    /// Whose key it is, in base58. Authenticated, not secret.
    pub address: String,
    kdf: String,
    stretch: Stretch,
    salt: String,
    cipher: String,
    nonce: String,
    ciphertext: String,
}

impl KeyFile {
    /// Seals 32 secret bytes for an address.
    ///
    /// # Errors
    /// When the stretch parameters are out of range.
    pub fn seal(
        address: &str,
        secret: &[u8; 32],
        passphrase: &str,
        stretch: Stretch,
    ) -> Result<Self> {
        let (mut salt, mut nonce) = ([0u8; 16], [0u8; 24]);
        rand::rng().fill_bytes(&mut salt);
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload {
            msg: secret,
            aad: address.as_bytes(),
        };
        let ciphertext = cipher(passphrase, &salt, stretch)?
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| anyhow::anyhow!("the key could not be encrypted"))?;
        Ok(Self {
            version: 1,
            address: address.into(),
            kdf: "argon2id".into(),
            stretch,
            salt: hex::encode(salt),
            cipher: "xchacha20poly1305".into(),
            nonce: hex::encode(nonce),
            ciphertext: hex::encode(ciphertext),
        })
    }

    /// Opens the file.
    ///
    /// # Errors
    /// `wrong-passphrase` when passphrase or file do not fit each other.
    pub fn open(&self, passphrase: &str) -> Result<Zeroizing<[u8; 32]>> {
        anyhow::ensure!(
            self.version == 1 && self.kdf == "argon2id" && self.cipher == "xchacha20poly1305",
            "this key file is of a kind that this program does not know"
        );
        let nonce: [u8; 24] = hex::decode(&self.nonce)?
            .try_into()
            .ok()
            .context("bad nonce in the key file")?;
        let (salt, ciphertext) = (hex::decode(&self.salt)?, hex::decode(&self.ciphertext)?);
        let payload = Payload {
            msg: &ciphertext,
            aad: self.address.as_bytes(),
        };
        let plain = cipher(passphrase, &salt, self.stretch)?
            .decrypt(&XNonce::from(nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| {
                Problem::new(
                    "wrong-passphrase",
                    "Wrong passphrase",
                    format!("It does not open the key of {}.", self.address),
                )
            })?;
        let mut secret = Zeroizing::new([0u8; 32]);
        anyhow::ensure!(
            plain.len() == secret.len(),
            "the key file holds {} bytes",
            plain.len()
        );
        secret.copy_from_slice(&plain);
        Ok(secret)
    }
}

fn cipher(passphrase: &str, salt: &[u8], stretch: Stretch) -> Result<XChaCha20Poly1305> {
    let Stretch {
        memory_kib,
        passes,
        lanes,
    } = stretch;
    // A hostile file must not make us allocate what the machine does not have, or count for ever.
    anyhow::ensure!(
        memory_kib <= 1024 * 1024 && passes <= MOST_PASSES,
        "the key file asks for {memory_kib} KiB of memory and {passes} passes"
    );
    let params = Params::new(memory_kib, passes, lanes, Some(32))
        .map_err(|error| anyhow::anyhow!("bad parameters in the key file: {error}"))?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut())
        .map_err(|error| anyhow::anyhow!("the passphrase could not be stretched: {error}"))?;
    Ok(XChaCha20Poly1305::new(&Key::from(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem;

    const QUICK: Stretch = Stretch {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };
    const SECRET: [u8; 32] = [7; 32];

    #[test]
    fn opens_with_the_passphrase_and_with_no_other() {
        let file = KeyFile::seal("qAddress", &SECRET, "correct horse", QUICK).unwrap();
        assert_eq!(*file.open("correct horse").unwrap(), SECRET);
        let refused = file.open("correct house").unwrap_err();
        assert_eq!(problem::of(&refused).code, "wrong-passphrase");
    }

    #[test]
    fn another_address_on_the_file_is_noticed() {
        let mut file = KeyFile::seal("qAlice", &SECRET, "p", QUICK).unwrap();
        file.address = "qMallory".into();
        assert!(file.open("p").is_err());
    }

    #[test]
    fn the_secret_is_not_in_the_file_and_two_files_differ() {
        let text = |file: &KeyFile| serde_json::to_string(file).unwrap();
        let one = text(&KeyFile::seal("q", &SECRET, "p", QUICK).unwrap());
        let two = text(&KeyFile::seal("q", &SECRET, "p", QUICK).unwrap());
        assert!(!one.contains(&hex::encode(SECRET)));
        assert_ne!(one, two);
    }

    #[test]
    fn a_hostile_file_cannot_exhaust_memory() {
        let mut file = KeyFile::seal("q", &SECRET, "p", QUICK).unwrap();
        file.stretch.memory_kib = u32::MAX;
        assert!(file.open("p").unwrap_err().to_string().contains("memory"));
    }

    #[test]
    fn a_hostile_file_cannot_keep_us_counting() {
        let mut file = KeyFile::seal("q", &SECRET, "p", QUICK).unwrap();
        file.stretch.passes = u32::MAX;
        assert!(file.open("p").unwrap_err().to_string().contains("passes"));
    }

    /// Whatever became of a file on its disk: an error, and never a secret that was not sealed in it.
    #[test]
    fn a_damaged_file_is_refused_or_reads_the_same() {
        let whole = KeyFile::seal("qAddress", &SECRET, "correct horse", QUICK).unwrap();
        let text = serde_json::to_string(&whole).unwrap();
        for at in 0..text.len() {
            for damage in [b'0', b'9', b'"', b'}', b'f', 0xff] {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = damage;
                let read = serde_json::from_slice::<KeyFile>(&bytes);
                // A harder stretch is a slower refusal, and is bounded above.
                let read = read.ok().filter(|file| file.stretch == QUICK);
                if let Some(opened) = read.and_then(|file| file.open("correct horse").ok()) {
                    assert_eq!(*opened, SECRET);
                }
            }
        }
    }
}
