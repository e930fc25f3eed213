//! What the hostile one calls: lying closes, old and forged proofs, settlements that suit it.

use sparky_protocol::{Amount, BalanceProof, ContractCall, Hash, Lock, Side, SignedProof, lock};

use super::{Game, pick};
use crate::{
    contract::{Chain, ack_of},
    moves::Move,
};

impl<C: Chain> Game<'_, C> {
    pub(super) fn hostile_closes(
        &mut self,
        declared: usize,
        incoming: usize,
        recover: bool,
    ) -> Result<(), String> {
        let (params, valid_until) = (self.facts().params, self.chain.next());
        let call = if recover {
            ContractCall::Recover {
                params,
                valid_until,
            }
        } else {
            let most = self
                .given
                .last()
                .map_or(0, |(signed, _)| signed.proof.transferred.0);
            let lies = [0, most / 2, most, most + 5];
            let old = pick(&self.received, incoming).map(|(signed, _)| *signed);
            ContractCall::Close {
                params,
                declared: Amount(lies[declared % lies.len()]),
                incoming: old.filter(|_| !incoming.is_multiple_of(5)),
                valid_until,
            }
        };
        self.chain.call(self.hostile.account(), &call)?;
        self.look();
        Ok(())
    }

    /// Moves that need no success.
    pub(super) fn attack(&mut self, next: &Move) {
        let params = self.facts().params;
        let call = match *next {
            Move::PostsOld { at, acked } => pick(&self.received, at).map(|(proof, _)| {
                let digest =
                    ack_of(&proof.proof, self.setup.honest).digest(self.honest.channel.domain());
                let ack = acked.then(|| self.hostile.sign(&digest));
                ContractCall::CounterClaim {
                    params,
                    proof: *proof,
                    ack,
                }
            }),
            Move::PostsOwnOld { at } => {
                let acked: Vec<_> = self.given.iter().filter(|(_, ack)| ack.is_some()).collect();
                pick(&acked, at).map(|(proof, ack)| ContractCall::CounterClaim {
                    params,
                    proof: *proof,
                    ack: *ack,
                })
            }
            Move::PostsForged { nonce, transferred } => {
                // Signs for itself, and acks for itself: the shield that must not work.
                let proof = self.forge(nonce, transferred);
                let digest = ack_of(&proof.proof, self.bad()).digest(self.honest.channel.domain());
                let ack = Some(self.hostile.sign(&digest));
                Some(ContractCall::CounterClaim { params, proof, ack })
            }
            Move::RaisesFloor(at) => {
                pick(&self.received, at).map(|(proof, _)| ContractCall::RaiseFloor {
                    params,
                    proof: *proof,
                })
            }
            Move::RaisesForged(transferred) => {
                let proof = self.forge(1, transferred);
                Some(ContractCall::RaiseFloor { params, proof })
            }
            Move::Registers(at) => {
                let all: Vec<_> = self.preimages.values().cloned().collect();
                pick(&all, at).map(|preimage| ContractCall::RegisterPreimages {
                    preimages: vec![preimage.clone(), preimage.clone()],
                })
            }
            Move::SettlesWith { empty } => Some(self.hostile_settle(empty)),
            _ => None,
        };
        if let Some(call) = call {
            // Whether it works is the contract's business; the payout is ours.
            let _ = self.chain.call(self.hostile.account(), &call);
            self.look();
        }
    }

    fn forge(&self, nonce: u64, transferred: u128) -> SignedProof {
        let transferred = Amount(transferred);
        let proof = BalanceProof {
            channel_id: self.id,
            nonce,
            transferred,
            locks_root: Hash::ZERO,
        };
        proof.signed(
            self.hostile
                .sign(&proof.digest(self.honest.channel.domain())),
        )
    }

    /// The hostile one knows every list.
    pub(super) fn hostile_settle(&self, empty: bool) -> ContractCall {
        let facts = self.facts();
        let list = |sender: Side| {
            let root = facts.posted[sender].locks_root;
            let known = self.received.iter().map(|(_, locks)| locks);
            let own = self
                .honest
                .channel
                .street(sender)
                .locks_of(&root)
                .map(<[Lock]>::to_vec);
            let found = known
                .into_iter()
                .find(|locks| lock::root(locks) == root)
                .cloned();
            if empty {
                vec![]
            } else {
                found.or(own).unwrap_or_default()
            }
        };
        let (locks_ab, locks_ba) = (list(Side::A), list(Side::B));
        ContractCall::Settle {
            params: facts.params,
            locks_ab,
            locks_ba,
        }
    }
}
