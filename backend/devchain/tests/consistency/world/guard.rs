//! Who guards the money of an honest participant before a block, and what it sends.

use sparky_protocol::{
    Account, ContractCall, Lock, Side,
    watch::{Caller, watch},
};

use super::{MARGIN, World};
use crate::script::Mode;

const TOWER: Account = Account([7; 20]);

impl World<'_> {
    /// Before every edge those who guard wake up: "no loss if you or a tower is awake in time".
    pub(super) fn wake(&mut self) -> Result<bool, String> {
        let urgent = self.edge_within(MARGIN);
        if urgent {
            for side in self.honest() {
                if self.setup.tower_only[side] {
                    self.tower = true;
                    self.note("guarded by a tower");
                } else {
                    self.clients[side].mode = Mode::Awake;
                    self.meet(side)?;
                    self.note("woke in time");
                }
            }
        }
        Ok(urgent)
    }

    /// What honest participants and the tower send now.
    pub(super) fn defend(&mut self) {
        let height = self.ledger.height();
        for side in self.honest() {
            let client = &self.clients[side];
            if client.mode == Mode::Awake && client.may_defend() {
                self.register(side);
                let account = self.signer.account(side);
                let channel = &self.clients[side].memory.channel;
                if let Some(action) = watch(channel, side, Caller::Participant, height) {
                    self.ledger.broadcast(account, action.call);
                }
            }
            if self.tower
                && let Some(action) = watch(&self.relay, side, Caller::Tower, height)
            {
                self.ledger.broadcast(TOWER, action.call);
                self.note("the tower acts");
            }
        }
    }

    /// A recipient registers what it can open before it is too late.
    fn register(&mut self, side: Side) {
        let height = self.ledger.height();
        let channel = &self.clients[side].memory.channel;
        let closed = channel.facts().closed.is_some();
        let due = |lock: &&Lock| {
            self.known[side.other()].contains(&lock.payment_hash)
                && height < lock.expiry
                && (closed || lock.expiry <= height + 4)
                && self.ledger.registered(&lock.payment_hash).is_none()
        };
        let locks = channel.street(side.other()).locks().iter().filter(due);
        let preimages: Vec<_> = locks
            .map(|lock| self.preimages[&lock.payment_hash].clone())
            .collect();
        if !preimages.is_empty() {
            let account = self.signer.account(side);
            self.ledger
                .broadcast(account, ContractCall::RegisterPreimages { preimages });
            self.note("registered");
        }
    }
}
