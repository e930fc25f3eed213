//! Reconnecting: what was signed and is not known here is adopted (PROTOCOL §4.6).

use super::{Channel, MAX_UNACKED, Street};
use crate::{
    amount::Amount,
    balance_proof::MAX_NONCE,
    facts::Phase,
    lock::{self, Lock, MAX_LOCKS},
    policy::Tip,
    rejected::Rejected,
    side::Side,
};

/// How many proofs of a direction may stand after an adoption: what two memories hold between them.
const MAX_STANDING: usize = 2 * MAX_UNACKED;

impl Channel {
    /// Adopts whatever `shown` has that is newer, from relay or partner: own signatures that a lost
    /// or restored memory does not know, and the partner's. Shown what is already known, or less,
    /// nothing changes.
    ///
    /// Every signature, root and ack is verified; the operations in between are not needed. Whatever
    /// is adopted the contract takes. A proof that its signer could not pay for is refused as in
    /// [`Channel::accept`], but without the reserve: what somebody must keep is asked when a payment
    /// is made, and a deposit that came later must not undo one.
    ///
    /// Whoever restores an old memory calls [`Channel::adopt_own`] and this before it signs anything:
    /// it is what keeps a used nonce from being used again. Whether the channel is open is not asked:
    /// in a dispute a newer proof is what helps. [`Channel::readmit`] asks it.
    pub fn adopt(&self, shown: &[Street; 2], tip: &Tip) -> Result<Self, Rejected> {
        let mut next = self.clone();
        for sender in Side::BOTH {
            let street = &shown[sender];
            if self.streets[sender].nonce() < street.nonce() {
                next = next.with_street(sender, self.adopted(sender, street)?);
            }
        }
        for sender in Side::BOTH {
            let (street, limit) = (&next.streets[sender], next.coverable(sender, tip));
            let promised = street.promised();
            if self.streets[sender].promised() < promised && limit < promised {
                let needed = promised.saturating_minus(self.streets[sender].promised());
                let available = limit.saturating_minus(self.streets[sender].promised());
                return Err(Rejected::InsufficientBalance { needed, available });
            }
        }
        for sender in Side::BOTH {
            if let Some(ack) = shown[sender].ack
                && next.streets[sender].acked_nonce() < ack.nonce
            {
                match next.accept_ack(&ack) {
                    Ok(acked) => next = acked,
                    // An older ack of a proof that is not remembered helps nobody.
                    Err(Rejected::UnknownProof { .. }) => {}
                    Err(why) => return Err(why),
                }
            }
            if MAX_STANDING < next.streets[sender].standing.len() {
                return Err(Rejected::TooManyUnacked { most: MAX_UNACKED });
            }
        }
        Ok(next)
    }

    /// [`Channel::adopt`] for who passes promises on, a relay: nothing that arrives when it is worth
    /// nothing any more, and nothing that contradicts an end which both may still execute.
    pub fn readmit(&self, shown: &[Street; 2], tip: &Tip) -> Result<Self, Rejected> {
        let next = self.adopt(shown, tip)?;
        if next.streets == self.streets {
            return Ok(next);
        }
        let over = match self.phase(tip.height) {
            Phase::Open | Phase::Finalizing { .. } => None,
            _ => Some(self.facts.closed.map_or(tip.height, |closed| closed.height)),
        };
        if let Some(height) = over {
            return Err(Rejected::ChannelClosing { height });
        }
        match next.contradicted_until(tip) {
            Some(until) => Err(Rejected::ChannelFrozen { until }),
            None => Ok(next),
        }
    }

    /// Adopts only what `own` itself signed and no longer knows. It binds whatever else is shown with
    /// it: a partner's promise that is not covered, now or ever, must not keep anybody from learning
    /// which nonces are used.
    pub fn adopt_own(&self, own: Side, shown: &[Street; 2]) -> Result<Self, Rejected> {
        if shown[own].nonce() <= self.streets[own].nonce() {
            return Ok(self.clone());
        }
        let adopted = self.adopted(own, &shown[own])?;
        if 2 * MAX_STANDING < adopted.standing.len() {
            return Err(Rejected::TooManyUnacked { most: MAX_UNACKED });
        }
        Ok(self.with_street(own, adopted))
    }

    /// The street with the shown proofs that are newer than the known ones behind them.
    fn adopted(&self, sender: Side, shown: &Street) -> Result<Street, Rejected> {
        let known = &self.streets[sender];
        let account = self.account(sender);
        if MAX_STANDING < shown.standing.len() {
            return Err(Rejected::TooManyUnacked { most: MAX_UNACKED });
        }
        let mut street = known.clone();
        for one in &shown.standing {
            if one.signed.proof.nonce <= known.nonce() {
                continue;
            }
            let proof = &one.signed.proof;
            if proof.channel_id != self.id() {
                return Err(Rejected::WrongChannel {
                    expected: self.id(),
                    got: proof.channel_id,
                });
            }
            // What the contract can not store can not be claimed.
            let storable = |lock: &Lock| !lock.amount.is_zero() && lock.amount <= Amount::MAX;
            if MAX_NONCE < proof.nonce
                || Amount::MAX < proof.transferred
                || !one.locks.iter().all(storable)
            {
                return Err(Rejected::TooLarge);
            }
            let last = street.newest().map(|last| last.signed.proof);
            if let Some(last) = last
                && proof.nonce <= last.nonce
            {
                return Err(Rejected::StaleNonce {
                    newest: last.nonce,
                    got: proof.nonce,
                });
            }
            if let Some(last) = last
                && proof.transferred < last.transferred
            {
                let (last, got) = (last.transferred, proof.transferred);
                return Err(Rejected::TransferredFell { last, got });
            }
            if MAX_LOCKS < one.locks.len() {
                return Err(Rejected::TooManyLocks {
                    most: MAX_LOCKS,
                    got: one.locks.len(),
                });
            }
            let ordered = one.locks.windows(2).all(|pair| pair[0].id < pair[1].id);
            if !ordered || lock::root(&one.locks) != proof.locks_root {
                return Err(Rejected::WrongLocks { nonce: proof.nonce });
            }
            one.signed.verify(&self.domain, &account)?;
            street.grow(one.clone());
        }
        Ok(street)
    }
}
