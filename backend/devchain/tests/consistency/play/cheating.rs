//! What the cunning one tries.

use sparky_protocol::{
    Amount, BalanceProof, ContractCall, Hash, Lock, MAX_NONCE, Operation, Side, SignedProof,
    UnsignedAck, Update, lock,
};

use super::pick;
use crate::{
    script::Action,
    world::{Message, To, World},
};

impl World<'_> {
    /// Whatever helps the cunning one. Whether it works is the contract's business; the payout is
    /// ours.
    pub(super) fn cheat(&mut self, side: Side, action: Action) {
        let params = self.facts().params;
        let (honest, account) = (side.other(), self.signer.account(side));
        let domain = self.ledger.domain();
        let received = self.shown(honest);
        let call = match action {
            Action::CloseFalsely { declared, incoming } => {
                let most = self.relay.street(side).transferred().0;
                let lies = [0, most / 2, most, most + 5];
                let old = pick(&received, incoming).map(|(signed, _)| signed);
                Some(ContractCall::Close {
                    params,
                    declared: Amount(lies[declared % 4]),
                    incoming: old.filter(|_| !incoming.is_multiple_of(5)),
                    valid_until: self.ledger.height() + 5,
                })
            }
            Action::PostOld { at, acked } => pick(&received, at).map(|(proof, _)| {
                let ack = acked.then(|| self.ack(side, &proof.proof, honest));
                ContractCall::CounterClaim { params, proof, ack }
            }),
            Action::PostOwnOld(at) => pick(&self.acks[side], at).and_then(|ack| {
                let (proof, _) = self.seen[side].get(&ack.nonce)?;
                let (proof, ack) = (*proof, Some(ack.signature));
                Some(ContractCall::CounterClaim { params, proof, ack })
            }),
            Action::PostForged(transferred) => {
                // Signs for itself and acks for itself: the shield that must not work.
                let proof = BalanceProof {
                    channel_id: params.id(),
                    nonce: MAX_NONCE,
                    transferred: Amount(transferred % 100),
                    locks_root: Hash::ZERO,
                };
                let ack = Some(self.ack(side, &proof, side));
                let proof = proof.signed(self.signer.sign(side, proof.digest(&domain)));
                Some(ContractCall::CounterClaim { params, proof, ack })
            }
            Action::RaiseFloor(at) => {
                pick(&received, at).map(|(proof, _)| ContractCall::RaiseFloor { params, proof })
            }
            Action::Register(at) => {
                let all: Vec<_> = self.preimages.values().cloned().collect();
                let preimages = pick(&all, at).map(|one| vec![one.clone(), one]);
                preimages.map(|preimages| ContractCall::RegisterPreimages { preimages })
            }
            Action::SettleWith { empty } => Some(self.settlement(&received, empty)),
            Action::Overspend { beyond, directly } => {
                self.overspend(side, beyond, directly);
                None
            }
            _ => None,
        };
        if let Some(call) = call {
            self.ledger.broadcast(account, call);
            self.note("cheated");
        }
    }

    fn ack(
        &mut self,
        signer: Side,
        proof: &BalanceProof,
        sender: Side,
    ) -> sparky_protocol::Signature {
        let unsigned = UnsignedAck {
            channel_id: proof.channel_id,
            sender,
            nonce: proof.nonce,
            proof_hash: proof.struct_hash(),
        };
        let digest = unsigned.digest(&self.ledger.domain());
        self.signer.sign(signer, digest)
    }

    fn settlement(&self, received: &[(SignedProof, Vec<Lock>)], empty: bool) -> ContractCall {
        let facts = self.facts();
        let list = |sender: Side| {
            let root = facts.posted[sender].locks_root;
            let known = self
                .relay
                .street(sender)
                .locks_of(&root)
                .map(<[Lock]>::to_vec);
            let old = received.iter().map(|(_, locks)| locks);
            let found = old.into_iter().find(|locks| lock::root(locks) == root);
            found
                .cloned()
                .or(known)
                .filter(|_| !empty)
                .unwrap_or_default()
        };
        ContractCall::Settle {
            params: facts.params,
            locks_ab: list(Side::A),
            locks_ba: list(Side::B),
        }
    }

    fn overspend(&mut self, side: Side, beyond: u128, directly: bool) {
        let client = &self.clients[side];
        let channel = &client.memory.channel;
        let (street, balances) = (channel.street(side), channel.balances(side, &client.tip));
        let amount = Amount(balances.available.0 + beyond);
        let proof = BalanceProof {
            channel_id: channel.id(),
            nonce: street.nonce() + 1,
            transferred: Amount(street.transferred().0 + amount.0),
            locks_root: lock::root(street.locks()),
        };
        let digest = proof.digest(channel.domain());
        let update = Update {
            operations: vec![Operation::Transfer { amount }],
            proof: proof.signed(self.signer.sign(side, digest)),
        };
        let to = if directly {
            To::Client(side.other())
        } else {
            To::Relay { from: side }
        };
        self.wire.push((to, Message::Update(update)));
        self.note("overspent");
    }
}
