//! Signing and verifying: the physical limit of a relay, and the yardstick beside it.

use std::time::Duration;

use k256::ecdsa::{
    Signature as Ecdsa, SigningKey, VerifyingKey,
    signature::hazmat::{PrehashSigner as _, PrehashVerifier as _},
};
use secp256k1::{Message, PublicKey, SecretKey as YardstickKey, ecdsa};
use sparky_protocol::{Hash, SecretKey};

use crate::measure::{Rate, repeat};

/// What one core does in a second.
pub(crate) struct Signatures {
    /// `k256` alone, as anybody may call it.
    pub(crate) sign: Rate,
    pub(crate) verify: Rate,
    /// Ours, as the contract decides it: key, parity and low `s` included.
    pub(crate) ours_sign: Rate,
    pub(crate) ours_verify: Rate,
    /// libsecp256k1.
    pub(crate) yardstick_sign: Rate,
    pub(crate) yardstick_verify: Rate,
}

pub(crate) fn run(during: Duration) -> anyhow::Result<Signatures> {
    let digest = [9; 32];
    let key = SigningKey::from_slice(&[7; 32])?;
    let public = VerifyingKey::from(&key);
    let signature: Ecdsa = key.sign_prehash(&digest)?;

    let ours = SecretKey::from_bytes(&[7; 32])?;
    let (account, hash) = (ours.account(), Hash(digest));
    let signed = ours.sign(&hash);

    let theirs = YardstickKey::from_secret_bytes([7; 32])?;
    let their_public = PublicKey::from_secret_key(&theirs);
    let message = Message::from_digest(digest);
    let their_signature = ecdsa::sign(message, &theirs);

    let good = public.verify_prehash(&digest, &signature).is_ok()
        && signed.verify(&hash, &account).is_ok()
        && ecdsa::verify(&their_signature, message, &their_public).is_ok();
    anyhow::ensure!(good, "a signature that was just made does not verify");

    Ok(Signatures {
        sign: repeat(during, || {
            let made: Result<Ecdsa, _> = key.sign_prehash(std::hint::black_box(&digest));
            std::hint::black_box(&made);
        }),
        verify: repeat(during, || {
            std::hint::black_box(
                public
                    .verify_prehash(std::hint::black_box(&digest), &signature)
                    .is_ok(),
            );
        }),
        ours_sign: repeat(during, || {
            std::hint::black_box(ours.sign(std::hint::black_box(&hash)));
        }),
        ours_verify: repeat(during, || {
            std::hint::black_box(signed.verify(std::hint::black_box(&hash), &account).is_ok());
        }),
        yardstick_sign: repeat(during, || {
            std::hint::black_box(ecdsa::sign(std::hint::black_box(message), &theirs));
        }),
        yardstick_verify: repeat(during, || {
            std::hint::black_box(
                ecdsa::verify(
                    &their_signature,
                    std::hint::black_box(message),
                    &their_public,
                )
                .is_ok(),
            );
        }),
    })
}
