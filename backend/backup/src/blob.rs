//! The relay's form: `0x01 ‖ nonce (24) ‖ sealed content`, under a key that only the wallet can make.
//!
//! Its revision is bound to it: a relay can withhold a newer one, but not show an old one as new.

use alloc::vec::Vec;

use hkdf::Hkdf;
use sha2::Sha256;
use sparky_protocol::{Account, SecretKey};
use zeroize::Zeroizing;

use crate::{
    content::Content,
    error::Error,
    seal::{self, open as open_sealed},
};

const KIND: u8 = 1;
const NONCE: usize = 24;

/// Seals a content; its revision is the one that the relay is told.
///
/// # Errors
/// Never for a content that serializes; [`Error::Damaged`] otherwise.
pub fn seal(content: &Content, key: &SecretKey, nonce: [u8; NONCE]) -> Result<Vec<u8>, Error> {
    let text = Zeroizing::new(serde_json::to_vec(content).map_err(|_| Error::Damaged)?);
    let bound = bound(&key.account(), content.revision);
    let sealed = seal::seal(text, &derived(key), nonce, &bound)?;
    let mut blob = Vec::with_capacity(1 + NONCE + sealed.len());
    blob.push(KIND);
    blob.extend_from_slice(&nonce);
    blob.extend_from_slice(&sealed);
    Ok(blob)
}

/// Opens what the relay shows as this revision.
///
/// # Errors
/// [`Error::Damaged`], [`Error::NewerVersion`], and [`Error::WrongKey`] for bytes that were sealed with
/// another key, or as another revision.
pub fn open(blob: &[u8], key: &SecretKey, revision: u64) -> Result<Content, Error> {
    let (kind, rest) = blob.split_first().ok_or(Error::Damaged)?;
    if *kind != KIND {
        return Err(Error::NewerVersion {
            found: (*kind).into(),
        });
    }
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(Error::Damaged)?;
    let bound = bound(&key.account(), revision);
    let text = open_sealed(sealed, &derived(key), *nonce, &bound).ok_or(Error::WrongKey)?;
    let content = Content::parse(&text)?;
    if content.revision != revision || content.account != key.account() {
        return Err(Error::Damaged);
    }
    Ok(content)
}

fn bound(account: &Account, revision: u64) -> Vec<u8> {
    let mut bound = b"sparky-blob/1".to_vec();
    bound.extend_from_slice(&account.0);
    bound.extend_from_slice(&revision.to_be_bytes());
    bound
}

/// The sealing key. Who has it can not get back to the wallet's.
fn derived(key: &SecretKey) -> Zeroizing<[u8; 32]> {
    let secret = key.to_bytes();
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, secret.as_ref())
        .expand(b"sparky backup", derived.as_mut())
        .expect("invariant: 32 bytes are one block");
    derived
}
