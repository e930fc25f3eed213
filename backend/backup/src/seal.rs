//! The cipher of both forms: XChaCha20-Poly1305 over a text that is padded, so that its length says
//! little.

use alloc::vec::Vec;

use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use zeroize::Zeroizing;

use crate::error::Error;

/// The sealed text is a multiple of this, in bytes.
const STEP: usize = 1_024;

/// Seals a JSON text. Blanks behind it change nothing for its reader.
pub(crate) fn seal(
    mut text: Zeroizing<Vec<u8>>,
    key: &Zeroizing<[u8; 32]>,
    nonce: [u8; 24],
    bound: &[u8],
) -> Result<Vec<u8>, Error> {
    let padded = text.len().next_multiple_of(STEP);
    // Grown by hand: a reallocation would leave a copy behind.
    if text.capacity() < padded {
        let mut roomy = Zeroizing::new(Vec::with_capacity(padded));
        roomy.extend_from_slice(&text);
        text = roomy;
    }
    text.resize(padded, b' ');
    let payload = Payload {
        msg: &text,
        aad: bound,
    };
    XChaCha20Poly1305::new(&Key::from(**key))
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| Error::Damaged)
}

/// Opens what [`seal`] made; `None` when key, nonce, bound text or bytes are others.
pub(crate) fn open(
    sealed: &[u8],
    key: &Zeroizing<[u8; 32]>,
    nonce: [u8; 24],
    bound: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let payload = Payload {
        msg: sealed,
        aad: bound,
    };
    XChaCha20Poly1305::new(&Key::from(**key))
        .decrypt(&XNonce::from(nonce), payload)
        .map(Zeroizing::new)
        .ok()
}
