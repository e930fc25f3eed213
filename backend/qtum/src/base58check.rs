//! Base58 with a version byte in front and four bytes of sha256d behind.

use zeroize::Zeroizing;

use crate::digest::sha256d;

/// Longest text that is worth decoding: an uncompressed key has 52 characters. Base58 decoding is
/// quadratic, so what people paste is measured first.
const MAX_TEXT: usize = 64;

/// Why a text is not base58check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// A character outside the base58 alphabet, or far too long, or too short to hold a checksum.
    Text,
    /// The last four bytes do not belong to the rest.
    Checksum,
}

/// Version byte and payload. The buffer is wiped when dropped because it may be a private key.
pub(crate) fn decode(text: &str) -> Result<(u8, Zeroizing<Vec<u8>>), Malformed> {
    if MAX_TEXT < text.len() {
        return Err(Malformed::Text);
    }
    let bytes = bs58::decode(text).into_vec().map_err(|_| Malformed::Text)?;
    let bytes = Zeroizing::new(bytes);
    let Some((body, checksum)) = bytes.split_last_chunk::<4>() else {
        return Err(Malformed::Text);
    };
    if sha256d(body)[..4] != checksum[..] {
        return Err(Malformed::Checksum);
    }
    let Some((version, payload)) = body.split_first() else {
        return Err(Malformed::Text);
    };
    Ok((*version, Zeroizing::new(payload.to_vec())))
}

/// The text of a version byte and a payload.
pub(crate) fn encode(version: u8, payload: &[u8]) -> String {
    let mut bytes = Zeroizing::new(Vec::with_capacity(payload.len() + 5));
    bytes.push(version);
    bytes.extend_from_slice(payload);
    let checksum = sha256d(&bytes);
    bytes.extend_from_slice(&checksum[..4]);
    bs58::encode(bytes.as_slice()).into_string()
}
