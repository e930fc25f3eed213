//! Every signed state that anybody has ever seen, and what must be true of all of them together.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use sparky_protocol::{BalanceProof, ChannelId, Side, SignedProof};

/// Every signed state that anybody has ever seen, by channel, sender and nonce.
#[derive(Debug, Default)]
pub struct Evidence(Mutex<BTreeMap<(ChannelId, bool, u64), BalanceProof>>);

impl Evidence {
    /// Remembers a proof. Never two different ones with one nonce, and what was promised only grows.
    pub fn saw(&self, sender: Side, signed: &SignedProof) {
        let proof = signed.proof;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = |nonce| (proof.channel_id, sender.is_b(), nonce);
        if let Some(known) = all.insert(key(proof.nonce), proof) {
            assert_eq!(known, proof, "two states with nonce {}", proof.nonce);
        }
        let before = all.range(key(0)..key(proof.nonce)).next_back();
        let after = all.range(key(proof.nonce + 1)..=key(u64::MAX)).next();
        for (other, is_before) in [(before, true), (after, false)] {
            let Some((_, other)) = other else { continue };
            let (least, most) = if is_before {
                (other, &proof)
            } else {
                (&proof, other)
            };
            assert!(
                least.transferred <= most.transferred,
                "transferred fell from {least:?} to {most:?}"
            );
        }
    }

    /// How many states of one direction were seen: the nonces are 1 to this, none left out.
    pub fn count(&self, id: ChannelId, sender: Side) -> u64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = 0;
        for (_, _, nonce) in all
            .range((id, sender.is_b(), 0)..=(id, sender.is_b(), u64::MAX))
            .map(|(key, _)| *key)
        {
            assert_eq!(nonce, last + 1, "a nonce was left out");
            last = nonce;
        }
        last
    }
}
