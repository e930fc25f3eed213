//! What the two send each other while nothing is disputed, off the chain.

use sparky_protocol::{Amount, Lock, Operation, Preimage, RemoveReason, Side, SignedProof, Update};

use super::{Game, pick};
use crate::{
    contract::{Chain, ack_of},
    moves::Move,
};

impl<C: Chain> Game<'_, C> {
    /// Moves between the two, off the chain.
    pub(super) fn exchange(&mut self, next: Move) {
        match next {
            Move::HonestPays(amount) => {
                self.honest_sends(Operation::Transfer {
                    amount: Amount(amount),
                });
            }
            Move::HonestLocks(amount, by) => {
                let lock = self.lock(self.setup.honest, amount, by);
                self.honest_sends(Operation::LockAdd {
                    lock,
                    onion: vec![],
                });
            }
            Move::HonestSettles(at) => {
                if let Some(lock) = self.pick(self.setup.honest, at) {
                    let preimage = self.preimages[&lock.payment_hash].clone();
                    self.honest_sends(Operation::LockSettle {
                        id: lock.id,
                        preimage,
                    });
                }
            }
            Move::HonestRemoves(at) => {
                if let Some(lock) = self.pick(self.setup.honest, at) {
                    let reason = RemoveReason::Failed;
                    self.honest_sends(Operation::LockRemove {
                        id: lock.id,
                        reason,
                    });
                }
            }
            Move::HonestAcks => {
                if let Some(ack) = self.honest.acknowledge() {
                    let acked =
                        |(signed, _): &&mut (SignedProof, _)| signed.proof.nonce == ack.nonce;
                    if let Some((_, kept)) = self.given.iter_mut().find(acked) {
                        *kept = Some(ack.signature);
                    }
                }
            }
            Move::HostilePays(amount) => {
                self.hostile_sends(Operation::Transfer {
                    amount: Amount(amount),
                });
            }
            Move::HostileLocks { amount, by, known } => {
                let lock = self.lock(self.bad(), amount, by);
                if known {
                    self.opens.push(lock.payment_hash);
                }
                self.hostile_sends(Operation::LockAdd {
                    lock,
                    onion: vec![],
                });
            }
            Move::HostileSettles(at) => {
                if let Some(lock) = self.pick(self.bad(), at) {
                    let preimage = self.preimages[&lock.payment_hash].clone();
                    self.hostile_sends(Operation::LockSettle {
                        id: lock.id,
                        preimage,
                    });
                }
            }
            Move::HostileRemoves(at) => {
                // The honest one agrees to a removal only if it can not open the lock.
                let lock = self.pick(self.bad(), at);
                if let Some(lock) = lock.filter(|lock| !self.opens.contains(&lock.payment_hash)) {
                    let reason = RemoveReason::Failed;
                    self.hostile_sends(Operation::LockRemove {
                        id: lock.id,
                        reason,
                    });
                }
            }
            Move::HostileAcks(at) => {
                if let Some((signed, _)) = pick(&self.received, at) {
                    let unsigned = ack_of(&signed.proof, self.setup.honest);
                    let digest = unsigned.digest(self.honest.channel.domain());
                    let ack = unsigned.signed(self.hostile.sign(&digest));
                    self.honest.receive_ack(&ack);
                }
            }
            _ => {}
        }
    }

    fn lock(&mut self, sender: Side, amount: u128, by: u32) -> Lock {
        let id = self.honest.channel.next_lock_id(sender);
        let mut bytes = [if sender.is_b() { 2 } else { 1 }; 32];
        bytes[..8].copy_from_slice(&id.to_be_bytes());
        let preimage = Preimage(bytes);
        let payment_hash = preimage.payment_hash();
        self.preimages.insert(payment_hash, preimage);
        Lock {
            id,
            amount: Amount(amount),
            expiry: self.chain.next() + by,
            payment_hash,
        }
    }

    fn pick(&self, sender: Side, at: usize) -> Option<Lock> {
        pick(self.honest.channel.street(sender).locks(), at).copied()
    }

    fn honest_sends(&mut self, operation: Operation) {
        let tip = self.tip();
        if let Ok(update) = self.honest.send(vec![operation], &tip) {
            let locks = self
                .honest
                .channel
                .street(self.setup.honest)
                .locks()
                .to_vec();
            self.received.push((update.proof, locks));
        }
    }

    /// The hostile one signs whatever follows; it counts when the honest one accepts it.
    fn hostile_sends(&mut self, operation: Operation) {
        let tip = self.tip();
        let operations = vec![operation];
        let Ok(proof) = self.honest.channel.propose(self.bad(), &operations, &tip) else {
            return;
        };
        let signature = self
            .hostile
            .sign(&proof.digest(self.honest.channel.domain()));
        let update = Update {
            operations,
            proof: proof.signed(signature),
        };
        if self.honest.receive(&update, &tip).is_ok() {
            self.given.push((update.proof, None));
        }
    }
}
