//! How an honest one adds, settles and removes locks.

use sparky_protocol::{Amount, Lock, Operation, Preimage, RemoveReason, Side};

use super::pick;
use crate::world::World;

impl World<'_> {
    pub(super) fn add_lock(
        &mut self,
        side: Side,
        amount: u128,
        by: u32,
        known: bool,
    ) -> Result<(), String> {
        let client = &self.clients[side];
        let id = client.memory.channel.next_lock_id(side);
        // One secret per lock: after a loss an id may be given again, to another lock.
        let mut bytes = [u8::from(side.is_b()); 32];
        bytes[..8].copy_from_slice(&id.to_be_bytes());
        bytes[8..16].copy_from_slice(&(self.preimages.len() as u64).to_be_bytes());
        let preimage = Preimage(bytes);
        let payment_hash = preimage.payment_hash();
        let lock = Lock {
            id,
            amount: Amount(amount),
            expiry: client.tip.height + by,
            payment_hash,
        };
        let onion = vec![];
        if self.send(side, vec![Operation::LockAdd { lock, onion }])? {
            self.preimages.insert(payment_hash, preimage);
            if known {
                self.known[side].push(payment_hash);
            }
            self.note("locked");
        }
        Ok(())
    }

    fn pick_lock(&self, side: Side, at: usize) -> Option<Lock> {
        pick(self.clients[side].memory.channel.street(side).locks(), at)
    }

    pub(super) fn settle_lock(&mut self, side: Side, at: usize) -> Result<(), String> {
        let Some(Lock {
            id, payment_hash, ..
        }) = self.pick_lock(side, at)
        else {
            return Ok(());
        };
        // A payer learns a preimage from a recipient that knows it.
        if self.known[side].contains(&payment_hash) {
            let preimage = self.preimages[&payment_hash].clone();
            self.send(side, vec![Operation::LockSettle { id, preimage }])?;
            self.note("lock paid");
        }
        Ok(())
    }

    pub(super) fn remove_lock(
        &mut self,
        side: Side,
        at: usize,
        reason: RemoveReason,
    ) -> Result<(), String> {
        let Some(Lock {
            id, payment_hash, ..
        }) = self.pick_lock(side, at)
        else {
            return Ok(());
        };
        // Nobody agrees to give up what it can open or what was opened in time.
        let opened = self.ledger.registered(&payment_hash).is_some();
        if !opened && !self.known[side].contains(&payment_hash) {
            self.send(side, vec![Operation::LockRemove { id, reason }])?;
            self.note("lock removed");
        }
        Ok(())
    }
}
