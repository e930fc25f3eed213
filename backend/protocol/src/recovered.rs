//! A second library for what is almost always so: that a signature is good.
//!
//! libsecp256k1 recovers the key, as the contract does, in less than half of the time that k256 takes to
//! compute the nonce point. It only ever says yes: whatever it does not recover is looked at by k256, whose
//! refusals are the ones that are told.

use secp256k1::{
    Message,
    ecdsa::{RecoverableSignature, RecoveryId},
};

use crate::{hash::Hash, signature::Signature};

/// Half of the curve's order: no larger `s` is taken.
const HALF: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Whether the key that the signature carries is the one that the contract will recover from it.
pub(crate) fn is_good(signature: &Signature, digest: &Hash) -> bool {
    let mut compact = [0; 64];
    compact[..32].copy_from_slice(&signature.r);
    compact[32..].copy_from_slice(&signature.vs);
    compact[32] &= 0x7f;
    if HALF.as_slice() < &compact[32..] {
        return false;
    }
    let parity = RecoveryId::from_u8_masked(u8::from(signature.is_odd()));
    RecoverableSignature::from_compact(&compact, parity)
        .and_then(|signature| signature.recover(Message::from_digest(digest.0)))
        .is_ok_and(|key| {
            let key = key.serialize_uncompressed();
            key[1..33] == signature.x && key[33..] == signature.y
        })
}
